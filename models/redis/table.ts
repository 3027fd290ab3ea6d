/** What one node believes of the cluster: the contents of its nodes.conf, and what it keeps about each peer while it runs. Source: cluster_legacy.c, cluster.c. */
import type { Us } from '../../src/kernel/index.ts'
import { FAILED, Heartbeats, KNOWN, MYSELF, NOADDR, PFAIL, PINGED, REPORTED } from './heartbeats.ts'
import type { Server } from './server.ts'

/** One node as another one (or itself) sees it. The first part is durable, the rest lives as long as the process. */
export class Peer {
  /** Empty: the address is not known yet (a node that has never learned its own). */
  ip = ''
  hostname = ''
  role: 'master' | 'replica' = 'master'
  masterId: string | undefined
  configEpoch = 0
  /** Slot groups it owns, as this table has it. */
  slots = 0

  failedAtUs: Us = 0
  dataUs: Us = 0
  /** The process that this node's own connection ends on; undefined = no connection is up. */
  link: Server | undefined
  /** When this node last voted for one of its replicas. */
  votedUs: Us = Number.NEGATIVE_INFINITY
  /** Replication offset in its last packet. */
  offset = 0
  /** It does not stand by itself, as its last packet said (cluster-replica-no-failover). */
  cannotFailover = false
  orphanedUs: Us = 0
  /** It has replicas, be they reachable or not, or was one of several before it led: worth one of another's (CLUSTER_NODE_MIGRATE_TO). */
  hadReplicas = false

  constructor(
    readonly id: string,
    /** The id as a small number, the same in every table. */
    readonly index: number,
    private beats: Heartbeats,
  ) {
    beats.reach(index)
    beats.forget(index)
    beats.set(index, KNOWN, true)
  }

  /** Marked by a quorum (FAIL). */
  get failed(): boolean {
    return this.beats.has(this.index, FAILED)
  }

  set failed(value: boolean) {
    this.beats.set(this.index, FAILED, value)
  }

  get noaddr(): boolean {
    return this.beats.has(this.index, NOADDR)
  }

  set noaddr(value: boolean) {
    this.beats.set(this.index, NOADDR, value)
  }

  /** Suspected by this node alone. */
  get pfail(): boolean {
    return this.beats.has(this.index, PFAIL)
  }

  set pfail(value: boolean) {
    this.beats.set(this.index, PFAIL, value)
  }

  /** 0 = no ping is pending. */
  get pingSentUs(): Us {
    return this.pinged
  }

  set pingSentUs(us: Us) {
    this.pinged = us
    this.beats.set(this.index, PINGED, us !== 0)
  }

  get pongUs(): Us {
    return this.beats.pongUs[this.index] as Us
  }

  set pongUs(us: Us) {
    this.beats.pongUs[this.index] = us
  }

  /** Who reported it failing, and when. */
  get reports(): Map<string, Us> | undefined {
    return this.reporters
  }

  set reports(reports: Map<string, Us> | undefined) {
    this.reporters = reports
    this.beats.set(this.index, REPORTED, reports !== undefined)
  }

  /** Out of its table: whoever still holds it sees what it was, and cannot write into the row of a successor. */
  leave(): void {
    const row = this.beats
    this.beats = row.alone(this.index)
    row.forget(this.index)
  }

  private pinged: Us = 0
  private reporters: Map<string, Us> | undefined

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
    this.cannotFailover = false
    this.orphanedUs = 0
    this.beats.told[this.index] = 0
  }

  get good(): boolean {
    return !this.beats.has(this.index, FAILED | PFAIL)
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
  readonly beats = new Heartbeats()
  /** Peers in order, without myself: what the cron goes through. */
  others: Peer[] = []
  /** Slots that are being moved to, or taken from, another master, by its id (rule RD-MOVE-1). Of this node alone, and in its nodes.conf. */
  readonly migrating = new Map<number, string>()
  readonly importing = new Map<number, string>()
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
    this.beats.set(this.myself.index, MYSELF, true)
  }

  private peerOf(id: string): Peer {
    const peer = new Peer(id, this.acquaintances.indexOf(id), this.beats)
    this.peers.set(id, peer)
    this.byIndex[peer.index] = peer
    return peer
  }

  /** The entry of a node that another table has; undefined when this one does not know it. */
  same(peer: Peer): Peer | undefined {
    return this.byIndex[peer.index]
  }

  /** The entry with an index. */
  at(index: number): Peer | undefined {
    return this.byIndex[index]
  }

  add(id: string, nowUs: Us): Peer {
    const peer = this.peerOf(id)
    peer.forgetVolatile(nowUs)
    this.beats.others[this.others.length] = peer.index
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
    peer.leave()
    this.acquaintances.n++
    this.others = this.others.filter(other => other !== peer)
    this.beats.setOthers(this.others)
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

  /** One slot group more, with the owner of another (groups.ts). Nobody could tell the difference. */
  divide(group: number, into: number): void {
    const owner = this.owner[group]
    if (owner !== undefined) owner.slots += 1
    this.owner[into] = owner
  }

  /** A slot group that another one has taken in. */
  unite(group: number): void {
    const owner = this.owner[group]
    if (owner !== undefined) owner.slots -= 1
    this.owner[group] = undefined
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
    this.myself.leave()
    this.myself = this.peerOf(id)
    this.beats.set(this.myself.index, MYSELF, true)
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
