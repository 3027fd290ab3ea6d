/**
 * Which steps and gates a campaign needed: each is taken out in turn, and some of the campaign's runs are rehearsed again on the same luck. It is
 * needed as soon as one of them completes no more or violates what it did not violate before. What no run needed is not proved useless: these
 * runs did not show what it is good for.
 */
import type { Plan } from '../operator/index.ts'
import type { RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { attempt, patienceFor } from './form.ts'
import { inScript, violatesMore } from './gates.ts'
import type { Rehearser } from './rehearser.ts'
import type { Needless, NeededStep } from './result.ts'
import { type Case, type StrategySpec, strategyOf } from './strategy.ts'

/** Runs looked through, from number 0 on: the same for every shard. */
const SAMPLE_MOST = 1_000
/** Runs that a step is taken out of before it counts as not needed; a gate only of those in which some look of it said no. */
const TRIES_MOST = 60

interface Sampled {
  readonly run: number
  readonly what: Case
  readonly result: RehearsalResult
}

export interface NeedlessOptions {
  readonly seed: string
  readonly strategy: StrategySpec
  /** How many runs the campaign has: of these the first 1,000 are looked through. */
  readonly runs: number
  /** When aborted, it gives up. */
  readonly stop?: AbortSignal
  /** Steps taken out so far, of how many. */
  onProgress?(done: number, total: number): void
}

/**
 * Takes each step and gate of the way forward out in turn. In this thread.
 * @returns undefined when it was stopped
 * @param scenario as it was rehearsed (kinds taken out by `--without` already gone)
 */
export async function findNeedless(scenario: Scenario, rehearser: Rehearser, how: NeedlessOptions): Promise<Needless | undefined> {
  const { caseOf, size } = strategyOf(how.strategy, scenario, rehearser, how.seed)
  const sample: Sampled[] = []
  for (let run = 0; run < Math.min(how.runs, SAMPLE_MOST, size ?? SAMPLE_MOST); run++) {
    const what = caseOf(run)
    const result = rehearser.rehearse({ scenario, ...what })
    if (result.inBudget) sample.push({ run, what, result })
  }
  const parts = partsOf(scenario.runbook, sample)
  const steps: NeededStep[] = []
  for (const part of parts) {
    steps.push(tryWithout(part, scenario, rehearser, sample))
    how.onProgress?.(steps.length, parts.length)
    // Lets the progress bar draw and Ctrl-C arrive.
    await new Promise((resolve) => setImmediate(resolve))
    if (how.stop?.aborted === true) return undefined
  }
  return { sampled: sample.length, steps }
}

/** What can be taken out. */
type Part = Pick<NeededStep, 'step' | 'within' | 'gate'>

/** The steps and gates of a runbook; the lines of a script, and those of its guards that some run came to. */
function partsOf(plan: Plan, sample: readonly Sampled[]): readonly Part[] {
  const forward = plan.steps.filter((step) => step.path === 'forward' && step.action.kind !== 'note')
  const steps = forward.map((step): Part => ({ step: step.id, within: plan.steps[step.parent]?.id ?? null, gate: step.action.kind === 'gate' }))
  if (plan.script === undefined) return steps
  const guards = [...new Set(sample.flatMap(({ result }) => result.gates.map((gate) => gate.step)))]
  return [...steps, ...inScript(guards, plan).map((step): Part => ({ step, within: null, gate: true }))]
}

function tryWithout({ step, within, gate }: Part, scenario: Scenario, rehearser: Rehearser, sample: readonly Sampled[]): NeededStep {
  let tried = 0
  for (const { run, what, result } of sample) {
    if (tried >= TRIES_MOST) break
    if (!isConcerned(step, gate, result)) continue
    tried += 1
    // A gate is waved through rather than passed over, so that what it captures is there for the steps after it.
    const without = attempt(rehearser, { scenario, seed: what.seed, schedule: what.schedule, visitsMax: patienceFor(result), ...(gate ? { waved: { step, visit: 1 } } : { without: [step] }) })
    const worse = worseBy(result, without)
    if (worse !== undefined) return { step, within, gate, needed: true, by: worse, run, tried }
  }
  return { step, within, gate, needed: false, by: null, run: null, tried }
}

/** A gate that was always happy at once changed nothing in that run; a step that was not begun neither. */
function isConcerned(step: string, gate: boolean, result: RehearsalResult): boolean {
  if (gate) return result.gates.some((visit) => visit.step === step && visit.path === 'forward' && visit.waited)
  return result.steps.some((visit) => visit.step === step && visit.path === 'forward' && visit.result !== 'skipped')
}

/** @param without undefined when it went round in circles until patience was lost: it will not complete */
function worseBy(before: RehearsalResult, without: RehearsalResult | undefined): string | undefined {
  if (without === undefined) return 'completes'
  const check = without.inBudget ? violatesMore(before, without) : undefined
  if (check !== undefined) return check
  return before.outcome === 'completed' && without.outcome !== 'completed' ? 'completes' : undefined
}

/** The steps not needed. Of those inside another one that was not needed nothing is said. */
export function notNeeded({ steps }: Needless): readonly NeededStep[] {
  const spare = steps.filter((step) => !step.needed && step.tried > 0)
  const withinSpare = ({ within }: NeededStep): boolean => {
    const outer = steps.find((step) => step.step === within)
    return outer !== undefined && (spare.includes(outer) || withinSpare(outer))
  }
  return spare.filter((step) => !withinSpare(step))
}
