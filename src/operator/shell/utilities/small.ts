import { posixRegExp } from '../pattern.ts'
import type { Utility } from '../utilities.ts'
import { type Output, UnsupportedError, allInput, answer, byText, failed, linesOf, ok, options } from './options.ts'

const utility = (name: string, run: Utility['run']): Utility => ({ name, run })
const MOST = 1_000_000

const seq = utility('seq', (call): Output => {
  const argv = call.argv.flatMap(a => (/^-\d/.test(a) ? ['--', a] : [a]))
  const { on, rest } = options(argv.indexOf('--') < 0 ? argv : [...argv.slice(0, argv.indexOf('--') + 1), ...argv.slice(argv.indexOf('--')).filter(a => a !== '--')], 'w', 'sf', { 'separator=': 's', 'equal-width': 'w' })
  const numbers = rest.map(Number)
  const bad = rest.find((_r, i) => Number.isNaN(numbers[i]))
  if (bad !== undefined || rest.length === 0) return failed(bad === undefined ? "seq: missing operand\nTry 'seq --help' for more information.\n" : `seq: invalid floating point argument: ‘${bad}’\nTry 'seq --help' for more information.\n`)
  if (rest.length > 3) return failed(`seq: extra operand ‘${rest[3]}’\nTry 'seq --help' for more information.\n`)
  const [first, step, last] = numbers.length === 1 ? [1, 1, numbers[0] as number] : numbers.length === 2 ? [numbers[0] as number, 1, numbers[1] as number] : (numbers as [number, number, number])
  if (step === 0) return failed(`seq: invalid Zero increment value: ‘${rest[1]}’\n`)
  const decimals = Math.max(0, ...rest.slice(0, 2).map(r => r.split('.')[1]?.length ?? 0))
  const count = Math.floor((last - first) / step + 1e-9) + 1
  if (count > MOST) throw new UnsupportedError(`\`seq\` of ${count} numbers`, [`up to ${MOST}`])
  let items = Array.from({ length: Math.max(0, count) }, (_x, i) => (first + i * step).toFixed(decimals))
  if (on.has('w')) {
    const width = Math.max(0, ...items.map(i => i.length))
    items = items.map(i => (i.startsWith('-') ? `-${i.slice(1).padStart(width - 1, '0')}` : i.padStart(width, '0')))
  }
  if (on.has('f')) items = items.map(i => (on.get('f') as string).replace(/%0?(\d*)(?:\.(\d+))?[gfd]/, (all, width: string, digits: string | undefined) => (digits === undefined ? i : Number(i).toFixed(Number(digits))).padStart(Number(width || 0), all.startsWith('%0') ? '0' : ' ')))
  return ok(items.length === 0 ? '' : `${items.join(on.get('s') ?? '\n')}\n`)
})

const basename = utility('basename', (call): Output => {
  const { on, rest } = options(call.argv, 'a', 's')
  if (rest.length === 0) return failed("basename: missing operand\nTry 'basename --help' for more information.\n")
  const names = on.has('a') || on.has('s') ? rest : rest.slice(0, 1)
  const suffix = on.get('s') ?? (on.has('a') ? '' : (rest[1] ?? ''))
  return ok(names.map(name => {
    const base = /^\/+$/.test(name) ? '/' : (name.replace(/\/+$/, '').split('/').pop() as string)
    return `${suffix !== '' && base.endsWith(suffix) && base !== suffix ? base.slice(0, -suffix.length) : base}\n`
  }).join(''))
})

const dirname = utility('dirname', (call): Output => {
  if (call.argv.length < 2) return failed("dirname: missing operand\nTry 'dirname --help' for more information.\n")
  return ok(call.argv.slice(1).map(name => {
    const trimmed = name.replace(/\/+$/, '')
    if (trimmed === '') return '/\n'
    const at = trimmed.lastIndexOf('/')
    return `${at < 0 ? '.' : trimmed.slice(0, at).replace(/\/+$/, '') || '/'}\n`
  }).join(''))
})

const envsubst = utility('envsubst', (call): Output => {
  const env = call.shell.vars.environment()
  const listed = call.argv.length > 1 ? new Set([...(call.argv[1] as string).matchAll(/\$\{?(\w+)/g)].map(m => m[1])) : undefined
  return ok(call.stdin().replace(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (all, braced: string | undefined, bare: string | undefined) => {
    const name = (braced ?? bare) as string
    return listed !== undefined && !listed.has(name) ? all : (env[name] ?? '')
  }))
})

/** `expr`: by precedence | & comparison + * : and parentheses. */
const expr = utility('expr', (call): Output => {
  const args = call.argv.slice(1)
  let at = 0
  const number = (text: string): bigint => {
    if (!/^-?\d+$/.test(text)) throw new ExprError('non-integer argument')
    return BigInt(text)
  }
  const isNull = (text: string): boolean => text === '' || /^-?0+$/.test(text)
  const primary = (): string => {
    const token = args[at++]
    if (token === undefined) throw new ExprError(`syntax error: missing argument after ‘${args[args.length - 1] ?? ''}’`)
    if (token === '(') {
      const value = or()
      if (args[at++] !== ')') throw new ExprError('syntax error: expecting \')\'')
      return value
    }
    if (token === 'length' && at < args.length) return String([...primary()].length)
    if (token === 'substr' && at + 2 < args.length) {
      const [text, from, count] = [primary(), Number(primary()), Number(primary())]
      return text.slice(Math.max(0, from - 1), Math.max(0, from - 1 + count))
    }
    if (token === 'index' && at + 1 < args.length) {
      const [text, set] = [primary(), primary()]
      return String([...text].findIndex(c => set.includes(c)) + 1)
    }
    if (token === 'match' && at + 1 < args.length) return match(primary(), primary())
    return token
  }
  const match = (text: string, pattern: string): string => {
    const found = posixRegExp(`^${pattern.replace(/^\^/, '')}`, false, '').exec(text)
    return /\\\(/.test(pattern) ? (found?.[1] ?? '') : String(found?.[0]?.length ?? 0)
  }
  const matching = (): string => {
    let left = primary()
    while (args[at] === ':') {
      at += 1
      left = match(left, primary())
    }
    return left
  }
  const chain = (inner: () => string, operators: readonly string[], apply: (a: string, o: string, b: string) => string) => (): string => {
    let left = inner()
    while (operators.includes(args[at] ?? '')) {
      const operator = args[at++] as string
      left = apply(left, operator, inner())
    }
    return left
  }
  const times = chain(matching, ['*', '/', '%'], (a, o, b) => {
    if (o !== '*' && number(b) === 0n) throw new ExprError('division by zero')
    return String(o === '*' ? number(a) * number(b) : o === '/' ? number(a) / number(b) : number(a) % number(b))
  })
  const plus = chain(times, ['+', '-'], (a, o, b) => String(o === '+' ? number(a) + number(b) : number(a) - number(b)))
  const relation = chain(plus, ['<', '<=', '=', '==', '!=', '>=', '>'], (a, o, b) => {
    const order = /^-?\d+$/.test(a) && /^-?\d+$/.test(b) ? (number(a) < number(b) ? -1 : number(a) > number(b) ? 1 : 0) : byText(a, b)
    return ({ '<': order < 0, '<=': order <= 0, '=': order === 0, '==': order === 0, '!=': order !== 0, '>=': order >= 0, '>': order > 0 }[o] as boolean) ? '1' : '0'
  })
  const and = chain(relation, ['&'], (a, _o, b) => (isNull(a) || isNull(b) ? '0' : a))
  const or = chain(and, ['|'], (a, _o, b) => (isNull(a) ? (isNull(b) ? '0' : b) : a))
  try {
    if (args.length === 0) throw new ExprError('missing operand')
    const value = or()
    if (at < args.length) throw new ExprError(`syntax error: unexpected argument ‘${args[at]}’`)
    return { out: `${value}\n`, err: '', code: isNull(value) ? 1 : 0 }
  } catch (error) {
    if (!(error instanceof ExprError)) throw error
    return failed(`expr: ${error.message}\n`, 2)
  }
})

class ExprError extends Error {}

const base64 = utility('base64', (call): Output => {
  const { on, rest } = options(call.argv, 'di', 'w', { decode: 'd', 'wrap=': 'w' })
  const { text, err } = allInput(call, rest)
  if (on.has('d')) return answer(Buffer.from(text.replace(/\s/g, ''), 'base64').toString('utf8'), err)
  const width = Number(on.get('w') ?? 76)
  const coded = Buffer.from(text, 'utf8').toString('base64')
  return answer(width === 0 ? coded : (coded.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).map(l => `${l}\n`).join(''), err)
})

const diff = utility('diff', (call): Output => {
  const { on, rest } = options(call.argv, 'q', '', { brief: 'q' })
  const [a, b] = [rest[0] ?? '-', rest[1] ?? '-']
  const texts = [a, b].map(f => call.read(f))
  const missing = [a, b].find((_f, i) => texts[i] === undefined)
  if (missing !== undefined) return failed(`diff: ${missing}: No such file or directory\n`, 2)
  if (texts[0] === texts[1]) return ok()
  if (on.has('q')) return { out: `Files ${a} and ${b} differ\n`, err: '', code: 1 }
  return { out: differences(linesOf(texts[0] as string), linesOf(texts[1] as string)), err: '', code: 1 }
})

/** The classic form of `diff`, by a longest common subsequence. */
function differences(a: readonly string[], b: readonly string[]): string {
  if (a.length * b.length > 4_000_000) throw new UnsupportedError('`diff` of files this long', ['files whose line counts multiply to less than 4,000,000'])
  const table = Array.from({ length: a.length + 1 }, () => new Int32Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) (table[i] as Int32Array)[j] = a[i] === b[j] ? (table[i + 1]?.[j + 1] as number) + 1 : Math.max(table[i + 1]?.[j] as number, table[i]?.[j + 1] as number)
  let out = ''
  let i = 0
  let j = 0
  const span = (from: number, to: number): string => (to - from <= 1 ? String(to) : `${from + 1},${to}`)
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i += 1
      j += 1
      continue
    }
    const [i0, j0] = [i, j]
    while ((i < a.length || j < b.length) && !(i < a.length && j < b.length && a[i] === b[j])) {
      if (j >= b.length || (i < a.length && (table[i + 1]?.[j] as number) >= (table[i]?.[j + 1] as number))) i += 1
      else j += 1
    }
    const kind = i === i0 ? 'a' : j === j0 ? 'd' : 'c'
    out += `${kind === 'a' ? String(i0) : span(i0, i)}${kind}${kind === 'd' ? String(j0) : span(j0, j)}\n`
    out += a.slice(i0, i).map(l => `< ${l}\n`).join('') + (kind === 'c' ? '---\n' : '') + b.slice(j0, j).map(l => `> ${l}\n`).join('')
  }
  return out
}

const printenv = utility('printenv', (call): Output => {
  const env = call.shell.vars.environment()
  if (call.argv.length === 1) return ok(Object.entries(env).map(([k, v]) => `${k}=${v}\n`).join(''))
  const values = call.argv.slice(1).map(n => env[n])
  return { out: values.filter(v => v !== undefined).map(v => `${v}\n`).join(''), err: '', code: values.includes(undefined) ? 1 : 0 }
})

const which = utility('which', (call): Output => {
  const names = call.argv.slice(1).filter(a => !a.startsWith('-'))
  const found = names.filter(n => call.shell.session.programs().includes(n))
  return { out: found.map(n => `/usr/bin/${n}\n`).join(''), err: '', code: found.length === names.length ? 0 : 1 }
})

const fixed = (name: string, text: (call: Parameters<Utility['run']>[0]) => string): Utility => utility(name, (call): Output => ok(`${text(call)}\n`))

export const SMALL_UTILITIES: readonly Utility[] = [
  seq, basename, dirname, envsubst, expr, base64, diff, printenv, which,
  fixed('whoami', call => call.shell.session.host.user),
  fixed('hostname', call => call.shell.session.host.hostname),
  fixed('uname', call => (call.argv.includes('-a') ? `Linux ${call.shell.session.host.hostname} 6.1.0 x86_64 GNU/Linux` : call.argv.includes('-m') ? 'x86_64' : call.argv.includes('-n') ? call.shell.session.host.hostname : call.argv.includes('-r') ? '6.1.0' : 'Linux')),
  fixed('id', call => (call.argv.includes('-u') ? (call.shell.session.host.user === 'root' ? '0' : '1000') : call.argv.includes('-un') ? call.shell.session.host.user : 'uid=1000(operator) gid=1000(operator) groups=1000(operator)')),
  fixed('tty', () => 'not a tty'), fixed('nproc', () => '4'),
  utility('clear', () => ok()), utility('tput', () => ok()), utility('stty', () => ok()), utility('sync', () => ok()), utility('logger', () => ok()),
]
