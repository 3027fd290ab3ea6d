/** Routing and what a vtgate hears (rules VT-GATE-1, VT-GATE-2; trap VT-T07). */
import { expect, it } from 'vitest'
import { ADMIN_PLACE } from '../../models/vitess/world.ts'
import { Lab } from './lab.ts'

it('VT-GATE-1: writes go to the newest primary that serves, and a process that is gone is noticed at once', () => {
  const lab = new Lab({}, {})
  lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(2).alias}`)
  lab.wait(1)
  expect(lab.workloads[0]?.cohorts[0]?.backend).toBe(lab.tablet(2).pod)
  lab.strike('process-kill', `member:${lab.tablet(2).pod}`, 0, 60_000_000)
  expect(lab.state).toBe('failing')
  expect(lab.workloads[0]?.cohorts[0]?.error).toContain('no healthy tablet available')
})

it.each([[0, 2], [3, 1]])('VT-GATE-1: of two that lead, both of which it hears, the newer term counts (VT-F26): tablets %i and %i', (before, after) => {
  const lab = new Lab({ vtorc: false, durabilityPolicy: 'none' }, {})
  const [old, next] = [lab.tablet(before), lab.tablet(after)]
  lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${old.alias}`)
  // Its vttablet reaches neither vtctld nor the topo server: it does not hear that it leads no more.
  lab.cluster.world.network.cut('to', place => place === old.place, place => place === ADMIN_PLACE)
  lab.cluster.world.network.cut('from', place => place === ADMIN_PLACE, place => place === old.place)
  lab.ok(`vtctldclient EmergencyReparentShard commerce/- --new-primary ${next.alias}`)
  lab.wait(20)
  expect([old.copy.leading, next.copy.leading, old.term < next.term]).toEqual([true, true, true])
  expect(lab.workloads[0]?.cohorts.map(c => c.backend)).toEqual([next.pod])
  const at = [old, next].map(t => t.copy.lsn('receive'))
  lab.wait(5)
  expect([old, next].map((t, i) => t.copy.lsn('receive') > (at[i] as number))).toEqual([false, true])
})

it('VT-GATE-2: a silent primary counts as healthy until healthcheck_timeout; queries hang meanwhile (VT-T07)', () => {
  const lab = new Lab({ vtorc: false }, {})
  lab.strike('process-pause', `member:${lab.primary.pod}`)
  lab.wait(55)
  expect(lab.state).not.toBe('failing')
  expect(lab.writing).toBe(false)
  lab.wait(10)
  const entrance = lab.cluster.entrances.vtgate!
  expect(entrance.fresh(lab.shard.log)).toMatchObject({ is: 'none', why: expect.stringContaining('no healthy tablet available') })
})

it('a vtgate that restarts closes its clients’ connections; they come back on another (VT-T25)', () => {
  const lab = new Lab({}, { cohorts: 6, connections: 60 })
  const backends = (): string[] => lab.workloads[0]!.cohorts.map(c => c.state)
  lab.strike('proxy-restart', lab.cluster.targets('proxy-restart')[0]!)
  lab.wait(0.05)
  const away = backends().filter(s => s !== 'writable').length
  expect(away).toBeGreaterThan(0)
  expect(away).toBeLessThan(6)
  lab.until(() => backends().every(s => s === 'writable'), 30, 'all connected')
})

it('commands of the cluster say the same as the truth', () => {
  const lab = new Lab({ fleet: 8 }, {})
  expect(lab.ok('vtctldclient GetTablets --keyspace commerce --shard -80 --tablet-type primary')).toMatch(/^zone1-0000000101 commerce -80 primary 10\.\S+:15000 10\.\S+:3306 \[\] 2026-01-01T00:00:00Z\n$/)
  expect(JSON.parse(lab.ok('vtctldclient GetShard commerce/80-'))).toMatchObject({ name: '80-', shard: { primary_alias: { cell: 'zone2', uid: 201 } } })
  expect(lab.ok('vtctldclient ShardReplicationPositions commerce/-80').trim().split('\n')).toHaveLength(4)
  expect(lab.ok('mysql -h example-vtgate -Ne "show vitess_replication_status"').trim().split('\n')).toHaveLength(6)
  expect(lab.ok('mysql -h example-vtgate -Ne "show vitess_tablets"')).toContain('PRIMARY\tSERVING\tzone1-0000000101')
  expect(() => lab.run('vtctldclient Reshard commerce')).toThrow(/Supported/)
  expect(lab.cluster.commands.check(['vtctldclient', 'GetTablets', '--frobnicate'])[0]?.message).toContain('unknown flag: --frobnicate')
})
