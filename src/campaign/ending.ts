/** How a runbook that did not reach its end came to its stop: the commands and what happened in the cluster, of the first such run, just before. */
import type { Scenario } from '../scenario/scenario.ts'
import { attempt } from './form.ts'
import type { Rehearser } from './rehearser.ts'
import type { CampaignResult, Ending } from './result.ts'
import { strategyOf } from './strategy.ts'

const MOST = 14
const LONGEST = 240
/** Fewer runs than this share that did not reach their end are no matter. */
const FEW = 0.05
/** Runs that are looked at for one that did not. */
const MOST_LOOKED = 40
const COMMAND = 'operator.command'

/** @returns undefined when most runs reached their end, when faults may have kept the others from it, or when none of the first runs shows it */
export function endingOf(scenario: Scenario, rehearser: Rehearser, result: CampaignResult): Ending | undefined {
  const { outcomes, ranges, runs } = result
  const unfinished = runs - outcomes.completed
  if (runs === 0 || unfinished < FEW * runs || (outcomes.completed > 0 && (result.faultsPerRun > 0 || result.sweep !== null))) return undefined
  const { caseOf } = strategyOf(result.strategy, scenario, rehearser, result.seed)
  const looked = ranges.flatMap(([first, end]) => Array.from({ length: Math.min(MOST_LOOKED, end - first) }, (_, i) => first + i)).slice(0, MOST_LOOKED)
  const run = outcomes.completed === 0 ? looked[0] : looked.find((each) => rehearser.rehearse({ scenario, seed: caseOf(each).seed, schedule: caseOf(each).schedule }).outcome !== 'completed')
  if (run === undefined) return undefined
  const { seed, schedule } = caseOf(run)
  const rehearsed = attempt(rehearser, { scenario, seed, schedule, record: true })
  const trace = rehearsed?.story?.trace ?? []
  const end = trace.findIndex(({ label }) => label === 'operator.outcome')
  if (rehearsed === undefined || rehearsed.outcome === 'completed' || end < 0) return undefined
  const moments: { atUs: number; step: string | null; text: string; times: number }[] = []
  for (const { atUs, label, node, detail } of trace.slice(0, end)) {
    if (detail === '' || (label.startsWith('operator.') && label !== COMMAND)) continue
    const step = label === COMMAND ? node : null
    const text = detail.length <= LONGEST ? detail : `${detail.slice(0, LONGEST - 1)}…`
    // A poll, and the wait between two of them, is told once.
    const same = step === null ? undefined : moments.slice(-4).find(each => each.step === step && each.text === text)
    if (same !== undefined) same.times += 1
    else moments.push({ atUs, step, text, times: 1 })
  }
  return { run, outcome: rehearsed.outcome, reason: rehearsed.outcomeReason, endUs: (trace[end] as (typeof trace)[number]).atUs, moments: moments.slice(-MOST) }
}
