/** Rehearses ranges of runs on worker threads. Chunks are long enough that a message (about 50 µs) does not matter; results are keyed by run number, so their order does not either. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Tinypool } from 'tinypool'
import type { Scenario } from '../scenario/scenario.ts'
import { type Aggregate } from './aggregate.ts'
import { aggregateFromJson } from './aggregateJson.ts'
import { type RangeSpec, RehearsalError } from './rehearser.ts'
import type { WorkerAnswer, WorkerStart } from './worker.ts'

/** Chunks a thread gets over a campaign: enough that no thread waits long for another at the end. */
const CHUNKS_PER_THREAD = 16
/** At about a millisecond a run, eight runs are the 5 ms below which dispatch begins to show. */
const CHUNK_LEAST = 8
const CHUNK_MOST = 500
/** Room for young objects: a rehearsal leaves about 4 MB of them, and the default makes threads collect garbage twice as often. */
const YOUNG_GENERATION_MB = 64

/** Cuts `[first, end)` into the chunks that `jobs` threads share. */
export function chunksOf(first: number, end: number, jobs: number): readonly (readonly [number, number])[] {
  const size = Math.min(CHUNK_MOST, Math.max(CHUNK_LEAST, Math.ceil((end - first) / (jobs * CHUNKS_PER_THREAD))))
  const chunks: [number, number][] = []
  for (let at = first; at < end; at += size) chunks.push([at, Math.min(end, at + size)])
  return chunks
}

export interface Pool {
  rehearse(range: RangeSpec): Promise<Aggregate>
  close(): Promise<void>
}

/**
 * Starts `jobs` threads for one scenario.
 * @param setup file address of a module that exports `engines`, for the threads to load the scenario with; undefined = the models of this package
 */
export function openPool(scenario: Scenario, without: readonly string[], jobs: number, setup: string | undefined): Pool {
  const start: WorkerStart = { source: scenario.source, without, setup }
  const pool = new Tinypool({ filename: workerFile(), minThreads: jobs, maxThreads: jobs, isolateWorkers: false, workerData: start, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } })
  return {
    async rehearse(range) {
      const answer = (await pool.run(range)) as WorkerAnswer
      if ('aggregate' in answer) return aggregateFromJson(answer.aggregate)
      throw revive(answer.failed)
    },
    async close() {
      await pool.destroy()
    },
  }
}

/** The built worker beside this file; when this file runs as TypeScript (in tests) the one in `dist`, because a thread cannot load TypeScript. */
function workerFile(): string {
  const beside = fileURLToPath(new URL('./worker.js', import.meta.url))
  if (existsSync(beside)) return beside
  const built = fileURLToPath(new URL('../../dist/src/campaign/worker.js', import.meta.url))
  if (existsSync(built)) return built
  throw new Error(`no built worker at ${built}: run \`npm run build\` first, or use \`--jobs 1\``)
}

function revive(failed: { readonly run: number; readonly name: string; readonly message: string; readonly stack: string }): RehearsalError {
  const cause = new Error(failed.message)
  cause.name = failed.name
  cause.stack = failed.stack
  return new RehearsalError(failed.run, cause)
}
