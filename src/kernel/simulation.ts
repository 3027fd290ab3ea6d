import { Chance } from './chance.ts'
import { hashText, RollingHash } from './hash.ts'
import { type Process, type Resumable, Task } from './process.ts'
import { EventQueue, type TimerId } from './queue.ts'
import { NEVER, type Us } from './time.ts'
import type { EventKind, TraceRecord } from './trace.ts'

export interface SimulationOptions {
  readonly seed: string
  /** Keep every noted event for explanation. Costs memory; the hash is the same either way. */
  readonly record?: boolean
  /** From this instant on, luck comes from another seed (see {@link Chance.reseed}): the way to ask when a failure became inevitable. */
  readonly reseedAtUs?: Us
  readonly reseedSalt?: string
}

/** A handler of a numbered event kind, for hot paths. Kinds 1… are handed out by {@link Simulation.on}. */
export type Handler = (a: number, b: unknown) => void

/**
 * Asked once per instant in which something changed, after all events of that instant. An observer reads the settled state;
 * what it changes is settled again before time moves on.
 */
export type Observer = () => void

const CLOSURE = 0
const RESUME = 1
const RESUME_VALUE = 2
const SETTLE_LIMIT = 10_000

/**
 * The clock, the event queue, the luck and the trace of one rehearsal. It knows no database.
 *
 * Events run in order of (time, sequence). Numbered kinds registered by {@link on} fold (time, kind, a) into the trace hash as they run;
 * closures and process wake-ups do not, so that an elided poll and a real one leave the same trace: what matters they {@link note}.
 */
export class Simulation {
  readonly chance: Chance
  now: Us = 0
  /** Grows with every {@link touch}: whoever has seen this number knows that nothing structural has changed since. */
  epoch = 0
  eventsRun = 0
  readonly records: TraceRecord[] | undefined
  private readonly queue = new EventQueue()
  private readonly hash = new RollingHash()
  private readonly handlers: Handler[] = []
  private readonly observers: Observer[] = []
  private dirty = false
  private stopped = false
  private reseedAtUs: Us
  private readonly reseedSalt: string

  constructor(options: SimulationOptions) {
    this.chance = new Chance(options.seed)
    this.records = options.record ? [] : undefined
    this.reseedAtUs = options.reseedAtUs ?? NEVER
    this.reseedSalt = options.reseedSalt ?? 'again'
    this.handlers.push(
      (_a, b) => (b as () => void)(),
      (_a, b) => (b as Resumable).advance(undefined),
      (_a, b) => {
        const [task, value] = b as [Resumable, unknown]
        task.advance(value)
      },
    )
  }

  /** Registers a handler for a new numbered kind and returns the kind. Register in a fixed order: the number enters the hash. */
  on(handler: Handler): number {
    return this.handlers.push(handler) - 1
  }

  /** Schedules event `kind` at the instant `time` (not before now). `a` is a number, `b` anything. */
  at(time: Us, kind: number, a = 0, b: unknown = undefined): TimerId {
    if (!(time >= this.now)) throw new Error(`kernel: event scheduled at ${time} µs, but it is already ${this.now} µs`)
    return this.queue.push(time, kind, a, b)
  }

  /** Calls `action` at the instant `time`. */
  call(time: Us, action: () => void): TimerId {
    return this.at(time, CLOSURE, 0, action)
  }

  /** Calls `action` after `us` microseconds (rounded to whole ones). */
  after(us: Us, action: () => void): TimerId {
    return this.at(this.now + Math.max(0, Math.round(us)), CLOSURE, 0, action)
  }

  cancel(timer: TimerId): boolean {
    return this.queue.cancel(timer)
  }

  /** Starts a process now (at the end of the events already due at this instant). */
  spawn<T>(process: Process<T>): Task<T> {
    const task = new Task(this, process)
    this.resumeAt(this.now, task)
    return task
  }

  /** For tasks only: wakes `task` at an instant, with a value. */
  resumeAt(time: Us, task: Resumable, value?: unknown): TimerId {
    return value === undefined ? this.at(time, RESUME, 0, task) : this.at(time, RESUME_VALUE, 0, [task, value])
  }

  /** Says that something structural changed: observers run before time moves on. */
  touch(): void {
    this.dirty = true
    this.epoch += 1
  }

  /** Adds an observer of settled instants; the order of adding is the order of asking. Returns how to take it out. */
  observe(observer: Observer): () => void {
    this.observers.push(observer)
    return () => {
      const i = this.observers.indexOf(observer)
      if (i >= 0) this.observers.splice(i, 1)
    }
  }

  /** Puts a change of the world into the trace, as {@link log} does, and {@link touch}es. */
  note(kind: EventKind, node: string, payload = 0, detail?: string | (() => string)): void {
    this.dirty = true
    this.epoch += 1
    this.log(kind, node, payload, detail)
  }

  /**
   * Puts an event into the trace: folded into the hash, and kept when recording. `payload` should be a whole number. For what happens outside
   * the world (the operator begins a step): nothing that an observer could read has changed, so none is asked.
   */
  log(kind: EventKind, node: string, payload = 0, detail?: string | (() => string)): void {
    this.hash.fold(this.now)
    this.hash.fold(kind.number)
    this.hash.fold(hashText(node).low)
    this.hash.fold(payload)
    if (this.records !== undefined) {
      this.records.push({ atUs: this.now, label: kind.label, node, payload, detail: typeof detail === 'function' ? detail() : (detail ?? ''), ...(kind.holdsClients === true && payload !== 0 ? { holdsClients: true as const } : {}) })
    }
  }

  /** Says something that follows from what is in the trace already, for whoever reads it: kept when recording, and no part of the hash. */
  tell(kind: EventKind, node: string, detail: () => string): void {
    this.records?.push({ atUs: this.now, label: kind.label, node, payload: 0, detail: detail(), ...(kind.waits === true ? { waits: true as const } : {}) })
  }

  /** The trace hash so far: 16 hexadecimal digits. */
  traceHash(): string {
    return this.hash.digest()
  }

  /** The number of events waiting. */
  get pending(): number {
    return this.queue.length
  }

  /** Ends the run after the current event. */
  stop(): void {
    this.stopped = true
  }

  /**
   * Runs events up to and including the instant `until`, then sets the clock to it (if finite). Returns when nothing is pending, the instant
   * is reached, or {@link stop} was called. May be called again to go on.
   */
  run(until: Us = NEVER): void {
    this.stopped = false
    const { queue, hash, handlers } = this
    while (!this.stopped) {
      const next = queue.peekTime()
      if (this.dirty && next > this.now) {
        this.settle()
        continue
      }
      if (next > until || next === NEVER) break
      if (next >= this.reseedAtUs) this.reseed()
      queue.pop()
      this.now = next
      this.eventsRun += 1
      const kind = queue.kind
      if (kind > RESUME_VALUE) {
        hash.fold(next)
        hash.fold(kind)
        hash.fold(queue.a)
      }
      ;(handlers[kind] as Handler)(queue.a, queue.b)
    }
    if (!this.stopped && Number.isFinite(until) && until > this.now) {
      this.now = until
      if (until >= this.reseedAtUs) this.reseed()
    }
  }

  private reseed(): void {
    this.reseedAtUs = NEVER
    this.chance.reseed(this.reseedSalt)
  }

  private settle(): void {
    let rounds = 0
    while (this.dirty) {
      this.dirty = false
      if (++rounds > SETTLE_LIMIT) throw new Error(`kernel: the observers keep changing the world at ${this.now} µs; an observer must not touch what it observes`)
      for (const observer of this.observers.slice()) observer()
    }
  }
}
