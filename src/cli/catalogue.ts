/** `proofroll list`, `facts`, `init` and `check`: what there is, why to believe it, how to begin, what is wrong. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Engine, Rule } from '../engine.ts'
import { Simulation } from '../kernel/index.ts'
import { checkRunbook, diagram, formatFindings, isShownByRun } from '../operator/index.ts'
import { count, fitted, glyphsFor, hang, paintFor, plain, writeWhole } from '../report/index.ts'
import { type InputProblem, type Scenario, ScenarioError, builtInScenarios, loadScenario, loadScenarioFrom, nearest, unknownNames } from '../scenario/index.ts'
import { scriptScenario } from './script.ts'
import { type Context, EXIT, type ExitCode, UsageError, print } from './context.ts'

/** Patterns of the documents that are not built yet: said, so that nobody looks for them in vain. */
const NOT_BUILT: readonly string[] = [
  'MySQL Ferris wheel',
  'Elasticsearch shard rebalancing',
  'backup and restore',
  'in-place major upgrade by the Zalando operator',
  'the Presslabs MySQL operator',
]

export function list(options: { readonly diagram?: string }, context: Context): ExitCode {
  if (options.diagram !== undefined) {
    context.out(`${diagram(loadScenario(options.diagram, context.engines).runbook).trimEnd()}\n`)
    return EXIT.held
  }
  const paint = paintFor(context.screen)
  const names = builtInScenarios()
  const width = Math.max(12, ...names.map((name) => name.length)) + 2
  // Where titles would be squeezed into a narrow column they stand below the names.
  const below = width + 42 > context.screen.columns
  const engineWidth = Math.max(...context.engines.map((engine) => engine.name.length)) + 2
  const lines = [paint.bold('Scenarios'), ...names.flatMap((name) => (below ? [`  ${name}`, ...hang('      ', titleOf(name, context), context.screen.columns)] : hang(`  ${name.padEnd(width)}`, titleOf(name, context), context.screen.columns)))]
  lines.push('', paint.bold('Engines'), ...context.engines.flatMap((engine) => hang(`  ${engine.name.padEnd(engineWidth)}`, `${engine.title} (${plain(engine.rules.length)} rules: proofroll facts ${engine.name})`, context.screen.columns)))
  lines.push('', paint.bold('In the documents, not built yet'), ...hang('  ', NOT_BUILT.join(', '), context.screen.columns))
  print(context, lines)
  return EXIT.held
}

/** A scenario that does not load is still listed, with the reason's first line. */
function titleOf(name: string, context: Context): string {
  try {
    return loadScenario(name, context.engines).title
  } catch (error) {
    return `(does not load: ${(error as Error).message.split('\n')[0] ?? ''})`
  }
}

/** Writes an engine's starter files into the current folder. */
export function init(name: string, context: Context): ExitCode {
  const engine = engineOf(name, context)
  const files = Object.entries(engine.starter)
  if (files.length === 0) throw new UsageError(`the engine ${name} brings no starter files`)
  const existing = files.map(([file]) => file).filter((file) => existsSync(file))
  if (existing.length > 0) throw new UsageError(`${existing.join(', ')}: already here, and not overwritten. Move it away, or run this in an empty folder.`)
  for (const [file, text] of files) writeWhole(file, text)
  const { arrow } = glyphsFor(context.screen)
  print(context, ['Written:', ...files.map(([file]) => `  ${file}`), '', `Now: proofroll run   ${arrow} rehearses the scenarios of this folder`])
  return EXIT.held
}

/** Rules of the models: all of them in a line each, or those whose id, engine or text match, in full. */
export function facts(wanted: string | undefined, context: Context): ExitCode {
  if (wanted === undefined) {
    print(context, context.engines.flatMap((engine) => rulesByModel(engine, context)))
    return EXIT.held
  }
  const asked = wanted.toLowerCase()
  const found = context.engines.flatMap((engine) => engine.rules.filter((rule) => engine.name === asked || rule.id.toLowerCase().startsWith(asked)))
  const exact = found.filter((rule) => rule.id.toLowerCase() === asked)
  const rules = exact.length > 0 ? exact : found.length > 0 ? found : context.engines.flatMap((engine) => engine.rules.filter((rule) => rule.statement.toLowerCase().includes(asked)))
  if (rules.length === 0) throw new UsageError(`no rule is named \`${wanted}\` or speaks of it${nearWords(asked, context)} \`proofroll facts\` lists them all`)
  print(context, rules.flatMap((rule, i) => [...(i > 0 ? [''] : []), ...ruleLines(rule, context)]))
  return EXIT.held
}

/** What is written almost like it: rules by their id or the beginning of one, engines, and words that rules use. */
function nearWords(asked: string, { engines }: Context): string {
  const rules = engines.flatMap((engine) => engine.rules)
  const beginnings = rules.flatMap(({ id }) => id.split('-').map((_, i, parts) => parts.slice(0, i + 1).join('-')))
  const said = asked.length < 5 ? [] : rules.flatMap(({ statement }) => statement.toLowerCase().match(/[a-z_]{5,}/g) ?? [])
  const near = [nearest(asked, [...new Set(beginnings)]), nearest(asked, engines.map(({ name }) => name)), nearest(asked, [...new Set(said)])].filter((word) => word !== undefined)
  return near.length === 0 ? ';' : `; did you mean ${[...new Set(near)].map((word) => `\`${word}\``).join(' or ')}?`
}

/** A line or more for each rule, under the model it belongs to. */
function rulesByModel(engine: Engine, context: Context): string[] {
  const models = new Map<string, Rule[]>()
  for (const rule of engine.rules) models.set(rule.model ?? engine.title, [...(models.get(rule.model ?? engine.title) ?? []), rule])
  const width = Math.max(12, ...engine.rules.map((rule) => rule.id.length)) + 2
  return [...models].flatMap(([model, rules], i) => [
    ...(i > 0 ? [''] : []),
    ...hang('', `${model}: ${count(rules.length, 'rule')}`, context.screen.columns).map(paintFor(context.screen).bold),
    ...rules.flatMap((rule) => hang(`  ${rule.id.padEnd(width)}`, rule.statement, context.screen.columns)),
  ])
}

function ruleLines(rule: Rule, context: Context): string[] {
  const { columns } = context.screen
  return [paintFor(context.screen).bold(rule.id), ...hang('  ', rule.statement, columns), ...hang('  source: ', rule.source, columns), ...hang('  test:   ', rule.test, columns)]
}

/** Checks scenarios and runbooks without rehearsing them: everything that is wrong, at once. */
export function check(names: readonly string[], options: CheckOptions, context: Context): ExitCode {
  const problems = names.flatMap((name) => {
    try {
      const scenario: Scenario = isScript(name) ? scriptScenario([name], { cluster: options.cluster ?? engineNamed(options.engine, context).name, set: options.set ?? {} }, context) : isRunbook(name) ? aroundRunbook(name, options, context) : loadScenario(name, context.engines, { set: options.set ?? {} })
      print(context, remarks(name, scenario, context))
      return wrong(scenario)
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error
      return [...error.problems]
    }
  })
  if (problems.length > 0) throw new ScenarioError(problems)
  return EXIT.held
}

/** Names in a script that nothing answers to, arguments that a program refuses: it cannot work as it stands. A rehearsal shows what comes of it, so `run` takes it all the same. */
function wrong(scenario: Scenario): InputProblem[] {
  const { engine, options, runbook } = scenario
  const absent = checkRunbook(runbook, engine.build(new Simulation({ seed: 'check' }), options).commands).filter(isShownByRun)
  return [...absent, ...unknownNames(scenario)].filter(({ severity }) => severity === 'error').map(({ place, message, line, step }) => ({ file: scenario.runbook.script?.scripts.length === 1 ? (scenario.runbook.script.scripts[0]?.file ?? '') : scenario.runbook.file, line: place.line, column: place.column, message, help: [`in line \`${step}\`: ${line ?? ''}`] }))
}

/** What is not wrong but worth a thought: gates that pass on missing data, steps that nothing undoes, and the like. */
function remarks(name: string, scenario: Scenario, context: Context): string[] {
  const { engine, options, runbook } = scenario
  const findings = [...checkRunbook(runbook, engine.build(new Simulation({ seed: 'check' }), options).commands).filter((finding) => !isShownByRun(finding) || finding.severity === 'warning'), ...unknownNames(scenario).filter(({ severity }) => severity === 'warning')].sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column)
  const steps = `${plain(runbook.steps.length)} step${runbook.steps.length === 1 ? '' : 's'}`
  const { columns } = context.screen
  if (findings.length === 0) return hang('', `${name}: every command is understood, ${steps}. Whether it holds, proofroll run tells`, columns)
  return [fitted(formatFindings(runbook, findings), columns), `${name}: can be rehearsed, ${steps}, ${plain(findings.length)} remark${findings.length === 1 ? '' : 's'}`]
}

interface CheckOptions {
  readonly engine?: string
  /** An engine or a scenario, as `run` takes it for a script. */
  readonly cluster?: string
  readonly set?: Readonly<Record<string, string>>
}

function isScript(name: string): boolean {
  return /\.(?:sh|bash)$/.test(name)
}

function isRunbook(name: string): boolean {
  return /\.runbook\.ya?ml$/.test(name)
}

/** A runbook is checked in the plainest scenario that can hold it, so that its commands meet an engine's registry. */
function aroundRunbook(file: string, { engine: engineName, set = {} }: CheckOptions, context: Context): Scenario {
  if (!existsSync(file) || !statSync(file).isFile()) throw new UsageError(`${file}: there is no such file`)
  const engine = engineNamed(engineName, context)
  const name = basename(file)
  const source = { name: 'check', yaml: `format: 1\ncluster: { engine: ${engine.name} }\nrunbook: ./${name}\ndeadline: 4h\n`, files: { [name]: readFileSync(file, 'utf8') }, set }
  try {
    return loadScenarioFrom(source, context.engines)
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error
    throw new ScenarioError(error.problems.map((problem) => (problem.file === name ? { ...problem, file } : problem)))
  }
}

function engineNamed(name: string | undefined, context: Context): Engine {
  const engine = name === undefined ? context.engines[0] : engineOf(name, context)
  if (engine === undefined) throw new UsageError('there is no engine to check commands against')
  return engine
}

function engineOf(name: string, context: Context): Engine {
  const engine = context.engines.find((each) => each.name === name)
  if (engine !== undefined) return engine
  const near = nearest(name, context.engines.map((each) => each.name))
  throw new UsageError(`there is no engine \`${name}\`${near === undefined ? ';' : `; did you mean \`${near}\`?`} ${near === undefined ? 'there' : 'There'} ${context.engines.length === 1 ? 'is' : 'are'}: ${context.engines.map((each) => each.name).join(', ')}`)
}
