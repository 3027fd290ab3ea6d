/** Two keyspaces of a Vitess cluster beneath the program (rules APP-VITESS-1…4), and the migration from one to the other. */
import { describe, expect, test } from 'vitest'
import { application, applicationOptions } from '../../models/application/index.ts'
import { engines } from '../../models/index.ts'
import type { VitessCluster } from '../../models/vitess/index.ts'
import type { Tablet } from '../../models/vitess/tablet.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { verdict } from '../traps/stage.ts'
import { type Bench, bench, calmDown, job, keyspaces, makeGreen, ON_VITESS } from './lab.ts'

const FLAG = { 'webapp:2': { statement: 'versioned', flags: { path: { new: { writes: 'modern', reads: 'modern' } } } } }
const vitessOf = (on: Bench): VitessCluster => on.cluster.inner as VitessCluster
const primary = (on: Bench, keyspace: string): Tablet => vitessOf(on).world.byPath.get(`${keyspace}/-`)?.primary as Tablet
const since = (on: Bench, us: number): string[] => on.operations().filter(({ doneUs, invokedUs }) => invokedUs > us && doneUs < Number.POSITIVE_INFINITY).map(({ outcome }) => outcome)
const share = (all: readonly string[], outcome: string): number => all.filter(each => each === outcome).length / Math.max(1, all.length)

/** A connector runs from commerce to green, and what was there before has been copied. */
function carried(options: Record<string, unknown> = {}): Bench {
  const on = bench({ ...ON_VITESS, image: 'webapp:2', builds: FLAG, flags: { delivery: 'stream' }, connectors: [{ name: 'cdc', replicas: 0, mode: 'versioned' }], deleteShare: 0.3, ...options })
  makeGreen(on)
  on.run('kubectl scale deployment cdc --replicas=1')
  on.wait(20)
  job(on, 'backfill', ['backfill', '--mode=versioned'])
  return on
}

test('APP-VITESS-1: a program names its keyspace; denied tables refuse it, and it goes on when they are allowed again', () => {
  const on = bench(ON_VITESS)
  on.wait(20)
  expect(share(since(on, on.sim.now - 20 * SECOND), 'ok')).toBe(1)
  expect(on.cluster.truth.authority(on.cluster.logs[0]!).member).toBe(primary(on, 'commerce').pod)
  on.run('vtctldclient SetShardTabletControl --denied-tables=orders commerce/- primary')
  on.run('vtctldclient RefreshStateByShard commerce/-')
  on.wait(20)
  const from = on.sim.now
  on.wait(30)
  expect(since(on, from).length).toBeGreaterThan(100)
  expect(share(since(on, from), 'ok')).toBe(0)
  on.run('vtctldclient SetShardTabletControl --denied-tables=orders --remove commerce/- primary')
  on.run('vtctldclient RefreshStateByShard commerce/-')
  on.wait(10)
  const again = on.sim.now
  on.wait(20)
  expect(share(since(on, again), 'ok')).toBe(1)
})

describe('APP-VITESS-2', () => {
  test('a connector writes where programs are denied, and a job reads there', () => {
    const on = carried()
    for (const keyspace of ['green', 'commerce']) {
      on.run(`vtctldclient SetShardTabletControl --denied-tables=orders ${keyspace}/- primary`)
      on.run(`vtctldclient RefreshStateByShard ${keyspace}/-`)
      on.wait(30)
    }
    calmDown(on)
    expect(on.cluster.rows().divergent).toEqual([])
    expect(job(on, 'checksum', ['checksum', '--rechecked']).out).toBe('0 rows differ\n')
  })

  test('a keyspace that is gone leaves a job nothing to compare with (BG-T22)', () => {
    const on = carried()
    keyspaces(on, 'green')
    on.wait(120)
    expect(job(on, 'checksum', ['checksum', '--rechecked']).out).toBe('checksum: could not connect to commerce\n')
  })
})

describe('APP-VITESS-3', () => {
  test('without anybody to acknowledge commits hang: nobody is told that they succeeded', () => {
    const on = bench(ON_VITESS)
    const { tablets, world } = vitessOf(on)
    for (const tablet of world.tablets.values()) if (tablet !== primary(on, 'commerce')) tablets.pause(tablet, true)
    on.wait(10)
    const from = on.sim.now
    on.wait(30)
    expect(share(since(on, from), 'ok')).toBe(0)
    for (const tablet of world.tablets.values()) tablets.pause(tablet, false)
    on.wait(30)
    const again = on.sim.now
    on.wait(20)
    expect(share(since(on, again), 'ok')).toBe(1)
  })

  test('a primary that dies between a commit and its acknowledgement takes nothing with it that somebody was told of', () => {
    // 200 ms until a replica has flushed: some commits are on their way at any time.
    const on = bench({ ...ON_VITESS, vitess: { ...ON_VITESS.vitess, timing: { ...ON_VITESS.vitess.timing, relayFlushMs: 200 } }, writesPerSecond: 300, sampledHot: 50, sampledCold: 50 })
    for (let i = 0; i < 3; i++) {
      on.wait(40)
      vitessOf(on).tablets.kill(primary(on, 'commerce'))
    }
    on.wait(60)
    calmDown(on)
    expect(new Set(on.operations().map(({ outcome }) => outcome))).toContain('unknown')
    expect(on.cluster.rows().strata.map(({ lost }) => lost)).toEqual([0, 0])
  })
})

test('APP-VITESS-4: failovers of both keyspaces, and the connector carries every change all the same', () => {
  const on = carried()
  for (const keyspace of ['commerce', 'green', 'commerce']) {
    vitessOf(on).tablets.kill(primary(on, keyspace))
    on.wait(90)
  }
  const offset = (): number => Number(on.run('kubectl exec deploy/cdc -- curl -s localhost:8083/offset').out)
  const end = Number(/:1-(\d+)/.exec(on.run('vtctldclient ShardReplicationPositions commerce/-').out.split('\n').find(line => line.includes(' primary ')) ?? '')?.[1])
  on.wait(5)
  expect(offset()).toBeGreaterThanOrEqual(end)
  calmDown(on)
  expect(on.cluster.truth.kept().other?.name).toBe(primary(on, 'green').pod)
  expect(on.cluster.rows().divergent).toEqual([])
})

test('what is wrong with two keyspaces is said with its place', () => {
  const problems = (options: Record<string, unknown>): readonly string[] => application.problems(applicationOptions.parse({ ...ON_VITESS, ...options })).map(({ path }) => path.join('.'))
  expect(problems({})).toEqual([])
  expect(problems({ vitess: { fleet: 8 } })).toEqual(['vitess.fleet'])
  expect(problems({ legacy: 'other' })).toEqual(['legacy'])
  expect(problems({ modern: 'commerce' })).toEqual(['modern'])
  expect(problems({ vitess: { fleet: 6 } })).toContain('vitess.fleet')
})

describe('dual-write-migration on Vitess', () => {
  const play = (variant: string, seed: string) => rehearse({ scenario: loadScenario(`dual-write-migration/${variant}`, engines, { set: { 'cluster.engine': 'vitess' } }), schedule: [], seed })

  test('as documented: rows diverge, acknowledged writes are lost, and no client sees one error', () => {
    const result = play('as-documented', '1')
    expect([result.outcome, result.measures.failedAttempts, result.measures.writeDowntimeSeconds]).toEqual(['completed', 0, 0])
    expect(result.measures.divergentRows).toBeGreaterThan(1_000)
    expect(result.measures.lostAcknowledgedWrites).toBeGreaterThan(1_000)
    expect(verdict(result, 'no-false-success').status).toBe('fail')
    expect(result.steps.filter(({ result }) => result === 'failed').map(({ step }) => step)).toContain('compare')
  })

  test('verified: completes, nothing is lost, no row differs, and clients wait less than five seconds', () => {
    const result = play('verified', '1')
    expect(result.outcome).toBe('completed')
    expect(result.verdicts.filter(({ status }) => status === 'fail')).toEqual([])
    const { lostAcknowledgedWrites, divergentRows, splitBrainSeconds, writeDowntimeSeconds, failedAttempts } = result.measures
    expect([lostAcknowledgedWrites, divergentRows, splitBrainSeconds, failedAttempts]).toEqual([0, 0, 0, 0])
    expect(writeDowntimeSeconds).toBeLessThan(5)
  })
})
