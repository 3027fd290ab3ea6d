import { MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec } from './family.ts'

/** Faults of the volume under one member. */
export const diskFaults: readonly FaultSpec[] = [
  {
    kind: 'disk-slow',
    family: 'disk',
    doc: "A member's volume is slower (a burst credit spent, a noisy neighbour): flushes, replay and shutdown checkpoints take longer.",
    strikes: 'the volume of a member',
    aimsAt: 'members',
    durationUs: { min: 5 * SECOND, usual: 5 * MINUTE, max: 15 * MINUTE, source: 'cloud disks burst for up to 30 min and then fall to their base rate [P AZ disk bursting]' },
    magnitude: { unit: 'times slower', min: 2, usual: 10, max: 100, source: 'burst to base: 30 MB/s to 3.5 GB/s tiers, a factor of 5–50 [P AZ]; beyond [J]' },
    budget: 'while-behind',
    mayLast: false,
    example: { kind: 'disk-slow', target: 'role:leader', at: 60 * SECOND, durationUs: 5 * MINUTE, magnitude: 10 },
  },
  {
    kind: 'disk-full',
    family: 'disk',
    doc: "A member's volume has no room for another byte: a write of the log there fails or stops the server; afterwards there is room again.",
    strikes: 'the volume of a member',
    aimsAt: 'members',
    durationUs: { min: 5 * SECOND, usual: 5 * MINUTE, max: 15 * MINUTE, source: 'until somebody makes room [J]' },
    magnitude: undefined,
    budget: 'takes-away',
    mayLast: false,
    example: { kind: 'disk-full', target: 'role:follower/0', at: 60 * SECOND, durationUs: 5 * MINUTE, magnitude: 0 },
  },
]
