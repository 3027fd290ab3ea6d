/**
 * Runbooks and clusters that no built-in scenario has, each with a prediction made from facts before it was ever run: what must be lost, between what and
 * what the downtime lies, which checks fail and which pass. A row whose prediction fails says that either the model or our reading of the facts is wrong.
 */
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { engines } from '../../models/index.ts'
import type { Fault } from '../../src/faults/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import type { CheckId, MeasureId, Outcome, RehearsalResult } from '../../src/result.ts'
import { loadScenarioFrom, type Scenario } from '../../src/scenario/index.ts'
import type { Step } from '../variant.ts'

/** From … to, both included; a number = exactly that. */
export type Range = number | readonly [number, number]

export interface Prediction {
  readonly outcome?: Outcome
  /** In the measures' own units. What is not named must be 0 if it is loss or split brain. */
  readonly measures?: Partial<Record<MeasureId, Range>>
  /** These fail, in every rehearsal. */
  readonly fails?: readonly CheckId[]
  /** These pass, in every rehearsal; `all` = nothing fails. */
  readonly passes?: readonly CheckId[] | 'all'
}

export interface Case {
  readonly cluster: Readonly<Record<string, unknown>>
  readonly load?: Readonly<Record<string, unknown>>
  readonly steps?: readonly (string | Step)[]
  /** A shell script instead of steps. */
  readonly script?: string
  readonly faults?: readonly Fault[]
  readonly predicts: Prediction
  /** Where the prediction comes from. */
  readonly source: string
}

/** How often each row is rehearsed, with luck of its own. */
const SEEDS = 3
const NEVER_BY_ITSELF: readonly MeasureId[] = ['lostAcknowledgedWrites', 'splitBrainSeconds', 'forbiddenSkewSeconds']

/** A scenario written out of a row. */
export function scenarioOf({ cluster, load, steps, script }: Pick<Case, 'cluster' | 'load' | 'steps' | 'script'>, deadline = '6h'): Scenario {
  const runbook = script === undefined ? './unseen.runbook.yaml' : './unseen.sh'
  const files = script === undefined ? { 'unseen.runbook.yaml': stringify({ format: 1, title: 'Unseen', steps }) } : { 'unseen.sh': script }
  const yaml = stringify({ format: 1, cluster, load: { writesPerSecond: 200, timeout: '60s', queueAgeLimit: '60s', ...load }, runbook, deadline })
  return loadScenarioFrom({ name: 'unseen', yaml, files, set: {} }, engines)
}

export function rehearsals(row: Pick<Case, 'cluster' | 'load' | 'steps' | 'script' | 'faults'>, seeds = SEEDS): RehearsalResult[] {
  const scenario = scenarioOf(row)
  return Array.from({ length: seeds }, (_, i) => rehearse({ scenario, schedule: row.faults ?? [], seed: `unseen/${i}` }))
}

function within(value: number, range: Range): boolean {
  return typeof range === 'number' ? value === range : value >= range[0] && value <= range[1]
}

/** What a rehearsal did otherwise than predicted, in words. */
export function deviations(result: RehearsalResult, { outcome = 'completed', measures = {}, fails = [], passes = [] }: Prediction): string[] {
  const found: string[] = []
  if (result.outcome !== outcome) found.push(`${result.outcome} instead of ${outcome}: ${result.outcomeReason}`)
  const wanted: Partial<Record<MeasureId, Range>> = { ...Object.fromEntries(NEVER_BY_ITSELF.map(id => [id, 0])), ...measures }
  for (const [id, range] of Object.entries(wanted) as [MeasureId, Range][]) {
    if (!within(result.measures[id], range)) found.push(`${id} is ${result.measures[id]}, not ${typeof range === 'number' ? range : range.join(' … ')}`)
  }
  for (const { check, status, evidence } of result.verdicts) {
    if (fails.includes(check) && status !== 'fail') found.push(`${check} is ${status}, not fail`)
    if (status === 'fail' && (passes === 'all' || passes.includes(check))) found.push(`${check} fails: ${evidence}`)
  }
  return found
}

/** One test a row. */
export function unseen(rows: Readonly<Record<string, Case>>): void {
  test.each(Object.entries(rows))('%s', (_name, row) => {
    const results = rehearsals(row)
    for (const result of results) for (const fault of result.faults) expect(fault, 'a fault that does not strike predicts nothing').toMatchObject({ struck: true })
    expect(results.map(result => deviations(result, row.predicts))).toEqual(results.map(() => []))
  })
}
