import { inCommand, keys, moved, noUndo, onlyCommands, withoutUndoSteps } from '../change.ts'
import type { Family, RunbookDefect } from '../defect.ts'

const scenario = 'postgres-rotate-in-place/fenced'
const defect = (id: string, what: string, change: RunbookDefect['change'], how: Pick<RunbookDefect, 'look' | 'kinds'> = {}): RunbookDefect => ({ id: `rotate-${id}`, what, scenario, change, ...how })
/** What can leave a candidate behind. */
const BEHIND = { look: 'faults', kinds: ['partition-pair', 'process-kill'] } as const
const UPGRADE = 'az aks nodepool upgrade --resource-group ${group} --cluster-name ${aks} --name ${pool} --kubernetes-version 1.28.0 --max-surge 0 --max-unavailable 1'
const PROOFS = ['fenced', 'old-end', 'candidate-has-all']

export const postgresRotation: Family = {
  name: 'postgres-rotation',
  title: 'The corrected rotation in place',
  defects: [
    defect('no-switchover', 'the primary’s node is upgraded under it', { without: ['switchover', 'follow'], step: { 'all-stream': step => {
      inCommand('${candidate}', '${primary}')(step)
      keys({ claims: undefined })(step)
    }, 'old-streams': keys({ gate: 'psql -h ${primary}.${headless} -Atc "select count(*) from pg_stat_replication where state = \'streaming\'"', claims: undefined }), 'verify-standbys': inCommand('${candidate}', '${primary}') } }),
    defect('no-stop', 'the old primary is not stopped; the gate that proves the fence is still there', { without: ['stop-old'] }),
    defect('no-stop-no-proof', 'the old primary is neither stopped nor proven to be', { without: ['stop-old', ...PROOFS] }),
    defect('no-signal-no-proof', 'no standby.signal, and nothing proves that the old primary came back read-only', { step: { 'fence-by-construction': onlyCommands(0) }, without: PROOFS }),
    defect('promote-before-stop', 'the candidate is promoted before the old primary is stopped', { runbook: moved('promote', { before: 'stop-old' }) }),
    defect('no-lsn-gate', 'nobody compares the candidate with the end of the old primary', { without: ['candidate-has-all'] }, BEHIND),
    defect('no-pause', 'clients are not held while nobody leads', { without: ['pause'] }),
    defect('no-resume', 'clients are never let on', { without: ['resume'] }),
    defect('no-route', 'the Service is not moved', { without: ['route'] }),
    defect('no-repoint', 'the other standby is not told; the gate that waits for it is there', { without: ['repoint-conninfo'] }),
    defect('no-undo-of-drain-no-proof', 'turning back leaves a drained node cordoned, and nobody looks whether two copies stream', { step: { 'standby-drain': noUndo }, runbook: withoutUndoSteps('undo-standbys') }, { look: 'rollback' }),
    defect('version-not-checked', 'the upgrade is asked for the wrong version, and nobody looks', { step: Object.fromEntries(['standby-upgrade', 'old-upgrade'].map(id => [id, keys({ run: UPGRADE, retry: undefined, otherwise: 'continue' })])), without: ['standby-version', 'old-version'] }),
    defect('old-primary-left-out', 'the old primary’s node is not upgraded', { without: ['old-drain', 'old-upgrade', 'old-version'] }),
    defect('no-undo-of-pause', 'turning back leaves the clients held', { step: { pause: noUndo } }, { look: 'rollback' }),
    defect('no-undo-of-signal', 'turning back leaves the old primary fenced', { step: { 'fence-by-construction': noUndo, 'stop-old': noUndo } }, { look: 'rollback' }),
    defect('point-declared-too-late', 'the author says that one can turn back until the standbys follow', { step: { promote: keys({ pointOfNoReturn: undefined }), follow: keys({ pointOfNoReturn: true }) } }, { look: 'rollback' }),
    defect('control-plane-behind', 'the control plane has the old version still, and nobody looks', { set: { 'cluster.controlPlaneVersion': '1.28.9' }, without: ['control-plane'] }),
  ],
}
