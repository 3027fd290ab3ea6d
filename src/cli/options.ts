/** The options that commands share, read once and checked. */
import { availableParallelism } from 'node:os'
import { type Command, Option } from 'commander'
import { FAULT_KINDS } from '../faults/index.ts'
import { nearest, splitSet } from '../scenario/index.ts'
import { UsageError } from './context.ts'

/** As commander hands them over. */
export interface RawOptions {
  readonly runs?: number
  readonly seed?: string
  readonly faults?: number
  readonly first?: number
  readonly without?: readonly string[]
  readonly set?: Readonly<Record<string, string>>
  /** For scripts: the engine, or the scenario whose cluster and load they run on. */
  readonly cluster?: string
  /** For scripts: `after:FILE`, what has been run before. */
  readonly start?: string
  readonly jobs?: number
  readonly shard?: { readonly n: number; readonly of: number }
  readonly json?: string
  readonly junit?: string
  readonly report?: string
  readonly quiet?: boolean
  readonly resume?: boolean
  readonly strict?: boolean
  readonly needless?: boolean
  /** For scripts: try small edits out. */
  readonly mend?: boolean
  readonly sensitivity?: boolean
  readonly sensitivityRuns?: number
}

/** What `sweep` takes besides. */
export interface SweepOptions {
  readonly seeds?: number
  readonly strengths?: 'usual' | 'range'
  readonly pairs?: boolean
  readonly rollbacks?: number
  readonly rollbacksUnderFault?: number
}

export const DEFAULT_RUNS = 500
/** Below this a second thread costs more (about half a second to start and warm up) than it gives. */
const RUNS_WORTH_THREADS = 100

/** What a bare script needs around it, wherever scripts are taken for scenarios. */
export function addScriptOptions(command: Command): Command {
  return command
    .option('--cluster <ENGINE|SCENARIO>', 'for a shell script: the engine, or a scenario whose cluster and load it runs on')
    .option('--start <after:FILE>', 'for a shell script: run FILE before, unmeasured, for the state the script presupposes')
}

export function addCampaignOptions(command: Command): Command {
  return addScriptOptions(command)
    .option('-n, --runs <N>', `how many rehearsals (default: ${DEFAULT_RUNS})`, whole('--runs', 1))
    .option('--seed <S>', 'the campaign’s seed, any text (default: 1)')
    .option('--faults <K>', 'draw 1 to K faults a rehearsal; 0 = none (default: the scenario’s faults.max)', whole('--faults', 0))
    .option('--without <KIND>', 'leave a fault kind out; may be repeated', kinds)
    .option('--set <PATH=VALUE>', 'override one value of the scenario, e.g. cluster.members=5; may be repeated', settings)
    .option('--first <N>', 'number of the first rehearsal (default: 0)', whole('--first', 0))
    .option('--jobs <J>', 'threads (default: one a processor)', whole('--jobs', 1))
    .option('--shard <i/n>', 'rehearse only the i-th of n equal parts; join the results with `proofroll merge`', shard)
    .option('--resume', 'go on with the same command that was interrupted or killed (needs its --json or --report)')
    .addOption(strictOption())
}

export const DEFAULT_SENSITIVITY_RUNS = 50

export function addSensitivityOptions(command: Command): Command {
  return command
    .option('--sensitivity', 'then vary each default within its range: which one flips the verdict, and what moves which measure')
    .option('--sensitivity-runs <N>', `rehearsals a value for --sensitivity (default: ${DEFAULT_SENSITIVITY_RUNS})`, whole('--sensitivity-runs', 1))
}

export function addSweepOptions(command: Command): Command {
  return addScriptOptions(command)
    .option('--seeds <N>', 'repeat the grid on N lucks (default: 1)', whole('--seeds', 1))
    .addOption(new Option('--strengths <WHICH>', 'usual: each fault at its usual duration and strength; range: at the least, the usual and the most (default: usual)').choices(['usual', 'range']))
    .option('--pairs', 'instead of single faults, every pair of them; take a part with --runs or --shard')
    .option('--rollbacks <N>', 'turn back at every boundary on N lucks (default: 32)', whole('--rollbacks', 0))
    .option('--rollbacks-under-fault <N>', 'the same with each kind of fault striking there (default: 1)', whole('--rollbacks-under-fault', 0))
    .option('--seed <S>', 'the luck, any text (default: 1)')
    .option('--without <KIND>', 'leave a fault kind out; may be repeated', kinds)
    .option('--set <PATH=VALUE>', 'override one value of the scenario, e.g. cluster.members=5; may be repeated', settings)
    .option('--first <N>', 'number of the first cell (default: 0)', whole('--first', 0))
    .option('-n, --runs <N>', 'at most so many cells (default: all)', whole('--runs', 1))
    .option('--jobs <J>', 'threads (default: one a processor)', whole('--jobs', 1))
    .option('--shard <i/n>', 'only the i-th of n equal parts; join the results with `proofroll merge`', shard)
    .option('--resume', 'go on with the same command that was interrupted or killed (needs its --json or --report)')
    .addOption(strictOption())
}

export function addOutputOptions(command: Command): Command {
  return command
    .option('--json <FILE>', 'write the result as JSON (-: to standard output, alone)')
    .option('--junit <FILE>', 'write JUnit XML: one test a check, an objective, and a block of a sweep')
    .addOption(new Option('--report <DIR>', 'write page, charts, result, Markdown and JUnit there (counterexamples go to reports/ otherwise)'))
    .option('-q, --quiet', 'one line a scenario')
}

export function strictOption(): Option {
  return new Option('--strict', 'fail when a fault kind, gate outcome or undo edge was never hit')
}

/** Threads for so many runs. */
export function jobsFor(options: RawOptions, runs: number): number {
  if (options.jobs !== undefined) return options.jobs
  return runs < RUNS_WORTH_THREADS ? 1 : availableParallelism()
}

export function whole(option: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) throw new UsageError(`${option} ${text}: expected a whole number from ${least} on`)
    return value
  }
}

export function settings(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const pair = splitSet(text)
  if (pair === undefined) throw new UsageError(`--set ${text}: expected PATH=VALUE, e.g. --set cluster.members=5`)
  return { ...before, [pair[0]]: pair[1] }
}

export function kinds(text: string, before: readonly string[] = []): string[] {
  const named = text.split(',').map((kind) => kind.trim())
  const known: readonly string[] = FAULT_KINDS
  const unknown = named.find((kind) => !known.includes(kind))
  if (unknown !== undefined) {
    const near = [...new Set([nearest(unknown, known), ...known.filter((kind) => unknown.length > 2 && kind.includes(unknown.toLowerCase()))])].filter((kind) => kind !== undefined)
    throw new UsageError(`--without ${unknown}: there is no such fault kind${near.length === 0 ? '.' : `; did you mean ${near.map((kind) => `\`${kind}\``).join(' or ')}?`} The kinds are: ${known.join(', ')}`)
  }
  return [...before, ...named]
}

export function shard(text: string): { n: number; of: number } {
  const [, n, of] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? []
  if (n === undefined || of === undefined || n < 1 || of < 1 || n > of) throw new UsageError(`--shard ${text}: expected i/n with i from 1 to n, e.g. --shard 1/4`)
  return { n, of }
}
