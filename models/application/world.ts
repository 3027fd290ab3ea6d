/** What the parts of the application share in one rehearsal. */
import type { Bytes, Copy, Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { SessionState } from '../../src/engine.ts'
import type { Simulation } from '../../src/kernel/index.ts'
import type { Finding } from '../../src/operator/command.ts'
import type { Kubernetes, PodView } from '../kubernetes/index.ts'
import { Connection, type Door } from './connection.ts'
import type { Carrier, Change } from './carrier.ts'
import type { Offsets } from './cdc.ts'
import type { ApplicationOptions } from './options.ts'
import type { Prometheus } from './monitoring/prometheus.ts'
import type { Outboxes } from './outbox.ts'
import type { Pod } from './pod.ts'
import type { Rows, Side } from './rows.ts'

/** The databases beneath, as the application needs them: any engine can stand here. */
export interface Databases {
  readonly kubernetes: Kubernetes
  readonly log: ReplicatedLog
  /** The way to a database, for the program or for an administrator's tool: a job, a connector. */
  door(host: string, whose: 'program' | 'tool'): Door
  /** What stays the same of a database while copies take turns at leading it. */
  database(copy: Copy): object
  /** The copy that speaks now for the database that this one belongs to; undefined = nothing is left of it. */
  current(copy: Copy): Copy | undefined
  /** The copy that speaks for the database, or the member, of that name. */
  named(name: string): Copy | undefined
  /** Whether a commit is where its acknowledgement waits for it to be. */
  acknowledged(copy: Copy, at: Position): boolean
  /** A place in the log, as the database's own tools print it for comparison. */
  printed(copy: Copy, bytes: Bytes): number
  /** The member whose data a copy is. */
  nameOf(copy: Copy): string
  /** Whether the data of a copy is gone for good. */
  destroyed(copy: Copy): boolean
}

export class World {
  rows!: Rows
  outboxes!: Outboxes
  /** The running pods of the program, by uid. */
  readonly pods = new Map<string, Pod>()
  /** Share of the requests that go to pods of a revision, where a mesh splits them; undefined = evenly over the Ready pods. */
  weights: { readonly canary: string; readonly share: number } | undefined
  /** What watches the pods, if anybody does. */
  prometheus: Prometheus | undefined
  /** The flag service does not answer. */
  flagsAway = 0
  /** The running connectors and relays, what connectors leave behind by name, and the changes that they carry, oldest first. */
  readonly connectors = new Set<Carrier>()
  readonly offsets = new Map<string, Offsets>()
  /** Every connector and relay that there ever was: their metrics are asked for afterwards, too. */
  readonly carriers: Carrier[] = []
  readonly changes: Change[] = []
  /** Databases that have been filled: all rows of before have been copied into them. */
  readonly filled = new Set<object>()
  private readonly connections = new Set<Connection>()
  private readonly listeners: (() => void)[] = []
  private opened = 0

  constructor(
    readonly sim: Simulation,
    readonly options: ApplicationOptions,
    readonly databases: Databases,
  ) {
    sim.observe(() => {
      for (const connection of this.connections) connection.wake()
    })
  }

  get kubernetes(): Kubernetes {
    return this.databases.kubernetes
  }

  /** Opens a connection of somebody at `place` (a machine) to one of the two databases. Close it with {@link disconnect}. */
  connect(who: string, place: string, side: Side, changed: () => void, whose: 'program' | 'tool' = 'tool'): Connection {
    const { sim, options, databases } = this
    const connection = new Connection(sim, databases.door(options[side], whose), `${who}/${side}/${this.opened++}`, place, databases.log, options.connectionLifeSeconds * 1_000_000, changed)
    this.connections.add(connection)
    return connection
  }

  disconnect(connection: Connection): void {
    connection.close()
    this.connections.delete(connection)
  }

  /** Tells `listener` whenever what requests would meet may be another thing. */
  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  changed(): void {
    this.sim.touch()
    for (const listener of this.listeners) listener()
  }

  /** The pods that requests are sent to now, with the share that each gets. */
  routes(): readonly { readonly view: PodView; readonly share: number }[] {
    const views = this.kubernetes.endpoints(this.options.name)
    const { weights } = this
    if (weights === undefined) return views.map(view => ({ view, share: 1 / views.length }))
    const canary = views.filter(view => view.labels['pod-template-hash'] === weights.canary)
    const stable = views.length - canary.length
    const share = canary.length === 0 ? 0 : stable === 0 ? 1 : weights.share
    return views.map(view => ({ view, share: view.labels['pod-template-hash'] === weights.canary ? share / canary.length : (1 - share) / stable }))
  }

  /** The pod at that share of the requests (0 … 1). */
  at(share: number): PodView | undefined {
    let sum = 0
    const routes = this.routes()
    for (const { view, share: each } of routes) if (share < (sum += each)) return view
    return routes.at(-1)?.view
  }
}

/** Why a statement fails on a connection; undefined if it would be carried out, or would hang. */
export function errorOf(state: SessionState | undefined): string | undefined {
  if (state === undefined) return 'connection refused'
  return 'error' in state ? state.error : undefined
}

/** Whether it says that it takes no writes: it is read-only, or its tables are denied. A program can tell that from any other error, and nothing has been done. */
export function refusesWrites(state: SessionState | undefined): boolean {
  return state?.is === 'readOnly' || (state?.is === 'failing' && state.error.includes('enforce denied tables'))
}

/** What can be asked of the pods with curl, whichever it runs in: a pod that listens on another port refuses. */
export function checkCurl(argv: readonly string[]): readonly Finding[] {
  if (/^(?:http:\/\/)?localhost:(?:8080\/(?:flags|version)|8083\/(?:metrics|offset|pending))$/.test(argv.at(-1) ?? '')) return []
  return [{ severity: 'error', message: 'curl: localhost:8080/flags and /version of a pod of the program, localhost:8083/metrics and /offset of a connector, /metrics and /pending of a relay are modelled' }]
}
