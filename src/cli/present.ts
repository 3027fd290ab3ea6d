/** Shows results and writes the files that were asked for. */
import { dirname } from 'node:path'
import { type CampaignResult, countRuns, sampleOf, withoutKinds, worstOf } from '../campaign/index.ts'
import { type Screen, type Told, badgeWords, causeNamed, count, divergenceWords, glyphsFor, hang, outlineOf, paintFor, plain, renderJUnit, renderMends, renderStory, renderSummary, resultJson, sentence, storiesOf, violationWords, writeCounterexamples, writeReport, writeWhole } from '../report/index.ts'
import { type Context, EXIT, type ExitCode, print, writeJson } from './context.ts'
import type { RawOptions } from './options.ts'

/** Where counterexamples go when no folder is named. */
export const DEFAULT_FOLDER = 'reports'
/** Counterexamples named after the one that is told in full. */
const OTHERS_SHOWN = 6

/** Writes the files, prints the summaries and says with which code to exit. */
export async function present(told: readonly Told[], options: Pick<RawOptions, 'json' | 'junit' | 'report' | 'quiet'>, context: Context): Promise<ExitCode> {
  const written = told.map((each): Told => ({ ...each, result: withResume(writeCounterexamples(each.result, options.report ?? DEFAULT_FOLDER), context) }))
  const results = written.map((each) => each.result)
  const onlyJson = options.json !== undefined && writeJson(options.json, resultJson(results), context)
  if (options.junit !== undefined) writeWhole(options.junit, renderJUnit(results))
  const missing = options.report === undefined ? [] : await writeReport(written.map((each): Told => withSamples(each, context)), options.report)
  if (options.quiet === true && !onlyJson) print(context, results.flatMap((result) => oneLine(result, context.screen)))
  else if (!onlyJson) show(written, context)
  for (const words of missing) context.err(`${options.report ?? ''}: ${words}\n`)
  const mismatches = results.flatMap((result) => result.determinism.mismatches)
  if (mismatches.length > 0) {
    const where = results.flatMap(({ determinism }) => (determinism.divergence === null ? [] : [` ${divergenceWords(determinism.divergence)}`]))
    context.err(`proofroll has a defect: run ${mismatches.join(', ')} differed when it was repeated.${where.join('')} Please report it with the command you typed.\n`)
    return EXIT.defect
  }
  if (results.some((result) => result.verdict === 'violated')) return EXIT.violated
  return results.some((result) => result.partial || result.sensitivity?.complete === false) ? EXIT.interrupted : EXIT.held
}

/** With rehearsals to look at: one as it went where there is no counterexample, and the worst. */
function withSamples(told: Told, { rehearser }: Context): Told {
  const scenario = withoutKinds(told.scenario, told.result.without)
  return { ...told, sample: sampleOf(scenario, rehearser, told.result), worst: worstOf(scenario, rehearser, told.result) }
}

/** A partial result says how to go on: with the command that made it. */
function withResume(result: CampaignResult, { argv }: Context): CampaignResult {
  if (!result.partial || (argv[0] !== 'run' && argv[0] !== 'demo' && argv[0] !== 'sweep')) return result
  const words = argv.filter((word) => word !== '--resume').map((word) => (/^[\w./=,:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
  return { ...result, resume: `proofroll ${words.join(' ')} --resume` }
}

function show(told: readonly Told[], context: Context): void {
  const { screen } = context
  const rule = glyphsFor(screen).rule.repeat(screen.columns)
  told.forEach((each, i) => print(context, [...(i > 0 ? ['', paintFor(screen).dim(rule), ''] : []), ...tell(each, screen)]))
  if (told.length > 1) print(context, ['', paintFor(screen).dim(rule), '', ...told.flatMap((each) => oneLine(each.result, screen))])
}

function oneLine(result: CampaignResult, screen: Screen): string[] {
  const paint = paintFor(screen)
  const badge = badgeWords(result)
  const colour = result.verdict === 'violated' ? paint.red : result.partial ? paint.yellow : paint.green
  const part = result.partial ? `${plain(result.runs)} of ${plain(countRuns(result.asked))} rehearsals are done. ` : ''
  const lines = hang(`${badge.padEnd(9)} `, `${result.scenario}: ${part}${sentence(result)}`, screen.columns)
  return lines.map((line, i) => (i > 0 ? line : line.replace(badge, colour(badge))))
}

/** Summary, the story of the gravest counterexample, and the others in a line each. */
export function tell(told: Told, screen: Screen): string[] {
  const story = storiesOf(told)[0]
  const lines = renderSummary(told.result, screen, outlineOf(told.scenario.runbook), { scenario: told.scenario, story })
  if (story !== undefined) lines.push('', ...renderStory(story, screen))
  const mends = renderMends(told.result, screen)
  return [...lines, ...renderOthers(told.result, screen), ...(mends.length > 0 ? ['', ...mends] : [])]
}

/** The counterexamples that are not told: one of each other check first, then more of the same. */
function renderOthers(result: CampaignResult, screen: Screen): string[] {
  const [told, ...others] = result.counterexamples
  if (told === undefined || others.length === 0) return []
  const firsts = others.filter((each, i) => each.check !== told.check && others.findIndex((other) => other.check === each.check) === i)
  // One of each other check, so that none is missed, then more of the same; told in the order of the result, the gravest first.
  const chosen = new Set([...firsts, ...others.filter((each) => !firsts.includes(each))].slice(0, OTHERS_SHOWN))
  const shown = others.filter((each) => chosen.has(each))
  const lines = ['', paintFor(screen).bold('Other ways it failed, the gravest first, and in how many rehearsals')]
  for (const each of shown) {
    const runs = result.signatures.find((s) => s.check === each.check && s.cause === each.cause && s.step === each.step)?.runs ?? 0
    const where = each.step === '-' ? '' : ` at step ${each.step}`
    const words = `${violationWords(each.check)}${where}: ${causeNamed(each.cause)}, ${each.faults === 0 ? 'no fault needed' : count(each.faults, 'fault')}`
    lines.push(...hang(`${plain(runs).padStart(8)}  `, screen.unicode ? words : words.replace(/’/g, "'"), screen.columns))
  }
  if (others.length > shown.length) lines.push(`          and ${others.length - shown.length} more`)
  const folder = told.file === null ? undefined : dirname(told.file)
  return folder === undefined ? lines : [...lines, ...hang('  ', `Each has a file in ${folder} for \`proofroll replay\`.`, screen.columns)]
}
