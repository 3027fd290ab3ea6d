/** What zod found wrong, in words for the person who wrote the file. */
import type { z } from 'zod'
import type { InputProblem } from './error.ts'
import { listWords, nearest } from './spelling.ts'
import { keysAt, meaningAt, type Path, shapesAt } from './walk.ts'

type Issue = z.core.$ZodIssue
type Place = Pick<InputProblem, 'file' | 'line' | 'column'>

/** What the translation needs to know of the input. */
export interface IssueContext {
  readonly schema: z.ZodType
  /** The whole parsed value. */
  readonly value: unknown
  /** Goes before the issue's path: `['cluster']` for the engine's own section. */
  readonly prefix: Path
  /** Keys that somebody else takes, to be named among the known ones. */
  readonly extraKeys?: readonly string[]
  /** Paths of keys in sections of the input: `cluster.members`. A key that is unknown here may be meant for there. */
  readonly elsewhere?: readonly string[]
  place(path: Path, what: 'value' | 'key'): Place
}

/** Turns zod issues into problems: one for each unknown key, and one for each other issue. */
export function problemsOf(issues: readonly Issue[], context: IssueContext): readonly InputProblem[] {
  return issues.flatMap(issue => (issue.code === 'unrecognized_keys' ? unknownKeys(issue, context) : [otherIssue(issue, context)]))
}

function unknownKeys(issue: Issue & { readonly keys: readonly string[] }, context: IssueContext): readonly InputProblem[] {
  const inside = pathOf(issue)
  const known = [...new Set([...(context.extraKeys ?? []), ...keysAt(context.schema, inside)])]
  const path = [...context.prefix, ...inside]
  return issue.keys.map(key => {
    const there = (context.elsewhere ?? []).filter(each => each.endsWith(`.${key}`))
    const near = there.length > 0 ? there.join('` or `') : nearest(key, known)
    const where = path.length === 0 ? 'in a scenario' : `in \`${spell(path)}\``
    const help = [...(near === undefined ? [] : [`did you mean \`${near}\`?`]), `the keys ${where} are: ${listWords(known, 40)}`]
    return { ...context.place([...path, key], 'key'), message: `unknown key \`${key}\` ${where}`, help }
  })
}

function otherIssue(issue: Issue, context: IssueContext): InputProblem {
  const inside = pathOf(issue)
  const path = [...context.prefix, ...inside]
  const given = valueAt(context.value, inside)
  const meaning = meaningAt(context.schema, inside)
  const help = meaning === undefined ? [] : [`${spell(path)}: ${meaning}`]
  if (given === undefined && inside.length > 0 && issue.code !== 'custom') {
    const name = path[path.length - 1]
    return { ...context.place(path, 'key'), message: `\`${spell(path)}\` is missing`, help: [...missingHelp(issue, String(name)), ...help] }
  }
  const values = issue.code === 'invalid_value' ? issue.values.map(String) : []
  const near = typeof given === 'string' ? nearest(given, values) : undefined
  const meant = near === undefined ? [] : [`did you mean \`${near}\`?`]
  const choices = values.length > FEW ? [`it is one of: ${listWords(values, 40)}`] : []
  return { ...context.place(path, 'value'), message: `\`${spell(path)}\`${complaint(issue, given, shapesAt(context.schema, inside))}`, help: [...meant, ...choices, ...keyHelp(issue, context.schema, inside), ...help] }
}

function missingHelp(issue: Issue, name: string): readonly string[] {
  if (name === 'deadline') return ['every rehearsal needs an end; for example `deadline: 4h`']
  if (name === 'format') return ['write `format: 1`']
  if (issue.code === 'invalid_type') return [`it is ${article(issue.expected)}`]
  return []
}

/** More choices than this do not fit into the sentence. */
const FEW = 5

/** Where a mapping may stand but something else does: its keys. */
function keyHelp(issue: Issue, schema: z.ZodType, inside: Path): readonly string[] {
  const keys = issue.code === 'invalid_union' ? keysAt(schema, inside) : []
  return keys.length === 0 ? [] : [`the keys of the mapping are: ${listWords(keys, 40)}`]
}

/** @param shapes what may stand there, where several sorts may */
function complaint(issue: Issue, given: unknown, shapes: readonly string[]): string {
  if (issue.code === 'custom') return `: ${issue.message}`
  if (isOwnMessage(issue.message)) return ` is ${show(given)}; ${issue.message}`
  const is = `, and is ${show(given)}`
  switch (issue.code) {
    case 'invalid_type':
      return ` should be ${article(issue.expected)}${is}`
    case 'invalid_value':
      return issue.values.length > FEW ? ` cannot be ${show(given)}` : ` should be ${issue.values.length === 1 ? '' : 'one of '}${listWords(issue.values.map(String))}${is}`
    case 'too_small':
      return issue.origin === 'array' ? ` needs at least ${issue.minimum} ${issue.minimum === 1 ? 'entry' : 'entries'}` : ` should be at least ${issue.minimum}${is}`
    case 'too_big':
      return ` should be at most ${issue.maximum}${is}`
    case 'invalid_union':
      return shapes.length > 0 ? ` should be ${shapes.join(' or ')}${is}` : ` is not right${is}`
    default:
      return ` is not right (${issue.message})${is}`
  }
}

/** zod's own English is replaced; what a schema's author wrote is kept. */
function isOwnMessage(message: string): boolean {
  return !/^(?:Invalid|Unrecognized|Too )/.test(message)
}

function article(expected: string): string {
  const words: Record<string, string> = { number: 'a number', int: 'a whole number', string: 'a text', boolean: 'true or false', array: 'a list', object: 'a mapping of keys', record: 'a mapping of keys' }
  return words[expected] ?? expected
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return typeof value === 'string' ? `the text \`${value.length > 60 ? `${value.slice(0, 57)}…` : value}\`` : String(value)
}

function pathOf(issue: Issue): (string | number)[] {
  return issue.path.map(key => (typeof key === 'symbol' ? String(key) : key))
}

function valueAt(value: unknown, path: Path): unknown {
  let here = value
  for (const key of path) here = typeof here === 'object' && here !== null ? (here as Record<string | number, unknown>)[key] : undefined
  return here
}

/** `objectives[0].max` */
export function spell(path: Path): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('')
}
