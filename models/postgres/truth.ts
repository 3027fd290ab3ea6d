/** What is so in a PostgreSQL cluster, whoever knows it (engine.ts, Truth). */
import { type AckInterval, contains, type Copy, type History, type Position, type ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Authority, Departure, Entrance, HistoryWords, Member, Promotion, Truth } from '../../src/engine.ts'
import type { PodView } from '../kubernetes/index.ts'
import { DataDirectory, formatLsn } from './datadir.ts'
import type { Subscription } from './logical.ts'
import { major } from './replication.ts'
import { canAcknowledge, quorum } from './syncrep.ts'
import type { Server } from './server.ts'
import type { Application } from './schema/application.ts'
import type { World } from './world.ts'

const NOTHING: readonly History[] = []
/** Lag within which a standby counts as a healthy copy. Source: PG §8.1 P3. */
const NORMAL_LAG_BYTES = 16 * 1024 * 1024

export class PostgresTruth implements Truth {
  readonly history: HistoryWords = { line: 'timeline', place: (line, bytes) => `LSN ${formatLsn(bytes)} of timeline ${line}` }
  readonly expectedMembers: number
  readonly targetVersions: Readonly<Record<string, string>>
  readonly promise: 'asynchronous' | 'synchronous'
  /** The members as they were told last. */
  private last: readonly Member[] = []
  /** Who could acknowledge, as told last. */
  private able: readonly string[] = []
  /** The pods that are members, and the list of all pods they were picked from: whose a pod is never changes. */
  private memberPods: readonly PodView[] = []
  private pickedFrom: readonly PodView[] | undefined

  constructor(
    private readonly world: World,
    private readonly entrance: Entrance,
    private readonly isMember: (pod: PodView) => boolean,
  ) {
    const { options } = world
    this.expectedMembers = options.members
    this.targetVersions = world.defects.target
    const local = options.synchronousStandbyNames.trim() === '' || options.synchronousCommit === 'off' || options.synchronousCommit === 'local'
    this.promise = local ? 'asynchronous' : 'synchronous'
  }

  versionsAround(): ReturnType<World['kubernetes']['versionsOfNodes']> {
    return this.world.kubernetes.versionsOfNodes()
  }

  get promotions(): readonly Promotion[] {
    return this.world.promotions
  }

  get departures(): readonly Departure[] {
    return this.world.departures
  }

  private membersOf(pods: readonly PodView[]): readonly PodView[] {
    if (pods !== this.pickedFrom) {
      this.pickedFrom = pods
      this.memberPods = pods.filter(pod => this.isMember(pod))
    }
    return this.memberPods
  }

  /** A member, or the whole list, is the same object as at the last call while it has not changed: whoever watches compares by identity first. */
  members(): readonly Member[] {
    const { last } = this
    let n = 0
    let changed: Member[] | undefined
    for (const pod of this.membersOf(this.world.kubernetes.pods())) {
      const before = last[n]
      const member = this.member(pod, before?.name === pod.name ? before : undefined)
      if (member !== before) changed ??= last.slice(0, n)
      changed?.push(member)
      n += 1
    }
    if (changed === undefined && n < last.length) changed = last.slice(0, n)
    return (this.last = changed ?? last)
  }

  /** A pod's member as it is now: `before` itself if that still says it. */
  private member(pod: PodView, before: Member | undefined): Member {
    const { world } = this
    const { name, node, nodeVersion, ready } = pod
    const server = world.serverOf(name)
    const dir = server?.dir ?? world.directoryOf.get(name)
    const machine = node === undefined ? undefined : world.kubernetes.machines.get(node)
    const replica = server === undefined ? undefined : this.replicaOf(server)
    const leading = server?.copy.leading === true && replica === undefined
    const streaming = server !== undefined && followsLeader(server)
    const zone = machine?.zone
    const running = server !== undefined && !server.paused && server.state !== 'starting'
    const role = leading ? 'leader' : replica !== undefined || server?.state === 'standby' || server?.state === 'promoting' ? 'follower' : 'none'
    const timeline = dir?.timeline
    const versions = versionsOf(nodeVersion, server?.host.version ?? dir?.image, world.application === undefined ? undefined : this.ofApplication(world.application, server), before?.versions)
    const copy = replica?.copy ?? server?.copy ?? (dir?.destroyed ? undefined : dir?.copy)
    const merged = mergedCopies(dir, copy, before?.merged)
    const attached = leading || streaming || replica?.streaming === true
    const caughtUp = leading || (replica?.streaming === true && replica.copy.lagBytes('flush') <= NORMAL_LAG_BYTES) || (streaming && server.shortage === undefined && linked(server) && server.copy.lagBytes('flush') <= NORMAL_LAG_BYTES)
    if (
      before !== undefined &&
      before.node === node &&
      before.zone === zone &&
      before.running === running &&
      before.ready === ready &&
      before.role === role &&
      before.timeline === timeline &&
      before.versions === versions &&
      before.copy === copy &&
      before.merged === merged &&
      before.attached === attached &&
      before.caughtUp === caughtUp
    )
      return before
    return { name, node, zone, running, ready, role, timeline, versions, copy, ...(merged === undefined ? {} : { merged }), attached, caughtUp }
  }

  /** What the database is for: the releases that run, and the columns of their table as this member has them. */
  private ofApplication(application: Application, server: Server | undefined): { readonly application: string; readonly schema: string | undefined } {
    return { application: application.versions(), schema: server === undefined ? undefined : application.columnsFor(server) }
  }

  /** The subscription of a server that takes no writes of clients and is filled by logical replication: it follows, whatever its own log says. */
  private replicaOf(server: Server): Subscription | undefined {
    if (!server.readOnlyDefault || server.dir.subscriptions.size === 0) return undefined
    return [...server.dir.subscriptions.values()].find(subscription => subscription.enabled)
  }

  /** The same list as at the last call while it names the same. */
  couldAcknowledge(): readonly string[] {
    const { able } = this
    let n = 0
    let changed: string[] | undefined
    for (const server of this.world.servers) {
      if (!servesSessions(server) || !canAcknowledge(server)) continue
      if (server.name !== able[n]) changed ??= able.slice(0, n)
      changed?.push(server.name)
      n += 1
    }
    if (changed === undefined && n < able.length) changed = able.slice(0, n)
    return (this.able = changed ?? able)
  }

  troubleOf(member: string): string | undefined {
    const server = this.world.serverOf(member)
    if (server?.shortage !== undefined) return `it replays nothing any more: ${server.shortage}`
    const receiver = server?.receiver
    return receiver === undefined || receiver.streaming || receiver.trouble === '' ? undefined : receiver.trouble
  }

  /** The new primary waits for whom its own configuration names, not for whom the old one named (rules PG-SYNC-5, PG-ACK-3). */
  acknowledgeAlone(): readonly string[] {
    if (this.promise === 'asynchronous') return []
    return [...this.world.servers].filter(server => server.alive && server.copy.leading && !server.readOnlyDefault && quorum(server) === undefined).map(server => server.name)
  }

  /** Unsupported combinations: a kubelet newer than the control plane, and members of several majors. A newer primary than standby is only discouraged. */
  forbiddenSkew(): readonly string[] {
    const { kubernetes } = this.world
    const found: string[] = []
    // Of each database: two that are kept alike by logical replication may be of different majors (rule PG-LOGICAL-9).
    const majors = new Map<string, Set<string>>()
    for (const pod of this.membersOf(kubernetes.pods())) {
      const { nodeVersion } = pod
      if (nodeVersion !== undefined && minorNumber(nodeVersion) > minorNumber(kubernetes.controlPlaneVersion)) found.push(`node ${pod.node} runs ${nodeVersion}, newer than the control plane ${kubernetes.controlPlaneVersion}`)
      const server = this.world.serverOf(pod.name)
      // One that finds data it cannot read never gets beyond that.
      if (server === undefined || server.state === 'starting') continue
      const its = majors.get(server.dir.systemId)
      if (its === undefined) majors.set(server.dir.systemId, new Set([major(server.host.version)]))
      else its.add(major(server.host.version))
    }
    for (const its of majors.values()) if (its.size > 1) found.push(`PostgreSQL majors ${[...its].join(' and ')} in one cluster`)
    return found
  }

  authority(_log: ReplicatedLog): Authority {
    const fresh = this.entrance.fresh()
    if (fresh.is === 'leader') return { position: fresh.copy.position('flush'), ...this.merged(fresh.copy), why: 'a fresh client reaches it and is acknowledged', member: fresh.copy.name }
    const durable = this.durable()
    const last = this.world.promotions[this.world.promotions.length - 1]
    if (last !== undefined) {
      // The branch that the latest promotion opened begins where it forked: whoever has something of it is on it.
      const onBranch = durable.filter(d => d.position.branch.parent === last.from.branch && d.position.branch.forkLsn === last.from.lsn)
      const best = furthest(onBranch)
      if (best !== undefined) return { position: best.position, why: `${fresh.is === 'several' ? 'several leaders acknowledge' : `no fresh client can write (${fresh.is === 'none' ? fresh.why : ''})`}; the latest promotion (${last.member}) counts`, member: best.name }
    }
    const best = this.world.logical.any ? this.fullest(durable) : furthest(durable)
    if (best === undefined) return { position: undefined, why: 'no copy of the data is left', member: undefined }
    return { position: best.position, ...this.merged(best.copy), why: `${fresh.is === 'several' ? 'several leaders acknowledge' : 'no fresh client can write'}; the furthest durable copy counts`, member: best.name }
  }

  /** What has been merged into the database that this copy is of. */
  mergedInto(copy: Copy): readonly History[] {
    const dir = this.world.directories.find(d => d.copy === copy)
    return dir === undefined || dir.merged.length === 0 ? NOTHING : dir.histories.slice(1)
  }

  private merged(copy: Copy): Pick<Authority, 'merged'> {
    const merged = this.mergedInto(copy)
    return merged.length === 0 ? {} : { merged }
  }

  /** Of several databases the one that lacks fewest acknowledged writes: their positions are not to be compared. */
  private fullest(dirs: readonly DataDirectory[]): DataDirectory | undefined {
    const lacks = (dir: DataDirectory): number => this.world.log.ledger.beyond(dir.histories).reduce((sum, { writes }) => sum + writes, 0)
    return dirs.reduce<DataDirectory | undefined>((best, dir) => (best === undefined || lacks(dir) < lacks(best) ? dir : best), undefined)
  }

  private durable(): DataDirectory[] {
    return this.world.directories.filter(d => !d.destroyed && !d.unusable)
  }

  holders(interval: AckInterval): readonly string[] {
    const at: Position = { branch: interval.branch, lsn: interval.toLsn }
    return this.durable().filter(d => d.histories.some(history => contains(history, at) && interval.fromLsn >= (history.since ?? 0))).map(d => d.name)
  }
}

/** Copies of what a directory has merged of other databases, but for the one that it counts as anyway; `before` itself if it names the same. */
function mergedCopies(dir: DataDirectory | undefined, own: Copy | undefined, before: readonly Copy[] | undefined): readonly Copy[] | undefined {
  if (dir === undefined || dir.destroyed || dir.merged.length === 0) return undefined
  const copies = dir.merged.map(({ copy }) => copy).filter(copy => copy !== own)
  if (copies.length === 0) return undefined
  return before?.length === copies.length && copies.every((copy, i) => copy === before[i]) ? before : copies
}

/** What a member runs, by component; `before` itself if that says it. */
function versionsOf(node: string | undefined, engine: string | undefined, more: { readonly application: string; readonly schema: string | undefined } | undefined, before: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const known = engine === '' ? undefined : engine
  if (before !== undefined && before.node === node && before.engine === known && before.application === more?.application && before.schema === more?.schema) return before
  const versions: Record<string, string> = {}
  if (node !== undefined) versions.node = node
  if (known !== undefined) versions.engine = known
  if (more !== undefined) versions.application = more.application
  if (more?.schema !== undefined) versions.schema = more.schema
  return versions
}

/** Whether a session can have a statement done here: a smart shutdown lets those that are there go on (rule PG-STOP-1). */
function servesSessions(server: Server): boolean {
  return server.alive && (server.state !== 'stopping' || (server.shutdownMode === 'smart' && server.backends.size > 0))
}

/**
 * Whether what it streams comes from the leader: straight, or from a standby that somebody made it follow (a cascade). One that still follows a member that has led is left over
 * from before a switchover: nobody meant it to stay there, and that member is the next to go.
 */
function followsLeader({ receiver }: Server): boolean {
  const upstream = receiver?.streaming === true ? receiver.sender?.upstream : undefined
  return upstream !== undefined && (upstream.copy.leading || (!upstream.dir.hasLed && followsLeader(upstream)))
}

/** Whether all links between it and the leader carry what is written. */
function linked({ receiver }: Server): boolean {
  const sender = receiver?.sender
  return sender !== undefined && !sender.frozen && (sender.upstream.copy.leading || linked(sender.upstream))
}

function furthest(dirs: readonly DataDirectory[]): DataDirectory | undefined {
  let best: DataDirectory | undefined
  for (const dir of dirs) if (best === undefined || dir.position.lsn > best.position.lsn) best = dir
  return best
}

const minorNumbers = new Map<string, number>()

/** `1.29.0` → 29. */
function minorNumber(version: string): number {
  let number = minorNumbers.get(version)
  if (number === undefined) minorNumbers.set(version, (number = readMinor(version)))
  return number
}

function readMinor(version: string): number {
  const from = version.indexOf('.') + 1
  const to = version.indexOf('.', from)
  return from === 0 ? 0 : Number(version.slice(from, to < 0 ? undefined : to))
}
