import { type Process, SECOND } from '../../src/kernel/index.ts'
import type { Container } from './handle.ts'
import type { Pod } from './pod.ts'

/** Runs a container's preStop hook to its end; whoever runs it bounds it by the grace period. */
export function* preStop(pod: Pod, handle: Container): Process {
  const hook = pod.main.lifecycle?.preStop
  if (hook?.sleep !== undefined) yield hook.sleep.seconds * SECOND
  if (hook?.exec === undefined) return
  const call = { argv: hook.exec.command, stdin: '', key: `${pod.name}#${pod.nth}/preStop`, nth: handle.incarnation, user: handle.imageUsed.user, env: handle.env }
  yield* handle.imageUsed.program.programs(handle).run(call)
}
