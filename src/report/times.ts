/** How often a step was visited, in words: for the terminal and for the page's program, which takes in nothing else with it. */

/** `3 times`, `skipped`, `2 times, skipped once`: a visit that was skipped did nothing. */
export function timesWords(visits: number, skipped: number): string {
  const done = visits - skipped
  const times = (n: number): string => (n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`)
  return [done > 1 ? `${done} times` : done === 1 && skipped > 0 ? 'once' : '', skipped === 0 ? '' : visits === 1 ? 'skipped' : `skipped ${times(skipped)}`].filter((words) => words !== '').join(', ')
}
