/** A fleet driven by hand: built and settled, with clients if wanted, commands typed as lines, faults struck as they usually are. */
import { VitessCluster, type VitessOptions, vitessOptions } from '../../models/vitess/index.ts'
import type { Shard } from '../../models/vitess/shard.ts'
import type { Tablet } from '../../models/vitess/tablet.ts'
import type { EngineKind, Strike } from '../../src/engine.ts'
import { faultSpec } from '../../src/faults/index.ts'
import { SECOND, Simulation, type Task } from '../../src/kernel/index.ts'
import type { Output } from '../../src/operator/command.ts'
import type { Load } from '../../src/scenario/scenario.ts'
import { startWorkload, type Workload } from '../../src/workload/index.ts'

export type Given = Partial<Record<keyof VitessOptions, unknown>>

/** A constant for each time that tests do not care about, so that what they do care about stands out. */
const QUIET = { timing: { reparentSeconds: 1, rpcMs: 10, restoreMinutes: 5, mysqlStopSeconds: 5, mysqlStartSeconds: 10, crashStartSeconds: 20, slowStopSeconds: 60, dictionaryUpgradeSeconds: 30, relayFlushMs: 0.5 }, longTransactionP: 0, patchBreakP: 0, kubernetes: { imagePullSeconds: 1 } }

export const LOAD: Load = {
  writesPerSecond: 500, readsPerSecond: 0, loop: 'open', thinkUs: 100_000, cohorts: 1, connections: 50, bytesPerWrite: 500, entrance: undefined, timeoutUs: 20 * SECOND, queueAgeLimitUs: 20 * SECOND, retryUs: 200_000, attempts: 3,
  connectionLifeUs: Number.POSITIVE_INFINITY, onReadOnly: 'reconnect', warningsAreUnknown: false, dnsCacheUs: 0,
}

export class Lab {
  readonly sim: Simulation
  readonly cluster: VitessCluster
  readonly workloads: readonly Workload[]

  constructor(options: Given = {}, load?: Partial<Load>, seed = 'lab') {
    this.sim = new Simulation({ seed, record: true })
    const timing = { ...QUIET.timing, ...(options.timing as object | undefined) }
    this.cluster = new VitessCluster(this.sim, vitessOptions.parse({ fleet: 4, ...QUIET, ...options, timing }))
    this.cluster.settle()
    this.workloads = load === undefined ? [] : this.cluster.logs.map(log => startWorkload(this.sim, this.cluster, { ...LOAD, ...load }, log))
    this.wait(5)
  }

  get shard(): Shard {
    return this.cluster.world.shards[0] as Shard
  }

  get primary(): Tablet {
    return this.shard.primary as Tablet
  }

  /** The nth tablet of the first shard, from 0; 0 is the primary at the start. */
  tablet(n: number): Tablet {
    return this.shard.tablets[n] as Tablet
  }

  replicas(): readonly Tablet[] {
    return this.shard.tablets.filter(t => t !== this.primary)
  }

  get seconds(): number {
    return this.sim.now / SECOND
  }

  wait(seconds: number): void {
    this.sim.run(this.sim.now + seconds * SECOND)
  }

  /** Lets time pass until it is so. @throws Error after `seconds` */
  until(so: () => boolean, seconds: number, what = 'what was waited for'): number {
    const from = this.seconds
    while (!so()) {
      if (this.seconds - from >= seconds) throw new Error(`${what} was not so after ${seconds} s`)
      this.wait(0.1)
    }
    return this.seconds - from
  }

  /** Starts a command line; quotes as in a shell. */
  start(line: string): Task<Output> {
    const argv = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(m => m[1] ?? m[2] ?? m[3] ?? '')
    const call = { argv, stdin: '', key: `lab/${line}`, nth: this.calls++ }
    return this.sim.spawn(this.cluster.commands.run(call))
  }

  private calls = 0

  /** Runs a command line to its end. */
  run(line: string, seconds = 3600): Output {
    const task = this.start(line)
    this.until(() => task.state !== 'running', seconds, line)
    return task.result as Output
  }

  ok(line: string, seconds?: number): string {
    const output = this.run(line, seconds)
    if (output.code !== 0) throw new Error(`${line}: ${output.err}`)
    return output.out
  }

  /** Strikes a kind as strong as usual and for ever; `end()` ends it. */
  strike(kind: EngineKind, target: string, magnitude = faultSpec(kind).magnitude?.usual ?? 0, durationUs = 0): Strike {
    const strike = this.cluster.strike({ kind, target, durationUs, magnitude, nth: 0 })
    if (!strike.struck) throw new Error(`${kind} missed ${target}; there is: ${this.cluster.targets(kind).join(', ')}`)
    return strike
  }

  /** Acknowledged writes so far. */
  acked(): number {
    return this.cluster.logs.reduce((sum, log) => sum + log.demands.reduce((all, d) => all + d.counts().acked, 0), 0)
  }

  failures(): { attempts: number; operations: number } {
    return this.workloads.map(w => w.failures(this.sim.now)).reduce((a, b) => ({ attempts: a.attempts + b.attempts, operations: a.operations + b.operations }), { attempts: 0, operations: 0 })
  }

  /** What the first shard's first cohort is in. */
  get state(): string {
    return this.workloads[0]?.cohorts[0]?.label ?? ''
  }

  get writing(): boolean {
    return this.workloads[0]?.cohorts[0]?.writing ?? false
  }

  /** How long nobody writes from now on, in seconds. */
  gap(seconds: number): number {
    this.until(() => !this.writing, seconds, 'an outage')
    return this.until(() => this.writing, seconds, 'writing again')
  }

  story(label: string): readonly string[] {
    return (this.sim.records ?? []).filter(r => r.label.includes(label)).map(r => `${r.node}: ${r.detail}`)
  }
}

/** What a test says about a tablet: the thing itself hangs together with the whole fleet, and a failed expectation would print that. */
export function brief(t: Tablet): { readonly alias: string; readonly type: string; readonly state: string; readonly linked: boolean; readonly errant: boolean; readonly leading: boolean; readonly serving: boolean; readonly version: string } {
  const { alias, type, state, linked, errant, serving, version } = t
  return { alias, type, state, linked, errant, leading: t.copy.leading, serving, version }
}
