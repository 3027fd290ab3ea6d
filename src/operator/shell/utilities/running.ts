import { NEVER, type Process, SECOND, TIMED_OUT, within } from '../../../kernel/index.ts'
import { limited } from '../jobs.ts'
import { absolute } from '../files.ts'
import { descriptor } from '../redirect.ts'
import { Shell } from '../shell.ts'
import { NOTHING, WAIT } from '../streams.ts'
import type { Utility, UtilityCall } from '../utilities.ts'
import { type Output, UnsupportedError, failed, linesOf, options } from './options.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** `10`, `1.5s`, `2m` in microseconds; undefined if it is no duration. */
function durationUs(text: string): number | undefined {
  const match = /^(\d*\.?\d+|\d+\.)([smhd]?)$/.exec(text)
  if (match === null) return text === 'infinity' || text === 'inf' ? Number.POSITIVE_INFINITY : undefined
  return Math.round(Number(match[1]) * (UNITS[match[2] || 's'] as number) * SECOND)
}

const sleep: Utility = {
  name: 'sleep',
  streams: true,
  run(call): Output | Process<number> {
    const times = call.argv.slice(1).map(durationUs)
    if (times.length === 0) return failed("sleep: missing operand\nTry 'sleep --help' for more information.\n")
    const bad = call.argv[1 + times.indexOf(undefined)]
    if (times.includes(undefined)) return failed(`sleep: invalid time interval ‘${bad}’\nTry 'sleep --help' for more information.\n`)
    return slept(call, times.reduce<number>((sum, t) => sum + (t as number), 0))
  },
}

function* slept(call: UtilityCall, us: number): Process<number> {
  const { session } = call.shell
  session.acted()
  const issue = session.host.watcher?.issue(call.node, call.argv, call.shell)
  if (session.host.watcher !== undefined && issue === undefined) {
    yield 0
    return 130
  }
  yield session.takeDebt() + (Number.isFinite(us) ? us : 1_000 * 365 * 86_400 * SECOND)
  if (issue !== undefined) session.host.watcher?.returned(call.node, issue, { out: '', err: '', code: 0 }, call.shell)
  return 0
}

/** Runs an argument vector as a command of the shell. */
function* runArgv(call: UtilityCall, argv: readonly string[]): Process<number> {
  const result = call.shell.dispatch(call.node, argv, false)
  return typeof result === 'number' ? result : yield* result
}

const NO_OPTIONS: ReadonlyMap<string, string> = new Map()

const timeout: Utility = {
  name: 'timeout',
  streams: true,
  run(call): Output | Process<number> {
    const { on, rest } = call.argv[1]?.startsWith('-') === true ? options(call.argv, 'v', 'ks', { 'kill-after=': 'k', 'signal=': 's', 'preserve-status': 'preserve-status', foreground: 'foreground' }, true) : { on: NO_OPTIONS, rest: call.argv.slice(1) }
    if (rest.length < 2) return failed("Try 'timeout --help' for more information.\n", 125)
    const bad = on.has('k') && durationUs(on.get('k') as string) === undefined ? on.get('k') : undefined
    if (bad !== undefined) return failed(`timeout: invalid time interval ‘${bad}’\nTry 'timeout --help' for more information.\n`, 125)
    const us = durationUs(rest[0] ?? '')
    if (us === undefined) return failed(`timeout: invalid time interval ‘${rest[0] ?? ''}’\nTry 'timeout --help' for more information.\n`, 125)
    const [, program = ''] = rest
    const { registry, missing } = call.shell.session.host
    if (missing === 'not-found' && program !== '' && !program.includes('/') && !registry.has(program) && !call.shell.session.machine.utilities.has(program) && !call.shell.session.machine.builtins.has(program)) return failed(`timeout: failed to run command ‘${program}’: No such file or directory\n`, 127)
    return (function* () {
      // A program of the simulated world changes nothing of the shell that starts it; what else may be named has a shell of its own.
      const inner = registry.has(program) && !call.shell.session.machine.builtins.has(program) ? call : ({ shell: new Shell(call.shell.session, call.shell.name0, call.shell), node: call.node } as UtilityCall)
      const status = yield* limited(call.shell, runArgv(inner, rest.slice(1)), us === 0 ? Number.POSITIVE_INFINITY : us)
      if (status !== undefined) return status
      return on.has('preserve-status') ? 143 : on.get('s') === 'KILL' || on.get('s') === '9' ? 137 : 124
    })()
  },
}

const xargs: Utility = {
  name: 'xargs',
  run(call): Process<number> {
    const { on, rest } = options(call.argv, 'r0tx', 'InLPd', { 'no-run-if-empty': 'r', null: '0', 'max-args=': 'n', 'max-procs=': 'P', 'delimiter=': 'd', verbose: 't' }, true)
    const text = call.stdin()
    const command = rest.length === 0 ? ['echo'] : rest
    const place = on.get('I')
    const items = on.has('0') ? text.split('\0').filter(i => i !== '') : on.has('d') ? text.replace(/\n$/, '').split((on.get('d') as string).replace('\\n', '\n')) : place !== undefined || on.has('L') ? linesOf(text).map(l => l.trim()).filter(l => l !== '') : words(text)
    const size = place !== undefined ? 1 : Number(on.get('n') ?? on.get('L') ?? items.length)
    const batches: string[][] = []
    for (let i = 0; i < items.length; i += Math.max(1, size)) batches.push(items.slice(i, i + Math.max(1, size)))
    if (items.length === 0 && !on.has('r') && place === undefined) batches.push([])
    return (function* () {
      let status = 0
      const run = function* (batch: readonly string[]): Process<number> {
        const argv = place === undefined ? [...command, ...batch.flatMap(b => (on.has('L') ? words(b) : [b]))] : command.map(word => word.replaceAll(place, batch[0] as string))
        if (on.has('t')) call.shell.fds.err.write(`${argv.map(word => (/^[\w./:=,%+@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ')}\n`)
        const child = new Shell(call.shell.session, call.shell.name0, call.shell)
        child.fds = { ...call.shell.fds, in: NOTHING, own: true }
        const inner = { ...call, shell: child, argv, node: call.node } as UtilityCall
        return yield* runArgv(inner, argv)
      }
      const worst = (code: number): boolean => {
        if (code === 255) status = 124
        else if (code === 126 || code === 127) status = code
        else if (code !== 0 && status === 0) status = 123
        return code === 255 || code === 126 || code === 127
      }
      const most = Number(on.get('P') ?? 1)
      if (most === 1) {
        for (const batch of batches) if (worst(yield* run(batch))) break
        return status
      }
      // As many at once as asked for; with 0, all.
      const running = new Set<ReturnType<Shell['session']['spawn']>>()
      for (const batch of batches) {
        while (most > 0 && running.size >= most) {
          const [first] = running
          worst(((yield first as never) as number | undefined) ?? 143)
          running.delete(first as never)
        }
        running.add(call.shell.session.spawn(run(batch)))
      }
      for (const task of running) worst(((yield task) as number | undefined) ?? 143)
      return status
    })()
  },
}

/** Words by blanks, with quotes and backslashes as xargs reads them. */
function words(text: string): string[] {
  const found: string[] = []
  let word: string | undefined
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string
    if (c === '\\') word = (word ?? '') + (text[++i] ?? '')
    else if (c === '"' || c === "'") {
      const end = text.indexOf(c, i + 1)
      word = (word ?? '') + text.slice(i + 1, end < 0 ? undefined : end)
      i = end < 0 ? text.length : end
    } else if (/\s/.test(c)) {
      if (word !== undefined) found.push(word)
      word = undefined
    } else word = (word ?? '') + c
  }
  if (word !== undefined) found.push(word)
  return found
}

const tee: Utility = {
  name: 'tee',
  streams: true,
  run(call): Process<number> {
    const { on, rest } = options(call.argv, 'ai', '', { append: 'a' })
    return (function* () {
      const { files } = call.shell.session.host
      const paths = rest.filter(p => p !== '/dev/null').map(p => absolute(p, call.shell.cwd))
      const sinks = rest.filter(p => call.shell.session.pipes.has(p)).map(p => call.shell.session.pipes.get(p))
      let status = 0
      const save = (path: string, text: string): void => {
        if (call.shell.session.pipes.has(path)) return
        const problem = path === '/dev/stderr' ? (call.shell.fds.err.write(text), undefined) : (files.append?.(path, text) ?? (files.append === undefined ? files.write(path, (files.read(path) ?? '') + text) : undefined))
        if (problem === undefined) return
        call.shell.fds.err.write(`tee: ${path}: ${problem}\n`)
        status = 1
      }
      if (!on.has('a')) for (const path of paths) if (path !== '/dev/stderr' && !call.shell.session.pipes.has(path)) files.write(path, '')
      for (const path of paths) save(path, '')
      const input = call.shell.fds.in
      for (;;) {
        const piece = input.some(65_536)
        if (piece === undefined) return status
        if (piece === WAIT) {
          yield input.more()
          continue
        }
        for (const path of paths) save(path, piece)
        for (const sink of sinks) sink?.write(piece)
        if (!call.shell.fds.out.write(piece)) return 141
      }
    })()
  },
}

const yes: Utility = {
  name: 'yes',
  *run(call): Process<number> {
    const line = `${call.argv.slice(1).join(' ') || 'y'}\n`
    for (;;) {
      if (!call.shell.fds.out.write(line.repeat(100))) return 141
      call.shell.session.step(100)
      yield call.shell.session.takeDebt()
    }
  },
}

/**
 * `flock [-n] [-w SECONDS] FILE COMMAND…`, `flock … FILE -c TEXT`, `flock [-n] [-u] DESCRIPTOR`. Nobody else works at this desk: what a lock can wait for is a
 * process of the same script.
 */
const flock: Utility = {
  name: 'flock',
  run(call): Output | Process<number> {
    const { on, rest } = options(call.argv, 'nxeuoF', 'wEc', { nonblock: 'n', nb: 'n', exclusive: 'x', unlock: 'u', close: 'o', 'no-fork': 'F', 'timeout=': 'w', wait: 'w', 'conflict-exit-code=': 'E', 'command=': 'c' }, true)
    const [target, ...after] = rest
    if (target === undefined) return failed('flock: requires file descriptor, file or directory\n', 64)
    const { session } = call.shell
    const sink = /^\d+$/.test(target) && after.length === 0 ? descriptor(call.shell.fds, Number(target))?.sink : undefined
    if (/^\d+$/.test(target) && after.length === 0 && sink === undefined) return failed(`flock: ${target}: Bad file descriptor\n`, 65)
    if (on.has('u')) {
      if (sink !== undefined) session.unlock(sink)
      return { out: '', err: '', code: 0 }
    }
    const path = sink === undefined ? absolute(target, call.shell.cwd) : (sink.path ?? `descriptor ${target}`)
    const holder = sink ?? {}
    return (function* (): Process<number> {
      const untilUs = on.has('n') ? session.host.sim.now : on.has('w') ? session.host.sim.now + Number(on.get('w')) * SECOND : NEVER
      while (session.locks.has(path) && session.locks.get(path) !== holder) {
        const leftUs = untilUs - session.host.sim.now
        if (leftUs <= 0 || (yield within(session.lockFreed, leftUs)) === TIMED_OUT) return Number(on.get('E') ?? 1)
      }
      session.locks.set(path, holder)
      if (sink !== undefined) return 0
      if (session.host.files.read(path) === undefined && session.host.files.kind(path) === undefined) session.host.files.write(path, '')
      try {
        return yield* runArgv(call, after[0] === '-c' ? ['sh', '-c', after[1] ?? ''] : after)
      } finally {
        session.unlock(holder)
      }
    })()
  },
}

/** `watch` never ends by itself: the person who started it has to stop it. */
const watch: Utility = {
  name: 'watch',
  *run(call): Process<number> {
    const { on, rest } = options(call.argv, 'tdgecxb', 'n', { 'interval=': 'n' }, true)
    if (on.has('g') || on.has('e')) throw new UnsupportedError('`watch -g` and `watch -e`', ['watch [-n SECONDS] COMMAND'])
    const interval = Math.max(0.1, Number(on.get('n') ?? 2)) * SECOND
    for (;;) {
      const text = on.has('x') ? rest : ['sh', '-c', rest.join(' ')]
      yield* runArgv(call, text)
      yield call.shell.session.takeDebt() + interval
    }
  },
}

/** `bash -c TEXT`, `bash FILE`, `bash < text`. */
const bash = (name: string): Utility => ({
  name,
  run(call): Output | Process<number> {
    const letters: string[] = []
    let i = 1
    for (; i < call.argv.length && /^-[a-z]/.test(call.argv[i] as string); i++) {
      if (call.argv[i] === '-o') letters.push(`o${call.argv[++i]}`)
      else letters.push(...(call.argv[i] as string).slice(1))
    }
    if (call.argv[i] === '--') i += 1
    const set: Partial<Shell['options']> = { errexit: letters.includes('e') || letters.includes('oerrexit'), nounset: letters.includes('u') || letters.includes('onounset'), xtrace: letters.includes('x'), pipefail: letters.includes('opipefail') }
    const rest = call.argv.slice(i)
    if (letters.includes('c')) {
      if (rest[0] === undefined) return failed(`${name}: -c: option requires an argument\n`, 2)
      return call.shell.session.machine.script(call.shell, rest[1] ?? name, rest[0], rest.slice(2), set)
    }
    const file = rest[0]
    if (file !== undefined && !letters.includes('s')) {
      const text = call.read(file)
      return text === undefined ? failed(`${name}: ${file}: No such file or directory\n`, 127) : call.shell.session.machine.script(call.shell, file, text, rest.slice(1), set)
    }
    const text = call.stdin()
    return call.shell.session.machine.script(call.shell, name, text, rest, set)
  },
})

/** `env [-i] [-u NAME] [NAME=value…] COMMAND…` */
const env: Utility = {
  name: 'env',
  run(call): Output | Process<number> {
    let i = 1
    const child = new Shell(call.shell.session, call.shell.name0, call.shell)
    for (; i < call.argv.length; i++) {
      const arg = call.argv[i] as string
      const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(arg)
      if (assignment !== null) {
        child.vars.set(assignment[1] as string, assignment[2] as string)
        child.vars.mark(assignment[1] as string, { exported: true })
      } else if (arg === '-u') child.vars.unset(call.argv[++i] as string)
      else if (arg === '-i' || arg === '-') for (const name of Object.keys(child.vars.environment())) child.vars.unset(name)
      else if (arg.startsWith('-')) throw new UnsupportedError(`\`env ${arg}\``, ['-i', '-u NAME'])
      else break
    }
    if (i >= call.argv.length) return { out: Object.entries(child.vars.environment()).map(([k, v]) => `${k}=${v}\n`).join(''), err: '', code: 0 }
    const argv = call.argv.slice(i)
    return runArgv({ ...call, shell: child, argv, node: call.node } as UtilityCall, argv)
  },
}

/** Programs that only run another: the same command, whoever does it. */
const through = (name: string, skip: RegExp): Utility => ({
  name,
  run(call): Output | Process<number> {
    let i = 1
    while (i < call.argv.length && skip.test(call.argv[i] as string)) i += 1
    return i >= call.argv.length ? failed(`${name}: missing operand\n`, 125) : runArgv(call, call.argv.slice(i))
  },
})

export const RUNNING_UTILITIES: readonly Utility[] = [sleep, timeout, flock, xargs, tee, yes, watch, bash('bash'), bash('sh'), bash('dash'), env, through('nohup', /^$/), through('sudo', /^-[EHn]+$/), through('nice', /^-/), through('stdbuf', /^-/), through('setsid', /^-/), through('time', /^-p$/)]
