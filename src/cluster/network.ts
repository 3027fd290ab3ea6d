import { type Distribution, defineEvent, type Simulation, type Us } from '../kernel/index.ts'

const CUT = defineEvent('network.cut')
const HEALED = defineEvent('network.healed')
const SLOWED = defineEvent('network.slowed')

/** Where a packet starts or ends: a machine's name, or a place outside the cluster such as `clients`, `operator`, `control-plane`. */
export type Place = string

export interface NetworkOptions {
  /** One-way delays in microseconds; `far` between zones, `near` within one, `local` on one machine. */
  readonly localUs: Us
  readonly nearUs: Us
  readonly farUs: Us
  zoneOf(place: Place): string | undefined
}

interface Cut {
  readonly from: (place: Place) => boolean
  readonly to: (place: Place) => boolean
}

/**
 * Who reaches whom, and how fast. A cut is one-way: a symmetric partition is two. Loss is expressed by its effect on TCP, a delay factor
 * (retransmissions), since nothing in the models sees single packets.
 */
export class Network {
  private readonly cuts = new Set<Cut>()
  private readonly slow = new Map<string, Us>()
  private readonly listeners: (() => void)[] = []

  constructor(
    private readonly sim: Simulation,
    private readonly options: NetworkOptions,
  ) {}

  /** Tells `listener` after every change of reachability or delay. */
  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** Whether packets from `a` arrive at `b`. */
  arrives(a: Place, b: Place): boolean {
    if (a === b) return true
    for (const cut of this.cuts) if (cut.from(a) && cut.to(b)) return false
    return true
  }

  /** Whether a TCP conversation between the two can go on: packets must arrive both ways. */
  connected(a: Place, b: Place): boolean {
    return this.arrives(a, b) && this.arrives(b, a)
  }

  /** One-way delay from `a` to `b` without jitter. */
  delayUs(a: Place, b: Place): Us {
    const zoneA = this.options.zoneOf(a)
    const zoneB = this.options.zoneOf(b)
    const base = a === b ? this.options.localUs : zoneA !== undefined && zoneA === zoneB ? this.options.nearUs : this.options.farUs
    return base + (this.slow.get(a) ?? 0) + (a === b ? 0 : (this.slow.get(b) ?? 0))
  }

  /**
   * Cuts packets from each place of `from` to each of `to` (predicates, so that machines born later are caught too).
   * Returns how to heal this cut. @param label names the cut in the trace
   */
  cut(label: string, from: (place: Place) => boolean, to: (place: Place) => boolean): () => void {
    const cut = { from, to }
    this.cuts.add(cut)
    this.sim.note(CUT, label)
    this.changed()
    return () => {
      if (!this.cuts.delete(cut)) return
      this.sim.note(HEALED, label)
      this.changed()
    }
  }

  /** Adds `extraUs` to every packet in and out of `place`; returns how to take it away. */
  slowDown(place: Place, extraUs: Us): () => void {
    this.slow.set(place, (this.slow.get(place) ?? 0) + extraUs)
    this.sim.note(SLOWED, place, extraUs)
    this.changed()
    let healed = false
    return () => {
      if (healed) return
      healed = true
      const left = (this.slow.get(place) ?? 0) - extraUs
      if (left > 0) this.slow.set(place, left)
      else this.slow.delete(place)
      this.sim.note(HEALED, place, extraUs)
      this.changed()
    }
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}

/** A keyed sample of a delay distribution in whole microseconds, for models that draw one per connection or call. */
export function drawUs(sim: Simulation, d: Distribution, entity: string, purpose: string, nth: number): Us {
  return Math.max(0, Math.round(sim.chance.sample(d, entity, purpose, nth)))
}
