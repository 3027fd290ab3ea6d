/** terminates: violated when the deadline passed before the operator ended. Cause: stuck-gate when a gate was still being polled, else stuck-command. */
import { Chain, fail, nameOf, pass, seconds } from './chain.ts'
import type { Check } from './facts.ts'

const ID = 'terminates'

export const terminates: Check = {
  id: ID,
  judge(facts) {
    const { horizon, steps } = facts.recording
    const tookUs = horizon.operatorEndUs - horizon.startUs
    if (facts.outcome !== 'stuck') return pass(ID, `${facts.outcome} after ${seconds(tookUs)}; the deadline is ${seconds(facts.deadlineUs)}`)
    const open = steps.filter(s => s.endUs === undefined || s.result === 'open').at(-1) ?? steps.at(-1)
    const gate = open === undefined ? undefined : facts.gates.filter(g => g.step === open.step && g.visit === open.visit && !g.passed).at(-1)
    const chain = new Chain(facts).add(horizon.operatorEndUs, `the deadline of ${seconds(facts.deadlineUs)} passed: ${facts.outcomeReason}`)
    if (open !== undefined) chain.add(open.startUs, `step ${nameOf(open)} began and never ended${gate === undefined ? '' : ` (its gate was polled ${gate.polls} times${gate.missing ? ', the last time without a usable answer' : ''})`}`, { inStep: true })
    for (const fault of [...facts.faults].reverse()) if (fault.struck) chain.add(fault.atUs, `the fault ${fault.kind} struck ${fault.target}`, { node: fault.members[0] })
    return fail(ID, `stuck${open === undefined ? '' : ` in step ${nameOf(open)}`} when the deadline passed: ${facts.outcomeReason}`, gate === undefined ? 'stuck-command' : 'stuck-gate', chain, nameOf(open))
  },
}
