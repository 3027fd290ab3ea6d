/**
 * A time axis for rehearsals, which are minutes of waiting around seconds that matter. To scale, a step of 200 ms is invisible; squeezed, each
 * stretch between two events gets width by the fourth root of its length, so that everything that happened can be seen, in its order.
 */
import type { Timeline } from './data.ts'

/** A place on the axis, 0 … 1, of an instant, and back. */
export interface Axis {
  readonly endUs: number
  at(us: number): number
  instant(place: number): number
}

export function linearAxis(endUs: number): Axis {
  return { endUs, at: (us) => Math.min(1, Math.max(0, us / endUs)), instant: (place) => Math.min(1, Math.max(0, place)) * endUs }
}

/** No stretch gets less than this share of the mean: bars stay visible. */
const LEAST = 0.15

export function squeezedAxis(instants: readonly number[], endUs: number): Axis {
  const stops = [...new Set([0, ...instants.filter((us) => us > 0 && us < endUs), endUs])].sort((a, b) => a - b)
  const roots = stops.slice(1).map((us, i) => Math.sqrt(Math.sqrt(us - (stops[i] as number))))
  const mean = roots.reduce((sum, root) => sum + root, 0) / Math.max(1, roots.length)
  const weights = roots.map((root) => Math.max(root, mean * LEAST))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const places = [0]
  for (const weight of weights) places.push((places.at(-1) as number) + weight / total)
  return { endUs, at: (us) => between(stops, places, us), instant: (place) => between(places, stops, place) }
}

/** The axis on which a rehearsal is drawn. @param marks instants that must be told apart on it */
export function axisOf(timeline: Timeline, marks: readonly { readonly atUs: number }[], toScale: boolean): Axis {
  return toScale ? linearAxis(timeline.endUs) : squeezedAxis([...instantsOf(timeline), ...marks.map(({ atUs }) => atUs)], timeline.endUs)
}

/** Half of a neighbour's words and all of the last ones, in the distance of two that stand in the middle of their places. */
const BEFORE_END = 1.5

const NICE_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400]

/**
 * Instants to be written on the axis, none nearer to the one before than `apart` (a share of the width): to scale round ones, squeezed those at which steps
 * begin and the runbook ends, which are what a reader looks for. The end is always written; its words stand left of it, so others keep further away from it.
 */
export function ticksOf(timeline: Timeline, axis: Axis, toScale: boolean, apart: number): number[] {
  const step = (NICE_SECONDS.find((seconds) => (seconds * 1e6) / timeline.endUs >= apart) ?? Math.ceil((timeline.endUs * apart) / 3600e6) * 3600) * 1e6
  const wanted = toScale ? Array.from({ length: Math.floor(timeline.endUs / step) + 1 }, (_, i) => i * step) : [0, ...timeline.steps.filter(({ container, result }) => !container && result !== 'skipped').map(({ fromUs }) => fromUs), timeline.operatorEndUs, timeline.endUs]
  const kept: number[] = []
  for (const us of [...new Set(wanted)].sort((a, b) => a - b)) if (us !== timeline.endUs && axis.at(us) <= 1 - BEFORE_END * apart && (kept.length === 0 || axis.at(us) - axis.at(kept.at(-1) as number) >= apart)) kept.push(us)
  return [...kept, timeline.endUs]
}

/** Linear between known points, by bisection. */
function between(from: readonly number[], to: readonly number[], value: number): number {
  const last = from.length - 1
  if (last <= 0 || value <= (from[0] as number)) return to[0] ?? 0
  if (value >= (from[last] as number)) return to[last] as number
  let [low, high] = [0, last]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((from[middle] as number) <= value) low = middle
    else high = middle
  }
  const [a, b] = [from[low] as number, from[high] as number]
  return (to[low] as number) + (((value - a) / (b - a)) * ((to[high] as number) - (to[low] as number)))
}

/** More would leave no width for any. */
const STRETCHES_MAX = 160

/** Where the squeezed axis of a rehearsal bends: what happened to members, steps, faults and clients, the rarest sorts first. */
export function instantsOf(timeline: Timeline): number[] {
  const ends = <S extends { readonly fromUs: number; readonly toUs: number }>(spans: readonly S[]): number[] => spans.flatMap(({ fromUs, toUs }) => [fromUs, toUs])
  const sorts = [
    ends(timeline.faults.filter(({ struck }) => struck)),
    ends(timeline.steps.filter(({ container }) => !container)),
    timeline.members.flatMap(({ spans }) => ends(spans)),
    ends(timeline.windows.filter(({ is }) => is !== 'readsDown')),
    timeline.clients.flatMap(({ spans }) => spans.length > 40 ? [] : ends(spans)),
  ]
  const chosen = new Set<number>()
  for (const instants of sorts) for (const us of instants) if (chosen.size < STRETCHES_MAX) chosen.add(us)
  return [...chosen]
}
