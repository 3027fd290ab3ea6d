import type { Utility } from '../utilities.ts'
import { type Output, ok, options } from './options.ts'

/** A decimal number: digits × 10^−scale. */
interface Decimal {
  readonly n: bigint
  readonly scale: number
}

const ten = (k: number): bigint => BigInt(`1${'0'.repeat(k)}`)
const rescale = (d: Decimal, scale: number): bigint => (scale >= d.scale ? d.n * ten(scale - d.scale) : d.n / ten(d.scale - scale))
const of = (n: number | bigint): Decimal => ({ n: BigInt(n), scale: 0 })
const truthy = (b: boolean): Decimal => of(b ? 1 : 0)

function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale)
  const x = rescale(a, scale)
  const y = rescale(b, scale)
  return x < y ? -1 : x > y ? 1 : 0
}

const MOST_SCALE = 200
const MOST_DIGITS = 5_000

class BcError extends Error {}

type Token = { readonly is: 'number' | 'name' | 'operator' | 'string' | 'end'; readonly text: string; readonly line: number }

/** bc's language as scripts use it: expressions, comparisons, variables, `scale`, `if`, functions of the library. */
class Bc {
  out = ''
  err = ''
  private readonly variables = new Map<string, Decimal>()
  private tokens: Token[] = []
  private at = 0

  constructor(library: boolean) {
    this.variables.set('scale', of(library ? 20 : 0))
    for (const name of ['ibase', 'obase']) this.variables.set(name, of(10))
  }

  private get scale(): number {
    return Math.min(MOST_SCALE, Number(this.variables.get('scale')?.n ?? 0n))
  }

  /** Each line stands alone: an error in one does not end the others. */
  run(text: string): void {
    const lines = text.replace(/\/\*[^]*?\*\//g, '').replace(/\\\n/g, '').split('\n')
    lines.forEach((line, i) => {
      try {
        this.tokens = tokens(line.replace(/#.*/, ''), i + 1)
        this.at = 0
        const before = this.out
        try {
          while (this.token.is !== 'end') this.statement()
        } catch (error) {
          if (error instanceof BcError && error.message.startsWith('syntax')) this.out = before
          throw error
        }
      } catch (error) {
        if (error instanceof Quit) throw error
        if (!(error instanceof BcError)) throw error
        this.err += error.message.startsWith('syntax') ? `(standard_in) ${i + 1}: ${error.message}\n` : `Runtime error (func=(main), adr=${error.message}\n`
      }
    })
  }

  private get token(): Token {
    return this.tokens[this.at] as Token
  }

  private is(...texts: readonly string[]): boolean {
    return this.token.is === 'operator' && texts.includes(this.token.text)
  }

  private take(text: string): void {
    if (!this.is(text)) throw new BcError('syntax error')
    this.at += 1
  }

  private statement(): void {
    if (this.is(';')) {
      this.at += 1
      return
    }
    if (this.token.is === 'string') {
      this.out += this.token.text
      this.at += 1
      return this.end()
    }
    if (this.token.is === 'name' && (this.token.text === 'quit' || this.token.text === 'halt')) throw new Quit()
    if (this.token.is === 'name' && this.token.text === 'if') return this.conditional()
    if (this.is('{')) {
      this.at += 1
      while (!this.is('}')) this.statement()
      this.at += 1
      return
    }
    if (this.token.is === 'name' && this.token.text === 'print') {
      this.at += 1
      for (;;) {
        if ((this.token.is as string) === 'string') {
          this.out += this.token.text.replace(/\\n/g, '\n').replace(/\\t/g, '\t')
          this.at += 1
        } else this.out += format(this.expression())
        if (!this.is(',')) break
        this.at += 1
      }
      return this.end()
    }
    const assigns = this.token.is === 'name' && /^[-+*/%^]?=$/.test(this.tokens[this.at + 1]?.text ?? '') && this.tokens[this.at + 1]?.is === 'operator'
    const value = this.expression()
    if (!assigns) this.out += `${wrap(format(value))}\n`
    this.end()
  }

  private end(): void {
    if (this.is(';')) this.at += 1
    else if (this.token.is !== 'end' && !this.is('}')) throw new BcError('syntax error')
  }

  private conditional(): void {
    this.at += 1
    this.take('(')
    const holds = this.expression().n !== 0n
    this.take(')')
    const before = this.out
    const saved = new Map(this.variables)
    this.statement()
    if (!holds) {
      this.out = before
      for (const [k, v] of saved) this.variables.set(k, v)
    }
    if (this.token.is === 'name' && this.token.text === 'else') {
      this.at += 1
      const out = this.out
      const kept = new Map(this.variables)
      this.statement()
      if (holds) {
        this.out = out
        for (const [k, v] of kept) this.variables.set(k, v)
      }
    }
  }

  private expression(): Decimal {
    return this.or()
  }

  private or(): Decimal {
    let left = this.and()
    while (this.is('||')) {
      this.at += 1
      const right = this.and()
      left = truthy(left.n !== 0n || right.n !== 0n)
    }
    return left
  }

  private and(): Decimal {
    let left = this.not()
    while (this.is('&&')) {
      this.at += 1
      const right = this.not()
      left = truthy(left.n !== 0n && right.n !== 0n)
    }
    return left
  }

  private not(): Decimal {
    if (!this.is('!')) return this.relation()
    this.at += 1
    return truthy(this.not().n === 0n)
  }

  private relation(): Decimal {
    let left = this.assignment()
    while (this.is('<', '>', '<=', '>=', '==', '!=')) {
      const operator = this.token.text
      this.at += 1
      const order = compare(left, this.assignment())
      left = truthy({ '<': order < 0, '>': order > 0, '<=': order <= 0, '>=': order >= 0, '==': order === 0, '!=': order !== 0 }[operator] as boolean)
    }
    return left
  }

  private assignment(): Decimal {
    const { token } = this
    const next = this.tokens[this.at + 1]
    if (token.is === 'name' && next?.is === 'operator' && /^[-+*/%^]?=$/.test(next.text)) {
      this.at += 2
      const right = this.assignment()
      const value = next.text === '=' ? right : this.apply(next.text[0] as string, this.variables.get(token.text) ?? of(0), right)
      this.variables.set(token.text, value)
      return value
    }
    return this.sum()
  }

  private sum(): Decimal {
    let left = this.product()
    while (this.is('+', '-')) {
      const operator = this.token.text
      this.at += 1
      left = this.apply(operator, left, this.product())
    }
    return left
  }

  private product(): Decimal {
    let left = this.power()
    while (this.is('*', '/', '%')) {
      const operator = this.token.text
      this.at += 1
      left = this.apply(operator, left, this.power())
    }
    return left
  }

  private power(): Decimal {
    const base = this.unary()
    if (!this.is('^')) return base
    this.at += 1
    return this.apply('^', base, this.power())
  }

  private apply(operator: string, a: Decimal, b: Decimal): Decimal {
    const scale = Math.max(a.scale, b.scale)
    switch (operator) {
      case '+': return { n: rescale(a, scale) + rescale(b, scale), scale }
      case '-': return { n: rescale(a, scale) - rescale(b, scale), scale }
      case '*': {
        const kept = Math.min(a.scale + b.scale, Math.max(this.scale, scale))
        return { n: rescale({ n: a.n * b.n, scale: a.scale + b.scale }, kept), scale: kept }
      }
      case '/':
        if (b.n === 0n) throw new BcError('3): Divide by zero')
        return { n: (a.n * ten(this.scale + b.scale)) / (b.n * ten(a.scale)), scale: this.scale }
      case '%': {
        if (b.n === 0n) throw new BcError('3): Divide by zero')
        const quotient = this.apply('/', a, b)
        const kept = Math.max(a.scale, b.scale + this.scale)
        return { n: rescale(a, kept) - rescale({ n: quotient.n * b.n, scale: quotient.scale + b.scale }, kept), scale: kept }
      }
      default: {
        const exponent = Number(b.n / ten(b.scale))
        if (Math.abs(exponent) * String(a.n).length > MOST_DIGITS) throw new BcError('3): exponent too large')
        let n = 1n
        for (let i = 0; i < Math.abs(exponent); i++) n *= a.n
        const whole: Decimal = { n, scale: a.scale * Math.abs(exponent) }
        const kept = Math.min(whole.scale, Math.max(this.scale, a.scale))
        return exponent >= 0 ? { n: rescale(whole, kept), scale: kept } : this.apply('/', of(1), whole)
      }
    }
  }

  private unary(): Decimal {
    if (this.is('-')) {
      this.at += 1
      const value = this.unary()
      return { n: -value.n, scale: value.scale }
    }
    const { token } = this
    if (token.is === 'number') {
      this.at += 1
      const [whole = '', fraction = ''] = token.text.split('.')
      return { n: BigInt(`${whole}${fraction}` || '0'), scale: fraction.length }
    }
    if (this.is('(')) {
      this.at += 1
      const value = this.expression()
      this.take(')')
      return value
    }
    if (this.is('++', '--')) {
      const step = this.token.text === '++' ? 1 : -1
      this.at += 1
      const { text } = this.token
      this.at += 1
      const value = this.apply('+', this.variables.get(text) ?? of(0), of(step))
      this.variables.set(text, value)
      return value
    }
    if (token.is === 'name') {
      this.at += 1
      if (this.is('(')) return this.call(token.text)
      return this.variables.get(token.text) ?? of(0)
    }
    throw new BcError('syntax error')
  }

  private call(name: string): Decimal {
    this.take('(')
    const value = this.expression()
    this.take(')')
    switch (name) {
      case 'length': return of(String(value.n < 0n ? -value.n : value.n).length)
      case 'scale': return of(value.scale)
      case 'sqrt': {
        const scale = Math.max(this.scale, value.scale)
        const n = rescale(value, scale * 2)
        if (n < 0n) throw new BcError('2): Square root of a negative number')
        let x = n
        for (let next = (x + 1n) / 2n; next < x; next = (x + n / x) / 2n) x = next
        return { n: x, scale }
      }
      default: throw new BcError(`0): Function ${name} not defined.`)
    }
  }
}

class Quit extends Error {}

function tokens(line: string, number: number): Token[] {
  const found: Token[] = []
  const re = /\s*(?:("[^"]*")|(\d+\.?\d*|\.\d+)|([a-z][a-z0-9_]*)|(&&|\|\||\+\+|--|[-+*/%^<>=!]=|[-+*/%^()<>=!;,{}]))/y
  while (re.lastIndex < line.length) {
    const at = re.lastIndex
    const match = re.exec(line)
    if (match === null) {
      if (/^\s*$/.test(line.slice(at))) break
      throw new BcError(/^\s*[A-Z@$?`'\\]/.test(line.slice(at)) ? 'syntax error' : `illegal character: ${line.slice(at).trim()[0]}`.replace(/^illegal.*/, 'syntax error'))
    }
    if (match[1] !== undefined) found.push({ is: 'string', text: match[1].slice(1, -1), line: number })
    else found.push({ is: match[2] !== undefined ? 'number' : match[3] !== undefined ? 'name' : 'operator', text: (match[2] ?? match[3] ?? match[4]) as string, line: number })
  }
  found.push({ is: 'end', text: '', line: number })
  return found
}

/** bc writes no zero before the point. */
function format(d: Decimal): string {
  const negative = d.n < 0n
  const digits = String(negative ? -d.n : d.n).padStart(d.scale + 1, '0')
  if (d.n === 0n) return '0'
  const whole = digits.slice(0, digits.length - d.scale).replace(/^0+/, '')
  const text = d.scale === 0 ? whole || '0' : `${whole}.${digits.slice(digits.length - d.scale)}`
  return negative ? `-${text}` : text
}

const wrap = (text: string): string => (text.length <= 69 ? text : (text.match(/.{1,68}/g) ?? []).join('\\\n'))

export const BC: Utility = {
  name: 'bc',
  run(call): Output {
    const { on, rest } = options(call.argv, 'lqsw', '', { mathlib: 'l', quiet: 'q' })
    const bc = new Bc(on.has('l'))
    try {
      for (const file of rest) bc.run(call.read(file) ?? '')
      bc.run(call.stdin())
    } catch (error) {
      if (!(error instanceof Quit)) throw error
    }
    return { ...ok(bc.out), err: bc.err }
  },
}
