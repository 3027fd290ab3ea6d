/** What one statement does to a row (rules APP-SQL-2, APP-VERSION-1), and a chunk's row to what is there (APP-BACKFILL-2). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copied } from '../../models/application/backfill.ts'
import { NO_ROW, type Row } from '../../models/application/rows.ts'
import { effectOf } from '../../models/application/statements.ts'
import { BOTH, bench, job } from './lab.ts'

const row = (op: number, version = op): Row => ({ op, present: true, version })

test('a plain statement: an INSERT needs that nothing is there, UPDATE and DELETE succeed on nothing, a DELETE leaves nothing behind', () => {
  const plain = (at: Row, sql: 'insert' | 'update' | 'delete') => effectOf(at, { id: 9 }, { sql, form: 'plain', version: 9 })
  expect(plain(NO_ROW, 'insert')).toEqual({ is: 'changed', row: row(9) })
  expect(plain(row(3), 'insert')).toEqual({ is: 'duplicate-key' })
  expect(plain(row(3), 'update')).toEqual({ is: 'changed', row: row(9) })
  expect(plain(NO_ROW, 'update')).toEqual({ is: 'no-row' })
  expect(plain(NO_ROW, 'delete')).toEqual({ is: 'no-row' })
  expect(plain(row(3), 'delete')).toEqual({ is: 'changed', row: { op: 9, present: false, version: 0 } })
  expect(effectOf(NO_ROW, { id: 9 }, { sql: 'update', form: 'upsert', version: 9 })).toEqual({ is: 'changed', row: row(9) })
})

test('versioned statements give the same row in any order: the newest, deleted or not', () => {
  const writes = fc.uniqueArray(fc.record({ version: fc.integer({ min: 1, max: 50 }), gone: fc.boolean() }), { minLength: 1, maxLength: 8, selector: w => w.version })
  fc.assert(
    fc.property(writes.chain(all => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))), ([all, shuffled]) => {
      const apply = (at: Row, { version, gone }: { version: number; gone: boolean }): Row => {
        const effect = effectOf(at, { id: version }, { sql: gone ? 'delete' : 'update', form: 'versioned', version })
        return effect.is === 'changed' ? effect.row : at
      }
      const newest = all.reduce((a, b) => (b.version > a.version ? b : a))
      expect(shuffled.reduce(apply, NO_ROW)).toEqual({ op: newest.version, present: !newest.gone, version: newest.version })
      // Twice is as good as once.
      expect([...shuffled, ...shuffled].reduce(apply, NO_ROW)).toEqual(shuffled.reduce(apply, NO_ROW))
    }),
  )
})

test('a chunk: upsert overwrites what is newer, insert brings deleted rows back, versioned does neither where a tombstone stands', () => {
  const old = row(1)
  const newer = row(5)
  const deleted: Row = { op: 5, present: false, version: 0 }
  const tombstone: Row = { op: 5, present: false, version: 5 }
  expect(copied(newer, old, 'upsert')).toEqual(old)
  expect(copied(newer, old, 'insert')).toBeUndefined()
  expect(copied(deleted, old, 'insert')).toEqual(old)
  expect(copied(newer, old, 'versioned')).toBeUndefined()
  expect(copied(tombstone, old, 'versioned')).toBeUndefined()
  expect(copied(tombstone, old, 'insert')).toBeUndefined()
  // Without a tombstone no version can tell.
  expect(copied(deleted, old, 'versioned')).toEqual(old)
})

test('both databases get the statement that fits the one that is read: on rows that are not copied yet it changes nothing, and succeeds (BG-T06)', () => {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': BOTH }, deleteShare: 0.3 })
  on.wait(60)
  const legs = on.operations().flatMap(({ sql, legs, outcome }) => legs.filter(leg => leg.side === 'modern').map(leg => ({ sql, result: leg.result, outcome })))
  const updates = legs.filter(({ sql }) => sql !== 'insert')
  expect(updates.filter(({ result }) => result === 'no-row').length).toBeGreaterThan(100)
  expect(updates.filter(({ result }) => result === 'no-row').every(({ outcome }) => outcome === 'ok')).toBe(true)
  expect(job(on, 'checksum', ['checksum', '--ordered'])).toMatchObject({ out: expect.stringMatching(/rows differ/) })
})
