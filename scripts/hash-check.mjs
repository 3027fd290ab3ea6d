#!/usr/bin/env node
/**
 * Prints one line per fixed piece of work: its name and a trace hash or fingerprint. The same text must come out of every Node version
 * on every machine; `.ci/run` compares 20, 22 and 24. Needs `npm run build`.
 *
 * usage: node scripts/hash-check.mjs
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
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

const cli = join(ROOT, 'dist/src/cli/main.js')
const scenarios = join(ROOT, 'scenarios')
if (existsSync(cli) && existsSync(scenarios)) {
  const folder = mkdtempSync(join(tmpdir(), 'proofroll-hash-'))
  const names = readdirSync(scenarios, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .flatMap(entry => readdirSync(join(scenarios, entry.name)).filter(f => !f.startsWith('_') && f.endsWith('.yaml') && !f.endsWith('.runbook.yaml')).map(f => `${entry.name}/${f.slice(0, -5)}`))
    .sort()
  for (const name of names) {
    const json = join(folder, 'result.json')
    const { status, stderr } = spawnSync(process.execPath, [cli, 'run', name, '--runs', '25', '--seed', '1', '--jobs', '1', '--faults', '3', '--quiet', '--json', json], { cwd: folder, encoding: 'utf8' })
    if (status !== 0 && status !== 1) {
      console.error(`${name}: exit ${status}\n${stderr}`)
      process.exitCode = 1
      continue
    }
    const result = JSON.parse(readFileSync(json, 'utf8'))
    console.log(`${name}: ${(Array.isArray(result) ? result[0] : result).fingerprint}`)
  }
  rmSync(folder, { recursive: true })
}
