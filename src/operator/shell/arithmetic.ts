/** Shell arithmetic: whole numbers of 64 bits, C's operators and precedence, variables by name. */

export class ArithmeticError extends Error {
  /** The expression it is in; the innermost one. */
  expression: string | undefined

  constructor(
    readonly what: string,
    readonly token: string,
  ) {
    super(`${what} (error token is "${token}")`)
    this.name = 'ArithmeticError'
  }

  /** As bash says it. */
  get said(): string {
    return `${(this.expression ?? '').trimStart()}: ${this.message}`
  }
}

/** Where an expression finds its variables. `index` is the text between the brackets. */
export interface Names {
  read(name: string, index: string | undefined): string
  write(name: string, index: string | undefined, value: string): void
}

type Expression = (names: Names, depth: number) => bigint | number

const DEEPEST = 64
const cache = new Map<string, Expression>()
const MANY = 2_000

/** The value of an expression, as text. An empty one is 0. @throws ArithmeticError */
export function calculate(text: string, names: Names): string {
  return String(evaluate(text, names, 0))
}

/** Whether the value of an expression is not zero. @throws ArithmeticError */
export function isNonZero(text: string, names: Names): boolean {
  return Number(evaluate(text, names, 0)) !== 0
}

/** The value as a number (exact up to 2^53). @throws ArithmeticError */
export function calculateNumber(text: string, names: Names): number {
  return Number(evaluate(text, names, 0))
}

function evaluate(text: string, names: Names, depth: number): bigint | number {
  if (/^\d{1,9}$/.test(text) && text[0] !== '0') return Number(text)
  try {
    let expression = cache.get(text)
    if (expression === undefined) {
      expression = new Parser(text).whole()
      if (cache.size >= MANY) cache.clear()
      cache.set(text, expression)
    }
    return expression(names, depth)
  } catch (error) {
    if (error instanceof ArithmeticError) error.expression ??= text
    throw error
  }
}

/** Small numbers stay numbers, everything else wraps at 64 bits. */
function wrap(n: bigint): bigint | number {
  const w = BigInt.asIntN(64, n)
  return w >= -9007199254740991n && w <= 9007199254740991n ? Number(w) : w
}

const fits = (n: number): boolean => n >= -9007199254740991 && n <= 9007199254740991

function add(a: bigint | number, b: bigint | number): bigint | number {
  if (typeof a === 'number' && typeof b === 'number' && fits(a + b)) return a + b
  return wrap(BigInt(a) + BigInt(b))
}

function multiply(a: bigint | number, b: bigint | number): bigint | number {
  if (typeof a === 'number' && typeof b === 'number' && fits(a * b)) return a * b + 0
  return wrap(BigInt(a) * BigInt(b))
}

const negate = (a: bigint | number): bigint | number => (typeof a === 'number' ? 0 - a : wrap(-a))
const truth = (b: boolean): number => (b ? 1 : 0)

function power(a: bigint | number, b: bigint | number): bigint | number {
  if (Number(b) < 0) throw new ArithmeticError('exponent less than 0', String(b))
  let result = 1n
  for (let base = BigInt(a), n = BigInt(b); n > 0n; n >>= 1n) {
    if ((n & 1n) === 1n) result = BigInt.asIntN(64, result * base)
    base = BigInt.asIntN(64, base * base)
  }
  return wrap(result)
}

function divide(a: bigint | number, b: bigint | number, rest: boolean, token: string): bigint | number {
  if (Number(b) === 0) throw new ArithmeticError('division by 0', token)
  return wrap(rest ? BigInt(a) % BigInt(b) : BigInt(a) / BigInt(b))
}

const bits = (a: bigint | number, b: bigint | number, how: (a: bigint, b: bigint) => bigint): bigint | number => wrap(how(BigInt(a), BigInt(b)))

function binary(operator: string, a: bigint | number, b: bigint | number, token: string): bigint | number {
  switch (operator) {
    case '+': return add(a, b)
    case '-': return add(a, negate(b))
    case '*': return multiply(a, b)
    case '/': return divide(a, b, false, token)
    case '%': return divide(a, b, true, token)
    case '**': return power(a, b)
    case '<': return truth(a < b)
    case '>': return truth(a > b)
    case '<=': return truth(a <= b)
    case '>=': return truth(a >= b)
    // A number and a bigint of the same value are equal, whichever of the two a result is.
    case '==': return truth(BigInt(a) === BigInt(b))
    case '!=': return truth(BigInt(a) !== BigInt(b))
    case '&': return bits(a, b, (x, y) => x & y)
    case '|': return bits(a, b, (x, y) => x | y)
    case '^': return bits(a, b, (x, y) => x ^ y)
    case '<<': return bits(a, b, (x, y) => x << (y & 63n))
    case '>>': return bits(a, b, (x, y) => x >> (y & 63n))
    default: throw new Error(`shell: no arithmetic operator ${operator}`)
  }
}

const LEVELS: readonly (readonly string[])[] = [['||'], ['&&'], ['|'], ['^'], ['&'], ['==', '!='], ['<=', '>=', '<', '>'], ['<<', '>>'], ['+', '-'], ['*', '/', '%']]
const ASSIGNING = ['=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>=']
const TOKEN = /\s*(?:(0[xX][0-9a-fA-F]+(?![\w@])|\d+#[0-9a-zA-Z@_]+|\d[\w@]*)|([A-Za-z_]\w*)|(<<=|>>=|\*\*|\+\+|--|&&|\|\||<=|>=|==|!=|<<|>>|[-+*/%&|^]=|[-+*/%&|^<>=!~?:(),[\]]))/y

interface Place {
  readonly name: string
  readonly index: string | undefined
}

class Parser {
  private at = 0
  private token = ''
  private kind: 'number' | 'name' | 'operator' | 'end' = 'end'
  private start = 0
  /** Where the token before this one begins. */
  private before = 0

  constructor(private readonly text: string) {
    this.advance()
  }

  whole(): Expression {
    if (this.kind === 'end') return () => 0
    const expression = this.comma()
    if ((this.kind as string) !== 'end') throw this.wrong(this.kind === 'operator' && !'([!~'.includes(this.token) ? 'syntax error: invalid arithmetic operator' : 'syntax error in expression')
    return expression
  }

  private wrong(what: string): ArithmeticError {
    return new ArithmeticError(what, this.text.slice(this.start))
  }

  private advance(): void {
    this.before = this.start
    while (this.at < this.text.length && /\s/.test(this.text[this.at] as string)) this.at += 1
    this.start = this.at
    if (this.at >= this.text.length) {
      this.kind = 'end'
      this.token = ''
      return
    }
    TOKEN.lastIndex = this.at
    const match = TOKEN.exec(this.text)
    if (match === null) {
      throw new ArithmeticError('syntax error: invalid arithmetic operator', this.text.slice(this.start))
    }
    this.at = TOKEN.lastIndex
    this.kind = match[1] !== undefined ? 'number' : match[2] !== undefined ? 'name' : 'operator'
    this.token = (match[1] ?? match[2] ?? match[3]) as string
  }

  private is(...operators: readonly string[]): boolean {
    return this.kind === 'operator' && operators.includes(this.token)
  }

  private take(): string {
    const token = this.token
    this.advance()
    return token
  }

  private comma(): Expression {
    let left = this.assignment()
    while (this.is(',')) {
      this.take()
      const first = left
      const second = this.assignment()
      left = (n, d) => (first(n, d), second(n, d))
    }
    return left
  }

  private assignment(): Expression {
    const saved = { at: this.at, token: this.token, kind: this.kind, start: this.start }
    if (this.kind === 'name') {
      const place = this.place()
      if (this.is(...ASSIGNING)) {
        const operator = this.take()
        const value = this.assignment()
        return (n, d) => {
          const right = value(n, d)
          const result = operator === '=' ? right : binary(operator.slice(0, -1), readPlace(place, n, d), right, '0')
          n.write(place.name, place.index, String(result))
          return result
        }
      }
      Object.assign(this, saved)
    }
    return this.ternary()
  }

  private ternary(): Expression {
    const test = this.level(0)
    if (!this.is('?')) return test
    this.take()
    const yes = this.comma()
    if (!this.is(':')) throw this.wrong("`:' expected for conditional expression")
    this.take()
    const no = this.assignment()
    return (n, d) => (Number(test(n, d)) !== 0 ? yes(n, d) : no(n, d))
  }

  private level(i: number): Expression {
    const operators = LEVELS[i]
    if (operators === undefined) return this.powers()
    let left = this.level(i + 1)
    while (this.is(...operators)) {
      const operator = this.take()
      const a = left
      const rest = this.text.slice(this.start)
      const b = this.level(i + 1)
      if (operator === '||') left = (n, d) => truth(Number(a(n, d)) !== 0 || Number(b(n, d)) !== 0)
      else if (operator === '&&') left = (n, d) => truth(Number(a(n, d)) !== 0 && Number(b(n, d)) !== 0)
      else left = (n, d) => binary(operator, a(n, d), b(n, d), rest)
    }
    return left
  }

  private powers(): Expression {
    const base = this.unary()
    if (!this.is('**')) return base
    this.take()
    const exponent = this.powers()
    return (n, d) => power(base(n, d), exponent(n, d))
  }

  private unary(): Expression {
    if (this.is('++', '--')) {
      const step = this.take() === '++' ? 1 : -1
      if ((this.kind as string) !== 'name') {
        // `--5` is two minus signs.
        const operand = this.unary()
        return operand
      }
      const place = this.place()
      return (n, d) => {
        const value = add(readPlace(place, n, d), step)
        n.write(place.name, place.index, String(value))
        return value
      }
    }
    if (this.is('-', '+', '!', '~')) {
      const operator = this.take()
      const operand = this.unary()
      switch (operator) {
        case '-': return (n, d) => negate(operand(n, d))
        case '!': return (n, d) => truth(Number(operand(n, d)) === 0)
        case '~': return (n, d) => wrap(~BigInt(operand(n, d)))
        default: return operand
      }
    }
    return this.primary()
  }

  private primary(): Expression {
    if (this.is('(')) {
      this.take()
      const inner = this.comma()
      if (!this.is(')')) throw this.wrong("missing `)'")
      this.take()
      return inner
    }
    if (this.kind === 'number') {
      const value = this.number(this.token)
      this.take()
      if ((this.kind as string) === 'number' || (this.kind as string) === 'name') throw this.wrong('syntax error in expression')
      return () => value
    }
    if (this.kind === 'name') {
      const place = this.place()
      if (this.is('++', '--')) {
        const step = this.take() === '++' ? 1 : -1
        return (n, d) => {
          const before = readPlace(place, n, d)
          n.write(place.name, place.index, String(add(before, step)))
          return before
        }
      }
      return (n, d) => readPlace(place, n, d)
    }
    // At the end bash names what stands last.
    throw new ArithmeticError('syntax error: operand expected', this.text.slice(this.kind === 'end' ? this.before : this.start))
  }

  private place(): Place {
    const name = this.token
    const open = this.at
    this.advance()
    if (!this.is('[') || this.start !== open) return { name, index: undefined }
    let depth = 0
    for (let i = open; i < this.text.length; i++) {
      if (this.text[i] === '[') depth += 1
      else if (this.text[i] === ']' && --depth === 0) {
        this.at = i + 1
        const index = this.text.slice(open + 1, i)
        this.advance()
        return { name, index }
      }
    }
    throw this.wrong('bad array subscript')
  }

  private number(token: string): bigint | number {
    const based = /^(\d+)#(.+)$/.exec(token)
    if (based === null && /^\d+[A-Za-z_@]/.test(token) && !/^0[xX][0-9a-fA-F]+$/.test(token)) throw new ArithmeticError('value too great for base', token)
    if (based !== null) return this.digits(based[2] as string, Number(based[1]))
    if (/^0[xX]/.test(token)) return wrap(BigInt(token))
    if (/^0\d/.test(token)) {
      if (/[89]/.test(token)) throw new ArithmeticError('value too great for base', token)
      return wrap(BigInt(`0o${token.slice(1)}`))
    }
    return wrap(BigInt(token))
  }

  private digits(text: string, base: number): bigint | number {
    let value = 0n
    for (const c of text) {
      let digit = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_'.indexOf(c)
      if (base <= 36 && digit >= 36) digit -= 26
      if (digit < 0 || digit >= base) throw new ArithmeticError('value too great for base', `${base}#${text}`)
      value = value * BigInt(base) + BigInt(digit)
    }
    return wrap(value)
  }
}

/** The value of a variable is an expression of its own. */
function readPlace(place: Place, names: Names, depth: number): bigint | number {
  const text = names.read(place.name, place.index)
  if (text === '') return 0
  if (depth > DEEPEST) throw new ArithmeticError('expression recursion level exceeded', text)
  return evaluate(text, names, depth + 1)
}
