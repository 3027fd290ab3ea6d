/**
 * A laboratory: one PostgreSQL cluster of the model, driven as the experiments of facts/postgres.md §9 drove the real one: by commands,
 * client programs and faults. `profile: lab` (one machine, loopback) unless said otherwise; nothing else but what an experiment itself set.
 */
import { PostgresCluster, postgresOptions } from '../../../models/postgres/index.ts'
import type { Server } from '../../../models/postgres/server.ts'
import type { EngineKind, Strike } from '../../../src/engine.ts'
import { MILLISECOND, SECOND, Simulation, type Task, type Us } from '../../../src/kernel/index.ts'
import type { Output } from '../../../src/operator/command.ts'
import type { Load } from '../../../src/scenario/scenario.ts'
import { startWorkload, type Workload } from '../../../src/workload/index.ts'

/** What an experiment sets; the rest is default. */
export type Setting = Record<string, unknown> & { readonly seed?: string }

/** The measured writers: each connection writes, waits for the answer, writes again. */
export const WRITERS: Load = {
  writesPerSecond: 0,
  readsPerSecond: 0,
  loop: 'closed',
  thinkUs: 0,
  cohorts: 1,
  connections: 4,
  bytesPerWrite: 200,
  entrance: undefined,
  timeoutUs: 60 * SECOND,
  queueAgeLimitUs: 60 * SECOND,
  retryUs: 2 * MILLISECOND,
  attempts: 1,
  connectionLifeUs: Number.POSITIVE_INFINITY,
  onReadOnly: 'reconnect',
  warningsAreUnknown: false,
  dnsCacheUs: 0,
}

/** A command under way. */
export interface Running {
  readonly done: boolean
  readonly output: Output | undefined
  kill(): void
  whenDone(then: () => void): void
}

/** A finished command: what it printed, and how long it took. */
export interface Done extends Output {
  readonly us: Us
}

export class Lab {
  readonly sim: Simulation
  readonly cluster: PostgresCluster
  private calls = 0

  constructor({ seed = '1', ...setting }: Setting = {}) {
    this.sim = new Simulation({ seed, record: true })
    this.cluster = new PostgresCluster(this.sim, postgresOptions.parse({ profile: 'lab', ...setting }))
    this.cluster.settle()
  }

  // ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get now(): Us {
    return this.sim.now
  }

  wait(us: Us): void {
    this.sim.run(this.sim.now + us)
  }

  /** Lets time pass, a millisecond at a time, until `reached`; gives how long it took. @throws when it never comes */
  until(reached: () => boolean, limitUs: Us = 60 * SECOND): Us {
    const from = this.now
    while (!reached()) {
      if (this.now - from >= limitUs) throw new Error(`not reached within ${limitUs / SECOND} s`)
      this.wait(MILLISECOND)
    }
    return this.now - from
  }

  // ── commands ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  start(...argv: string[]): Running {
    this.calls += 1
    const { commands } = this.cluster
    const findings = commands.check(argv)
    if (findings.length > 0) throw new Error(`${argv.join(' ')}: ${findings.map(f => f.message).join('; ')}`)
    const task: Task<Output> = this.sim.spawn(commands.run({ argv, stdin: '', key: `lab-${this.calls}`, nth: 0 }))
    return {
      get done() {
        return task.state === 'done'
      },
      get output() {
        return task.result
      },
      kill: () => task.kill(),
      whenDone: then => void task.park(this.sim, then),
    }
  }

  /** Runs a command to its end. @throws when it has none within an hour */
  run(...argv: string[]): Done {
    const from = this.now
    const running = this.start(...argv)
    running.whenDone(() => this.sim.stop())
    this.sim.run(from + 3600 * SECOND)
    if (running.output === undefined) throw new Error(`${argv.join(' ')} never returned`)
    return { ...running.output, us: this.now - from }
  }

  /** `kubectl exec POD -- COMMAND…`. */
  exec(pod: number | string, ...argv: string[]): Done {
    return this.run('kubectl', 'exec', this.pod(pod), '--', ...argv)
  }

  startExec(pod: number | string, ...argv: string[]): Running {
    return this.start('kubectl', 'exec', this.pod(pod), '--', ...argv)
  }

  /** The trimmed output of one query in a member. @throws when psql fails */
  sql(pod: number | string, ...statements: string[]): string {
    const done = this.exec(pod, 'psql', '-U', 'postgres', '-tA', ...statements.flatMap(s => ['-c', s]))
    if (done.code !== 0) throw new Error(`${statements.join('; ')}: ${done.err}`)
    return done.out.trim()
  }

  startSql(pod: number | string, ...statements: string[]): Running {
    return this.startExec(pod, 'psql', '-U', 'postgres', ...statements.flatMap(s => ['-c', s]))
  }

  /** Adds a line to a file of PGDATA. */
  write(pod: number | string, file: string, line: string): void {
    const done = this.exec(pod, 'sh', '-c', `echo "${line.replaceAll('"', '\\"')}" >> /var/lib/postgresql/data/${file}`)
    if (done.code !== 0) throw new Error(done.err)
  }

  /** What e4.sh and e13.sh do with ALTER SYSTEM: the member follows another from the next start or reload on. */
  follow(pod: number | string, upstream: number | string): void {
    this.sql(pod, `ALTER SYSTEM SET primary_conninfo = 'host=${this.dns(upstream)} port=5432 user=replicator application_name=${this.pod(pod)}'`)
  }

  // ── the cluster ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  pod(which: number | string): string {
    return typeof which === 'string' ? which : `postgres-cluster-${which}`
  }

  dns(which: number | string): string {
    return `${this.pod(which)}.postgres-cluster`
  }

  /** The running server of a member. @throws when there is none */
  server(which: number | string): Server {
    const server = this.cluster.world.serverOf(this.pod(which))
    if (server === undefined) throw new Error(`no server runs in ${this.pod(which)}`)
    return server
  }

  running(which: number | string): boolean {
    return this.cluster.world.serverOf(this.pod(which)) !== undefined
  }

  ready(which: number | string): boolean {
    return this.cluster.kubernetes.pod(this.pod(which))?.ready === true
  }

  node(which: number | string): string {
    return this.cluster.kubernetes.pod(this.pod(which))?.node ?? ''
  }

  /** `state,sync_state` of the members in order, as the primary's pg_stat_replication has it. */
  replication(primary: number | string): string {
    return this.sql(primary, 'SELECT application_name, state, sync_state FROM pg_stat_replication ORDER BY application_name').replaceAll('postgres-cluster-', 's')
  }

  strike(kind: EngineKind, target: string, durationUs: Us = 0, magnitude = 1): Strike {
    const strike = this.cluster.strike({ kind, target, durationUs, magnitude, nth: 0 })
    if (!strike.struck) throw new Error(`${kind} of ${target} struck nothing`)
    return strike
  }

  /** SIGSTOP of a member's process; the returned function continues it. */
  freeze(which: number | string): () => void {
    const strike = this.strike('process-pause', `member:${this.pod(which)}`)
    return () => strike.end()
  }

  /** Cuts a member's machine off. */
  cutOff(which: number | string): () => void {
    const strike = this.strike('partition', `node:${this.node(which)}`)
    return () => strike.end()
  }

  // ── clients ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  clients(load: Partial<Load> = {}): Workload {
    const [log] = this.cluster.logs
    if (log === undefined) throw new Error('no log')
    return startWorkload(this.sim, this.cluster, { ...WRITERS, ...load }, log)
  }

  acked(): number {
    return this.cluster.world.log.ledger.ackedWrites()
  }

  /** Acknowledged writes that this member's history does not contain. */
  lost(which: number | string): number {
    const position = this.server(which).copy.position('flush')
    return this.cluster.world.log.ledger.beyond(position).reduce((sum, i) => sum + i.writes, 0)
  }

  /** What the story's trace says of the events of this kind since `sinceUs`. */
  told(label: string, sinceUs: Us = 0): readonly string[] {
    return (this.sim.records ?? []).filter(r => r.label === label && r.atUs >= sinceUs).map(r => `${r.node}: ${r.detail}`)
  }

  /** Writes about `bytes` of WAL as fast as they come (a bulk load). */
  bulk(bytes: number, bytesPerSecond = 200_000_000): void {
    const load = this.clients({ loop: 'open', writesPerSecond: bytesPerSecond / 100_000, bytesPerWrite: 100_000, connections: 40, entrance: 'service' })
    this.wait(Math.round((bytes / bytesPerSecond) * SECOND))
    load.stop()
    this.wait(50 * MILLISECOND)
  }
}

export const ms = (us: Us): number => us / MILLISECOND

/** Middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}
