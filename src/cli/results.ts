/** `proofroll merge`, `report` and `replay`: what is done with files that earlier runs wrote. */
import { readFileSync } from 'node:fs'
import { COUNTEREXAMPLE_FORMAT, type CampaignResult, type CounterexampleFile, RESULT_FORMAT, mergeResults, prepareScenario, replay, signatureKey, verdictOf, version, explain } from '../campaign/index.ts'
import { hang, outlineOf, paintFor, renderStory } from '../report/index.ts'
import { type Context, EXIT, type ExitCode, UsageError, print } from './context.ts'
import type { RawOptions } from './options.ts'
import { type Told, present } from './present.ts'

/** Joins shards: results of one scenario over disjoint runs become one; several scenarios may be mixed in the files. */
export function merge(files: readonly string[], options: RawOptions, context: Context): ExitCode {
  const byScenario = new Map<string, CampaignResult[]>()
  for (const result of files.flatMap(readResults)) byScenario.set(result.scenario, [...(byScenario.get(result.scenario) ?? []), result])
  const merged = [...byScenario.values()].map((results) => {
    const first = results[0] as CampaignResult
    const scenario = prepareScenario(first.source, context.engines, first.without)
    const { result, stories } = mergeResults(scenario, results, context.rehearser, options.strict === true)
    return { result, scenario, rehearsals: stories.map((story) => story.rehearsal) }
  })
  return present(merged, options, context)
}

/** Shows results again and writes their reports. */
export function report(files: readonly string[], options: RawOptions, context: Context): ExitCode {
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
  return { result, scenario, rehearsals }
}

/** Plays counterexample files one after the other; exit 1 if any of them still fails. */
export function replayFiles(files: readonly string[], context: Context): ExitCode {
  const codes = files.map((file, i) => {
    if (files.length > 1) print(context, [...(i > 0 ? [''] : []), paintFor(context.screen).bold(file)])
    return replayFile(file, context)
  })
  return codes.includes(EXIT.violated) ? EXIT.violated : EXIT.held
}

/** Plays a counterexample file: *same* or *changed*, then the story. Exit 1 while the failure is there, 0 once it is gone. */
function replayFile(file: string, context: Context): ExitCode {
  const found = readCounterexample(file)
  const scenario = prepareScenario(found.source, context.engines)
  const played = replay(found, scenario, context.rehearser)
  const paint = paintFor(context.screen)
  const key = signatureKey(found.signature)
  const verdict = verdictOf(played.rehearsal, key)
  const change = `trace ${found.expected.hash} when Proofroll ${found.proofroll} found it, ${played.rehearsal.hash} now (${version})`
  const head = played.is === 'same' ? `${paint.bold('same')}: ${key} fails as it did, trace ${found.expected.hash}` : `${paint.bold('changed')}: ${played.stillFails ? `still ${key}` : `${key} does not fail any more`}; ${change}`
  print(context, [...hang('', head, context.screen.columns), ''])
  const failing = verdict ?? played.rehearsal.verdicts.find((each) => each.status === 'fail')
  if (failing === undefined) {
    print(context, hang('', `The rehearsal ${played.rehearsal.outcome}; every check passes.`, context.screen.columns))
    return EXIT.held
  }
  const { check, cause, step } = failing.signature ?? found.signature
  const counterexample = { check, cause, step, evidence: failing.evidence, because: failing.because ?? [], schedule: found.schedule, faultsFound: found.schedule.length, seed: found.seed, replay: `proofroll replay ${file}`, explanation: explain(failing.evidence, failing.because ?? []) }
  print(context, renderStory({ scenario: found.scenario, outline: outlineOf(scenario.runbook), counterexample, rehearsal: played.rehearsal }, context.screen))
  return EXIT.violated
}

/** The results in a file: one or several. @throws UsageError when it holds something else */
export function readResults(file: string): CampaignResult[] {
  const parsed = readJson(file)
  const results = Array.isArray(parsed) ? parsed : [parsed]
  for (const each of results as Partial<CampaignResult>[]) {
    if (typeof each !== 'object' || each === null || each.aggregate === undefined || each.source === undefined) throw new UsageError(`${file}: this is no result of \`proofroll run --json\``)
    if (each.format !== RESULT_FORMAT) throw new UsageError(`${file}: format ${String(each.format)}; this version of Proofroll (${version}) reads format ${RESULT_FORMAT}`)
  }
  return results as CampaignResult[]
}

function readCounterexample(file: string): CounterexampleFile {
  const parsed = readJson(file) as Partial<CounterexampleFile> | null
  if (typeof parsed !== 'object' || parsed === null || parsed.kind !== 'proofroll counterexample') throw new UsageError(`${file}: this is no counterexample file (\`proofroll run\` writes them under reports/ or the folder of --report)`)
  if (parsed.format !== COUNTEREXAMPLE_FORMAT) throw new UsageError(`${file}: format ${String(parsed.format)}; this version of Proofroll (${version}) reads format ${COUNTEREXAMPLE_FORMAT}`)
  return parsed as CounterexampleFile
}

function readJson(file: string): unknown {
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
