/** What is so in a replica set, whoever knows it (engine.ts, Truth). */
import { type AckInterval, contains, type Position, type ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Departure, Entrance, HistoryWords, Member, Promotion, Truth } from '../../src/engine.ts'
import type { PodView } from '../kubernetes/index.ts'
import { canAcknowledge } from './acknowledge.ts'
import type { DbPath } from './dbpath.ts'
import { comparePositions } from './election.ts'
import type { Mongod } from './mongod.ts'
import { acceptsFcv, releaseIndex, releaseOf } from './names.ts'
import type { World } from './world.ts'

/** Lag within which a secondary counts as a healthy copy. */
const NORMAL_LAG_BYTES = 16 * 1024 * 1024

export class MongodbTruth implements Truth {
  /** An optime has a term and a timestamp; the model counts the oplog's bytes. */
  readonly history: HistoryWords = { line: 'term', place: (line, bytes) => `oplog byte ${bytes} of term ${line}` }
  readonly expectedMembers: number
  readonly targetVersions: Readonly<Record<string, string>>
  readonly promise: 'asynchronous' | 'synchronous'
  /** Reads are of read concern `local`: a stale primary answers them until it steps down (rule MG-READ-1). */
  readonly deposedAnswerReads = true
  private last: readonly Member[] = []

  constructor(
    private readonly world: World,
    private readonly entrance: Entrance,
    private readonly isMember: (pod: PodView) => boolean,
  ) {
    const { options } = world
    this.expectedMembers = options.members
    this.targetVersions = world.defects.target
    const w = options.writeConcern === 'implicit' ? world.firstConfig.implicitWriteConcern : options.writeConcern
    this.promise = options.members > 1 && (w === 'majority' || w >= world.firstConfig.majority) ? 'synchronous' : 'asynchronous'
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
    const { last } = this
    let n = 0
    let changed: Member[] | undefined
    for (const pod of this.world.kubernetes.pods()) {
      if (!this.isMember(pod)) continue
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
    const m = world.mongodOf(name)
    const dir = m?.dir ?? world.dbpathOf.get(name)
    const zone = node === undefined ? undefined : world.kubernetes.machines.get(node)?.zone
    const running = m !== undefined && !m.paused && m.listening
    const leading = m?.isPrimary === true && m.copy?.leading === true
    const role = leading ? 'leader' : m?.state === 'SECONDARY' || m?.isPrimary ? 'follower' : 'none'
    const copy = dir === undefined || dir.destroyed || dir.needsInitialSync ? undefined : dir.copy
    const timeline = copy === undefined ? undefined : copy.position('receive').branch.timeline
    const versions = versionsOf(nodeVersion, m?.host.version ?? dir?.binary, copy === undefined ? undefined : world.fcvAt(copy.position('apply')), before?.versions)
    const attached = leading || (m?.state === 'SECONDARY' && copy?.upstream !== undefined && copy.root().leading)
    const caughtUp = leading || (attached && copy !== undefined && !world.frozen.has(copy) && !world.lateUs.has(name) && (copy.lagBytes('apply') <= NORMAL_LAG_BYTES || (m?.me?.secondaryDelaySecs ?? 0) > 0))
    if (before !== undefined && before.node === node && before.zone === zone && before.running === running && before.ready === ready && before.role === role && before.timeline === timeline && before.versions === versions && before.copy === copy && before.attached === attached && before.caughtUp === caughtUp) return before
    return { name, node, zone, running, ready, role, timeline, versions, copy, attached, caughtUp }
  }

  couldAcknowledge(): readonly string[] {
    return [...this.world.mongods].filter(m => canAcknowledge(m)).map(m => m.name)
  }

  /** Two releases that are not neighbours, or a binary on data of a feature compatibility version it does not know (rules MG-VERSION-1, -2). */
  forbiddenSkew(): readonly string[] {
    const found: string[] = []
    const releases = new Set<string>()
    for (const m of this.world.mongods) {
      if (!m.listening) continue
      releases.add(releaseOf(m.host.version))
      if (m.copy !== undefined && !m.dir.needsInitialSync && !acceptsFcv(m.host.version, m.fcv)) found.push(`${m.name} runs ${m.host.version} on data of featureCompatibilityVersion ${m.fcv}`)
    }
    const order = [...releases].map(releaseIndex)
    if (order.length > 1 && Math.max(...order) - Math.min(...order) > 1) found.push(`releases ${[...releases].join(' and ')} in one set`)
    return found
  }

  authority(_log: ReplicatedLog): { readonly position: Position | undefined; readonly why: string; readonly member: string | undefined } {
    const fresh = this.entrance.fresh()
    if (fresh.is === 'leader') return { position: fresh.copy.position('flush'), why: 'a fresh client reaches it and is acknowledged', member: fresh.copy.name }
    const best = furthest(this.durable())
    if (best?.copy === undefined) return { position: undefined, why: 'no copy of the data is left', member: undefined }
    const primary = [...this.world.mongods].filter(m => m.isPrimary && m.copy?.leading).sort((a, b) => b.term - a.term)[0] as Mongod | undefined
    if (primary?.copy !== undefined) return { position: primary.copy.position('flush'), why: `no fresh client is acknowledged (${fresh.is === 'none' ? fresh.why : ''}); the primary of the latest term counts`, member: primary.name }
    return { position: best.copy.position('flush'), why: `no fresh client can write; the copy of the latest term, then the furthest, counts`, member: best.name }
  }

  private durable(): DbPath[] {
    return this.world.dbpaths.filter(d => d.copy !== undefined && !d.destroyed && !d.needsInitialSync)
  }

  /** Copies that hold it, and rollback files that still do (rule MG-ROLLBACK-2). */
  holders(interval: AckInterval): readonly string[] {
    const at: Position = { branch: interval.branch, lsn: interval.toLsn }
    const names: string[] = []
    for (const dir of this.durable()) {
      if (contains((dir.copy as NonNullable<DbPath['copy']>).position('flush'), at)) names.push(dir.name)
      else if (dir.rollbackFiles.some(f => contains(f.position, at))) names.push(`${dir.name} (rollback files)`)
    }
    return names
  }
}

/** The one that would win an election among all. */
function furthest(dirs: readonly DbPath[]): DbPath | undefined {
  let best: DbPath | undefined
  for (const dir of dirs) if (best?.copy === undefined || comparePositions((dir.copy as NonNullable<DbPath['copy']>).position('flush'), best.copy.position('flush')) > 0) best = dir
  return best
}

function versionsOf(node: string | undefined, engine: string | undefined, fcv: string | undefined, before: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const known = engine === '' ? undefined : engine
  if (before !== undefined && before.node === node && before.engine === known && before.fcv === fcv) return before
  const versions: Record<string, string> = {}
  if (node !== undefined) versions.node = node
  if (known !== undefined) versions.engine = known
  if (fcv !== undefined) versions.fcv = fcv
  return versions
}
