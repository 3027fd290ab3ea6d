#!/usr/bin/env node
/**
 * Speed, measured so that two runs on a busy machine agree: CPU time, contenders taking turns, medians, ratios. Runs on the built code.
 *
 * usage: node bench/bench.mjs [--quick] [--only kernel|rehearsals|shell|explore] [--out FILE]      writes bench/results.json
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { benchExplore } from './explore.mjs'
import { benchKernel } from './kernel.mjs'
import { figure, table } from './measure.mjs'
import { benchRehearsals } from './rehearsals.mjs'
import { benchShell } from './shell.mjs'

const { values: asked } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, out: { type: 'string' } } })
const rounds = asked.quick ? 3 : 7
const out = asked.out ?? fileURLToPath(new URL('results.json', import.meta.url))
const load = () => loadavg()[0].toFixed(2)
const machine = `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node ${process.version}, load ${load()} at the start`
console.log(machine)
const results = { machine, date: new Date().toISOString().slice(0, 10), rounds }

const wanted = part => asked.only === undefined || asked.only === part

if (wanted('kernel')) {
  const kernel = await import(new URL('../dist/src/kernel/index.js', import.meta.url).href)
  results.kernel = await benchKernel(kernel, rounds)
  const mine = 'proofroll, numbered events'
  const rows = of => Object.entries(of).map(([name, r]) => [name, figure(r.perSecond), `${figure(r.least)}–${figure(r.most)}`, `${(of[mine].perSecond / r.perSecond).toFixed(2)}×`])
  for (const [pending, of] of Object.entries(results.kernel.hold)) table(`Hold, ${pending} pending: events per CPU second (proofroll with trace hash; flatqueue does not order events of one instant)`, ['', 'median', 'range', 'proofroll is'], rows(of))
  table('M/M/1 at load 0.8: customers per CPU second', ['', 'median', 'range', 'proofroll is'], rows(results.kernel.mm1))
}

if (wanted('rehearsals')) {
  const rehearsals = await benchRehearsals(asked.quick ? 3 : 5, asked.quick ? 0.3 : 1)
  results.rehearsals = rehearsals
  if (rehearsals.skipped) console.log(`\nRehearsals: skipped, ${rehearsals.skipped}`)
  else {
    const rows = Object.entries(rehearsals.scenarios).map(([name, r]) => (r.failed ? [name, 'failed', r.failed.slice(0, 60)] : [name, figure(r.faultFree), figure(r.withFaults)]))
    if (rows.length === 0) console.log('\nRehearsals: no scenario is built in yet')
    else table('Rehearsals per CPU second', ['', 'fault-free', '1–3 faults'], rows)
    const { flatness, scaling } = rehearsals
    if (flatness) console.log(flatness.failed ? `\nFlatness: ${flatness.failed}` : `\nCost at 100,000 writes/s over cost at 10: ${flatness.ratio.toFixed(2)}× (bar 1.2×; ${flatness.scenario})`)
    if (scaling) console.log(scaling.failed ? `Two jobs: ${scaling.failed}` : `Two jobs: ${scaling.ratio.toFixed(2)}× one job (bar 1.6×; ${scaling.runs} runs of ${scaling.scenario}; ${scaling.sameResult ? 'same result' : 'DIFFERENT RESULT'})`)
  }
}

if (wanted('shell')) {
  const { microseconds, rehearsals } = (results.shell = await benchShell(asked.quick))
  table('Shell: microseconds of CPU a command (bar 3)', ['', 'median'], Object.entries(microseconds).map(([name, us]) => [name, us.toFixed(2)]))
  console.log(`\nRehearsals per CPU second of the corrected wheel, up to 2 faults: ${figure(rehearsals.script)} as a script (bar 500), ${figure(rehearsals.steps)} as steps: ${rehearsals.ratio.toFixed(2)}×`)
}

if (wanted('explore')) {
  const { first, shrinking, sweep } = (results.explore = await benchExplore(asked.quick))
  console.log(`\nFirst counterexample: ${first.seconds.toFixed(1)} s from start to end (bar 10 s; ${first.runs} runs of ${first.scenario}, ${first.found})`)
  table('Shrinking a failure with two faults: CPU seconds (rehearsals)', ['', 'faults', 'and steps, sizes, load', 'faults left'], shrinking.map(s => [`${s.scenario}: ${s.signature}`, `${s.schedule.seconds.toFixed(2)} (${s.schedule.attempts})`, `${s.whole.seconds.toFixed(2)} (${s.whole.attempts})`, s.whole.faults]))
  if (sweep) console.log(`\nSweep of ${sweep.scenario}: ${sweep.cells} cells in ${sweep.seconds.toFixed(0)} s, ${sweep.verdict} (bar 60 s)`)
}

results.loadAtTheEnd = load()
writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`)
console.log(`\nload ${load()} at the end; written to ${out}`)
