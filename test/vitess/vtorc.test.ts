/** VTOrc (rules VT-ORC-1…4, VT-REPL-1; facts §1.5; bands PF20, VT-F42). */
import { describe, expect, it } from 'vitest'
import { Lab } from './lab.ts'

describe('VT-ORC-1, VT-ORC-2: a primary whose process is gone', () => {
  it('is seen at the next polls and replaced: 8 to 57 s without writes, and nothing lost (VT-T08)', () => {
    for (const seed of ['a', 'b', 'c']) {
      const lab = new Lab({}, { timeoutUs: 5_000_000 }, seed)
      lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 120_000_000)
      const gap = lab.gap(120)
      expect(gap).toBeGreaterThan(0.5)
      expect(gap).toBeLessThan(57)
      expect(lab.primary.pod).not.toBe(lab.tablet(0).pod)
      expect(lab.cluster.truth.promotions.at(-1)).toMatchObject({ by: 'engine' })
    }
  })

  it('up to v19 a shard is left alone for 30 s after a recovery', () => {
    const times = [19, 21].map(vitessVersion => {
      const lab = new Lab({ vitessVersion, timing: { crashStartSeconds: 3 }, longTransactionP: 0 }, {})
      lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 12_000_000)
      lab.until(() => lab.primary !== lab.tablet(0) && lab.writing, 120)
      const second = lab.primary
      lab.until(() => lab.tablet(0).up, 30)
      lab.strike('process-kill', `member:${second.pod}`, 0, 900_000_000)
      return lab.until(() => lab.primary !== second, 200, 'the second failover')
    })
    expect(times[0]).toBeGreaterThan(12)
    expect(times[1]).toBeLessThan(8)
  })
})

it('VT-ORC-1: where emergency reparents are not allowed a dead primary is waited for', () => {
  const lab = new Lab({ vtorc: { allowEmergencyReparent: false } }, {})
  const was = lab.primary
  lab.strike('process-kill', `member:${was.pod}`, 0, 120_000_000)
  lab.wait(100)
  expect(lab.primary).toBe(was)
  expect(lab.writing).toBe(false)
  lab.until(() => lab.writing, 120)
  expect(lab.primary).toBe(was)
})

describe('VT-REPL-1: a primary that is silent', () => {
  it('replicas believe in it for replica_net_timeout, and so VTOrc waits', () => {
    const lab = new Lab({}, {})
    lab.strike('node-loss', `node:${lab.primary.place}`)
    lab.wait(50)
    expect(lab.replicas().every(t => t.replicates && !t.linked)).toBe(true)
    expect(lab.primary.pod).toBe(lab.tablet(0).pod)
    const rest = lab.until(() => lab.primary !== lab.tablet(0), 60)
    expect(50 + rest).toBeGreaterThan(60)
    expect(50 + rest).toBeLessThan(80)
  })

  it('with 8 s it is quicker', () => {
    const lab = new Lab({ replicaNetTimeoutSeconds: 8 }, {})
    lab.strike('node-loss', `node:${lab.primary.place}`)
    expect(lab.until(() => lab.primary !== lab.tablet(0), 60)).toBeLessThan(20)
  })
})

describe('VT-ORC-3: a vttablet that is gone beside a mysqld that is not (VT-T19)', () => {
  it('no failover, and nobody writes until it is back', () => {
    const lab = new Lab({}, {})
    lab.strike('process-crash', `member:${lab.primary.pod}`, 0, 120_000_000)
    lab.wait(100)
    expect(lab.primary.pod).toBe(lab.tablet(0).pod)
    expect(lab.writing).toBe(false)
    expect(lab.replicas().every(t => t.linked)).toBe(true)
    lab.until(() => lab.writing, 60)
    expect(lab.cluster.truth.promotions).toHaveLength(0)
  })
})

describe('VT-ORC-4: repairs', () => {
  it('a replica that follows somebody else', () => {
    const lab = new Lab({}, {})
    lab.tablet(1).setSource(lab.tablet(2))
    lab.shard.changed()
    lab.until(() => lab.tablet(1).source === lab.primary, 30, 'the repair')
  })

  it('a primary that is read-only', () => {
    const lab = new Lab({}, {})
    lab.primary.stopLeading('clean')
    lab.shard.changed()
    lab.until(() => lab.writing, 30, 'the repair')
    expect(lab.cluster.truth.promotions).toHaveLength(0)
  })

  it('errant GTIDs: DRAINED, so that nobody promotes it', () => {
    const lab = new Lab({}, {})
    lab.strike('standby-diverged', `member:${lab.tablet(1).pod}`)
    lab.until(() => lab.tablet(1).type === 'drained', 30, 'DRAINED')
    expect(lab.ok('vtctldclient GetTablets --tablet-type drained')).toContain(`${lab.tablet(1).alias} commerce - drained`)
  })

  it('nothing while it is away, or the topo server is (VT-F02)', () => {
    for (const target of ['coordinator:vtorc', 'coordinator:topo']) {
      const lab = new Lab({}, {})
      const away = lab.strike('coordinator-away', target)
      lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 600_000_000)
      lab.wait(60)
      expect(lab.primary.pod).toBe(lab.tablet(0).pod)
      away.end()
      lab.until(() => lab.primary !== lab.tablet(0), 30, 'the failover')
    }
  })
})
