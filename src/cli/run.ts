/** `proofroll run`, and what `npm start` shows. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { type Campaign, type CampaignResult, type Mends, type Sensitivity, type StrategySpec, analyseSensitivity, endingOf, findMends, findNeedless, runAgain, runCampaign, variantsOf, withoutKinds } from '../campaign/index.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import { listenForInterruption } from './interrupt.ts'
import { type Told, count, glyphsFor, hang, paintFor, plain } from '../report/index.ts'
import { type InputProblem, type Scenario, ScenarioError, builtInScenarios, loadScenario } from '../scenario/index.ts'
import { type Context, EXIT, type ExitCode, UsageError, print } from './context.ts'
import { scriptScenario } from './script.ts'
import { DEFAULT_RUNS, DEFAULT_SENSITIVITY_RUNS, type RawOptions, jobsFor } from './options.ts'
import { present } from './present.ts'
import { openProgress } from './progress.ts'

/** The demonstration: a documented procedure, then the corrected one. */
const DEMO = ['postgres-ferris-wheel/as-documented', 'postgres-ferris-wheel/fenced'] as const
const DEMO_RUNS = 200

export async function run(names: readonly string[], options: RawOptions, context: Context): Promise<ExitCode> {
  return rehearse(scenariosFor(names, 'run', options, context), options, context)
}

/** The scenarios named, or those of this folder. @param command the command's name, for messages */
export function scenariosFor(names: readonly string[], command: string, options: RawOptions, context: Context): Scenario[] {
  const found = names.length > 0 ? names : scenarioFilesHere()
  // Never the demonstration instead: in the wrong folder a CI job would go green on somebody else's runbook.
  if (found.length === 0) throw new UsageError(`there is no scenario in this folder\n    name one: \`proofroll ${command} upgrade.yaml\`, or a built-in of \`proofroll list\`\n    \`proofroll init postgres\` writes one to start from; \`proofroll demo\` shows the demonstration`)
  const scripts = found.filter((name) => /\.(?:sh|bash)$/.test(name))
  if (scripts.length > 0 && command === 'compare') return scriptsApart(found, options, context)
  if (scripts.length > 0 && (options.cluster !== undefined || scripts.length === found.length)) return [scriptScenario(found, options, context)]
  const runbook = found.find((name) => /\.(?:runbook\.ya?ml|sh|bash)$/.test(name))
  if (runbook !== undefined) throw new UsageError(`${runbook}: this is a runbook; name the scenario that says on which cluster it runs (\`runbook: ./${basename(runbook)}\`), or check it with \`proofroll check ${runbook}\``)
  return loadAll(found, options.set ?? {}, context)
}

/** To be compared, each script is a scenario of its own (in a campaign they are one runbook, run in order); scenarios may be named beside them. */
function scriptsApart(names: readonly string[], options: RawOptions, context: Context): Scenario[] {
  const isScript = (name: string): boolean => /\.(?:sh|bash)$/.test(name)
  const base = (name: string): string => name.replace(/^.*\//, '').replace(/\.(?:sh|bash)$/, '')
  const twice = names.find((name, i) => names.findIndex((other) => resolve(other) === resolve(name)) !== i)
  if (twice !== undefined) throw new UsageError(`${twice} is named twice`)
  const others = loadAll(names.filter((name) => !isScript(name)), options.set ?? {}, context)
  return names.map((name) => {
    if (!isScript(name)) return others.shift() as Scenario
    // Two of one name in different folders are told apart by their paths.
    const alone = names.filter((other) => isScript(other) && base(other) === base(name)).length === 1
    return scriptScenario([name], options, context, alone ? base(name) : name.replace(/^(?:\.\/)+/, '').replace(/\.(?:sh|bash)$/, ''))
  })
}

/** Runs the demonstration. It shows a failure on purpose, so it succeeds unless something is wrong with Proofroll itself. */
export async function demo(options: RawOptions, context: Context): Promise<ExitCode> {
  const known = builtInScenarios()
  const names = DEMO.filter((name) => known.includes(name))
  if (names.length === 0) throw new UsageError('the demonstration scenarios are not in this package; name a scenario: `proofroll list` shows them')
  const code = await rehearse(loadAll(names, options.set ?? {}, context), { runs: DEMO_RUNS, ...options }, context)
  if (options.quiet !== true) print(context, nextSteps(context))
  return code === EXIT.violated ? EXIT.held : code
}

function nextSteps(context: Context): string[] {
  const paint = paintFor(context.screen)
  const { ellipsis } = glyphsFor(context.screen)
  const item = (command: string, words: string): string[] => hang(`  ${command.padEnd(34)}`, words, context.screen.columns)
  return [
    '',
    paint.bold('What to do next'),
    ...item('proofroll init postgres', 'a scenario and a runbook of your own, to edit'),
    ...item('proofroll run', 'rehearse the scenarios in this folder'),
    ...item(`proofroll run ${ellipsis} --faults 2`, 'with up to two faults a rehearsal'),
    ...item('proofroll list', 'what else is built in'),
    '  From this checkout, write `npm run proofroll -- run` for `proofroll run`.',
  ]
}

/** What is explored instead of random draws. */
export interface Exploring {
  readonly strategy: StrategySpec
  /** Told of each scenario before it is rehearsed. */
  announce(scenario: Scenario): void
}

/** Rehearses scenarios and shows what came of it. */
export async function rehearse(scenarios: readonly Scenario[], options: RawOptions, context: Context, exploring?: Exploring): Promise<ExitCode> {
  const stepped = scenarios.find(({ runbook }) => runbook.script === undefined)
  if (options.mend === true && stepped !== undefined) throw new UsageError(`${stepped.name}: --mend edits shell scripts, and this runbook is a list of steps\n    which one change of a step would have helped, \`proofroll replay FILE --explain\` tells`)
  const checkpoint = openCheckpoint(options, scenarios.map((scenario) => scenario.name), context)
  const interruption = listenForInterruption(context)
  try {
    const told = await rehearseAll(scenarios, { ...options, checkpoint, stop: interruption.signal, exploring }, context)
    const code = await present(told, options, context)
    if (told.every(({ result }) => !result.partial)) checkpoint.remove()
    else context.err(checkpoint.file === undefined ? 'Nothing was kept to go on with: with --json FILE it would be.\n' : `To go on: the same command with --resume (${checkpoint.file} holds what is done).\n`)
    return code
  } finally {
    interruption.close()
  }
}

interface Underway extends RawOptions {
  readonly checkpoint: Checkpoint
  readonly stop: AbortSignal
  readonly exploring: Exploring | undefined
}

async function rehearseAll(scenarios: readonly Scenario[], options: Underway, context: Context): Promise<Told[]> {
  const told: Told[] = []
  for (const scenario of scenarios) {
    options.exploring?.announce(scenario)
    if (options.exploring === undefined && (options.faults ?? scenario.faults.max) > 0 && withoutKinds(scenario, options.without ?? []).faults.kinds.length === 0) {
      throw new UsageError(`${scenario.name}: every fault kind is left out, so there is none to draw; use --faults 0`)
    }
    const { result: found, stories } = await campaignOf(scenario, options, context)
    const tried = options.needless === true && !options.stop.aborted ? await withNeedless(found, scenario, options, context) : found
    const again = found.partial || options.stop.aborted ? undefined : runAgain(withoutKinds(scenario, found.without), context.rehearser, found, options.stop)
    const ending = found.partial || options.stop.aborted ? undefined : endingOf(withoutKinds(scenario, found.without), context.rehearser, found)
    const judged = { ...tried, ...(ending === undefined ? {} : { ending }), ...(again === undefined ? {} : { again }) }
    const mended = options.mend === true && !found.partial && !options.stop.aborted ? { ...judged, mends: await mendsOf(scenario, found, options, context) } : judged
    const result = options.sensitivity === true && !found.partial ? { ...mended, sensitivity: await sensitivityOf(scenario, found, options, context) } : mended
    told.push({ result, scenario, rehearsals: stories.map((story) => story.rehearsal), twins: stories.map((story) => story.twin) })
  }
  return told
}

/** Takes each step and gate out in turn, on a sample of the campaign's runs. Stopped in the middle, it says nothing. */
async function withNeedless(result: CampaignResult, scenario: Scenario, { without = [], runs = DEFAULT_RUNS, quiet, stop }: Underway, context: Context): Promise<CampaignResult> {
  const progress = openProgress(`${scenario.name} without`, context, quiet === true, 'steps taken out')
  try {
    const how = { seed: result.seed, strategy: result.strategy, runs, stop, onProgress: (done: number, total: number) => progress.update(done, total, 0) }
    const needless = await findNeedless(withoutKinds(scenario, without), context.rehearser, how)
    return needless === undefined ? result : { ...result, needless }
  } finally {
    progress.stop()
  }
}

/** Tries small edits of the script out, on the campaign's own runs. */
async function mendsOf(scenario: Scenario, result: CampaignResult, { quiet, stop }: Underway, context: Context): Promise<Mends> {
  const progress = openProgress(`${scenario.name}: mending`, context, quiet === true, 'edits tried')
  try {
    return await findMends(withoutKinds(scenario, result.without), context.rehearser, { result, stop, onProgress: (done, total) => progress.update(done, total, 0) })
  } finally {
    progress.stop()
  }
}

async function campaignOf(scenario: Scenario, options: Underway, context: Context): Promise<Campaign> {
  const { faults, without, shard, first, strict, checkpoint, stop, exploring } = options
  const resume = checkpoint.partOf(scenario.name)
  // A grid has an end of its own.
  const runs = options.runs ?? (exploring === undefined ? DEFAULT_RUNS : Infinity)
  const progress = openProgress(scenario.name, context, options.quiet === true)
  try {
    return await runCampaign(
      scenario,
      {
        runs,
        seed: options.seed ?? '1',
        jobs: jobsFor(options, runs),
        stop,
        onRange: checkpoint.file === undefined ? () => undefined : (soFar) => checkpoint.keep(soFar()),
        onProgress: (done, total, violated) => progress.update(done, total, violated),
        ...(exploring === undefined ? {} : { strategy: exploring.strategy }),
        ...(faults === undefined ? {} : { faults }),
        ...(without === undefined ? {} : { without }),
        ...(strict === undefined ? {} : { strict }),
        ...(resume === undefined ? {} : { resume }),
        ...(shard === undefined ? {} : { shard }),
        ...(first === undefined ? {} : { firstRun: first }),
        ...(context.enginesModule === undefined ? {} : { enginesModule: context.enginesModule }),
      },
      context.rehearser,
    )
  } finally {
    progress.stop()
  }
}

/** Varies the scenario's defaults, as many rehearsals a value as was asked for; says first what that costs. */
async function sensitivityOf(scenario: Scenario, { seed, strategy, without }: CampaignResult, options: Underway, context: Context): Promise<Sensitivity> {
  const runs = options.sensitivityRuns ?? DEFAULT_SENSITIVITY_RUNS
  const variants = variantsOf(scenario)
  const total = (variants.length + 1) * runs
  if (options.quiet !== true) context.err(`${scenario.name}: sensitivity: ${count(variants.length, 'value')} of ${count(new Set(variants.map(({ assumption }) => assumption.option)).size, 'assumption')}, ${plain(total)} rehearsals, and a few more where the verdict flips\n`)
  const progress = openProgress(`${scenario.name}: sensitivity`, context, options.quiet === true)
  try {
    const { stop } = options
    const { enginesModule } = context
    return await analyseSensitivity(scenario, { runs, seed, strategy, without, stop, enginesModule, jobs: jobsFor(options, total), onProgress: (done, of) => progress.update(done * runs, of * runs, 0) }, context.rehearser)
  } finally {
    progress.stop()
  }
}

/** Loads every scenario before any is rehearsed, so that all that is wrong comes at once. */
function loadAll(names: readonly string[], set: Readonly<Record<string, string>>, context: Context): Scenario[] {
  const problems: InputProblem[] = []
  const loaded = names.flatMap((name) => {
    try {
      return [loadScenario(name, context.engines, { set })]
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error
      problems.push(...error.problems)
      return []
    }
  })
  if (problems.length > 0) throw new ScenarioError(problems)
  const twice = loaded.find((scenario, i) => loaded.findIndex((other) => other.name === scenario.name) !== i)
  if (twice !== undefined) throw new UsageError(`${twice.name} is named twice`)
  return loaded
}

/** The scenario files of the current folder: YAML that says `format:` and `cluster:` or `extends:`, so that other YAML may lie there too. */
function scenarioFilesHere(): string[] {
  if (!existsSync('.')) return []
  const candidates = readdirSync('.').filter((file) => /\.ya?ml$/.test(file) && !/\.runbook\.ya?ml$/.test(file) && !file.startsWith('_'))
  return candidates.filter((file) => {
    const text = readFileSync(file, 'utf8')
    return /^format:/m.test(text) && /^(?:cluster|extends):/m.test(text)
  }).sort()
}
