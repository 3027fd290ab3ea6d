/** The data of a page: what is embedded in it as JSON. */
import type { CostPoint, Growth } from '../charts/relations.ts'
import type { ComparisonView } from './comparison.ts'
import type { Distribution, HeatMap, Timeline } from './data.ts'

export interface TreeLine {
  readonly step: string
  readonly number: string
  readonly title: string
  readonly depth: number
  readonly container: boolean
  readonly undo: boolean
  readonly startUs: number | null
  readonly tookUs: number
  readonly visits: number
  /** So many of the visits were skipped. */
  readonly skipped: number
  /** `interrupted`: the person ended it with Ctrl-C, its time being over. */
  readonly result: 'done' | 'failed' | 'interrupted' | 'skipped' | 'open' | 'not reached'
  readonly downUs: number
  readonly failing: boolean
  /** The smallest form of the failure needs it. */
  readonly needed: boolean
  /** What is typed there, as the runbook says it; empty for a group, and where the title is the command. */
  readonly command: string
  /** Of a gate: what it said; empty for a step that is none. */
  readonly gate: string
  /** A command in it got an error that stopped nothing; `silent`: its exit status said success. */
  readonly error: 'none' | 'passed over' | 'silent'
  /** Of a line of a script: what it printed, how it ended, and who looked at that; a failure that nobody saw is `unseen`. */
  readonly remarks: readonly { readonly words: string; readonly unseen: boolean }[]
}

export interface Moment {
  readonly atUs: number
  readonly text: string
}

/** A rehearsal that differs in one thing, and in which every check passes. */
export interface TwinView {
  /** It differs in the runbook, which people can choose; else in a fault, which nobody orders. */
  readonly ofRunbook: boolean
  readonly words: string
  readonly timeline: Timeline
  readonly parting: readonly [readonly Moment[], readonly Moment[]]
}

/** When writes stood still: the longest one by one, with what led to each and out of it, and the rest counted. */
export interface StandstillsView {
  readonly told: readonly { readonly words: string; readonly told: readonly { readonly atUs: number; readonly clock: string; readonly text: string }[] }[]
  readonly more: string
}

export interface FailureView {
  readonly id: string
  readonly check: string
  readonly cause: string
  /** The cause as a clause; empty for one that only a test suite of the user's own knows. */
  readonly causeWords: string
  readonly step: string
  readonly stepLabel: string
  /** What is typed where it fails, with its line; empty where nothing is. */
  readonly typed: string
  readonly headline: string
  /** Where: completes the headline (`, at step 3.4 promote`). */
  readonly where: string
  readonly runs: number
  readonly faults: number
  readonly faultsFound: number
  readonly schedule: readonly string[]
  readonly evidence: string
  /** The chain in order of time; `said`: a clause that only repeats the evidence. */
  readonly because: readonly { readonly atUs: number; readonly clock: string; readonly text: string; readonly step: string; readonly said: boolean }[]
  /** The first instant that belongs to this failure. */
  readonly first: { readonly atUs: number; readonly what: string } | null
  /** What let it pass; empty where there is nothing to tell. */
  readonly unnoticed: string
  /** Members that the failure is about. */
  readonly about: readonly string[]
  readonly root: { readonly tested: boolean; readonly words: string } | null
  /** Who waited for what at the end, so that members of it were not gone on with. */
  readonly heldUp: readonly string[]
  /** What went amiss on the way and stopped nobody. */
  readonly slips: readonly string[]
  /** What one change of the runbook would have done, on the same luck; `mends`: it is a way out. */
  readonly tested: readonly { readonly words: string; readonly mends: boolean }[]
  /** What a milder fault would have done, which shows what the fault has to do with it; empty where that was not looked into. */
  readonly observed: string
  /** How much of it there was in all rehearsals: `acknowledged writes lost: median 804, worst 1,284 a rehearsal`; empty where it is no amount. */
  readonly amount: string
  /** What the cluster looks like when it is over, as a sentence. */
  readonly atEnd: string
  readonly standstills: StandstillsView
  /** When checks judged, as a sentence. */
  readonly judgedAt: string
  /** It follows from another failure that is told: reported success falsely, missed an objective that a check speaks of. */
  readonly follows: boolean
  /** What usually helps: general, not tested. */
  readonly remedy: string | null
  readonly remedyNote: string
  /** What would have let the runbook notice; empty where nothing can be said. */
  readonly advice: string
  readonly smallest: string | null
  readonly needed: readonly string[]
  readonly inevitable: { readonly words: string; readonly moments: readonly { readonly atUs: number; readonly what: string; readonly failed: number; readonly futures: number }[] } | null
  readonly tree: readonly TreeLine[]
  readonly stranded: readonly { readonly writes: number; readonly fate: string; readonly holders: readonly string[]; readonly leader: string; readonly inherent: boolean; readonly fromUs: number; readonly toUs: number; /** `timeline 2`, in the engine's words. */ readonly line: string }[]
  /** null: not pictured, because there are too many failures. */
  readonly timeline: Timeline | null
  readonly twin: TwinView | null
  readonly replay: string
  readonly seed: string
  readonly run: number
  readonly hash: string
  readonly words: string
  /** In how many rehearsals it happened, as a sentence; empty when that is not known. */
  readonly often: string
  /** The same as a phrase: `6 of 95`. */
  readonly oftenWords: string
}

/** An objective that was missed and that no check speaks of: where the time went, in the rehearsals and in the one told. */
export interface MissedView {
  readonly headline: string
  readonly why: readonly string[]
  /** What usually helps against what is told: general, not tested; empty where nothing can be said. */
  readonly remedy: string
}

/** A recorded rehearsal in which no check failed: how one goes, or where it stops. */
export type SampleView = Pick<FailureView, 'id' | 'headline' | 'timeline' | 'tree' | 'because' | 'first' | 'inevitable' | 'twin' | 'about' | 'step' | 'needed' | 'smallest' | 'slips' | 'atEnd' | 'standstills'> & { readonly words: string }

/** The rehearsal in which a measure was worst. */
export type WorstView = SampleView & {
  /** Ids of the measures; and their names with what they came to. */
  readonly measures: readonly string[]
  readonly amounts: string
  /** Where it went: the longest write stop and what was so then. */
  readonly why: readonly string[]
  /** What to type to rehearse it alone. */
  readonly command: string
}

export interface Row {
  readonly cells: readonly string[]
  /** Cells that lead to something on the page, by their place. */
  readonly links?: Readonly<Record<number, string>>
  /** `over`: beyond what is claimed, which is not judged. */
  readonly status?: 'pass' | 'fail' | 'none' | 'over'
}

export interface TableView {
  readonly head: readonly string[]
  readonly rows: readonly Row[]
  /** Sentences below it. */
  readonly notes: readonly string[]
}

export interface CampaignView {
  readonly id: string
  readonly scenario: string
  readonly title: string
  /** What was explored, in a few words, where a page has several campaigns of this scenario; else empty. */
  readonly apart: string
  readonly engine: string
  readonly verdict: 'held' | 'violated' | 'partial'
  /** `HELD`, `VIOLATED`, `NEVER COMPLETED`, `SELDOM COMPLETED`, `DID NOTHING`, `DID LITTLE`. */
  readonly badge: string
  readonly sentence: string
  /** What the scenario is, in its author's words; may be empty. */
  readonly description: string
  /** What the command line set otherwise; empty where it set nothing. */
  readonly overrides: string
  /** What the scenario itself says of its cluster and load. */
  readonly settings: TableView | null
  /** From which versions to which: `engine 15.3 → 15.4`; empty where no version is to be reached or none is known. */
  readonly upgrade: string
  /** What no rehearsal here has shown, each as a phrase. */
  readonly notCovered: readonly string[]
  /** A scenario without the mistakes of this one, and what to type. */
  readonly corrected: { readonly name: string; readonly command: string } | null
  readonly missed: readonly MissedView[]
  readonly sample: SampleView | null
  readonly worst: readonly WorstView[]
  /** What to type for those that had no room. */
  readonly worstBeyond: readonly string[]
  /** What it takes to repeat it: version, seed, fingerprint. */
  readonly repeat: readonly (readonly [name: string, value: string])[]
  /** What was explored, in words, and how sure it is. */
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly limit: string
  readonly unfinished: readonly string[]
  /** Of a runbook that mostly does not reach its end: what stopped it, in a few sentences. */
  readonly stopped: readonly string[]
  /** What failed in most runs and was passed over; `idle`: that was most of what the runbook is written to do. null where there is nothing of that kind. */
  readonly deeds: { readonly idle: boolean; readonly lines: readonly string[]; readonly advice: string } | null
  readonly claims: TableView | null
  readonly objectives: TableView | null
  readonly checks: TableView
  readonly flips: readonly string[]
  readonly tornado: TableView | null
  readonly assumptions: TableView
  readonly measures: TableView | null
  /** One measure a field; in each the campaigns laid over one another. */
  readonly distributions: readonly { readonly measure: string; readonly name: string; readonly series: readonly { readonly label: string; readonly distribution: Distribution }[] }[]
  readonly downtimeSteps: TableView | null
  readonly failures: readonly FailureView[]
  readonly failuresBeyond: string
  /** Small edits of a script that prevent a failure, tried out; null without `--mend`. */
  readonly mends: { readonly how: string; readonly offers: readonly { readonly title: string; readonly words: readonly string[]; readonly patch: string }[]; readonly none: string } | null
  /** What led to the stop where no run reached its end. */
  readonly ending: TableView | null
  /** What came of running a failed script again. */
  readonly again: readonly string[]
  readonly gates: TableView | null
  readonly needless: readonly string[]
  readonly grid: TableView | null
  readonly heat: readonly HeatMap[]
  readonly noReturn: readonly string[]
  readonly tolerance: TableView | null
  readonly explored: readonly string[]
  readonly unhit: readonly string[]
  readonly outOfBudget: string
}

export interface PageData {
  readonly format: 1
  readonly title: string
  readonly proofroll: string
  readonly campaigns: readonly CampaignView[]
  /** Each kind of fault that the page names, with what happens in the world. */
  readonly faults: readonly { readonly kind: string; readonly means: string }[]
  readonly comparison?: ComparisonView
  /** Of several scenarios: what an upgrade costs and how long writes are down. */
  readonly costs: readonly CostPoint[]
  readonly growths: readonly { readonly scenario: string; readonly growth: Growth }[]
}
