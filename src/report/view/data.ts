/**
 * What a report shows, as plain data: made once from results and recorded rehearsals, embedded in the page, and drawn as charts. Instants are
 * microseconds since the runbook's first step; `Us` values are whole numbers.
 */
import type { StoryWindow } from '../../result.ts'

/** How a group of clients fared for a while. `slow`: waiting, no error · `unknown`: no answer, nobody knows whether the write happened. */
export type Availability = 'ok' | 'slow' | 'error' | 'unknown' | 'idle'

export interface Span {
  readonly fromUs: number
  readonly toUs: number
}

export interface MemberSpan extends Span {
  readonly state: 'leader' | 'follower' | 'none' | 'down'
  readonly timeline: number | null
  /** Of the component that changes; empty when unknown. */
  readonly version: string
  readonly node: string
}

export interface MemberLane {
  readonly member: string
  readonly spans: readonly MemberSpan[]
  /** Seconds behind its leader: instant, value; a null breaks the line. */
  readonly lag: readonly (readonly [atUs: number, seconds: number | null])[]
}

export interface ClientSpan extends Span {
  readonly is: Availability
  /** The connection's own word: `writable`, `held`, … */
  readonly label: string
}

export interface ClientLane {
  readonly client: string
  readonly spans: readonly ClientSpan[]
}

export interface GateMark {
  readonly passed: boolean
  readonly polls: number
  readonly missing: boolean
  readonly stale: boolean
  readonly honest: boolean | null
  readonly claims: readonly string[]
  /** Some look said no. */
  readonly waited: boolean
  /** For how long the answer had to stay yes; 0 = one look is enough. */
  readonly forUs: number
}

/** One visit of a step. */
export interface StepSpan extends Span {
  readonly step: string
  /** Number and id: `3.4 promote`; on the way back `undo of 3.4 promote`. */
  readonly label: string
  readonly number: string
  readonly undo: boolean
  readonly visit: number
  readonly result: 'done' | 'failed' | 'skipped' | 'open'
  readonly container: boolean
  /** A command printed an error, and its status said success. */
  readonly erred: boolean
  readonly gate: GateMark | null
}

export interface FaultSpan extends Span {
  readonly kind: string
  readonly target: string
  readonly struck: boolean
  /** The whole fault in words. */
  readonly words: string
}

export interface WindowSpan extends Span {
  readonly is: StoryWindow['is']
  readonly open: boolean
  readonly who: string
}

/** A command, the whole pipeline, with the beginning of its output. */
export interface CommandMark {
  readonly atUs: number
  readonly step: string
  readonly line: string
  readonly code: number | null
  readonly out: string
  /** What a gate made of it: `yes`, `no`, `yes, without data`; empty where that is not known. */
  readonly said: string
}

/** One rehearsal on one time axis. */
export interface Timeline {
  readonly endUs: number
  readonly operatorEndUs: number
  readonly outcome: string
  readonly steps: readonly StepSpan[]
  readonly clients: readonly ClientLane[]
  readonly members: readonly MemberLane[]
  /** Versions in the order in which they were met, of the component named. */
  readonly component: string
  readonly versions: readonly string[]
  /** What the engine calls the number of a line of history (`timeline`, `term`); empty where it numbers none. */
  readonly line: string
  /** How many could acknowledge a write, from each change on; and who, unless they are too many to be named. */
  readonly quorum: readonly { readonly atUs: number; readonly count: number; readonly members: readonly string[] }[]
  readonly faults: readonly FaultSpan[]
  readonly windows: readonly WindowSpan[]
  readonly commands: readonly CommandMark[]
  /** What had no room here, as phrases with their counts; the trace file has all. */
  readonly leftOut: readonly string[]
  /** Where the author declares the point of no return. */
  readonly noReturnUs: number | null
}

/** A distribution of a measure over rehearsals, in bars of equal width. Figures are in the unit; `words` has them as people say them. */
export interface Distribution {
  readonly measure: string
  readonly name: string
  readonly unit: string
  /** Bars: lower end, upper end (in the unit), how many rehearsals. */
  readonly bars: readonly (readonly [from: number, to: number, runs: number])[]
  readonly runs: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
  readonly mean: number
  /** What the document promises, and what the objectives allow. */
  readonly claimed: number | null
  readonly allowed: number | null
  readonly words: { readonly p50: string; readonly p99: string; readonly max: string; readonly claimed: string; readonly allowed: string }
  /** Rehearsals so far out that bars for them would squeeze all others into one: they are counted, not drawn. */
  readonly beyond: number
}

/** Steps × fault kinds with the worst that came of each. */
export interface HeatMap {
  readonly heading: string
  readonly rows: readonly string[]
  readonly columns: readonly { readonly kind: string; readonly family: string }[]
  readonly cells: readonly { readonly row: string; readonly kind: string; readonly fate: string; readonly runs: number; readonly broken: number }[]
  readonly legend: readonly { readonly id: string; readonly sign: string; readonly means: string }[]
}
