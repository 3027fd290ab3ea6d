/** Table locks and their queue, advisory locks, and sessions that outlive their clients. Source: D:explicit-locking, D:runtime-config-client, proc.c. */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const APPLICATION = { columns: { id: 'int8', customer: 'text', total: 'int4' }, tableMB: 1000, indexMBps: 50, rewriteMBps: 50, scanMBps: 200 }
const lab = (setting: Setting = {}, application: Record<string, unknown> = {}): Lab => new Lab({ longTransactionP: 0, ...setting, application: { ...APPLICATION, ...application } })
const OPEN = { loop: 'open', writesPerSecond: 100, readsPerSecond: 100, entrance: 'service' } as const
const psql = (lab: Lab, ...statements: string[]) => lab.start('psql', '-h', 'postgres-primary', '-v', 'ON_ERROR_STOP=1', ...statements.flatMap(s => ['-c', s]))
const sql = (lab: Lab, ...statements: string[]) => lab.run('psql', '-h', 'postgres-primary', '-v', 'ON_ERROR_STOP=1', '-At', ...statements.flatMap(s => ['-c', s]))

describe('table locks', () => {
  it('PG-LOCK-1, PG-LOCK-2: an ACCESS EXCLUSIVE that waits behind a reader of its table keeps everybody out; a weaker newcomer stands behind it, not beside', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    const reader = psql(l, 'begin', 'lock table orders in access share mode', 'select pg_sleep(20)', 'commit')
    l.wait(2 * SECOND)
    expect(clients.cohorts[0]?.label).toBe('writable')
    const alter = psql(l, 'alter table orders add column note text')
    l.wait(2 * SECOND)
    expect(alter.done).toBe(false)
    expect([clients.cohorts[0]?.label, clients.cohorts[0]?.reading]).toEqual(['held', false])
    expect(sql(l, "select count(*) from pg_locks where locktype = 'relation' and not granted").out.trim()).toBe('1')
    expect(sql(l, "select wait_event from pg_stat_activity where wait_event_type = 'Lock'").out.trim()).toBe('relation')
    l.until(() => reader.done, 30 * SECOND)
    l.until(() => alter.done)
    expect(alter.output?.code).toBe(0)
    l.wait(SECOND)
    expect(clients.cohorts[0]?.label).toBe('writable')
  })

  it('PG-LOCK-3: lock_timeout takes it out of the queue, and those behind it go on at once', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    const reader = psql(l, 'begin', 'lock table orders in access share mode', 'select pg_sleep(20)', 'commit')
    l.wait(SECOND)
    const from = l.now
    const alter = sql(l, "set lock_timeout = '1s'", 'alter table orders add column note text')
    expect([alter.code, alter.err]).toEqual([1, expect.stringContaining('canceling statement due to lock timeout')])
    expect(l.now - from).toBeLessThan(1.3 * SECOND)
    l.wait(SECOND)
    expect([reader.done, clients.cohorts[0]?.label]).toEqual([false, 'writable'])
    expect(sql(l, "select count(*) from information_schema.columns where table_name = 'orders'").out.trim()).toBe('3')
  })

  it('PG-LOCK-3: also when its session goes on', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    psql(l, 'begin', 'lock table orders in access share mode', 'select pg_sleep(20)', 'commit')
    l.wait(SECOND)
    l.start('psql', '-h', 'postgres-primary', '-c', "set lock_timeout = '1s'", '-c', 'alter table orders add column note text', '-c', 'select pg_sleep(10)')
    l.wait(4 * SECOND)
    expect(clients.cohorts[0]?.label).toBe('writable')
  })

  it('PG-LOCK-4: it waits for transactions of the clients that are open, and nobody new gets in meanwhile', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    l.wait(SECOND)
    l.strike('long-transaction', 'member:postgres-cluster-0', 30 * SECOND)
    const alter = psql(l, 'alter table orders add column note text')
    l.wait(SECOND)
    expect([alter.done, clients.cohorts[0]?.label]).toEqual([false, 'held'])
    expect(l.until(() => alter.done)).toBeGreaterThan(28 * SECOND)
  })

  it('PG-LOCK-2: a lock that conflicts with writes alone (SHARE) lets reads through', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    l.wait(SECOND)
    const index = psql(l, 'create index orders_customer on orders (customer)')
    l.wait(2 * SECOND)
    expect([clients.cohorts[0]?.label, clients.cohorts[0]?.reading, clients.cohorts[0]?.writing]).toEqual(['held', true, false])
    // 1,000 MB at 50 MB/s.
    expect(l.until(() => index.done)).toBeGreaterThan(17 * SECOND)
    l.wait(SECOND)
    expect(clients.cohorts[0]?.label).toBe('writable')
  })

  it('PG-LOCK-5: two that wait for each other: one is told so after deadlock_timeout', () => {
    const l = lab()
    sql(l, 'create table other (id int)')
    const a = psql(l, 'begin', 'lock table orders in exclusive mode', 'select pg_sleep(1)', 'lock table other in exclusive mode', 'commit')
    const b = psql(l, 'begin', 'lock table other in exclusive mode', 'select pg_sleep(1)', 'lock table orders in exclusive mode', 'commit')
    l.until(() => a.done && b.done, 20 * SECOND)
    const errors = [a, b].map(x => x.output?.err ?? '')
    expect(errors.filter(e => e.includes('deadlock detected')).length).toBe(1)
    expect(errors.filter(e => e === '').length).toBe(1)
  })
})

describe('what queries hold', () => {
  const idle = ['begin', 'select count(*) from orders', 'select pg_sleep(20)', 'commit']

  it('PG-LOCK-9: a query in a transaction that stays open keeps ALTER TABLE waiting, and that everybody', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    const reader = psql(l, ...idle)
    l.wait(2 * SECOND)
    expect(sql(l, "select mode from pg_locks where locktype = 'relation'").out.trim()).toBe('AccessShareLock')
    expect(clients.cohorts[0]?.label).toBe('writable')
    const alter = psql(l, 'alter table orders add column note text')
    l.wait(2 * SECOND)
    expect([alter.done, clients.cohorts[0]?.label]).toEqual([false, 'held'])
    // One that asks anew stands behind it; who reads already what he has a lock on does not.
    const late = psql(l, 'select count(*) from orders')
    const impatient = sql(l, "set statement_timeout = '500ms'", 'select count(*) from orders')
    expect([impatient.code, impatient.err]).toEqual([1, expect.stringContaining('canceling statement due to statement timeout')])
    expect(late.done).toBe(false)
    l.until(() => reader.done, 30 * SECOND)
    l.until(() => alter.done && late.done)
    expect([alter.output?.code, late.output?.code]).toEqual([0, 0])
    expect(sql(l, 'select count(*) from pg_locks').out.trim()).toBe('0')
  })

  it('PG-LOCK-9: without a transaction it holds nothing once it has answered, with one of its own as long as its functions take', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    psql(l, 'select count(*) from orders', 'select pg_sleep(20)')
    l.wait(2 * SECOND)
    expect(sql(l, 'alter table orders add column note text').code).toBe(0)
    psql(l, 'select pg_sleep(20) from orders limit 1')
    l.wait(2 * SECOND)
    expect(sql(l, "set lock_timeout = '1s'", 'alter table orders add column more text').err).toContain('canceling statement due to lock timeout')
    expect(sql(l, 'select 1 from pg_stat_activity limit 1').code).toBe(0)
    l.wait(25 * SECOND)
    expect(sql(l, 'alter table orders add column more text').code).toBe(0)
    l.wait(SECOND)
    expect([sql(l, 'select count(*) from pg_locks').out.trim(), clients.cohorts[0]?.label]).toEqual(['0', 'writable'])
  })
})

describe('sessions and their clients', () => {
  it('PG-LOCK-6: a killed client’s statement goes on waiting in the queue, and in front of everybody', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    const reader = psql(l, 'begin', 'lock table orders in access share mode', 'select pg_sleep(30)', 'commit')
    l.wait(SECOND)
    const alter = psql(l, 'alter table orders add column note text')
    l.wait(SECOND)
    alter.kill()
    l.wait(10 * SECOND)
    expect([reader.done, clients.cohorts[0]?.label]).toEqual([false, 'held'])
    l.until(() => clients.cohorts[0]?.label === 'writable', 30 * SECOND)
    // Alone it was its own transaction: it has been committed, though nobody was told.
    expect(sql(l, "select count(*) from information_schema.columns where column_name = 'note'").out.trim()).toBe('1')
  })

  it('PG-LOCK-6: in a transaction block it is rolled back when the statement is over', () => {
    const l = lab()
    l.clients(OPEN)
    psql(l, 'begin', 'lock table orders in access share mode', 'select pg_sleep(5)', 'commit')
    l.wait(SECOND)
    const alter = psql(l, 'begin', 'alter table orders add column note text', 'commit')
    l.wait(SECOND)
    alter.kill()
    l.wait(20 * SECOND)
    expect(sql(l, "select count(*) from information_schema.columns where column_name = 'note'").out.trim()).toBe('0')
    expect(sql(l, 'select count(*) from pg_locks').out.trim()).toBe('0')
  })

  it('PG-LOCK-7: of a client whose machine has lost power the server hears nothing for two hours', () => {
    const l = lab({}, { migrateBy: 'init-container', releases: { 'shop:1': { writes: ['id', 'customer', 'total'] }, 'shop:2': { writes: ['id', 'customer', 'total'], migrations: { '1': 'alter table orders alter column total type bigint' } } } })
    l.run('kubectl', 'set', 'image', 'deployment/web', '*=shop:2')
    const held = (): string => sql(l, "select count(*) from pg_locks where locktype = 'advisory' and granted").out.trim()
    l.until(() => held() === '1')
    const pod = l.cluster.kubernetes.pods().find(p => p.image === 'shop:2' && p.reason === 'PodInitializing')
    const holder = sql(l, "select pid from pg_locks where locktype = 'advisory' and granted").out.trim()
    for (const name of new Set(l.cluster.kubernetes.pods().filter(p => p.image === 'shop:2').map(p => p.node as string))) l.strike('node-loss', `node:${name}`, 0)
    expect(pod).toBeDefined()
    l.wait(600 * SECOND)
    expect(sql(l, "select pid from pg_locks where locktype = 'advisory' and granted").out.trim()).toBe(holder)
    l.wait(7300 * SECOND)
    expect(held()).toBe('0')
  })

  it('PG-LOCK-8: an advisory lock is of its session alone: another waits, a try fails, and it goes with the session', () => {
    const l = lab()
    const holder = psql(l, 'select pg_advisory_lock(7)', 'select pg_sleep(10)')
    l.wait(SECOND)
    expect(sql(l, 'select pg_try_advisory_lock(7)').out.trim()).toBe('f')
    expect(sql(l, 'select pg_try_advisory_lock(8)').out.trim()).toBe('t')
    const waiter = psql(l, 'select pg_advisory_lock(7)')
    l.wait(2 * SECOND)
    expect(waiter.done).toBe(false)
    l.until(() => holder.done && waiter.done, 20 * SECOND)
    expect(sql(l, 'select pg_advisory_unlock(7)')).toMatchObject({ out: 'f\n', err: expect.stringContaining("you don't own a lock") as string })
    expect(sql(l, 'select pg_try_advisory_lock(7)').out.trim()).toBe('t')
  })
})
