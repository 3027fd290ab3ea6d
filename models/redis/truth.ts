/** What is so in a Redis Cluster, whoever knows it (engine.ts, Truth). */
import { type AckInterval, contains, type Copy, type Position, type ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Departure, Entrance, HistoryWords, Member, Promotion, Truth } from '../../src/engine.ts'
import { SECOND } from '../../src/kernel/index.ts'
import type { PodView } from '../kubernetes/index.ts'
import { rdbVersion } from './names.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/** Lag within which a replica counts as a healthy copy: a second of an ordinary stream. */
const NORMAL_LAG_BYTES = 4 * 1024 * 1024

export class RedisTruth implements Truth {
  /** A master's history goes by its config epoch, a place in it by the replication offset (bytes). */
  readonly history: HistoryWords = { line: 'config epoch', place: (line, bytes) => `replication offset ${bytes} of config epoch ${line}` }
  readonly expectedMembers: number
  readonly targetVersions: Readonly<Record<string, string>>
  readonly promise = 'asynchronous' as const
  private last: readonly Member[] = []
  /** What {@link isKnown} found, while nobody met, forgot, came or went. */
  private readonly known = new Map<string, boolean>()
  private asked = -1

  constructor(
    private readonly world: World,
    private readonly entrance: Entrance,
  ) {
    this.expectedMembers = world.memberNames.length
    this.targetVersions = world.defects.target
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

  /** The same object as at the last call while a member has not changed. */
  members(): readonly Member[] {
    const { world, last } = this
    let n = 0
    let changed: Member[] | undefined
    for (const pod of world.kubernetes.pods()) {
      if (pod.owner?.name !== world.options.name) continue
      const before = last[n]
      const member = this.member(pod, before?.name === pod.name ? before : undefined)
      if (member !== before) changed ??= last.slice(0, n)
      changed?.push(member)
      n += 1
    }
    if (changed === undefined && n < last.length) changed = last.slice(0, n)
    return (this.last = changed ?? last)
  }

  private member(pod: PodView, before: Member | undefined): Member {
    const { world } = this
    const { name, node, nodeVersion, ready } = pod
    const server = world.serverOf(name)
    const dir = server?.dir ?? world.dirOf.get(name)
    const zone = node === undefined ? undefined : world.kubernetes.machines.get(node)?.zone
    const running = server !== undefined && server.state !== 'loading' && !server.paused && !server.blocked
    const leading = server?.data.leading === true
    const streaming = server?.upstream?.state === 'up' && server.upstream.master?.copy?.leading === true && !server.upstream.stalledFor(0)
    // A member without slots, data or master is in nobody's history.
    const role = leading ? 'leader' : server !== undefined && server.state !== 'loading' && !server.isMaster ? 'follower' : 'none'
    const copies = server === undefined ? (dir === undefined || dir.destroyed ? NONE : dir.dataset) : server.data.copies
    const [copy] = copies
    const merged = othersOf(copies)
    const leads = server === undefined || copies.length < 2 ? undefined : copies.filter(c => c.leading).length
    const timeline = copy?.branch.timeline
    const versions = versionsOf(nodeVersion, server?.host.version ?? before?.versions.engine, before?.versions)
    const known = server !== undefined && this.isKnown(server.id)
    const attached = (leading || streaming) && known
    const caughtUp = (leading || (streaming && (server?.copy?.lagBytes('receive') ?? 0) <= NORMAL_LAG_BYTES)) && known
    if (
      before !== undefined && before.node === node && before.zone === zone && before.running === running && before.ready === ready && before.role === role &&
      before.timeline === timeline && before.versions === versions && before.copy === copy && before.merged === merged && before.leads === leads && before.attached === attached && before.caughtUp === caughtUp
    )
      return before
    return { name, node, zone, running, ready, role, timeline, versions, copy, ...(merged === undefined ? {} : { merged }), ...(leads === undefined ? {} : { leads }), attached, caughtUp }
  }

  /**
   * Whether a replica whose link has only just been cut is level as far as anybody can tell: it acknowledges each second (REPLCONF ACK), so that of a shorter
   * silence nobody knows, and what it lacks is within {@link NORMAL_LAG_BYTES}.
   */
  seemsLevel({ upstream, copy, id }: Server): boolean {
    return upstream?.state === 'up' && upstream.master?.copy?.leading === true && !upstream.stalledFor(SECOND) && (copy?.lagBytes('receive') ?? 0) <= NORMAL_LAG_BYTES && this.isKnown(id)
  }

  /** Whether a majority of the masters that serve know the node: one that was forgotten cannot be promoted, however well it replicates. */
  private isKnown(id: string): boolean {
    const { known, world } = this
    if (this.asked !== world.acquaintances.n) {
      known.clear()
      this.asked = world.acquaintances.n
    }
    let answer = known.get(id)
    if (answer === undefined) known.set(id, (answer = this.askMasters(id)))
    return answer
  }

  private askMasters(id: string): boolean {
    let masters = 0
    let knowing = 0
    for (const server of this.world.servers) {
      if (server.state === 'loading' || !server.data.leading) continue
      masters += 1
      if (server.table.peers.has(id)) knowing += 1
    }
    return masters === 0 || knowing * 2 > masters
  }

  couldAcknowledge(log?: ReplicatedLog): readonly string[] {
    const names: string[] = []
    for (const server of this.world.servers) {
      if (log === undefined ? server.data.copies.some(copy => server.canAcknowledge(copy.log)) : server.canAcknowledge(log)) names.push(server.name)
    }
    return names
  }

  /** A replica that is older than its master and needs a full copy in a format that it cannot read (rule RD-VERSION-2); while it goes on from its offset it is only discouraged. */
  forbiddenSkew(): readonly string[] {
    return this.unreadable().map(([server, master]) => `${server.name} (${server.host.version}) follows ${master.name} (${master.host.version})`)
  }

  skewed(): readonly string[] {
    return this.unreadable().flatMap(([server, master]) => [server.name, master.name])
  }

  private unreadable(): readonly (readonly [Server, Server])[] {
    const found: (readonly [Server, Server])[] = []
    for (const server of this.world.servers) {
      const link = server.upstream?.state
      if (server.state === 'loading' || server.isMaster || link === 'up' || link === 'handshake' || link === undefined) continue
      if (link === 'connecting' && server.copy !== undefined && server.sizeMB > 0) continue
      const master = this.world.serverById(server.table.myself.masterId ?? '')
      if (master !== undefined && master.state !== 'loading' && master.copy?.leading === true && rdbVersion(master.host.version) > rdbVersion(server.host.version)) found.push([server, master])
    }
    return found
  }

  authority(log: ReplicatedLog): { readonly position: Position | undefined; readonly why: string; readonly member: string | undefined } {
    const fresh = this.entrance.fresh(log)
    if (fresh.is === 'leader') return { position: fresh.copy.position('receive'), why: 'a fresh client reaches it and is acknowledged', member: fresh.copy.name }
    const durable = this.copies(log)
    const reason = fresh.is === 'several' ? 'several leaders acknowledge' : `no fresh client can write (${fresh.is === 'none' ? fresh.why : ''})`
    const last = this.world.promotions.findLast(p => this.world.promotionLogs.get(p) === log)
    if (last !== undefined) {
      const best = furthest(durable.filter(c => c.branch.parent === last.from.branch && c.branch.forkLsn === last.from.lsn))
      if (best !== undefined) return { position: best.position('receive'), why: `${reason}; the latest promotion (${last.member}) counts`, member: best.name }
    }
    const best = furthest(durable)
    if (best === undefined) return { position: undefined, why: 'no copy of the data is left', member: undefined }
    return { position: best.position('receive'), why: `${reason}; the furthest copy counts`, member: best.name }
  }

  /** Datasets of a shard that exist: in the memory of a process, or on a volume that a process would load. */
  private copies(log: ReplicatedLog): Copy[] {
    const found: Copy[] = []
    for (const dir of this.world.dirs) {
      if (dir.destroyed || this.world.dirOf.get(dir.name) !== dir) continue
      for (const copy of dir.dataset) if (copy.log === log) found.push(copy)
    }
    return found
  }

  holders(interval: AckInterval): readonly string[] {
    const at: Position = { branch: interval.branch, lsn: interval.toLsn }
    const names: string[] = []
    for (const log of this.world.logs) for (const copy of this.copies(log)) if (contains(copy.position('receive'), at)) names.push(copy.name)
    return names
  }
}

const NONE: readonly Copy[] = []
const others = new WeakMap<readonly Copy[], readonly Copy[]>()

/** What else a member holds, beside the first; the same list while it names the same. */
function othersOf(copies: readonly Copy[]): readonly Copy[] | undefined {
  if (copies.length < 2) return undefined
  let rest = others.get(copies)
  if (rest === undefined) others.set(copies, (rest = copies.slice(1)))
  return rest
}

function versionsOf(node: string | undefined, engine: string | undefined, before: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  if (before !== undefined && before.node === node && before.engine === engine) return before
  const versions: Record<string, string> = {}
  if (node !== undefined) versions.node = node
  if (engine !== undefined) versions.engine = engine
  return versions
}

function furthest(copies: readonly Copy[]): Copy | undefined {
  let best: Copy | undefined
  for (const copy of copies) if (best === undefined || copy.lsn('receive') > best.lsn('receive')) best = copy
  return best
}
