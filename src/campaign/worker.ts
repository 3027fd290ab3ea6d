/**
 * A worker thread's entry: loads the scenario from its own text, once, and rehearses ranges of runs. Only plain data crosses the thread border,
 * so an error travels as data too (an Error would lose its class).
 */
import { workerData } from 'node:worker_threads'
import type { Engine } from '../engine.ts'
import type { Scenario, ScenarioSource } from '../scenario/index.ts'
import { type AggregateJson, aggregateToJson } from './aggregateJson.ts'
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

export type WorkerAnswer =
  | { readonly aggregate: AggregateJson }
  | { readonly failed: { readonly run: number; readonly name: string; readonly message: string; readonly stack: string } }

// Tinypool keeps its own bookkeeping in the first place and the caller's data in the second.
const start = (workerData as [unknown, WorkerStart])[1]
let prepared: Promise<Scenario> | undefined

async function prepare(): Promise<Scenario> {
  const { engines } = (await (start.setup === undefined ? import('../../models/index.ts') : import(start.setup))) as { engines: readonly Engine[] }
  return prepareScenario(start.source, engines, start.without)
}

/** Rehearses one range. */
export default async function rehearseRange(range: RangeSpec): Promise<WorkerAnswer> {
  prepared ??= prepare()
  const scenario = await prepared
  try {
    return { aggregate: aggregateToJson(runRange(scenario, realRehearser, range)) }
  } catch (error) {
    if (!(error instanceof RehearsalError)) throw error
    const cause = error.cause instanceof Error ? error.cause : new Error(String(error.cause))
    return { failed: { run: error.run, name: cause.name, message: cause.message, stack: cause.stack ?? '' } }
  }
}
