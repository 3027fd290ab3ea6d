/**
 * Held here: the kernel's clock, order and luck together give the numbers that queueing and reliability theory give.
 * Seeds are fixed, so each test either always passes or always fails; the intervals say that it passes for a reason.
 */
import { describe, expect, test } from 'vitest'
import { type Distribution, type Process, sample, Signal, Simulation } from '../../src/kernel/index.ts'

const US_PER_UNIT = 1_000_000

/** Mean and half-width of its 95 % interval from `values` taken as batch means of `batches` batches. */
function batchMeans(values: Float64Array, batches: number): { mean: number; halfWidth: number } {
  const size = Math.floor(values.length / batches)
  const means = Array.from({ length: batches }, (_, b) => values.subarray(b * size, (b + 1) * size).reduce((x, y) => x + y, 0) / size)
  const mean = means.reduce((x, y) => x + y, 0) / batches
  const variance = means.reduce((sum, m) => sum + (m - mean) ** 2, 0) / (batches - 1)
  // Student's t with 99 degrees of freedom and more: 1.984 and below.
  return { mean, halfWidth: 1.984 * Math.sqrt(variance / batches) }
}

interface Queue {
  readonly waits: Float64Array
  readonly hash: string
}

/** A queue with one server, in order of arrival, by numbered events. */
function singleServer(customers: number, arrivals: Distribution, service: Distribution, seed: string): Queue {
  const sim = new Simulation({ seed })
  const arrivalLuck = sim.chance.stream('customers', 'arrival')
  const serviceLuck = sim.chance.stream('server', 'service')
  const waits = new Float64Array(customers)
  const waiting: number[] = []
  let head = 0
  let arrived = 0
  let served = 0
  let busy = false
  const us = (d: Distribution, luck: () => number): number => Math.round(sample(d, luck()) * US_PER_UNIT)
  const serve = (since: number): void => {
    waits[served++] = (sim.now - since) / US_PER_UNIT
    sim.at(sim.now + us(service, serviceLuck), departure)
  }
  const departure = sim.on(() => {
    if (head < waiting.length) serve(waiting[head++] as number)
    else busy = false
  })
  const arrival = sim.on(() => {
    if (++arrived < customers) sim.at(sim.now + us(arrivals, arrivalLuck), arrival)
    if (busy) waiting.push(sim.now)
    else {
      busy = true
      serve(sim.now)
    }
  })
  sim.at(0, arrival)
  sim.run()
  return { waits, hash: sim.traceHash() }
}

describe('queues', () => {
  test('M/M/1 at half load: mean wait ρ/(μ−λ) = 1 within 1 %, at 95 % confidence', () => {
    const { waits } = singleServer(2_000_000, { is: 'exponential', mean: 2 }, { is: 'exponential', mean: 1 }, 'mm1')
    const { mean, halfWidth } = batchMeans(waits, 100)
    expect(halfWidth).toBeLessThan(0.01)
    expect(Math.abs(mean - 1)).toBeLessThan(0.01)
    expect(Math.abs(mean - 1)).toBeLessThan(halfWidth * 1.3)
    // The share that does not wait at all is 1−ρ, and waits are exponential beyond that: P(W > t) = ρ e^(−(μ−λ)t).
    for (const [t, expected] of [
      [0, 0.5],
      [1, 0.5 * Math.exp(-0.5)],
      [4, 0.5 * Math.exp(-2)],
    ] as const) {
      expect(waits.filter(w => w > t).length / waits.length).toBeCloseTo(expected, 2)
    }
  })

  test('M/D/1: half the wait of M/M/1 (Pollaczek and Khinchine)', () => {
    const { waits } = singleServer(500_000, { is: 'exponential', mean: 2 }, { is: 'constant', value: 1 }, 'md1')
    expect(Math.abs(batchMeans(waits, 100).mean / 0.5 - 1)).toBeLessThan(0.01)
  })

  test('D/D/1 below capacity: nobody waits', () => {
    const { waits } = singleServer(1000, { is: 'constant', value: 2 }, { is: 'constant', value: 1.9 }, 'dd1')
    expect(Math.max(...waits)).toBe(0)
  })

  test('processes and signals give, customer by customer, what numbered events give', () => {
    const customers = 20_000
    const sim = new Simulation({ seed: 'same' })
    const arrivalLuck = sim.chance.stream('customers', 'arrival')
    const serviceLuck = sim.chance.stream('server', 'service')
    const waits = new Float64Array(customers)
    const line: number[] = []
    const came = new Signal()
    sim.spawn(
      (function* arrivals(): Process {
        for (let i = 0; i < customers; i++) {
          if (i > 0) yield Math.round(sample({ is: 'exponential', mean: 2 }, arrivalLuck()) * US_PER_UNIT)
          line.push(sim.now)
          came.fire()
        }
      })(),
    )
    sim.spawn(
      (function* server(): Process {
        for (let served = 0; served < customers; served++) {
          if (served === line.length) yield came
          waits[served] = (sim.now - (line[served] as number)) / US_PER_UNIT
          yield Math.round(sample({ is: 'exponential', mean: 1 }, serviceLuck()) * US_PER_UNIT)
        }
      })(),
    )
    sim.run()
    expect(waits).toEqual(singleServer(customers, { is: 'exponential', mean: 2 }, { is: 'exponential', mean: 1 }, 'same').waits)
  })

  test('golden trace of an M/M/1 run: kernel, luck, arithmetic and hash in one number', () => {
    expect(singleServer(50_000, { is: 'exponential', mean: 1.25 }, { is: 'exponential', mean: 1 }, 'golden').hash).toMatchInlineSnapshot(`"a3bd69d8fc1007f2"`)
    expect(singleServer(50_000, { is: 'lognormal', median: 1, p95: 3, max: 20 }, { is: 'triangular', min: 0.2, mode: 0.5, max: 1 }, 'golden').hash).toMatchInlineSnapshot(`"38c246d769546e03"`)
  })
})

describe('reliability', () => {
  test('a two-state repairable system is up MTBF/(MTBF+MTTR) of the time, within 1 %', () => {
    const sim = new Simulation({ seed: 'availability' })
    const mtbf: Distribution = { is: 'exponential', mean: 90 }
    const mttr: Distribution = { is: 'lognormal', median: 8, p95: 20, max: Number.POSITIVE_INFINITY }
    const sigma = Math.log(20 / 8) / 1.6448536269514722
    const meanRepair = 8 * Math.exp((sigma * sigma) / 2)
    let downUs = 0
    const cycles = 100_000
    sim.spawn(
      (function* (): Process {
        for (let i = 0; i < cycles; i++) {
          yield sim.chance.sample(mtbf, 'node', 'failure', i) * US_PER_UNIT
          const failedAt = sim.now
          yield sim.chance.sample(mttr, 'node', 'repair', i) * US_PER_UNIT
          downUs += sim.now - failedAt
        }
      })(),
    )
    sim.run()
    const unavailability = downUs / sim.now
    const expected = meanRepair / (90 + meanRepair)
    expect(Math.abs((1 - unavailability) / (1 - expected) - 1)).toBeLessThan(0.01)
    // Stronger: the downtime itself, which is what a rehearsal reports, is within 1 % too.
    expect(Math.abs(unavailability / expected - 1)).toBeLessThan(0.01)
  })

  test('two of three repairable machines: the binomial of their availabilities', () => {
    const sim = new Simulation({ seed: 'two of three' })
    let up = 3
    let since = 0
    let servingUs = 0
    const change = (by: number): void => {
      if (up >= 2) servingUs += sim.now - since
      since = sim.now
      up += by
    }
    for (let m = 0; m < 3; m++) {
      sim.spawn(
        (function* (): Process {
          for (let i = 0; ; i++) {
            yield sim.chance.sample({ is: 'exponential', mean: 8 }, `m${m}`, 'failure', i) * US_PER_UNIT
            change(-1)
            yield sim.chance.sample({ is: 'exponential', mean: 2 }, `m${m}`, 'repair', i) * US_PER_UNIT
            change(+1)
          }
        })(),
      )
    }
    sim.run(1_000_000 * US_PER_UNIT)
    change(0)
    expect(Math.abs(servingUs / sim.now / (0.8 ** 3 + 3 * 0.8 ** 2 * 0.2) - 1)).toBeLessThan(0.01)
  })
})
