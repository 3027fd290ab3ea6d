/** What a member keeps an eye on beside the election time-out: a primary on its majority, a secondary on a primary of lower priority. */
import { MILLISECOND, SECOND, type TimerId } from '../../src/kernel/index.ts'
import { takeoverDelayUs } from './election.ts'
import type { Mongod } from './mongod.ts'

/** priorityTakeoverFreshnessWindowSeconds. */
const FRESH_US = 2 * SECOND

export class Vigil {
  private livenessTimer: TimerId | undefined
  private takeoverTimer: TimerId | undefined
  private takeoverFor = ''
  /** Members whose progress reports this primary has been getting: as good as a heartbeat (rule MG-TERM-2). */
  private readonly followedBy = new Set<string>()

  constructor(private readonly me: Mongod) {}

  stop(): void {
    for (const timer of [this.livenessTimer, this.takeoverTimer]) if (timer !== undefined) this.me.world.sim.cancel(timer)
  }

  noteFollowers(): void {
    const { me } = this
    const { copy } = me
    if (!me.isPrimary || copy === undefined) return
    for (const name of me.heartbeats.pairs.keys()) if (me.heartbeats.steady(name) && me.world.mongodOf(name)?.copy?.upstream === copy) this.followedBy.add(name)
  }

  /** A member of higher priority takes over when it has been fresh for its delay (rule MG-ELECT-6). */
  planTakeover(): void {
    const { me } = this
    const { world, primary, config } = me
    // Planned anew when its candidacy is over.
    if (me.campaigning) return
    const theirs = primary === undefined ? undefined : config?.member(primary.name)
    const wanted = theirs !== undefined && me.me !== undefined && me.me.priority > theirs.priority && me.state === 'SECONDARY'
    const key = wanted ? `${primary?.name}/${primary?.term}/${me.me?.priority}` : ''
    if (key === this.takeoverFor) return
    this.takeoverFor = key
    if (this.takeoverTimer !== undefined) world.sim.cancel(this.takeoverTimer)
    this.takeoverTimer = undefined
    if (!wanted) return
    this.takeoverTimer = world.sim.after(takeoverDelayUs(me), () => {
      this.takeoverTimer = undefined
      this.takeoverFor = ''
      if (me.electable && me.syncing.lagUs() <= FRESH_US) me.run('priority')
      else if (me.alive) me.rearm()
    })
  }

  /** A primary that has not heard from a majority for the election time-out steps down (rule MG-TERM-2). */
  checkLiveness(): void {
    const { me } = this
    const { world, config } = me
    if (this.livenessTimer !== undefined) world.sim.cancel(this.livenessTimer)
    this.livenessTimer = undefined
    if (!me.alive || me.paused || !me.isPrimary || config === undefined) return
    const timeoutUs = config.settings.electionTimeoutMillis * MILLISECOND
    const { now } = world.sim
    let live = me.me !== undefined && me.me.votes > 0 ? 1 : 0
    let next = Number.POSITIVE_INFINITY
    for (const voter of config.voters) {
      if (voter.name === me.name) continue
      if (me.heartbeats.steady(voter.name)) {
        live += 1
        continue
      }
      const other = world.mongodOf(voter.name)
      const here = other !== undefined && world.talks(me, other)
      if (this.followedBy.has(voter.name) && !here) {
        this.followedBy.delete(voter.name)
        me.heartbeats.heard(voter.name)
      }
      const expires = Math.max(me.heartbeats.contactUs(voter.name), me.electionUs ?? 0) + timeoutUs
      if (expires <= now && !here) continue
      live += 1
      next = Math.min(next, here ? now + timeoutUs : expires)
    }
    if (live < config.majority) return me.stepDownNow(`it has not heard from a majority for ${config.settings.electionTimeoutMillis / 1000} s`)
    if (next !== Number.POSITIVE_INFINITY) this.livenessTimer = world.sim.call(next, () => this.checkLiveness())
  }
}
