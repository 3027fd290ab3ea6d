/** Checks and probes that a test suite writes as plain functions of a rehearsal's result, and how a scenario carries them. */
import type { CheckId, Clause, RehearsalResult, Verdict } from '../result.ts'
import type { Scenario } from '../scenario/index.ts'

/** A violation as a check of one's own reports it: a sentence, or a sentence with the step it hangs on and why. */
export type Complaint = string | { readonly evidence: string; readonly cause?: string; readonly step?: string; readonly because?: readonly Clause[] }

/** A property of one rehearsal. Plain functions of plain data: no clock and no luck of their own, or a failure will not replay. */
export interface OwnCheck {
  /** Its name in messages: `x-` and lower-case words. */
  readonly id: `x-${string}`
  /** Judges one rehearsal in budget: undefined when it holds, else what is wrong, with numbers. */
  readonly judge: (result: RehearsalResult) => Complaint | undefined
  /** It reads `result.story` (the trace, members, clients and commands), so every rehearsal is recorded: about twice the time. */
  readonly readsStory?: boolean
}

/** Something that must happen at least once in a suite, or its silence means nothing. */
export interface OwnProbe {
  readonly name: string
  readonly hit: (result: RehearsalResult) => boolean
}

/** What a scenario carries beside itself. */
export interface Own {
  readonly checks: readonly OwnCheck[]
  readonly probes: readonly OwnProbe[]
  /** It has faults or commands of its own: functions, which no worker thread has. */
  readonly faults: boolean
  /** Rehearsals made with `rehearsal()` so far, and in how many each probe was hit, in the order of `probes`. */
  readonly tally: { rehearsals: number; readonly hits: number[] }
}

/** A scenario given in code. */
export interface OwnScenario extends Scenario {
  readonly own: Own
}

const NOTHING: Own = { checks: [], probes: [], faults: false, tally: { rehearsals: 0, hits: [] } }

/** What a scenario carries; nothing for one that was loaded from a file. */
export function ownOf(scenario: Scenario): Own {
  return (scenario as Partial<OwnScenario>).own ?? NOTHING
}

/** @throws Error for a name that could be taken for one of Proofroll's, or stands twice */
export function ownWith(checks: readonly OwnCheck[], probes: readonly OwnProbe[], faults: boolean): Own {
  const badly = checks.find(({ id }) => !/^x-[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(id))
  if (badly !== undefined) throw new Error(`\`${badly.id}\` cannot be the name of a check of your own: it is \`x-\` and lower-case words, as in x-few-surprises`)
  const names = [...checks.map(({ id }) => id), ...probes.map(({ name }) => name)]
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`\`${twice}\` stands twice among the checks and probes`)
  return { checks, probes, faults, tally: { rehearsals: 0, hits: probes.map(() => 0) } }
}

/** The verdicts of the scenario's own checks, in the shape of Proofroll's. @throws Error naming the check that threw */
export function judgeOwn(scenario: Scenario, result: RehearsalResult): readonly Verdict[] {
  return ownOf(scenario).checks.map(({ id, judge }) => {
    let complaint: Complaint | undefined
    try {
      complaint = judge(result)
    } catch (error) {
      throw new Error(`the check ${id} threw: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
    return complaint === undefined ? { check: named(id), status: 'pass', evidence: '' } : violation(id, complaint)
  })
}

/** A failing verdict under a name that is not one of Proofroll's checks. */
export function violation(id: `x-${string}`, complaint: Complaint): Verdict {
  const { evidence, cause = 'own', step = '-', because = [] } = typeof complaint === 'string' ? { evidence: complaint } : complaint
  return { check: named(id), status: 'fail', evidence, signature: { check: named(id), cause, step }, because }
}

/** Verdicts, signatures and files are the same for all checks; only lists of them are closed, and a suite's own never gets into one. */
function named(id: `x-${string}`): CheckId {
  return id as unknown as CheckId
}

/** Counts a rehearsal towards the scenario's probes. */
export function countProbes(scenario: Scenario, result: RehearsalResult, tally = ownOf(scenario).tally): void {
  tally.rehearsals += 1
  ownOf(scenario).probes.forEach(({ hit }, i) => {
    if (hit(result)) tally.hits[i] = (tally.hits[i] ?? 0) + 1
  })
}

/** The names of the probes that no rehearsal hit. */
export function unhitProbes(scenario: Scenario, tally = ownOf(scenario).tally): readonly string[] {
  return ownOf(scenario).probes.filter((_, i) => (tally.hits[i] ?? 0) === 0).map(({ name }) => name)
}
