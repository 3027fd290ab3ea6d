/**
 * rollback-safe: violated when the operator turned back before the declared point of no return began and it did not bring the cluster back: a
 * write was lost, nothing serves at the end, or the deadline passed. The first boundary at which that happens is the measured point of no return,
 * so this fails in some run exactly when the measured point comes before the declared one, unless all that was measured there is an undo step that
 * fails: such a rollback has stopped halfway with nothing lost, which the point of no return tells and nobody judges. Where none is declared nothing is promised.
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
    if (failed === undefined && facts.outcome !== 'stuck') return pass(ID, `turned back in step ${where}, before ${declared}: ${facts.outcome}, nothing lost, it serves`)
    const cause = failed === undefined ? 'past-deadline' : failed.check === 'serves-at-end' ? 'not-serving' : 'loss'
    const chain = new Chain(facts).append(failed?.because ?? []).add(turned.atUs, `the operator turned back in step ${where}, before ${declared}, the declared point of no return`, { inStep: true })
    return fail(ID, `turned back before the declared point of no return, yet ${failed?.evidence ?? 'the deadline passed'}`, cause, chain, where)
  },
}
