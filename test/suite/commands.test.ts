/** Commands that a suite writes as plain functions. */
import { beforeEach, expect, test } from 'vitest'
import { command, expectRunbook, rehearsal, run, runbook, scenario, withCommands } from '../../src/vitest.ts'
import { engines, enterFolder } from './toy.ts'

beforeEach(() => void enterFolder())

/** Moves the leader as a shop's own wrapper does: looks, waits, acts, and says what came of it. */
const moveTo = command({
  name: 'move-to',
  takes: '2s',
  *run(call) {
    const [member = ''] = call.args
    const before = yield* call.run(`role ${member}`)
    if (before.out.trim() === 'leader') return { err: `${member} leads already\n`, code: 3 }
    yield 30_000_000
    const done = yield* call.run(`route ${member}`)
    return `${member}: ${before.out.trim()}, ${done.code}, ${call.env['TEAM'] ?? 'nobody'}, ${call.cluster.truth.members().length} members\n`
  },
})
const document = { cluster: { engine: 'toy' }, deadline: '1h' }
const moving = (...lines: readonly string[]) => scenario({ document, engines, commands: [moveTo], runbook: runbook({ title: 'Move', steps: lines.map(line => run(line, { otherwise: 'continue' })) }) })

test('it looks, waits and acts in virtual time; what it gives back is what the operator reads', () => {
  const { story, steps, outcome } = rehearsal(moving('move-to m-1', 'move-to m-0'), { record: true })
  expect(outcome).toBe('completed')
  expect(story?.commands.map(({ argv, out, err, code }) => [argv.join(' '), code, out + err])).toEqual([
    ['move-to m-1', 0, 'm-1: follower, 0, nobody, 3 members\n'],
    ['move-to m-0', 3, 'm-0 leads already\n'],
  ])
  const [first, second] = steps.map(step => ((step.endUs ?? 0) - step.startUs) / 1e6)
  expect(first).toBeGreaterThan(32)
  expect(first).toBeLessThan(34)
  expect(second).toBeLessThan(3)
})

test('the same luck gives the same rehearsal, and a plain function will do', () => {
  const mine = moving('move-to m-1')
  expect(rehearsal(mine, { seed: '7' }).hash).toBe(rehearsal(mine, { seed: '7' }).hash)
  const plain = scenario({ document, engines, commands: [command({ name: 'hello', run: ({ args }) => args.join('-') })], runbook: runbook({ title: 'Hello', steps: [run('hello a b')] }) })
  expect(rehearsal(plain, { record: true }).story?.commands).toMatchObject([{ out: 'a-b', code: 0 }])
})

test('what cannot be is refused, with the reason', async () => {
  const run = (): string => ''
  expect(() => command({ name: 'a b', run })).toThrow('one word without a path')
  expect(() => command({ name: 'cd', run })).toThrow('a builtin of the shell')
  expect(() => command({ name: 'a', takes: 'long', run })).toThrow('`long` is no duration')
  expect(() => withCommands(engines, [moveTo, moveTo])).toThrow('move-to: two commands have this name')
  const piped = scenario({ document, engines, commands: [command({ name: 'a', run: call => call.run('role m-0 | wc -l') })], runbook: runbook({ title: 'A', steps: [{ run: 'a' }] }) })
  expect(() => rehearsal(piped)).toThrow('a: `role m-0 | wc -l` is not one plain command line')
  await expect(expectRunbook(moving('move-to m-1')).toHold({ jobs: 2 })).rejects.toThrow('faults and commands of your own are functions')
})
