/** What is so: the databases' members, and which of the two databases counts (engine.ts, Truth). */
import type { Copy, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Authority, Cluster, Departure, HistoryWords, Member, Truth } from '../../src/engine.ts'
import type { Kept } from './audit.ts'
import type { World } from './world.ts'

export class ApplicationTruth implements Truth {
  readonly history: HistoryWords = { line: '', place: (_, bytes) => `byte ${bytes} of what was written` }
  readonly promise = 'asynchronous'
  readonly promotions = []
  private last: readonly Member[] = []
  private lastInner: readonly Member[] | undefined
  private lastLeader: string | undefined
  /** The database that counted last, while no pod says another thing. */
  private counted: Copy | undefined

  constructor(
    private readonly world: World,
    private readonly databases: Cluster,
    private readonly front: Copy,
    readonly targetVersions: Readonly<Record<string, string>>,
  ) {
    world.onChange(() => this.authorityNow())
  }

  versionsAround(): Readonly<Record<string, readonly { readonly name: string; readonly version: string }[]>> {
    return this.databases.truth.versionsAround?.() ?? {}
  }

  get expectedMembers(): number {
    return this.databases.truth.expectedMembers
  }

  get departures(): readonly Departure[] {
    return []
  }

  /** The databases of which some serving pod would take the answer alone for the answer (rule APP-AUTHORITY-1). */
  private deciding(): ReadonlyMap<Copy, number> {
    const found = new Map<Copy, number>()
    for (const { view, share } of this.world.routes()) {
      const pod = this.world.pods.get(view.uid)
      // Who waits for a database to take writes takes nobody’s answer yet.
      if (pod === undefined || !pod.up || pod.refused) continue
      const { writes, reads } = pod.behaviour
      const connection = pod.connection(writes === 'both' ? reads : writes)
      const copy = connection?.writable ?? connection?.readable
      if (copy !== undefined) found.set(copy, (found.get(copy) ?? 0) + share)
    }
    return found
  }

  /** The one that most requests go by; without any, the one that counted last, and when that is gone the one that is left. */
  authorityNow(): Copy | undefined {
    const deciding = [...this.deciding()].sort((a, b) => b[1] - a[1])
    const first = deciding[0]?.[0]
    if (first !== undefined) this.counted = first
    const { databases } = this.world
    const { counted } = this
    if (counted === undefined) return undefined
    const other = (): Copy | undefined => databases.log.copies.find(copy => databases.database(copy) !== databases.database(counted) && databases.current(copy) !== undefined)
    return databases.current(counted) ?? databases.current(other() ?? counted)
  }

  /** The authority, and the other database if something keeps it in step. */
  kept(): Kept {
    const authority = this.authorityNow()
    if (authority === undefined) return { authority: undefined, other: undefined }
    const { databases, filled } = this.world
    const pods = this.world.routes().flatMap(({ view }) => this.world.pods.get(view.uid) ?? [])
    const both = pods.filter(({ behaviour }) => behaviour.writes === 'both').flatMap(pod => [pod.connection('legacy')?.readable, pod.connection('modern')?.readable])
    const sinks = [...this.world.connectors].map(({ fills }) => fills)
    // One that is still being filled is no second copy yet.
    return { authority, other: [...both, ...sinks].find(copy => copy !== undefined && databases.database(copy) !== databases.database(authority) && filled.has(databases.database(copy)) && !databases.destroyed(copy)) }
  }

  members(): readonly Member[] {
    const inner = this.databases.truth.members()
    const authority = this.authorityNow()
    const leader = authority === undefined ? undefined : this.world.databases.nameOf(authority)
    if (inner === this.lastInner && leader === this.lastLeader) return this.last
    this.lastInner = inner
    this.lastLeader = leader
    // Each is a database of its own: one leads because the program goes by it, and none streams from the other.
    return (this.last = inner.map((member): Member => ({ ...member, copy: undefined, role: !member.running ? 'none' : member.name === leader ? 'leader' : 'follower', attached: member.running, caughtUp: member.running })))
  }

  couldAcknowledge(): readonly string[] {
    const names = new Set<string>()
    for (const { view } of this.world.routes()) {
      const pod = this.world.pods.get(view.uid)
      if (pod === undefined || pod.prospect().is !== 'served') continue
      const { writes, reads } = pod.behaviour
      const copy = pod.connection(writes === 'both' ? reads : writes)?.writable
      if (copy !== undefined) names.add(this.world.databases.nameOf(copy))
    }
    return [...names].sort()
  }

  forbiddenSkew(): readonly string[] {
    return this.databases.truth.forbiddenSkew()
  }

  /** What the clients were acknowledged stands in one log; what became of it the rows say. */
  authority(_log: ReplicatedLog): Authority {
    const copy = this.authorityNow()
    const member = copy === undefined ? undefined : this.world.databases.nameOf(copy)
    return { position: this.front.position('flush'), why: member === undefined ? 'no database answers' : `the program goes by ${member}`, member }
  }

  holders(): readonly string[] {
    return []
  }
}
