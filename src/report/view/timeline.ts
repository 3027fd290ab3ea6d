/** A recorded rehearsal as lanes on one time axis. */
import { judge } from '../../operator/expect.ts'
import type { Plan } from '../../operator/index.ts'
import { UnknownVariableError } from '../../operator/words.ts'
import type { CommandRecord, GateRecord, MemberChange, RehearsalResult } from '../../result.ts'
import { passedOver } from '../slips.ts'
import type { OutlineStep } from '../story.ts'
import { changingComponent } from '../strip.ts'
import { count, faultSentence, plannedUs } from '../words.ts'
import type { Availability, ClientLane, ClientSpan, CommandMark, GateMark, MemberLane, MemberSpan, StepSpan, Timeline } from './data.ts'

type Story = NonNullable<RehearsalResult['story']>

/** Commands kept with their output; of more, those around the step that failed. A page must stay small. */
const COMMANDS_MAX = 120
const OUTPUT_MAX = 400
const LINE_MAX = 500
/** Points of a member's lag kept: a curve on a screen has no more pixels. */
const LAG_POINTS_MAX = 300
/** Spans of a lane kept: those of a client or a member that flaps are drawn as stretches, each the worst of what was in it. */
const SPANS_MAX = 300
/** Members that can acknowledge are named up to so many. */
const ACKNOWLEDGERS_NAMED = 6
/** Visits of steps kept; of more, those around the step that failed. */
const STEPS_MAX = 600

const AVAILABILITY: Readonly<Record<string, Availability>> = {
  writable: 'ok', readOnly: 'error', held: 'slow', hanging: 'unknown', silent: 'unknown', failing: 'error', away: 'error', idle: 'idle', stopped: 'idle',
}

/** @param aroundStep about which most is kept @param commandsMax kept with their output @returns undefined when the rehearsal was not recorded */
export function timelineOf(rehearsal: RehearsalResult, outline: readonly OutlineStep[], plan: Plan | undefined, aroundStep = '-', commandsMax = COMMANDS_MAX): Timeline | undefined {
  const { story } = rehearsal
  if (story === undefined) return undefined
  const endUs = Math.max(rehearsal.simulatedUs, 1)
  const component = changingComponent(story.members) ?? ['engine', 'image', 'node'].find((each) => story.members.some(({ versions }) => each in versions)) ?? ''
  const left = new LeftOut()
  const steps = around(stepSpans(rehearsal, outline, endUs, plan), STEPS_MAX, aroundStep, left, 'step visit')
  const members = memberLanes(story, component, endUs, left)
  const commands = around(story.commands, commandsMax, aroundStep, left, 'command').map((command) => commandMark(command, plan))
  const declared = plan?.steps.find((step) => step.pointOfNoReturn)?.id
  return {
    endUs,
    operatorEndUs: Math.min(endUs, Math.round(rehearsal.measures.durationSeconds * 1e6)),
    outcome: rehearsal.outcome,
    steps,
    clients: clientLanes(story, endUs, left),
    members,
    component,
    line: story.line,
    versions: [...new Set(members.flatMap(({ spans }) => spans).sort((a, b) => a.fromUs - b.fromUs).map(({ version }) => version))].filter((version) => version !== ''),
    quorum: coarse(quorumOf(story), (a, b) => b.count < a.count, (worst, first) => ({ ...worst, atUs: first.atUs }), left, 'quorum change'),
    faults: story.faults.map((fault) => ({ fromUs: clamp(fault.atUs, endUs), toUs: clamp(fault.endUs ?? endUs, endUs), kind: fault.kind, target: fault.target, struck: fault.struck, words: faultSentence(fault, plannedUs(rehearsal, fault)) })),
    windows: [...grouped(story.windows, ({ is, who }) => `${is}\n${who}`).values()].flatMap((windows) => coarse(windows.map(({ fromUs, toUs, ...rest }) => ({ fromUs: clamp(fromUs, endUs), toUs: clamp(toUs, endUs), ...rest })), () => false, spanning, left, 'window')),
    commands,
    leftOut: left.words,
    noReturnUs: steps.find((step) => step.step === declared && !step.undo && step.result !== 'skipped')?.fromUs ?? null,
  }
}

/** A fleet is counted: its names at every change would be most of the page. */
function quorumOf({ acknowledgers }: Story): Timeline['quorum'] {
  const all = acknowledgers.map(({ atUs, members }) => ({ atUs: Math.max(0, atUs), count: members.length, members: members.length > ACKNOWLEDGERS_NAMED ? [] : members }))
  return all.filter((each, i) => i === 0 || each.members.length > 0 || each.count !== all[i - 1]?.count)
}

function clamp(us: number, endUs: number): number {
  return Math.min(endUs, Math.max(0, Math.round(us)))
}

/** Counts what has no room, by sort. */
class LeftOut {
  private readonly counts = new Map<string, number>()

  add(what: string, n: number): void {
    if (n > 0) this.counts.set(what, (this.counts.get(what) ?? 0) + n)
  }

  get words(): string[] {
    return [...this.counts].map(([what, n]) => count(n, what))
  }
}

/** Of more than fit, those around the first of the step that failed. */
function around<T extends { readonly step: string }>(all: readonly T[], max: number, step: string, left: LeftOut, what: string): readonly T[] {
  const about = Math.max(0, all.findIndex((each) => each.step === step))
  const first = Math.max(0, Math.min(about - max / 2, all.length - max))
  left.add(what, all.length - Math.min(all.length, max))
  return all.slice(first, first + max)
}

/** Of more than fit, each so many neighbours as one: the worst of them, over the time of all. */
function coarse<T>(all: readonly T[], worse: (a: T, b: T) => boolean, over: (worst: T, first: T, last: T) => T, left: LeftOut, what: string): T[] {
  if (all.length <= SPANS_MAX) return [...all]
  const size = Math.ceil(all.length / SPANS_MAX)
  const kept: T[] = []
  for (let i = 0; i < all.length; i += size) {
    const part = all.slice(i, i + size)
    kept.push(over(part.reduce((a, b) => (worse(a, b) ? b : a)), part[0] as T, part.at(-1) as T))
  }
  left.add(what, all.length - kept.length)
  return kept
}

function spanning<S extends { readonly fromUs: number; readonly toUs: number }>(worst: S, first: S, last: S): S {
  return { ...worst, fromUs: first.fromUs, toUs: last.toUs }
}

function grouped<T>(all: readonly T[], keyOf: (each: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const each of all) {
    const key = keyOf(each)
    const list = found.get(key)
    if (list === undefined) found.set(key, [each])
    else list.push(each)
  }
  return found
}

function stepSpans(rehearsal: RehearsalResult, outline: readonly OutlineStep[], endUs: number, plan: Plan | undefined): StepSpan[] {
  const errors = passedOver(rehearsal).filter(({ silent }) => silent)
  const byId = new Map(outline.map((step) => [step.id, step]))
  const visitOf = ({ step, path, visit }: { readonly step: string; readonly path: string; readonly visit: number }): string => `${step}\n${path}\n${visit}`
  const gates = new Map(rehearsal.gates.map((gate) => [visitOf(gate), gate]))
  return rehearsal.steps.map(({ step, path, visit, startUs, endUs: doneUs, result }, n) => {
    const known = byId.get(step.replace(/^undo of /, ''))
    const number = known?.number ?? ''
    const name = number === '' || number === step ? step : `${number} ${step}`
    const gate = gates.get(visitOf({ step, path, visit }))
    return {
      step, visit, result, number,
      label: path === 'undo' ? `undo of ${name}` : name,
      undo: path === 'undo',
      fromUs: clamp(startUs, endUs),
      toUs: clamp(doneUs ?? openUntil(rehearsal, n), endUs),
      container: path === 'forward' && known?.container === true,
      erred: errors.some((each) => each.step === (path === 'undo' ? `undo of ${step.replace(/^undo of /, '')}` : step) && each.atUs >= startUs && each.atUs <= (doneUs ?? endUs)),
      gate: gate === undefined ? null : gateMark(gate, plan),
    }
  })
}

/** A visit that never ended lasts until its operator goes on elsewhere (one that was killed, and came back), or until the runbook is over. */
function openUntil({ steps, measures }: RehearsalResult, n: number): number {
  const { step, startUs } = steps[n] as RehearsalResult['steps'][number]
  const again = steps.slice(n + 1).find((each) => each.step === step && each.startUs > startUs)
  return again?.startUs ?? Math.max(startUs, Math.round(measures.durationSeconds * 1e6))
}

function gateMark({ step, path, passed, polls, missing, stale, waited, honest, claims }: GateRecord, plan: Plan | undefined): GateMark {
  const action = plan?.steps.find((each) => each.id === step && each.path === path)?.action
  return { passed, polls, missing, stale, honest: honest ?? null, claims, waited, forUs: action?.kind === 'gate' ? action.forUs : 0 }
}

const STATES_WORST_LAST: readonly MemberSpan['state'][] = ['leader', 'follower', 'none', 'down']

function memberLanes(story: Story, component: string, endUs: number, left: LeftOut): MemberLane[] {
  const lags = grouped(story.lag, ({ member }) => member)
  return [...grouped(story.members, ({ member }) => member)].map(([member, changes]) => {
    const state = (change: MemberChange): Omit<MemberSpan, 'fromUs' | 'toUs'> => ({
      state: !change.running ? 'down' : change.role,
      timeline: change.timeline ?? null,
      version: change.versions[component] ?? '',
      node: change.node ?? '',
    })
    // From when on it is a member no more it has no state.
    const spans = changes.flatMap((change, i) => (change.gone === true ? [] : [{ fromUs: clamp(change.atUs, endUs), toUs: clamp(changes[i + 1]?.atUs ?? endUs, endUs), ...state(change) }]))
    const points = (lags.get(member) ?? []).map(({ atUs, lagUs }) => [clamp(atUs, endUs), lagUs === undefined ? null : Math.round(lagUs / 1000) / 1000] as const)
    const alike = joined(spans, (a, b) => a.state === b.state && a.timeline === b.timeline && a.version === b.version && a.node === b.node)
    const lag = thinned(points)
    left.add('lag point', points.length - lag.length)
    return { member, spans: coarse(alike, (a, b) => STATES_WORST_LAST.indexOf(b.state) > STATES_WORST_LAST.indexOf(a.state), spanning, left, 'member change'), lag }
  })
}

/** Drops what lasted no time, and joins neighbours that are alike. */
function joined<S extends { readonly fromUs: number; readonly toUs: number }>(spans: readonly S[], alike: (a: S, b: S) => boolean): S[] {
  const kept: S[] = []
  for (const span of spans) {
    if (span.toUs <= span.fromUs) continue
    const last = kept.at(-1)
    if (last !== undefined && alike(last, span)) kept[kept.length - 1] = { ...last, toUs: span.toUs }
    else kept.push(span)
  }
  return kept
}

/** Of more points than a screen shows, in each stretch the greatest and the breaks: a peak is never lost. */
function thinned(points: readonly (readonly [number, number | null])[]): (readonly [number, number | null])[] {
  if (points.length <= LAG_POINTS_MAX) return [...points]
  const size = Math.ceil((2 * points.length) / LAG_POINTS_MAX)
  const kept: (readonly [number, number | null])[] = []
  for (let i = 0; i < points.length; i += size) {
    const part = points.slice(i, i + size)
    const peak = part.reduce((a, b) => ((b[1] ?? -1) > (a[1] ?? -1) ? b : a))
    const gap = part.find(([, value]) => value === null)
    kept.push(...[part[0] as readonly [number, number | null], peak, ...(gap === undefined ? [] : [gap])].sort((a, b) => a[0] - b[0]))
  }
  const last = points.at(-1)
  if (last !== undefined) kept.push(last)
  return kept.filter((point, i) => i === 0 || point !== kept[i - 1])
}

const AVAILABILITY_WORST_LAST: readonly Availability[] = ['idle', 'ok', 'slow', 'unknown', 'error']

function clientLanes(story: Story, endUs: number, left: LeftOut): ClientLane[] {
  return [...grouped(story.clients, ({ client }) => client)].map(([client, changes]) => {
    const spans = changes.map((change, i): ClientSpan => ({
      fromUs: clamp(change.atUs, endUs),
      toUs: clamp(changes[i + 1]?.atUs ?? endUs, endUs),
      is: AVAILABILITY[change.state] ?? 'unknown',
      label: change.state,
    }))
    const alike = joined(spans, (a, b) => a.label === b.label)
    return { client, spans: coarse(alike, (a, b) => AVAILABILITY_WORST_LAST.indexOf(b.is) > AVAILABILITY_WORST_LAST.indexOf(a.is), spanning, left, 'client change') }
  })
}

function commandMark(command: CommandRecord, plan: Plan | undefined): CommandMark {
  const { atUs, step, argv, stages = [argv], code, out, err } = command
  return { atUs, step, line: cutTo(stages.map((words) => words.map(quoted).join(' ')).join(' | '), LINE_MAX), code: code ?? null, out: cutTo([out, err].filter((text) => text !== '').join('\n').trimEnd(), OUTPUT_MAX), said: saidBy(command, plan) }
}

/** What a gate makes of one look, judged again; not where what it expects hangs on a variable of the run. */
function saidBy({ step, stages, code, out, err, sourceFailed }: CommandRecord, plan: Plan | undefined): string {
  const action = plan?.steps.find((each) => each.id === step && each.path === 'forward')?.action
  if (action?.kind !== 'gate' || code === undefined) return ''
  const last = stages?.at(-1) ?? []
  try {
    const { holds, missing } = judge(action.expect, { out, err, code, ...(sourceFailed === undefined ? {} : { sourceFailed }) }, () => undefined, last[0] === 'grep' && last.some((word) => /^-[a-zA-Z]*c/.test(word)))
    return `${holds ? 'yes' : 'no'}${missing ? ', without data' : ''}`
  } catch (error) {
    if (error instanceof UnknownVariableError) return ''
    throw error
  }
}

function quoted(word: string): string {
  return /^[\w./=,:@%+{}-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function cutTo(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)} … (${text.length - length} more characters)`
}
