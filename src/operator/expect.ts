import type { Output } from './command.ts'
import type { Template, Lookup } from './words.ts'
import { fill, templateOf } from './words.ts'

interface Plain {
  readonly equals: Template | undefined
  readonly matches: Template | undefined
  readonly min: Template | undefined
  readonly max: Template | undefined
  readonly countMin: Template | undefined
  readonly countMax: Template | undefined
}

/** What an output must be. Without any condition, success is enough. */
export interface Expectation extends Plain {
  readonly not: Plain | undefined
  readonly missing: 'fail' | 'pass'
}

type Scalar = string | number | boolean
interface PlainSource {
  readonly equals?: Scalar | undefined
  readonly matches?: string | undefined
  readonly min?: number | string | undefined
  readonly max?: number | string | undefined
  readonly count?: number | string | { readonly min?: number | string | undefined; readonly max?: number | string | undefined } | undefined
}
interface Source extends PlainSource {
  readonly not?: Scalar | PlainSource | undefined
}

/** Compiles an expectation. @throws SyntaxError when `matches` is no regular expression */
export function compileExpectation(source: Source, missing: 'fail' | 'pass' = 'fail'): Expectation {
  const not = source.not === undefined ? undefined : typeof source.not === 'object' ? plain(source.not) : plain({ equals: source.not })
  return { ...plain(source), not, missing }
}

function plain(source: PlainSource): Plain {
  const text = (value: Scalar | undefined): Template | undefined => (value === undefined ? undefined : templateOf(String(value)))
  const count = typeof source.count === 'object' ? source.count : { min: source.count, max: source.count }
  const matches = text(source.matches)
  if (typeof matches === 'string') regExp(matches)
  return { equals: text(source.equals), matches, min: text(source.min), max: text(source.max), countMin: text(count.min), countMax: text(count.max) }
}

/** The names of the variables an expectation needs. */
export function expectationTemplates(e: Expectation): Template[] {
  const of = (p: Plain): (Template | undefined)[] => [p.equals, p.matches, p.min, p.max, p.countMin, p.countMax]
  return [...of(e), ...(e.not === undefined ? [] : of(e.not))].filter(t => t !== undefined)
}

export interface Judgement {
  readonly holds: boolean
  /** The data were missing: empty, not numeric where a number is needed, or the command failed, be it in front of a pipe that goes on without it. */
  readonly missing: boolean
}

const MISSING_PASSES: Judgement = { holds: true, missing: true }
const MISSING_FAILS: Judgement = { holds: false, missing: true }
const HOLDS: Judgement = { holds: true, missing: false }
const FAILS: Judgement = { holds: false, missing: false }

/** Judges an output. `countedNothing` says that the exit status 1 is grep's way of saying so. @throws UnknownVariableError */
export function judge(e: Expectation, output: Output, lookup: Lookup, countedNothing = false): Judgement {
  const judgement = judgeText(e, output, lookup, countedNothing)
  // The shell sees the status of the last program alone, so what it decides stays; but there were no data to decide on.
  return output.sourceFailed === true && !judgement.missing ? { ...judgement, missing: true } : judgement
}

function judgeText(e: Expectation, output: Output, lookup: Lookup, countedNothing: boolean): Judgement {
  const text = output.out.trim()
  if (output.code !== 0 && !(countedNothing && output.code === 1)) return missing(e)
  const verdict = holds(e, text, lookup)
  if (verdict === undefined) return missing(e)
  if (!verdict) return FAILS
  if (e.not === undefined) return HOLDS
  const denied = holds(e.not, text, lookup)
  if (denied === undefined) return missing(e)
  return denied ? FAILS : HOLDS
}

const missing = (e: Expectation): Judgement => (e.missing === 'pass' ? MISSING_PASSES : MISSING_FAILS)

/** Undefined when the output has not the data the condition needs. */
function holds(p: Plain, text: string, lookup: Lookup): boolean | undefined {
  if (p.countMin !== undefined || p.countMax !== undefined) {
    const n = text === '' ? 0 : text.split('\n').filter(line => line.trim() !== '').length
    if (p.countMin !== undefined && !(n >= Number(fill(p.countMin, lookup)))) return false
    if (p.countMax !== undefined && !(n <= Number(fill(p.countMax, lookup)))) return false
  }
  if (p.equals !== undefined) {
    const wanted = fill(p.equals, lookup).trim()
    if (text === '' && wanted !== '') return undefined
    if (text !== wanted) return false
  }
  if (p.matches !== undefined) {
    if (text === '') return undefined
    if (!regExp(typeof p.matches === 'string' ? p.matches : fillPattern(p.matches, lookup)).test(text)) return false
  }
  if (p.min === undefined && p.max === undefined) return true
  return within(text, p.min === undefined ? Number.NEGATIVE_INFINITY : Number(fill(p.min, lookup)), p.max === undefined ? Number.POSITIVE_INFINITY : Number(fill(p.max, lookup)))
}

function within(text: string, min: number, max: number): boolean | undefined {
  let inside = true
  let seen = false
  for (const line of text.split('\n')) {
    const word = line.trim()
    if (word === '') continue
    const value = Number(word)
    if (!Number.isFinite(value)) return undefined
    seen = true
    if (value < min || value > max) inside = false
  }
  return seen ? inside : undefined
}

/** A filled-in variable is a text, not a pattern. */
function fillPattern(template: Template, lookup: Lookup): string {
  if (typeof template === 'string') return template
  return template.map(part => (typeof part === 'string' ? part : fill([part], lookup).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))).join('')
}

const patterns = new Map<string, RegExp>()

function regExp(source: string): RegExp {
  let pattern = patterns.get(source)
  if (pattern === undefined) {
    if (patterns.size > 10_000) patterns.clear()
    pattern = new RegExp(source, 'm')
    patterns.set(source, pattern)
  }
  return pattern
}
