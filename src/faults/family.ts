import type { FaultKind } from '../engine.ts'
import type { Us } from '../kernel/index.ts'
import type { Anchor, Fault } from './schedule.ts'

/** A range with the value that stands for "as it usually is", and where the figures come from ([P] published, [M] measured, [J] judgement). */
export interface Range {
  readonly min: number
  readonly usual: number
  readonly max: number
  readonly source: string
}

/** How a fault weighs against the budget while it lasts and until what it touched is whole again (design §8). */
export type BudgetRule =
  /** The members it touches count for as long as it lasts, and then until they are whole. */
  | 'takes-away'
  /** The members it touches count while they are down, detached or behind. */
  | 'while-behind'
  /** It takes no member away. */
  | 'never'

/** One word of the fault vocabulary: everything about a kind that does not depend on the engine. */
export interface FaultSpec {
  readonly kind: FaultKind
  readonly family: string
  /** One line: what happens in the world. */
  readonly doc: string
  /** What it may strike, in words; the engine lists the targets themselves. */
  readonly strikes: string
  /** Which roles make sense as targets: it strikes any member (or the node or zone under it), only followers, only a leader, or no member at all. */
  readonly aimsAt: 'members' | 'followers' | 'leader' | 'elsewhere'
  /** How long it lasts, in µs. For what ends by itself (a crash): the time during which a restart is held up. */
  readonly durationUs: Range
  /** How strong it is; undefined = it has no strength, and the schedule's `magnitude` is ignored. */
  readonly magnitude: (Range & { readonly unit: string }) | undefined
  readonly budget: BudgetRule
  /** How many of the members it touches it can hold at once; undefined = all. A cut between two takes away one, whichever is behind. */
  readonly holdsAtMost?: number
  /** May last longer than 15 minutes and stay in budget: only the loss of a node or its volume, and a defective version that a scenario names. */
  readonly mayLast: boolean
  /**
   * Not drawn, and out of budget, unless a scenario names it: a mistake of the operator, a new version that is itself defective, corruption (design §8).
   * `strategy`: not drawn either, but always in budget: a strategy that explores (a sweep) asks for it by name.
   * undefined = drawn wherever the engine knows it.
   */
  readonly onlyWhenNamed?: 'operator-error' | 'defective-version' | 'corruption' | 'strategy'
  /** It changes the order of steps, so the operator of a script, whose order is bash's, cannot make it. undefined = every operator can. */
  readonly ofSteps?: true
  /** The phases of an anchor at which it can strike, the usual one first; undefined = all. */
  readonly phases?: readonly Anchor['phase'][]
  readonly example: Fault
}

/** A fault longer than this is out of budget, unless it {@link FaultSpec.mayLast} (design §8). */
export const LONGEST_IN_BUDGET_US: Us = 15 * 60 * 1_000_000
