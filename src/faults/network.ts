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
]
