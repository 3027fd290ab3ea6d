import type { Process } from '../../kernel/index.ts'
import { textOf } from './expand.ts'
import { absolute } from './files.ts'
import type { Shell } from './shell.ts'
import { CLOSED, NOTHING, NOWHERE, type Pipe, type Sink, type Source, TextSource } from './streams.ts'
import type { Redirection } from './syntax.ts'

/** One open descriptor. */
export interface Descriptor {
  readonly source: Source | undefined
  readonly sink: Sink | undefined
}

/** The open files of a shell; replaced, never changed. */
export interface Fds {
  readonly in: Source
  /** The input is the command's own (a pipe or a redirection of its own), not one that a loop around it reads too. */
  readonly own: boolean
  readonly out: Sink
  readonly err: Sink
  readonly more: ReadonlyMap<number, Descriptor> | undefined
}

/** Appends to a file, wherever that has got to by then. */
export class FileSink implements Sink {
  constructor(
    private readonly shell: Shell,
    readonly path: string,
  ) {}

  write(text: string): boolean {
    const { files } = this.shell.session.host
    this.shell.session.charge(text.length)
    const problem = files.append === undefined ? files.write(this.path, (files.read(this.path) ?? '') + text) : files.append(this.path, text)
    if (problem !== undefined) this.shell.session.writeProblem = problem
    return problem === undefined
  }
}

/** Opens redirections, left to right. @returns what is wrong, as the shell says it, if something is */
export function* redirect(shell: Shell, redirections: readonly Redirection[], own: boolean): Process<string | undefined> {
  for (const r of redirections) {
    if (r.is === 'text') {
      const text = yield* textOf(shell, r.body)
      shell.fds = withDescriptor(shell.fds, r.fd, { source: new TextSource(r.newline ? `${text}\n` : text), sink: undefined }, own)
      continue
    }
    const target = yield* textOf(shell, r.target)
    const problem = r.is === 'duplicate' ? duplicate(shell, r, target, own) : open(shell, r, target, own)
    if (problem !== undefined) return problem
  }
  return undefined
}

function open(shell: Shell, r: Extract<Redirection, { is: 'file' }>, target: string, own: boolean): string | undefined {
  if (target === '') return ': No such file or directory'
  const fd = r.variable === undefined ? r.fd : freeDescriptor(shell, r.variable)
  const opened = openPath(shell, target, r.operator)
  if (typeof opened === 'string') return `${target}: ${opened}`
  shell.fds = withDescriptor(shell.fds, fd, opened, own)
  if (r.operator === '&>' || r.operator === '&>>') shell.fds = withDescriptor(shell.fds, 2, opened, own)
  return undefined
}

function openPath(shell: Shell, target: string, operator: Extract<Redirection, { is: 'file' }>['operator']): Descriptor | string {
  const { files } = shell.session.host
  const pipe = shell.session.pipes.get(target)
  if (pipe !== undefined) return { source: pipe, sink: pipe }
  switch (target) {
    case '/dev/null': return { source: NOTHING, sink: NOWHERE }
    case '/dev/stdin': return { source: shell.fds.in, sink: undefined }
    case '/dev/stdout': return { source: undefined, sink: shell.fds.out }
    case '/dev/stderr': return { source: undefined, sink: shell.fds.err }
    case '/dev/tty': return { source: NOTHING, sink: shell.session.terminal }
  }
  if (/^\/dev\/(?:tcp|udp)\//.test(target)) return 'Connection refused'
  const path = absolute(target, shell.cwd)
  const kind = files.kind(path)
  if (operator === '<') {
    if (kind === 'd') return { source: NOTHING, sink: undefined }
    const text = files.read(path)
    return text === undefined ? 'No such file or directory' : { source: new TextSource(text), sink: undefined }
  }
  if (kind === 'd') return 'Is a directory'
  if (operator === '<>') return { source: new TextSource(files.read(path) ?? ''), sink: new FileSink(shell, path) }
  if (operator === '>' && shell.options.noclobber && kind === 'f') return 'cannot overwrite existing file'
  const problem = operator === '>>' || operator === '&>>' ? (kind === undefined ? files.write(path, '') : undefined) : files.write(path, '')
  return problem ?? { source: undefined, sink: new FileSink(shell, path) }
}

function duplicate(shell: Shell, r: Extract<Redirection, { is: 'duplicate' }>, target: string, own: boolean): string | undefined {
  if (target === '-') {
    const fd = r.variable === undefined ? r.fd : Number(shell.get(r.variable) ?? -1)
    if (fd > 2) shell.fds = { ...shell.fds, more: new Map([...(shell.fds.more ?? [])].filter(([n]) => n !== fd)) }
    else shell.fds = withDescriptor(shell.fds, fd, { source: NOTHING, sink: CLOSED }, own)
    return undefined
  }
  const number = /^(\d+)(-?)$/.exec(target)
  if (number === null) return `${target}: ambiguous redirect`
  const from = descriptor(shell.fds, Number(number[1]))
  if (from === undefined || (r.output ? from.sink : from.source) === undefined) return `${target}: Bad file descriptor`
  const fd = r.variable === undefined ? r.fd : freeDescriptor(shell, r.variable)
  shell.fds = withDescriptor(shell.fds, fd, from, own)
  return undefined
}

function freeDescriptor(shell: Shell, variable: string): number {
  let fd = 10
  while (shell.fds.more?.has(fd) === true) fd += 1
  shell.set(variable, String(fd))
  return fd
}

/** What a descriptor is open to. */
export function descriptor(fds: Fds, fd: number): Descriptor | undefined {
  switch (fd) {
    case 0: return { source: fds.in, sink: undefined }
    case 1: return { source: undefined, sink: fds.out }
    case 2: return { source: undefined, sink: fds.err }
    default: return fds.more?.get(fd)
  }
}

function withDescriptor(fds: Fds, fd: number, to: Descriptor, own: boolean): Fds {
  switch (fd) {
    case 0: return { ...fds, in: to.source ?? NOTHING, own }
    case 1: return { ...fds, out: to.sink ?? CLOSED }
    case 2: return { ...fds, err: to.sink ?? CLOSED }
    default: return { ...fds, more: new Map([...(fds.more ?? []), [fd, to]]) }
  }
}

export const isPipe = (source: Source): source is Pipe => 'abandon' in source
