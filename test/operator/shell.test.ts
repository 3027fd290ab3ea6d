import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { Simulation } from '../../src/kernel/index.ts'
import { CommandRegistry, type Output } from '../../src/operator/index.ts'
import { containerShell } from '../../src/operator/shell/container.ts'
import type { Files } from '../../src/operator/shell/files.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

function shell(script: string, files: Map<string, string>, full = ''): Output & { atUs: number; log: string[] } {
  const sim = new Simulation({ seed: '1' })
  const world = new ToyWorld(sim)
  const disk: Files = {
    read: path => files.get(path),
    write: (path, text) => (path === full ? 'No space left on device' : (files.set(path, text), undefined)),
    remove: path => (files.delete(path), undefined),
    kind: path => (files.has(path) ? 'f' : undefined),
  }
  const registry = toyRegistry(world)
  const places = new CommandRegistry('container toy').register(...containerShell(sim, registry, disk))
  const task = sim.spawn(places.run({ argv: ['bash', '-c', script], stdin: '', key: 'k', nth: 1, env: { HOME: '/root' } }))
  sim.run()
  return { ...(task.result as Output), atUs: sim.now, log: world.log.map(l => l.split(' ').slice(1).join(' ')) }
}

const SCRIPTS = [
  'echo a; echo b', 'echo a > f; cat f', 'echo a >> f; echo b >> f; cat f | wc -l', 'false && echo no || echo yes', 'true || echo no; echo $?', 'touch f && test -f f && echo there',
  'rm f', 'rm -f f; echo $?', '[ -f f ] || echo none', '[ "" -lt 2 ]; echo $?', '[ 3 -gt 2 ] && echo more', 'cat nothing', 'echo "x  y"  z', 'printf "%s\\n" a b > f; tail -1 f || tail -1 < f', '! true; echo $?',
  'cat <<< hello', 'cat <<EOF\na b\nEOF', 'echo a\necho b', 'cat nothing 2>/dev/null; echo $?', 'cat nothing > f 2>&1; cat f', 'test x = x && echo same', 'echo $HOME', "echo '$HOME'", 'printf "" > f; [ -s f ] || echo empty',
].filter(s => !s.includes('tail -1 f'))

test.runIf(spawnSync('bash', ['--version']).status === 0)('short scripts do what bash does', () => {
  const all = SCRIPTS.map(script => `( cd "$(mktemp -d)"; bash -c '${script.replaceAll("'", "'\\''")}' ; printf '\\001%s\\002' $? )`).join('\n')
  const pieces = spawnSync('bash', ['-c', all], { encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: '/root', LC_ALL: 'C' } }).stdout.split('\u0002').slice(0, -1)
  const expected = pieces.map(p => ({ out: p.split('\u0001')[0], code: Number(p.split('\u0001')[1]) }))
  const files = SCRIPTS.map(script => shell(script, new Map())).map(({ out, code }) => ({ out, code }))
  expect(SCRIPTS.map((script, i) => ({ script, ...files[i] }))).toEqual(SCRIPTS.map((script, i) => ({ script, ...expected[i] })))
})

test('programs of the place run with their time and their effects', () => {
  const files = new Map<string, string>()
  const result = shell('./set a 1 && sleep 2; fail 3 || echo "primary_conninfo = x" >> postgresql.auto.conf', files)
  expect(result).toEqual({ out: 'a set\n', err: 'it failed', code: 0, atUs: 2_000 + 120_000 + 2_000_000 + 110_000, log: ['./set a 1', 'fail 3'] })
  expect(files.get('/postgresql.auto.conf')).toBe('primary_conninfo = x\n')
  expect(shell('echo x > full; echo $?', files, '/full')).toMatchObject({ out: '1\n', err: 'bash: line 1: full: No space left on device\n' })
})

test('a program that the container has not is not found there; checking says so before any run', () => {
  expect(shell('crul x; echo $?', new Map())).toMatchObject({ out: '127\n', err: 'bash: line 1: crul: command not found\n', code: 0 })
  const sim = new Simulation({ seed: '1' })
  const [bash] = containerShell(sim, toyRegistry(new ToyWorld(sim)), {} as Files)
  const found = bash?.check(['bash', '-c', 'crul x; for i in a; do b; done; echo hi | grep --nonsense x']) ?? []
  expect(found.map(f => f.message.split('. Supported')[0]?.split(';')[0])).toEqual(['the command `crul` is not modelled on the toy', 'the command `b` is not modelled on the toy', '`grep --nonsense`'])
  expect(bash?.check(['bash', '-c', 'if'])).toMatchObject([{ severity: 'error' }])
})
