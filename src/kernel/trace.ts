import { hashText } from './hash.ts'
import type { Us } from './time.ts'

/** A sort of event that can appear in a trace. Its number comes from its label, so it is the same in every process. */
export interface EventKind {
  readonly label: string
  readonly number: number
}

/** Declares a sort of event, named `model.what-happened`. */
export function defineEvent(label: string): EventKind {
  return { label, number: hashText(label).low & 0x7fffffff }
}

/** One line of a recorded trace. `detail` is for people and never hashed. */
export interface TraceRecord {
  readonly atUs: Us
  readonly label: string
  readonly node: string
  readonly payload: number
  readonly detail: string
}
