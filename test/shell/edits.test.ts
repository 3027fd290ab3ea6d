/** Small edits of a script: each is the edit it says it is, and the script stays one. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type SafeLines, type ScriptEdit, type Typed, scriptEdits, scriptPlan } from '../../src/operator/index.ts'

const editsOf = (text: string, beside: (typed: Typed) => readonly SafeLines[] = () => []): ScriptEdit[] => scriptEdits(scriptPlan([{ file: 'a.sh', text }]), beside)
/** The lines that an edit adds and takes away. */
const changes = ({ patch }: ScriptEdit): string[] => patch.split('\n').slice(2).filter(line => /^[+-]/.test(line))
const ofKind = (edits: readonly ScriptEdit[], is: ScriptEdit['is']): string[][] => edits.filter(e => e.is === is).map(changes)

test('guards: behind a command, a pipeline, a chain and a command of several lines; on what a variable holds; on tests that only talk', () => {
  const text = [
    '#!/bin/bash', 'kubectl get pods  # all', 'n=$(kubectl get pods | wc -l)', 'kubectl exec a -- \\', '  true', 'kubectl apply -f - <<EOF', 'x: 1', 'EOF', 'if [ "$n" -lt 2 ]; then', '  echo "few"', 'fi',
    '[ "$n" -gt 1 ] || echo few', 'kubectl delete pod a || exit 1', 'if kubectl get x; then', '  kubectl delete x && kubectl get y', 'fi', '',
  ].join('\n')
  expect(ofKind(editsOf(text), 'guard')).toEqual([
    ['-kubectl get pods  # all', '+kubectl get pods || exit 1  # all'],
    ['-n=$(kubectl get pods | wc -l)', '+n=$(kubectl get pods | wc -l) || exit 1'],
    ['+[ -n "$n" ] || exit 1'],
    ['+[[ $n =~ ^[0-9]+([.][0-9]+)?$ ]] || exit 1'],
    ['-  true', '+  true || exit 1'],
    ['-kubectl apply -f - <<EOF', '+kubectl apply -f - <<EOF || exit 1'],
    ['-  kubectl delete x && kubectl get y', '+  kubectl delete x && kubectl get y || exit 1'],
    ['+  exit 1'],
    ['-[ "$n" -gt 1 ] || echo few', '+[ "$n" -gt 1 ] || { echo few; exit 1; }'],
  ])
})

test('strict mode stands behind the shebang and its comment, takes the place of less, and is not offered twice', () => {
  expect(ofKind(editsOf('#!/bin/bash\n# A script.\n\nkubectl get pods\n'), 'strict')).toEqual([['+set -euo pipefail']])
  expect(editsOf('#!/bin/bash\n# A script.\n\nkubectl get pods\n').find(e => e.is === 'strict')?.text).toBe('#!/bin/bash\n# A script.\nset -euo pipefail\n\nkubectl get pods\n')
  expect(ofKind(editsOf('set -e\nkubectl get pods\n'), 'strict')).toEqual([['-set -e', '+set -euo pipefail']])
  expect(ofKind(editsOf('set -euo pipefail\nkubectl get pods\n'), 'strict')).toEqual([])
})

test('two commands of one list change places, whole, also inside a loop and a function; not across lists', () => {
  const text = 'roll() {\n  kubectl delete pod "$1"\n  kubectl wait \\\n    pod/"$1"\n}\nfor p in a b; do\n  roll $p\n  sleep 5\ndone\nkubectl get pods\n'
  const lines = text.split('\n').slice(0, -1)
  expect(editsOf(text).filter(e => e.is === 'reorder').map(e => e.text.split('\n').slice(0, -1))).toEqual([
    ['roll() {', '  kubectl wait \\', '    pod/"$1"', '  kubectl delete pod "$1"', ...lines.slice(4)],
    [...lines.slice(0, 5), 'kubectl get pods', ...lines.slice(5, 9)],
    [...lines.slice(0, 6), '  sleep 5', '  roll $p', ...lines.slice(8)],
  ])
})

test('a known-safe command stands before or behind the command it belongs to, with its words as written; in a condition before the whole', () => {
  const beside = ({ words, source }: Typed): SafeLines[] => (words[1] === 'delete' ? [{ does: 'look', where: 'before', lines: [`kubectl get pod ${source[3]}`] }, { does: 'wait', where: 'after', lines: ['sleep 1', 'sleep 2'] }] : [])
  expect(ofKind(editsOf('P=a-0\nif true; then\n  kubectl delete pod "$P"\nfi\nif kubectl delete pod b; then echo; fi\n', beside), 'insert')).toEqual([['+  kubectl get pod "$P"'], ['+  sleep 1', '+  sleep 2'], ['+kubectl get pod b'], ['+sleep 1', '+sleep 2']])
})

test('each patch, applied to the script, gives the text of the edit', () => {
  const text = 'x=1\nkubectl get a\nkubectl get b\n\n\n\n\n\n\n\nkubectl get c\nfor i in 1 2; do\n  kubectl get $i\n  sleep 1\ndone\nkubectl get d'
  const edits = editsOf(text)
  expect(edits.length).toBeGreaterThan(15)
  const folder = mkdtempSync(join(tmpdir(), 'proofroll-edits-'))
  try {
    for (const edit of edits) {
      writeFileSync(join(folder, 'a.sh'), `${text}\n`)
      const { status, stderr } = spawnSync('git', ['apply', '--unidiff-zero', '-'], { cwd: folder, input: `${edit.patch}\n`, encoding: 'utf8' })
      expect([status, stderr, readFileSync(join(folder, 'a.sh'), 'utf8')]).toEqual([0, '', `${edit.text}\n`])
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a command is read through a function or a variable that stands for its first words', () => {
  const typed: Typed[] = []
  editsOf('NS=shop\nKC="kubectl --namespace $NS"\nSAY="kubectl -n shop"\nk() { kubectl -n "$NS" "$@"; }\nin_pod() { k exec "$@"; }\nboth() { kubectl get pods; kubectl "$@"; }\nk delete pod "$p"\nin_pod a -- true\n$SAY delete pod b\nboth delete pod c\n', each => (typed.push(each), []))
  const of = (last: string): Typed | undefined => typed.find(({ words }) => words.at(-1) === last)
  expect(of('${p}')).toEqual({ words: ['kubectl', '-n', 'shop', 'delete', 'pod', '${p}'], source: ['k', '', '', 'delete', 'pod', '"$p"'] })
  expect(of('true')).toEqual({ words: ['kubectl', '-n', 'shop', 'exec', 'a', '--', 'true'], source: ['in_pod', '', '', '', 'a', '--', 'true'] })
  expect(of('b')).toEqual({ words: ['kubectl', '-n', 'shop', 'delete', 'pod', 'b'], source: ['$SAY', '', '', 'delete', 'pod', 'b'] })
  // What does more than hand on is no other name for a command.
  expect(of('c')?.words[0]).toBe('both')
})

test('what reads a variable is not moved before what sets it', () => {
  const moved = (text: string): number => ofKind(editsOf(text), 'reorder').length
  expect(moved('lag=$(kubectl get x)\nif (( lag < 5 )); then kubectl get y; fi\n')).toBe(0)
  expect(moved('pod=$(kubectl get x)\nkubectl delete pod "${pod#pod/}"\n')).toBe(0)
  expect(moved('pod=$(kubectl get x)\nkubectl delete pod a\n')).toBe(1)
})
