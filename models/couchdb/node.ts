/** One CouchDB process, and what all of them share. There is no primary: any node takes a write and sends it to the copies (rule CD-WRITE-1). */
import type { Disk } from '../../src/cluster/disk.ts'
import { type Copy, contains, type Position, type ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Network } from '../../src/cluster/network.ts'
import { defineEvent, MILLISECOND, sample, SECOND, type Simulation } from '../../src/kernel/index.ts'
import type { SessionState } from '../../src/engine.ts'
import type { Kubernetes } from '../kubernetes/index.ts'
import type { ContainerHandle } from '../kubernetes/container.ts'
import { COMMIT, type CouchdbOptions } from './options.ts'

const UP = defineEvent('couchdb.up')
const DOWN = defineEvent('couchdb.down')
const SYNCED = defineEvent('couchdb.internal-replication')
const QUORUM = defineEvent('couchdb.copies-within-reach')

/** What lies on a volume. */
export interface Shards {
  readonly name: string
  readonly copy: Copy
  destroyed: boolean
  version: string
}

export interface Backend {
  stateChanged(state: SessionState): void
}

export class Node {
  alive = true
  up = false
  paused = false
  readonly backends = new Set<Backend>()

  constructor(
    readonly shared: Shared,
    readonly shards: Shards,
    readonly c: ContainerHandle,
  ) {
    shared.nodes.add(this)
  }

  get name(): string {
    return this.c.pod.name
  }

  get place(): string {
    return this.c.machine.name
  }

  start(boot: boolean): void {
    const { sim, options } = this.shared
    if (boot) return this.answers()
    sim.after(Math.max(0, (this.shared.heldUntilUs.get(this.name) ?? 0) - sim.now) + options.startSeconds * SECOND * this.c.machine.slowdownFactor, () => {
      if (this.alive) this.answers()
    })
  }

  private answers(): void {
    this.up = true
    this.shards.version = this.c.imageUsed.versions.engine ?? ''
    this.shared.sim.note(UP, this.name, 0, `${this.name} answers /_up`)
    this.c.readinessChanged()
    this.shared.changed()
  }

  end(code: number, why: string): void {
    if (!this.alive) return
    const { shared } = this
    this.alive = false
    this.up = false
    shared.nodes.delete(this)
    shared.sim.note(DOWN, this.name, code, `${this.name}: ${why}`)
    this.shards.copy.unfollow()
    for (const backend of [...this.backends]) backend.stateChanged({ is: 'closed', error: 'connection closed' })
    this.backends.clear()
    this.c.exited(code)
    shared.changed()
  }
}

export class Shared {
  readonly nodes = new Set<Node>()
  readonly all: Shards[] = []
  readonly shardsOf = new Map<string, Shards>()
  readonly heldUntilUs = new Map<string, number>()
  kubernetes!: Kubernetes
  /** What the nodes have accepted, whichever took it: the line that all copies follow. */
  readonly accepted: Copy
  private readonly listeners = new Set<() => void>()
  private within = -1
  private joining = new Set<Node>()

  constructor(
    readonly sim: Simulation,
    readonly options: CouchdbOptions,
    readonly network: Network,
    readonly log: ReplicatedLog,
    readonly genesis: Position,
  ) {
    this.accepted = log.copy('accepted', genesis)
    this.accepted.lead({ commitLatencyUs: Math.round(sample(COMMIT, sim.chance.draw('couchdb', 'commit', 0)) * MILLISECOND) })
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Nodes that take part: up, not stopped, and in touch with most others (a node alone takes writes for itself; clients are not sent there). */
  serving(): Node[] {
    const up = [...this.nodes].filter(n => n.up && !n.paused).sort((a, b) => (a.name < b.name ? -1 : 1))
    let best: Node[] = []
    for (const n of up) {
      const side = up.filter(o => o === n || this.network.connected(n.place, o.place))
      if (side.length > best.length) best = side
    }
    return best
  }

  /** Who follows, who counts, and what clients are told, from now on. */
  changed(): void {
    this.sim.touch()
    const serving = this.serving()
    for (const node of this.nodes) {
      const { copy } = node.shards
      if (!serving.includes(node)) {
        this.joining.delete(node)
        if (copy.upstream !== undefined) copy.unfollow()
      } else if (copy.upstream === undefined && !this.joining.has(node)) this.join(node)
    }
    this.acknowledge()
    for (const node of [...this.nodes]) for (const backend of [...node.backends]) backend.stateChanged(this.stateOf(node))
    for (const listener of [...this.listeners]) listener()
  }

  /** w copies, or all that are within reach if they are fewer: then the answer is 202 Accepted (rule CD-WRITE-2). */
  private acknowledge(): void {
    const copies = this.all.filter(s => s.copy.upstream === this.accepted).map(s => s.copy)
    if (copies.length === this.within) return
    this.within = copies.length
    this.sim.note(QUORUM, 'cluster', copies.length, `${copies.length} copies take part`)
    this.accepted.acknowledge({ k: Math.max(1, Math.min(this.options.w, copies.length)), members: this.all.map(s => s.copy), stage: 'flush' })
  }

  /** Internal replication brings a node that was away up to date (rule CD-SYNC-1); an empty one gets everything. */
  private join(node: Node): void {
    const { copy } = node.shards
    this.joining.add(node)
    const empty = !contains(this.accepted.position('flush'), copy.position('receive'))
    const us = this.sim.now === 0 ? 0 : 50 * MILLISECOND + (empty ? (this.options.databaseMB / this.options.syncMBps) * SECOND : 0)
    const begin = (): void => {
      if (!node.alive || !this.joining.delete(node)) return
      if (empty) copy.adopt({ branch: this.genesis.branch, lsn: this.genesis.lsn })
      copy.follow(this.accepted, { delayUs: 700, ackDelayUs: 700, flushDelayUs: 4_000, bytesPerSecond: this.options.syncMBps * 1_000_000 })
      this.sim.note(SYNCED, node.name, empty ? 1 : 0, `${node.name} takes part again`)
      this.acknowledge()
      this.sim.touch()
    }
    if (us === 0) begin()
    else this.sim.after(us, begin)
  }

  stateOf(node: Node): SessionState {
    if (!node.alive || !node.up) return { is: 'closed', error: 'connection closed' }
    if (node.paused || !this.network.connected('clients', node.place)) return { is: 'silent' }
    if (!this.serving().includes(node)) return { is: 'failing', error: '500 {"error":"nodedown","reason":"progress not possible"}' }
    return { is: 'writable', leader: this.accepted }
  }

  nodeOf(name: string): Node | undefined {
    for (const node of this.nodes) if (node.name === name) return node
    return undefined
  }

  diskEmptied(disk: Disk, shards: Shards): void {
    disk.onChange(() => {
      if (disk.destroyed) shards.destroyed = true
    })
  }
}
