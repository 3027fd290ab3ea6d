/** Client programs: cohorts of connections that write and read through an entrance of the cluster. See README.md. */
import type { ReplicatedLog } from '../cluster/log/index.ts'
import type { Cluster, Entrance } from '../engine.ts'
import type { Simulation, Us } from '../kernel/index.ts'
import type { Load } from '../scenario/scenario.ts'
import { Cohort, type CohortListener } from './cohort.ts'
import { History, type RegisterHistory } from './history.ts'

export { Cohort, type CohortListener } from './cohort.ts'
export { CONNECTION_EVENTS, compileConnection, connectionMachine, type ConnectionEvent, type ConnectionState, isOpen, nextState } from './lifecycle.ts'
export type { RegisterHistory, RegisterOperation } from './history.ts'
export { failuresIn, type RetryFailures, type RetryPolicy } from './retries.ts'

/** Where client programs live: a place outside the cluster, as networks name it. */
export const CLIENT_PLACE = 'clients'

/** Whether a fresh client could write now, and through whom. */
export type FreshWrite = { readonly ok: true; readonly leaders: readonly string[] } | { readonly ok: false; readonly why: string }

/** The clients of one log. */
export interface Workload {
  readonly log: ReplicatedLog
  readonly entrance: Entrance
  readonly load: Load
  readonly cohorts: readonly Cohort[]
  /** Calls `listener` after every change of a cohort's state or write flow, at the instant. */
  onChange(listener: CohortListener): void
  /** Attempts and operations that outages, or more load than the connections carry, have failed up to `atUs` (now; expected values, summed over the cohorts; fractional). */
  failures(atUs: Us): { readonly attempts: number; readonly operations: number }
  /** What a client that connects now would find. Pure. `leaders` has several names when different clients would reach different leaders. */
  probeFreshWrite(): FreshWrite
  /** Traced operations on single keys up to now; undefined where the cluster promises nothing about them. */
  registers(): readonly RegisterHistory[] | undefined
  /** From now on they want `factor` times as much, on top of other surges. Returns how to end it; ending twice does no harm. */
  surge(factor: number): () => void
  /** Ends all cohorts. */
  stop(): void
}

/**
 * Starts the clients of `log` now: each cohort carries an equal share of the load and of the connections.
 * @throws Error when the load names an entrance that the cluster lacks, or has more cohorts than connections
 */
export function startWorkload(sim: Simulation, cluster: Cluster, load: Load, log: ReplicatedLog): Workload {
  const entrance = entranceOf(cluster, load)
  if (load.connections < load.cohorts) throw new Error(`workload: ${load.cohorts} cohorts cannot share ${load.connections} connections; each needs one`)
  const prefix = cluster.logs.length > 1 ? `${log.name}/` : ''
  const cohorts: Cohort[] = []
  for (let i = 0; i < load.cohorts; i++) {
    const connections = Math.floor(load.connections / load.cohorts) + (i < load.connections % load.cohorts ? 1 : 0)
    cohorts.push(new Cohort(sim, entrance, log, { id: `${prefix}clients-${i + 1}`, place: CLIENT_PLACE, share: 1 / load.cohorts, connections, load, parking: parkingOf(sim, cluster) }))
  }
  const history = cluster.truth.promise === 'synchronous' ? new History(sim, log, cohorts, entrance.roundTripUs, copy => cluster.truth.mergedInto?.(copy) ?? [], cluster.truth.deposedAnswerReads) : undefined
  cluster.onDelay?.(() => {
    for (const cohort of cohorts) cohort.delayed()
  })
  for (const cohort of cohorts) cohort.start()
  return {
    log,
    entrance,
    load,
    cohorts,
    onChange(listener) {
      for (const cohort of cohorts) cohort.onChange(listener)
    },
    failures(atUs) {
      let attempts = 0
      let operations = 0
      for (const cohort of cohorts) {
        const total = cohort.failed(atUs)
        attempts += total.attempts
        operations += total.operations
      }
      return { attempts, operations }
    },
    probeFreshWrite() {
      const fresh = entrance.fresh(log)
      if (fresh.is === 'none') return { ok: false, why: fresh.why }
      return { ok: true, leaders: fresh.is === 'leader' ? [fresh.copy.name] : fresh.copies.map(copy => copy.name) }
    },
    registers: () => history?.registers(),
    surge(factor) {
      for (const cohort of cohorts) cohort.surge(factor)
      let over = false
      return () => {
        if (over) return
        over = true
        for (const cohort of cohorts) cohort.calm(factor)
      }
    },
    stop() {
      for (const cohort of cohorts) cohort.stop()
    },
  }
}

const parkings = new WeakMap<Cluster, Set<Cohort>>()

/** The cohorts of a cluster that sleep until something changes: asked together, so that those who do not sleep cost nothing. */
function parkingOf(sim: Simulation, cluster: Cluster): Set<Cohort> {
  let parking = parkings.get(cluster)
  if (parking === undefined) {
    const asleep = new Set<Cohort>()
    parkings.set(cluster, (parking = asleep))
    sim.observe(() => {
      for (const cohort of asleep) cohort.wake()
    })
  }
  return parking
}

function entranceOf(cluster: Cluster, load: Load): Entrance {
  const names = Object.keys(cluster.entrances)
  const name = load.entrance ?? names[0]
  const entrance = name === undefined ? undefined : cluster.entrances[name]
  if (entrance === undefined) throw new Error(`workload: the cluster has no entrance \`${name ?? ''}\`; it has: ${names.join(', ')}`)
  return entrance
}
