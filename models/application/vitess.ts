/**
 * Two keyspaces of one VitessCluster as the application's databases (rules APP-VITESS-…). The program comes by way of the vtgates and names a keyspace; administrators'
 * tools (jobs, connectors) go to the primary's mysqld itself, where a denial of its vttablet does not reach them.
 */
import { type Bytes, contains, type Copy, type Position } from '../../src/cluster/log/index.ts'
import type { Client, Knock, Session, SessionState } from '../../src/engine.ts'
import type { VitessCluster } from '../vitess/index.ts'
import { canAcknowledge, mayAcknowledge } from '../vitess/semisync.ts'
import type { Shard } from '../vitess/shard.ts'
import type { Tablet } from '../vitess/tablet.ts'
import type { Door } from './connection.ts'
import type { Databases } from './world.ts'

/** What a primary writes to its binlog without any client (heartbeats): its position moves on. Bytes per second. */
const BACKGROUND = 10_000

/** Of a session that was open to somebody who is not the primary, or not there, any more. */
const GONE: SessionState = { is: 'closed', error: 'Lost connection to MySQL server during query' }

/** Two keyspaces of one Vitess cluster as the application's old and new database (rules APP-VITESS-1…4). */
export function vitessDatabases(cluster: VitessCluster): Databases {
  const { world, kubernetes, logs } = cluster
  const log = logs[0]
  if (log === undefined || logs.length > 1) throw new Error('application: its rows lie in one shard')
  const known = new Map<Copy, Tablet>()
  const tabletOf = (copy: Copy): Tablet | undefined => {
    let tablet = known.get(copy)
    if (tablet === undefined) {
      tablet = [...world.tablets.values()].find(each => each.copy === copy)
      if (tablet !== undefined) known.set(copy, tablet)
    }
    return tablet
  }
  const shardOf = (keyspace: string): Shard | undefined => world.keyspaces.get(keyspace)?.shards[0]
  const speaks = ({ primary, tablets }: Shard): Copy | undefined => (primary?.hasData === true ? primary : furthest(tablets.filter(tablet => tablet.hasData)))?.copy
  const open = new Set<Watched>()
  world.shardListeners.push(shard => {
    const { leader } = shard
    if (leader !== undefined) leader.copy.setBackground(BACKGROUND)
    for (const session of [...open]) session.look()
  })
  const direct = (keyspace: string): Door => ({ connect: client => knock(open, client, () => shardOf(keyspace)) })
  const byGate = (keyspace: string): Door => ({ connect: (client, nth) => knockAtGate(cluster, open, client, nth, keyspace, tabletOf) })
  return {
    kubernetes,
    log,
    door: (keyspace, whose) => (whose === 'program' ? byGate(keyspace) : direct(keyspace)),
    nameOf: copy => tabletOf(copy)?.pod ?? copy.name,
    destroyed: copy => tabletOf(copy)?.hasData !== true,
    database: copy => tabletOf(copy)?.shard ?? copy,
    current: copy => {
      const shard = tabletOf(copy)?.shard
      return shard === undefined || shard.dropped ? undefined : speaks(shard)
    },
    named: name => {
      const shard = shardOf(name)
      return shard === undefined ? cluster.find(name)?.copy : speaks(shard)
    },
    acknowledged: (copy, at) => isAcknowledged(tabletOf(copy), at),
    printed: (copy, bytes: Bytes) => bytes / (tabletOf(copy)?.shard.bytesPerWrite ?? 1),
  }
}

function furthest(tablets: readonly Tablet[]): Tablet | undefined {
  let best: Tablet | undefined
  for (const tablet of tablets) if (best === undefined || tablet.copy.lsn('flush') > best.copy.lsn('flush')) best = tablet
  return best
}

/** Semi-sync answers when a replica that may acknowledge has flushed the commit (rule VT-SEMI-1). */
function isAcknowledged(tablet: Tablet | undefined, at: Position): boolean {
  if (tablet === undefined) return false
  const { shard } = tablet
  if (shard.policy === 'none' || shard.degraded) return true
  return shard.tablets.some(other => mayAcknowledge(tablet, other) && contains(other.copy.position('flush'), at))
}

/** A session whose state is looked at again whenever a shard changes. */
abstract class Watched implements Session {
  state: SessionState = GONE
  abstract readonly backend: string | undefined
  private told = false

  constructor(
    private readonly all: Set<Watched>,
    protected readonly client: Client,
  ) {
    all.add(this)
  }

  protected abstract judge(): SessionState

  look(): void {
    const next = this.judge()
    if (this.told && same(this.state, next)) return
    this.state = next
    if (next.is === 'closed') this.all.delete(this)
    if (this.told) this.client.sessionChanged(next)
    this.told = true
  }

  close(): void {
    this.all.delete(this)
  }
}

function same(a: SessionState, b: SessionState): boolean {
  if (a.is !== b.is) return false
  if (a.is === 'writable' && b.is === 'writable') return a.leader === b.leader
  if (a.is === 'readOnly' && b.is === 'readOnly') return a.copy === b.copy
  return true
}

/** Straight to a mysqld that was the primary when it was opened. */
class Direct extends Watched {
  constructor(all: Set<Watched>, client: Client, private readonly tablet: Tablet) {
    super(all, client)
    this.look()
  }

  get backend(): string {
    return this.tablet.pod
  }

  addedUs(): number {
    return this.tablet.world.network.addedUs(this.client.place, this.tablet.place)
  }

  protected judge(): SessionState {
    const { tablet, client } = this
    if (!tablet.up) return GONE
    if (tablet.paused || !tablet.world.network.connected(client.place, tablet.place)) return { is: 'silent' }
    // Whoever asks for the primary by name finds the new one when it connects again.
    if (tablet.shard.primary !== tablet) return GONE
    if (!tablet.copy.leading) return { is: 'readOnly', copy: tablet.copy, error: 'The MySQL server is running with the --super-read-only option so it cannot execute this statement' }
    return canAcknowledge(tablet) ? { is: 'writable', leader: tablet.copy } : { is: 'silent' }
  }
}

function knock(all: Set<Watched>, client: Client, shardOf: () => Shard | undefined): Knock {
  const tablet = shardOf()?.primary
  if (tablet === undefined || tablet.refuses) return { is: 'refused', error: "Can't connect to MySQL server", afterUs: 1_000 }
  if (!tablet.up || tablet.paused || !tablet.world.network.connected(client.place, tablet.place)) return { is: 'silent' }
  return { is: 'open', session: new Direct(all, client, tablet), afterUs: 2_000 }
}

/** By way of a vtgate. A commit that nobody acknowledges is not answered (rule VT-SEMI-2). */
class ByGate extends Watched {
  inner: Session | undefined

  constructor(all: Set<Watched>, client: Client, private readonly tabletOf: (copy: Copy) => Tablet | undefined) {
    super(all, client)
  }

  get backend(): string | undefined {
    return this.inner?.backend
  }

  addedUs(): number {
    return this.inner?.addedUs?.() ?? 0
  }

  protected judge(): SessionState {
    const state = this.inner?.state ?? GONE
    if (state.is !== 'writable') return state
    const tablet = this.tabletOf(state.leader)
    return tablet === undefined || canAcknowledge(tablet) ? state : { is: 'silent' }
  }

  override close(): void {
    super.close()
    this.inner?.close()
  }
}

function knockAtGate(cluster: VitessCluster, all: Set<Watched>, client: Client, nth: number, keyspace: string, tabletOf: (copy: Copy) => Tablet | undefined): Knock {
  const session = new ByGate(all, client, tabletOf)
  const knock = cluster.gate.connect({ id: client.id, place: client.place, log: client.log, sessionChanged: () => session.look() }, nth, keyspace)
  if (knock.is !== 'open') {
    session.close()
    return knock
  }
  session.inner = knock.session
  session.look()
  return { ...knock, session }
}
