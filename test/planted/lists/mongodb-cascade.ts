import { inCommand, keys, moved, noUndo } from '../change.ts'
import type { Family, RunbookDefect } from '../defect.ts'

const scenario = 'mongodb-step-down/verified'
const defect = (id: string, what: string, change: RunbookDefect['change'], look?: RunbookDefect['look']): RunbookDefect => ({ id: `cascade-${id}`, what, scenario, change, ...(look === undefined ? {} : { look }) })

/** Nobody looks for members that somebody else made anew. */
const noStragglers: NonNullable<RunbookDefect['change']['step']>[string] = step => {
  step['undo'] = (step['undo'] as unknown[]).slice(0, 1)
}

export const mongodbCascade: Family = {
  name: 'mongodb-cascade',
  title: 'The corrected MongoDB step-down cascade',
  defects: [
    defect('no-image', 'the new image is never put into the StatefulSet', { without: ['image'] }),
    defect('image-last', 'the secondaries are restarted before the new image is in the StatefulSet', { runbook: moved('image', { after: 'secondaries' }) }),
    defect('no-hand-over', 'the primary is never asked to step down; the gate that waits for another one is there', { without: ['hand-over'] }),
    defect('steps-down-a-secondary', 'the step-down is sent to one fixed member', { step: { 'hand-over': inCommand('"${uri}"', '--host mongo-2.mongo') } }),
    defect('secondaries-at-once', 'the secondaries are restarted at once, without waiting for any', { step: { 'made-anew': keys({ when: undefined }), 'delete-secondary': inCommand('--timeout=10m', '--wait=false') }, without: ['level-before', 'secondary-version', 'secondary-level'] }),
    defect('member-forgotten', 'one member is left out everywhere', { replace: [['members: mongo-0 mongo-1 mongo-2', 'members: mongo-1 mongo-2'], ['everyone: mongo-3 mongo-4 mongo-0', 'everyone: mongo-3 mongo-4']] }),
    defect('no-compatibility', 'the feature compatibility version is never set', { without: ['compatibility', 'compatibility-everywhere', 'each-there'] }),
    defect('compatibility-early', 'the feature compatibility version is set while a member runs the old release', { step: { compatibility: keys({ pointOfNoReturn: undefined }) }, runbook: moved('compatibility', { before: 'rest' }) }),
    defect('no-confirm', 'the feature compatibility version is set without confirm: true', { step: { compatibility: inCommand(', confirm: true', '') } }),
    defect('old-compatibility', 'the feature compatibility version is set to that of the old release', { replace: [["newFcv: '8.0'", "newFcv: '7.0'"]] }),
    defect('no-undo-of-secondary', 'turning back leaves upgraded secondaries, and nobody looks', { step: { 'upgrade-secondary': noUndo, image: noStragglers } }, 'rollback'),
    defect('no-undo-of-rest', 'turning back leaves the old primary upgraded, and nobody looks', { step: { 'upgrade-rest': noUndo, image: noStragglers } }, 'rollback'),
  ],
}
