import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defineEvent, NEVER, Simulation } from '../../src/kernel/index.ts'

const TICK = defineEvent('test.tick')

describe('order and clock', () => {
  test('events run sorted by (time, order of scheduling), also those scheduled by events; time never goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ time: fc.nat(50), children: fc.array(fc.nat(20), { maxLength: 3 }) }), { maxLength: 60 }), roots => {
        const sim = new Simulation({ seed: '1' })
        const scheduled: { time: number; sequence: number }[] = []
        const ran: { time: number; sequence: number }[] = []
        const schedule = (time: number, children: readonly number[]): void => {
          const event = { time, sequence: scheduled.length }
          scheduled.push(event)
          sim.call(time, () => {
            expect(sim.now).toBe(time)
            ran.push(event)
            for (const delay of children) schedule(sim.now + delay, [])
          })
        }
        for (const root of roots) schedule(root.time, root.children)
        sim.run()
        expect(ran).toEqual([...scheduled].sort((x, y) => x.time - y.time || x.sequence - y.sequence))
        expect(sim.eventsRun).toBe(scheduled.length)
        expect(sim.pending).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  test('a cancelled event never runs, even when cancelled at its own instant by an earlier event', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ time: fc.nat(20), victim: fc.option(fc.nat(40)) }), { minLength: 1, maxLength: 40 }), plan => {
        const sim = new Simulation({ seed: '1' })
        const cancelled = new Set<number>()
        const ran = new Set<number>()
        const timers = plan.map((p, i) =>
          sim.call(p.time, () => {
            expect(cancelled.has(i)).toBe(false)
            ran.add(i)
            if (p.victim === null) return
            const victim = p.victim % plan.length
            const could = sim.cancel(timers[victim] as number)
            expect(could).toBe(!ran.has(victim) && !cancelled.has(victim))
            if (could) cancelled.add(victim)
          }),
        )
        sim.run()
        expect(ran.size + cancelled.size).toBe(plan.length)
      }),
    )
  })

  test('an event in the past is refused in words; now is allowed', () => {
    const sim = new Simulation({ seed: '1' })
    const seen: number[] = []
    sim.call(100, () => {
      sim.call(100, () => seen.push(sim.now))
      expect(() => sim.call(99, () => {})).toThrowErrorMatchingInlineSnapshot(`[Error: kernel: event scheduled at 99 µs, but it is already 100 µs]`)
      expect(() => sim.after(Number.NaN, () => {})).toThrowErrorMatchingInlineSnapshot(`[Error: kernel: event scheduled at NaN µs, but it is already 100 µs]`)
    })
    sim.run()
    expect(seen).toEqual([100])
  })

  test('after() rounds to whole microseconds and never goes back', () => {
    const sim = new Simulation({ seed: '1' })
    const seen: number[] = []
    for (const us of [2.6, 0.4, -5, 1.5]) sim.after(us, () => seen.push(sim.now))
    sim.run()
    expect(seen).toEqual([0, 0, 2, 3])
  })

  test('run(until) includes the instant, sets the clock and can go on', () => {
    const sim = new Simulation({ seed: '1' })
    const seen: number[] = []
    for (const time of [10, 20, 20, 30]) sim.call(time, () => seen.push(time))
    sim.run(20)
    expect([sim.now, seen, sim.pending]).toEqual([20, [10, 20, 20], 1])
    sim.run(25)
    expect(sim.now).toBe(25)
    sim.run(1000)
    expect([sim.now, seen]).toEqual([1000, [10, 20, 20, 30]])
    sim.run(500)
    expect(sim.now).toBe(1000)
  })

  test('running in pieces is running at once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { maxLength: 30 }), fc.array(fc.nat(120), { maxLength: 5 }), (times, stops) => {
        const run = (pieces: readonly number[]): string => {
          const sim = new Simulation({ seed: '1' })
          sim.observe(() => sim.now < 50 && sim.eventsRun % 3 === 0 && sim.call(sim.now + 7, () => {}))
          for (const time of times) sim.call(time, () => sim.note(TICK, 'clock', Math.floor(sim.chance.draw('a', 'b', time) * 1000)))
          for (const until of pieces) sim.run(until)
          sim.run()
          return sim.traceHash()
        }
        expect(run([...stops].sort((x, y) => x - y))).toBe(run([]))
      }),
    )
  })

  test('an event at NEVER never runs and does not hold the run up', () => {
    const sim = new Simulation({ seed: '1' })
    sim.call(NEVER, () => expect.unreachable())
    sim.call(5, () => {})
    sim.run()
    expect(sim.now).toBe(5)
    expect(sim.pending).toBe(1)
  })

  test('stop() ends the run after the current event; the rest is still there', () => {
    const sim = new Simulation({ seed: '1' })
    const seen: number[] = []
    sim.call(1, () => {
      seen.push(1)
      sim.stop()
    })
    sim.call(1, () => seen.push(2))
    sim.run(50)
    expect([seen, sim.now]).toEqual([[1], 1])
    sim.run(50)
    expect([seen, sim.now]).toEqual([[1, 2], 50])
  })

  test('numbered kinds get their own a and b', () => {
    const sim = new Simulation({ seed: '1' })
    const seen: unknown[] = []
    const first = sim.on((a, b) => seen.push(['first', a, b]))
    const second = sim.on((a, b) => seen.push(['second', a, b]))
    sim.at(2, second, 7, 'x')
    sim.at(1, first)
    sim.run()
    expect(seen).toEqual([
      ['first', 0, undefined],
      ['second', 7, 'x'],
    ])
  })
})

describe('settled instants', () => {
  test('observers run once per instant in which something was touched, after all its events, in the order of adding', () => {
    const sim = new Simulation({ seed: '1' })
    const log: string[] = []
    sim.observe(() => log.push(`one@${sim.now}`))
    sim.observe(() => log.push(`two@${sim.now}`))
    for (const name of ['a', 'b']) {
      sim.call(10, () => {
        log.push(name)
        sim.touch()
      })
    }
    sim.call(20, () => log.push('quiet'))
    sim.call(30, () => {
      log.push('last')
      sim.touch()
    })
    sim.run()
    expect(log).toEqual(['a', 'b', 'one@10', 'two@10', 'quiet', 'last', 'one@30', 'two@30'])
  })

  test('events that an observer schedules for this instant run before time moves on, and are settled again', () => {
    const sim = new Simulation({ seed: '1' })
    const log: string[] = []
    let asked = 0
    sim.observe(() => {
      log.push(`asked@${sim.now}`)
      if (asked++ === 0) {
        sim.call(sim.now, () => {
          log.push(`reacted@${sim.now}`)
          sim.touch()
        })
      }
    })
    sim.call(5, () => sim.touch())
    sim.call(6, () => log.push('later'))
    sim.run()
    expect(log).toEqual(['asked@5', 'reacted@5', 'asked@5', 'later'])
  })

  test('a change made by one observer is shown to all of them again', () => {
    const sim = new Simulation({ seed: '1' })
    let world = 0
    const seen: number[] = []
    sim.observe(() => seen.push(world))
    sim.observe(() => {
      if (world < 3) {
        world += 1
        sim.touch()
      }
    })
    sim.call(1, () => sim.touch())
    sim.run()
    expect(seen).toEqual([0, 1, 2, 3])
  })

  test('observers that never come to rest are a defect, said in words', () => {
    const sim = new Simulation({ seed: '1' })
    sim.observe(() => sim.touch())
    sim.call(7, () => sim.touch())
    expect(() => sim.run()).toThrowErrorMatchingInlineSnapshot(`[Error: kernel: the observers keep changing the world at 7 µs; an observer must not touch what it observes]`)
  })

  test('what is touched in the last event, or before the first, is settled too; also at the end of run(until)', () => {
    const sim = new Simulation({ seed: '1' })
    const seen: number[] = []
    sim.observe(() => seen.push(sim.now))
    sim.touch()
    sim.run(10)
    expect(seen).toEqual([0])
    sim.touch()
    sim.run(20)
    expect(seen).toEqual([0, 10])
    sim.call(20, () => sim.touch())
    sim.run(20)
    expect(seen).toEqual([0, 10, 20])
  })

  test('an observer can be taken out, once or twice, even while they are being asked', () => {
    const sim = new Simulation({ seed: '1' })
    const log: string[] = []
    const removeA = sim.observe(() => {
      log.push('a')
      removeA()
      removeA()
    })
    sim.observe(() => log.push('b'))
    for (const time of [1, 2]) sim.call(time, () => sim.touch())
    sim.run()
    expect(log).toEqual(['a', 'b', 'b'])
  })

  test('touch and note raise the epoch; a note settles as a touch does', () => {
    const sim = new Simulation({ seed: '1' })
    let asked = 0
    sim.observe(() => {
      asked += 1
    })
    const epoch = sim.epoch
    sim.call(1, () => sim.touch())
    sim.call(2, () => sim.note(TICK, 'x'))
    sim.call(3, () => {})
    sim.run()
    expect(sim.epoch).toBe(epoch + 2)
    expect(asked).toBe(2)
  })
})

describe('records', () => {
  test('are kept only on request; detail is computed only then', () => {
    let computed = 0
    const run = (record: boolean): Simulation => {
      const sim = new Simulation({ seed: '1', record })
      sim.call(3, () => sim.note(TICK, 'pg-0', 7, () => `seven, ${++computed}`))
      sim.call(4, () => sim.note(TICK, 'pg-1'))
      sim.run()
      return sim
    }
    const silent = run(false)
    expect([silent.records, computed]).toEqual([undefined, 0])
    const kept = run(true)
    expect(kept.records).toEqual([
      { atUs: 3, label: 'test.tick', node: 'pg-0', payload: 7, detail: 'seven, 1' },
      { atUs: 4, label: 'test.tick', node: 'pg-1', payload: 0, detail: '' },
    ])
    expect(kept.traceHash()).toBe(silent.traceHash())
  })
})

describe('reseedAtUs: the same past, another future', () => {
  function luck(reseedAtUs?: number, reseedSalt?: string): number[] {
    const sim = new Simulation({ seed: '42', ...(reseedAtUs === undefined ? {} : { reseedAtUs }), ...(reseedSalt === undefined ? {} : { reseedSalt }) })
    const stream = sim.chance.stream('client', 'think')
    const drawn: number[] = []
    for (let time = 0; time < 100; time += 10) sim.call(time, () => drawn.push(sim.chance.draw('node', 'delay', time), stream()))
    sim.run()
    return drawn
  }

  test('draws and streams before the instant are untouched, all after it are new', () => {
    const plain = luck()
    for (const at of [0, 1, 10, 55, 90]) {
      const other = luck(at)
      plain.forEach((value, i) => {
        const time = Math.floor(i / 2) * 10
        if (time < at) expect(other[i]).toBe(value)
        else expect(other[i]).not.toBe(value)
      })
    }
    expect(luck(1000)).toEqual(plain)
  })

  test('the same salt gives the same future, another salt another one', () => {
    expect(luck(50, 'a')).toEqual(luck(50, 'a'))
    expect(luck(50, 'a').slice(10)).not.toEqual(luck(50, 'b').slice(10))
    expect(luck(50, 'a').slice(0, 10)).toEqual(luck(50, 'b').slice(0, 10))
  })

  test('also when the clock passes the instant without an event', () => {
    const draw = (reseedAtUs: number): number => {
      const sim = new Simulation({ seed: '42', reseedAtUs })
      sim.run(100)
      return sim.chance.draw('node', 'delay', 1)
    }
    expect(draw(101)).toBe(new Simulation({ seed: '42' }).chance.draw('node', 'delay', 1))
    expect(draw(100)).not.toBe(draw(101))
    expect(draw(50)).toBe(draw(100))
  })
})
