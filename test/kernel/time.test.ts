import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatClock, formatDuration, HOUR, MILLISECOND, MINUTE, parseDurationUs, SECOND } from '../../src/kernel/index.ts'

describe('parseDurationUs', () => {
  test.each([
    ['90s', 90 * SECOND],
    ['1h30m', 90 * MINUTE],
    ['250ms', 250 * MILLISECOND],
    ['1m', MINUTE],
    ['1ms', MILLISECOND],
    ['15us', 15],
    ['1.5s', 1_500_000],
    ['2d', 48 * HOUR],
    ['0s', 0],
    [' 5s ', 5 * SECOND],
    ['0.0000001s', 0],
    ['1h1m1s1ms1us', HOUR + MINUTE + SECOND + 1001],
  ])('%s', (text, us) => expect(parseDurationUs(text)).toBe(us))

  test.each(['', '5', '-5s', 's', '5 s', '1h 30m', '1e3s', '5S', '5min', '.5s', '5.s', '5s!', 'Infinity', '1,5s', 'five s'])('refuses %j', text => {
    expect(parseDurationUs(text)).toBeUndefined()
  })

  test('adds its parts up', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(100_000), fc.constantFrom(['us', 1] as const, ['ms', MILLISECOND] as const, ['s', SECOND] as const, ['m', MINUTE] as const, ['h', HOUR] as const)), { minLength: 1, maxLength: 5 }), parts => {
        const text = parts.map(([n, [unit]]) => `${n}${unit}`).join('')
        expect(parseDurationUs(text)).toBe(parts.reduce((sum, [n, [, us]]) => sum + n * us, 0))
      }),
    )
  })

  test('a long text that is no duration is refused at once', () => {
    expect(parseDurationUs(`${'1'.repeat(50_000)}x`)).toBeUndefined()
    expect(parseDurationUs(`${'1s'.repeat(50_000)}x`)).toBeUndefined()
  })
})

describe('formatDuration', () => {
  test.each([
    [0, '0 s'],
    [1, '1 µs'],
    [999, '999 µs'],
    [999.7, '1.00 ms'],
    [1000, '1.00 ms'],
    [9994, '9.99 ms'],
    [9996, '10.0 ms'],
    [12_345, '12.3 ms'],
    [99_949, '99.9 ms'],
    [99_960, '100 ms'],
    [250_000, '250 ms'],
    [999_499, '999 ms'],
    [999_999, '1.00 s'],
    [1_500_000, '1.50 s'],
    [59_900_000, '59.9 s'],
    [59_999_999, '1m 00s'],
    [60_000_000, '1m 00s'],
    [245 * SECOND, '4m 05s'],
    [59 * MINUTE + 59.6 * SECOND, '1h 00m'],
    [80 * MINUTE, '1h 20m'],
    [100 * HOUR, '100h 00m'],
    [-1_500_000, '-1.50 s'],
    [Number.POSITIVE_INFINITY, 'for ever'],
  ])('%s', (us, text) => expect(formatDuration(us)).toBe(text))

  test('below a minute: three significant figures, and what is written is within half of the last one', () => {
    const unitUs = { µs: 1, ms: MILLISECOND, s: SECOND }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 59_949_999 }), us => {
        const [number, unit] = formatDuration(us).split(' ') as [string, keyof typeof unitUs]
        if (unit !== 'µs') expect(number.replace('.', '')).toMatch(/^[1-9]\d\d$/)
        expect(Math.abs(Number(number) * unitUs[unit] - us) / us).toBeLessThanOrEqual(0.005)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('formatClock', () => {
  test.each([
    [0, '00:00.000'],
    [999, '00:00.000'],
    [12 * MINUTE + 3.25 * SECOND, '12:03.250'],
    [HOUR - 1, '59:59.999'],
    [HOUR + 2 * MINUTE + 3.25 * SECOND, '1:02:03.250'],
    [25 * HOUR, '25:00:00.000'],
  ])('%s', (us, text) => expect(formatClock(us)).toBe(text))

  test('later instants never read as earlier ones', () => {
    fc.assert(
      fc.property(fc.nat(2 * HOUR), fc.nat(2 * HOUR), (a, b) => {
        const key = (us: number): string => formatClock(us).padStart(14, '0:')
        if (a >= HOUR === b >= HOUR && a <= b) expect(key(a) <= key(b)).toBe(true)
      }),
    )
  })
})
