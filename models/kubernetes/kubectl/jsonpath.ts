/**
 * kubectl's JSONPath dialect (k8s.io/client-go/util/jsonpath): a template of literal text and `{…}` parts. jsonpath-plus does not fit it: it
 * has no templates, no `{range}`, other escapes, and evaluates filters as JavaScript.
 */

type Step =
  | { readonly is: 'field'; readonly name: string }
  | { readonly is: 'fields'; readonly names: readonly string[] }
  | { readonly is: 'all' }
  | { readonly is: 'descend' }
  | { readonly is: 'slice'; readonly from: number | undefined; readonly to: number | undefined; readonly by: number }
  | { readonly is: 'index'; readonly index: number }
  | { readonly is: 'filter'; readonly left: readonly Step[]; readonly operator: string; readonly right: unknown }

type Part =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'path'; readonly steps: readonly Step[] }
  | { readonly is: 'range'; readonly steps: readonly Step[]; readonly body: readonly Part[] }

/** What is wrong with a template. */
export class JsonPathError extends Error {}

const parsed = new Map<string, readonly Part[]>()

/** Parses a template, remembering it. @throws JsonPathError */
export function parseTemplate(template: string): readonly Part[] {
  let parts = parsed.get(template)
  if (parts === undefined) {
    // kubectl accepts `.a.b` and `a.b` without braces too.
    const relaxed = template.includes('{') ? template : `{${template.startsWith('.') || template.startsWith('$') ? '' : '.'}${template}}`
    parts = new TemplateParser(relaxed).parts(false)
    if (parsed.size > 10_000) parsed.clear()
    parsed.set(template, parts)
  }
  return parts
}

/** Prints `value` through a template. A missing field prints nothing. */
export function printTemplate(template: string, value: unknown): string {
  const parts = parseTemplate(template)
  try {
    return print(parts, value, value)
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error
    throw new JsonPathError(`error executing jsonpath ${JSON.stringify(template)}: Error executing template: ${error.message}`)
  }
}

/** All values that a template's first path finds. */
export function findAll(template: string, value: unknown): unknown[] {
  return finder(template)(value)
}

/** The same for many values: the template is looked up once. */
export function finder(template: string): (value: unknown) => unknown[] {
  const path = parseTemplate(template).find(p => p.is === 'path')
  return path?.is === 'path' ? value => walk(path.steps, [value]) : () => []
}

function print(parts: readonly Part[], value: unknown, root: unknown): string {
  let out = ''
  for (const part of parts) {
    if (part.is === 'text') out += part.text
    else if (part.is === 'path') out += walk(part.steps, [value]).map(text).join(' ')
    else for (const item of walk(part.steps, [value])) out += print(part.body, item, root)
  }
  return out
}

function text(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function walk(steps: readonly Step[], start: readonly unknown[]): unknown[] {
  let values: readonly unknown[] = start
  for (const step of steps) {
    // Most steps lead from one value to one.
    if (step.is === 'field' && values.length === 1) {
      const value = fieldOf(values[0], step.name)
      if (value === undefined) return []
      values = [value]
      continue
    }
    const next: unknown[] = []
    for (const value of values) apply(step, value, next)
    values = next
  }
  return [...values]
}

function apply(step: Step, value: unknown, into: unknown[]): void {
  const push = (v: unknown) => {
    if (v !== undefined) into.push(v)
  }
  switch (step.is) {
    case 'field':
      return push(fieldOf(value, step.name))
    case 'fields':
      for (const name of step.names) push(fieldOf(value, name))
      return
    case 'all':
      if (Array.isArray(value)) into.push(...value)
      else if (value !== null && typeof value === 'object') into.push(...Object.values(value))
      return
    case 'descend':
      return descend(value, into)
    case 'index': {
      if (!Array.isArray(value)) return
      const i = step.index < 0 ? value.length + step.index : step.index
      if (i < 0 || i >= value.length) throw new JsonPathError(`array index out of bounds: index ${step.index}, length ${value.length}`)
      return push(value[i])
    }
    case 'slice': {
      if (!Array.isArray(value)) return
      const at = (n: number | undefined, d: number) => (n === undefined ? d : n < 0 ? value.length + n : n)
      for (let i = at(step.from, 0); i < Math.min(at(step.to, value.length), value.length); i += step.by) push(value[i])
      return
    }
    case 'filter':
      for (const item of Array.isArray(value) ? value : []) {
        const found = walk(step.left, [item])[0]
        if (step.operator === 'exists' ? found !== undefined : found !== undefined && compare(found, step.operator, step.right)) into.push(item)
      }
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function descend(value: unknown, into: unknown[]): void {
  into.push(value)
  if (value !== null && typeof value === 'object') for (const child of Object.values(value)) descend(child, into)
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  const a = typeof right === 'number' ? Number(left) : String(left)
  const b = typeof right === 'number' ? right : String(right)
  switch (operator) {
    case '==':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    default:
      return a >= b
  }
}

class TemplateParser {
  private at = 0

  constructor(private readonly source: string) {}

  /** Parts up to the end, or up to `{end}` inside a range. */
  parts(inRange: boolean): Part[] {
    const out: Part[] = []
    while (this.at < this.source.length) {
      if (this.source[this.at] !== '{') {
        const open = this.source.indexOf('{', this.at)
        const end = open < 0 ? this.source.length : open
        out.push({ is: 'text', text: this.source.slice(this.at, end) })
        this.at = end
        continue
      }
      const inner = this.braced()
      if (inner === 'end') {
        if (!inRange) throw new JsonPathError('error parsing jsonpath: not in range, nothing to end')
        return out
      }
      if (inner.startsWith('range ')) out.push({ is: 'range', steps: new PathParser(inner.slice(6).trim()).steps(), body: this.parts(true) })
      else if (/^["']/.test(inner)) out.push({ is: 'text', text: unquote(inner) })
      else out.push({ is: 'path', steps: new PathParser(inner).steps() })
    }
    if (inRange) throw new JsonPathError('error parsing jsonpath: unterminated range')
    return out
  }

  private braced(): string {
    let quote = ''
    for (let i = this.at + 1; i < this.source.length; i++) {
      const c = this.source[i] as string
      if (c === '\\') i += 1
      else if (quote !== '') quote = c === quote ? '' : quote
      else if (c === '"' || c === "'") quote = c
      else if (c === '}') {
        const inner = this.source.slice(this.at + 1, i).trim()
        this.at = i + 1
        return inner
      }
    }
    throw new JsonPathError('error parsing jsonpath: unclosed action')
  }
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, (_m, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c))
}

class PathParser {
  private at = 0

  constructor(private readonly source: string) {}

  steps(): Step[] {
    const out: Step[] = []
    const s = this.source
    if (s[this.at] === '$' || s[this.at] === '@') this.at += 1
    while (this.at < s.length) {
      const c = s[this.at]
      if (c === '.') {
        this.at += 1
        if (s[this.at] === '.') {
          this.at += 1
          out.push({ is: 'descend' })
        }
        if (s[this.at] === '[' || this.at >= s.length) continue
        out.push(this.name())
      } else if (c === '[') out.push(this.bracket())
      else if (out.length === 0) out.push(this.name())
      else throw new JsonPathError(`error parsing jsonpath ${s}: unrecognized character in action: ${JSON.stringify(c)}`)
    }
    return out
  }

  private name(): Step {
    let name = ''
    while (this.at < this.source.length) {
      const c = this.source[this.at] as string
      if (c === '\\') {
        name += this.source[this.at + 1] ?? ''
        this.at += 2
      } else if (c === '.' || c === '[' || c === ' ') break
      else {
        name += c
        this.at += 1
      }
    }
    return name === '*' ? { is: 'all' } : { is: 'field', name }
  }

  private bracket(): Step {
    const close = this.closing()
    const inner = this.source.slice(this.at + 1, close).trim()
    this.at = close + 1
    if (inner === '*') return { is: 'all' }
    if (inner.startsWith('?(')) return filter(inner.slice(2, inner.lastIndexOf(')')))
    if (/^['"]/.test(inner)) return { is: 'fields', names: inner.split(',').map(n => unquote(n.trim())) }
    if (/^-?\d+$/.test(inner)) return { is: 'index', index: Number(inner) }
    const slice = /^(-?\d*):(-?\d*)(?::(\d+))?$/.exec(inner)
    if (slice !== null) return { is: 'slice', from: slice[1] ? Number(slice[1]) : undefined, to: slice[2] ? Number(slice[2]) : undefined, by: Number(slice[3] ?? 1) }
    throw new JsonPathError(`error parsing jsonpath ${this.source}: invalid array index ${inner}`)
  }

  private closing(): number {
    let depth = 0
    let quote = ''
    for (let i = this.at; i < this.source.length; i++) {
      const c = this.source[i] as string
      if (quote !== '') quote = c === quote ? '' : quote
      else if (c === '"' || c === "'") quote = c
      else if (c === '[') depth += 1
      else if (c === ']' && --depth === 0) return i
    }
    throw new JsonPathError(`error parsing jsonpath ${this.source}: unterminated array`)
  }
}

function filter(inner: string): Step {
  const match = /^\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*$/.exec(inner)
  if (match === null) return { is: 'filter', left: new PathParser(inner.trim()).steps(), operator: 'exists', right: undefined }
  const raw = match[3] as string
  const right = /^['"]/.test(raw) ? unquote(raw) : raw === 'true' || raw === 'false' ? raw : /^-?\d+(\.\d+)?$/.test(raw) ? Number(raw) : raw
  return { is: 'filter', left: new PathParser(match[1] as string).steps(), operator: match[2] as string, right }
}
