import { HOUR, MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec } from './family.ts'

/** A defect stays until another version is rolled out; one of the surroundings (a bad node image) may be mended meanwhile. */
const DURATION = { min: MINUTE, usual: HOUR, max: 24 * HOUR, source: 'a mended release takes hours to days [J]; a bad setting of new machines is found in minutes [J]' } as const

/** The one target: every member whose node or image is on the version that the upgrade is meant to reach, now or later. */
const TARGET = 'new-version'

/**
 * Faults of the new version itself. They are standing properties: each touches whoever is on the new version while it lasts, and whoever the
 * runbook moves there. So no member is taken away by the fault alone (budget `never`): a runbook that notices after the first member and turns
 * back loses one; one that goes on loses all. Drawn only where a scenario names them.
 */
export const upgradeFaults: readonly FaultSpec[] = [
  {
    kind: 'new-version-crashes',
    family: 'upgrade',
    doc: 'The server process crashes at each start on the new version; what runs there already goes on.',
    strikes: 'members on the new version (node or image) as they start',
    aimsAt: 'elsewhere',
    durationUs: DURATION,
    magnitude: undefined,
    budget: 'never',
    mayLast: true,
    onlyWhenNamed: 'defective-version',
    example: { kind: 'new-version-crashes', target: TARGET, at: 0, durationUs: HOUR, magnitude: 0 },
  },
  {
    kind: 'new-version-slow',
    family: 'upgrade',
    doc: 'The new version is slower: commits, flushing, replaying, starting and recovering take a multiple of the time.',
    strikes: 'members on the new version (node or image)',
    aimsAt: 'elsewhere',
    durationUs: DURATION,
    magnitude: { unit: 'factor', min: 2, usual: 5, max: 50, source: 'a lost plan, a throttled disk or processor of the new machines: 2–10 times [J]; burst credit used up: 50 times [J]' },
    budget: 'never',
    mayLast: true,
    onlyWhenNamed: 'defective-version',
    example: { kind: 'new-version-slow', target: TARGET, at: 0, durationUs: HOUR, magnitude: 5 },
  },
  {
    kind: 'new-version-cannot-read',
    family: 'upgrade',
    doc: 'The new version refuses to start on data that the old one wrote; on an empty volume it starts.',
    strikes: 'members on the new version (node or image) as they start',
    aimsAt: 'elsewhere',
    durationUs: DURATION,
    magnitude: undefined,
    budget: 'never',
    mayLast: true,
    onlyWhenNamed: 'defective-version',
    example: { kind: 'new-version-cannot-read', target: TARGET, at: 0, durationUs: HOUR, magnitude: 0 },
  },
  {
    kind: 'new-version-breaks-replication',
    family: 'upgrade',
    doc: 'A follower on the old version cannot follow a leader on the new one; the other way round all is well.',
    strikes: 'streams from a member on the new version to one on the old',
    aimsAt: 'elsewhere',
    durationUs: DURATION,
    magnitude: undefined,
    budget: 'never',
    mayLast: true,
    onlyWhenNamed: 'defective-version',
    example: { kind: 'new-version-breaks-replication', target: TARGET, at: 30 * SECOND, durationUs: HOUR, magnitude: 0 },
  },
  {
    kind: 'new-version-false-ready',
    family: 'upgrade',
    doc: 'The new version passes its readiness probe and lets nobody in: every login and every query fails.',
    strikes: 'members on the new version (node or image)',
    aimsAt: 'elsewhere',
    durationUs: DURATION,
    magnitude: undefined,
    budget: 'never',
    mayLast: true,
    onlyWhenNamed: 'defective-version',
    example: { kind: 'new-version-false-ready', target: TARGET, at: 0, durationUs: HOUR, magnitude: 0 },
  },
]
