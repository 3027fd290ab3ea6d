/** A name with weighted records. Source: Route 53 developer guide, routing-policy-weighted; facts/vitess-bluegreen.md BG-T15, BG-F04. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { weights } from '../../../models/postgres/dns/zone.ts'
import type { Client } from '../../../src/engine.ts'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const BLUE = { id: 'blue', host: 'blue-db-0.blue-db', weight: 255 }
const GREEN = { id: 'green', host: 'green-db-0.green-db', weight: 0 }
const lab = (dns: Record<string, unknown> = {}, setting: Setting = {}): Lab =>
  new Lab({ name: 'blue-db', members: 1, image: 'postgres:16.9', databaseMB: 200, longTransactionP: 0, green: { name: 'green-db', replicas: 1, readOnly: false }, ...setting, dns: { records: [BLUE, GREEN], ...dns } })
const OPEN = { loop: 'open', writesPerSecond: 100, timeoutUs: 2 * SECOND, retryUs: SECOND / 5, entrance: 'dns', cohorts: 16, connections: 16 } as const
const batch = (...records: { id: string; host: string; weight: number }[]): string =>
  JSON.stringify({ Changes: records.map(({ id, host, weight }) => ({ Action: 'UPSERT', ResourceRecordSet: { Name: 'database.example.com', Type: 'CNAME', SetIdentifier: id, Weight: weight, TTL: 60, ResourceRecords: [{ Value: host }] } })) })
const change = (l: Lab, ...records: (typeof BLUE)[]) => l.run('aws', 'route53', 'change-resource-record-sets', '--hosted-zone-id', 'Z0123456789EXAMPLE', '--change-batch', batch(...records), '--query', 'ChangeInfo.Id', '--output', 'text')
const shift = (l: Lab, blue: number, green: number) => change(l, { ...BLUE, weight: blue }, { ...GREEN, weight: green })
const backends = (clients: ReturnType<Lab['clients']>): Record<string, number> => {
  const found: Record<string, number> = {}
  for (const { backend } of clients.cohorts) found[backend ?? 'none'] = (found[backend ?? 'none'] ?? 0) + 1
  return found
}
/** Where `count` clients that have never asked go now. */
const asked = (l: Lab, count: number): number => Array.from({ length: count }, (_, i) => l.cluster.world.dns?.hostFor({ id: `asker-${i}` } as Client)).filter(host => host === GREEN.host).length

it('PG-DNS-1: shares are weights of their sum, 0 is nobody unless all are 0', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 6 }), all => {
      const shares = weights(all.map((weight, i) => ({ id: `${i}`, host: `${i}`, weight })))
      expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9)
      const none = all.every(weight => weight === 0)
      for (const [i, weight] of all.entries()) expect((shares[i] as number) === 0).toBe(!none && weight === 0)
      for (const [i, weight] of all.entries()) for (const [j, other] of all.entries()) if (weight <= other) expect(shares[i] as number).toBeLessThanOrEqual(shares[j] as number)
    }),
  )
  const l = lab({ propagationSeconds: 0 })
  expect(asked(l, 500)).toBe(0)
  expect(shift(l, 192, 64).code).toBe(0)
  // Four standard deviations of five hundred that go there with a chance of a quarter.
  expect(Math.abs(asked(lab({ propagationSeconds: 0, records: [{ ...BLUE, weight: 192 }, { ...GREEN, weight: 64 }] }), 500) - 125)).toBeLessThan(39)
  expect(Math.abs(asked(lab({ records: [{ ...BLUE, weight: 0 }, GREEN] }), 500) - 250)).toBeLessThan(45)
})

describe('PG-DNS-2, PG-DNS-3', () => {
  /** Seconds after a change until each client asks green, if it opens a connection every second. */
  const moved = (dnsCacheUs: number, ttlSeconds = 60, waitSeconds = 400): readonly number[] => {
    const l = lab({ propagationSeconds: 0, ttlSeconds })
    const clients = Array.from({ length: 40 }, (_, i) => ({ id: `asker-${i}`, dnsCacheUs }) as Client)
    const zone = l.cluster.world.dns
    for (const client of clients) expect(zone?.hostFor(client)).toBe(BLUE.host)
    l.wait(5 * SECOND)
    shift(l, 0, 255)
    const at = clients.map(() => Number.POSITIVE_INFINITY)
    for (let s = 0; s < waitSeconds; s++) {
      l.wait(SECOND)
      for (const [i, client] of clients.entries()) if (zone?.hostFor(client) === GREEN.host && at[i] === Number.POSITIVE_INFINITY) at[i] = s + 1
    }
    return at
  }

  it('a resolver keeps its answer for the time to live, the first for what is left of it', () => {
    const after = moved(0)
    expect(Math.max(...after)).toBeLessThanOrEqual(60)
    expect(Math.max(...after)).toBeGreaterThan(45)
    expect(new Set(after).size).toBeGreaterThan(15)
    expect(Math.max(...moved(0, 5))).toBeLessThanOrEqual(6)
  })

  it('a program that keeps addresses adds its own time to that; one that keeps them for ever never comes', () => {
    const after = moved(100 * SECOND)
    expect(Math.max(...after)).toBeGreaterThan(80)
    expect(Math.max(...after)).toBeLessThanOrEqual(161)
    expect(moved(Number.POSITIVE_INFINITY).every(s => s === Number.POSITIVE_INFINITY)).toBe(true)
  })
})

it('PG-DNS-4: name servers hear of a change one after the other; INSYNC says that all have', () => {
  const l = lab({ ttlSeconds: 0 })
  const id = shift(l, 0, 255).out.trim()
  const status = (): string => l.run('aws', 'route53', 'get-change', '--id', id, '--query', 'ChangeInfo.Status', '--output', 'text').out.trim()
  expect(status()).toBe('PENDING')
  const early = asked(l, 200)
  l.wait(30 * SECOND)
  const half = asked(l, 200)
  l.wait(30 * SECOND)
  expect([early < 20, half > 60 && half < 150, asked(l, 200), status()]).toEqual([true, true, 200, 'INSYNC'])
  const again = shift(l, 255, 0).out.trim()
  const from = l.now
  expect(l.run('aws', 'route53', 'wait', 'resource-record-sets-changed', '--id', again).code).toBe(0)
  expect((l.now - from) / SECOND).toBeGreaterThanOrEqual(60)
})

it('PG-DNS-5, BG-T15: weights move nobody who is connected; what is opened anew is split by them, and two databases take writes', () => {
  const l = lab({ propagationSeconds: 0, ttlSeconds: 5 })
  const clients = l.clients(OPEN)
  l.wait(30 * SECOND)
  expect(backends(clients)).toEqual({ 'blue-db-0': 16 })
  shift(l, 128, 128)
  l.wait(300 * SECOND)
  expect(backends(clients)).toEqual({ 'blue-db-0': 16 })
  const renewed = lab({ propagationSeconds: 0, ttlSeconds: 5 })
  const pools = renewed.clients({ ...OPEN, connectionLifeUs: 60 * SECOND })
  renewed.wait(30 * SECOND)
  shift(renewed, 128, 128)
  renewed.wait(120 * SECOND)
  const split = backends(pools)
  expect([(split['blue-db-0'] ?? 0) > 2, (split['green-db-0'] ?? 0) > 2]).toEqual([true, true])
  expect(renewed.cluster.truth.couldAcknowledge()).toEqual(['blue-db-0', 'green-db-0'])
  expect(pools.probeFreshWrite().ok).toBe(true)
  // All of it on green: those that keep no address follow within a connection's life and the time to live.
  shift(renewed, 0, 255)
  renewed.wait(130 * SECOND)
  expect(backends(pools)).toEqual({ 'green-db-0': 16 })
})

it('BG-F04: blue is gone: who keeps addresses finds nobody until they have run out, however short the time to live', () => {
  const outage = (dnsCacheUs: number): number => {
    const l = lab({ propagationSeconds: 0, ttlSeconds: 5 })
    const clients = l.clients({ ...OPEN, dnsCacheUs, connectionLifeUs: 60 * SECOND })
    l.wait(100 * SECOND)
    shift(l, 0, 255)
    l.run('kubectl', 'delete', 'statefulset', 'blue-db')
    const from = l.now
    l.until(() => clients.cohorts.some(c => !c.writing), 60 * SECOND)
    l.until(() => clients.cohorts.every(c => c.writing), 600 * SECOND)
    return (l.now - from) / SECOND
  }
  expect(outage(0)).toBeLessThan(15)
  expect(outage(60 * SECOND)).toBeGreaterThan(30)
})

it('commands: what is not there, and what is not modelled, is said', () => {
  const l = lab()
  expect(l.run('aws', 'route53', 'list-resource-record-sets', '--hosted-zone-id', 'Z0123456789EXAMPLE').out).toContain('"SetIdentifier": "blue"')
  expect(l.run('aws', 'route53', 'change-resource-record-sets', '--hosted-zone-id', 'Z1', '--change-batch', batch(BLUE))).toMatchObject({ code: 254, err: expect.stringContaining('NoSuchHostedZone') as string })
  const gone = JSON.stringify({ Changes: [{ Action: 'DELETE', ResourceRecordSet: { Name: 'database.example.com.', Type: 'CNAME', SetIdentifier: 'red', Weight: 1, TTL: 60, ResourceRecords: [{ Value: 'x' }] } }] })
  expect(l.run('aws', 'route53', 'change-resource-record-sets', '--hosted-zone-id', 'Z0123456789EXAMPLE', '--change-batch', gone).err).toContain('but it was not found')
  expect(l.run('aws', 'route53', 'get-change', '--id', 'C9').err).toContain('NoSuchChange')
  const problem = (...argv: string[]): string => l.cluster.commands.check(['aws', ...argv])[0]?.message ?? ''
  expect(problem('route53', 'create-hosted-zone')).toContain('aws route53 create-hosted-zone is not modelled')
  expect(problem('rds', 'describe-db-instances')).toContain('aws rds describe-db-instances is not modelled')
  expect(problem('route53', 'change-resource-record-sets', '--change-batch', '{')).toContain('--change-batch is JSON')
  expect(problem('route53', 'change-resource-record-sets', '--change-batch', batch({ ...BLUE, weight: 300 }))).toContain('from 0 to 255')
  expect(problem('route53', 'get-change', '--id', 'C1', '--region', 'x')).toContain('the flag --region')
})
