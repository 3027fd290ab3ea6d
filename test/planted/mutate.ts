/** Looks for a defect of the source: runs the tests that hold the line, with the line changed. The file on disk stays as it is. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Finding, Patch, SourceDefect } from './defect.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A defect may make a test run in circles: that is found, too. */
const LIMIT_MS = 5 * 60_000

/** The environment variable through which `plugin.ts` gets its patches, as JSON. */
export const PLANTED = 'PROOFROLL_PLANTED'

/** The texts of a patch that cannot be put in, with the reason; none when all can. */
export function cannotPatch({ patches }: SourceDefect): string[] {
  return patches.flatMap(({ file, find, replace }) => {
    const times = readFileSync(join(ROOT, file), 'utf8').split(find).length - 1
    return times === 1 && find !== replace ? [] : [`${file} has ${JSON.stringify(find)} ${times} times`]
  })
}

/** Runs the tests with the defect in them. @throws Error when they cannot be run at all */
export async function mutate(defect: SourceDefect): Promise<Finding> {
  const stale = cannotPatch(defect)
  if (stale.length > 0) throw new Error(`${defect.id}: ${stale.join('; ')}`)
  let passed = 0
  for (const test of defect.tests) {
    const { failed, of } = await runTests(test, defect.patches)
    if (failed !== undefined) return { found: true, how: `${test}: ${failed}`, after: passed + of }
    passed += of
  }
  return { found: false, how: `no test of ${defect.tests.join(', ')} fails`, after: passed }
}

/** What vitest's JSON reporter says, as far as it is needed. */
interface Report {
  readonly testResults: readonly { readonly message: string; readonly assertionResults: readonly { readonly status: string; readonly title: string }[] }[]
}

/** One test file under some patches: the title of the first test that failed, and how many were run until then. */
async function runTests(test: string, patches: readonly Patch[]): Promise<{ failed: string | undefined; of: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'proofroll-planted-'))
  try {
    const outputFile = join(folder, 'report.json')
    const { output, late } = await run(['run', '--bail=1', '--reporter=json', `--outputFile=${outputFile}`, test], { [PLANTED]: JSON.stringify(patches) })
    if (late) return { failed: `does not end within ${LIMIT_MS / 60_000} minutes`, of: 1 }
    const { testResults } = JSON.parse(read(outputFile, output)) as Report
    const [file] = testResults
    if (file === undefined) throw new Error(`${test} was not run: ${output.slice(-2_000)}`)
    const done = file.assertionResults.filter(({ status }) => status === 'passed' || status === 'failed')
    const failed = done.find(({ status }) => status === 'failed')?.title ?? (done.length === 0 ? `cannot be run: ${file.message.split('\n')[0]}` : undefined)
    return { failed, of: Math.max(1, done.length) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function read(file: string, output: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new Error(`vitest wrote no report: ${output.slice(-2_000)}`)
  }
}

function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ output: string; late: boolean }> {
  // Not the settings of the run that this may be part of.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')))
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...args], { cwd: ROOT, env: { ...inherited, ...env } })
    let output = ''
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, LIMIT_MS)
    child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
    child.stderr.on('data', (chunk: Buffer) => (output += String(chunk)))
    child.on('error', reject)
    child.on('close', () => {
      clearTimeout(timer)
      resolve({ output, late })
    })
  })
}
