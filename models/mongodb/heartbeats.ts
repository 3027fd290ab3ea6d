/**
 * Heartbeats of one member to every other (rules MG-HEARTBEAT-1, MG-HEARTBEAT-2). Each pair has its own phase; a tick that could tell nothing new is not run:
 * while nothing in the set changes, the last contact is a closed form of the clock. Every change unsettles all pairs, and their next ticks
 * really happen. `World.everyTick` runs them all; a property holds both equal.
 */
import { MILLISECOND, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import { VIEW } from './events.ts'
import type { MemberState, Mongod } from './mongod.ts'

/** What a member last heard of another. */
export interface View {
  up: boolean
  state: MemberState | undefined
  /** When the last answer arrived (or the last attempt failed); −1 = never. */
  heardUs: Us
}

export class Pair {
  readonly view: View = { up: false, state: undefined, heardUs: -1 }
  /** The last tick that ran settled the matter: the next ones would say the same until something changes. */
  settled = false
  lastOkUs = Number.NEGATIVE_INFINITY
  failSinceUs: Us | undefined
  rttUs: Us = 0
  timer: TimerId | undefined
  downTimer: TimerId | undefined

  constructor(
    readonly target: string,
    public firstUs: Us,
  ) {}
}

export class Heartbeats {
  readonly pairs = new Map<string, Pair>()
  private intervalUs: Us
  private timeoutUs: Us

  constructor(private readonly me: Mongod) {
    const { heartbeatIntervalMillis, heartbeatTimeoutSecs } = me.world.firstConfig.settings
    this.intervalUs = heartbeatIntervalMillis * MILLISECOND
    this.timeoutUs = heartbeatTimeoutSecs * SECOND
  }

  /** Pairs and their times follow the configuration: with another interval all heartbeats begin anew. */
  configure(): void {
    const { me } = this
    const { heartbeatIntervalMillis, heartbeatTimeoutSecs } = me.dir.config?.settings ?? me.world.firstConfig.settings
    this.timeoutUs = heartbeatTimeoutSecs * SECOND
    if (heartbeatIntervalMillis * MILLISECOND !== this.intervalUs) {
      this.unsettle()
      this.intervalUs = heartbeatIntervalMillis * MILLISECOND
      for (const pair of this.pairs.values()) {
        if (pair.timer !== undefined) me.world.sim.cancel(pair.timer)
        pair.firstUs = me.world.sim.now + Math.floor(me.world.sim.chance.draw(me.name, `heartbeat to ${pair.target}`, me.incarnation) * this.intervalUs)
        this.plan(pair)
      }
    }
    const names = new Set((me.dir.config?.members ?? []).map(m => m.name).filter(n => n !== me.name))
    for (const [name, pair] of this.pairs) {
      if (names.has(name)) continue
      this.clear(pair)
      this.pairs.delete(name)
    }
    for (const name of names) {
      if (this.pairs.has(name)) continue
      const phase = Math.floor(me.world.sim.chance.draw(me.name, `heartbeat to ${name}`, me.incarnation) * this.intervalUs)
      const pair = new Pair(name, me.world.sim.now + phase)
      this.pairs.set(name, pair)
      this.plan(pair)
    }
  }

  stop(): void {
    for (const pair of this.pairs.values()) this.clear(pair)
    this.pairs.clear()
  }

  /** When this member last heard from that one, by answered heartbeats. */
  contactUs(target: string): Us {
    const pair = this.pairs.get(target)
    if (pair === undefined) return Number.NEGATIVE_INFINITY
    return pair.settled && pair.view.up ? Math.max(pair.lastOkUs, this.lastTick(pair, this.me.world.sim.now - pair.rttUs) + pair.rttUs) : pair.lastOkUs
  }

  /** The contact is not in doubt: ticks go on being answered as long as nothing changes. */
  steady(target: string): boolean {
    const pair = this.pairs.get(target)
    return pair !== undefined && pair.settled && pair.view.up
  }

  view(target: string): View | undefined {
    return this.pairs.get(target)?.view
  }

  /** Something changed: what was closed form becomes fact, and the next ticks happen. */
  unsettle(): void {
    const { sim } = this.me.world
    for (const pair of this.pairs.values()) {
      if (!pair.settled) continue
      if (pair.view.up) {
        const last = this.lastTick(pair, sim.now)
        pair.lastOkUs = this.contactUs(pair.target)
        pair.view.heardUs = Math.max(pair.view.heardUs, pair.lastOkUs)
        // One that is on its way still arrives.
        if (!this.me.world.everyTick && last + pair.rttUs > sim.now && last + pair.rttUs > pair.lastOkUs) sim.call(last + pair.rttUs, () => this.answered(pair))
      }
      pair.settled = false
      if (pair.timer === undefined) this.plan(pair)
    }
  }

  /** Another member made itself known out of turn (a new primary announces itself). */
  heard(target: string): void {
    const pair = this.pairs.get(target)
    if (pair === undefined) return
    pair.lastOkUs = Math.max(this.contactUs(target), this.me.world.sim.now)
    // Whatever its heartbeats came to before: it was there a moment ago.
    pair.failSinceUs = undefined
    if (pair.downTimer !== undefined) this.me.world.sim.cancel(pair.downTimer)
    pair.downTimer = undefined
    this.see(pair)
  }

  private lastTick(pair: Pair, atUs: Us): Us {
    if (atUs < pair.firstUs) return Number.NEGATIVE_INFINITY
    return pair.firstUs + Math.floor((atUs - pair.firstUs) / this.intervalUs) * this.intervalUs
  }

  private plan(pair: Pair): void {
    const { sim } = this.me.world
    const next = sim.now < pair.firstUs ? pair.firstUs : pair.firstUs + (Math.floor((sim.now - pair.firstUs) / this.intervalUs) + 1) * this.intervalUs
    pair.timer = sim.call(next, () => {
      pair.timer = undefined
      this.tick(pair)
    })
  }

  private tick(pair: Pair): void {
    const { me } = this
    const { world } = me
    if (!me.alive) return
    if (me.paused) return this.plan(pair)
    const other = world.mongodOf(pair.target)
    if (other !== undefined && world.talks(me, other)) {
      pair.rttUs = world.roundTripUs(me, other)
      pair.failSinceUs = undefined
      if (pair.downTimer !== undefined) world.sim.cancel(pair.downTimer)
      pair.downTimer = undefined
      world.sim.after(pair.rttUs, () => this.answered(pair))
      pair.settled = true
      // What is settled but not seen yet is seen when the answer arrives.
    } else {
      pair.failSinceUs ??= world.sim.now
      // Refused at once where a machine answers that nobody listens; else nothing comes until the time-out (rule MG-HEARTBEAT-2).
      if (refuses(me, pair.target)) this.down(pair)
      else if (pair.view.up && pair.downTimer === undefined) {
        pair.downTimer = world.sim.call(pair.failSinceUs + this.timeoutUs, () => {
          pair.downTimer = undefined
          if (pair.failSinceUs !== undefined) this.down(pair)
        })
      }
      pair.settled = true
      if (pair.view.up) pair.settled = false
    }
    if (world.everyTick || !pair.settled) this.plan(pair)
  }

  private answered(pair: Pair): void {
    const { me } = this
    if (!me.alive || me.paused) return
    const before = me.primaryContactUs()
    pair.lastOkUs = me.world.sim.now
    pair.view.heardUs = me.world.sim.now
    this.see(pair)
    me.heardFrom(pair.target, before)
  }

  private see(pair: Pair): void {
    const other = this.me.world.mongodOf(pair.target)
    const state = other?.state
    if (other === undefined || (pair.view.up && pair.view.state === state)) return
    pair.view.up = true
    pair.view.state = state
    this.me.world.sim.note(VIEW, this.me.name, 1, () => `${this.me.name} sees ${pair.target} as ${state}`)
  }

  private down(pair: Pair): void {
    pair.settled = true
    pair.view.heardUs = this.me.world.sim.now
    if (!pair.view.up) return
    pair.view.up = false
    pair.view.state = undefined
    this.me.world.sim.note(VIEW, this.me.name, 0, () => `${this.me.name} no longer reaches ${pair.target}`)
    this.me.lostSightOf(pair.target)
  }

  private clear(pair: Pair): void {
    const { sim } = this.me.world
    if (pair.timer !== undefined) sim.cancel(pair.timer)
    if (pair.downTimer !== undefined) sim.cancel(pair.downTimer)
  }
}

/** Whether nobody listens at a member's address although its machine answers. */
function refuses(me: Mongod, name: string): boolean {
  const { world } = me
  const node = world.kubernetes.pod(name)?.node
  if (node === undefined) return true
  const machine = world.kubernetes.machines.get(node)
  if (machine === undefined || !machine.up) return false
  const other = world.mongodOf(name)
  if (other !== undefined && (other.paused || (other.listening && !world.network.connected(me.place, other.place)))) return false
  return world.network.connected(me.place, machine.name)
}
