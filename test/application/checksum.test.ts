/** The checksum job (rules APP-CHECKSUM-…). */
import { expect, test } from 'vitest'
import { BOTH, type Bench, bench, calmDown, job } from './lab.ts'

function alike(options: Record<string, unknown> = {}): Bench {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, statement: 'versioned' } }, checksumRowsPerSecond: 50, ...options })
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  return on
}

test('BG-T23, PG-S07: rows in the order of the heap differ although they are the same; in the order of their keys they do not', () => {
  const on = alike()
  calmDown(on)
  expect(on.cluster.rows().divergent).toEqual([])
  expect(job(on, 'heap', ['checksum'])).toMatchObject({ out: expect.stringMatching(/^[1-9]\d* rows differ/) })
  expect(job(on, 'ordered', ['checksum', '--ordered']).out).toBe('0 rows differ\n')
})

test('BG-T23: on tables that are written a whole digest differs by what came between the two readings; chunks that are read again do not', () => {
  const on = alike()
  expect(job(on, 'whole', ['checksum', '--ordered']).out).toMatch(/^[1-9]\d* rows differ/)
  expect(job(on, 'rechecked', ['checksum', '--rechecked']).out).toBe('0 rows differ\n')
})

test('APP-CHECKSUM-2: what a connector has on its way has arrived when a chunk is read again', () => {
  const on = bench({ connectors: [{ name: 'cdc', replicas: 1, mode: 'versioned' }], writesPerSecond: 200 })
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  on.wait(60)
  expect(on.cluster.rows().divergent).toEqual([])
  expect(job(on, 'whole', ['checksum', '--ordered']).out).toMatch(/^[1-9]\d* rows differ/)
  expect(job(on, 'rechecked', ['checksum', '--rechecked']).out).toBe('0 rows differ\n')
})

test('what really differs stays', () => {
  const on = bench()
  job(on, 'backfill', ['backfill', '--mode=insert'])
  on.wait(60)
  expect(job(on, 'rechecked', ['checksum', '--rechecked']).out).toMatch(/^[1-9]\d* rows differ/)
  const found = on.cluster.world.rows.keys.length
  expect(found).toBe(200)
})

test('BG-T23: counts can agree where rows do not', () => {
  const on = bench({ deleteShare: 0, absentShare: 0 })
  job(on, 'backfill', ['backfill', '--mode=insert'])
  on.wait(60)
  expect(job(on, 'count', ['checksum', '--count']).out).toBe('0 rows differ\n')
  expect(job(on, 'ordered', ['checksum', '--ordered']).out).toMatch(/^[1-9]\d* rows differ/)
})

test('BG-T22: when one of the two is gone there is nothing to compare with', () => {
  const on = alike()
  on.run('kubectl delete statefulset blue-db')
  on.wait(60)
  expect(job(on, 'late', ['checksum', '--ordered']).out).toBe('checksum: could not connect to blue-db-0.blue-db\n')
})
