import { contains, Copy, Demand, ReplicatedLog, type Stage } from '../../../src/cluster/log/index.ts'
import { Simulation } from '../../../src/kernel/index.ts'
import { RefCopy, RefDemand, RefWorld } from './reference.ts'

/** One step of a random fault story; both simulators read the same. Copies and demands by number. */
export type Op =
  | { at: number; op: 'freeze' | 'thaw' | 'freezeApply' | 'thawApply' | 'unfollow' | 'follow' | 'cascade'; c: number }
  | { at: number; op: 'delay' | 'back' | 'flushDelay' | 'bandwidth' | 'applyRate'; c: number; v: number }
  | { at: number; op: 'crash'; c: number; keep: boolean }
  | { at: number; op: 'fail' }
  | { at: number; op: 'promote'; c: number }
  | { at: number; op: 'rule'; k: number; n: number; stage: Stage; async: boolean }
  | { at: number; op: 'hold' | 'release' | 'attach'; d: number }
  | { at: number; op: 'detach'; d: number; how: 'drained' | 'broken' }
  | { at: number; op: 'rate'; d: number; v: number }
export interface Link { delayUs: number; ackDelayUs: number; flushDelayUs: number; bytesPerSecond: number }
export type Options = ConstructorParameters<typeof Demand>[1]
export interface Script { seed: number; endUs: number; links: Link[]; demands: Options[]; ops: Op[] }
export interface Outcome { acked: number; unknown: number; expired: number; lost: number; events: number; demand: { acked: number; unknown: number; expired: number; queued: number; outstanding: number; arrivals: number }[] }

export function generator(seed: number): () => number {
  return (r => () => r.random())(new RefWorld(seed * 7919 + 13))
}

/** A random story over three or four copies and one or two demands: about a dozen changes in 12 s. */
export function randomScript(seed: number, open?: boolean, endUs = 12_000_000): Script {
  const r = generator(seed)
  const pick = <T>(xs: readonly T[]): T => xs[Math.floor(r() * xs.length)] as T
  const copies = 3 + (r() < 0.4 ? 1 : 0)
  const link = (): Link => ({ delayUs: pick([200, 1000, 5000, 20_000]), ackDelayUs: pick([200, 1000, 5000]), flushDelayUs: pick([0, 500, 3000]), bytesPerSecond: r() < 0.75 ? Infinity : pick([40_000, 100_000, 400_000]) })
  const demands: Options[] = []
  const count = r() < 0.35 ? 2 : 1
  for (let i = 0; i < count; i++) {
    const loop = open === undefined ? pick(['open', 'closed'] as const) : open ? 'open' : 'closed'
    const timeoutUs = pick([Infinity, Infinity, 300_000, 1_500_000])
    demands.push({ id: `d${i}`, loop, writesPerSecond: pick([100, 300, 600]), thinkUs: pick([10_000, 40_000, 100_000]), connections: loop === 'open' ? pick([10, 20, 40]) : pick([4, 10, 20]), bytesPerWrite: pick([100, 300]), timeoutUs, queueAgeLimitUs: pick([Infinity, 500_000, 2_000_000]), roundTripUs: pick([200, 1000, 4000]) })
  }
  const ops: Op[] = [{ at: 0, op: 'rule', k: 1 + Math.floor(r() * (copies - 1)), n: copies - 1, stage: pick(['receive', 'flush', 'flush', 'apply']), async: r() < 0.35 }]
  const n = 4 + Math.floor(r() * 10)
  const times = Array.from({ length: n }, () => 1_000_000 + Math.floor(r() * (endUs - 2_500_000))).sort((a, b) => a - b)
  for (const at of times) {
    const c = Math.floor(r() * copies)
    const d = Math.floor(r() * count)
    const later = Math.min(endUs - 500_000, at + Math.floor(r() * 2_500_000))
    const x = r()
    if (x < 0.14) ops.push({ at, op: 'freeze', c }, { at: later, op: 'thaw', c })
    else if (x < 0.18) ops.push({ at, op: 'freezeApply', c }, { at: later, op: 'thawApply', c })
    else if (x < 0.3) ops.push({ at, op: 'unfollow', c }, { at: later, op: r() < 0.25 ? 'cascade' : 'follow', c })
    else if (x < 0.4) ops.push({ at, op: pick(['delay', 'delay', 'back', 'flushDelay'] as const), c, v: pick([0, 500, 2000, 10_000, 50_000, 200_000]) })
    else if (x < 0.5) ops.push({ at, op: 'bandwidth', c, v: pick([20_000, 60_000, 200_000, Infinity, Infinity]) })
    else if (x < 0.55) ops.push({ at, op: 'applyRate', c, v: pick([30_000, 100_000, Infinity]) })
    else if (x < 0.6) ops.push({ at, op: 'crash', c, keep: r() < 0.5 }, { at: later, op: 'follow', c })
    else if (x < 0.72) {
      const back = Math.min(endUs - 400_000, at + 200_000 + Math.floor(r() * 1_500_000))
      ops.push({ at, op: 'fail' }, { at: back, op: 'promote', c })
    } else if (x < 0.8) ops.push({ at, op: 'rule', k: 1 + Math.floor(r() * (copies - 1)), n: 1 + Math.floor(r() * (copies - 1)), stage: pick(['receive', 'flush', 'apply']), async: r() < 0.3 })
    else if (x < 0.88) ops.push({ at, op: 'hold', d }, { at: later, op: 'release', d })
    else if (x < 0.95) ops.push({ at, op: 'detach', d, how: pick(['drained', 'broken']) }, { at: later, op: 'attach', d })
    else ops.push({ at, op: 'rate', d, v: pick([0, 0.5, 1, 2, 3]) })
  }
  ops.sort((a, b) => a.at - b.at)
  return { seed, endUs, links: Array.from({ length: copies }, link), demands, ops }
}

/** What a script needs of a simulator; the two below differ only in the classes they call. */
interface Rig {
  leader(): number
  contained(c: number, up: number): boolean
  following(c: number): number
  do(op: Op, up: number): void
}

/** Reads a script step: skips what makes no sense in the present state, by the same rule for both simulators. */
function step(rig: Rig, op: Op, state: { leader: number; down: Set<number>; attached: boolean[]; copies: number }): void {
  const { leader } = state
  if ('c' in op && op.op !== 'promote') {
    if (op.c === leader) return
    const follows = rig.following(op.c) >= 0
    if (op.op === 'follow' || op.op === 'cascade') {
      if (leader < 0 || follows) return
      let up = leader
      if (op.op === 'cascade') for (let i = 0; i < state.copies; i++) if (i !== op.c && rig.following(i) === leader) { up = i; break }
      rig.do(op, up)
      return
    }
    if (!follows && (op.op === 'unfollow' || op.op === 'crash' || op.op === 'delay' || op.op === 'back' || op.op === 'flushDelay' || op.op === 'bandwidth')) return
    rig.do(op, leader)
  } else if (op.op === 'fail') {
    if (leader < 0) return
    state.leader = -1
    rig.do(op, leader)
    state.attached.fill(false)
  } else if (op.op === 'promote') {
    if (leader >= 0) return
    state.leader = op.c
    rig.do(op, op.c)
    state.attached.fill(true)
  } else if (op.op === 'rule') {
    if (leader >= 0) rig.do(op, leader)
  } else if (op.op === 'detach') {
    if (!state.attached[op.d]) return
    state.attached[op.d] = false
    rig.do(op, leader)
  } else if (op.op === 'attach') {
    if (leader < 0 || state.attached[op.d]) return
    state.attached[op.d] = true
    rig.do(op, leader)
  } else rig.do(op, leader)
}

const changed = (link: Link, op: Op): Link => {
  if (!('v' in op)) return link
  if (op.op === 'delay') return { ...link, delayUs: op.v }
  if (op.op === 'back') return { ...link, ackDelayUs: op.v }
  if (op.op === 'flushDelay') return { ...link, flushDelayUs: op.v }
  if (op.op === 'bandwidth') return { ...link, bytesPerSecond: op.v }
  return link
}
const membersOf = (op: Op & { op: 'rule' }, leader: number, copies: number): number[] => Array.from({ length: copies }, (_, i) => i).filter(i => i !== leader).slice(0, op.n)

export interface FluidRun { outcome: Outcome; sim: Simulation; log: ReplicatedLog; copies: Copy[]; demands: Demand[] }

export function runFluid(script: Script, hooks: { ready?: (run: FluidRun) => void; each?: (run: FluidRun) => void } = {}): FluidRun {
  const sim = new Simulation({ seed: String(script.seed) })
  const log = new ReplicatedLog(sim, 'x')
  const root = log.genesis(0)
  const links = script.links.slice()
  const copies = links.map((_, i) => log.copy(`c${i}`, { branch: root, lsn: 0 }))
  const demands = script.demands.map(o => new Demand(log, o))
  const at = (i: number): Copy => copies[i] as Copy
  const run: FluidRun = { outcome: undefined as unknown as Outcome, sim, log, copies, demands }
  let rule: (Op & { op: 'rule' }) | undefined
  const state = { leader: 0, down: new Set<number>(), attached: demands.map(() => true), copies: copies.length }
  const connect = (c: number, up: number): void => {
    if (!contains(at(up).position('flush'), at(c).position('receive'))) at(c).adopt(at(up).position('flush'))
    at(c).follow(at(up), links[c] as Link)
  }
  const setRule = (leader: number): void => {
    if (rule === undefined) return
    at(leader).acknowledge(rule.async ? null : { k: rule.k, members: membersOf(rule, leader, copies.length).map(at), stage: rule.stage })
  }
  let timeline = 1
  const rig: Rig = {
    leader: () => state.leader,
    contained: (c, up) => contains(at(up).position('flush'), at(c).position('receive')),
    following: c => (at(c).upstream === undefined ? -1 : copies.indexOf(at(c).upstream as Copy)),
    do(op, up) {
      switch (op.op) {
        case 'freeze': return at(op.c).freeze('receive')
        case 'thaw': return at(op.c).thaw('receive')
        case 'freezeApply': return at(op.c).freeze('apply')
        case 'thawApply': return at(op.c).thaw('apply')
        case 'unfollow': return at(op.c).unfollow()
        case 'follow': case 'cascade': return connect(op.c, up)
        case 'delay': case 'back': case 'flushDelay': case 'bandwidth':
          links[op.c] = changed(links[op.c] as Link, op)
          return at(op.c).setLink(links[op.c] as Link)
        case 'applyRate': return at(op.c).setApplyRate(op.v)
        case 'crash':
          for (const x of copies) if (x.upstream === at(op.c)) x.unfollow()
          return at(op.c).crash(op.keep)
        case 'fail': at(up).stopLeading('killed'); return
        case 'promote': {
          at(op.c).unfollow()
          at(op.c).lead({ timeline: ++timeline })
          for (let i = 0; i < copies.length; i++) if (i !== op.c) { at(i).unfollow(); connect(i, op.c) }
          setRule(op.c)
          for (const d of demands) { d.detach('broken'); d.attach(at(op.c)) }
          return
        }
        case 'rule': rule = op; return setRule(up)
        case 'hold': return demands[op.d]!.hold()
        case 'release': return demands[op.d]!.release()
        case 'attach': return demands[op.d]!.attach(at(up))
        case 'detach': return demands[op.d]!.detach(op.how)
        case 'rate': return demands[op.d]!.setRate(op.v)
      }
    },
  }
  at(0).lead()
  for (let i = 1; i < copies.length; i++) connect(i, 0)
  hooks.ready?.(run)
  for (const d of demands) d.attach(at(0))
  for (const op of script.ops) {
    sim.run(op.at)
    hooks.each?.(run)
    step(rig, op, state)
  }
  sim.run(script.endUs)
  const authority = copies.find(c => c.leading) ?? copies.find((_, i) => i === 0)!
  const demand = demands.map(d => d.counts())
  const lost = log.ledger.beyond(authority.position('receive')).reduce((n, i) => n + i.writes, 0)
  run.outcome = { acked: log.ledger.ackedWrites(), unknown: log.ledger.total('unknown'), expired: demand.reduce((n, d) => n + d.expired, 0), lost, events: sim.eventsRun, demand }
  return run
}

export function runReference(script: Script, seed = script.seed): Outcome {
  const w = new RefWorld(seed)
  const links = script.links.slice()
  const copies = links.map((_, i) => new RefCopy(w, `c${i}`))
  w.copies = copies
  const at = (i: number): RefCopy => copies[i] as RefCopy
  let rule: (Op & { op: 'rule' }) | undefined
  const state = { leader: 0, down: new Set<number>(), attached: script.demands.map(() => true), copies: copies.length }
  const contained = (c: number, up: number): boolean => {
    const mine = at(c).history().filter(b => b.from < at(c).receive || b.from === 0)
    const last = mine[mine.length - 1]!
    const theirs = at(up).history()
    const i = theirs.findIndex(b => b.id === last.id)
    return i >= 0 && at(c).receive <= Math.min(theirs[i + 1]?.from ?? Infinity, at(up).flush)
  }
  const connect = (c: number, up: number): void => {
    if (!contained(c, up)) at(c).adopt(at(up))
    at(c).follow(at(up), links[c] as Link)
  }
  const setRule = (leader: number): void => {
    if (rule === undefined) return
    at(leader).rule = rule.async ? null : { k: rule.k, members: membersOf(rule, leader, copies.length).map(at), stage: rule.stage }
    at(leader).check()
  }
  const rig: Rig = {
    leader: () => state.leader,
    contained,
    following: c => (at(c).up === undefined ? -1 : copies.indexOf(at(c).up as RefCopy)),
    do(op, up) {
      switch (op.op) {
        case 'freeze': return at(op.c).freeze(true)
        case 'thaw': return at(op.c).freeze(false)
        case 'freezeApply': return at(op.c).freezeApply(true)
        case 'thawApply': return at(op.c).freezeApply(false)
        case 'unfollow': at(op.c).cut(); return
        case 'follow': case 'cascade': return connect(op.c, up)
        case 'delay': case 'back': case 'flushDelay': case 'bandwidth':
          links[op.c] = changed(links[op.c] as Link, op)
          at(op.c).link = links[op.c] as Link
          return
        case 'applyRate': at(op.c).applyRate = op.v; return
        case 'crash':
          for (const x of copies) if (x.up === at(op.c)) x.cut()
          return at(op.c).crash(op.keep)
        case 'fail': return at(up).stop()
        case 'promote':
          at(op.c).lead()
          for (let i = 0; i < copies.length; i++) if (i !== op.c) { at(i).cut(); connect(i, op.c) }
          setRule(op.c)
          for (const d of w.demands) { d.detach('broken'); d.attach(at(op.c)) }
          return
        case 'rule': rule = op; return setRule(up)
        case 'hold': w.demands[op.d]!.hold(true); return
        case 'release': w.demands[op.d]!.hold(false); return
        case 'attach': w.demands[op.d]!.attach(at(up)); return
        case 'detach': w.demands[op.d]!.detach(op.how); return
        case 'rate': w.demands[op.d]!.setRate(op.v); return
      }
    },
  }
  at(0).leading = true
  for (let i = 1; i < copies.length; i++) connect(i, 0)
  w.demands = script.demands.map(o => new RefDemand(w, o))
  for (const d of w.demands) d.attach(at(0))
  for (const op of script.ops) {
    w.q.run(op.at)
    step(rig, op, state)
  }
  w.q.run(script.endUs)
  const authority = copies.find(c => c.leading) ?? at(0)
  const sum = (k: 'acked' | 'unknown' | 'expired'): number => w.demands.reduce((n, d) => n + d[k], 0)
  return { acked: sum('acked'), unknown: sum('unknown'), expired: sum('expired'), lost: w.lost(authority), events: w.q.events, demand: w.demands.map(d => ({ acked: d.acked, unknown: d.unknown, expired: d.expired, queued: d.queue.length, outstanding: d.open.size, arrivals: d.arrivals })) }
}
