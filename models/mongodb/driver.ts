/**
 * The ways in for client programs: a driver that knows the replica set (server selection, streaming hello, retryable writes; rules MG-DRIVER-…),
 * and one that is pinned to a single member (`directConnection`).
 */
import type { Client, Entrance, Knock, Session, SessionState } from '../../src/engine.ts'
import { MILLISECOND, SECOND, type TimerId } from '../../src/kernel/index.ts'
import { canAcknowledge } from './acknowledge.ts'
import type { Backend } from './host.ts'
import type { Mongod } from './mongod.ts'
import { sessionState } from './sessions.ts'
import type { World } from './world.ts'

const SELECTING: SessionState = { is: 'held' }

/** The primary that a driver at `place` would choose: the one of the highest term it can reach; never one older than it has seen (rule MG-DRIVER-4). */
function primaryFor(world: World, place: string, sinceTerm: number): Mongod | undefined {
  let best: Mongod | undefined
  for (const m of world.mongods) {
    if (!m.isPrimary || !m.writable || m.steppingDown || m.quiescing || m.paused || m.term < sinceTerm || !m.listening || !world.network.connected(place, m.place)) continue
    if (world.kubernetes.pod(m.name)?.uid !== m.host.podUid) continue
    if (m.me?.hidden === true) continue
    if (best === undefined || m.term > best.term) best = m
  }
  return best
}

/** One client program's pool, as its driver keeps it: connected to a primary, or selecting a server. */
class DriverSession implements Session, Backend {
  state: SessionState = SELECTING
  private on: Mongod | undefined
  private term = 0
  private open = true
  private discovery: TimerId | undefined
  private patience: TimerId | undefined
  private readonly forget: () => void

  constructor(
    private readonly world: World,
    private readonly client: Client,
  ) {
    this.forget = world.onTopology(() => this.look())
    const primary = primaryFor(world, client.place, 0)
    if (primary === undefined) this.select(false)
    else this.join(primary, false)
  }

  get place(): string {
    return this.client.place
  }

  get backend(): string | undefined {
    return this.on?.name
  }

  addedUs(): number {
    return this.on === undefined ? 0 : this.world.network.addedUs(this.place, this.on.place)
  }

  /** The server tells this connection something. */
  stateChanged(state: SessionState): void {
    if (!this.open || this.on === undefined) return
    if (state.is === 'writable') {
      if (this.state.is !== 'writable') this.set(state)
      return
    }
    // Locked against writes: operations wait, nobody is told.
    if (state.is === 'held') return this.set(state)
    // A pause or a cut shows as silence: nobody says anything.
    if (state.is === 'silent' || state.is === 'failing') {
      if (this.on.alive && (this.on.paused || state.is === 'silent' || this.on.isPrimary)) {
        if (this.on.steppingDown) return this.lose()
        return this.set(state)
      }
    }
    this.lose()
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.leave()
    this.forget()
  }

  /** The primary is no longer one (rules MG-DRIVER-2, MG-DRIVER-6): select another; an operation that is not retried is the program's error. */
  private lose(): void {
    const { retryWrites, multiDocument } = this.world.options
    if (!retryWrites || multiDocument) {
      this.leave()
      const state: SessionState = { is: 'closed', error: 'MongoServerError: not primary' }
      this.open = false
      this.forget()
      this.state = state
      this.client.sessionChanged(state)
      return
    }
    this.leave()
    this.select(true)
  }

  private leave(): void {
    this.on?.backends.delete(this)
    this.on = undefined
    for (const timer of [this.discovery, this.patience]) if (timer !== undefined) this.world.sim.cancel(timer)
    this.discovery = undefined
    this.patience = undefined
  }

  private select(tell: boolean): void {
    const { world } = this
    if ((this.state.is !== 'held' || this.state.readsFrom !== undefined) && tell) this.set(SELECTING)
    else this.state = SELECTING
    this.patience ??= world.sim.after(world.options.serverSelectionSeconds * SECOND, () => {
      this.patience = undefined
      if (!this.open || this.on !== undefined) return
      this.leave()
      this.open = false
      this.forget()
      const state: SessionState = { is: 'closed', error: 'MongoServerSelectionError: no primary found' }
      this.state = state
      this.client.sessionChanged(state)
    })
    this.look()
  }

  /** Something changed somewhere: whether it concerns this driver, it learns a moment later (rule MG-DRIVER-3). */
  private look(): void {
    const { world } = this
    if (!this.open) return
    const primary = primaryFor(world, this.place, this.term)
    if (this.on !== undefined) {
      if (primary !== undefined && primary !== this.on && primary.term > this.term) this.discover()
      else this.stateChanged(sessionState(this.on, this.place))
      return
    }
    if (primary !== undefined) this.discover()
  }

  private discover(): void {
    const { world } = this
    if (this.discovery !== undefined) return
    this.discovery = world.sim.after(world.timeUs('discoveryMs', this.client.id) + 2 * MILLISECOND, () => {
      this.discovery = undefined
      if (!this.open) return
      const primary = primaryFor(world, this.place, this.term)
      if (primary === undefined || primary === this.on) return
      this.leave()
      this.join(primary, true)
    })
  }

  private join(primary: Mongod, tell: boolean): void {
    this.on = primary
    this.term = Math.max(this.term, primary.term)
    if (this.patience !== undefined) this.world.sim.cancel(this.patience)
    this.patience = undefined
    primary.backends.add(this)
    const state = sessionState(primary, this.place)
    if (tell) this.set(state)
    else this.state = state
  }

  private set(state: SessionState): void {
    if (same(this.state, state)) return
    this.state = state
    this.client.sessionChanged(state)
  }
}

function same(a: SessionState, b: SessionState): boolean {
  if (a.is !== b.is) return false
  if (a.is === 'held' && b.is === 'held') return a.readsFrom === b.readsFrom
  return a.is !== 'writable' || b.is !== 'writable' || a.leader === b.leader
}

/** `mongodb://a,b,c/?replicaSet=rs0`: whoever is primary. */
export class ReplicaSetEntrance implements Entrance {
  readonly name = 'replica-set'

  constructor(
    private readonly world: World,
    readonly roundTripUs: number,
  ) {}

  connect(client: Client): Knock {
    return { is: 'open', session: new DriverSession(this.world, client), afterUs: this.world.timeUs('connectMs', client.id) }
  }

  fresh(): ReturnType<Entrance['fresh']> {
    const { world } = this
    const primaries = [...world.mongods].filter(m => m.isPrimary && m.writable && !m.steppingDown && m.listening && !m.paused && world.network.connected('clients', m.place))
    const able = primaries.filter(m => canAcknowledge(m))
    const best = able.reduce<Mongod | undefined>((a, b) => (a === undefined || b.term > a.term ? b : a), undefined)
    if (best?.copy !== undefined) return { is: 'leader', copy: best.copy }
    const first = primaries[0]
    const waiting = first?.lock.held === true ? `${first.name} is locked against writes (fsyncLock)` : `writes on ${first?.name} wait for members that are not there`
    return { is: 'none', why: first === undefined ? 'no member is a writable primary' : waiting }
  }
}

/** A connection to one named member, whatever its role. */
class PinnedSession implements Session, Backend {
  state: SessionState
  private open = true
  private readonly forget: () => void
  private readonly network: World['network']

  constructor(
    private readonly m: Mongod,
    private readonly client: Client,
    world: World,
  ) {
    this.network = world.network
    this.state = sessionState(m, client.place)
    m.backends.add(this)
    this.forget = world.onTopology(() => this.stateChanged(sessionState(m, client.place)))
  }

  get place(): string {
    return this.client.place
  }

  get backend(): string {
    return this.m.name
  }

  addedUs(): number {
    return this.network.addedUs(this.place, this.m.place)
  }

  stateChanged(state: SessionState): void {
    if (!this.open || same(this.state, state)) return
    this.state = state
    if (state.is === 'closed') {
      this.open = false
      this.forget()
    }
    this.client.sessionChanged(state)
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.forget()
    this.m.backends.delete(this)
  }
}

/** `mongodb://mongo-0.mongo/?directConnection=true`: pinned to the member that was primary when it was written (rule MG-DRIVER-5). */
export class DirectEntrance implements Entrance {
  readonly name = 'direct'

  constructor(
    private readonly world: World,
    readonly roundTripUs: number,
    private readonly member: string,
  ) {}

  connect(client: Client): Knock {
    const { world, member } = this
    const pod = world.kubernetes.pod(member)
    const m = pod === undefined ? undefined : world.mongodIn(pod)
    if (m === undefined || !m.listening) {
      const machine = pod?.node === undefined ? undefined : world.kubernetes.machines.get(pod.node)
      return machine !== undefined && !machine.up ? { is: 'silent' } : { is: 'refused', error: 'MongoNetworkError: connect ECONNREFUSED', afterUs: MILLISECOND }
    }
    if (m.paused || !world.network.connected(client.place, m.place)) return { is: 'silent' }
    return { is: 'open', session: new PinnedSession(m, client, world), afterUs: world.timeUs('connectMs', client.id) }
  }

  fresh(): ReturnType<Entrance['fresh']> {
    const m = this.world.mongodOf(this.member)
    if (m?.copy !== undefined && canAcknowledge(m) && this.world.network.connected('clients', m.place)) return { is: 'leader', copy: m.copy }
    return { is: 'none', why: m === undefined ? `${this.member} does not run` : `${this.member} is ${m.state}` }
  }
}
