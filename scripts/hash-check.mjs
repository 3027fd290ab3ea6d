#!/usr/bin/env node
/**
 * Prints one line per fixed piece of work: its name and a trace hash or fingerprint. The same text must come out of every Node version
 * on every machine; `.ci/run` compares 20, 22 and 24. Needs `npm run build`.
 *
 * usage: node scripts/hash-check.mjs
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const { sample, Simulation, defineEvent } = await import(new URL('../dist/src/kernel/index.js', import.meta.url).href)

/** Every distribution, keyed draws, streams, processes and numbered events in one trace. */
function kernelHash(seed) {
  const sim = new Simulation({ seed, reseedAtUs: 40_000_000_000 })
  const SLEPT = defineEvent('check.slept')
  const laws = [
    { is: 'uniform', min: 10, max: 5000 },
    { is: 'triangular', min: 0, mode: 300, max: 9000 },
    { is: 'exponential', mean: 1200 },
    { is: 'lognormal', median: 900, p95: 7000, max: 100_000 },
  ]
  laws.forEach((law, who) =>
    sim.spawn(
      (function* () {
        for (let i = 0; i < 20_000; i++) {
          const us = sim.chance.sample(law, `process-${who}`, 'sleep', i) * 1000
          yield us
          // The unrounded sample: one differing bit anywhere shows.
          sim.note(SLEPT, `process-${who}`, us)
        }
      })(),
    ),
  )
  const stream = sim.chance.stream('hot', 'loop')
  const tick = sim.on(left => left > 0 && sim.at(sim.now + 1 + Math.floor(sample(laws[3], stream()) * 100), tick, left - 1))
  sim.at(0, tick, 50_000)
  sim.run()
  return sim.traceHash()
}

for (const seed of ['1', '2']) console.log(`kernel seed ${seed}: ${kernelHash(seed)}`)

/** Rehearsals of each built-in scenario, with up to so many faults. Without shrinking and explaining: what they rehearse is rehearsals again. */
const RUNS = 8
const FAULTS = 3

if (existsSync(join(ROOT, 'dist/src/index.js')) && existsSync(join(ROOT, 'scenarios'))) {
  const { builtInScenarios, loadScenario, rehearse, runSeed, scheduleFor } = await import(new URL('../dist/src/index.js', import.meta.url).href)
  for (const name of builtInScenarios()) {
    const scenario = loadScenario(name)
    const hashes = Array.from({ length: RUNS }, (_, run) => rehearse({ scenario, schedule: scheduleFor(scenario, '1', run, FAULTS), seed: runSeed('1', run) }).hash)
    console.log(`${name}: ${createHash('sha256').update(hashes.join()).digest('hex').slice(0, 16)}`)
  }
}
