/** `proofroll compare`: scenarios on the same cluster, load and luck, and who wins on what. */
import type { Command } from 'commander'
import { COMPARISON_FORMAT, type ComparisonResult, type Varied, comparisonResult, mergeComparisons, runComparison, version } from '../campaign/index.ts'
import { renderComparison, toJson, writeComparisonReport } from '../report/index.ts'
import { type Context, EXIT, type ExitCode, UsageError, print, writeJson } from './context.ts'
import { listenForInterruption } from './interrupt.ts'
import { DEFAULT_RUNS, type RawOptions, addScriptOptions, jobsFor, kinds, settings, shard as shardOption, whole } from './options.ts'
import { openProgress } from './progress.ts'
import { readJson, refuseOtherShape } from './results.ts'
import { scenariosFor } from './run.ts'

export interface CompareOptions {
  readonly vary?: readonly Varied[]
  readonly downtimePrice?: number
  readonly labourPrice?: number
  readonly ownClusters?: boolean
}

export function addCompareOptions(command: Command): Command {
  return addScriptOptions(command)
    .option('-n, --runs <N>', `how many rehearsals of each (default: ${DEFAULT_RUNS})`, whole('--runs', 1))
    .option('--seed <S>', 'the seed, any text (default: 1)')
    .option('--faults <K>', 'the same 1 to K faults for all; 0 = none (default: faults.max of the first)', whole('--faults', 0))
    .option('--without <KIND>', 'leave a fault kind out; may be repeated', kinds)
    .option('--set <PATH=VALUE>', 'override one value of all scenarios, e.g. cluster.members=5; may be repeated', settings)
    .option('--vary <KEY=V1,V2>', 'compare at each value, e.g. writesPerSecond=100,10000; may be repeated (every combination)', variations)
    .option('--downtime-price <DOLLARS>', 'dollars a minute of write downtime', dollars('--downtime-price'))
    .option('--labour-price <DOLLARS>', 'dollars an hour of somebody attending the upgrade', dollars('--labour-price'))
    .option('--own-clusters', 'each on its own cluster and load (fleets must be equal); else all on the first one’s')
    .option('--first <N>', 'number of the first rehearsal (default: 0)', whole('--first', 0))
    .option('--jobs <J>', 'threads (default: one a processor)', whole('--jobs', 1))
    .option('--shard <i/n>', 'only the i-th of n equal parts; join the results with `proofroll merge`', shardOption)
    .option('--json <FILE>', 'write the result as JSON (-: to standard output, alone)')
    .option('--report <DIR>', 'write index.html, comparison.txt, .md, .json and charts there')
    .option('-q, --quiet', 'print nothing')
}

export async function compare(names: readonly string[], options: RawOptions & CompareOptions, context: Context): Promise<ExitCode> {
  if (names.length < 2) throw new UsageError('name at least two scenarios to compare, e.g. `proofroll compare postgres-ferris-wheel/fenced postgres-ferris-wheel/quorum`')
  const scenarios = scenariosFor(names, 'compare', options, context)
  const { runs = DEFAULT_RUNS, seed = '1', first, shard, without, vary, ownClusters = false, quiet } = options
  const faults = options.faults ?? scenarios[0]?.faults.max ?? 0
  const interruption = listenForInterruption(context)
  const progress = openProgress('compare', context, quiet === true)
  try {
    const result = await runComparison(
      scenarios,
      context.engines,
      {
        runs,
        seed,
        faults,
        ownClusters,
        jobs: jobsFor(options, runs),
        stop: interruption.signal,
        prices: { downtimePerMinute: options.downtimePrice ?? null, labourPerHour: options.labourPrice ?? null },
        onProgress: (done, total) => progress.update(done, total, 0),
        ...(first === undefined ? {} : { firstRun: first }),
        ...(shard === undefined ? {} : { shard }),
        ...(without === undefined ? {} : { without }),
        ...(vary === undefined ? {} : { vary }),
        ...(context.enginesModule === undefined ? {} : { enginesModule: context.enginesModule }),
      },
      context.rehearser,
    )
    progress.stop()
    return await presentComparison(result, options, context)
  } finally {
    progress.stop()
    interruption.close()
  }
}

/** Writes the files, prints the comparison and says with which code to exit. */
export async function presentComparison(result: ComparisonResult, { json, report, quiet }: Pick<RawOptions, 'json' | 'report' | 'quiet'>, context: Context): Promise<ExitCode> {
  const onlyJson = json !== undefined && writeJson(json, toJson(result), context)
  if (report !== undefined) for (const words of await writeComparisonReport(result, report)) context.err(`${report}: ${words}\n`)
  if (quiet !== true && !onlyJson) print(context, renderComparison(result, context.screen))
  if (result.cells.some(({ determinism }) => determinism.mismatches.length > 0)) {
    context.err('proofroll has a defect: a run differed when it was repeated. Please report it with the command you typed.\n')
    return EXIT.defect
  }
  if (result.verdict === 'violated') return EXIT.violated
  return result.partial ? EXIT.interrupted : EXIT.held
}

/** The comparison in a file; undefined when the file holds something else. @throws UsageError when it is of another version or damaged */
export function readComparison(file: string): ComparisonResult | undefined {
  const parsed = readJson(file) as Partial<ComparisonResult> | null
  if (typeof parsed !== 'object' || parsed === null || parsed.kind !== 'comparison') return undefined
  if (parsed.format !== COMPARISON_FORMAT) throw new UsageError(`${file}: format ${String(parsed.format)}; this version of Proofroll (${version}) reads comparisons of format ${COMPARISON_FORMAT}`)
  refuseOtherShape(file, comparisonResult(parsed, ''), parsed.proofroll)
  return parsed as ComparisonResult
}

/** Joins the parts of a comparison, or shows one again; undefined when these files hold none. @throws UsageError when only some do */
export async function comparisonsIn(files: readonly string[], options: RawOptions, context: Context): Promise<ExitCode | undefined> {
  const found = files.flatMap((file) => readComparison(file) ?? [])
  if (found.length === 0) return undefined
  if (found.length < files.length) throw new UsageError('some of these files are comparisons and some are not; give them to `merge` and `report` apart')
  return presentComparison(found.length === 1 ? (found[0] as ComparisonResult) : mergeComparisons(found, context.engines, context.rehearser), options, context)
}

/** `--vary KEY=v1,v2`: may be repeated. */
export function variations(text: string, before: readonly Varied[] = []): Varied[] {
  const at = text.indexOf('=')
  const values = text.slice(at + 1).split(',').map((value) => value.trim()).filter((value) => value !== '')
  if (at <= 0 || values.length === 0) throw new UsageError(`--vary ${text}: expected KEY=v1,v2,…, e.g. --vary writesPerSecond=100,1000,10000`)
  const twice = values.find((value, i) => values.indexOf(value) !== i)
  if (twice !== undefined) throw new UsageError(`--vary ${text}: ${twice} is named twice`)
  return [...before, { key: text.slice(0, at), values }]
}

/** Dollars, from 0 on. */
export function dollars(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text.replace(/^\$/, ''))
    if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new UsageError(`${option} ${text}: expected dollars, e.g. ${option} 5600`)
    return value
  }
}
