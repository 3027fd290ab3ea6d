/** What must hold between rehearsals, whatever the numbers: more lag never loses less, a fence never adds a split brain, ten times the load is down for as long. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import type { MeasureId, RehearsalResult } from '../../src/result.ts'
import type { Step } from '../variant.ts'
import { rehearsals } from './play.ts'

const DATA = '/var/lib/postgresql/data'
const SET = 'postgres-cluster'
const exec = (n: number, command: string): string => `kubectl exec ${SET}-${n} -- ${command}`
const sql = (n: number, statement: string): string => exec(n, `psql -U postgres -Atc "${statement}"`)
const conninfo = (n: number, of: number): string => sql(n, `alter system set primary_conninfo = 'host=${SET}-${of}.${SET} user=replicator application_name=${SET}-${n}'`)
const fence: readonly string[] = [conninfo(0, 1), exec(0, `touch ${DATA}/standby.signal`)]
const stop = (mode: string): Step => ({ run: exec(0, `pg_ctl stop -m ${mode} -D ${DATA}`), otherwise: 'continue' })
const promote = exec(1, `pg_ctl promote -D ${DATA}`)
const route = `kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"${SET}-1"}}}'`
const wait = (seconds: number): Step => ({ sleep: `${seconds}s` })
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'postgres', members: 2, serviceSelects: 'pod-name', databaseMB: 500, targetKubernetesVersion: null, ...more })

function one(row: Parameters<typeof rehearsals>[0]): RehearsalResult {
  return rehearsals(row, 1)[0] as RehearsalResult
}
const measure = (result: RehearsalResult, id: MeasureId): number => result.measures[id]

const modes = fc.constantFrom('fast', 'immediate')
const seconds = (max: number) => fc.integer({ min: 0, max })

test('more lag of the candidate never loses less, and what is lost is the lag times the rate', () => {
  const lost = (lagSeconds: number): number =>
    measure(one({ cluster: cluster(), steps: [wait(60), ...fence, stop('immediate'), promote, route, wait(30)], faults: [{ kind: 'replication-lag', target: `member:${SET}-1`, at: 5 * SECOND, durationUs: 300 * SECOND, magnitude: lagSeconds * SECOND }] }), 'lostAcknowledgedWrites')
  const losses = [1, 2, 5, 10, 20].map(lost)
  expect(losses).toEqual(losses.toSorted((a, b) => a - b))
  for (const [i, lag] of [1, 2, 5, 10, 20].entries()) expect(Math.abs((losses[i] as number) - 200 * lag)).toBeLessThanOrEqual(20)
})

test('a fence never adds a split brain or a loss, whatever the order and the pauses of the rest', () => {
  fc.assert(
    fc.property(modes, seconds(20), seconds(20), fc.shuffledSubarray(['stop', 'promote', 'route'], { minLength: 3 }), (mode, first, second, order) => {
      const rest = order.flatMap((what, i): (string | Step)[] => [what === 'stop' ? stop(mode) : what === 'promote' ? promote : route, wait(i === 0 ? first : second)])
      const [without, with_] = [[], fence].map(before => one({ cluster: cluster(), steps: [...before, ...rest, wait(30)] }))
      if (without === undefined || with_ === undefined) throw new Error('two rehearsals')
      for (const id of ['splitBrainSeconds', 'lostAcknowledgedWrites'] as const) expect(measure(with_, id), id).toBeLessThanOrEqual(measure(without, id) * 1.1 + (id === 'splitBrainSeconds' ? 1.5 : 300))
    }),
    { numRuns: 12 },
  )
})

test('fenced, stopped before the promotion and synchronous (ANY 1 of one): no order of pauses, mode of the stop or signal of the image loses a write', () => {
  fc.assert(
    fc.property(modes, seconds(60), seconds(60), fc.constantFrom('remote_write', 'on', 'remote_apply'), (mode, first, second, synchronousCommit) => {
      const result = one({ cluster: cluster({ synchronousStandbyNames: 'ANY 1', synchronousCommit }), steps: [...fence, wait(first), stop(mode), wait(second), promote, sql(1, "alter system set synchronous_standby_names = ''"), sql(1, 'select pg_reload_conf()'), route, wait(30)] })
      expect(measure(result, 'lostAcknowledgedWrites')).toBe(0)
      expect(measure(result, 'splitBrainSeconds')).toBe(0)
    }),
    { numRuns: 12 },
  )
})

test('ten times the load is down for as long, and loses ten times as much', () => {
  const at = (writesPerSecond: number, steps: readonly (string | Step)[]) => one({ cluster: cluster(), load: { writesPerSecond, bytesPerWrite: 200 }, steps })
  const switchover = [...fence, stop('fast'), promote, route, wait(30)]
  const downs = [20, 200, 2_000].map(rate => measure(at(rate, switchover), 'writeDowntimeSeconds'))
  for (const down of downs) expect(Math.abs(down - (downs[0] as number))).toBeLessThan(0.05 * (downs[0] as number))
  const losses = [20, 200, 2_000].map(rate => measure(at(rate, [promote, wait(20), route, wait(30)]), 'lostAcknowledgedWrites'))
  expect((losses[1] as number) / (losses[0] as number)).toBeCloseTo(10, 0)
  expect((losses[2] as number) / (losses[1] as number)).toBeCloseTo(10, 0)
})

test('steps that have nothing to do with one another can be done in any order', () => {
  const idle: readonly string[] = ['kubectl get pods', sql(1, 'checkpoint'), `kubectl annotate pod ${SET}-1 seen=yes`, sql(0, 'select 1')]
  const verdicts = (steps: readonly (string | Step)[]) => {
    const result = one({ cluster: cluster(), steps: [...steps, ...fence, stop('fast'), promote, route, wait(30)] })
    return [result.outcome, ...result.verdicts.map(v => `${v.check} ${v.status}`)]
  }
  const first = verdicts(idle)
  fc.assert(fc.property(fc.shuffledSubarray([...idle], { minLength: idle.length }), steps => {
    expect(verdicts(steps)).toEqual(first)
  }), { numRuns: 6 })
})

test('more that may fail never hurts: of n standbys ANY 1 goes on while one is there', () => {
  const down = (members: number): number => measure(one({ cluster: cluster({ members, zones: 1, slots: true, podManagementPolicy: 'Parallel', spareNodes: 0, synchronousStandbyNames: 'ANY 1' }), steps: [`kubectl delete pod ${SET}-1`, wait(90)] }), 'writeDowntimeSeconds')
  const [two, ...more] = [2, 3, 5, 7].map(down)
  expect(two).toBeGreaterThan(2)
  expect(more).toEqual([0, 0, 0])
})
