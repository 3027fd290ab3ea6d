/** no-false-success: violated when the runbook said "completed" while a check of the truth fails. Cause: that of the first failed check; its chain is told on. */
import type { CheckId } from '../result.ts'
import { Chain, fail, nameOf, notExercised, pass } from './chain.ts'
import type { Check } from './facts.ts'

const ID = 'no-false-success'

/** The checks that say what is so, in order of gravity; the operator could have looked. */
const OF_TRUTH: readonly CheckId[] = ['no-acknowledged-write-lost', 'serves-at-end', 'no-split-brain', 'linearizable', 'no-divergent-rows', 'converges', 'target-reached', 'no-forbidden-skew']

export const noFalseSuccess: Check = {
  id: ID,
  judge(facts, others) {
    if (facts.outcome !== 'completed') return notExercised(ID, `the runbook did not claim success (${facts.outcome})`)
    const failed = OF_TRUTH.flatMap(id => others.find(v => v.check === id && v.status === 'fail') ?? [])
    const first = failed[0]
    if (first === undefined) {
      // Nothing judged is nothing proved.
      return others.some(v => OF_TRUTH.includes(v.check) && v.status === 'pass') ? pass(ID, 'completed, and no check of the truth fails') : notExercised(ID, 'completed, but no check of the truth had anything to judge')
    }
    const last = facts.recording.steps.at(-1)
    const chain = new Chain(facts).add(facts.recording.horizon.operatorEndUs, `the runbook said "completed" after ${last === undefined ? 'its last step' : `step ${nameOf(last)}`}`)
    chain.append(first.because ?? [])
    return fail(ID, `completed, although: ${failed.map(v => `${v.check} (${v.evidence})`).join('; ')}`, first.signature?.cause ?? 'unknown', chain, first.signature?.step)
  },
}
