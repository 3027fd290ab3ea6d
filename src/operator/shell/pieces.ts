import type { Node, Operation, Part, Word } from './syntax.ts'

/** Builtins whose effect stays when they run in the shell itself: a substitution that holds one needs a shell of its own. */
const CHANGING = new Set(['cd', 'eval', 'exec', 'exit', 'export', 'declare', 'typeset', 'local', 'readonly', 'read', 'mapfile', 'readarray', 'return', 'set', 'shift', 'shopt', 'source', '.', 'trap', 'unset', 'getopts', 'printf', 'let', 'wait', 'break', 'continue', 'alias', 'pushd', 'popd', 'umask', 'hash', 'enable'])

export const EMPTY: Word = { source: '', constant: '', parts: [], pure: true }

/** A piece of fixed text. */
export const text = (value: string, quoted: boolean): Part => ({ is: 'text', text: value, quoted, pure: true })

/** Text without quotes: what a backslash keeps is quoted, the rest is not. */
export function literal(raw: string): Part[] {
  if (!raw.includes('\\')) return [text(raw, false)]
  const parts: Part[] = []
  let plain = ''
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] !== '\\') plain += raw[i]
    else if (raw[i + 1] === '\n') i += 1
    else {
      if (plain !== '') parts.push(text(plain, false))
      plain = ''
      parts.push(text(raw[++i] ?? '\\', true))
    }
  }
  if (plain !== '') parts.push(text(plain, false))
  return parts
}

/** The words of an operation, for whether they are pure. */
export function operandsOf(op: Operation): readonly (Word | undefined)[] {
  switch (op.is) {
    case 'default':
    case 'remove':
      return [op.word]
    case 'replace':
      return [op.pattern, op.by]
    case 'slice':
      return [op.offset, op.length]
    case 'case':
      return [op.pattern]
    default:
      return []
  }
}

/** A word of its parts. */
export function finish(source: string, parts: readonly Part[]): Word {
  const joined: Part[] = []
  for (const part of parts) {
    const last = joined[joined.length - 1]
    if (part.is === 'text' && last?.is === 'text' && last.quoted === part.quoted) joined[joined.length - 1] = text(last.text + part.text, part.quoted)
    else joined.push(part)
  }
  const constant = joined.every(p => p.is === 'text') ? joined.map(p => (p.is === 'text' ? p.text : '')).join('') : undefined
  return { source, constant, parts: joined, pure: joined.every(p => p.pure) }
}

export const stripTabs = (body: string): string => body.replace(/^\t+/gm, '')

/** Pipelines of programs without assignments; a name that is only known at run time may be a function or a builtin. */
export function isHarmless(body: readonly Node[]): boolean {
  return body.every(node => {
    if (node.is === 'pipeline') return node.commands.every(c => isHarmless([c]))
    if (node.is === 'and-or') return node.commands.every(c => isHarmless([c]))
    if (node.is !== 'simple' || node.assignments.length > 0 || !node.redirections.every(r => r.is === 'text' || r.variable === undefined)) return false
    const name = node.words[0]
    return name !== undefined && 'constant' in name && name.constant !== undefined && !CHANGING.has(name.constant) && node.words.every(w => 'constant' in w && !assigns(w))
  })
}

/** Whether expanding a word may set a variable: `${x:=…}`, `$((x++))`. */
function assigns(word: Word): boolean {
  return word.parts.some(p => (p.is === 'parameter' && p.operation?.is === 'default' && p.operation.operator === '=') || (p.is === 'arithmetic' && /=|\+\+|--/.test(p.expression.source)))
}
