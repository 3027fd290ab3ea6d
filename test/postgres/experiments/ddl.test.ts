/** What ALTER TABLE and CREATE INDEX lock, how long they work, and what they leave when they are cut short. Source: D:sql-altertable, D:sql-createindex. */
import { expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const APPLICATION = { columns: { id: 'int8', customer: 'text', total: 'int4' }, tableMB: 1000, indexMBps: 50, rewriteMBps: 50, scanMBps: 200, rows: 1_000_000, updateRowsPerSecond: 100_000 }
const lab = (setting: Setting = {}, application: Record<string, unknown> = {}): Lab => new Lab({ longTransactionP: 0, ...setting, application: { ...APPLICATION, ...application } })
const OPEN = { loop: 'open', writesPerSecond: 100, readsPerSecond: 100, entrance: 'service' } as const
const words = (statements: string[]): string[] => ['psql', '-h', 'postgres-primary', '-v', 'ON_ERROR_STOP=1', '-At', ...statements.flatMap(s => ['-c', s])]
const psql = (lab: Lab, ...statements: string[]) => lab.start(...words(statements))
const sql = (lab: Lab, ...statements: string[]) => lab.run(...words(statements))
const columns = (lab: Lab): string => sql(lab, "select string_agg(column_name, ' ') from information_schema.columns where table_name = 'orders'").out.trim()

it('PG-DDL-1: VALIDATE and CONCURRENTLY keep nobody out; everything else of ALTER TABLE keeps everybody out', () => {
  const label = (statement: string, before: string[] = []): string | undefined => {
    const l = lab()
    for (const each of before) sql(l, each)
    const clients = l.clients(OPEN)
    l.wait(SECOND)
    const done = psql(l, statement)
    l.wait(2 * SECOND)
    expect(done.done).toBe(false)
    return clients.cohorts[0]?.label
  }
  expect(label('alter table orders alter column total type bigint')).toBe('held')
  expect(label('alter table orders alter column customer set not null')).toBe('held')
  expect(label('alter table orders validate constraint c', ['alter table orders add constraint c check (customer is not null) not valid'])).toBe('writable')
  expect(label('create index concurrently i on orders (customer)')).toBe('writable')
})

it('PG-DDL-2: a new column with a constant default, a rename and a dropped column take no time; another type and a volatile default write the table anew', () => {
  const l = lab()
  const us = (statement: string): number => {
    const done = sql(l, statement)
    expect(done.err).toBe('')
    return done.us
  }
  for (const statement of ["alter table orders add column note text not null default 'none'", 'alter table orders rename column note to remark', 'alter table orders drop column remark', 'alter table orders add column made timestamptz default now()']) expect(us(statement)).toBeLessThan(0.2 * SECOND)
  for (const statement of ['alter table orders alter column total type bigint', 'alter table orders add column token timestamptz default clock_timestamp()']) expect(us(statement)).toBeGreaterThan(19 * SECOND)
  expect(us('alter table orders alter column customer type varchar')).toBeLessThan(0.2 * SECOND)
  expect(columns(l)).toBe('id customer total made token')
})

it('PG-DDL-2: rows that are older than a column show its default, and a renamed one its values', () => {
  const l = lab()
  sql(l, "alter table orders add column note text default 'none'", 'alter table orders rename column customer to buyer')
  expect(sql(l, "select count(*) from orders where note = 'none' and buyer = 'x'").out.trim()).toBe('100')
  expect(sql(l, 'select customer from orders').err).toContain('column "customer" does not exist')
  sql(l, "insert into orders (id, buyer) values (1000, 'y')")
  expect(sql(l, "select note, total from orders where id = 1000").out.trim()).toBe('none|')
})

it('PG-DDL-3: CREATE INDEX keeps writers out as long as it builds, and its WAL makes standbys lag', () => {
  const l = lab({ timing: { replicationMBps: 2 } })
  const clients = l.clients(OPEN)
  l.wait(SECOND)
  const before = l.server(0).copy.lsn('flush')
  const index = psql(l, 'create index orders_customer on orders (customer)')
  l.wait(5 * SECOND)
  expect([clients.cohorts[0]?.writing, clients.cohorts[0]?.reading]).toEqual([false, true])
  expect(l.until(() => index.done)).toBeGreaterThan(14 * SECOND)
  // A fifth of the table, at 10 MB a second: the link carries 2.
  expect(l.server(0).copy.lsn('flush') - before).toBeGreaterThan(190_000_000)
  expect(l.server(1).copy.lagBytes('flush')).toBeGreaterThan(100_000_000)
})

it('PG-DDL-4: DROP INDEX locks the table as a whole, CONCURRENTLY does not', () => {
  for (const [how, label] of [['', 'held'], ['concurrently', 'writable']] as const) {
    const l = lab()
    sql(l, 'create index i on orders (customer)')
    const clients = l.clients(OPEN)
    psql(l, 'begin', 'lock table orders in access share mode', 'select pg_sleep(20)', 'commit')
    l.wait(SECOND)
    psql(l, `drop index ${how} i`)
    l.wait(SECOND)
    expect(clients.cohorts[0]?.label).toBe(label)
  }
})

it('PG-DDL-5: CONCURRENTLY that is cut short leaves an invalid index, which a retry finds in its way', () => {
  const l = lab()
  l.clients(OPEN)
  l.wait(SECOND)
  const index = psql(l, 'create index concurrently i on orders (customer)')
  l.wait(3 * SECOND)
  expect(sql(l, "select pg_cancel_backend(pid) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()").code).toBe(0)
  l.until(() => index.done)
  expect(index.output?.err).toContain('canceling statement due to user request')
  const invalid = (): string => sql(l, 'select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid').out.trim()
  expect(invalid()).toBe('i')
  expect(sql(l, 'create index concurrently i on orders (customer)').err).toContain('relation "i" already exists')
  // IF NOT EXISTS takes it for what was wanted.
  expect(sql(l, 'create index concurrently if not exists i on orders (customer)')).toMatchObject({ code: 0, err: expect.stringContaining('already exists, skipping') as string })
  expect(invalid()).toBe('i')
  sql(l, 'drop index concurrently i')
  sql(l, 'create index concurrently i on orders (customer)')
  expect(invalid()).toBe('')
  expect(sql(l, 'begin', 'create index concurrently j on orders (customer)').err).toContain('CREATE INDEX CONCURRENTLY cannot run inside a transaction block')
})

it('PG-DDL-6: CONCURRENTLY waits for every open transaction, and for a statement that waits for a lock of its own session it waits in vain', () => {
  const l = lab()
  l.clients(OPEN)
  l.wait(SECOND)
  l.strike('long-transaction', 'member:postgres-cluster-0', 100 * SECOND)
  expect(sql(l, 'create index concurrently i on orders (customer)').us).toBeGreaterThan(100 * SECOND)
  // What migration tools in several pods do: the first builds under an advisory lock for which the second waits.
  const first = psql(l, 'select pg_advisory_lock(1)', 'create index concurrently j on orders (customer)')
  l.wait(SECOND)
  const second = psql(l, 'select pg_advisory_lock(1)')
  l.until(() => first.done, 120 * SECOND)
  expect(first.output?.err).toContain('deadlock detected')
  l.until(() => second.done)
  expect(sql(l, 'select count(*) from pg_index where not indisvalid').out.trim()).toBe('1')
})

it('PG-DDL-7: an UPDATE of many rows takes its time, and statement_timeout ends it without a trace', () => {
  const l = lab()
  sql(l, 'alter table orders add column buyer text')
  expect(sql(l, "set statement_timeout = '5s'", 'update orders set buyer = customer').err).toContain('canceling statement due to statement timeout')
  expect(sql(l, 'select count(*) from orders where buyer is null').out.trim()).toBe('100')
  expect(sql(l, 'update orders set buyer = customer where id between 1 and 50').us).toBeGreaterThan(4.9 * SECOND)
  expect(sql(l, 'select count(*) from orders where buyer is null').out.trim()).toBe('50')
})

it('PG-DDL-8: what it finds in the rows: NULL refuses SET NOT NULL and a CHECK; a valid CHECK makes SET NOT NULL quick', () => {
  const l = lab()
  sql(l, 'alter table orders add column buyer text')
  expect(sql(l, 'alter table orders alter column buyer set not null').err).toContain('column "buyer" of relation "orders" contains null values')
  expect(sql(l, 'alter table orders add column other text not null').err).toContain('contains null values')
  sql(l, 'alter table orders add constraint b check (buyer is not null) not valid')
  expect(sql(l, 'alter table orders validate constraint b').err).toContain('is violated by some row')
  // Not valid yet, it binds new rows all the same.
  expect(sql(l, "insert into orders (id, customer) values (4999, 'z')").err).toContain('new row for relation "orders" violates check constraint "b"')
  sql(l, 'update orders set buyer = customer')
  expect(sql(l, 'alter table orders validate constraint b').us).toBeGreaterThan(4.9 * SECOND)
  expect(sql(l, 'alter table orders alter column buyer set not null').us).toBeLessThan(SECOND)
  expect(sql(l, "insert into orders (id, customer) values (5000, 'z')").err).toContain('null value in column "buyer" of relation "orders" violates not-null constraint')
})

it('PG-DDL-9: DDL is a transaction like any other: rolled back, or lost with the server, it has not been; on a standby it is seen when it is replayed', () => {
  const l = lab()
  sql(l, 'begin', 'alter table orders drop column total', 'rollback')
  expect(columns(l)).toBe('id customer total')
  psql(l, 'alter table orders alter column total type bigint')
  l.wait(5 * SECOND)
  l.strike('process-kill', 'member:postgres-cluster-0')
  l.until(() => l.running(0) && l.server(0).accepting && l.ready(0))
  l.wait(SECOND)
  expect(sql(l, "select data_type from information_schema.columns where column_name = 'total'").out.trim()).toBe('integer')
  sql(l, 'alter table orders drop column total')
  l.wait(SECOND)
  expect(l.sql(1, "select count(*) from information_schema.columns where column_name = 'total'")).toBe('0')
  expect(l.exec(1, 'psql', '-U', 'postgres', '-c', 'alter table orders drop column customer').err).toContain('cannot execute ALTER TABLE in a read-only transaction')
})
