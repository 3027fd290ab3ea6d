/** The shape of a comparison's file, held against its type by the compiler. */
import { CHECKS, MEASURES } from '../../result.ts'
import { aggregate, checkSummary, claimSummary, floorSummary, objectiveSummary, quantiles } from '../resultShape.ts'
import { type Shape, anything, flag, list, number, object, optional, orNull, pair, perCheck, perMeasure, perOutcome, ranges, sketch, source, text, values, word } from '../shape.ts'
import type { BreakEven, CheckComparison, ComparedScenario, ComparisonCell, ComparisonResult, MeasureComparison, PairComparison, Prices, Standing } from './result.ts'
import type { CheckPair, DifferencesJson, PairTallyJson, TallyJson } from './tally.ts'

const verdict = word(['held', 'violated'])
const winner = word(['first', 'second', 'same', 'open', 'mixed', 'incomparable'])
const maybe = orNull(number)
const interval = orNull(pair)
const measure = object<MeasureComparison>({
  measure: word(MEASURES), firstMean: number, secondMean: number, meanDifference: number, meanDifference95: interval, medianDifference: number, medianDifference95: interval,
  firstLess: number, secondLess: number, equal: number, secondLessShare95: interval, varianceRatio: maybe, winner,
})
const check = object<CheckComparison>({ check: word(CHECKS), both: number, onlyFirst: number, onlySecond: number, judged: number, onlySecondShare95: interval, winner })
const breakEven = object<BreakEven>({
  verdict: word(['firstDearer', 'secondDearer', 'first', 'second', 'same', 'open', 'incomparable']), dollarsPerMinute: maybe, interval95: orNull(list(maybe)), dollars: number, dollars95: interval, minutes: number, minutes95: interval,
  total: orNull(object<NonNullable<BreakEven['total']>>({ difference: number, interval95: interval, winner })),
})
const compared = object<PairComparison>({ first: number, second: number, runs: number, measures: list(measure), checks: list(check), breakEven })
const scenario = object<ComparedScenario>({
  scenario: text, title: text, verdict, runs: number, outcomes: perOutcome, struck: number, outOfBudget: number, checks: list(checkSummary), objectives: list(objectiveSummary), floors: list(floorSummary), claims: list(claimSummary),
  measures: perMeasure(quantiles), assumptions: list(anything), replaced: list(text), overridden: optional(list(object<NonNullable<ComparedScenario['overridden']>[number]>({ option: text, value: text, own: orNull(text) }))), upgrade: optional(list(text)), dollars: object<ComparedScenario['dollars']>({ nodes: number, labour: maybe, downtime: maybe, total: number }),
})
const whole: Shape = (value, path) => (typeof value === 'string' && /^-?\d+$/.test(value) ? undefined : `\`${path}\` is not digits`)
const differences = object<DifferencesJson>({ equal: number, less: sketch, more: sketch, squares: whole, firstSquares: whole, secondSquares: whole, firstSum: whole, secondSum: whole })
const pairTally = object<PairTallyJson>({ runs: number, measures: perMeasure(differences), checks: perCheck(object<CheckPair>({ both: number, onlyFirst: number, onlySecond: number, judged: number })), products: list(whole) })
const tally = object<TallyJson>({ aggregates: list(aggregate), pairs: list(pairTally) })
const cell = object<ComparisonCell>({
  vary: values(text), scenarios: list(scenario), pairs: list(compared), standings: list(object<Standing>({ measure: word(MEASURES), best: list(number), clear: flag })), anchoring: word(['step', 'time']),
  kinds: list(text), ranges, determinism: object<ComparisonCell['determinism']>({ twice: number, mismatches: list(number) }), sources: list(source), tally,
})

/** What `compare --json` writes. @returns what is missing or of another sort, or undefined */
export const comparisonResult = object<ComparisonResult>({
  format: number, kind: word(['comparison']), proofroll: text, engine: text, verdict, seed: text, faultsPerRun: number, without: list(text), ownClusters: flag,
  prices: object<Prices>({ downtimePerMinute: maybe, labourPerHour: maybe }), asked: ranges, partial: flag, elapsedSeconds: number, cells: list(cell),
})
