/** Where a failure begins on its time axis, and what said yes to it. */
import type { Counterexample } from '../campaign/result.ts'
import { formatClock } from '../kernel/index.ts'
import type { CommandRecord, GateRecord, MeasureId, RehearsalResult, StoryWindow } from '../result.ts'
import type { StepNames } from './explained.ts'
import { count } from './words.ts'

/** A failure with its recorded rehearsal. */
interface Failed {
  readonly counterexample: Pick<Counterexample, 'check' | 'cause' | 'because'>
  readonly rehearsal: RehearsalResult
}

/** An instant with what happens then, in a few words. */
export interface First {
  readonly atUs: number
  readonly what: string
}

const WORDS_MAX = 70

/**
 * The first instant that belongs to this very failure: the first write that gets lost, the beginning of the overlap, the write stop that is the missed
 * objective. Not the first thing that goes wrong in the run: that may have nothing to do with it.
 * @returns undefined when there is none to point at
 */
export function firstOf({ counterexample, rehearsal }: Failed): First | undefined {
  const { check, cause, because } = counterexample
  const [effect, second] = because
  const at = (clause: { readonly atUs: number } | undefined, what: string): First | undefined => (clause === undefined ? undefined : { atUs: clause.atUs, what })
  const done: First = { atUs: operatorEndUs(rehearsal), what: rehearsal.outcome === 'completed' ? 'the runbook says that it is done' : 'the runbook has ended' }
  const rules: Readonly<Partial<Record<string, () => First | undefined>>> = {
    // Of several causes the chain tells of one, whose writes its second clause has.
    'no-acknowledged-write-lost': () => ((rehearsal.story?.losses.length ?? 0) > 0 ? at(second, 'the first of these writes is acknowledged') : undefined),
    'no-split-brain': () => at(effect, 'two members can take writes from here on'),
    'no-forbidden-skew': () => at(effect, 'unsupported versions run together from here on'),
    'serves-at-end': () => windowOf(rehearsal, 'writesDown', 'open', 'writes stop and do not come back'),
    'target-reached': () => at(earliest(because.filter(({ step }) => step !== undefined && step !== '-')), 'a member is started again, not on the target version') ?? done,
    converges: () => (cause === 'mixed-versions' ? done : undefined),
    'no-false-success': () => done,
    'rollback-safe': () => at(because.at(-1), 'the operator turns back'),
    terminates: () => at(second ?? effect, 'the step begins that never ends'),
    'gates-honest': () => at(effect, 'the gate says yes although it is not so'),
    linearizable: () => at(effect, 'a client sees a value that cannot be'),
    'objectives-met': () => ofMeasure(cause as MeasureId, rehearsal),
  }
  return rules[check]?.() ?? firstClause(because)
}

/** When the operator ended, on the story's clock. */
function operatorEndUs({ measures }: RehearsalResult): number {
  return Math.round(measures.durationSeconds * 1e6)
}

function firstLoss({ story }: RehearsalResult): First | undefined {
  const losses = story?.losses ?? []
  const ours = losses.filter(({ inherent }) => !inherent)
  const loss = earliest((ours.length > 0 ? ours : losses).map(({ fromUs }) => ({ atUs: fromUs })))
  return loss === undefined ? undefined : { atUs: loss.atUs, what: 'the first write that gets lost is acknowledged' }
}

/** A stretch of a sort: the first, the longest, or the first that never ends. */
function windowOf({ story }: RehearsalResult, is: StoryWindow['is'], which: 'first' | 'longest' | 'open', what: string): First | undefined {
  const all = (story?.windows ?? []).filter((window) => window.is === is && (which !== 'open' || window.open))
  const [best] = all.toSorted((a, b) => (which === 'longest' ? b.toUs - b.fromUs - (a.toUs - a.fromUs) : 0) || a.fromUs - b.fromUs)
  return best === undefined ? undefined : { atUs: best.fromUs, what }
}

/** The first instant that a missed measure is about. */
export function ofMeasure(measure: MeasureId, rehearsal: RehearsalResult): First | undefined {
  if (/^(?:writeDowntime|longestWriteGap|failedA)/.test(measure)) return windowOf(rehearsal, 'writesDown', 'longest', 'the longest write stop begins')
  if (measure === 'readDowntimeSeconds') return windowOf(rehearsal, 'readsDown', 'longest', 'the longest read stop begins')
  if (measure === 'lostAcknowledgedWrites' || measure === 'strandedWrites' || measure === 'inherentLostWrites') return firstLoss(rehearsal)
  if (measure.startsWith('splitBrain')) return windowOf(rehearsal, 'split', 'first', 'two members can take writes from here on')
  if (measure.startsWith('mixedVersion')) return windowOf(rehearsal, 'mixed', 'first', 'versions are mixed from here on')
  if (measure === 'forbiddenSkewSeconds') return windowOf(rehearsal, 'skew', 'first', 'unsupported versions run together from here on')
  if (measure === 'redundancyExposedSeconds') return windowOf(rehearsal, 'exposed', 'longest', 'writes are on one copy only from here on')
  return undefined
}

/** The earliest event of the chain, in its own words; of those of one instant the first told. */
function firstClause(because: Counterexample['because']): First | undefined {
  const clause = earliest(because)
  return clause === undefined ? undefined : { atUs: clause.atUs, what: clause.text.length <= WORDS_MAX ? clause.text : `${clause.text.slice(0, WORDS_MAX).replace(/\s+\S*$/, '')} …` }
}

/** What was before the first step has no place on the axis. */
function earliest<T extends { readonly atUs: number }>(all: readonly T[]): T | undefined {
  return all.filter(({ atUs }) => atUs >= 0).reduce<T | undefined>((a, b) => (a === undefined || b.atUs < a.atUs ? b : a), undefined)
}

/** Failures that a look at the cluster shows before the runbook says that it is done. */
const COULD_BE_SEEN = ['target-reached', 'converges', 'no-false-success', 'serves-at-end']
/** Those, and what only a look beforehand could have kept from happening. */
const COULD_BE_STOPPED = [...COULD_BE_SEEN, 'no-acknowledged-write-lost', 'no-split-brain', 'no-divergent-rows']
const SAID_MAX = 160

/** The last gate before the end, which said yes: its step, and the whole in words. */
export interface Unnoticed {
  /** Empty when there is no gate, or when it said yes before anything was wrong. */
  readonly step: string
  readonly words: string
  /** What would have let it see; empty where nothing can be said. */
  readonly advice: string
}

/**
 * What let a failure pass: the last gate that said yes before the runbook called it done, with what it had seen; or that there is no gate. A gate that
 * looked before anything was wrong is to blame only when it took no answer for an answer.
 * @returns null where the runbook did not complete, and of a script, whose lines tell it
 */
export function unnoticedOf({ counterexample, rehearsal }: Failed, names: StepNames): Unnoticed | null {
  const { story, outcome, gates, steps } = rehearsal
  if (story === undefined || outcome !== 'completed' || story.lines.length > 0 || !COULD_BE_STOPPED.includes(counterexample.check)) return null
  const ended = (gate: GateRecord): number => steps.find(({ step, visit, path }) => step === gate.step && visit === gate.visit && path === gate.path)?.endUs ?? -1
  const last = gates.filter(({ passed, path }) => passed && path === 'forward').toSorted((a, b) => ended(a) - ended(b)).at(-1)
  if (last === undefined) return gates.length > 0 || !COULD_BE_SEEN.includes(counterexample.check) ? null : { step: '', words: 'Nothing could stop it: no step that was reached is a gate, which would look and could say no.', advice: 'Add a gate before the end that looks at what was to be reached, and stops the runbook when it is not so.' }
  const label = names(last.step)
  const look = story.commands.findLast(({ step, atUs }) => step === last.step && atUs <= ended(last))
  const said = (text: string): string => {
    const line = text.trim().replace(/\s+/g, ' ').replaceAll('`', '’')
    return line.length <= SAID_MAX ? line : `${line.slice(0, SAID_MAX)} …`
  }
  const printed = look === undefined ? '' : ` Its last look printed ${said(look.out) === '' ? 'nothing' : `\`${said(look.out)}\``}${said(look.err) === '' ? '' : `, and as an error \`${said(look.err)}\``}.`
  const piped = look?.sourceFailed === true
  const blind = last.missing || piped || (look !== undefined && look.code !== 0 && said(look.err) !== '')
  const late = ended(last) >= (firstOf({ counterexample, rehearsal })?.atUs ?? 0)
  if (!blind && !(late && COULD_BE_SEEN.includes(counterexample.check))) return null
  const looks = last.polls === 1 ? 'its only look' : last.waited ? `its ${ordinal(last.polls)} look` : `all ${count(last.polls, 'look')}`
  const data = last.missing || piped ? `, though ${last.polls === 1 || last.waited ? 'it' : 'the last of them'} had no data to go by` : ''
  return { step: late ? label : '', advice: blind ? blindAdvice(label, look, said) : '', words: `The last gate before the end, step ${label}, said yes at ${formatClock(ended(last)).slice(0, -2)}: ${looks} came out as yes${data}.${printed}` }
}

/** What took nothing for a yes, and what would not. @param said a text on one line, cut */
function blindAdvice(label: string, look: CommandRecord | undefined, said: (text: string) => string): string {
  const stages = look?.stages ?? []
  if (look?.sourceFailed !== true || stages.length < 2) return `Let step ${label} say no when its command fails or prints nothing: here that was taken for a yes.`
  const [source, last] = [stages[0] as readonly string[], stages.at(-1) as readonly string[]]
  const program = (words: readonly string[]): string => `\`${(words[0] ?? '').replaceAll('`', '’')}\``
  // A program that ends a pipe with another status than 0 when all is well would be a failure to `pipefail`, too.
  const pipefail = look.code === undefined || look.code === 0 ? ' (with `pipefail`, say)' : `; \`pipefail\` alone will not do, for ${program(last)} itself ended with status ${look.code} and was taken for a yes`
  return `Let step ${label} tell no answer from a good one: ${program(source)} failed, \`${said(last.join(' '))}\` made ${said(look.out) === '' ? 'nothing' : `\`${said(look.out)}\``} of its silence, and that passed. Demand what silence cannot give (the count of those that are as wanted, not of the others), or look at the status of ${program(source)} itself${pipefail}.`
}

/** `4th`. */
function ordinal(n: number): string {
  const teen = n % 100 >= 11 && n % 100 <= 13
  return `${n}${teen ? 'th' : ({ 1: 'st', 2: 'nd', 3: 'rd' } as Readonly<Record<number, string>>)[n % 10] ?? 'th'}`
}
