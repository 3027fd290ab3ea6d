/** A program that waits for a database to take writes (rule APP-WAIT-1): what its clients meet, and what becomes of it when it is let on. */
import { expect, test } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { type Bench, bench, calmDown, makeGreen, ON_VITESS } from './lab.ts'

const waits = (onReadOnly: 'wait' | 'return' = 'wait') => ({ image: 'webapp:2', builds: { 'webapp:2': { onReadOnly, statement: 'versioned', idempotencyKeys: true, flags: { path: { new: { writes: 'modern', reads: 'modern' } } } } }, absentShare: 0, deleteShare: 0 })
const prospects = (on: Bench): Set<string> => new Set([...on.cluster.world.pods.values()].map(pod => pod.prospect().is))
const failed = (on: Bench): string[] => on.operations().map(({ outcome }) => outcome).filter(outcome => outcome !== 'ok' && outcome !== 'pending')
const done = (on: Bench): number => on.operations().filter(({ outcome }) => outcome === 'ok').length

function fence(on: Bench, host: 'blue-db-0.blue-db' | 'green-db-0.green-db', closed: boolean): void {
  on.run(`psql -h ${host} -c '${closed ? 'alter system set default_transaction_read_only = on' : 'alter system reset default_transaction_read_only'}' -c 'select pg_reload_conf()'`)
}

test('APP-WAIT-1: while its database is read-only it holds writes back, and goes on when it asks again after that: nobody has an error', () => {
  const on = bench({ ...waits(), writesPerSecond: 500, legMs: 40, attempts: 1, readOnlyRetryMs: 1_000 })
  on.wait(10)
  fence(on, 'blue-db-0.blue-db', true)
  expect(prospects(on)).toEqual(new Set(['paused']))
  on.wait(1)
  const before = done(on)
  on.wait(1)
  expect(done(on)).toBe(before)
  fence(on, 'blue-db-0.blue-db', false)
  // Each pod asks again at an instant of its own.
  const back: number[] = []
  for (let tenths = 0; tenths <= 11; tenths++) {
    back.push([...on.cluster.world.pods.values()].filter(pod => pod.prospect().is === 'served').length)
    on.wait(0.1)
  }
  expect(new Set(back).size).toBeGreaterThan(2)
  expect(back.at(-1)).toBe(6)
  calmDown(on)
  expect(failed(on)).toEqual([])
  // Statements that were on their way when it was fenced were refused, and made again: once.
  expect(on.operations().filter(({ legs }) => legs.some(({ result }) => result === 'error')).length).toBeGreaterThan(0)
  expect(on.cluster.world.rows.repeated).toBe(0)
})

test('one that returns the error does so, and its clients are told', () => {
  const on = bench(waits('return'))
  on.wait(10)
  fence(on, 'blue-db-0.blue-db', true)
  expect(prospects(on)).toEqual(new Set(['fails']))
  on.wait(10)
  expect(failed(on).length).toBeGreaterThan(10)
})

test('it waits until the deadline of the request, and for nothing else than that: a server that is gone is an error', () => {
  const on = bench(waits())
  on.wait(10)
  fence(on, 'blue-db-0.blue-db', true)
  const from = on.sim.now
  on.wait(40)
  const early = on.operations().filter(({ invokedUs, doneUs }) => invokedUs > from && doneUs < on.sim.now)
  expect(early.length).toBeGreaterThan(10)
  // Three attempts of five seconds.
  expect(early.every(({ outcome, invokedUs, doneUs }) => outcome !== 'ok' && doneUs - invokedUs >= 15 * SECOND)).toBe(true)
  const gone = bench(waits())
  gone.wait(10)
  gone.cluster.strike({ kind: 'process-kill', target: 'member:blue-db-0', durationUs: 600 * SECOND, magnitude: 0, nth: 0 })
  gone.wait(1)
  expect(prospects(gone)).toEqual(new Set(['fails']))
})

test('who waits at the new database goes by neither: the old one counts until the new one has taken a write', () => {
  const on = bench({ ...waits(), flags: { delivery: 'stream', missedUpdateP: 0 } })
  const counts = (): string | undefined => on.cluster.truth.authority(on.cluster.logs[0]!).member
  on.wait(10)
  fence(on, 'green-db-0.green-db', true)
  expect(prospects(on)).toEqual(new Set(['served']))
  on.run(`kubectl patch configmap flags --patch '{"data":{"path":"new"}}'`)
  on.wait(2)
  expect([prospects(on), counts(), on.cluster.truth.couldAcknowledge()]).toEqual([new Set(['paused']), 'blue-db-0', []])
  fence(on, 'green-db-0.green-db', false)
  on.wait(1)
  expect([prospects(on), counts(), on.cluster.truth.couldAcknowledge()]).toEqual([new Set(['served']), 'green-db-0', ['green-db-0']])
})

test('on Vitess it waits where its tables are denied', () => {
  const on = bench({ ...ON_VITESS, ...waits(), flags: { delivery: 'stream', missedUpdateP: 0 } })
  makeGreen(on)
  on.wait(20)
  on.run('vtctldclient SetShardTabletControl --denied-tables=orders green/- primary')
  on.run('vtctldclient RefreshStateByShard green/-')
  on.run(`kubectl patch configmap flags --patch '{"data":{"path":"new"}}'`)
  on.wait(2)
  expect(prospects(on)).toEqual(new Set(['paused']))
  on.run('vtctldclient SetShardTabletControl --denied-tables=orders --remove green/- primary')
  expect(prospects(on)).toEqual(new Set(['paused']))
  on.run('vtctldclient RefreshStateByShard green/-')
  on.wait(1)
  expect(prospects(on)).toEqual(new Set(['served']))
  calmDown(on)
  expect(failed(on)).toEqual([])
})
