import { parse } from 'unbash'
import type * as U from 'unbash'
import { expandBraces } from './braces.ts'
import { EMPTY, finish, isHarmless, literal, operandsOf, stripTabs, text } from './pieces.ts'
import type { ArrayElement, Assignment, Node, Operation, ParameterPart, Part, Redirection, Script, Simple, Test, Word } from './syntax.ts'

/** What is wrong with a script's text, and where. */
export class SyntaxError extends Error {
  constructor(
    readonly file: string,
    readonly line: number,
    readonly what: string,
  ) {
    super(`${file}: line ${line}: ${what}`)
    this.name = 'SyntaxError'
  }
}

/** Of the body of a function how it was written, for `declare -f`. */
export const written = new WeakMap<Node, string>()

/**
 * Reads a script: the only place that knows the parser (`unbash`, whose major versions come often).
 * @param firstLine the number of the text's first line
 * @throws SyntaxError for the first thing that is no shell script
 */
export function parseScript(text: string, file: string, firstLine = 1): Script {
  const source = text.replaceAll('\r\n', '\n')
  const script = parse(source)
  const reader = new Reader(source, file, firstLine)
  const error = script.errors?.[0]
  if (error !== undefined) throw new SyntaxError(file, reader.line(error.pos), error.message)
  const body = reader.statements(script.commands)
  return { file, text: source, body, units: reader.units(script.commands, body) }
}

class Reader {
  private readonly starts: number[] = [0]
  /** How many simple commands begin on each line. */
  private readonly onLine = new Map<number, { ordinal: number; last: boolean }[]>()

  constructor(
    private readonly source: string,
    private readonly file: string,
    private readonly firstLine: number,
  ) {
    for (let i = source.indexOf('\n'); i >= 0; i = source.indexOf('\n', i + 1)) this.starts.push(i + 1)
  }

  line(pos: number): number {
    let low = 0
    let high = this.starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.starts[middle] as number) <= pos) low = middle
      else high = middle - 1
    }
    return low + this.firstLine
  }

  private bad(node: { pos: number }, what: string): SyntaxError {
    return new SyntaxError(this.file, this.line(node.pos), what)
  }

  statements(statements: readonly U.Statement[]): Node[] {
    return statements.map(s => {
      const command = this.listed(s.command)
      if (s.background !== true) return command
      return { is: 'background', command, line: command.line, source: this.source.slice(s.pos, s.command.end) }
    })
  }

  /** The commands that bash reads together: those on one line. An error that throws a command away throws its whole unit away. */
  units(statements: readonly U.Statement[], nodes: readonly Node[]): Node[][] {
    const units: Node[][] = []
    let end = -1
    statements.forEach((s, i) => {
      if (this.line(s.pos) === end) (units[units.length - 1] as Node[]).push(nodes[i] as Node)
      else units.push([nodes[i] as Node])
      end = this.line(s.end)
    })
    return units
  }

  private listed(node: U.PipelineNode | U.AndOr): Node {
    if (node.type !== 'AndOr') return this.piped(node)
    return { is: 'and-or', line: this.line(node.pos), commands: node.commands.map(c => this.piped(c)), operators: node.operators }
  }

  private piped(node: U.PipelineNode): Node {
    if (node.type !== 'Pipeline') return this.command(node)
    return {
      is: 'pipeline', line: this.line(node.pos), commands: node.commands.map(c => this.command(c)), errorsToo: node.operators.map(o => o === '|&'),
      negated: node.prefixes.filter(p => p.type === 'Negation').length % 2 === 1, timed: node.prefixes.some(p => p.type === 'Time'),
    }
  }

  private body(list: U.CompoundList): Node[] {
    return this.statements(list.commands)
  }

  private command(node: U.CommandNode): Node {
    const line = this.line(node.pos)
    switch (node.type) {
      case 'Command':
        return this.simple(node, line)
      case 'Redirected':
        return { is: 'redirected', line, command: this.command(node.command), redirections: node.redirects.map(r => this.redirection(r)) }
      case 'If': {
        const branches = [node, ...node.elif].map(b => ({ test: this.body(b.clause), body: this.body(b.then) }))
        return { is: 'if', line, branches, otherwise: node.else === undefined ? undefined : this.body(node.else) }
      }
      case 'For':
        return { is: 'for', line, name: node.name.value, words: node.wordlist?.flatMap(w => this.words(w)), body: this.body(node.body) }
      case 'ArithmeticFor':
        return this.forArithmetic(node, line)
      case 'While':
        return { is: 'while', line, until: node.kind === 'until', test: this.body(node.clause), body: this.body(node.body) }
      case 'Case':
        return {
          is: 'case', line, word: this.word(node.word),
          items: node.items.map(item => ({ patterns: item.pattern.map(p => this.word(p)), body: this.body(item.body), end: item.terminator ?? ';;' })),
        }
      case 'BraceGroup':
        return { is: 'group', line, body: this.body(node.body) }
      case 'Subshell':
        return { is: 'subshell', line, body: this.body(node.body) }
      case 'TestCommand':
        return { is: 'conditional', line, test: this.test(node.expression) }
      case 'ArithmeticCommand':
        return { is: 'arithmetic', line, expression: this.arithmetic(node.body, node.pos) }
      case 'Function': {
        if (node.body.type === 'CompoundList') throw this.bad(node, `the function ${node.name.value} has no body`)
        const body = this.command(node.body)
        written.set(body, this.source.slice(node.body.pos, node.body.end))
        return { is: 'function', line, name: node.name.value, body }
      }
      default:
        throw this.bad(node, `\`${node.type.toLowerCase()}\` is not supported in a rehearsal (supported: commands, pipelines, if, for, while, until, case, functions, groups, [[ ]], (( )))`)
    }
  }

  private forArithmetic(node: U.ArithmeticFor, line: number): Node {
    const head = this.source.slice(node.pos, node.body.pos)
    const open = head.indexOf('((')
    let depth = 0
    const pieces: string[] = ['']
    for (let i = open + 2; i < head.length; i++) {
      const c = head[i] as string
      if (c === '(') depth += 1
      else if (c === ')') {
        if (depth === 0) break
        depth -= 1
      }
      if (c === ';' && depth === 0) pieces.push('')
      else pieces[pieces.length - 1] += c
    }
    const [first, test, next] = pieces.map(p => (p.trim() === '' ? undefined : this.arithmetic(p, node.pos)))
    return { is: 'for-arithmetic', line, first, test, next, body: this.body(node.body) }
  }

  private simple(node: U.Command, line: number): Simple {
    const assignments = node.prefix.filter(p => p.type === 'Assignment').map(a => this.assignment(a))
    const words: (Word | Assignment)[] = []
    if (node.name !== undefined) words.push(...this.words(node.name))
    for (const arg of node.args) {
      if (arg.type === 'Assignment') words.push(this.assignment(arg))
      else words.push(...this.words(arg))
    }
    const redirections = node.redirects.map(r => this.redirection(r))
    const constant = assignments.length === 0 && words.every(w => 'constant' in w && w.constant !== undefined) ? (words as Word[]).map(w => w.constant as string) : undefined
    const pure = [...assignments, ...words].every(w => w.pure) && redirections.every(r => (r.is === 'text' ? r.body : r.target).pure)
    const place = { ordinal: 1, last: true }
    const before = this.onLine.get(line)
    if (before === undefined) this.onLine.set(line, [place])
    else {
      place.ordinal = before.length + 1
      for (const other of before) other.last = false
      before.push(place)
    }
    return new SimpleNode(line, this.source.slice(node.pos, node.end), words, constant, assignments, redirections, pure, place, this.file)
  }

  private assignment(node: U.Assignment): Assignment {
    const index = node.index === undefined ? undefined : this.subscript(node.index)
    if (node.value.type === 'Word') {
      const value = this.word(node.value, true)
      return { name: node.name, append: node.append === true, index, value, pure: value.pure && (index?.pure ?? true) }
    }
    const value = node.value.elements.flatMap(e => this.element(e))
    return { name: node.name, append: node.append === true, index, value, pure: value.every(e => e.value.pure && (e.index?.pure ?? true)) }
  }

  /** `[key]=value` or a plain word of an array's value. */
  private element(word: U.Word): ArrayElement[] {
    const keyed = /^\[((?:[^\]"']|"[^"]*"|'[^']*')*)\](\+?)=/.exec(word.text)
    if (keyed === null) return this.words(word).map(value => ({ index: undefined, append: false, value }))
    const value = this.reparse(word.text.slice(keyed[0].length), word.pos, true)
    return [{ index: this.reparse(keyed[1] as string, word.pos, false), append: keyed[2] === '+', value }]
  }

  private redirection(r: U.Redirection): Redirection {
    const own = r.descriptor?.type === 'FileDescriptor' ? r.descriptor.value : undefined
    const variable = r.descriptor?.type === 'FileDescriptorVariable' ? r.descriptor.name : undefined
    if (r.type === 'HereString') return { is: 'text', fd: own ?? 0, body: r.target === undefined ? EMPTY : this.word(r.target), newline: true }
    if (r.type === 'HereDoc') {
      const raw = r.operator === '<<-' ? stripTabs(r.body.text) : r.body.text
      const body = r.delimiter?.quoted === true ? { source: raw, constant: raw, parts: [text(raw, true)], pure: true } : this.hereDocument(r, raw)
      return { is: 'text', fd: own ?? 0, body, newline: false }
    }
    const target = r.target === undefined ? EMPTY : this.word(r.target)
    switch (r.operator) {
      case '>&':
      case '<&':
        // `>& file` is `&> file`.
        if (r.operator === '>&' && own === undefined && target.constant !== undefined && !/^(?:\d+-?|-)$/.test(target.constant)) return { is: 'file', operator: '&>', fd: 1, variable, target }
        return { is: 'duplicate', output: r.operator === '>&', fd: own ?? (r.operator === '>&' ? 1 : 0), variable, target }
      default:
        return { is: 'file', operator: r.operator, fd: own ?? (r.operator.startsWith('<') ? 0 : 1), variable, target }
    }
  }

  private hereDocument(r: U.HereDoc, raw: string): Word {
    const line = this.line(r.body.pos)
    if (r.operator === '<<-') return new Reader(`cat <<PROOFROLL\n${raw}PROOFROLL\n`, this.file, line - 1).onlyHereDocument()
    return finish(raw, (r.body.parts ?? [{ type: 'Literal', pos: 0, end: 0, value: raw, text: raw } satisfies U.LiteralPart]).flatMap(p => this.part(p, true)))
  }

  /** The expansions of a text as a here-document has them: quotes are plain characters. */
  onlyHereDocument(): Word {
    const command = parse(this.source).commands[0]?.command
    const r = command?.type === 'Command' ? command.redirects[0] : undefined
    if (r?.type !== 'HereDoc') throw new Error(`shell: no here-document in ${JSON.stringify(this.source)}`)
    return this.hereDocument(r, r.body.text)
  }

  /** The text between `((` and `))`: expanded as if between double quotes, then calculated. */
  private arithmetic(body: string, pos: number): Word {
    const plain = body.replaceAll('\\\n', '')
    if (!/[$`]/.test(plain)) {
      const bare = plain.replaceAll('"', '')
      return { source: body, constant: bare, parts: [text(bare, true)], pure: true }
    }
    return this.expanded(plain, pos)
  }

  /** A text between double quotes, of which quotes themselves are left out. */
  private expanded(body: string, pos: number): Word {
    const word = new Reader(`cat <<PROOFROLL\n${body}\nPROOFROLL\n`, this.file, this.line(pos) - 1).onlyHereDocument()
    const parts = word.parts.map(part => (part.is === 'text' ? text(part.text.replaceAll('"', ''), true) : part))
    const end = parts[parts.length - 1]
    if (end?.is === 'text') parts[parts.length - 1] = text(end.text.replace(/\n$/, ''), true)
    return finish(body, parts)
  }

  private subscript(word: U.Word): Word {
    return this.word(word)
  }

  /** A word, or the several that its braces make of it. */
  private words(word: U.Word): Word[] {
    if (word.parts?.some(p => p.type === 'BraceExpansion') !== true) return [this.word(word)]
    return expandBraces(word.text).map(piece => this.reparse(piece, word.pos, false))
  }

  /** A word made of a changed text. */
  private reparse(source: string, pos: number, assigned: boolean): Word {
    if (/^[A-Za-z0-9_./:=,+-]*$/.test(source)) return { source, constant: source, parts: [text(source, false)], pure: true }
    const inner = new Reader(`x ${source}`, this.file, this.line(pos))
    const command = parse(inner.source).commands[0]?.command
    const arg = command?.type === 'Command' ? command.args[0] : undefined
    return arg?.type === 'Word' ? inner.word(arg, assigned) : EMPTY
  }

  word(word: U.Word, assigned = false): Word {
    const parts = word.parts === undefined ? literal(word.text) : word.parts.flatMap(p => this.part(p, false))
    return finish(word.text, this.tildes(word, parts, assigned))
  }

  /** A `~` without quotes at the beginning, and in an assignment behind each `:`. */
  private tildes(word: U.Word, parts: Part[], assigned: boolean): Part[] {
    if (!word.text.includes('~')) return parts
    const first = parts[0]
    if (first?.is !== 'text' || (word.parts === undefined ? word.text !== word.value : first.quoted)) return parts
    const split = (value: string, leading: boolean): Part[] => {
      const match = (leading ? /^~([A-Za-z0-9_-]*|\+)(?=[/:]|$)/ : /^([^]*?:)~([A-Za-z0-9_-]*)(?=[/:]|$)/).exec(value)
      if (match === null) return value === '' ? [] : [text(value, false)]
      const rest = split(value.slice(match[0].length), false)
      const tilde: Part = { is: 'tilde', user: (leading ? match[1] : match[2]) as string, quoted: false, pure: true }
      return leading ? [tilde, ...(assigned ? rest : [text(value.slice(match[0].length), false)])] : [text(match[1] as string, false), tilde, ...rest]
    }
    if (!assigned && !first.text.startsWith('~')) return parts
    return parts.flatMap((p, i) => (p.is === 'text' && !p.quoted && (i === 0 || assigned) ? split(p.text, i === 0 && p.text.startsWith('~')) : [p]))
  }

  private part(part: U.WordPart | U.DoubleQuotedChild, quoted: boolean): Part[] {
    switch (part.type) {
      case 'Literal':
        return quoted ? [text(part.value, true)] : literal(part.text)
      case 'SingleQuoted':
      case 'AnsiCQuoted':
        return [text(part.value, true)]
      case 'Glob':
      case 'ExtendedGlob':
        return quoted ? [text(part.text, true)] : this.glob(part)
      case 'BraceExpansion':
        // What is left of braces that are no expansion.
        return part.parts === undefined ? [text(part.text, quoted)] : [text('{', quoted), ...part.parts.flatMap(p => this.part(p, quoted)), text('}', quoted)]
      case 'DoubleQuoted':
      case 'LocaleString': {
        const inner = part.parts.flatMap(p => this.part(p, true))
        const only = inner.length === 1 ? inner[0] : undefined
        const list = only?.is === 'parameter' && (only.name === '@' || only.all === '@')
        return list ? inner : [text('', true), ...inner]
      }
      case 'SimpleExpansion':
        return [this.parameter(part.text.slice(1), part.text, quoted)]
      case 'ParameterExpansion':
        return [this.expansion(part, quoted)]
      case 'CommandExpansion': {
        const script = part.script
        // Escaped backquotes are read from a text of their own.
        const reader = script?.source === undefined ? this : new Reader(script.source, this.file, this.line(part.pos))
        const only = script?.commands.length === 1 ? script.commands[0]?.command : undefined
        if (only?.type === 'Command' && only.name === undefined && only.prefix.every(p => p.type !== 'Assignment') && only.redirects.length === 1) {
          const r = only.redirects[0] as U.Redirection
          if (r.type === 'Redirect' && r.operator === '<' && r.target !== undefined) return [{ is: 'command', body: [], harmless: true, file: reader.word(r.target), quoted, pure: false, source: part.text }]
        }
        const body = reader.statements(script?.commands ?? [])
        return [{ is: 'command', body, harmless: isHarmless(body), file: undefined, quoted, pure: false, source: part.text }]
      }
      case 'ArithmeticExpansion': {
        const body = part.text.startsWith('$[') ? part.text.slice(2, -1) : part.text.slice(3, -2)
        const expression = this.arithmetic(body, part.pos)
        return [{ is: 'arithmetic', expression, quoted, pure: expression.pure }]
      }
      case 'ProcessSubstitution':
        return [{ is: 'process', direction: part.operator, body: this.statements(part.script?.commands ?? []), quoted, pure: false }]
    }
  }

  private glob(part: U.GlobPart | U.ExtendedGlobPart): Part[] {
    const plain = part.parts === undefined || part.parts.every(p => p.type === 'Literal')
    if (plain) return [{ is: 'glob', text: part.text, quoted: false, pure: true }]
    const open = part.type === 'Glob' ? '[' : `${part.operator}(`
    const inner = (part.parts ?? []).flatMap((p): Part[] => (p.type === 'Literal' ? [{ is: 'glob', text: p.text, quoted: false, pure: true }] : this.part(p, false)))
    return [{ is: 'glob', text: open, quoted: false, pure: true }, ...inner, { is: 'glob', text: part.type === 'Glob' ? ']' : ')', quoted: false, pure: true }]
  }

  private parameter(name: string, source: string, quoted: boolean): ParameterPart {
    return { is: 'parameter', name, quoted, pure: true, source, length: false, indirect: false, index: undefined, all: undefined, operation: undefined }
  }

  private expansion(p: U.ParameterExpansionPart, quoted: boolean): ParameterPart {
    const subscript = p.index?.text
    const all = subscript === '@' || subscript === '*' ? subscript : undefined
    const index = p.index === undefined || all !== undefined ? undefined : this.subscript(p.index)
    const operation = p.operation === undefined ? undefined : this.operation(p.operation, p, quoted)
    const part: ParameterPart = { is: 'parameter', name: p.parameter, quoted, pure: true, source: p.text, length: p.prefix === '#', indirect: p.prefix === '!' && operation?.is !== 'names', index, all, operation }
    const inner = operation === undefined ? [] : operandsOf(operation)
    return { ...part, pure: [index, ...inner].every(w => w?.pure ?? true) }
  }

  private operation(op: U.ParameterOperation, p: U.ParameterExpansionPart, quoted: boolean): Operation {
    switch (op.type) {
      case 'Default':
        return { is: 'default', operator: op.operator.replace(':', '') as '-', colon: op.operator.startsWith(':'), word: this.operand(op.operand, quoted) }
      case 'Remove':
        return { is: 'remove', suffix: op.operator.startsWith('%'), longest: op.operator.length === 2, word: this.word(op.operand) }
      case 'Replace':
        return { is: 'replace', where: ({ '/': 'first', '//': 'all', '/#': 'start', '/%': 'end' } as const)[op.operator], pattern: this.word(op.pattern), by: this.word(op.replacement) }
      case 'Slice':
        return { is: 'slice', offset: this.arithmetic(op.offset.text, op.pos), length: op.length === undefined ? undefined : this.arithmetic(op.length.text, op.pos) }
      case 'CaseModification':
        return { is: 'case', upper: op.operator.startsWith('^'), all: op.operator.length === 2, pattern: op.operand === undefined || op.operand.text === '' ? undefined : this.word(op.operand) }
      case 'Transform':
        return { is: 'transform', letter: op.operand.text }
      case 'Names':
        return { is: 'names', star: op.operator === '*' }
      default:
        throw this.bad(p, `\`${p.text}\`: bad substitution`)
    }
  }

  /** Between double quotes single quotes are plain characters, in an operand too. */
  private operand(word: U.Word, quoted: boolean): Word {
    if (!quoted || !word.text.includes("'")) return this.word(word)
    return this.expanded(word.text, word.pos)
  }

  private test(node: U.TestExpression): Test {
    switch (node.type) {
      case 'TestUnary': {
        const word = this.word(node.operand)
        return { is: 'unary', operator: node.operator, word, pure: word.pure }
      }
      case 'TestBinary': {
        const left = this.word(node.left)
        const right = this.word(node.right)
        return { is: 'binary', operator: node.operator, left, right, pure: left.pure && right.pure }
      }
      case 'TestLogical': {
        const tests = node.operands.map(o => this.test(o))
        return { is: node.operator === '&&' ? 'and' : 'or', tests, pure: tests.every(t => t.pure) }
      }
      case 'TestNot': {
        const test = this.test(node.operand)
        return node.negations.length % 2 === 1 ? { is: 'not', test, pure: test.pure } : test
      }
      case 'TestGroup':
        return this.test(node.expression)
    }
  }
}

/** One shape for all, so that property reads stay fast; ordinal and last are known when the line has been read. */
class SimpleNode implements Simple {
  readonly is = 'simple'

  constructor(
    readonly line: number,
    readonly source: string,
    readonly words: readonly (Word | Assignment)[],
    readonly constant: readonly string[] | undefined,
    readonly assignments: readonly Assignment[],
    readonly redirections: readonly Redirection[],
    readonly pure: boolean,
    private readonly place: { readonly ordinal: number; readonly last: boolean },
    readonly file: string,
  ) {}

  get ordinal(): number {
    return this.place.ordinal
  }

  get last(): boolean {
    return this.place.last
  }
}
