/** The two searches that shrinking is made of: the least part of a list, and the least of a number's halves, that is still enough. */

/**
 * A part of `items` that is enough while no single item can be taken out of it. Big cuts first: nothing at all, then halves, quarters and so on,
 * from the back (what comes last in a runbook is needed least); single items over and over until a whole pass takes none away.
 * @param enough asked for parts in the items' order; its answers need not be monotone
 */
export function leastPart<T>(items: readonly T[], enough: (part: readonly T[]) => boolean): readonly T[] {
  if (items.length === 0 || enough([])) return []
  let kept = items
  for (let size = Math.ceil(kept.length / 2); size >= 1; ) {
    const before = kept.length
    for (let end = kept.length; end > 0; end -= size) {
      const rest = [...kept.slice(0, Math.max(0, end - size)), ...kept.slice(end)]
      if (rest.length > 0 && enough(rest)) kept = rest
    }
    if (size > 1) size = Math.floor(size / 2)
    else if (kept.length === before) break
  }
  return kept
}

/**
 * A number of which no half is enough, found from `value` downwards: the least first, then by bisection over repeated halving, then one half at
 * a time. Halves are rounded down to one figure where that is enough (40 s rather than 42.5 s).
 * @param floor nothing below it is tried; a value at or below it stays
 */
export function leastHalf(value: number, floor: number, enough: (value: number) => boolean): number {
  const ladder = [value]
  for (let next = roundHalf(value); next > floor; next = roundHalf(next)) ladder.push(next)
  if (value > floor) ladder.push(floor)
  const last = ladder.length - 1
  if (last > 0 && enough(ladder[last] as number)) return ladder[last] as number
  let [good, bad] = [0, last]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (enough(ladder[middle] as number)) good = middle
    else bad = middle
  }
  let least = ladder[good] as number
  for (;;) {
    const half: number | undefined = [roundHalf(least), Math.floor(least / 2)].find((each) => each >= floor && each < least && enough(each))
    if (half === undefined) return least
    least = half
  }
}

/** Half of it, rounded down to one figure. */
function roundHalf(value: number): number {
  const half = Math.floor(value / 2)
  let unit = 1
  while (unit * 10 <= half) unit *= 10
  return Math.floor(half / unit) * unit
}
