/** How a runbook that never reached its end came to its stop: the commands and what happened in the cluster, of the first run, just before. */
import type { Scenario } from '../scenario/scenario.ts'
import { attempt } from './form.ts'
import type { Rehearser } from './rehearser.ts'
import type { CampaignResult, Ending } from './result.ts'
import { strategyOf } from './strategy.ts'

const MOST = 14
const LONGEST = 240
const COMMAND = 'operator.command'

/** @returns undefined when a run of the campaign reached its end, or none was judged */
export function endingOf(scenario: Scenario, rehearser: Rehearser, result: CampaignResult): Ending | undefined {
  const { outcomes, ranges, runs } = result
  const [first] = ranges
  if (runs === 0 || outcomes.completed > 0 || first === undefined) return undefined
  const { seed, schedule } = strategyOf(result.strategy, scenario, rehearser, result.seed).caseOf(first[0])
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
  return { run: first[0], outcome: rehearsed.outcome, reason: rehearsed.outcomeReason, endUs: (trace[end] as (typeof trace)[number]).atUs, moments: moments.slice(-MOST) }
}
