/**
 * Memory over many runs: `node --expose-gc bench/memory.mjs [runs]` after a build. The rehearsals of 64 real runs under faults are handed out again
 * and again under other hashes, so that a million runs take a minute or two instead of an hour; everything after the rehearsal is the real thing.
 * Prints the heap after garbage collection as runs go by, and the greatest resident size.
 */
import { loadScenario, rehearse, runCampaign, runSeed, scheduleFor } from '../dist/src/index.js'

const runs = Number(process.argv[2] ?? 1_000_000)
const scenario = loadScenario('postgres-ferris-wheel/fenced')
const samples = Array.from({ length: 64 }, (_, run) => rehearse({ scenario, seed: runSeed('m', run), schedule: scheduleFor(scenario, 'm', run, 3) }))
const rehearser = {
  seedOf: runSeed,
  scheduleOf: (_scenario, _seed, run) => samples[run % samples.length].schedule,
  rehearse: ({ seed, record }) => {
    const run = Number(seed.slice(seed.indexOf('/') + 1))
    const sample = samples[run % samples.length]
    // Reasons, durations and evidence that never repeat: what a real campaign would multiply.
    const hash = (BigInt(run) * 0x9e3779b97f4a7c15n & 0xffffffffffffffffn).toString(16).padStart(16, '0')
    const measures = { ...sample.measures, durationSeconds: sample.measures.durationSeconds + (run % 100_000) / 1000 }
    const outcomeReason = `${sample.outcomeReason} pod-${String.fromCodePoint(97 + (run % 26), 97 + (run >> 5) % 26, 97 + (run >> 10) % 26)}`
    return { ...sample, hash, measures, outcomeReason, ...(record ? { story: { trace: [], members: [], clients: [], commands: [], faults: [] } } : {}) }
  },
}

let greatest = 0
let next = runs / 100
const megabytes = (bytes) => Math.round(bytes / 1e5) / 10
await runCampaign(scenario, {
  runs, seed: 'm', faults: 3,
  onProgress: (done) => {
    greatest = Math.max(greatest, process.memoryUsage.rss())
    if (done < next) return
    globalThis.gc?.()
    console.log(`${done} runs: heap ${megabytes(process.memoryUsage().heapUsed)} MB after collection, resident at most ${megabytes(greatest)} MB`)
    next = done === runs ? Infinity : Math.min(runs, next * (next < runs / 10 ? 10 : 2))
  },
}, rehearser)
console.log(`peak resident ${megabytes(process.resourceUsage().maxRSS * 1024)} MB`)
