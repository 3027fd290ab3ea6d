/**
 * What a campaign has done so far, kept in a file beside its result, so that whoever kills it loses no more than the ranges in flight. The file
 * holds ordinary results that say they are partial: `merge` and `report` read it too.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type CampaignResult, MergeError } from '../campaign/index.ts'
import { plain, writeWhole } from '../report/index.ts'
import { type Context, STDOUT, UsageError } from './context.ts'
import type { RawOptions } from './options.ts'
import { readResults } from './results.ts'

export interface Checkpoint {
  /** Where it is kept; undefined = nowhere, because no result was to be written. */
  readonly file: string | undefined
  /** What an interrupted command had done of this scenario. */
  partOf(scenario: string): CampaignResult | undefined
  /** Writes a scenario's result as it stands, in place of what was kept of it. */
  keep(result: CampaignResult): void
  /** The results are written: nothing is left to be resumed. */
  remove(): void
}

/** `result.json` → `result.json.partial`. */
function fileFor({ json, report }: RawOptions): string | undefined {
  const result = json !== undefined && json !== STDOUT ? json : (report === undefined ? undefined : join(report, 'result.json'))
  return result === undefined ? undefined : `${result}.partial`
}

/**
 * @param names the scenarios of this command
 * @throws UsageError when `--resume` has nothing to look at, or the file is of other scenarios
 */
export function openCheckpoint(options: RawOptions, names: readonly string[], context: Context): Checkpoint {
  const file = fileFor(options)
  if (options.resume === true && file === undefined) throw new UsageError('--resume goes on with what the interrupted command left beside its result: give the same --json FILE or --report DIR again')
  const parts = new Map<string, CampaignResult>()
  if (file !== undefined && existsSync(file)) {
    if (options.resume === true) for (const part of readResults(file)) parts.set(part.scenario, part)
    else context.err(`${file}: an interrupted command had done ${doneWords(file)}; without --resume they are done again\n`)
  } else if (options.resume === true) context.err(`${file ?? ''}: nothing was interrupted here; beginning with the first rehearsal\n`)
  const strange = [...parts.keys()].find((name) => !names.includes(name))
  if (file !== undefined && strange !== undefined) throw new MergeError(`${file}: it holds rehearsals of ${strange}, which this command does not name: it cannot be resumed with these options`)
  return {
    file,
    partOf: (scenario) => parts.get(scenario),
    keep(result) {
      if (file === undefined) return
      parts.set(result.scenario, result)
      writeWhole(file, JSON.stringify(parts.size === 1 ? result : [...parts.values()]))
    },
    remove() {
      if (file === undefined) return
      rmSync(file, { force: true })
      removeHalves(file)
    },
  }
}

/** What a process killed in the middle of writing left behind. */
function removeHalves(file: string): void {
  const folder = dirname(file)
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) if (name.startsWith(`${basename(file)}.`) && name.endsWith('.tmp')) rmSync(join(folder, name), { force: true })
}

/** What is not wanted need not be readable. */
function doneWords(file: string): string {
  try {
    return readResults(file).map((part) => `${plain(part.runs)} rehearsals of ${part.scenario}`).join(', ')
  } catch (error) {
    if (error instanceof UsageError) return 'rehearsals that this version cannot read'
    throw error
  }
}
