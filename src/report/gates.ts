/** What the gates of a runbook, or the guards of a script, were good for, and what no rehearsal needed. */
import { isGuard, isStrictMode } from '../campaign/gates.ts'
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
  return [plain(gate.stopped), judged(gate.caught), judged(gate.falseAlarms), gate.scored === 0 ? '' : plain(gate.dishonest), isStrictMode(gate.step) ? '' : plain(gate.passed)]
}

/** What they are called: a script has guards, told by their lines. */
export function wordFor(gates: readonly { readonly step: string }[]): 'gate' | 'guard' {
  return gates.length > 0 && gates.every(({ step }) => isGuard(step)) ? 'guard' : 'gate'
}

/** Names listed after one another; the rest are only counted. */
const NAMES_SHOWN = 16

/** A gate by its step, a guard with what stands on its line. */
export function titleOf({ step, text }: Pick<GateSummary, 'step' | 'text'>): string {
  return text === undefined || text === '' ? step : `${step}  ${text}`
}

/** Gates that did something: stopped a run, or passed against the truth. */
export function telling(result: CampaignResult): readonly GateSummary[] {
  return result.gates.filter((gate) => gate.stopped > 0 || gate.dishonest > 0)
}

export function gates(result: CampaignResult, screen: Screen): string[] {
  if (result.gates.length === 0) return []
  const { ellipsis } = glyphsFor(screen)
  const paint = paintFor(screen)
  const word = wordFor(result.gates)
  const shown = telling(result)
  const lines: string[] = []
  if (shown.length > 0) {
    const rows = shown.slice(0, GATES_SHOWN).map((gate) => [cut(titleOf(gate), screen.columns - FIGURES_WIDTH, ellipsis), ...gateFigures(gate)])
    lines.push(...table([['', ...GATE_COLUMNS], ...rows], 2))
    if (shown.length > GATES_SHOWN) lines.push(`  and ${count(shown.length - GATES_SHOWN, `more ${word}`)}; all are in the JSON result`)
    lines.push(...hang('  ', howJudged(shown), screen.columns).map(paint.dim))
  }
  const list = (words: string, names: readonly string[]): void => {
    if (names.length > 0) lines.push(...hang('  ', `${words}: ${names.slice(0, NAMES_SHOWN).join(', ')}${names.length > NAMES_SHOWN ? `, and ${plain(names.length - NAMES_SHOWN)} more` : ''}`, screen.columns))
  }
  list('passed without data', result.gates.filter((gate) => gate.blind > 0).map((gate) => `${gate.step} (${plain(gate.blind)})`))
  list('decided without data', result.gates.filter((gate) => gate.missing > gate.blind).map((gate) => `${gate.step} (${plain(gate.missing - gate.blind)})`))
  list('decided on stale data', result.gates.filter((gate) => gate.stale > 0).map((gate) => `${gate.step} (${plain(gate.stale)})`))
  const quiet = lines.length
  list('only ever waited, and passed', result.gates.filter((gate) => gate.mattered > 0 && !shown.includes(gate)).map((gate) => gate.step))
  list('never mattered (every look said yes)', result.gates.filter((gate) => gate.mattered === 0).map((gate) => gate.step))
  return [paint.bold(word === 'gate' ? 'Gates' : 'Guards'), ...lines.map((line, i) => (i < quiet ? line : paint.dim(line)))]
}

/** How caught and false alarms were told apart. */
export function howJudged(shown: readonly GateSummary[]): string {
  const sum = (of: (gate: GateSummary) => number): number => shown.reduce((total, gate) => total + of(gate), 0)
  const [stopped, judged, anyway] = [sum((gate) => gate.stopped), sum((gate) => gate.judged), sum((gate) => gate.stoppedAnyway)]
  const word = wordFor(shown)
  if (stopped === 0) return `No ${word} stopped a run.`
  const share = judged === stopped ? `${judged === 1 ? 'The stop was' : `All ${plain(judged)} stops were`}` : `${plain(judged)} of ${plain(stopped)} stops were`
  const rest = anyway === 0 ? '' : ` In ${plain(anyway)} something else stopped the run anyway.`
  return `${share} rehearsed again with the ${word} waved through: caught if the run then failed, a false alarm if it completed.${rest}`
}

/** Steps and gates that no rehearsal needed, when that was asked for. */
export function needless(result: CampaignResult, screen: Screen): string[] {
  if (result.needless === undefined) return []
  const { sampled, steps } = result.needless
  const spare = notNeeded(result.needless)
  const paint = paintFor(screen)
  const tried = steps.filter((step) => step.tried > 0)
  const script = wordFor(steps.filter((step) => step.gate)) === 'guard'
  const lines = [false, true].flatMap((gate) => {
    const names = spare.filter((step) => step.gate === gate).map((step) => `${step.step} (${plain(step.tried)})`)
    const words = script ? (gate ? 'guards' : 'lines') : gate ? 'gates' : 'steps'
    return names.length === 0 ? [] : hang('  ', `${words}: ${names.join(', ')}`, screen.columns)
  })
  const untried = steps.filter((step) => step.gate && step.tried === 0).map((step) => step.step)
  if (untried.length > 0) lines.push(...hang('  ', `${script ? 'guards' : 'gates'} that were happy at once everywhere, so never tried: ${untried.join(', ')}`, screen.columns).map(paint.dim))
  const how = `${plain(tried.length)} of ${count(steps.length, script ? 'line' : 'step')} and ${script ? 'guards' : 'gates'} were taken out of runs of a sample of ${plain(sampled)}, one at a time. ${spare.length === 0 ? 'Each was needed.' : 'Taking out those above made no run worse (runs tried in brackets); more faults may show what they are good for.'}`
  return [paint.bold('No rehearsal needed'), ...lines, ...hang('  ', how, screen.columns).map(paint.dim)]
}
