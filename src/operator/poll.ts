import type { Simulation, TimerId, Us, Waiting } from '../kernel/index.ts'
import type { Look, Output } from './command.ts'
import type { Lookable } from './line.ts'

/**
 * The polls of one gate on one lookable command line, real ones and elided ones.
 *
 * The chain of polls: poll 1 is issued at g0, judged its latency later, returned its look's `afterUs` later (at least 1 µs). The next is issued
 * at the first instant g0 + k·every that is later than its issue and not before its return. A poll sees the *settled* state of the instant it is
 * judged at: if the world still changes at that instant, it looks again. So the polls are a function of g0, `every` and the keyed latencies
 * alone, and a poll whose outcome is known (the world was not touched since the last look, which said it was stable) need not happen.
 */
export interface Polled {
  readonly is: 'polled'
  readonly output: Output
  readonly judgedUs: Us
  readonly asOfUs: Us
}
/** This poll has effects or waits: run it now, its latency is over. */
export interface MustRun {
  readonly is: 'run'
}
/** The gate's time is over. */
export interface GaveUp {
  readonly is: 'gaveUp'
  /** When the last poll that returned was judged, if that one was elided. */
  readonly judgedUs: Us | undefined
}

export interface PollerOptions {
  readonly sim: Simulation
  readonly target: Lookable
  readonly everyUs: Us
  /** The instant at which the person gives up; may be NEVER. */
  readonly giveUpUs: Us
  readonly elide: boolean
  /** Told at (or, if the poll was elided up to its judgement, after) the issue of each poll that really happens. */
  issued(nth: number, atUs: Us): void
  /** The next poll number that must really happen because a fault is anchored to it. */
  wanted(): number
}

type Phase = 'idle' | 'eliding' | 'issued' | 'judged'

/** Where the chain of polls stands: poll `nth` is issued at `issueUs`. */
interface Link {
  nth: number
  issueUs: Us
}

export class Poller implements Waiting<Polled | MustRun | GaveUp> {
  /** The poll that comes next, or is under way. Polls before it have returned. */
  private link: Link
  private phase: Phase = 'idle'
  private timer: TimerId | undefined
  private resume: ((result: Polled | MustRun | GaveUp) => void) | undefined
  private judgedUs = 0
  private look: Look | undefined
  private lookEpoch = -1
  /** A poll judged at this instant matters even if its output is the old one (the gate would have held long enough). */
  private matterUs = Number.POSITIVE_INFINITY
  /** The last poll slept through, once that is known. */
  private slept: Link | undefined
  private readonly boundUs: Us | undefined
  private readonly unobserve: () => void

  constructor(private readonly o: PollerOptions) {
    this.link = { nth: 1, issueUs: o.sim.now }
    this.boundUs = o.target.latencyBoundUs()
    this.unobserve = o.sim.observe(() => this.settled())
  }

  /** The number of the poll under way. */
  get nth(): number {
    return this.link.nth
  }

  /** Polls that have returned, elided ones included. */
  get returned(): number {
    return this.link.nth - 1
  }

  /** Prepares for the next poll; polls judged from `matterUs` on matter even when their output is known. */
  next(returnedUs: Us, matterUs: Us): this {
    this.link = this.after(this.link, returnedUs)
    this.slept = undefined
    this.matterUs = matterUs
    return this
  }

  close(): void {
    this.unobserve()
    this.cancel()
  }

  park(_sim: Simulation, resume: (result: Polled | MustRun | GaveUp) => void): () => void {
    this.resume = resume
    if (this.canElide()) this.sleep()
    else this.wait()
    return () => this.cancel()
  }

  private canElide(): boolean {
    const { sim, elide } = this.o
    return elide && this.look !== undefined && this.lookEpoch === sim.epoch && this.look.stableUntilUs > sim.now
  }

  private after(link: Link, returnedUs: Us): Link {
    const { everyUs } = this.o
    const slots = Math.max(1, Math.ceil((returnedUs - link.issueUs) / everyUs))
    return { nth: link.nth + 1, issueUs: link.issueUs + slots * everyUs }
  }

  /** The first poll from `link` on that is judged at `us` or later, if all before it come out as the last one did; and the one before it. */
  private firstJudgedFrom(link: Link, us: Us, stopAtNth: number): { at: Link; slept: Link | undefined } {
    const afterUs = Math.max(1, Math.round((this.look as Look).afterUs))
    const { everyUs, target } = this.o
    let at = link
    let slept: Link | undefined
    if (this.boundUs !== undefined && this.boundUs + afterUs <= everyUs) {
      const skip = Math.min(Math.floor((us - this.boundUs - at.issueUs) / everyUs), stopAtNth - at.nth)
      if (skip > 0) {
        at = { nth: at.nth + skip, issueUs: at.issueUs + skip * everyUs }
        slept = { nth: at.nth - 1, issueUs: at.issueUs - everyUs }
      }
    }
    while (at.nth < stopAtNth) {
      const judgedUs = at.issueUs + target.latencyUs(at.nth)
      if (judgedUs >= us) break
      slept = at
      at = this.after(at, judgedUs + afterUs)
    }
    return { at, slept }
  }

  /** Sleeps through the polls that cannot tell anything new. */
  private sleep(): void {
    const { sim, giveUpUs } = this.o
    const untilUs = Math.min((this.look as Look).stableUntilUs, this.matterUs)
    const wanted = this.o.wanted()
    this.phase = 'eliding'
    if (untilUs > giveUpUs && wanted === Number.POSITIVE_INFINITY) {
      this.timer = sim.call(giveUpUs, () => this.giveUp())
      return
    }
    if (untilUs === Number.POSITIVE_INFINITY && wanted === Number.POSITIVE_INFINITY) return
    const target = this.firstJudgedFrom(this.link, Math.min(untilUs, giveUpUs), Math.max(wanted, this.link.nth))
    if (target.at.issueUs >= giveUpUs) {
      this.timer = Number.isFinite(giveUpUs) ? sim.call(giveUpUs, () => this.giveUp()) : undefined
      return
    }
    this.timer = sim.call(target.at.issueUs, () => {
      this.skipTo(target)
      this.issue()
    })
  }

  private skipTo(target: { at: Link; slept: Link | undefined }): void {
    this.link = target.at
    this.slept = target.slept ?? this.slept
  }

  /** Waits for the next poll's turn. */
  private wait(): void {
    const { sim, giveUpUs } = this.o
    this.phase = 'idle'
    if (this.link.issueUs >= giveUpUs) this.timer = sim.call(Math.max(sim.now, giveUpUs), () => this.giveUp())
    else if (this.link.issueUs <= sim.now) this.issue()
    else this.timer = sim.call(this.link.issueUs, () => this.issue())
  }

  private issue(): void {
    const { sim, target, giveUpUs } = this.o
    const { nth, issueUs } = this.link
    this.phase = 'issued'
    this.timer = undefined
    this.o.issued(nth, issueUs)
    // Whoever was told may have ended this gate (a kill).
    if (this.phase !== 'issued') return
    const judgedUs = issueUs + target.latencyUs(nth)
    if (judgedUs > giveUpUs) this.timer = sim.call(giveUpUs, () => this.giveUp())
    else this.timer = sim.call(judgedUs, () => this.judge())
  }

  private judge(): void {
    const { sim, target } = this.o
    const look = target.look(this.link.nth)
    this.look = look
    this.lookEpoch = sim.epoch
    this.judgedUs = sim.now
    if (look === undefined) {
      this.finish({ is: 'run' })
      return
    }
    this.phase = 'judged'
    this.scheduleReturn(look)
  }

  private scheduleReturn(look: Look): void {
    const { sim, giveUpUs } = this.o
    const returnUs = this.judgedUs + Math.max(1, Math.round(look.afterUs))
    if (this.timer !== undefined) sim.cancel(this.timer)
    if (returnUs > giveUpUs) this.timer = sim.call(giveUpUs, () => this.giveUp())
    else {
      this.timer = sim.call(returnUs, () => {
        const last = this.look as Look
        this.finish({ is: 'polled', output: this.o.target.finish(last.output), judgedUs: this.judgedUs, asOfUs: last.asOfUs ?? this.judgedUs })
      })
    }
  }

  /** Something changed at this instant, and all its events are over. */
  private settled(): void {
    const { sim } = this.o
    if (sim.epoch === this.lookEpoch) return
    if (this.phase === 'judged' && sim.now === this.judgedUs) {
      const look = this.o.target.look(this.link.nth)
      if (look === undefined) return
      this.look = look
      this.lookEpoch = sim.epoch
      this.scheduleReturn(look)
    } else if (this.phase === 'eliding') {
      if (this.timer !== undefined) sim.cancel(this.timer)
      this.timer = undefined
      this.skipTo(this.firstJudgedFrom(this.link, sim.now, Number.POSITIVE_INFINITY))
      this.wait()
    }
  }

  private giveUp(): void {
    // Polls slept through that would have returned by now count as polls.
    if (this.phase === 'eliding') {
      const afterUs = Math.max(1, Math.round((this.look as Look).afterUs))
      for (;;) {
        const returnUs = this.link.issueUs + this.o.target.latencyUs(this.link.nth) + afterUs
        if (returnUs > this.o.giveUpUs) break
        this.slept = this.link
        this.link = this.after(this.link, returnUs)
      }
    }
    const { slept } = this
    this.finish({ is: 'gaveUp', judgedUs: slept === undefined ? undefined : slept.issueUs + this.o.target.latencyUs(slept.nth) })
  }

  private finish(result: Polled | MustRun | GaveUp): void {
    this.phase = 'idle'
    this.timer = undefined
    const resume = this.resume
    this.resume = undefined
    resume?.(result)
  }

  private cancel(): void {
    if (this.timer !== undefined) this.o.sim.cancel(this.timer)
    this.timer = undefined
    this.phase = 'idle'
    this.resume = undefined
  }
}
