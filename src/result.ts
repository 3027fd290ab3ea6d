/** What one rehearsal yields: plain data, no clocks, the same in any process. */
import type { Schedule } from './faults/schedule.ts'
import type { TraceRecord, Us } from './kernel/index.ts'

export type Outcome = 'completed' | 'rolledBack' | 'aborted' | 'stuck'
export type Status = 'pass' | 'fail' | 'notExercised' | 'notApplicable'

/** Every measure of design §9 by its name in the result file; the unit is part of the name. */
export const MEASURES = [
  'writeDowntimeSeconds',
  'longestWriteGapSeconds',
  'readDowntimeSeconds',
  'lostAcknowledgedWrites',
  'inherentLostWrites',
  'strandedWrites',
  'splitBrainSeconds',
  'splitBrainWrites',
  'divergentRows',
  'mixedVersionSeconds',
  'mixedVersionRequests',
  'forbiddenSkewSeconds',
  'redundancyExposedSeconds',
  'failedAttempts',
  'failedAfterRetry',
  'durationSeconds',
  'baseNodeHours',
  'extraNodeHours',
  'extraCostDollars',
  'peakMultiplier',
  'monthMultiplier',
  'capacityDeficitNodeHours',
] as const
export type MeasureId = (typeof MEASURES)[number]

export const CHECKS = [
  'no-acknowledged-write-lost',
  'no-split-brain',
  'no-forbidden-skew',
  'serves-at-end',
  'target-reached',
  'converges',
  'no-divergent-rows',
  'no-false-success',
  'rollback-safe',
  'terminates',
  'gates-honest',
  'linearizable',
  'objectives-met',
] as const
export type CheckId = (typeof CHECKS)[number]

/** What makes two failures the same one. */
export interface Signature {
  readonly check: CheckId
  /** overlap, behind-candidate, unreplicated-tail, wiped, destroyed-volume, no-endpoint, ack-hang … */
  readonly cause: string
  /** The runbook step it hangs on, or `-`. */
  readonly step: string
}

/** One clause of a because-chain: an event with its instant and, where one did it, its runbook step. */
export interface Clause {
  readonly atUs: Us
  readonly text: string
  readonly step?: string
  readonly node?: string
}

export interface Verdict {
  readonly check: CheckId
  readonly status: Status
  /** One line of evidence, with numbers. */
  readonly evidence: string
  /** Present on a failure. */
  readonly signature?: Signature
  /** From the effect back to its root, effect first. Present on a failure. */
  readonly because?: readonly Clause[]
}

export interface StepRecord {
  readonly step: string
  readonly title: string
  readonly path: 'forward' | 'undo'
  readonly visit: number
  readonly startUs: Us
  readonly endUs: Us | undefined
  readonly result: 'done' | 'failed' | 'skipped' | 'open'
  /** Write downtime that fell into it (weighted, µs). */
  readonly writeDowntimeUs: Us
  readonly commands: number
}

export interface GateRecord {
  readonly step: string
  readonly path: 'forward' | 'undo'
  readonly visit: number
  readonly passed: boolean
  readonly polls: number
  /** Passed (or not) on empty, non-numeric or failed output. */
  readonly missing: boolean
  /** Decided on an output that showed an older state than that of its instant. */
  readonly stale: boolean
  /** Some poll said no: the gate held the runbook up, or stopped it. */
  readonly waited: boolean
  readonly claims: readonly string[]
  /** Of a guard of a script: it ended the script. */
  readonly stopped?: boolean
  /** For gates with `claims`: whether the claim was true when the gate passed. */
  readonly honest: boolean | undefined
}

/** A change of one member, for the role/version strip of a story. */
export interface MemberChange {
  readonly atUs: Us
  readonly member: string
  readonly node: string | undefined
  readonly running: boolean
  readonly role: 'leader' | 'follower' | 'none'
  readonly timeline: number | undefined
  readonly versions: Readonly<Record<string, string>>
  /** It is a member no more: scaled away, or deleted for good. One that only does not run is still one. */
  readonly gone?: true
}

/** What became of one fault of a schedule. */
export interface FaultOutcome {
  /** Its position in the schedule. */
  readonly nth: number
  readonly kind: string
  /** As resolved when it struck; as written when it did not. */
  readonly target: string
  readonly atUs: Us
  readonly endUs: Us | undefined
  readonly struck: boolean
  /** Why it did not strike; empty when it did. */
  readonly why: string
  /** The step that was open when it struck, with its path (`undo of …`); `-` between steps. */
  readonly step: string
  /** What it did, in words (after `the operator`), where its kind and target do not say it all; else empty. */
  readonly words: string
  /** The cluster at that instant, short: one sign a member in order (see `situationOf` in `faults/situation.ts`); empty when it did not strike. */
  readonly situation: string
}

/** A step whose commands were to change the cluster, and of which none did. */
export interface FailedDeed {
  readonly step: string
  /** The first of them that failed, and the first line of what it said. */
  readonly command: string
  readonly said: string
  /** Nothing looked at the failure. */
  readonly unseen: boolean
}

/** What came of the commands that were to change the cluster, on the way forward. */
export interface Deeds {
  /** Steps in which one of them did. */
  readonly done: number
  readonly failed: readonly FailedDeed[]
  /** Loops that would have changed something and made no pass. */
  readonly barren: readonly { readonly step: string; readonly text: string }[]
}

export interface RehearsalResult {
  readonly outcome: Outcome
  readonly outcomeReason: string
  readonly hash: string
  readonly schedule: Schedule
  /** Faults of the schedule that struck something. */
  readonly struck: number
  /** What became of each fault of the schedule, in order of time; those whose time or anchor never came are last. */
  readonly faults: readonly FaultOutcome[]
  readonly inBudget: boolean
  readonly measures: Readonly<Record<MeasureId, number>>
  readonly verdicts: readonly Verdict[]
  readonly steps: readonly StepRecord[]
  readonly gates: readonly GateRecord[]
  /** Undo edges taken, by step. */
  readonly undone: readonly string[]
  /** Absent where the runbook is rehearsed as a second run of itself: then there may be nothing left to do. */
  readonly deeds?: Deeds
  readonly simulatedUs: Us
  readonly eventsRun: number
  /** Only when recorded. */
  readonly story?: {
    /** What the number of a line of history (`timeline`) is called here; empty where it is no word of the engine. */
    readonly line: string
    readonly trace: readonly TraceRecord[]
    readonly members: readonly MemberChange[]
    /** Availability of each cohort: state changes. */
    readonly clients: readonly { readonly atUs: Us; readonly client: string; readonly state: string; /** The server that its writes end on. */ readonly on?: string | undefined; /** What it was told, where it cannot write. */ readonly error?: string | undefined }[]
    /** The logs (one a key share), with the members that had a copy of each and the clients that write to it. */
    readonly logs?: readonly { readonly log: string; readonly members: readonly string[]; readonly clients: readonly string[] }[]
    readonly commands: readonly CommandRecord[]
    /** The versions that the upgrade is meant to reach, by component. */
    readonly targets?: Readonly<Record<string, string>>
    readonly faults: readonly { readonly atUs: Us; readonly endUs: Us | undefined; readonly kind: string; readonly target: string; readonly struck: boolean; readonly why: string; readonly words: string; /** Whom it touched. */ readonly members?: readonly string[] }[]
    /** Of a shell script: what ran, in the order it ended. Of a run of thousands of commands the middle is left out. */
    readonly lines: readonly LineRecord[]
    /** Who could acknowledge a write, from each change on. */
    readonly acknowledgers: readonly { readonly atUs: Us; readonly members: readonly string[] }[]
    /** How old what each follower had flushed was on its leader; undefined while it follows nobody. */
    readonly lag: readonly { readonly atUs: Us; readonly member: string; readonly lagUs: Us | undefined }[]
    readonly windows: readonly StoryWindow[]
    /** What became of acknowledged writes that the history that counts lacks. */
    readonly losses: readonly StoryLoss[]
  }
}

/** A command that the operator typed, at the instant it was issued. */
export interface CommandRecord {
  readonly atUs: Us
  readonly step: string
  /** Of a pipeline those of its command of the simulated world; `stages` are the words of each of its programs. */
  readonly argv: readonly string[]
  readonly stages?: readonly (readonly string[])[]
  /** The command failed in front of a pipe; `code` is that of the program behind it. */
  readonly sourceFailed?: true
  /** It is a command that changes something; others only look. */
  readonly acted?: true
  /** undefined: it has not returned. */
  readonly code: number | undefined
  readonly out: string
  readonly err: string
}

/** A command of a script that ran. */
export interface LineRecord {
  /** When it began, and when it had ended. */
  readonly atUs: Us
  readonly endUs: Us
  /** The line's id: `L12`, or `b.sh:12` of several scripts. It is a step's where the line starts a program. */
  readonly line: string
  /** The whole line as written; and the command on it that ended. */
  readonly text: string
  readonly command: string
  readonly argv: readonly string[]
  readonly status: number
  /** What looked at the status: a condition, `set -e`, a trap on ERR, a `$?` behind it, whoever ran the script (`end`); null = nothing did. */
  readonly readBy: 'condition' | 'errexit' | 'trap' | '$?' | 'end' | null
  /** Where its output went; `script`: into a variable or the next program. */
  readonly outputTo: 'terminal' | 'script' | 'file' | 'nowhere'
  readonly out: string
  readonly err: string
  /** Variables it assigned, with their values. */
  readonly assigned: Readonly<Record<string, string>>
}

/** A stretch of time in which something was so that measures count. */
export interface StoryWindow {
  readonly is: 'writesDown' | 'readsDown' | 'split' | 'mixed' | 'skew' | 'exposed'
  readonly fromUs: Us
  readonly toUs: Us
  /** Still so at the end of the horizon. */
  readonly open: boolean
  /** The cohort, the members or the component concerned; empty where it is the cluster. */
  readonly who: string
}

export interface StoryLoss {
  readonly writes: number
  readonly inherent: boolean
  readonly fate: 'stranded' | 'destroyed'
  /** Where they still lie. */
  readonly holders: readonly string[]
  /** Who acknowledged them, and when (first and last). */
  readonly leader: string | undefined
  readonly fromUs: Us
  readonly toUs: Us
  readonly timeline: number
}
