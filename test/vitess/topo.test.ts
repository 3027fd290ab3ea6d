/** The topo server and its absence, and whose term counts (rules VT-TOPO-1, VT-TOPO-2, VT-PRS-8). */
import { describe, expect, it } from 'vitest'
import { brief, Lab } from './lab.ts'

describe('VT-TOPO-1: without the topo server', () => {
  it('queries flow, reparents do not', () => {
    const lab = new Lab({}, {})
    const away = lab.strike('coordinator-away', 'coordinator:topo')
    const before = lab.acked()
    lab.wait(60)
    expect(lab.acked() - before).toBeGreaterThan(500 * 59)
    expect(lab.run('vtctldclient GetTablets')).toMatchObject({ code: 1, err: expect.stringContaining('DeadlineExceeded') })
    expect(lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)).toMatchObject({ code: 1 })
    away.end()
    lab.wait(1)
    lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)
  })

  it('a tablet that starts waits for it', () => {
    const lab = new Lab({}, {})
    const away = lab.strike('coordinator-away', 'coordinator:topo')
    lab.ok(`kubectl delete pod ${lab.tablet(1).pod} --wait=false`)
    lab.wait(120)
    expect(brief(lab.tablet(1))).toMatchObject({ state: 'starting' })
    away.end()
    lab.until(() => lab.tablet(1).linked, 10, 'it replicates')
  })

  it('a rollout stands still, and goes on afterwards (VT-F02)', () => {
    const lab = new Lab({ updateStrategy: 'Immediate', targetMysqlVersion: '8.0.40' })
    const away = lab.strike('coordinator-away', 'coordinator:topo')
    lab.ok(`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.40"}}}}'`)
    lab.wait(600)
    expect(lab.shard.tablets.filter(t => t.up && t.version === '8.0.40')).toHaveLength(0)
    away.end()
    lab.until(() => lab.shard.tablets.every(t => t.up && t.version === '8.0.40'), 1200, 'all upgraded')
  })
})

describe('VT-PRS-8: it goes away while a planned reparent has demoted', () => {
  const reparent = (awaySeconds: number, vtorc: object | false): { readonly lab: Lab; readonly code: number | undefined; readonly away: () => void } => {
    const lab = new Lab({ timing: { reparentSeconds: 10 }, ...(vtorc === false ? { vtorc } : {}) }, {})
    const task = lab.start(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)
    lab.wait(2)
    const away = lab.strike('coordinator-away', 'coordinator:topo')
    lab.wait(awaySeconds)
    expect([lab.writing, task.state]).toEqual([false, 'running'])
    away.end()
    lab.until(() => task.state !== 'running', 30)
    return { lab, code: (task.result as { code: number }).code, away: () => away.end() }
  }

  it('for less than the lease: the promotion waits for it', () => {
    const { lab, code } = reparent(20, {})
    expect([code, lab.primary]).toEqual([0, lab.tablet(1)])
    lab.until(() => lab.writing, 30)
  })

  it('for longer: nobody is promoted, and nobody writes until VTOrc has seen that', () => {
    for (const vtorc of [{}, false] as const) {
      const { lab, code } = reparent(45, vtorc)
      expect([code, lab.primary]).toEqual([1, lab.tablet(0)])
      if (vtorc === false) {
        lab.wait(120)
        expect(lab.writing).toBe(false)
      } else lab.until(() => lab.writing, 30)
    }
  })
})

describe('VT-TOPO-2: the newest term', () => {
  it('a primary that was cut off steps down when it reads the shard record again; under semi_sync it had acknowledged nothing meanwhile', () => {
    const lab = new Lab({}, {})
    const old = lab.primary
    const cut = lab.strike('partition', `node:${old.place}`)
    lab.until(() => lab.primary !== old, 120, 'the failover')
    lab.wait(10)
    expect(brief(old)).toMatchObject({ leading: true })
    expect(lab.cluster.truth.couldAcknowledge(lab.shard.log)).toEqual([lab.primary.pod])
    cut.end()
    lab.until(() => !old.copy.leading, 10, 'it steps down')
    expect(old.type).not.toBe('primary')
  })

  it('without semi-sync it acknowledges beside the new one: two primaries (VT-F26)', () => {
    const lab = new Lab({ durabilityPolicy: 'none' }, {})
    const old = lab.primary
    lab.strike('partition', `node:${old.place}`)
    lab.until(() => lab.primary !== old, 120, 'the failover')
    expect([...lab.cluster.truth.couldAcknowledge(lab.shard.log)].sort()).toEqual([old.pod, lab.primary.pod].sort())
  })
})
