/** Everything the parts of the Vitess model share in one rehearsal. */
import type { Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Network } from '../../src/cluster/network.ts'
import type { Departure, Promotion } from '../../src/engine.ts'
import { type Distribution, MILLISECOND, MINUTE, sample, SECOND, Signal, type Simulation, type Us } from '../../src/kernel/index.ts'
import type { Kubernetes } from '../kubernetes/index.ts'
import type { Defects } from './defects.ts'
import { EVENT } from './events.ts'
import type { Timing, TimingName, VitessOptions } from './options.ts'
import type { Keyspace, KeyRange } from './keyspace.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'
import { Workflows } from './vreplication.ts'

/** Where vtctld, VTOrc, the topo server and the operator run: with the control plane. */
export const ADMIN_PLACE = 'control-plane'

/** Statements of a transaction that lasts for seconds (judgement). */
const STATEMENTS_OF_A_TRANSACTION = 5

const UNIT_US: Readonly<Record<string, Us>> = { Ms: MILLISECOND, Seconds: SECOND, Minutes: MINUTE }

export class World {
  kubernetes!: Kubernetes
  readonly shards: Shard[] = []
  /** By pod name, by alias: the tablets that the cluster is declared to have. */
  readonly tablets = new Map<string, Tablet>()
  readonly byAlias = new Map<string, Tablet>()
  readonly keyspaces = new Map<string, Keyspace>()
  keyspacesMade = 0
  /** Backups that somebody has taken: when, and of which tablet. */
  readonly backupTimes = new Map<Shard, { readonly us: Us; readonly alias: string }[]>()
  /** The latest backup of each shard: where it is, and the MySQL whose data directory it is; undefined = that of whoever restores it. */
  readonly backups = new Map<Shard, { readonly position: Position; readonly version: string | undefined }>()
  /** Told when a keyspace is there, or gone. */
  readonly keyspaceListeners: ((keyspace: Keyspace) => void)[] = []
  /** By keyspace and range: `commerce/-80`. */
  readonly byPath = new Map<string, Shard>()
  /** The key ranges, each with its log. */
  readonly ranges = new Map<ReplicatedLog, KeyRange>()
  readonly workflows: Workflows
  readonly promotions: Promotion[] = []
  readonly departures: Departure[] = []
  /** True while a fault is being struck: what goes away then went because of the fault. */
  faultStriking = false
  /** Every tablet runs, replicates and serves: times begin to count after that. */
  booting = true
  private readonly topoFaults = new Set<symbol>()
  /** Since when the topo server is away, or was the last time. */
  topoAwayUs: Us = 0
  /** Fired when the topo server is back. */
  readonly topoBack = new Signal<void>()
  /** Extra transactions that faults hold open: the longest end instant. */
  longTransactionUntilUs: Us = 0
  /** Told when a shard changed: the operator, VTOrc, the clients and the truth. */
  readonly shardListeners: ((shard: Shard) => void)[] = []
  private readonly counters = new Map<string, number>()

  constructor(
    readonly sim: Simulation,
    readonly options: VitessOptions,
    readonly timing: Timing,
    readonly network: Network,
    readonly defects: Defects,
  ) {
    this.workflows = new Workflows(this)
  }

  get topoUp(): boolean {
    return this.topoFaults.size === 0
  }

  /** The topo server is away (rule VT-TOPO-1); returns how to bring it back. */
  loseTopo(): () => void {
    const fault = Symbol('topo')
    if (this.topoUp) this.topoAwayUs = this.sim.now
    this.topoFaults.add(fault)
    this.sim.note(EVENT.topo, 'topo', 0, 'the topo server is away')
    return () => {
      if (!this.topoFaults.delete(fault) || !this.topoUp) return
      this.sim.note(EVENT.topo, 'topo', 1, 'the topo server is back')
      this.topoBack.fire()
      for (const shard of this.shards) shard.changed()
    }
  }

  /** A time of the timing table, drawn for the n-th such event of `entity`, in microseconds. */
  timeUs(name: TimingName, entity: string): Us {
    const d = this.timing[name]
    const value = typeof d === 'number' ? d : this.draw(d, entity, name)
    const unit = /[A-Z][a-z]+$/.exec(name)?.[0] ?? 'Ms'
    return Math.max(1, Math.round(value * (UNIT_US[unit] ?? MILLISECOND)))
  }

  /** One keyed draw: the n-th of (entity, purpose) in this rehearsal. */
  draw(d: Distribution, entity: string, purpose: string): number {
    return sample(d, this.uniform(entity, purpose))
  }

  /** A keyed uniform number in [0, 1), counted as {@link draw} counts. */
  uniform(entity: string, purpose: string): number {
    const key = `${entity}/${purpose}`
    const nth = this.counters.get(key) ?? 0
    this.counters.set(key, nth + 1)
    return this.sim.chance.draw(entity, purpose, nth)
  }

  /** How long the rows of one shard take at a pace of the timing table in MB/s. */
  readingUs(name: 'vreplicationCopyMBps' | 'vdiffMBps', entity: string): Us {
    const d = this.timing[name]
    const perSecond = typeof d === 'number' ? d : this.draw(d, entity, name)
    return Math.max(1, Math.round((this.options.shardDataMB / perSecond) * SECOND))
  }

  rpcUs(entity: string): Us {
    return this.timeUs('rpcMs', entity)
  }

  /** How long the longest transaction open now on a primary goes on: mostly milliseconds; seconds with `longTransactionP`, capped by the transaction time-out (rule VT-PRS-3). */
  longTransactionUs(entity: string): Us {
    return Math.round(Math.max(this.drawnTransactionUs(entity), this.heldTransactionUs))
  }

  /**
   * How long tables that are denied stay locked by transactions that had begun (rule VT-MOVE-4): their next statement fails, and a transaction
   * of some seconds has several; one that a fault holds open has no next statement.
   */
  lockedUs(entity: string): Us {
    return Math.round(Math.max(this.drawnTransactionUs(entity) / STATEMENTS_OF_A_TRANSACTION, this.heldTransactionUs))
  }

  private drawnTransactionUs(entity: string): number {
    const us =
      this.uniform(entity, 'is-long') < this.options.longTransactionP
        ? this.draw({ is: 'lognormal', median: 5_000_000, p95: 20_000_000, max: 30_000_000 }, entity, 'long-transaction')
        : this.draw({ is: 'uniform', min: 1_000, max: 40_000 }, entity, 'short-transaction')
    return Math.min(us, this.options.transactionTimeoutSeconds * SECOND)
  }

  /** What is left of a transaction that a fault holds open; ended by the transaction time-out. */
  private get heldTransactionUs(): number {
    return Math.min(this.options.transactionTimeoutSeconds * SECOND, Math.max(0, this.longTransactionUntilUs - this.sim.now))
  }
}
