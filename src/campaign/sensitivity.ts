/**
 * Assumptions are results (design §10): each default that the scenario does not set is varied alone within its sourced range, on the luck of the
 * unchanged scenario, so that a difference is the assumption's and not chance's. Says which assumption changes the verdict, and which measure moves
 * with what.
 */
import type { Assumption } from '../engine.ts'
import { sample } from '../kernel/index.ts'
import type { Distribution } from '../kernel/index.ts'
import { MEASURES, type MeasureId } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Aggregate } from './aggregate.ts'
import { type Lane, openLane } from './pool.ts'
import { prepareScenario, withoutKinds } from './prepare.ts'
import { RehearsalError, type Rehearser, runRange } from './rehearser.ts'
import { realRehearser } from './real.ts'
import type { Flip, Sensitivity, Tornado } from './result.ts'
import type { StrategySpec } from './strategy.ts'
import { summarise } from './summarise.ts'
import { version } from './version.ts'

/** One default in another value. */
export interface Variant {
  readonly assumption: Assumption
  readonly value: unknown
}

export interface SensitivityOptions {
  /** Rehearsals a value. */
  readonly runs: number
  readonly seed: string
  readonly strategy: StrategySpec
  readonly without: readonly string[]
  readonly jobs: number
  readonly enginesModule?: string | undefined
  /** When aborted, no further value is tried. */
  readonly stop?: AbortSignal | undefined
  readonly onProgress?: (done: number, total: number) => void
}

/** Halvings between a value that keeps the verdict and one that does not. */
const HALVINGS = 5
/** Of each measure, so many assumptions are kept: those that move it most. */
const ROWS_KEPT = 20

/** What a variant shows. */
interface Reading {
  readonly verdict: Flip['verdict']
  readonly checks: ReadonlyMap<string, { readonly status: string; readonly violations: number; readonly judged: number }>
  readonly means: Readonly<Record<MeasureId, number>>
}

/** Every value to be tried: both ends of a range, each other word of a list. */
export function variantsOf(scenario: Scenario): Variant[] {
  return scenario.assumptions.flatMap((assumption) => {
    const { range, value } = assumption
    if (range === undefined) return []
    const values: readonly unknown[] = range.values ?? [range.low, range.high]
    return values.filter((each) => JSON.stringify(each) !== JSON.stringify(value)).map((each) => ({ assumption, value: each }))
  })
}

/**
 * Varies each assumption of a scenario alone.
 * @throws RehearsalError when a rehearsal throws for another reason than that a value cannot be
 */
export async function analyseSensitivity(given: Scenario, options: SensitivityOptions, rehearser: Rehearser = realRehearser): Promise<Sensitivity> {
  const scenario = withoutKinds(given, options.without)
  const variants = variantsOf(scenario)
  const lanes = Array.from({ length: Math.max(1, Math.min(options.jobs, variants.length)) }, () => openFor(scenario, options, rehearser))
  try {
    return await vary(scenario, variants, lanes, options, rehearser)
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()))
  }
}

async function vary(scenario: Scenario, variants: readonly Variant[], lanes: readonly Lane[], options: SensitivityOptions, rehearser: Rehearser): Promise<Sensitivity> {
  const impossible: { option: string; value: unknown; why: string }[] = []
  let done = 0
  let spent = 0
  const read = async (lane: Lane, variant: Variant | undefined): Promise<Reading | undefined> => {
    try {
      const { runs, seed, strategy } = options
      const aggregate = await lane.rehearse({ seed, strategy, first: 0, end: runs }, variant === undefined ? {} : { [variant.assumption.option]: textOf(variant.value) })
      spent += runs
      return readingOf(scenario, rehearser, aggregate, options)
    } catch (error) {
      const why = variant === undefined ? undefined : impossibility(error)
      if (why === undefined || variant === undefined) throw error
      impossible.push({ option: variant.assumption.option, value: variant.value, why })
      return undefined
    }
  }
  const base = (await read(lanes[0] as Lane, undefined)) as Reading
  const readings = await shareOut(variants, lanes, options.stop, async (lane, variant) => {
    const reading = await read(lane, variant)
    options.onProgress?.(++done, variants.length)
    return reading
  })
  const found = readings.flatMap((reading, i) => (reading === undefined || 'skipped' in reading ? [] : [{ variant: variants[i] as Variant, reading: reading as Reading }]))
  const flips = await shareOut(found.filter(({ reading }) => differs(base, reading)), lanes, options.stop, async (lane, { variant, reading }) => flipOf(base, variant, reading, await narrow(base, variant, reading, (at) => read(lane, at))))
  const told = flips.flatMap((flip) => ('skipped' in flip ? [] : [flip]))
  return {
    runs: options.runs,
    rehearsals: spent,
    complete: options.stop?.aborted !== true,
    varied: new Set(variants.map(({ assumption }) => assumption.option)).size,
    verdict: base.verdict,
    flips: told.sort((a, b) => Number(b.verdict !== base.verdict) - Number(a.verdict !== base.verdict) || byText(a.option, b.option)),
    tornado: tornadoOf(base, found),
    impossible: impossible.sort((a, b) => byText(a.option, b.option) || byText(textOf(a.value), textOf(b.value))),
  }
}

/** Does something with each item, every lane taking the next one when it is free; results are in the items' order. */
async function shareOut<T, R>(items: readonly T[], lanes: readonly Lane[], stop: AbortSignal | undefined, work: (lane: Lane, item: T) => Promise<R>): Promise<(R | { skipped: true })[]> {
  const results: (R | { skipped: true })[] = items.map(() => ({ skipped: true }))
  let next = 0
  await Promise.all(
    lanes.map(async (lane) => {
      while (next < items.length && stop?.aborted !== true) {
        const i = next++
        results[i] = await work(lane, items[i] as T)
      }
    }),
  )
  return results
}

function readingOf(scenario: Scenario, rehearser: Rehearser, aggregate: Aggregate, { seed, strategy, without, runs }: SensitivityOptions): Reading {
  const { verdict, checks, objectives, floors, measures } = summarise(scenario, rehearser, aggregate, [], { proofroll: version, seed, strategy, without, asked: [[0, runs]], strict: false, elapsedSeconds: () => 0 })
  const judged = [
    ...checks.filter((check) => check.id !== 'objectives-met'),
    ...objectives.map((each) => ({ id: `objective ${each.measure} ${each.at}`, status: each.status, violations: 0, judged: 0 })),
    ...floors.map((floor) => ({ id: floor.id, status: floor.status, violations: 0, judged: 0 })),
  ]
  return { verdict, checks: new Map(judged.map((each) => [each.id, each])), means: Object.fromEntries(MEASURES.map((id) => [id, measures[id].mean])) as Record<MeasureId, number> }
}

/** Whether the verdict, or a check on the way to it, came out otherwise. */
function differs(base: Reading, other: Reading): boolean {
  return base.verdict !== other.verdict || changedChecks(base, other).length > 0
}

function changedChecks(base: Reading, other: Reading): Flip['checks'] {
  return [...other.checks].flatMap(([id, { status, violations, judged }]) => {
    const was = base.checks.get(id)?.status
    return (status === 'fail') === (was === 'fail') ? [] : [{ id, was: was ?? 'notApplicable', is: status, violations, judged }]
  })
}

function flipOf(base: Reading, { assumption, value }: Variant, reading: Reading, between: readonly [number, number] | null): Flip {
  return { option: assumption.option, assumed: assumption.value, value, verdict: reading.verdict, flipsVerdict: reading.verdict !== base.verdict, checks: changedChecks(base, reading), between }
}

/** Where, between what was assumed and the end of an ordered range, the verdict turns: the last value that keeps it and the first that does not. */
async function narrow(base: Reading, variant: Variant, end: Reading, read: (at: Variant) => Promise<Reading | undefined>): Promise<readonly [number, number] | null> {
  const { assumption, value } = variant
  const centre = centreOf(assumption.value)
  const flips = (reading: Reading): boolean => reading.verdict !== base.verdict
  if (assumption.range?.values !== undefined || typeof value !== 'number' || centre === undefined || !flips(end)) return null
  let [keeps, turns] = [centre, value]
  for (let i = 0; i < HALVINGS; i++) {
    const middle = between(keeps, turns)
    if (middle === keeps || middle === turns) break
    const reading = await read({ assumption, value: middle })
    if (reading === undefined) break
    if (flips(reading)) turns = middle
    else keeps = middle
  }
  return [keeps, turns]
}

/** The middle, whole where both ends are, else in three figures: a value that a person would write. */
function between(a: number, b: number): number {
  const middle = (a + b) / 2
  return Number.isInteger(a) && Number.isInteger(b) ? Math.round(middle) : Number(middle.toPrecision(3))
}

/** A number as it is; a distribution by its median. */
function centreOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'object' || value === null || !('is' in value)) return undefined
  const median = sample(value as Distribution, 0.5)
  return Number.isFinite(median) ? Number(median.toPrecision(3)) : undefined
}

/** By measure (the gravest first), then by how far the assumption moves it. What moves nothing is left out. */
function tornadoOf(base: Reading, found: readonly { readonly variant: Variant; readonly reading: Reading }[]): Tornado[] {
  const options = [...new Set(found.map(({ variant }) => variant.assumption.option))]
  return MEASURES.flatMap((measure) => {
    const rows = options.flatMap((option): Tornado[] => {
      const tried = found.filter(({ variant }) => variant.assumption.option === option).map(({ variant, reading }) => ({ value: variant.value, at: reading.means[measure] }))
      const { range, value } = (found.find(({ variant }) => variant.assumption.option === option) as { variant: Variant }).variant.assumption
      const all = [...tried, { value, at: base.means[measure] }]
      // Of an ordered range the ends; of words those with the least and the greatest measure.
      const ordered = range?.values === undefined ? all.filter((each) => each.value === range?.low || each.value === range?.high) : []
      const [low, high] = ordered.length === 2 ? [ordered[0], ordered[1]] : [least(all), greatest(all)]
      const swing = greatest(all).at - least(all).at
      if (!(swing > 0) || low === undefined || high === undefined) return []
      return [{ measure, option, low: low.value, high: high.value, atLow: low.at, atAssumed: base.means[measure], atHigh: high.at, swing: rounded(swing) }]
    })
    return rows.sort((a, b) => b.swing - a.swing || byText(a.option, b.option)).slice(0, ROWS_KEPT)
  })
}

const least = <T extends { readonly at: number }>(all: readonly T[]): T => all.reduce((best, each) => (each.at < best.at ? each : best))
const greatest = <T extends { readonly at: number }>(all: readonly T[]): T => all.reduce((best, each) => (each.at > best.at ? each : best))
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** As `--set` wants it. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Why a scenario with that value cannot be rehearsed, when that is what an error says; by name, because across threads only the name survives. */
function impossibility(error: unknown): string | undefined {
  const cause = error instanceof RehearsalError ? error.cause : error
  return cause instanceof Error && cause.name === 'ScenarioError' ? cause.message.trim().split('\n').slice(0, 2).map((line) => line.trim()).join(': ') : undefined
}

/** A thread's lane, or this thread's. */
function openFor(scenario: Scenario, { jobs, without, enginesModule }: SensitivityOptions, rehearser: Rehearser): Lane {
  if (jobs > 1) return openLane(scenario, without, enginesModule)
  return {
    async rehearse(range, set = {}) {
      await new Promise((resolve) => setImmediate(resolve))
      const varied = Object.keys(set).length === 0 ? scenario : prepareScenario({ ...scenario.source, set: { ...scenario.source.set, ...set } }, [scenario.engine], without)
      return runRange(varied, rehearser, range)
    },
    close: () => Promise.resolve(),
  }
}
