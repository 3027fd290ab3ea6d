/** `--query`: the part of JMESPath that runbooks use. Source: jmespath.org/specification. */
import { UnsupportedError } from '../../../src/operator/command.ts'

const SUPPORTED = ['a.b', 'a[0]', 'a[-1]', 'a[]', 'a[*]', "a[?b=='c'].d", '[].{x:a,y:b}', '[].[a,b]', 'length(a)', 'a | [0]']

/** What a query finds in a value; nothing is `null`. @throws UnsupportedError for what is not modelled */
export function search(value: unknown, query: string): unknown {
  const reader = new Reader(query)
  const found = reader.pipe(value)
  reader.end()
  return found
}

/** Why a query cannot be asked, or undefined. */
export function unsearchable(query: string): string | undefined {
  try {
    search({}, query)
    return undefined
  } catch (error) {
    if (error instanceof UnsupportedError) return error.message
    throw error
  }
}

const TOKEN = /\s*([A-Za-z_][\w-]*|"[^"]*"|'[^']*'|`[^`]*`|-?\d+|\[\?|\[\*\]|\[\]|==|!=|>=|<=|&&|\|\||[.[\]{}(),:|@<>*])/y

/** Reads a query once for each value it is asked of: they are a few words. */
class Reader {
  private readonly tokens: string[] = []
  private at = 0

  constructor(private readonly query: string) {
    TOKEN.lastIndex = 0
    while (TOKEN.lastIndex < query.trimEnd().length) {
      const match = TOKEN.exec(query)
      if (match === null) throw this.unsupported()
      this.tokens.push(match[1] as string)
    }
  }

  private unsupported(): UnsupportedError {
    return new UnsupportedError(`\`--query ${this.query}\` is not modelled`, SUPPORTED)
  }

  private peek(): string | undefined {
    return this.tokens[this.at]
  }

  private take(wanted?: string): string {
    const token = this.tokens[this.at++]
    if (token === undefined || (wanted !== undefined && token !== wanted)) throw this.unsupported()
    return token
  }

  private takes(wanted: string): boolean {
    if (this.peek() !== wanted) return false
    this.at += 1
    return true
  }

  end(): void {
    if (this.at < this.tokens.length) throw this.unsupported()
  }

  pipe(value: unknown): unknown {
    let found = this.expression(value)
    while (this.takes('|')) found = this.expression(found)
    return found
  }

  /** One path, with what follows a projection applied to each of its items. */
  private expression(value: unknown): unknown {
    return this.rest(this.first(value))
  }

  private first(value: unknown): unknown {
    const token = this.take()
    if (token === '@') return value
    if (token.startsWith("'")) return token.slice(1, -1)
    if (token.startsWith('`')) return JSON.parse(token.slice(1, -1)) as unknown
    if (token === '{') return this.hash(value)
    if (token === '*') return value !== null && typeof value === 'object' ? this.projected(Object.values(value)) : null
    if (token === '[' || token === '[]' || token === '[*]' || token === '[?') {
      this.at -= 1
      if (token === '[' && !/^-?\d/.test(this.tokens[this.at + 1] ?? '')) {
        this.at += 1
        return this.list(value)
      }
      return this.bracket(value)
    }
    if (this.peek() === '(') return this.call(token, value)
    return field(value, token)
  }

  /** @param projected the value is an item of a projection, which `[]` ends: it flattens what all items gave */
  private rest(value: unknown, projected = false): unknown {
    let found = value
    for (;;) {
      const token = this.peek()
      if (projected && token === '[]') return found
      if (token === '.') {
        this.at += 1
        if (this.takes('{')) found = this.hash(found)
        else if (this.takes('[')) found = this.list(found)
        else found = field(found, this.take())
      } else if (token === '[' || token === '[]' || token === '[*]' || token === '[?') found = this.bracket(found)
      else return found
    }
  }

  private bracket(value: unknown): unknown {
    const token = this.take()
    const items = Array.isArray(value) ? (value as unknown[]) : undefined
    if (token === '[]') return items === undefined ? this.projected(undefined) : this.projected(items.flatMap(item => (Array.isArray(item) ? (item as unknown[]) : [item])))
    if (token === '[*]') return this.projected(items)
    if (token === '[?') {
      const from = this.at
      let after = from
      const kept: unknown[] = []
      for (const item of items?.length ? items : [null]) {
        this.at = from
        const holds = this.condition(item)
        this.take(']')
        after = this.at
        if (holds && items?.length) kept.push(item)
      }
      this.at = after
      return this.projected(items === undefined ? undefined : kept)
    }
    const index = Number(this.take())
    this.take(']')
    return items?.at(index) ?? null
  }

  /** What follows is asked of each item; items that have nothing are left out. */
  private projected(items: readonly unknown[] | undefined): unknown {
    const from = this.at
    let after = from
    const found: unknown[] = []
    for (const item of items?.length ? items : [null]) {
      this.at = from
      const value = this.rest(item, true)
      after = this.at
      if (items?.length && value !== null && value !== undefined) found.push(value)
    }
    this.at = after
    return items === undefined ? null : found
  }

  private condition(item: unknown): boolean {
    let holds = this.comparison(item)
    for (;;) {
      if (this.takes('&&')) holds = this.comparison(item) && holds
      else if (this.takes('||')) holds = this.comparison(item) || holds
      else return holds
    }
  }

  private comparison(item: unknown): boolean {
    const left = this.expression(item)
    const operator = this.peek() ?? ''
    if (!['==', '!=', '<', '>', '<=', '>='].includes(operator)) return left !== null && left !== undefined && left !== false && left !== '' && !(Array.isArray(left) && left.length === 0)
    this.at += 1
    const right = this.expression(item)
    if (operator === '==' || operator === '!=') return (JSON.stringify(left) === JSON.stringify(right)) === (operator === '==')
    if (typeof left !== 'number' || typeof right !== 'number') return false
    return operator === '<' ? left < right : operator === '>' ? left > right : operator === '<=' ? left <= right : left >= right
  }

  private hash(value: unknown): unknown {
    const found: Record<string, unknown> = {}
    do {
      const name = this.take().replace(/^"|"$/g, '')
      this.take(':')
      found[name] = this.expression(value) ?? null
    } while (this.takes(','))
    this.take('}')
    return value === null || value === undefined ? null : found
  }

  private list(value: unknown): unknown {
    const found: unknown[] = []
    do found.push(this.expression(value) ?? null)
    while (this.takes(','))
    this.take(']')
    return value === null || value === undefined ? null : found
  }

  private call(name: string, value: unknown): unknown {
    this.take('(')
    const args: unknown[] = []
    if (this.peek() !== ')') do args.push(this.expression(value))
    while (this.takes(','))
    this.take(')')
    const [first, second] = args
    switch (name) {
      case 'length':
        return first === null || first === undefined ? null : typeof first === 'string' ? first.length : Object.keys(first).length
      case 'contains':
        return typeof first === 'string' ? first.includes(String(second)) : Array.isArray(first) && first.includes(second)
      case 'starts_with':
        return String(first).startsWith(String(second))
      case 'ends_with':
        return String(first).endsWith(String(second))
      case 'join':
        return Array.isArray(second) ? second.join(String(first)) : null
      case 'sort':
        return Array.isArray(first) ? [...(first as unknown[])].sort() : null
      case 'keys':
        return first !== null && typeof first === 'object' ? Object.keys(first) : null
      default:
        throw this.unsupported()
    }
  }
}

function field(value: unknown, token: string): unknown {
  if (!/^[A-Za-z_"]/.test(token)) throw new UnsupportedError(`\`--query\` with \`.${token}\` is not modelled`, SUPPORTED)
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
  return (value as Record<string, unknown>)[token.replace(/^"|"$/g, '')] ?? null
}
