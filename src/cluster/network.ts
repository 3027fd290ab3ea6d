import { type Distribution, defineEvent, MILLISECOND, SECOND, type Simulation, type Us } from '../kernel/index.ts'

const CUT = defineEvent('network.cut')
const HEALED = defineEvent('network.healed')
const SLOWED = defineEvent('network.slowed')
const LOSSY = defineEvent('network.lossy')

/** Least retransmission time-out of Linux (TCP_RTO_MIN); a lone small message that is lost waits for it. */
const RTO_US = 200 * MILLISECOND
/** Payload of a full segment on Ethernet. */
const SEGMENT_BYTES = 1460
/** Beyond this share connections break rather than crawl: a cut says that better. */
const MOST_LOST = 0.4

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
 * Who reaches whom, and how fast. A cut is one-way: a symmetric partition is two. Loss is expressed by its effect on TCP (rules of
 * {@link Network.lose}), since nothing in the models sees single packets.
 */
export class Network {
  private readonly cuts = new Set<Cut>()
  private readonly slow = new Map<string, Us>()
  private readonly lossy = new Map<string, readonly number[]>()
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
    // What stays on one machine passes no link.
    const slowed = this.baseUs(a, b) + (a === b ? 0 : (this.slow.get(a) ?? 0) + (this.slow.get(b) ?? 0))
    const lost = this.lostShare(a, b)
    // A lost message is sent again after the time-out, which doubles each time: p·T + p²·2T + p³·4T + … on average.
    return lost === 0 ? slowed : slowed + Math.round((lost * RTO_US) / (1 - 2 * lost))
  }

  /** How much longer than when all is well a round trip between the two takes now, on average. */
  addedUs(a: Place, b: Place): Us {
    if (this.slow.size === 0 && this.lossy.size === 0) return 0
    return this.delayUs(a, b) - this.baseUs(a, b) + this.delayUs(b, a) - this.baseUs(b, a)
  }

  private baseUs(a: Place, b: Place): Us {
    const zoneA = this.options.zoneOf(a)
    return a === b ? this.options.localUs : zoneA !== undefined && zoneA === this.options.zoneOf(b) ? this.options.nearUs : this.options.farUs
  }

  /**
   * Most that one TCP connection between the two carries while packets are lost; Infinity when none are.
   * Source: Padhye et al. 1998 as in RFC 3819 §8.5: MSS ÷ (RTT·√(1.33·p) + RTO·p·(1 + 32·p²)·min(1, 3·√(0.75·p))).
   */
  bytesPerSecond(a: Place, b: Place): number {
    const p = this.lostShare(a, b)
    if (p === 0) return Number.POSITIVE_INFINITY
    const roundTripUs = (this.slow.get(a) ?? 0) + (this.slow.get(b) ?? 0) + 2 * this.options.farUs
    return (SEGMENT_BYTES * SECOND) / (roundTripUs * Math.sqrt(1.33 * p) + RTO_US * p * (1 + 32 * p * p) * Math.min(1, 3 * Math.sqrt(0.75 * p)))
  }

  /** Share of packets between the two that never arrive (0…{@link MOST_LOST}); on one machine none are lost. */
  private lostShare(a: Place, b: Place): number {
    if (this.lossy.size === 0 || a === b) return 0
    let arrives = 1
    for (const place of [a, b]) for (const share of this.lossy.get(place) ?? []) arrives *= 1 - share
    return Math.min(MOST_LOST, 1 - arrives)
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

  /**
   * Loses a share (0…1) of all packets in and out of `place`: by TCP's rules messages come late and a bulk transfer slows down
   * ({@link Network.delayUs}, {@link Network.bytesPerSecond}); nobody is cut off. Returns how to end it.
   */
  lose(place: Place, share: number): () => void {
    this.lossy.set(place, [...(this.lossy.get(place) ?? []), share])
    this.sim.note(LOSSY, place, Math.round(share * 1_000_000))
    this.changed()
    let healed = false
    return () => {
      if (healed) return
      healed = true
      const left = [...(this.lossy.get(place) ?? [])]
      left.splice(left.indexOf(share), 1)
      if (left.length > 0) this.lossy.set(place, left)
      else this.lossy.delete(place)
      this.sim.note(HEALED, place, Math.round(share * 1_000_000))
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
