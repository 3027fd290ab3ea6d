/**
 * How many attempts and operations an outage fails, in closed form: no event per attempt.
 *
 * An operation is tried up to `attempts` times; attempt k (from 0) is issued at u + k·(T + r), where u is the operation's offset into
 * the outage, T = `attemptUs` how long a failing attempt takes (0 when it is refused at once, the client's time-out when it hangs) and
 * r = `retryUs` the pause between attempts. Attempt k fails iff the outage lasts at least until it ends:
 *
 *     u + k·(T + r) + T ≤ d           with d = `outageUs`
 *
 * Open loop, λ arrivals a microsecond, u uniform over the outage:
 *
 *     failed attempts     = λ · Σ_{k=0}^{n−1} max(0, d − T − k·(T + r))
 *     failed after retry  = λ · max(0, d − T − (n−1)·(T + r))
 *
 * Closed loop: each of C connections starts its first operation of the outage uniformly within its think time w (plus one round trip),
 * and after a failed operation the next one P = n·T + (n−1)·r + w later; the sums run over operations instead of arrivals.
 *
 * An outage may have several modes, one after the other: refused at once for a while, then silent. An attempt fails when it has taken as long as
 * the mode that holds then lets it, so that the one that has failed by t was issued at the latest at
 *
 *     L(t) = max { s − T(s) : s ≤ t }
 *
 * and the sums go back from d by L, r and w instead of by T, r and w: time in a mode that fails attempts at once fails as many of them as it does
 * where no other mode comes after it. A mean of the modes would not do: a long time-out at the end would hide what was refused before.
 */

import type { Us } from '../kernel/index.ts'
import type { Load } from '../scenario/scenario.ts'
import type { ConnectionState } from './lifecycle.ts'

/**
 * How long an attempt at a write takes to fail in this state: 0 = it is refused at once, the client's time-out when nothing answers.
 * @param holdLimitUs how long what holds the session lets a write wait
 */
export function attemptUs(state: ConnectionState, load: Load, holdLimitUs: Us = Number.POSITIVE_INFINITY): Us {
  switch (state) {
    case 'silent':
    case 'writable':
      return load.timeoutUs
    case 'readOnly':
    case 'failing':
      return 0
    case 'held':
      return Math.min(load.queueAgeLimitUs, load.timeoutUs, holdLimitUs)
    default:
      // It waits for a connection, or behind a pause, as long as the queue lets it.
      return Math.min(load.queueAgeLimitUs, load.timeoutUs)
  }
}

/** The client program's retry policy and its load, of one cohort. */
export interface RetryPolicy {
  readonly loop: 'open' | 'closed'
  /** Operations (reads and writes alike fail the same way; ask for each) a second while all is well; used for an open loop. */
  readonly operationsPerSecond: number
  /** Connections of the cohort; used for a closed loop. */
  readonly connections: number
  /** Think time plus round trip of a closed loop, in µs. */
  readonly cycleUs: number
  readonly attempts: number
  readonly retryUs: number
}

export interface RetryFailures {
  /** Expected number of attempts that failed. Fractional: round sums, not terms. */
  readonly attempts: number
  /** Expected number of operations of which every attempt failed: what the client program reported as an error. */
  readonly operations: number
}

/**
 * Expected failures of a time in which all is well but more is asked for than the connections carry: of `arrived` operations `expired` found no free
 * connection in time, a share f of them. Each attempt of an operation meets the same crowd, so that attempt k (from 0) is made by f^k of those that
 * fail the first: expired · (1 + f + … + f^(n−1)) attempts fail, and expired · f^(n−1) operations.
 */
export function overloadFailures(expired: number, arrived: number, attempts: number): RetryFailures {
  if (!(expired > 0)) return { attempts: 0, operations: 0 }
  const share = Math.min(1, expired / Math.max(expired, arrived))
  let operations = expired
  let sum = expired
  for (let k = 1; k < attempts; k++) sum += operations *= share
  return { attempts: sum, operations }
}

/** A part of an outage in which a failing attempt takes `attemptUs`, and `factor` times the declared load is wanted; it ends `untilUs` after the outage began. */
export interface Mode {
  readonly untilUs: number
  readonly attemptUs: number
  readonly factor: number
}

/** Expected failures of one outage of `outageUs` in which a failing attempt takes `attemptUs`. */
export function failuresIn(outageUs: number, attemptUs: number, policy: RetryPolicy): RetryFailures {
  return failuresOf([{ untilUs: outageUs, attemptUs, factor: 1 }], policy)
}

/** Expected failures of one outage that has these modes, in their order. */
export function failuresOf(modes: readonly Mode[], policy: RetryPolicy): RetryFailures {
  if (!((modes.at(-1)?.untilUs ?? 0) > 0)) return { attempts: 0, operations: 0 }
  const outage = new Outage(modes)
  return policy.loop === 'open' ? openFailures(outage, policy) : closedFailures(outage, policy)
}

class Outage {
  readonly untilUs: number
  /** Of each mode: where it begins, the latest issue of an attempt that failed before it, and what was wanted before it (∫ factor dt). */
  private readonly before: readonly { readonly fromUs: number; readonly issuedUs: number; readonly wanted: number }[]

  constructor(private readonly modes: readonly Mode[]) {
    let fromUs = 0
    let issuedUs = Number.NEGATIVE_INFINITY
    let wanted = 0
    this.before = modes.map(({ untilUs, attemptUs, factor }) => {
      const found = { fromUs, issuedUs, wanted }
      issuedUs = Math.max(issuedUs, untilUs - attemptUs)
      wanted += (untilUs - fromUs) * factor
      fromUs = untilUs
      return found
    })
    this.untilUs = fromUs
  }

  /** The mode that holds until `atUs`, of which instants go down from one call to the next: `hint` is what the last call returned. */
  private nth(atUs: number, hint: number): number {
    let nth = hint
    while (nth > 0 && (this.before[nth]?.fromUs ?? 0) >= atUs) nth -= 1
    return nth
  }

  /** The latest issue of an attempt that has failed by `atUs`; and for how long before that instant it follows by the time of an attempt. */
  issued(atUs: number, hint = this.modes.length - 1): { readonly atUs: number; readonly attemptUs: number; readonly steadyUs: number; readonly nth: number } {
    const nth = this.nth(atUs, hint)
    const { attemptUs } = this.modes[nth] as Mode
    const { fromUs, issuedUs } = this.before[nth] as Outage['before'][number]
    return { atUs: Math.max(issuedUs, atUs - attemptUs), attemptUs, steadyUs: Math.min(atUs - fromUs, atUs - attemptUs - issuedUs), nth }
  }

  /** ∫ factor dt until then. */
  wanted(atUs: number): number {
    const nth = this.nth(atUs, this.modes.length - 1)
    const { fromUs, wanted } = this.before[nth] as Outage['before'][number]
    return wanted + (atUs - fromUs) * (this.modes[nth] as Mode).factor
  }
}

function openFailures(outage: Outage, policy: RetryPolicy): RetryFailures {
  const perUs = policy.operationsPerSecond / 1_000_000
  let attempts = 0
  let operations = 0
  let byUs = outage.untilUs
  for (let k = 0; k < policy.attempts; k++) {
    const issuedUs = byUs > 0 ? outage.issued(byUs).atUs : 0
    operations = issuedUs > 0 ? outage.wanted(issuedUs) : 0
    attempts += operations
    byUs = issuedUs - policy.retryUs
  }
  return { attempts: attempts * perUs, operations: operations * perUs }
}

function closedFailures(outage: Outage, policy: RetryPolicy): RetryFailures {
  const think = Math.max(1, policy.cycleUs)
  let attempts = 0
  let operations = 0
  for (let k = 0; k < policy.attempts; k++) attempts += operations = starts(outage, policy, k, think)
  const many = (policy.connections * outage.wanted(outage.untilUs)) / outage.untilUs
  return { attempts: attempts * many, operations: operations * many }
}

/**
 * How many operations of a connection fail attempt `k` (from 0): how many of its first starts, uniformly spread over `think`, lead to one, summed
 * over its operations from the last to the first. Where one mode holds for long, whole operations are leapt over.
 */
function starts(outage: Outage, { attempts, retryUs }: RetryPolicy, k: number, think: number): number {
  let sum = 0
  let byUs = outage.untilUs
  let nth: number | undefined
  for (;;) {
    const at = outage.issued(byUs, nth)
    const period = attempts * at.attemptUs + (attempts - 1) * retryUs + think
    // As long as all that an operation takes lies in this mode, and no start is partly in.
    const room = Math.min(at.steadyUs, byUs - (k + 1) * at.attemptUs - k * retryUs - think)
    const whole = room >= period ? Math.floor(room / period) : 0
    sum += whole
    byUs -= whole * period
    nth = at.nth
    for (let back = k; ; back--) {
      if (!(byUs > 0)) return sum
      const issued = outage.issued(byUs, nth)
      nth = issued.nth
      byUs = issued.atUs
      if (back === 0) break
      byUs -= retryUs
    }
    if (!(byUs > 0)) return sum
    sum += Math.min(1, byUs / think)
    // The operation before this one fails all of its attempts, think before it begins.
    byUs -= think
    for (let back = attempts - 1; back > k; back--) {
      if (!(byUs > 0)) return sum
      const issued = outage.issued(byUs, nth)
      nth = issued.nth
      byUs = issued.atUs - retryUs
    }
    if (!(byUs > 0)) return sum
  }
}
