/** vtgates: the way in of the client programs. Routing by the newest primary that serves, health streams, and buffering (rules VT-GATE-…, VT-BUF-…; facts §1.4). */
import type { Copy, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Client, Entrance, Knock, Session, SessionState } from '../../src/engine.ts'
import { SECOND, type Us } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import { withShell } from '../../src/operator/shell/container.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/container.ts'
import { GateBuffer } from './buffer.ts'
import { canAcknowledge } from './semisync.ts'
import type { KeyRange } from './keyspace.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'
import type { World } from './world.ts'

/** One vtgate process. */
export class Vtgate {
  running = true
  readonly sessions = new Set<GateSession>()
  readonly buffer: GateBuffer
  /** Since when each tablet that is silent has been so, as this vtgate's health stream sees it. */
  private readonly silentSince = new Map<Tablet, Us>()

  constructor(
    readonly world: World,
    readonly pod: string,
    readonly place: string,
    readonly startedUs: Us,
    readonly atBoot: boolean,
  ) {
    this.buffer = new GateBuffer(world.options.buffer)
  }

  /** Its packets reach the tablet's machine and something there answers or refuses. */
  hears(tablet: Tablet): boolean {
    return !tablet.paused && this.world.kubernetes.machines.get(tablet.place)?.up !== false && this.world.network.connected(this.place, tablet.place)
  }

  /** Whether a silent tablet still counts as healthy: healthcheck_timeout is the only detector (rule VT-GATE-2). */
  believes(tablet: Tablet): boolean {
    if (this.hears(tablet)) return true
    const since = this.silentSince.get(tablet)
    return since === undefined || this.world.sim.now - since < this.world.options.healthcheckTimeoutSeconds * SECOND
  }

  /** Notices since when a shard's primaries are silent. A vtgate that has only come up never heard of them. */
  listen(shard: Shard, fresh = false): void {
    for (const tablet of shard.tablets) {
      if (!tablet.copy.leading && tablet !== shard.primary) continue
      if (this.hears(tablet)) this.silentSince.delete(tablet)
      else if (!this.silentSince.has(tablet)) {
        const { sim, options } = this.world
        this.silentSince.set(tablet, fresh ? Number.NEGATIVE_INFINITY : sim.now)
        sim.after(options.healthcheckTimeoutSeconds * SECOND, () => this.running && tablet.shard.changed())
      }
    }
  }

  stop(): void {
    this.running = false
    for (const session of [...this.sessions]) session.refresh()
  }
}

/** A client's connection to a vtgate, seen from one key range. */
export class GateSession implements Session {
  state: SessionState
  private open = true
  /** Counts in the buffer with this many requests a second, or with so many clients. */
  buffered = false

  constructor(
    readonly gate: Vtgate,
    readonly keys: KeyRange,
    readonly client: Client,
    /** In a transaction or on a reserved connection: never buffered (rule VT-BUF-2). */
    readonly reserved: boolean,
    /** The keyspace that it names; undefined = it goes by the routing rules (rule VT-GATE-3). */
    private readonly keyspace: string | undefined,
  ) {
    gate.sessions.add(this)
    keys.sessions.add(this)
    this.state = this.judge()
  }

  /** The shard that its statements are for. */
  get shard(): Shard | undefined {
    const { serving, shards } = this.keys
    // The rules that a workflow makes are for names with their keyspace as well.
    if (this.keyspace === undefined || shards.some(({ streams }) => streams.length > 0)) return serving
    return shards.find(shard => shard.keyspace.name === this.keyspace)
  }

  get backend(): string | undefined {
    return this.state.is === 'writable' ? this.state.leader.name : this.gate.pod
  }

  addedUs(): Us {
    const { gate, client, state } = this
    const { network } = gate.world
    if (state.is !== 'writable') return network.addedUs(client.place, gate.place)
    const primary = this.shard?.tablets.find(tablet => tablet.copy === state.leader)
    return network.addedUs(client.place, gate.place) + (primary === undefined ? 0 : network.addedUs(gate.place, primary.place))
  }

  /** Looks again, and tells the client if anything is different for it. */
  refresh(): void {
    if (!this.open) return
    const next = this.judge()
    if (same(this.state, next)) return
    this.state = next
    if (next.is === 'closed') this.leave()
    this.client.sessionChanged(next)
  }

  close(): void {
    if (this.open) this.leave()
  }

  private leave(): void {
    this.open = false
    this.gate.sessions.delete(this)
    this.keys.sessions.delete(this)
    if (this.buffered) this.gate.buffer.leave(this)
  }

  private judge(): SessionState {
    const { gate, shard } = this
    if (!gate.running) return { is: 'closed', error: `Lost connection to MySQL server during query (${gate.pod} is gone)` }
    if (shard === undefined) return { is: 'failing', error: `VT05003: unknown database '${this.keyspace ?? ''}' in vschema` }
    const next = stateAt(gate, shard, this.reserved)
    const buffered = next === 'buffer'
    if (buffered !== this.buffered) {
      this.buffered = buffered
      if (buffered) gate.buffer.join(this)
      else gate.buffer.leave(this)
    }
    return next === 'buffer' ? { is: 'held', ageLimitUs: gate.buffer.ageLimitUs } : next
  }
}

const NOT_SERVING = 'target: primary: vttablet: rpc error: code = ClusterEvent desc = operation not allowed in state NOT_SERVING'

const DENIED = 'target: primary: vttablet: rpc error: code = FailedPrecondition desc = disallowed due to rule: enforce denied tables (CallerID: app)'

/** What a vtgate makes of a shard now. */
function stateAt(gate: Vtgate, shard: Shard, reserved: boolean): SessionState | 'buffer' {
  const { world } = shard
  const target = routed(gate, shard)
  if (target !== undefined) {
    if (!gate.hears(target)) return { is: 'silent' }
    if (target.serving && shard.deniedUs === undefined) return { is: 'writable', leader: target.copy }
    // Its tables are denied: traffic is being switched. From v18 on a vtgate buffers that, too (rule VT-MOVE-5).
    if (target.serving && shard.deniedUs !== undefined) return !reserved && world.options.vitessVersion >= 18 && mayBuffer(gate, shard, shard.deniedUs) ? 'buffer' : { is: 'failing', error: DENIED }
  }
  if (shard.demotedUs === undefined) {
    // Not planned: nothing is buffered (rule VT-BUF-5).
    return { is: 'failing', error: `target: ${shard.path}.primary: no healthy tablet available for 'keyspace:"${shard.keyspace.name}" shard:"${shard.range}" tablet_type:PRIMARY'` }
  }
  if (reserved || !mayBuffer(gate, shard, shard.demotedUs)) return { is: 'failing', error: NOT_SERVING }
  return 'buffer'
}

/** Whether this vtgate buffers the reparent that began at `sinceUs` (rules VT-BUF-1, VT-BUF-3, VT-BUF-4). */
function mayBuffer(gate: Vtgate, shard: Shard, sinceUs: Us): boolean {
  const { buffer } = shard.world.options
  const { now } = shard.world.sim
  if (!buffer.enabled) return false
  if (sinceUs - shard.failoverEndedUs < buffer.minBetweenSeconds * SECOND) return false
  if (now - sinceUs >= buffer.maxFailoverSeconds * SECOND) return false
  // A vtgate that has only just come up has seen no primary yet that could have gone.
  return gate.atBoot || gate.startedUs < sinceUs
}

/** The primary with the newest term that this vtgate has heard of and has no reason to think dead (rule VT-GATE-1). */
function routed(gate: Vtgate, shard: Shard): Tablet | undefined {
  let found: Tablet | undefined
  for (const tablet of shard.tablets) {
    if (!tablet.copy.leading || !tablet.up || !tablet.agent || (found !== undefined && found.term > tablet.term) || !gate.believes(tablet)) continue
    found = tablet
  }
  if (found !== undefined) return found
  // Its machine is silent: the last thing heard of it was that it serves.
  const { primary } = shard
  if (primary !== undefined && !gate.hears(primary) && gate.believes(primary) && shard.demotedUs === undefined) return primary
  return undefined
}

function same(a: SessionState, b: SessionState): boolean {
  if (a.is !== b.is) return false
  if (a.is === 'writable' && b.is === 'writable') return a.leader === b.leader
  if (a.is === 'held' && b.is === 'held') return a.ageLimitUs === b.ageLimitUs
  return true
}

/** The vtgate image: a process that serves while it runs. */
export class GateProgram implements ContainerProgram {
  readonly gates = new Map<string, Vtgate>()

  constructor(private readonly world: World) {}

  start(c: ContainerHandle): void {
    const gate = new Vtgate(this.world, c.pod.name, c.machine.name, this.world.sim.now, c.atBoot)
    this.gates.set(c.pod.uid, gate)
    if (!c.atBoot) for (const shard of this.world.shards) gate.listen(shard, true)
  }

  signal(c: ContainerHandle): void {
    this.end(c)
    c.exited(0)
  }

  machineLost(c: ContainerHandle): void {
    this.end(c)
  }

  private end(c: ContainerHandle): void {
    this.gates.get(c.pod.uid)?.stop()
    this.gates.delete(c.pod.uid)
  }

  ready(c: ContainerHandle): boolean {
    return this.gates.get(c.pod.uid)?.running === true
  }

  programs(c: ContainerHandle): CommandRegistry {
    let registry = this.inside.get(c)
    if (registry === undefined) this.inside.set(c, (registry = withShell(this.world.sim, new CommandRegistry('container vtgate'))))
    return registry
  }

  /** Of each container that somebody looked into. */
  private readonly inside = new WeakMap<ContainerHandle, CommandRegistry>()
}

/** Clients → Service of the vtgates → one vtgate → the shard's primary. `reserved`: programs that hold transactions or reserved connections all the time. */
export class GateEntrance implements Entrance {
  constructor(
    private readonly world: World,
    private readonly program: GateProgram,
    readonly name: string,
    private readonly service: string,
    readonly roundTripUs: Us,
    private readonly reserved: boolean,
    private readonly rangeOf: (log: ReplicatedLog) => KeyRange,
  ) {}

  /** @param keyspace the one that the client names, if it does */
  connect(client: Client, nth: number, keyspace?: string): Knock {
    const route = this.world.kubernetes.route(this.service, client.id, nth)
    if (route.is !== 'pod') return { is: 'refused', error: `Can't connect to MySQL server on '${this.service}'`, afterUs: 1_000 }
    const gate = this.program.gates.get(route.pod.uid)
    const machine = route.pod.node === undefined ? undefined : this.world.kubernetes.machines.get(route.pod.node)
    if (gate === undefined) return machine?.up === false || route.pod.removed ? { is: 'silent' } : { is: 'refused', error: `Can't connect to MySQL server on '${this.service}'`, afterUs: 1_000 }
    if (!this.world.network.connected(client.place, gate.place)) return { is: 'silent' }
    return { is: 'open', session: new GateSession(gate, this.rangeOf(client.log), client, this.reserved, keyspace), afterUs: 2_000 }
  }

  fresh(log?: ReplicatedLog): ReturnType<Entrance['fresh']> {
    const shard = log === undefined ? this.world.shards[0] : this.rangeOf(log).serving
    if (shard === undefined) return { is: 'none', why: 'there is no shard' }
    const gates = this.world.kubernetes.endpoints(this.service).flatMap(pod => this.program.gates.get(pod.uid) ?? [])
    if (gates.length === 0) return { is: 'none', why: `the Service ${this.service} has no endpoint` }
    const leaders = new Set<Copy>()
    let why = ''
    for (const gate of gates) {
      const state = stateAt(gate, shard, this.reserved)
      if (state === 'buffer') why = `${gate.pod} buffers: ${shard.path} is being ${shard.deniedUs === undefined ? 'reparented' : 'switched'}`
      else if (state.is === 'writable') {
        const tablet = shard.tablets.find(t => t.copy === state.leader)
        if (tablet !== undefined && canAcknowledge(tablet)) leaders.add(state.leader)
        else why = `commits on ${tablet?.pod ?? 'the primary'} wait for an acknowledgement that nobody gives`
      } else why = 'error' in state ? state.error : `${gate.pod} hears nothing from the primary of ${shard.path}`
    }
    const [leader] = leaders
    if (leader === undefined) return { is: 'none', why }
    return leaders.size === 1 ? { is: 'leader', copy: leader } : { is: 'several', copies: [...leaders] }
  }
}
