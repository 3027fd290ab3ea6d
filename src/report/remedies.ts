/**
 * What usually keeps a failure of one cause from happening, in words for whoever writes the runbook. General advice about the class of cause: it was
 * not tested on the runbook at hand, and is always shown as such, beside what was tested.
 */
const REMEDIES: Readonly<Record<string, string>> = {
  overlap: 'Stop or fence the old leader, and see it down, before the new one is promoted.',
  'behind-candidate': 'Hold writes, then wait until the candidate has everything the leader wrote (equality, not a small lag), and promote the copy that is furthest.',
  'unreplicated-tail': 'Hold writes and wait until a follower has received everything before the leader is taken away.',
  'destroyed-volume': 'Keep the old volume until another copy holds everything that was acknowledged; delete nothing by force before. Let a leader that is started again not lead before a copy that is ahead of it, and keep on disk what it acknowledges.',
  'abandoned-branch': 'Let only one history go on: fence the old leader before the promotion, and let it come back as a follower only.',
  'returned-leader': 'Keep the old leader from coming back as a leader: fence it, and start it again only as a follower of the new one.',
  'two-leaders': 'Let one of them take writes at a time: fence the old leader before the new one is promoted or opened, keep a second copy read-only until clients are moved to it, and let an old leader come back as a follower only.',
  'no-leader': 'End with a check that somebody leads and that a fresh client can write; if nobody does, bring a leader back before going on.',
  'no-endpoint': 'Point the clients’ way in at a leader that remains, do not remove the member it points at, and end with a write from a fresh client.',
  'not-serving': 'End with a write from a fresh client; if it fails, go back.',
  'removed-leader': 'Do not remove the member that leads: move leadership first, and check which one leads before anything is scaled down or deleted.',
  'read-only-route': 'After the promotion point the clients’ way in at the new leader, and make old connections end.',
  'ack-hang': 'Have enough followers attached for the promised durability before writes go on, or lower the promise for the time of the upgrade.',
  'diverged-follower': 'After the promotion rewind or rebuild every member that followed the old history.',
  'unattached-follower': 'After the promotion attach every follower to the new leader, and check that it streams.',
  'missing-member': 'Wait until every member is back before the runbook says it is done.',
  'promise-dropped': 'End with a look at what the new leader waits for before it acknowledges, and set it to what it was.',
  'mixed-versions': 'Check the version of every member before the runbook says it is done.',
  'not-upgraded': 'See that every member is started again with the new version, and check the version of each before the runbook says it is done.',
  'never-introduced': 'Add or correct the step that brings the version in: change what members come up with (image, node, package, setting) before they are restarted, and check the version of every member before the runbook says it is done.',
  'forbidden-skew': 'Upgrade in the order and in the steps that the versions support beside one another.',
  'dishonest-gate': 'Let the gate ask the member it speaks of, for the very thing it claims.',
  'passed-on-nothing': 'Let the gate fail when it gets no answer (`missing: fail`).',
  'stuck-gate': 'Give the gate a way out: what to do when its time is over.',
  'stuck-command': 'Give the command a time limit, and say what to do when it is over.',
  'past-deadline': 'Give each wait a time limit that lets the way back end in time.',
  'stale-read': 'Read from the leader, or wait until the follower has caught up.',
  'lost-update': 'Let one side at a time take writes.',
  wiped: 'Never begin the data anew while another copy holds what was acknowledged: let the new member copy from it first.',
  interleaved: 'Let one database decide the order: write to one, and carry its changes over to the other.',
  'not-written-there': 'Have every program write to both databases before rows are copied, and see that the last old one has ended.',
  'failed-statement': 'Write to both in a way that is repeated until both have it, or count a write as made only when both have.',
  'no-row-yet': 'Copy the rows that are there before changes are applied, or let a change to a row that is missing insert it.',
  'stale-overwrite': 'Let the copying job leave alone whatever is newer than what it read (compare a version or a time in the same statement).',
  'out-of-order': 'Let one worker carry all changes of a row, in the order of the outbox, or let each change carry a version that an older one cannot overwrite.',
  'resurrected-delete': 'Keep deletions as marks until copying is done, so that an older image cannot bring a row back.',
  redelivered: 'Apply each change only when it is newer than what is there.',
  'never-copied': 'Compare the rows of both databases before reads are moved.',
  loss: 'Put the point of no return before the first step whose way back loses writes, or carry them back.',
}

/** @param own the engine's own words by cause (`Engine.remedies`), told after the general ones. @returns undefined for a cause without advice */
export function remedyFor(cause: string, own: Readonly<Record<string, string>> = {}): string | undefined {
  const all = [REMEDIES[cause], own[cause]].filter((words) => words !== undefined)
  return all.length === 0 ? undefined : all.join(' ')
}

/** What to set beside the advice, wherever it is shown. */
export const REMEDY_NOTE = '(what usually helps in such a case; not tested here)'
