/** Faults of the database itself: each alone, at its usual duration and strength, changes something that a user or a command can see. */
import { describe, expect, it } from 'vitest'
import { faultSpec } from '../../../src/faults/index.ts'
import { SECOND } from '../../../src/kernel/index.ts'
import { rehearse } from '../../../src/rehearsal.ts'
import { engines } from '../../../models/index.ts'
import { loadScenario } from '../../../src/scenario/index.ts'
import { Lab, WRITERS } from './lab.ts'

const usual = (kind: Parameters<typeof faultSpec>[0]) => ({ us: faultSpec(kind).durationUs.usual, strength: faultSpec(kind).magnitude?.usual ?? 0 })

const member = (i: number) => `member:postgres-cluster-${i}`

describe('slot-lost', () => {
  it('ends the stream of a standby that lacks nothing, and refuses it until the slot is made anew (PG-SLOT-4)', () => {
    const lab = new Lab({ slots: true })
    lab.clients({ ...WRITERS, connections: 1 })
    lab.wait(5 * SECOND)
    const strike = lab.strike('slot-lost', member(1))
    expect(strike.members).toEqual(['postgres-cluster-1'])
    lab.wait(20 * SECOND)
    expect(lab.replication(0)).toBe('s2|streaming|async')
    expect(lab.sql(0, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'postgres_cluster_1'")).toBe('lost')
    expect(lab.server(1).receiver?.trouble).toContain('can no longer get changes from replication slot "postgres_cluster_1"')
    expect(lab.ready(1)).toBe(true)
    strike.end()
    lab.wait(10 * SECOND)
    expect(lab.replication(0)).toBe('s1|streaming|async\ns2|streaming|async')
  })

  it('a standby that falls behind meanwhile needs a new base copy: nothing kept its WAL', () => {
    const lab = new Lab({ slots: true })
    lab.clients({ ...WRITERS, connections: 1 })
    lab.wait(5 * SECOND)
    const strike = lab.strike('slot-lost', member(1))
    lab.bulk(1_500_000_000)
    lab.sql(0, 'CHECKPOINT')
    strike.end()
    lab.wait(20 * SECOND)
    expect(lab.replication(0)).toBe('s2|streaming|async')
    expect(lab.server(1).receiver?.trouble).toContain('has already been removed')
  })

  it('has nothing to strike where standbys use no slot', () => {
    expect(new Lab().cluster.targets('slot-lost')).toEqual([])
  })
})

describe('standby-diverged', () => {
  const { us, strength } = usual('standby-diverged')

  it('cannot follow, is Ready, shows as `startup` and answers with old data; its position is the highest of all', () => {
    const lab = new Lab()
    lab.clients({ ...WRITERS, connections: 1 })
    lab.wait(5 * SECOND)
    lab.strike('standby-diverged', member(1), us, strength)
    lab.until(() => lab.running(1) && lab.ready(1), 60 * SECOND)
    lab.wait(10 * SECOND)
    expect(lab.replication(0)).toBe('s1|startup|async\ns2|streaming|async')
    expect(lab.sql(1, 'SELECT pg_is_in_recovery()')).toBe('t')
    expect(lab.server(1).copy.lsn('flush')).toBeGreaterThan(lab.server(0).copy.lsn('flush'))
    expect(lab.cluster.claim('caught-up', ['postgres-cluster-1'])).toBe(false)
  })

  it('what its log says goes by the timelines (PG-FOLLOW-8)', () => {
    const lab = new Lab({ supervised: true })
    lab.clients({ ...WRITERS, connections: 1 })
    lab.wait(2 * SECOND)
    lab.strike('standby-diverged', member(1), us, strength)
    lab.until(() => lab.running(1), 60 * SECOND)
    lab.wait(6 * SECOND)
    expect(lab.server(1).receiver?.trouble).toBe('highest timeline 1 of the primary is behind recovery timeline 2')
    // Another is promoted meanwhile: to a timeline of the same number, which is another all the same.
    lab.follow(1, 2)
    lab.sql(1, 'SELECT pg_reload_conf()')
    lab.exec(2, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data')
    lab.wait(10 * SECOND)
    expect(lab.server(1).receiver?.trouble).toContain('record with incorrect prev-link at')
  })

  it('ends when somebody has rebuilt it: it streams again, on the history of the leader', () => {
    const lab = new Lab()
    lab.clients({ ...WRITERS, connections: 1 })
    lab.wait(2 * SECOND)
    const strike = lab.strike('standby-diverged', member(1), us, strength)
    lab.wait(30 * SECOND)
    strike.end()
    lab.until(() => lab.replication(0) === 's1|streaming|async\ns2|streaming|async', 120 * SECOND)
    expect(lab.server(1).dir.timeline).toBe(1)
  })

  it('is left alone when somebody has promoted it meanwhile', () => {
    const lab = new Lab()
    const strike = lab.strike('standby-diverged', member(1), us, strength)
    lab.until(() => lab.running(1) && lab.server(1).state === 'standby', 60 * SECOND)
    expect(lab.exec(1, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data').code).toBe(0)
    const promoted = lab.server(1)
    strike.end()
    lab.wait(30 * SECOND)
    expect(lab.server(1)).toBe(promoted)
    expect(promoted.state).toBe('primary')
  })
})

describe('load-spike', () => {
  it('client programs write that many times as much while it lasts, and then as before', () => {
    const lab = new Lab()
    const clients = lab.clients({ loop: 'open', writesPerSecond: 100, connections: 20 })
    const rate = () => {
      const before = lab.acked()
      lab.wait(10 * SECOND)
      return (lab.acked() - before) / 10
    }
    expect(rate()).toBeCloseTo(100, -1)
    const { strength } = usual('load-spike')
    const end = clients.surge(strength)
    lab.wait(SECOND)
    expect(rate()).toBeCloseTo(100 * strength, -1)
    // Two at once multiply.
    const other = clients.surge(2)
    lab.wait(SECOND)
    expect(rate()).toBeCloseTo(200 * strength, -1)
    other()
    other()
    end()
    lab.wait(SECOND)
    expect(rate()).toBeCloseTo(100, -1)
  })

  it('struck by the injector it raises what an outage of the rehearsed runbook costs', () => {
    const scenario = loadScenario('postgres-ferris-wheel/fenced', engines)
    const { us, strength } = usual('load-spike')
    const outage = { kind: 'process-kill' as const, target: 'role:leader', at: 30 * SECOND, durationUs: 30 * SECOND, magnitude: 0 }
    const failed = (magnitude?: number) => {
      const spike = magnitude === undefined ? [] : [{ kind: 'load-spike' as const, target: 'clients', at: 0, durationUs: us, magnitude }]
      const result = rehearse({ scenario, schedule: [outage, ...spike], seed: 'spike' })
      return { failed: result.measures.failedAttempts, struck: result.faults.filter(f => f.struck && f.kind === 'load-spike').length }
    }
    const plain = failed()
    const spiked = failed(strength)
    expect(spiked.struck).toBe(1)
    expect(plain.failed).toBeGreaterThan(0)
    expect(spiked.failed / plain.failed).toBeGreaterThan(2)
  })
})
