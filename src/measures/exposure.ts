/**
 * Redundancy exposure: the time in which a write acknowledged more than 1 s ago (at once, under a synchronous promise) is durable on fewer
 * than two members' volumes. Judged for what each leader acknowledged while it leads, and for the last leader while nobody does; what a
 * later promotion dropped is counted as lost, not as exposed.
 *
 * Exact: acknowledgement and flush positions are piecewise linear, so between two changes of the log the exposed stretch is a matter of
 * crossings. The past of a curve never changes, so the work is put off until the log or the members change.
 */
import type { Copy, ReplicatedLog } from '../cluster/log/index.ts'
import { sharedUpTo } from '../cluster/log/index.ts'
import type { Cluster, Member } from '../engine.ts'
import { SECOND, type Us } from '../kernel/index.ts'
import { unite, type Window } from './window.ts'

export type ExposedWindow = Window

/** Bytes that rounding may make up: less is no deficit. */
const SLACK_BYTES = 1
/** How far back a follower's position is looked for in its leader's past when the lag is asked in time. */
const LOOK_BACK_US = 60 * SECOND

type Curve = Copy['curves']['flush']
type Head = NonNullable<Copy['head']>

/** How far one copy holds a leader's history: its flushed position, never past `limitLsn`. */
export interface Holding {
  readonly curve: Curve
  readonly limitLsn: number
}

/** A holding and what it was read from: while that is the same, so is the holding. */
interface Held extends Holding {
  readonly copy: Copy
  readonly branch: Copy['branch']
}

interface Tracked {
  readonly head: Head
  stoppedUs: Us
  holdings: readonly Held[]
}

/** All logs of a cluster together. What happens to one costs the same however many there are. */
export class ExposureWatch {
  private readonly logs = new Map<ReplicatedLog, LogExposure>()
  /** Those that something happened to since the last look. */
  private readonly dirty = new Set<LogExposure>()

  constructor(cluster: Cluster) {
    const ageUs = cluster.truth.promise === 'synchronous' ? 0 : SECOND
    for (const log of cluster.logs) {
      const one = new LogExposure(log, ageUs)
      this.logs.set(log, one)
      this.dirty.add(one)
      log.onChange(() => this.dirty.add(one))
    }
  }

  /** A member is another one now; undefined = it was not there before, or is gone. Taken in by the next {@link look}. */
  setMember(before: Member | undefined, after: Member | undefined): void {
    if (before?.copy !== after?.copy) this.setCopy(after?.name ?? before?.name ?? '', before?.copy, after?.copy)
    if (before?.merged === after?.merged) return
    const names = Math.max(before?.merged?.length ?? 0, after?.merged?.length ?? 0)
    for (let i = 0; i < names; i++) this.setCopy(`${after?.name ?? before?.name}/${i}`, before?.merged?.[i], after?.merged?.[i])
  }

  private setCopy(name: string, before: Copy | undefined, after: Copy | undefined): void {
    const was = before === undefined ? undefined : this.logs.get(before.log)
    const is = after === undefined ? undefined : this.logs.get(after.log)
    if (was !== undefined && was !== is) was.copies.delete(name)
    if (after !== undefined) is?.copies.set(name, after)
    if (was !== undefined) this.dirty.add(was)
    if (is !== undefined) this.dirty.add(is)
  }

  /** Brings the accounts of the logs that changed up to `nowUs`, and takes in the changes. */
  look(nowUs: Us): void {
    for (const one of this.dirty) one.look(nowUs)
    this.dirty.clear()
  }

  windows(nowUs: Us): readonly ExposedWindow[] {
    const all = [...this.logs.values()].flatMap(one => one.windows(nowUs))
    return this.logs.size === 1 ? all : unite(all)
  }
}

/** One log: who leads it, and which members' copies hold what. */
class LogExposure {
  /** The members' copies of this log, by member. */
  readonly copies = new Map<string, Copy>()
  private tracked: Tracked[] | undefined
  private readonly spans: { fromUs: Us; toUs: Us }[] = []
  private lastUs: Us | undefined

  constructor(
    private readonly log: ReplicatedLog,
    private readonly ageUs: Us,
  ) {}

  look(nowUs: Us): void {
    // Most changes of a log are clients that come, go or pause: nothing that anybody holds changes its course.
    if (this.lastUs !== undefined && this.asTracked()) return
    this.integrate(nowUs)
    this.tracked = this.track(nowUs)
  }

  windows(nowUs: Us): readonly ExposedWindow[] {
    this.integrate(nowUs)
    return this.spans.map(({ fromUs, toUs }) => ({ fromUs, toUs, open: toUs === nowUs }))
  }

  /** Whether the same leaders lead and the same copies follow them as at the last look. */
  private asTracked(): boolean {
    const { log, tracked } = this
    if (tracked === undefined) return false
    let leading = 0
    for (const { head } of log.copies) {
      if (head === undefined) continue
      if (tracked[leading]?.head !== head) return false
      leading += 1
    }
    if (leading !== tracked.length && !(leading === 0 && tracked.length === 1 && tracked[0]?.stoppedUs !== Number.POSITIVE_INFINITY)) return false
    // All leaders of a log are held by the same copies.
    const holdings = tracked[0]?.holdings
    if (holdings === undefined) return true
    let n = 0
    for (const copy of this.copies.values()) {
      const held = holdings[n++]
      if (held === undefined || held.copy !== copy || copy.curves.flush !== held.curve || copy.root().branch !== held.branch) return false
    }
    return n === holdings.length
  }

  private track(nowUs: Us): Tracked[] {
    const before = this.tracked ?? []
    const now: Tracked[] = []
    for (const { head } of this.log.copies) if (head !== undefined) now.push({ head, stoppedUs: Number.POSITIVE_INFINITY, holdings: [] })
    if (now.length === 0) {
      const last = before.at(-1)
      if (last !== undefined) now.push({ head: last.head, stoppedUs: Math.min(last.stoppedUs, nowUs), holdings: [] })
    }
    for (const one of now) one.holdings = holdingsOf(this.copies.values(), one.head)
    return now
  }

  private integrate(nowUs: Us): void {
    const fromUs = this.lastUs ?? nowUs
    this.lastUs = nowUs
    if (nowUs <= fromUs) return
    const found: { fromUs: Us; toUs: Us }[] = []
    for (const { head, stoppedUs, holdings } of this.tracked ?? []) {
      const acknowledged = (us: Us): number => head.ack.valueAt(Math.min(us - this.ageUs, stoppedUs))
      // A new, empty database has nothing to lose before the first write of a client, whatever its own log says.
      const firstUs = head.branch.blank ? this.log.ledger.firstAckUs(head.branch) : Number.NEGATIVE_INFINITY
      if (firstUs + this.ageUs >= nowUs) continue
      const needed = head.branch.blank ? (us: Us): number => (us - this.ageUs >= firstUs ? acknowledged(us) : Number.NEGATIVE_INFINITY) : acknowledged
      // Two quick ways to be covered throughout: to trail the leader's writing by less than the age, whatever the load does; and, since
      // neither ever falls, to have at the beginning what is needed at the end.
      const neededAtEnd = needed(nowUs)
      let covered = 0
      for (const held of holdings) if (Math.min(held.limitLsn, held.curve.valueAt(fromUs)) >= neededAtEnd - SLACK_BYTES || trails(held, this.ageUs, fromUs, nowUs)) covered += 1
      if (covered >= 2) continue
      const breaks = [stoppedUs + this.ageUs]
      const { start } = head.ack
      for (let i = start.length - 1; i >= 0 && (start[i] as number) + this.ageUs > fromUs; i--) breaks.push((start[i] as number) + this.ageUs)
      found.push(...exposedSpans(needed, breaks, holdings, fromUs, nowUs))
    }
    found.sort((a, b) => a.fromUs - b.fromUs)
    for (const span of found) this.put(span.fromUs, span.toUs)
  }

  /** Adds a span that begins no earlier than those added in this round; several leaders' spans of one stretch are united. */
  private put(fromUs: Us, toUs: Us): void {
    const last = this.spans.at(-1)
    if (last !== undefined && last.toUs >= fromUs) last.toUs = Math.max(last.toUs, toUs)
    else this.spans.push({ fromUs, toUs })
  }
}

function holdingsOf(copies: Iterable<Copy>, head: Head): readonly Held[] {
  const holdings: Held[] = []
  for (const copy of copies) holdings.push({ copy, branch: copy.root().branch, curve: copy.curves.flush, limitLsn: limitOf(copy, head) })
  return holdings
}

/** Whether the holding is, throughout, the image of the leader's own writing delayed by no more than `ageUs`. */
function trails({ curve, limitLsn }: Holding, ageUs: Us, fromUs: Us, toUs: Us): boolean {
  if (limitLsn !== Number.POSITIVE_INFINITY) return false
  for (let i = curve.start.length - 1; i >= 0; i--) {
    const start = curve.start[i] as number
    if (start >= toUs) continue
    const lagUs = curve.lag[i] as number
    if (lagUs < 0 || lagUs > ageUs) return false
    if (start <= fromUs) return true
  }
  return false
}

/** How much of the leader's history this copy can come to hold as things stand: all of it on the same branch, else what the two share. */
function limitOf(copy: Copy, head: Head): number {
  const { branch } = copy.root()
  return branch === head.branch ? Number.POSITIVE_INFINITY : sharedUpTo({ branch, lsn: Number.MAX_SAFE_INTEGER }, head.branch)
}

/**
 * The stretches of [fromUs, toUs) in which fewer than two holdings reach what is needed. `needed` is linear between `breaks`.
 * Ends are rounded to whole microseconds.
 */
export function exposedSpans(needed: (us: Us) => number, breaks: readonly Us[], holdings: readonly Holding[], fromUs: Us, toUs: Us): readonly { fromUs: Us; toUs: Us }[] {
  const cuts = [fromUs, toUs]
  for (const us of breaks) if (us > fromUs && us < toUs) cuts.push(us)
  for (const { curve } of holdings) for (let i = curve.start.length - 1; i >= 0 && (curve.start[i] as number) > fromUs; i--) if ((curve.start[i] as number) < toUs) cuts.push(curve.start[i] as number)
  cuts.sort((a, b) => a - b)
  const spans: { fromUs: Us; toUs: Us }[] = []
  for (let i = 0; i + 1 < cuts.length; i++) {
    const from = cuts[i] as number
    const to = cuts[i + 1] as number
    if (to > from) exposedPiece(needed, holdings, from, to, spans)
  }
  return spans
}

/** One piece in which everything is linear. Values at its end are read just inside it, since a curve may jump there. */
function exposedPiece(needed: (us: Us) => number, holdings: readonly Holding[], from: Us, to: Us, spans: { fromUs: Us; toUs: Us }[]): void {
  const inside = from + (to - from) / 2
  const neededAtFrom = needed(from)
  const neededInside = needed(inside)
  let covered = 0
  for (const { curve, limitLsn } of holdings) {
    const atFrom = neededAtFrom - Math.min(limitLsn, curve.valueAt(from))
    if (atFrom > SLACK_BYTES) continue
    const atInside = neededInside - Math.min(limitLsn, curve.valueAt(inside))
    if (atInside <= SLACK_BYTES && 2 * atInside - atFrom <= SLACK_BYTES) covered += 1
  }
  if (covered >= 2) return
  const cuts = [from, to]
  for (const holding of holdings) {
    for (const gap of [(us: Us) => needed(us) - holding.curve.valueAt(us), (us: Us) => needed(us) - holding.limitLsn]) {
      const a = gap(from) - SLACK_BYTES
      const b = 2 * (gap(inside) - SLACK_BYTES) - a
      if (Number.isFinite(a) && a !== b && a * b < 0) cuts.push(from + ((to - from) * a) / (a - b))
    }
  }
  cuts.sort((a, b) => a - b)
  for (let i = 0; i + 1 < cuts.length; i++) {
    const a = cuts[i] as number
    const b = cuts[i + 1] as number
    const middle = a + (b - a) / 2
    const neededInMiddle = needed(middle)
    let holders = 0
    for (const { curve, limitLsn } of holdings) if (neededInMiddle - Math.min(limitLsn, curve.valueAt(middle)) <= SLACK_BYTES) holders += 1
    if (holders < 2 && Math.round(b) > Math.round(a)) {
      const last = spans.at(-1)
      if (last !== undefined && last.toUs === Math.round(a)) last.toUs = Math.round(b)
      else spans.push({ fromUs: Math.round(a), toUs: Math.round(b) })
    }
  }
}

/** The largest lag, in µs, of a follower that counts as caught up: how old the leader's byte is that the follower has just flushed. */
export function healthyLagUs(cluster: Cluster): Us {
  let worstUs = 0
  for (const { copy, caughtUp } of cluster.truth.members()) {
    if (copy === undefined || !caughtUp || copy.root() === copy) continue
    const nowUs = copy.log.sim.now
    const writtenUs = copy.root().curves.receive.reaches(copy.lsn('flush'), nowUs - LOOK_BACK_US)
    if (Number.isFinite(writtenUs)) worstUs = Math.max(worstUs, Math.round(nowUs - writtenUs))
  }
  return Math.max(0, worstUs)
}
