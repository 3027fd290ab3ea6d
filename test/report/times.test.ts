/** Visits in words, and lines of a story that are never wider than the screen. */
import { expect, test } from 'vitest'
import { formatMeasure } from '../../src/report/words.ts'
import { timesWords } from '../../src/report/times.ts'

test('a visit that was skipped did nothing', () => {
  expect([timesWords(1, 0), timesWords(3, 0), timesWords(1, 1), timesWords(3, 1), timesWords(2, 1), timesWords(4, 2), timesWords(3, 3), timesWords(0, 0)])
    .toEqual(['', '3 times', 'skipped', '2 times, skipped once', 'once, skipped once', '2 times, skipped twice', 'skipped 3 times', ''])
})

test('hours of nodes are hours, however few', () => {
  expect([0, 0.00002, 0.0034, 0.046, 0.11, 2.5, 161].map((hours) => formatMeasure('capacityDeficitNodeHours', hours))).toEqual(['0 h', '< 0.001 h', '0.003 h', '0.046 h', '0.11 h', '2.50 h', '161 h'])
})
