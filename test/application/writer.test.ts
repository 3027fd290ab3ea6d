/** The dual writer: two statements, and what happens between them (rules APP-LEG-…, APP-DEADLINE-1, APP-RETRY-1). */
import { expect, test } from 'vitest'
import type { RowAudit } from '../../src/engine.ts'
import { BOTH, type Bench, bench, calmDown, job } from './lab.ts'

/** Both databases hold the same when the program that writes to both has come up; then `seconds` of writes, and rest. */
function written(options: Record<string, unknown>, build: Record<string, unknown>, seconds = 120, seed = '1'): { on: Bench; rows: RowAudit } {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, statement: 'upsert', ...build } }, ...options }, seed)
  job(on, 'backfill', ['backfill', '--mode=insert'])
  on.wait(seconds)
  calmDown(on)
  return { on, rows: on.cluster.rows() }
}

const causes = ({ divergent }: RowAudit): readonly string[] => [...new Set(divergent.map(({ cause }) => cause))].sort()

test('writes that come one after the other leave both databases alike', () => {
  const { rows } = written({ followUpShare: 0, writesPerSecond: 5, deleteShare: 0 }, {})
  expect(rows.divergent).toEqual([])
  expect(rows.strata.every(({ sampled }) => sampled === 100)).toBe(true)
})

test('O2, BG-T03, PG-S03: two writes of a key close together reach the two databases in different orders: no error, rows that differ for good', () => {
  const { on, rows } = written({ followUpShare: 1, followUpMs: 2, legMs: { is: 'uniform', min: 1, max: 20 }, deleteShare: 0 }, {})
  const operations = on.operations().filter(({ sql }) => sql === 'update')
  expect(operations.length).toBeGreaterThan(500)
  expect(operations.every(({ outcome, legs }) => outcome === 'ok' && legs.every(({ result }) => result === 'done'))).toBe(true)
  expect(rows.divergent.length).toBeGreaterThan(10)
  expect(causes(rows)).toEqual(['interleaved'])
  // The same writes with versions compared: nothing differs.
  const ordered = written({ followUpShare: 1, followUpMs: 2, legMs: { is: 'uniform', min: 1, max: 20 }, deleteShare: 0 }, { statement: 'versioned' })
  expect(ordered.rows.divergent).toEqual([])
})

test('a race is the rarer the shorter the time between the two statements is compared with that between the two writes', () => {
  const differing = (followUpMs: number): number => written({ followUpShare: 1, followUpMs, legMs: { is: 'uniform', min: 1, max: 20 }, deleteShare: 0 }, {}).rows.divergent.length
  const [close, far] = [differing(2), differing(400)]
  expect(close).toBeGreaterThan(2 * far)
})

test('BG-T01, PG-S02: an error of the legacy database that is only logged: the program says yes to what the database that counts does not have', () => {
  const { on, rows } = written({ legacyErrorP: 0.05, followUpShare: 0, attempts: 1 }, { onLegacyError: 'log' })
  expect(on.operations().filter(({ outcome }) => outcome === 'failed').length).toBe(0)
  expect(rows.strata.reduce((sum, { lost }) => sum + lost, 0)).toBeGreaterThan(0)
  expect(causes(rows)).toEqual(['failed-statement'])
  expect(rows.divergent.every(({ where }) => where === 'blue-db-0')).toBe(true)
})

test('BG-T02: an error of the modern one that is returned: the write stands in legacy, the client tries again, and it takes effect twice', () => {
  const twice = written({ modernErrorP: 0.2, followUpShare: 0 }, { onModernError: 'return' })
  expect(twice.rows.repeated).toBeGreaterThan(50)
  const once = written({ modernErrorP: 0.2, followUpShare: 0 }, { onModernError: 'return', idempotencyKeys: true })
  expect(once.rows.repeated).toBe(0)
  // With one attempt and no second chance the client was told that it failed, and it stands.
  const single = written({ modernErrorP: 0.2, followUpShare: 0, attempts: 1 }, { onModernError: 'return' })
  const failed = single.on.operations().filter(({ outcome }) => outcome === 'failed')
  expect(failed.length).toBeGreaterThan(20)
  expect(failed.every(({ legs }) => legs.some(({ side, result }) => side === 'legacy' && result === 'done'))).toBe(true)
})

test('the outcome table of WriteBoth (DW-F03): only the second error is returned', () => {
  const both = written({ legacyErrorP: 1, modernErrorP: 1, followUpShare: 0, attempts: 1 }, { onLegacyError: 'log', onModernError: 'return' }, 20).on.operations()
  expect(both.at(-1)?.outcome).toBe('failed')
  const legacyOnly = written({ legacyErrorP: 1, followUpShare: 0, attempts: 1 }, { onLegacyError: 'log', onModernError: 'return' }, 20).on.operations()
  expect(legacyOnly.every(({ outcome }) => outcome === 'ok')).toBe(true)
})

test('the other order and the strict policy: what the first refuses is not tried on the second', () => {
  const on = written({ modernErrorP: 1, followUpShare: 0, attempts: 1 }, { order: 'modern-first', onModernError: 'return' }, 20).on
  expect(on.operations().filter(({ outcome }) => outcome === 'failed').every(({ legs }) => legs.every(({ side }) => side === 'modern'))).toBe(true)
})

test('BG-T07: a pod that dies between the two statements leaves them apart; nobody is told that it failed', () => {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, statement: 'upsert' } }, legMs: 200, followUpShare: 0, attempts: 1, deleteShare: 0, absentShare: 0, controller: 'deployment' })
  job(on, 'backfill', ['backfill', '--mode=insert'])
  for (let i = 0; i < 30; i++) {
    on.wait(10)
    const [target] = on.cluster.targets('process-kill').filter(each => each.startsWith('pod:'))
    if (target !== undefined) on.cluster.strike({ kind: 'process-kill', target, durationUs: 0, magnitude: 0, nth: i })
  }
  calmDown(on)
  const torn = on.operations().filter(({ legs }) => legs.length === 1 && legs[0]?.side === 'legacy')
  expect(torn.length).toBeGreaterThan(3)
  expect(torn.every(({ outcome }) => outcome === 'unknown')).toBe(true)
  // What was on its way when the pod died was carried out after it.
  expect(on.operations().some(({ doneUs, legs: made }) => made.some(({ atUs, result }) => result === 'done' && atUs > doneUs))).toBe(true)
  expect(on.cluster.rows().divergent.length).toBeGreaterThan(0)
  expect(on.cluster.rows().strata.every(({ lost }) => lost === 0)).toBe(true)
})

test('BG-T07: one deadline for both: what the first statement used up the second lacks', () => {
  const { on } = written({ legMs: { is: 'uniform', min: 1, max: 3_000 }, requestTimeoutSeconds: 2, followUpShare: 0, attempts: 1, writesPerSecond: 20 }, {}, 60)
  const late = on.operations().filter(({ outcome }) => outcome === 'unknown')
  expect(late.length).toBeGreaterThan(10)
  expect(late.some(({ legs }) => legs.some(({ side }) => side === 'legacy') && !legs.some(({ side }) => side === 'modern'))).toBe(true)
  // A statement that was on its way when the time was over is carried out all the same.
  expect(late.some(({ legs }) => legs.some(({ side, result }) => side === 'modern' && result === 'done'))).toBe(true)
})

test('BG-T08: a database that serves nobody yet fails every write when its errors are returned, and none when they are not', () => {
  const outage = (onModernError: 'return' | 'log'): number => {
    const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, onModernError } }, attempts: 1 })
    on.run('kubectl scale statefulset green-db --replicas=0')
    on.wait(60)
    const before = on.operations().length
    on.wait(30)
    const during = on.operations().slice(0).filter(({ id }) => id > before)
    return during.filter(({ outcome }) => outcome === 'failed').length / during.length
  }
  expect(outage('return')).toBe(1)
  expect(outage('log')).toBe(0)
})
