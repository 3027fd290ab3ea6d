/**
 * Planted defects: what somebody might get wrong, put in on purpose, to see whether it is found. A defect is plain data and knows how it is put in;
 * who looks for it is `look.ts` (a runbook's, by rehearsals) and `mutate.ts` (a source's, by the tests that hold it).
 */
import type { BlockId } from '../../src/campaign/index.ts'
import type { FaultKind } from '../../src/engine.ts'
import type { Change } from '../variant.ts'

/** A runbook or a cluster that lacks something: the verdict of rehearsals must be `violated`, where it is `held` without the defect. */
export interface RunbookDefect {
  /** Short, unique, lower case with hyphens; begins with the pattern (`wheel-no-stop`). */
  readonly id: string
  /** What is wrong, for somebody who has never seen the runbook. */
  readonly what: string
  /** The built-in scenario that it is planted in: a corrected one, which holds. */
  readonly scenario: string
  readonly change: Change
  /**
   * Where to look, after the rehearsals without faults, if not under up to two faults at random: in this block of the sweep, cell by cell. For what
   * takes a certain fault at a certain moment (`faults`), or a rollback from a certain step (`rollback`), that is the surer way.
   */
  readonly look?: BlockId
  /** Only under these kinds of faults, where looking under all would take long; the figure is then that of the narrower search. */
  readonly kinds?: readonly FaultKind[]
  /** A limit on rehearsals, when looking further is known to be in vain: the defect is then reported as not found, which is an honest answer. */
  readonly most?: number
  /** Why it is not found, where that is known: it stays in the list. */
  readonly why?: string
}

/** A line of ours that is wrong: a rule of a model, a check, a measure, or the machinery around them. At least one of the tests named must fail. */
export interface SourceDefect {
  readonly id: string
  readonly what: string
  readonly patches: readonly Patch[]
  /** Test files, the likeliest first; they must not go through `dist` or worker threads, where a patch does not reach. */
  readonly tests: readonly string[]
}

export interface Patch {
  /** From the project's root: `src/checks/lost.ts`. */
  readonly file: string
  /** A text that stands in the file exactly once. */
  readonly find: string
  readonly replace: string
}

export type Defect = RunbookDefect | SourceDefect

/** Defects that are listed, looked for and reported together: one file in `lists/`. */
export interface Family {
  /** The name of its file, and of its file of results. */
  readonly name: string
  readonly title: string
  readonly defects: readonly Defect[]
}

export const isSource = (defect: Defect): defect is SourceDefect => 'patches' in defect

/** What looking for a defect came to. Plain data, committed in `results/`. */
export interface Finding {
  readonly found: boolean
  /** In words: which check of which kind of rehearsal, or which test. */
  readonly how: string
  /** Rehearsals until it was found (or in vain). For a source defect: tests run until the first failed. */
  readonly after: number
}
