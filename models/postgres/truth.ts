/** What is so in a PostgreSQL cluster, whoever knows it (engine.ts, Truth). */
import { type AckInterval, contains, type Position, type ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Departure, Entrance, Member, Promotion, Truth } from '../../src/engine.ts'
import type { PodView } from '../kubernetes/index.ts'
import { DataDirectory } from './datadir.ts'
import { major } from './replication.ts'
import { canAcknowledge } from './syncrep.ts'
import type { World } from './world.ts'

/** Lag within which a standby counts as a healthy copy. Source: PG §8.1 P3. */
const NORMAL_LAG_BYTES = 16 * 1024 * 1024

export class PostgresTruth implements Truth {
  readonly expectedMembers: number
  readonly targetVersions: Readonly<Record<string, string>>
  readonly promise: 'asynchronous' | 'synchronous'
  /** The members as they were told last. */
  private last: readonly Member[] = []

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

  get promotions(): readonly Promotion[] {
    return this.world.promotions
  }

  get departures(): readonly Departure[] {
    return this.world.departures
  }

  /** A member, or the whole list, is the same object as at the last call while it has not changed: whoever watches compares by identity first. */
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

  /** A pod's member as it is now: `before` itself if that still says it. */
  private member(pod: PodView, before: Member | undefined): Member {
    const { world } = this
    const { name, node, nodeVersion, ready } = pod
    const server = world.serverOf(name)
    const dir = server?.dir ?? world.directoryOf.get(name)
    const machine = node === undefined ? undefined : world.kubernetes.machines.get(node)
    const leading = server?.copy.leading === true
    // Straight from the leader: a standby that follows another standby shares its fate, and the topology of these clusters is flat.
    const streaming = server?.receiver?.streaming === true && server.receiver.sender?.upstream.copy.leading === true
    const zone = machine?.zone
    const running = server !== undefined && !server.paused && server.state !== 'starting'
    const role = leading ? 'leader' : server?.state === 'standby' || server?.state === 'promoting' ? 'follower' : 'none'
    const timeline = dir?.timeline
    const versions = versionsOf(nodeVersion, server?.host.version ?? dir?.image, before?.versions)
    const copy = server?.copy ?? (dir?.destroyed ? undefined : dir?.copy)
    const attached = leading || streaming
    const caughtUp = leading || (streaming && server?.receiver?.sender?.frozen !== true && (server?.copy.lagBytes('flush') ?? 0) <= NORMAL_LAG_BYTES)
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
      before.attached === attached &&
      before.caughtUp === caughtUp
    )
      return before
    return { name, node, zone, running, ready, role, timeline, versions, copy, attached, caughtUp }
  }

  couldAcknowledge(): readonly string[] {
    const names: string[] = []
    for (const server of this.world.servers) if (server.alive && server.state !== 'stopping' && canAcknowledge(server)) names.push(server.name)
    return names
  }

  /** Unsupported combinations: a kubelet newer than the control plane, and members of several majors. A newer primary than standby is only discouraged. */
  forbiddenSkew(): readonly string[] {
    const { kubernetes } = this.world
    const found: string[] = []
    const majors: string[] = []
    let version: string | undefined
    for (const pod of kubernetes.pods()) {
      if (!this.isMember(pod)) continue
      const { nodeVersion } = pod
      if (nodeVersion !== undefined && minorNumber(nodeVersion) > minorNumber(kubernetes.controlPlaneVersion)) found.push(`node ${pod.node} runs ${nodeVersion}, newer than the control plane ${kubernetes.controlPlaneVersion}`)
      const server = this.world.serverOf(pod.name)
      if (server === undefined || server.host.version === version) continue
      version = server.host.version
      const its = major(version)
      if (!majors.includes(its)) majors.push(its)
    }
    if (majors.length > 1) found.push(`PostgreSQL majors ${majors.join(' and ')} in one cluster`)
    return found
  }

  authority(_log: ReplicatedLog): { readonly position: Position | undefined; readonly why: string; readonly member: string | undefined } {
    const fresh = this.entrance.fresh()
    if (fresh.is === 'leader') return { position: fresh.copy.position('flush'), why: 'a fresh client reaches it and is acknowledged', member: fresh.copy.name }
    const durable = this.durable()
    const last = this.world.promotions[this.world.promotions.length - 1]
    if (last !== undefined) {
      // The branch that the latest promotion opened begins where it forked: whoever has something of it is on it.
      const onBranch = durable.filter(d => d.position.branch.parent === last.from.branch && d.position.branch.forkLsn === last.from.lsn)
      const best = furthest(onBranch)
      if (best !== undefined) return { position: best.position, why: `${fresh.is === 'several' ? 'several leaders acknowledge' : `no fresh client can write (${fresh.is === 'none' ? fresh.why : ''})`}; the latest promotion (${last.member}) counts`, member: best.name }
    }
    const best = furthest(durable)
    if (best === undefined) return { position: undefined, why: 'no copy of the data is left', member: undefined }
    return { position: best.position, why: `${fresh.is === 'several' ? 'several leaders acknowledge' : 'no fresh client can write'}; the furthest durable copy counts`, member: best.name }
  }

  private durable(): DataDirectory[] {
    return this.world.directories.filter(d => !d.destroyed && !d.unusable)
  }

  holders(interval: AckInterval): readonly string[] {
    const at: Position = { branch: interval.branch, lsn: interval.toLsn }
    return this.durable().filter(d => contains(d.position, at)).map(d => d.name)
  }
}

/** What a member runs, by component; `before` itself if that says it. */
function versionsOf(node: string | undefined, engine: string | undefined, before: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const known = engine === '' ? undefined : engine
  if (before !== undefined && before.node === node && before.engine === known) return before
  const versions: Record<string, string> = {}
  if (node !== undefined) versions.node = node
  if (known !== undefined) versions.engine = known
  return versions
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
