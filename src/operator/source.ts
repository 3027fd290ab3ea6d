import { LineCounter, type Document, isMap, isScalar, parseDocument } from 'yaml'
import type { z } from 'zod'
import type { Place } from './plan.ts'
import { type Runbook, RunbookSchema, StepSchema } from './schema.ts'
import { yamlProblems } from './yaml.ts'

/** Where in the tree of a runbook something is: `['steps', 2, 'gate']`. */
export type Path = readonly (string | number)[]

export interface Problem extends Place {
  /** What is wrong, and what would be right. */
  readonly message: string
}

/** A runbook that cannot be used: bad input (exit code 2). Holds every problem found, not only the first. */
export class RunbookError extends Error {
  readonly problems: readonly Problem[]

  constructor(
    readonly file: string,
    found: readonly Problem[],
  ) {
    const problems = [...found].sort((a, b) => a.line - b.line || a.column - b.column)
    super(problems.map(p => `${position(file, p)}${p.message}`).join('\n'))
    this.problems = problems
    this.name = 'RunbookError'
  }
}

/** `file:line:column: `, as far as known. */
export function position(file: string, place: Place): string {
  const at = place.line > 0 ? `${place.line}:${place.column}: ` : ''
  return file === '' ? at : `${file}:${at === '' ? ' ' : at}`
}

/** A checked runbook with a way to find where each of its parts is written. */
export interface Sourced {
  readonly runbook: Runbook
  readonly file: string
  place(path: Path): Place
}

const NOWHERE: Place = { line: 0, column: 0 }

/**
 * Reads a `*.runbook.yaml`.
 * @param file its name, for messages
 * @throws RunbookError with every problem: line, column, what would be right
 */
export function readRunbook(text: string, file = ''): Sourced {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  if (document.errors.length > 0) {
    throw new RunbookError(file, yamlProblems(text, document.errors, lines).map(({ line, column, code, what }) => ({ line, column, message: `this is not YAML: ${what}${code === 'TAB_AS_INDENT' ? '; indent with spaces' : ''}` })))
  }
  const place = (path: Path): Place => placeOf(offsetOf(document, path))
  return { ...validated(document.toJS(), file, place), file, place }
}

/** Checks a runbook written in TypeScript. @throws RunbookError */
export function checkSource(source: unknown, file = ''): Sourced {
  const place = (): Place => NOWHERE
  return { ...validated(source, file, place), file, place }
}

function validated(value: unknown, file: string, place: (path: Path) => Place): { runbook: Runbook } {
  const parsed = RunbookSchema.safeParse(value)
  if (parsed.success) return { runbook: parsed.data }
  const problems = parsed.error.issues.flatMap(issue => explain(issue, [], place))
  throw new RunbookError(file, problems)
}

/** The offset of the node at `path`, or of the nearest one around it that is written. */
function offsetOf(document: Document, path: Path): number {
  for (let n = path.length; n > 0; n--) {
    const parent: unknown = n === 1 ? document.contents : document.getIn(path.slice(0, n - 1), true)
    const key = path[n - 1]
    if (isMap(parent)) {
      const pair = parent.items.find(item => isScalar(item.key) && item.key.value === key)
      if (pair !== undefined && isScalar(pair.key) && pair.key.range) return pair.key.range[0]
    }
    const node: unknown = document.getIn(path.slice(0, n), true)
    const range = (node as { range?: readonly number[] } | undefined)?.range
    if (range !== undefined && range !== null) return range[0] as number
  }
  return document.contents?.range?.[0] ?? 0
}

type Issue = z.core.$ZodIssue

function explain(issue: Issue, base: Path, place: (path: Path) => Place): Problem[] {
  const path = [...base, ...issue.path] as Path
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({ ...place([...path, key]), message: unknownKey(key, path) }))
  }
  if (issue.code === 'invalid_union') {
    const deep = issue.errors.filter(branch => !branch.some(i => i.path.length === 0 && (i.code === 'invalid_type' || i.code === 'invalid_value')))
    if (deep.length === 1) return (deep[0] as Issue[]).flatMap(i => explain(i, path, place))
  }
  return [{ ...place(path), message: `${where(path)}: ${sentence(issue)}` }]
}

function sentence(issue: Issue): string {
  const text = issue.message.replace(/^Invalid input: /, '')
  return text === 'Invalid input' ? 'expected a step: a command line, or keys like run, gate, sleep' : text
}

function where(path: Path): string {
  if (path.length === 0) return 'the runbook'
  return `\`${path.map((p, i) => (typeof p === 'number' ? `[${p + 1}]` : i === 0 ? p : `.${p}`)).join('')}\``
}

const KEYS: Record<string, readonly string[]> = {
  step: Object.keys(StepSchema.shape),
  runbook: Object.keys(RunbookSchema.shape),
  forEach: ['lines', 'words', 'list', 'as', 'steps'],
  expect: ['equals', 'matches', 'min', 'max', 'count', 'not'],
  not: ['equals', 'matches', 'min', 'max', 'count'],
  when: ['value', 'equals', 'matches', 'min', 'max', 'count', 'not'],
  where: ['column', 'equals', 'matches', 'min', 'max', 'count', 'not'],
  pick: ['from', 'separator', 'skip', 'where', 'column', 'by', 'compare', 'take', 'as'],
  retry: ['times', 'every'],
  otherwise: ['goto'],
  count: ['min', 'max'],
}

/** Keys people bring from other tools, and what they are called here. */
const MEANT: Record<string, string> = { onFailure: 'otherwise', onfailure: 'otherwise', command: 'run', cmd: 'run', wait: 'gate', name: 'title', rollback: 'undo', until: 'expect', register: 'as', if: 'when', delay: 'sleep', interval: 'every' }

function unknownKey(key: string, path: Path): string {
  const around = path.filter(p => typeof p === 'string').at(-1)
  const keys = around === undefined ? KEYS['runbook'] : (KEYS[around] ?? KEYS['step'])
  const known = keys as readonly string[]
  const meant = MEANT[key]
  const nearest = meant !== undefined && known.includes(meant) ? meant : nearestOf(key, known)
  return `unknown key \`${key}\`${nearest === undefined ? '' : `; did you mean \`${nearest}\`?`} Known here: ${known.join(', ')}`
}

/** The known word that is fewest edits away, if that is at most a third of its letters. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const distance = edits(word.toLowerCase(), candidate.toLowerCase())
    if (distance < least && distance <= Math.max(1, Math.ceil(candidate.length / 3))) {
      best = candidate
      least = distance
    }
  }
  return best
}

function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_v, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
