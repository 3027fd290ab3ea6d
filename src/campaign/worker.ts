/**
 * A worker thread's entry: loads the scenario from its own text, once, and rehearses ranges of runs. Only plain data crosses the thread border,
 * so an error travels as data too (an Error would lose its class).
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Engine } from '../engine.ts'
import type { Scenario, ScenarioSource } from '../scenario/index.ts'
import { type AggregateJson, aggregateToJson } from './aggregateJson.ts'
import { type TallyJson, tallyToJson } from './compare/tally.ts'
import { type TogetherSpec, rehearseTogether } from './compare/together.ts'
import { prepareScenario } from './prepare.ts'
import { realRehearser } from './real.ts'
import { type RangeSpec, RehearsalError, runRange } from './rehearser.ts'

/** What a worker is started with. */
export interface WorkerStart {
  readonly source: ScenarioSource
  readonly without: readonly string[]
  /** File address of a module exporting `engines`; undefined = the models of this package. */
  readonly setup: string | undefined
}

export interface WorkerTask {
  readonly range: RangeSpec
  /** Overrides of the scenario, over its own. */
  readonly set: Readonly<Record<string, string>>
  /** Several scenarios on the same luck, instead of the one that the thread was started with. */
  readonly together?: TogetherSpec
}

export type WorkerAnswer =
  | { readonly aggregate: AggregateJson }
  | { readonly tally: TallyJson }
  /** `run` is absent when the scenario could not even be loaded. */
  | { readonly failed: { readonly run: number | undefined; readonly name: string; readonly message: string; readonly stack: string } }

const start = workerData as WorkerStart
let engines: Promise<readonly Engine[]> | undefined
/** The scenario that was rehearsed last: the next range is nearly always of the same one. */
let prepared: { readonly set: string; readonly scenario: Scenario } | undefined

async function loadEngines(): Promise<readonly Engine[]> {
  const module = (await (start.setup === undefined ? import('../../models/index.ts') : import(start.setup))) as { engines: readonly Engine[] }
  return module.engines
}

async function scenarioWith(set: Readonly<Record<string, string>>): Promise<Scenario> {
  const key = JSON.stringify(set)
  engines ??= loadEngines()
  if (prepared?.set !== key) prepared = { set: key, scenario: prepareScenario({ ...start.source, set: { ...start.source.set, ...set } }, await engines, start.without) }
  return prepared.scenario
}

/** The scenarios that were compared last. */
let compared: { readonly key: string; readonly scenarios: readonly Scenario[] } | undefined

async function scenariosOf({ sources }: TogetherSpec): Promise<readonly Scenario[]> {
  const key = JSON.stringify(sources)
  engines ??= loadEngines()
  const known = await engines
  if (compared?.key !== key) compared = { key, scenarios: sources.map((source) => prepareScenario(source, known, start.without)) }
  return compared.scenarios
}

async function answer({ range, set, together }: WorkerTask): Promise<WorkerAnswer> {
  try {
    if (together !== undefined) return { tally: tallyToJson(rehearseTogether(await scenariosOf(together), realRehearser, range)) }
    return { aggregate: aggregateToJson(runRange(await scenarioWith(set), realRehearser, range)) }
  } catch (error) {
    const told = error instanceof RehearsalError ? error.cause : error
    const cause = told instanceof Error ? told : new Error(String(told))
    return { failed: { run: error instanceof RehearsalError ? error.run : undefined, name: cause.name, message: cause.message, stack: cause.stack ?? '' } }
  }
}

parentPort?.on('message', (task: WorkerTask) => void answer(task).then((told) => parentPort?.postMessage(told)))
