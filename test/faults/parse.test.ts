import { expect, test } from 'vitest'
import { parseSchedule } from '../../src/faults/index.ts'
import { plan } from './space.ts'

function complaint(value: unknown): string {
  try {
    parseSchedule(value, 'faults.json', plan.steps)
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

test('durations may be written for people, and what is left out is the usual', () => {
  expect(parseSchedule([{ kind: 'partition', target: 'role:leader', at: '90s' }, { kind: 'latency', target: 'any/1', at: { step: 'stop', phase: 'await' }, durationUs: '2m' }], 'x')).toEqual([
    { kind: 'partition', target: 'role:leader', at: 90_000_000, durationUs: 60_000_000, magnitude: 0 },
    { kind: 'latency', target: 'any/1', at: { step: 'stop', path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 0 }, durationUs: 120_000_000, magnitude: 50_000 },
  ])
})

test('what is wrong is named', () => {
  const fault = { kind: 'partition', target: 'role:leader', at: 0 }
  expect(complaint([{ ...fault, kind: 'partitoin' }, { ...fault, target: 'role:primary' }, { ...fault, at: 'soon' }, { ...fault, magnitud: 3 }, { ...fault, durationUs: '5h' }])).toMatchInlineSnapshot(`
    "faults.json: fault 1, \`kind\`: should be one of process-crash, process-kill, process-pause, node-loss, node-loss-with-volume, zone-outage, machine-slow, clock-jump, eviction, node-pressure, partition, partition-inbound, partition-outbound, latency, packet-loss, flapping, partition-pair, endpoints-stale, proxy-restart, partition-peers, partition-heartbeats, disk-slow, disk-full, unsynced-writes-lost, attach-slow, load-slow, replication-lag, replay-stall, long-transaction, slot-lost, standby-diverged, load-spike, persistence-off, backlog-short, api-server-away, image-pull-slow, surge-missing, probe-flapping, pdb-blocking, controller-down, coordinator-away, operator-killed, operator-rolls-back, operator-skips, operator-repeats, operator-swaps, operator-wrong-target, operator-stale-reading, new-version-crashes, new-version-slow, new-version-cannot-read, new-version-breaks-replication, new-version-false-ready
    faults.json: fault 2, \`target\`: a target is \`role:leader\`, \`role:follower/0\`, \`any/3\`, \`operator\`, or one of the engine’s such as \`node:aks-1\`
    faults.json: fault 3, \`at\`: a time since the first step (\`90s\`, or µs), or an anchor {step, path, visit, phase, command, offsetUs}
    faults.json: fault 4: unknown key \`magnitud\`
    faults.json: fault 5, \`durationUs\`: partition lasts at most 900000000 µs"
  `)
  expect(complaint({})).toMatchInlineSnapshot(`"faults.json: a schedule: expected array, received object"`)
  expect(complaint([{ ...fault, at: { step: 'stopp' } }])).toMatchInlineSnapshot(`"faults.json: fault 1: the runbook has no forward step \`stopp\`; there are: look, stop, promote"`)
})
