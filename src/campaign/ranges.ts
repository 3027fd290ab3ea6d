/** A set of run numbers as sorted, disjoint, half-open ranges `[first, end)`. A campaign's result says which runs it holds, so that a merge can refuse a run counted twice. */
export type Ranges = readonly (readonly [first: number, end: number])[]

/** The union of two sets that share no run. @throws OverlapError when they do */
export function unite(a: Ranges, b: Ranges): Ranges {
  const sorted = [...a, ...b].sort((x, y) => x[0] - y[0])
  const united: [number, number][] = []
  for (const [first, end] of sorted) {
    const last = united.at(-1)
    if (last === undefined || first > last[1]) united.push([first, end])
    else if (first === last[1]) last[1] = end
    else throw new OverlapError(first, Math.min(end, last[1]))
  }
  return united
}

/** Whether two sets are the same. */
export function sameRanges(a: Ranges, b: Ranges): boolean {
  return a.length === b.length && a.every(([first, end], i) => first === b[i]?.[0] && end === b[i]?.[1])
}

/** The union of two sets that may share runs: what was asked for, when parts of a campaign are put together. */
export function uniteLoosely(a: Ranges, b: Ranges): Ranges {
  return unite(a, missingFrom(b, a))
}

/** The runs of `asked` that `done` lacks. */
export function missingFrom(asked: Ranges, done: Ranges): Ranges {
  return asked.flatMap(([first, end]) => {
    const gaps: [number, number][] = []
    let at = first
    for (const [from, to] of done) {
      if (to <= at || from >= end) continue
      if (from > at) gaps.push([at, from])
      at = to
    }
    if (at < end) gaps.push([at, end])
    return gaps
  })
}

/** How many runs a set holds. */
export function countRuns(ranges: Ranges): number {
  return ranges.reduce((sum, [first, end]) => sum + end - first, 0)
}

/** The n-th of `of` equal parts of `[firstRun, firstRun + runs)`, n from 1; the parts differ by at most one run and leave none out. */
export function shardOf(firstRun: number, runs: number, n: number, of: number): readonly [number, number] {
  return [firstRun + Math.floor((runs * (n - 1)) / of), firstRun + Math.floor((runs * n) / of)]
}

/** For people: `0…499` or `0…99, 200…499`. */
export function formatRanges(ranges: Ranges): string {
  return ranges.map(([first, end]) => (end - first === 1 ? `${first}` : `${first}…${end - 1}`)).join(', ')
}

/** Two results hold some of the same runs: merging them would count those twice. */
export class OverlapError extends Error {
  constructor(
    readonly first: number,
    readonly end: number,
  ) {
    super(`runs ${formatRanges([[first, end]])} are in both results; merging would count them twice`)
    this.name = 'OverlapError'
  }
}
