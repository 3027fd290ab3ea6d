/** The backfill job on databases that are written meanwhile (rules APP-BACKFILL-…). */
import { expect, test } from 'vitest'
import { BOTH, type Bench, bench, calmDown, job } from './lab.ts'

/** The program goes over to the modern database, and then a backfill copies from the legacy one: after the switch, as documented. */
function afterSwitch(mode: string, build: Record<string, unknown> = {}, seed = '1'): Bench {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, ...build, flags: { path: { new: { writes: 'modern', reads: 'modern' } } } } }, flags: { delivery: 'stream' }, deleteShare: 0.3 }, seed)
  on.wait(30)
  on.run(`kubectl patch configmap flags --patch '{"data":{"path":"new"}}'`)
  on.wait(30)
  job(on, 'backfill', ['backfill', `--mode=${mode}`])
  on.wait(30)
  calmDown(on)
  return on
}

test('BG-T09: a backfill after the switch overwrites what is newer and brings deleted rows back; nobody got an error', () => {
  const on = afterSwitch('upsert')
  const { divergent } = on.cluster.rows()
  expect(new Set(divergent.map(({ kind }) => kind))).toEqual(new Set(['stale', 'resurrected']))
  expect(new Set(divergent.map(({ cause }) => cause))).toEqual(new Set(['stale-overwrite', 'resurrected-delete']))
  expect(divergent.length).toBeGreaterThan(20)
  expect(on.operations().every(({ outcome }) => outcome === 'ok' || outcome === 'failed')).toBe(true)
  expect(on.operations().filter(({ outcome }) => outcome === 'failed').length).toBeLessThan(on.operations().length / 50)
})

test('BG-T09: copied only if absent, nothing newer is overwritten, but deleted rows come back', () => {
  const { divergent } = afterSwitch('insert').cluster.rows()
  expect(divergent.filter(({ kind, cause }) => kind === 'stale' && cause === 'stale-overwrite')).toEqual([])
  expect(divergent.filter(({ kind }) => kind === 'resurrected').length).toBeGreaterThan(3)
})

test('BG-T06: an update of a row that is not there yet succeeds and is lost when the old image is copied in', () => {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': BOTH }, deleteShare: 0, absentShare: 0 })
  on.wait(30)
  const early = on.operations().filter(({ legs }) => legs.some(({ side, result }) => side === 'modern' && result === 'no-row'))
  expect(early.length).toBeGreaterThan(50)
  expect(early.every(({ outcome }) => outcome === 'ok')).toBe(true)
})

test('before the switch, with both written and versions compared, nothing is lost and nothing comes back', () => {
  const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, statement: 'versioned' } }, deleteShare: 0.3, chunkRows: 200, backfillRowsPerSecond: 100 })
  on.wait(30)
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  on.wait(30)
  calmDown(on)
  expect(on.cluster.rows().divergent).toEqual([])
})

test('a chunk does not see what happens while it is on its way: inserted if absent, with deletes that leave nothing behind', () => {
  const resurrected = (form: 'upsert' | 'versioned', mode: string): number => {
    const on = bench({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, statement: form } }, deleteShare: 0.4, followUpShare: 0, chunkRows: 1_000, backfillRowsPerSecond: 50 })
    on.wait(30)
    job(on, 'backfill', ['backfill', `--mode=${mode}`])
    calmDown(on)
    return on.cluster.rows().divergent.filter(({ kind }) => kind === 'resurrected').length
  }
  expect(resurrected('upsert', 'insert')).toBeGreaterThan(0)
  expect(resurrected('versioned', 'versioned')).toBe(0)
})

test('BG-T27: the flag that is to stop it is looked at before a chunk is read; the one on its way is written', () => {
  const on = bench({ chunkRows: 100, backfillRowsPerSecond: 10, flags: { values: { stop: 'false' } } })
  const manifest = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'backfill' }, spec: { template: { spec: { containers: [{ name: 'b', image: 'migrator:1', args: ['backfill', '--mode=upsert', '--stop-flag=stop'] }] } } } }
  const chunks = (): number => new Set(on.cluster.world.rows.keys.flatMap(({ commits }) => commits).filter(({ by }) => by === 'backfill').map(({ atUs }) => atUs)).size
  on.run('kubectl apply -f -', JSON.stringify(manifest))
  while (chunks() === 0) on.wait(1)
  // A chunk takes ten seconds: this one is on its way.
  on.wait(5)
  on.run(`kubectl patch configmap flags --patch '{"data":{"stop":"true"}}'`)
  on.wait(60)
  expect(chunks()).toBe(2)
  expect(on.run('kubectl logs job/backfill').out).toMatch(/stopped by stop/)
})

test('rows that are not there are not copied', () => {
  const on = bench({ absentShare: 1, writesPerSecond: 0.001 })
  expect(job(on, 'backfill', ['backfill']).out).toMatch(/copied 0 sampled rows/)
})
