/** The ways in for client programs: the read-write Service, a host list, and (pgbouncer/) a pooler. Source: facts §3, §6.6, §1.3. */
import type { Client, Entrance, Knock, Session, SessionState } from '../../src/engine.ts'
import { BROKEN_LOGIN } from './defects.ts'
import type { Backend } from './host.ts'
import type { Server } from './server.ts'
import { clientsLogin } from './access.ts'
import { readOnlyState, sessionState } from './sessions.ts'
import { canAcknowledge, takesNewWriters } from './syncrep.ts'
import type { World } from './world.ts'

/** A client's own connection to a server. It stays where it is whatever the Service selects afterwards (rule PG-ROUTE-1). */
export class ServerSession implements Session, Backend {
  readonly pid: number
  /** What its database or role sets for new sessions: it stays so for as long as the session does (rule PG-ACCESS-3). */
  readonly readsOnly: boolean
  state: SessionState
  private open = true

  constructor(
    readonly server: Server,
    readonly place: string,
    private readonly told: (state: SessionState) => void,
  ) {
    this.pid = server.newPid()
    this.readsOnly = server.world.access.readOnly(server, clientsLogin(server)) === true
    this.state = this.here(sessionState(server, place))
    server.backends.add(this)
  }

  get backend(): string {
    return this.server.name
  }

  get writes(): boolean {
    return this.open && this.state.is === 'writable'
  }

  addedUs(): number {
    return this.server.world.network.addedUs(this.place, this.server.place)
  }

  stateChanged(told: SessionState): void {
    const state = this.here(told)
    if (!this.open || same(this.state, state)) return
    this.state = state
    if (state.is === 'closed') this.open = false
    this.told(state)
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.server.backendLeft(this)
  }

  private here(state: SessionState): SessionState {
    return this.readsOnly && (state.is === 'writable' || state.is === 'held') ? readOnlyState(this.server) : state
  }
}

function same(a: SessionState, b: SessionState): boolean {
  if (a.is !== b.is) return false
  if (a.is === 'writable' && b.is === 'writable') return a.leader === b.leader
  if (a.is === 'held' && b.is === 'held') return a.readsFrom === b.readsFrom
  return true
}

/** Opens a connection to `server` for a client, as the server answers it now. */
export function knock(world: World, server: Server, client: Client): Knock {
  if (!world.network.connected(client.place, server.place) || server.paused) return { is: 'silent' }
  if (!server.accepting) {
    return { is: 'refused', error: `57P03 the database system is ${server.state === 'stopping' ? 'shutting down' : 'starting up'}`, afterUs: 1_000 }
  }
  if (server.broken) return { is: 'refused', error: BROKEN_LOGIN, afterUs: 1_000 }
  const refusal = world.access.refusal(server, clientsLogin(server))
  if (refusal !== undefined) return { is: 'refused', error: refusal, afterUs: 1_000 }
  return { is: 'open', session: new ServerSession(server, client.place, state => client.sessionChanged(state)), afterUs: world.timeUs('connectMs', client.id) }
}

const REFUSED: Knock = { is: 'refused', error: 'connection refused', afterUs: 1_000 }

/** What a fresh client finds behind some pods: the leaders that would acknowledge its write. */
export function freshAmong(servers: readonly (Server | undefined)[], nothing: () => string): ReturnType<Entrance['fresh']> {
  const leaders = servers.filter(s => s?.accepting && canAcknowledge(s) && takesNewWriters(s) && s.clientsBlocked === undefined).map(s => (s as Server).copy)
  if (leaders.length === 1 && servers.length >= 1) return { is: 'leader', copy: leaders[0] as NonNullable<(typeof leaders)[0]> }
  if (leaders.length > 1) return { is: 'several', copies: leaders }
  if (servers.length === 0) return { is: 'none', why: nothing() }
  const first = servers.find(s => s !== undefined)
  if (first === undefined) return { is: 'none', why: 'no server process behind the endpoint' }
  if (first.broken) return { is: 'none', why: `${first.name} lets nobody in: ${BROKEN_LOGIN}` }
  const refusal = first.world.access.refusal(first, clientsLogin(first))
  if (refusal !== undefined) return { is: 'none', why: `${first.name} lets no client in: ${refusal.split('\n')[0]}` }
  if (first.copy.leading && first.world.access.readOnly(first, clientsLogin(first)) === true) return { is: 'none', why: `${first.name} takes no writes: new sessions are read-only` }
  if (first.clientsBlocked !== undefined) return { is: 'none', why: `statements of clients on ${first.name} wait for a table lock` }
  if (first.copy.leading && first.readOnlyDefault) return { is: 'none', why: `${first.name} takes no writes: default_transaction_read_only is on` }
  if (first.copy.leading) return { is: 'none', why: `commits on ${first.name} wait for synchronous standbys that are not there` }
  return { is: 'none', why: `${first.name} is read-only` }
}

/** New connections go where the Service's data plane points now. */
export class ServiceEntrance implements Entrance {
  readonly name = 'service'

  constructor(
    private readonly world: World,
    readonly roundTripUs: number,
    private readonly service: string,
  ) {}

  connect(client: Client, nth: number): Knock {
    const route = this.world.kubernetes.route(this.service, client.id, nth)
    if (route.is === 'no-service') return { is: 'refused', error: `could not translate host name "${this.service}"`, afterUs: 5_000 }
    if (route.is === 'no-endpoints') return REFUSED
    const server = this.world.serverIn(route.pod)
    if (server !== undefined) return knock(this.world, server, client)
    return this.world.unanswered(route.pod) ? { is: 'silent' } : REFUSED
  }

  varies(): boolean {
    return this.world.kubernetes.endpoints(this.service).length > 1
  }

  fresh(): ReturnType<Entrance['fresh']> {
    return freshAmong(this.world.kubernetes.endpoints(this.service).map(p => this.world.serverIn(p)), () => `the Service ${this.service} has no endpoint: ${this.world.kubernetes.whyNoEndpoint(this.service)}`)
  }
}

/** libpq's `host=a,b,c target_session_attrs=read-write`: the first that lets it write. */
export class HostsEntrance implements Entrance {
  readonly name = 'hosts'

  constructor(
    private readonly world: World,
    readonly roundTripUs: number,
  ) {}

  private servers(): Server[] {
    const found: Server[] = []
    for (const name of this.world.memberNames) {
      const server = this.world.serverOf(name)
      if (server !== undefined) found.push(server)
    }
    return found
  }

  connect(client: Client): Knock {
    let silent = 0
    for (const server of this.servers()) {
      if (!this.world.network.connected(client.place, server.place) || server.paused) silent += 1
      else if (server.accepting && server.copy.leading) {
        const answer = knock(this.world, server, client)
        // Each silent host before it costs a connect_timeout; a refused one nothing.
        return answer.is === 'open' ? { ...answer, afterUs: answer.afterUs + silent * 2_000_000 } : answer
      }
    }
    return silent > 0 && silent === this.servers().length ? { is: 'silent' } : { is: 'refused', error: 'session is read-only', afterUs: 5_000 + silent * 2_000_000 }
  }

  fresh(): ReturnType<Entrance['fresh']> {
    return freshAmong(this.servers().filter(s => s.copy.leading), () => 'no host of the list accepts writes')
  }
}
