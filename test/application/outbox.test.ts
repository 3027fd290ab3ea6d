/** The transactional outbox and its relay (rules APP-OUTBOX-…). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { advance, type Piece, valueAt } from '../../models/application/monitoring/pieces.ts'
import { relayOptions } from '../../models/application/outbox.ts'
import { Polling } from '../../models/application/polling.ts'
import { type Bench, bench, CALM, calmDown, job, makeGreen, ON_VITESS } from './lab.ts'

const BUILDS = { 'webapp:2': { outbox: true, statement: 'versioned', idempotencyKeys: true } }
const RELAY = { name: 'relay', replicas: 1, mode: 'versioned', batchRows: 1_000 }

/** A program with an outbox and its relay, and what was there before has been copied. */
function relayed(relay: Record<string, unknown> = {}, options: Record<string, unknown> = {}, seed = '1'): Bench {
  const on = bench({ image: 'webapp:2', builds: BUILDS, relays: [{ ...RELAY, ...relay }], deleteShare: 0.3, ...options }, seed)
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  return on
}

const ask = (on: Bench, what: string): string => on.run(`kubectl exec deploy/relay -- curl -s localhost:8083/${what}`).out
const gauge = (on: Bench, name: string): number => Number(new RegExp(`^${name} (.*)$`, 'm').exec(ask(on, 'metrics'))?.[1])
const pending = (on: Bench): number => Number(ask(on, 'pending'))
const target = (on: Bench, kind: 'process-kill' | 'replay-stall'): string => on.cluster.targets(kind).find(each => each.includes('relay')) as string
const strike = (on: Bench, kind: 'process-kill' | 'replay-stall'): { end(): void } => on.cluster.strike({ kind, target: target(on, kind), durationUs: 0, magnitude: 0, nth: 0 })
const delivered = (on: Bench): number => on.cluster.world.rows.keys.reduce((sum, { commits }) => sum + commits.filter(({ by }) => by === 'relay').length, 0)

/** How often a row went back to an older one, and how many keys ended with another than the newest that was carried. */
function disorder(on: Bench): { readonly back: number; readonly stale: number } {
  let back = 0
  let stale = 0
  for (const { commits } of on.cluster.world.rows.keys) {
    const versions = commits.filter(({ by }) => by === 'relay').map(({ version }) => version)
    for (let i = 1; i < versions.length; i++) if ((versions[i] as number) < (versions[i - 1] as number)) back += 1
    if (versions.length > 0 && versions.at(-1) !== Math.max(...versions)) stale += 1
  }
  return { back, stale }
}

test('APP-OUTBOX-1: with the write or not at all: whatever becomes of the request, both databases end alike; two statements do not', () => {
  const trouble = { answerLostP: 0.02, legacyErrorP: 0.02, modernErrorP: 0.02, attempts: 1, writesPerSecond: 100 }
  const on = relayed({}, trouble)
  on.wait(120)
  const pod = [...on.cluster.world.pods.values()][0]?.name ?? ''
  on.cluster.strike({ kind: 'process-kill', target: `pod:${pod}`, durationUs: 0, magnitude: 0, nth: 0 })
  on.wait(60)
  calmDown(on)
  expect(on.operations().filter(({ outcome }) => outcome === 'unknown').length).toBeGreaterThan(10)
  expect(delivered(on)).toBeGreaterThan(1_000)
  expect(on.cluster.truth.kept().other?.name).toMatch(/^green-db-0/)
  expect(on.cluster.rows().divergent).toEqual([])
  const twice = bench({ image: 'webapp:2', builds: { 'webapp:2': { writes: 'both', statement: 'versioned', idempotencyKeys: true, onModernError: 'log' } }, deleteShare: 0.3, ...trouble })
  job(twice, 'backfill', ['backfill', '--mode=versioned'])
  twice.wait(180)
  calmDown(twice)
  expect(twice.cluster.rows().divergent.length).toBeGreaterThan(5)
})

test('APP-OUTBOX-1: writes of a build without it are in no outbox, and nobody carries them', () => {
  const on = bench({ image: 'webapp:1', builds: BUILDS, relays: [RELAY] })
  on.wait(60)
  on.run('kubectl argo rollouts set image webapp webapp=webapp:2')
  expect(pending(on)).toBe(0)
  on.run('kubectl argo rollouts status webapp')
  on.wait(60)
  calmDown(on)
  const written = on.cluster.world.changes.filter(({ commit }) => commit.by === 'program')
  const own = written.filter(({ commit }) => commit.outbox).length
  expect([own > 100, written.length - own > 100]).toEqual([true, true])
  expect(delivered(on)).toBe(own)
})

test('APP-OUTBOX-1: as many rows come as statements succeed, on the database on which they do', () => {
  const builds = { 'webapp:2': { outbox: true, statement: 'versioned', errorP: 0.5, writes: 'both', onModernError: 'log' } }
  const on = bench({ image: 'webapp:2', builds, relays: [RELAY, { ...RELAY, name: 'back', from: 'modern', to: 'legacy' }], ...CALM, legacyErrorP: 0.2 })
  const waiting = (relay: string): number => Number(on.run(`kubectl exec deploy/${relay} -- curl -s localhost:8083/pending`).out)
  for (const name of on.cluster.targets('replay-stall')) on.cluster.strike({ kind: 'replay-stall', target: name, durationUs: 0, magnitude: 0, nth: 0 })
  on.wait(1)
  const before = [waiting('relay'), waiting('back')] as [number, number]
  on.wait(100)
  // Fifty requests a second, half of which do anything, four fifths of those on both.
  const near = [expect.closeTo(2_025, -2), expect.closeTo(2_025, -2)]
  expect([waiting('relay') - before[0], waiting('back') - before[1]]).toEqual(near)
  on.run("psql -h green-db-0.green-db -c 'alter system set default_transaction_read_only = on' -c 'select pg_reload_conf()'")
  on.wait(1)
  const then = [waiting('relay'), waiting('back')] as [number, number]
  on.wait(100)
  expect([waiting('relay') - then[0], waiting('back') - then[1]]).toEqual([near[0], 0])
})

describe('APP-OUTBOX-2: a relay polls', () => {
  test('so a row waits for the next poll, and what the relay has not deleted is there after it was away', () => {
    const on = relayed({ pollMs: 10_000, batchRows: 10_000 })
    on.wait(60)
    const waits = on.cluster.world.rows.keys.flatMap(({ commits }) => commits.filter(({ by }) => by === 'relay').map(({ atUs, row }) => atUs - (commits.find(each => each.outbox && each.row.op === row.op)?.atUs ?? 0)))
    expect(Math.max(...waits)).toBeLessThanOrEqual(10_000_000)
    expect(Math.max(...waits)).toBeGreaterThan(8_000_000)
    expect(Math.min(...waits)).toBeLessThan(2_000_000)
    on.run('kubectl scale deployment relay --replicas=0')
    on.wait(300)
    on.run('kubectl scale deployment relay --replicas=1')
    for (let i = 0; i < 60 && ask(on, 'pending') === ''; i++) on.wait(0.5)
    expect(pending(on)).toBeGreaterThan(10_000)
    on.wait(600)
    calmDown(on)
    expect(pending(on)).toBeLessThan(600)
    expect(on.cluster.rows().divergent).toEqual([])
  })

  test('batchRows at each: what comes faster than that waits longer and longer', () => {
    const on = relayed({ batchRows: 40, mode: 'blind' })
    on.wait(100)
    // Fifty rows a second come, forty are taken; the copy took its time before.
    const before = [gauge(on, 'outbox_pending'), gauge(on, 'outbox_oldest_seconds')] as const
    on.wait(100)
    expect(gauge(on, 'outbox_pending') - before[0]).toBeGreaterThan(950)
    expect(gauge(on, 'outbox_pending') - before[0]).toBeLessThan(1_050)
    expect(gauge(on, 'outbox_oldest_seconds') - before[1]).toBeCloseTo(20, -1)
    // The rows that were waiting are what the queue says: one of the sampled keys waits as long.
    const behind = on.cluster.world.changes.filter(({ commit, key }) => commit.outbox && !key.commits.some(({ by, row }) => by === 'relay' && row.op === commit.row.op))
    expect((on.sim.now - (behind[0]?.commit.atUs ?? 0)) / 1_000_000).toBeCloseTo(gauge(on, 'outbox_oldest_seconds'), -1)
    const fast = relayed({ batchRows: 60 })
    fast.wait(200)
    expect(gauge(fast, 'outbox_pending')).toBeLessThan(120)
  })

  test('workers that take a millisecond for a row are another limit', () => {
    const on = (workers: number): number => {
      const of = relayed({ batchRows: 10_000, workers }, { relayRowMs: 25 })
      of.wait(200)
      return gauge(of, 'outbox_pending')
    }
    expect([on(1) > 1_500, on(2) < 200]).toEqual([true, true])
  })
})

test('APP-OUTBOX-3: killed, it carries again what it applied since its last poll, in order: nothing is missing, and versions are never older', () => {
  const run = (mode: 'blind' | 'versioned'): { readonly again: number; readonly back: number; readonly stale: number; readonly divergent: number } => {
    const on = relayed({ mode, pollMs: 20_000, batchRows: 10_000 }, { writesPerSecond: 100, relayRowMs: 5 })
    on.wait(100)
    // In the middle of a batch, which takes ten seconds.
    const before = on.sim.now
    const count = delivered(on)
    while (delivered(on) - count < 50 && on.sim.now - before < 60_000_000) on.wait(1)
    const done = delivered(on)
    strike(on, 'process-kill')
    on.wait(60)
    calmDown(on)
    const seen = new Map<string, number>()
    for (const { commits, index } of on.cluster.world.rows.keys) for (const { by, version } of commits) if (by === 'relay') seen.set(`${index}/${version}`, (seen.get(`${index}/${version}`) ?? 0) + 1)
    expect(delivered(on)).toBeGreaterThan(done)
    return { again: [...seen.values()].filter(n => n > 1).length, ...disorder(on), divergent: on.cluster.rows().divergent.length }
  }
  const blind = run('blind')
  expect(blind.again).toBeGreaterThan(10)
  expect([blind.stale, blind.divergent]).toEqual([0, 0])
  expect(run('versioned')).toEqual({ again: 0, back: 0, stale: 0, divergent: 0 })
})

test('APP-OUTBOX-3: held up within a batch it goes on where it was; killed before it does, all of the batch comes again', () => {
  const polling = (): Polling => {
    const begun = new Polling(atUs => (atUs < 0 ? 0 : 100), { pollUs: 1_000, phaseUs: 0, batchRows: 60, rowUs: 10 }, 0, 0)
    begun.move(0, true)
    begun.move(250, false)
    return begun
  }
  const held = polling()
  expect([held.servedAt(250), held.deletedAt(250), held.deletedUntilUs(250), held.measuredUs(250)]).toEqual([25, 0, 0, undefined])
  held.move(600, true)
  expect([held.servedAt(1_000), held.deletedAt(1_200), held.servedAt(1_200)]).toEqual([25, 0, 45])
  expect([held.deletedAt(1_600), held.deletedUntilUs(1_600), held.measuredUs(1_700)]).toEqual([85, 1_600, 1_600])
  const on = relayed({ mode: 'blind', pollMs: 20_000, batchRows: 10_000 }, { writesPerSecond: 100, relayRowMs: 5 })
  on.wait(100)
  const before = delivered(on)
  while (delivered(on) - before < 50) on.wait(1)
  const end = strike(on, 'replay-stall')
  const done = delivered(on)
  expect(pending(on)).toBeGreaterThan(done - before)
  strike(on, 'process-kill')
  end.end()
  on.wait(60)
  const seen = on.cluster.world.rows.keys.flatMap(({ commits, index }) => commits.filter(({ by }) => by === 'relay').map(({ version }) => `${index}/${version}`))
  expect(seen.length - new Set(seen).size).toBeGreaterThanOrEqual(50)
})

test('APP-OUTBOX-4: workers that share a batch keep no order: blind, an older row may stay for good; by version it does not', () => {
  const run = (workers: number, mode: 'blind' | 'versioned'): { readonly stale: number; readonly causes: readonly string[] } => {
    const on = relayed({ workers, mode, pollMs: 5_000 }, { followUpShare: 0.8, followUpMs: 20, relayRowMs: 10, writesPerSecond: 100 })
    on.wait(120)
    calmDown(on)
    return { stale: disorder(on).stale, causes: [...new Set(on.cluster.rows().divergent.map(({ cause }) => cause))] }
  }
  expect(run(1, 'blind')).toEqual({ stale: 0, causes: [] })
  expect(run(8, 'versioned')).toEqual({ stale: 0, causes: [] })
  const unordered = run(8, 'blind')
  expect(unordered.stale).toBeGreaterThan(5)
  expect(unordered.causes).toContain('out-of-order')
})

test('APP-OUTBOX-5: its gauges are those of its last poll; the table itself says what is in it', () => {
  const on = relayed()
  on.wait(60)
  const end = strike(on, 'replay-stall')
  on.wait(120)
  // What had come while its last batch was on its way.
  expect([gauge(on, 'outbox_pending') < 10, gauge(on, 'outbox_oldest_seconds') < 1]).toEqual([true, true])
  expect(pending(on)).toBeGreaterThan(5_500)
  end.end()
  on.wait(60)
  expect(pending(on)).toBeLessThan(100)
  // Whoever writes no more sees it come to nothing.
  on.cluster.requests.stop()
  on.run('kubectl scale statefulset blue-db --replicas=0')
  on.wait(30)
  expect(ask(on, 'pending')).toBe('')
})

test('APP-OUTBOX-5: an outbox goes with its database; whoever relays it after another finds what that has left', () => {
  const back = { ...RELAY, from: 'modern', to: 'legacy' }
  const builds = { 'webapp:2': { outbox: true, statement: 'versioned', writes: 'modern', reads: 'modern' } }
  const on = bench({ image: 'webapp:2', builds, relays: [back, { ...back, name: 'slow', replicas: 0, batchRows: 1 }] })
  const waiting = (): number => Number(on.run('kubectl exec deploy/slow -- curl -s localhost:8083/pending').out)
  const slow = (replicas: number): void => {
    on.run(`kubectl scale deployment slow --replicas=${replicas}`)
    on.run('kubectl rollout status deployment/slow --timeout=60s')
    on.wait(5)
  }
  on.wait(300)
  // One that comes beside another finds what that has not deleted yet.
  slow(1)
  expect(waiting()).toBeLessThan(200)
  slow(0)
  on.run('kubectl scale deployment relay --replicas=0')
  on.wait(60)
  const count = delivered(on)
  slow(1)
  // Fifty a second since the other one went, and it takes one.
  expect([waiting() > 3_000, waiting() < 5_000, count > 100]).toEqual([true, true, true])
  // The database is made anew, empty.
  slow(0)
  on.run('kubectl scale statefulset green-db --replicas=0')
  on.run('kubectl delete pvc data-green-db-0')
  on.run('kubectl scale statefulset green-db --replicas=1')
  for (let i = 0; i < 60 && on.run('psql -h green-db-0.green-db -Atc select').code !== 0; i++) on.wait(5)
  slow(1)
  expect([waiting() > 100, waiting() < 3_000]).toEqual([true, true])
})

test('APP-OUTBOX-2: of two relays of one outbox the one that was held up finds what the other has deleted no more', () => {
  const on = relayed({ mode: 'blind' }, { relays: [{ ...RELAY, mode: 'blind' }, { ...RELAY, name: 'second', mode: 'blind' }] })
  on.wait(40)
  const begin = delivered(on)
  on.wait(20)
  const usual = delivered(on) - begin
  const end = on.cluster.strike({ kind: 'replay-stall', target: on.cluster.targets('replay-stall').find(name => name.includes('second')) ?? '', durationUs: 0, magnitude: 0, nth: 0 })
  on.wait(60)
  const before = delivered(on)
  end.end()
  on.wait(20)
  // Those of twenty seconds, and not those of a minute more.
  expect(usual).toBeGreaterThan(100)
  expect(delivered(on) - before).toBeLessThan(1.2 * usual)
})

test('APP-ROWS-1: a row that its database has lost to a failover is in no outbox and no log: nobody carries it', () => {
  const lost = (options: Record<string, unknown>): string => {
    const on = bench({ image: 'webapp:2', builds: BUILDS, ...options })
    on.wait(30)
    on.cluster.requests.stop()
    on.wait(5)
    const { rows, changes } = on.cluster.world
    const [key] = rows.keys as [(typeof rows.keys)[number]]
    const last = changes.findLast(({ commit }) => rows.sideOf(commit.copy) === 'legacy') as (typeof changes)[number]
    const green = rows.keys.flatMap(({ commits }) => commits).find(({ copy }) => rows.sideOf(copy) === 'modern')?.copy ?? last.commit.copy
    const change = (op: number, at: typeof last.commit.at) => ({ key, commit: { ...last.commit, row: { op, present: true, version: op }, version: op, at, atUs: on.sim.now, outbox: true } })
    changes.push(change(900_001, green.position('flush')), change(900_000, last.commit.at))
    for (const carrier of on.cluster.world.connectors) carrier.changed()
    on.wait(30)
    return `${rows.row(green, key).op}`
  }
  expect(lost({ relays: [{ ...RELAY, mode: 'blind' }] })).toBe('900000')
  expect(lost({ relays: [RELAY] })).toBe('900000')
  expect(lost({ connectors: [{ name: 'cdc', replicas: 1, mode: 'versioned' }] })).toBe('900000')
})

test('BG-T33: what is still in the outbox goes with its database', () => {
  const lost = (wait: number): number => {
    const builds = { 'webapp:2': { outbox: true, statement: 'versioned', flags: { path: { new: { writes: 'modern', reads: 'modern' }, no: { paused: true } } } } }
    const on = relayed({ pollMs: 10_000, batchRows: 10_000 }, { builds, flags: { delivery: 'stream', streamSeconds: 0 }, writesPerSecond: 300 })
    on.wait(35)
    on.run(`kubectl patch configmap flags --patch '{"data":{"path":"no"}}'`)
    on.wait(wait)
    expect(pending(on) === 0).toBe(wait > 10)
    on.run(`kubectl patch configmap flags --patch '{"data":{"path":"new"}}'`)
    on.run('kubectl delete statefulset blue-db --wait=false')
    calmDown(on)
    return on.cluster.rows().strata.reduce((sum, stratum) => sum + stratum.lost, 0)
  }
  expect(lost(0.5)).toBeGreaterThan(10)
  expect(lost(15)).toBe(0)
})

test('between keyspaces of Vitess it goes on after a failover', () => {
  const on = bench({ ...ON_VITESS, image: 'webapp:2', builds: BUILDS, relays: [RELAY] })
  makeGreen(on)
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  on.wait(60)
  expect(on.run('vtctldclient PlannedReparentShard commerce/-').code).toBe(0)
  on.wait(60)
  calmDown(on)
  expect(delivered(on)).toBeGreaterThan(100)
  expect(pending(on)).toBeLessThan(100)
  expect(on.cluster.rows().divergent).toEqual([])
})

test('APP-OUTBOX-2: when a row is due is when the queue has come to it, however rows come, and never sooner than a tick after it', () => {
  const stretches = fc.array(fc.record({ forUs: fc.integer({ min: 1_000, max: 5_000_000 }), perMs: fc.integer({ min: 0, max: 20 }) }), { minLength: 1, maxLength: 8 })
  const paces = fc.record({ pollUs: fc.integer({ min: 1_000, max: 2_000_000 }), phaseUs: fc.integer({ min: 0, max: 999 }), batchRows: fc.integer({ min: 1, max: 5_000 }), rowUs: fc.integer({ min: 1, max: 2_000 }) })
  fc.assert(
    fc.property(stretches, paces, fc.double({ min: 0, max: 1, noNaN: true }), (all, pace, share) => {
      const written: Piece[] = []
      let endUs = 0
      for (const { forUs, perMs } of all) {
        advance(written, endUs, perMs / 1_000)
        endUs += forUs
      }
      advance(written, endUs, 0)
      const polling = new Polling(atUs => valueAt(written, atUs), pace, 0, 0)
      polling.move(0, true)
      const cameUs = Math.floor(endUs * share)
      const place = valueAt(written, cameUs)
      const dueUs = polling.dueUs(cameUs, place, cameUs)
      fc.pre(place > 0 && (dueUs - cameUs) / pace.pollUs < 5_000)
      expect(dueUs).toBeGreaterThanOrEqual(cameUs)
      // Asked again half way there, it says the same.
      const later = cameUs + Math.floor((dueUs - cameUs) / 2)
      expect(Math.abs(polling.dueUs(cameUs, place, later) - dueUs)).toBeLessThan(1)
      expect(Math.abs(polling.servedAt(dueUs) - place)).toBeLessThan(1e-3)
      // What is deleted has been applied, and nothing is applied that has not come.
      expect(polling.deletedAt(dueUs)).toBeLessThanOrEqual(polling.servedAt(dueUs) + 1e-9)
      expect(polling.servedAt(dueUs)).toBeLessThanOrEqual(valueAt(written, dueUs) + 1e-3)
    }),
    { numRuns: 300 },
  )
})

test('arguments that are none are said', () => {
  expect(relayOptions(['--name=a', '--batch=500', '--poll-ms=50', '--workers=4'])).toEqual({ name: 'a', from: 'legacy', to: 'modern', mode: 'blind', batchRows: 500, pollMs: 50, workers: 4 })
  expect(relayOptions(['--speed=9'])).toBe('relay: --speed is not modelled; there are --name, --from, --to, --mode, --batch, --poll-ms, --workers')
  expect(relayOptions(['--from=modern'])).toBe('relay: --from and --to are legacy and modern')
  expect(relayOptions(['--batch=none'])).toBe('relay: --batch, --poll-ms and --workers are numbers above 0')
})
