/** Each fault of machines, network, disks and the control plane, alone and as strong as it usually is, changes what somebody can see. */
import { expect, it } from 'vitest'
import type { EngineKind, Strike } from '../../../src/engine.ts'
import { faultSpec } from '../../../src/faults/index.ts'
import { MINUTE, SECOND, type Us } from '../../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const STANDBY = 1

/** Strikes as strong as usual. */
function usually(lab: Lab, kind: EngineKind, target: string): Strike {
  const spec = faultSpec(kind)
  return lab.strike(kind, target, spec.durationUs.usual, spec.magnitude?.usual ?? 0)
}

const member = (lab: Lab, which: number) => `member:${lab.pod(which)}`
const node = (lab: Lab, which: number) => `node:${lab.node(which)}`
const uid = (lab: Lab, which: number) => lab.cluster.kubernetes.pod(lab.pod(which))?.uid

function written(setting: Setting = {}): Lab {
  const lab = new Lab(setting)
  lab.clients()
  lab.wait(2 * SECOND)
  return lab
}

/** Acknowledged writes in the next `us`. */
function ackedIn(lab: Lab, us: Us): number {
  const before = lab.acked()
  lab.wait(us)
  return lab.acked() - before
}

/** Seconds that the standby believes to be behind, by time. */
const lagByTime = (lab: Lab, which: number) => Number(lab.sql(which, 'SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp())'))

it('machine-slow: fewer writes, a slower restart and a slower promotion, each by about its factor (PG-PACE-1)', () => {
  const promotion = (slow: boolean) => {
    const lab = new Lab()
    if (slow) usually(lab, 'machine-slow', node(lab, STANDBY))
    lab.strike('process-kill', member(lab, 0), MINUTE)
    const started = lab.startExec(STANDBY, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data')
    const us = lab.until(() => lab.server(STANDBY).copy.leading)
    started.kill()
    return us
  }
  const restart = (slow: boolean) => {
    const lab = new Lab()
    if (slow) usually(lab, 'machine-slow', node(lab, 0))
    lab.strike('process-kill', member(lab, 0))
    return lab.until(() => lab.running(0) && lab.server(0).accepting, 120 * SECOND)
  }
  const lab = written()
  const healthy = ackedIn(lab, 5 * SECOND)
  const strike = usually(lab, 'machine-slow', node(lab, 0))
  expect(strike.members).toEqual([lab.pod(0)])
  lab.wait(SECOND)
  expect(ackedIn(lab, 5 * SECOND) / healthy).toBeCloseTo(1 / 5, 1)
  strike.end()
  lab.wait(SECOND)
  expect(ackedIn(lab, 5 * SECOND)).toBeGreaterThan(healthy * 0.9)
  expect(promotion(true) / promotion(false)).toBeGreaterThan(3)
  expect(restart(true) / restart(false)).toBeGreaterThan(2)
})

it('clock-jump: a lag by time is wrong by the jump, one in bytes is not, and the end sets it right (PG-CLOCK-1)', () => {
  const lab = written()
  expect(Math.abs(lagByTime(lab, STANDBY))).toBeLessThan(1)
  const strike = usually(lab, 'clock-jump', node(lab, STANDBY))
  expect(strike.members).toEqual([])
  expect(lagByTime(lab, STANDBY)).toBeCloseTo(-30, 0)
  expect(lagByTime(lab, 2)).toBeCloseTo(0, 0)
  const bytes = Number(lab.sql(0, `SELECT pg_wal_lsn_diff(sent_lsn, replay_lsn) FROM pg_stat_replication WHERE application_name = '${lab.pod(STANDBY)}'`))
  expect(bytes).toBeLessThan(1_000_000)
  strike.end()
  expect(lagByTime(lab, STANDBY)).toBeCloseTo(0, 0)
})

it("clock-jump: commits carry the time of their leader's machine, also when it is set right later (PG-CLOCK-1)", () => {
  const lab = written()
  const { end } = lab.strike('clock-jump', node(lab, 0), MINUTE, -30 * SECOND)
  lab.wait(SECOND)
  expect(lagByTime(lab, STANDBY)).toBeCloseTo(30, 0)
  lab.cutOff(STANDBY)
  lab.wait(SECOND)
  end()
  lab.wait(SECOND)
  // What it replayed last was stamped by the wrong clock, and stays so.
  expect(lab.server(STANDBY).copy.lagBytes('apply')).toBeGreaterThan(0)
  const machines = lab.cluster.kubernetes.machines
  expect(machines.get(lab.node(0))?.clockOffUs()).toBe(0)
  expect(machines.get(lab.node(0))?.clockOffUs(lab.now - 2 * SECOND)).toBe(-30 * SECOND)
})

it('clock-jump: forward by more than wal_sender_timeout, and the walsenders there hang up; backward they do not (PG-CLOCK-2)', () => {
  for (const [byS, lost] of [[-75, 0], [59, 0], [75, 2]] as const) {
    const lab = written()
    const sinceUs = lab.now
    lab.strike('clock-jump', node(lab, 0), MINUTE, byS * SECOND)
    lab.wait(SECOND)
    expect(lab.told('postgres.replication-lost', sinceUs)).toHaveLength(lost)
    lab.until(() => [1, 2].every(i => lab.server(i).receiver?.streaming === true), 20 * SECOND)
  }
})

it('eviction: the pod is replaced; where its budget does not allow it, nothing happens', () => {
  const lab = written({ podDisruptionBudget: true })
  const before = uid(lab, STANDBY)
  expect(usually(lab, 'eviction', member(lab, STANDBY)).members).toEqual([lab.pod(STANDBY)])
  expect(() => usually(lab, 'eviction', member(lab, 2))).toThrow('struck nothing')
  lab.until(() => uid(lab, STANDBY) !== before && lab.running(STANDBY), 120 * SECOND)
})

it('node-pressure: the pod goes past its budget, and its node takes no other while it lasts', () => {
  const lab = written({ podDisruptionBudget: true })
  const [before, from] = [uid(lab, STANDBY), lab.node(STANDBY)]
  usually(lab, 'eviction', member(lab, 2))
  const strike = usually(lab, 'node-pressure', member(lab, STANDBY))
  expect(strike.members).toEqual([lab.pod(STANDBY)])
  lab.wait(MINUTE)
  expect(uid(lab, STANDBY)).not.toBe(before)
  expect(lab.node(STANDBY)).not.toBe(from)
  strike.end()
  lab.until(() => lab.running(STANDBY) && lab.running(2), 300 * SECOND)
})

it('packet-loss: commits that wait for that standby come late, and it falls behind a bulk load', () => {
  const lab = written({ synchronousStandbyNames: 'FIRST 1' })
  const healthy = ackedIn(lab, 5 * SECOND)
  const strike = usually(lab, 'packet-loss', node(lab, STANDBY))
  expect(strike.members).toEqual([lab.pod(STANDBY)])
  lab.wait(SECOND)
  const lossy = ackedIn(lab, 5 * SECOND)
  expect(lossy).toBeLessThan(healthy / 5)
  expect(lossy).toBeGreaterThan(0)
  strike.end()
  lab.wait(SECOND)
  expect(ackedIn(lab, 5 * SECOND)).toBeGreaterThan(healthy / 2)
})

it('flapping: synchronous commits hang while the link is down and go on when it is up', () => {
  const lab = written({ synchronousStandbyNames: 'FIRST 1' })
  const sinceUs = lab.now
  const strike = usually(lab, 'flapping', node(lab, STANDBY))
  lab.wait(100_000)
  const halves = Array.from({ length: 4 }, () => ackedIn(lab, 5 * SECOND))
  expect(halves.map(n => n > 1_000)).toEqual([false, true, false, true])
  strike.end()
  lab.wait(20 * SECOND)
  expect(lab.told('network.cut', sinceUs)).toHaveLength(lab.told('network.healed', sinceUs).length)
  expect(ackedIn(lab, 5 * SECOND)).toBeGreaterThan(1_000)
})

it('partition-pair: the standby falls behind though both answer everybody else', () => {
  const lab = written()
  const strike = usually(lab, 'partition-pair', `pair:${lab.pod(0)}~${lab.pod(STANDBY)}`)
  expect(strike.members).toEqual([lab.pod(0), lab.pod(STANDBY)])
  lab.wait(30 * SECOND)
  expect(lab.server(STANDBY).copy.lagBytes('receive')).toBeGreaterThan(100_000)
  expect(lab.server(2).copy.lagBytes('receive')).toBeLessThan(100_000)
  expect([lab.sql(0, 'SELECT 1'), lab.sql(STANDBY, 'SELECT 1')]).toEqual(['1', '1'])
  expect([lab.ready(0), lab.ready(STANDBY)]).toEqual([true, true])
  strike.end()
  lab.until(() => lab.server(STANDBY).receiver?.streaming === true && lab.server(STANDBY).copy.lagBytes('receive') < 10_000, 60 * SECOND)
})

it('endpoints-stale: clients stay with the address that was; its successor of the same name is another (PG-ROUTE-2)', () => {
  const lab = new Lab({ serviceSelects: 'pod-name' })
  const entrance = lab.cluster.entrances.service
  expect(entrance?.fresh()).toMatchObject({ is: 'leader' })
  const strike = usually(lab, 'endpoints-stale', 'data-plane')
  lab.run('kubectl', 'delete', 'pod', lab.pod(0))
  lab.until(() => lab.running(0) && lab.server(0).accepting, 120 * SECOND)
  expect(entrance?.fresh()).toMatchObject({ is: 'none' })
  const client = { id: 'c', place: 'clients', log: lab.cluster.logs[0]!, sessionChanged: () => {} }
  expect(entrance?.connect(client, 0)).toEqual({ is: 'silent' })
  strike.end()
  lab.until(() => entrance?.fresh().is === 'leader', 10 * SECOND)
  expect(entrance?.connect(client, 1)).toMatchObject({ is: 'open' })
})

it('proxy-restart: its clients are dropped, and it forgets that it was paused', () => {
  const lab = new Lab({ pooler: { replicas: 1 } })
  const load = lab.clients({ entrance: 'pooler' })
  lab.wait(2 * SECOND)
  const [target] = lab.cluster.targets('proxy-restart')
  expect(target).toMatch(/^pod:pgbouncer-/)
  const pod = lab.cluster.kubernetes.pod((target as string).slice(4))
  const bouncer = () => lab.cluster.poolers.of(pod?.uid ?? '')
  lab.run('psql', '-h', pod?.podIP ?? '', '-p', '6432', '-U', 'pgbouncer', 'pgbouncer', '-c', 'PAUSE')
  expect(bouncer()?.paused).toBe(true)
  usually(lab, 'proxy-restart', target as string)
  expect(bouncer()).toBeUndefined()
  expect(ackedIn(lab, 100_000)).toBe(0)
  lab.until(() => bouncer() !== undefined, 60 * SECOND)
  expect(bouncer()?.paused).toBe(false)
  // Until its readiness probe has seen it the Service has nobody.
  lab.wait(15 * SECOND)
  expect(ackedIn(lab, SECOND)).toBeGreaterThan(100)
  load.stop()
})

it('unsynced-writes-lost: what the primary had acknowledged is gone there, and its standbys have diverged (PG-DISK-2)', () => {
  const lab = new Lab({ profile: 'lab' })
  const load = lab.clients()
  lab.wait(20 * SECOND)
  load.stop()
  lab.wait(SECOND)
  const strike = usually(lab, 'unsynced-writes-lost', member(lab, 0))
  expect(strike.members).toEqual([lab.pod(0)])
  expect(lab.running(0)).toBe(false)
  lab.until(() => lab.running(0) && lab.server(0).accepting, 60 * SECOND)
  expect(lab.lost(0)).toBeGreaterThan(1_000)
  expect(lab.lost(0)).toBeLessThan(lab.acked() / 2)
  expect(lab.lost(STANDBY)).toBe(0)
  lab.wait(30 * SECOND)
  expect([1, 2].map(i => lab.server(i).receiver?.streaming)).toEqual([false, false])
  // A crash of an honest disk costs nothing that was acknowledged.
  const honest = written()
  honest.strike('node-loss', node(honest, 0), MINUTE)
  honest.wait(SECOND)
  const dir = honest.cluster.world.directoryOf.get(honest.pod(0))
  expect(honest.cluster.world.log.ledger.beyond((dir as NonNullable<typeof dir>).position).reduce((sum, i) => sum + i.writes, 0)).toBe(0)
})

it('attach-slow: a member that moves to another node waits longer for its volume', () => {
  const moveUs = (slow: boolean) => {
    const lab = new Lab({ kubernetes: { diskMoveSeconds: 10 }, spareNodes: 2 })
    if (slow) usually(lab, 'attach-slow', 'storage')
    lab.run('kubectl', 'cordon', lab.node(STANDBY))
    lab.run('kubectl', 'delete', 'pod', lab.pod(STANDBY))
    return lab.until(() => lab.running(STANDBY), 600 * SECOND)
  }
  expect(moveUs(true) - moveUs(false)).toBe(40 * SECOND)
})

it('surge-missing: no node can be had until it is over', () => {
  const lab = new Lab()
  const scale = () => lab.run('az', 'aks', 'nodepool', 'scale', '--resource-group', 'rg', '--cluster-name', 'aks', '--name', 'nodepool1', '--node-count', '9')
  const strike = usually(lab, 'surge-missing', 'capacity')
  expect(scale()).toMatchObject({ code: 1, err: expect.stringContaining('AllocationFailed') })
  strike.end()
  expect(scale().code).toBe(0)
})

it('probe-flapping: a healthy primary leaves its Service and comes back, again and again', () => {
  const lab = written()
  const sinceUs = lab.now
  const strike = usually(lab, 'probe-flapping', member(lab, 0))
  lab.wait(5 * MINUTE)
  strike.end()
  lab.wait(30 * SECOND)
  const gone = lab.told('kubernetes.pod-unready', sinceUs).length
  expect(gone).toBeGreaterThanOrEqual(3)
  expect(lab.told('kubernetes.pod-ready', sinceUs)).toHaveLength(gone)
  expect(lab.running(0) && lab.ready(0)).toBe(true)
})

it('pdb-blocking: a drain does not get done while it lasts', () => {
  const lab = new Lab()
  const drain = () => lab.run('kubectl', 'drain', lab.node(STANDBY), '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=60s')
  const strike = usually(lab, 'pdb-blocking', 'evictions')
  expect(drain()).toMatchObject({ code: 1, err: expect.stringContaining('disruption budget') })
  strike.end()
  expect(drain().code).toBe(0)
})

it('controller-down: a deleted pod does not come back before its controller does', () => {
  const lab = new Lab()
  const strike = usually(lab, 'controller-down', 'controllers')
  lab.run('kubectl', 'delete', 'pod', lab.pod(STANDBY))
  lab.wait(5 * MINUTE)
  expect(lab.cluster.kubernetes.pod(lab.pod(STANDBY))).toBeUndefined()
  strike.end()
  lab.until(() => lab.running(STANDBY), 120 * SECOND)
})
