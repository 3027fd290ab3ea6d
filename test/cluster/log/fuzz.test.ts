import { expect, test } from 'vitest'
import { randomScript, runFluid, runReference } from './script.ts'

/** About 25 s of CPU; `LOG_FUZZ=100` for a quick look. The README states the figures of these. */
const SCRIPTS = Number(process.env.LOG_FUZZ ?? 1000)
const NOISE_EVERY = 10
const STORY_US = 12_000_000
/** A story with fewer acknowledged writes is measured as if it had these: below, the error is that of single writes. */
const FEW = 200

/** Sorted copy's quantile. */
const quantile = (xs: number[], p: number): number => xs.slice().sort((a, b) => a - b)[Math.min(xs.length - 1, Math.floor(p * xs.length))] as number
const show = (xs: number[]): string => [0.5, 0.9, 0.99, 1].map(p => `${(100 * quantile(xs, p)).toFixed(2)} %`).join(', ')

test(`over ${SCRIPTS} random fault stories the flow log and a simulator with one event per write agree`, { timeout: 300_000 }, () => {
  const acked: number[] = []
  const lost: number[] = []
  const noiseAcked: number[] = []
  const noiseLost: number[] = []
  let events = 0
  let referenceEvents = 0
  for (let seed = 1; seed <= SCRIPTS; seed++) {
    const script = randomScript(seed, undefined, STORY_US)
    const flow = runFluid(script).outcome
    const reference = runReference(script)
    events += flow.events
    referenceEvents += reference.events
    // Losses are counted against themselves, but not finer than 2 % of what was acknowledged: a loss of one write is one write.
    const unit = Math.max(FEW, reference.acked)
    const lossUnit = Math.max(reference.lost, 0.02 * unit)
    acked.push(Math.abs(flow.acked - reference.acked) / unit)
    lost.push(Math.abs(flow.lost - reference.lost) / lossUnit)
    if (seed % NOISE_EVERY === 0) {
      const again = runReference(script, seed + 1_000_000)
      noiseAcked.push(Math.abs(again.acked - reference.acked) / unit)
      noiseLost.push(Math.abs(again.lost - reference.lost) / lossUnit)
    }
    for (const d of flow.demand) expect(d.arrivals).toBe(d.acked + d.unknown + d.expired + d.queued + d.outstanding)
  }
  console.log(
    [
      `acknowledged: error p50, p90, p99, max = ${show(acked)}; the reference against itself with another seed ${show(noiseAcked)}`,
      `lost:         error p50, p90, p99, max = ${show(lost)}; the reference against itself with another seed ${show(noiseLost)}`,
      `events per story: ${(events / SCRIPTS).toFixed(1)} against ${(referenceEvents / SCRIPTS).toFixed(0)}`,
    ].join('\n'),
  )
  expect(quantile(acked, 0.5)).toBeLessThanOrEqual(0.01)
  expect(quantile(lost, 0.5)).toBeLessThanOrEqual(0.01)
  expect(quantile(acked, 0.99)).toBeLessThanOrEqual(0.05)
  expect(quantile(lost, 0.99)).toBeLessThanOrEqual(0.05)
})
