/**
 * The oracle: the same log as a plain discrete simulator, one event per write and hop. No curves, no rates; only queues and callbacks.
 * Slow and simple on purpose. What the flow log says is compared with this.
 */
type Fn = () => void
class Heap {
  t: number[] = []; f: Fn[] = []; s: number[] = []; n = 0; now = 0; events = 0
  push(t: number, f: Fn): void {
    let i = this.t.length
    const s = this.n++
    this.t.push(t); this.f.push(f); this.s.push(s)
    while (i > 0) {
      const p = (i - 1) >> 1
      if (this.t[p]! < t || (this.t[p] === t && this.s[p]! < s)) break
      this.t[i] = this.t[p]!; this.f[i] = this.f[p]!; this.s[i] = this.s[p]!
      i = p
    }
    this.t[i] = t; this.f[i] = f; this.s[i] = s
  }
  run(until: number): void {
    while (this.t.length > 0 && this.t[0]! <= until) {
      const f = this.f[0]!
      this.now = this.t[0]!
      const t = this.t.pop()!, g = this.f.pop()!, s = this.s.pop()!
      const size = this.t.length
      if (size > 0) {
        let i = 0
        for (;;) {
          let c = 2 * i + 1
          if (c >= size) break
          if (c + 1 < size && (this.t[c + 1]! < this.t[c]! || (this.t[c + 1] === this.t[c] && this.s[c + 1]! < this.s[c]!))) c++
          if (t < this.t[c]! || (t === this.t[c] && s < this.s[c]!)) break
          this.t[i] = this.t[c]!; this.f[i] = this.f[c]!; this.s[i] = this.s[c]!
          i = c
        }
        this.t[i] = t; this.f[i] = g; this.s[i] = s
      }
      this.events++
      f()
    }
    this.now = until
  }
}
class Fifo<T> {
  xs: T[] = []; head = 0
  get length(): number { return this.xs.length - this.head }
  get first(): T { return this.xs[this.head]! }
  push(x: T): void { this.xs.push(x) }
  shift(): T { const x = this.xs[this.head++]!; if (this.head > 1000) { this.xs = this.xs.slice(this.head); this.head = 0 } return x }
}
/** A history is the list of LSNs at which records end; a fork copies it. */
interface Write { branch: number; lsn: number; state: 'open' | 'acked' | 'unknown' }
export interface RefLink { delayUs: number; ackDelayUs: number; flushDelayUs: number; bytesPerSecond: number }
export interface RefRule { k: number; members: RefCopy[]; stage: 'receive' | 'flush' | 'apply' }
export class RefCopy {
  hist: number[] = []; branches: { id: number; from: number }[] = [{ id: 0, from: 0 }]
  receive = 0; flush = 0; apply = 0; end = 0
  up: RefCopy | undefined; link: RefLink | undefined; gen = 0; crashGen = 0; sent = 0; lastArrival = 0; lastReport = 0
  rx = new Fifo<number>(); rxBusy = false; frozen = false; ax = new Fifo<number>(); axBusy = false; applyFrozen = false; applyRate = Infinity
  leading = false; rule: RefRule | null = null; waiting = new Fifo<{ lsn: number; ok: Fn }>(); acked = 0; seen = new Map<RefCopy, Record<string, number>>()
  constructor(readonly w: RefWorld, readonly name: string) {}
  get followers(): RefCopy[] { return this.w.copies.filter(c => c.up === this) }
  history(): { id: number; from: number }[] { return this.up ? this.up.history() : this.branches }
  branchHas(branch: number, lsn: number): boolean {
    const h = this.history()
    const i = h.findIndex(b => b.id === branch)
    return i >= 0 && lsn <= (h[i + 1]?.from ?? Infinity) && lsn <= this.receive
  }
  append(bytes: number, ok: Fn): { branch: number; lsn: number } {
    this.end += bytes
    this.hist.push(this.end)
    this.receive = this.flush = this.apply = this.end
    const lsn = this.end
    this.waiting.push({ lsn, ok })
    for (const f of this.w.copies) if (f.up === this) f.pull()
    if (this.rule === null) this.check()
    return { branch: this.branches[this.branches.length - 1]!.id, lsn }
  }
  check(): void {
    if (!this.leading) return
    let to = this.end
    if (this.rule !== null) {
      const r = this.rule
      let next = this.acked
      // The furthest record that at least k members have.
      const p: number[] = []
      for (const m of r.members) if (m.up === this) p.push(this.seen.get(m)?.[r.stage] ?? 0)
      if (p.length >= r.k) { p.sort((a, b) => b - a); next = p[r.k - 1]! }
      to = next
    }
    if (to > this.acked) this.acked = to
    const w = this.waiting
    while (w.length > 0 && w.first.lsn <= this.acked) w.shift().ok()
  }
  follow(up: RefCopy, link: RefLink): void {
    this.cut()
    this.up = up; this.link = link; this.sent = this.receive; this.lastArrival = 0; this.lastReport = 0
    this.pull()
    this.report()
  }
  cut(): void {
    if (this.up) { this.branches = this.history().filter(b => b.from < this.receive || b.from === 0); this.up.seen.delete(this); this.end = this.receive }
    this.up = undefined; this.gen++; this.rx = new Fifo(); this.rxBusy = false
  }
  /** Sends every record the upstream has flushed and not sent yet. */
  pull(): void {
    const up = this.up!, gen = this.gen
    let i = up.hist.length
    while (i > 0 && up.hist[i - 1]! > this.sent && up.hist.length - i < 8) i--
    if (i > 0 && up.hist[i - 1]! > this.sent) i = lower(up.hist, this.sent)
    for (; i < up.hist.length && up.hist[i]! <= up.flush; i++) {
      const lsn = up.hist[i]!
      this.sent = lsn
      this.lastArrival = Math.max(this.lastArrival, this.w.q.now + this.link!.delayUs)
      this.w.q.push(this.lastArrival, () => { if (gen === this.gen) { this.rx.push(lsn); this.serve() } })
    }
  }
  serve(): void { while (this.serveOne()) {} }
  private serveOne(): boolean {
    if (this.rxBusy || this.frozen || this.rx.length === 0) return false
    const lsn = this.rx.first, gen = this.gen, us = ((lsn - this.receive) * 1e6) / this.link!.bytesPerSecond
    const take = (): void => { this.rx.shift(); this.receive = lsn; this.hist.push(lsn); const c = this.crashGen; const d = this.link!.flushDelayUs; if (d === 0) this.flushed(lsn); else this.w.q.push(this.w.q.now + d, () => { if (c === this.crashGen && lsn > this.flush) this.flushed(lsn) }); this.report() }
    if (us === 0) { take(); return true }
    this.rxBusy = true
    this.w.q.push(this.w.q.now + us, () => { if (gen !== this.gen) return; this.rxBusy = false; if (this.frozen) return; take(); this.serve() })
    return false
  }
  flushed(lsn: number): void {
    this.flush = lsn
    for (const f of this.w.copies) if (f.up === this) f.pull()
    this.ax.push(lsn); this.report(); this.applyNext()
  }
  applyNext(): void { while (this.applyOne()) {} }
  private applyOne(): boolean {
    if (this.axBusy || this.applyFrozen || this.ax.length === 0) return false
    const lsn = this.ax.first, c = this.crashGen, us = ((lsn - this.apply) * 1e6) / this.applyRate
    const take = (): void => { this.ax.shift(); this.apply = lsn; this.report() }
    if (us === 0) { take(); return true }
    this.axBusy = true
    this.w.q.push(this.w.q.now + us, () => { if (c !== this.crashGen) return; this.axBusy = false; if (this.applyFrozen) return; take(); this.applyNext() })
    return false
  }
  report(): void {
    const up = this.up
    if (up === undefined || !up.leading || this.frozen) return
    const gen = this.gen, r = { receive: this.receive, flush: this.flush, apply: this.apply }
    this.lastReport = Math.max(this.lastReport, this.w.q.now + this.link!.ackDelayUs)
    this.w.q.push(this.lastReport, () => { if (gen === this.gen && up.leading) { up.seen.set(this, r); up.check() } })
  }
  freeze(on: boolean): void { this.frozen = on; if (!on) { if (this.up) this.report(); this.serve() } }
  freezeApply(on: boolean): void { this.applyFrozen = on; if (!on) this.applyNext() }
  crash(keep: boolean): void {
    this.stop(); this.cut(); this.crashGen++; this.axBusy = false
    if (keep) { this.flush = this.receive } else { this.receive = this.flush; this.hist.length = lower(this.hist, this.flush) }
    this.end = this.receive; this.ax = new Fifo(); if (this.receive > this.apply) this.ax.push(this.receive); this.applyNext()
  }
  adopt(o: RefCopy): void {
    this.crashGen++; this.axBusy = false; this.ax = new Fifo()
    this.hist = o.hist.slice(0, lower(o.hist, o.flush)); this.branches = o.history().filter(b => b.from < o.flush || b.from === 0)
    this.receive = this.flush = this.apply = this.end = o.flush
  }
  lead(): void {
    this.cut(); this.crashGen++
    this.end = this.flush = this.apply = this.receive; this.ax = new Fifo(); this.axBusy = false
    this.branches = [...this.branches, { id: ++this.w.branchIds, from: this.end }]
    this.leading = true; this.acked = this.end; this.waiting = new Fifo(); this.seen.clear()
    for (const f of this.followers) { f.pull(); f.report() }
  }
  stop(): void { if (!this.leading) return; this.leading = false; this.waiting = new Fifo(); for (const d of this.w.demands) if (d.leader === this) d.detach('broken'); else d.breakOld(this) }
}
/** The number of records that end at or before `lsn`. */
function lower(hist: number[], lsn: number): number {
  let lo = 0, hi = hist.length
  while (lo < hi) { const m = (lo + hi) >> 1; if (hist[m]! <= lsn) lo = m + 1; else hi = m }
  return lo
}
export interface RefDemandOptions { loop: 'open' | 'closed'; writesPerSecond: number; thinkUs: number; connections: number; bytesPerWrite: number; timeoutUs: number; queueAgeLimitUs: number; roundTripUs: number }
export class RefDemand {
  leader: RefCopy | undefined; held = false; factor = 1; busy = 0; queue = new Fifo<number>(); parked = 0; session = 0
  acked = 0; unknown = 0; expired = 0; arrivals = 0; writes: Write[] = []; open = new Map<Write, RefCopy>(); private rateGen = 0
  constructor(readonly w: RefWorld, readonly o: RefDemandOptions) { if (o.loop === 'open') this.arrive() }
  private arrive(): void {
    const gap = 1e6 / (this.o.writesPerSecond * this.factor), gen = ++this.rateGen, from = this.w.q.now
    if (!Number.isFinite(gap)) return
    const tick = (i: number): void => this.w.q.push(from + (i + this.w.random()) * gap, () => { if (gen !== this.rateGen) return; this.arrivals++; this.queue.push(this.w.q.now); this.drain(); tick(i + 1) })
    tick(0)
  }
  clients = 0
  get places(): number { return Math.round(this.o.connections * this.factor) }
  setRate(f: number): void {
    this.factor = f
    if (this.o.loop === 'open') this.arrive()
    else if (this.leader) while (this.clients < this.places) { this.clients++; this.think(this.o.thinkUs * this.w.random()) }
  }
  drain(): void {
    while (this.queue.length > 0 && this.w.q.now - this.queue.first > this.o.queueAgeLimitUs) { this.queue.shift(); this.expired++ }
    while (this.leader && !this.held && this.queue.length > 0 && this.busy < this.o.connections) {
      const t = this.queue.shift()
      if (this.w.q.now - t > this.o.queueAgeLimitUs) this.expired++
      else this.write()
    }
  }
  private write(): void {
    const leader = this.leader!, session = this.session, x: Write = { branch: 0, lsn: 0, state: 'open' }
    this.busy++
    let freed = false
    const free = (): void => { if (freed || session !== this.session) return; freed = true; this.busy--; this.next() }
    this.open.set(x, leader); this.writes.push(x)
    if (this.o.timeoutUs !== Infinity) this.w.q.push(this.w.q.now + this.o.timeoutUs, () => { this.finish(x, 'unknown'); if (this.o.loop === 'open') free() })
    const at = leader.append(this.o.bytesPerWrite, () => this.w.q.push(this.w.q.now + this.o.roundTripUs, () => { this.finish(x, 'acked'); free() }))
    x.branch = at.branch; x.lsn = at.lsn
  }
  private finish(x: Write, s: 'acked' | 'unknown'): void { if (x.state === 'open') { x.state = s; this[s]++; this.open.delete(x) } }
  private next(): void {
    if (this.o.loop === 'open') { this.drain(); return }
    if (this.clients > this.places) { this.clients--; return }
    this.think(this.o.thinkUs * (0.5 + this.w.random()))
  }
  private think(us: number): void { const session = this.session; this.w.q.push(this.w.q.now + us, () => { if (session === this.session) { if (this.held) this.parked++; else this.write() } }) }
  attach(leader: RefCopy): void {
    this.leader = leader; this.busy = 0; this.session++; this.parked = 0
    if (this.o.loop === 'open') this.drain()
    else for (this.clients = 0; this.clients < this.places; this.clients++) this.think(this.o.thinkUs * this.w.random())
  }
  detach(how: 'broken' | 'drained'): void { if (how === 'broken' && this.leader) this.breakOld(this.leader); this.leader = undefined; this.session++; this.busy = 0 }
  breakOld(leader: RefCopy): void { for (const [x, l] of this.open) if (l === leader) this.finish(x, 'unknown') }
  hold(on: boolean): void { this.held = on; if (!on) { const n = this.parked; this.parked = 0; if (this.leader) for (let i = 0; i < n; i++) this.write(); this.drain() } }
}
export class RefWorld {
  q = new Heap(); copies: RefCopy[] = []; demands: RefDemand[] = []; branchIds = 0
  private seed: number
  constructor(seed: number) { this.seed = seed | 0 }
  random(): number { this.seed = (this.seed + 0x6d2b79f5) | 0; let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed); t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296 }
  lost(authority: RefCopy): number { let n = 0; for (const d of this.demands) for (const x of d.writes) if (x.state === 'acked' && !authority.branchHas(x.branch, x.lsn)) n++; return n }
}
