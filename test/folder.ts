/** Folders for one test file: made here, gone when its tests are over (`setup.ts`), whatever became of them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []
const home = process.cwd()

/** Makes an empty folder. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'proofroll-test-'))
  made.push(folder)
  return folder
}

/** Removes all of them, and goes back to where the tests began. */
export function removeFolders(): void {
  if (made.length === 0) return
  process.chdir(home)
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}
