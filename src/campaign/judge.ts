/** From an aggregate to the numbers people read. Pure: shards merged and judged give what one campaign judged gives. */
import { CHECKS, MEASURES, type CheckId, type MeasureId, type Status } from '../result.ts'
import type { Objective, Quantile } from '../scenario/scenario.ts'
import { type Aggregate, scaleOf } from './aggregate.ts'
import { exact95 } from './intervals.ts'
import type { Plan } from '../operator/index.ts'
import { inScript, lineOf } from './gates.ts'
import { type Probe, unhit } from './probes.ts'
import type { CheckSummary, ClaimSummary, Coverage, FloorSummary, GateSummary, ObjectiveSummary, Quantiles, SignatureSummary, StepSummary } from './result.ts'
import { type Sketch, countAbove, quantileOf } from './sketch.ts'
import { countRuns } from './ranges.ts'

/** Without any fault at least this share of the rehearsals has to reach the runbook's end: one that mostly stops upgrades nothing, however little it breaks. */
const UNDISTURBED_SHARE = 0.5

/** Of what failed and was passed over, so much is named as evidence. */
const EVIDENCE_LINES = 5
const QUANTILES: readonly Quantile[] = ['p50', 'p95', 'p99', 'max', 'mean']

/** Runs that count: all but those whose faults went beyond the budget, and those that nobody promises will end well. */
export function runsInBudget(aggregate: Aggregate): number {
  return countRuns(aggregate.ranges) - aggregate.outOfBudget.runs - aggregate.unjudged.runs
}

/** Every check with its rate and interval, and `objectives-met` from the campaign's own quantiles. */
export function judgeChecks(aggregate: Aggregate, objectives: readonly ObjectiveSummary[]): CheckSummary[] {
  return CHECKS.map((id) => (id === 'objectives-met' ? objectivesMet(objectives) : judgeCheck(id, aggregate.checks[id])))
}

function judgeCheck(id: CheckId, counts: Readonly<Record<Status, number>>): CheckSummary {
  const judged = counts.pass + counts.fail
  if (judged === 0) return { id, status: counts.notExercised > 0 ? 'notExercised' : 'notApplicable', violations: 0, judged, rate: null, ci95: null }
  const [low, high] = exact95(counts.fail, judged)
  return { id, status: counts.fail > 0 ? 'fail' : 'pass', violations: counts.fail, judged, rate: rounded(counts.fail / judged), ci95: [rounded(low), rounded(high)] }
}

/** Objectives are about the campaign's quantiles, so this check is judged once, not once a run. */
function objectivesMet(objectives: readonly ObjectiveSummary[]): CheckSummary {
  const judged = objectives.filter((each) => each.status !== 'notExercised').length
  const violations = objectives.filter((each) => each.status === 'fail').length
  const status = violations > 0 ? 'fail' : judged > 0 ? 'pass' : objectives.length > 0 ? 'notExercised' : 'notApplicable'
  return { id: 'objectives-met', status, violations, judged, rate: null, ci95: null }
}

/**
 * Whether the campaign showed anything at all: a runbook that always gives up breaks nothing, and faults that never strike test nothing.
 * @param faults how many faults a run could draw
 * @param probes those that must all have been hit (`--strict`); undefined = none must
 * @param drawn whether the rehearsals are draws: the cells of a grid go back, or stop, because they are told to
 */
export function judgeFloors(aggregate: Aggregate, faults: number, probes?: readonly Probe[], drawn = true): FloorSummary[] {
  const runs = countRuns(aggregate.ranges)
  const { completed } = aggregate.outcomes
  const enough = drawn && faults === 0 ? completed >= runs * UNDISTURBED_SHARE : completed > 0
  const completes = runs === 0 ? 'notApplicable' : enough ? 'pass' : 'fail'
  const strikes = runs === 0 || faults === 0 || aggregate.faultsDrawn === 0 ? 'notApplicable' : aggregate.faultsStruck > 0 ? 'pass' : 'fail'
  return [
    { id: 'completes', status: completes, evidence: `${completed} of ${runs} rehearsals reached the end of the runbook${completes === 'fail' ? mostOften(aggregate) : ''}` },
    { id: 'faults-strike', status: strikes, evidence: `${aggregate.faultsStruck} of ${aggregate.faultsDrawn} faults drawn struck something` },
    judgeDeeds(aggregate),
    ...(probes === undefined ? [] : [judgeProbes(probes, runs)]),
  ]
}

/** A runbook that says it is done though most of what it is written to do failed has shown nothing, whatever the checks say. */
function judgeDeeds({ deeds: { judged, nothing, little, failed, barren } }: Aggregate): FloorSummary {
  const ends = `${judged} ${judged === 1 ? 'rehearsal' : 'rehearsals'} that reached the end of the runbook`
  if ((nothing + little) * 2 <= judged) return { id: 'acts', status: judged === 0 ? 'notApplicable' : 'pass', evidence: `in ${nothing} of ${ends} nothing was done, in ${little} next to nothing` }
  const lines = [
    ...Object.entries(failed).map(([step, { command, said }]) => `${step}: \`${command}\` failed: ${said}`),
    ...Object.entries(barren).map(([step, { text }]) => `${step}: \`${text}\` made no pass: there was nothing in its list`),
  ]
  const more = lines.length > EVIDENCE_LINES ? [`and ${lines.length - EVIDENCE_LINES} more`] : []
  const what = nothing >= little ? 'nothing of what it is written to do was done' : 'most of what it is written to do failed, and nothing looked at that'
  return { id: 'acts', status: 'fail', evidence: [`in ${nothing + little} of ${ends} ${what}`, ...lines.slice(0, EVIDENCE_LINES), ...more].join('; ') }
}

function judgeProbes(probes: readonly Probe[], runs: number): FloorSummary {
  const missed = unhit(probes)
  const total = missed.reduce((sum, [, of]) => sum + of.length, 0)
  const evidence = [`${total} of ${probes.length} probes were never hit`, ...missed.map(([words, of]) => `${words}: ${of.join(', ')}`)].join('; ')
  return { id: 'probes-hit', status: runs === 0 ? 'notApplicable' : total > 0 ? 'fail' : 'pass', evidence }
}

/** The reason that most rehearsals gave for ending, as an appendix. */
function mostOften({ reasons, reasonExamples }: Pick<Aggregate, 'reasons' | 'reasonExamples'>): string {
  const [first] = Object.entries(reasons).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return first === undefined ? '' : `; most often ${reasonExamples[first[0]]?.text ?? first[0]}`
}

export function judgeObjectives(aggregate: Aggregate, objectives: readonly Objective[]): ObjectiveSummary[] {
  return objectives.map(({ measure, at, max, min, faults }) => {
    const sketch = aggregate.measures[measure as MeasureId]
    const scale = scaleOf(measure as MeasureId)
    const measured = quantileOf(sketch, at) / scale
    const broken = (max !== undefined && measured > max) || (min !== undefined && measured < min)
    const status = sketch.count === 0 || (faults === 'none' && aggregate.faultsDrawn > 0) ? 'notExercised' : broken ? 'fail' : 'pass'
    return { measure, at, max: max ?? null, min: min ?? null, faults, measured: rounded(measured), status }
  })
}

export function compareClaims(aggregate: Aggregate, claims: Readonly<Record<string, number>>): ClaimSummary[] {
  return Object.entries(claims).map(([measure, claimed]) => {
    const sketch = aggregate.measures[measure as MeasureId]
    const scale = scaleOf(measure as MeasureId)
    return { measure, claimed, ...quantiles(sketch, scale), runsAbove: countAbove(sketch, claimed * scale) }
  })
}

export function summariseMeasures(aggregate: Aggregate): Record<MeasureId, Quantiles> {
  return Object.fromEntries(MEASURES.map((id) => [id, quantiles(aggregate.measures[id], scaleOf(id))])) as Record<MeasureId, Quantiles>
}

/**
 * @param order the runbook's steps in its own order; steps not in it follow in name order
 * @param containers steps that hold others: their downtime is that of what they hold
 */
export function summariseSteps(aggregate: Aggregate, order: readonly string[], containers: ReadonlySet<string>): StepSummary[] {
  const runs = Math.max(1, runsInBudget(aggregate))
  const totalUs = aggregate.measures.writeDowntimeSeconds.sum
  return inOrder(Object.keys(aggregate.steps), order).map((id) => {
    const step = aggregate.steps[id] as Aggregate['steps'][string]
    const sumUs = step.writeDowntimeUs.sum
    return {
      step: id,
      title: step.title,
      container: containers.has(id),
      visits: step.visits,
      undoVisits: step.undoVisits,
      failed: step.failed,
      writeDowntimeSecondsMean: rounded(Number(sumUs) / runs / 1e6),
      writeDowntimeSecondsP99: rounded(quantileOf(step.writeDowntimeUs, 'p99') / 1e6),
      share: totalUs === 0n ? 0 : Math.min(1, rounded(Number((sumUs * 1_000_000n) / totalUs) / 1e6)),
    }
  })
}

/** In the order of the runbook's steps, or of the script's lines. */
export function summariseGates(aggregate: Aggregate, order: readonly string[], plan: Plan): GateSummary[] {
  const names = inOrder(Object.keys(aggregate.gates), order)
  return (plan.script === undefined ? names : inScript(names, plan)).map((step) => ({ step, ...(plan.script === undefined ? {} : { text: lineOf(step, plan) }), ...(aggregate.gates[step] as Aggregate['gates'][string]) }))
}

/**
 * What was never hit.
 * @param kinds the fault kinds that the campaign could draw
 * @param order the runbook's steps
 * @param undoable those that have an undo
 */
export function coverageOf(aggregate: Aggregate, kinds: readonly string[], order: readonly string[], undoable: readonly string[]): Coverage {
  const visited = (id: string): boolean => (aggregate.steps[id]?.visits ?? 0) > 0
  return {
    faultsDrawn: aggregate.faultsDrawn,
    faultsStruck: aggregate.faultsStruck,
    kindsNeverStruck: kinds.filter((kind) => (aggregate.kinds[kind]?.struckRuns ?? 0) === 0),
    stepsNeverStarted: order.filter((id) => !visited(id)),
    gatesNeverFailed: inOrder(Object.keys(aggregate.gates), order).filter((id) => aggregate.gates[id]?.failed === 0),
    undoNeverTaken: undoable.filter((id) => visited(id) && (aggregate.undone[id] ?? 0) === 0),
  }
}

/** Signatures, the gravest check first, then the most frequent. Runs beyond the limit of an objective that the campaign met are left out. */
export function summariseSignatures(aggregate: Aggregate, objectives: readonly ObjectiveSummary[]): SignatureSummary[] {
  const missed = objectives.filter((each) => each.status === 'fail').map((each) => each.measure)
  return Object.values(aggregate.signatures)
    .filter(({ signature }) => signature.check !== 'objectives-met' || missed.includes(signature.cause))
    .map(({ signature, runs, run }) => ({ ...signature, runs, firstRun: run }))
    .sort((a, b) => CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check) || b.runs - a.runs || a.firstRun - b.firstRun || (a.cause < b.cause ? -1 : 1))
}

function quantiles(sketch: Sketch, scale: number): Quantiles {
  return Object.fromEntries(QUANTILES.map((at) => [at, rounded(quantileOf(sketch, at) / scale)])) as unknown as Quantiles
}

function inOrder(ids: readonly string[], order: readonly string[]): string[] {
  const place = (id: string): number => (order.includes(id) ? order.indexOf(id) : order.length)
  return [...ids].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
}

/** Six decimals: microseconds and millionths of a rate; keeps the last bits of a division out of result files. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6
}
