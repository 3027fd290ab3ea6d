/** The built program killed and interrupted as a process: what is left, and how it goes on. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, test } from 'vitest'
import type { CampaignResult } from '../../src/campaign/index.ts'
import { enterFolder, oneLine } from './workshop.ts'

const bin = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
const env = { ...process.env, NO_COLOR: '1' }
const RUN = ['run', 'postgres-ferris-wheel/quick', '--faults', '2', '--seed', 'k'] as const

const read = (file: string): CampaignResult => JSON.parse(readFileSync(file, 'utf8')) as CampaignResult
const timeless = (file: string): object => ({ ...read(file), elapsedSeconds: 0, runsPerSecond: 0, resume: undefined })
const whole = (...argv: readonly string[]) => spawnSync(process.execPath, [bin, ...argv], { encoding: 'utf8', env })

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly out: string
  readonly err: string
}

/** Starts a command, sends it signals as soon as `when` holds, and waits for its end. */
function runUntil(argv: readonly string[], when: () => boolean, act: (child: ChildProcess, err: () => string) => Promise<void> | void): Promise<Ended> {
  const child = spawn(process.execPath, [bin, ...argv], { env })
  let out = ''
  let err = ''
  child.stdout.on('data', (data: Buffer) => (out += data.toString()))
  child.stderr.on('data', (data: Buffer) => (err += data.toString()))
  const ended = new Promise<Ended>((resolve) => void child.on('close', (code, signal) => resolve({ code, signal, out, err })))
  const poll = setInterval(() => {
    if (!when()) return
    clearInterval(poll)
    void act(child, () => err)
  }, 2)
  return ended.finally(() => clearInterval(poll))
}

const checkpointed = (): boolean => existsSync('r.json.partial')

beforeEach(() => void enterFolder({}))

describe.each([1, 2])('with --jobs %i', (jobs) => {
  test('kill -9 in the middle: --resume does the rest, and the result is that of a command never killed', async () => {
    const argv = [...RUN, '--runs', '60', '--jobs', String(jobs), '--json', 'r.json', '--quiet']
    const killed = await runUntil(argv, checkpointed, (child) => void child.kill('SIGKILL'))
    expect(killed.signal).toBe('SIGKILL')
    expect(existsSync('r.json')).toBe(false)
    const left = read('r.json.partial')
    expect(left).toMatchObject({ partial: true, asked: [[0, 60]] })
    expect(left.runs).toBeGreaterThan(0)
    expect(left.runs).toBeLessThan(60)
    const resumed = whole(...argv, '--resume')
    whole(...argv.map((word) => (word === 'r.json' ? 'whole.json' : word)))
    expect(timeless('r.json')).toEqual(timeless('whole.json'))
    expect(read('r.json').partial).toBe(false)
    expect(resumed.status).toBe(1)
    expect(readdirSync('.').filter((file) => /partial|tmp/.test(file))).toEqual([])
  }, 120_000)

  test('Ctrl-C: a valid partial result that says so and how to go on', async () => {
    const argv = [...RUN, '--runs', '100000', '--jobs', String(jobs), '--json', 'r.json', '--junit', 'j.xml']
    const ended = await runUntil(argv, checkpointed, (child) => void child.kill('SIGINT'))
    expect(ended.signal).toBe(null)
    const result = read('r.json')
    expect(ended.code).toBe(result.verdict === 'violated' ? 1 : 130)
    expect(result).toMatchObject({ partial: true, asked: [[0, 100000]], resume: `proofroll ${argv.join(' ')} --resume` })
    expect(result.runs).toBe(result.ranges.reduce((sum, [first, end]) => sum + end - first, 0))
    expect(ended.out.replace(/\s+/g, ' ')).toContain(`Partial: ${result.runs} of 100,000 rehearsals are done`)
    expect(ended.err).toContain('Once more to stop at once.')
    expect(ended.err).toContain('To go on: the same command with --resume (r.json.partial holds what is done).')
    expect(readFileSync('j.xml', 'utf8')).toContain(`partial: ${result.runs} of 100,000 rehearsals are done`)
    // The parts that were done and the rest, rehearsed elsewhere, are one campaign.
    const first = result.ranges.at(-1)?.[1] ?? 0
    whole(...RUN, '--first', String(first), '--runs', '5', '--json', 'rest.json', '--quiet')
    whole('merge', 'r.json', 'rest.json', '--json', 'both.json', '--quiet')
    expect(read('both.json')).toMatchObject({ runs: result.runs + 5, partial: true })
  }, 120_000)
})

test('nothing violated so far: exit 130; the second signal ends the process at once', async () => {
  const argv = ['run', 'postgres-ferris-wheel/fenced', '--faults', '0', '--runs', '100000', '--jobs', '1', '--json', 'r.json']
  const once = await runUntil(argv, checkpointed, (child) => void child.kill('SIGTERM'))
  expect(once).toMatchObject({ code: 130, signal: null })
  expect(once.out).toContain('PARTIAL  postgres-ferris-wheel/fenced')
  const twice = await runUntil([...argv, '--resume'], () => true, async (child, err) => {
    for (const wanted of ['', 'Once more']) {
      // Before anything listens a signal would end it as well: the first waits for what `--resume` does, the second for the answer to the first.
      await until(() => (wanted === '' ? read('r.json.partial').elapsedSeconds !== read('r.json').elapsedSeconds : err().includes(wanted)))
      child.kill('SIGINT')
    }
  })
  expect(twice).toMatchObject({ code: null, signal: 'SIGINT', out: '' })
}, 120_000)

test('a part of another campaign is refused, and says what differs', async () => {
  const argv = ['run', 'postgres-ferris-wheel/quick', '--runs', '100000', '--jobs', '1', '--json', 'r.json']
  await runUntil(argv, checkpointed, (child) => void child.kill('SIGKILL'))
  const part = readFileSync('r.json.partial', 'utf8')
  const resume = (...more: readonly string[]) => whole(...argv, '--resume', ...more)
  expect(resume('--seed', 'other')).toMatchObject({ status: 2, stdout: '', stderr: 'the seed differs (1 and other): it cannot be resumed with these options\n' })
  expect(oneLine(resume('--faults', '3').stderr)).toBe('the strategy differs ({"kind":"random","faults":0} and {"kind":"random","faults":3}): it cannot be resumed with these options')
  expect(oneLine(resume('--set', 'cluster.members=5').stderr)).toBe('the text of postgres-ferris-wheel/quick (or an override) differs: it cannot be resumed with these options')
  expect(oneLine(resume('--runs', '1', '--first', '99999').stderr)).toMatch(/^it holds runs 0(?:…\d+)?, which were not asked for now: resume with the same --runs, --first and --shard$/)
  expect(oneLine(whole('run', 'postgres-ferris-wheel/fenced', '--json', 'r.json', '--resume').stderr)).toContain('r.json.partial: it holds rehearsals of postgres-ferris-wheel/quick, which this command does not name')
  writeFileSync('r.json.partial', part.replace(/"proofroll":"[^"]+"/, '"proofroll":"0.0.1"'))
  expect(oneLine(resume().stderr)).toContain('the version of Proofroll differs (0.0.1 and ')
  writeFileSync('r.json.partial', part.slice(0, 100))
  expect(resume()).toMatchObject({ status: 2, stdout: '' })
  expect(whole('run', 'postgres-ferris-wheel/quick', '--runs', '1', '--resume').stderr).toContain('--resume goes on with what the interrupted command left')
}, 120_000)

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2))
}
