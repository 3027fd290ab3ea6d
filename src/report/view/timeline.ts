/** A recorded rehearsal as lanes on one time axis. */
import type { Plan } from '../../operator/index.ts'
import type { GateRecord, MemberChange, RehearsalResult } from '../../result.ts'
import type { OutlineStep } from '../story.ts'
import { changingComponent } from '../strip.ts'
import { faultSentence } from '../words.ts'
import type { Availability, ClientLane, ClientSpan, CommandMark, GateMark, MemberLane, MemberSpan, StepSpan, Timeline } from './data.ts'

type Story = NonNullable<RehearsalResult['story']>

/** Commands kept with their output; of more, those around the step that failed. A page must stay small. */
const COMMANDS_MAX = 120
const OUTPUT_MAX = 400
const LINE_MAX = 500
/** Points of a member's lag kept: a curve on a screen has no more pixels. */
const LAG_POINTS_MAX = 300

const AVAILABILITY: Readonly<Record<string, Availability>> = {
  writable: 'ok', readOnly: 'error', held: 'slow', hanging: 'unknown', silent: 'unknown', failing: 'error', away: 'error', idle: 'idle', stopped: 'idle',
}

/** @returns undefined when the rehearsal was not recorded */
export function timelineOf(rehearsal: RehearsalResult, outline: readonly OutlineStep[], plan: Plan | undefined, aroundStep = '-'): Timeline | undefined {
  const { story } = rehearsal
  if (story === undefined) return undefined
  const endUs = Math.max(rehearsal.simulatedUs, 1)
  const component = changingComponent(story.members) ?? ['engine', 'image', 'node'].find((each) => story.members.some(({ versions }) => each in versions)) ?? ''
  const steps = stepSpans(rehearsal, outline, endUs)
  const members = memberLanes(story, component, endUs)
  const { kept, leftOut } = commandsOf(story, aroundStep)
  const declared = plan?.steps.find((step) => step.pointOfNoReturn)?.id
  return {
    endUs,
    operatorEndUs: Math.min(endUs, Math.round(rehearsal.measures.durationSeconds * 1e6)),
    outcome: rehearsal.outcome,
    steps,
    clients: clientLanes(story, endUs),
    members,
    component,
    versions: [...new Set(members.flatMap(({ spans }) => spans).sort((a, b) => a.fromUs - b.fromUs).map(({ version }) => version))].filter((version) => version !== ''),
    quorum: story.acknowledgers.map(({ atUs, members }) => ({ atUs: Math.max(0, atUs), members })),
    faults: story.faults.map((fault) => ({ fromUs: clamp(fault.atUs, endUs), toUs: clamp(fault.endUs ?? endUs, endUs), kind: fault.kind, target: fault.target, struck: fault.struck, words: faultSentence(fault) })),
    windows: story.windows.map(({ fromUs, toUs, ...rest }) => ({ fromUs: clamp(fromUs, endUs), toUs: clamp(toUs, endUs), ...rest })),
    commands: kept,
    commandsLeftOut: leftOut,
    noReturnUs: steps.find((step) => step.step === declared && !step.undo && step.result !== 'skipped')?.fromUs ?? null,
  }
}

function clamp(us: number, endUs: number): number {
  return Math.min(endUs, Math.max(0, Math.round(us)))
}

function stepSpans(rehearsal: RehearsalResult, outline: readonly OutlineStep[], endUs: number): StepSpan[] {
  const byId = new Map(outline.map((step) => [step.id, step]))
  return rehearsal.steps.map(({ step, path, visit, startUs, endUs: doneUs, result }) => {
    const known = byId.get(step.replace(/^undo of /, ''))
    const number = known?.number ?? ''
    const name = number === '' || number === step ? step : `${number} ${step}`
    const gate = rehearsal.gates.findLast((each) => each.step === step && each.path === path && each.visit === visit)
    return {
      step, visit, result, number,
      label: path === 'undo' ? `undo of ${name}` : name,
      undo: path === 'undo',
      fromUs: clamp(startUs, endUs),
      toUs: clamp(doneUs ?? endUs, endUs),
      container: path === 'forward' && known?.container === true,
      gate: gate === undefined ? null : gateMark(gate),
    }
  })
}

function gateMark({ passed, polls, missing, stale, honest, claims }: GateRecord): GateMark {
  return { passed, polls, missing, stale, honest: honest ?? null, claims }
}

function memberLanes(story: Story, component: string, endUs: number): MemberLane[] {
  const names = [...new Set(story.members.map(({ member }) => member))]
  return names.map((member) => {
    const changes = story.members.filter((change) => change.member === member)
    const state = (change: MemberChange): Omit<MemberSpan, 'fromUs' | 'toUs'> => ({
      state: !change.running ? 'down' : change.role,
      timeline: change.timeline ?? null,
      version: change.versions[component] ?? '',
      node: change.node ?? '',
    })
    const spans = changes.map((change, i) => ({ fromUs: clamp(change.atUs, endUs), toUs: clamp(changes[i + 1]?.atUs ?? endUs, endUs), ...state(change) }))
    const points = story.lag.filter((each) => each.member === member).map(({ atUs, lagUs }) => [clamp(atUs, endUs), lagUs === undefined ? null : Math.round(lagUs / 1000) / 1000] as const)
    return { member, spans: joined(spans, (a, b) => a.state === b.state && a.timeline === b.timeline && a.version === b.version && a.node === b.node), lag: thinned(points) }
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

function clientLanes(story: Story, endUs: number): ClientLane[] {
  const names = [...new Set(story.clients.map(({ client }) => client))]
  return names.map((client) => {
    const changes = story.clients.filter((change) => change.client === client)
    const spans = changes.map((change, i): ClientSpan => ({
      fromUs: clamp(change.atUs, endUs),
      toUs: clamp(changes[i + 1]?.atUs ?? endUs, endUs),
      is: AVAILABILITY[change.state] ?? 'unknown',
      label: change.state,
    }))
    return { client, spans: joined(spans, (a, b) => a.label === b.label) }
  })
}

function commandsOf(story: Story, aroundStep: string): { kept: CommandMark[]; leftOut: number } {
  const all = story.commands
  const about = Math.max(0, all.findIndex(({ step }) => step === aroundStep))
  const first = Math.max(0, Math.min(about - COMMANDS_MAX / 2, all.length - COMMANDS_MAX))
  const kept = all.slice(first, first + COMMANDS_MAX).map(({ atUs, step, argv, code, out, err }): CommandMark => ({
    atUs, step, line: cutTo(argv.map(quoted).join(' '), LINE_MAX), code: code ?? null, out: cutTo([out, err].filter((text) => text !== '').join('\n').trimEnd(), OUTPUT_MAX),
  }))
  return { kept, leftOut: all.length - kept.length }
}

function quoted(word: string): string {
  return /^[\w./=,:@%+{}-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function cutTo(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)} … (${text.length - length} more characters)`
}
