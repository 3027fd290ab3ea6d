import { expect, test } from 'vitest'
import { contains, Demand, forkPoint, Marks, OK, type Position, ReplicatedLog, UNKNOWN } from '../../../src/cluster/log/index.ts'
import { Simulation } from '../../../src/kernel/index.ts'
import { generator, randomScript, runFluid } from './script.ts'

const STORIES = 150
const MARKS = { perSecond: 20, densePerSecond: 200, denseForUs: 500_000, keys: 16 }

test('arrivals are acknowledged, unknown, expired, queued or outstanding, each a whole number that is not negative, at every step', () => {
  for (let seed = 1; seed <= STORIES; seed++) {
    runFluid(randomScript(seed), {
      each: ({ demands }) => {
        for (const d of demands) {
          const c = d.counts()
          expect(c.acked + c.unknown + c.expired + c.queued + c.outstanding).toBe(c.arrivals)
          for (const n of Object.values(c)) expect(Number.isInteger(n) && n >= 0, `${seed} ${JSON.stringify(c)}`).toBe(true)
        }
      },
    })
  }
})

test('nothing acknowledged vanishes: acknowledged counts never fall, and what the last leader lacks is what forks dropped', () => {
  for (let seed = 1; seed <= STORIES; seed++) {
    let before = 0
    let forks = 0
    const { log, copies } = runFluid(randomScript(seed), {
      each: ({ log }) => {
        expect(log.ledger.ackedWrites()).toBeGreaterThanOrEqual(before)
        before = log.ledger.ackedWrites()
      },
    })
    const leader = copies.find(c => c.leading)
    for (let b = leader?.branch; b?.parent; b = b.parent) forks++
    if (leader !== undefined && forks === 0) expect(log.ledger.beyond(leader.position('receive'))).toEqual([])
    const sum = log.ledger.intervals().reduce((n, i) => n + (i.kind === 'unknown' ? 0 : i.writes), 0)
    expect(sum).toBe(log.ledger.ackedWrites())
  }
})

test('no client is told before the rule is met: at the instant its write counts as acknowledged, the acknowledgement has come that far', () => {
  let judged = 0
  for (let seed = 1; seed <= 400; seed++) {
    const told: { at: number; branch: unknown; lsn: number; kind: string }[] = []
    const acks: { branch: unknown; ack: { valueAt(us: number): number } }[] = []
    runFluid(randomScript(seed), {
      ready: ({ log, demands, copies }) => {
        log.ledger.listeners.push(e => {
          const roundTripUs = demands.find(d => d.options.id === e.demand)?.options.roundTripUs ?? 0
          const head = copies.find(c => c.head?.branch === e.branch)?.head
          if (head !== undefined && !acks.some(({ ack }) => ack === head.ack)) acks.push(head)
          if (e.kind === 'ok') told.push({ at: e.a1 - roundTripUs, branch: e.branch, lsn: e.x1, kind: e.kind }, { at: e.a2 - roundTripUs, branch: e.branch, lsn: e.x2, kind: e.kind })
        })
      },
    })
    for (const { at, branch, lsn } of told) {
      const heads = acks.filter(head => head.branch === branch)
      if (heads.length === 0) continue
      judged += 1
      expect(Math.max(...heads.map(({ ack }) => ack.valueAt(at))), `seed ${seed} at ${at}`).toBeGreaterThanOrEqual(lsn - 2)
    }
  }
  expect(judged).toBeGreaterThan(10_000)
})

test('positions are whole, in stage order, and never fall except by a crash or an adoption', () => {
  for (let seed = 1; seed <= STORIES; seed++) {
    const script = randomScript(seed)
    const calm = { ...script, ops: script.ops.filter(o => o.op !== 'crash' && o.op !== 'fail' && o.op !== 'promote') }
    let last: number[] = []
    runFluid(calm, {
      each: ({ copies }) => {
        const now = copies.flatMap(c => [c.lsn('receive'), c.lsn('flush'), c.lsn('apply')])
        now.forEach((n, i) => {
          expect(Number.isInteger(n)).toBe(true)
          expect(n).toBeGreaterThanOrEqual(last[i] ?? 0)
          if (i % 3 > 0) expect(n).toBeLessThanOrEqual(now[i - 1] as number)
        })
        last = now
      },
    })
  }
})

test('containment is a partial order that agrees with the fork point', () => {
  const r = generator(5)
  const log = new ReplicatedLog(new Simulation({ seed: 'c' }), 'x')
  const branches = [log.genesis(0)]
  for (let i = 0; i < 12; i++) {
    const parent = branches[Math.floor(r() * branches.length)]!
    branches.push(log.fork(i + 2, parent, parent.forkLsn + Math.floor(r() * 50)))
  }
  branches.push(log.genesis(0, 99))
  const point = (): Position => {
    const branch = branches[Math.floor(r() * branches.length)]!
    return { branch, lsn: branch.forkLsn + Math.floor(r() * 60) }
  }
  for (let i = 0; i < 3000; i++) {
    const [a, b, c] = [point(), point(), point()]
    expect(contains(a, a)).toBe(true)
    if (contains(a, b) && contains(b, c)) expect(contains(a, c)).toBe(true)
    const f = forkPoint(a, b)
    expect(forkPoint(b, a).lsn).toBe(f.lsn)
    if (f.lsn >= 0) expect(contains(a, f) && contains(b, f)).toBe(true)
    expect(contains(a, b)).toBe(f.lsn >= b.lsn)
  }
})

test('the same seed gives the same hash, with marks or without, looked at often or never', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const script = randomScript(seed)
    const plain = runFluid(script)
    let marks: Marks[] = []
    const marked = runFluid(script, { ready: ({ demands }) => void (marks = demands.map(d => new Marks(d, MARKS))), each: () => marks.forEach(m => m.sync()) })
    expect(marked.sim.traceHash()).toBe(plain.sim.traceHash())
    expect(marked.sim.eventsRun).toBe(plain.sim.eventsRun)
    expect(marked.outcome).toEqual(plain.outcome)
  }
})

test('marks resolved at the end are those resolved by an event every 7 ms', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const script = randomScript(seed)
    const rows = (every: boolean): number[][] => {
      let marks: Marks[] = []
      runFluid(script, {
        ready: ({ demands, sim }) => {
          marks = demands.map(d => new Marks(d, MARKS))
          const tick = (): void => {
            for (const m of marks) m.sync()
            sim.after(7000, tick)
          }
          if (every) sim.after(7000, tick)
        },
      })
      return marks.flatMap((m, which) => {
        m.sync()
        return Array.from({ length: m.n }, (_, i) => [which, m.outcome[i] as number, m.branch[i]?.id ?? -1, m.invokedUs[i] as number, m.lsn[i] as number, m.doneUs[i] as number])
      }).sort((x, y) => x[0]! - y[0]! || x[3]! - y[3]! || x[5]! - y[5]!)
    }
    const [lazy, eager] = [rows(false), rows(true)]
    expect(eager.length).toBe(lazy.length)
    let apart = 0
    lazy.forEach((row, i) => row.forEach((x, j) => void (Math.abs(x - (eager[i] as number[])[j]!) > 2 && apart++)))
    if (apart > 0) console.log(lazy.flatMap((row, i) => (row.some((x, j) => Math.abs(x - (eager[i] as number[])[j]!) > 2) ? [`${i} ${row} | ${eager[i]}`] : [])).slice(0, 12).join('\n'))
    expect(apart, `seed ${seed}: of ${lazy.length}`).toBe(0)
  }
})

test('marks weigh what the flow counts, and no load has no marks', () => {
  for (let seed = 1; seed <= 40; seed++) {
    let marks: Marks[] = []
    const { demands } = runFluid(randomScript(seed), { ready: ({ demands }) => void (marks = demands.map(d => new Marks(d, MARKS))) })
    demands.forEach((d, i) => {
      const m = marks[i] as Marks
      m.sync()
      let acked = 0
      let unknown = 0
      for (let j = 0; j < m.n; j++) {
        if (m.outcome[j] === OK) acked += m.weight[j] as number
        if (m.outcome[j] === UNKNOWN) unknown += m.weight[j] as number
      }
      expect(Math.abs(acked + unknown - d.counts().acked - d.counts().unknown)).toBeLessThan(120)
    })
  }
  const sim = new Simulation({ seed: 'z' })
  const log = new ReplicatedLog(sim, 'z')
  const a = log.copy('a', { branch: log.genesis(0), lsn: 0 })
  a.lead()
  const d = new Demand(log, { id: 'none', loop: 'open', writesPerSecond: 0, thinkUs: 0, connections: 5, bytesPerWrite: 100, timeoutUs: Infinity, queueAgeLimitUs: Infinity, roundTripUs: 0 })
  const m = new Marks(d, MARKS)
  d.attach(a)
  sim.run(60_000_000)
  m.sync()
  expect(m.n).toBe(0)
})

test('the cost does not depend on the write rate: the same story at 10 and at 100,000 writes per second takes the same events', () => {
  const events = [10, 1000, 100_000].map(rate => {
    const sim = new Simulation({ seed: 'rate' })
    const log = new ReplicatedLog(sim, 'x')
    const root = log.genesis(0)
    const [a, b, c] = ['a', 'b', 'c'].map(n => log.copy(n, { branch: root, lsn: 0 })) as [ReturnType<typeof log.copy>, ReturnType<typeof log.copy>, ReturnType<typeof log.copy>]
    const link = { delayUs: 500, ackDelayUs: 500, flushDelayUs: 500, bytesPerSecond: Infinity }
    a.lead()
    b.follow(a, link)
    c.follow(a, link)
    a.acknowledge({ k: 1, members: [b, c], stage: 'flush' })
    const d = new Demand(log, { id: 'd', loop: 'open', writesPerSecond: rate, thinkUs: 0, connections: Math.max(1, rate / 100), bytesPerWrite: 200, timeoutUs: Infinity, queueAgeLimitUs: 2_000_000, roundTripUs: 500 })
    const flow: boolean[] = []
    d.onFlow = f => flow.push(f)
    d.attach(a)
    sim.run(30_000_000)
    b.freeze('receive')
    sim.run(60_000_000)
    c.freeze('receive')
    sim.run(70_000_000)
    c.thaw('receive')
    sim.run(600_000_000)
    expect(a.ackHung).toBe(false)
    a.stopLeading('killed')
    c.lead({ timeline: 2 })
    expect(log.ledger.beyond(c.position('receive'))).toEqual([])
    return `${log.wakes} ${flow.join()}`
  })
  expect(new Set(events).size).toBe(1)
})
