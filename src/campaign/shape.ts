/**
 * The shape of what Proofroll reads back from its own files. Within one format fields are added from version to version, and a file may have been
 * cut or edited: what is missing is named once, at the door, instead of failing somewhere in the middle of a report. The compiler holds these
 * shapes against the types: a new field of a result must be entered here.
 */
import { CHECKS, MEASURES } from '../result.ts'
import type { Signature } from '../result.ts'
import type { Anchor, Fault } from '../faults/schedule.ts'
import { FAULT_KINDS, isOwnKind } from '../faults/index.ts'
import type { ScenarioSource } from '../scenario/scenario.ts'
import { OUTCOMES } from './aggregate.ts'

/** What is wrong with a value, or undefined. @param path where it stands, for the message */
export type Shape = (value: unknown, path: string) => string | undefined

const of = (type: 'number' | 'string' | 'boolean', words: string): Shape => (value, path) => (typeof value === type ? undefined : missing(value, path, words))
export const number = of('number', 'a number')
export const text = of('string', 'text')
export const flag = of('boolean', 'true or false')
export const anything: Shape = () => undefined
/** A sum that may pass 2^53. */
export const digits: Shape = (value, path) => (typeof value === 'string' && /^\d+$/.test(value) ? undefined : missing(value, path, 'digits'))
/** Words of a sketch, `bucket:count`. */
const buckets: Shape = (value, path) => (typeof value === 'string' && /^(?:\d+:\d+(?: (?!$)|$))*$/.test(value) ? undefined : missing(value, path, '`bucket:count` words'))

export const optional = (shape: Shape): Shape => (value, path) => (value === undefined ? undefined : shape(value, path))
export const orNull = (shape: Shape): Shape => (value, path) => (value === null ? undefined : shape(value, path))

/** One word of a list. */
export const word = (words: readonly string[]): Shape => (value, path) => (typeof value === 'string' && words.includes(value) ? undefined : missing(value, path, `one of ${words.join(', ')}`))

/** One word of a list, or a name that a test suite made. */
const wordOrOwn = (words: readonly string[]): Shape => (value, path) => (typeof value === 'string' && isOwnKind(value) ? undefined : word(words)(value, path))

export const list = (each: Shape): Shape => (value, path) => (Array.isArray(value) ? firstOf(value.map((item: unknown, i) => () => each(item, `${path}[${i}]`))) : missing(value, path, 'a list'))

/** Values under any keys. */
export const values = (each: Shape): Shape => (value, path) => (isRecord(value) ? firstOf(Object.entries(value).map(([key, item]) => () => each(item, `${path}.${key}`))) : missing(value, path, 'an object'))

/** A value under each of these keys. */
export const under = (keys: readonly string[], each: Shape): Shape => (value, path) => (isRecord(value) ? firstOf(keys.map((key) => () => each(value[key], `${path}.${key}`))) : missing(value, path, 'an object'))

/** Every field of `T`; others are let be: a newer version may have added them. */
export function object<T>(fields: { readonly [K in keyof T]-?: Shape }): Shape {
  const entries = Object.entries(fields) as [string, Shape][]
  return (value, path) => (isRecord(value) ? firstOf(entries.map(([key, shape]) => () => shape(value[key], path === '' ? key : `${path}.${key}`))) : missing(value, path, 'an object'))
}

function firstOf(tries: readonly (() => string | undefined)[]): string | undefined {
  for (const each of tries) {
    const wrong = each()
    if (wrong !== undefined) return wrong
  }
  return undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function missing(value: unknown, path: string, wanted: string): string {
  return value === undefined ? `\`${path}\` is missing` : `\`${path}\` is not ${wanted}`
}

// ── what several files have ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const count = values(number)
export const perOutcome = under(OUTCOMES, number)
export const outcome = word(OUTCOMES)
export const status = word(['pass', 'fail', 'notExercised', 'notApplicable'])
export const pair = list(number)
export const ranges = list(pair)
export const sketch = object<{ count: number; sum: string; min: number; max: number; buckets: string }>({ count: number, sum: digits, min: number, max: number, buckets })
export const clauses = list(object<{ atUs: number; text: string }>({ atUs: number, text }))
export const signature = object<Signature>({ check: wordOrOwn(CHECKS), cause: text, step: text })
export const source = object<ScenarioSource>({ name: text, yaml: text, files: values(text), set: values(text) })
export const perMeasure = (each: Shape): Shape => under(MEASURES, each)
export const perCheck = (each: Shape): Shape => under(CHECKS, each)

const anchor = object<Anchor>({ step: text, path: word(['forward', 'undo']), visit: number, phase: word(['start', 'await', 'end']), command: number, offsetUs: number })
const at: Shape = (value, path) => (typeof value === 'number' ? undefined : anchor(value, path))
const fault = object<Fault>({ kind: wordOrOwn(FAULT_KINDS), target: text, at, durationUs: number, magnitude: number })
export const schedule = list(fault)
