import type { Us } from '../../kernel/index.ts'
import type { Copy } from './copy.ts'
import { Curve } from './curve.ts'
import { pursue, still } from './grow.ts'
import type { ReplicatedLog } from './log.ts'
import type { Branch, Stage } from './position.ts'
import { equilibrium, type Share } from './rates.ts'
import type { Tenure } from './tenure.ts'
import { KthView, Passage, View } from './view.ts'

/** Acknowledged when k of the members have it at `stage`. Fewer than k members: nothing is acknowledged. */
export interface AckRule {
  readonly k: number
  readonly members: readonly Copy[]
  readonly stage: Stage
}

/** A pool this much over or under full has drifted. */
const OVERFULL = 1.06
const UNDERFULL = 0.92
const AT_ONCE = new Passage(Number.NEGATIVE_INFINITY, 0)

/** One incarnation of a leader: its writing curve, what its rule acknowledges, and who writes. A restart or a promotion makes a new one. */
export class Head {
  /** Bytes written, over time: the leader's own position. */
  readonly written: Curve
  /** Bytes acknowledged by the rule, at the server. */
  readonly ack: Curve
  readonly tenures: Tenure[] = []
  rule: AckRule | null = null
  backgroundPerUs = 0
  /** When to look again: the acknowledgement changes its nature. */
  ackAtUs = Number.POSITIVE_INFINITY
  private lastLagUs = 0
  private ruleChanged = true
  private seen = -1
  private target: View | KthView
  private readonly shares: Share[] = []

  constructor(
    readonly log: ReplicatedLog,
    readonly copy: Copy,
    readonly branch: Branch,
    /** Of the writes of those who attach from now on. */
    public commitLatencyUs: Us,
  ) {
    const now = log.sim.now
    this.written = copy.curves.receive
    const value = this.written.valueAt(now)
    this.ack = new Curve(now, value)
    this.target = new View(this.written, AT_ONCE)
  }

  setRule(rule: AckRule | null): void {
    if (rule !== null && !(Number.isInteger(rule.k) && rule.k >= 1)) throw new Error(`log: an acknowledgement rule needs k ≥ 1, not ${rule.k}`)
    this.rule = rule
    this.ruleChanged = true
  }

  /** A member connected, left, or changed its stage curves' identity. */
  regroup(): void {
    this.ruleChanged = true
  }

  drop(tenure: Tenure): void {
    const i = this.tenures.indexOf(tenure)
    if (i >= 0) this.tenures.splice(i, 1)
  }

  /** Whether nothing is being acknowledged although somebody writes. */
  hung(now: Us): boolean {
    const i = this.ack.index(now)
    return (this.ack.lag[i] as number) < 0 && this.ack.slope[i] === 0 && this.tenures.some(t => t.nEnd === Number.POSITIVE_INFINITY)
  }

  /** Derives the acknowledgement curve again if anything it depends on has changed. */
  derive(now: Us): void {
    if (this.ruleChanged) this.target = this.choose()
    const { target } = this
    let sum = this.written.version
    if (target instanceof KthView) for (const v of target.views) sum += v.source.version + v.passage.version
    else sum += target.source.version + target.passage.version
    if (!this.ruleChanged && sum === this.seen) return
    this.ruleChanged = false
    this.seen = sum
    if (target instanceof KthView && target.views.length < target.k) still(this.ack, now, this.ack.valueAt(now))
    else pursue(this.ack, now, target, Number.POSITIVE_INFINITY)
  }

  /** Sets everybody's rate from modes and thresholds alone. Says whether the writing curve changed. */
  pace(now: Us): boolean {
    const i = this.ack.index(now)
    const limited = (this.ack.lag[i] as number) < 0
    const ackPerUs = this.ack.slope[i] as number
    if (!limited) this.lastLagUs = this.ack.lag[i] as number
    else this.lastLagUs = this.expectedLagUs()
    if (this.target instanceof KthView && this.target.views.length >= this.target.k) this.target.seek(now)
    const perByteUs = this.serialUs()
    const { shares } = this
    while (shares.length > 0) shares.pop()
    for (const t of this.tenures) {
      if (t.nEnd !== Number.POSITIVE_INFINITY) continue
      const { share } = t
      share.extraUs = t.replyUs + perByteUs * t.demand.options.bytesPerWrite
      share.waiting = t.demand.crowded(now, this.lastLagUs + share.extraUs)
      shares.push(share)
    }
    equilibrium(shares, now, this.lastLagUs, limited ? ackPerUs : Number.POSITIVE_INFINITY, this.backgroundPerUs)
    let bytesPerUs = this.backgroundPerUs
    for (const s of shares) {
      const { tenure } = s
      const { demand } = tenure
      tenure.full = Number.POSITIVE_INFINITY
      tenure.limitedFull = s.full
      tenure.resumeAtUs = Number.POSITIVE_INFINITY
      let rate = s.rate
      if (s.full === Number.POSITIVE_INFINITY || demand.resting) tenure.saturated = false
      if (demand.resting) rate = 0
      else if (s.full !== Number.POSITIVE_INFINITY && !tenure.expiring) {
        const busy = tenure.busy(now)
        if (busy < (tenure.saturated ? s.full * UNDERFULL - 0.25 : s.full - 1e-6 - s.full * 1e-9)) {
          tenure.saturated = false
          rate = demand.rateAt(this.lastLagUs + s.extraUs, s.waiting)
          tenure.full = s.full
        } else tenure.saturated = true
        if (tenure.saturated && rate > 0 && busy > s.full * OVERFULL + 0.25) {
          // What is acknowledged now was written in another mixture: let the surplus go before writing on.
          tenure.resumeAtUs = now + Math.max(1, (busy - s.full) / rate)
          rate = 0
        } else if (tenure.saturated && rate > 0) tenure.full = s.full * OVERFULL + 0.5
      }
      demand.setRateNow(rate)
      bytesPerUs += rate * demand.options.bytesPerWrite
    }
    return this.write(now, bytesPerUs)
  }

  /** The leader writes at `bytesPerUs` from now on. */
  private write(now: Us, bytesPerUs: number): boolean {
    const { written } = this
    const last = written.slope.length - 1
    if (written.slope[last] === bytesPerUs && written.lag[last] === 0) return false
    written.cut(now)
    written.add(now, now, written.valueAt(now), bytesPerUs, 0)
    written.version++
    return true
  }

  /** When the acknowledgement curve next changes its nature: from following the writing to being held up or back, or its limited slope. */
  plan(now: Us): void {
    const { ack } = this
    const i = ack.index(now)
    this.ackAtUs = Number.POSITIVE_INFINITY
    for (let j = i + 1; j < ack.start.length; j++) {
      const lag = ack.lag[j] as number
      if (lag !== ack.lag[i] || (lag < 0 && ack.slope[j] !== ack.slope[i])) {
        this.ackAtUs = ack.start[j] as number
        return
      }
    }
  }

  private choose(): View | KthView {
    const { rule, copy } = this
    if (rule === null) return new View(this.written, AT_ONCE)
    const views: View[] = []
    for (const m of rule.members) if (m.upstream === copy && m.reports !== undefined) views.push(new View(m.curves[rule.stage], m.reports))
    return views.length === 1 && rule.k === 1 ? (views[0] as View) : new KthView(views, rule.k)
  }

  /** The delay of an acknowledgement by the connections as configured: of the k-th quickest member. */
  private expectedLagUs(): number {
    const { rule, copy } = this
    if (rule === null) return 0
    const lags: number[] = []
    for (const m of rule.members) if (m.upstream === copy && m.link !== undefined) lags.push(m.link.delayUs + m.link.ackDelayUs + (rule.stage === 'receive' ? 0 : m.link.flushDelayUs))
    if (lags.length < rule.k) return this.lastLagUs
    lags.sort((a, b) => a - b)
    return lags[rule.k - 1] as number
  }

  /** µs that one byte takes through the determining member's bandwidth. */
  private serialUs(): number {
    const { rule, target } = this
    if (rule === null) return 0
    let nth = target instanceof KthView ? target.chosen : 0
    let m: Copy | undefined
    for (const member of rule.members) {
      if (member.upstream !== this.copy || member.reports === undefined || nth-- > 0) continue
      m = member
      break
    }
    if (m === undefined || m.link === undefined) return 0
    const link = m.link.bytesPerSecond
    const apply = rule.stage === 'apply' ? m.applyBytesPerSecond : Number.POSITIVE_INFINITY
    return (link > 0 && link !== Number.POSITIVE_INFINITY ? 1_000_000 / link : 0) + (apply > 0 && apply !== Number.POSITIVE_INFINITY ? 1_000_000 / apply : 0)
  }
}

