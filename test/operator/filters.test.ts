import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UnsupportedError } from '../../src/operator/index.ts'
import { filterOf } from '../../src/operator/filters.ts'
import { fillWords, parseCommandLines } from '../../src/operator/words.ts'

const hasBash = spawnSync('bash', ['--version']).status === 0

/** The oracle: the real programs, all lines over all inputs in one shell (a process for each would take a minute). */
function real(lines: readonly string[], inputs: readonly string[]): { out: string; code: number }[] {
  const given = inputs.map((text, j) => `in${j}=$(printf '%b' '${text.replaceAll('\n', '\\n')}'; echo .); in${j}=\${in${j}%.}`)
  const runs = lines.flatMap(line => inputs.map((_text, j) => `{ printf %s "$in${j}" | { ${line}\n}; } ; printf '\\001%s\\002' $?`))
  const result = spawnSync('bash', ['-c', [...given, ...runs].join('\n')], { encoding: 'utf8', env: { PATH: process.env['PATH'], LC_ALL: 'C' } })
  return result.stdout.split('\u0002').slice(0, -1).map(piece => ({ out: piece.split('\u0001')[0] ?? '', code: Number(piece.split('\u0001')[1]) }))
}

function ours(line: string, stdin: string): { out: string; code: number } {
  let text = stdin
  let code = 0
  for (const stage of parseCommandLines(line)[0]?.stages ?? []) {
    const output = filterOf(fillWords(stage, () => undefined))?.(text)
    if (output === undefined) throw new Error(`no filter: ${line}`)
    text = output.out
    code = output.code
  }
  return { out: text, code }
}

const LINES = [
  'grep a', 'grep -c a', 'grep -v a', 'grep -i A', 'grep -E "a+|b"', 'grep "a+"', "grep 'a\\|b'", 'grep -o "b."', 'grep -o "b.*"', 'grep "^b...$"', 'grep -w ab', 'grep -x ab', 'grep -F "."', 'grep -q a', 'grep -n b', 'grep -m 1 b', 'grep -E "^[[:space:]]*[0-9]+$"', 'grep -e b', 'grep -vc a',
  'head -n 2', 'head -1', 'head -n -1', 'tail -n 2', 'tail -1', 'tail -n +2', 'wc -l', 'wc -w', 'wc -c', 'sort', 'sort -r', 'sort -n', 'sort -u', 'sort -rn', 'sort -k2', 'sort -k2 -n', 'sort -t , -k2', 'uniq', 'uniq -c', 'sort | uniq -c | sort -rn',
  "tr -d ' '", 'tr a-z A-Z', "tr -s ' '", "tr ' ' '\\n'", "tr -d '[:space:]'", 'tr ab x', "cut -d ' ' -f 1", "cut -d, -f2-", 'cut -c1-2', "cut -d' ' -f1,3", 'cut -sd, -f1',
  "awk '{print $1}'", "awk '{print $2, $1}'", "awk -F, '{print $2}'", "awk '{print $NF}'", "awk 'NR==2 {print}'", "awk '/a/ {print $1}'", "awk '$2 > 1 {print $1}'", "awk 'NR>1 {print $1}'", "awk '$1==\"ab\" {print NR}'", "awk '!/a/'", "awk '{print NF}'", "awk '{ print $2 - 1, $2, $2 + 1 }'", "awk '{print $1 * 2.5}'", 'cat', 'grep -c a | tr -d 1',
]

const OWN = ['echo a  b', 'echo -n x', "echo -e 'a\\nb'", "printf '%s-%s\\n' a b c", 'true', 'false', "echo 'a'\"b\"c\\ d", "echo $'x\\ty'", 'echo a\\\nb']

test.runIf(hasBash)('text programs are what the real ones are', () => {
  const text = fc.array(fc.stringMatching(/^[ab1,. ]{0,7}$/), { maxLength: 5 }).map(lines => lines.map(l => `${l}\n`).join(''))
  const inputs = ['', ' \n\n', 'ab1\r\nb,a\r\n', ...fc.sample(text, { numRuns: 5, seed: 5 })]
  const lines = [...LINES, ...OWN]
  const expected = real(lines, inputs)
  expect(expected.length).toBe(lines.length * inputs.length)
  const all = lines.flatMap(line => inputs.map(stdin => ({ line, stdin, ...ours(line, stdin) })))
  expect(all).toEqual(expected.map((e, i) => ({ line: lines[Math.floor(i / inputs.length)], stdin: inputs[i % inputs.length], ...e })))
})

test('what is not there says so', () => {
  for (const line of ['grep -P x', 'grep a file', "awk '{sum += $1} END {print sum}'", 'wc -m', 'tr a', 'cut -b 1', 'printf %x 1']) expect(() => ours(line, '')).toThrow(UnsupportedError)
})
