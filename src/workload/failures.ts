/** Counts, per cohort, the attempts and operations that outages failed, by the closed forms of `retries.ts`. */
import type { Us } from '../kernel/index.ts'
import type { Load } from '../scenario/scenario.ts'
import { failuresOf, type Mode, overloadFailures, type RetryFailures, type RetryPolicy } from './retries.ts'

/** One outage in progress: since when, and its modes so far, the last of which still goes on. */
interface Stretch {
  readonly fromUs: Us
  readonly modes: Mode[]
}

/** Accounting of one cohort's failures. All arithmetic is + − × ÷, so that the sums are the same on every machine. */
export class FailureTally {
  private readonly writes: RetryPolicy
  private readonly reads: RetryPolicy
  private writeOutage: Stretch | undefined
  private readOutage: Stretch | undefined
  private lastUs: Us = 0
  private attemptUs: Us = 0
  private factor = 1
  private attempts = 0
  private operations = 0
  /** What the queue had turned away, and what had arrived, when writes were last counted; and whether they were flowing. */
  private expired = 0
  private arrived = 0
  private flowing = false

  constructor(load: Load, share: number, connections: number, roundTripUs: Us) {
    this.writes = {
      loop: load.loop,
      operationsPerSecond: load.writesPerSecond * share,
      connections,
      cycleUs: load.thinkUs + roundTripUs,
      attempts: load.attempts,
      retryUs: load.retryUs,
    }
    this.reads = { ...this.writes, loop: 'open', operationsPerSecond: load.readsPerSecond * share }
  }

  /** From `nowUs` on writes and reads are up or down as told, and an attempt takes `attemptUs` to fail. */
  account(nowUs: Us, writing: boolean, reading: boolean, attemptUs: Us): void {
    this.advance(nowUs)
    this.attemptUs = attemptUs
    this.writeOutage = this.turn(this.writeOutage, nowUs, writing, this.writes)
    this.readOutage = this.turn(this.readOutage, nowUs, reading, this.reads)
  }

  /**
   * What has arrived and what has expired in the queue so far. While writes flow that is overload, and no outage accounts for it.
   * @param flowing whether they flow from now on
   */
  crowd(expired: number, arrived: number, flowing: boolean): void {
    // Every one of those that came in between: nobody was there for a moment, which is no overload.
    const nobody = Math.abs(expired - this.expired - (arrived - this.arrived)) < 1e-6
    if (this.flowing && !nobody) {
      const failures = overloadFailures(expired - this.expired, arrived - this.arrived, this.writes.attempts)
      this.attempts += failures.attempts
      this.operations += failures.operations
    }
    this.expired = expired
    this.arrived = arrived
    this.flowing = flowing
  }

  /** From `nowUs` on `factor` times the declared load is wanted. */
  setFactor(nowUs: Us, factor: number): void {
    this.advance(nowUs)
    this.factor = factor
  }

  /** What has held until now is a mode of the outages that there are. */
  private advance(nowUs: Us): void {
    if (nowUs === this.lastUs) return
    for (const outage of [this.writeOutage, this.readOutage]) if (outage !== undefined) lasts(outage, nowUs, this.attemptUs, this.factor)
    this.lastUs = nowUs
  }

  /** Totals up to `nowUs`, those of outages still going on included. Fractional expectations: round sums of cohorts, not these. */
  total(nowUs: Us): RetryFailures {
    this.advance(nowUs)
    let { attempts, operations } = this
    for (const [outage, policy] of [[this.writeOutage, this.writes], [this.readOutage, this.reads]] as const) {
      if (outage === undefined) continue
      const failures = failuresOf(outage.modes, policy)
      attempts += failures.attempts
      operations += failures.operations
    }
    return { attempts, operations }
  }

  private turn(outage: Stretch | undefined, nowUs: Us, up: boolean, policy: RetryPolicy): Stretch | undefined {
    if (!up) return outage ?? { fromUs: nowUs, modes: [] }
    if (outage === undefined) return undefined
    const failures = failuresOf(outage.modes, policy)
    this.attempts += failures.attempts
    this.operations += failures.operations
    return undefined
  }
}

/** The outage lasts until now, since its last mode in one in which an attempt takes `attemptUs`. */
function lasts({ fromUs, modes }: Stretch, nowUs: Us, attemptUs: Us, factor: number): void {
  const last = modes.at(-1)
  if (last?.attemptUs === attemptUs && last.factor === factor) modes.pop()
  modes.push({ untilUs: nowUs - fromUs, attemptUs, factor })
}
