import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lint } from '../../scripts/lint-determinism.mjs'

function whats(text: string, name = 'src/cluster/fixture.ts'): string[] {
  return lint(new Map([[name, text]])).map(f => f.what)
}

describe('refused', () => {
  test.each([
    ['const t = Date.now()', 'Date'],
    ['const t = new Date()', 'Date'],
    ['let since: Date | undefined\nexport {}', 'Date'],
    ['const t = performance.now()', 'performance'],
    ['const u = Math.random()', 'Math.random'],
    ['const y = Math.pow(2, 3)', 'Math.pow'],
    ['const y = Math.log(2)', 'Math.log'],
    ['const y = Math.hypot(3, 4)', 'Math.hypot'],
    ['const y = Math.sin(1) + 1', 'Math.sin'],
    ['const y = Math.cbrt(8)', 'Math.cbrt'],
    ['const { sin } = Math', 'Math used as a value'],
    ["const y = Math['pow'](2, 3)", 'Math used as a value'],
    ['const f = Math.exp', 'Math.exp'],
    ['const y = 2 ** 10', '**'],
    ['function f(y: number) { y **= 2; return y }', '**='],
    ['setTimeout(() => {}, 5)', 'setTimeout'],
    ['setInterval(() => {}, 5)', 'setInterval'],
    ['setImmediate(() => {})', 'setImmediate'],
    ['queueMicrotask(() => {})', 'queueMicrotask'],
    ['const f = { later: setTimeout }', 'setTimeout'],
    ['const f = { setTimeout }', 'setTimeout'],
    ['const p = new Promise(() => {})', 'Promise'],
    ['function f(): Promise<void> { throw 1 }', 'Promise'],
    ['async function f() {}', 'async'],
    ['const f = async () => 1', 'async'],
    ['class A { async f() {} }', 'async'],
    ['async function f() { return (await thing) + 1 }', 'await'],
    ['const f = async () => await thing', 'await'],
    ['for await (const x of y) f(x)', 'for await'],
    ["const m = import('./x.ts')", 'import()'],
    ['const e = process.env.HOME', 'process'],
    ['const t = process.hrtime.bigint()', 'process'],
    ['const id = crypto.randomUUID()', 'crypto'],
    ["import { randomBytes } from 'node:crypto'", 'import of node:crypto'],
    ["import { parseArgs, promisify } from 'node:util'", 'import of node:util'],
    ["import { setTimeout as wait } from 'timers/promises'", 'import of timers/promises'],
    ["export { readFileSync } from 'node:fs'", 'import of node:fs'],
    ["import seedrandom from 'seedrandom'", 'import of seedrandom'],
    ["import { fromPromise as f } from 'xstate'", 'fromPromise'],
    ['names.sort((a, b) => a.localeCompare(b))', 'localeCompare'],
    ["const c = a['localeCompare'](b)", 'localeCompare'],
    ['const { localeCompare } = name', 'localeCompare'],
    ['const s = (5).toLocaleString()', 'toLocaleString'],
    ["const s = 'I'.toLocaleLowerCase()", 'toLocaleLowerCase'],
    ['const n = new Intl.NumberFormat()', 'Intl'],
    ['const n = globalThis.Date', 'globalThis'],
    ["const f = new Function('return Date.now()')", 'Function'],
    ['const r = new WeakRef({})', 'WeakRef'],
    ['const u = import.meta.url', 'import.meta'],
    ['const m = /\\p{L}+/u', 'a Unicode property class'],
    ['let counter = 0', 'a variable of the module'],
    ['export let counter = 0', 'a variable of the module'],
    ['class A { static made = 0 }', 'a changing static field'],
    ['const a = createActor(machine)', 'createActor without a clock'],
    ['const a = createActor(machine, { input: 1 })', 'createActor without a clock'],
    ['Error.captureStackTrace(e)', 'captureStackTrace'],
  ])('%s', (text, what) => expect(whats(text)).toContain(what))
})

describe('allowed', () => {
  test.each([
    'const y = Math.abs(-1) + Math.floor(1.5) + Math.sqrt(2) + Math.imul(3, 4) + Math.min(1, Math.max(2, 3)) + Math.PI',
    // Names of one's own that happen to be those of globals.
    'function spawn(process: Generator) { process.next(); return process }',
    'class Task { constructor(private readonly process: Generator) {} run() { this.process.next() } }',
    'interface Clock { setTimeout(f: () => void, ms: number): number; Date: string }',
    'const clock = { setTimeout(f: () => void) { f() }, clearTimeout: (id: number) => id }',
    'function f(performance: number) { return performance * 2 }',
    'const self = 1; export const x = self',
    'const fault = { kind: "x", process: 3 }; export const y = fault.process',
    "import { performance } from './local.ts'; export const p = performance",
    'function* generator() { yield 1 }',
    'await loadModule()',
    'const s = (5).toFixed(2) + "A".toUpperCase()',
    'const m = new Map<string, number>(), w = new WeakMap<object, number>()',
    'const names = ["b", "a"].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))',
    'const a = createActor(machine, { clock: kernelClock })',
    'const text = "Date.now() and Math.random() in a text" // await Date',
    'declare let ambient: number',
    'class A { static readonly LIMIT = 3 }',
    'function f() { let local = 0; local += 1; return local }',
    "import { createHash } from './hash.ts'",
    "import { createHash } from 'node:crypto'",
    "import { parseArgs } from 'node:util'",
  ])('%s', text => expect(whats(text)).toEqual([]))

  test('seedrandom in the one place that keys it', () => {
    expect(whats("import seedrandom from 'seedrandom'", 'src/kernel/chance.ts')).toEqual([])
  })
})

test('a finding says where and what to write instead', () => {
  expect(lint(new Map([['src/cluster/a.ts', 'export const one = 1\n  export const now = Date.now()\n']]))).toMatchInlineSnapshot(`
    [
      {
        "column": 22,
        "file": "src/cluster/a.ts",
        "instead": "the simulation’s clock: sim.now",
        "line": 2,
        "what": "Date",
      },
    ]
  `)
})

test('every finding in a file is reported, in every file', () => {
  const found = lint(
    new Map([
      ['a.ts', 'export const x = Date.now() + Math.random() + 2 ** 3'],
      ['b.ts', 'export const y = process.env'],
    ]),
  )
  expect(found.map(f => `${f.file}:${f.column} ${f.what}`)).toEqual(['a.ts:18 Date', 'a.ts:31 Math.random', 'a.ts:49 **', 'b.ts:18 process'])
})

test('the command prints file:line:column and fails; on clean code it is silent and succeeds', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lint-determinism-'))
  const run = (): { status: number; stderr: string } => {
    try {
      execFileSync(process.execPath, ['scripts/lint-determinism.mjs', folder], { stdio: 'pipe' })
      return { status: 0, stderr: '' }
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: Buffer }
      return { status, stderr: String(stderr) }
    }
  }
  try {
    writeFileSync(join(folder, 'clean.ts'), 'export const one = 1\n')
    expect(run()).toEqual({ status: 0, stderr: '' })
    writeFileSync(join(folder, 'dirty.ts'), 'export const u = Math.random()\n')
    const { status, stderr } = run()
    expect(status).toBe(1)
    expect(stderr).toMatch(/dirty\.ts:1:18: Math\.random may differ between two runs; write instead: sim\.chance/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
