/** What is so in a fleet, whoever knows it (engine.ts, Truth). Only shards that changed are looked at again. */
import { type AckInterval, contains, type Copy, type History, type Position, type ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Departure, Entrance, HistoryWords, Member, MemberNews, Promotion, Truth } from '../../src/engine.ts'
import { memoryOf } from './defects.ts'
import { compareMysql, seriesOf } from './names.ts'
import { canAcknowledge } from './semisync.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'
import { mergedInto } from './vreplication.ts'
import type { World } from './world.ts'

export class VitessTruth implements Truth {
  /** Each reparenting begins a primary's term, with GTIDs of its own; the model counts the binary log's bytes. */
  readonly history: HistoryWords = { line: 'primary term', place: (line, bytes) => `binary log byte ${bytes} of primary term ${line}` }
  readonly expectedMembers: number
  readonly promise: 'asynchronous' | 'synchronous'
  private readonly dirty = new Set<Shard>()
  private all: Member[] = []
  /** `all` as somebody was given it: nothing of it changes any more. */
  private given: readonly Member[] | undefined
  private places: number[] = []
  private readonly skews = new Map<Shard, readonly string[]>()

  constructor(
    private readonly world: World,
    private readonly entrance: Entrance,
    readonly targetVersions: Readonly<Record<string, string>>,
    private readonly shardOf: (log: ReplicatedLog) => Shard,
  ) {
    this.expectedMembers = world.tablets.size
    this.promise = world.options.durabilityPolicy === 'none' ? 'asynchronous' : 'synchronous'
    this.number()
    world.keyspaceListeners.push(() => this.number())
    world.shardListeners.push(shard => this.dirty.add(shard))
    world.kubernetes.pods$.onChange(pod => {
      const tablet = world.tablets.get(pod.name)
      if (tablet !== undefined) this.dirty.add(tablet.shard)
    })
  }

  /** Each shard's tablets stand together in the list of members. */
  private number(): void {
    let at = 0
    for (const shard of this.world.shards) {
      shard.ordinal = at
      at += shard.tablets.length
      this.dirty.add(shard)
    }
    for (const shard of this.skews.keys()) if (shard.ordinal === undefined) this.skews.delete(shard)
    // Those that are there still are found again by name.
    const before = new Map(this.all.map(member => [member.name, member]))
    this.all = this.world.shards.flatMap(shard => shard.tablets.map(tablet => before.get(tablet.pod) ?? this.member(tablet, undefined)))
    this.given = undefined
    this.places = []
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

  members(): readonly Member[] {
    this.refresh()
    return (this.given ??= this.all.slice())
  }

  get news(): MemberNews {
    this.refresh()
    return { places: this.places, at: place => this.all[place] as Member }
  }

  /** Looks at the shards that changed. */
  private refresh(): void {
    if (this.dirty.size === 0) return
    for (const shard of this.dirty) {
      if (shard.ordinal === undefined) continue
      for (const [i, tablet] of shard.tablets.entries()) {
        const at = shard.ordinal + i
        const before = this.all[at]
        const member = this.member(tablet, before)
        if (member === before) continue
        this.all[at] = member
        this.places.push(at)
        this.given = undefined
      }
      this.judgeSkew(shard)
    }
    this.dirty.clear()
  }

  /** A tablet as it is now: `before` itself if that still says it. */
  private member(tablet: Tablet, before: Member | undefined): Member {
    const { kubernetes } = this.world
    const pod = kubernetes.pods$.get(tablet.pod)
    const node = pod?.node
    const zone = node === undefined ? undefined : kubernetes.machines.get(node)?.zone
    const ready = pod?.ready ?? false
    const leading = tablet.copy.leading
    const running = tablet.up && !tablet.paused
    // A primary whose tables are denied leads nobody’s writes; a stream from those that do is what it follows by.
    const { streams, deniedUs } = tablet.shard
    const fed = deniedUs !== undefined
    const role = leading && !fed ? 'leader' : tablet.state === 'up' && tablet.hasData ? 'follower' : 'none'
    const upstream = tablet.copy.upstream
    const attached = leading ? !fed || streams.some(stream => stream.streaming) : (upstream !== undefined && upstream.leading && upstream === tablet.shard.primary?.copy)
    const caughtUp = leading ? attached && (!fed || streams.some(stream => stream.streaming && stream.lagBytes <= tablet.levelBytes)) : (attached && tablet.copy.lagBytes('flush') <= tablet.levelBytes)
    const copy = tablet.hasData ? tablet.copy : undefined
    const timeline = tablet.timeline
    const versions = this.versionsOf(tablet, pod?.nodeVersion, memoryOf(pod?.spec), before?.versions)
    if (
      before !== undefined && before.node === node && before.zone === zone && before.running === running && before.ready === ready && before.role === role &&
      before.timeline === timeline && before.versions === versions && before.copy === copy && before.attached === attached && before.caughtUp === caughtUp
    )
      return before
    return { name: tablet.pod, node, zone, running, ready, role, timeline, versions, copy, attached, caughtUp }
  }

  private versionsOf(tablet: Tablet, node: string | undefined, size: string | undefined, before: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
    // The size of a tablet is a version only where the upgrade changes it. While it has no pod it is what it was.
    const sized = this.targetVersions.size === undefined ? undefined : (size ?? before?.size)
    const on = node ?? before?.node
    if (before !== undefined && before.engine === tablet.version && before.node === on && before.size === sized) return before
    return { ...(on === undefined ? {} : { node: on }), engine: tablet.version, ...(sized === undefined ? {} : { size: sized }) }
  }

  couldAcknowledge(log?: ReplicatedLog): readonly string[] {
    const shards = log === undefined ? this.world.shards : (this.world.ranges.get(log)?.shards ?? [])
    return shards.flatMap(shard => (shard.deniedUs !== undefined ? [] : shard.tablets.filter(canAcknowledge)).map(t => t.pod))
  }

  /** A primary that takes writes and is set up, or has come to, acknowledge them by itself (rules VT-DUR-1, VT-SEMI-3). */
  acknowledgeAlone(): readonly string[] {
    if (this.promise === 'asynchronous') return NONE
    return this.world.shards.flatMap(({ leader, policy, degraded, deniedUs }) => (leader !== undefined && deniedUs === undefined && leader.up && (policy === 'none' || degraded) ? [leader.pod] : []))
  }

  /** A newer source with a replica of an older series is not supported (rule VT-VERSION-1). */
  forbiddenSkew(): readonly string[] {
    this.refresh()
    return this.skews.size === 0 ? NONE : [...this.skews.values()].flat()
  }

  private judgeSkew(shard: Shard): void {
    const leader = shard.leader
    const found: string[] = []
    for (const t of shard.tablets) {
      if (leader === undefined || t === leader || !t.up || t.source !== leader) continue
      if (t.version !== leader.version && seriesOf(t.version) !== seriesOf(leader.version) && compareMysql(leader.version, t.version) > 0) found.push(`${t.pod} (MySQL ${t.version}) is to follow ${leader.pod} (MySQL ${leader.version})`)
    }
    if (found.length > 0) this.skews.set(shard, found)
    else this.skews.delete(shard)
  }

  authority(log: ReplicatedLog): { readonly position: Position | undefined; readonly why: string; readonly member: string | undefined; readonly merged?: readonly History[] } {
    const shard = this.shardOf(log)
    const fresh = this.entrance.fresh(log)
    if (fresh.is === 'leader') return { position: fresh.copy.position('flush'), ...this.merged(shard), why: 'a fresh client reaches it and is acknowledged', member: fresh.copy.name }
    // Where nothing is left of the keyspace that the routing rules lead to, what another holds of these rows is all there is.
    const durable = this.held(shard)
    const holder = durable[0]?.shard ?? shard
    const why = fresh.is === 'several' ? 'several primaries acknowledge' : `no fresh client can write (${fresh.is === 'none' ? fresh.why : ''})`
    // The branch that the latest promotion opened, then the furthest.
    const last = this.world.promotions.filter(p => holder.tablets.some(t => t.pod === p.member)).at(-1)
    const onBranch = last === undefined ? [] : durable.filter(t => branchesOf(t.copy.position('flush')).some(b => b.parent === last.from.branch && b.forkLsn === last.from.lsn))
    const best = furthest(onBranch.length > 0 ? onBranch : durable)
    if (best === undefined) return { position: undefined, why: 'no copy of the data is left', member: undefined }
    return { position: best.copy.position('flush'), ...this.merged(holder), why: `${why}; ${onBranch.length > 0 ? `the latest promotion (${last?.member ?? ''}) counts` : 'the furthest durable copy counts'}`, member: best.pod }
  }

  /** The tablets whose disks count when nobody acknowledges: the serving shard's, else those of a shard of another keyspace with the same rows (rule VT-ROUTE-3). */
  private held(serving: Shard): readonly Tablet[] {
    for (const shard of [serving, ...serving.keys.shards]) {
      const durable = shard.tablets.filter(t => t.hasData)
      if (durable.length > 0) return durable
    }
    return []
  }

  private merged(shard: Shard): { readonly merged?: readonly History[] } {
    const merged = mergedInto(shard)
    return merged.length === 0 ? {} : { merged }
  }

  /** What a read on a copy sees besides its own history: what streams have brought to its shard. */
  mergedInto(copy: Copy): readonly History[] {
    const keys = this.world.ranges.get(copy.log)
    const shard = keys?.shards.find(({ tablets }) => tablets.some(t => t.copy === copy))
    return shard === undefined ? NO_HISTORIES : mergedInto(shard)
  }

  holders(interval: AckInterval): readonly string[] {
    const at: Position = { branch: interval.branch, lsn: interval.toLsn }
    return [...this.world.tablets.values()].filter(t => t.hasData && !t.shard.dropped && (contains(t.copy.position('flush'), at) || mergedInto(t.shard).some(history => contains(history, at)))).map(t => t.pod)
  }
}

const NONE: readonly string[] = []
const NO_HISTORIES: readonly History[] = []

function branchesOf({ branch }: Position): Position['branch'][] {
  const all: Position['branch'][] = []
  for (let b: Position['branch'] | null = branch; b !== null; b = b.parent) all.push(b)
  return all
}

function furthest(tablets: readonly Tablet[]): Tablet | undefined {
  let best: Tablet | undefined
  for (const t of tablets) if (best === undefined || t.copy.lsn('flush') > best.copy.lsn('flush')) best = t
  return best
}
