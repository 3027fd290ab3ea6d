/** A comparison for people: who wins on what and by how much, what a minute of downtime must cost, how that changes with what was varied. */
import type { BreakEven, ComparedScenario, ComparisonCell, ComparisonResult, MeasureComparison, PairComparison, Winner } from '../campaign/compare/result.ts'
import { unfitOf } from '../campaign/compare/fit.ts'
import { countRuns } from '../campaign/ranges.ts'
import { formatDuration } from '../kernel/index.ts'
import type { MeasureId } from '../result.ts'
import { type Screen, cut, glyphsFor, hang, paintFor, table } from './text.ts'
import { count, formatMeasure, formatShare, measureName, plain, violationWords } from './words.ts'

/** How scenarios are called in tables: A, B, C … */
export function letterOf(position: number): string {
  return String.fromCharCode(65 + position)
}

/** The comparison as lines. */
export function renderComparison(result: ComparisonResult, screen: Screen): string[] {
  const sections = [headline(result, screen), ...result.cells.flatMap((cell) => cellSections(cell, result, screen)), varied(result, screen)]
  const lines = sections.filter((each) => each.length > 0).flatMap((each, i) => (i === 0 ? each : ['', ...each]))
  return screen.unicode ? lines : lines.map((line) => line.replaceAll('µ', 'u').replaceAll('–', '-').replaceAll('…', '..'))
}

function headline(result: ComparisonResult, screen: Screen): string[] {
  const paint = paintFor(screen)
  const [cell] = result.cells as readonly [ComparisonCell]
  const runs = countRuns(result.asked)
  const faults = result.faultsPerRun === 0 ? 'without faults' : `with up to ${count(result.faultsPerRun, 'fault')} each`
  const luck = result.faultsPerRun === 0 ? 'the same seeds' : cell.anchoring === 'step' ? 'the same seeds and faults, at the same steps' : 'the same seeds and faults, at the same times and roles'
  const ground = groundOf(result)
  const points = result.cells.length > 1 ? ` at each of ${plain(result.cells.length)} points` : ''
  const lines = [
    ...cell.scenarios.map((each, i) => `${paint.bold(letterOf(i))}  ${paint.bold(each.scenario)}`),
    ...hang('  ', `${count(runs, 'rehearsal')} of each${points}, ${faults}: ${luck}; ${ground}; seed ${result.seed}.`, screen.columns),
  ]
  for (const words of groundWords(cell)) lines.push(...hang('  ', words, screen.columns))
  if (result.partial) lines.push(...hang('  ', `Partial: ${result.cells.map(({ ranges }) => plain(countRuns(ranges))).join(', ')} of ${plain(runs)} rehearsals are done, and all that is said here is said of them alone.`, screen.columns))
  const mismatches = result.cells.flatMap(({ determinism }) => determinism.mismatches)
  if (mismatches.length > 0) lines.push(...hang('  ', `NOT DETERMINISTIC: run ${mismatches.join(', ')} differed when repeated. This is a defect of Proofroll; please report it.`, screen.columns))
  return lines
}

/** On whose cluster each ran. */
export function groundOf({ ownClusters, cells }: Pick<ComparisonResult, 'ownClusters' | 'cells'>): string {
  const set = cells[0]?.scenarios.some(({ overridden = [] }) => overridden.length > 0) === true
  return ownClusters ? `each on its own cluster${set ? ', but for what was set for all' : ''}` : `all on the cluster and load of ${letterOf(0)}${set ? ', with what was set for all' : ''}`
}

/** What the command line set for all, with what each says of it itself: that is no longer rehearsed. */
function overrideNotes({ scenarios }: ComparisonCell): string[] {
  const options = [...new Map(scenarios.flatMap(({ overridden = [] }) => overridden).map(({ option, value }) => [option, value]))]
  return options.map(([option, value]) => {
    const own = scenarios.map(({ overridden = [] }, i) => `${letterOf(i)} ${overridden.find((each) => each.option === option)?.own ?? 'does not say'}`)
    return `NOTE: ${option}=${value} was set for all on the command line. By themselves: ${own.join(', ')}. A scenario may need its own value: what each does with this one alone, \`proofroll run\` with the same --set shows.`
  })
}

/** What each is to bring about, where that is not the same: then a difference may come from the job, not from the runbook. */
function jobWords({ scenarios }: ComparisonCell): string[] {
  const jobs = scenarios.map(({ upgrade }) => upgrade?.join(', '))
  if (jobs.includes(undefined) || new Set(jobs).size < 2) return []
  return [`NOTE: they do different jobs: ${jobs.map((job, i) => `${letterOf(i)} ${job === '' ? 'reaches no other version' : job ?? ''}`).join('; ')}. What differs may come from the job, not from the runbook.`]
}

/** Which scenarios did not run on their own cluster and load, and what that took from them: said before any figure, for it may be what decides. */
export function groundWords(cell: ComparisonCell): string[] {
  return [...overrideNotes(cell), ...jobWords(cell), ...cell.scenarios.flatMap(({ replaced }, i) => (replaced.length === 0 ? [] : [`NOTE: ${letterOf(i)} ran on the cluster and load of ${letterOf(0)}, not on its own, which differ in ${replaced.join(', ')}; --own-clusters lets each keep its own.`]))]
}

/** Why a scenario of the pair wins nothing by effort, one sentence each; empty when both may. */
function unfitWords(pair: PairComparison, { scenarios }: ComparisonCell): string[] {
  return [pair.first, pair.second].flatMap((position) => {
    const why = unfitOf(scenarios[position] as ComparedScenario)
    return why.length === 0 ? [] : [`${letterOf(position)} ${why.map(({ check, runs, of }) => `${violationWords(check === 'completes' ? 'x-completes' : check)} in ${plain(runs)} of ${plain(of)}`).join('; ')}`]
  })
}

/** What the marks of a pair's table mean, where it has any: one sentence for those who win nothing by what the upgrade takes. */
export function incomparableWords(pair: PairComparison, cell: ComparisonCell): string[] {
  if (!pair.measures.some(({ winner }) => winner === 'incomparable')) return []
  return [`n/c = not comparable: less of it is no merit of a scenario that failed. ${unfitWords(pair, cell).join('. ')}.`]
}

/** Who has less as far as the figures printed show it: a winner by less than the last digit is none. */
export function winnerShown({ measure, meanDifference, winner }: MeasureComparison): Winner {
  return (winner === 'first' || winner === 'second' || winner === 'incomparable') && !/^[+-]/.test(signed(measure, meanDifference)) ? 'same' : winner
}

/** Who has least, by letter; `–` where the figures printed are the same, or not told apart. */
export function leastWords({ scenarios, standings }: ComparisonCell, measure: MeasureId): string {
  const best = standings.find((each) => each.measure === measure)?.best ?? []
  if (best.length === scenarios.length || new Set(scenarios.map(({ measures }) => short(measure, measures[measure].mean))).size === 1) return '–'
  return best.length === 0 ? 'n/c' : best.map(letterOf).join(' ')
}

/** The mean of each scenario, with digits that tell them apart where one of them is said to have least. */
export function meansOf(cell: ComparisonCell, measure: MeasureId): string[] {
  const means = cell.scenarios.map(({ measures }) => measures[measure].mean)
  return leastWords(cell, measure) === '–' ? means.map((mean) => short(measure, mean)) : apart(measure, means)
}

/** What was varied at this point, in words; empty where nothing was. */
export function varyWords({ vary }: ComparisonCell): string {
  return Object.entries(vary).map(([path, value]) => `${path}=${value}`).join(' ')
}

function cellSections(cell: ComparisonCell, result: ComparisonResult, screen: Screen): string[][] {
  const paint = paintFor(screen)
  const words = varyWords(cell)
  const heads = words === '' ? [] : [[paint.bold(`At ${words}`)]]
  return [...heads, outcomes(cell, screen), ...cell.pairs.filter(({ first }) => first === 0 || cell.scenarios.length > 2).flatMap((pair) => pairSections(pair, cell, screen)), ...(cell.scenarios.length > 2 ? [standings(cell, screen)] : []), money(cell, result, screen)]
}

/** How each did by itself: what it violates weighs more than any figure below. */
function outcomes({ scenarios }: ComparisonCell, screen: Screen): string[] {
  const paint = paintFor(screen)
  return [paint.bold('How each did'), ...scenarios.flatMap((each, i) => hang(`  ${letterOf(i)}  `, outcomeWords(each), screen.columns))]
}

export function outcomeWords({ verdict, runs, outcomes, outOfBudget, checks, objectives }: ComparedScenario): string {
  const share = (n: number): string => formatShare(runs === 0 ? 0 : n / runs)
  const ends = [`completed ${share(outcomes.completed)}`, ...(outcomes.rolledBack > 0 ? [`rolled back ${share(outcomes.rolledBack)}`] : []), ...(outcomes.aborted > 0 ? [`aborted ${share(outcomes.aborted)}`] : []), ...(outcomes.stuck > 0 ? [`stuck ${share(outcomes.stuck)}`] : [])]
  const broke = checks.filter((check) => check.status === 'fail' && check.id !== 'objectives-met').map((check) => `${violationWords(check.id)} in ${formatShare(check.rate ?? 0)}`)
  const missed = objectives.filter(({ status }) => status === 'fail').map(({ measure, at }) => `missed its objective for ${measureName(measure)} (${at})`)
  const budget = outOfBudget > 0 ? `; out of budget ${share(outOfBudget)}` : ''
  const wrong = [...broke, ...missed]
  return `${verdict === 'held' ? 'HELD' : 'VIOLATED'}: ${ends.join(', ')}${budget}${wrong.length > 0 ? `; ${wrong.join('; ')}` : ''}.`
}

/** One pair: the figures that are not zero everywhere, and the checks in which they differ. */
function pairSections(pair: PairComparison, cell: ComparisonCell, screen: Screen): string[][] {
  const paint = paintFor(screen)
  const [a, b] = [letterOf(pair.first), letterOf(pair.second)]
  const told = pair.measures.filter(isTold)
  const dash = glyphsFor(screen).range
  const rows = told.map((each) => [measureName(each.measure), ...cellsOf(each, dash), winnerWord(winnerShown(each), a, b)])
  const title = cell.scenarios.length > 2 ? `${b} against ${a}` : 'Who wins on what'
  const lines = [paint.bold(title), ...table([['mean of a rehearsal', a, b, `${b} less ${a}`, '95 %', 'less'], ...rows], 2)]
  const zero = pair.measures.filter((each) => !isTold(each)).map((each) => measureName(each.measure))
  if (told.length === 0) lines.push(...hang('  ', 'Nothing was measured in either.', screen.columns))
  else if (zero.length > 0) lines.push(...hang('  ', `0 in both: ${zero.join(', ')}.`, screen.columns))
  const open = told.filter(({ winner }) => winner === 'open')
  if (open.length > 0) lines.push(...hang('  ', `${glyphsFor(screen).none} = these rehearsals do not tell them apart.`, screen.columns))
  for (const words of incomparableWords(pair, cell)) lines.push(...hang('  ', words, screen.columns))
  if (told.some(({ winner }) => winner === 'mixed')) lines.push(...hang('  ', 'mixed = less on average, but more in most of the rehearsals in which they differ.', screen.columns))
  const checks = pair.checks.filter(({ onlyFirst, onlySecond }) => onlyFirst + onlySecond > 0)
  const words = checks.flatMap(({ check, onlyFirst, onlySecond, both, judged, winner }) =>
    hang('  ', `${violationWords(check)}: only ${a} in ${plain(onlyFirst)}, only ${b} in ${plain(onlySecond)}, both in ${plain(both)} of ${plain(judged)}${winner === 'open' ? ' (not told apart)' : `; ${winner === 'first' ? a : b} wins`}`, screen.columns),
  )
  return [lines, checks.length > 0 ? [paint.bold('On the same luck, a rehearsal …'), ...words] : [], summary(pair, screen)]
}

/** Worth a line: something was measured in one of them (multipliers: another bill than usual). */
function isTold({ measure, firstMean, secondMean }: MeasureComparison): boolean {
  const usual = measure.endsWith('Multiplier') ? 1 : 0
  return firstMean !== usual || secondMean !== usual
}

/** Both means, the difference, its interval. */
export function cellsOf(compared: MeasureComparison, dash: string): string[] {
  const { measure, firstMean, secondMean, meanDifference, meanDifference95 } = compared
  const means = winnerShown(compared) === 'same' ? [firstMean, secondMean].map((mean) => short(measure, mean)) : apart(measure, [firstMean, secondMean])
  const within = meanDifference95 === null ? '' : withinWords(signed(measure, meanDifference95[0]), signed(measure, meanDifference95[1]), dash)
  return [...means, signed(measure, meanDifference), within]
}

/** `-343 – +247 ms`: a unit that both ends have is said once. */
function withinWords(low: string, high: string, dash: string): string {
  const unit = /^[^ ]+( (?:h|s|ms|µs))$/.exec(high)?.[1]
  return `${unit !== undefined && /^[^ ]+ \S+$/.test(low) && low.endsWith(unit) ? low.slice(0, -unit.length) : low} ${dash} ${high}`
}

/** Figures beside one another, with as many digits as tell apart what differs. */
export function apart(measure: string, values: readonly number[]): string[] {
  const distinct = new Set(values).size
  const unit = measure.endsWith('Seconds') ? ' s' : measure.endsWith('Hours') ? ' h' : measure.endsWith('Multiplier') ? 'x' : ''
  const exact = (digits: number) => (value: number): string => `${measure.endsWith('Dollars') ? '$' : ''}${String(Number(value.toPrecision(digits)))}${unit}`
  for (const write of [(value: number): string => short(measure, value), exact(4), exact(5), exact(6)]) {
    const texts = values.map(write)
    if (new Set(texts).size === distinct) return texts
  }
  return values.map((value) => short(measure, value))
}

/** A figure for a narrow column: three digits and a unit. */
function short(measure: string, value: number): string {
  if (measure.endsWith('Seconds')) return formatDuration(Math.round(value * 1e6))
  if (measure.endsWith('Multiplier')) return `${value.toFixed(3)}x`
  if (!measure.endsWith('Dollars') && !measure.endsWith('Hours')) {
    if (value >= 1e6) return `${plain(Number((value / 1e6).toPrecision(3)))}M`
    if (value >= 1e4) return `${plain(Number((value / 1e3).toPrecision(3)))}k`
  }
  // A difference may be far smaller than what it is a difference of.
  if (value > 0 && value < 0.0005 && measure.endsWith('Hours')) return `${value.toFixed(3)} h`
  if (value > 0 && value < 0.01 && measure.endsWith('Dollars')) return `$${value.toFixed(4)}`
  return formatMeasure(measure, value)
}

export function signed(measure: string, value: number): string {
  const text = short(measure, Math.abs(value))
  return /^[$]?0(?:\.0+)?(?: ?[a-zµ]+)?$/.test(text) ? text : `${value < 0 ? '-' : '+'}${text}`
}

export function winnerWord(winner: Winner, a: string, b: string): string {
  return { first: a, second: b, same: '=', open: '–', mixed: 'mixed', incomparable: 'n/c' }[winner]
}

/** One sentence each: on what the one wins, on what the other, with the share of rehearsals. */
function summary(pair: PairComparison, screen: Screen): string[] {
  const told = pair.measures.filter(isTold)
  const [a, b] = [letterOf(pair.first), letterOf(pair.second)]
  const line = (winner: 'first' | 'second', name: string, other: string): string[] => {
    const won = told.filter((each) => winnerShown(each) === winner)
    if (won.length === 0) return []
    const words = won.map((each) => `${measureName(each.measure)} ${formatShare((winner === 'first' ? each.firstLess : each.secondLess) / pair.runs)}`)
    return hang('  ', `${name} beats ${other} (and in how many rehearsals it has less): ${words.join(', ')}.`, screen.columns)
  }
  return [...line('first', a, b), ...line('second', b, a)]
}

/** Of more than two: who has least of what. */
function standings(cell: ComparisonCell, screen: Screen): string[] {
  const { standings: all, scenarios } = cell
  const paint = paintFor(screen)
  const told = all.filter(({ measure }) => scenarios.some((each) => each.measures[measure].mean !== (measure.endsWith('Multiplier') ? 1 : 0)))
  const rows = told.map(({ measure }) => [measureName(measure), ...meansOf(cell, measure), leastWords(cell, measure)])
  return [paint.bold('Who has least of what'), ...table([['mean of a rehearsal', ...scenarios.map((_, i) => letterOf(i)), 'least'], ...rows], 2)]
}

/** What no price of a minute of downtime covers; empty where nobody loses a write. */
export function lossWords({ scenarios }: ComparisonCell): string {
  const lossy = scenarios.flatMap(({ measures }, i) => (measures.lostAcknowledgedWrites.max > 0 ? [`${letterOf(i)} loses ${plain(measures.lostAcknowledgedWrites.mean)} acknowledged ${measures.lostAcknowledgedWrites.mean === 1 ? 'write' : 'writes'} a rehearsal`] : []))
  return lossy.length === 0 ? '' : `In none of these sums: ${lossy.join('; ')}.`
}

/** What it costs, and from which price of a minute on the dearer one pays off. */
function money(cell: ComparisonCell, { prices }: ComparisonResult, screen: Screen): string[] {
  const paint = paintFor(screen)
  const { scenarios, pairs } = cell
  const priced = prices.labourPerHour !== null || prices.downtimePerMinute !== null
  const lines: string[] = []
  if (priced) {
    const columns = ['nodes', ...(prices.labourPerHour === null ? [] : ['labour']), ...(prices.downtimePerMinute === null ? [] : ['downtime']), 'total']
    const rows = scenarios.map(({ dollars }, i) => [letterOf(i), dollarWords(dollars.nodes), ...(dollars.labour === null ? [] : [dollarWords(dollars.labour)]), ...(dollars.downtime === null ? [] : [dollarWords(dollars.downtime)]), dollarWords(dollars.total)])
    lines.push(...table([['a rehearsal', ...columns], ...rows], 2))
  }
  for (const pair of pairs) lines.push(...hang('  ', breakEvenWords(pair, cell, prices.labourPerHour !== null), screen.columns))
  const lossy = lossWords(cell)
  if (lossy !== '') lines.push(...hang('  ', lossy, screen.columns))
  return [paint.bold('What a minute of write downtime must cost'), ...lines]
}

/** From which price of a minute on the dearer one of a pair pays off; no price where one of them failed. */
export function breakEvenWords(pair: PairComparison, cell: ComparisonCell, labour: boolean): string {
  const [a, b] = [letterOf(pair.first), letterOf(pair.second)]
  const { verdict, dollarsPerMinute, interval95, dollars, minutes, total }: BreakEven = pair.breakEven
  if (verdict === 'incomparable') return `${a} and ${b}: no price, for they are not comparable. ${unfitWords(pair, cell).join('. ')}.`
  const bill = labour ? 'nodes and labour' : 'nodes'
  const cost = (cheaper: string): string => `${cheaper} costs ${dollarWords(Math.abs(dollars))} less (${bill})`
  const time = formatDuration(Math.abs(Math.round(minutes * 60e6)))
  const sum = total === null ? '' : ` At the price given, ${total.winner === 'open' || total.winner === 'mixed' ? 'they are not told apart' : total.winner === 'same' ? 'they cost the same' : `${total.winner === 'first' ? a : b} is cheaper by ${dollarWords(Math.abs(total.difference))}`}.`
  if (verdict === 'same') return `${a} and ${b}: the same bill and the same downtime.${sum}`
  if (verdict === 'open') return `${a} and ${b}: not told apart (${b} less ${a}: ${dollars < 0 ? '-' : ''}${dollarWords(Math.abs(dollars))} and ${minutes < 0 ? '-' : ''}${time} of downtime a rehearsal).${sum}`
  if (verdict === 'first' || verdict === 'second') {
    const [better, worse] = verdict === 'first' ? [a, b] : [b, a]
    const less = [...(dollars === 0 ? [] : [`${dollarWords(Math.abs(dollars))} less (${bill})`]), ...(minutes === 0 ? [] : [`${time} less downtime`])]
    return `${better} wins over ${worse} at any price: ${less.join(' and ')} a rehearsal.${sum}`
  }
  const [dearer, cheaper] = verdict === 'firstDearer' ? [a, b] : [b, a]
  const within = interval95 === null ? '' : ` (95 %: ${interval95[0] === null ? '0' : dollarWords(interval95[0])} to ${interval95[1] === null ? 'no bound' : dollarWords(interval95[1])})`
  return `Above ${dollarWords(dollarsPerMinute ?? 0)} a minute${within} ${dearer} pays off against ${cheaper}: ${cost(cheaper)}, ${dearer} has ${time} less downtime a rehearsal.${sum}`
}

function dollarWords(value: number): string {
  const [whole = '0', cents = '00'] = value.toFixed(value !== 0 && Math.abs(value) < 0.01 ? 4 : 2).split('.')
  return `$${whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')}.${cents}`
}

const VARIED: readonly MeasureId[] = ['writeDowntimeSeconds', 'lostAcknowledgedWrites', 'durationSeconds', 'extraCostDollars']

/** How it changes with what was varied: the four figures a decision hangs on, and the break-even price. */
function varied({ cells }: ComparisonResult, screen: Screen): string[] {
  if (cells.length < 2) return []
  const paint = paintFor(screen)
  const heads = variedHeads((cells[0] as ComparisonCell).scenarios.length)
  const narrow = (text: string): string => cut(text, 22, glyphsFor(screen).ellipsis)
  return [paint.bold('How it changes'), ...VARIED.flatMap((measure) => ['', ...table([[`  ${measureName(measure)}`, ...heads], ...cells.map((cell) => [`  ${narrow(varyShort(cell))}`, ...variedRow(cell, measure)])], 0)]), '', ...cells.flatMap((cell) => cell.pairs.filter(({ first }) => first === 0).flatMap((pair) => hang(`  ${varyShort(cell)}: `, breakEvenWords(pair, cell, false), screen.columns)))]
}

export const VARIED_MEASURES = VARIED

export function variedHeads(scenarios: number): string[] {
  return [...Array.from({ length: scenarios }, (_, i) => letterOf(i)), 'least']
}

export function variedRow(cell: ComparisonCell, measure: MeasureId): string[] {
  return [...meansOf(cell, measure), leastWords(cell, measure)]
}

/** As typed, without the section. */
export function varyShort({ vary }: ComparisonCell): string {
  return Object.entries(vary).map(([path, value]) => `${path.split('.').at(-1) ?? path}=${value}`).join(' ')
}
