import { absolute } from './files.ts'
import type { Shell } from './shell.ts'
import { Answers } from './streams.ts'

/** What a unary test says of a file. */
export function fileTest(shell: Shell, operator: string, path: string): boolean {
  const { files } = shell.session.host
  if (/^\/dev\/(?:null|stdin|stdout|stderr|tty)$/.test(path)) return ['-e', '-r', '-w', '-c'].includes(operator)
  const full = absolute(path, shell.cwd)
  const kind = path === '' ? undefined : files.kind(full)
  switch (operator) {
    case '-e': case '-a': case '-r': case '-w': case '-O': case '-G': return kind !== undefined
    case '-f': return kind === 'f'
    case '-d': return kind === 'd'
    case '-s': return kind === 'd' || (kind === 'f' && files.read(full) !== '')
    case '-x': return kind === 'd' || (kind === 'f' && files.executable?.(full) === true)
    default: return false
  }
}

const UNARY = /^-[a-hknoprstuvwxzGLNOSR]$/
const BINARY = new Set(['=', '==', '!=', '<', '>', '-eq', '-ne', '-lt', '-le', '-gt', '-ge', '-nt', '-ot', '-ef'])

class TestError extends Error {}

/** `test …` and `[ … ]`, by the number of arguments as POSIX has it. 0 holds, 1 does not, 2 is an error that has been said. */
export function test(shell: Shell, name: string, args: readonly string[]): number {
  try {
    return decide(shell, args) ? 0 : 1
  } catch (error) {
    if (!(error instanceof TestError)) throw error
    shell.complain(`${name}: ${error.message}`)
    return 2
  }
}

function decide(shell: Shell, args: readonly string[]): boolean {
  const [a = '', b = '', c = '', d = ''] = args
  switch (args.length) {
    case 0:
      return false
    case 1:
      return a !== ''
    case 2:
      if (a === '!') return b === ''
      if (UNARY.test(a)) return unary(shell, a, b)
      throw new TestError(`${a}: unary operator expected`)
    case 3:
      if (BINARY.has(b)) return binary(a, b, c)
      if (b === '-a') return a !== '' && c !== ''
      if (b === '-o') return a !== '' || c !== ''
      if (a === '!') return !decide(shell, args.slice(1))
      if (a === '(' && c === ')') return b !== ''
      throw new TestError(`${b}: binary operator expected`)
    case 4:
      if (a === '!') return !decide(shell, args.slice(1))
      if (a === '(' && d === ')') return decide(shell, args.slice(1, -1))
  }
  const parser = new Parser(shell, args)
  return parser.whole()
}

/** `-t`: only the input of a script whose questions somebody answers is a terminal; what it prints goes to whoever recorded the run. */
export const isTerminal = (shell: Shell, descriptor: string): boolean => descriptor === '0' && shell.fds.in instanceof Answers && shell.fds.in.terminal

function unary(shell: Shell, operator: string, text: string): boolean {
  switch (operator) {
    case '-n': return text !== ''
    case '-z': return text === ''
    case '-v': return isSet(shell, text)
    case '-t': return isTerminal(shell, text)
    case '-o': return (shell.options as unknown as Record<string, boolean>)[text] === true
    default: return fileTest(shell, operator, text)
  }
}

function binary(a: string, operator: string, b: string): boolean {
  switch (operator) {
    case '=': case '==': return a === b
    case '!=': return a !== b
    case '<': return a < b
    case '>': return a > b
    case '-nt': case '-ot': case '-ef': return false
    default: return compare(operator, whole(a), whole(b))
  }
}

/** An empty variable in a comparison of numbers is an error with status 2, not a zero. */
function whole(text: string): number {
  if (!/^[ \t\n]*[+-]?\d+[ \t\n]*$/.test(text)) throw new TestError(`${text}: integer expression expected`)
  return Number(text)
}

/** More than four arguments: `-a`, `-o`, `!` and parentheses. */
class Parser {
  private at = 0

  constructor(
    private readonly shell: Shell,
    private readonly args: readonly string[],
  ) {}

  whole(): boolean {
    const value = this.or()
    if (this.at < this.args.length) throw new TestError('too many arguments')
    return value
  }

  private or(): boolean {
    let value = this.and()
    while (this.args[this.at] === '-o') {
      this.at += 1
      const right = this.and()
      value = value || right
    }
    return value
  }

  private and(): boolean {
    let value = this.term()
    while (this.args[this.at] === '-a') {
      this.at += 1
      const right = this.term()
      value = value && right
    }
    return value
  }

  private term(): boolean {
    const { args } = this
    const a = args[this.at]
    if (a === undefined) throw new TestError('argument expected')
    if (a === '!') {
      this.at += 1
      return !this.term()
    }
    if (a === '(') {
      this.at += 1
      const value = this.or()
      if (args[this.at] !== ')') throw new TestError("`)' expected")
      this.at += 1
      return value
    }
    const operator = args[this.at + 1]
    if (operator !== undefined && BINARY.has(operator) && args[this.at + 2] !== undefined) {
      this.at += 3
      return binary(a, operator, args[this.at - 1] as string)
    }
    if (UNARY.test(a) && operator !== undefined) {
      this.at += 2
      return unary(this.shell, a, operator)
    }
    this.at += 1
    return a !== ''
  }
}

/** `-v name` and `-v name[key]` */
export function isSet(shell: Shell, name: string): boolean {
  const element = /^(\w+)\[(.*)\]$/s.exec(name)
  if (element === null) return shell.get(name) !== undefined
  if (element[2] === '@' || element[2] === '*') return shell.vars.values(element[1] as string).length > 0
  return shell.vars.element(element[1] as string, shell.key(element[1] as string, element[2] as string)) !== undefined
}

/** A comparison of two numbers. */
export function compare(operator: string, a: number, b: number): boolean {
  switch (operator) {
    case '-eq': return a === b
    case '-ne': return a !== b
    case '-lt': return a < b
    case '-le': return a <= b
    case '-gt': return a > b
    case '-ge': return a >= b
    default: throw new Error(`shell: no test ${operator}`)
  }
}
