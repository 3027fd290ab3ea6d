/** An application in pods before the database, with releases that name columns; its migration tool; the hooks of its chart. Source: PG-S18, BG-T25, BG-T26. */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const COLUMNS = ['id', 'customer', 'total']
const RELEASES = {
  'shop:1': { reads: ['customer'], writes: COLUMNS },
  'shop:2': { reads: ['buyer'], writes: ['id', 'buyer', 'total'], migrations: { '1': 'alter table orders rename column customer to buyer' } },
}
const lab = (application: Record<string, unknown> = {}, setting: Setting = {}): Lab =>
  new Lab({ longTransactionP: 0, ...setting, application: { columns: { id: 'int8', customer: 'text', total: 'int4' }, tableMB: 1000, indexMBps: 50, rewriteMBps: 50, replicas: 4, startSeconds: 1, releases: RELEASES, ...application } })
const OPEN = { loop: 'open', writesPerSecond: 100, readsPerSecond: 100, cohorts: 8, connections: 8, timeoutUs: 2 * SECOND } as const
const words = (statements: string[]): string[] => ['psql', '-h', 'postgres-primary', '-v', 'ON_ERROR_STOP=1', '-At', ...statements.flatMap(s => ['-c', s])]
const psql = (lab: Lab, ...statements: string[]) => lab.start(...words(statements))
const sql = (lab: Lab, ...statements: string[]) => lab.run(...words(statements))
const labels = (clients: ReturnType<Lab['clients']>): string => [...new Set(clients.cohorts.map(c => c.label))].sort().join(' ')
const pods = (l: Lab) => l.cluster.kubernetes.pods().filter(p => p.labels['app'] === 'web')

describe('releases and columns', () => {
  it('PG-APP-1: a statement that names a column that is gone fails, of every release that names it, as long as it is gone', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    l.wait(SECOND)
    expect(labels(clients)).toBe('writable')
    sql(l, 'alter table orders rename column customer to buyer')
    l.wait(SECOND)
    expect(labels(clients)).toBe('failing')
    expect(clients.cohorts[0]?.error).toBe('42703 column "customer" of relation "orders" does not exist')
    expect(clients.probeFreshWrite()).toMatchObject({ ok: false, why: expect.stringContaining('column "customer"') as string })
    sql(l, 'alter table orders rename column buyer to customer')
    l.wait(SECOND)
    expect(labels(clients)).toBe('writable')
  })

  it('PG-APP-2: a column that must have a value, and that a release does not set, fails its writes', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    sql(l, "alter table orders add column channel text not null default 'web'")
    l.wait(SECOND)
    expect(labels(clients)).toBe('writable')
    sql(l, 'alter table orders alter column channel drop default')
    l.wait(SECOND)
    expect([labels(clients), clients.cohorts[0]?.error]).toEqual(['failing', '23502 null value in column "channel" of relation "orders" violates not-null constraint'])
    sql(l, "alter table orders alter column channel drop not null", 'alter table orders add constraint c check (channel is not null) not valid')
    l.wait(SECOND)
    expect([labels(clients), clients.cohorts[0]?.error]).toEqual(['failing', '23514 new row for relation "orders" violates check constraint "c"'])
  })

  it('PG-APP-3: what an old release writes after a backfill has NULL in the new column', () => {
    const l = lab()
    l.clients(OPEN)
    sql(l, 'alter table orders add column buyer text', 'update orders set buyer = customer')
    l.wait(SECOND)
    expect(Number(sql(l, 'select count(*) from orders where buyer is null').out)).toBeGreaterThan(0)
    expect(sql(l, 'alter table orders alter column buyer set not null').err).toContain('contains null values')
  })

  it('PG-APP-4: requests go to the pods behind the Service: while it rolls, those of both releases', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    l.wait(SECOND)
    sql(l, 'alter table orders rename column customer to buyer')
    l.run('kubectl', 'set', 'image', 'deployment/web', 'web=shop:2')
    l.until(() => l.cluster.kubernetes.endpoints('web').some(p => p.image === 'shop:2') && l.cluster.kubernetes.endpoints('web').some(p => p.image === 'shop:1'), 120 * SECOND)
    l.wait(100_000)
    expect(labels(clients)).toBe('failing writable')
    l.run('kubectl', 'rollout', 'status', 'deployment/web')
    l.wait(5 * SECOND)
    expect(labels(clients)).toBe('writable')
    // A pod that dies takes its requests along; the others go on.
    const failed = clients.failures(l.now).attempts
    l.strike('node-loss', `node:${pods(l)[0]?.node}`, 0)
    l.wait(20 * SECOND)
    expect(clients.failures(l.now).attempts).toBeGreaterThan(failed)
  })
})

describe('the migration tool', () => {
  const running = (l: Lab): string => sql(l, "select count(*) from pg_locks where locktype = 'advisory'").out.trim()

  it('PG-MIGRATE-1: pods that start at once migrate one after the other, under the lock of the first; it goes with its session', () => {
    const l = lab({ migrateBy: 'init-container', releases: { ...RELEASES, 'shop:2': { ...RELEASES['shop:2'], migrations: { '1': 'alter table orders alter column total type bigint', '2': 'alter table orders rename column customer to buyer' } } } }, { seed: '3' })
    l.clients(OPEN)
    l.run('kubectl', 'patch', 'deployment', 'web', '-p', '{"spec":{"strategy":{"rollingUpdate":{"maxSurge":3}}}}')
    l.run('kubectl', 'set', 'image', 'deployment/web', '*=shop:2')
    l.until(() => Number(running(l)) === 3, 60 * SECOND)
    // Killed while it works: its statement goes on to its end, and with the session goes the lock.
    const holder = sql(l, "select pid from pg_locks where locktype = 'advisory' and granted").out.trim()
    expect(sql(l, `select pg_terminate_backend(${holder})`).out.trim()).toBe('t')
    l.until(() => Number(running(l)) >= 1 && sql(l, "select pid from pg_locks where locktype = 'advisory' and granted").out.trim() !== holder)
    l.run('kubectl', 'rollout', 'status', 'deployment/web')
    expect(sql(l, 'select version from schema_migrations order by 1').out.trim()).toBe('1\n2')
    expect(running(l)).toBe('0')
  })

  it('PG-MIGRATE-1: as a row of a table it stays when its holder is killed, and nobody migrates any more', () => {
    const l = lab({ lock: 'table', lockWaitSeconds: 30, migrateBy: 'init-container', releases: { ...RELEASES, 'shop:2': { ...RELEASES['shop:2'], migrations: { '1': 'alter table orders alter column total type bigint' } } } })
    l.run('kubectl', 'set', 'image', 'deployment/web', '*=shop:2')
    const locked = (): string => sql(l, 'select lockedby from databasechangeloglock where locked').out.trim()
    l.until(() => locked() !== '', 60 * SECOND)
    const holder = locked()
    l.run('kubectl', 'delete', 'pod', holder, '--grace-period=0', '--force')
    l.wait(120 * SECOND)
    expect(locked()).toBe(holder)
    expect(l.told('application.init-failed').join('\n')).toContain(`Could not acquire change log lock. Currently locked by ${holder}`)
    expect(pods(l).filter(p => p.image === 'shop:2' && p.ready)).toEqual([])
    const doctor = l.cluster.kubernetes.pods().find(p => p.image === 'shop:1' && p.ready)?.name ?? ''
    expect(l.exec(doctor, 'migrate', 'release-locks').code).toBe(0)
    expect(l.run('kubectl', 'rollout', 'status', 'deployment/web', '--timeout=900s').code).toBe(0)
  })

  it('PG-MIGRATE-2: a migration is a transaction with its own entry: it fails as a whole, and is tried again', () => {
    const l = lab({ migrateBy: 'init-container', lockTimeoutSeconds: 1, releases: { ...RELEASES, 'shop:2': { reads: ['buyer'], writes: ['id', 'customer', 'total'], migrations: { '1': 'alter table orders add column buyer text; create index i on orders (buyer)' } } } })
    const clients = l.clients(OPEN)
    const reader = psql(l, 'begin', 'lock table orders in access share mode', 'select pg_sleep(30)', 'commit')
    l.wait(SECOND)
    l.run('kubectl', 'set', 'image', 'deployment/web', '*=shop:2')
    l.until(() => l.told('application.init-failed').length > 0, 60 * SECOND)
    expect(l.told('application.init-failed')[0]).toContain('migration 1 failed: canceling statement due to lock timeout')
    l.wait(SECOND)
    expect(reader.done).toBe(false)
    expect(sql(l, "select count(*) from information_schema.columns where column_name = 'buyer'").out.trim()).toBe('0')
    expect(labels(clients)).toBe('writable')
    l.run('kubectl', 'rollout', 'status', 'deployment/web')
    expect(sql(l, "select count(*) from information_schema.columns where column_name = 'buyer'").out.trim()).toBe('1')
  })

  it('PG-MIGRATE-3: what cannot be in a transaction is marked before it; cut short, it stops everybody until somebody has looked', () => {
    const l = lab({ releases: { ...RELEASES, 'shop:1': { writes: COLUMNS, reads: ['customer'], migrations: { '1': 'create index concurrently i on orders (customer)' } } } })
    l.clients(OPEN)
    const [pod, other] = pods(l).map(p => p.name)
    const up = l.startExec(pod ?? '', 'migrate', 'up')
    l.wait(5 * SECOND)
    const builder = sql(l, "select pid from pg_locks where mode = 'ShareUpdateExclusiveLock'").out.trim()
    sql(l, `select pg_terminate_backend(${builder})`)
    l.until(() => up.done)
    expect(up.output?.code).toBe(1)
    expect(l.exec(other ?? '', 'migrate', 'up').err).toContain('Dirty database version 1. Fix and force version.')
    sql(l, 'drop index concurrently i')
    l.exec(other ?? '', 'migrate', 'force', '0')
    expect(l.exec(other ?? '', 'migrate', 'up')).toMatchObject({ code: 0, out: '1/u applied\n' })
    expect(l.exec(other ?? '', 'migrate', 'up').out).toBe('no change\n')
    expect(l.exec(other ?? '', 'migrate', 'version').out).toBe('1\n')
  })

  it('PG-MIGRATE-4: a hook before the upgrade holds the pods back, and a failed one fails it; at its time-out helm gives up and the Job goes on', () => {
    const l = lab({ migrateBy: 'pre-upgrade' })
    const clients = l.clients(OPEN)
    psql(l, 'begin', 'lock table orders in access share mode', 'select pg_sleep(60)', 'commit')
    l.wait(SECOND)
    const upgrade = l.run('helm', 'upgrade', 'web', './chart', '--set', 'image=shop:2', '--timeout', '30s')
    expect(upgrade).toMatchObject({ code: 1, err: 'Error: UPGRADE FAILED: pre-upgrade hooks failed: timed out waiting for the condition\n' })
    expect(pods(l).every(p => p.image === 'shop:1')).toBe(true)
    l.wait(60 * SECOND)
    // The old release meets the schema of the new one, which nobody has rolled out.
    expect([sql(l, 'select version from schema_migrations').out.trim(), labels(clients)]).toEqual(['1', 'failing'])
  })

  it('PG-MIGRATE-5: a hook after the upgrade runs when the pods of the new release are there already: they meet the old schema', () => {
    const l = lab({ migrateBy: 'post-upgrade' })
    const clients = l.clients(OPEN)
    l.wait(SECOND)
    const upgrade = l.start('helm', 'upgrade', 'web', './chart', '--set', 'image=shop:2', '--wait')
    l.until(() => clients.cohorts.some(c => c.error.includes('"buyer"')), 60 * SECOND)
    l.until(() => upgrade.done, 300 * SECOND)
    expect(upgrade.output?.code).toBe(0)
    l.wait(10 * SECOND)
    expect(labels(clients)).toBe('writable')
  })
})
