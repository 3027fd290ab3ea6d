/** `proofroll replay`: counterexample files played again, on the scenario they carry or on one as it is now. */
import { COUNTEREXAMPLE_FORMAT, type CounterexampleFile, type Explanation, type Replay, counterexampleFile, explainFailure, prepareScenario, rehearseTwin, replay, signatureKey, verdictOf, version } from '../campaign/index.ts'
import { type Story, hang, outlineOf, paintFor, renderStory, toJson } from '../report/index.ts'
import type { RehearsalResult } from '../result.ts'
import { type Scenario, loadScenario } from '../scenario/index.ts'
import { type Context, EXIT, type ExitCode, UsageError, print, writeJson } from './context.ts'
import { readJson, refuseOtherShape } from './results.ts'

export interface ReplayOptions {
  /** Play it on this scenario instead of the one in the file. */
  readonly on?: string
  /** Look for the smallest form, since when it is inevitable, and the nearest passing run. */
  readonly explain?: boolean
  readonly json?: string
}

/** A replay as data. */
interface Played {
  readonly found: CounterexampleFile
  readonly scenario: Scenario
  readonly replay: Replay
  /** How it fails now: as the file says, else the first way it fails at all. */
  readonly failing: RehearsalResult['verdicts'][number] | undefined
  readonly explanation?: Explanation | undefined
  readonly twin?: RehearsalResult | undefined
}

/** Plays counterexample files one after the other. Exit 1 if anything still fails in any of them, 0 once nothing does. */
export function replayFiles(files: readonly string[], options: ReplayOptions, context: Context): ExitCode {
  const played = files.map((file) => play(file, options, context))
  const json = () => {
    const results = played.map((each, i) => resultOf(each, files[i] as string, options))
    return toJson(results.length === 1 ? results[0] : results)
  }
  if (options.json === undefined || !writeJson(options.json, json(), context)) {
    played.forEach((each, i) => {
      if (files.length > 1) print(context, [...(i > 0 ? [''] : []), paintFor(context.screen).bold(files[i] as string)])
      tell(each, files[i] as string, options, context)
    })
  }
  return played.some(({ failing }) => failing !== undefined) ? EXIT.violated : EXIT.held
}

function play(file: string, { on, explain }: ReplayOptions, context: Context): Played {
  const found = readCounterexample(file)
  refuseFunctions(found, file)
  const { rehearser, engines } = context
  const scenario = on === undefined ? prepareScenario(found.source, engines) : loadScenario(on, engines, {})
  // The smallest form leaves out steps of the runbook as it was: it says nothing about another one.
  const { smallest: _, ...whole } = found
  const played = replay(on === undefined ? found : whole, scenario, rehearser)
  const failing = verdictOf(played.rehearsal, signatureKey(found.signature)) ?? played.rehearsal.verdicts.find((each) => each.status === 'fail')
  if (explain !== true || failing?.signature === undefined) return { found, scenario, replay: played, failing }
  const { seed, schedule } = found
  const what = { scenario, rehearser, seed, schedule, signature: failing.signature, result: played.rehearsal }
  const explanation = explainFailure(what)
  return { found, scenario, replay: played, failing, explanation, twin: rehearseTwin(what, explanation.twins) }
}

/** What a test suite wrote as functions is not in its files. */
function refuseFunctions({ signature, schedule }: CounterexampleFile, file: string): void {
  const own = [...schedule.map(({ kind }) => kind), signature.check].find((word: string) => word.startsWith('x-'))
  if (own !== undefined) throw new UsageError(`${file}: \`${own}\` is a function of the test suite that found this\n    play it there: rehearsal(scenario, { replay: ${JSON.stringify(file)} })`)
}

function tell(played: Played, file: string, options: ReplayOptions, context: Context): void {
  const { found, scenario, replay: { rehearsal, smallest }, failing } = played
  const { columns } = context.screen
  print(context, [...hang('', headOf(played, options, context), columns), ...(smallest === null ? [] : hang('', smallestWords(smallest), columns)), ...strayFaults(rehearsal, columns), ''])
  if (failing === undefined) return print(context, hang('', `The rehearsal ${rehearsal.outcome}; every check passes.`, columns))
  const { check, cause, step } = failing.signature ?? found.signature
  const again = `proofroll replay ${/\s/.test(file) ? JSON.stringify(file) : file}${options.on === undefined ? '' : ` --on ${options.on}`}`
  const counterexample: Story['counterexample'] = { check, cause, step, evidence: failing.evidence, because: failing.because ?? [], schedule: found.schedule, faultsFound: found.schedule.length, seed: found.seed, replay: again, explained: played.explanation }
  print(context, renderStory({ scenario: scenario.name, outline: outlineOf(scenario.runbook), counterexample, rehearsal, twin: played.twin, remedies: scenario.engine.remedies }, context.screen))
  if (options.explain !== true) print(context, ['', `  ${again} --explain`])
}

/** *same* or *changed*, and what that means. */
function headOf({ found, replay: { is, stillFails, rehearsal } }: Played, { on }: ReplayOptions, context: Context): string {
  const paint = paintFor(context.screen)
  const key = signatureKey(found.signature)
  if (is === 'same') return `${paint.bold('same')}: ${key} fails as it did, trace ${found.expected.hash}`
  if (rehearsal.hash === found.expected.hash && !stillFails) return `${paint.bold('changed')}: the same trace ${rehearsal.hash}, but ${key} does not fail any more: what is checked has changed since Proofroll ${found.proofroll} (this is ${version})`
  if (rehearsal.hash === found.expected.hash) return `${paint.bold('changed')}, but only its smallest form: ${key} fails as it did, trace ${found.expected.hash}`
  const now = stillFails ? `still ${key}` : `${key} does not fail any more`
  if (on !== undefined) return `${paint.bold('changed')}: on ${on} as it is now, ${now}`
  return `${paint.bold('changed')}: ${now}; trace ${found.expected.hash} when Proofroll ${found.proofroll} found it, ${rehearsal.hash} now (${version})`
}

function smallestWords({ is, stillFails, hash }: NonNullable<Replay['smallest']>): string {
  return is === 'same' ? `Its smallest form too: same, trace ${hash}` : `Its smallest form: changed, ${stillFails ? 'still fails' : 'does not fail any more'}`
}

/** A fault that found nothing to strike, because the runbook has changed, is no evidence of anything: it is said. */
function strayFaults({ faults }: RehearsalResult, columns: number): string[] {
  return faults.filter((fault) => !fault.struck).flatMap((fault) => hang('', `The ${fault.kind} of ${fault.target} did not strike: ${fault.why}`, columns))
}

function resultOf({ found, replay: { is, stillFails, rehearsal, smallest }, failing, explanation }: Played, file: string, { on }: ReplayOptions): object {
  return {
    format: COUNTEREXAMPLE_FORMAT,
    kind: 'proofroll replay',
    proofroll: version,
    file,
    ...(on === undefined ? {} : { on }),
    is,
    stillFails,
    signature: found.signature,
    expected: found.expected.hash,
    hash: rehearsal.hash,
    smallest,
    outcome: rehearsal.outcome,
    failing: failing === undefined ? null : { signature: failing.signature, evidence: failing.evidence, because: failing.because },
    ...(explanation === undefined ? {} : { explained: explanation }),
  }
}

function readCounterexample(file: string): CounterexampleFile {
  const parsed = readJson(file) as Partial<CounterexampleFile> | null
  if (typeof parsed !== 'object' || parsed === null || parsed.kind !== 'proofroll counterexample') throw new UsageError(`${file}: this is no counterexample file (\`proofroll run\` writes them under reports/ or the folder of --report)`)
  if (parsed.format !== COUNTEREXAMPLE_FORMAT) throw new UsageError(`${file}: format ${String(parsed.format)}; this version of Proofroll (${version}) reads format ${COUNTEREXAMPLE_FORMAT}`)
  refuseOtherShape(file, counterexampleFile(parsed, ''), parsed.proofroll)
  return parsed as CounterexampleFile
}
