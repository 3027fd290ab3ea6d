/** One rehearsal in a test, with what its expectations need to explain a failure. */
import { readFileSync } from 'node:fs'
import type { CounterexampleFile } from '../campaign/index.ts'
import type { Schedule } from '../faults/schedule.ts'
import { rehearse } from '../rehearsal.ts'
import type { RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/index.ts'
import { countProbes, judgeOwn, ownOf } from './own.ts'

export interface RehearsalChoice {
  /** The faults: drawn by `faultSchedules`, or written by hand. Default: none. */
  readonly schedule?: Schedule
  /** Names the whole luck. Default `1`. */
  readonly seed?: string
  /** Take schedule and seed from a failure's file (`reports/….json`), for a regression that is kept. Nothing else of the file is used. */
  readonly replay?: string
  /** Keep the story in the result (`story`). Default: only if a check of one's own reads it. */
  readonly record?: boolean
  /** Folder for the file of a failure; null writes none. Default `reports`. */
  readonly folder?: string | null
}

/** What a rehearsal yields, with the verdicts of the scenario's own checks among the others. */
export interface Rehearsal extends RehearsalResult {
  readonly scenario: Scenario
  readonly seed: string
  /** Where a failure's file goes. */
  readonly folder: string | null
}

/**
 * Rehearses a scenario once: the same schedule and seed give the same result for ever. Expectations: `expect(result).toHold()` in vitest after
 * `import 'proofroll/vitest'`, `expectRehearsal(result).toHold()` in any other runner.
 * @throws ScenarioError when `start` does not succeed, UnsupportedError for a command that no model has, Error for a file that is no counterexample
 */
export function rehearsal(scenario: Scenario, { schedule, seed, replay, record = ownOf(scenario).checks.some(({ readsStory }) => readsStory === true), folder = 'reports' }: RehearsalChoice = {}): Rehearsal {
  if (replay !== undefined && (schedule !== undefined || seed !== undefined)) throw new Error('rehearsal: `replay` brings its own schedule and seed; give one or the other')
  const file = replay === undefined ? undefined : readFailure(replay)
  const what = { schedule: schedule ?? file?.schedule ?? [], seed: seed ?? file?.seed ?? '1' }
  const result = judged(scenario, rehearse({ scenario, ...what, record }))
  countProbes(scenario, result)
  return { ...result, scenario, seed: what.seed, folder }
}

/** A result with the verdicts of the scenario's own checks. */
export function judged(scenario: Scenario, result: RehearsalResult): RehearsalResult {
  return ownOf(scenario).checks.length === 0 ? result : { ...result, verdicts: [...result.verdicts, ...judgeOwn(scenario, result)] }
}

function readFailure(file: string): CounterexampleFile {
  const parsed = JSON.parse(readFileSync(file, 'utf8')) as Partial<CounterexampleFile> | null
  if (parsed?.kind !== 'proofroll counterexample' || parsed.format !== 1) throw new Error(`${file}: this is no counterexample file of this version of Proofroll`)
  return parsed as CounterexampleFile
}
