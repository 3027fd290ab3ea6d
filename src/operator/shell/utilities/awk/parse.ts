import { posixSource } from '../../pattern.ts'
import { UnsupportedError } from '../options.ts'
import { type Token, tokenize } from './tokens.ts'
import { AwkError, type Expression, type Program, type Rule, type Statement } from './syntax.ts'

export function parseAwk(source: string): Program {
  return new Parser(tokenize(source)).program()
}

class Parser {
  private at = 0
  /** `>` is a redirection, not a comparison; `in` belongs to the loop. */
  private inPrint = false
  private noIn = false

  constructor(private readonly tokens: readonly Token[]) {}

  private get token(): Token {
    return this.tokens[this.at] as Token
  }

  private is(...texts: readonly string[]): boolean {
    return (this.token.is === 'operator' || this.token.is === 'keyword') && texts.includes(this.token.text)
  }

  private take(text: string): void {
    if (!this.is(text)) throw new AwkError(`syntax error at or near ${this.token.is === 'end' ? 'end of file' : this.token.text}`)
    this.at += 1
  }

  private blank(): void {
    while (this.token.is === 'newline' || this.is(';')) this.at += 1
  }

  private newlines(): void {
    while (this.token.is === 'newline') this.at += 1
  }

  program(): Program {
    const begin: Statement[] = []
    const end: Statement[] = []
    const rules: Rule[] = []
    const functions = new Map<string, { parameters: string[]; body: Statement }>()
    for (this.blank(); this.token.is !== 'end'; this.blank()) {
      if (this.is('BEGIN')) {
        this.at += 1
        begin.push(this.block())
      } else if (this.is('END')) {
        this.at += 1
        end.push(this.block())
      } else if (this.is('function', 'func')) {
        this.at += 1
        const name = this.token.text
        this.at += 1
        this.take('(')
        const parameters: string[] = []
        while (!this.is(')')) {
          parameters.push(this.token.text)
          this.at += 1
          if (this.is(',')) this.at += 1
          this.newlines()
        }
        this.take(')')
        this.newlines()
        functions.set(name, { parameters, body: this.block() })
      } else if (this.is('{')) rules.push({ from: undefined, to: undefined, body: this.block() })
      else {
        const from = this.expression()
        let to: Expression | undefined
        if (this.is(',')) {
          this.at += 1
          this.newlines()
          to = this.expression()
        }
        rules.push({ from, to, body: this.is('{') ? this.block() : undefined })
      }
    }
    return { begin, rules, end, functions }
  }

  private block(): Statement {
    this.take('{')
    const list: Statement[] = []
    for (this.blank(); !this.is('}'); this.blank()) list.push(this.statement())
    this.take('}')
    return { is: 'block', list }
  }

  private ended(): void {
    if (this.token.is === 'newline' || this.is(';')) this.at += 1
    else if (!this.is('}') && this.token.is !== 'end') throw new AwkError(`syntax error at or near ${this.token.text}`)
  }

  /** Nothing more belongs to this statement. */
  private over(): boolean {
    return this.token.is === 'newline' || this.token.is === 'end' || this.is(';', '}')
  }

  private body(): Statement {
    this.newlines()
    if (this.is(';')) {
      this.at += 1
      return { is: 'block', list: [] }
    }
    return this.statement()
  }

  private statement(): Statement {
    if (this.is('{')) return this.block()
    if (this.is('if')) {
      this.at += 1
      this.take('(')
      const test = this.expression()
      this.take(')')
      const yes = this.body()
      const back = this.at
      this.blank()
      if (!this.is('else')) {
        this.at = back
        return { is: 'if', test, yes, no: undefined }
      }
      this.at += 1
      return { is: 'if', test, yes, no: this.body() }
    }
    if (this.is('while')) {
      this.at += 1
      this.take('(')
      const test = this.expression()
      this.take(')')
      return { is: 'while', test, body: this.body(), first: true }
    }
    if (this.is('do')) {
      this.at += 1
      const body = this.body()
      this.blank()
      this.take('while')
      this.take('(')
      const test = this.expression()
      this.take(')')
      this.ended()
      return { is: 'while', test, body, first: false }
    }
    if (this.is('for')) return this.loop()
    const simple = this.simple()
    this.ended()
    return simple
  }

  private loop(): Statement {
    this.at += 1
    this.take('(')
    const [name, inWord, array, close] = this.tokens.slice(this.at, this.at + 4)
    if (name?.is === 'name' && inWord?.text === 'in' && array?.is === 'name' && close?.text === ')') {
      this.at += 4
      return { is: 'for-in', name: name.text, array: array.text, body: this.body() }
    }
    const first = this.is(';') ? undefined : this.simple()
    this.take(';')
    this.newlines()
    const test = this.is(';') ? undefined : this.expression()
    this.take(';')
    this.newlines()
    const next = this.is(')') ? undefined : this.simple()
    this.take(')')
    return { is: 'for', first, test, next, body: this.body() }
  }

  private simple(): Statement {
    if (this.is('print', 'printf')) return this.print()
    if (this.is('next', 'break', 'continue')) {
      const is = this.token.text as 'next'
      this.at += 1
      return { is }
    }
    if (this.is('exit', 'return')) {
      const is = this.token.text as 'exit'
      this.at += 1
      const value = this.over() ? undefined : this.expression()
      return { is, value }
    }
    if (this.is('delete')) {
      this.at += 1
      const name = this.token.text
      this.at += 1
      if (!this.is('[')) return { is: 'delete', name, index: undefined }
      this.at += 1
      const index = this.list(']')
      return { is: 'delete', name, index }
    }
    return { is: 'expression', of: this.expression() }
  }

  private print(): Statement {
    const format = this.token.text === 'printf'
    this.at += 1
    this.inPrint = true
    let args: readonly Expression[] = []
    if (!this.over() && !this.is('>', '>>', '|')) {
      // `print (a, b)` has its arguments in parentheses; `print (a) b` has not.
      const back = this.at
      if (this.is('(')) {
        this.at += 1
        this.inPrint = false
        const inner = this.list(')')
        this.inPrint = true
        if (this.over() || this.is('>', '>>', '|')) args = inner
        else this.at = back
      }
      if (args.length === 0) {
        const list = [this.expression()]
        while (this.is(',')) {
          this.at += 1
          this.newlines()
          list.push(this.expression())
        }
        args = list
      }
    }
    this.inPrint = false
    if (this.is('|')) throw new UnsupportedError('awk’s output to a command', ['print', 'print > FILE'])
    if (!this.is('>', '>>')) return { is: 'print', args, format, to: undefined }
    const append = this.token.text === '>>'
    this.at += 1
    this.noIn = false
    return { is: 'print', args, format, to: { append, file: this.concatenation() } }
  }

  private list(close: string): Expression[] {
    const list: Expression[] = []
    this.newlines()
    while (!this.is(close)) {
      list.push(this.expression())
      this.newlines()
      if (this.is(',')) {
        this.at += 1
        this.newlines()
      }
    }
    this.take(close)
    return list
  }

  private expression(): Expression {
    const left = this.ternary()
    if (!this.is('=', '+=', '-=', '*=', '/=', '%=', '^=', '**=')) return left
    if (left.is !== 'variable' && left.is !== 'element' && left.is !== 'field') throw new AwkError('syntax error at or near =')
    const operator = this.token.text === '**=' ? '^=' : this.token.text
    this.at += 1
    this.newlines()
    return { is: 'assign', operator, to: left, value: this.expression() }
  }

  private ternary(): Expression {
    const test = this.or()
    if (!this.is('?')) return test
    this.at += 1
    this.newlines()
    const yes = this.expression()
    this.newlines()
    this.take(':')
    this.newlines()
    return { is: 'ternary', test, yes, no: this.expression() }
  }

  private or(): Expression {
    let left = this.and()
    while (this.is('||')) {
      this.at += 1
      this.newlines()
      left = { is: 'or', left, right: this.and() }
    }
    return left
  }

  private and(): Expression {
    let left = this.membership()
    while (this.is('&&')) {
      this.at += 1
      this.newlines()
      left = { is: 'and', left, right: this.membership() }
    }
    return left
  }

  private membership(): Expression {
    let left = this.matching()
    while (this.is('in') && !this.noIn) {
      this.at += 1
      left = { is: 'in', index: left.is === 'call' && left.name === ',' ? left.args : [left], name: this.token.text }
      this.at += 1
    }
    return left
  }

  private matching(): Expression {
    let left = this.comparison()
    while (this.is('~', '!~')) {
      const negated = this.token.text === '!~'
      this.at += 1
      left = { is: 'match', negated, left, right: this.comparison() }
    }
    return left
  }

  private comparison(): Expression {
    const left = this.concatenation()
    if (!this.is('<', '<=', '==', '!=', '>=') && !(this.is('>') && !this.inPrint)) return left
    const operator = this.token.text
    this.at += 1
    return { is: 'binary', operator, left, right: this.concatenation() }
  }

  private concatenation(): Expression {
    let left = this.sum()
    for (;;) {
      const { token } = this
      const begins = ['number', 'string', 'name', 'function', 'regexp'].includes(token.is) || (token.is === 'operator' && ['$', '!', '(', '-', '+', '++', '--'].includes(token.text) && !(token.text === '-' || token.text === '+'))
      if (!begins || token.is === 'regexp') return left
      left = { is: 'binary', operator: ' ', left, right: this.sum() }
    }
  }

  private sum(): Expression {
    let left = this.product()
    while (this.is('+', '-')) {
      const operator = this.token.text
      this.at += 1
      left = { is: 'binary', operator, left, right: this.product() }
    }
    return left
  }

  private product(): Expression {
    let left = this.unary()
    while (this.is('*', '/', '%')) {
      const operator = this.token.text
      this.at += 1
      left = { is: 'binary', operator, left, right: this.unary() }
    }
    return left
  }

  private unary(): Expression {
    if (this.is('!', '-', '+')) {
      const operator = this.token.text
      this.at += 1
      return { is: 'unary', operator, of: this.unary() }
    }
    return this.power()
  }

  private power(): Expression {
    const base = this.postfix()
    if (!this.is('^', '**')) return base
    this.at += 1
    // A minus in the exponent binds to it.
    return { is: 'binary', operator: '^', left: base, right: this.is('-', '+', '!') ? this.unary() : this.power() }
  }

  private postfix(): Expression {
    const operand = this.primary()
    if (this.is('++', '--') && (operand.is === 'variable' || operand.is === 'element' || operand.is === 'field')) {
      const by = this.token.text === '++' ? 1 : -1
      this.at += 1
      return { is: 'step', to: operand, by, before: false }
    }
    return operand
  }

  private primary(): Expression {
    const { token } = this
    if (token.is === 'number') {
      this.at += 1
      return { is: 'number', value: Number(token.text) }
    }
    if (token.is === 'string') {
      this.at += 1
      return { is: 'string', value: token.text }
    }
    if (token.is === 'regexp') {
      this.at += 1
      return { is: 'regexp', re: new RegExp(posixSource(token.text, true)) }
    }
    if (this.is('$')) {
      this.at += 1
      if (this.is('++', '--')) return { is: 'field', of: this.primary() }
      return { is: 'field', of: this.is('-') ? this.unary() : this.primary() }
    }
    if (this.is('++', '--')) {
      const by = token.text === '++' ? 1 : -1
      this.at += 1
      return { is: 'step', to: this.primary(), by, before: true }
    }
    if (this.is('(')) return this.parenthesized()
    if (this.is('getline')) {
      this.at += 1
      if (this.is('<')) throw new UnsupportedError('awk’s `getline < file`', ['getline', 'getline var'])
      const into = this.token.is === 'name' || this.is('$') ? this.primary() : undefined
      if (this.is('<')) throw new UnsupportedError('awk’s `getline var < file`', ['getline', 'getline var'])
      return { is: 'getline', into }
    }
    if (token.is === 'function') {
      this.at += 2
      const saved = this.inPrint
      this.inPrint = false
      const args = this.list(')')
      this.inPrint = saved
      return { is: 'call', name: token.text, args }
    }
    if (token.is === 'name') {
      this.at += 1
      if (token.text === 'length') return { is: 'call', name: 'length', args: [] }
      if (!this.is('[')) return { is: 'variable', name: token.text }
      this.at += 1
      return { is: 'element', name: token.text, index: this.list(']') }
    }
    throw new AwkError(`syntax error at or near ${token.is === 'end' ? 'end of file' : token.text === '\n' ? 'end of line' : token.text}`)
  }

  private parenthesized(): Expression {
    this.at += 1
    const saved = [this.inPrint, this.noIn] as const
    this.inPrint = false
    this.noIn = false
    const list = this.list(')')
    ;[this.inPrint, this.noIn] = saved
    if (list.length > 1 && this.is('in')) {
      this.at += 1
      const name = this.token.text
      this.at += 1
      return { is: 'in', index: list, name }
    }
    if (list.length !== 1) throw new AwkError('syntax error at or near )')
    return { is: 'group', of: list[0] as Expression }
  }
}
