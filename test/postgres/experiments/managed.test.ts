/** A managed blue/green deployment. Source: AWS RDS user guide, blue-green-deployments-switching and -considerations; facts/vitess-bluegreen.md §2.1. */
import { expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const lab = (managed: Record<string, unknown> = {}, setting: Setting = {}): Lab =>
  new Lab({ name: 'blue-db', members: 1, image: 'postgres:16.9', targetImage: 'postgres:17.5', databaseMB: 200, longTransactionP: 0, green: { name: 'green-db' }, ...setting, managed: { provisionSeconds: 60, renameSeconds: 2, ...managed } })
const OPEN = { loop: 'open', writesPerSecond: 100, timeoutUs: 2 * SECOND, retryUs: SECOND / 5 } as const
const ID = ['--blue-green-deployment-identifier', 'bgd-abcdefghijklmnop']
const aws = (l: Lab, operation: string, ...words: string[]) => l.run('aws', 'rds', operation, ...words)
const status = (l: Lab): string => aws(l, 'describe-blue-green-deployments', ...ID, '--query', 'BlueGreenDeployments[0].Status', '--output', 'text').out.trim()
const created = (l: Lab): Lab => {
  expect(aws(l, 'create-blue-green-deployment', '--blue-green-deployment-name', 'x', '--source', 'blue-db', '--target-engine-version', '17.5').code).toBe(0)
  l.until(() => l.cluster.world.managed?.status === 'AVAILABLE', 900 * SECOND)
  l.wait(5 * SECOND)
  return l
}
const switchOver = (l: Lab, ...words: string[]) => aws(l, 'switchover-blue-green-deployment', ...ID, ...words)
const is = (l: Lab, what: string, seconds = 400): number => l.until(() => l.cluster.world.managed?.status === what, seconds * SECOND) / SECOND

it('PG-MANAGED-1: green is made on the target version, read-only, and filled', () => {
  const l = lab()
  l.clients(OPEN)
  expect(aws(l, 'describe-blue-green-deployments', ...ID).code).toBe(254)
  created(l)
  expect(status(l)).toBe('AVAILABLE')
  expect(l.sql('green-db-0', 'show server_version')).toBe('17.5')
  expect(l.sql('green-db-0', 'show default_transaction_read_only')).toBe('on')
  expect(l.sql('green-db-0', "select count(*) from pg_subscription_rel where srsubstate = 'r'")).toBe('1')
})

it('PG-MANAGED-1: without a version green is what blue is; one that the service does not have is refused', () => {
  const l = lab()
  expect(aws(l, 'create-blue-green-deployment', '--blue-green-deployment-name', 'x', '--source', 'blue-db', '--target-engine-version', '15.1')).toMatchObject({ code: 254, err: expect.stringContaining('Cannot find version 15.1') as string })
  expect(aws(l, 'create-blue-green-deployment', '--blue-green-deployment-name', 'x', '--source', 'blue-db').code).toBe(0)
  l.until(() => l.cluster.world.managed?.status === 'AVAILABLE', 900 * SECOND)
  expect(l.sql('green-db-0', 'show server_version')).toBe('16.9')
})

it('PG-MANAGED-2: the guardrails refuse a switchover under a long transaction or without replication, and nothing changes', () => {
  const l = lab()
  const clients = l.clients(OPEN)
  created(l)
  l.strike('long-transaction', 'member:blue-db-0', 60 * SECOND)
  expect(switchOver(l)).toMatchObject({ code: 254, err: expect.stringContaining('long-running transactions') as string })
  l.wait(61 * SECOND)
  const stalled = l.strike('process-kill', 'member:green-db-0', 60 * SECOND)
  expect(switchOver(l).code).toBe(254)
  stalled.end()
  expect([status(l), clients.cohorts[0]?.writing]).toEqual(['AVAILABLE', true])
})

it('PG-MANAGED-3: all connections are dropped, nobody writes for seconds, nothing is lost; what is not done within the time-out is taken back', () => {
  const l = lab()
  const clients = l.clients(OPEN)
  created(l)
  expect(switchOver(l).code).toBe(0)
  const seconds = is(l, 'SWITCHOVER_COMPLETED')
  expect(seconds).toBeGreaterThan(2.9)
  expect(seconds).toBeLessThan(30)
  l.until(() => clients.cohorts[0]?.writing === true, 30 * SECOND)
  expect([clients.cohorts[0]?.backend, clients.failures(l.now).attempts > 0]).toEqual(['green-db-0', true])
  expect(l.cluster.truth.couldAcknowledge()).toEqual(['green-db-0'])

  const refused = lab()
  created(refused)
  expect(['10', '4000'].map(seconds => switchOver(refused, '--switchover-timeout', seconds).code)).toEqual([252, 254])
  expect(status(refused)).toBe('AVAILABLE')

  const late = lab()
  const waiting = late.clients(OPEN)
  created(late)
  late.strike('replay-stall', 'member:green-db-0', 600 * SECOND)
  late.wait(SECOND)
  expect(switchOver(late, '--switchover-timeout', '30').code).toBe(0)
  expect(is(late, 'SWITCHOVER_FAILED')).toBeGreaterThan(25)
  late.until(() => waiting.cohorts[0]?.writing === true, 30 * SECOND)
  expect(waiting.cohorts[0]?.backend).toBe('blue-db-0')
})

it('PG-MANAGED-4: afterwards blue is read-only and knows nothing of what green takes', () => {
  const l = lab()
  l.clients(OPEN)
  created(l)
  switchOver(l)
  is(l, 'SWITCHOVER_COMPLETED')
  l.wait(60 * SECOND)
  expect(l.exec('blue-db-0', 'psql', '-U', 'postgres', '-c', 'create table t (i int)').err).toContain('read-only transaction')
  expect(l.sql('green-db-0', 'select count(*) from pg_subscription')).toBe('0')
  expect(l.sql('blue-db-0', 'show default_transaction_read_only')).toBe('on')
  expect(switchOver(l)).toMatchObject({ code: 254, err: expect.stringContaining('SWITCHOVER_COMPLETED') as string })
})

it('PG-MANAGED-5: who keeps addresses for a minute finds blue, which refuses, for up to that long', () => {
  const outage = (cacheSeconds: number): number => {
    const l = lab()
    const clients = l.clients({ ...OPEN, cohorts: 8, connections: 8, dnsCacheUs: cacheSeconds * SECOND })
    created(l)
    switchOver(l)
    const from = l.now
    is(l, 'SWITCHOVER_COMPLETED')
    l.until(() => clients.cohorts.every(c => c.writing), 200 * SECOND)
    return (l.now - from) / SECOND
  }
  expect(outage(0)).toBeLessThan(15)
  expect(outage(120)).toBeGreaterThan(20)
})

it('PG-MANAGED-6: the name of blue is green’s afterwards: deleting by it deletes what serves', () => {
  const l = lab()
  const clients = l.clients(OPEN)
  created(l)
  expect(aws(l, 'delete-db-instance', '--db-instance-identifier', 'blue-db-old1', '--skip-final-snapshot').err).toContain('not found')
  switchOver(l)
  is(l, 'SWITCHOVER_COMPLETED')
  l.wait(30 * SECOND)
  expect(aws(l, 'delete-db-instance', '--db-instance-identifier', 'blue-db').err).toContain('FinalDBSnapshotIdentifier is required')
  expect(aws(l, 'delete-db-instance', '--db-instance-identifier', 'blue-db', '--skip-final-snapshot').code).toBe(0)
  l.wait(60 * SECOND)
  expect([l.running('green-db-0'), l.running('blue-db-0'), clients.probeFreshWrite().ok]).toEqual([false, true, false])
})
