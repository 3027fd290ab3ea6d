/**
 * The shell against real bash: standard output, standard error, exit status and every command's argument vector of each snippet in `snippets.txt`.
 * Bash's answers are recorded (`scripts/record-bash.mjs`); with PROOFROLL_BASH=1 it is asked again.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { STUBS, askBash, readSnippets } from '../../scripts/record-bash.mjs'
import { type Answer, askShell } from './harness.ts'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const snippets: { name: string; script: string }[] = readSnippets(read('snippets.txt'))
const recorded: { bash: string; answers: Record<string, Answer> } = JSON.parse(read('bash.json'))
const live = process.env['PROOFROLL_BASH'] === '1'

describe(`bash ${recorded.bash}`, () => {
  test('every snippet is recorded, and there are many', () => {
    expect(snippets.map(s => s.name).sort()).toEqual(Object.keys(recorded.answers).sort())
    expect(snippets.length).toBeGreaterThanOrEqual(200)
  })

  test.each(snippets)('$name', ({ name, script }) => {
    const asked = askShell(script, STUBS)
    const { out, err, code, calls } = asked
    const wanted = live ? (askBash(script) as Answer) : (recorded.answers[name] as Answer)
    const order = (list: Answer['calls']): Answer['calls'] => (name.includes('(unordered)') ? list.toSorted((a, b) => (a.join() < b.join() ? -1 : 1)) : list)
    expect({ out, err, code, calls: order(calls) }).toEqual({ ...wanted, calls: order(wanted.calls) })
    // That somebody follows its decisions changes nothing.
    expect(askShell(script, STUBS, { followed: true })).toEqual(asked)
  })
})
