/** The command line: arguments in, exit code out. */
import { Command } from 'commander'
import { engines as builtInEngines } from '../../models/index.ts'
import { realRehearser, version } from '../campaign/index.ts'
import { check, facts, init, list } from './catalogue.ts'
import { type CompareOptions, addCompareOptions, compare, comparisonsIn } from './compare.ts'
import { type Context, type ExitCode, EXIT, screenOf } from './context.ts'
import { reportError } from './errors.ts'
import { type RawOptions, addCampaignOptions, addOutputOptions, addSensitivityOptions, addSweepOptions, settings, strictOption, type SweepOptions } from './options.ts'
import { type ReplayOptions, replayFiles } from './replay.ts'
import { merge, report } from './results.ts'
import { demo, run } from './run.ts'
import { sweep } from './sweep.ts'

const ABOUT = `Rehearses the upgrade runbook of a database on a simulated Kubernetes cluster, many times under faults, and says what gave way.

Exit code: 0 objectives held, 1 violated, 2 the input is wrong, 3 a defect of Proofroll, 130 interrupted with nothing violated so far.`

/**
 * Runs one command line.
 * @param argv the arguments, without node and script
 * @param given what to use instead of the models, screen and streams of this process (for tests)
 */
export async function main(argv: readonly string[], given: Partial<Context> = {}): Promise<ExitCode> {
  const context: Context = {
    argv,
    engines: builtInEngines,
    rehearser: realRehearser,
    enginesModule: undefined,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    screen: screenOf(process.stdout, process.env),
    watched: process.stderr.isTTY === true,
    ...given,
  }
  let code: ExitCode = EXIT.held
  const program = commands(context, (done) => (code = done))
  try {
    await program.parseAsync(withArguments(argv), { from: 'user' })
    return code
  } catch (error) {
    return reportError(error, context)
  }
}

/** What stands behind `--` is what the script is called with: `proofroll run ./upgrade.sh --cluster postgres -- --yes 15.8`. */
function withArguments(argv: readonly string[]): string[] {
  const at = argv.indexOf('--')
  return at < 0 ? [...argv] : [...argv.slice(0, at), '--set', `script.arguments=${JSON.stringify(argv.slice(at + 1))}`]
}

function commands(context: Context, exit: (code: ExitCode) => void): Command {
  const program = new Command('proofroll').description(ABOUT).version(version).exitOverride().showHelpAfterError('(`proofroll --help` shows all commands)')
  program.configureOutput({ writeOut: (text) => context.out(text), writeErr: (text) => context.err(text), getOutHelpWidth: () => context.screen.columns, getErrHelpWidth: () => context.screen.columns })

  addOutputOptions(addSensitivityOptions(addCampaignOptions(program.command('run').description('rehearse scenarios: built-in names or files; default: every scenario in this folder').argument('[scenario...]'))))
    .option('--needless', 'also rehearse without each step and each gate, and list those that no rehearsal needed')
    .option('--mend', 'for a shell script: try small edits on the same runs, and show as a diff the smallest that prevents each failure')
    .action(async (names: string[], options: RawOptions) => exit(await run(names, options, context)))
  addOutputOptions(addSweepOptions(program.command('sweep').description('the exact grid: every fault at every step and wait, rollback from every step, the operator’s mistakes').argument('[scenario...]')))
    .action(async (names: string[], options: RawOptions & SweepOptions) => exit(await sweep(names, options, context)))
  addCompareOptions(program.command('compare').description('scenarios on the same cluster, load and luck: who wins on what, by how much, and at which price of downtime').argument('[scenario...]'))
    .action(async (names: string[], options: RawOptions & CompareOptions) => exit(await compare(names, options, context)))
  addOutputOptions(addCampaignOptions(program.command('demo').description('the documented PostgreSQL wheel, then the fenced one')))
    .action(async (options: RawOptions) => exit(await demo(options, context)))
  program.command('replay').description('play counterexample files again: same or changed, and the story').argument('<file...>')
    .option('--on <SCENARIO>', 'play it on this scenario as it is now, not on the one in the file')
    .option('--explain', 'also its smallest form, since when it is inevitable, and the nearest run that passes')
    .option('--json <FILE>', 'write the result as JSON (-: to standard output, alone)')
    .action((files: string[], options: ReplayOptions) => exit(replayFiles(files, options, context)))
  program.command('check').description('everything that is wrong with scenarios or runbooks, without rehearsing them').argument('<file...>')
    .option('--engine <NAME>', 'the engine a runbook’s commands are checked against (default: the first)')
    .option('--cluster <ENGINE|SCENARIO>', 'for a shell script: the same, or a scenario whose cluster it runs on')
    .option('--set <PATH=VALUE>', 'override one value of the scenario; may be repeated', settings)
    .action((names: string[], options: { engine?: string; cluster?: string; set?: Record<string, string> }) => exit(check(names, options, context)))
  addOutputOptions(program.command('merge').description('join the JSON results of shards').argument('<file...>')).addOption(strictOption())
    .action(async (files: string[], options: RawOptions) => exit((await comparisonsIn(files, options, context)) ?? (await merge(files, options, context))))
  addOutputOptions(program.command('report').description('show JSON results again and write their reports').argument('<file...>'))
    .action(async (files: string[], options: RawOptions) => exit((await comparisonsIn(files, options, context)) ?? (await report(files, options, context))))
  program.command('list').description('built-in scenarios, engines, and what is not built yet').option('--diagram <NAME>', 'print a scenario’s runbook as a Mermaid statechart')
    .action((options: { diagram?: string }) => exit(list(options, context)))
  program.command('init').description('write a scenario and a runbook to start from').argument('<engine>')
    .action((engine: string) => exit(init(engine, context)))
  program.command('facts').description('rules of the models, with source and test').argument('[rule]', 'an id or its beginning, an engine, or a word')
    .action((rule: string | undefined) => exit(facts(rule, context)))
  // Sub-commands inherit neither the override nor the streams.
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program)
  return program
}
