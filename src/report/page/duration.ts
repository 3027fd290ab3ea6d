/** As `formatDuration` of the kernel writes it, so that a page speaks with one voice; that one would bring the kernel into the page. */
export function lasting(us: number): string {
  const significant = (value: number): string => value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)
  if (us === 0) return '0 s'
  if (us < 999.5) return `${Math.round(us)} µs`
  if (us < 999.5e3) return `${significant(us / 1e3)} ms`
  if (us < 59.95e6) return `${significant(us / 1e6)} s`
  const seconds = Math.round(us / 1e6)
  const pad = (n: number): string => String(n).padStart(2, '0')
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}h ${pad(Math.floor((seconds % 3600) / 60))}m` : `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`
}
