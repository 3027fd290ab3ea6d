import type { Us } from '../../kernel/index.ts'
import { Curve } from './curve.ts'
import type { Demand } from './demand.ts'
import type { Entry } from './ledger.ts'
import type { Branch, Bytes } from './position.ts'

export interface MarksOptions {
  /** Sampled writes per second in quiet times… */
  readonly perSecond: number
  /** …and for `denseForUs` after each structural change. */
  readonly densePerSecond: number
  readonly denseForUs: Us
  /** What is long quiet is sampled more thinly: so many a second once nothing has changed for `afterUs`. Default: as in quiet times. */
  readonly thin?: { readonly perSecond: number; readonly afterUs: Us }
  /** Keys, taken in turn; a key's versions count up. */
  readonly keys: number
}

export const OK = 0
export const FAIL = 1
export const UNKNOWN = 2

/**
 * A sample of one demand's own writes, in columns: witnesses, never an addition to the load (no load, no marks; the flow does not know of
 * them). A mark's fate is read off the flow's outcome intervals in closed form, so there is no event per mark; the columns are complete
 * for every write whose outcome is known when {@link sync} is called. Rows are in the order in which outcomes became known.
 * `weight` is how many writes a mark stands for: those since the one before it, so that they sum to the number of writes, within one mark.
 */
export class Marks {
  n = 0
  readonly key: number[] = []
  readonly version: number[] = []
  readonly invokedUs: number[] = []
  readonly doneUs: number[] = []
  readonly outcome: number[] = []
  readonly weight: number[] = []
  readonly branch: (Branch | null)[] = []
  readonly lsn: Bytes[] = []
  /** Marks per µs, over time; the dense stretch after a change ends by itself. */
  private readonly density: Curve
  private readonly versions: number[] = []
  private readonly writePhase = { phase: 0.5, since: 0 }
  private readonly failPhase = { phase: 0.5, since: 0 }
  private failedUpTo: Us
  private failedCount = 0

  constructor(
    readonly demand: Demand,
    private readonly options: MarksOptions,
  ) {
    const { log } = demand
    this.density = new Curve(log.sim.now, 0)
    this.failedUpTo = log.sim.now
    this.failedCount = demand.failed.valueAt(log.sim.now)
    this.changed()
    log.onChange(() => this.changed())
    log.ledger.listeners.push(e => this.take(e))
  }

  /** Resolves every write whose outcome is known by now. */
  sync(): void {
    const { log, failed } = this.demand
    log.account()
    const now = log.sim.now
    for (let t = this.failedUpTo; t < now; ) {
      const i = failed.index(t)
      const end = i + 1 < failed.start.length ? Math.min(now, failed.start[i + 1] as number) : now
      // A queue that was turned away all at once is no mark of its own; the next one stands for it.
      const here = failed.by(i, t)
      if (here > this.failedCount + 1e-6) this.failPhase.since += here - this.failedCount
      this.failedCount = failed.by(i, end)
      this.sample(this.failPhase, here, failed.by(i, end), t, end, (_f, at, weight) => this.push(at, at, FAIL, weight, null, -1))
      t = end
    }
    this.failedUpTo = now
  }

  /** Sampling is dense from now on, for a while. */
  private changed(): void {
    const { density, options } = this
    const now = this.demand.log.sim.now
    density.cut(now)
    density.add(now, now, options.densePerSecond / 1_000_000, 0, 0)
    density.add(now + options.denseForUs, now + options.denseForUs, options.perSecond / 1_000_000, 0, 0)
    const { thin } = options
    if (thin !== undefined) density.add(now + thin.afterUs, now + thin.afterUs, thin.perSecond / 1_000_000, 0, 0)
  }

  private take(e: Readonly<Entry>): void {
    if (e.demand !== this.demand.options.id) return
    this.sample(this.writePhase, e.n1, e.n2, e.w1, e.w2, (f, at, weight) => {
      const done = e.a1 + (e.a2 - e.a1) * f
      this.push(at, done, e.kind === 'unknown' ? UNKNOWN : OK, weight, e.branch, Math.floor(e.x1 + (e.x2 - e.x1) * f + 0.001))
    })
  }

  /**
   * Writes n1…n2 happened evenly from t1 to t2: emits those that fall on the sampling grid. A change of density rescales what is left of the
   * running interval, because the phase, not the next instant, is what is kept.
   */
  private sample(p: { phase: number; since: number }, n1: number, n2: number, t1: number, t2: number, emit: (share: number, at: number, weight: number) => void): void {
    if (n2 <= n1) return
    const { density } = this
    const span = t2 - t1
    for (let t = t1, i = density.index(t1); ; i++) {
      const end = i + 1 < density.start.length ? Math.min(t2, density.start[i + 1] as number) : t2
      const writes = span > 0 ? ((n2 - n1) * (end - t)) / span : n2 - n1
      const rate = span > 0 ? (n2 - n1) / span : Number.POSITIVE_INFINITY
      const perUs = density.value[i] as number
      const share = perUs >= rate ? 1 : perUs / rate
      const gain = writes * share
      const start = p.phase
      let counted = 0
      for (let m = Math.floor(start) + 1; m <= start + gain; m++) {
        const f = gain > 0 ? (m - start) / gain : 0
        const at = t + (end - t) * f
        emit(span > 0 ? (at - t1) / span : f, at, p.since + writes * f - counted)
        p.since = 0
        counted = writes * f
      }
      p.since += writes - counted
      p.phase = start + gain - Math.floor(start + gain)
      if (end >= t2) return
      t = end
    }
  }

  private push(invoked: number, done: number, outcome: number, weight: number, branch: Branch | null, lsn: Bytes): void {
    const key = this.n % this.options.keys
    const version = (this.versions[key] ?? 0) + 1
    this.versions[key] = version
    this.key.push(key)
    this.version.push(version)
    this.invokedUs.push(Math.floor(invoked))
    this.doneUs.push(Math.ceil(done))
    this.outcome.push(outcome)
    this.weight.push(weight)
    this.branch.push(branch)
    this.lsn.push(lsn)
    this.n++
  }
}
