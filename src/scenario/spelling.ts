export { nearestOf as nearest } from '../operator/source.ts'

/** `a, b, c`, as a list for people; long lists are cut. */
export function listWords(words: readonly string[], limit = 24): string {
  const shown = words.length > limit ? [...words.slice(0, limit), `… (${words.length - limit} more)`] : words
  return shown.join(', ')
}
