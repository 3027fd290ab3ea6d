/** Buffering in vtgates (rules VT-BUF-1…6; facts §1.4; oracle O4, PF16, PF19, traps VT-T09, VT-T10). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ageLimitUs, drainSeconds, evictions, type Fate, RequestBuffer } from '../../models/vitess/buffer.ts'
import { vitess, vitessOptions } from '../../models/vitess/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { Lab } from './lab.ts'

const DEFAULTS = { ...vitessOptions.parse({}).buffer, enabled: true }
const prs = (lab: Lab, n: number): string => `vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(n).alias}`

/** A planned reparent under load: what failed, and for how long nobody wrote. */
function reparented(options: object, load: object): { lab: Lab; attempts: number; gap: number } {
  const lab = new Lab({ timing: { reparentSeconds: 2 }, ...options }, load)
  const before = lab.failures().attempts
  const task = lab.start(prs(lab, 1))
  const gap = lab.gap(60)
  lab.until(() => task.state !== 'running', 60)
  lab.wait(5)
  return { lab, attempts: lab.failures().attempts - before, gap }
}

describe('VT-BUF-1: off by default', () => {
  it('off: everything fails at once while a reparent goes on; on: nothing does', () => {
    expect(vitessOptions.parse({}).buffer).toMatchObject({ enabled: false, size: 1000, windowSeconds: 10, maxFailoverSeconds: 20, minBetweenSeconds: 60, drainConcurrency: 1 })
    const off = reparented({}, { loop: 'closed' })
    expect(off.attempts).toBeGreaterThan(100)
    const on = reparented({ buffer: { enabled: true } }, { loop: 'closed' })
    expect(on.attempts).toBe(0)
    expect(on.gap).toBeGreaterThan(1.5)
    expect(on.gap).toBeLessThan(5)
  })

  it('limits that vtgate would not start with are refused', () => {
    const problem = (buffer: object) => vitess.problems(vitessOptions.parse({ buffer }))[0]?.message
    expect(problem({ windowSeconds: 30 })).toMatch(/buffer_window must be at most/)
    expect(problem({ minBetweenSeconds: 30 })).toMatch(/at least twice buffer_max_failover_duration/)
    expect(problem({})).toBeUndefined()
  })
})

it('VT-BUF-2: programs in transactions or on reserved connections are never buffered', () => {
  const { attempts } = reparented({ buffer: { enabled: true } }, { loop: 'closed', entrance: 'reserved' })
  expect(attempts).toBeGreaterThan(100)
})

describe('VT-BUF-3: size and window', () => {
  it('an open loop above buffer_size shows evictions by the formula: rate × stall − size (O4)', () => {
    const { attempts, gap } = reparented({ buffer: { enabled: true }, vtgates: 1, timing: { reparentSeconds: 8 } }, { writesPerSecond: 2000, attempts: 1, connections: 200 })
    const expected = evictions(2000, gap, 1000)
    expect(expected).toBeGreaterThan(1000)
    expect(attempts / expected).toBeGreaterThan(0.9)
    expect(attempts / expected).toBeLessThan(1.1)
  })

  it('the buffer is one for all shards of a vtgate: two that stand still together fill it twice as fast', () => {
    const one = ageLimitUs([{ loop: 'open', perSecond: 500 }], DEFAULTS)
    expect(one).toBe(2 * SECOND)
    expect(ageLimitUs([{ loop: 'open', perSecond: 500 }, { loop: 'open', perSecond: 500 }], DEFAULTS)).toBe(SECOND)
    expect(ageLimitUs([{ loop: 'open', perSecond: 10 }], DEFAULTS)).toBe(10 * SECOND)
  })

  it('a window of a second turns away whoever came in the first part of a longer stall: 6 of 10 (PF19)', () => {
    const buffer = new RequestBuffer({ ...DEFAULTS, windowSeconds: 1 })
    buffer.begin('-', 0)
    for (let i = 0; i < 10; i++) buffer.request(i, '-', i * 0.2 * SECOND)
    buffer.end('-', 2.1 * SECOND)
    expect([...buffer.fates.values()].filter(f => f === 'window')).toHaveLength(6)
    expect([...buffer.fates.values()].filter(f => f === 'answered')).toHaveLength(4)
  })

  it('size 4 under 6 connections, each trying again once: 4 are evicted, the oldest first (PF19)', () => {
    const buffer = new RequestBuffer({ ...DEFAULTS, size: 4 })
    buffer.begin('-', 0)
    for (let i = 0; i < 6; i++) buffer.request(i, '-', i * 1000)
    expect([0, 1].map(i => buffer.fates.get(i))).toEqual(['evicted', 'evicted'])
    for (let i = 6; i < 8; i++) buffer.request(i, '-', i * 1000)
    expect([...buffer.fates.values()].filter(f => f === 'evicted')).toHaveLength(4)
    buffer.end('-', SECOND)
    expect([4, 5, 6, 7].map(i => buffer.fates.get(i))).toEqual(['answered', 'answered', 'answered', 'answered'])
  })

  it('a shard with nobody in a buffer full of another’s is told that it is full', () => {
    const buffer = new RequestBuffer({ ...DEFAULTS, size: 2 })
    buffer.begin('-80', 0)
    buffer.begin('80-', 0)
    for (let i = 0; i < 2; i++) buffer.request(i, '-80', i)
    buffer.request(2, '80-', 3)
    expect(buffer.fates.get(2)).toBe('full')
  })

  it('as a flow and request by request it is the same: who is turned away, how many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 400 }), fc.integer({ min: 5, max: 300 }), fc.integer({ min: 1, max: 10 }), fc.double({ min: 0.5, max: 15, noNaN: true }), (perSecond, size, windowSeconds, stall) => {
        const options = { ...DEFAULTS, size, windowSeconds, maxFailoverSeconds: 30, minBetweenSeconds: 60 }
        const buffer = new RequestBuffer(options)
        buffer.begin('-', 0)
        const n = Math.floor(perSecond * stall)
        for (let i = 0; i < n; i++) buffer.request(i, '-', ((i + 1) * SECOND) / perSecond)
        buffer.end('-', stall * SECOND)
        const away = [...buffer.fates.values()].filter((f: Fate) => f !== 'answered').length
        const limit = ageLimitUs([{ loop: 'open', perSecond }], options) / SECOND
        expect(Math.abs(away - Math.max(0, perSecond * (stall - limit)))).toBeLessThanOrEqual(2)
      }),
    )
  })
})

describe('VT-BUF-4: when it does not begin, and when it ends', () => {
  it('a second reparent within 60 s is not buffered; one after it is (VT-T09, PF19)', () => {
    const { lab, attempts } = reparented({ buffer: { enabled: true } }, { loop: 'closed' })
    expect(attempts).toBe(0)
    const again = (n: number): number => {
      const before = lab.failures().attempts
      const task = lab.start(prs(lab, n))
      lab.gap(30)
      lab.until(() => task.state !== 'running', 60)
      lab.wait(5)
      return lab.failures().attempts - before
    }
    expect(again(2)).toBeGreaterThan(100)
    lab.wait(60)
    expect(again(3)).toBe(0)
  })

  it('gives up after buffer_max_failover_duration', () => {
    const { attempts, gap } = reparented({ buffer: { enabled: true }, timing: { reparentSeconds: 30 } }, { loop: 'closed', timeoutUs: 600_000_000, queueAgeLimitUs: 600_000_000 })
    expect(gap).toBeGreaterThan(29)
    expect(attempts).toBeGreaterThan(50)
    const buffer = new RequestBuffer({ ...DEFAULTS, windowSeconds: 20 })
    buffer.begin('-', 0)
    buffer.request(1, '-', 15 * SECOND)
    buffer.age(20 * SECOND)
    expect(buffer.fates.get(1)).toBe('stopped')
  })

  it('and who comes after that is refused at once', () => {
    const lab = new Lab({ buffer: { enabled: true }, timing: { reparentSeconds: 40 } }, { loop: 'closed', timeoutUs: 600_000_000, queueAgeLimitUs: 600_000_000 })
    const task = lab.start(prs(lab, 1))
    lab.until(() => lab.shard.demotedUs !== undefined, 10)
    lab.wait(19)
    expect(lab.state).toBe('held')
    lab.wait(2)
    expect(lab.state).toBe('failing')
    lab.until(() => task.state !== 'running', 60)
    expect(lab.until(() => lab.writing, 10)).toBeLessThan(10)
  })

  it('a vtgate that has only just started does not buffer (#16655)', () => {
    const lab = new Lab({ buffer: { enabled: true }, vtgates: 1, timing: { reparentSeconds: 20 } }, { loop: 'closed' })
    const task = lab.start(prs(lab, 1))
    lab.until(() => lab.shard.demotedUs !== undefined, 10)
    expect(lab.state).toBe('held')
    lab.strike('proxy-restart', lab.cluster.targets('proxy-restart')[0]!)
    lab.until(() => lab.state === 'failing', 15, 'a fresh vtgate says no')
    lab.until(() => task.state !== 'running', 60)
  })
})

it('VT-BUF-5: an unplanned failover is not buffered', () => {
  const lab = new Lab({ buffer: { enabled: true } }, { loop: 'closed' })
  lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 120_000_000)
  lab.wait(0.1)
  expect(lab.state).toBe('failing')
})

describe('VT-BUF-6: closed loops', () => {
  it('as many clients as the buffer is large: nobody is turned away, however quick they are', () => {
    expect(ageLimitUs([{ loop: 'closed', clients: 1000, pauseUs: 1000 }], DEFAULTS)).toBe(10 * SECOND)
    expect(ageLimitUs([{ loop: 'closed', clients: 1500, pauseUs: 100_000 }], DEFAULTS)).toBe(200_000)
    const fits = reparented({ buffer: { enabled: true, size: 50 }, vtgates: 1 }, { loop: 'closed', connections: 50 })
    expect(fits.attempts).toBe(0)
    const full = reparented({ buffer: { enabled: true, size: 20 }, vtgates: 1 }, { loop: 'closed', connections: 50 })
    expect(full.attempts).toBeGreaterThan(100)
  })

  it('the last of a thousand waits two more seconds at 2 ms each, one after the other (VT-F35)', () => {
    expect(drainSeconds(1000, 0.002, 1)).toBe(2)
    expect(drainSeconds(1000, 0.002, 4)).toBe(0.5)
  })
})
