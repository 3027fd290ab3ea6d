/** The traps of a rolling fleet (VT-T…) that need more than one rule. The table is test/traps/vitess.md; the others are shown where their rules are tested. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { engines } from '../../models/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { expectedPrimaryFailures, fleetHours, scatterHitP } from '../../src/measures/fleet.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { Lab } from './lab.ts'

const play = (name: string, set: Record<string, string> = {}) => rehearse({ scenario: loadScenario(name, engines, { set }), schedule: [], seed: '1' })

it('VT-T12 a query over all shards meets the stalls of all of them', () => {
  // Two seconds in an hour: facts on fleets, VT-T12.
  expect(scatterHitP(1, 2, 3600)).toBeCloseTo(0.0006, 4)
  expect(scatterHitP(64, 2, 3600)).toBeCloseTo(0.035, 3)
  expect(scatterHitP(256, 2, 3600)).toBeCloseTo(0.133, 3)
})

describe('what a roll is for as long as it lasts', () => {
  const rolled = play('vitess-rolling/primary-last')
  const green = play('blue-green/guarded', { 'cluster.engine': 'vitess' })

  it('VT-T13, PF26 versions are mixed for the whole of it but its first unit, and longer the more shards there are: failovers in it are to be expected', () => {
    expect(rolled.measures.mixedVersionSeconds / rolled.measures.durationSeconds).toBeGreaterThan(0.7)
    expect(play('vitess-rolling/primary-last', { 'cluster.fleet': '16' }).measures.mixedVersionSeconds).toBeGreaterThan(1.7 * rolled.measures.mixedVersionSeconds)
    // 256 shards at one failure of a primary in two years each: facts §5.
    expect(expectedPrimaryFailures(256, 5.7e-5, 24)).toBeCloseTo(0.35, 2)
    expect(expectedPrimaryFailures(256, 5.7e-5, 770)).toBeCloseTo(11.2, 1)
  })

  it('VT-T15 blue/green has mixed versions too: old feeds new from the copy to the end, only nobody is served by both', () => {
    expect(green.measures.mixedVersionSeconds).toBeGreaterThan(0.5 * green.measures.durationSeconds)
    expect(green.measures.forbiddenSkewSeconds).toBe(0)
    expect(green.measures.splitBrainSeconds).toBe(0)
  })

  it('VT-T16 the roll costs no machine and misses some of its capacity; two fleets are a rate, not a bill: the month hardly shows it', () => {
    expect([rolled.measures.peakMultiplier, rolled.measures.extraNodeHours]).toEqual([1, 0])
    expect(rolled.measures.capacityDeficitNodeHours).toBeGreaterThan(0.05)
    expect(green.measures.peakMultiplier).toBe(2)
    expect(green.measures.monthMultiplier).toBeLessThan(1.01)
  })

  it('VT-T24, PF29 in width one it is linear in shards, in full width it is not; what a unit takes weighs more than their number', () => {
    const at = (fleet: number, wave: number) => play('vitess-rolling/primary-last', { 'cluster.fleet': String(fleet), 'cluster.shardsPerWave': String(wave) }).measures.durationSeconds
    const [eight, sixteen, together] = [at(8, 1), at(16, 1), at(16, 4)]
    expect(sixteen / eight).toBeGreaterThan(1.8)
    expect(sixteen / eight).toBeLessThan(2.2)
    expect(together / eight).toBeLessThan(1.3)
    const fleet = (minutes: number) => fleetHours({ tablets: 1024, tabletsPerShard: 4, tabletHours: minutes / 60, reparentHours: 0.5 / 60, shardsAtOnce: 1 })
    expect(fleet(45) / fleet(5)).toBeGreaterThan(8.5)
  })
})

it('VT-T20 a default that changed breaks replication in the mixed state only: before the first promotion and after the last unit all is well', () => {
  const lab = new Lab({ targetMysqlVersion: '8.0.40' }, {})
  lab.strike('new-version-breaks-replication', 'new-version')
  lab.ok(`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.40"}}}}'`)
  const upgrade = (n: number): void => {
    lab.ok(`kubectl delete pod ${lab.tablet(n).pod} --wait=false`)
    lab.wait(5)
    lab.until(() => lab.tablet(n).version === '8.0.40' && lab.tablet(n).up, 300, 'it is upgraded')
    lab.wait(20)
  }
  upgrade(1)
  expect(lab.replicas().map(t => t.linked)).toEqual([true, true, true])
  lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)
  lab.wait(30)
  // Old ones cannot follow, so nobody acknowledges: writes hang.
  expect(lab.replicas().map(t => t.linked)).toEqual([false, false, false])
  const before = lab.acked()
  lab.wait(60)
  expect(lab.acked() - before).toBe(0)
  for (const n of [0, 2, 3]) upgrade(n)
  lab.until(() => lab.replicas().every(t => t.linked), 60, 'all follow')
  expect(lab.acked()).toBeGreaterThan(before)
})

it('VT-T22 a mass restart and a repair at once: the shard’s lock keeps the two actors apart, and never do two primaries acknowledge', () => {
  const lab = new Lab({ updateStrategy: 'Immediate', targetMysqlVersion: '8.0.40' }, {})
  lab.ok(`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.40"}}}}'`)
  let most = 0
  let struck = false
  for (const until = lab.sim.now + 1800 * SECOND; lab.sim.now < until; ) {
    lab.wait(0.5)
    most = Math.max(most, lab.cluster.truth.couldAcknowledge(lab.cluster.logs[0]).length)
    // The primary dies while the operator moves it.
    if (!struck && lab.shard.lockedBy === 'vitess-operator' && lab.shard.demotedUs !== undefined) {
      struck = true
      lab.cluster.tablets.kill(lab.primary)
    }
  }
  expect([struck, most]).toEqual([true, 1])
  expect(lab.shard.tablets.filter(t => t.up && t.version === '8.0.40').length).toBe(4)
  expect(lab.writing).toBe(true)
})

it('the table is whole: every trap has a row, and every row that says where, a test there that names it', () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
  const rows = read('../traps/vitess.md').split('\n').filter(line => line.startsWith('| VT-T')).map(line => line.split('|').map(cell => cell.trim()))
  expect(rows.map(([, id]) => id)).toEqual(Array.from({ length: 25 }, (_, i) => `VT-T${String(i + 1).padStart(2, '0')}`))
  const files = readdirSync(new URL('.', import.meta.url)).filter(file => file.endsWith('.test.ts'))
  const named = new Map(files.map(file => [file.replace('.test.ts', ''), read(file)]))
  for (const [, id, where, what] of rows) {
    const tests = (where as string).split(', ')
    for (const test of tests) expect([id, test, named.get(test)?.includes(id as string)]).toEqual([id, test, true])
    expect((what as string).length).toBeGreaterThan(10)
  }
})
