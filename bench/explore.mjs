/** What a user waits for, through the real command line: the first counterexample, the smallest form of a failure, and the whole sweep. Wall time. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuSeconds } from './measure.mjs'

const main = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url))
const dist = path => new URL(`../dist/${path}`, import.meta.url).href

/** Runs the command in a folder of its own; its results as JSON, and the seconds it took. */
function proofroll(...args) {
  const folder = mkdtempSync(join(tmpdir(), 'proofroll-bench-'))
  try {
    const json = join(folder, 'result.json')
    const began = performance.now()
    const { status, stderr } = spawnSync(process.execPath, [main, ...args, '--quiet', '--json', json], { cwd: folder, encoding: 'utf8' })
    const seconds = (performance.now() - began) / 1000
    if (status !== 0 && status !== 1) throw new Error(`\`proofroll ${args.join(' ')}\` ended with status ${status}: ${stderr.trim().split('\n')[0]}`)
    return { seconds, result: [JSON.parse(readFileSync(json, 'utf8'))].flat()[0] }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** From the start of the program to its end, with a failure found, shrunk, explained and written. */
function firstCounterexample(scenario) {
  const { seconds, result } = proofroll('run', scenario)
  const [worst] = result.counterexamples
  return { scenario, seconds, runs: result.runs, found: worst === undefined ? 'nothing' : worst.signature }
}

/** CPU seconds of making a failure 1-minimal (faults, then steps, sizes and load), for the first failing run with two faults of each documented runbook. */
async function shrinking() {
  const [{ failsWith, shrinkSchedule, shrinkWhole }, { realRehearser }, { signatureKey }] = await Promise.all(['shrink', 'real', 'aggregate'].map(name => import(dist(`src/campaign/${name}.js`))))
  const { loadScenario, scheduleFor, runSeed } = await import(dist('src/index.js'))
  return ['postgres-ferris-wheel/as-documented', 'postgres-ferris-wheel/quick', 'postgres-rotate-in-place/as-documented'].map(name => {
    const scenario = loadScenario(name)
    for (let run = 0; ; run++) {
      const seed = runSeed('bench', run)
      const schedule = scheduleFor(scenario, 'bench', run, 2)
      const result = realRehearser.rehearse({ scenario, seed, schedule })
      const verdict = result.verdicts.find(v => v.status === 'fail' && v.signature !== undefined)
      if (schedule.length < 2 || verdict === undefined || !failsWith(result, signatureKey(verdict.signature))) continue
      const failing = { scenario, rehearser: realRehearser, seed, schedule, key: signatureKey(verdict.signature), step: verdict.signature.step }
      const timed = work => {
        let shrunk
        const seconds = cpuSeconds(() => {
          shrunk = work(failing)
        })
        return { seconds, attempts: shrunk.attempts, minimal: shrunk.minimal, faults: shrunk.form.schedule.length }
      }
      return { scenario: name, signature: failing.key, faults: schedule.length, schedule: timed(shrinkSchedule), whole: timed(shrinkWhole) }
    }
  })
}

/** @param quick leaves the sweep out, which takes minutes */
export async function benchExplore(quick) {
  const out = { first: firstCounterexample('postgres-ferris-wheel/as-documented'), shrinking: await shrinking() }
  if (quick) return out
  const { seconds, result } = proofroll('sweep', 'postgres-ferris-wheel/fenced')
  return { ...out, sweep: { scenario: result.scenario, cells: result.runs, seconds, verdict: result.verdict } }
}
