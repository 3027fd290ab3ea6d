import type { Us } from '../kernel/index.ts'
import type { Output } from './command.ts'
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
}

export interface ReturnedEvent extends Where {
  readonly command: number
  readonly argv: readonly string[]
  readonly output: Output
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
}

/** One move of control: what the statechart is fed with. `step` is an index of the plan. */
export interface ControlEvent {
  readonly is: 'enter' | 'skip' | 'done' | 'fail' | 'items' | 'kill' | 'resume' | 'deadline'
  readonly step: number
  /** For `items`: how many passes the body will have (a group's has one). */
  readonly count?: number
}

/** Told what the operator does as it happens. Every method may be left out. What it does to the world it should schedule, not do at once. */
export interface OperatorObserver {
  phase?(e: PhaseEvent): void
  commandReturned?(e: ReturnedEvent): void
  gate?(e: GateEvent): void
  outcome?(outcome: Outcome, reason: string, atUs: Us): void
  control?(e: ControlEvent): void
  /** The number of the next poll (at least `from`) of this visit that must not be elided because a fault is anchored to it; undefined if none. */
  wantsPoll?(step: string, path: StepPath, visit: number, from: number): number | undefined
}

/** Operator errors, as faults inject them. */
export interface Slips {
  /** Asked when a step is about to start: leave it out, or do it twice. */
  decide?(step: string, path: StepPath, visit: number): 'skip' | 'twice' | undefined
  /** What is really typed instead of `argv` (the wrong node, say). */
  retype?(argv: readonly string[], step: string, path: StepPath, visit: number): readonly string[]
}
