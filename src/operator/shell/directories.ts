import type { Process } from '../../kernel/index.ts'
import { fieldsOf, textOf } from './expand.ts'
import { absolute } from './files.ts'
import type { Builtin } from './machine.ts'
import type { Session } from './session.ts'
import type { Shell } from './shell.ts'
import { type Simple, type Word, isAssignment } from './syntax.ts'

/** What `pushd` keeps, topmost first; a subshell has its parent's until it changes it. */
const stacks = new WeakMap<Shell, readonly string[]>()

function stackOf(shell: Shell): readonly string[] {
  for (let at: Shell | undefined = shell; at !== undefined; at = at.parent) {
    const stack = stacks.get(at)
    if (stack !== undefined) return stack
  }
  return []
}

/** Names that `alias` made: nothing in a script means them, so one map will do for all shells of a run. */
const aliases = new WeakMap<Session, Map<string, string>>()

function aliasesOf({ session }: Shell): Map<string, string> {
  let known = aliases.get(session)
  if (known === undefined) aliases.set(session, (known = new Map()))
  return known
}

/** `~` for the home directory, as `dirs` shows it. */
function shown(shell: Shell, path: string): string {
  const home = shell.get('HOME') ?? ''
  return home !== '' && (path === home || path.startsWith(`${home}/`)) ? `~${path.slice(home.length)}` : path
}

function print(shell: Shell): number {
  shell.fds.out.write(`${[shell.cwd, ...stackOf(shell)].map(path => shown(shell, path)).join(' ')}\n`)
  return 0
}

/** `pushd DIR`, or `pushd` alone, which changes the two topmost. */
export const pushd: Builtin = (shell, argv) => {
  const [wanted] = argv.slice(1)
  const [top, ...below] = stackOf(shell)
  if (wanted === undefined && top === undefined) {
    shell.complain('pushd: no other directory')
    return 1
  }
  const path = wanted === undefined ? (top as string) : absolute(wanted, shell.cwd)
  const kind = shell.session.host.files.kind(path)
  if (kind !== 'd') {
    shell.complain(`pushd: ${wanted ?? path}: ${kind === 'f' ? 'Not a directory' : 'No such file or directory'}`)
    return 1
  }
  stacks.set(shell, [shell.cwd, ...(wanted === undefined ? below : stackOf(shell))])
  shell.cwd = path
  return print(shell)
}

export const popd: Builtin = shell => {
  const [top, ...below] = stackOf(shell)
  if (top === undefined) {
    shell.complain('popd: directory stack empty')
    return 1
  }
  stacks.set(shell, below)
  shell.cwd = top
  return print(shell)
}

export const dirs: Builtin = (shell, argv) => {
  if (argv.includes('-c')) stacks.set(shell, [])
  else print(shell)
  return 0
}

/** `alias x=y`: without a terminal bash keeps it and never uses it. */
export function* alias(shell: Shell, _argv: readonly string[], node: Simple): Process<number> {
  const known = aliasesOf(shell)
  let status = 0
  const show = (name: string): void => void shell.fds.out.write(`alias ${name}='${(known.get(name) as string).replaceAll("'", "'\\''")}'\n`)
  const words: string[] = []
  for (const word of node.words.slice(1)) {
    if (!isAssignment(word)) words.push(...(yield* fieldsOf(shell, [word])))
    else if (!Array.isArray(word.value)) words.push(`${word.name}=${yield* textOf(shell, word.value as Word)}`)
  }
  if (words.length === 0) for (const name of [...known.keys()].sort()) show(name)
  for (const word of words) {
    const equals = word.indexOf('=')
    if (word === '-p') continue
    if (equals > 0) known.set(word.slice(0, equals), word.slice(equals + 1))
    else if (known.has(word)) show(word)
    else {
      shell.complain(`alias: ${word}: not found`)
      status = 1
    }
  }
  return status
}

export const unalias: Builtin = (shell, argv) => {
  const known = aliasesOf(shell)
  let status = 0
  for (const word of argv.slice(1)) {
    if (word === '-a') for (const name of [...known.keys()]) known.delete(name)
    else if (known.has(word)) known.delete(word)
    else {
      shell.complain(`unalias: ${word}: not found`)
      status = 1
    }
  }
  return status
}
