/** `proofroll merge` and `report`: what is done with results that earlier runs wrote. */
import { readFileSync } from 'node:fs'
import { type CampaignResult, RESULT_FORMAT, campaignResult, mergeResults, prepareScenario, rehearseTwin, sensitivitiesOf, version } from '../campaign/index.ts'
import { type Context, type ExitCode, UsageError } from './context.ts'
import type { RawOptions } from './options.ts'
import type { Told } from '../report/index.ts'
import { CHECKS, MEASURES } from '../result.ts'
import { present } from './present.ts'

/** Joins shards: results of one scenario over disjoint runs become one; several scenarios may be mixed in the files. */
export async function merge(files: readonly string[], options: RawOptions, context: Context): Promise<ExitCode> {
  const byScenario = new Map<string, CampaignResult[]>()
  for (const result of files.flatMap(readResults)) byScenario.set(result.scenario, [...(byScenario.get(result.scenario) ?? []), result])
  const merged = [...byScenario.values()].map((results) => {
    const first = results[0] as CampaignResult
    const scenario = prepareScenario(first.source, context.engines, first.without)
    if (sensitivitiesOf(results).length > 1) context.err(`${first.scenario}: the parts say different things about the assumptions (--sensitivity), so this is left out\n`)
    const { result, stories } = mergeResults(scenario, results, context.rehearser, options.strict === true)
    return { result, scenario, rehearsals: stories.map((story) => story.rehearsal), twins: stories.map((story) => story.twin) }
  })
  return present(merged, options, context)
}

/** Shows results again and writes their reports. */
export async function report(files: readonly string[], options: RawOptions, context: Context): Promise<ExitCode> {
  return present(files.flatMap(readResults).map((result) => record(result, context)), options, context)
}

/** Plays each counterexample once more for its story. */
function record(result: CampaignResult, context: Context): Told {
  const scenario = prepareScenario(result.source, context.engines, result.without)
  const rehearsals = result.counterexamples.map(({ seed, schedule, hash, signature }) => {
    const rehearsal = context.rehearser.rehearse({ scenario, seed, schedule, record: true })
    if (rehearsal.hash !== hash) context.err(`${result.scenario}: ${signature} plays differently in this version (${version}; found by ${result.proofroll})\n`)
    return rehearsal
  })
  const twins = result.counterexamples.map(({ seed, schedule, explained }) => (explained === undefined ? undefined : rehearseTwin({ scenario, rehearser: context.rehearser, seed, schedule }, explained.twins)))
  return { result, scenario, rehearsals, twins }
}

/** The results in a file: one or several. @throws UsageError when it holds something else */
export function readResults(file: string): CampaignResult[] {
  const parsed = readJson(file)
  const results = Array.isArray(parsed) ? parsed : [parsed]
  for (const each of results as Partial<CampaignResult>[]) {
    if (typeof each !== 'object' || each === null || each.aggregate === undefined || each.source === undefined) throw new UsageError(`${file}: this is no result of \`proofroll run --json\``)
    if (each.format !== RESULT_FORMAT) throw new UsageError(`${file}: format ${String(each.format)}; this version of Proofroll (${version}) reads format ${RESULT_FORMAT}`)
    refuseOtherMeasures(file, each)
    refuseOtherShape(file, campaignResult(each, ''), each.proofroll)
  }
  return results as CampaignResult[]
}

/**
 * Builds of one version may count different things: such a result can neither be shown in full nor joined with another.
 * @throws UsageError that names what one of them does not know
 */
function refuseOtherMeasures(file: string, { aggregate, proofroll }: Partial<CampaignResult>): void {
  for (const [what, mine, theirs] of [['measure', MEASURES, aggregate?.measures], ['check', CHECKS, aggregate?.checks]] as const) {
    if (typeof theirs !== 'object' || theirs === null) continue
    const there = Object.keys(theirs)
    const [lacks, more] = [mine.filter((id) => !there.includes(id)), there.filter((id) => !(mine as readonly string[]).includes(id))]
    const words = [lacks.length > 0 ? `lacks the ${what}${lacks.length === 1 ? '' : 's'} ${lacks.join(', ')}` : '', more.length > 0 ? `has the ${what}${more.length === 1 ? '' : 's'} ${more.join(', ')}, which this one does not know` : ''].filter((part) => part !== '')
    if (words.length > 0) throw new UsageError(`${file}: another build of Proofroll wrote this (it says ${String(proofroll)}; this is ${version}): it ${words.join(', and ')}. Rehearse again with this build, or show it with that one`)
  }
}

/**
 * Within one format fields were added from version to version.
 * @param wrong what is missing or of another sort than this version needs, if anything
 * @param writtenBy the version that the file names
 * @throws UsageError saying that
 */
export function refuseOtherShape(file: string, wrong: string | undefined, writtenBy: unknown): void {
  if (wrong === undefined) return
  throw new UsageError(`${file}: ${wrong}: another version or build of Proofroll wrote this file (it says ${typeof writtenBy === 'string' ? writtenBy : 'nothing'}; this is ${version}), or it is damaged. Make it again with this version`)
}

/** Parses a JSON file. @throws UsageError when there is none, or it is something else */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(`${file}: ${error.message}; expected a JSON file that Proofroll wrote`)
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new UsageError(`there is no file ${file}`)
    if (code === 'EISDIR') throw new UsageError(`${file} is a folder: name a file in it`)
    throw error
  }
}
