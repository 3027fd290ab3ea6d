import { NEVER, type Process, TIMED_OUT, within } from '../../kernel/index.ts'
import type { Job } from './session.ts'
import { Shell } from './shell.ts'
import { NOTHING } from './streams.ts'
import type { Background, Node } from './syntax.ts'

const SIGNALS: Readonly<Record<string, number>> = { HUP: 1, INT: 2, QUIT: 3, KILL: 9, USR1: 10, USR2: 12, PIPE: 13, ALRM: 14, TERM: 15, CHLD: 17, CONT: 18, STOP: 19, TSTP: 20 }

/** `TERM` for `TERM`, `SIGTERM`, `15`; `EXIT` and `ERR` for themselves; undefined for what is no signal. */
export function signalName(text: string): string | undefined {
  const upper = text.toUpperCase().replace(/^SIG/, '')
  if (upper === '0') return 'EXIT'
  if (/^\d+$/.test(upper)) return Object.keys(SIGNALS).find(name => SIGNALS[name] === Number(upper))
  return upper in SIGNALS || ['EXIT', 'ERR', 'DEBUG', 'RETURN'].includes(upper) ? upper : undefined
}

export const signalNumber = (name: string): number => SIGNALS[name] ?? 0

/** `command &` */
export function startJob(shell: Shell, node: Background): number {
  const { session } = shell
  const child = new Shell(session, shell.name0, shell)
  child.tested = 0
  child.background = true
  child.fds = { ...child.fds, in: NOTHING, own: true }
  const task = session.spawn(child.main([node.command as Node]))
  const job: Job = {
    pid: child.pid, number: session.jobs.filter(j => j.status === undefined).length + 1, task, source: node.source, status: undefined, signal: 0, waited: false,
    signalled: name => signalShell(child, job, name),
  }
  session.jobs.push(job)
  session.whenDone(task, status => {
    job.status ??= status ?? 128 + job.signal
  })
  shell.lastJob = String(child.pid)
  return 0
}

/** A signal to a job: its trap runs when it gets to it; without a trap it dies of it. */
function signalShell(child: Shell, job: Job, name: string): boolean {
  if (job.status !== undefined) return false
  const action = child.traps.get(name)
  if (name !== 'KILL' && action !== undefined) {
    if (action !== '') child.pending.push(name)
    return true
  }
  if (['CONT', 'CHLD', 'STOP', 'TSTP'].includes(name)) return true
  job.signal = signalNumber(name)
  job.status = 128 + job.signal
  job.task.kill()
  return true
}

/** Waits for a job; gives its status. */
export function* waitFor(job: Job): Process<number> {
  if (job.status === undefined) yield job.task
  job.waited = true
  return job.status ?? (job.task.result as number | undefined) ?? 128 + job.signal
}

/** Runs a process for at most `us`, in the task of whoever calls. Undefined when the time ran out; it has been killed then. */
export function* limited(shell: Shell, process: Process<number>, us: number): Process<number | undefined> {
  if (us === NEVER) return yield* process
  const { sim } = shell.session.host
  const untilUs = sim.now + us
  let ended = false
  try {
    for (let value: unknown; ; ) {
      const step = process.next(value)
      if (step.done === true) {
        ended = true
        return step.value
      }
      const wait = step.value
      const leftUs = untilUs - sim.now
      if (typeof wait === 'number') {
        if (wait > leftUs) {
          yield leftUs
          return undefined
        }
        value = yield wait
      } else {
        value = yield within(wait, leftUs)
        if (value === TIMED_OUT) return undefined
      }
    }
  } finally {
    if (!ended) process.return(0)
  }
}

/** A job by its pid or `%N`. */
export function jobOf(shell: Shell, pid: string): Job | undefined {
  const { jobs } = shell.session
  if (pid.startsWith('%')) return pid === '%%' || pid === '%+' ? jobs[jobs.length - 1] : jobs.find(j => String(j.number) === pid.slice(1))
  return jobs.find(j => String(j.pid) === pid)
}
