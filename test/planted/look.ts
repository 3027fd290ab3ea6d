/** Looks for a defect of a runbook as a campaign would, and stops at the first rehearsal that shows it. */
import { type BlockId, realRehearser, SWEEP, sweepGrid, zeroBelow95 } from '../../src/campaign/index.ts'
import type { Schedule } from '../../src/faults/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import type { CheckId, MeasureId, RehearsalResult } from '../../src/result.ts'
import type { Scenario } from '../../src/scenario/index.ts'
import { variant } from '../variant.ts'
import type { Finding, RunbookDefect } from './defect.ts'

/** So many rehearsals without faults come first. Objectives on quantiles, and whether anything completes, are judged over these. */
export const CALM = 20
/** So many in all, at random. */
export const MOST = 10_000
/** Faults a rehearsal, once there are any. */
export const FAULTS = 2
const SEED = '1'

/** What a rehearsal breaks with the defect in it and not without: a fault that is too much for the corrected runbook finds no defect. */
type Trial = (what: { readonly seed: string; readonly schedule: Schedule }) => string | undefined

/** Rehearses the scenario with the defect in it until a check, an objective or a floor is violated. */
export function lookFor(defect: RunbookDefect): Finding {
  const planted = variant(defect.scenario, defect.change)
  const { kinds = planted.faults.kinds } = defect
  const scenario = { ...planted, faults: { ...planted.faults, kinds } }
  const engine = defect.change.set?.['cluster.engine']
  const whole = variant(defect.scenario, engine === undefined ? {} : { set: { 'cluster.engine': engine } })
  const trial: Trial = what => {
    const result = rehearse({ scenario, ...what })
    return brokenIn(result) === undefined ? undefined : brokenIn(result, checksBrokenIn(rehearse({ scenario: whole, ...what })))
  }
  const calm = withoutFaults(scenario, Math.min(CALM, defect.most ?? CALM))
  if (calm.found) return calm
  return defect.look === undefined ? atRandom(scenario, trial, calm.after, defect.most ?? MOST) : bySweep(scenario, trial, defect.look, calm.after, defect.most)
}

/** What the first rehearsals without faults say of a scenario. */
export function withoutFaults(scenario: Scenario, runs: number): Finding {
  const results: RehearsalResult[] = []
  for (let run = 0; run < runs; run++) {
    const result = rehearse({ scenario, seed: realRehearser.seedOf(SEED, run), schedule: [] })
    const broken = brokenIn(result)
    if (broken !== undefined) return { found: true, how: `without faults: ${broken}`, after: run + 1 }
    results.push(result)
  }
  const broken = brokenInAll(scenario, results)
  return { found: broken !== undefined, how: `without faults: ${broken ?? 'nothing'}`, after: runs }
}

function atRandom(scenario: Scenario, trial: Trial, before: number, most: number): Finding {
  for (let run = 0; before + run < most; run++) {
    const schedule = realRehearser.scheduleOf(scenario, SEED, run, FAULTS)
    const broken = trial({ seed: realRehearser.seedOf(SEED, run), schedule })
    if (broken !== undefined) return { found: true, how: `up to ${FAULTS} faults: ${broken}`, after: before + run + 1 }
  }
  return { found: false, how: `nothing at random: in fewer than ${(zeroBelow95(most) * 100).toPrecision(2)} % of rehearsals`, after: most }
}

function bySweep(scenario: Scenario, trial: Trial, block: BlockId, before: number, most = Infinity): Finding {
  const grid = sweepGrid(SWEEP, scenario, realRehearser, SEED)
  const nth = grid.blocks.findIndex(({ id }) => id === block)
  const first = grid.blocks.slice(0, nth).reduce((sum, { size }) => sum + size, 0)
  const cells = Math.min(grid.blocks[nth]?.size ?? 0, most - before)
  for (let i = 0; i < cells; i++) {
    const { seed, schedule, judged, cell } = grid.caseOf(first + i)
    const broken = judged ? trial({ seed, schedule }) : undefined
    if (broken !== undefined) return { found: true, how: `sweep of ${block}, ${cell?.column} in ${cell?.row}: ${broken}`, after: before + i + 1 }
  }
  return { found: false, how: `nothing in the sweep of ${block}`, after: before + cells }
}

/** The first violation of one rehearsal, as its signature; those of the checks in `known` are none. */
function brokenIn({ inBudget, verdicts }: RehearsalResult, known: readonly CheckId[] = []): string | undefined {
  const verdict = inBudget ? verdicts.find(({ check, status }) => status === 'fail' && !known.includes(check)) : undefined
  if (verdict === undefined) return undefined
  const { check, signature } = verdict
  return `${check} (${signature?.cause}${signature?.step === '-' ? '' : ` at ${signature?.step}`})`
}

function checksBrokenIn({ verdicts }: RehearsalResult): readonly CheckId[] {
  return verdicts.filter(({ status }) => status === 'fail').map(({ check }) => check)
}

/** What only a campaign can say: quantiles, and that nothing ever completes. */
function brokenInAll({ objectives }: Scenario, results: readonly RehearsalResult[]): string | undefined {
  for (const { measure, at, max } of objectives) {
    const values = results.map(({ measures }) => measures[measure as MeasureId]).sort((a, b) => a - b)
    const value = at === 'mean' ? values.reduce((a, b) => a + b, 0) / values.length : (values[Math.ceil(values.length * SHARE[at]) - 1] ?? 0)
    if (max !== undefined && value > max) return `objectives-met (${measure} at ${at})`
  }
  return results.some(({ outcome }) => outcome === 'completed') ? undefined : `completes (${results[0]?.outcome} in all of them)`
}

/** Of how many values a quantile is the greatest. */
const SHARE = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 } as const
