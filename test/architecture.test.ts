/**
 * Holds the picture of the house (design §3) against the code: imports run one way, nothing in `src` knows a database by name, files stay
 * readable, folders say what they are. Each test lists every violation at once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { filesOf } from '../scripts/lint-determinism.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * From the bottom up; a file belongs to the first entry that matches. Imports go to the same layer or to a lower one.
 * Shapes are what the layers above hand to one another: plain types, so they import types only.
 */
const LAYERS: readonly (readonly [name: string, files: RegExp])[] = [
  ['kernel', /^src\/kernel\//],
  ['operator, cluster', /^src\/(?:operator|cluster)\//],
  ['engine.ts', /^src\/engine\.ts$/],
  ['shapes', /^src\/(?:result|scenario\/scenario|faults\/schedule)\.ts$/],
  ['workload, faults, measures, models/*', /^src\/(?:workload|faults|measures)\/|^models\/[^/]+\//],
  ['checks, scenario', /^src\/(?:checks|scenario)\//],
  ['rehearsal.ts', /^src\/rehearsal(?:\.ts$|\/)/],
  ['campaign', /^src\/campaign\//],
  ['report', /^src\/report\//],
  ['cli', /^src\/cli\//],
  ['public API, the list of engines', /^src\/(?:index|vitest)\.ts$|^src\/suite\/|^models\/index\.ts$/],
]

/** Who may import the list of engines: those that hand it to the rest. */
const MAY_LIST_ENGINES: Readonly<Record<string, string>> = {
  'src/index.ts': 'the public API',
  'src/suite/runbook.ts': 'the public API',
  'src/suite/scenario.ts': 'the public API',
  'src/campaign/worker.ts': 'the worker entry: a thread is handed names, not engines',
  'src/scenario/write-schemas.ts': 'a build tool that writes the JSON schemas of all engines',
}

/** Where a database or its tool may be named outside a comment. */
const MAY_NAME_ENGINES: Readonly<Record<string, string>> = {
  'src/cli/': 'texts for people',
  'src/report/': 'texts for people',
  'src/scenario/schema.ts': 'an example command in a message',
  'src/faults/control-plane.ts': 'the description of a fault, for people',
}
const ENGINE_WORDS = /postgres|redis|mongo|vitess|kubectl/i

/** Longer than 450 lines, with the reason. */
const MAY_BE_LONG: Readonly<Record<string, string>> = {}
const MAX_LINES = 450

interface Import {
  readonly from: string
  readonly to: string
  readonly line: number
  /** Erased by the compiler. */
  readonly typeOnly: boolean
}

const files = filesOf([join(ROOT, 'src'), join(ROOT, 'models')]).map(path => {
  const name = posix.normalize(path.slice(ROOT.length).replaceAll('\\', '/'))
  const text = readFileSync(path, 'utf8')
  return { name, text, ast: ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true) }
})
type File = (typeof files)[number]

/** Every relative import of a file: static, re-exported, dynamic or in a type. */
function importsOf({ name, ast }: File): Import[] {
  const found: Import[] = []
  const add = (node: ts.Node, specifier: ts.Expression | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith('.')) return
    found.push({ from: name, to: posix.join(posix.dirname(name), specifier.text), line: ast.getLineAndCharacterOfPosition(node.getStart(ast)).line + 1, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause
      const bindings = clause?.namedBindings
      const allTypes = clause?.name === undefined && bindings !== undefined && ts.isNamedImports(bindings) && bindings.elements.every(e => e.isTypeOnly)
      add(node, node.moduleSpecifier, clause?.isTypeOnly === true || allTypes)
    } else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node, node.arguments[0], false)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal as ts.Expression, true)
    ts.forEachChild(node, visit)
  }
  visit(ast)
  return found
}

const imports = files.flatMap(importsOf)

function layerOf(file: string): number {
  return LAYERS.findIndex(([, pattern]) => pattern.test(file))
}

/** The unit of the picture: `src/operator`, `models/postgres`, `src/engine.ts`. Shapes stand alone. */
function unitOf(file: string): string {
  if (LAYERS[layerOf(file)]?.[0] === 'shapes') return file
  // `src/rehearsal.ts` is the face of `src/rehearsal/`.
  return file.split('/').slice(0, 2).join('/').replace(/^src\/rehearsal\.ts$/, 'src/rehearsal')
}

/** Every circle of a graph once, as the path that closes it. */
function circles(edges: readonly (readonly [string, string])[]): string[] {
  const next = new Map<string, Set<string>>()
  for (const [from, to] of edges) if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to))
  const found = new Map<string, string>()
  const done = new Set<string>()
  const path: string[] = []
  const visit = (node: string): void => {
    const start = path.indexOf(node)
    if (start >= 0) {
      const circle = path.slice(start)
      const key = circle.toSorted().join()
      if (!found.has(key)) found.set(key, [...circle, node].join(' → '))
      return
    }
    if (done.has(node)) return
    path.push(node)
    for (const to of next.get(node) ?? []) visit(to)
    path.pop()
    done.add(node)
  }
  for (const node of next.keys()) visit(node)
  return [...found.values()]
}

describe('imports', () => {
  test('every file of src and models has its place in the picture', () => {
    expect(files.map(f => f.name).filter(name => layerOf(name) < 0)).toEqual([])
    expect(files.length).toBeGreaterThan(10)
  })

  test('every relative import leads to a file', () => {
    const lost = imports.filter(i => !existsSync(join(ROOT, i.to))).map(i => `${i.from}:${i.line} imports ${i.to}, which does not exist`)
    expect(lost).toEqual([])
  })

  test('imports go downwards', () => {
    const upwards = imports
      .filter(i => !i.to.startsWith('models/index.ts') && /^(?:src|models)\//.test(i.to) && layerOf(i.to) > layerOf(i.from))
      .map(i => `${i.from}:${i.line} (${LAYERS[layerOf(i.from)]?.[0]}) imports ${i.to} (${LAYERS[layerOf(i.to)]?.[0]})`)
    expect(upwards).toEqual([])
  })

  test('no folder imports another in a circle, not even types', () => {
    expect(circles(imports.map(i => [unitOf(i.from), unitOf(i.to)]))).toEqual([])
  })

  test('no file imports another in a circle, types aside', () => {
    expect(circles(imports.filter(i => !i.typeOnly).map(i => [i.from, i.to]))).toEqual([])
  })

  test('shapes import types only', () => {
    const running = imports.filter(i => LAYERS[layerOf(i.from)]?.[0] === 'shapes' && !i.typeOnly).map(i => `${i.from}:${i.line} imports ${i.to}`)
    expect(running).toEqual([])
  })

  test('only those that hand the list of engines to the rest import it, and nothing in src imports one engine', () => {
    const wrong = imports
      .filter(i => i.from.startsWith('src/') && i.to.startsWith('models/'))
      .filter(i => i.to !== 'models/index.ts' || !(i.from.startsWith('src/cli/') || i.from in MAY_LIST_ENGINES))
      .map(i => `${i.from}:${i.line} imports ${i.to}`)
    expect(wrong).toEqual([])
  })

  test('the kernel is entered by its index', () => {
    const around = imports.filter(i => unitOf(i.to) === 'src/kernel' && unitOf(i.from) !== 'src/kernel' && i.to !== 'src/kernel/index.ts').map(i => `${i.from}:${i.line} imports ${i.to}`)
    expect(around).toEqual([])
  })

  test('this test sees every form of import, and circles where there are some', () => {
    const text = `import a from './a.ts'; import type b from './b.ts'; import { type c } from './c.ts'; export * from './d.ts'; export type { e } from '../e.ts'
      const f = import('./f.ts'); type G = import('./g.ts').G; import './h.ts'; import zod from 'zod'`
    const seen = importsOf({ name: 'src/x/x.ts', text, ast: ts.createSourceFile('src/x/x.ts', text, ts.ScriptTarget.ES2022, true) })
    expect(seen.map(i => `${i.to}${i.typeOnly ? ' (types)' : ''}`)).toEqual(['src/x/a.ts', 'src/x/b.ts (types)', 'src/x/c.ts (types)', 'src/x/d.ts', 'src/e.ts (types)', 'src/x/f.ts', 'src/x/g.ts (types)', 'src/x/h.ts'])
    expect(circles([['a', 'b'], ['b', 'c'], ['c', 'b'], ['a', 'a'], ['c', 'd']])).toEqual(['b → c → b'])
  })
})

test('nothing in src names a database or its tools, comments aside', () => {
  const named: string[] = []
  for (const { name, ast } of files) {
    if (!name.startsWith('src/') || Object.keys(MAY_NAME_ENGINES).some(allowed => name.startsWith(allowed))) continue
    const visit = (node: ts.Node): void => {
      const isText = ts.isIdentifier(node) || ts.isPrivateIdentifier(node) || ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node) || ts.isRegularExpressionLiteral(node)
      if (isText && ENGINE_WORDS.test(node.text)) named.push(`${name}:${ast.getLineAndCharacterOfPosition(node.getStart(ast)).line + 1} ${node.text.slice(0, 80)}`)
      ts.forEachChild(node, visit)
    }
    visit(ast)
  }
  expect(named).toEqual([])
})

test(`no file is longer than ${MAX_LINES} lines without a reason`, () => {
  const long = files.map(({ name, text }) => ({ name, lines: text.trimEnd().split('\n').length })).filter(f => f.lines > MAX_LINES && !(f.name in MAY_BE_LONG))
  expect(long).toEqual([])
})

test('every folder of src and models has a README', () => {
  const folders = ['src', 'models'].flatMap(top =>
    readdirSync(join(ROOT, top), { withFileTypes: true })
      .filter(entry => entry.isDirectory() && files.some(f => f.name.startsWith(`${top}/${entry.name}/`)))
      .map(entry => `${top}/${entry.name}`),
  )
  expect([...folders, 'scripts', 'bench'].filter(folder => !existsSync(join(ROOT, folder, 'README.md')))).toEqual([])
})

test('the lists of exceptions hold nothing that is gone', () => {
  const listed = [...Object.keys(MAY_LIST_ENGINES), ...Object.keys(MAY_NAME_ENGINES), ...Object.keys(MAY_BE_LONG)]
  const known = new Set([...files.map(f => f.name), ...files.map(f => `${dirname(f.name)}/`)])
  // The public API and the command line come last; until then their folders are empty.
  const later = new Set(['src/index.ts', 'src/cli/'])
  expect(listed.filter(name => !known.has(name) && !later.has(name))).toEqual([])
})
