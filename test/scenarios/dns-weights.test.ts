/** Blue/green by the weights of a name: whom a weight moves, and when. */
import { expect, test } from 'vitest'
import { play, variant, verdict } from '../traps/stage.ts'

const WEIGHTS = 'blue-green/dns-weights'

test('BG-T15: as long as both have a weight both take writes; who is connected stays; of what blue took last a clean stop loses nothing (PG-LOGICAL-11), one that stops at once the tail', () => {
  for (const seed of ['1/0', '1/1']) {
    const result = play(variant(WEIGHTS), seed)
    expect(result.outcome).toBe('completed')
    expect(result.measures.splitBrainSeconds).toBeGreaterThan(1_000)
    expect(result.measures.lostAcknowledgedWrites).toBe(0)
    expect(verdict(result, 'no-split-brain').status).toBe('fail')
  }
  const atOnce = play(variant(WEIGHTS, { set: { 'cluster.stopSignal': 'QUIT' } }))
  expect(atOnce.measures.lostAcknowledgedWrites).toBeGreaterThan(0)
  expect(verdict(atOnce, 'no-acknowledged-write-lost').signature?.cause).toBe('unreplicated-tail')
})

test('pools that renew their connections, and keep no addresses, have left blue by then: nothing is lost, and two databases took writes all the same', () => {
  const result = play(variant(WEIGHTS, { set: { 'load.connectionLife': '60s', 'load.dnsCache': '0s' } }))
  expect([result.outcome, result.measures.lostAcknowledgedWrites]).toEqual(['completed', 0])
  expect(result.measures.writeDowntimeSeconds).toBeLessThan(0.1)
  expect(verdict(result, 'no-split-brain').status).toBe('fail')
})

test('programs that keep an address for ever knock at blue for ever, though a fresh client is served', () => {
  const usual = play(variant(WEIGHTS))
  const result = play(variant(WEIGHTS, { set: { 'load.dnsCache': 'forever' } }))
  expect(verdict(result, 'serves-at-end').status).toBe('pass')
  expect(result.measures.longestWriteGapSeconds).toBeGreaterThan(50)
  expect(usual.measures.longestWriteGapSeconds).toBeLessThan(10)
})
