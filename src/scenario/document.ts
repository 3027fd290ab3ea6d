/**
 * A scenario as layers of YAML: the file it extends, the file itself, the `--set` options. The merged value is plain data; every value in it
 * can still be traced to the line that wrote it.
 */
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { yamlProblems } from '../operator/index.ts'
import { type InputProblem, problemAt, ScenarioError } from './error.ts'
import type { Path } from './walk.ts'

/** One YAML file, parsed. */
export interface Layer {
  readonly file: string
  readonly document: Document
  readonly lines: LineCounter
}

/** One `--set path=value`. */
export interface Override {
  readonly option: string
  readonly path: Path
  readonly value: unknown
}

/** Parses one file. @throws ScenarioError with every YAML error and its place */
export function parseLayer(file: string, text: string): Layer {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const problems = yamlProblems(text, [...document.errors, ...document.warnings], lines).map(({ line, column, code, what }): InputProblem => ({ file, line, column, message: `this is not YAML: ${what}`, help: helpForYaml(code) }))
  if (problems.length > 0) throw new ScenarioError(problems)
  if (!isMap(document.contents)) {
    throw new ScenarioError([{ ...problemAt(file, 'a scenario is a mapping of keys (`cluster:`, `runbook:`, `deadline:` …)', 'start with: proofroll init'), line: 1, column: 1 }])
  }
  return { file, document, lines }
}

/** Lays later layers over earlier ones: mappings key by key, everything else as a whole; `extends` is not inherited. */
export function merge(layers: readonly Layer[], overrides: readonly Override[]): Record<string, unknown> {
  let value: Record<string, unknown> = {}
  for (const layer of layers) {
    const { extends: _extends, ...own } = layer.document.toJS() as Record<string, unknown>
    value = overlay(value, own) as Record<string, unknown>
  }
  return override(value, overrides)
}

/** Sets what the options override, in `value` itself. */
export function override(value: Record<string, unknown>, overrides: readonly Override[]): Record<string, unknown> {
  for (const one of overrides) setIn(value, one.path, one.value)
  return value
}

function overlay(base: unknown, over: unknown): unknown {
  if (!isPlain(base) || !isPlain(over)) return over
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) result[key] = key in base ? overlay(base[key], value) : value
  return result
}

function setIn(root: Record<string, unknown>, path: Path, value: unknown): void {
  let here = root
  path.forEach((key, i) => {
    if (i === path.length - 1) here[key] = value
    else {
      const next = here[key]
      here = (isPlain(next) || Array.isArray(next) ? next : (here[key] = {})) as Record<string, unknown>
    }
  })
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Where the value (or, with `key`, the name) at `path` was written: the last layer that has it, else the nearest thing around it. */
export function placeOf(layers: readonly Layer[], overrides: readonly Override[], path: Path, what: 'value' | 'key'): Pick<InputProblem, 'file' | 'line' | 'column'> {
  for (let length = path.length; length >= 0; length--) {
    const part = path.slice(0, length)
    const set = overrides.findLast(o => startsWith(o.path, part) && length > 0)
    if (set !== undefined) return { file: set.option, line: undefined, column: undefined }
    for (let i = layers.length - 1; i >= 0; i--) {
      const layer = layers[i] as Layer
      const offset = offsetOf(layer.document, part, length < path.length ? 'key' : what)
      if (offset === undefined) continue
      const { line, col } = layer.lines.linePos(offset)
      return { file: layer.file, line, column: col }
    }
  }
  return { file: layers.at(-1)?.file ?? '', line: undefined, column: undefined }
}

function startsWith(path: Path, part: Path): boolean {
  return part.length <= path.length && part.every((key, i) => String(key) === String(path[i]))
}

function offsetOf(document: Document, path: Path, what: 'value' | 'key'): number | undefined {
  if (path.length === 0) return 0
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const last = path[path.length - 1]
  if (isMap(parent)) {
    const pair = parent.items.find(item => isPair(item) && isScalar(item.key) && String(item.key.value) === String(last))
    const node = what === 'key' || pair?.value === null ? pair?.key : pair?.value
    return startOf(node) ?? startOf(pair?.key)
  }
  return startOf(document.getIn(path, true))
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined
}

function helpForYaml(code: string): readonly string[] {
  if (code === 'TAB_AS_INDENT') return ['indent with spaces, not with tabs']
  if (code === 'DUPLICATE_KEY') return ['each key may stand once in a mapping; remove one of the two']
  if (code === 'BAD_INDENT' || code === 'BLOCK_AS_IMPLICIT_KEY' || code === 'MULTILINE_IMPLICIT_KEY') return ['check the indentation and the `: ` after the key here and in the line before']
  return []
}
