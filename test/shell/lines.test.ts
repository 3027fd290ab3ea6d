/** The record of a script's lines: what ran, what it printed, how it ended, and whether the script looked at that. */
import { describe, expect, test } from 'vitest'
import { Simulation } from '../../src/kernel/index.ts'
import { type LineEvent, scriptPlan, startOperator } from '../../src/operator/index.ts'
import { scriptLines } from '../../src/report/lines.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { ToyWorld, toyRegistry } from '../operator/toy.ts'

function linesOf(text: string, ...more: readonly string[]): { readonly events: readonly LineEvent[]; readonly hash: string } {
  const events: LineEvent[] = []
  const run = (listen: boolean): string => {
    const sim = new Simulation({ seed: '1' })
    const plan = scriptPlan([text, ...more].map((t, i) => ({ file: `${'abc'[i]}.sh`, text: t })))
    startOperator(sim, plan, { registry: toyRegistry(new ToyWorld(sim)), deadlineUs: 3_600_000_000, elide: true, observer: listen ? { line: e => events.push(e) } : {} })
    sim.run()
    return sim.traceHash()
  }
  const hash = run(true)
  expect(run(false)).toBe(hash)
  return { events, hash }
}

/** Of each command its line, words, status, and who looked. */
const told = (text: string): string[] => linesOf(text).events.map(e => `${e.line} ${e.argv.join(' ') || e.command}: ${e.status} ${e.readBy ?? 'nobody'}`)

describe('who looks at a status', () => {
  test.each([
    ['nobody, without set -e', 'fail 1\n./set a 1\n', 'L1 fail 1: 1 nobody'],
    ['set -e', 'set -e\nfail 1\n./set a 1\n', 'L2 fail 1: 1 errexit'],
    ['a trap on ERR', 'trap "echo x" ERR\nfail 1\n./set a 1\n', 'L2 fail 1: 1 trap'],
    ['an if', 'if fail 1; then echo no; fi\n', 'L1 fail 1: 1 condition'],
    ['the one before ||', 'fail 1 || echo no\n', 'L1 fail 1: 1 condition'],
    ['not the one behind &&', 'true && fail 1\necho x\n', 'L1 fail 1: 1 nobody'],
    ['a while', 'while fail 1; do :; done\n', 'L1 fail 1: 1 condition'],
    ['!', '! fail 1\necho x\n', 'L1 fail 1: 1 condition'],
    ['$? behind it', 'fail 3\nrc=$?\necho x\n', 'L1 fail 3: 3 $?'],
    ['$? behind a substitution', 'x=$(fail 3)\n[ $? -eq 0 ] || echo bad\n', 'L1 fail 3: 3 $?'],
    ['nothing, in a pipeline', 'fail 1 | cat\necho x\n', 'L1 fail 1: 1 nobody'],
    ['pipefail alone does not look', 'set -o pipefail\nfail 1 | cat\necho x\n', 'L2 fail 1: 1 nobody'],
    ['set -e with pipefail', 'set -eo pipefail\nfail 1 | cat\necho x\n', 'L2 fail 1: 1 errexit'],
    ['not set -e without pipefail', 'set -e\nfail 1 | cat\necho x\n', 'L2 fail 1: 1 nobody'],
    ['nothing, behind local', 'f() { local x=$(fail 1); }\nset -e\nf\necho x\n', 'L1 fail 1: 1 nobody'],
    ['nothing, inside a test', 'set -e\n[ "$(fail 1)" = a ] || echo x\n', 'L2 fail 1: 1 nobody'],
    ['set -e does not look into a function that a condition calls', 'set -e\nf() { fail 1; ./set a 1; }\nif f; then echo y; fi\n', 'L2 fail 1: 1 nobody'],
    ['what the function returns is the condition', 'set -e\nf() { ./set a 1; fail 1; }\nif f; then echo y; fi\n', 'L2 fail 1: 1 condition'],
    ['whoever ran it, of the last command', './set a 1\nfail 1\n', 'L2 fail 1: 1 end'],
  ])('%s', (_, text, line) => {
    expect(told(text)).toContain(line)
  })
})

test('what it printed, where that went, and what was assigned', () => {
  const { events } = linesOf('#!/bin/bash\nlag=$(./set a 7 | tr -d x)\n./set b 1 > /dev/null\n./set c 1 > out\n./set d 1\n[[ $lag == b* ]]\n[ "" -lt 2 ]\n')
  const by = (line: string): LineEvent[] => events.filter(e => e.line === line)
  expect(by('L2').map(e => [e.command, e.outputTo, e.out.trim(), e.assigned])).toEqual([
    ['./set a 7', 'script', 'a set', {}], ['tr -d x', 'script', '', {}], ['lag=$(./set a 7 | tr -d x)', 'terminal', '', { lag: 'a set' }],
  ])
  expect(by('L3').map(e => e.outputTo)).toEqual(['nowhere'])
  expect(by('L4').map(e => e.outputTo)).toEqual(['file'])
  expect(by('L5').map(e => [e.outputTo, e.out])).toEqual([['terminal', 'd set\n']])
  expect(by('L6').map(e => [e.text, e.status])).toEqual([['[[ $lag == b* ]]', 1]])
  expect(by('L7').map(e => [e.status, e.err])).toEqual([[2, 'a.sh: line 7: [: : integer expression expected\n']])
})

test('of several scripts, and of a killed one, each line has its file', () => {
  expect(linesOf('./set a 1\n', 'fail 1\n').events.map(e => e.line)).toEqual(['a.sh:1', 'b.sh:1'])
})

test('a story has a line for each line that did something, the passes together, and says what nobody saw', () => {
  const { events } = linesOf('n=3\nfor i in 1 2; do\n  x=$(fail 1 2>/dev/null)\n  [ "$x" -lt 2 ] || echo high\n  sleep 1\ndone\n./set a 1 || exit 1\necho done\n')
  const rehearsal = { story: { lines: events.map(e => ({ ...e, endUs: e.atUs, atUs: e.sinceUs, readBy: e.readBy ?? null })) } } as unknown as RehearsalResult
  expect(scriptLines(rehearsal).map(l => [l.line, l.passes, l.remarks])).toEqual([
    ['L3', 2, ["fail: exit 1, and nothing looked at it: it failed (each time)", "x='', at last"]],
    ['L4', 2, ['error, status 2: neither true nor false, and the other branch is taken: a.sh: line 4: [: : integer expression expected (each time)']],
    ['L5', 2, []],
    ['L7', 1, ['printed a set']],
  ])
})
