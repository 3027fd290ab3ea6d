/**
 * Write and read downtime.
 *
 * - *Write downtime*: per cohort c and key share s, the time in which c wants to write and its acknowledgement flow is 0, whatever the
 *   reason (refused, error, hang, queue, read-only). Outages shorter than 20 ms are ignored. The sum is weighted by both shares.
 * - *Longest write gap*: the longest single outage, unweighted, of any (cohort, key share) with at least 1 % of the demand.
 * - *Read downtime*: likewise for reads.
 * - *Per step*: the write downtime that falls between a step's start and its end; what falls between steps or into the settling belongs to none. A visit
 *   that was broken off (the operator was killed in it) lasts until the step begins anew: no instant counts twice.
 */
import type { Us } from '../kernel/index.ts'
import type { StepRecord } from '../result.ts'
import { clip, overlapUs, Switch, type Window } from './window.ts'

/** Shorter interruptions are what a connection pool's hand-over costs: nobody calls them downtime. */
export const IGNORED_OUTAGE_US = 20_000
/** A cohort with less of the demand than this does not set the longest gap. */
export const LEAST_SHARE = 0.01

/** One interruption as one cohort saw it. */
export interface Outage extends Window {
  readonly cohort: string
  /** Share of the whole demand (cohort share × key share). */
  readonly share: number
  /** What the cohort's connection was in when it began. */
  readonly state: string
}

/** Watches one (cohort, key share). */
export class OutageWatch {
  private readonly down = new Switch<string>()

  constructor(
    readonly cohort: string,
    readonly share: number,
  ) {}

  /** The flow is up or down from `nowUs` on. */
  set(nowUs: Us, up: boolean, state: string): void {
    this.down.set(nowUs, !up, state)
  }

  /** Outages of at least 20 ms within [fromUs, toUs). An outage that began before counts by its whole length for the 20 ms. */
  outages(fromUs: Us, toUs: Us): readonly Outage[] {
    const long = this.down.windows(toUs).filter(window => window.toUs - window.fromUs >= IGNORED_OUTAGE_US)
    return clip(long, fromUs, toUs).map(({ fromUs, toUs, open, detail }) => ({ fromUs, toUs, open, cohort: this.cohort, share: this.share, state: detail }))
  }
}

/** Share-weighted downtime in µs. */
export function downtimeUs(outages: readonly Outage[]): number {
  let sum = 0
  for (const outage of outages) sum += (outage.toUs - outage.fromUs) * outage.share
  return sum
}

/** The longest outage of anyone who counts, in µs. */
export function longestGapUs(outages: readonly Outage[]): Us {
  let longest = 0
  for (const outage of outages) if (outage.share >= LEAST_SHARE) longest = Math.max(longest, outage.toUs - outage.fromUs)
  return longest
}

/** The steps with the share-weighted write downtime that fell into each, in µs. A step without an end lasts until its next visit, or until `endUs`. */
export function attributeToSteps(steps: readonly StepRecord[], outages: readonly Outage[], endUs: Us): readonly StepRecord[] {
  // A fleet's roll has thousands of both: only outages that may lie in a step are looked at, added up in their order.
  const byStart = outages.map((outage, nth) => ({ outage, nth })).sort((a, b) => a.outage.fromUs - b.outage.fromUs || a.nth - b.nth)
  let longestUs = 0
  for (const { fromUs, toUs } of outages) longestUs = Math.max(longestUs, toUs - fromUs)
  return steps.map((step, i) => {
    const untilUs = step.endUs ?? steps.find((later, n) => n > i && later.step === step.step && later.path === step.path)?.startUs ?? endUs
    const within: { readonly outage: Outage; readonly nth: number }[] = []
    for (let n = firstFrom(byStart, step.startUs - longestUs); n < byStart.length && (byStart[n] as (typeof byStart)[number]).outage.fromUs < untilUs; n++) within.push(byStart[n] as (typeof byStart)[number])
    let sum = 0
    for (const { outage } of within.sort((a, b) => a.nth - b.nth)) sum += overlapUs(outage, step.startUs, untilUs) * outage.share
    return { ...step, writeDowntimeUs: sum }
  })
}

/** The first of those in order of their starts that starts at `fromUs` or later. */
function firstFrom(byStart: readonly { readonly outage: Outage }[], fromUs: Us): number {
  let low = 0
  let high = byStart.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((byStart[middle] as { readonly outage: Outage }).outage.fromUs < fromUs) low = middle + 1
    else high = middle
  }
  return low
}
