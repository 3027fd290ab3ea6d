import type { FaultKind } from '../engine.ts'
import { MILLISECOND, MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec } from './family.ts'

const CUT_DURATION = { min: SECOND, usual: MINUTE, max: 15 * MINUTE, source: 'partitions in the field last from seconds to hours, most under 15 min [J after the Jepsen and cloud post-mortems]' }

function cut(kind: FaultKind, doc: string): FaultSpec {
  return {
    kind,
    family: 'network',
    doc,
    strikes: 'a machine of the cluster, or the machine a member runs on',
    aimsAt: 'members',
    durationUs: CUT_DURATION,
    magnitude: undefined,
    budget: 'takes-away',
    mayLast: false,
    example: { kind, target: 'role:leader', at: 60 * SECOND, durationUs: MINUTE, magnitude: 0 },
  }
}

/** Faults of the network. Sockets stay open: nobody is told. */
export const networkFaults: readonly FaultSpec[] = [
  cut('partition', 'No packet gets in or out of a machine: it works on alone and does not know it.'),
  cut('partition-inbound', 'Packets to a machine vanish; what it sends still arrives.'),
  cut('partition-outbound', 'Packets from a machine vanish; it still hears everybody.'),
  {
    kind: 'latency',
    family: 'network',
    doc: 'Every packet in and out of a machine takes longer.',
    strikes: 'a machine of the cluster, or the machine a member runs on',
    aimsAt: 'members',
    durationUs: { min: SECOND, usual: MINUTE, max: 15 * MINUTE, source: '[J]' },
    magnitude: { unit: 'µs added one way', min: MILLISECOND, usual: 50 * MILLISECOND, max: 2 * SECOND, source: '1–2 ms across zones, hundreds when a path is congested [J]' },
    budget: 'while-behind',
    mayLast: false,
    example: { kind: 'latency', target: 'role:follower/0', at: 60 * SECOND, durationUs: MINUTE, magnitude: 50 * MILLISECOND },
  },
  {
    kind: 'packet-loss',
    family: 'network',
    doc: 'Some packets in and out of a machine are lost and sent again by TCP: single messages come late, a bulk transfer slows to a trickle, nobody is cut off.',
    strikes: 'a machine of the cluster, or the machine a member runs on',
    aimsAt: 'members',
    durationUs: { min: SECOND, usual: MINUTE, max: 15 * MINUTE, source: 'a bad cable, an overrun queue: until it is routed around [J]' },
    magnitude: { unit: 'of 1,000 packets lost', min: 1, usual: 50, max: 300, source: 'TCP notices from 0.1 % on (RFC 3819 §8.5) [P]; beyond a third connections break [J]' },
    budget: 'while-behind',
    mayLast: false,
    example: { kind: 'packet-loss', target: 'role:follower/0', at: 60 * SECOND, durationUs: MINUTE, magnitude: 50 },
  },
  {
    kind: 'flapping',
    family: 'network',
    doc: 'The link of a machine is down for half of each period and up for the other half: connections freeze and go on, or are given up when the half is longer than their time-outs.',
    strikes: 'a machine of the cluster, or the machine a member runs on',
    aimsAt: 'members',
    durationUs: { min: 2 * SECOND, usual: 2 * MINUTE, max: 15 * MINUTE, source: 'until the port is shut or replaced [J]' },
    magnitude: { unit: 'µs of one period', min: SECOND, usual: 10 * SECOND, max: 3 * MINUTE, source: 'link flaps of seconds up to the hold-down of routing protocols, 180 s [P RFC 2453 §3.8; J]' },
    budget: 'takes-away',
    mayLast: false,
    example: { kind: 'flapping', target: 'role:leader', at: 60 * SECOND, durationUs: 2 * MINUTE, magnitude: 10 * SECOND },
  },
  {
    kind: 'partition-pair',
    family: 'network',
    doc: 'The machines of two members do not reach each other, and everybody else reaches both: each is healthy for clients and for the control plane.',
    strikes: 'two members on different machines; a role means the first of them',
    aimsAt: 'members',
    durationUs: CUT_DURATION,
    magnitude: undefined,
    budget: 'while-behind',
    holdsAtMost: 1,
    mayLast: false,
    example: { kind: 'partition-pair', target: 'role:leader', at: 60 * SECOND, durationUs: MINUTE, magnitude: 0 },
  },
  {
    kind: 'endpoints-stale',
    family: 'network',
    doc: 'kube-proxy and cluster DNS hear of no change: Services and names go on leading to the pods they led to, also where those are gone or no longer primary.',
    strikes: 'the data plane',
    aimsAt: 'elsewhere',
    durationUs: { min: SECOND, usual: MINUTE, max: 15 * MINUTE, source: 'tens of seconds under load, minutes when the watch hangs [P kubernetes/kubernetes#100698; J]' },
    magnitude: undefined,
    budget: 'never',
    mayLast: false,
    example: { kind: 'endpoints-stale', target: 'any/0', at: { step: 'promote', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: MINUTE, magnitude: 0 },
  },
  {
    kind: 'proxy-restart',
    family: 'network',
    doc: 'One pooler or router dies and is started again by its kubelet: its clients are dropped, and what it was told at run time (a pause) is forgotten.',
    strikes: 'a pooler or router, where the cluster has one',
    aimsAt: 'elsewhere',
    durationUs: { min: 0, usual: 0, max: 0, source: 'its kubelet restarts it, with back-off from the second time on [P K8S pod-lifecycle]' },
    magnitude: undefined,
    budget: 'never',
    mayLast: false,
    example: { kind: 'proxy-restart', target: 'any/0', at: { step: 'pause', path: 'forward', visit: 1, phase: 'end', command: 1, offsetUs: 0 }, durationUs: 0, magnitude: 0 },
  },
]
