/**
 * A script that dies half-way is run again from the top: people do that. Here each run of the campaign's in which it failed is rehearsed once more, on the
 * same luck and under the same faults, with somebody who does; and the checks say whether that does harm which leaving it alone does not.
 */
import type { CheckId, Outcome, RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { OUTCOMES, type Counts } from './aggregate.ts'
import { attempt, patienceFor } from './form.ts'
import type { Rehearser } from './rehearser.ts'
import type { Again, CampaignResult } from './result.ts'
import { strategyOf } from './strategy.ts'

/** Failed scripts that are run again, and runs that are looked at for them. */
const MOST_AGAIN = 12
const MOST_LOOKED = 60
const REASONS = 3

/**
 * @param scenario as it was rehearsed (kinds taken out by `--without` already gone)
 * @returns undefined when the runbook is no script, or failed in none of the runs looked at
 */
export function runAgain(scenario: Scenario, rehearser: Rehearser, result: CampaignResult, stop?: AbortSignal): Again | undefined {
  const { outcomes, ranges } = result
  if (scenario.runbook.script === undefined || outcomes.aborted + outcomes.rolledBack === 0) return undefined
  const { caseOf } = strategyOf(result.strategy, scenario, rehearser, result.seed)
  const found = new Found()
  for (const run of ranges.flatMap(([first, end]) => Array.from({ length: Math.min(MOST_LOOKED, end - first) }, (_, i) => first + i)).slice(0, MOST_LOOKED)) {
    if (found.again >= MOST_AGAIN || stop?.aborted === true) break
    const { seed, schedule, judged } = caseOf(run)
    const what = { scenario, seed, schedule }
    const alone = rehearser.rehearse(what)
    found.looked += 1
    if (!judged || !alone.inBudget || (alone.outcome !== 'aborted' && alone.outcome !== 'rolledBack')) continue
    const second = attempt(rehearser, { ...what, reruns: 1, visitsMax: 4 * patienceFor(alone) })
    if (second !== undefined) found.add(run, alone, second)
  }
  return found.again === 0 ? undefined : found.sum()
}

class Found {
  looked = 0
  again = 0
  private readonly outcomes: Counts<Outcome> = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Counts<Outcome>
  private readonly harmed = new Map<CheckId, { runs: number; firstRun: number; evidence: string }>()
  private readonly reasons = new Map<string, number>()

  add(run: number, alone: RehearsalResult, second: RehearsalResult): void {
    this.again += 1
    this.outcomes[second.outcome] += 1
    if (second.outcome !== 'completed') this.reasons.set(second.outcomeReason, (this.reasons.get(second.outcomeReason) ?? 0) + 1)
    const failed = new Set(alone.verdicts.filter(({ status }) => status === 'fail').map(({ check }) => check))
    for (const { check, status, evidence } of second.verdicts) {
      if (status !== 'fail' || failed.has(check) || check === 'objectives-met') continue
      const known = this.harmed.get(check)
      if (known === undefined) this.harmed.set(check, { runs: 1, firstRun: run, evidence })
      else known.runs += 1
    }
  }

  sum(): Again {
    const harmed = [...this.harmed].map(([check, each]) => ({ check, ...each })).sort((a, b) => b.runs - a.runs || (a.check < b.check ? -1 : 1))
    const reasons = [...this.reasons].map(([reason, runs]) => ({ reason, runs })).sort((a, b) => b.runs - a.runs || (a.reason < b.reason ? -1 : 1))
    return { looked: this.looked, again: this.again, outcomes: this.outcomes, harmed, reasons: reasons.slice(0, REASONS) }
  }
}
