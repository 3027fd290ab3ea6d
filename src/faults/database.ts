import { MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec } from './family.ts'

/** Faults inside the database that no machine or network is to blame for. */
export const databaseFaults: readonly FaultSpec[] = [
  {
    kind: 'replication-lag',
    family: 'database',
    doc: 'A follower receives the log late (a saturated link, a busy sender): its lag rises to the magnitude and falls again afterwards.',
    strikes: 'a follower that streams',
    aimsAt: 'followers',
    durationUs: { min: 5 * SECOND, usual: MINUTE, max: 15 * MINUTE, source: 'heavy tail of 1–60 s during bulk load and vacuum [J; published range 0.1–10 s]' },
    magnitude: { unit: 'µs of lag', min: SECOND, usual: 15 * SECOND, max: 5 * MINUTE, source: 'lag tail 1–60 s [J], minutes on a saturated link [J]' },
    budget: 'while-behind',
    mayLast: false,
    example: { kind: 'replication-lag', target: 'role:follower/0', at: 60 * SECOND, durationUs: MINUTE, magnitude: 15 * SECOND },
  },
  {
    kind: 'replay-stall',
    family: 'database',
    doc: 'A follower receives and stores the log and does not replay it (a conflicting query, a paused recovery): it promises more than it shows.',
    strikes: 'a follower that streams',
    aimsAt: 'followers',
    durationUs: { min: 5 * SECOND, usual: 30 * SECOND, max: 15 * MINUTE, source: 'max_standby_streaming_delay 30 s [P PG runtime-config-replication]; a paused recovery lasts as long as nobody notices' },
    magnitude: undefined,
    budget: 'while-behind',
    mayLast: false,
    example: { kind: 'replay-stall', target: 'role:follower/0', at: 60 * SECOND, durationUs: 30 * SECOND, magnitude: 0 },
  },
  {
    kind: 'long-transaction',
    family: 'database',
    doc: 'A client holds a transaction open on the leader: pausing a pooler, draining and a smart shutdown wait for it.',
    strikes: 'the leader',
    aimsAt: 'leader',
    durationUs: { min: SECOND, usual: 30 * SECOND, max: 15 * MINUTE, source: 'a report or a forgotten session: seconds to minutes [J]' },
    magnitude: undefined,
    budget: 'never',
    mayLast: false,
    example: { kind: 'long-transaction', target: 'role:leader', at: { step: 'pause', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 30 * SECOND, magnitude: 0 },
  },
]
