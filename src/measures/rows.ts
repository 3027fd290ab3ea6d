/** What a sample of keys says of all of them: each class of keys is extrapolated by itself, with an exact interval. */
import type { RowAudit, RowStratum } from '../engine.ts'
import { exact95 } from './exact.ts'

export interface RowEstimate {
  /** Rows that differ, of all keys; whole. */
  readonly divergent: number
  /** Between which numbers that lies with 95 % probability: the classes' exact (Clopper–Pearson) ends together, which is wide rather than narrow. */
  readonly low: number
  readonly high: number
  /** Acknowledged operations that have left no trace; whole. */
  readonly lost: number
  /** Keys in the sample, and how many of them differ. */
  readonly sampled: number
  readonly found: number
}

/** @returns zeros, and what a sample of that size cannot exclude, when no sampled key differs */
export function estimateRows({ strata }: RowAudit): RowEstimate {
  const all = { divergent: 0, low: 0, high: 0, lost: 0, sampled: 0, found: 0 }
  for (const stratum of strata) {
    const { keys, sampled, divergent } = stratum
    const [low, high] = exact95(divergent, sampled)
    all.divergent += scaled(stratum, divergent)
    all.lost += scaled(stratum, stratum.lost)
    all.low += Math.floor(low * keys)
    all.high += Math.ceil(high * keys)
    all.sampled += sampled
    all.found += divergent
  }
  return all
}

function scaled({ keys, sampled }: RowStratum, count: number): number {
  return sampled === 0 ? 0 : Math.round((count * keys) / sampled)
}
