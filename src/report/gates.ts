/** What the gates of a runbook were good for, and what no rehearsal needed. */
import { notNeeded } from '../campaign/needless.ts'
import type { CampaignResult, GateSummary } from '../campaign/result.ts'
import { type Screen, cut, glyphsFor, hang, paintFor, table } from './text.ts'
import { count, plain } from './words.ts'

/** Gates shown in the table; the rest are only counted. */
const GATES_SHOWN = 10
/** Room for a gate's name, beside the figures. */
const FIGURES_WIDTH = 58

export const GATE_COLUMNS = ['stopped', 'caught', 'false alarm', 'dishonest', 'passed'] as const

/** The figures of a gate in the order of {@link GATE_COLUMNS}. */
export function gateFigures(gate: GateSummary): string[] {
  const judged = (n: number): string => (gate.judged === 0 ? '' : plain(n))
  return [plain(gate.stopped), judged(gate.caught), judged(gate.falseAlarms), gate.scored === 0 ? '' : plain(gate.dishonest), plain(gate.passed)]
}

/** Gates that did something: stopped a run, or passed against the truth. */
export function telling(result: CampaignResult): readonly GateSummary[] {
  return result.gates.filter((gate) => gate.stopped > 0 || gate.dishonest > 0)
}

export function gates(result: CampaignResult, screen: Screen): string[] {
  if (result.gates.length === 0) return []
  const { ellipsis } = glyphsFor(screen)
  const paint = paintFor(screen)
  const shown = telling(result)
  const lines: string[] = []
  if (shown.length > 0) {
    const rows = shown.slice(0, GATES_SHOWN).map((gate) => [cut(gate.step, screen.columns - FIGURES_WIDTH, ellipsis), ...gateFigures(gate)])
    lines.push(...table([['', ...GATE_COLUMNS], ...rows], 2))
    if (shown.length > GATES_SHOWN) lines.push(`  and ${count(shown.length - GATES_SHOWN, 'more gate')}; all are in the JSON result`)
    lines.push(...hang('  ', howJudged(shown), screen.columns).map(paint.dim))
  }
  const list = (words: string, names: readonly string[]): void => {
    if (names.length > 0) lines.push(...hang('  ', `${words}: ${names.join(', ')}`, screen.columns))
  }
  list('decided without data', result.gates.filter((gate) => gate.missing > 0).map((gate) => `${gate.step} (${plain(gate.missing)})`))
  list('decided on stale data', result.gates.filter((gate) => gate.stale > 0).map((gate) => `${gate.step} (${plain(gate.stale)})`))
  const quiet = lines.length
  list('only ever waited, and passed', result.gates.filter((gate) => gate.mattered > 0 && !shown.includes(gate)).map((gate) => gate.step))
  list('never mattered (every look said yes)', result.gates.filter((gate) => gate.mattered === 0).map((gate) => gate.step))
  return [paint.bold('Gates'), ...lines.map((line, i) => (i < quiet ? line : paint.dim(line)))]
}

/** How caught and false alarms were told apart. */
export function howJudged(shown: readonly GateSummary[]): string {
  const sum = (of: (gate: GateSummary) => number): number => shown.reduce((total, gate) => total + of(gate), 0)
  const [stopped, judged, anyway] = [sum((gate) => gate.stopped), sum((gate) => gate.judged), sum((gate) => gate.stoppedAnyway)]
  if (stopped === 0) return 'No gate stopped a run.'
  const share = judged === stopped ? `${judged === 1 ? 'The stop was' : `All ${plain(judged)} stops were`}` : `${plain(judged)} of ${plain(stopped)} stops were`
  const rest = anyway === 0 ? '' : ` In ${plain(anyway)} something else stopped the run anyway.`
  return `${share} rehearsed again with the gate waved through: caught if the run then failed, a false alarm if it completed.${rest}`
}

/** Steps and gates that no rehearsal needed, when that was asked for. */
export function needless(result: CampaignResult, screen: Screen): string[] {
  if (result.needless === undefined) return []
  const { sampled, steps } = result.needless
  const spare = notNeeded(result.needless)
  const paint = paintFor(screen)
  const tried = steps.filter((step) => step.tried > 0)
  const lines = [false, true].flatMap((gate) => {
    const names = spare.filter((step) => step.gate === gate).map((step) => `${step.step} (${plain(step.tried)})`)
    return names.length === 0 ? [] : hang('  ', `${gate ? 'gates' : 'steps'}: ${names.join(', ')}`, screen.columns)
  })
  const untried = steps.filter((step) => step.gate && step.tried === 0).map((step) => step.step)
  if (untried.length > 0) lines.push(...hang('  ', `gates that were happy at once everywhere, so never tried: ${untried.join(', ')}`, screen.columns).map(paint.dim))
  const how = `${plain(tried.length)} of ${count(steps.length, 'step')} and gates were taken out of runs of a sample of ${plain(sampled)}, one at a time. ${spare.length === 0 ? 'Each was needed.' : 'Taking out those above made no run worse (runs tried in brackets); more faults may show what they are good for.'}`
  return [paint.bold('No rehearsal needed'), ...lines, ...hang('  ', how, screen.columns).map(paint.dim)]
}
