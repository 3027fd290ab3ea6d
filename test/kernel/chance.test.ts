import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Chance } from '../../src/kernel/index.ts'

/** Pearson's statistic of `draws` in `cells` equal cells. */
function chiSquare(draws: readonly number[], cells: number): number {
  const counts = new Array<number>(cells).fill(0)
  for (const u of draws) counts[Math.floor(u * cells)] = (counts[Math.floor(u * cells)] as number) + 1
  const expected = draws.length / cells
  return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
}

/** A chi-square statistic as a standard normal deviate (Wilson and Hilferty); seeds are fixed, so a limit of 4 never flickers. */
function deviate(statistic: number, freedom: number): number {
  const v = 2 / (9 * freedom)
  return (Math.cbrt(statistic / freedom) - (1 - v)) / Math.sqrt(v)
}

const CELLS = 256
const N = 100_000
const range = Array.from({ length: N }, (_, i) => i)

const series: Record<string, () => number[]> = {
  'by count': () => range.map(i => new Chance('1').draw('pg-0', 'fsync', i)),
  'by entity': () => range.map(i => new Chance('1').draw(`pg-${i}`, 'fsync', 0)),
  'by purpose': () => range.map(i => new Chance('1').draw('pg-0', `purpose-${i}`, 0)),
  'by seed': () => range.map(i => new Chance(String(i)).draw('pg-0', 'fsync', 0)),
  'by large counts': () => range.map(i => new Chance('1').draw('pg-0', 'fsync', i * 1_000_003)),
  'by seed, second draw': () => range.map(i => new Chance(`run/${i}`).draw('pg-0', 'fsync', 1)),
  'of a stream': () => {
    const next = new Chance('1').stream('client', 'think')
    return range.map(() => next())
  },
}

describe('draws', () => {
  test.each(Object.keys(series))('%s: uniform, uncorrelated with the one before, jointly uniform in pairs', name => {
    const draws = (series[name] as () => number[])()
    expect(draws.every(u => u >= 0 && u < 1)).toBe(true)
    expect(Math.abs(deviate(chiSquare(draws, CELLS), CELLS - 1))).toBeLessThan(4)
    // The low bits must be as good as the high ones.
    expect(Math.abs(deviate(chiSquare(draws.map(u => (u * 65_536) % 1), CELLS), CELLS - 1))).toBeLessThan(4)
    const pairs = range.slice(0, N / 2).map(i => (Math.floor((draws[2 * i] as number) * 32) + (draws[2 * i + 1] as number)) / 32)
    expect(Math.abs(deviate(chiSquare(pairs, 1024), 1023))).toBeLessThan(4)
    const mean = draws.reduce((a, b) => a + b) / N
    const covariance = range.slice(1).reduce((sum, i) => sum + ((draws[i] as number) - mean) * ((draws[i - 1] as number) - mean), 0) / N
    expect(Math.abs((covariance * 12) * Math.sqrt(N))).toBeLessThan(4)
  })

  test('neighbouring names and counts are independent of one another', () => {
    const one = new Chance('1')
    const pairsOf: [string, (i: number) => number, (i: number) => number][] = [
      ['entities', i => one.draw('pg-0', 'fsync', i), i => one.draw('pg-1', 'fsync', i)],
      ['purposes', i => one.draw('pg-0', 'fsync', i), i => one.draw('pg-0', 'delay', i)],
      ['swapped names', i => one.draw('a', 'b', i), i => one.draw('b', 'a', i)],
      ['seeds', i => new Chance(String(i)).draw('a', 'b', 0), i => new Chance(String(i + 1)).draw('a', 'b', 0)],
      ['before and after a reseed', i => new Chance(String(i)).draw('a', 'b', 0), i => reseeded(String(i)).draw('a', 'b', 0)],
    ]
    for (const [name, x, y] of pairsOf) {
      const joint = range.map(i => (Math.floor(x(i) * 32) + y(i)) / 32)
      expect(Math.abs(deviate(chiSquare(joint, 1024), 1023)), name).toBeLessThan(4)
    }
  })

  test('a draw depends on nothing but its seed and its name: other draws, their order and their number do not shift it', () => {
    const name = fc.record({ entity: fc.constantFrom('a', 'b', 'c'), purpose: fc.constantFrom('x', 'y'), nth: fc.nat(5) })
    fc.assert(
      fc.property(fc.string(), fc.array(name, { maxLength: 20 }), name, (seed, others, mine) => {
        const alone = new Chance(seed).draw(mine.entity, mine.purpose, mine.nth)
        const chance = new Chance(seed)
        for (const o of others) {
          chance.draw(o.entity, o.purpose, o.nth)
          chance.stream(o.entity, o.purpose)()
        }
        expect(chance.draw(mine.entity, mine.purpose, mine.nth)).toBe(alone)
        expect(chance.draw(mine.entity, mine.purpose, mine.nth)).toBe(alone)
      }),
    )
  })

  test('no two of 200,000 different names give the same number', () => {
    const chance = new Chance('1')
    const seen = new Set<number>()
    for (let e = 0; e < 20; e++) for (let p = 0; p < 20; p++) for (let n = 0; n < 500; n++) seen.add(chance.draw(`e${e}`, `p${p}`, n))
    expect(seen.size).toBe(200_000)
  })

  test('golden values: a change here silently changes every replay', () => {
    const values = ['1', '2', 'a longer seed'].flatMap(seed => {
      const chance = new Chance(seed)
      return [chance.draw('pg-0', 'fsync', 0), chance.draw('pg-0', 'fsync', 1), chance.draw('pg-1', 'fsync', 0), chance.draw('', '', 2 ** 31)]
    })
    expect(values).toMatchInlineSnapshot(`
      [
        0.8882226634167835,
        0.9658295051061758,
        0.08289362116843779,
        0.8179333777170293,
        0.07233754247049962,
        0.9601291509746759,
        0.05663667437357722,
        0.0053178963695977854,
        0.5673629619840797,
        0.729637136796127,
        0.5514419420576009,
        0.12461003990487396,
      ]
    `)
  })

  test('a sample is the distribution at the draw; a constant draws nothing', () => {
    const chance = new Chance('1')
    expect(chance.sample({ is: 'uniform', min: 10, max: 20 }, 'a', 'b', 3)).toBe(10 + 10 * chance.draw('a', 'b', 3))
    expect(chance.sample({ is: 'constant', value: 7 }, 'a', 'b', 3)).toBe(7)
  })
})

function reseeded(seed: string, salt = 'again'): Chance {
  const chance = new Chance(seed)
  chance.reseed(salt)
  return chance
}

function take(next: () => number, n: number): number[] {
  return Array.from({ length: n }, () => next())
}

describe('streams', () => {
  test('golden values: alea, seeded by name', () => {
    expect(take(new Chance('1').stream('client', 'think'), 4)).toMatchInlineSnapshot(`
      [
        0.5947934000287205,
        0.24736670986749232,
        0.45521485060453415,
        0.0724994563497603,
      ]
    `)
    expect(take(reseeded('1').stream('client', 'think'), 2)).toMatchInlineSnapshot(`
      [
        0.7433552814181894,
        0.552247799700126,
      ]
    `)
  })

  test('one name, one stream; another name, seed or salt, another one', () => {
    const base = take(new Chance('1').stream('a', 'b'), 5)
    expect(take(new Chance('1').stream('a', 'b'), 5)).toEqual(base)
    for (const other of [new Chance('2').stream('a', 'b'), new Chance('1').stream('b', 'b'), new Chance('1').stream('a', 'a'), reseeded('1').stream('a', 'b')]) {
      expect(take(other, 5)).not.toEqual(base)
    }
  })

  test('streams do not disturb one another', () => {
    const chance = new Chance('1')
    const a = chance.stream('a', 'x')
    const b = chance.stream('b', 'x')
    const mixed: number[] = []
    for (let i = 0; i < 10; i++) {
      mixed.push(a())
      take(b, i)
    }
    expect(mixed).toEqual(take(new Chance('1').stream('a', 'x'), 10))
  })

  test('a reseed reaches streams that are already in use, whatever they had given before', () => {
    const chance = new Chance('1')
    const used = chance.stream('a', 'x')
    const fresh = chance.stream('a', 'x')
    const before = take(used, 7)
    chance.reseed('again')
    const after = take(used, 5)
    expect(take(fresh, 5)).toEqual(after)
    expect(take(reseeded('1').stream('a', 'x'), 5)).toEqual(after)
    expect(before.slice(0, 5)).not.toEqual(after)
    chance.reseed('and again')
    expect(take(used, 5)).not.toEqual(after)
  })
})

describe('reseeding', () => {
  test('is a function of seed and salt, not of what was drawn or reseeded before', () => {
    const twice = new Chance('1')
    twice.draw('a', 'b', 0)
    twice.reseed('x')
    twice.reseed('y')
    expect(twice.draw('a', 'b', 0)).toBe(reseeded('1', 'y').draw('a', 'b', 0))
    expect(reseeded('1', 'x').draw('a', 'b', 0)).not.toBe(reseeded('1', 'y').draw('a', 'b', 0))
    expect(reseeded('1', 'x').draw('a', 'b', 0)).not.toBe(reseeded('2', 'x').draw('a', 'b', 0))
  })
})

test('a drawer draws what draw draws, also after the luck was changed, and counts its draws', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { minLength: 1, maxLength: 5 }), (seed, entity, purpose, counts) => {
      const chance = new Chance(seed)
      const draw = chance.drawer(entity, purpose)
      for (const nth of counts) expect(draw(nth)).toBe(chance.draw(entity, purpose, nth))
      chance.reseed('again')
      for (const nth of counts) expect(draw(nth)).toBe(chance.draw(entity, purpose, nth))
      expect(chance.drawn).toBe(4 * counts.length)
    }),
  )
})
