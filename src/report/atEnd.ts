/** What the cluster looks like when a rehearsal is over: who leads, who runs what, who is down, whether clients can write. Only what was recorded is said. */
import { formatClock, formatDuration } from '../kernel/index.ts'
import type { MemberChange, RehearsalResult } from '../result.ts'
import { listed } from './slips.ts'
import { count } from './words.ts'

/** Up to so many members each is named with what it is. */
const NAMED_MAX = 6
/** A rehearsal that ends so soon after its runbook ends with it. */
const LEAST_AFTER_US = 1_000_000
/** Up to so many are named where they are the exception. */
const EXCEPTIONS_MAX = 4

/** The end of a recorded rehearsal in a sentence or two; empty where no member was ever seen. */
export function atEndWords({ story, simulatedUs, measures }: RehearsalResult): string {
  if (story === undefined || story.members.length === 0) return ''
  const last = new Map<string, MemberChange>()
  for (const change of story.members) last.set(change.member, change)
  const members = [...last.values()].sort((a, b) => (a.member < b.member ? -1 : a.member > b.member ? 1 : 0))
  const components = componentsOf(members, story.targets ?? {})
  const version = ({ versions }: MemberChange): string => components.map((component) => versions[component]).filter((v) => v !== undefined).map((v, i) => `${components[i]} ${v}`).join(', ')
  const present = members.filter(({ gone }) => gone !== true)
  const states = members.length <= NAMED_MAX ? namedWords(members, version) : [...fleetWords(present, version), ...goneWords(members.filter(({ gone }) => gone === true))]
  const stopped = story.windows.filter(({ is, open }) => is === 'writesDown' && open)
  const writes = stopped.length === 0 ? 'clients can write' : stopped.some(({ who }) => who === '') || stopped.length === groups(story) ? 'clients cannot write' : `${count(stopped.length, 'group')} of ${groups(story)} of clients cannot write`
  const afterUs = simulatedUs - Math.round(measures.durationSeconds * 1e6)
  return `At the end (${formatClock(simulatedUs).slice(0, -2)}${afterUs < LEAST_AFTER_US ? '' : `, ${formatDuration(afterUs)} after the runbook’s`}): ${states.join('; ')}; ${writes}.`
}

/** One member, and several, of a role. */
const ROLES: Readonly<Record<MemberChange['role'], readonly [string, string]>> = { leader: ['leads', 'lead'], follower: ['follows', 'follow'], none: ['runs, and neither leads nor follows', 'run, and neither lead nor follow'] }

/** Each member by name; those that are alike together. */
function namedWords(members: readonly MemberChange[], version: (m: MemberChange) => string): string[] {
  const alike = new Map<string, MemberChange[]>()
  for (const m of members) {
    const key = JSON.stringify(m.running ? [m.role, version(m)] : [m.gone === true])
    alike.set(key, [...(alike.get(key) ?? []), m])
  }
  return [...alike.values()].map((some) => {
    const [first] = some as [MemberChange]
    const [one, several] = first.running ? ROLES[first.role] : first.gone === true ? ['is gone', 'are gone'] : ['is down', 'are down']
    const on = first.running && version(first) !== '' ? ` on ${version(first)}` : ''
    return `${listed(some.map(({ member }) => member))} ${some.length === 1 ? one : several}${on}`
  })
}

/** The components that the upgrade is about; where none is known, all that members have. */
function componentsOf(members: readonly MemberChange[], targets: Readonly<Record<string, string>>): string[] {
  const known = Object.keys(targets)
  return known.length > 0 ? known : [...new Set(members.flatMap(({ versions }) => Object.keys(versions)))]
}

/** Many members are counted; the fewest of each sort are named. */
function fleetWords(members: readonly MemberChange[], version: (m: MemberChange) => string): string[] {
  const running = members.filter((m) => m.running)
  const down = members.filter((m) => !m.running)
  const named = (some: readonly MemberChange[]): string => (some.length > 0 && some.length <= EXCEPTIONS_MAX && some.length < members.length / 2 ? ` (${listed(some.map(({ member }) => member))})` : '')
  const leaders = running.filter(({ role }) => role === 'leader').length
  const neither = running.filter(({ role }) => role === 'none')
  const by = new Map<string, MemberChange[]>()
  for (const m of running) by.set(version(m), [...(by.get(version(m)) ?? []), m])
  const versions = [...by].filter(([what]) => what !== '').sort(([, a], [, b]) => b.length - a.length)
  return [
    `of ${count(members.length, 'member')} ${leaders} ${leaders === 1 ? 'leads' : 'lead'}`,
    ...(neither.length === 0 ? [] : [`${neither.length} ${neither.length === 1 ? 'runs and neither leads nor follows' : 'run and neither lead nor follow'}${named(neither)}`]),
    ...(down.length === 0 ? [] : [`${down.length} ${down.length === 1 ? 'is' : 'are'} down${named(down)}`]),
    ...versions.map(([what, some]) => `${some.length} on ${what}${named(some)}`),
  ]
}

/** Members that were removed, and are missed by nobody. */
function goneWords(gone: readonly MemberChange[]): string[] {
  return gone.length === 0 ? [] : [`${gone.length <= EXCEPTIONS_MAX ? listed(gone.map(({ member }) => member)) : count(gone.length, 'more')} ${gone.length === 1 ? 'is' : 'are'} gone`]
}

function groups({ clients }: NonNullable<RehearsalResult['story']>): number {
  return new Set(clients.map(({ client }) => client)).size
}
