/** The built program as a process: what `npx proofroll` starts. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const bin = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

function run(...argv: readonly string[]) {
  return spawnSync(process.execPath, [bin, ...argv], { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } })
}

test('exit codes reach the shell, results go to stdout, errors to stderr', () => {
  const version = run('--version')
  expect(version).toMatchObject({ status: 0, stderr: '' })
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(run('sweep')).toMatchObject({ status: 2, stdout: '' })
  expect(run('replay', 'gone.json')).toMatchObject({ status: 2, stdout: '' })
  expect(run('list')).toMatchObject({ status: 0, stderr: '' })
}, 30_000)

test('a reader that leaves at once does not turn a violated verdict into exit code 0, nor a listing into a failure', () => {
  const left = (argv: string) => spawnSync('sh', ['-c', `{ "${process.execPath}" "${bin}" ${argv}; echo "code $?" >&2; } | true`], { encoding: 'utf8' }).stderr
  expect(left('run postgres-ferris-wheel/as-documented --runs 3')).toBe('code 1\n')
  expect(left('list')).toBe('code 0\n')
}, 30_000)

test('a reader that leaves early is no error', () => {
  const piped = spawnSync('sh', ['-c', `"${process.execPath}" "${bin}" list | head -1`], { encoding: 'utf8' })
  expect(piped).toMatchObject({ status: 0, stderr: '', stdout: 'Scenarios\n' })
}, 30_000)
