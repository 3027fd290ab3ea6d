import type { Process } from '../../kernel/index.ts'
import { trimmed } from './expand.ts'
import { Shell } from './shell.ts'
import { Collector, NOTHING, Pipe } from './streams.ts'
import { type CommandPart, type Node, type ProcessPart, everyNode } from './syntax.ts'

/** What the commands of `$(…)` print, without the newlines at the end. */
export function* capture(shell: Shell, part: CommandPart): Process<string> {
  const out = new Collector(shell.session.charge)
  const strict = shell.options.errexit && shell.shopt.has('inherit_errexit')
  if (part.harmless && !strict && !shell.options.errtrace && !callsFunction(shell, part.body)) {
    const before = shell.fds
    shell.fds = { ...before, out }
    shell.tested += 1
    try {
      const result = shell.list(part.body)
      const status = typeof result === 'number' ? result : yield* result
      // What ends the substitution (an unset variable under `set -u`, say) ends that alone.
      shell.substituted = shell.leave(status)
    } finally {
      shell.fds = before
      shell.tested -= 1
    }
  } else {
    const child = new Shell(shell.session, shell.name0, shell)
    child.fds = { ...shell.fds, out }
    // Where a condition waits for what comes of it neither `set -e` nor a trap on ERR acts inside it.
    if (!strict) child.options.errexit = false
    shell.substituted = yield* child.main(part.body)
    child.vars.release()
  }
  shell.status = shell.substituted
  return trimmed(out.text)
}

/** The programs that a substitution names, by their words. */
const named = new WeakMap<readonly Node[], readonly string[]>()

function callsFunction(shell: Shell, body: readonly Node[]): boolean {
  if (shell.functions.size === 0) return false
  let names = named.get(body)
  if (names === undefined) {
    const found: string[] = []
    everyNode(body, node => {
      if (node.is === 'simple' && node.words[0] !== undefined && 'constant' in node.words[0] && node.words[0].constant !== undefined) found.push(node.words[0].constant)
    })
    named.set(body, (names = found))
  }
  return names.some(name => shell.functions.has(name))
}

/** `<(…)` and `>(…)`: a file that is a pipe to a process. */
export function processFile(shell: Shell, part: ProcessPart): string {
  const pipe = new Pipe(shell.session.charge)
  const child = new Shell(shell.session, shell.name0, shell)
  child.tested = 0
  const name = `/dev/fd/${shell.session.pipes.size + 63}`
  if (part.direction === '<') {
    child.fds = { ...shell.fds, out: pipe, in: NOTHING }
    const job = shell.session.spawn(child.main(part.body))
    shell.session.whenDone(job, () => pipe.end())
  } else {
    child.fds = { ...shell.fds, in: pipe, own: false }
    shell.session.readers.push(shell.session.spawn(child.main(part.body)))
    shell.session.writing.push(pipe)
  }
  shell.session.pipes.set(name, pipe)
  return name
}
