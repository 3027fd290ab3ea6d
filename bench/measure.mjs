/** Measuring on a shared machine: CPU time of this process, several rounds in one run, contenders taking turns, medians. */

/** CPU seconds (user and system, all threads) that `work` takes. */
export function cpuSeconds(work) {
  const before = process.cpuUsage()
  work()
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1e6
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Units per CPU second of each contender: one round to warm up, then `rounds` rounds in which all take turns, so that a disturbance
 * of the machine meets them all.
 * @param {Record<string, () => number>} contenders each does its work and returns how many units it did
 * @returns {Record<string, { perSecond: number, least: number, most: number }>}
 */
export function race(contenders, rounds) {
  const rates = {}
  for (let round = -1; round < rounds; round++) {
    for (const [name, work] of Object.entries(contenders)) {
      let units = 0
      const seconds = cpuSeconds(() => {
        units = work()
      })
      if (round >= 0) (rates[name] ??= []).push(units / seconds)
    }
  }
  return Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, { perSecond: median(all), least: Math.min(...all), most: Math.max(...all) }]))
}

/** A generator of whole numbers that all contenders share, so that all do the same work. */
export function sameLuck(seed = 7) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state >>> 12
  }
}

export function figure(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  if (value >= 1e4) return `${(value / 1e3).toFixed(1)} k`
  return value >= 100 ? value.toFixed(0) : value.toFixed(2)
}

export function table(title, header, rows) {
  const all = [header, ...rows.map(row => row.map(String))]
  const widths = header.map((_, i) => Math.max(...all.map(row => row[i].length)))
  const line = row => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')
  console.log(`\n${title}\n${line(all[0])}\n${widths.map(w => '-'.repeat(w)).join('  ')}\n${all.slice(1).map(line).join('\n')}`)
}
