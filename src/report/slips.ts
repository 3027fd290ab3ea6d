/**
 * What went amiss on the way and stopped nobody, by rules that know no engine: commands that got an error and were passed over, output that is an error
 * although the status says success, a step that held clients up where none came by, members that were down when the runbook said it was done.
 * Only what the recorded rehearsal shows is said.
 */
import { formatClock } from '../kernel/index.ts'
import { tellsError } from '../operator/told.ts'
import type { CommandRecord, RehearsalResult, StepRecord } from '../result.ts'
import { firstOf } from './first.ts'
import type { Counterexample } from '../campaign/result.ts'
import type { StepNames } from './explained.ts'
import type { OutlineStep } from './story.ts'
import { count } from './words.ts'

type Story = NonNullable<RehearsalResult['story']>

const SAID_MAX = 160
const ERRORS_MAX = 3
const NAMES_MAX = 6

/** Failures of writing clients, which a step that holds them up would have kept from happening. */
const OF_WRITES: readonly string[] = ['no-acknowledged-write-lost', 'no-split-brain', 'no-divergent-rows']
/** Failures that a member has that is not there. */
const OF_MEMBERS: readonly string[] = ['target-reached', 'converges', 'no-false-success']

/** All that went amiss on the way to a failure and stopped nobody, as sentences. */
export function slipsOf({ counterexample, rehearsal, outline = [] }: { readonly counterexample: Pick<Counterexample, 'check' | 'cause' | 'because' | 'evidence'>; readonly rehearsal: RehearsalResult; readonly outline?: readonly OutlineStep[] }, names: StepNames): string[] {
  const { check, evidence, because } = counterexample
  const untilUs = firstOf({ counterexample, rehearsal })?.atUs ?? 0
  const members = [...new Set((rehearsal.story?.members ?? []).map(({ member }) => member))]
  const about = members.filter((member) => [evidence, ...because.flatMap(({ text, node }) => [text, node ?? ''])].some((text) => isNamed(member, text)))
  return [
    ...(OF_WRITES.includes(check) ? heldNobody(rehearsal, untilUs, names) : []),
    ...(OF_MEMBERS.includes(check) ? downAtEnd(rehearsal, about) : []),
    ...passedOverSentences(rehearsal, names, () => true, outline),
  ]
}

/** Whether the text speaks of the member, and not of one whose name is longer. */
export function isNamed(member: string, text: string): boolean {
  if (member === '') return false
  for (let at = text.indexOf(member); at >= 0; at = text.indexOf(member, at + 1)) if (!/[\w-]/.test(text.charAt(at + member.length)) && !/[\w-]/.test(text.charAt(at - 1))) return true
  return false
}

/** A visit of a step in which a command got an error that did not stop the runbook. */
export interface PassedOver {
  readonly step: string
  readonly atUs: number
  /** The first line of what it printed. */
  readonly said: string
  /** The status told success all the same. */
  readonly silent: boolean
  readonly command: CommandRecord
}

/** In order of time. A gate that asked again until the answer was there has looked; what a script did with a status its lines tell. */
export function passedOver({ story, steps, gates, outcome }: RehearsalResult): PassedOver[] {
  if (story === undefined || story.lines.length > 0) return []
  const answered = new Set(gates.filter(({ missing, passed }) => !(missing && passed)).map(({ step, visit, path }) => `${path}/${step}/${visit}`))
  const last = steps.findLast(({ result }) => result === 'failed' || result === 'open')
  return story.commands.flatMap((command): PassedOver[] => {
    const failed = command.code !== undefined && command.code !== 0
    const said = firstLine(command.err) || firstLine(command.out)
    // A command that the person ended with Ctrl-C got what was wanted of it.
    if (said === '' || said === '^C' || !(failed || tellsError(command))) return []
    const visit = visitOf(steps, command)
    if (visit === undefined || answered.has(`${visit.path}/${visit.step}/${visit.visit}`)) return []
    // What stopped the runbook was not passed over.
    if (outcome !== 'completed' && visit === last) return []
    return [{ step: visit.path === 'undo' ? `undo of ${visit.step.replace(/^undo of /, '')}` : visit.step, atUs: command.atUs, said: cut(said), silent: !failed, command }]
  })
}

/** Whether the person ended the step's command with Ctrl-C, its time being over: a watch has no other end, and is no error. */
export function endedByHand({ story }: Pick<RehearsalResult, 'story'>, { step, startUs, endUs, result }: StepRecord): boolean {
  const last = result === 'failed' ? story?.commands.findLast((each) => each.step === step && each.atUs >= startUs && (endUs === undefined || each.atUs <= endUs)) : undefined
  return last !== undefined && last.code !== undefined && last.code !== 0 && firstLine(last.err) === '^C'
}

function visitOf(steps: readonly StepRecord[], { step, atUs }: CommandRecord): StepRecord | undefined {
  return steps.find((each) => each.step === step && each.startUs <= atUs && (each.endUs === undefined || atUs <= each.endUs))
}

/** What was passed over, each error once with the steps that got it; the most frequent first. @param counts which of them are told; default: all @param outline for the variables that a command was given */
export function passedOverSentences(rehearsal: RehearsalResult, names: StepNames, counts: (each: PassedOver) => boolean = () => true, outline: readonly OutlineStep[] = []): string[] {
  const groups = new Map<string, PassedOver[]>()
  for (const each of passedOver(rehearsal).filter(counts)) groups.set(each.said, [...(groups.get(each.said) ?? []), each])
  const sorted = [...groups.values()].sort((a, b) => new Set(b.map(({ step }) => step)).size - new Set(a.map(({ step }) => step)).size || (a[0] as PassedOver).atUs - (b[0] as PassedOver).atUs)
  const told = sorted.slice(0, ERRORS_MAX).map((group) => {
    const steps = [...new Set(group.map(({ step }) => names(step)))]
    const silent = group.every((each) => each.silent)
    const [first] = group as [PassedOver]
    return `${steps.length === 1 ? 'Step' : 'Steps'} ${listed(steps)} got ${silent ? 'an error (with exit status 0)' : 'an error'}, and the runbook went on: \`${first.said}\`.${group.map((each) => emptyWords(rehearsal, each.command, outline, names)).find((words) => words !== '') ?? ''}`
  })
  return sorted.length > ERRORS_MAX ? [...told, `And ${count(sorted.length - ERRORS_MAX, 'more error')} that stopped nothing.`] : told
}

/** That a variable of the command was empty, and which step had printed nothing into it: ` Its ‹id› was empty: …`. */
function emptyWords({ story }: RehearsalResult, { step, atUs }: CommandRecord, outline: readonly OutlineStep[], names: StepNames): string {
  const typed = outline.find(({ id }) => id === step)?.typed ?? ''
  for (const [, name = ''] of typed.matchAll(/\$\{(\w+)\}/g)) {
    const givers = outline.filter(({ captures }) => captures === name).map(({ id }) => id)
    const last = story?.commands.findLast((each) => each.atUs <= atUs && each.step !== step && givers.includes(each.step))
    if (last === undefined || last.code === undefined || last.out.trim() !== '') continue
    const text = (last.stages ?? [last.argv]).map((words) => words.join(' ')).join(' | ').replace(/\s+/g, ' ').replaceAll('`', '’')
    return ` Its \`\${${name}}\` was empty: step ${names(last.step)} (\`${cut(text)}\`) had printed nothing.`
  }
  return ''
}

/**
 * Steps that held clients up somewhere, and yet every group of clients went on writing without a break, up to the instant given: what was held was not on
 * their way. A step is one by what it did (a pooler paused, say), whatever it is called.
 * @param untilUs where the failure begins; only what was held before it is looked at
 */
export function heldNobody({ story, steps }: RehearsalResult, untilUs: number, names: StepNames): string[] {
  if (story === undefined) return []
  const clients = statesOf(story)
  if (clients.length === 0) return []
  const told = new Set<string>()
  return story.trace.flatMap(({ atUs, node, holdsClients }) => {
    if (holdsClients !== true || atUs >= untilUs) return []
    // The innermost of the steps that were open.
    const by = steps.findLast(({ path, startUs, endUs }) => path === 'forward' && startUs <= atUs && endUs !== undefined && atUs <= endUs)
    if (by === undefined || by.result !== 'done' || told.has(by.step) || !clients.every((changes) => wroteFrom(changes, atUs, untilUs))) return []
    told.add(by.step)
    return [`Step ${names(by.step)}${by.title === '' ? '' : ` (“${by.title}”)`} held nobody up: ${node === '' ? '' : `${node} holds clients from ${clock(atUs)} on, but `}${clients.length === 1 ? 'the clients' : `all ${clients.length} groups of clients`} went on writing until ${clock(untilUs)}.`]
  })
}

type Change = Story['clients'][number]

function statesOf({ clients }: Story): Change[][] {
  const of = new Map<string, Change[]>()
  for (const change of clients) of.set(change.client, [...(of.get(change.client) ?? []), change])
  return [...of.values()]
}

function wroteFrom(changes: readonly Change[], fromUs: number, toUs: number): boolean {
  const before = changes.findLast(({ atUs }) => atUs <= fromUs)
  return before?.state === 'writable' && changes.every(({ atUs, state }) => atUs <= fromUs || atUs >= toUs || state === 'writable')
}

/** Of the members a failure is about, those that were down when the runbook said it was done, and since when. */
export function downAtEnd({ story, measures, outcome }: RehearsalResult, about: readonly string[]): string[] {
  if (story === undefined || outcome !== 'completed') return []
  const endUs = Math.round(measures.durationSeconds * 1e6)
  return about.flatMap((member) => {
    const changes = story.members.filter((change) => change.member === member && change.atUs <= endUs)
    const up = changes.findLastIndex(({ running }) => running)
    const down = changes[up + 1]
    if (down === undefined) return []
    return [`${member} was down when the runbook said at ${clock(endUs)} that it was done${down.atUs <= 0 ? '' : `, since ${clock(down.atUs)}`}.`]
  })
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line.trim() !== '')?.trim().replaceAll('`', '’') ?? ''
}

function cut(text: string): string {
  return text.length <= SAID_MAX ? text : `${text.slice(0, SAID_MAX)} …`
}

/** `a, b and 3 more`. */
export function listed(all: readonly string[]): string {
  const shown = all.length > NAMES_MAX ? [...all.slice(0, NAMES_MAX - 1), `${all.length - NAMES_MAX + 1} more`] : all
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`
}

function clock(us: number): string {
  return formatClock(us).slice(0, -2)
}
