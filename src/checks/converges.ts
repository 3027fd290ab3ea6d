/**
 * converges: completed or rolled back means one version, one history and full redundancy, that of each single write included (what was promised to
 * survive the loss of a member still does); aborted means one leader, one history and one spare copy.
 * Causes, the first that holds: no-leader, two-leaders, diverged-follower (holds bytes that the history that counts lacks), unattached-follower
 * (runs but does not stream from the leader), missing-member (fewer running, caught-up members than there should be), mixed-versions,
 * promise-dropped (a leader that waited for another member before it acknowledged no longer does).
 */
import { Chain, fail, notExercised, onLine, pass, plural } from './chain.ts'
import type { Check, Facts, MemberAtEnd } from './facts.ts'

const ID = 'converges'

interface Defect {
  readonly cause: string
  readonly text: string
  readonly members: readonly string[]
}

export const converges: Check = {
  id: ID,
  judge(facts) {
    if (facts.outcome === 'stuck') return notExercised(ID, 'the runbook never ended')
    const defects = facts.outcome === 'aborted' ? afterAbort(facts) : afterSuccess(facts)
    const first = defects[0]
    if (first === undefined) return pass(ID, facts.outcome === 'aborted' ? 'one leader, one history and a spare copy' : `${plural(facts.members.length, 'member')} on one version and one history, all caught up`)
    return fail(ID, `${facts.outcome}, but ${defects.map(d => d.text).join('; ')}`, first.cause, explain(facts, first))
  },
}

function afterSuccess(facts: Facts): readonly Defect[] {
  return [...leaders(facts), ...histories(facts, facts.members), ...redundancy(facts, facts.expectedMembers), ...versions(facts), ...promises(facts)]
}

function afterAbort(facts: Facts): readonly Defect[] {
  // A member that is down or unattached is allowed; one whose history differs and that may come back is not one history.
  const running = facts.members.filter(m => m.running && (m.attached || m.diverged === true))
  return [...leaders(facts), ...histories(facts, running), ...redundancy(facts, Math.min(2, facts.expectedMembers))]
}

function leaders(facts: Facts): readonly Defect[] {
  const leading = facts.members.filter(m => m.running && m.role === 'leader')
  const names = leading.map(m => m.name)
  const led = leading.reduce((sum, { leads = 1 }) => sum + leads, 0)
  // A fleet has one leader for each of its logs.
  const wanted = facts.recording.authorities.length
  if (led < wanted) return [{ cause: 'no-leader', text: wanted === 1 ? 'no running member leads' : `${led} of ${wanted} logs have a leader`, members: [] }]
  if (led > wanted) return [{ cause: 'two-leaders', text: `${names.join(' and ')} both lead`, members: names }]
  return []
}

function histories(_facts: Facts, members: readonly MemberAtEnd[]): readonly Defect[] {
  const defects: Defect[] = []
  const diverged = members.filter(m => m.diverged === true).map(m => m.name)
  if (diverged.length > 0) defects.push({ cause: 'diverged-follower', text: `${diverged.join(' and ')} hold${diverged.length === 1 ? 's' : ''} another history`, members: diverged })
  const loose = members.filter(m => m.running && !m.attached && m.diverged !== true).map(m => m.name)
  if (loose.length > 0) defects.push({ cause: 'unattached-follower', text: `${loose.join(' and ')} run${loose.length === 1 ? 's' : ''} but do${loose.length === 1 ? 'es' : ''} not stream from the leader`, members: loose })
  return defects
}

function redundancy(facts: Facts, wanted: number): readonly Defect[] {
  const whole = facts.members.filter(m => m.running && m.caughtUp && m.diverged !== true)
  if (whole.length >= wanted) return []
  const missing = facts.members.filter(m => !whole.includes(m)).map(m => m.name)
  return [{ cause: 'missing-member', text: `${whole.length} of ${wanted} members are running and caught up`, members: missing }]
}

function versions(facts: Facts): readonly Defect[] {
  const defects: Defect[] = []
  const components = new Set(facts.members.flatMap(m => Object.keys(m.versions)))
  for (const component of components) {
    const seen = [...new Set(facts.members.filter(m => m.running && component in m.versions).map(m => m.versions[component] as string))].sort()
    if (seen.length > 1) defects.push({ cause: 'mixed-versions', text: `${component} is ${seen.join(' and ')}`, members: facts.members.filter(m => m.versions[component] !== facts.targetVersions[component]).map(m => m.name) })
  }
  return defects
}

function promises({ promise, acknowledgeAlone: alone }: Facts): readonly Defect[] {
  if (promise !== 'synchronous' || alone.length === 0) return []
  return [{ cause: 'promise-dropped', text: `${alone.join(' and ')} acknowledge${alone.length === 1 ? 's' : ''} writes that no other member has, though they were promised to survive the loss of one`, members: alone }]
}

function explain(facts: Facts, { cause, text, members }: Defect): Chain {
  const { horizon, changes } = facts.recording
  const chain = new Chain(facts).add(horizon.endUs, `at the end ${text}`, { node: members[0] })
  for (const name of members.slice(0, 2)) {
    const trouble = facts.members.find(member => member.name === name)?.trouble
    if (trouble !== undefined) chain.add(horizon.endUs, `${name} cannot follow: ${trouble}`, { node: name })
    const last = changes.filter(c => c.member === name).at(-1)
    if (last !== undefined && last.atUs > horizon.startUs) {
      const what = last.running ? `${name} came up as ${last.role === 'none' ? 'neither leader nor follower' : `a ${last.role}`}${onLine(facts, last.timeline)}` : `${name} went away`
      chain.add(last.atUs, what, { node: name, inStep: true })
    }
  }
  if (cause !== 'mixed-versions') {
    // In a fleet another log's promotion has nothing to do with it.
    const logOf = (name: string | undefined): string | undefined => facts.members.find(member => member.name === name)?.log
    const logs = members.map(logOf)
    const promotion = facts.promotions.findLast(({ member }) => logs.length === 0 || logOf(member) === undefined || logs.includes(logOf(member)))
    if (promotion !== undefined) chain.promotion(promotion)
    const departure = facts.departures.at(-1)
    if (departure !== undefined && (members.includes(departure.member) || cause === 'no-leader')) chain.departure(departure)
  }
  return chain.faultsOn(members, horizon.endUs)
}
