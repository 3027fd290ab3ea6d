/** What the operator can run: kubectl and az, and the shell straight to the members (the workstation sits inside the cluster's network). */
import type { Process } from '../../src/kernel/index.ts'
import { type Command, failed, ok, type Output } from '../../src/operator/command.ts'
import { mongodump } from './dump.ts'
import { mongosh } from './mongosh/command.ts'
import type { World } from './world.ts'

export function workstationPrograms(world: World): Command[] {
  const here = { place: () => 'operator', local: () => undefined, pod: 'operator' }
  return [world.kubernetes.commands.kubectl, world.kubernetes.commands.az, world.kubernetes.commands.curl, echo, notFound('Echo'), mongosh(world, here), mongodump(world, here)]
}

const echo: Command = {
  name: 'echo',
  summary: 'prints its arguments',
  check: () => [],
  latencyUs: () => 0,
  look: call => ({ output: ok(`${call.argv.slice(1).join(' ')}\n`), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }),
  *run(): Process<Output> {
    return failed('echo does not run')
  },
}

/** Names of programs are told apart by case on Linux: nothing is called that (MG-T01). */
function notFound(name: string): Command {
  return {
    name,
    summary: 'no program is called that: a shell says so, with status 127',
    check: () => [],
    latencyUs: () => 0,
    look: () => ({ output: failed(`bash: ${name}: command not found\n`, 127), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }),
    *run(): Process<Output> {
      return failed('')
    },
  }
}
