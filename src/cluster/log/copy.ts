import type { Us } from '../../kernel/index.ts'
import { Curve, whole } from './curve.ts'
import { pursue, still } from './grow.ts'
import { type AckRule, Head } from './head.ts'
import type { ReplicatedLog } from './log.ts'
import { type Branch, branchAt, type Bytes, contains, type Position, type Stage } from './position.ts'
import { Passage, View } from './view.ts'
import type { Watch } from './watch.ts'

export interface Link {
  readonly delayUs: Us
  /** The way back of acknowledgements. */
  readonly ackDelayUs: Us
  readonly flushDelayUs: Us
  /** Infinity = unlimited. */
  readonly bytesPerSecond: number
}

const AT_ONCE = new Passage(Number.NEGATIVE_INFINITY, 0)
/** History kept for the stages of a copy that has led: enough for what its followers have in flight. */
const TAIL = 16

/** One data directory's durable state, and what its server does with it: lead, follow, or nothing. */
export class Copy {
  /** For the log: the stages' positions over time. While leading all three are one curve. */
  curves: Record<Stage, Curve>
  branch: Branch
  upstream: Copy | undefined
  link: Link | undefined
  /** The way to this copy, and its reports' way back. */
  passage: Passage | undefined
  reports: Passage | undefined
  head: Head | undefined
  applyBytesPerSecond = Number.POSITIVE_INFINITY
  private frozenReceive = false
  /** Nothing becomes visible here until it is thawed. */
  frozenApply = false
  private flushing = AT_ONCE
  /** When this directory last became something else: what was received before is not flushed after. */
  private resetUs = Number.NEGATIVE_INFINITY
  private dirty = false
  private seen = -1
  private readonly view: View

  constructor(
    readonly log: ReplicatedLog,
    readonly name: string,
    at: Position,
  ) {
    this.branch = at.branch
    const curve = (): Curve => new Curve(log.sim.now, at.lsn)
    this.curves = { receive: curve(), flush: curve(), apply: curve() }
    this.view = new View(this.curves.receive, AT_ONCE)
  }

  /** Where this copy is, at this instant. */
  position(stage: Stage): Position {
    const lsn = this.lsn(stage)
    return { branch: this.head !== undefined ? this.branch : branchAt(this.history(), lsn), lsn }
  }

  lsn(stage: Stage): Bytes {
    this.log.settle()
    const { curves } = this
    return whole((stage === 'flush' ? curves.flush : stage === 'receive' ? curves.receive : curves.apply).valueAt(this.log.sim.now))
  }

  get leading(): boolean {
    return this.head !== undefined
  }

  /**
   * Begins to lead. With a `timeline`: forks a new branch here (promotion). Without: goes on with the same branch if this copy is at its tip
   * and nobody else wrote past it or leads it; otherwise forks a branch of the same timeline number (a cloned or shared volume).
   * Throws if it leads already.
   */
  lead(options: { timeline?: number; commitLatencyUs?: Us } = {}): Branch {
    if (this.head !== undefined) throw new Error(`log: ${this.name} leads already`)
    this.log.change(() => {
      this.disconnect()
      const now = this.log.sim.now
      const { receive } = this.curves
      const lsn = whole(receive.valueAt(now))
      const at = branchAt(this.branch, lsn)
      const alone = !this.log.copies.some(c => c.head?.branch === this.branch)
      if (options.timeline !== undefined) this.branch = this.log.fork(options.timeline, at, lsn)
      else if (!alone || lsn < this.branch.tip) this.branch = this.log.fork(at.timeline, at, lsn)
      receive.cut(now)
      receive.add(now, now, lsn, 0, 0)
      receive.version++
      this.curves = { receive, flush: receive, apply: receive }
      this.head = new Head(this.log, this, this.branch, options.commitLatencyUs ?? 0)
      this.note('lead')
    })
    this.log.followersChanged(this)
    return this.branch
  }

  /** Stops leading at once: every write not yet acknowledged becomes unknown and demands are detached. Followers keep their connection. */
  stopLeading(how: 'clean' | 'killed'): Position {
    const head = this.requireHead('stop leading')
    this.log.change(() => {
      this.abdicate(head)
      this.note(how === 'clean' ? 'stop' : 'killed')
    })
    return this.position('receive')
  }

  /** Writes a discrete record (checkpoint, timeline switch); gives the LSN after it. Throws if it does not lead. */
  append(bytes: Bytes): Bytes {
    const head = this.requireHead('append')
    if (!(Number.isInteger(bytes) && bytes >= 0)) throw new Error(`log: a record of ${bytes} bytes`)
    let lsn = 0
    this.log.change(() => {
      const now = this.log.sim.now
      const { written } = head
      const last = written.slope.length - 1
      lsn = whole(written.valueAt(now)) + bytes
      written.add(now, now, lsn, written.slope[last] as number, 0)
      written.version++
    })
    return lsn
  }

  /** Log not caused by clients, from now on. Throws if it does not lead. */
  setBackground(bytesPerSecond: number): void {
    const head = this.requireHead('write in the background')
    this.log.change(() => {
      head.backgroundPerUs = bytesPerSecond / 1_000_000
    })
  }

  /** Commits take `us` here from now on; what is outstanding is answered as it would have been. Throws if it does not lead. */
  setCommitLatency(us: Us): void {
    const head = this.requireHead('commit at another pace')
    if (head.commitLatencyUs === us) return
    this.log.change(() => {
      head.commitLatencyUs = us
    })
    // Who writes leaves and comes again within the instant: the latency belongs to the stay.
    for (const { demand } of [...head.tenures]) {
      if (demand.tenure?.head !== head) continue
      demand.detach('drained')
      demand.attach(this)
    }
  }

  /** From now on writes are acknowledged by `rule`; null = once flushed here. What is acknowledged stays so. Throws if it does not lead. */
  acknowledge(rule: AckRule | null): void {
    const head = this.requireHead('acknowledge')
    this.log.change(() => head.setRule(rule))
  }

  /** The acknowledgement flow is zero though a demand is attached. */
  get ackHung(): boolean {
    this.log.settle()
    return this.head?.hung(this.log.sim.now) ?? false
  }

  /**
   * Connects to `upstream` (which may itself follow) and streams from what is received. Throws if that is not in the upstream's history,
   * if this copy leads, or if it would follow itself.
   */
  follow(upstream: Copy, link: Link): void {
    if (this.head !== undefined) throw new Error(`log: ${this.name} leads and cannot follow ${upstream.name}`)
    for (let c: Copy | undefined = upstream; c !== undefined; c = c.upstream) if (c === this) throw new Error(`log: ${this.name} would follow itself`)
    const mine = this.position('receive')
    const theirs = upstream.position('flush')
    if (!contains(theirs, mine)) throw new Error(`log: ${this.name} is at ${mine.branch.timeline}/${mine.lsn}, which is not in the history of ${upstream.name} at ${theirs.branch.timeline}/${theirs.lsn}`)
    this.log.change(() => {
      this.disconnect()
      const now = this.log.sim.now
      this.upstream = upstream
      this.link = link
      this.passage = new Passage(now, link.delayUs)
      this.reports = new Passage(now, link.ackDelayUs)
      if (this.frozenReceive) this.reports.stop(now)
      this.flushing = new Passage(this.resetUs, link.flushDelayUs)
      this.dirty = true
      upstream.head?.regroup()
      this.note('follow')
    })
  }

  /** Drops the connection: what is in flight is lost, what was received goes on being flushed and applied. */
  unfollow(): void {
    if (this.upstream === undefined) return
    this.log.change(() => {
      this.disconnect()
      this.note('unfollow')
    })
  }

  /** The link changes: bandwidth at once, a delay in the order of the bytes sent. Throws if it follows nobody. */
  setLink(link: Link): void {
    if (this.upstream === undefined) throw new Error(`log: ${this.name} follows nobody`)
    this.log.change(() => {
      const now = this.log.sim.now
      this.passage?.setDelay(now, link.delayUs)
      this.reports?.setDelay(now, link.ackDelayUs)
      if (link.flushDelayUs !== this.link?.flushDelayUs) this.flushing = new Passage(this.resetUs, link.flushDelayUs)
      this.link = link
      this.dirty = true
    })
  }

  /** Frozen receive: the connection stays, nothing arrives and nothing is reported. Frozen apply: nothing becomes visible. */
  freeze(stage: 'receive' | 'apply'): void {
    this.log.change(() => {
      if (stage === 'receive' && !this.frozenReceive) this.reports?.stop(this.log.sim.now)
      this[stage === 'receive' ? 'frozenReceive' : 'frozenApply'] = true
      this.dirty = true
      this.note(`freeze-${stage}`)
    })
  }

  thaw(stage: 'receive' | 'apply'): void {
    this.log.change(() => {
      if (stage === 'receive' && this.frozenReceive) this.reports?.resume(this.log.sim.now)
      this[stage === 'receive' ? 'frozenReceive' : 'frozenApply'] = false
      this.dirty = true
      this.note(`thaw-${stage}`)
    })
  }

  /** How fast received log is applied here; Infinity = at once. */
  setApplyRate(bytesPerSecond: number): void {
    this.log.change(() => {
      this.applyBytesPerSecond = bytesPerSecond
      this.dirty = true
    })
  }

  /** Volatile state is lost: receive falls back to flush unless kept. Stops leading (killed) and following. */
  crash(keepUnflushed: boolean): void {
    this.log.change(() => {
      if (this.head !== undefined) this.abdicate(this.head)
      this.disconnect()
      const now = this.log.sim.now
      const { receive, flush, apply } = this.curves
      const kept = keepUnflushed ? receive.valueAt(now) : flush.valueAt(now)
      this.reset(now)
      still(receive, now, kept)
      still(flush, now, kept)
      still(apply, now, Math.min(kept, apply.valueAt(now)))
      this.branch = branchAt(this.branch, whole(kept))
      this.dirty = true
      this.note('crash')
    })
  }

  /** A base backup, rewind or restore: becomes exactly `p` at every stage. Its followers lose their connection. Throws if it leads or follows. */
  adopt(p: Position): void {
    if (this.head !== undefined || this.upstream !== undefined) throw new Error(`log: ${this.name} is in use and cannot become a copy of something else`)
    this.log.change(() => {
      for (const c of this.log.copies) if (c.upstream === this) c.disconnect()
      const now = this.log.sim.now
      this.branch = p.branch
      this.reset(now)
      for (const stage of ['receive', 'flush', 'apply'] as const) still(this.curves[stage], now, p.lsn)
      this.dirty = true
      this.note('adopt')
    })
  }

  /** How far this copy's stage is behind the leader at the root of its upstream chain, at this instant; 0 if it leads or follows nobody. */
  lagBytes(stage: Stage): Bytes {
    const root = this.root()
    return root === this ? 0 : Math.max(0, root.lsn('receive') - this.lsn(stage))
  }

  /** Calls `then` at the first instant at which this stage has reached `lsn` (at the next settled instant if it has). */
  whenReaches(stage: Stage, lsn: Bytes, then: () => void): Watch {
    return this.log.watch({ copy: this, stage, lsn, lagBytes: undefined, then })
  }

  /** Calls `then` at the first instant at which this stage is at most `bytes` behind the leader. Waits while there is nobody to follow. */
  whenLagAtMost(stage: Stage, bytes: Bytes, then: () => void): Watch {
    return this.log.watch({ copy: this, stage, lsn: undefined, lagBytes: bytes, then })
  }

  /** The copy at the root of the upstream chain. */
  root(): Copy {
    let c: Copy = this
    while (c.upstream !== undefined) c = c.upstream
    return c
  }

  /** For the log: the head, or an error that says what was wanted. */
  requireHead(what: string): Head {
    if (this.head === undefined) throw new Error(`log: ${this.name} does not lead and cannot ${what}`)
    return this.head
  }

  /** For the log: derives the stages' futures again if anything they depend on has changed. */
  derive(now: Us): void {
    if (this.head !== undefined) return
    const { receive, flush, apply } = this.curves
    const { upstream } = this
    if (upstream !== undefined) {
      upstream.derive(now)
      const source = upstream.curves.flush
      if (!this.dirty && source.version === this.seen) return
      this.seen = source.version
      if (this.frozenReceive) still(receive, now, receive.valueAt(now))
      else pursue(receive, now, this.view.through(source, this.passage as Passage), (this.link as Link).bytesPerSecond / 1_000_000)
    } else if (!this.dirty) return
    else still(receive, now, receive.valueAt(now))
    this.dirty = false
    pursue(flush, now, this.view.through(receive, this.flushing), Number.POSITIVE_INFINITY)
    if (this.frozenApply) still(apply, now, apply.valueAt(now))
    else pursue(apply, now, this.view.through(flush, AT_ONCE), this.applyBytesPerSecond / 1_000_000)
  }

  /** For the log: this copy's upstream has another curve now. */
  stale(): void {
    this.dirty = true
  }

  /** The branch whose history this copy's bytes come from, also those still to arrive. */
  history(): Branch {
    let c: Copy = this
    while (c.upstream !== undefined) c = c.upstream
    return c.branch
  }

  private reset(now: Us): void {
    this.resetUs = now
    this.flushing = new Passage(now, this.flushing.delayUs)
  }

  private disconnect(): void {
    if (this.upstream === undefined) return
    const now = this.log.sim.now
    const { receive } = this.curves
    const branch = branchAt(this.history(), whole(receive.valueAt(now)))
    this.upstream.head?.regroup()
    this.upstream = undefined
    this.link = undefined
    this.passage = undefined
    this.reports = undefined
    this.branch = branch
    still(receive, now, receive.valueAt(now))
    this.dirty = true
  }

  private abdicate(head: Head): void {
    const now = this.log.sim.now
    for (const t of head.tenures.slice()) {
      t.break(now)
      if (t.demand.tenure === t) {
        t.nEnd = t.demand.writes.valueAt(now)
        t.demand.tenure = undefined
        t.demand.setRateNow(0)
      }
    }
    head.tenures.length = 0
    const { receive } = this.curves
    this.branch.tip = Math.max(this.branch.tip, whole(receive.valueAt(now)))
    receive.cut(now)
    receive.add(now, now, receive.valueAt(now), 0, 0)
    receive.version++
    this.curves = { receive, flush: receive.tail(TAIL), apply: receive.tail(TAIL) }
    this.head = undefined
    this.log.followersChanged(this)
  }

  private note(what: string): void {
    this.log.note(what, this)
  }
}
