import type { FaultKind } from '../engine.ts'
import type { Us } from '../kernel/index.ts'

/**
 * Where in the runbook a fault strikes. `step` is a step id; a loop pass, retry or resume is a new `visit` (from 1). `start` is before the
 * step's first command, `await` an `offsetUs` after command number `command` (from 1; each gate poll is one) is issued, at the latest when
 * it returns; `end` is after the step is done. An anchor that is never reached is *not struck*.
 */
export interface Anchor {
  readonly step: string
  readonly path: 'forward' | 'undo'
  readonly visit: number
  readonly phase: 'start' | 'await' | 'end'
  readonly command: number
  readonly offsetUs: Us
}

/** One fault of a schedule: plain data, one record shape for every kind. */
export interface Fault {
  readonly kind: FaultKind
  /** A target of the engine (`node:aks-1`), or a role resolved when it strikes: `role:leader`, `role:follower/0`, `any/3` (modulo). */
  readonly target: string
  /** A time since the runbook's first step, in µs, or an anchor. */
  readonly at: Us | Anchor
  readonly durationUs: Us
  /** In the unit that the kind declares; kinds without strength ignore it. */
  readonly magnitude: number
}

/** The faults of one run. */
export type Schedule = readonly Fault[]
