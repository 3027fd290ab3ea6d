/** Lines around a change that are shown with it. */
const CONTEXT = 3

interface Change {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
}

/** Two versions of a small text, line by line: how many lines differ, and the difference as a patch that `patch -p1` takes. */
export function unifiedDiff(file: string, before: string, after: string): { readonly patch: string; readonly changed: number } {
  const changes = changesOf(before.split('\n'), after.split('\n'))
  const changed = changes.filter(c => c.sign !== ' ').length
  return { patch: changed === 0 ? '' : [`--- a/${file}`, `+++ b/${file}`, ...hunksOf(changes)].join('\n'), changed }
}

/** The longest common subsequence: scripts have some hundred lines at most, and an edit touches a few. */
function changesOf(a: readonly string[], b: readonly string[]): Change[] {
  let from = 0
  while (from < a.length && from < b.length && a[from] === b[from]) from++
  let endA = a.length
  let endB = b.length
  while (endA > from && endB > from && a[endA - 1] === b[endB - 1]) {
    endA--
    endB--
  }
  const same = (lines: readonly string[]): Change[] => lines.map(text => ({ sign: ' ', text }))
  return [...same(a.slice(0, from)), ...between(a.slice(from, endA), b.slice(from, endB)), ...same(a.slice(endA))]
}

function between(a: readonly string[], b: readonly string[]): Change[] {
  const longest = Array.from({ length: a.length + 1 }, () => new Int32Array(b.length + 1))
  const at = (i: number, j: number): number => longest[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) (longest[i] as Int32Array)[j] = a[i] === b[j] ? 1 + at(i + 1, j + 1) : Math.max(at(i + 1, j), at(i, j + 1))
  const changes: Change[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      changes.push({ sign: ' ', text: a[i++] as string })
      j++
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) changes.push({ sign: '-', text: a[i++] as string })
    else changes.push({ sign: '+', text: b[j++] as string })
  }
  return changes
}

function hunksOf(changes: readonly Change[]): string[] {
  const shown = changes.map((_, i) => changes.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some(c => c.sign !== ' '))
  const lines: string[] = []
  // The empty text behind the last newline is no line.
  const last = changes.length - 1
  let [lineA, lineB] = [1, 1]
  for (let i = 0; i < changes.length; ) {
    let end = i
    while (end < changes.length && shown[end] === true) end++
    const hunk = changes.slice(i, end).filter((c, n) => i + n < last || c.text !== '')
    const [a, b] = [hunk.filter(c => c.sign !== '+').length, hunk.filter(c => c.sign !== '-').length]
    if (hunk.length > 0) lines.push(`@@ -${lineA},${a} +${lineB},${b} @@`, ...hunk.map(c => `${c.sign}${c.text}`))
    lineA += a
    lineB += b
    if (end === i) {
      lineA++
      lineB++
      end++
    }
    i = end
  }
  return lines
}
