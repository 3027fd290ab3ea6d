import { inCommand, moved, noUndo, onlyCommands } from '../change.ts'
import type { Family, RunbookDefect } from '../defect.ts'

const scenario = 'postgres-ferris-wheel/quorum'
const defect = (id: string, what: string, change: RunbookDefect['change'], how: Pick<RunbookDefect, 'look' | 'kinds'> = {}): RunbookDefect => ({ id: `quorum-${id}`, what, scenario, change, ...how })
/** What can leave a candidate behind. */
const BEHIND = { look: 'faults', kinds: ['partition-pair', 'process-kill'] } as const
const PROOFS = ['fenced', 'old-end', 'candidate-has-all']
const asynchronous = 'psql -h ${candidate}.${cluster} -c "alter system set synchronous_standby_names = \'\'"'

export const postgresQuorum: Family = {
  name: 'postgres-quorum',
  title: 'The corrected Ferris wheel with a synchronous quorum',
  defects: [
    defect('no-quorum-before-clients', 'clients are let on before any standby confirms commits of the new primary', { without: ['follow-at-once', 'quorum'] }),
    defect('acknowledgement-weakened', 'the new primary is made asynchronous so that nothing can hang', { step: { checkpoint: step => (step['run'] = [asynchronous, 'psql -h ${candidate}.${cluster} -c "select pg_reload_conf()"', ...(step['run'] as string[])]) }, without: ['quorum'] }),
    defect('no-stop-no-proof', 'the old primary is neither stopped nor proven to be', { without: ['stop-old', ...PROOFS] }),
    defect('no-signal-no-proof', 'no standby.signal, and nothing proves that the old primary came back read-only', { step: { 'fence-by-construction': onlyCommands(0) }, without: PROOFS }),
    defect('promote-before-stop', 'the candidate is promoted before the old primary is stopped', { runbook: moved('promote', { before: 'stop-old' }) }),
    defect('no-lsn-gate', 'nobody compares the candidate with the end of the old primary', { without: ['candidate-has-all'] }, BEHIND),
    defect('no-pause', 'clients are not held while nobody leads', { without: ['pause'] }),
    defect('no-undo-of-pause', 'turning back leaves the clients held', { step: { pause: noUndo } }, { look: 'rollback' }),
    defect('heir-of-the-shortest', 'when the primary’s disk is destroyed the copy that is furthest behind takes over', { replace: [['by: largest, as: heir', 'by: smallest, as: heir']] }, { kinds: ['node-loss-with-volume', 'process-kill', 'partition-pair', 'replication-lag'] }),
    defect('surge-not-in-the-list', 'the list wants both standbys, and the surge pod is not in it: each move stops all commits', { set: { 'cluster.synchronousStandbyNames': 'FIRST 2 ("postgres-cluster-1", "postgres-cluster-2")' } }),
    defect('names-without-quotes', 'a name in the list is none of the cluster’s', { set: { 'cluster.synchronousStandbyNames': 'ANY 1 ("pg-0", "pg-1", "pg-2")' } }),
    defect('compared-with-nothing', 'the candidate is compared with the beginning of all log', { step: { 'candidate-has-all': inCommand("'${end}')", "'0/0')") } }, BEHIND),
  ],
}
