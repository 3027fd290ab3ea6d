/** Rehearsals per CPU second of every built-in scenario; whether the cost is flat in the declared load; what a second worker brings. */
import { cpuSeconds, median } from './measure.mjs'

const dist = path => new URL(`../dist/${path}`, import.meta.url).href

/** The parts that rehearse, or why they are not there. */
async function parts() {
  try {
    const [scenario, campaign, rehearsal, models] = await Promise.all(['src/scenario/index.js', 'src/campaign/index.js', 'src/rehearsal.js', 'models/index.js'].map(path => import(dist(path))))
    return { ...scenario, ...campaign, ...rehearsal, engines: models.engines }
  } catch (error) {
    return { missing: String(error.message ?? error).split('\n')[0] }
  }
}

/** CPU seconds a rehearsal, as the median of `rounds` batches with schedules of up to `faults` faults. */
function cost({ rehearse, scheduleFor, runSeed }, scenario, runs, rounds, faults) {
  const batch = round => {
    for (let run = 0; run < runs; run++) {
      const number = round * runs + run
      rehearse({ scenario, schedule: scheduleFor(scenario, 'bench', number, faults), seed: runSeed('bench', number) })
    }
  }
  batch(rounds)
  return median(Array.from({ length: rounds }, (_, round) => cpuSeconds(() => batch(round)) / runs))
}

/** Enough runs for a batch of about `seconds`, counted once the code is warm: the first few dozen runs cost several times as much. */
function batchSize(parts, scenario, seconds) {
  let warm = 0
  let last = 0
  for (let tries = 0; warm < 1 && tries < 50; tries++) {
    last = cpuSeconds(() => {
      for (let i = 0; i < 10; i++) parts.rehearse({ scenario, schedule: parts.scheduleFor(scenario, 'warm', tries * 10 + i, 3), seed: parts.runSeed('warm', tries * 10 + i) })
    })
    warm += last
  }
  return Math.max(3, Math.min(5000, Math.round((seconds * 10) / last)))
}

export async function benchRehearsals(rounds, batchSeconds) {
  const all = await parts()
  if (all.missing) return { skipped: all.missing }
  const scenarios = {}
  for (const name of all.builtInScenarios()) {
    try {
      const scenario = all.loadScenario(name, all.engines)
      const runs = batchSize(all, scenario, batchSeconds)
      scenarios[name] = { faultFree: 1 / cost(all, scenario, runs, rounds, 0), withFaults: 1 / cost(all, scenario, runs, rounds, 3), runsPerBatch: runs }
    } catch (error) {
      scenarios[name] = { failed: String(error.message ?? error).split('\n')[0] }
    }
  }
  const first = Object.keys(scenarios).find(name => scenarios[name].failed === undefined && name.includes('ferris')) ?? Object.keys(scenarios).find(name => scenarios[name].failed === undefined)
  if (first === undefined) return { scenarios }
  return { scenarios, flatness: flatness(all, first, rounds, batchSeconds), scaling: await scaling(all, first, scenarios[first].withFaults) }
}

/** Cost of a rehearsal at 100,000 writes per second over that at 10, fault-free so that both do the same things; the loads take turns. */
function flatness(all, name, rounds, batchSeconds) {
  try {
    const costs = { 10: [], 1000: [], 100000: [] }
    const scenarios = Object.fromEntries(Object.keys(costs).map(rate => [rate, all.loadScenario(name, all.engines, { set: { 'load.writesPerSecond': rate } })]))
    const runs = batchSize(all, scenarios[1000], batchSeconds / 2)
    for (let round = 0; round < rounds; round++) for (const rate of Object.keys(costs)) costs[rate].push(cost(all, scenarios[rate], runs, 1, 0))
    const perRun = Object.fromEntries(Object.entries(costs).map(([rate, list]) => [rate, median(list)]))
    return { scenario: name, cpuSecondsPerRun: perRun, ratio: perRun[100000] / perRun[10] }
  } catch (error) {
    return { failed: String(error.message ?? error).split('\n')[0] }
  }
}

/** Wall time with one job over wall time with two, start-up of the workers included, best of three each. */
async function scaling(all, name, perSecond) {
  try {
    const runs = Math.max(200, Math.round(perSecond * 4))
    const scenario = all.loadScenario(name, all.engines)
    const wall = { 1: [], 2: [] }
    const fingerprints = new Set()
    for (let round = 0; round < 3; round++) {
      for (const jobs of [1, 2]) {
        const began = performance.now()
        const { result } = await all.runCampaign(scenario, { runs, seed: 'bench', faults: 3, jobs })
        wall[jobs].push((performance.now() - began) / 1000)
        fingerprints.add(result.fingerprint)
      }
    }
    return { scenario: name, runs, oneJobSeconds: Math.min(...wall[1]), twoJobsSeconds: Math.min(...wall[2]), ratio: Math.min(...wall[1]) / Math.min(...wall[2]), sameResult: fingerprints.size === 1 }
  } catch (error) {
    return { failed: String(error.message ?? error).split('\n')[0] }
  }
}
