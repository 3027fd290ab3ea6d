/** What a test can demand of one rehearsal. Each demand says what is violated, in the shape of a check's verdict. */
import { parseDurationUs, SECOND } from '../kernel/index.ts'
import { formatMeasure, measureName } from '../report/index.ts'
import { type CheckId, type MeasureId, MEASURES, type RehearsalResult, type Verdict } from '../result.ts'
import type { Objective, Scenario } from '../scenario/index.ts'
import { violation } from './own.ts'

/** A demand on one rehearsal. */
export interface Demand {
  /** Completes "the rehearsal was to …". */
  readonly words: string
  /** The scenario under which the violation shows among the verdicts: as it is, or with the demand as one more objective. */
  scenario(scenario: Scenario): Scenario
  /** The violation in a result of that scenario; undefined when the demand is met. */
  violated(result: RehearsalResult): Verdict | undefined
  /** Whether the demand is met, from a result of the scenario as it is. */
  met(result: RehearsalResult): boolean
}

function byVerdict(words: string, violated: (result: RehearsalResult) => Verdict | undefined): Demand {
  return { words, scenario: scenario => scenario, violated, met: result => violated(result) === undefined }
}

/** That one check holds. A check that does not apply to a rehearsal, or had nothing to judge in it, is not violated. */
export function checkHolds(check: CheckId, words: string): Demand {
  return byVerdict(words, result => result.verdicts.find(verdict => verdict.check === check && verdict.status === 'fail'))
}

/** That every check holds: Proofroll's, the objectives of a single run (`at: max`), and the scenario's own. */
export function everythingHolds(): Demand {
  return byVerdict('hold', result => result.verdicts.find(verdict => verdict.status === 'fail'))
}

/** That the operator reaches the end of the runbook. Rolling back is no violation of any check, so this is a demand of its own. */
export function completes(): Demand {
  return byVerdict('complete', ({ outcome, outcomeReason, steps }) => {
    if (outcome === 'completed') return undefined
    const failed = steps.findLast(step => step.path === 'forward' && step.result === 'failed')
    return violation('x-completes', { evidence: `the operator ${OUTCOMES[outcome]}${outcomeReason === '' ? '' : `: ${outcomeReason}`}`, cause: outcome, ...(failed === undefined ? {} : { step: failed.step }) })
  })
}

const OUTCOMES = { completed: 'completed', rolledBack: 'rolled back', aborted: 'stopped', stuck: 'got stuck' } as const

/** That a measure is at most so much: a duration (`30s`) where it is a time, else a number in its own unit. @throws Error for a limit that is neither */
export function measureAtMost(measure: MeasureId, limit: string | number): Demand {
  if (!MEASURES.includes(measure)) throw new Error(`there is no measure \`${measure}\`; there are: ${MEASURES.join(', ')}`)
  const max = limitOf(measure, limit)
  const objective: Objective = { measure, at: 'max', max, min: undefined, faults: 'any' }
  return {
    words: `keep ${measureName(measure)} at ${formatMeasure(measure, max)} or less`,
    // First, so that it is the one that the verdict is about.
    scenario: scenario => ({ ...scenario, objectives: [objective, ...scenario.objectives] }),
    violated: result => result.verdicts.find(({ check, status, signature }) => check === 'objectives-met' && status === 'fail' && signature?.cause === measure),
    met: result => result.measures[measure] <= max,
  }
}

function limitOf(measure: MeasureId, limit: string | number): number {
  if (typeof limit === 'number') {
    if (Number.isFinite(limit) && limit >= 0) return limit
  } else if (measure.endsWith('Seconds')) {
    const us = parseDurationUs(limit)
    if (us !== undefined) return us / SECOND
  }
  throw new Error(`\`${limit}\` cannot be a limit of ${measure}: write ${measure.endsWith('Seconds') ? 'a duration such as 30s, or a number of seconds' : 'a number'}`)
}
