/**
 * Oracle O3: the corrected switches under every single fault of the list of facts §6, struck while writes are stopped, where it costs most. Each completes or is taken back, and either way
 * nothing is lost, doubled or divergent. The campaigns draw the same kinds anywhere; here each is there for certain.
 */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import type { FaultKind } from '../../src/engine.ts'
import type { Schedule } from '../../src/faults/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { rehearse, scheduleFor } from '../../src/rehearsal.ts'
import { loadScenario, type Scenario } from '../../src/scenario/index.ts'

/** The list: pods, nodes, networks both ways and one way, disks, the control plane, clocks, lag, a carrier that stands still, flags, and whoever is at work. */
const CHAOS: readonly FaultKind[] = [
  'process-kill', 'process-pause', 'node-loss', 'partition', 'partition-inbound', 'partition-outbound', 'disk-slow', 'disk-full', 'api-server-away', 'coordinator-away', 'clock-jump', 'replication-lag', 'replay-stall', 'long-transaction', 'proxy-restart', 'eviction',
  'operator-killed',
]
const VITESS = { 'cluster.engine': 'vitess' }

/** The first fault of each kind that a campaign would draw, at that step. */
function faultsAt(scenario: Scenario, step: string): ReadonlyMap<FaultKind, Schedule> {
  const found = new Map<FaultKind, Schedule>()
  for (let run = 0; run < 600; run++) {
    const [fault] = scheduleFor(scenario, 'o3', run, 1)
    if (fault === undefined || found.has(fault.kind) || !CHAOS.includes(fault.kind)) continue
    const at = (where: string) => ({ step: where, path: 'forward' as const, visit: 1, phase: 'start' as const, command: 1, offsetUs: 0 })
    // What carries the last writes stands still from a little before, and for longer than the gate after it waits.
    if (fault.kind === 'replay-stall' && scenario.engine.name === 'application') found.set(fault.kind, [{ ...fault, target: 'connector:forward', durationUs: 60 * SECOND, at: at('backward-runs') }])
    else found.set(fault.kind, [{ ...fault, at: at(step) }])
  }
  return found
}

describe.each([
  ['blue-green/guarded', {}, 'fence', 13],
  ['blue-green/guarded', { ...VITESS, 'cluster.fleet': '4' }, 'switch-traffic', 11],
  ['dual-write-migration/verified', {}, 'fence', 10],
  ['dual-write-migration/verified', VITESS, 'fence', 10],
] as const)('O3: %s %o', (name, set, step, least) => {
  test('under each kind of the list at the switch it completes or goes back, and nothing is lost, doubled or divergent', () => {
    const scenario = loadScenario(name, engines, { set })
    const struck: FaultKind[] = []
    for (const [kind, schedule] of faultsAt(scenario, step)) {
      const result = rehearse({ scenario, schedule, seed: 'o3' })
      if (result.struck === 0) continue
      struck.push(kind)
      const { lostAcknowledgedWrites, divergentRows, splitBrainSeconds } = result.measures
      expect([kind, ['completed', 'rolledBack'].includes(result.outcome) ? 'ends' : `${result.outcome}: ${result.outcomeReason}`, lostAcknowledgedWrites, divergentRows, splitBrainSeconds]).toEqual([kind, 'ends', 0, 0, 0])
      if (result.inBudget) expect([kind, ...result.verdicts.filter(({ status, check }) => status === 'fail' && check !== 'objectives-met').map(({ check }) => check)]).toEqual([kind])
    }
    expect(struck.length, struck.join()).toBeGreaterThanOrEqual(least)
  })
})
