import { posixSource, cached } from '../../pattern.ts'
import { general } from '../../printf.ts'
import { UnsupportedError } from '../options.ts'
import { type Table, UNSET, type Value, callBuiltin, formatted, fromInput, power } from './functions.ts'
import { AwkError, type Expression, type Program, type Statement } from './syntax.ts'

type Flow = 'next' | 'break' | 'continue' | 'exit' | 'return' | undefined

const MOST_STEPS = 2_000_000


export interface AwkHost {
  readonly nowSeconds: number
  random(): number
  write(path: string, text: string, append: boolean): string | undefined
}

/** Runs a program over its inputs. */
export class Awk {
  out = ''
  err = ''
  code = 0
  readonly globals = new Map<string, Value>()
  private readonly arrays = new Map<string, Table>()
  private locals: { values: Map<string, Value>; arrays: Map<string, Table> }[] = []
  record = ''
  private fields: string[] = []
  private split = false
  private lines: string[] = []
  private lineAt = 0
  private returned: Value = ''
  private steps = 0
  private readonly ranges = new Set<number>()
  private readonly opened = new Set<string>()

  constructor(
    private readonly program: Program,
    readonly host: AwkHost,
  ) {
    for (const [name, value] of [['FS', ' '], ['OFS', ' '], ['ORS', '\n'], ['RS', '\n'], ['SUBSEP', '\x1c'], ['CONVFMT', '%.6g'], ['OFMT', '%.6g'], ['FILENAME', '']] as const) this.globals.set(name, value)
    for (const name of ['NR', 'NF', 'FNR', 'RSTART']) this.globals.set(name, 0)
    this.globals.set('RLENGTH', -1)
  }

  set(name: string, value: string): void {
    this.globals.set(name, fromInput(value.replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\\\\/g, '\\')))
  }

  setArray(name: string, entries: readonly (readonly [string, string])[]): void {
    this.arrays.set(name, new Map(entries.map(([k, v]) => [k, fromInput(v)])))
  }

  run(inputs: () => readonly { readonly name: string; readonly text: string }[]): void {
    for (const statement of this.program.begin) if (this.execute(statement) === 'exit') return this.end(true)
    if (this.program.rules.length > 0 || this.program.end.length > 0) {
      for (const { name, text } of inputs()) {
        this.globals.set('FILENAME', name === '-' ? '' : name)
        this.globals.set('FNR', 0)
        this.lines = this.recordsOf(text)
        this.lineAt = 0
        while (this.next()) {
          this.count()
          if (this.records() === 'exit') return this.end(true)
        }
      }
    }
    this.end(false)
  }

  private end(exited: boolean): void {
    if (exited && this.code !== 0 && this.program.end.length === 0) return
    for (const statement of this.program.end) if (this.execute(statement) === 'exit') return
  }

  private recordsOf(text: string): string[] {
    const rs = this.text(this.globals.get('RS') ?? '\n')
    const whole = text.endsWith('\n') ? text.slice(0, -1) : text
    if (text === '') return []
    if (rs === '\n') return whole.split('\n')
    if (rs === '') return whole.replace(/^\n+|\n+$/g, '').split(/\n\n+/)
    return rs.length === 1 ? whole.split(rs) : whole.split(new RegExp(posixSource(rs, true)))
  }

  private next(): boolean {
    if (this.lineAt >= this.lines.length) return false
    this.setRecord(this.lines[this.lineAt++] as string)
    return true
  }

  private count(): void {
    this.globals.set('NR', this.number(this.globals.get('NR') ?? 0) + 1)
    this.globals.set('FNR', this.number(this.globals.get('FNR') ?? 0) + 1)
  }

  private setRecord(text: string): void {
    this.record = text
    this.split = false
  }

  private fieldsOfRecord(): string[] {
    if (!this.split) {
      this.split = true
      this.fields = this.splitText(this.record, this.text(this.globals.get('FS') ?? ' '))
      this.globals.set('NF', this.fields.length)
    }
    return this.fields
  }

  splitText(text: string, separator: string): string[] {
    if (text === '') return []
    // Blanks and ends of lines; a carriage return is part of the last field.
    if (separator === ' ') return text.split(/[ \t\n]+/).filter(field => field !== '')
    if (separator === '') return [...text]
    if (separator === '\\|') return text.split('|')
    return separator.length === 1 && separator !== '\\' ? text.split(separator) : text.split(cached(posixSource(separator, true), ''))
  }

  private records(): Flow {
    for (let i = 0; i < this.program.rules.length; i++) {
      const rule = this.program.rules[i] as Program['rules'][number]
      if (!this.selected(rule, i)) continue
      const flow = rule.body === undefined ? this.printRecord() : this.execute(rule.body)
      if (flow === 'next') return undefined
      if (flow === 'exit') return 'exit'
    }
    return undefined
  }

  private printRecord(): Flow {
    this.out += this.record + this.text(this.globals.get('ORS') ?? '\n')
    return undefined
  }

  private selected(rule: Program['rules'][number], i: number): boolean {
    if (rule.from === undefined) return true
    if (rule.to === undefined) return this.truth(this.evaluate(rule.from))
    if (!this.ranges.has(i)) {
      if (!this.truth(this.evaluate(rule.from))) return false
      this.ranges.add(i)
    }
    if (this.truth(this.evaluate(rule.to))) this.ranges.delete(i)
    return true
  }

  private step(): void {
    if (++this.steps > MOST_STEPS) throw new UnsupportedError('an awk program that never ends', [`up to ${MOST_STEPS} statements`])
  }

  private execute(s: Statement): Flow {
    this.step()
    switch (s.is) {
      case 'expression':
        this.evaluate(s.of)
        return undefined
      case 'block':
        for (const inner of s.list) {
          const flow = this.execute(inner)
          if (flow !== undefined) return flow
        }
        return undefined
      case 'print':
        return this.print(s)
      case 'if':
        if (this.truth(this.evaluate(s.test))) return this.execute(s.yes)
        return s.no === undefined ? undefined : this.execute(s.no)
      case 'while':
        for (let first = !s.first; first || this.truth(this.evaluate(s.test)); first = false) {
          const flow = this.execute(s.body)
          if (flow === 'break') break
          if (flow !== undefined && flow !== 'continue') return flow
        }
        return undefined
      case 'for':
        if (s.first !== undefined) this.execute(s.first)
        while (s.test === undefined || this.truth(this.evaluate(s.test))) {
          const flow = this.execute(s.body)
          if (flow === 'break') break
          if (flow !== undefined && flow !== 'continue') return flow
          if (s.next !== undefined) this.execute(s.next)
        }
        return undefined
      case 'for-in':
        for (const key of [...this.array(s.array).keys()]) {
          this.assign({ is: 'variable', name: s.name }, fromInput(key))
          const flow = this.execute(s.body)
          if (flow === 'break') break
          if (flow !== undefined && flow !== 'continue') return flow
        }
        return undefined
      case 'exit':
        if (s.value !== undefined) this.code = this.number(this.evaluate(s.value)) & 255
        return 'exit'
      case 'return':
        this.returned = s.value === undefined ? '' : this.evaluate(s.value)
        return 'return'
      case 'delete':
        if (s.index === undefined) this.array(s.name).clear()
        else this.array(s.name).delete(this.keyOf(s.index))
        return undefined
      default:
        return s.is
    }
  }

  private print(s: Extract<Statement, { is: 'print' }>): Flow {
    let text: string
    if (s.format) {
      const [template, ...args] = s.args.map(a => this.text(this.evaluate(a)))
      const numbers = s.args.slice(1).map(a => this.number(this.evaluate(a)))
      text = formatted(template ?? '', args, numbers, this.host.nowSeconds)
    } else text = (s.args.length === 0 ? this.record : s.args.map(a => this.outText(this.evaluate(a))).join(this.text(this.globals.get('OFS') ?? ' '))) + this.text(this.globals.get('ORS') ?? '\n')
    if (s.to === undefined) this.out += text
    else {
      const path = this.text(this.evaluate(s.to.file))
      if (path === '/dev/stderr') this.err += text
      else if (path === '/dev/stdout' || path === '-') this.out += text
      else {
        const problem = this.host.write(path, text, s.to.append || this.opened.has(path))
        this.opened.add(path)
        if (problem !== undefined) throw new AwkError(`cannot open "${path}" for output`)
      }
    }
    return undefined
  }

  private outText(value: Value): string {
    return typeof value === 'number' && !Number.isInteger(value) ? general(value, 6) : this.text(value)
  }

  text(value: Value): string {
    if (typeof value === 'string') return value
    if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 1e16 ? String(value === 0 ? 0 : value) : Number.isInteger(value) ? BigInt(value).toString() : general(value, 6)
    return value.text
  }

  number(value: Value): number {
    if (typeof value === 'number') return value
    if (typeof value === 'string') return Number(/^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/.exec(value)?.[0] ?? 0)
    return value.number
  }

  private truth(value: Value): boolean {
    if (typeof value === 'number') return value !== 0
    return typeof value === 'string' ? value !== '' : value.number !== 0
  }

  array(name: string): Table {
    const frame = this.locals[this.locals.length - 1]
    const local = frame?.arrays.get(name)
    if (local !== undefined) return local
    if (frame?.values.has(name) === true) {
      const made: Table = new Map()
      frame.arrays.set(name, made)
      return made
    }
    let found = this.arrays.get(name)
    if (found === undefined) {
      found = new Map()
      this.arrays.set(name, found)
    }
    return found
  }

  /** Whether a name is an array here. */
  isArray(name: string): boolean {
    return this.arrays.has(name) || this.locals[this.locals.length - 1]?.arrays.has(name) === true
  }

  private keyOf(index: readonly Expression[]): string {
    return index.length === 1 ? this.text(this.evaluate(index[0] as Expression)) : index.map(i => this.text(this.evaluate(i))).join(this.text(this.globals.get('SUBSEP') ?? ''))
  }

  private read(name: string): Value {
    const frame = this.locals[this.locals.length - 1]
    if (frame?.values.has(name) === true) return frame.values.get(name) as Value
    if (name === 'NF') this.fieldsOfRecord()
    return this.globals.get(name) ?? UNSET
  }

  assign(to: Expression, value: Value): Value {
    if (to.is === 'variable') {
      const frame = this.locals[this.locals.length - 1]
      if (frame?.values.has(to.name) === true) frame.values.set(to.name, value)
      else {
        this.globals.set(to.name, value)
        if (to.name === 'NF') {
          const count = this.number(value)
          const fields = this.fieldsOfRecord()
          fields.length = Math.min(fields.length, count)
          while (fields.length < count) fields.push('')
          this.globals.set('NF', count)
          this.record = fields.join(this.text(this.globals.get('OFS') ?? ' '))
        }
      }
    } else if (to.is === 'element') this.array(to.name).set(this.keyOf(to.index), value)
    else if (to.is === 'field') {
      const i = this.number(this.evaluate(to.of))
      if (i === 0) this.setRecord(this.text(value))
      else {
        const fields = this.fieldsOfRecord()
        while (fields.length < i) fields.push('')
        fields[i - 1] = this.text(value)
        this.globals.set('NF', fields.length)
        this.record = fields.join(this.text(this.globals.get('OFS') ?? ' '))
      }
    } else if (to.is === 'group') return this.assign(to.of, value)
    else throw new AwkError('assignment to something that is no variable')
    return value
  }

  evaluate(e: Expression): Value {
    switch (e.is) {
      case 'number': case 'string':
        return e.value
      case 'regexp':
        return e.re.test(this.record) ? 1 : 0
      case 'group':
        return this.evaluate(e.of)
      case 'variable':
        return this.read(e.name)
      case 'element': {
        const table = this.array(e.name)
        const key = this.keyOf(e.index)
        if (!table.has(key)) table.set(key, UNSET)
        return table.get(key) as Value
      }
      case 'field': {
        const i = this.number(this.evaluate(e.of))
        if (i < 0) throw new AwkError(`attempt to access field ${i}`)
        return i === 0 ? fromInput(this.record) : this.fieldsOfRecord()[i - 1] === undefined ? UNSET : fromInput(this.fields[i - 1] as string)
      }
      case 'assign': {
        const value = this.evaluate(e.value)
        return this.assign(e.to, e.operator === '=' ? value : this.calculate(e.operator[0] as string, this.evaluate(e.to), value))
      }
      case 'step': {
        const before = this.number(this.evaluate(e.to))
        this.assign(e.to, before + e.by)
        return e.before ? before + e.by : before
      }
      case 'unary': {
        const value = this.evaluate(e.of)
        return e.operator === '!' ? (this.truth(value) ? 0 : 1) : e.operator === '-' ? -this.number(value) : this.number(value)
      }
      case 'binary':
        return this.calculate(e.operator, this.evaluate(e.left), this.evaluate(e.right))
      case 'and':
        return this.truth(this.evaluate(e.left)) && this.truth(this.evaluate(e.right)) ? 1 : 0
      case 'or':
        return this.truth(this.evaluate(e.left)) || this.truth(this.evaluate(e.right)) ? 1 : 0
      case 'ternary':
        return this.truth(this.evaluate(e.test)) ? this.evaluate(e.yes) : this.evaluate(e.no)
      case 'match':
        return this.regexp(e.right).test(this.text(this.evaluate(e.left))) !== e.negated ? 1 : 0
      case 'in':
        return this.array(e.name).has(this.keyOf(e.index)) ? 1 : 0
      case 'getline':
        return this.getline(e.into)
      case 'call':
        return this.call(e)
    }
  }

  private getline(into: Expression | undefined): Value {
    if (this.lineAt >= this.lines.length) return 0
    const line = this.lines[this.lineAt++] as string
    this.count()
    if (into === undefined) this.setRecord(line)
    else this.assign(into, fromInput(line))
    return 1
  }

  regexp(e: Expression): RegExp {
    if (e.is === 'regexp') return e.re
    return cached(posixSource(this.text(this.evaluate(e)), true), '')
  }

  private calculate(operator: string, left: Value, right: Value): Value {
    if (operator === ' ') return this.text(left) + this.text(right)
    if (['<', '<=', '==', '!=', '>', '>='].includes(operator)) {
      const asText = typeof left === 'string' || typeof right === 'string'
      const a = asText ? this.text(left) : this.number(left)
      const b = asText ? this.text(right) : this.number(right)
      return ({ '<': a < b, '<=': a <= b, '==': a === b, '!=': a !== b, '>': a > b, '>=': a >= b }[operator] as boolean) ? 1 : 0
    }
    const a = this.number(left)
    const b = this.number(right)
    switch (operator) {
      case '+': return a + b
      case '-': return a - b
      case '*': return a * b
      case '/': case '%':
        if (b === 0) throw new AwkError(`division by zero${operator === '%' ? ' in %' : ''}`)
        return operator === '/' ? a / b : a % b
      default: return power(a, b)
    }
  }

  private call(e: Extract<Expression, { is: 'call' }>): Value {
    const own = this.program.functions.get(e.name)
    if (own !== undefined) return this.callOwn(own, e.args)
    return callBuiltin(this, e)
  }

  private callOwn(own: { readonly parameters: readonly string[]; readonly body: Statement }, args: readonly Expression[]): Value {
    if (this.locals.length > 200) throw new AwkError('function call nesting too deep')
    const frame = { values: new Map<string, Value>(), arrays: new Map<string, Table>() }
    own.parameters.forEach((name, i) => {
      const arg = args[i]
      if (arg?.is === 'variable' && this.isArray(arg.name)) {
        frame.arrays.set(name, this.array(arg.name))
        frame.values.set(name, UNSET)
      } else frame.values.set(name, arg === undefined ? UNSET : this.evaluate(arg))
    })
    this.locals.push(frame)
    this.returned = UNSET
    this.execute(own.body)
    this.locals.pop()
    const value = this.returned
    this.returned = ''
    return value
  }
}
