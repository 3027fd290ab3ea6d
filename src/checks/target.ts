/** target-reached: violated when the runbook completed but a member is not on the target version. Cause: not-upgraded, or missing-member. */
import { Chain, clock, fail, notApplicable, notExercised, pass, plural } from './chain.ts'
import type { Check, Facts } from './facts.ts'

const ID = 'target-reached'

export const targetReached: Check = {
  id: ID,
  judge(facts) {
    const components = Object.keys(facts.targetVersions)
    if (components.length === 0) return notApplicable(ID, 'no version is to be reached')
    if (facts.outcome !== 'completed') return notExercised(ID, `the runbook did not complete (${facts.outcome})`)
    if (facts.members.length === 0) {
      const chain = new Chain(facts).add(facts.recording.horizon.endUs, 'no member is left that could be on the target version')
      return fail(ID, 'no member is left', 'missing-member', chain)
    }
    const behind = facts.members.flatMap(m => components.filter(c => m.versions[c] !== facts.targetVersions[c]).map(c => ({ member: m.name, component: c, version: m.versions[c] ?? 'unknown' })))
    if (behind.length === 0) return pass(ID, `${plural(facts.members.length, 'member')} on ${components.map(c => `${c} ${facts.targetVersions[c]}`).join(', ')}`)
    const list = behind.map(b => `${b.member} has ${b.component} ${b.version}`).join(', ')
    return fail(ID, `${list}; the target is ${components.map(c => `${c} ${facts.targetVersions[c]}`).join(', ')}`, 'not-upgraded', explain(facts, behind))
  },
}

function explain(facts: Facts, behind: readonly { readonly member: string; readonly component: string; readonly version: string }[]): Chain {
  const chain = new Chain(facts)
  for (const { member, component, version } of behind.slice(0, 3)) {
    chain.add(facts.recording.horizon.endUs, `${member} is on ${component} ${version}`, { node: member })
    const last = facts.recording.changes.filter(c => c.member === member && c.running).at(-1)
    if (last !== undefined) chain.add(last.atUs, `${member} last changed at ${clock(facts, last.atUs)} and came up with ${component} ${last.versions[component] ?? 'unknown'}`, { node: member, inStep: true })
  }
  return chain
}
