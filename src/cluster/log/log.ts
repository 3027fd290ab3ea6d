import { defineEvent, type EventKind, type Simulation, type TimerId, type Us } from '../../kernel/index.ts'
import { Copy } from './copy.ts'
import type { Demand } from './demand.ts'
import { Ledger } from './ledger.ts'
import { Branch, type Bytes, type Position } from './position.ts'
import type { Forecast, Tenure } from './tenure.ts'
import { Watch, type WatchFor } from './watch.ts'

/**
 * The logs of one simulation: after an instant only those are looked at that something happened to (a planned instant of a log's own wakes it),
 * so that a thousand shards at rest cost nothing.
 */
class Shelf {
  private readonly logs: ReplicatedLog[] = []
  private stirred = new Set<ReplicatedLog>()

  constructor(sim: Simulation) {
    sim.observe(() => this.afterInstant())
  }

  add(log: ReplicatedLog): void {
    this.logs.push(log)
    this.stirred.add(log)
  }

  stir(log: ReplicatedLog): void {
    if (this.logs.length > 1) this.stirred.add(log)
  }

  private afterInstant(): void {
    const { logs, stirred } = this
    if (logs.length === 1) return (logs[0] as ReplicatedLog).afterInstant()
    if (stirred.size === 0) return
    this.stirred = new Set()
    for (const log of stirred) log.afterInstant()
  }
}

const shelves = new WeakMap<Simulation, Shelf>()

function shelfOf(sim: Simulation): Shelf {
  let shelf = shelves.get(sim)
  if (shelf === undefined) shelves.set(sim, (shelf = new Shelf(sim)))
  return shelf
}

const kinds = new Map<string, EventKind>()
const MAX_ROUNDS = 8

function kindOf(what: string): EventKind {
  let kind = kinds.get(what)
  if (kind === undefined) kinds.set(what, (kind = defineEvent(`log.${what}`)))
  return kind
}

/**
 * A replicated log: copies, who leads and who follows, and the demands that write. Everything is a curve with a past and an expected future;
 * every change goes through {@link change}: account up to now, change, then (once per instant) derive the curves again and plan one timer.
 */
export class ReplicatedLog {
  readonly copies: readonly Copy[] = []
  readonly demands: readonly Demand[] = []
  readonly ledger: Ledger
  /** How many times the log woke itself: the cost of a run, and independent of its write rate. */
  wakes = 0
  private readonly shelf: Shelf
  private branches = 0
  private watches: Watch[] = []
  private readonly changeListeners: (() => void)[] = []
  private dirty = false
  private settling = false
  private planned = true
  /** Outcomes are up to this instant: several changes of one instant account once. */
  private accountedAtUs = -1
  /** How often the curves were derived: what was read off them before is to be read again. */
  private derivations = 0
  private timer: TimerId | undefined
  private readonly onTimer = (): void => this.wake()
  private timerAtUs = Number.POSITIVE_INFINITY
  /** Before this instant nobody is to be told anything, unless something changes. */
  private quietUntilUs = 0

  constructor(
    readonly sim: Simulation,
    readonly name: string,
  ) {
    this.ledger = new Ledger(this)
    this.shelf = shelfOf(sim)
    this.shelf.add(this)
  }

  /** The first branch of a history; blank: of a database made just now, without anything that anybody wrote. */
  genesis(startLsn: Bytes, timeline = 1, blank = false): Branch {
    return this.fork(timeline, null, startLsn, blank)
  }

  /** A new data directory at `at`. */
  copy(name: string, at: Position): Copy {
    const copy = new Copy(this, name, at)
    ;(this.copies as Copy[]).push(copy)
    return copy
  }

  /** Adds somebody to be told after each structural change (marks grow denser around them). */
  onChange(listener: () => void): void {
    this.changeListeners.push(listener)
  }

  private stir(): void {
    this.dirty = true
    this.shelf.stir(this)
  }

  /** For the log's own classes: the one way to change anything. */
  change(mutate: () => void): void {
    if (this.settling) throw new Error('log: changed while it was being derived')
    if (this.accountedAtUs !== this.sim.now) {
      this.account()
      this.accountedAtUs = this.sim.now
    }
    this.stir()
    this.sim.touch()
    mutate()
    for (const listener of this.changeListeners) listener()
  }

  /** Derives everything after a change; cheap when nothing changed. Tells nobody: that waits for the end of the instant. */
  settle(): void {
    if (!this.dirty || this.settling) return
    this.settling = true
    this.dirty = false
    this.derivations++
    const now = this.sim.now
    for (let round = 0; ; round++) {
      for (const c of this.copies) c.derive(now)
      for (const c of this.copies) c.head?.derive(now)
      // Two modes that each call for the other (a hair's breadth apart): either is as right as the other.
      if (round > MAX_ROUNDS) break
      let again = false
      for (const c of this.copies) if (c.head?.pace(now)) again = true
      if (!again) break
    }
    this.settling = false
    this.planned = false
  }

  /** Brings every demand's outcomes up to this instant. */
  account(): void {
    this.settle()
    const now = this.sim.now
    for (const c of this.copies) {
      if (c.head === undefined) continue
      for (const t of c.head.tenures) t.account(now)
    }
  }

  /** For ledger.warn. */
  warn(leader: Copy, connections: number): void {
    const head = leader.requireHead('warn')
    this.change(() => {
      const now = this.sim.now
      let all = 0
      for (const t of head.tenures) all += t.written(now) - t.nDone
      if (all <= 0) return
      const share = Math.min(1, connections / all)
      for (const t of head.tenures) t.outcome('warned', t.nDone + (t.written(now) - t.nDone) * share, now)
    })
  }

  watch(wanted: WatchFor): Watch {
    const w = new Watch(wanted, gone => {
      this.watches = this.watches.filter(x => x !== gone)
    })
    this.watches.push(w)
    this.stir()
    this.sim.touch()
    return w
  }

  enrol(demand: Demand): void {
    ;(this.demands as Demand[]).push(demand)
    this.stir()
    this.sim.touch()
  }

  fork(timeline: number, parent: Branch | null, forkLsn: Bytes, blank = false): Branch {
    if (!Number.isInteger(forkLsn)) throw new Error(`log: an LSN is a whole number, not ${forkLsn}`)
    return new Branch(++this.branches, timeline, parent, forkLsn, blank)
  }

  /** The copy's curves are others now, or its history: its followers derive theirs again. */
  followersChanged(copy: Copy): void {
    for (const c of this.copies) if (c.upstream === copy) c.stale()
  }

  /** Whether acknowledgements of `demand` flow now: as planned, while that answer is good. */
  flows(demand: Demand): boolean {
    this.settle()
    const now = this.sim.now
    if (demand.flowKnownAt === this.derivations && now < demand.flowUntilUs) return demand.flows
    this.forgetFlow(demand)
    for (const { head } of this.copies) {
      if (head === undefined) continue
      for (const t of head.tenures) if (t.demand === demand && this.learnFlow(demand, t.forecast(now, Number.POSITIVE_INFINITY))) return true
    }
    return false
  }

  private forgetFlow(demand: Demand): void {
    demand.flows = false
    demand.flowUntilUs = Number.POSITIVE_INFINITY
    demand.flowKnownAt = this.derivations
  }

  /** Takes in what one of its tenures is to expect: acknowledgements flow while they flow from anywhere. */
  private learnFlow(demand: Demand, { flowing, goodUntilUs }: Forecast): boolean {
    if (flowing !== demand.flows) {
      if (!flowing) return true
      demand.flows = true
      demand.flowUntilUs = goodUntilUs
    } else demand.flowUntilUs = flowing ? Math.max(demand.flowUntilUs, goodUntilUs) : Math.min(demand.flowUntilUs, goodUntilUs)
    return flowing
  }

  note(what: string, copy: Copy): void {
    const { receive } = copy.curves
    this.sim.note(kindOf(what), copy.name, Math.floor(receive.valueAt(this.sim.now)))
  }

  private plan(now: Us): void {
    let next = Number.POSITIVE_INFINITY
    for (const d of this.demands) this.forgetFlow(d)
    for (const c of this.copies) {
      if (c.head === undefined) continue
      c.head.plan(now)
      next = Math.min(next, c.head.ackAtUs)
      const { tenures } = c.head
      for (let i = tenures.length - 1; i >= 0; i--) {
        const t = tenures[i] as Tenure
        if (t.nEnd !== Number.POSITIVE_INFINITY && t.nDone >= t.nEnd - 1e-6) {
          tenures.splice(i, 1)
          continue
        }
        next = Math.min(next, t.resumeAtUs)
        const wantsFlow = t.demand.onFlow !== undefined || t.expiring
        if (wantsFlow || t.full !== Number.POSITIVE_INFINITY) {
          const f = t.forecast(now, t.full)
          next = Math.min(next, f.fullAtUs)
          if (wantsFlow) next = Math.min(next, f.changesAtUs)
          this.learnFlow(t.demand, f)
        } else t.demand.flowUntilUs = now
        if (t.nEnd === Number.POSITIVE_INFINITY && t.demand.options.loop === 'open' && !t.expiring && t.limitedFull !== Number.POSITIVE_INFINITY) next = Math.min(next, t.oldestUs(now) + t.demand.options.timeoutUs)
      }
    }
    for (const d of this.demands) {
      d.queueNow()
      next = Math.min(next, d.queueAtUs)
    }
    for (const w of this.watches) {
      w.plan(now)
      next = Math.min(next, w.atUs)
    }
    const at = next === Number.POSITIVE_INFINITY ? next : Math.max(now + 1, Math.ceil(next - 1e-3))
    if (at === this.timerAtUs) return
    if (this.timer !== undefined) this.sim.cancel(this.timer)
    this.timerAtUs = at
    this.timer = at === Number.POSITIVE_INFINITY ? undefined : this.sim.call(at, this.onTimer)
  }

  private wake(): void {
    this.timer = undefined
    this.timerAtUs = Number.POSITIVE_INFINITY
    this.wakes++
    this.settle()
    this.account()
    this.stir()
    this.sim.touch()
  }

  /** For the shelf. The instant is over: derive, then tell who waits. What they do is derived again before time moves on. */
  afterInstant(): void {
    const now = this.sim.now
    if (!this.dirty && this.planned && now < this.quietUntilUs) return
    this.settle()
    if (!this.planned) this.plan(now)
    this.planned = true
    if (this.anyDue(now)) {
      for (const w of this.watches.slice()) {
        if (w.atUs > now || !this.watches.includes(w) || !w.met()) continue
        w.cancel()
        w.wanted.then()
      }
    }
    let quietUntilUs = Number.POSITIVE_INFINITY
    for (const d of this.demands) {
      if (d.onFlow === undefined) continue
      const flowing = this.flows(d)
      quietUntilUs = Math.min(quietUntilUs, d.flowUntilUs)
      if (flowing === d.told) continue
      d.told = flowing
      d.onFlow(flowing)
    }
    for (const w of this.watches) quietUntilUs = Math.min(quietUntilUs, w.atUs)
    this.quietUntilUs = quietUntilUs
  }

  private anyDue(now: Us): boolean {
    for (const w of this.watches) if (w.atUs <= now) return true
    return false
  }
}
