/** Feature flags: a ConfigMap that each pod learns of in its own time (rules APP-FLAG-…). */
import { SECOND, type TimerId } from '../../src/kernel/index.ts'
import type { World } from './world.ts'

export type FlagValues = Readonly<Record<string, string>>

/** The flags as one pod knows them. */
export class PodFlags {
  /** None until the flag service has answered once: a program then goes by its built-in defaults. */
  values: FlagValues = {}
  private known = false
  private timer: TimerId | undefined
  private asked = 0
  private seen: FlagValues | undefined
  private readonly phaseUs: number
  private open = true

  constructor(
    private readonly world: World,
    private readonly who: string,
    private readonly changed: () => void,
  ) {
    // Whole microseconds: the poll after a poll is a whole period away.
    this.phaseUs = Math.floor(this.periodUs * world.sim.chance.draw(who, 'application.flag-phase', 0))
    this.ask()
    this.await()
  }

  close(): void {
    this.open = false
    if (this.timer !== undefined) this.world.sim.cancel(this.timer)
  }

  private get periodUs(): number {
    return Math.round(this.world.options.flags.pollSeconds * SECOND)
  }

  /** What the flag service would answer now. */
  private get source(): FlagValues {
    const { kubernetes, options } = this.world
    return kubernetes.store.get('ConfigMap', options.flags.configMap)?.data ?? {}
  }

  private ask(): void {
    if (!this.open) return
    const { source, world } = this
    if (world.flagsAway > 0) return
    this.seen = source
    const first = !this.known
    this.known = true
    if (alike(this.values, source)) return
    this.values = source
    if (!first) this.changed()
  }

  /** Looks whether there is something to learn, whenever an object of the cluster changes. */
  private await(): void {
    this.world.kubernetes.changed.park(this.world.sim, () => {
      if (!this.open) return
      this.await()
      this.look()
    })
  }

  /** Something may have changed: when this pod will hear of it. A poll that finds nothing new is not worth an event. */
  look(): void {
    if (!this.open || this.timer !== undefined || (this.known && alike(this.seen ?? {}, this.source))) return
    const { sim, options } = this.world
    const { delivery, streamSeconds, missedUpdateP } = options.flags
    const nth = this.asked++
    const misses = sim.chance.draw(this.who, 'application.flag-missed', nth) < missedUpdateP
    const { periodUs, phaseUs } = this
    let us: number
    if (delivery === 'stream' && this.known) {
      // What a stream did not bring comes with the next update only.
      if (misses) {
        this.seen = this.source
        return
      }
      us = streamSeconds * SECOND * sim.chance.draw(this.who, 'application.flag-stream', nth)
    } else us = periodUs - ((sim.now + periodUs - phaseUs) % periodUs) + (misses ? periodUs : 0)
    this.timer = sim.after(us, () => {
      this.timer = undefined
      this.ask()
      this.look()
    })
  }
}

function alike(a: FlagValues, b: FlagValues): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => a[key] === b[key])
}
