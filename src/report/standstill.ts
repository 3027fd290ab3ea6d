/**
 * When writes stood still: whose, from when to when, and what led to it and out of it, by rules that know no engine. Of a fleet each key share stands still by
 * itself. Only what the recorded rehearsal shows is said: faults that touched one of its members, commands that change something and name it, clients that
 * were held up, and what the trace tells of the member that was written to.
 */
import { formatClock, formatDuration, type TraceRecord } from '../kernel/index.ts'
import type { CommandRecord, RehearsalResult } from '../result.ts'
import { isNamed, listed } from './slips.ts'
import type { StepNames } from './explained.ts'
import { count, faultSentence, plannedUs } from './words.ts'

type Story = NonNullable<RehearsalResult['story']>
type Fault = Story['faults'][number]

/** An instant with what is so from then on. */
export interface Told {
  readonly atUs: number
  readonly text: string
}

/** A stretch in which a key share took no write of some of its clients. */
export interface Standstill {
  /** Names of the key shares; empty where there is one. */
  readonly logs: readonly string[]
  readonly of: number
  readonly clients: number
  readonly ofClients: number
  readonly fromUs: number
  readonly toUs: number
  /** Still so when the rehearsal ended. */
  readonly open: boolean
  /** The step under way when it began; empty between steps. */
  readonly step: string
  /** What led to it, what was waited for, and what ended it, in order of time. */
  readonly told: readonly Told[]
}

/** Shorter stops are no news. */
const LEAST_US = 100_000
/** What belongs to one instant, clocks of a distributed system being what they are. */
const INSTANT_US = 50_000
/** What the trace tells of a member is told so long before it stopped. */
const BEFORE_US = 5_000_000
/** The same where nothing else is known: what it waited for before it stopped (its last transactions) may take a while. */
const LONG_BEFORE_US = 30_000_000
/** A command that named it may have taken so long to work. */
const COMMAND_US = 60_000_000
/** A wait is told when it is so much of the stop. */
const WAIT_SHARE = 0.3
const WAIT_LEAST_US = 500_000
/** Labels of records that tell who removed a member, and of which object has changed (see `src/checks/chain.ts`). */
const REMOVAL = /deleted|evicted|removed/
const CHANGE = /changed$/
/** Of a way in that leads elsewhere; the payload is to how many. */
const ROUTE = /route-changed$/
const RECORDS_BEFORE = 2
const SAID_MAX = 160
const COMMAND_MAX = 110
/** Whose words are told in another way, or are no news of the cluster. */
const NOT_OF_CLUSTER = /^(?:client|operator|fault)\./

/** All stops of a recorded rehearsal that last, the longest first. */
export function standstillsOf(rehearsal: RehearsalResult, names: StepNames): Standstill[] {
  const { story } = rehearsal
  if (story === undefined) return []
  const logs = story.logs ?? []
  const drafts = logs.flatMap((log) => draftsOf(rehearsal, log))
  return together(drafts).filter(({ fromUs, toUs }) => toUs - fromUs >= LEAST_US).map((draft) => finished(rehearsal, draft, names)).sort((a, b) => b.toUs - b.fromUs - (a.toUs - a.fromUs) || a.fromUs - b.fromUs)
}

type Log = NonNullable<Story['logs']>[number]

interface Draft {
  readonly logs: readonly Log[]
  readonly clients: readonly string[]
  readonly fromUs: number
  readonly toUs: number
  readonly open: boolean
  /** Who was written to when it began. */
  readonly focus: readonly string[]
  readonly faults: readonly Fault[]
  readonly error: string
}

/** Stretches in which any of a log's clients could not write, those that overlap as one. */
function draftsOf({ story }: RehearsalResult, log: Log): Draft[] {
  const { windows, faults } = story as Story
  const mine = windows.filter(({ is, who }) => is === 'writesDown' && log.clients.includes(who)).toSorted((a, b) => a.fromUs - b.fromUs)
  const groups: (typeof mine)[] = []
  for (const window of mine) {
    const last = groups.at(-1)
    if (last !== undefined && window.fromUs <= Math.max(...last.map(({ toUs }) => toUs)) + INSTANT_US) last.push(window)
    else groups.push([window])
  }
  return groups.map((group): Draft => {
    const fromUs = (group[0] as (typeof group)[number]).fromUs
    const clients = [...new Set(group.map(({ who }) => who))]
    return {
      logs: [log], clients, fromUs, toUs: Math.max(...group.map(({ toUs }) => toUs)), open: group.some(({ open }) => open),
      focus: writtenTo(story as Story, [log], clients, (atUs) => atUs < fromUs),
      faults: faults.filter((fault) => fault.struck && fault.atUs <= fromUs + INSTANT_US && (fault.endUs === undefined || fault.endUs >= fromUs - BEFORE_US) && (fault.members ?? []).some((member) => log.members.includes(member))),
      error: errorOf(story as Story, clients, fromUs),
    }
  })
}

/** The members on which writes of these clients ended at the instant; where that is none of them (a router is in between), who leads. */
function writtenTo({ clients: changes, members }: Story, logs: readonly Log[], clients: readonly string[], before: (atUs: number) => boolean): string[] {
  const on = [...new Set(clients.flatMap((client) => changes.findLast((change) => change.client === client && before(change.atUs) && change.on !== undefined)?.on ?? []))]
  const all = logs.flatMap((log) => log.members)
  if (on.length > 0 && on.every((name) => all.includes(name))) return on
  const leading = all.filter((member) => {
    const last = members.findLast((change) => change.member === member && before(change.atUs))
    return last?.running === true && last.role === 'leader'
  })
  return leading.length > 0 ? leading : on
}

/** The first thing that a client was told about it. */
function errorOf({ clients: changes }: Story, clients: readonly string[], fromUs: number): string {
  return changes.find((change) => change.atUs >= fromUs - INSTANT_US && change.atUs <= fromUs + BEFORE_US && change.error !== undefined && change.error !== '' && clients.includes(change.client))?.error ?? ''
}

/** Stops of several key shares that one fault made, or that began at one instant with the same words and nothing of their own, are one. */
function together(drafts: readonly Draft[]): Draft[] {
  const merged: Draft[] = []
  for (const draft of drafts.toSorted((a, b) => a.fromUs - b.fromUs)) {
    const at = merged.findIndex((other) => !other.logs.some((log) => draft.logs.includes(log)) && (draft.faults.length > 0 ? sameFaults(other, draft) && draft.fromUs - other.fromUs <= BEFORE_US : other.faults.length === 0 && draft.error !== '' && other.error === draft.error && draft.fromUs - other.fromUs <= INSTANT_US && Math.abs(draft.toUs - other.toUs) <= INSTANT_US))
    const other = merged[at]
    if (other === undefined) merged.push(draft)
    else merged[at] = { ...other, logs: [...other.logs, ...draft.logs], clients: [...other.clients, ...draft.clients], toUs: Math.max(other.toUs, draft.toUs), open: other.open || draft.open, focus: [...new Set([...other.focus, ...draft.focus])] }
  }
  return merged
}

function sameFaults(a: Draft, b: Draft): boolean {
  return a.faults.length === b.faults.length && a.faults.every((fault) => b.faults.includes(fault))
}

function finished(rehearsal: RehearsalResult, draft: Draft, names: StepNames): Standstill {
  const { story } = rehearsal as { story: Story }
  const { logs, clients, fromUs, toUs, open } = draft
  const all = story.logs ?? []
  const waited = waits(story, draft)
  const words = [...began(rehearsal, draft, names), ...waited, ...(open ? [] : ended(story, draft, waited))]
  const seen = new Set<string>()
  const told = words.filter(({ text }) => {
    // What a wait ended with is not told again.
    const news = text.replace(/^nothing for .*?, then: /, '')
    return !seen.has(news) && seen.add(news)
  }).map((each, i) => ({ each, i })).sort((a, b) => a.each.atUs - b.each.atUs || a.i - b.i).map(({ each }) => each)
  return { logs: all.length > 1 ? logs.map(({ log }) => log) : [], of: all.length, clients: clients.length, ofClients: logs.reduce((sum, log) => sum + log.clients.length, 0), fromUs, toUs, open, step: stepAt(rehearsal, fromUs), told }
}

/** The innermost step under way. */
function stepAt({ steps }: RehearsalResult, atUs: number): string {
  const visit = steps.findLast(({ startUs, endUs, result }) => result !== 'skipped' && startUs <= atUs && (endUs === undefined || atUs <= endUs))
  return visit === undefined ? '' : visit.path === 'undo' ? `undo of ${visit.step.replace(/^undo of /, '')}` : visit.step
}

// ── what led to it ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

function began(rehearsal: RehearsalResult, draft: Draft, names: StepNames): Told[] {
  const { story } = rehearsal as { story: Story }
  const { faults, fromUs } = draft
  const struck = faults.map((fault): Told => ({ atUs: fault.atUs, text: faultTold(rehearsal, fault, draft) }))
  const held = story.trace.filter(({ holdsClients, atUs, detail }) => holdsClients === true && detail !== '' && atUs >= fromUs - BEFORE_US && atUs <= fromUs + INSTANT_US).slice(-1)
  const removed = removalOf(story.trace, draft)
  const named = [...draft.focus, ...draft.logs.map(({ log }) => log), ...held.map(({ node }) => node), ...removed.objects]
  const typed = commandBefore(rehearsal, fromUs, (text) => named.some((name) => isNamed(name, text))) ?? (removed.changedUs === undefined ? undefined : commandBefore(rehearsal, removed.changedUs, (text) => removed.objects.some((name) => isNamed(name, text))))
  const backUs = struck.length === 0 && typed === undefined && held.length === 0 && removed.told.length === 0 ? LONG_BEFORE_US : BEFORE_US
  const own = [...removed.told, ...tracedOf(story.trace, [...draft.focus, ...draft.logs.map(({ log }) => log)], fromUs - backUs, fromUs + INSTANT_US).slice(-RECORDS_BEFORE)]
  const routes = story.trace.filter((record) => leadsNowhere(record) && record.atUs >= fromUs - BEFORE_US && record.atUs <= draft.toUs).map(({ atUs, detail }) => ({ atUs, text: cut(detail) }))
  const known = [...struck, ...routes, ...(typed === undefined ? [] : [commandTold(typed, names)]), ...held.map(({ atUs, detail }) => ({ atUs, text: detail })), ...own]
  return [...known, ...(known.length > 0 ? [] : around(rehearsal, draft, names)), ...clientsTold(story, draft)]
}

/** A way in that leads to nobody from here on. */
function leadsNowhere({ label, payload, detail, atUs }: TraceRecord): boolean {
  return atUs >= 0 && ROUTE.test(label) && payload === 0 && detail !== ''
}

/** Where nothing tells of the member that was written to: what is told of the others, what was struck elsewhere meanwhile, and what had been typed last. */
function around(rehearsal: RehearsalResult, draft: Draft, names: StepNames): Told[] {
  const { story } = rehearsal as { story: Story }
  const { fromUs, logs } = draft
  const others = tracedOf(story.trace, logs.flatMap(({ members }) => members), fromUs - BEFORE_US, fromUs + INSTANT_US).slice(-RECORDS_BEFORE)
  const elsewhere = story.faults.filter((fault) => fault.struck && fault.atUs <= fromUs && (fault.endUs === undefined || fault.endUs >= fromUs)).map((fault): Told => ({ atUs: fault.atUs, text: faultTold(rehearsal, fault, draft) }))
  const last = commandBefore(rehearsal, fromUs, () => true)
  return [...others, ...elsewhere, ...(last === undefined ? [] : [commandTold(last, names)])]
}

/** Who took the member away, if the trace tells: the reason that it was removed for, and the object whose change made that so. */
function removalOf(trace: readonly TraceRecord[], { focus, fromUs }: Draft): { readonly told: readonly Told[]; readonly objects: readonly string[]; readonly changedUs: number | undefined } {
  const removal = trace.find(({ atUs, node, label, detail }) => atUs >= Math.max(0, fromUs - COMMAND_US) && atUs <= fromUs + INSTANT_US && focus.includes(node) && REMOVAL.test(label) && detail !== '')
  if (removal === undefined) return { told: [], objects: [], changedUs: undefined }
  const named = removal.detail.split(/[^\w.-]+/)
  const tail = ({ node }: TraceRecord): string => node.slice(node.lastIndexOf('/') + 1)
  const change = trace.findLast((record) => record.atUs <= removal.atUs && record.atUs >= 0 && CHANGE.test(record.label) && record.detail !== '' && record.node.includes('/') && tail(record) !== removal.node && named.includes(tail(record)))
  return { told: [...(change === undefined ? [] : [change]), removal].map(({ atUs, detail }) => ({ atUs, text: cut(detail) })), objects: change === undefined ? [] : [tail(change)], changedUs: change?.atUs }
}

function faultTold(rehearsal: RehearsalResult, fault: Fault, { logs }: Draft): string {
  const touched = (fault.members ?? []).filter((member) => logs.some(({ members }) => members.includes(member)) && !isNamed(member, fault.target))
  return `the fault ${faultSentence(fault, plannedUs(rehearsal, fault))}${touched.length === 0 ? '' : ` strikes ${listed(touched)}`}`
}

/** The last command that changes something, is what was asked for, and was under way or had just returned. */
function commandBefore({ story, steps }: RehearsalResult, fromUs: number, wanted: (text: string) => boolean): CommandRecord | undefined {
  return story?.commands.findLast(({ atUs, argv, stages, acted, step }) => {
    if (acted !== true || atUs > fromUs || atUs < fromUs - COMMAND_US) return false
    const visit = steps.findLast((each) => each.step === step && each.startUs <= atUs)
    return !(visit?.endUs !== undefined && visit.endUs < fromUs - BEFORE_US) && wanted((stages ?? [argv]).flat().join(' '))
  })
}

function commandTold({ atUs, step, argv, stages }: CommandRecord, names: StepNames): Told {
  const text = (stages ?? [argv]).map((words) => words.join(' ')).join(' | ').replace(/\s+/g, ' ').replaceAll('`', '’')
  return { atUs, text: `step ${names(step)}: \`${text.length <= COMMAND_MAX ? text : `${text.slice(0, COMMAND_MAX)} …`}\`` }
}

function tracedOf(trace: readonly TraceRecord[], nodes: readonly string[], fromUs: number, toUs: number): (Told & { readonly node: string })[] {
  return trace.filter(({ atUs, node, label, detail, waits }) => atUs >= Math.max(0, fromUs) && atUs <= toUs && detail !== '' && waits !== true && nodes.includes(node) && !NOT_OF_CLUSTER.test(label) && !CHANGE.test(label)).map(({ atUs, node, detail }) => ({ atUs, node, text: cut(detail) }))
}

const CLIENTS_ARE: Readonly<Record<string, string>> = { held: 'clients wait', hanging: 'clients wait for an acknowledgement', silent: 'clients get no answer', away: 'clients find nobody', readOnly: 'clients may only read' }

/** What it looks like to clients. */
function clientsTold({ clients: changes }: Story, { clients, fromUs, error }: Draft): Told[] {
  if (error !== '') return [{ atUs: fromUs, text: `clients are told \`${cut(error.replaceAll('`', '’'))}\`` }]
  const state = changes.findLast((change) => clients.includes(change.client) && change.atUs <= fromUs + INSTANT_US)?.state ?? ''
  return CLIENTS_ARE[state] === undefined ? [] : [{ atUs: fromUs, text: CLIENTS_ARE[state] }]
}

// ── what it waited for, and what ended it ──────────────────────────────────────────────────────────────────────────────────────

/** What ended the longest waits within it: nothing was heard of its members, and then this. Of one that is not written to afterwards no news is waited for. */
function waits(story: Story, draft: Draft): Told[] {
  const { logs, focus, fromUs, toUs } = draft
  const then = afterwards(story, draft)
  const awaited = [...new Set([...logs.flatMap(({ members, log }) => [...members, log]), ...focus])].filter((name) => then.length === 0 || then.includes(name) || !focus.includes(name))
  const heard = tracedOf(story.trace, awaited, fromUs + INSTANT_US + 1, toUs)
  const waited = (i: number): number => (heard[i]?.atUs ?? toUs) - (heard[i - 1]?.atUs ?? fromUs)
  return heard.flatMap((each, i) => {
    if (waited(i) < Math.max(WAIT_LEAST_US, WAIT_SHARE * (toUs - fromUs))) return []
    // Of several of one instant: what is told of the one that takes over.
    const news = heard.find(({ atUs, node }) => atUs === each.atUs && then.includes(node)) ?? each
    return [{ atUs: each.atUs, text: `nothing for ${formatDuration(waited(i))}, then: ${news.text}` }]
  })
}

/** Who is written to when it is over. */
function afterwards(story: Story, { logs, clients, toUs, open }: Draft): string[] {
  return open ? [] : writtenTo(story, logs, clients, (atUs) => atUs <= toUs + INSTANT_US)
}

/** What the trace tells last of the one that is written to afterwards, and who that is. */
function ended(story: Story, draft: Draft, waited: readonly Told[]): Told[] {
  const { trace, faults } = story
  const { toUs, fromUs, focus, logs } = draft
  const then = afterwards(story, draft)
  const healed = faults.filter(({ struck, endUs, atUs, members = [] }) => struck && endUs !== undefined && endUs > atUs && endUs > fromUs && endUs <= toUs && members.some((member) => focus.includes(member))).map(({ endUs, kind }): Told => ({ atUs: endUs as number, text: `the fault ${kind} ends` }))
  const last = tracedOf(trace, [...then, ...logs.map(({ log }) => log)], fromUs + INSTANT_US + 1, toUs).slice(-1).filter(({ atUs }) => waited.every((each) => each.atUs !== atUs))
  const who = then.length === 0 ? 'clients can write again' : then.every((name) => focus.includes(name)) ? `clients write to ${listed(then)} again` : `clients write to ${listed(then)}${focus.length === 0 ? '' : `, no longer to ${listed(focus)}`}`
  // A way in that had led nowhere leads somewhere again.
  const nowhere = new Set(trace.filter((record) => leadsNowhere(record) && record.atUs >= fromUs - BEFORE_US && record.atUs <= toUs).map(({ node }) => node))
  const routes = trace.filter(({ atUs, node, label, payload, detail }) => ROUTE.test(label) && payload > 0 && detail !== '' && atUs > fromUs && atUs <= toUs && nowhere.has(node)).map(({ atUs, detail }) => ({ atUs, text: cut(detail) }))
  return [...healed, ...routes, ...last, { atUs: toUs, text: who }]
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= SAID_MAX ? line : `${line.slice(0, SAID_MAX)} …`
}

// ── in words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Key shares named in one sentence. */
const LOGS_NAMED = 6

/** Whose writes stood still: `80-a0`, `2 of 8 key shares (…)`, `3 of 4 groups of clients`. */
export function whoseWords({ logs, of, clients, ofClients }: Standstill): string {
  const some = clients < ofClients ? `${clients} of ${count(ofClients, 'group')} of clients` : ''
  if (logs.length === 0) return some === '' ? 'all clients' : some
  const shares = logs.length === of ? `all ${of} key shares` : logs.length === 1 ? `key share ${logs[0] as string}` : `${logs.length} of ${of} key shares (${logs.length <= LOGS_NAMED ? listed(logs) : `${logs.slice(0, LOGS_NAMED).join(', ')} and ${logs.length - LOGS_NAMED} more`})`
  return some === '' ? shares : `${shares}, ${some}`
}

/** `key share 80-a0: no writes for 4.11 s, from 03:52.0 to 03:56.1`. */
export function standstillWords(stop: Standstill, names: StepNames): string {
  const { fromUs, toUs, open, step } = stop
  return `${whoseWords(stop)}: no writes for ${open ? 'at least ' : ''}${formatDuration(toUs - fromUs)}, from ${clock(fromUs)} to ${open ? 'the end' : clock(toUs)}${step === '' ? '' : `, in ${step.startsWith('undo of ') ? '' : 'step '}${names(step)}`}`
}

/** Those that are not told one by one: `5 more, of 492 ms to 2.42 s: 0-20, 20-40 …`. */
export function moreStandstills(stops: readonly Standstill[]): string {
  if (stops.length === 0) return ''
  const lengths = stops.map(({ fromUs, toUs }) => toUs - fromUs)
  const [least, most] = [Math.min(...lengths), Math.max(...lengths)].map(formatDuration)
  const logs = [...new Set(stops.flatMap((stop) => stop.logs))]
  return `${count(stops.length, 'more stop')}, of ${least === most ? least : `${least} to ${most}`}${logs.length === 0 ? '' : `: ${logs.length === 1 ? 'key share' : 'key shares'} ${listed(logs)}`}.`
}

function clock(us: number): string {
  return formatClock(us).slice(0, -2)
}
