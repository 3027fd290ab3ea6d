/** Published bands (facts §4) and oracles (§11) with the defaults of the model, over many lucks: nothing here is tuned for the test. */
import { expect, it } from 'vitest'
import { VitessCluster, vitessOptions } from '../../models/vitess/index.ts'
import { SECOND, Simulation } from '../../src/kernel/index.ts'
import { startWorkload } from '../../src/workload/index.ts'
import { LOAD } from './lab.ts'

type Load = Partial<typeof LOAD>

/** One shard under load with everything at its default but what is given. */
function shardOf(seed: string, options: object = {}, load: Load = {}) {
  const sim = new Simulation({ seed })
  const cluster = new VitessCluster(sim, vitessOptions.parse({ fleet: 4, ...options }))
  cluster.settle()
  const [log] = cluster.logs
  const workload = startWorkload(sim, cluster, { ...LOAD, ...load }, log!)
  const wait = (seconds: number): void => sim.run(sim.now + seconds * SECOND)
  wait(5)
  const [shard] = cluster.world.shards
  const run = (line: string) => sim.spawn(cluster.commands.run({ argv: line.split(' '), stdin: '', key: `bands/${line}`, nth: 0 }))
  const failed = (): number => workload.failures(sim.now).attempts
  /** How long nobody writes from now on, looking every 10 ms. */
  const gap = (limit: number): number => {
    const flowing = (): boolean => workload.cohorts[0]!.writing
    const until = (so: () => boolean): number => {
      const from = sim.now
      while (!so() && sim.now - from < limit * SECOND) wait(0.01)
      return (sim.now - from) / SECOND
    }
    until(() => !flowing())
    return until(flowing)
  }
  return { sim, cluster, shard: shard!, wait, run, failed, gap }
}

const LUCKS = Array.from({ length: 30 }, (_, i) => `bands/${i}`)
const CLOSED: Load = { loop: 'closed', connections: 50, thinkUs: 100_000 }
const BUFFERED = { buffer: { enabled: true } }
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number

it('PF16, O4: a reparent stalls writes for a second or some, and with buffering a closed loop has not one error within the window', () => {
  const stalls: number[] = []
  for (const seed of LUCKS) {
    const lab = shardOf(seed, BUFFERED, CLOSED)
    lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.shard.tablets[1]!.alias}`)
    const stall = lab.gap(60)
    stalls.push(stall)
    lab.wait(20)
    if (stall < 10) expect([seed, lab.failed()]).toEqual([seed, 0])
  }
  expect(median(stalls)).toBeGreaterThan(1)
  expect(median(stalls)).toBeLessThan(5)
  expect(stalls.filter(stall => stall < 10).length).toBeGreaterThanOrEqual(LUCKS.length - 1)
})

it('PF17: programs in transactions have errors, buffered or not', () => {
  const failed = LUCKS.slice(0, 8).map(seed => {
    const lab = shardOf(seed, BUFFERED, { ...CLOSED, entrance: 'reserved' })
    lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.shard.tablets[1]!.alias}`)
    lab.wait(30)
    return lab.failed()
  })
  // A stall shorter than a client’s pause between two tries may pass unnoticed.
  expect(failed.filter(n => n > 0).length).toBeGreaterThanOrEqual(6)
  expect(median(failed)).toBeGreaterThan(50)
})

it('PF19: the second reparent within a minute is not buffered', () => {
  const failed = LUCKS.slice(0, 8).map(seed => {
    const lab = shardOf(seed, BUFFERED, CLOSED)
    lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.shard.tablets[1]!.alias}`)
    lab.wait(20)
    const before = lab.failed()
    lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.shard.tablets[2]!.alias}`)
    lab.wait(20)
    return lab.failed() - before
  })
  expect(failed.filter(n => n > 20).length).toBeGreaterThanOrEqual(6)
})

it('O4, VT-F35: an open loop that fills the buffer has as many turned away as rate × stall − size', () => {
  const perSecond = 2000
  let expected = 0
  let failed = 0
  for (const seed of LUCKS) {
    const lab = shardOf(seed, { ...BUFFERED, vtgates: 1 }, { loop: 'open', writesPerSecond: perSecond, connections: 200, attempts: 1 })
    lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.shard.tablets[1]!.alias}`)
    const stall = lab.gap(60)
    lab.wait(20)
    if (stall > 10) continue
    expected += Math.max(0, perSecond * stall - 1000)
    failed += lab.failed()
  }
  expect(expected).toBeGreaterThan(20_000)
  // The gap has also the wait for the first acknowledgement, in which nobody is turned away (VT-PRS-5).
  expect(failed / expected).toBeGreaterThan(0.8)
  expect(failed / expected).toBeLessThan(1.02)
})

it('VT-F11: a reparent that fails after the demotion costs 15 to 50 s', () => {
  for (const seed of LUCKS.slice(0, 10)) {
    const lab = shardOf(seed, BUFFERED, CLOSED)
    lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.shard.tablets[1]!.alias}`)
    // It came near, and applies nothing from the demotion on.
    for (const until = lab.sim.now + 10 * SECOND; lab.shard.demotedUs === undefined && lab.sim.now < until; ) lab.wait(0.01)
    lab.shard.tablets[1]!.copy.freeze('apply')
    const gap = lab.gap(120)
    if (lab.shard.primary === lab.shard.tablets[0]) {
      expect(gap).toBeGreaterThan(14)
      expect(gap).toBeLessThan(50)
    }
  }
})

it('PF20: a primary that dies is replaced within seconds when its death is refused, within about a minute when it is silent', () => {
  const killed: number[] = []
  const silent: number[] = []
  for (const seed of LUCKS.slice(0, 12)) {
    const dead = shardOf(seed, {}, CLOSED)
    dead.cluster.strike({ kind: 'process-kill', target: `member:${dead.shard.primary!.pod}`, durationUs: 600 * SECOND, magnitude: 0, nth: 0 })
    killed.push(dead.gap(200))
    const away = shardOf(seed, {}, CLOSED)
    away.cluster.strike({ kind: 'node-loss', target: `node:${away.shard.primary!.place}`, durationUs: 600 * SECOND, magnitude: 0, nth: 0 })
    silent.push(away.gap(200))
  }
  expect(Math.max(...killed)).toBeLessThan(20)
  expect(median(silent)).toBeGreaterThan(30)
  expect(Math.max(...silent)).toBeLessThan(90)
})
