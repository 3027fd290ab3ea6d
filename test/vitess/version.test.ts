/** Versions side by side (rules VT-VERSION-1, VT-VERSION-2, VT-VERSION-4; facts VT-F54, traps VT-T03, VT-T14). */
import { describe, expect, it } from 'vitest'
import { opens } from '../../models/vitess/names.ts'
import { brief, Lab } from './lab.ts'

const SERIES = { mysqlVersion: '8.0.40', targetMysqlVersion: '8.4.3' }

/** Brings one tablet to the target by deleting its pod. */
function upgrade(lab: Lab, n: number): void {
  const target = lab.cluster.options.targetMysqlVersion ?? ''
  lab.ok(`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:${target}"}}}}'`)
  lab.ok(`kubectl delete pod ${lab.tablet(n).pod} --wait=false`)
  lab.until(() => lab.tablet(n).up && lab.tablet(n).version === target && lab.tablet(n).linked && lab.tablet(n).lagSeconds < 1, 600, 'upgraded')
}

it('VT-VERSION-2: the first start on another series upgrades the data dictionary, and only that one', () => {
  const seconds = (targetMysqlVersion: string, dictionaryUpgradeSeconds: number): number => {
    const lab = new Lab({ ...SERIES, targetMysqlVersion, fleet: 3, tabletsPerShard: 3, timing: { dictionaryUpgradeSeconds } }, { writesPerSecond: 0 })
    const from = lab.seconds
    upgrade(lab, 1)
    return lab.seconds - from
  }
  expect(seconds('8.4.3', 60) - seconds('8.4.3', 0)).toBeCloseTo(60, -1)
  expect(Math.abs(seconds('8.0.41', 60) - seconds('8.0.41', 0))).toBeLessThan(2)
})

describe('VT-VERSION-1: older source, newer replica', () => {
  it('is fine; the other way round replication breaks, acknowledgements with it, and writes hang (VT-T03)', () => {
    const lab = new Lab({ ...SERIES, fleet: 3, tabletsPerShard: 3 }, {})
    upgrade(lab, 1)
    expect(brief(lab.tablet(1))).toMatchObject({ linked: true, version: '8.4.3' })
    expect(lab.cluster.truth.forbiddenSkew()).toEqual([])
    // Nobody asks for versions: the upgraded one is promoted.
    lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`, 120)
    lab.wait(10)
    expect(lab.shard.tablets.map(t => t.linked)).toEqual([false, false, false])
    expect(lab.writing).toBe(false)
    expect(lab.cluster.truth.forbiddenSkew()).toHaveLength(2)
    expect(lab.ok(`kubectl exec ${lab.tablet(2).pod} -c mysqld -- mysql -Ne "show replica status"`)).toMatch(/zone2-0000000102\tNo\tNo\tNULL/)
  })

  it('within a series it seldom breaks', () => {
    const lab = new Lab({ targetMysqlVersion: '8.0.40' }, {})
    upgrade(lab, 1)
    lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)
    lab.wait(5)
    expect(lab.shard.tablets.filter(t => t.linked)).toHaveLength(3)
    expect(lab.cluster.truth.forbiddenSkew()).toEqual([])
    const unlucky = new Lab({ targetMysqlVersion: '8.0.40', patchBreakP: 1 }, {})
    upgrade(unlucky, 1)
    unlucky.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${unlucky.tablet(1).alias}`, 120)
    expect(unlucky.shard.tablets.filter(t => t.linked)).toHaveLength(0)
  })
})

describe('VT-VERSION-2: a data directory does not go back across series (VT-T14, PF26)', () => {
  it('the older server does not start on it; within a series it does', () => {
    const lab = new Lab(SERIES, {})
    upgrade(lab, 1)
    lab.ok(`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.40"}}}}'`)
    lab.ok(`kubectl delete pod ${lab.tablet(1).pod} --wait=false`)
    lab.wait(300)
    expect(lab.tablet(1).up).toBe(false)
    expect(lab.story('tablet-start-failed').at(-1)).toContain('MySQL 8.0.40 cannot open a data directory of 8.4.3')
    const patch = new Lab({ targetMysqlVersion: '8.0.40' }, {})
    upgrade(patch, 1)
    patch.ok(`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.36"}}}}'`)
    patch.ok(`kubectl delete pod ${patch.tablet(1).pod} --wait=false`)
    patch.until(() => patch.tablet(1).up && patch.tablet(1).version === '8.0.36', 300, 'back on the old one')
  })
})

describe('VT-VERSION-4: what mysqld opens', () => {
  it.each([
    ['8.0.40', '8.4.3', true], ['8.0.40', '8.2.0', true], ['8.2.0', '8.4.0', true], ['8.4.3', '9.4.0', true], ['9.0.0', '9.4.0', true], ['5.7.44', '8.0.40', true],
    ['8.0.40', '9.4.0', false], ['8.3.0', '9.0.0', false], ['5.7.44', '8.4.3', false], ['8.4.3', '10.0.0', false],
    ['8.0.40', '8.0.36', true], ['8.0.36', '8.0.34', false], ['8.4.3', '8.4.0', true], ['8.4.3', '8.0.40', false],
  ])('data of %s by %s: %s', (data, version, open) => {
    expect(opens(version, data)).toBe(open)
  })

  it('a replica that is sent over 8.4 to 9.4 never starts; from 8.4 it does', () => {
    const there = (mysqlVersion: string): boolean => {
      const lab = new Lab({ mysqlVersion, targetMysqlVersion: '9.4.0' }, {})
      lab.ok(`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:9.4.0"}}}}'`)
      lab.ok(`kubectl delete pod ${lab.tablet(1).pod} --wait=false`)
      lab.wait(400)
      return lab.tablet(1).linked && lab.tablet(1).version === '9.4.0'
    }
    expect([there('8.0.40'), there('8.4.3')]).toEqual([false, true])
  })
})
