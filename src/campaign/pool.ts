/**
 * Rehearses ranges of runs on worker threads. A range counts only when its whole answer has arrived, so a thread that dies loses that range and
 * nothing else: the range is given to a fresh thread, and the result is the same to the last byte.
 *
 * Written on `node:worker_threads` because a general pool (Tinypool, Piscina) waits for ever for a thread that left by `process.exit`.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Scenario } from '../scenario/scenario.ts'
import type { Aggregate } from './aggregate.ts'
import { aggregateFromJson } from './aggregateJson.ts'
import { type Tally, tallyFromJson } from './compare/tally.ts'
import type { TogetherSpec } from './compare/together.ts'
import { type RangeSpec, RehearsalError } from './rehearser.ts'
import type { WorkerAnswer, WorkerStart, WorkerTask } from './worker.ts'

/** Threads that one range is given to before the campaign gives up: the first death may be bad luck (memory), the third is not. */
const TRIES = 3
/** Room for young objects: a rehearsal leaves about 4 MB of them, and the default makes threads collect garbage twice as often. */
const YOUNG_GENERATION_MB = 64

/** Rehearses one range at a time. */
export interface Lane {
  /** @param set overrides of the scenario for this range, over its own. @throws RehearsalError, WorkerDiedError */
  rehearse(range: RangeSpec, set?: Readonly<Record<string, string>>): Promise<Aggregate>
  close(): Promise<void>
}

/**
 * Opens a lane that works on a thread of its own, started with its first range.
 * @param setup file address of a module that exports `engines`, for the thread to load the scenario with; undefined = the models of this package
 */
export function openLane(scenario: Scenario, without: readonly string[], setup: string | undefined): Lane {
  const desk = openDesk({ source: scenario.source, without, setup })
  return {
    async rehearse(range, set = {}) {
      const { aggregate } = await desk.ask('aggregate', { range, set })
      return aggregateFromJson(aggregate)
    },
    close: () => desk.close(),
  }
}

/** Rehearses one range of several scenarios together, at a time. */
export interface TogetherLane {
  /** @throws RehearsalError, WorkerDiedError */
  rehearse(range: RangeSpec, together: TogetherSpec): Promise<Tally>
  close(): Promise<void>
}

/** Opens a lane for comparisons; see {@link openLane}. */
export function openTogetherLane(scenario: Scenario, without: readonly string[], setup: string | undefined): TogetherLane {
  const desk = openDesk({ source: scenario.source, without, setup })
  return {
    async rehearse(range, together) {
      const { tally } = await desk.ask('tally', { range, set: {}, together })
      return tallyFromJson(tally)
    },
    close: () => desk.close(),
  }
}

/** One thread at a time, a fresh one when it has died. */
interface Desk {
  /** @throws RehearsalError, WorkerDiedError */
  ask<K extends 'aggregate' | 'tally'>(wanted: K, task: WorkerTask): Promise<Extract<WorkerAnswer, Record<K, unknown>>>
  close(): Promise<void>
}

function openDesk(start: WorkerStart): Desk {
  const file = workerFile()
  let thread: Thread | undefined
  let closed = false
  return {
    async ask(wanted, task) {
      for (let tries = 1; ; tries++) {
        thread ??= startThread(file, start)
        const heard = await thread.ask(task)
        if (wanted in heard) return heard as never
        if ('failed' in heard) throw revive(heard.failed)
        if (closed) throw new Error('the pool was closed')
        void thread.end()
        thread = undefined
        if (tries === TRIES) throw new WorkerDiedError(task.range, tries, 'died' in heard ? heard.died : 'it answered something else')
      }
    },
    async close() {
      closed = true
      await thread?.end()
    },
  }
}

type Heard = WorkerAnswer | { readonly died: string }

interface Thread {
  /** One task at a time. */
  ask(task: WorkerTask): Promise<Heard>
  end(): Promise<unknown>
}

function startThread(file: string, start: WorkerStart): Thread {
  const worker = new Worker(file, { workerData: start, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } })
  let waiting: ((heard: Heard) => void) | undefined
  // A thread can die between two tasks as well: it says so when the next one comes.
  let died: string | undefined
  const hear = (what: Heard): void => {
    waiting?.(what)
    waiting = undefined
  }
  const die = (why: string): void => {
    died ??= why
    hear({ died })
  }
  worker.on('message', hear)
  worker.on('messageerror', (error) => die(error.message))
  worker.on('error', (error: unknown) => die(error instanceof Error ? (error.stack ?? error.message) : String(error)))
  worker.on('exit', (code) => die(`it exited with code ${code}`))
  return {
    ask: (task) =>
      new Promise((resolve) => {
        if (died !== undefined) return resolve({ died })
        waiting = resolve
        worker.postMessage(task)
      }),
    end: () => worker.terminate(),
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

function revive(failed: Extract<WorkerAnswer, { failed: unknown }>['failed']): Error {
  const cause = new Error(failed.message)
  cause.name = failed.name
  cause.stack = failed.stack
  return failed.run === undefined ? cause : new RehearsalError(failed.run, cause)
}

/** Every thread that was given this range died of it. A defect of ours, or of the machine (memory). */
export class WorkerDiedError extends Error {
  override readonly name = 'WorkerDiedError'

  constructor(
    readonly range: RangeSpec,
    tries: number,
    readonly died: string,
  ) {
    super(`runs ${range.first}…${range.end - 1}: ${tries} worker threads died of them, one after the other; the last one: ${died}`)
  }
}
