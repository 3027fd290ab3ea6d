/** Shell scripts at the command line. */
import { afterAll, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { removeFolders } from '../folder.ts'
import { enterFolder, proofroll } from './workshop.ts'

afterAll(removeFolders)

test('check fails on names that exist nowhere, on commands that are not there (with the reason) and on files that nobody writes; all at once', async () => {
  enterFolder({ 'a.sh': 'kubectl exec pg-9 -- true\nkubectl apply -f none.yaml\n', 'b.sh': 'kubectl exec postgres-cluster-0 -- true || exit 1\n', 'c.sh': 'patronictl list\ncurl https://example.com/x\nkubectl frobnicate\n' })
  const check = (file: string) => proofroll(['check', file, '--engine', 'postgres'], { engines })
  const names = await check('a.sh')
  expect([names.code, names.err]).toEqual([2, expect.stringContaining('nothing is called `pg-9`')])
  expect(names.out).toContain('there is no file `none.yaml` beside the script')
  expect((await check('b.sh')).code).toBe(0)
  const missing = await check('c.sh')
  expect(missing.code).toBe(2)
  for (const words of ['this cluster has no Patroni', 'there is no network in a rehearsal', 'the verb `kubectl frobnicate` is not modelled']) expect(missing.err.replace(/\s+/g, ' ')).toContain(words)
})

test('run takes a script with a wrong name all the same, and says what kubectl said', async () => {
  enterFolder({ 'a.sh': 'kubectl exec pg-9 -- true || { echo "cannot go on" >&2; exit 3; }\n' })
  const told = await proofroll(['run', 'a.sh', '--cluster', 'postgres', '--runs', '2', '--faults', '0'], { engines })
  expect(told.code).toBe(1)
  expect(told.out.replace(/\s+/g, ' ')).toMatch(/a\.sh ended with status 3 at line 1: cannot go on \(kubectl: Error from server \(NotFound\): pods "pg-\w" not found\)/)
})
