/**
 * The toy: the smallest replicated database on the real log, for tests of what is around an engine. A few members, one leader, one entrance.
 * It does what naive systems do: `promote` never asks whether the old leader still runs, a stopped leader that is started leads again on its
 * old timeline, and established sessions stay where they are when the route changes.
 */
import { type AckInterval, contains, type Copy, type Link, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Client, Departure, Knock, Member, Promotion, Session, SessionState } from '../../src/engine.ts'
import { defineEvent, type Simulation, type Us } from '../../src/kernel/index.ts'

const PROMOTED = defineEvent('toy.promoted')
const STOPPED = defineEvent('toy.stopped')
const STARTED = defineEvent('toy.started')
const ROUTED = defineEvent('toy.routed')
const FOLLOWS = defineEvent('toy.follows')
const DISK_DESTROYED = defineEvent('disk.destroyed')

export interface ToyOptions {
  readonly members: number
  /** A synchronous promise: acknowledged when one follower has flushed. */
  readonly promise: 'asynchronous' | 'synchronous'
  /** One-way delay between members. */
  readonly delayUs: Us
  /** How long each command takes. */
  readonly commandUs: Us
}

/** One member: a process, its copy (volume), and what it is told to follow. */
export interface ToyMember {
  readonly name: string
  copy: Copy | undefined
  running: boolean
  paused: boolean
  /** Cut off from clients and members. */
  cutOff: boolean
  /** Cut off from the other members only: its clients still reach it. */
  isolated: boolean
  version: string
  timeline: number
  /** Whom it follows; undefined = it leads when it runs. */
  upstream: string | undefined
  existing: boolean
}

interface OpenSession {
  readonly client: Client
  readonly member: ToyMember
  state: SessionState
}

/** A name that no member has: the programs that get it fail, as real ones do. */
export class NoMemberError extends Error {
  override readonly name = 'NoMemberError'
}

export class ToyWorld {
  readonly log: ReplicatedLog
  readonly all: ToyMember[] = []
  readonly promotions: Promotion[] = []
  readonly departures: Departure[] = []
  routedTo: string | undefined
  held = false
  /** Something goes on by itself: for tests to say. */
  underWay = false
  extraNodes = 0
  peakNodes: number
  private extraNodeUs = 0
  private meteredUs = 0
  private timelines = 1
  private readonly sessions = new Set<OpenSession>()

  constructor(
    readonly sim: Simulation,
    readonly options: ToyOptions,
  ) {
    this.log = new ReplicatedLog(sim, 'toy')
    this.peakNodes = options.members
    const branch = this.log.genesis(0)
    for (let i = 0; i < options.members; i++) {
      const name = `m-${i}`
      this.all.push({ name, copy: this.log.copy(name, { branch, lsn: 0 }), running: true, paused: false, cutOff: false, isolated: false, version: 'v1', timeline: 1, upstream: i === 0 ? undefined : 'm-0', existing: true })
    }
    this.leader(this.all[0] as ToyMember).lead()
    this.rule(this.all[0] as ToyMember)
    for (const member of this.all.slice(1)) this.connect(member)
    this.rule(this.all[0] as ToyMember)
    this.routedTo = 'm-0'
  }

  /** @throws Error naming the members when there is none of that name */
  member(name: string): ToyMember {
    const found = this.all.find(m => m.name === name)
    if (found === undefined) throw new NoMemberError(`no member ${name}; there are ${this.all.map(m => m.name).join(', ')}`)
    return found
  }

  // ── what commands do ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Makes a follower lead a new timeline. False when it does not run or leads already. */
  promote(name: string, by: 'operator' | 'engine' = 'operator'): boolean {
    const member = this.member(name)
    const { copy } = member
    if (copy === undefined || !member.running || copy.leading) return false
    const from = copy.position('receive')
    const reachable = this.all.filter(m => m.running && !m.cutOff && !m.isolated && !m.paused && m.copy !== undefined && m !== member)
    const furthestReachable = reachable.every(m => !contains((m.copy as Copy).position('receive'), from) || (m.copy as Copy).lsn('receive') <= from.lsn)
    this.promotions.push({ atUs: this.sim.now, member: name, from, furthestReachable, by })
    member.upstream = undefined
    member.timeline = ++this.timelines
    copy.lead({ timeline: member.timeline })
    this.rule(member)
    this.sim.note(PROMOTED, name, member.timeline)
    this.refresh(member)
    return true
  }

  /** Ends a process. Killed: what was not flushed is gone. */
  stop(name: string, how: 'clean' | 'killed', cause: 'fault' | 'runbook'): boolean {
    const member = this.member(name)
    if (!member.running) return false
    member.running = false
    const { copy } = member
    if (copy?.leading === true) {
      this.departures.push({ atUs: this.sim.now, member: name, position: copy.stopLeading(how), cause })
    }
    if (how === 'killed') copy?.crash(false)
    else copy?.unfollow()
    this.sim.note(STOPPED, name)
    this.refresh(member)
    for (const other of this.all) if (other.upstream === name) other.copy?.unfollow()
    return true
  }

  /** Starts a process: it follows whom it is told to, else it leads as it did before. */
  start(name: string, version?: string): boolean {
    const member = this.member(name)
    if (member.running || member.copy === undefined) return false
    member.running = true
    if (version !== undefined) member.version = version
    if (member.upstream === undefined) {
      member.copy.lead()
      this.rule(member)
    } else this.connect(member)
    this.sim.note(STARTED, name)
    for (const other of this.all) if (other.upstream === name && other.running) this.connect(other)
    this.refresh(member)
    return true
  }

  /** Tells a member whom to follow. One that leads steps down first. `rewind` discards what the other lacks. */
  follow(name: string, upstream: string, rewind = false): void {
    const member = this.member(name)
    if (member.copy?.leading === true) this.departures.push({ atUs: this.sim.now, member: name, position: member.copy.stopLeading('clean'), cause: 'runbook' })
    member.upstream = upstream
    if (rewind && member.copy !== undefined) {
      member.copy.unfollow()
      const source = this.member(upstream).copy
      if (source !== undefined) member.copy.adopt(source.position('flush'))
      member.timeline = this.member(upstream).timeline
    }
    if (member.running) this.connect(member)
    this.sim.note(FOLLOWS, name)
    this.refresh(member)
  }

  route(name: string | undefined): void {
    this.routedTo = name
    this.sim.note(ROUTED, name ?? 'nobody')
  }

  /** Pauses (true) or resumes the entrance: sessions queue without an error. */
  hold(held: boolean): void {
    this.held = held
    this.sim.touch()
    for (const member of this.all) this.refresh(member)
  }

  setCutOff(name: string, cutOff: boolean): void {
    const member = this.member(name)
    member.cutOff = cutOff
    this.reconnect(member, cutOff)
    this.refresh(member)
  }

  setIsolated(name: string, isolated: boolean): void {
    const member = this.member(name)
    member.isolated = isolated
    this.reconnect(member, isolated)
  }

  private reconnect(member: ToyMember, cut: boolean): void {
    const { name } = member
    this.sim.touch()
    if (cut) {
      if (member.copy?.leading !== true) member.copy?.unfollow()
      for (const other of this.all) if (other.upstream === name) other.copy?.unfollow()
    } else {
      this.connect(member)
      for (const other of this.all) if (other.upstream === name) this.connect(other)
    }
  }

  setPaused(name: string, paused: boolean): void {
    const member = this.member(name)
    member.paused = paused
    this.sim.touch()
    this.refresh(member)
  }

  /** A member and its volume are gone for good. */
  destroy(name: string, cause: 'fault' | 'runbook'): void {
    this.stop(name, 'killed', cause)
    const member = this.member(name)
    member.copy = undefined
    member.existing = false
    this.sim.note(DISK_DESTROYED, name)
  }

  rent(nodes: number): void {
    this.meter()
    this.extraNodes = nodes
    this.peakNodes = Math.max(this.peakNodes, this.options.members + nodes)
  }

  /** Node time rented so far beyond the cluster's own. */
  meter(): number {
    this.extraNodeUs += (this.sim.now - this.meteredUs) * this.extraNodes
    this.meteredUs = this.sim.now
    return this.extraNodeUs
  }

  // ── what clients and the truth see ───────────────────────────────────────────────────────────────────────────────────────────

  connectClient(client: Client): Knock {
    const member = this.all.find(m => m.name === this.routedTo)
    if (member === undefined || !member.existing) return { is: 'refused', error: 'no endpoint', afterUs: 1_000 }
    if (member.cutOff) return { is: 'silent' }
    if (!member.running) return { is: 'refused', error: `${member.name} refuses connections`, afterUs: 1_000 }
    const session: OpenSession = { client, member, state: this.stateOf(member) }
    this.sessions.add(session)
    const { sessions } = this
    const open: Session = {
      get state() {
        return session.state
      },
      backend: member.name,
      close() {
        sessions.delete(session)
      },
    }
    return { is: 'open', session: open, afterUs: 2_000 }
  }

  couldAcknowledge(): string[] {
    return this.all.filter(m => this.acknowledges(m)).map(m => m.name)
  }

  acknowledges(member: ToyMember): boolean {
    if (!member.running || member.paused || member.copy?.leading !== true) return false
    return this.options.promise === 'asynchronous' || this.followersOf(member).length > 0
  }

  members(): Member[] {
    return this.all.filter(m => m.existing).map(m => {
      const leading = m.copy?.leading === true
      const attached = m.running && (leading || m.copy?.upstream !== undefined)
      return {
        name: m.name,
        node: `node-${m.name}`,
        zone: undefined,
        running: m.running && !m.paused,
        ready: m.running,
        role: !m.running ? 'none' : leading ? 'leader' : 'follower',
        timeline: m.timeline,
        versions: { engine: m.version },
        copy: m.copy,
        attached,
        caughtUp: attached && (leading || this.member(m.upstream as string).running),
      }
    })
  }

  /** Other members whose flushed history holds the whole interval. */
  holders(interval: AckInterval): string[] {
    return this.all.filter(m => m.copy !== undefined && contains(m.copy.position('flush'), { branch: interval.branch, lsn: interval.toLsn })).map(m => m.name)
  }

  private followersOf(leader: ToyMember): ToyMember[] {
    return this.all.filter(m => m.running && m.copy?.upstream === leader.copy && leader.copy !== undefined)
  }

  private stateOf(member: ToyMember): SessionState {
    if (!member.running || member.copy === undefined) return { is: 'closed', error: `${member.name} has gone` }
    if (member.cutOff || member.paused) return { is: 'silent' }
    if (this.held) return { is: 'held' }
    if (member.copy.leading) return { is: 'writable', leader: member.copy }
    return { is: 'readOnly', copy: member.copy, error: `${member.name} is read-only` }
  }

  private refresh(member: ToyMember): void {
    for (const session of [...this.sessions]) {
      if (session.member !== member) continue
      session.state = this.stateOf(member)
      if (session.state.is === 'closed') this.sessions.delete(session)
      session.client.sessionChanged(session.state)
    }
  }

  /** Streams from the upstream if both run and the member's history is in the upstream's; otherwise it stays unattached. */
  private connect(member: ToyMember): void {
    const upstream = member.upstream === undefined ? undefined : this.member(member.upstream)
    const { copy } = member
    if (copy === undefined || copy.leading || upstream?.copy === undefined || !upstream.running || !member.running || upstream.cutOff || member.cutOff || upstream.isolated || member.isolated) return
    // Two that are told to follow one another follow nobody.
    for (let above: ToyMember | undefined = upstream, n = 0; above !== undefined && n < this.all.length; n++) {
      if (above === member) return
      above = above.upstream === undefined ? undefined : this.member(above.upstream)
    }
    copy.unfollow()
    // Told to follow in a circle (a runbook's mistake): nobody has anything to stream.
    for (let c: Copy | undefined = upstream.copy; c !== undefined; c = c.upstream) if (c === copy) return
    if (!contains(upstream.copy.position('flush'), copy.position('receive'))) return
    const { delayUs } = this.options
    const link: Link = { delayUs, ackDelayUs: delayUs, flushDelayUs: 200, bytesPerSecond: Number.POSITIVE_INFINITY }
    copy.follow(upstream.copy, link)
    member.timeline = upstream.timeline
    this.rule(upstream)
  }

  private rule(member: ToyMember): void {
    if (this.options.promise === 'asynchronous' || member.copy?.leading !== true) return
    member.copy.acknowledge({ k: 1, members: this.all.flatMap(m => (m.copy !== undefined && m !== member ? [m.copy] : [])), stage: 'flush' })
  }

  private leader(member: ToyMember): Copy {
    return member.copy as Copy
  }
}
