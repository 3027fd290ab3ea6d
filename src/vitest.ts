/**
 * For a test suite of your own. Works in any runner, because a violation is a thrown error that tells the whole story:
 *
 * ```ts
 * test('our upgrade loses nothing', () => expectRunbook('upgrades/postgres.yaml').toHold({ runs: 200, faults: 1 }), 60_000)
 * ```
 */
import { engines as builtInEngines } from '../models/index.ts'
import { type CampaignResult, type Rehearser, realRehearser, runCampaign } from './campaign/index.ts'
import type { Engine } from './engine.ts'
import { PLAIN, outlineOf, renderStory, renderSummary, writeCounterexamples } from './report/index.ts'
import type { CheckId } from './result.ts'
import { loadScenario } from './scenario/index.ts'

export interface Holding {
  /** How many rehearsals. Default 200. */
  readonly runs?: number
  /** At most so many faults a rehearsal. Default: the scenario's own. */
  readonly faults?: number
  /** Any text. Default `1`: a test suite wants the same luck every time. */
  readonly seed?: string
  readonly without?: readonly string[]
  /** Overrides by path, as `--set`. */
  readonly set?: Readonly<Record<string, string>>
  readonly jobs?: number
  /** Folder for counterexample files; null writes none. Default `reports`. */
  readonly folder?: string | null
  readonly engines?: readonly Engine[]
  readonly rehearser?: Rehearser
}

/** A runbook did not hold, or held where a failure was expected. The message is the summary and the smallest failing story. */
export class RunbookViolation extends Error {
  override readonly name = 'RunbookViolation'
  constructor(
    message: string,
    readonly result: CampaignResult,
  ) {
    super(message)
  }
}

export interface RunbookExpectation {
  /** Every check and objective holds in every rehearsal in budget. @throws RunbookViolation */
  toHold(options?: Holding): Promise<CampaignResult>
  /** At least one rehearsal violates the check: for keeping a known defect found. @throws RunbookViolation when none does */
  toViolate(check: CheckId, options?: Holding): Promise<CampaignResult>
}

/** @param nameOrPath a built-in scenario or a scenario file */
export function expectRunbook(nameOrPath: string): RunbookExpectation {
  return {
    async toHold(options = {}) {
      const { result, text } = await campaign(nameOrPath, options)
      if (result.verdict === 'violated') throw new RunbookViolation(text, result)
      return result
    },
    async toViolate(check, options = {}) {
      const { result, text } = await campaign(nameOrPath, options)
      if (result.checks.find((each) => each.id === check)?.status !== 'fail') throw new RunbookViolation(`no rehearsal violated ${check}\n\n${text}`, result)
      return result
    },
  }
}

async function campaign(nameOrPath: string, options: Holding): Promise<{ result: CampaignResult; text: string }> {
  const { runs = 200, seed = '1', faults, without, set = {}, jobs = 1, folder = 'reports', engines = builtInEngines, rehearser = realRehearser } = options
  const scenario = loadScenario(nameOrPath, engines, { set })
  const { result: found, stories } = await runCampaign(scenario, { runs, seed, jobs, ...(faults === undefined ? {} : { faults }), ...(without === undefined ? {} : { without }) }, rehearser)
  const result = folder === null ? found : writeCounterexamples(found, folder)
  const counterexample = result.counterexamples[0]
  const rehearsal = stories[0]?.rehearsal
  const story = counterexample === undefined || rehearsal === undefined ? [] : ['', ...renderStory({ scenario: scenario.name, outline: outlineOf(scenario.runbook), counterexample, rehearsal, twin: stories[0]?.twin }, PLAIN)]
  return { result, text: [...renderSummary(result, PLAIN), ...story].join('\n') }
}
