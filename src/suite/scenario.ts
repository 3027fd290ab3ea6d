/** Scenarios given in code: a scenario file and what differs from it, a runbook of typed calls, and functions of the suite's own. */
import { basename, dirname, relative, resolve } from 'node:path'
import { stringify } from 'yaml'
import { engines as builtInEngines } from '../../models/index.ts'
import type { Engine } from '../engine.ts'
import type { RunbookSource } from '../operator/index.ts'
import { findScenario, loadScenarioWritten, type Scenario } from '../scenario/index.ts'
import { type OwnCommand, withCommands } from './commands.ts'
import { type OwnFault, withFaults } from './faults.ts'
import { type OwnCheck, type OwnProbe, type OwnScenario, ownWith } from './own.ts'

export interface ScenarioInCode {
  /** A built-in scenario (`postgres-ferris-wheel/fenced`) or a scenario file: everything that is not said here is as it says. */
  readonly base?: string
  /** Keys of a scenario file, over those of the base: `{ cluster: { engine: 'postgres', members: 5 }, deadline: '4h' }`. */
  readonly document?: Readonly<Record<string, unknown>>
  /** The runbook as typed calls (`runbook({ title, steps: [run('…'), gate('…')] })`), or the path of a runbook file. */
  readonly runbook?: RunbookSource | string
  /** Overrides by path, as `--set`: `{ 'cluster.members': 5 }`. */
  readonly set?: Readonly<Record<string, string | number | boolean>>
  /** Its name in stories and under reports/. Default: that of the base, or `in-code`. */
  readonly name?: string
  /** Faults of one's own; they are drawn like the engine's. */
  readonly faults?: readonly OwnFault[]
  /** Commands of one's own, as functions. Those that have no effect can stand in the document: `commands: { notify: { output: 'sent' } }`. */
  readonly commands?: readonly OwnCommand[]
  /** Checks of one's own; `toHold()` judges them too. */
  readonly checks?: readonly OwnCheck[]
  /** What must happen at least once. */
  readonly probes?: readonly OwnProbe[]
  /** Default: the models of this package. */
  readonly engines?: readonly Engine[]
}

/**
 * Loads a scenario given in code, or by name. All of it but the functions is plain data: a failure's file carries the runbook as text and replays
 * anywhere.
 * @throws ScenarioError with everything that is wrong, as for a file
 */
export function scenario(given: ScenarioInCode | string): OwnScenario {
  const { base, document = {}, runbook, set = {}, faults = [], commands = [], checks = [], probes = [], engines = builtInEngines, ...rest } = typeof given === 'string' ? { base: given } : given
  const own = ownWith(checks, probes, faults.length + commands.length > 0)
  const found = base === undefined ? undefined : findScenario(base)
  const name = ('name' in rest ? rest.name : undefined) ?? found?.name ?? 'in-code'
  // Beside its base, so that what that names is found; under a name that no file there can have.
  const folder = found === undefined ? process.cwd() : dirname(resolve(found.path))
  const main = `${name}${IN_CODE}`
  const inline = typeof runbook === 'object'
  const runbookFile = `${basename(name)}${IN_CODE}.runbook.yaml`
  const text = {
    ...('format' in document ? {} : { format: 1 }),
    ...(found === undefined ? {} : { extends: `./${basename(found.path)}` }),
    ...document,
    ...(runbook === undefined ? {} : { runbook: inline ? `./${runbookFile}` : posix(relative(folder, resolve(runbook))) }),
  }
  const written = { name: main, folder, yaml: yamlOf(text), files: inline ? { [runbookFile]: yamlOf(runbook) } : {} }
  const texts = Object.fromEntries(Object.entries(set).map(([path, value]) => [path, String(value)]))
  const loaded: Scenario = loadScenarioWritten(written, withCommands(withFaults(engines, faults), commands), { set: texts })
  return { ...loaded, name, own }
}

const IN_CODE = '.in-code'

/** Long lines stay whole, so that a command in a file looks as it was written. */
function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0 })
}

function posix(path: string): string {
  return path.replaceAll('\\', '/')
}
