import type { Us } from '../../kernel/index.ts'
import type { Copy } from './copy.ts'
import { Curve, whole } from './curve.ts'
import type { ReplicatedLog } from './log.ts'
import type { Bytes } from './position.ts'
import { Tenure } from './tenure.ts'

export interface DemandOptions {
  readonly id: string
  readonly loop: 'open' | 'closed'
  /** Open loop: arrivals per second. */
  readonly writesPerSecond: number
  /** Closed loop: pause between an answer and the next write. */
  readonly thinkUs: Us
  /** Connections to the leader (open loop: the pool; closed loop: the clients). */
  readonly connections: number
  readonly bytesPerWrite: Bytes
  /** The client gives up on a write after this; Infinity = never. */
  readonly timeoutUs: Us
  /** Arrivals that wait longer than this for a connection fail, first in first out. */
  readonly queueAgeLimitUs: Us
  readonly roundTripUs: Us
}

/** Fewer waiting arrivals than this are none. */
const NOBODY = 1e-6

/** A cohort's wish to write; it lives longer than any leader. All its counts are cumulative curves: arrivals, writes begun, arrivals given up. */
export class Demand {
  /** Arrivals (open loop only). */
  readonly arrivals: Curve
  /** Writes begun, over all leaders. */
  readonly writes: Curve
  /** Arrivals that failed in the queue. */
  readonly failed: Curve
  /** The current stay with a leader. */
  tenure: Tenure | undefined
  held = false
  /** How much longer than when all is well a round trip takes. */
  addedUs: Us = 0
  /** While held: how long an arrival may wait. */
  private holdLimitUs: Us = Number.POSITIVE_INFINITY
  /** Writes are turned away at once: see {@link refuse}. */
  refusing = false
  factor = 1
  /** Told at the exact instant at which the acknowledgement flow starts or stops. */
  onFlow: ((flowing: boolean) => void) | undefined
  /** For the log: what {@link onFlow} was last told, and when to look at the queue again. */
  told = false
  /** For the log: whether acknowledgements flow, of which derivation that is, and until when it is good. */
  flows = false
  flowKnownAt = -1
  flowUntilUs = Number.POSITIVE_INFINITY
  queueAtUs = Number.POSITIVE_INFINITY

  constructor(
    readonly log: ReplicatedLog,
    readonly options: DemandOptions,
  ) {
    const { bytesPerWrite, connections, writesPerSecond, thinkUs, loop } = options
    if (!(bytesPerWrite >= 1)) throw new Error(`log: demand ${options.id} writes ${bytesPerWrite} bytes at a time; at least 1 is needed`)
    if (!(connections >= 1)) throw new Error(`log: demand ${options.id} has ${connections} connections; at least 1 is needed`)
    if (loop === 'open' && !(writesPerSecond >= 0)) throw new Error(`log: demand ${options.id} is an open loop and needs writesPerSecond`)
    if (loop === 'closed' && !(thinkUs >= 0)) throw new Error(`log: demand ${options.id} is a closed loop and needs thinkUs`)
    const now = log.sim.now
    this.arrivals = new Curve(now, 0)
    this.writes = new Curve(now, 0)
    this.failed = new Curve(now, 0)
    if (loop === 'open') this.arrivals.add(now, now, 0, this.arrivalsPerUs(), 0)
    log.enrol(this)
  }

  /**
   * A round trip takes so much longer than when all is well, for what is written from now on. What is on its way is answered as it was: those writes
   * are the old stay's, which drains.
   */
  delay(addedUs: Us): void {
    if (addedUs === this.addedUs) return
    this.addedUs = addedUs
    const leader = this.tenure?.head.copy
    if (leader === undefined) return
    this.log.change(() => {
      this.detach('drained')
      this.attach(leader)
    })
  }

  /** Connects to `leader` and begins to write. Throws if it does not lead or the demand is attached already. */
  attach(leader: Copy): void {
    if (this.tenure !== undefined) throw new Error(`log: demand ${this.options.id} is attached to ${this.tenure.head.copy.name} already`)
    this.log.change(() => {
      const head = leader.requireHead(`attach demand ${this.options.id}`)
      this.tenure = new Tenure(this, head, this.log.sim.now)
      head.tenures.push(this.tenure)
    })
  }

  /** Leaves the leader: `broken`, what is outstanding becomes unknown now; `drained`, it is acknowledged as it comes. No effect when not attached. */
  detach(how: 'drained' | 'broken'): void {
    const { tenure } = this
    if (tenure === undefined) return
    this.log.change(() => {
      const now = this.log.sim.now
      if (how === 'broken') tenure.break(now)
      tenure.nEnd = this.writes.valueAt(now)
      this.tenure = undefined
      if (how === 'broken') tenure.head.drop(tenure)
      this.setRateNow(0)
    })
  }

  /**
   * Lets no new write begin (a pooler's PAUSE): arrivals wait. What is outstanding goes on. Who has waited for `ageLimitUs` fails, first in first
   * out, if the demand's own limit is not shorter.
   */
  hold(ageLimitUs: Us = Number.POSITIVE_INFINITY): void {
    if (this.held && this.holdLimitUs === ageLimitUs) return
    this.log.change(() => {
      this.held = true
      this.holdLimitUs = ageLimitUs
    })
  }

  release(): void {
    if (!this.held) return
    this.log.change(() => {
      this.held = false
      this.holdLimitUs = Number.POSITIVE_INFINITY
    })
  }

  /**
   * Every write fails at once (a read-only server, a pooler without a backend): none begins, and arrivals fail as they come, those that wait
   * as well. They count as expired. What is outstanding goes on.
   */
  refuse(): void {
    if (this.refusing) return
    this.log.change(() => {
      this.refusing = true
    })
  }

  /** Writes are taken again: those that arrive from now on. */
  accept(): void {
    if (!this.refusing) return
    this.log.change(() => {
      this.refusing = false
    })
  }

  /** A load spike: `factor` times the declared arrivals (open loop) or clients (closed loop). */
  setRate(factor: number): void {
    if (!(factor >= 0)) throw new Error(`log: demand ${this.options.id} cannot be multiplied by ${factor}`)
    this.log.change(() => {
      const now = this.log.sim.now
      this.factor = factor
      if (this.options.loop === 'open') {
        this.arrivals.cut(now)
        this.arrivals.add(now, now, this.arrivals.valueAt(now), this.arrivalsPerUs(), 0)
      }
    })
  }

  /** Whether acknowledgements flow now. */
  get flowing(): boolean {
    return this.log.flows(this)
  }

  /**
   * Whole numbers at this instant. Open loop: arrivals = acked + unknown + expired + queued + outstanding. `acked` includes warned ones, `expired` all that failed
   * without being written: too long in the queue, or refused.
   */
  counts(): { acked: number; unknown: number; expired: number; queued: number; outstanding: number; arrivals: number } {
    this.log.account()
    const now = this.log.sim.now
    const begun = whole(this.writes.valueAt(now))
    const acked = this.log.ledger.of(this.options.id, 'ok') + this.log.ledger.of(this.options.id, 'warned')
    const unknown = this.log.ledger.of(this.options.id, 'unknown')
    const outstanding = begun - acked - unknown
    if (this.options.loop === 'closed') return { acked, unknown, expired: 0, queued: 0, outstanding, arrivals: begun }
    const arrivals = Math.max(begun, whole(this.arrivals.valueAt(now)))
    const left = Math.max(begun, Math.min(arrivals, whole(this.writes.valueAt(now) + this.failed.valueAt(now))))
    return { acked, unknown, expired: left - begun, queued: arrivals - left, outstanding, arrivals }
  }

  /** Whether no write begins, whatever the leader does. */
  get resting(): boolean {
    return this.held || this.refusing
  }

  /** Arrivals per µs as declared, times the spike. */
  arrivalsPerUs(): number {
    return (this.options.writesPerSecond * this.factor) / 1_000_000
  }

  /** The pool: open loop as declared, closed loop times the spike. */
  get places(): number {
    return this.options.loop === 'closed' ? this.options.connections * this.factor : this.options.connections
  }

  /** Arrivals waiting. */
  waiting(now: Us): number {
    return this.options.loop === 'closed' ? 0 : this.arrivals.valueAt(now) - this.writes.valueAt(now) - this.failed.valueAt(now)
  }

  /** Writes per µs if an answer takes `responseUs`: never more than the pool allows, and no more than arrive unless some wait. */
  rateAt(responseUs: number, waiting: boolean): number {
    const { loop, thinkUs } = this.options
    if (loop === 'closed') return this.places / Math.max(1, thinkUs + responseUs)
    const capacity = this.places / Math.max(1, responseUs)
    return waiting ? capacity : Math.min(capacity, this.arrivalsPerUs())
  }

  /** For the log: writes go at `perUs` from now on. Says whether that is a change. */
  setRateNow(perUs: number): boolean {
    const { writes } = this
    const now = this.log.sim.now
    if (writes.slope[writes.slope.length - 1] === perUs) return false
    writes.cut(now)
    writes.add(now, now, writes.valueAt(now), perUs, 0)
    writes.version++
    return true
  }

  /** For the log: arrivals that are too old fail from now on at the right rate; plans the next look. Call after the write rate is set. */
  queueNow(): void {
    this.queueAtUs = Number.POSITIVE_INFINITY
    if (this.options.loop === 'closed') return
    const now = this.log.sim.now
    const { arrivals, failed } = this
    const limit = Math.min(this.options.queueAgeLimitUs, this.holdLimitUs)
    const served = this.writes.slope[this.writes.slope.length - 1] as number
    const arriving = arrivals.slope[arrivals.slope.length - 1] as number
    if (this.refusing) {
      this.turnAway(now, arriving)
      return
    }
    const waiting = this.waiting(now)
    let failing = 0
    let next = Number.POSITIVE_INFINITY
    // The head of the queue: when it arrived, and how fast that instant moves on as arrivals leave.
    let head = now
    let i = arrivals.start.length - 1
    if (waiting > NOBODY) {
      head = arrivals.reaches(this.writes.valueAt(now) + failed.valueAt(now), Math.max(arrivals.start[0] as number, now - Math.min(limit, now) - 1))
      i = arrivals.index(head)
    }
    const around = arrivals.slope[i] as number
    const nextArrivalChange = i + 1 < arrivals.start.length ? (arrivals.start[i + 1] as number) : Number.POSITIVE_INFINITY
    if (limit !== Number.POSITIVE_INFINITY) {
      if (now - head >= limit - 1 && (waiting > NOBODY || arriving > served)) {
        failing = Math.max(0, around - served)
        next = nextArrivalChange + limit
      } else if (waiting > NOBODY || arriving > served) {
        const ageing = around > 0 ? 1 - served / around : 1
        if (ageing > 0) next = now + Math.max(0, limit - (now - head)) / ageing
        if (around > served || served > 0) next = Math.min(next, served > 0 && around > 0 ? now + ((nextArrivalChange - head) * around) / served : Number.POSITIVE_INFINITY)
      }
    }
    if (failed.slope[failed.slope.length - 1] !== failing) {
      failed.cut(now)
      failed.add(now, now, failed.valueAt(now), failing, 0)
    }
    const shrinking = served + failing - arriving
    if (waiting > NOBODY && shrinking > 0) next = Math.min(next, now + waiting / shrinking)
    this.queueAtUs = next
  }

  /** Who waits fails now, who comes fails then. */
  private turnAway(now: Us, perUs: number): void {
    const { failed } = this
    const all = Math.max(failed.valueAt(now), this.arrivals.valueAt(now) - this.writes.valueAt(now))
    failed.cut(now)
    failed.add(now, now, all, perUs, 0)
  }

  /** For the log: whether arrivals wait for a connection. What the pool serves within the clock's grain of 1 µs is nobody. */
  crowded(now: Us, responseUs: number): boolean {
    return this.options.loop === 'open' && this.waiting(now) > NOBODY + (1.5 * this.places) / Math.max(1, responseUs)
  }
}
