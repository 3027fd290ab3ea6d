import { inCommand, keys, moved, noUndo, onlyCommands, withoutUndoSteps } from '../change.ts'
import type { Family, RunbookDefect } from '../defect.ts'

const scenario = 'postgres-ferris-wheel/fenced'
const defect = (id: string, what: string, change: RunbookDefect['change'], look?: RunbookDefect['look']): RunbookDefect => ({ id: `wheel-${id}`, what, scenario, change, ...(look === undefined ? {} : { look }) })
const PROOFS = ['fenced', 'old-end', 'candidate-has-all']

export const postgresWheel: Family = {
  name: 'postgres-wheel',
  title: 'The corrected Ferris wheel (asynchronous)',
  defects: [
    // ── the fence ──
    defect('no-stop', 'the old primary is not stopped; the gate that proves the fence is still there', { without: ['stop-old'] }),
    defect('no-stop-no-proof', 'the old primary is neither stopped nor proven to be', { without: ['stop-old', ...PROOFS] }),
    defect('no-signal', 'no standby.signal: the stopped primary comes back as a primary', { step: { 'fence-by-construction': onlyCommands(0) } }),
    defect('no-signal-no-proof', 'no standby.signal, and nothing proves that the old primary came back read-only', { step: { 'fence-by-construction': onlyCommands(0) }, without: PROOFS }),
    defect('no-fence-conninfo', 'the fenced primary is told nobody to follow', { step: { 'fence-by-construction': onlyCommands(1) } }),
    defect('promote-before-stop', 'the candidate is promoted before the old primary is stopped', { runbook: moved('promote', { before: 'stop-old' }) }),
    defect('crash-for-a-stop', 'the old primary is stopped with -m immediate: what no standby had yet is on its disk only', { step: { 'stop-old': inCommand('-m fast', '-m immediate') }, without: ['candidate-has-all'] }),
    // ── the candidate ──
    defect('no-lsn-gate', 'nobody compares the candidate with the end of the old primary', { without: ['candidate-has-all'] }, 'faults'),
    defect('lsn-gate-passes-on-nothing', 'the comparison passes when the candidate does not answer', { step: { 'candidate-has-all': keys({ missing: 'pass' }) } }, 'faults'),
    defect('end-before-stop', 'where the old primary ends is read before it is stopped', { runbook: moved('old-end', { before: 'stop-old' }), step: { 'old-end': inCommand('pg_last_wal_replay_lsn()', 'pg_current_wal_lsn()') } }, 'faults'),
    defect('surge-leads', 'the surge pod is made the primary, and then scaled away', { step: { choose: step => ((step['pick'] as { where: object }).where = { column: 1, equals: '${surge}' }) } }),
    defect('candidate-without-slots', 'the candidate has no slots for those who are to follow it', { without: ['candidate-slots'] }),
    // ── clients ──
    defect('no-pause', 'clients are not held while nobody leads', { without: ['pause'] }),
    defect('pause-after-stop', 'clients are held only once the primary is gone', { runbook: moved('pause', { after: 'stop-old' }) }),
    defect('no-resume', 'clients are never let on', { without: ['resume'] }),
    defect('resume-before-promote', 'clients are let on before anybody leads', { runbook: moved('resume', { before: 'route' }) }),
    defect('no-route', 'the Service is not moved', { without: ['route'] }),
    defect('route-to-old', 'the Service is sent to the old primary', { step: { route: inCommand('${candidate}', '${primary}') } }),
    // ── those who follow ──
    defect('no-repoint', 'the other standbys are not told; the gate that waits for them is there', { without: ['repoint-conninfo'] }),
    defect('no-repoint-no-proof', 'the other standbys are not told, and nobody looks', { without: ['follow', 'all-stream', 'verify-standbys'] }),
    defect('repoint-without-reload', 'the other standbys’ configuration is not loaded', { step: { 'repoint-conninfo': onlyCommands(0) } }),
    defect('scale-to-two', 'scaled back too far', { step: { 'scale-in': inCommand('--replicas=${size}', '--replicas=${rest}') }, without: ['surge-gone', 'verify-standbys'] }),
    defect('no-scale-back', 'the surge pod stays', { without: ['scale-in', 'surge-gone'] }),
    defect('old-primary-stays', 'the old primary is not moved to the upgraded pool', { without: ['move-old', 'old-node'] }),
    defect('volume-deleted', 'the old primary is moved by deleting its volume and pod while the other standbys still hang on it', { step: { 'move-old': keys({ run: ['kubectl delete pvc data-${primary} --wait=false', 'kubectl delete pod ${primary} --timeout=10m'] }) }, without: ['old-streams', 'follow', 'old-streams-again', 'all-stream', 'verify-standbys'] }),
    // ── the way back ──
    defect('no-undo-of-pause', 'turning back leaves the clients held', { step: { pause: noUndo } }, 'rollback'),
    defect('no-undo-of-signal', 'turning back leaves the old primary fenced', { step: { 'fence-by-construction': noUndo, 'stop-old': noUndo } }, 'rollback'),
    defect('no-undo-of-route', 'turning back leaves the Service with the candidate', { step: { route: noUndo } }, 'rollback'),
    defect('no-undo-of-surge', 'turning back leaves a fourth pod, and nobody looks', { step: { surge: noUndo }, runbook: withoutUndoSteps('undo-three', 'undo-everyone', 'undo-places') }, 'rollback'),
    defect('no-undo-of-move', 'turning back leaves standbys on the upgraded pool, and nobody looks', { step: { 'move-standby': noUndo }, runbook: withoutUndoSteps('undo-places') }, 'rollback'),
    defect('back-after-promotion', 'whatever fails is taken back, also when the candidate leads already', { without: ['too-far'] }, 'faults'),
    defect('point-declared-too-late', 'the author says that one can turn back until the standbys follow', { step: { promote: keys({ pointOfNoReturn: undefined }), follow: keys({ pointOfNoReturn: true }) } }, 'rollback'),
    defect('no-failover', 'nobody takes over when the primary’s disk is destroyed', { without: ['failover'], runbook: withoutUndoSteps('failover') }),
    defect('heir-of-the-shortest', 'when the primary’s disk is destroyed the copy that is furthest behind takes over', { replace: [['by: largest, as: heir', 'by: smallest, as: heir']] }),
    defect('one-try-to-promote', 'the promotion is asked for once, and whatever comes is taken for success', { step: { promote: keys({ retry: undefined, otherwise: 'continue' }) }, without: ['promote-patiently', 'writes', 'verify-leader'] }, 'faults'),
    // ── the cluster ──
    defect('rolling-update', 'the StatefulSet rolls by itself: asking for the other pool restarts every pod, the primary too', { set: { 'cluster.updateStrategy': 'RollingUpdate' } }),
    defect('one-zone', 'the upgraded pool stands in one zone, the volumes in three', { set: { 'cluster.upgradedPool.zones': '[1,1,1,1,1,1]' } }),

  ],
}
