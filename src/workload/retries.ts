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

/** Expected failures of one outage of `outageUs` in which a failing attempt takes `attemptUs`. */
export function failuresIn(outageUs: number, attemptUs: number, policy: RetryPolicy): RetryFailures {
  if (!(outageUs > 0)) return { attempts: 0, operations: 0 }
  return policy.loop === 'open' ? openFailures(outageUs, attemptUs, policy) : closedFailures(outageUs, attemptUs, policy)
}

function openFailures(outageUs: number, attemptUs: number, policy: RetryPolicy): RetryFailures {
  const perUs = policy.operationsPerSecond / 1_000_000
  let attempts = 0
  let operations = 0
  for (let k = 0; k < policy.attempts; k++) {
    operations = Math.max(0, outageUs - attemptUs - k * (attemptUs + policy.retryUs))
    attempts += operations
  }
  return { attempts: attempts * perUs, operations: operations * perUs }
}

function closedFailures(outageUs: number, attemptUs: number, policy: RetryPolicy): RetryFailures {
  const think = Math.max(1, policy.cycleUs)
  const period = policy.attempts * attemptUs + (policy.attempts - 1) * policy.retryUs + think
  let attempts = 0
  let operations = 0
  for (let k = 0; k < policy.attempts; k++) {
    const first = attemptUs + k * (attemptUs + policy.retryUs)
    // The share of connections whose m-th operation has failed attempt k by the end, summed over m: whole periods count 1, the last a part.
    const room = outageUs - first
    operations = room <= 0 ? 0 : shareSum(room, period, think)
    attempts += operations
  }
  return { attempts: attempts * policy.connections, operations: operations * policy.connections }
}

/** Σ_{m≥0} clamp((room − m·period) / think, 0, 1): how many starts, uniformly spread over `think` and repeated each `period`, fall into `room`. */
function shareSum(room: number, period: number, think: number): number {
  // With think ≤ period at most one start is partly in; none is whole while room < think.
  const whole = Math.floor((room - think) / period) + 1
  const left = room - whole * period
  return whole + Math.min(1, Math.max(0, left / think))
}
