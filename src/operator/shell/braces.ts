/** Brace expansion, on the text of a word as it is written: `a{b,c}d`, `{1..5}`, `{a..e..2}`. Quotes and `${…}` are kept as they are. */
export function expandBraces(word: string): string[] {
  for (let open = next(word, 0, '{'); open >= 0; open = next(word, open + 1, '{')) {
    const inner = read(word, open)
    if (inner === undefined) continue
    const items = inner.items.length > 1 ? inner.items.flatMap(expandBraces) : sequence(inner.items[0] as string)
    if (items === undefined) continue
    const before = word.slice(0, open)
    return items.flatMap(item => expandBraces(word.slice(inner.end)).map(after => before + item + after))
  }
  return [word]
}

/** Where `c` stands without quotes, from `from` on; −1 if nowhere. */
function next(word: string, from: number, c: string): number {
  for (let i = from; i < word.length; i++) {
    const skip = quoted(word, i)
    if (skip > i) i = skip - 1
    else if (word[i] === c) return i
  }
  return -1
}

/** The end of a quotation or expansion that begins at `i`; `i` when none does. */
function quoted(word: string, i: number): number {
  const c = word[i]
  if (c === '\\') return i + 2
  if (c === "'" || c === '"' || c === '`') {
    let j = i + 1
    while (j < word.length && word[j] !== c) j += c !== "'" && word[j] === '\\' ? 2 : 1
    return j + 1
  }
  if (c === '$' && (word[i + 1] === '{' || word[i + 1] === '(')) {
    const [open, close] = word[i + 1] === '{' ? ['{', '}'] : ['(', ')']
    let depth = 0
    for (let j = i + 1; j < word.length; j++) {
      if (word[j] === open) depth += 1
      else if (word[j] === close && --depth === 0) return j + 1
    }
  }
  return i
}

function read(word: string, open: number): { items: string[]; end: number } | undefined {
  const items = ['']
  let depth = 0
  for (let i = open + 1; i < word.length; i++) {
    const skip = quoted(word, i)
    if (skip > i) {
      items[items.length - 1] += word.slice(i, skip)
      i = skip - 1
      continue
    }
    const c = word[i] as string
    if (c === '}' && depth === 0) return items.length > 1 || /\.\./.test(items[0] as string) ? { items, end: i + 1 } : undefined
    if (c === '{') depth += 1
    if (c === '}') depth -= 1
    if (c === ',' && depth === 0) items.push('')
    else items[items.length - 1] += c
  }
  return undefined
}

const MOST = 100_000

function sequence(text: string): string[] | undefined {
  const numbers = /^(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?$/.exec(text)
  const letters = /^([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d+))?$/.exec(text)
  const match = numbers ?? letters
  if (match === null) return undefined
  const [from, to] = numbers === null ? [(match[1] as string).charCodeAt(0), (match[2] as string).charCodeAt(0)] : [Number(match[1]), Number(match[2])]
  const step = Math.max(1, Math.abs(Number(match[3] ?? 1)))
  if (Math.abs(from - to) / step > MOST) return undefined
  const padded = numbers !== null && [match[1], match[2]].some(n => /^-?0\d/.test(n as string)) ? Math.max((match[1] as string).length, (match[2] as string).length) : 0
  const items: string[] = []
  for (let n = from; from <= to ? n <= to : n >= to; n += from <= to ? step : -step) {
    if (numbers === null) items.push(String.fromCharCode(n))
    else items.push(n < 0 ? `-${String(-n).padStart(padded - 1, '0')}` : String(n).padStart(padded, '0'))
  }
  return items
}
