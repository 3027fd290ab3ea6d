import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { avalanche, defineEvent, hashText, RollingHash, Simulation } from '../../src/kernel/index.ts'

function digest(numbers: readonly number[]): string {
  const hash = new RollingHash()
  for (const n of numbers) hash.fold(n)
  return hash.digest()
}

const whole = fc.oneof(fc.nat(20), fc.maxSafeInteger())

describe('rolling hash', () => {
  test('golden digests: a change here changes every trace hash ever published', () => {
    expect(digest([])).toMatchInlineSnapshot(`"8ffd0e0672d9d25b"`)
    expect(digest([0])).toMatchInlineSnapshot(`"702daf32f9042d78"`)
    expect(digest([1, 2, 3])).toMatchInlineSnapshot(`"6b0f1aeac574adda"`)
    expect(digest([3, 2, 1])).toMatchInlineSnapshot(`"a0e3ecaaec207fae"`)
    expect(digest([0.5, -1, 2 ** 40 + 7, -(2 ** 45)])).toMatchInlineSnapshot(`"87104c118f0b36b6"`)
    expect(digest(Array.from({ length: 10_000 }, (_, i) => i * 1_000_003))).toMatchInlineSnapshot(`"726026ea69ecf0ca"`)
  })

  test('one whole number changed anywhere changes the digest, whatever follows (folding is a permutation of the state)', () => {
    fc.assert(
      fc.property(fc.array(whole, { maxLength: 30 }), whole, whole, fc.array(whole, { maxLength: 30 }), (before, a, b, after) => {
        expect(digest([...before, a, ...after]) === digest([...before, b, ...after])).toBe(a === b)
      }),
      { numRuns: 2000 },
    )
  })

  test('order, length and leading zeros count', () => {
    fc.assert(
      fc.property(fc.array(whole, { minLength: 1, maxLength: 20 }), numbers => {
        expect(digest([...numbers, 0])).not.toBe(digest(numbers))
        expect(digest([0, ...numbers])).not.toBe(digest(numbers))
        const turned = [...numbers].reverse()
        if (turned.some((n, i) => n !== numbers[i])) expect(digest(turned)).not.toBe(digest(numbers))
      }),
    )
  })

  test('whole numbers to 2^53, their signs and fractions to 2^-32 are told apart', () => {
    const values = [0, 1, -1, 0.5, -0.5, 1.5, 2 ** -32, 2 ** -31, 2 ** 31, 2 ** 32, -(2 ** 32), 2 ** 32 + 1, 2 ** 52, 2 ** 53 - 1, -(2 ** 53 - 1)]
    expect(new Set(values.map(v => digest([v]))).size).toBe(values.length)
    expect(digest([-0])).toBe(digest([0]))
  })

  test('no two of 200,000 neighbouring traces share half a digest more often than chance', () => {
    const seen = new Set<string>()
    const halves = new Set<string>()
    for (let i = 0; i < 200_000; i++) {
      const d = digest([i & 511, i >> 9])
      seen.add(d)
      halves.add(d.slice(0, 8))
    }
    expect(seen.size).toBe(200_000)
    // Birthday: 200,000² / 2 / 2^32 = 4.7 expected collisions of a 32-bit half.
    expect(200_000 - halves.size).toBeLessThan(20)
  })
})

describe('trace hash of a simulation', () => {
  const WROTE = defineEvent('test.wrote')
  const READ = defineEvent('test.read')
  interface Noted {
    at: number
    kind: boolean
    node: number
    payload: number
  }
  const noted = fc.record({ at: fc.nat(1_000_000), kind: fc.boolean(), node: fc.nat(3), payload: fc.nat(100) })

  function traceOf(events: readonly Noted[], record = false): string {
    const sim = new Simulation({ seed: '1', record })
    for (const e of events) sim.call(e.at, () => sim.note(e.kind ? WROTE : READ, `node-${e.node}`, e.payload, () => 'for people'))
    sim.run()
    return sim.traceHash()
  }

  test('equal runs have equal hashes, recorded or not', () => {
    fc.assert(
      fc.property(fc.array(noted, { maxLength: 40 }), events => {
        expect(traceOf(events)).toBe(traceOf(events))
        expect(traceOf(events, true)).toBe(traceOf(events))
      }),
    )
  })

  test('a changed time, kind, node or payload of any one event changes the hash', () => {
    fc.assert(
      fc.property(fc.array(noted, { minLength: 1, maxLength: 20 }), fc.nat(), fc.constantFrom('at', 'kind', 'node', 'payload'), (events, i, field) => {
        const at = i % events.length
        const changed = events.map((e, j) => {
          if (j !== at) return e
          return field === 'kind' ? { ...e, kind: !e.kind } : { ...e, [field]: e[field as 'at'] + 1 }
        })
        expect(traceOf(changed)).not.toBe(traceOf(events))
      }),
    )
  })

  test('numbered events enter the hash, closures and wake-ups do not', () => {
    const run = (closures: number, numbered: number): string => {
      const sim = new Simulation({ seed: '1' })
      const kind = sim.on(() => {})
      for (let i = 0; i < numbered; i++) sim.at(10 + i, kind, i)
      for (let i = 0; i < closures; i++) sim.call(5 + i, () => {})
      sim.spawn(
        (function* () {
          for (let i = 0; i < closures; i++) yield 3
        })(),
      )
      sim.run()
      return sim.traceHash()
    }
    expect(run(0, 5)).toBe(run(20, 5))
    expect(run(0, 5)).not.toBe(run(0, 6))
  })
})

describe('names', () => {
  test('golden hashes of texts and of event kinds: they are in every trace and every draw', () => {
    expect(hashText('')).toMatchInlineSnapshot(`
      {
        "high": 2984785610,
        "low": 3819097406,
      }
    `)
    expect(hashText('pg-0')).toMatchInlineSnapshot(`
      {
        "high": 3255252183,
        "low": 2496623599,
      }
    `)
    expect(hashText('Zürich 🚲')).toMatchInlineSnapshot(`
      {
        "high": 2196713203,
        "low": 1370957142,
      }
    `)
    expect(defineEvent('machine.down')).toMatchInlineSnapshot(`
      {
        "label": "machine.down",
        "number": 1642267950,
      }
    `)
  })

  test('different short names have different hashes in both halves', () => {
    const names = Array.from({ length: 50_000 }, (_, i) => `node-${i}`)
    expect(new Set(names.map(n => hashText(n).high)).size).toBeGreaterThan(49_995)
    expect(new Set(names.map(n => hashText(n).low)).size).toBeGreaterThan(49_995)
  })

  test('the answer is the same after the memory of names was emptied', () => {
    const before = hashText('pg-0')
    for (let i = 0; i < 100_010; i++) hashText(`filler-${i}`)
    expect(hashText('pg-0')).toEqual(before)
  })

  test('avalanche: flipping any input bit flips about half of the output bits', () => {
    for (let bit = 0; bit < 32; bit++) {
      let flipped = 0
      for (let i = 0; i < 1000; i++) {
        const word = Math.imul(i, 0x9e3779b1)
        let difference = avalanche(word) ^ avalanche(word ^ (1 << bit))
        for (; difference !== 0; difference &= difference - 1) flipped += 1
      }
      expect(flipped / 1000).toBeGreaterThan(15)
      expect(flipped / 1000).toBeLessThan(17)
    }
  })
})
