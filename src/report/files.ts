/** Where results go on disk. Each file is written under another name and then renamed, so that none is ever half there. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type CounterexampleFile, toFile } from '../campaign/counterexample.ts'
import type { CampaignResult, Counterexample } from '../campaign/result.ts'

/** Writes a file whole or not at all, making its folder. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, content)
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** One result as an object, several as an array (design §11). */
export function resultJson(results: readonly CampaignResult[]): string {
  return toJson(results.length === 1 ? results[0] : results)
}

/** A scenario's folder under the report folder: its name without what a file system may not like. */
export function folderOf(scenario: string): string {
  return scenario.replace(/^[./]+/, '').replace(/[^A-Za-z0-9._-]+/g, '-') || 'scenario'
}

/** A signature as a file's name, without its ending. */
export function fileNameOf(signature: string): string {
  return signature.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/-+$/, '')
}

/**
 * Writes each counterexample as a file that replays, and returns the result with those files named.
 * @param folder the report folder, relative to the working folder or absolute: it becomes part of the replay command
 */
export function writeCounterexamples(result: CampaignResult, folder: string): CampaignResult {
  const counterexamples = result.counterexamples.map((each): Counterexample => {
    const file = join(folder, folderOf(result.scenario), `${fileNameOf(each.signature)}.json`)
    writeWhole(file, toJson(counterexampleFile(result, each)))
    return { ...each, file, replay: `proofroll replay ${/\s/.test(file) ? JSON.stringify(file) : file}` }
  })
  return { ...result, counterexamples }
}

function counterexampleFile(result: CampaignResult, each: Counterexample): CounterexampleFile {
  const { proofroll, scenario, seed, strategy, source } = result
  return toFile(each, { proofroll, scenario, seed, strategy, source })
}
