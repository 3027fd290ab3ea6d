import type { Process } from '../../kernel/index.ts'
import { UnsupportedError, UTILITY_SUMMARY } from '../command.ts'
import { jobOf, signalName, signalNumber, waitFor } from './jobs.ts'
import type { Builtin } from './machine.ts'
import { quoteForShell } from './parameter.ts'
import { say } from './printing.ts'
import type { Shell } from './shell.ts'

export const trap: Builtin = (shell, argv) => {
  const args = argv.slice(1).filter(a => a !== '--')
  if (args.length === 0 || args[0] === '-p') {
    const wanted = args.slice(1).map(a => signalName(a))
    for (const [name, action] of shell.traps.entries()) if (wanted.length === 0 || wanted.includes(name)) shell.fds.out.write(`trap -- ${quoteForShell(action)} ${/^(?:EXIT|ERR)$/.test(name) ? name : `SIG${name}`}\n`)
    return 0
  }
  const [action = '', ...signals] = args.length === 1 ? ['-', ...args] : args
  let status = 0
  for (const given of signals) {
    const name = signalName(given)
    if (name === undefined) {
      shell.complain(`trap: ${given}: invalid signal specification`)
      status = 1
    } else if (name === 'DEBUG' || name === 'RETURN') throw new UnsupportedError(`line ${shell.line}: \`trap … ${name}\``, ['EXIT', 'ERR', 'the signals'])
    else if (action === '-') shell.traps.delete(name)
    else shell.traps.set(name, action)
  }
  return status
}

export const kill: Builtin = (shell, argv, node) => {
  // A process that is no job of this shell is the place's business, if the place has processes.
  const { registry } = shell.session.host
  if (registry.has('kill') && registry.get('kill').summary !== UTILITY_SUMMARY && argv.slice(1).some(a => /^\d+$/.test(a) && jobOf(shell, a) === undefined && Number(a) !== shell.session.mainPid)) return shell.session.machine.program(shell, node, argv)
  let signal = 'TERM'
  let args = argv.slice(1)
  if (args[0] === '-l') return say(shell, 'kill', 'HUP INT QUIT KILL TERM\n')
  if (args[0] === '-s' || args[0] === '-n') {
    signal = signalName(args[1] ?? '') ?? ''
    args = args.slice(2)
  } else if (args[0]?.startsWith('-') === true && args[0] !== '--') {
    signal = args[0] === '-0' ? '0' : (signalName(args[0].slice(1)) ?? '')
    args = args.slice(1)
  }
  if (args[0] === '--') args = args.slice(1)
  if (signal === '') {
    shell.complain('kill: invalid signal specification')
    return 1
  }
  let status = 0
  for (const pid of args) {
    if (Number(pid) === shell.pid && shell.parent !== undefined) {
      if (signal !== '0') toItself(shell, signal)
      continue
    }
    if (Number(pid) === shell.session.mainPid) {
      if (signal !== '0') shell.session.signalMain(signal)
      continue
    }
    const job = jobOf(shell, pid)
    const alive = job !== undefined && job.status === undefined
    if (!alive) {
      shell.complain(`kill: (${pid}) - No such process`)
      status = 1
    } else if (signal !== '0') job.signalled(signal)
  }
  return status
}

/** A subshell that sends itself a signal: its trap runs before the next command; without one it ends. */
function toItself(shell: Shell, signal: string): void {
  const action = signal === 'KILL' ? undefined : shell.traps.get(signal)
  if (action !== undefined) {
    if (action !== '') shell.pending.push(signal)
  } else if (!['CONT', 'CHLD', 'WINCH', 'STOP', 'TSTP'].includes(signal)) {
    shell.traps.delete('EXIT')
    shell.jump = { is: 'exit', status: 128 + signalNumber(signal) }
  }
}

export function* wait(shell: Shell, argv: readonly string[]): Process<number> {
  shell.session.acted()
  const any = argv.includes('-n')
  const at = argv.indexOf('-p')
  const told = at > 0 ? argv[at + 1] : undefined
  const pids = argv.slice(1).filter((a, i) => !a.startsWith('-') && (at < 0 || i !== at))
  if (told !== undefined) shell.vars.unset(told)
  if (any) {
    const open = shell.session.jobs.filter(j => !j.waited && (pids.length === 0 || pids.includes(String(j.pid))))
    if (open.length === 0) return 127
    for (;;) {
      const done = open.find(j => j.status !== undefined)
      if (done !== undefined) {
        done.waited = true
        if (told !== undefined) shell.set(told, String(done.pid))
        return done.status as number
      }
      yield shell.session.jobEnded
    }
  }
  if (pids.length === 0) {
    for (const job of shell.session.jobs) if (!job.waited) yield* waitFor(job)
    return 0
  }
  let status = 0
  for (const pid of pids) {
    const job = jobOf(shell, pid)
    if (job === undefined) {
      shell.complain(`wait: pid ${pid} is not a child of this shell`)
      status = 127
    } else status = yield* waitFor(job)
  }
  return status
}

export const jobs: Builtin = (shell, argv) => {
  const open = shell.session.jobs.filter(j => j.status === undefined)
  const lines = argv.includes('-p') ? open.map(j => String(j.pid)) : open.map(j => `[${j.number}]${j === open[open.length - 1] ? '+' : '-'}  Running                 ${j.source} &`)
  return say(shell, 'jobs', lines.map(l => `${l}\n`).join(''))
}
