/** What one node believes of the cluster: the contents of its nodes.conf, and what it keeps about each peer while it runs. Source: cluster_legacy.c, cluster.c. */
import type { Us } from '../../src/kernel/index.ts'
import type { Server } from './server.ts'

/** One node as another one (or itself) sees it. The first part is durable, the rest lives as long as the process. */
export class Peer {
  /** Empty: the address is not known yet (a node that has never learned its own). */
  ip = ''
  hostname = ''
  role: 'master' | 'replica' = 'master'
  masterId: string | undefined
  configEpoch = 0
  /** Marked by a quorum (FAIL). */
  failed = false
  noaddr = false
  /** Slot groups it owns, as this table has it. */
  slots = 0

  /** Suspected by this node alone. */
  pfail = false
  failedAtUs: Us = 0
  /** 0 = no ping is pending. */
  pingSentUs: Us = 0
  pongUs: Us = 0
  dataUs: Us = 0
  /** The process that this node's own connection ends on; undefined = no connection is up. */
  link: Server | undefined
  /** Who reported it failing, and when. */
  reports: Map<string, Us> | undefined
  /** When this node last voted for one of its replicas. */
  votedUs: Us = Number.NEGATIVE_INFINITY
  /** Replication offset in its last packet. */
  offset = 0
  orphanedUs: Us = 0
  /** It has replicas, be they reachable or not, or was one of several before it led: worth one of another's (CLUSTER_NODE_MIGRATE_TO). */
  hadReplicas = false

  constructor(
    readonly id: string,
    /** The id as a small number, the same in every table. */
    readonly index: number,
  ) {}

  /** The last packet that told of it: in one packet nobody is told of twice. */
  toldIn = 0

  /** Back to what the file says. */
  forgetVolatile(nowUs: Us): void {
    this.pfail = false
    this.pingSentUs = 0
    this.pongUs = nowUs
    this.dataUs = nowUs
    this.link = undefined
    this.reports = undefined
    this.votedUs = Number.NEGATIVE_INFINITY
    this.offset = 0
    this.orphanedUs = 0
    this.toldIn = 0
  }

  get good(): boolean {
    return !this.failed && !this.pfail
  }
}

/** Who knows whom, as all tables together have it. */
export class Acquaintances {
  /** Grows whenever some node comes to know, or forgets, another. */
  n = 0
  private readonly indexes = new Map<string, number>()

  indexOf(id: string): number {
    let index = this.indexes.get(id)
    if (index === undefined) this.indexes.set(id, (index = this.indexes.size))
    return index
  }
}

/** A node's own table. Every change is written to nodes.conf at once, so the object itself is what the disk holds. */
export class Table {
  readonly peers = new Map<string, Peer>()
  /** Peers in order, without myself: what the cron goes through. */
  others: Peer[] = []
  /** Owner of each slot group. */
  readonly owner: (Peer | undefined)[]
  currentEpoch = 0
  lastVoteEpoch = 0
  /** Grows with every change that other nodes or clients could notice. */
  version = 0
  myself: Peer
  private readonly byIndex: (Peer | undefined)[] = []
  private suspects: readonly Peer[] = []
  private suspectedAt = -1

  constructor(
    myId: string,
    groups: number,
    private readonly acquaintances: Acquaintances,
  ) {
    this.owner = new Array<Peer | undefined>(groups).fill(undefined)
    this.myself = this.peerOf(myId)
  }

  private peerOf(id: string): Peer {
    const peer = new Peer(id, this.acquaintances.indexOf(id))
    this.peers.set(id, peer)
    this.byIndex[peer.index] = peer
    return peer
  }

  /** The entry of a node that another table has; undefined when this one does not know it. */
  same(peer: Peer): Peer | undefined {
    return this.byIndex[peer.index]
  }

  add(id: string, nowUs: Us): Peer {
    const peer = this.peerOf(id)
    peer.forgetVolatile(nowUs)
    this.others.push(peer)
    this.acquaintances.n++
    this.version++
    return peer
  }

  /** clusterDelNode: its slots are nobody's, its reports are void, its replicas have no master. */
  remove(peer: Peer): void {
    for (let g = 0; g < this.owner.length; g++) if (this.owner[g] === peer) this.own(g, undefined)
    this.peers.delete(peer.id)
    this.byIndex[peer.index] = undefined
    this.acquaintances.n++
    this.others = this.others.filter(other => other !== peer)
    for (const other of this.peers.values()) {
      other.reports?.delete(peer.id)
      if (other.masterId === peer.id && other !== this.myself) other.masterId = undefined
    }
    this.lostReplica(peer.masterId)
    this.version++
  }

  own(group: number, peer: Peer | undefined): void {
    const before = this.owner[group]
    if (before === peer) return
    if (before !== undefined) before.slots -= 1
    if (peer !== undefined) peer.slots += 1
    this.owner[group] = peer
    this.version++
  }

  get(id: string | undefined): Peer | undefined {
    return id === undefined ? undefined : this.peers.get(id)
  }

  get master(): Peer | undefined {
    return this.get(this.myself.masterId)
  }

  /** Slot groups of a peer, ascending. */
  groupsOf(peer: Peer): number[] {
    const groups: number[] = []
    if (peer.slots > 0) for (let g = 0; g < this.owner.length; g++) if (this.owner[g] === peer) groups.push(g)
    return groups
  }

  replicasOf(id: string): Peer[] {
    const found: Peer[] = []
    for (const peer of this.peers.values()) if (peer.role === 'replica' && peer.masterId === id) found.push(peer)
    return found
  }

  /** cluster_size: masters with at least one slot. */
  get size(): number {
    let n = 0
    for (const peer of this.peers.values()) if (peer.role === 'master' && peer.slots > 0) n++
    return n
  }

  get quorum(): number {
    return Math.floor(this.size / 2) + 1
  }

  setMaster(peer: Peer): void {
    if (peer.role === 'master') return
    const before = peer.masterId
    peer.role = 'master'
    peer.masterId = undefined
    if (peer !== this.myself) peer.hadReplicas = true
    this.lostReplica(before)
    this.version++
  }

  /** A master's last replica follows another one now: it is left alone on purpose (clusterNodeRemoveSlave). */
  private lostReplica(masterId: string | undefined): void {
    const master = this.get(masterId)
    if (master === undefined || !master.hadReplicas) return
    for (const peer of this.peers.values()) if (peer.role === 'replica' && peer.masterId === masterId) return
    master.hadReplicas = false
  }

  setReplica(peer: Peer, masterId: string | undefined): void {
    if (peer.role === 'replica' && peer.masterId === masterId) return
    const before = peer.masterId
    peer.role = 'replica'
    peer.masterId = masterId
    this.lostReplica(before)
    const master = this.get(masterId)
    if (master !== undefined) master.hadReplicas = true
    this.version++
  }

  /** CLUSTER RESET HARD: the same node under another id. */
  rename(id: string): void {
    this.acquaintances.n++
    this.peers.delete(this.myself.id)
    this.byIndex[this.myself.index] = undefined
    this.myself = this.peerOf(id)
    this.version++
  }

  forgetVolatile(nowUs: Us): void {
    for (const peer of this.peers.values()) peer.forgetVolatile(nowUs)
    this.version++
  }

  /** Peers that this node alone suspects. */
  get suspected(): readonly Peer[] {
    if (this.suspectedAt !== this.version) {
      this.suspects = this.others.filter(peer => peer.pfail)
      this.suspectedAt = this.version
    }
    return this.suspects
  }
}
