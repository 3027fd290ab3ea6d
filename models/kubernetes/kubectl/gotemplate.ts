/**
 * `-o go-template=…`: Go's text/template as far as kubectl's users write it: paths, variables, pipelines, range, if, with, and the functions of the
 * language and of kubectl (base64decode, exists). Source: pkg.go.dev/text/template. A missing key prints `<no value>`.
 */

export class GoTemplateError extends Error {}

type Token = string
type Node =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'show'; readonly tokens: readonly Token[] }
  | { readonly is: 'if' | 'with' | 'range'; readonly tokens: readonly Token[]; readonly body: readonly Node[]; readonly otherwise: readonly Node[] }

interface Scope {
  readonly dot: unknown
  readonly vars: Map<string, unknown>
  readonly outer: Scope | undefined
}

const NO_VALUE = '<no value>'
const known = new Map<string, readonly Node[]>()

/** @throws GoTemplateError for what is no template, or uses what is not modelled */
export function parseGoTemplate(text: string): readonly Node[] {
  let nodes = known.get(text)
  if (nodes === undefined) {
    const pieces = new Pieces(text)
    nodes = pieces.nodes(false).body
    if (known.size > 1_000) known.clear()
    known.set(text, nodes)
  }
  return nodes
}

/** Prints a value through a template. @throws GoTemplateError */
export function printGoTemplate(text: string, value: unknown): string {
  return print(parseGoTemplate(text), { dot: value, vars: new Map([['$', value]]), outer: undefined })
}

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|`[^`]*`|'[^']*'|:=|[(),|=]|\$\w*(?:\.\w+)*|(?:\.\w+)+|\.|-?\d+(?:\.\d+)?|\w+)/y

/** The tokens of an action. A path behind a parenthesis (`(index .a 0).b`) stands for itself. */
function tokensOf(action: string): readonly Token[] {
  const found: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < action.trimEnd().length) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(action)
    if (match === null) throw new GoTemplateError(`template: output:1: unexpected ${JSON.stringify(action.slice(at).trim()[0])} in operand`)
    const token = match[1] as string
    // A field of what was in parentheses, not an operand of its own.
    found.push(found[found.length - 1] === ')' && token.startsWith('.') && !/^\s/.test(action.slice(at)) ? `)${token}` : token)
  }
  return found
}

class Pieces {
  private readonly pieces: readonly { readonly text: string; readonly action: boolean }[]
  private at = 0

  constructor(text: string) {
    const pieces: { text: string; action: boolean }[] = []
    let from = 0
    let trims = false
    for (const match of text.matchAll(/\{\{(- )?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|(?!\}\}).)*?)( -)?\}\}/gs)) {
      let before = text.slice(from, match.index)
      if (trims) before = before.trimStart()
      if (match[1] !== undefined) before = before.trimEnd()
      pieces.push({ text: before, action: false }, { text: (match[2] as string).trim(), action: true })
      trims = match[3] !== undefined
      from = match.index + match[0].length
    }
    const rest = text.slice(from)
    if (rest.includes('{{')) throw new GoTemplateError('template: output:1: unclosed action')
    pieces.push({ text: trims ? rest.trimStart() : rest, action: false })
    this.pieces = pieces
  }

  /** Up to the `end` or `else` that belongs here. */
  nodes(inside: boolean): { readonly body: Node[]; readonly stop: string } {
    const body: Node[] = []
    for (;;) {
      const piece = this.pieces[this.at++]
      if (piece === undefined) {
        if (inside) throw new GoTemplateError('template: output:1: unexpected EOF')
        return { body, stop: '' }
      }
      if (!piece.action) {
        if (piece.text !== '') body.push({ is: 'text', text: piece.text })
        continue
      }
      if (piece.text.startsWith('/*')) continue
      const word = /^\w+/.exec(piece.text)?.[0] ?? ''
      if (word === 'end' || word === 'else') {
        if (!inside) throw new GoTemplateError(`template: output:1: unexpected {{${word}}}`)
        return { body, stop: piece.text }
      }
      if (word === 'if' || word === 'with' || word === 'range') body.push(this.block(word, piece.text.slice(word.length)))
      else if (['template', 'define', 'block', 'break', 'continue'].includes(word)) throw new GoTemplateError(`{{${word}}} is not modelled`)
      else body.push({ is: 'show', tokens: checked(tokensOf(piece.text)) })
    }
  }

  private block(is: 'if' | 'with' | 'range', head: string): Node {
    const { body, stop } = this.nodes(true)
    const tokens = checked(tokensOf(head))
    if (!stop.startsWith('else')) return { is, tokens, body, otherwise: [] }
    const chained = /^else\s+(if|with)\b(.*)$/s.exec(stop)
    if (chained !== null) return { is, tokens, body, otherwise: [this.block(chained[1] as 'if', chained[2] as string)] }
    return { is, tokens, body, otherwise: this.nodes(true).body }
  }
}

/** Names in an action that are no function of the language. */
function checked(tokens: readonly Token[]): readonly Token[] {
  for (const token of tokens) if (/^[A-Za-z_]\w*$/.test(token) && !(token in FUNCTIONS) && !['true', 'false', 'nil'].includes(token)) throw new GoTemplateError(`template: output:1: function ${JSON.stringify(token)} not defined`)
  return tokens
}

function print(nodes: readonly Node[], scope: Scope): string {
  let out = ''
  for (const node of nodes) {
    if (node.is === 'text') out += node.text
    else if (node.is === 'show') {
      const { names, value } = assigned(node.tokens, scope)
      if (names.length === 0) out += text(value)
    } else if (node.is === 'range') out += ranged(node, scope)
    else {
      const inner: Scope = { dot: scope.dot, vars: new Map(), outer: scope }
      const { value } = assigned(node.tokens, inner)
      out += truth(value) ? print(node.body, node.is === 'with' ? { ...inner, dot: value } : inner) : print(node.otherwise, { ...inner, vars: new Map() })
    }
  }
  return out
}

function ranged(node: Extract<Node, { is: 'if' | 'with' | 'range' }>, scope: Scope): string {
  const { names, value } = evaluated(node.tokens, scope)
  const entries: readonly (readonly [unknown, unknown])[] = Array.isArray(value) ? value.map((item, i) => [i, item] as const) : value !== null && typeof value === 'object' ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : []
  if (value !== null && value !== undefined && typeof value !== 'object') throw new GoTemplateError(`template: output:1: range can't iterate over ${text(value)}`)
  if (entries.length === 0) return print(node.otherwise, scope)
  return entries.map(([key, item]) => print(node.body, { dot: item, vars: new Map(names.length === 2 ? [[names[0] as string, key], [names[1] as string, item]] : names.length === 1 ? [[names[0] as string, item]] : []), outer: scope })).join('')
}

/** `$x := PIPELINE` and `$x = PIPELINE`: the names, the value; nothing is set yet. */
function evaluated(tokens: readonly Token[], scope: Scope): { readonly names: readonly string[]; readonly value: unknown; readonly declares: boolean } {
  const at = tokens.findIndex(token => token === ':=' || token === '=')
  const names = at < 0 ? [] : tokens.slice(0, at).filter(token => token !== ',')
  return { names, value: new Evaluation(tokens.slice(at + 1), scope).pipeline(), declares: tokens[at] === ':=' }
}

function assigned(tokens: readonly Token[], scope: Scope): { readonly names: readonly string[]; readonly value: unknown } {
  const found = evaluated(tokens, scope)
  for (const name of found.names) {
    let home: Scope | undefined = scope
    if (!found.declares) while (home !== undefined && !home.vars.has(name)) home = home.outer
    ;(home ?? scope).vars.set(name, found.value)
  }
  return found
}

class Evaluation {
  private at = 0

  constructor(
    private readonly tokens: readonly Token[],
    private readonly scope: Scope,
  ) {}

  pipeline(): unknown {
    let value = this.command([])
    while (this.tokens[this.at] === '|') {
      this.at += 1
      value = this.command([value])
    }
    return value
  }

  private command(piped: readonly unknown[]): unknown {
    const [first] = this.tokens.slice(this.at)
    if (first === undefined) throw new GoTemplateError('template: output:1: missing value for command')
    const name = FUNCTIONS[first] === undefined ? undefined : first
    if (name !== undefined) this.at += 1
    const operands: unknown[] = []
    while (this.at < this.tokens.length && this.tokens[this.at] !== '|' && !(this.tokens[this.at] as string).startsWith(')')) operands.push(this.operand())
    if (name === undefined) return operands[0]
    return (FUNCTIONS[name] as (...args: unknown[]) => unknown)(...operands, ...piped)
  }

  private operand(): unknown {
    const token = this.tokens[this.at++] as string
    if (token === '(') {
      const value = this.pipeline()
      const closing = this.tokens[this.at++]
      if (closing?.startsWith(')') !== true) throw new GoTemplateError('template: output:1: unclosed left paren')
      const rest = this.tokens[this.at]
      if (rest?.startsWith(').') === true) {
        this.at += 1
        return fields(value, rest.slice(1))
      }
      return fields(value, closing.slice(1))
    }
    if (token.startsWith('"')) return JSON.parse(token.replace(/\\'/g, "'")) as string
    if (token.startsWith('`')) return token.slice(1, -1)
    if (token.startsWith("'")) return token.codePointAt(1)
    if (token === 'true' || token === 'false') return token === 'true'
    if (token === 'nil') return undefined
    if (/^-?\d/.test(token)) return Number(token)
    if (token.startsWith('$')) {
      const [name = '$', ...path] = token.split('.')
      for (let scope: Scope | undefined = this.scope; scope !== undefined; scope = scope.outer) if (scope.vars.has(name)) return fields(scope.vars.get(name), path.map(p => `.${p}`).join(''))
      throw new GoTemplateError(`template: output:1: undefined variable ${JSON.stringify(name)}`)
    }
    if (token.startsWith('.')) return token === '.' ? this.scope.dot : fields(this.scope.dot, token)
    const inner = FUNCTIONS[token]
    if (inner !== undefined) return inner()
    throw new GoTemplateError(`template: output:1: unexpected ${JSON.stringify(token)}`)
  }
}

function fields(value: unknown, path: string): unknown {
  let at = value
  for (const name of path.split('.').slice(1)) {
    if (at === null || at === undefined) return undefined
    if (typeof at !== 'object' || Array.isArray(at)) throw new GoTemplateError(`error executing template: template: output:1:2: executing "output" at <.${name}>: can't evaluate field ${name} in type interface {}`)
    at = (at as Record<string, unknown>)[name]
  }
  return at
}

function truth(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (value !== null && typeof value === 'object') return Object.keys(value).length > 0
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== ''
}

function text(value: unknown): string {
  if (value === undefined || value === null) return NO_VALUE
  if (Array.isArray(value)) return `[${value.map(text).join(' ')}]`
  if (typeof value === 'object') return `map[${Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}:${text(v)}`).join(' ')}]`
  return String(value)
}

function printf(format: unknown, ...args: unknown[]): string {
  let at = 0
  return String(format).replace(/%([-0]*)(\d*)(?:\.\d+)?([%sdvqt])/g, (_, flags: string, width: string, verb: string) => {
    if (verb === '%') return '%'
    const value = text(args[at++])
    const shown = verb === 'q' ? JSON.stringify(value) : value
    return flags.includes('-') ? shown.padEnd(Number(width)) : shown.padStart(Number(width), flags.includes('0') ? '0' : ' ')
  })
}

const indexed = (value: unknown, keys: readonly unknown[]): unknown => keys.reduce((at, key) => {
  if (at === undefined || at === null) return undefined
  if (Array.isArray(at) && (Number(key) < 0 || Number(key) >= at.length)) throw new GoTemplateError(`error executing template: template: output:1: error calling index: index out of range: ${String(key)}`)
  return (at as Record<string, unknown>)[String(key)]
}, value)

const FUNCTIONS: Readonly<Record<string, (...args: never[]) => unknown>> = Object.assign(Object.create(null) as Record<string, (...args: never[]) => unknown>, {
  index: (value: unknown, ...keys: unknown[]) => indexed(value, keys),
  exists: (value: unknown, ...keys: unknown[]) => keys.reduce((at, key) => (at === undefined || at === null ? undefined : (at as Record<string, unknown>)[String(key)]), value) !== undefined,
  len: (value: unknown) => (typeof value === 'string' ? value.length : value === undefined ? 0 : Object.keys(value as object).length),
  eq: (a: unknown, ...others: unknown[]) => others.some(b => a === b),
  ne: (a: unknown, b: unknown) => a !== b,
  lt: (a: number, b: number) => a < b,
  le: (a: number, b: number) => a <= b,
  gt: (a: number, b: number) => a > b,
  ge: (a: number, b: number) => a >= b,
  and: (...args: unknown[]) => args.find(a => !truth(a)) ?? (args.every(truth) ? args[args.length - 1] : args.find(a => !truth(a))),
  or: (...args: unknown[]) => args.find(truth) ?? args[args.length - 1],
  not: (value: unknown) => !truth(value),
  print: (...args: unknown[]) => args.map(text).join(''),
  println: (...args: unknown[]) => `${args.map(text).join(' ')}\n`,
  printf,
  base64decode: (value: unknown) => Buffer.from(text(value), 'base64').toString('utf8'),
})
