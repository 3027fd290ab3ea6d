/**
 * Which small edit of a script would have prevented a failure: each is tried out on the campaign's own runs, seeds and draws of faults.
 *
 * An edit prevents a check's failure if no run of the campaign violates it with the edit, and none violates another check more often than without.
 * That is an observation on these runs, like every other one here. An edit that only stops the script before it can do harm prevents it, too: such
 * ones are told apart, and stand behind those with which as many runs reach the end.
 */
import { type Plan, type ScriptEdit, checkRunbook, scriptEdits, scriptPlan } from '../operator/index.ts'
import { Simulation } from '../kernel/index.ts'
import type { CheckId, Outcome, RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { OUTCOMES, type Counts } from './aggregate.ts'
import { attempt, patienceFor } from './form.ts'
import type { Rehearser } from './rehearser.ts'
import { type CampaignResult, type Mend, type Mends, type Tried, runsJudged } from './result.ts'
import { strategyOf } from './strategy.ts'

/** Runs that a candidate has to survive before the whole campaign is spent on it. */
const SAMPLE = 12
/** Of each check so many edits are offered. */
const OFFERED = 3

export interface MendOptions {
  /** The campaign that found the failures. */
  readonly result: CampaignResult
  /** When aborted, it gives up with what it has. */
  readonly stop?: AbortSignal
  /** Edits done so far, of how many: of the first look, then of those that get the whole campaign. */
  onProgress?(done: number, total: number): void
}

/** A candidate with what is known of it so far. */
interface Candidate {
  readonly edit: ScriptEdit
  readonly scenario: Scenario
  readonly tally: Tally
}

/**
 * Tries the small edits of the scenario's scripts.
 * @param scenario as it was rehearsed (kinds taken out by `--without` already gone). @throws Error when its runbook is no script
 */
export async function findMends(scenario: Scenario, rehearser: Rehearser, how: MendOptions): Promise<Mends> {
  const { result, stop, onProgress } = how
  if (scenario.runbook.script === undefined) throw new Error('findMends: the runbook is no script')
  const before = triedOf(result)
  const wanted = result.checks.filter(({ id, status }) => id !== 'objectives-met' && status === 'fail').map(({ id }) => id)
  const candidates = wanted.length === 0 ? [] : candidatesOf(scenario)
  const order = runsOf(result)
  let rehearsals = 0
  const turn = async (done: number, total: number): Promise<boolean> => {
    onProgress?.(done, total)
    // Lets the progress bar draw and Ctrl-C arrive.
    await new Promise((resolve) => setImmediate(resolve))
    return stop?.aborted !== true
  }
  const tryOn = async (candidate: Candidate, runs: readonly number[], of: readonly CheckId[]): Promise<boolean> => {
    const { caseOf } = strategyOf(result.strategy, candidate.scenario, rehearser, result.seed)
    for (const run of runs) {
      if (!of.some((check) => holds(candidate.tally, check, before))) return false
      const { seed, schedule } = caseOf(run)
      const rehearsed = attempt(rehearser, { scenario: candidate.scenario, seed, schedule, visitsMax: PATIENCE })
      rehearsals += 1
      // One that goes round in circles mends nothing.
      if (rehearsed === undefined) return false
      candidate.tally.add(rehearsed)
      if (candidate.tally.runs % 50 === 0 && !(await turn(done, total))) return false
    }
    return true
  }
  let [done, total] = [0, candidates.length]
  const survivors: Candidate[] = []
  for (const candidate of candidates) {
    if (!(await turn(done, total))) break
    await tryOn(candidate, order.slice(0, SAMPLE), wanted)
    done += 1
    if (wanted.some((check) => holds(candidate.tally, check, before))) survivors.push(candidate)
  }
  const whole: Candidate[] = []
  survivors.sort(byWorth(result))
  ;[done, total] = [0, survivors.length]
  for (const candidate of survivors) {
    const open = wanted.filter((check) => offers(whole, check, before, result).length < OFFERED)
    if (!open.some((check) => holds(candidate.tally, check, before))) continue
    if (!(await turn(done, total))) break
    if (await tryOn(candidate, order.slice(SAMPLE), open)) whole.push(candidate)
    done += 1
  }
  const checks = wanted.map((check) => ({ check, mends: offers(whole, check, before, result) }))
  return { tried: candidates.length, rehearsals, complete: stop?.aborted !== true, before, checks }
}

/** A script that an edit has made endless is given up. */
const PATIENCE = patienceFor({ steps: [] } as unknown as RehearsalResult) * 20

/** What happened in the runs so far. */
class Tally {
  runs = 0
  readonly outcomes: Counts<Outcome> = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Counts<Outcome>
  readonly violations: Counts = {}

  add(result: RehearsalResult): void {
    if (!result.inBudget) return
    this.runs += 1
    this.outcomes[result.outcome] += 1
    for (const { check, status } of result.verdicts) if (status === 'fail' && check !== 'objectives-met') this.violations[check] = (this.violations[check] ?? 0) + 1
  }
}

function triedOf(result: CampaignResult): Tried {
  const outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, result.outcomes[outcome] - result.outOfBudget.outcomes[outcome] - result.unjudged.outcomes[outcome]])) as Counts<Outcome>
  const violations = Object.fromEntries(result.checks.filter(({ id, violations }) => id !== 'objectives-met' && violations > 0).map(({ id, violations }) => [id, violations]))
  return { runs: runsJudged(result), outcomes, violations }
}

/** The check is kept so far, and no other is violated more often than without the edit. */
function holds({ violations }: Pick<Tally, 'violations'>, check: CheckId, before: Tried): boolean {
  return (violations[check] ?? 0) === 0 && Object.entries(violations).every(([other, n]) => n <= (before.violations[other] ?? 0))
}

/** The runs of the campaign, those first in which something failed for the first time. */
function runsOf({ ranges, signatures }: CampaignResult): number[] {
  const failed = [...new Set(signatures.map(({ firstRun }) => firstRun))].sort((a, b) => a - b).slice(0, SAMPLE - 4)
  const all = ranges.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i))
  return [...failed, ...all.filter((run) => !failed.includes(run))]
}

function stops({ tally }: Candidate, result: CampaignResult): boolean {
  const before = triedOf(result)
  return tally.outcomes.completed * Math.max(1, before.runs) < 0.5 * before.outcomes.completed * tally.runs
}

/** Two commands the other way round with which no run reaches its end any more: that is a broken script, and no guard that stops it in time. */
function breaks({ edit, tally }: Candidate, result: CampaignResult): boolean {
  return edit.is === 'reorder' && tally.outcomes.completed === 0 && result.outcomes.completed > 0
}

/** What lets the script reach its end before what stops it, then the smallest. */
function byWorth(result: CampaignResult): (a: Candidate, b: Candidate) => number {
  const kinds: readonly ScriptEdit['is'][] = ['guard', 'strict', 'reorder', 'insert']
  return (a, b) => Number(stops(a, result)) - Number(stops(b, result)) || a.edit.changed - b.edit.changed || kinds.indexOf(a.edit.is) - kinds.indexOf(b.edit.is) || a.edit.line - b.edit.line
}

function offers(whole: readonly Candidate[], check: CheckId, before: Tried, result: CampaignResult): Mend[] {
  return whole
    .filter((candidate) => holds(candidate.tally, check, before) && !breaks(candidate, result))
    .sort(byWorth(result))
    .slice(0, OFFERED)
    .map((candidate): Mend => {
      const { is, file, line, does, changed, patch } = candidate.edit
      const { runs, outcomes, violations } = candidate.tally
      return { is, file, line, does, changed, patch, after: { runs, outcomes, violations }, stops: stops(candidate, result) }
    })
}

function candidatesOf(scenario: Scenario): Candidate[] {
  const { engine, options, runbook } = scenario
  const registry = engine.build(new Simulation({ seed: 'check' }), options).commands
  const isRunnable = (plan: Plan): boolean => checkRunbook(plan, registry).every(({ severity }) => severity !== 'error')
  return scriptEdits(runbook, (typed) => engine.safeBeside?.(options, typed) ?? [])
    .map((edit) => ({ edit, scenario: withEdit(scenario, edit), tally: new Tally() }))
    .filter((candidate) => isRunnable(candidate.scenario.runbook))
}

/** The scenario with a script as an edit leaves it. */
export function withEdit(scenario: Scenario, { file, text }: Pick<ScriptEdit, 'file' | 'text'>): Scenario {
  const { scripts, mounted, given } = scenario.runbook.script as NonNullable<Plan['script']>
  const old = scripts.find((script) => script.file === file)?.text
  const now = (other: string): string => (other === old ? text : other)
  const plan = scriptPlan(scripts.map((script) => ({ file: script.file, text: script.file === file ? text : script.text })), new Map([...mounted].map(([path, other]) => [path, now(other)])), given)
  const files = Object.fromEntries(Object.entries(scenario.source.files).map(([name, other]) => [name, now(other)]))
  return { ...scenario, runbook: plan, source: { ...scenario.source, files } }
}
