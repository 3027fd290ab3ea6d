/** A whole campaign as one expectation: many rehearsals of a scenario, and the summary with the smallest story when something gives way. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { engines as builtInEngines } from '../../models/index.ts'
import { type CampaignResult, type Rehearser, realRehearser, runCampaign } from '../campaign/index.ts'
import type { Engine } from '../engine.ts'
import { PLAIN, outlineOf, renderStory, renderSummary, writeCounterexamples } from '../report/index.ts'
import type { CheckId } from '../result.ts'
import { type Scenario, loadScenario } from '../scenario/index.ts'
import { Bystander } from './bystander.ts'
import { ownOf } from './own.ts'

export interface Holding {
  /** How many rehearsals. Default 200. */
  readonly runs?: number
  /** At most so many faults a rehearsal. Default: the scenario's own. */
  readonly faults?: number
  /** Any text. Default `1`: a test suite wants the same luck every time. */
  readonly seed?: string
  readonly without?: readonly string[]
  /** Overrides by path, as `--set`, of a scenario given by name. */
  readonly set?: Readonly<Record<string, string>>
  /** Worker threads. Default 1; more with functions of one's own only as {@link Holding.enginesModule} says. */
  readonly jobs?: number
  /**
   * For more than one job with faults of one's own: a file that exports `engines` (`withFaults(engines, [rackLosesPower])`), because a worker thread
   * can be handed no functions. Checks and probes of one's own are judged in this thread only.
   */
  readonly enginesModule?: string
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
  toViolate(check: CheckId | `x-${string}`, options?: Holding): Promise<CampaignResult>
}

/** @param target a built-in scenario or a scenario file by name, or one that was loaded or given in code */
export function expectRunbook(target: string | Scenario): RunbookExpectation {
  return {
    async toHold(options = {}) {
      const { result, text, own } = await campaign(target, options)
      if (result.verdict === 'violated' || own.violated.length > 0 || own.unhit.length > 0) throw new RunbookViolation(text, result)
      return result
    },
    async toViolate(check, options = {}) {
      const { result, text, own } = await campaign(target, options)
      const violated = own.violated.includes(check) || result.checks.find((each) => each.id === check)?.status === 'fail'
      if (!violated) throw new RunbookViolation(`no rehearsal violated ${check}\n\n${text}`, result)
      return result
    },
  }
}

interface Told {
  readonly result: CampaignResult
  readonly text: string
  readonly own: { readonly violated: readonly string[]; readonly unhit: readonly string[] }
}

async function campaign(target: string | Scenario, options: Holding): Promise<Told> {
  const { runs = 200, seed = '1', faults, without, jobs = 1, folder = 'reports', enginesModule, rehearser = realRehearser } = options
  const scenario = scenarioOf(target, options)
  refuseThreads(scenario, jobs, enginesModule)
  const bystander = new Bystander(scenario, rehearser)
  const how = { runs, seed, jobs, ...(faults === undefined ? {} : { faults }), ...(without === undefined ? {} : { without }), ...(enginesModule === undefined ? {} : { enginesModule: addressOf(enginesModule) }) }
  const { result: found, stories } = await runCampaign(scenario, how, bystander.rehearser)
  const result = folder === null ? found : writeCounterexamples(found, folder)
  const counterexample = result.counterexamples[0]
  const rehearsal = stories[0]?.rehearsal
  const story = counterexample === undefined || rehearsal === undefined ? [] : ['', ...renderStory({ scenario: scenario.name, outline: outlineOf(scenario.runbook), counterexample, rehearsal, twin: stories[0]?.twin }, PLAIN)]
  const own = bystander.conclude(folder)
  return { result, text: [...renderSummary(result, PLAIN, outlineOf(scenario.runbook)), ...story, ...own.lines].join('\n'), own }
}

function scenarioOf(target: string | Scenario, { set, engines }: Holding): Scenario {
  if (typeof target === 'string') return loadScenario(target, engines ?? builtInEngines, { set: set ?? {} })
  if (set !== undefined || engines !== undefined) throw new Error('expectRunbook: `set` and `engines` are for a scenario given by name; give them to `scenario({ … })`')
  return target
}

/** @throws Error when functions of one's own would have to be in another thread */
function refuseThreads(scenario: Scenario, jobs: number, enginesModule: string | undefined): void {
  if (jobs <= 1) return
  const { checks, probes, faults } = ownOf(scenario)
  if (checks.length + probes.length > 0) throw new Error(`expectRunbook: jobs: ${jobs}: checks and probes of your own are functions, which a worker thread cannot be handed; use jobs: 1`)
  if (faults && enginesModule === undefined) throw new Error(`expectRunbook: jobs: ${jobs}: faults and commands of your own are functions, which a worker thread cannot be handed; use jobs: 1, or enginesModule: a file that exports \`engines\` (withFaults or withCommands(engines, [yours]))`)
}

function addressOf(module: string): string {
  return module.startsWith('file:') ? module : pathToFileURL(resolve(module)).href
}
