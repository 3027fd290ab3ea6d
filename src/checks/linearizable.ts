/**
 * linearizable: where the truth promises synchronous durability, the traced operations on each key must have a linear order. Elsewhere
 * nobody promised it, so it is not applicable. Causes: stale-read (a read answered from the past), lost-update (an acknowledged write went missing, or anything else).
 */
import { Chain, fail, notApplicable, notExercised, pass, plural } from './chain.ts'
import type { Check } from './facts.ts'
import { judgeRegister } from './register.ts'

const ID = 'linearizable'

export const linearizable: Check = {
  id: ID,
  judge(facts) {
    if (facts.promise !== 'synchronous') return notApplicable(ID, 'writes are acknowledged before a second member has them: nothing is promised across a failover')
    const histories = (facts.registers ?? []).filter(history => history.operations.length > 0)
    if (histories.length === 0) return notExercised(ID, 'no operation on a single key was traced')
    let operations = 0
    let tooLarge = 0
    for (const history of histories) {
      operations += history.operations.length
      const verdict = judgeRegister(history)
      if (verdict.is === 'tooLarge') tooLarge += 1
      if (verdict.is !== 'violated') continue
      const { operation } = verdict
      const chain = new Chain(facts).add(operation.callUs, `a ${operation.kind} of key ${history.key} ${operation.kind === 'read' ? 'answered' : 'of'} ${operation.value}, which no order of the operations explains`, { inStep: true })
      const promotion = facts.promotions.filter(p => p.atUs <= operation.returnUs).at(-1)
      if (promotion !== undefined) chain.promotion(promotion)
      // A lost write makes later reads look old: then the read is right and the write is what went missing.
      const cause = operation.kind === 'read' && facts.recording.losses.length === 0 ? 'stale-read' : 'lost-update'
      return fail(ID, `key ${history.key} has no linear order (${plural(history.operations.length, 'operation')})`, cause, chain)
    }
    if (tooLarge === histories.length) return notExercised(ID, `${plural(tooLarge, 'history')} too large to judge exactly`)
    return pass(ID, `${plural(operations, 'traced operation')} on ${plural(histories.length, 'key')} have a linear order${tooLarge > 0 ? `; ${tooLarge} keys too large to judge` : ''}`)
  },
}
