import { expect, test } from 'vitest'
import { parseScript } from '../../src/operator/shell/index.ts'
import { everyNode } from '../../src/operator/shell/syntax.ts'
import { constantsOf, writtenArgv } from '../../src/operator/shell/check.ts'
import { functionBodies, startedBy } from '../../src/operator/shell/wrappers.ts'

function started(text: string): string[] {
  const script = parseScript(text, 'x.sh')
  const found: string[] = []
  everyNode(script.body, (node, around) => {
    if (node.is === 'simple' && !around.some(outer => outer.is === 'function')) found.push(...startedBy(writtenArgv(node, constantsOf(script)), functionBodies(script), constantsOf(script)).map(argv => argv.join('|')))
  })
  return found
}

test.each([
  ['k() { kubectl -n prod "$@"; }\nk get pods -o name', ['kubectl|-n|prod|get|pods|-o|name']],
  ['NS=db\nk() { kubectl -n "$NS" "$@"; }\nk get pods', ['kubectl|-n|db|get|pods']],
  ['sql() { local pod=$1; shift; kubectl exec "$pod" -- psql -Atc "$*"; }\nsql pg-0 select 1', ['kubectl|exec|pg-0|--|psql|-Atc|select 1']],
  ['k() { kubectl "$@"; }\nretry() { local n=$1; shift; until "$@"; do sleep 1; done; }\nretry 3 k get pods', ['kubectl|get|pods']],
  ['m() { kubectl exec "$1" -- mongosh --eval "$2"; }\nm mongo-0 "rs.foo()"', ['kubectl|exec|mongo-0|--|mongosh|--eval|rs.foo()']],
  ['del() { kubectl delete pod "$1" --wait="${2:-true}"; }\ndel "$P"', ['kubectl|delete|pod|${P}|--wait=${…}']],
  // What is left after a loop over options nobody can tell.
  ['f() { while [ $# -gt 0 ]; do shift; done; kubectl get "$@"; }\nf a b', []],
  // Nothing of the call's.
  ['f() { kubectl get pods; }\nf', []],
  // It ends.
  ['f() { f "$@"; }\nf a', []],
])('%j', (text, wanted) => {
  expect(started(text).filter(line => !line.startsWith('[') && !line.startsWith('sleep'))).toEqual(wanted)
})
