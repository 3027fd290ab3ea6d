/** What the tests of the Redis model stand on: a small cluster under load, commands typed at it, and the gaps that its clients see. */
import { type RedisOptions, RedisCluster, redisOptions } from '../../models/redis/index.ts'
import type { Server } from '../../models/redis/server.ts'
import type { FaultKind } from '../../src/engine.ts'
import { MILLISECOND, SECOND, Simulation, type Us } from '../../src/kernel/index.ts'
import type { Output } from '../../src/operator/command.ts'
import { splitLine } from './words.ts'
import type { Load } from '../../src/scenario/scenario.ts'
import { startWorkload, type Workload } from '../../src/workload/index.ts'

const LOAD: Load = {
  writesPerSecond: 100, readsPerSecond: 0, loop: 'open', thinkUs: 0, cohorts: 1, connections: 10, bytesPerWrite: 200, entrance: undefined, timeoutUs: 5 * SECOND, queueAgeLimitUs: 0,
  retryUs: 20 * MILLISECOND, attempts: 1, connectionLifeUs: Number.POSITIVE_INFINITY, onReadOnly: 'reconnect', warningsAreUnknown: false, dnsCacheUs: 0,
}

type Given = Partial<Record<keyof RedisOptions, unknown>>

/** A cluster in its steady state with one client for each shard. */
export class Stage {
  readonly sim: Simulation
  readonly cluster: RedisCluster
  readonly workloads: readonly Workload[]
  /** Stretches without an acknowledgement, by shard: [from, to); the last may be open. */
  readonly gaps: { readonly shard: number; readonly fromUs: Us; toUs: Us }[] = []
  private readonly began: Us
  private nth = 0
  private readonly writing: boolean[] = []

  constructor(given: Given = {}, seed = 'stage', load: Partial<Load> = {}) {
    this.sim = new Simulation({ seed, record: true })
    const options = redisOptions.parse({ profile: 'lab', layout: 'interleaved', datasetMB: 1, spareNodes: 0, ...given })
    this.cluster = new RedisCluster(this.sim, options)
    this.cluster.settle()
    this.workloads = this.cluster.logs.map(log => startWorkload(this.sim, this.cluster, { ...LOAD, ...load }, log))
    this.sim.run(this.sim.now + 5 * SECOND)
    this.began = this.sim.now
    this.workloads.forEach((workload, shard) => {
      this.writing[shard] = workload.cohorts[0]?.writing === true
      workload.onChange(cohort => this.flow(shard, cohort.writing))
    })
  }

  private flow(shard: number, writing: boolean): void {
    if (this.writing[shard] === writing) return
    this.writing[shard] = writing
    if (!writing) this.gaps.push({ shard, fromUs: this.sim.now, toUs: Number.POSITIVE_INFINITY })
    else {
      const gap = this.gaps.findLast(g => g.shard === shard)
      if (gap !== undefined) gap.toUs = this.sim.now
    }
  }

  /** Seconds since the stage was set. */
  get seconds(): number {
    return (this.sim.now - this.began) / SECOND
  }

  run(seconds: number): this {
    this.sim.run(this.sim.now + Math.round(seconds * SECOND))
    return this
  }

  /** Runs until `done`, looking every 5 ms; the seconds it took, or NaN after `limit` seconds. */
  until(done: () => boolean, limit = 60): number {
    const from = this.sim.now
    while (!done()) {
      if (this.sim.now - from > limit * SECOND) return Number.NaN
      this.sim.run(this.sim.now + 5 * MILLISECOND)
    }
    return (this.sim.now - from) / SECOND
  }

  /** A command line without pipes, as the operator would type it; runs until it is done. */
  sh(line: string): Output {
    const task = this.sim.spawn(this.cluster.commands.run({ argv: splitLine(line), stdin: '', key: 'test', nth: this.nth++ }))
    for (let i = 0; i < 100_000 && task.state === 'running'; i++) this.sim.run(this.sim.now + 10 * MILLISECOND)
    if (task.result === undefined) throw new Error(`${line}: did not end`)
    return task.result as Output
  }

  /** `redis-cli` inside a pod: what it printed, trimmed. */
  cli(pod: string, words: string): string {
    return this.sh(`kubectl exec ${pod} -- redis-cli ${words}`).out.trim()
  }

  server(pod: string): Server {
    const server = this.cluster.world.serverOf(pod)
    if (server === undefined) throw new Error(`no process in ${pod}`)
    return server
  }

  /** The log that a member holds the first copy of, by its place. */
  shardOf(pod: string): number {
    return this.cluster.logs.findIndex(log => log === this.server(pod).copy?.log)
  }

  strike(kind: FaultKind, target: string, durationSeconds = 0, magnitude = 0): () => void {
    const strike = this.cluster.strike({ kind: kind as never, target, durationUs: durationSeconds * SECOND, magnitude, nth: 0 })
    if (!strike.struck) throw new Error(`${kind} did not strike ${target}`)
    return strike.end
  }

  /** Lengths of a shard's gaps in seconds, in order; Infinity for one that has not ended. */
  gapsOf(shard: number): number[] {
    return this.gaps.filter(g => g.shard === shard).map(g => (g.toUs - g.fromUs) / SECOND)
  }

  /** Acknowledged writes of a shard that its authority does not contain. */
  lost(shard: number): number {
    const log = this.cluster.logs[shard]
    if (log === undefined) throw new Error(`no shard ${shard}`)
    const { position } = this.cluster.truth.authority(log)
    if (position === undefined) return log.ledger.total('ok')
    return log.ledger.beyond(position).reduce((sum, interval) => sum + interval.writes, 0)
  }

  acked(shard: number): number {
    return this.cluster.logs[shard]?.ledger.total('ok') ?? 0
  }

  /** The pod that leads a shard by everybody's truth. */
  leader(shard: number): string | undefined {
    const log = this.cluster.logs[shard]
    return log === undefined ? undefined : this.cluster.truth.couldAcknowledge(log)[0]
  }
}

/** Least, median and largest of some figures. */
export function spread(figures: readonly number[]): { min: number; median: number; max: number } {
  const sorted = [...figures].sort((a, b) => a - b)
  return { min: sorted[0] ?? Number.NaN, median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}
