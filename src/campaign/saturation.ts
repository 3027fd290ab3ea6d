/**
 * Whether a campaign still meets anything new. A *combination* is (step, situation of the cluster, fault kind): where a fault struck, what the
 * members were just then, and what struck. How many combinations were met once only says how many are still unmet (Good and Turing; Chao 1984).
 */
import type { RehearsalResult } from '../result.ts'
import type { Ranges } from './ranges.ts'

/** Of each combination: in how many runs it was met, and the lowest run number. A pair, because there are thousands in a result file. */
export type Combinations = Record<string, [runs: number, first: number]>

export interface Saturation {
  /** Different combinations met. */
  readonly combinations: number
  /** Met in one run only, and in two. */
  readonly once: number
  readonly twice: number
  /** Good–Turing: the chance that the next combination drawn is a new one; null when nothing was met. */
  readonly unseenShare: number | null
  /** Chao1, at least so many more exist; null when nothing was met. */
  readonly unseenAtLeast: number | null
  /** Runs after the last one that met something new, by run number. */
  readonly nothingNewInLast: number
}

/** Counts one run: each combination once. */
export function addCombinations(into: Combinations, run: number, result: RehearsalResult): void {
  const met = new Set(result.faults.filter((fault) => fault.struck).map(({ step, situation, kind }) => `${step} | ${situation} | ${kind}`))
  for (const key of met) mergeOne(into, key, 1, run)
}

/** Adds `other` into `into`. */
export function mergeCombinations(into: Combinations, other: Combinations): void {
  for (const [key, [runs, first]] of Object.entries(other)) mergeOne(into, key, runs, first)
}

function mergeOne(into: Combinations, key: string, runs: number, first: number): void {
  const mine = into[key]
  if (mine === undefined) into[key] = [runs, first]
  else into[key] = [mine[0] + runs, Math.min(mine[1], first)]
}

/** @param ranges the run numbers that were counted */
export function saturationOf(combinations: Combinations, ranges: Ranges): Saturation {
  const met = Object.values(combinations)
  const once = met.filter(([runs]) => runs === 1).length
  const twice = met.filter(([runs]) => runs === 2).length
  const total = met.reduce((sum, [runs]) => sum + runs, 0)
  const lastNew = met.reduce((last, [, first]) => Math.max(last, first), -1)
  return {
    combinations: met.length,
    once,
    twice,
    unseenShare: total === 0 ? null : rounded(once / total),
    // The bias-corrected form, which also holds when nothing was met twice.
    unseenAtLeast: total === 0 ? null : rounded((once * (once - 1)) / (2 * (twice + 1))),
    nothingNewInLast: ranges.reduce((sum, [first, end]) => sum + Math.max(0, end - Math.max(first, lastNew + 1)), 0),
  }
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
