import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Process, Signal, Simulation, type Task, TIMED_OUT, type Waiting, within } from '../../src/kernel/index.ts'

interface World {
  readonly sim: Simulation
  readonly log: string[]
  say(text: string): void
}

function world(): World {
  const sim = new Simulation({ seed: '1' })
  const log: string[] = []
  return { sim, log, say: text => void log.push(`${sim.now} ${text}`) }
}

describe('sleeping', () => {
  test('a yielded number sleeps that long, rounded, and never back in time', () => {
    const { sim, log, say } = world()
    sim.spawn(
      (function* (): Process {
        for (const us of [10, 2.6, 0, -5]) {
          yield us
          say(`slept ${us}`)
        }
      })(),
    )
    sim.run()
    expect(log).toEqual(['10 slept 10', '13 slept 2.6', '13 slept 0', '13 slept -5'])
  })

  test('an infinite sleep never ends and does not hold the run up', () => {
    const { sim, log, say } = world()
    const task = sim.spawn(
      (function* (): Process {
        try {
          yield Number.POSITIVE_INFINITY
        } finally {
          say('cleaned up')
        }
      })(),
    )
    sim.run(100)
    expect(task.state).toBe('running')
    task.kill()
    expect(log).toEqual(['100 cleaned up'])
  })

  test('a process starts at the end of the events already due at the instant of its spawn', () => {
    const { sim, log, say } = world()
    sim.call(5, () => {
      sim.spawn(
        (function* (): Process {
          say('process')
        })(),
      )
      say('spawned')
    })
    sim.call(5, () => say('event'))
    sim.run()
    expect(log).toEqual(['5 spawned', '5 event', '5 process'])
  })

  test('processes interleave exactly as their sleeps add up', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(10), { maxLength: 8 }), { maxLength: 8 }), sleeps => {
        const { sim } = world()
        const woke: { time: number; who: number }[] = []
        sleeps.forEach((mine, who) =>
          sim.spawn(
            (function* (): Process {
              for (const us of mine) {
                yield us
                woke.push({ time: sim.now, who })
              }
            })(),
          ),
        )
        sim.run()
        const expected = sleeps.map(mine => mine.map((_, i) => mine.slice(0, i + 1).reduce((a, b) => a + b, 0)))
        sleeps.forEach((_, who) => expect(woke.filter(w => w.who === who).map(w => w.time)).toEqual(expected[who]))
        woke.forEach((w, i) => i > 0 && expect(w.time).toBeGreaterThanOrEqual((woke[i - 1] as { time: number }).time))
      }),
    )
  })
})

describe('tasks', () => {
  function* answer(us: number, value: string): Process<string> {
    yield us
    return value
  }

  test('waiting on a task gives its result, whether it ends later or ended before', () => {
    const { sim, log, say } = world()
    const task = sim.spawn(answer(10, 'done'))
    const waiter = (name: string, us: number): Process =>
      (function* (): Process {
        yield us
        say(`${name} got ${yield task}`)
      })()
    sim.spawn(waiter('early', 3))
    sim.spawn(waiter('other', 4))
    sim.spawn(waiter('late', 20))
    sim.run()
    expect(log).toEqual(['10 early got done', '10 other got done', '20 late got done'])
    expect([task.state, task.result]).toEqual(['done', 'done'])
  })

  test('waiting on a killed task gives undefined, before and after', () => {
    const { sim, log, say } = world()
    const task = sim.spawn(answer(100, 'never'))
    for (const us of [1, 50]) {
      sim.spawn(
        (function* (): Process {
          yield us
          say(String(yield task))
        })(),
      )
    }
    sim.call(10, () => task.kill())
    sim.run()
    expect(log).toEqual(['10 undefined', '50 undefined'])
    expect([task.state, task.result]).toEqual(['killed', undefined])
    expect(sim.now).toBe(50)
  })

  test('killing twice, after the end, or before the start has no further effect', () => {
    const { sim, log, say } = world()
    const ended = sim.spawn(answer(1, 'x'))
    const unborn = sim.spawn(
      (function* (): Process {
        try {
          say('born')
          yield 1
        } finally {
          say('finally')
        }
      })(),
    )
    unborn.kill()
    unborn.kill()
    sim.run()
    ended.kill()
    expect([ended.state, ended.result, unborn.state, log]).toEqual(['done', 'x', 'killed', []])
  })

  test.each(['sleep', 'signal', 'task', 'within', 'nested'] as const)('kill while waiting (%s) runs the finally blocks once, at that instant, and nothing after', how => {
    const { sim, log, say } = world()
    const signal = new Signal<string>()
    const other = sim.spawn(answer(500, 'other'))
    const waits: Record<string, () => Waiting | number> = {
      sleep: () => 100,
      signal: () => signal,
      task: () => other,
      within: () => within(signal, 100),
      nested: () => within(within(other, 300), 400),
    }
    const task = sim.spawn(
      (function* (): Process {
        try {
          try {
            yield (waits[how] as () => Waiting | number)()
            say('woke')
          } finally {
            say('inner')
          }
        } finally {
          say('outer')
        }
      })(),
    )
    sim.call(50, () => {
      task.kill()
      say('killed')
    })
    sim.call(60, () => signal.fire('too late'))
    sim.call(61, () => other.kill())
    sim.run()
    expect(log).toEqual(['50 inner', '50 outer', '50 killed'])
    expect(task.state).toBe('killed')
    // No timer of the dead process keeps the clock running.
    expect(sim.now).toBe(61)
    expect(sim.pending).toBe(0)
  })

  test('a wake-up already on its way when the kill comes is lost', () => {
    const { sim, log, say } = world()
    const signal = new Signal<string>()
    const task = sim.spawn(
      (function* (): Process {
        try {
          say(`got ${yield signal}`)
        } finally {
          say('finally')
        }
      })(),
    )
    sim.call(10, () => {
      signal.fire('news')
      task.kill()
    })
    sim.run()
    expect(log).toEqual(['10 finally'])
  })

  test('a process that has itself killed while it runs gets to its next wait and no further', () => {
    const { sim, log, say } = world()
    function* self(): Process {
      try {
        yield 5
        task.kill()
        say('still here')
        yield 5
        say('not here')
      } finally {
        say('finally')
      }
    }
    const task: Task<void> = sim.spawn(self())
    sim.run()
    expect(log).toEqual(['5 still here', '5 finally'])
    expect(task.state).toBe('killed')
  })

  test('a process that kills itself and then returns stays killed, with no result', () => {
    const { sim } = world()
    function* self(): Process<string> {
      yield 1
      task.kill()
      return 'result'
    }
    const task: Task<string> = sim.spawn(self())
    sim.run()
    expect([task.state, task.result]).toEqual(['killed', undefined])
  })

  test('a finally block may kill others and itself, fire signals and spawn', () => {
    const { sim, log, say } = world()
    const signal = new Signal()
    const sleeper = (name: string, last: () => void): Process =>
      (function* (): Process {
        try {
          yield 1000
        } finally {
          say(`${name} ends`)
          last()
        }
      })()
    const second = sim.spawn(sleeper('second', () => {}))
    const last = (): void => {
      second.kill()
      first.kill()
      signal.fire()
      sim.spawn(answer(5, 'x'))
    }
    const first: Task<void> = sim.spawn(sleeper('first', last))
    sim.spawn(
      (function* (): Process {
        yield signal
        say('signalled')
      })(),
    )
    sim.call(10, () => first.kill())
    sim.run()
    expect(log).toEqual(['10 first ends', '10 second ends', '10 signalled'])
    expect(sim.now).toBe(15)
  })

  test('a finally block that waits is a defect, said in words: nobody would wake it', () => {
    const { sim } = world()
    const task = sim.spawn(
      (function* (): Process {
        try {
          yield 100
        } finally {
          yield 1
        }
      })(),
    )
    sim.run(10)
    expect(() => task.kill()).toThrowErrorMatchingInlineSnapshot(`[Error: kernel: a killed process yields in a finally block at 10 µs; nobody will wake it: clean up without waiting, or spawn a process for it]`)
  })

  test('an exception in a process ends the run with that exception', () => {
    const { sim } = world()
    sim.spawn(
      (function* (): Process {
        yield 3
        throw new Error('the model is wrong')
      })(),
    )
    expect(() => sim.run()).toThrow('the model is wrong')
    expect(sim.now).toBe(3)
  })

  test('flat and nested generators give the same events', () => {
    function* part(say: (text: string) => void): Process<number> {
      yield 2
      say('part')
      return 7
    }
    const { sim, log, say } = world()
    const task = sim.spawn(
      (function* (): Process<number> {
        yield 1
        const a = yield* part(say)
        const b = yield* part(say)
        return a + b
      })(),
    )
    sim.run()
    expect([log, task.result]).toEqual([['3 part', '5 part'], 14])
  })
})

describe('signals', () => {
  test('fire wakes all that wait at that moment, in the order in which they came, each once and with the value', () => {
    const { sim, log, say } = world()
    const signal = new Signal<number>()
    const listener = (name: string, delay: number): Process =>
      (function* (): Process {
        yield delay
        for (let i = 0; i < 2; i++) say(`${name} ${yield signal}`)
      })()
    sim.spawn(listener('b', 2))
    sim.spawn(listener('a', 1))
    sim.spawn(listener('late', 10))
    sim.call(5, () => {
      signal.fire(1)
      // Nobody is back at the signal yet: a second fire of the same instant reaches no one.
      signal.fire(2)
    })
    sim.call(20, () => signal.fire(3))
    sim.call(30, () => signal.fire(4))
    sim.run()
    expect(log).toEqual(['5 a 1', '5 b 1', '20 a 3', '20 b 3', '20 late 3', '30 late 4'])
  })

  test('a signal remembers nothing', () => {
    const { sim, log, say } = world()
    const signal = new Signal()
    signal.fire()
    sim.spawn(
      (function* (): Process {
        yield signal
        say('woke')
      })(),
    )
    sim.run()
    expect(log).toEqual([])
  })
})

describe('within', () => {
  test('gives the value if it comes in time, TIMED_OUT otherwise; the loser leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(50), (fireAt, limit) => {
        const { sim } = world()
        const signal = new Signal<string>()
        let got: unknown
        let at = -1
        sim.spawn(
          (function* (): Process {
            got = yield within(signal, limit)
            at = sim.now
          })(),
        )
        // Scheduled after the process's own timer when both fall on one instant: then the time was over first.
        sim.call(0, () => sim.call(fireAt, () => signal.fire('came')))
        sim.run()
        expect(got).toBe(fireAt < limit ? 'came' : TIMED_OUT)
        expect(at).toBe(Math.min(fireAt, limit))
        expect(sim.now).toBe(fireAt)
        expect(sim.pending).toBe(0)
      }),
    )
  })

  test('what is there at once needs no time and leaves no timer', () => {
    const { sim } = world()
    const done = sim.spawn(
      (function* (): Process<string> {
        return 'early'
      })(),
    )
    let got: unknown
    sim.spawn(
      (function* (): Process {
        yield 10
        got = yield within(within(done, 3_600_000_000), 7_200_000_000)
      })(),
    )
    sim.run()
    expect([got, sim.now, sim.pending]).toEqual(['early', 10, 0])
  })

  test('an infinite limit waits for ever; nested limits: the shorter one counts', () => {
    const { sim } = world()
    const signal = new Signal<string>()
    const got: unknown[] = []
    for (const waiting of [within(signal, Number.POSITIVE_INFINITY), within(within(signal, 10), 20), within(within(signal, 20), 10)]) {
      sim.spawn(
        (function* (): Process {
          got.push([yield waiting, sim.now])
        })(),
      )
    }
    sim.call(100, () => signal.fire('x'))
    sim.run()
    expect(got).toEqual([
      [TIMED_OUT, 10],
      [TIMED_OUT, 10],
      ['x', 100],
    ])
  })
})
