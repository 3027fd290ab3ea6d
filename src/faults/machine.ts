import { HOUR, MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec } from './family.ts'

/** Faults of machines and of the zones they stand in. */
export const machineFaults: readonly FaultSpec[] = [
  {
    kind: 'node-loss',
    family: 'process and machine',
    doc: 'A machine loses power with everything that runs on it; its volumes survive and can be attached elsewhere. Later it comes back.',
    strikes: 'a machine of the cluster, or the machine a member runs on',
    aimsAt: 'members',
    durationUs: { min: 30 * SECOND, usual: 10 * MINUTE, max: 4 * HOUR, source: 'a reboot 0.5–2 min, a redeployed VM about 10 min [J]; detected after 40–55 s [P K8S nodes]' },
    magnitude: undefined,
    budget: 'takes-away',
    mayLast: true,
    example: { kind: 'node-loss', target: 'role:leader', at: 120 * SECOND, durationUs: 10 * MINUTE, magnitude: 0 },
  },
  {
    kind: 'node-loss-with-volume',
    family: 'process and machine',
    doc: 'A machine is lost together with the volumes attached to it: that copy of the data is destroyed. An empty machine takes its place later.',
    strikes: 'a machine of the cluster, or the machine a member runs on',
    aimsAt: 'members',
    durationUs: { min: 30 * SECOND, usual: 10 * MINUTE, max: 4 * HOUR, source: 'a replacement node takes 4–20 min [P AKS, as for an upgraded node]' },
    magnitude: undefined,
    budget: 'takes-away',
    mayLast: true,
    example: { kind: 'node-loss-with-volume', target: 'role:follower/0', at: 120 * SECOND, durationUs: 10 * MINUTE, magnitude: 0 },
  },
  {
    kind: 'zone-outage',
    family: 'process and machine',
    doc: 'All machines of one availability zone lose power at once; zone-bound volumes cannot be attached elsewhere meanwhile.',
    strikes: 'a zone, or the zone a member stands in',
    aimsAt: 'members',
    durationUs: { min: MINUTE, usual: 10 * MINUTE, max: 4 * HOUR, source: 'published zone incidents last from minutes to hours [P]; beyond 15 min it is out of budget (design §8)' },
    magnitude: undefined,
    budget: 'takes-away',
    mayLast: false,
    example: { kind: 'zone-outage', target: 'zone:1', at: 300 * SECOND, durationUs: 10 * MINUTE, magnitude: 0 },
  },
]
