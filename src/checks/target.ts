/**
 * target-reached: violated when the runbook completed but a member is not on the target version. Causes: not-upgraded (others got there),
 * never-introduced (in the whole rehearsal nobody ever ran the target version, nor does it stand anywhere: no step brings it in, whatever is restarted),
 * missing-member.
 */
import { Chain, fail, listed, notApplicable, notExercised, pass, plural } from './chain.ts'
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
    const missing = components.flatMap(component => behindIn(facts, component))
    const behind = missing.filter(({ component, introduced }) => introduced || !facts.assumedTargets.includes(component))
    if (behind.length === 0 && missing.length > 0 && new Set(missing.map(({ component }) => component)).size === components.length) return notApplicable(ID, `nothing says which version is to be reached, and none changed (${missing.map(({ component, version }) => `${component} ${version}`).join(', ')})`)
    if (behind.length === 0) return pass(ID, `${plural(facts.members.length, 'member')} on ${components.map(c => `${c} ${facts.targetVersions[c]}`).join(', ')}`)
    const chain = new Chain(facts)
    for (const each of behind) explain(facts, each, chain)
    const missed = [...new Set(behind.map(({ component }) => component))].map(component => `${component} ${facts.targetVersions[component]}`)
    const evidence = `${behind.map(each => sentence(facts, each)).join('; ').replace(/^all /, 'All ')}; the target is ${missed.join(', ')}${saidDone(facts, behind)}`
    // What no step brings in is the fault of none that is there.
    return behind.some(({ introduced, elsewhere }) => !introduced && elsewhere.length === 0) ? fail(ID, evidence, 'never-introduced', chain, '-') : fail(ID, evidence, 'not-upgraded', chain)
  },
}

/** Members that have the same other version of one component. */
interface Behind {
  readonly component: string
  readonly version: string
  readonly members: readonly string[]
  /** Whether anybody ran the target version at any time since the first step, or before it. */
  readonly introduced: boolean
  /** Where it stands though no member ever ran it there. */
  readonly elsewhere: readonly string[]
}

function behindIn(facts: Facts, component: string): Behind[] {
  const target = facts.targetVersions[component]
  const introduced = [...facts.members, ...facts.recording.changes].some(({ versions }) => versions[component] === target)
  const elsewhere = introduced ? [] : (facts.versionsAround[component] ?? []).filter(({ version }) => version === target).map(({ name }) => name)
  const byVersion = new Map<string, string[]>()
  for (const { name, versions } of facts.members) {
    const version = versions[component] ?? 'unknown'
    if (version !== target) byVersion.set(version, [...(byVersion.get(version) ?? []), name])
  }
  return [...byVersion].map(([version, members]) => ({ component, version, members, introduced, elsewhere }))
}

function sentence({ members: all }: Facts, { component, version, members }: Behind): string {
  const who = members.length === all.length ? (all.length === 1 ? `the one member, ${members[0]},` : `all ${all.length} members`) : members.length === 1 ? `${members[0]}` : `${members.length} of ${all.length} members (${listed(members)})`
  return `${who} ${members.length === 1 ? 'has' : 'have'} ${component} ${version}`
}

/** How many were there when the operator said that it was done, where that is another number than at the end of the horizon: what goes on by itself may arrive later. */
function saidDone({ recording: { changes, horizon }, targetVersions, members }: Facts, behind: readonly Behind[]): string {
  const words = [...new Set(behind.map(({ component }) => component))].flatMap(component => {
    const last = new Map<string, MemberChange>()
    for (const change of changes) if (change.atUs <= horizon.operatorEndUs) last.set(change.member, change)
    const present = [...last.values()].filter(({ gone }) => gone !== true)
    const there = present.filter(({ versions }) => versions[component] === targetVersions[component]).length
    const atEnd = members.filter(({ versions }) => versions[component] === targetVersions[component]).length
    return present.length === 0 || (there === atEnd && present.length === members.length) ? [] : [`${there} of ${present.length} had ${component} ${targetVersions[component]}`]
  })
  return words.length === 0 ? '' : `; when the runbook said that it was done ${words.join(', ')}`
}

/** Who is behind; whether anybody ever was not; and what each of them came up with when it was started again, if it was. */
function explain(facts: Facts, behind: Behind, chain: Chain): void {
  const { horizon, changes } = facts.recording
  const { component, version, members, introduced, elsewhere } = behind
  const target = `${component} ${facts.targetVersions[component]}`
  chain.add(horizon.endUs, sentence(facts, behind), { node: members[0] })
  if (!introduced && elsewhere.length === 0) chain.add(horizon.operatorEndUs, `up to the end of the runbook no member had ever run ${target}: no step brought it to any of them`)
  if (elsewhere.length > 0) chain.add(horizon.endUs, `${target} is on ${listed(elsewhere)}, where no member runs or ever ran`)
  const restarts = members.map(member => lastRestart(changes.filter(c => c.member === member), member))
  const untouched = members.filter((_, i) => restarts[i] === undefined)
  for (const group of grouped(restarts.flatMap(restart => restart ?? []), component, chain)) {
    const [first] = group as [Restart]
    const [before, after] = [first.before.versions[component], first.back.versions[component] ?? 'unknown']
    const names = listed(group.map(({ member }) => member))
    const what = before === after ? `, and came up with ${component} ${after} as before` : `, and came up with ${component} ${after}${before === undefined ? '' : ` instead of ${before}`}`
    chain.add(first.away.atUs, `${names} went away to be started again, for the last time${what}`, { node: first.member, inStep: 'ending' })
  }
  if (untouched.length > 0) chain.add(lastChange(changes, untouched) ?? horizon.startUs, `${listed(untouched)} ${untouched.length === 1 ? 'was' : 'were'} not started again, and ${untouched.length === 1 ? 'runs' : 'run'} ${component} ${version} as before`, { node: untouched[0] }).heldUp(untouched)
}

/** A member went away and came back. */
interface Restart {
  readonly member: string
  readonly before: MemberChange
  readonly away: MemberChange
  readonly back: MemberChange
}

/** The last time that a member went away and came back; undefined when it never did. @param changes of this member */
function lastRestart(changes: readonly MemberChange[], member: string): Restart | undefined {
  const at = changes.findLastIndex((c, i) => !c.running && changes[i - 1]?.running === true && changes.slice(i).some(later => later.running))
  if (at < 0) return undefined
  return { member, before: changes[at - 1] as MemberChange, away: changes[at] as MemberChange, back: changes.slice(at).find(c => c.running) as MemberChange }
}

/** Restarts in one step, from one version to one version, are told as one. The step that waits for a member did not choose its version: the one that took it away did. */
function grouped(restarts: readonly Restart[], component: string, chain: Chain): Restart[][] {
  const groups = new Map<string, Restart[]>()
  for (const restart of restarts) {
    const key = [chain.stepEndingAt(restart.away.atUs), restart.before.versions[component], restart.back.versions[component]].join('\n')
    groups.set(key, [...(groups.get(key) ?? []), restart])
  }
  return [...groups.values()]
}

/** When the last of these members changed. */
function lastChange(changes: readonly MemberChange[], members: readonly string[]): number | undefined {
  return changes.findLast(({ member }) => members.includes(member))?.atUs
}
