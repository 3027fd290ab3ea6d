import type { Us } from '../kernel/index.ts'
import type { Call, Look, Output } from './command.ts'
import type { StepPath } from './plan.ts'

export type Outcome = 'completed' | 'rolledBack' | 'aborted' | 'stuck'

interface Where {
  readonly step: string
  readonly path: StepPath
  /** Counts from 1; a loop pass, a retry and a resume are each a new visit. */
  readonly visit: number
  readonly atUs: Us
}

/** `start`: before the first command; `await`: a command (counted from 1; each poll is one) was issued; `end`: after `done`. */
export interface PhaseEvent extends Where {
  readonly title: string
  readonly phase: 'start' | 'await' | 'end'
  readonly command?: number
  readonly argv?: readonly string[]
  /** Of a pipeline: the words of each of its programs. */
  readonly stages?: readonly (readonly string[])[]
}

export interface ReturnedEvent extends Where {
  readonly command: number
  readonly argv: readonly string[]
  readonly output: Output
  /** It was to change something (see `Deed`). */
  readonly acted?: boolean
  /** It failed, and nothing looks at that: the runbook goes on. */
  readonly unseen?: boolean
}

/** A loop over what commands printed made no pass, and what stands in it would have changed something. */
export interface BarrenEvent {
  readonly step: string
  /** The loop as written. */
  readonly text: string
  readonly atUs: Us
}

export interface GateEvent extends Where {
  readonly passed: boolean
  /** Polls that had returned, elided ones included. */
  readonly polls: number
  /** The output that decided (of the last poll that returned). */
  readonly output: Output
  /** The instant that output was judged at; the claims are about this instant. */
  readonly judgedUs: Us
  readonly claims: readonly { readonly name: string; readonly args: readonly string[] }[]
  /** It passed, or failed, on missing data. */
  readonly missing: boolean
  /** The output showed a state older than the instant it was judged at. */
  readonly stale: boolean
  readonly asOfUs: Us
  /** Some poll did not show what was expected: the gate held the runbook up, or stopped it. */
  readonly waited: boolean
}

/** One move of control: what the statechart is fed with. `step` is an index of the plan. */
export interface ControlEvent {
  readonly is: 'enter' | 'skip' | 'swap' | 'done' | 'fail' | 'items' | 'kill' | 'resume' | 'rollback' | 'deadline'
  readonly step: number
  /** For `items`: how many passes the body will have (a group's has one). */
  readonly count?: number
}

/** A command of a script has ended: a program of the simulated world, a builtin, a text program, a function, `[[ … ]]`. */
export interface LineEvent {
  /** The line's id, as that of a step: `L12`, `b.sh:12`. */
  readonly line: string
  /** The whole line as written; and the command that ended. */
  readonly text: string
  readonly command: string
  /** What it was told, expanded; empty for assignments and `[[ … ]]`. */
  readonly argv: readonly string[]
  readonly sinceUs: Us
  readonly atUs: Us
  readonly status: number
  /** What looks at the status: a condition, `set -e`, a trap on ERR, a later `$?`, whoever ran the script (`end`); undefined = nothing. */
  readonly readBy: 'condition' | 'errexit' | 'trap' | '$?' | 'end' | undefined
  /** Where its output went; `script`: into a variable or the next program. */
  readonly outputTo: 'terminal' | 'script' | 'file' | 'nowhere'
  readonly out: string
  readonly err: string
  /** Variables it assigned, with their values. */
  readonly assigned: Readonly<Record<string, string>>
}

/** A guard of a script has decided: what a gate is to a runbook of steps. */
export interface GuardEvent {
  /** The line and what stands there: `L12 (||)`, `L20 (until)`, `L8 (set -e)`. */
  readonly guard: string
  readonly visit: number
  readonly atUs: Us
  /** The script goes on as if all were well. */
  readonly passed: boolean
  /** It ends the script. */
  readonly stopped: boolean
  /** Looks, of a loop that waits. */
  readonly polls: number
  /** Some look said no. */
  readonly waited: boolean
  /** It went by an empty or failed answer, or by no number where one was needed; by an answer that was old when it came. */
  readonly missing: boolean
  readonly stale: boolean
  /** What it asserts by passing, as far as its author says so; and the instant from which on the truth of that counts: when its last answer came. */
  readonly claims: readonly { readonly name: string; readonly args: readonly string[] }[]
  readonly judgedUs: Us
}

/** Told what the operator does as it happens. Every method may be left out. What it does to the world it should schedule, not do at once. */
export interface OperatorObserver {
  phase?(e: PhaseEvent): void
  commandReturned?(e: ReturnedEvent): void
  gate?(e: GateEvent): void
  barren?(e: BarrenEvent): void
  /** Of scripts alone. */
  guard?(e: GuardEvent): void
  /** A guard that claims something begins to look: the truth of that is worth following. Of scripts alone. */
  claiming?(claims: GuardEvent['claims']): void
  outcome?(outcome: Outcome, reason: string, atUs: Us): void
  control?(e: ControlEvent): void
  /** Of scripts alone, and only for whoever asks for it: every command that has ended. */
  line?(e: LineEvent): void
  /** The number of the next poll (at least `from`) of this visit that must not be elided because a fault is anchored to it; undefined if none. */
  wantsPoll?(step: string, path: StepPath, visit: number, from: number): number | undefined
}

/** Operator errors, as faults inject them. What is asked for may be anything; the answer must hang on the arguments and on the faults alone. */
export interface Slips {
  /**
   * Asked when a step is reached, before it is begun: pass it over (a visit without a deed), or do the one after it first.
   * `next` is the step that it could change places with; undefined when it is the last of its list or has changed places already.
   */
  decide?(step: string, path: StepPath, visit: number, next: string | undefined): 'skip' | 'swap' | undefined
  /** Asked when a visit has ended well: is it all done once more? */
  again?(step: string, path: StepPath, visit: number): boolean
  /** What is really typed instead of `argv` (the wrong node, say) in the visit's command number `command`; `argv` itself when nothing changes. */
  retype?(argv: readonly string[], step: string, path: StepPath, visit: number, command: number): readonly string[]
  /** How the person misreads what commands show in this visit; undefined = not at all. */
  reread?(step: string, path: StepPath, visit: number): Rereading | undefined
  /** Whether a gate is waved through: one poll, and it passes whatever that showed. */
  wave?(step: string, path: StepPath, visit: number): boolean
}

/** What a person takes a command's present output to be. */
export type Rereading = (call: Call, look: Look) => Look
