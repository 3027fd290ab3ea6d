import type { Process } from '../../kernel/index.ts'
import { UnsupportedError } from '../command.ts'
import { isNonZero, ArithmeticError } from './arithmetic.ts'
import { declare, definitionOf } from './declare.ts'
import { alias, dirs, popd, pushd, unalias } from './directories.ts'
import { absolute } from './files.ts'
import { quoteForShell } from './parameter.ts'
import { SyntaxError } from './parse.ts'
import { echo, printf, say } from './printing.ts'
import { getopts } from './getopts.ts'
import { jobs, kill, trap, wait } from './signals.ts'
import { mapfile, read } from './read.ts'
import { isPipe } from './redirect.ts'
import type { Builtin } from './machine.ts'
import type { Options, Shell } from './shell.ts'
import type { Simple } from './syntax.ts'
import { test } from './testing.ts'
import { filled, runProgram } from './program.ts'

/** The number of a status or count argument. */
function numberOf(shell: Shell, name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (!/^[+-]?\d+$/.test(text.trim())) {
    shell.complain(`${name}: ${text}: numeric argument required`)
    return 2
  }
  return Number(text) & 255
}

const exit: Builtin = (shell, argv) => {
  const status = numberOf(shell, 'exit', argv[1], shell.status)
  shell.jump = { is: 'exit', status }
  return status
}

const returns: Builtin = (shell, argv) => {
  const status = numberOf(shell, 'return', argv[1], shell.status)
  if (shell.calls.length === 0 && !shell.session.sourcing) {
    shell.complain("return: can only `return' from a function or sourced script")
    return 2
  }
  shell.jump = { is: 'return', status }
  return status
}

const leave = (is: 'break' | 'continue'): Builtin => (shell, argv) => {
  if (shell.loops === 0) {
    shell.complain(`${is}: only meaningful in a \`for', \`while', or \`until' loop`)
    return 0
  }
  shell.jump = { is, left: Math.max(1, Math.min(Number(argv[1] ?? 1), shell.loops)) }
  return 0
}

const OPTION_LETTERS: Readonly<Record<string, keyof Options>> = { e: 'errexit', u: 'nounset', f: 'noglob', x: 'xtrace', v: 'verbose', E: 'errtrace', C: 'noclobber', a: 'allexport', n: 'noexec' }

const set: Builtin = (shell, argv) => {
  if (argv.length === 1) {
    const lines = shell.vars.names().filter(n => shell.get(n) !== undefined).map(n => `${n}=${/^[\w./:@%+,-]*$/.test(shell.get(n) as string) ? shell.get(n) : quoteForShell(shell.get(n) as string)}`)
    return say(shell, 'set', lines.map(l => `${l}\n`).join(''))
  }
  for (let i = 1; i < argv.length; i++) {
    const arg = argv[i] as string
    if (arg === '--') {
      shell.positional = argv.slice(i + 1)
      return 0
    }
    if (!/^[-+]./.test(arg)) {
      shell.positional = argv.slice(i)
      return 0
    }
    const on = arg[0] === '-'
    for (const letter of arg.slice(1)) {
      if (letter === 'o') {
        const name = argv[++i] ?? ''
        if (!setOption(shell, name, on)) {
          shell.complain(`set: ${name}: invalid option name`)
          return 2
        }
      } else if (letter in OPTION_LETTERS) shell.options[OPTION_LETTERS[letter] as keyof Options] = on
      else if (!'hmBHTbkptP'.includes(letter)) {
        shell.complain(`set: ${arg[0]}${letter}: invalid option`)
        return 2
      }
    }
  }
  return 0
}

function setOption(shell: Shell, name: string, on: boolean): boolean {
  if (name in shell.options) shell.options[name as keyof Options] = on
  else if (!['posix', 'functrace', 'monitor', 'history', 'physical', 'braceexpand', 'hashall', 'emacs', 'vi', 'ignoreeof', 'notify', 'keyword', 'onecmd', 'privileged', 'histexpand', 'interactive-comments', 'nolog'].includes(name)) return false
  return true
}

const shopt: Builtin = (shell, argv) => {
  const on = argv.includes('-s')
  const names = argv.slice(1).filter(a => !a.startsWith('-'))
  if (!on && !argv.includes('-u')) return names.every(n => shell.shopt.has(n)) ? 0 : 1
  for (const name of names) {
    if (on && name === 'expand_aliases') throw new UnsupportedError(`line ${shell.line}: \`shopt -s expand_aliases\`: words of an alias are not replaced in a rehearsal`, ['functions'])
    if (on) shell.shopt.set(name, true)
    else shell.shopt.delete(name)
  }
  return 0
}

const cd: Builtin = (shell, argv) => {
  const args = argv.slice(1).filter(a => !/^-[LPe@]+$/.test(a) && a !== '--')
  const wanted = args[0] === '-' ? (shell.get('OLDPWD') ?? '') : (args[0] ?? shell.get('HOME') ?? '/root')
  const path = absolute(wanted, shell.cwd)
  const kind = shell.session.host.files.kind(path)
  if (kind !== 'd') {
    shell.complain(`cd: ${wanted}: ${kind === 'f' ? 'Not a directory' : 'No such file or directory'}`)
    return 1
  }
  shell.set('OLDPWD', shell.cwd)
  shell.cwd = path
  if (args[0] === '-') shell.fds.out.write(`${path}\n`)
  return 0
}

function* evaluates(shell: Shell, argv: readonly string[]): Process<number> {
  const result = shell.evaluate(argv.slice(1).join(' '))
  return typeof result === 'number' ? result : yield* result
}

function* source(shell: Shell, argv: readonly string[]): Process<number> {
  const name = argv[1]
  if (name === undefined) {
    shell.complain(`${argv[0]}: filename argument required`)
    shell.fds.err.write(`${argv[0]}: usage: ${argv[0]} filename [arguments]\n`)
    return 2
  }
  const pipe = shell.session.pipes.get(name)
  if (pipe !== undefined) while (!pipe.complete) yield pipe.more()
  const text = pipe === undefined ? shell.session.host.files.read(absolute(name, shell.cwd)) : pipe.all()
  if (typeof text !== 'string') {
    shell.complain(`${name}: No such file or directory`)
    return 1
  }
  const before = shell.positional
  if (argv.length > 2) shell.positional = argv.slice(2)
  shell.session.sourcing = true
  try {
    const result = shell.units(shell.session.parse(text, name, 1).units)
    const status = yield* result
    if (shell.jump?.is !== 'return') return status
    const given = shell.jump.status
    shell.jump = undefined
    return given
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    shell.fds.err.write(`${name}: line ${error.line}: syntax error: ${error.what}\n`)
    return 2
  } finally {
    shell.session.sourcing = false
    if (argv.length > 2) shell.positional = before
  }
}

const command: Builtin = (shell, argv, node) => {
  const flags = argv.slice(1).filter((a, i, all) => a.startsWith('-') && all.slice(0, i).every(b => b.startsWith('-')))
  const rest = argv.slice(1 + flags.length)
  const name = rest[0]
  if (name === undefined) return 0
  if (!flags.some(f => /[vV]/.test(f))) return shell.dispatch(node, rest, false)
  let status = 1
  for (const each of rest) {
    const found = kindOf(shell, each)
    if (found === undefined) {
      if (flags.some(f => f.includes('V'))) shell.complain(`command: ${each}: not found`)
      continue
    }
    status = 0
    shell.fds.out.write(`${flags.some(f => f.includes('V')) ? `${each} is ${found === 'file' ? `/usr/bin/${each}` : `a ${found}`}` : found === 'file' ? `/usr/bin/${each}` : each}\n`)
  }
  return status
}

/** What a name is to the shell. */
function kindOf(shell: Shell, name: string): 'function' | 'builtin' | 'file' | 'keyword' | undefined {
  if (shell.functions.has(name)) return 'function'
  if (['if', 'then', 'for', 'while', 'case', '[[', '{', 'function', 'do', 'done', 'fi', 'esac', 'else', 'elif', 'until', 'in', '!'].includes(name)) return 'keyword'
  if (BUILTINS.has(name)) return 'builtin'
  if (name.includes('/')) return shell.session.host.files.executable?.(absolute(name, shell.cwd)) === true ? 'file' : undefined
  return shell.session.host.registry.has(name) || shell.session.machine.utilities.has(name) ? 'file' : undefined
}

const type: Builtin = (shell, argv) => {
  let status = 0
  for (const name of argv.slice(1).filter(a => !a.startsWith('-'))) {
    const kind = kindOf(shell, name)
    if (kind === undefined) {
      status = 1
      if (!argv.includes('-t') && !argv.includes('-P') && !argv.includes('-p')) shell.complain(`type: ${name}: not found`)
    } else if (argv.includes('-t')) shell.fds.out.write(`${kind}\n`)
    else if (argv.includes('-P') || argv.includes('-p')) shell.fds.out.write(kind === 'file' ? `/usr/bin/${name}\n` : '')
    else shell.fds.out.write(`${name} is ${kind === 'file' ? `/usr/bin/${name}` : kind === 'builtin' ? 'a shell builtin' : kind === 'keyword' ? 'a shell keyword' : 'a function'}\n${kind === 'function' ? definitionOf(shell, name) : ''}`)
  }
  return status
}

const shift: Builtin = (shell, argv) => {
  const n = Number(argv[1] ?? 1)
  if (n > shell.positional.length || n < 0) return 1
  shell.positional = shell.positional.slice(n)
  return 0
}

const unset: Builtin = (shell, argv) => {
  let status = 0
  const functions = argv.includes('-f')
  for (const name of argv.slice(1).filter(a => !/^-[fvn]$/.test(a))) {
    const element = /^(\w+)\[(.+)\]$/s.exec(name)
    if (functions) shell.functions.delete(name)
    else if (element !== null) {
      if (element[2] === '@' || element[2] === '*') shell.unset(element[1] as string)
      else shell.vars.unsetElement(element[1] as string, shell.key(element[1] as string, element[2] as string))
    } else if (shell.vars.find(name) === undefined && shell.functions.has(name)) shell.functions.delete(name)
    else if (!shell.unset(name)) {
      shell.complain(`unset: ${name}: cannot unset: readonly variable`)
      status = 1
    }
  }
  return status
}

const letIt: Builtin = (shell, argv) => {
  let status = 1
  for (const text of argv.slice(1)) {
    try {
      status = isNonZero(text, shell.names) ? 0 : 1
    } catch (error) {
      if (!(error instanceof ArithmeticError)) throw error
      shell.complain(`let: ${text}: ${error.message}`)
      return 1
    }
  }
  return status
}

const execute: Builtin = (shell, argv, node) => {
  const args = argv.slice(1)
  if (args.length === 0) return 0
  return becoming(shell, node, args)
}

/** Builtins that are programs, too. */
const ALSO_PROGRAMS = new Set(['echo', 'printf', 'test', '[', 'true', 'false', 'pwd', 'kill'])

function* becoming(shell: Shell, node: Simple, args: readonly string[]): Process<number> {
  const result = ALSO_PROGRAMS.has(args[0] as string) ? (BUILTINS.get(args[0] as string) as Builtin)(shell, args, node) : runProgram(shell, node, args)
  const status = typeof result === 'number' ? result : yield* result
  shell.traps.delete('EXIT')
  shell.jump = { is: 'exit', status }
  return status
}

/** `mapfile` waits for a pipe that is still written. */
const mapping: Builtin = (shell, argv) => {
  if (!isPipe(shell.fds.in) || shell.fds.in.complete) return mapfile(shell, argv)
  return (function* () {
    yield* filled(shell)
    return mapfile(shell, argv)
  })()
}

/** `builtin NAME …` */
const builtin: Builtin = (shell, argv, node) => {
  const inner = BUILTINS.get(argv[1] ?? '')
  if (inner !== undefined) return inner(shell, argv.slice(1), node)
  shell.complain(`builtin: ${argv[1] ?? ''}: not a shell builtin`)
  return 1
}

const ignored: Builtin = () => 0

export const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ['echo', echo], ['printf', printf], [':', ignored], ['true', ignored], ['false', () => 1], ['exit', exit], ['return', returns], ['break', leave('break')], ['continue', leave('continue')],
  ['set', set], ['shopt', shopt], ['cd', cd], ['pwd', shell => say(shell, 'pwd', `${shell.cwd}\n`)], ['eval', evaluates], ['source', source], ['.', source], ['trap', trap], ['kill', kill], ['wait', wait],
  ['jobs', jobs], ['command', command], ['type', type], ['getopts', getopts], ['shift', shift], ['unset', unset], ['let', letIt], ['exec', execute], ['builtin', builtin],
  ['test', (shell, argv) => test(shell, 'test', argv.slice(1))],
  ['[', (shell, argv) => {
    if (argv[argv.length - 1] === ']') return test(shell, '[', argv.slice(1, -1))
    shell.complain("[: missing `]'")
    return 2
  }],
  ['pushd', pushd], ['popd', popd], ['dirs', dirs], ['alias', alias], ['unalias', unalias],
  ['read', read], ['mapfile', mapping], ['readarray', mapping],
  ...(['export', 'declare', 'typeset', 'local', 'readonly'] as const).map((name): [string, Builtin] => [name, declare]),
  ['hash', (shell, argv) => (argv.length === 1 ? say(shell, 'hash', 'hash: hash table empty\n') : 0)], ['umask', ignored], ['ulimit', ignored], ['disown', ignored], ['times', ignored],
  ['caller', (shell) => {
    const at = shell.calls[shell.calls.length - 1]
    return at === undefined ? 1 : say(shell, 'caller', `${at.line} ${shell.calls[shell.calls.length - 2]?.name ?? 'main'} ${shell.name0}\n`)
  }],
])

/** Names that are not given as a mistake in a script: builtins of bash that a rehearsal does not have. */
export const UNSUPPORTED_BUILTINS: readonly string[] = ['bg', 'bind', 'compgen', 'complete', 'coproc', 'enable', 'fc', 'fg', 'help', 'history', 'logout', 'suspend']
