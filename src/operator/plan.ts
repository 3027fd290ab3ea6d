import type { Us } from '../kernel/index.ts'
import type { Expectation } from './expect.ts'
import type { Decisions } from './script/decisions.ts'
import type { Given, Script } from './shell/syntax.ts'
import type { CommandLine, Template } from './words.ts'

/** Where something stands in a file; line and column count from 1, and are 0 for a runbook written in TypeScript. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** The end of a path: no step has this index. */
export const END = -1

export type StepPath = 'forward' | 'undo'

/** What follows a failure. */
export type Policy = { readonly is: 'rollback' } | { readonly is: 'abort' } | { readonly is: 'continue' } | { readonly is: 'goto'; readonly step: number }

export interface Claim {
  readonly name: string
  readonly args: readonly Template[]
}

/** A command line and where it stands. */
export interface PlacedLine extends CommandLine {
  readonly place: Place
}

export type Action =
  | { readonly kind: 'run'; readonly lines: readonly PlacedLine[]; readonly expect: Expectation | undefined; readonly timeoutUs: Us }
  | { readonly kind: 'parallel'; readonly lines: readonly PlacedLine[]; readonly expect: Expectation | undefined; readonly timeoutUs: Us }
  | { readonly kind: 'gate'; readonly line: PlacedLine; readonly expect: Expectation; readonly everyUs: Us; readonly forUs: Us; readonly timeoutUs: Us; readonly claims: readonly Claim[] }
  | { readonly kind: 'sleep'; readonly us: Us }
  | { readonly kind: 'pick'; readonly pick: Pick }
  | { readonly kind: 'forEach'; readonly items: { readonly by: 'lines' | 'words'; readonly from: Template } | { readonly by: 'list'; readonly list: readonly Template[] }; readonly as: string; readonly first: number }
  | { readonly kind: 'group'; readonly first: number }
  | { readonly kind: 'fail'; readonly reason: Template }
  | { readonly kind: 'note' }

/** How a candidate is chosen from the lines of an output. */
export interface Pick {
  readonly from: Template
  readonly separator: RegExp | undefined
  readonly skip: number
  readonly where: readonly { readonly column: number; readonly expect: Expectation }[]
  readonly column: number | undefined
  readonly by: 'largest' | 'smallest'
  readonly compare: 'number' | 'lsn' | 'text' | undefined
  readonly take: number
  readonly as: string
}

/** A step ready to be executed. Steps of the forward path come first, in the order they are written; undo steps after them. */
export interface PlanStep {
  readonly index: number
  readonly id: string
  readonly title: string
  readonly path: StepPath
  /** For the faults' and the reader's eyes: the id of the step that an undo step takes back (its own id on the forward path). */
  readonly owner: string
  readonly place: Place
  /** The step it is nested in, or END. */
  readonly parent: number
  /** The `forEach` steps around it, outermost first. */
  readonly loops: readonly number[]
  /** Where the path goes on after it; `closes` when that is back at its parent, whose body it ends. */
  readonly next: number
  readonly closes: boolean
  readonly action: Action
  readonly as: string | undefined
  /** Gathers the output of each pass of the innermost loop around it, a line each. */
  readonly collect: string | undefined
  readonly when: { readonly value: Template; readonly expect: Expectation } | undefined
  readonly otherwise: Policy
  /** Whether the author wrote `otherwise` (on the step, around it, or for the whole runbook). */
  readonly otherwiseDeclared: boolean
  readonly retry: { readonly times: number; readonly everyUs: Us } | undefined
  readonly resume: 'rerun' | 'skip' | 'stop'
  readonly pointOfNoReturn: boolean
  /** The first step of its undo, or END. */
  readonly undo: number
  readonly note: string | undefined
}

/** A compiled runbook: immutable, made once for a scenario and shared by all its runs. */
export interface Plan {
  readonly title: string
  readonly description: string
  readonly source: string
  /** The file it was read from, for messages; empty when written in TypeScript. */
  readonly file: string
  readonly vars: ReadonlyMap<string, string>
  readonly steps: readonly PlanStep[]
  /** The first forward step. */
  readonly entry: number
  /** The first step of the whole runbook's undo, or END. */
  readonly undo: number
  readonly pointOfNoReturn: number | undefined
  readonly byId: ReadonlyMap<string, number>
  /** Shell scripts instead of steps: the steps are then their lines, and a shell decides which comes next. */
  readonly script?: {
    readonly scripts: readonly Script[]
    /** What each of them is started with. */
    readonly given: Given
    /** Files of the workstation, by absolute path. */
    readonly mounted: ReadonlyMap<string, string>
    /** Functions whose commands belong to the line that calls them. */
    readonly helpers: ReadonlySet<string>
    /** Ids of the lines that can stop the script, or hold it up, because of what a command on them shows. */
    readonly guards: ReadonlySet<string>
    /** What in them can stop the script or hold it up, for scoring. */
    readonly decisions: Decisions
  }
}

/** The key by which reports and faults name a step: `id`, or `undo of id`. */
export function stepName(step: PlanStep): string {
  return step.path === 'forward' ? step.id : `undo of ${step.id}`
}

/** Whether anything in the runbook can be taken back. */
export function canRollBack(plan: Plan): boolean {
  return plan.undo !== END || plan.steps.some(step => step.undo !== END)
}

/** Whether the step `index` is the step `outer` or one that it holds. */
export function isInside(plan: Plan, index: number, outer: number): boolean {
  for (let at = index; at !== END; at = (plan.steps[at] as PlanStep).parent) if (at === outer) return true
  return false
}
