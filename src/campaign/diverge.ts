/** A run whose repetition had another trace: where the two part. */
import type { TraceRecord } from '../kernel/index.ts'
import type { RehearsalResult } from '../result.ts'

/** One event of a trace, as far as it is hashed, with its words for people. */
export interface DivergingEvent {
  readonly atUs: number
  readonly kind: string
  readonly node: string
  readonly payload: number
  readonly detail: string
}

export interface Divergence {
  readonly run: number
  /** Number of the first event that differs, from 0; null when the recorded repetitions were all alike. */
  readonly event: number | null
  /** The event in either trace; null = that trace had already ended. */
  readonly first: DivergingEvent | null
  readonly second: DivergingEvent | null
}

/** Recorded rehearsals that are tried to see a difference again. */
const RECORDINGS = 4

/** Rehearses a run a few times more, recorded, and finds the first event in which two of them differ. */
export function findDivergence(run: number, record: () => RehearsalResult): Divergence {
  const first = record()
  for (let nth = 1; nth < RECORDINGS; nth++) {
    const again = record()
    if (again.hash === first.hash) continue
    return { run, ...firstDifference(first.story?.trace ?? [], again.story?.trace ?? []) }
  }
  return { run, event: null, first: null, second: null }
}

/** The first position at which two traces differ in what is hashed: time, kind, node or payload. */
export function firstDifference(a: readonly TraceRecord[], b: readonly TraceRecord[]): Omit<Divergence, 'run'> {
  const end = Math.max(a.length, b.length)
  for (let event = 0; event < end; event++) {
    const [first, second] = [a[event], b[event]]
    if (first !== undefined && second !== undefined && isSame(first, second)) continue
    return { event, first: first === undefined ? null : plainly(first), second: second === undefined ? null : plainly(second) }
  }
  return { event: null, first: null, second: null }
}

function isSame(a: TraceRecord, b: TraceRecord): boolean {
  return a.atUs === b.atUs && a.label === b.label && a.node === b.node && Object.is(a.payload, b.payload)
}

function plainly({ atUs, label, node, payload, detail }: TraceRecord): DivergingEvent {
  return { atUs, kind: label, node, payload, detail }
}
