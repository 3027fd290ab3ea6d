/** A laboratory: one replica set of the model, driven by commands, client programs and faults. */
import { MongodbCluster, mongodbOptions } from '../../models/mongodb/index.ts'
import type { Mongod } from '../../models/mongodb/mongod.ts'
import type { EngineKind, Strike } from '../../src/engine.ts'
import { MILLISECOND, SECOND, Simulation, type Task, type Us } from '../../src/kernel/index.ts'
import type { Output } from '../../src/operator/command.ts'
import type { Load } from '../../src/scenario/scenario.ts'
import { startWorkload, type Workload } from '../../src/workload/index.ts'

/** What an experiment sets; the rest is default. */
export type Setting = Record<string, unknown> & { readonly seed?: string; readonly everyTick?: boolean }

export const LOAD: Load = {
  writesPerSecond: 500,
  readsPerSecond: 0,
  loop: 'open',
  thinkUs: 0,
  cohorts: 1,
  connections: 40,
  bytesPerWrite: 2000,
  entrance: undefined,
  timeoutUs: 60 * SECOND,
  queueAgeLimitUs: 60 * SECOND,
  retryUs: 200 * MILLISECOND,
  attempts: 1,
  connectionLifeUs: Number.POSITIVE_INFINITY,
  onReadOnly: 'reconnect',
  warningsAreUnknown: false,
  dnsCacheUs: 0,
}

/** A finished command: what it printed, and how long it took. */
export interface Done extends Output {
  readonly us: Us
}

export class Lab {
  readonly sim: Simulation
  readonly cluster: MongodbCluster
  private calls = 0

  constructor({ seed = '1', everyTick = false, ...setting }: Setting = {}) {
    this.sim = new Simulation({ seed, record: true })
    this.cluster = new MongodbCluster(this.sim, mongodbOptions.parse(setting))
    this.cluster.world.everyTick = everyTick
    this.cluster.settle()
  }

  get now(): Us {
    return this.sim.now
  }

  wait(us: Us): void {
    this.sim.run(this.sim.now + us)
  }

  /** Lets time pass until `reached`; gives how long it took. @throws when it never comes */
  until(reached: () => boolean, limitUs: Us = 120 * SECOND, stepUs: Us = MILLISECOND): Us {
    const from = this.now
    while (!reached()) {
      if (this.now - from >= limitUs) throw new Error(`not reached within ${limitUs / SECOND} s`)
      this.wait(stepUs)
    }
    return this.now - from
  }

  start(...argv: string[]): Task<Output> {
    this.calls += 1
    const findings = this.cluster.commands.check(argv)
    if (findings.length > 0) throw new Error(`${argv.join(' ')}: ${findings.map(f => f.message).join('; ')}`)
    return this.sim.spawn(this.cluster.commands.run({ argv, stdin: '', key: `lab-${this.calls}`, nth: 0 }))
  }

  /** Runs a command to its end. @throws when it has none within an hour */
  run(...argv: string[]): Done {
    const from = this.now
    const task = this.start(...argv)
    task.park(this.sim, () => this.sim.stop())
    this.sim.run(from + 3600 * SECOND)
    if (task.result === undefined) throw new Error(`${argv.join(' ')} never returned`)
    return { ...task.result, us: this.now - from }
  }

  /** `kubectl exec mongo-N -- mongosh --quiet --eval EXPRESSION`. */
  sh(which: number, expression: string): Done {
    return this.run('kubectl', 'exec', `mongo-${which}`, '--', 'mongosh', '--quiet', '--eval', expression)
  }

  startSh(which: number, expression: string): Task<Output> {
    return this.start('kubectl', 'exec', `mongo-${which}`, '--', 'mongosh', '--quiet', '--eval', expression)
  }

  mongod(which: number | string): Mongod {
    const m = this.cluster.world.mongodOf(typeof which === 'number' ? `mongo-${which}` : which)
    if (m === undefined) throw new Error(`no mongod runs in mongo-${which}`)
    return m
  }

  state(which: number): string {
    return this.cluster.world.mongodOf(`mongo-${which}`)?.state ?? 'DOWN'
  }

  states(): string {
    return this.cluster.world.memberNames.map((_, i) => this.state(i)).join(' ')
  }

  /** The writable primary of the highest term. */
  primary(): Mongod | undefined {
    return [...this.cluster.world.mongods].filter(m => m.isPrimary && m.writable).sort((a, b) => b.term - a.term)[0]
  }

  node(which: number): string {
    return this.cluster.kubernetes.pod(`mongo-${which}`)?.node ?? ''
  }

  strike(kind: EngineKind, target: string, durationUs: Us = 0, magnitude = 1): Strike {
    const strike = this.cluster.strike({ kind, target, durationUs, magnitude, nth: 0 })
    if (!strike.struck) throw new Error(`${kind} of ${target} struck nothing`)
    return strike
  }

  kill(which: number, heldUs: Us = 0): void {
    this.strike('process-kill', `member:mongo-${which}`, heldUs)
  }

  /** Cuts a member's machine off. */
  cutOff(which: number): () => void {
    const strike = this.strike('partition', `node:${this.node(which)}`)
    return () => strike.end()
  }

  clients(load: Partial<Load> = {}): Workload {
    const [log] = this.cluster.logs
    if (log === undefined) throw new Error('no log')
    return startWorkload(this.sim, this.cluster, { ...LOAD, ...load }, log)
  }

  acked(): number {
    return this.cluster.world.log.ledger.ackedWrites()
  }

  /** Acknowledged writes that the authority's history does not contain. */
  lost(): number {
    const { position } = this.cluster.truth.authority(this.cluster.world.log)
    if (position === undefined) return this.acked()
    return this.cluster.world.log.ledger.beyond(position).reduce((sum, i) => sum + i.writes, 0)
  }

  told(label: string, sinceUs: Us = 0): readonly string[] {
    return (this.sim.records ?? []).filter(r => r.label === label && r.atUs >= sinceUs).map(r => r.detail)
  }
}
