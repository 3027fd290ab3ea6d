import { type Filter, JqSyntaxError, type Pattern } from './syntax.ts'

type Token = { readonly is: 'number' | 'name' | 'field' | 'variable' | 'format' | 'string' | 'operator' | 'keyword' | 'end'; readonly text: string; readonly parts?: readonly (string | Filter)[] }

const KEYWORDS = new Set(['if', 'then', 'elif', 'else', 'end', 'as', 'def', 'reduce', 'foreach', 'try', 'catch', 'and', 'or', 'import', 'include', 'label', '__loc__'])
const OPERATOR = /\?\/\/|\|=|\+=|-=|\*=|\/\/=|\/=|%=|==|!=|<=|>=|\/\/|\.\.|[.[\]{}()|,:;=<>+\-*/%?$]/y

/** @throws JqSyntaxError */
export function parseJq(source: string): Filter {
  const parser = new Parser(tokenize(source))
  return parser.whole()
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let i = 0
  while (i < source.length) {
    const rest = source.slice(i)
    const blank = /^(?:\s+|#[^\n]*)/.exec(rest)
    if (blank !== null) {
      i += blank[0].length
      continue
    }
    const number = /^(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/.exec(rest)
    const field = /^\.([A-Za-z_]\w*)/.exec(rest)
    const variable = /^\$(?:[A-Za-z_]\w*::)*([A-Za-z_]\w*)/.exec(rest)
    const format = /^@([A-Za-z0-9_]+)/.exec(rest)
    const name = /^[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*/.exec(rest)
    if (rest.startsWith('"')) {
      const string = readString(source, i)
      tokens.push({ is: 'string', text: '', parts: string.parts })
      i = string.end
    } else if (number !== null) {
      tokens.push({ is: 'number', text: number[0] })
      i += number[0].length
    } else if (field !== null) {
      tokens.push({ is: 'field', text: field[1] as string })
      i += field[0].length
    } else if (variable !== null) {
      tokens.push({ is: 'variable', text: variable[1] as string })
      i += variable[0].length
    } else if (format !== null) {
      tokens.push({ is: 'format', text: format[1] as string })
      i += format[0].length
    } else if (name !== null) {
      tokens.push({ is: KEYWORDS.has(name[0]) ? 'keyword' : 'name', text: name[0] })
      i += name[0].length
    } else {
      OPERATOR.lastIndex = i
      const operator = OPERATOR.exec(source)
      if (operator === null) throw new JqSyntaxError(`syntax error, unexpected INVALID_CHARACTER`)
      tokens.push({ is: 'operator', text: operator[0] })
      i += operator[0].length
    }
  }
  tokens.push({ is: 'end', text: '' })
  return tokens
}

function readString(source: string, open: number): { parts: (string | Filter)[]; end: number } {
  const parts: (string | Filter)[] = []
  let text = ''
  let i = open + 1
  for (; i < source.length && source[i] !== '"'; i++) {
    if (source[i] !== '\\') {
      text += source[i]
      continue
    }
    i += 1
    const c = source[i] as string
    if (c === '(') {
      let depth = 0
      let j = i
      for (; j < source.length; j++) {
        if (source[j] === '"') j = readString(source, j).end - 1
        else if (source[j] === '(') depth += 1
        else if (source[j] === ')' && --depth === 0) break
      }
      if (text !== '') parts.push(text)
      text = ''
      parts.push(parseJq(source.slice(i + 1, j)))
      i = j
    } else if (c === 'u') {
      text += String.fromCharCode(Number.parseInt(source.slice(i + 1, i + 5), 16))
      i += 4
    } else text += ({ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' } as Record<string, string>)[c] ?? c
  }
  if (i >= source.length) throw new JqSyntaxError('syntax error, unexpected QQSTRING_INTERP_START')
  if (text !== '' || parts.length === 0) parts.push(text)
  return { parts, end: i + 1 }
}

class Parser {
  private at = 0

  constructor(private readonly tokens: readonly Token[]) {}

  private get token(): Token {
    return this.tokens[this.at] as Token
  }

  private is(text: string): boolean {
    return (this.token.is === 'operator' || this.token.is === 'keyword') && this.token.text === text
  }

  private accept(text: string): boolean {
    if (!this.is(text)) return false
    this.at += 1
    return true
  }

  private wrong(): JqSyntaxError {
    return new JqSyntaxError(`syntax error, unexpected ${this.token.is === 'end' ? '$end' : `'${this.token.text}'`}`)
  }

  private take(text: string): void {
    if (!this.accept(text)) throw this.wrong()
  }

  whole(): Filter {
    if (this.token.is === 'end') return { is: 'identity' }
    const filter = this.pipe()
    if ((this.token.is as string) !== 'end') throw this.wrong()
    return filter
  }

  private pipe(): Filter {
    if (this.is('def')) {
      this.at += 1
      const name = this.token.text
      this.at += 1
      const parameters: string[] = []
      if (this.accept('(')) {
        do {
          parameters.push(this.token.is === 'variable' ? `$${this.token.text}` : this.token.text)
          this.at += 1
        } while (this.accept(';'))
        this.take(')')
      }
      this.take(':')
      const body = this.pipe()
      this.take(';')
      // A definition may stand alone at the end.
      const rest: Filter = this.token.is === 'end' ? { is: 'identity' } : this.pipe()
      return { is: 'define', name, parameters, body, rest }
    }
    if (this.accept('label')) {
      const name = this.token.text
      this.at += 1
      this.take('|')
      return { is: 'label', name, body: this.pipe() }
    }
    const left = this.comma()
    if (this.accept('as')) {
      const patterns = [this.pattern()]
      while (this.accept('?//')) patterns.push(this.pattern())
      this.take('|')
      return { is: 'as', source: left, patterns, body: this.pipe() }
    }
    if (!this.accept('|')) return left
    return { is: 'pipe', left, right: this.pipe() }
  }

  private pattern(): Pattern {
    if (this.token.is === 'variable') {
      const name = this.token.text
      this.at += 1
      return { is: 'name', name }
    }
    if (this.accept('[')) {
      const items: Pattern[] = []
      do items.push(this.pattern())
      while (this.accept(','))
      this.take(']')
      return { is: 'array', items }
    }
    this.take('{')
    const entries: { key: Filter; name: string | undefined; value: Pattern | undefined }[] = []
    do {
      const { token } = this
      let name: string | undefined
      let key: Filter
      if (token.is === 'variable') {
        this.at += 1
        name = token.text
        key = { is: 'literal', value: name }
      } else key = this.key()
      entries.push({ key, name, value: this.accept(':') ? this.pattern() : undefined })
    } while (this.accept(','))
    this.take('}')
    return { is: 'object', entries }
  }

  private comma(): Filter {
    let left = this.assignment()
    while (this.accept(',')) left = { is: 'comma', left, right: this.assignment() }
    return left
  }

  private assignment(): Filter {
    const left = this.alternative()
    for (const operator of ['|=', '=', '+=', '-=', '*=', '/=', '%=', '//=']) {
      if (this.accept(operator)) return { is: 'update', operator, path: left, value: this.alternative() }
    }
    return left
  }

  private alternative(): Filter {
    const left = this.or()
    return this.accept('//') ? { is: 'alternative', left, right: this.alternative() } : left
  }

  private or(): Filter {
    let left = this.and()
    while (this.accept('or')) left = { is: 'or', left, right: this.and() }
    return left
  }

  private and(): Filter {
    let left = this.comparison()
    while (this.accept('and')) left = { is: 'and', left, right: this.comparison() }
    return left
  }

  private comparison(): Filter {
    const left = this.sum()
    for (const operator of ['==', '!=', '<=', '>=', '<', '>']) if (this.accept(operator)) return { is: 'binary', operator, left, right: this.sum() }
    return left
  }

  private sum(): Filter {
    let left = this.product()
    for (;;) {
      if (this.accept('+')) left = { is: 'binary', operator: '+', left, right: this.product() }
      else if (this.accept('-')) left = { is: 'binary', operator: '-', left, right: this.product() }
      else return left
    }
  }

  private product(): Filter {
    let left = this.postfix()
    for (;;) {
      const operator = ['*', '/', '%'].find(o => this.is(o))
      if (operator === undefined) return left
      this.at += 1
      left = { is: 'binary', operator, left, right: this.postfix() }
    }
  }

  private postfix(): Filter {
    if (this.accept('-')) return { is: 'negate', of: this.postfix() }
    if (this.is('reduce') || this.is('foreach')) return this.suffixes(this.fold())
    if (this.accept('try')) {
      const body = this.postfix()
      return { is: 'try', body, otherwise: this.accept('catch') ? this.postfix() : undefined }
    }
    return this.suffixes(this.primary())
  }

  private suffixes(first: Filter): Filter {
    let filter = first
    for (;;) {
      const { token } = this
      if (token.is === 'field') {
        this.at += 1
        filter = { is: 'index', of: filter, by: { is: 'literal', value: token.text } }
      } else if (this.is('.') && this.tokens[this.at + 1]?.is === 'string') {
        this.at += 1
        filter = { is: 'index', of: filter, by: this.string(undefined) }
      } else if (this.is('.') && this.tokens[this.at + 1]?.text === '[') this.at += 1
      else if (this.is('[')) filter = this.bracket(filter)
      else if (this.accept('?')) filter = { is: 'try', body: filter, otherwise: undefined }
      else return filter
    }
  }

  private bracket(of: Filter): Filter {
    this.take('[')
    if (this.accept(']')) return { is: 'each', of }
    if (this.accept(':')) {
      const to = this.pipe()
      this.take(']')
      return { is: 'slice', of, from: undefined, to }
    }
    const first = this.pipe()
    if (this.accept(':')) {
      const to = this.is(']') ? undefined : this.pipe()
      this.take(']')
      return { is: 'slice', of, from: first, to }
    }
    this.take(']')
    return { is: 'index', of, by: first }
  }

  private string(format: string | undefined): Filter {
    const { parts = [] } = this.token
    this.at += 1
    if (parts.length === 1 && typeof parts[0] === 'string') return { is: 'literal', value: parts[0] }
    return { is: 'text', parts, format }
  }

  private primary(): Filter {
    const { token } = this
    switch (token.is) {
      case 'number':
        this.at += 1
        return { is: 'literal', value: Number(token.text) }
      case 'string':
        return this.string(undefined)
      case 'format':
        this.at += 1
        return this.token.is === 'string' ? this.string(token.text) : { is: 'format', name: token.text }
      case 'variable':
        this.at += 1
        return { is: 'variable', name: token.text }
      case 'field':
        this.at += 1
        return { is: 'index', of: { is: 'identity' }, by: { is: 'literal', value: token.text } }
      case 'name':
        return this.call()
    }
    if (this.accept('..')) return { is: 'recurse' }
    if (this.accept('.')) {
      if (this.token.is === 'string') return { is: 'index', of: { is: 'identity' }, by: this.string(undefined) }
      return { is: 'identity' }
    }
    if (this.accept('(')) {
      const inner = this.pipe()
      this.take(')')
      return inner
    }
    if (this.accept('[')) {
      if (this.accept(']')) return { is: 'array', of: undefined }
      const of = this.pipe()
      this.take(']')
      return { is: 'array', of }
    }
    if (this.is('{')) return this.object()
    if (this.accept('if')) return this.conditional()
    if (this.is('def')) return this.pipe()
    throw this.wrong()
  }

  private call(): Filter {
    const name = this.token.text
    this.at += 1
    if (name === 'break' && this.token.is === 'variable') {
      const label = this.token.text
      this.at += 1
      return { is: 'break', name: label }
    }
    if (name === 'null' || name === 'true' || name === 'false') return { is: 'literal', value: name === 'null' ? null : name === 'true' }
    const args: Filter[] = []
    if (this.accept('(')) {
      do args.push(this.pipe())
      while (this.accept(';'))
      this.take(')')
    }
    return { is: 'call', name, args }
  }

  private conditional(): Filter {
    const test = this.pipe()
    this.take('then')
    const yes = this.pipe()
    if (this.accept('elif')) return { is: 'if', test, yes, no: this.conditional() }
    const no = this.accept('else') ? this.pipe() : undefined
    this.take('end')
    return { is: 'if', test, yes, no }
  }

  private fold(): Filter {
    const is = this.token.text as 'reduce' | 'foreach'
    this.at += 1
    const source = this.suffixes(this.primary())
    this.take('as')
    const pattern = this.pattern()
    this.take('(')
    const first = this.pipe()
    this.take(';')
    const next = this.pipe()
    const emit = is === 'foreach' && this.accept(';') ? this.pipe() : undefined
    this.take(')')
    return is === 'reduce' ? { is, source, pattern, first, next } : { is, source, pattern, first, next, emit }
  }

  private key(): Filter {
    const { token } = this
    if (token.is === 'string') return this.string(undefined)
    if (token.is === 'name' || token.is === 'keyword' || token.is === 'number') {
      this.at += 1
      return { is: 'literal', value: token.text }
    }
    if (token.is === 'format') return this.primary()
    this.take('(')
    const key = this.pipe()
    this.take(')')
    return key
  }

  private object(): Filter {
    this.take('{')
    const entries: { key: Filter; value: Filter | undefined }[] = []
    while (!this.is('}')) {
      const { token } = this
      if (token.is === 'variable') {
        this.at += 1
        entries.push({ key: { is: 'literal', value: token.text }, value: { is: 'variable', name: token.text } })
      } else {
        const key = this.key()
        entries.push({ key, value: this.accept(':') ? this.objectValue() : undefined })
      }
      if (!this.accept(',')) break
    }
    this.take('}')
    return { is: 'object', entries }
  }

  /** An object's value is a filter without commas. */
  private objectValue(): Filter {
    let left = this.alternative()
    while (this.accept('|')) left = { is: 'pipe', left, right: this.alternative() }
    return left
  }
}
