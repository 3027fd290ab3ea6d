/**
 * The way in of a cluster client: it asks some node for the slot map, connects to the master it names, follows redirections, and starts over when
 * the connection ends (rules RD-CLIENT-…). Source: cluster-spec "MOVED Redirection"; facts F18, §11.
 */
import type { Copy, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Client, Entrance, Knock, Session, SessionState } from '../../src/engine.ts'
import type { Us } from '../../src/kernel/index.ts'
import { clientAddress, Pool } from './clients.ts'
import type { Listener } from './listener.ts'
import type { Server } from './server.ts'
import type { Peer } from './table.ts'
import type { World } from './world.ts'

export const CLUSTERDOWN = 'CLUSTERDOWN The cluster is down'
export const LOADING = 'LOADING Redis is loading the dataset in memory'
export const NOREPLICAS = 'NOREPLICAS Not enough good replicas to write.'
export const MISCONF = 'MISCONF Redis is configured to save RDB snapshots, but it\'s currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.'

/** What a process says to a command on a shard's keys, as of now. */
export type Answer =
  | { readonly is: 'served' }
  /** MOVED; or ASK, which is for this once. */
  | { readonly is: 'moved'; readonly to: Peer; readonly ask?: boolean }
  | { readonly is: 'error'; readonly error: string; readonly writesOnly: boolean }
  | { readonly is: 'held' }

export function answer(server: Server, log: ReplicatedLog, asking = false): Answer {
  const { world, table } = server
  const group = world.groupOf(log)
  if (server.loading) return { is: 'error', error: LOADING, writesOnly: false }
  if (!server.clusterOk) return { is: 'error', error: CLUSTERDOWN, writesOnly: world.options.allowReadsWhenDown }
  const owner = table.owner[group]
  if (owner === undefined) return { is: 'error', error: 'CLUSTERDOWN Hash slot not served', writesOnly: false }
  const slot = world.slotOf(log)
  if (owner !== table.myself) {
    // After ASKING, while it imports the slot (rule RD-MOVE-7).
    if (!asking || !table.importing.has(slot) || server.data.of(log)?.leading !== true) return { is: 'moved', to: owner }
  } else if (server.leaving.has(log)) return { is: 'held' }
  else if (server.data.of(log)?.leading !== true && table.migrating.has(slot)) {
    const target = table.get(table.migrating.get(slot))
    return target === undefined ? { is: 'error', error: CLUSTERDOWN, writesOnly: false } : { is: 'moved', to: target, ask: true }
  }
  if (server.holds.writes) return { is: 'held' }
  if (server.goodReplicas < server.minReplicas) return { is: 'error', error: NOREPLICAS, writesOnly: true }
  if (server.host.diskFull() && !world.options.appendonly && world.options.save !== '') return { is: 'error', error: MISCONF, writesOnly: true }
  if (server.host.diskFull() && world.options.appendonly) return { is: 'error', error: 'MISCONF Errors writing to the AOF file: No space left on device', writesOnly: true }
  if (server.data.of(log)?.leading !== true) return { is: 'error', error: CLUSTERDOWN, writesOnly: false }
  return { is: 'served' }
}

class ClusterSession implements Session, Listener {
  state: SessionState = { is: 'held' }
  private open = true
  private following = false
  /** It was sent here by an ASK. */
  private asking = false
  /** While its node is of no use: what looks out for another. */
  private stopLooking: (() => void) | undefined
  pool: Pool

  constructor(
    private readonly world: World,
    private server: Server,
    private readonly client: Client,
    private readonly others: (place: string, not: Server) => Server | undefined,
  ) {
    server.listeners.add(this)
    this.pool = this.connected()
    this.state = this.look()
    this.lookElsewhere()
  }

  get backend(): string | undefined {
    return this.server.name
  }

  addedUs(): number {
    return this.world.network.addedUs(this.client.place, this.server.place)
  }

  serverChanged(): void {
    if (!this.open || this.following) return
    this.become(this.look())
  }

  /** CLIENT KILL (rule RD-KILL-1). */
  disconnected(): void {
    if (this.open) this.become({ is: 'closed', error: 'Connection closed by server' })
  }

  private connected(): Pool {
    return new Pool(this.server, clientAddress(this.world, this.client.id), this.client.connections ?? 1)
  }

  close(): void {
    this.open = false
    this.server.listeners.delete(this)
    this.stopLooking?.()
    this.stopLooking = undefined
  }

  private look(): SessionState {
    const { server, world, client } = this
    if (!server.alive) return { is: 'closed', error: 'Connection closed by server' }
    if (server.paused || server.blocked || !world.network.connected(client.place, server.place)) return { is: 'silent' }
    const says = answer(server, client.log, this.asking)
    const copy = server.data.of(client.log)
    // Redirections and errors come before a pause is looked at (rule RD-PAUSE-1).
    if (server.holds.all && says.is !== 'moved' && (says.is !== 'error' || says.writesOnly)) return { is: 'held' }
    switch (says.is) {
      case 'held':
        return copy === undefined ? { is: 'held' } : { is: 'held', readsFrom: copy }
      case 'error':
        return says.writesOnly && copy !== undefined ? { is: 'readOnly', copy, error: says.error } : { is: 'failing', error: says.error }
      case 'served':
        return { is: 'writable', leader: copy as Copy }
      case 'moved':
        return this.redirect(says.to, says.ask === true)
    }
  }

  /** MOVED (rule RD-CLIENT-2): the client learns the new map and goes to the node that it names; what it wants to write waits meanwhile. */
  private redirect(to: Peer, ask: boolean): SessionState {
    const { world } = this
    this.following = true
    const { ip } = to
    world.sim.after(world.timeUs('refreshMs', this.client.id), () => {
      if (!this.open) return
      this.following = false
      const target = world.byAddress.get(ip)
      if (target === undefined || !target.alive || !world.network.connected(this.client.place, target.place)) return this.become({ is: 'closed', error: `MOVED to ${ip}, where nobody answers` })
      this.asking = ask
      this.goTo(target)
    })
    return { is: 'held' }
  }

  private goTo(target: Server): void {
    if (target !== this.server) {
      this.server.listeners.delete(this)
      this.server = target
      target.listeners.add(this)
      this.pool = this.connected()
    }
    this.become(this.look())
  }

  /** CLUSTERDOWN and LOADING: it asks the other nodes for the map again and again, and goes to whoever serves its keys by one of them (rule RD-CLIENT-3). */
  private lookElsewhere(): void {
    if (this.state.is !== 'failing') {
      this.stopLooking?.()
      this.stopLooking = undefined
      return
    }
    if (this.stopLooking !== undefined) return
    const { world } = this
    let asked = false
    this.stopLooking = world.onTopology(() => {
      if (asked || this.others(this.client.place, this.server) === undefined) return
      asked = true
      world.sim.after(world.timeUs('refreshMs', this.client.id), () => {
        asked = false
        if (!this.open || this.following || this.state.is !== 'failing') return
        const target = this.others(this.client.place, this.server)
        if (target !== undefined) this.goTo(target)
      })
    })
  }

  private become(state: SessionState): void {
    const before = this.state
    if (before.is === state.is && copyOf(before) === copyOf(state) && errorOf(before) === errorOf(state)) return
    this.state = state
    if (state.is === 'closed') this.close()
    else this.lookElsewhere()
    this.client.sessionChanged(state)
  }
}

/** The copy that a session leads to, where another one makes it another session. */
function copyOf(state: SessionState): Copy | undefined {
  return state.is === 'writable' ? state.leader : state.is === 'held' ? state.readsFrom : undefined
}

function errorOf(state: SessionState): string | undefined {
  return 'error' in state ? state.error : undefined
}

export class ClusterEntrance implements Entrance {
  readonly name = 'cluster'

  constructor(
    private readonly world: World,
    readonly roundTripUs: Us,
  ) {}

  /** Asks nodes for the map, another one first each time (rule RD-CLIENT-1). */
  connect(client: Client, nth: number): Knock {
    const { world } = this
    const seeds = this.seeds()
    let spentUs = world.timeUs('reconnectMs', client.id)
    let silent = 0
    let refusal = 'no node of the cluster answers'
    const tried = new Set<string>()
    const first = Math.floor(world.sim.chance.draw(client.id, 'seed node', nth) * seeds.length)
    for (let i = 0; i < seeds.length; i++) {
      const seed = seeds[(first + i) % seeds.length] as Server
      if (!this.hears(client.place, seed)) {
        silent++
        spentUs += world.timeUs('connectTimeoutMs', client.id)
        continue
      }
      if (seed.state === 'loading') {
        refusal = LOADING
        continue
      }
      // An address that failed is not tried again before the next attempt, whoever names it.
      const address = seed.table.owner[world.groupOf(client.log)]?.ip
      if (address !== undefined && tried.has(address)) continue
      const route = this.route(client.place, seed, client.log)
      if (typeof route !== 'string') return { is: 'open', session: new ClusterSession(world, route, client, (place, not) => this.servingElsewhere(place, client.log, not)), afterUs: spentUs }
      refusal = route
      if (address !== undefined) tried.add(address)
      if (route === SILENT) spentUs += world.timeUs('connectTimeoutMs', client.id)
    }
    return silent > 0 && silent === seeds.length ? { is: 'silent' } : { is: 'refused', error: refusal, afterUs: spentUs }
  }

  /** Another node that serves a shard's keys, by the map of one that answers. */
  private servingElsewhere(place: string, log: ReplicatedLog, not: Server): Server | undefined {
    // Where nobody else leads nobody has to be asked: so it is with all shards but the one that fails over.
    let led = false
    for (const server of this.world.servers) if (server !== not && server.data.of(log)?.leading === true) led = true
    if (!led) return undefined
    for (const seed of this.seeds()) {
      if (seed === not || seed.state === 'loading' || !this.hears(place, seed)) continue
      const target = this.route(place, seed, log)
      if (typeof target !== 'string' && target !== not && answer(target, log).is === 'served') return target
    }
    return undefined
  }

  /** Where a node's map leads for a shard; or why nowhere. */
  private route(place: string, seed: Server, log: ReplicatedLog): Server | string {
    const group = this.world.groupOf(log)
    const owner = seed.table.owner[group]
    if (owner === undefined) return 'no node of the map serves the slot'
    // A node tells others the address it believes it has (rule RD-ID-2).
    const target = this.world.byAddress.get(owner.ip)
    if (target === undefined) return this.vanished(owner.ip) ? SILENT : `connection to ${owner.ip} refused`
    return this.hears(place, target) ? target : SILENT
  }

  /** Nobody has the address any more, or its machine is off: no answer at all. */
  private vanished(ip: string): boolean {
    const pod = this.world.kubernetes.pods().find(p => p.podIP === ip)
    return pod === undefined || (pod.node !== undefined && this.world.kubernetes.machines.get(pod.node)?.up === false)
  }

  private hears(place: string, server: Server): boolean {
    return server.alive && !server.paused && !server.blocked && !server.holds.all && this.world.network.connected(place, server.place)
  }

  private seeds(): readonly Server[] {
    return [...this.world.servers]
  }

  /** Leaders that fresh clients would write to, whichever node they ask for the map. */
  fresh(log?: ReplicatedLog): ReturnType<Entrance['fresh']> {
    const { world } = this
    const wanted = log ?? (world.logs[0] as ReplicatedLog)
    const found = new Set<Server>()
    let why = 'no node of the cluster answers'
    for (const seed of world.servers) {
      if (!this.hears('clients', seed) || seed.state === 'loading') continue
      let target = this.route('clients', seed, wanted)
      let asking = false
      for (let hops = 0; hops < 5 && typeof target !== 'string'; hops++) {
        const says = answer(target, wanted, asking)
        asking = says.is === 'moved' && says.ask === true
        if (says.is === 'served' || (says.is === 'held' && target.state === 'up')) {
          found.add(target)
          break
        }
        if (says.is === 'error') {
          why = `${target.name}: ${says.error}`
          break
        }
        if (says.is !== 'moved') break
        target = world.byAddress.get(says.to.ip) ?? `${says.to.ip} does not answer`
      }
      if (typeof target === 'string') why = target
    }
    const copies = [...found].flatMap(s => s.data.of(wanted) ?? [])
    if (copies.length === 1) return { is: 'leader', copy: copies[0] as NonNullable<Server['copy']> }
    return copies.length > 1 ? { is: 'several', copies } : { is: 'none', why }
  }
}

const SILENT = 'the address in the slot map does not answer'
