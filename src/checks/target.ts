/** target-reached: violated when the runbook completed but a member is not on the target version. Cause: not-upgraded, or missing-member. */
import { Chain, clock, fail, notApplicable, notExercised, pass, plural } from './chain.ts'
import type { MemberChange } from '../result.ts'
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
    const changes = facts.recording.changes.filter(c => c.member === member)
    const away = changes.findLastIndex((c, i) => !c.running && changes[i - 1]?.running === true && changes.slice(i).some(later => later.running))
    const back = away < 0 ? undefined : changes.slice(away).find(c => c.running)
    const last = changes.filter(c => c.running).at(-1)
    if (back !== undefined) {
      // The step that waits for it to come back did not choose its version: the one that took it away did.
      const { atUs } = changes[away] as MemberChange
      chain.add(back.atUs, `${member} came up with ${component} ${back.versions[component] ?? 'unknown'}`, { node: member })
      chain.add(atUs, `${member} went away to be started again, for the last time, at ${clock(facts, atUs)}`, { node: member, inStep: 'ending' })
    } else if (last !== undefined) chain.add(last.atUs, `${member} last changed at ${clock(facts, last.atUs)}, with ${component} ${last.versions[component] ?? 'unknown'}`, { node: member, inStep: true })
  }
  return chain
}
