/** Blue/green by the weights of a name: whom a weight moves, and when. */
import { expect, test } from 'vitest'
import { play, variant, verdict, why } from '../traps/stage.ts'

const WEIGHTS = 'blue-green/dns-weights'

test('BG-T15: as long as both have a weight both take writes; who is connected stays, and what blue took last is gone with it', () => {
  for (const seed of ['1/0', '1/1']) {
    const result = play(variant(WEIGHTS), seed)
    expect(result.outcome).toBe('completed')
    expect(result.measures.splitBrainSeconds).toBeGreaterThan(1_000)
    expect(result.measures.lostAcknowledgedWrites).toBeGreaterThan(0)
    expect(verdict(result, 'no-split-brain').status).toBe('fail')
    expect(why(result, 'no-acknowledged-write-lost')).toContain('the runbook took blue-db-0 away')
  }
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
