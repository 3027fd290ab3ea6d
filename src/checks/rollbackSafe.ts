/**
 * rollback-safe: violated when the operator turned back before the declared point of no return began and it did not bring the cluster back: a
 * write was lost, nothing serves at the end, the deadline passed, or (where no fault but the decision itself struck) an undo step failed. The first boundary at which that happens is the measured point of no return,
 * so this fails in some run exactly when the measured point comes before the declared one. Where none is declared nothing is promised.
 */
import { Chain, fail, nameOf, notApplicable, notExercised, pass, stepAt } from './chain.ts'
import type { Check } from './facts.ts'

const ID = 'rollback-safe'

export const rollbackSafe: Check = {
  id: ID,
  judge(facts, others) {
    const turned = facts.faults.find(fault => fault.kind === 'operator-rolls-back' && fault.struck)
    if (turned === undefined) return notExercised(ID, 'the operator did not turn back on purpose: only a sweep makes it, at every boundary')
    const declared = facts.pointOfNoReturn
    if (declared === undefined) return notApplicable(ID, 'the runbook declares no point of no return, so it promises no way back')
    const begun = facts.recording.steps.find(step => step.step === declared && step.path === 'forward' && step.result !== 'skipped')
    if (begun !== undefined && begun.startUs < turned.atUs) return notExercised(ID, `the operator turned back after ${declared} had begun, the declared point of no return`)
    const where = nameOf(stepAt(facts.recording.steps.filter(({ path }) => path === 'forward'), turned.atUs))
    const failed = others.find(({ check, status }) => status === 'fail' && (check === 'no-acknowledged-write-lost' || check === 'serves-at-end'))
    // Under a fault an undo step that fails may be the fault's doing: nobody promised that the way back is open then.
    const undoFailed = facts.outcome === 'aborted' && facts.recording.steps.some(({ path }) => path === 'undo') && facts.faults.every(fault => fault === turned || !fault.struck)
    if (failed === undefined && facts.outcome !== 'stuck' && !undoFailed) return pass(ID, `turned back in step ${where}, before ${declared}: ${facts.outcome}, nothing lost, it serves`)
    const cause = failed === undefined ? (undoFailed ? 'undo-failed' : 'past-deadline') : failed.check === 'serves-at-end' ? 'not-serving' : 'loss'
    const chain = new Chain(facts).append(failed?.because ?? []).add(turned.atUs, `the operator turned back in step ${where}, before ${declared}, the declared point of no return`, { inStep: true })
    return fail(ID, `turned back before the declared point of no return, yet ${failed?.evidence ?? (undoFailed ? facts.outcomeReason : 'the deadline passed')}`, cause, chain, where)
  },
}
