import type { Simulation } from './simulation.ts'
import type { TimerId } from './queue.ts'
import type { Us } from './time.ts'

/** Something a process can wait for. `park` registers the one waiter and returns how to withdraw it. */
export interface Waiting<T = unknown> {
  park(sim: Simulation, resume: (value: T) => void): () => void
}

/**
 * A process is a generator: it yields a number to sleep that many microseconds, or a {@link Waiting} to wait for it (the value of the
 * `yield` is then what was waited for), and returns its result. No promise is ever involved, so order is the event queue's alone.
 */
export type Process<T = void> = Generator<Us | Waiting, T, unknown>

/** What the kernel wakes. */
export interface Resumable {
  advance(value: unknown): void
}

/** A running process. Waiting on a task waits for its end and gives its result; a killed task gives undefined. */
export class Task<T = unknown> implements Waiting<T | undefined>, Resumable {
  private timer: TimerId | undefined
  private withdraw: (() => void) | undefined
  private waiters: ((value: T | undefined) => void)[] = []
  private running = false
  state: 'running' | 'done' | 'killed' = 'running'
  result: T | undefined

  constructor(
    private readonly sim: Simulation,
    private readonly process: Process<T>,
  ) {}

  /** Runs the process up to its next wait. Called by the kernel only. */
  advance(value: unknown): void {
    this.timer = undefined
    this.withdraw = undefined
    if (this.state !== 'running') return
    this.running = true
    const step = this.process.next(value)
    this.running = false
    // A process may have killed itself (by way of the model) while it ran.
    if ((this.state as string) !== 'running') {
      if (!step.done) this.finish()
      return
    }
    if (step.done) {
      this.state = 'done'
      this.result = step.value
      this.wake()
      return
    }
    const wait = step.value
    if (typeof wait === 'number') this.timer = this.sim.resumeAt(this.sim.now + Math.max(0, Math.round(wait)), this)
    else {
      let resumed = false
      const withdraw = wait.park(this.sim, v => {
        if (resumed) return
        resumed = true
        this.withdraw = undefined
        this.timer = this.sim.resumeAt(this.sim.now, this, v)
      })
      if (!resumed) this.withdraw = withdraw
    }
  }

  /** Stops the process where it waits; its `finally` blocks run, and may not wait. No effect on one that has ended. */
  kill(): void {
    if (this.state !== 'running') return
    this.state = 'killed'
    if (this.timer !== undefined) this.sim.cancel(this.timer)
    this.withdraw?.()
    if (!this.running) this.finish()
    this.wake()
  }

  park(_sim: Simulation, resume: (value: T | undefined) => void): () => void {
    if (this.state !== 'running') {
      resume(this.result)
      return () => {}
    }
    this.waiters.push(resume)
    return () => {
      this.waiters = this.waiters.filter(w => w !== resume)
    }
  }

  private finish(): void {
    const end = this.process.return(undefined as T)
    if (!end.done) throw new Error(`kernel: a killed process yields in a finally block at ${this.sim.now} µs; nobody will wake it: clean up without waiting, or spawn a process for it`)
  }

  private wake(): void {
    const waiters = this.waiters
    this.waiters = []
    for (const resume of waiters) resume(this.result)
  }
}

/** A condition that processes wait for; `fire` wakes all that wait at that moment. */
export class Signal<T = void> implements Waiting<T> {
  private waiters: ((value: T) => void)[] = []

  fire(value: T): void {
    const waiters = this.waiters
    this.waiters = []
    for (const resume of waiters) resume(value)
  }

  park(_sim: Simulation, resume: (value: T) => void): () => void {
    this.waiters.push(resume)
    return () => {
      this.waiters = this.waiters.filter(w => w !== resume)
    }
  }
}

/** What {@link within} gives when the time ran out first. */
export const TIMED_OUT: unique symbol = Symbol('timed out')

/** Waits for `waiting`, at most `us`; gives {@link TIMED_OUT} if that comes first. An infinite `us` waits for ever. */
export function within<T>(waiting: Waiting<T>, us: Us): Waiting<T | typeof TIMED_OUT> {
  return {
    park(sim, resume) {
      let timer: TimerId | undefined
      let came = false
      const withdraw = waiting.park(sim, value => {
        came = true
        if (timer !== undefined) sim.cancel(timer)
        resume(value)
      })
      // What is there at once needs no timer: a stray one would keep the clock running after all is done.
      if (!came && Number.isFinite(us)) {
        timer = sim.after(us, () => {
          withdraw()
          resume(TIMED_OUT)
        })
      }
      return () => {
        withdraw()
        if (timer !== undefined) sim.cancel(timer)
      }
    },
  }
}
