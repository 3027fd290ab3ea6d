/** What counts, and what is missing of it (rules APP-AUTHORITY-1, APP-ROWS-…); the estimate of all rows. */
import { expect, test } from 'vitest'
import { estimateRows } from '../../src/measures/index.ts'
import type { Key, Sql } from '../../models/application/rows.ts'
import type { Copy } from '../../src/cluster/log/index.ts'
import { BOTH, bench, calmDown, job } from './lab.ts'

const BUILDS = { 'webapp:2': { ...BOTH, statement: 'upsert', flags: { path: { new: { writes: 'modern', reads: 'modern' }, read: { reads: 'modern' } } } } }

test('the database that counts: the one that is written, of two the one that is read', () => {
  const on = bench({ image: 'webapp:2', builds: BUILDS, flags: { delivery: 'stream' } })
  const counts = (): string | undefined => on.cluster.truth.authority(on.cluster.logs[0] as never).member
  const turn = (value: string): void => {
    on.run(`kubectl patch configmap flags --patch '{"data":{"path":"${value}"}}'`)
    on.wait(2)
  }
  expect(counts()).toBe('blue-db-0')
  expect(on.cluster.truth.members().find(({ role }) => role === 'leader')?.name).toBe('blue-db-0')
  turn('read')
  expect(counts()).toBe('green-db-0')
  turn('old')
  expect(counts()).toBe('blue-db-0')
  turn('new')
  expect(counts()).toBe('green-db-0')
  expect(on.cluster.truth.couldAcknowledge()).toEqual(['green-db-0'])
})

test('a switch to an empty database: every acknowledged write of before has left no trace, with or without later ones', () => {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { flags: BUILDS['webapp:2'].flags } }, flags: { delivery: 'stream' }, deleteShare: 0, absentShare: 0 })
  on.wait(60)
  const before = on.operations().filter(({ outcome }) => outcome === 'ok').length
  on.run(`kubectl patch configmap flags --patch '{"data":{"path":"new"}}'`)
  on.wait(2)
  calmDown(on)
  const { strata, divergent } = on.cluster.rows()
  // Later writes of a key are whole rows: what they replaced is not missed.
  expect(strata.reduce((sum, { lost }) => sum + lost, 0)).toBeGreaterThan(before * 0.8)
  expect(new Set(divergent.map(({ cause, where }) => `${cause} ${where}`))).toEqual(new Set(['not-written-there green-db-0']))
  // While the flag reached the pods one after the other, some wrote here and the next there again: those rows are there, and old.
  expect(divergent.filter(({ kind }) => kind === 'missing').length).toBeGreaterThan(divergent.length * 0.9)
})

test('rows go with their volume', () => {
  const on = bench({ database: { name: 'blue-db', members: 1, service: 'database', serviceSelects: 'app', image: 'postgres:16.9', targetImage: 'postgres:17.5', targetKubernetesVersion: null, green: { name: 'green-db', replicas: 1, readOnly: false, retain: false }, pooler: false } })
  on.wait(30)
  expect(on.cluster.rows().divergent).toEqual([])
  on.run('kubectl delete statefulset blue-db')
  on.wait(60)
  calmDown(on)
  const { divergent } = on.cluster.rows()
  expect(divergent.length).toBeGreaterThan(30)
  expect(divergent.every(({ kind, lost }) => kind === 'missing' && lost > 0)).toBe(true)
})

test('of two databases the one that is left counts, whoever wrote to the other', () => {
  const on = bench({ database: { name: 'blue-db', members: 1, service: 'database', serviceSelects: 'app', image: 'postgres:16.9', targetImage: 'postgres:17.5', targetKubernetesVersion: null, green: { name: 'green-db', replicas: 1, readOnly: false, retain: false }, pooler: false } })
  const counts = (): string => {
    const copy = on.cluster.truth.authorityNow()
    return copy === undefined ? '' : on.cluster.world.databases.nameOf(copy)
  }
  expect(counts()).toBe('blue-db-0')
  on.run('kubectl scale statefulset blue-db --replicas=0')
  on.wait(30)
  // Its data is there, if nobody speaks for it.
  expect(counts()).toBe('blue-db-0')
  on.run('kubectl delete pvc data-blue-db-0')
  on.wait(30)
  expect(counts()).toBe('green-db-0')
})

test('a process that is killed loses no row', () => {
  const on = bench({ followUpShare: 0 })
  job(on, 'none', ['backfill', '--mode=insert'])
  on.cluster.strike({ kind: 'process-kill', target: 'member:blue-db-0', durationUs: 0, magnitude: 0, nth: 0 })
  on.wait(120)
  calmDown(on)
  expect(on.operations().some(({ outcome }) => outcome === 'failed' || outcome === 'unknown')).toBe(true)
  expect(on.cluster.rows().divergent).toEqual([])
})

test('the estimate: each class by its own share, an exact interval, and what a sample cannot exclude', () => {
  const stratum = (keys: number, sampled: number, divergent: number, lost = divergent) => ({ name: 'x', keys, sampled, divergent, lost })
  const estimate = estimateRows({ strata: [stratum(1_000, 100, 5), stratum(9_000, 300, 2, 6)], divergent: [], repeated: 0 })
  expect(estimate).toMatchObject({ divergent: 50 + 60, lost: 50 + 180, sampled: 400, found: 7 })
  // Clopper–Pearson: 5 of 100 is 1.64 % to 11.28 %, 2 of 300 is 0.081 % to 2.387 %.
  expect(estimate.low).toBe(16 + 7)
  expect(estimate.high).toBe(113 + 215)
  const none = estimateRows({ strata: [stratum(1_000_000, 1_000, 0)], divergent: [], repeated: 0 })
  expect(none).toMatchObject({ divergent: 0, low: 0, high: 3_683 })
  // All of them: nothing is left to guess at but what the sample cannot tell.
  expect(estimateRows({ strata: [stratum(100, 0, 0)], divergent: [], repeated: 0 })).toMatchObject({ divergent: 0, low: 0, high: 100 })
})

/** One key of a bench whose requests have ended, with operations put in by hand. */
function told(operations: (on: ReturnType<typeof bench>, key: Key) => void): { lost: number; divergent: number } {
  const on = bench({ writesPerSecond: 1, deleteShare: 0 })
  on.wait(30)
  calmDown(on)
  const { rows } = on.cluster.world
  const key = rows.keys.find(each => each.operations.length === 0) as Key
  operations(on, key)
  on.wait(60)
  const { strata, divergent } = on.cluster.rows()
  return { lost: strata.reduce((sum, each) => sum + each.lost, 0), divergent: divergent.length }
}

test('an update that finds its row deleted a moment before loses nothing; where the row should have been there again it does (APP-ROWS-3)', () => {
  const play = (again: boolean, deletedBy: number | undefined, afterwards = false) =>
    told((on, key) => {
      const { rows } = on.cluster.world
      const legacy = rows.keys.flatMap(({ commits }) => commits)[0]?.copy as Copy
      const nowUs = on.sim.now
      const op = (id: number, sql: Sql, fromMs: number, toMs: number, result: 'done' | 'no-row'): void => {
        key.operations.push({ id, key, sql, invokedUs: nowUs + fromMs * 1_000, doneUs: nowUs + toMs * 1_000, outcome: 'ok', legs: [{ side: 'legacy', atUs: nowUs + toMs * 1_000 - 500, result, deletedBy: result === 'no-row' ? deletedBy : undefined }] })
      }
      op(9_001, 'delete', 0, 3, 'done')
      // Where it is judged the row never was, as in a new database that got neither the row nor its deletion.
      rows.commit(legacy, key, { op: 0, present: false, version: 0 }, rows.nextVersion(), 'program')
      if (again) op(9_002, 'insert', 10, 12, 'done')
      op(9_003, 'update', again ? 20 : afterwards ? 4 : 1, again ? 22 : 5, 'no-row')
    })
  expect(play(false, 9_001).lost).toBe(0)
  expect(play(false, 9_001, true).lost).toBe(0)
  expect(play(false, undefined, true).lost).toBe(2)
  // Both at one time: the deletion may have been the last, so that there is no row is right.
  expect(play(false, undefined)).toEqual({ lost: 0, divergent: 0 })
  expect(play(true, 9_001).lost).toBe(3)
})
