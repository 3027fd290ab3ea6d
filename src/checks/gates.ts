/** gates-honest: violated when a gate with `claims` passed while what it claims was not so. Cause: dishonest-gate, or passed-on-nothing when its output was empty, non-numeric or an error. */
import { Chain, fail, nameOf, notApplicable, notExercised, pass, plural } from './chain.ts'
import type { Check } from './facts.ts'

const ID = 'gates-honest'

export const gatesHonest: Check = {
  id: ID,
  judge(facts) {
    const claiming = facts.gates.filter(g => g.claims.length > 0)
    if (claiming.length === 0) return notApplicable(ID, facts.gates.length === 0 ? 'no gate was reached' : 'no gate that was reached claims anything')
    const passed = claiming.filter(g => g.passed)
    const liars = passed.filter(g => g.honest === false)
    const first = liars[0]
    if (first !== undefined) {
      const { steps, horizon } = facts.recording
      const step = steps.find(s => s.step === first.step && s.visit === first.visit)
      const atUs = step?.endUs ?? step?.startUs ?? horizon.operatorEndUs
      const chain = new Chain(facts).add(atUs, `the gate of step ${first.step} passed after ${plural(first.polls, 'poll')} claiming ${first.claims.join(' and ')}, which was not so`, { inStep: true })
      if (first.missing) chain.add(atUs, 'its output was empty, no number or an error, and it counts that as passing', { inStep: true })
      chain.faultsOn(facts.members.map(m => m.name), atUs)
      return fail(ID, `${liars.length} of ${plural(passed.length, 'passed gate')} with claims passed against the truth: ${liars.map(g => `${g.step} (${g.claims.join(', ')})`).join('; ')}`, first.missing ? 'passed-on-nothing' : 'dishonest-gate', chain, step === undefined ? first.step : nameOf(step))
    }
    const judged = passed.filter(g => g.honest !== undefined)
    if (judged.length === 0) return notExercised(ID, passed.length === 0 ? 'no gate with claims passed' : 'no claim of a passed gate is one that this engine can judge')
    return pass(ID, `${plural(judged.length, 'gate')} with claims passed, each claim true`)
  },
}
