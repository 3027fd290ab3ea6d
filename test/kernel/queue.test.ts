import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventQueue, NEVER, type TimerId } from '../../src/kernel/index.ts'

/** What a queue does, said as slowly and plainly as possible. */
class NaiveQueue {
  private events: { time: number; sequence: number; a: number }[] = []
  private sequence = 0

  push(time: number, a: number): number {
    this.events.push({ time, sequence: this.sequence, a })
    return this.sequence++
  }

  cancel(sequence: number): boolean {
    const before = this.events.length
    this.events = this.events.filter(e => e.sequence !== sequence)
    return this.events.length < before
  }

  pop(): { time: number; a: number } | undefined {
    this.events.sort((x, y) => x.time - y.time || x.sequence - y.sequence)
    const first = this.events.shift()
    return first && { time: first.time, a: first.a }
  }

  get length(): number {
    return this.events.length
  }

  get firstTime(): number {
    return this.events.reduce((least, e) => Math.min(least, e.time), NEVER)
  }
}

type Action = { do: 'push'; time: number } | { do: 'pop' } | { do: 'cancel'; which: number }

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('push' as const), time: fc.oneof(fc.nat(5), fc.nat(1_000_000_000)) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pop' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(500) }) },
)

function popped(queue: EventQueue): { time: number; a: number } | undefined {
  return queue.pop() ? { time: queue.time, a: queue.a } : undefined
}

describe('event queue', () => {
  test('does what a sorted list does, whatever is pushed, popped and cancelled', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), actions => {
        const queue = new EventQueue()
        const naive = new NaiveQueue()
        const timers: [TimerId, number][] = []
        actions.forEach((step, i) => {
          if (step.do === 'push') timers.push([queue.push(step.time, 7, i, i), naive.push(step.time, i)])
          else if (step.do === 'pop') expect(popped(queue)).toEqual(naive.pop())
          else if (timers.length > 0) {
            const [timer, sequence] = timers[step.which % timers.length] as [TimerId, number]
            expect(queue.cancel(timer)).toBe(naive.cancel(sequence))
          }
          expect(queue.length).toBe(naive.length)
          expect(queue.peekTime()).toBe(naive.firstTime)
        })
        while (naive.length > 0) expect(popped(queue)).toEqual(naive.pop())
        expect(queue.pop()).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('events of one instant come out in the order in which they were pushed', () => {
    const queue = new EventQueue()
    for (let i = 0; i < 1000; i++) queue.push(i % 3, 0, i, undefined)
    const order: number[] = []
    while (queue.pop()) order.push(queue.a)
    const expected = [0, 1, 2].flatMap(time => Array.from({ length: 1000 }, (_, i) => i).filter(i => i % 3 === time))
    expect(order).toEqual(expected)
  })

  test('gives back all four parts of an event', () => {
    const queue = new EventQueue()
    const b = { any: 'thing' }
    queue.push(5, 3, 0.25, b)
    queue.pop()
    expect([queue.time, queue.kind, queue.a, queue.b]).toEqual([5, 3, 0.25, b])
    expect(queue.b).toBe(b)
  })

  test('cancelling twice, after the event, or with a number never handed out is false and harms nobody', () => {
    const queue = new EventQueue()
    const first = queue.push(1, 0, 1, undefined)
    expect(queue.cancel(first)).toBe(true)
    expect(queue.cancel(first)).toBe(false)
    expect(queue.pop()).toBe(false)
    // The slot of the cancelled event is used again: the old name must not reach the new event.
    const second = queue.push(2, 0, 2, undefined)
    expect(second).not.toBe(first)
    expect(queue.cancel(first)).toBe(false)
    expect(queue.length).toBe(1)
    expect(queue.pop()).toBe(true)
    expect(queue.cancel(second)).toBe(false)
    for (const strange of [0, 1, 123_456, -1, Number.NaN]) expect(queue.cancel(strange)).toBe(false)
    expect(queue.length).toBe(0)
  })

  test('a name stays its own through many reuses of the slot', () => {
    const queue = new EventQueue()
    const names = new Set<TimerId>()
    for (let i = 0; i < 10_000; i++) {
      names.add(queue.push(i, 0, i, undefined))
      queue.pop()
    }
    expect(names.size).toBe(10_000)
    queue.push(1, 0, 1, undefined)
    for (const name of names) expect(queue.cancel(name)).toBe(false)
    expect(queue.length).toBe(1)
  })

  test('grows past its first capacity without losing or reordering anything', () => {
    const queue = new EventQueue()
    const times = Array.from({ length: 5000 }, (_, i) => (i * 7919) % 5003)
    times.forEach((time, i) => queue.push(time, 0, i, undefined))
    const out: number[] = []
    while (queue.pop()) out.push(queue.time)
    expect(out).toEqual([...times].sort((x, y) => x - y))
  })

  test('timers set far ahead and taken back do not pile up', () => {
    const queue = new EventQueue()
    const kept: number[] = []
    for (let i = 0; i < 200_000; i++) {
      const timer = queue.push(1_000_000_000 - i, 0, i, undefined)
      if (i % 1000 === 0) kept.push(i)
      else queue.cancel(timer)
    }
    expect(queue.length).toBe(200)
    expect(queue.places).toBeLessThanOrEqual(1025)
    const out: number[] = []
    while (queue.pop()) out.push(queue.a)
    expect(out).toEqual(kept.reverse())
  })
})
