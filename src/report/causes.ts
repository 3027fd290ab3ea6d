/**
 * What each class of cause means, as a clause that follows "it lost acknowledged writes: …". The ids are the checks' (the head of each file in
 * `src/checks` lists its own); a reader who has never seen them must understand the failure without them, so an id never stands alone.
 */
import { isMeasure, measureName } from './words.ts'

const CAUSES: Readonly<Record<string, string>> = {
  // Acknowledged writes.
  overlap: 'another member was promoted while the old leader still took writes',
  'behind-candidate': 'the member that was promoted lacked the last writes, and one that had them could be reached',
  'unreplicated-tail': 'the leader went away before any copy that could be reached had its last writes',
  'abandoned-branch': 'writes went into a history that was later left again for an older one',
  wiped: 'the data was begun anew: the history that counts at the end knows nothing of the one before',
  'destroyed-volume': 'no copy holds them any more: a volume is gone, or a leader came back without the end of what it had acknowledged',
  'removed-leader': 'the runbook removed the member that led',
  // Rows that are kept in two databases.
  interleaved: 'the two databases got writes to one row in different orders',
  'not-written-there': 'programs wrote to one of the two databases only',
  'failed-statement': 'the statement to one of the two databases failed or got no answer',
  'no-row-yet': 'rows were changed in the new database before they had been copied there, so the change matched nothing',
  'stale-overwrite': 'an older image of a row was written over a newer one',
  'resurrected-delete': 'deleted rows were brought back',
  'out-of-order': 'a relay carried an older change after a newer one',
  redelivered: 'a change came a second time and undid newer ones',
  'never-copied': 'rows of before were never copied',
  // Leaders, and the way to them.
  'returned-leader': 'an old leader came back and took writes beside the new one',
  'two-leaders': 'two members led at the same time',
  'no-leader': 'no member leads',
  'read-only-route': 'the clients’ way in ends at a member that only reads',
  'ack-hang': 'a member leads, but waits for copies that are not there and acknowledges nothing',
  'no-endpoint': 'a leader could serve, but the clients’ way in does not lead to it',
  'not-serving': 'after the way back nobody could write',
  loss: 'the way back lost acknowledged writes',
  // The cluster at the end.
  'diverged-follower': 'a member holds another history than the one that counts',
  'unattached-follower': 'a member runs but does not follow the leader',
  'missing-member': 'a member is down, or has not caught up',
  'promise-dropped': 'the leader no longer waits for a second copy before it acknowledges',
  'mixed-versions': 'members run different versions',
  'not-upgraded': 'some members were never moved to the new version',
  'never-introduced': 'no step brings the new version in, so members come back as they were',
  'forbidden-skew': 'members ran versions beside one another that do not support it',
  // What the runbook did about it.
  'dishonest-gate': 'a gate said yes although what it claims was not so',
  'passed-on-nothing': 'a gate took an empty or failed answer for a yes',
  'stuck-gate': 'a gate waited for what never came, and has no way out',
  'stuck-command': 'a command never returned, and has no time limit',
  'past-deadline': 'the way back did not end before the deadline',
  'stale-read': 'a read was answered from the past',
  'lost-update': 'an acknowledged write went missing',
}

/** The ids that have words. */
export const CAUSE_IDS: readonly string[] = Object.keys(CAUSES)

/** A clause; of an objective its measure; empty for a cause that only a test suite of the user's own knows. */
export function causeWords(cause: string): string {
  return CAUSES[cause] ?? (isMeasure(cause) ? `its ${measureName(cause)} came out beyond what is allowed` : '')
}

/** `another member was promoted … (overlap)`: the id stays beside its words, for whoever looks it up in a result file; of a measure its name is the id. */
export function causeNamed(cause: string): string {
  const words = causeWords(cause)
  return words === '' ? cause : isMeasure(cause) ? words : `${words} (${cause})`
}
