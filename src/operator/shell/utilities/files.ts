import { absolute } from '../files.ts'
import type { Utility, UtilityCall } from '../utilities.ts'
import { patternRegExp } from '../pattern.ts'
import { humanSize } from './archive.ts'
import { type Output, answer, failed, joined, ok, options } from './options.ts'

const utility = (name: string, run: (call: UtilityCall) => Output): Utility => ({ name, run })
const filesOf = (call: UtilityCall): UtilityCall['shell']['session']['host']['files'] => call.shell.session.host.files
const full = (call: UtilityCall, path: string): string => absolute(path, call.shell.cwd)

/** Does something to each operand; each problem is said. */
function each(call: UtilityCall, paths: readonly string[], act: (path: string, given: string) => string | undefined, message: (given: string) => string): Output {
  let err = ''
  for (const given of paths) {
    const problem = act(full(call, given), given)
    if (problem !== undefined) err += `${message(given)}: ${problem}\n`
  }
  return answer('', err)
}

const touch = utility('touch', call => {
  const { rest } = options(call.argv, 'acm', 'dtr')
  return each(call, rest, path => (filesOf(call).kind(path) === undefined ? filesOf(call).write(path, '') : undefined), given => `touch: cannot touch '${given}'`)
})

const rm = utility('rm', call => {
  const { on, rest } = options(call.argv, 'rRfvdiI', '', { recursive: 'r', force: 'f', 'no-preserve-root': 'no-preserve-root', 'preserve-root': 'preserve-root' })
  if (rest.length === 0) return on.has('f') ? ok() : failed("rm: missing operand\nTry 'rm --help' for more information.\n")
  const recursive = on.has('r') || on.has('R')
  if (recursive && !on.has('no-preserve-root') && rest.some(p => full(call, p) === '/')) return failed("rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe\n")
  return each(call, rest, path => {
    const kind = filesOf(call).kind(path)
    if (kind === undefined) return on.has('f') ? undefined : 'No such file or directory'
    if (kind === 'd' && !recursive) return 'Is a directory'
    return filesOf(call).remove(path)
  }, given => `rm: cannot remove '${given}'`)
})

const mkdir = utility('mkdir', call => {
  const { on, rest } = options(call.argv, 'pv', 'm', { parents: 'p' })
  const make = (path: string): string | undefined => {
    const files = filesOf(call)
    if (files.makeDirectory === undefined) return 'Permission denied'
    if (!on.has('p')) return files.makeDirectory(path)
    const pieces = path.split('/').slice(1)
    for (let i = 1; i <= pieces.length; i++) {
      const at = `/${pieces.slice(0, i).join('/')}`
      const kind = files.kind(at)
      if (kind === 'f') return i === pieces.length ? 'File exists' : 'Not a directory'
      const problem = kind === 'd' ? undefined : files.makeDirectory(at)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  return each(call, rest, make, given => `mkdir: cannot create directory ‘${given}’`)
})

const rmdir = utility('rmdir', call => {
  const { rest } = options(call.argv, 'v', '', { 'ignore-fail-on-non-empty': 'ignore' })
  return each(call, rest, path => {
    const kind = filesOf(call).kind(path)
    if (kind !== 'd') return kind === undefined ? 'No such file or directory' : 'Not a directory'
    return (filesOf(call).list?.(path) ?? []).length > 0 ? 'Directory not empty' : filesOf(call).remove(path)
  }, given => `rmdir: failed to remove '${given}'`)
})

const mktemp = utility('mktemp', call => {
  const { on, rest } = options(call.argv, 'dutq', 'p', { directory: 'd', 'tmpdir=': 'p', 'suffix=': 'suffix' })
  const template = rest[0] ?? 'tmp.XXXXXXXXXX'
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
  const { sim, key } = call.shell.session.host
  const pick = (): string => {
    call.shell.session.temporary += 1
    const nth = call.shell.session.temporary
    const random = (count: number): string => Array.from({ length: count }, (_x, i) => letters[Math.floor(sim.chance.draw(key, 'mktemp', nth * 100 + i) * letters.length)]).join('')
    const name = template.replace(/X{3,}(?=[^X]*$)/, x => random(x.length)) + (on.get('suffix') ?? '')
    return rest[0] === undefined || on.has('t') || on.has('p') ? `${on.get('p') || call.shell.get('TMPDIR') || '/tmp'}/${name}` : name
  }
  // A script that is run again has the luck of its first run: what that left behind is not taken twice.
  let base = pick()
  for (let tries = 0; tries < 100 && filesOf(call).kind(full(call, base)) !== undefined; tries++) base = pick()
  const path = full(call, base)
  const problem = on.has('u') ? undefined : on.has('d') ? filesOf(call).makeDirectory?.(path) : filesOf(call).write(path, '')
  if (problem !== undefined) return failed(`mktemp: failed to create ${on.has('d') ? 'directory' : 'file'} via template ‘${base}’: ${problem}\n`)
  return ok(`${base}\n`)
})

/** The target of a copy: a directory gets the name of the source. */
function target(call: UtilityCall, source: string, to: string): string {
  const path = full(call, to)
  return filesOf(call).kind(path) === 'd' ? `${path === '/' ? '' : path}/${source.split('/').pop()}` : path
}

const cp = utility('cp', call => {
  const { on, rest } = options(call.argv, 'rRafpvn', '', { recursive: 'r' })
  const to = rest[rest.length - 1] ?? ''
  return each(call, rest.slice(0, -1), (path, given) => {
    const files = filesOf(call)
    if (files.kind(path) === 'd') {
      if (!on.has('r') && !on.has('R') && !on.has('a')) return `-r not specified; omitting directory '${given}'`
      return copyTree(call, path, target(call, given, to))
    }
    const text = files.read(path)
    if (text === undefined) return 'No such file or directory'
    const problem = files.write(target(call, given, to), text)
    if (problem === undefined && files.executable?.(path) === true) files.setExecutable?.(target(call, given, to), true)
    return problem
  }, given => `cp: cannot stat '${given}'`)
})

function copyTree(call: UtilityCall, from: string, to: string): string | undefined {
  const files = filesOf(call)
  if (files.kind(to) === undefined) files.makeDirectory?.(to)
  for (const name of files.list?.(from) ?? []) {
    const problem = files.kind(`${from}/${name}`) === 'd' ? copyTree(call, `${from}/${name}`, `${to}/${name}`) : files.write(`${to}/${name}`, files.read(`${from}/${name}`) ?? '')
    if (problem !== undefined) return problem
  }
  return undefined
}

const mv = utility('mv', call => {
  const { rest } = options(call.argv, 'fvn', '')
  const to = rest[rest.length - 1] ?? ''
  return each(call, rest.slice(0, -1), (path, given) => {
    const files = filesOf(call)
    if (files.kind(path) === 'd') return copyTree(call, path, target(call, given, to)) ?? files.remove(path)
    const text = files.read(path)
    if (text === undefined) return 'No such file or directory'
    return files.write(target(call, given, to), text) ?? files.remove(path)
  }, given => `mv: cannot stat '${given}'`)
})

const chmod = utility('chmod', call => {
  const [mode = '', ...paths] = call.argv.slice(1).filter(a => !/^-[Rvf]+$/.test(a))
  return each(call, paths, path => {
    if (filesOf(call).kind(path) === undefined) return 'No such file or directory'
    if (/\+.*x|^[0-7]?[1357]/.test(mode)) filesOf(call).setExecutable?.(path, true)
    else if (/-.*x|^[0-7]?[0246][0-7]{2}$/.test(mode)) filesOf(call).setExecutable?.(path, false)
    return undefined
  }, given => `chmod: cannot access '${given}'`)
})

const sizeShown = (bytes: number, human: boolean): string => (human ? humanSize(bytes) : String(bytes))

const ls = utility('ls', call => {
  const { on, rest } = options(call.argv, 'la1AhtrdRFS', '', { all: 'a', 'color=': 'color' })
  const paths = rest.length === 0 ? ['.'] : rest
  let out = ''
  let err = ''
  for (const given of paths) {
    const path = full(call, given)
    const kind = filesOf(call).kind(path)
    if (kind === undefined) {
      err += `ls: cannot access '${given}': No such file or directory\n`
      continue
    }
    const names = kind === 'f' || on.has('d') ? [given] : (filesOf(call).list?.(path) ?? []).filter(n => on.has('a') || on.has('A') || !n.startsWith('.'))
    if (paths.length > 1 && kind === 'd' && !on.has('d')) out += `${out === '' ? '' : '\n'}${given}:\n`
    out += joined(names.map(name => {
      if (!on.has('l')) return name
      const at = kind === 'f' ? path : `${path === '/' ? '' : path}/${name}`
      const text = filesOf(call).read(at)
      return `${text === undefined ? 'd' : '-'}rw${filesOf(call).executable?.(at) === true || text === undefined ? 'x' : '-'}r--r-- 1 ${call.shell.session.host.user} ${call.shell.session.host.user} ${sizeShown(text === undefined ? 4096 : Buffer.byteLength(text), on.has('h'))} Jan  1 00:00 ${name}`
    }))
  }
  return answer(out, err, err === '' ? 0 : 2)
})

const find = utility('find', call => {
  const args = call.argv.slice(1)
  const split = args.findIndex(a => a.startsWith('-'))
  const roots = (split < 0 ? args : args.slice(0, split)).length === 0 ? ['.'] : split < 0 ? args : args.slice(0, split)
  let wantedName: RegExp | undefined
  let wantedKind: string | undefined
  let depth = Number.POSITIVE_INFINITY
  let removes = false
  for (let i = split < 0 ? args.length : split; i < args.length; i++) {
    if (args[i] === '-name') wantedName = patternRegExp(args[++i] as string, false, false)
    else if (args[i] === '-type') wantedKind = args[++i]
    else if (args[i] === '-maxdepth') depth = Number(args[++i])
    else if (args[i] === '-delete') removes = true
    else if (args[i] !== '-print') options(['find', args[i] as string], '', '', { 'name, -type, -maxdepth, -delete': '' })
  }
  const found: string[] = []
  const walk = (path: string, shown: string, level: number): void => {
    const kind = filesOf(call).kind(path)
    const name = shown.split('/').pop() as string
    if ((wantedKind === undefined || kind === wantedKind) && (wantedName === undefined || wantedName.test(name))) found.push(shown)
    if (kind === 'd' && level < depth) for (const inner of filesOf(call).list?.(path) ?? []) walk(`${path === '/' ? '' : path}/${inner}`, `${shown}/${inner}`, level + 1)
  }
  let err = ''
  for (const root of roots) {
    if (filesOf(call).kind(full(call, root)) === undefined) err += `find: ‘${root}’: No such file or directory\n`
    else walk(full(call, root), root, 0)
  }
  if (removes) {
    for (const path of found.reverse()) filesOf(call).remove(full(call, path))
    return answer('', err)
  }
  return answer(joined(found), err)
})

const realpath = (name: string): Utility => utility(name, call => ok(joined(call.argv.slice(1).filter(a => !a.startsWith('-')).map(p => full(call, p)))))

export const FILE_UTILITIES: readonly Utility[] = [touch, rm, mkdir, rmdir, mktemp, cp, mv, chmod, ls, find, realpath('realpath'), realpath('readlink'), utility('chown', () => ok())]
