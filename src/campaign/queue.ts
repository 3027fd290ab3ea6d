/** The runs that are still to be rehearsed, handed out piece by piece. How they are cut does not matter to the result: merging is union. */
import { type Ranges, countRuns } from './ranges.ts'

/** Pieces a thread gets over a campaign: enough that no thread waits long for another at the end. */
const PIECES_PER_THREAD = 16
/** At about a millisecond a run, eight runs are the 5 ms below which dispatch begins to show. */
export const PIECE_LEAST = 8
/** More at a time would not be faster. */
export const PIECE_MOST = 500

/** How many runs a thread is given at a time. */
export function pieceFor(runs: number, jobs: number): number {
  return Math.min(PIECE_MOST, Math.max(PIECE_LEAST, Math.ceil(runs / (jobs * PIECES_PER_THREAD))))
}

export class RunQueue {
  private readonly ranges: (readonly [number, number])[]

  constructor(missing: Ranges) {
    this.ranges = [...missing].reverse()
  }

  /** The next `[first, end)` of at most `most` runs; undefined when there are none left. */
  take(most: number): readonly [first: number, end: number] | undefined {
    const next = this.ranges.pop()
    if (next === undefined) return undefined
    const [first, end] = next
    if (end - first <= most) return next
    this.ranges.push([first + most, end])
    return [first, first + most]
  }

  /** Runs not handed out yet. */
  get left(): number {
    return countRuns(this.ranges)
  }
}
