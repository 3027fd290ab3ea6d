/** What checks may read: recorded facts of one rehearsal, no live model. */
import type { Budget, Departure, HistoryWords, Member, Promotion } from '../engine.ts'
import type { TraceRecord, Us } from '../kernel/index.ts'
import type { FaultRecord, Recording } from '../measures/index.ts'
import type { CheckId, GateRecord, Outcome, Verdict } from '../result.ts'
import type { Objective } from '../scenario/scenario.ts'
import type { FreshWrite } from '../workload/index.ts'
import type { RegisterHistory } from './register.ts'

/** A follower's place in history beside the authority's, judged at the end. */
export interface MemberAtEnd extends Omit<Member, 'copy'> {
  /** Its copy holds bytes that the authority's history lacks. Undefined when it has no copy or there is no authority. */
  readonly diverged: boolean | undefined
  /** The log of its copy: a fleet has several. Undefined when it has no copy. */
  readonly log?: string | undefined
  /** Why it does not follow, in the database's own words. */
  readonly trouble?: string | undefined
}

/** A cohort at the end of the horizon. */
export interface ClientAtEnd {
  readonly id: string
  readonly state: string
  readonly error: string
  readonly backend: string | undefined
  readonly writing: boolean
}

export interface Facts {
  /** What places in history are called here. */
  readonly history: HistoryWords
  readonly outcome: Outcome
  readonly outcomeReason: string
  readonly recording: Recording
  readonly gates: readonly GateRecord[]
  readonly promotions: readonly Promotion[]
  readonly departures: readonly Departure[]
  readonly faults: readonly FaultRecord[]
  readonly promise: 'asynchronous' | 'synchronous'
  readonly expectedMembers: number
  readonly targetVersions: Readonly<Record<string, string>>
  /** At the end: where versions stand apart from members, by component. */
  readonly versionsAround: Readonly<Record<string, readonly { readonly name: string; readonly version: string }[]>>
  /** Components of these whose target nobody stated. */
  readonly assumedTargets: readonly string[]
  /** At the end of the horizon, in the order of the truth. */
  readonly members: readonly MemberAtEnd[]
  /** Who could acknowledge a write at the end. */
  readonly couldAcknowledge: readonly string[]
  /** Who leads at the end and waits for nobody although the promise says so; empty where that is not the server's choice. */
  readonly acknowledgeAlone: readonly string[]
  /** What a fresh client of each log finds at the end. */
  readonly fresh: readonly { readonly log: string; readonly found: FreshWrite }[]
  readonly clients: readonly ClientAtEnd[]
  readonly objectives: readonly Objective[]
  readonly deadlineUs: Us
  /** The step that the author declares as the point of no return. */
  readonly pointOfNoReturn?: string | undefined
  /** Only of a recorded run. */
  readonly trace: readonly TraceRecord[] | undefined
  /** Traced operations on registers; undefined when none were traced. */
  readonly registers: readonly RegisterHistory[] | undefined
  readonly budget: Budget
}

/** One property. `others` are the verdicts so far, for the check that judges them together. */
export interface Check {
  readonly id: CheckId
  judge(facts: Facts, others: readonly Verdict[]): Verdict
}
