#!/usr/bin/env node
/**
 * Keeps out of everything that runs inside a rehearsal what could make two runs of the same (scenario, schedule, seed) differ:
 * the wall clock, unkeyed luck, promises and real timers, locales, the environment, and floating-point functions whose last bit
 * differs between Node versions. No exemptions and no suppression comments: what is refused here has a replacement, and it is named.
 *
 * What it cannot see: a value that another module took from outside, the message of an error that the JavaScript engine itself throws
 * (it differs between versions), and a comparison function that is no order.
 *
 * usage: node scripts/lint-determinism.mjs [file or folder…]      exit 1 when something is found
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Everything that runs inside a rehearsal. */
export const GUARDED = ['src/kernel', 'src/cluster', 'src/workload', 'src/operator', 'src/faults', 'src/measures', 'src/checks', 'src/engine.ts', 'src/rehearsal.ts', 'models']

const CLOCK = 'the simulation’s clock: sim.now'
const LATER = 'sim.after, sim.call or a yielded wait'
const LUCK = 'sim.chance, keyed by who draws and what for'
const PROCESS = 'a generator process (sim.spawn); the order of promises hangs on microtasks'

/** Globals that must not be mentioned, with what to write instead. */
const GLOBALS = new Map([
  ['Date', CLOCK],
  ['performance', CLOCK],
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate', 'queueMicrotask', 'requestAnimationFrame'].map(name => [name, LATER]),
  ...['Promise', 'AsyncGenerator', 'AsyncIterable', 'AsyncIterableIterator', 'PromiseLike', 'Awaited'].map(name => [name, PROCESS]),
  ['crypto', LUCK],
  ['Intl', 'plain comparison and toFixed'],
  ['process', 'options of the scenario: a rehearsal knows no environment'],
  ['Atomics', 'nothing: a rehearsal has one thread'],
  ['SharedArrayBuffer', 'ArrayBuffer: a rehearsal has one thread'],
  ...['Worker', 'MessageChannel', 'BroadcastChannel', 'AbortController', 'AbortSignal', 'EventTarget', 'fetch', 'WebSocket', 'navigator', 'require'].map(name => [name, 'nothing: a rehearsal talks to nobody outside']),
  ...['WeakRef', 'FinalizationRegistry'].map(name => [name, 'a strong reference: what they show depends on the garbage collector']),
  ...['globalThis', 'global', 'window', 'self'].map(name => [name, 'the name itself, so that this rule can read it']),
  ...['eval', 'Function'].map(name => [name, 'code, so that this rule can read it']),
])

/** IEEE 754 demands these exactly; of every other function of Math the last bit may differ. */
const EXACT_MATH = new Set(['abs', 'floor', 'ceil', 'round', 'trunc', 'sign', 'min', 'max', 'sqrt', 'imul', 'clz32', 'fround', 'E', 'LN10', 'LN2', 'LOG10E', 'LOG2E', 'PI', 'SQRT1_2', 'SQRT2'])
const MATH_INSTEAD = new Map([
  ['random', LUCK],
  ['pow', 'repeated multiplication, or exp(y * ln(x)) of src/kernel/arithmetic.ts'],
  ['log', 'ln of src/kernel/arithmetic.ts'],
  ['exp', 'exp of src/kernel/arithmetic.ts'],
  ['hypot', 'Math.sqrt(x * x + y * y)'],
])

/** Built-in modules of which one function depends on its arguments alone (parseArgs: where it is given `args`). */
const PURE = new Map([['node:crypto', 'createHash'], ['node:util', 'parseArgs']])

const MEMBERS = new Map([
  ['localeCompare', 'a < b ? -1 : a > b ? 1 : 0'],
  ['captureStackTrace', 'nothing: stack traces differ between Node versions'],
  ['stackTraceLimit', 'nothing: stack traces differ between Node versions'],
])

/** Parts of packages that bring real time or promises in. */
const IMPORTS = new Map([
  ['fromPromise', PROCESS],
  ['toPromise', PROCESS],
  ['waitFor', PROCESS],
])

const BUILTIN = new Set(builtinModules)

/**
 * All findings in a set of files. Names are resolved by the compiler without any library, so a local variable that happens to be called
 * `process` is not the global one.
 * @param {ReadonlyMap<string, string>} sources text by file name
 * @returns {{ file: string, line: number, column: number, what: string, instead: string }[]}
 */
export function lint(sources) {
  const parsed = new Map([...sources].map(([name, text]) => [name, ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)]))
  const host = {
    getSourceFile: name => parsed.get(name),
    getDefaultLibFileName: () => 'lib.d.ts',
    writeFile() {},
    getCurrentDirectory: () => '',
    getCanonicalFileName: name => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: name => parsed.has(name),
    readFile: name => sources.get(name),
  }
  const options = { noLib: true, noResolve: true, allowImportingTsExtensions: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, types: [] }
  const checker = ts.createProgram([...parsed.keys()], options, host).getTypeChecker()
  return [...parsed.values()].flatMap(file => lintFile(file, checker))
}

function lintFile(file, checker) {
  const found = []
  const report = (node, what, instead) => {
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file))
    found.push({ file: file.fileName, line: line + 1, column: character + 1, what, instead })
  }
  const isGlobal = id => {
    const symbol = ts.isShorthandPropertyAssignment(id.parent) ? checker.getShorthandAssignmentValueSymbol(id.parent) : checker.getSymbolAtLocation(id)
    return symbol === undefined || symbol.declarations === undefined || symbol.declarations.length === 0
  }

  const visit = node => {
    if (ts.isIdentifier(node)) checkIdentifier(node)
    else if (ts.isPropertyAccessExpression(node)) checkMember(node.name, node.name.text)
    else if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) checkMember(node.argumentExpression, node.argumentExpression.text)
    else if (ts.isBindingElement(node)) {
      const name = node.propertyName ?? node.name
      if (ts.isIdentifier(name)) checkMember(name, name.text)
    } else if (ts.isAwaitExpression(node)) {
      // At the top of a module it is over before any rehearsal begins: that is how a WebAssembly module is loaded.
      if (inFunction(node)) report(node, 'await', PROCESS)
    } else if (ts.isForOfStatement(node) && node.awaitModifier) report(node.awaitModifier, 'for await', PROCESS)
    else if (node.kind === ts.SyntaxKind.AsyncKeyword) report(node, 'async', PROCESS)
    else if (ts.isBinaryExpression(node) && (node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken || node.operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken)) {
      report(node.operatorToken, node.operatorToken.getText(file), MATH_INSTEAD.get('pow'))
    } else if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) checkImport(node)
    else if (ts.isCallExpression(node)) checkCall(node)
    else if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) report(node, 'import.meta', 'nothing: where the code lies must not matter')
    else if (ts.isRegularExpressionLiteral(node)) {
      if (/\\p\{/iu.test(node.text)) report(node, 'a Unicode property class', 'the characters themselves: the tables differ between Node versions')
    } else if (ts.isVariableStatement(node) && node.parent === file && !(node.declarationList.flags & ts.NodeFlags.Const) && !isAmbient(node)) {
      report(node, 'a variable of the module', 'a field of an object that belongs to one rehearsal: this one outlives it')
    } else if (ts.isPropertyDeclaration(node) && has(node, ts.SyntaxKind.StaticKeyword) && !has(node, ts.SyntaxKind.ReadonlyKeyword)) {
      report(node, 'a changing static field', 'a field of an object that belongs to one rehearsal: this one outlives it')
    }
    ts.forEachChild(node, visit)
  }

  const checkIdentifier = node => {
    if (!isReference(node)) return
    const text = node.text
    if (text === 'Math') {
      if (isGlobal(node)) checkMath(node)
      return
    }
    const instead = GLOBALS.get(text)
    if (instead !== undefined && isGlobal(node)) report(node, text, instead)
  }

  const checkMath = node => {
    const parent = node.parent
    const member = ts.isPropertyAccessExpression(parent) && parent.expression === node ? parent.name.text : undefined
    if (member === undefined) {
      if (ts.isTypeQueryNode(parent) || ts.isQualifiedName(parent)) return
      report(node, 'Math used as a value', 'Math.name, so that this rule can read it')
    } else if (!EXACT_MATH.has(member)) report(parent, `Math.${member}`, MATH_INSTEAD.get(member) ?? 'a form in + − × ÷ √ (see src/kernel/arithmetic.ts): its last bit may differ between Node versions')
  }

  const checkMember = (node, name) => {
    if (name.startsWith('toLocale')) report(node, name, name.endsWith('Case') ? name.replace('Locale', '') : 'toFixed, or plain text')
    else if (MEMBERS.has(name)) report(node, name, MEMBERS.get(name))
  }

  const checkImport = node => {
    if (!node.moduleSpecifier) return
    const from = node.moduleSpecifier.text
    // Functions of what they are given and of nothing else; what else is in those modules is luck, clock and environment.
    const names = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : undefined
    if (PURE.has(from) && names && ts.isNamedImports(names) && names.elements.every(element => PURE.get(from) === (element.propertyName ?? element.name).text)) return
    if (from.startsWith('node:') || BUILTIN.has(from.split('/')[0])) report(node.moduleSpecifier, `import of ${from}`, 'nothing: a rehearsal reads no file, clock or environment')
    if (from === 'seedrandom' && !file.fileName.endsWith('src/kernel/chance.ts')) report(node.moduleSpecifier, 'import of seedrandom', LUCK)
    if (from.startsWith('xstate') && names && ts.isNamedImports(names)) {
      for (const element of names.elements) {
        const name = (element.propertyName ?? element.name).text
        if (IMPORTS.has(name)) report(element, name, IMPORTS.get(name))
      }
    }
  }

  const checkCall = node => {
    if (node.expression.kind === ts.SyntaxKind.ImportKeyword) report(node, 'import()', 'a static import: this one is a promise')
    const callee = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression
    if (ts.isIdentifier(callee) && callee.text === 'createActor') {
      const options = node.arguments[1]
      const clocked = options !== undefined && (!ts.isObjectLiteralExpression(options) || options.properties.some(p => ts.isSpreadAssignment(p) || p.name?.getText(file) === 'clock'))
      if (!clocked) report(node, 'createActor without a clock', 'createActor(machine, { clock }) with the kernel’s clock: the default one is real')
    }
  }

  visit(file)
  return found
}

function inFunction(node) {
  return ts.findAncestor(node, n => ts.isFunctionLike(n) || ts.isClassStaticBlockDeclaration(n) || ts.isPropertyDeclaration(n)) !== undefined
}

/** Whether an identifier refers to something, rather than naming a member, a declaration or a label. */
function isReference(node) {
  const parent = node.parent
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isQualifiedName(parent)) return parent.left === node
  if (ts.isShorthandPropertyAssignment(parent)) return true
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node
  if (ts.isBindingElement(parent)) return parent.initializer === node
  if (ts.isImportSpecifier(parent) || ts.isImportClause(parent) || ts.isNamespaceImport(parent) || ts.isExportSpecifier(parent) || ts.isNamedTupleMember(parent)) return false
  if (ts.isJsxAttribute?.(parent) || ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return false
  if ('name' in parent && parent.name === node) return false
  return true
}

function has(node, kind) {
  return node.modifiers?.some(m => m.kind === kind) ?? false
}

function isAmbient(node) {
  return has(node, ts.SyntaxKind.DeclareKeyword)
}

/** The TypeScript files of some files and folders, in a fixed order. What does not exist (yet) is passed over. */
export function filesOf(paths) {
  const files = []
  const walk = path => {
    if (!existsSync(path)) return
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name))
    else if (/\.tsx?$/.test(path) && !path.endsWith('.d.ts')) files.push(path)
  }
  for (const path of paths) walk(path)
  return files
}

function main() {
  const asked = process.argv.slice(2)
  const files = filesOf(asked.length > 0 ? asked : GUARDED.map(path => join(ROOT, path)))
  const found = lint(new Map(files.map(file => [relative(process.cwd(), file).split(sep).join('/'), readFileSync(file, 'utf8')])))
  for (const f of found) console.error(`${f.file}:${f.line}:${f.column}: ${f.what} may differ between two runs; write instead: ${f.instead}`)
  if (found.length > 0) {
    console.error(`${found.length} finding${found.length === 1 ? '' : 's'} in ${files.length} files`)
    process.exitCode = 1
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
