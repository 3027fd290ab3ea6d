/** What `kubectl exec` finds in a member's container: the shell of its release, and kill. */
import { MILLISECOND, type Process } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, failed, ok, type Output } from '../../src/operator/command.ts'
import { withShell } from '../../src/operator/shell/container.ts'
import { MemoryFiles } from '../../src/operator/shell/files.ts'
import { type ContainerHandle, mountPaths } from '../kubernetes/container.ts'
import { mongodump } from './dump.ts'
import { mongosh } from './mongosh/command.ts'
import type { Mongod } from './mongod.ts'
import { releaseIndex } from './names.ts'
import { shutDown } from './stepdown.ts'
import type { World } from './world.ts'

export function containerPrograms(world: World, c: ContainerHandle, running: () => Mongod | undefined): CommandRegistry {
  const registry = new CommandRegistry('container mongod')
  const place = (): string => c.machine.name
  const files = new MemoryFiles(undefined, ['/data/db', '/data/configdb', ...mountPaths(c)])
  const target = { place, local: running, pod: c.pod.name, read: (path: string) => files.read(path) }
  const version = c.imageUsed.versions.engine ?? '0'
  // mongosh came with 5.0's images, the old shell went with 6.0 (MG-T03, M36).
  if (releaseIndex(version) >= releaseIndex('5.0')) registry.register(mongosh(world, target))
  registry.register(releaseIndex(version) < releaseIndex('6.0') ? mongosh(world, target, 'mongo') : missing('mongo'))
  registry.register(kill(running), echo, mongodump(world, target, files))
  return withShell(world.sim, registry, files)
}

/** The container runtime finds no such program. */
function missing(name: string): Command {
  const text = `OCI runtime exec failed: exec failed: unable to start container process: exec: "${name}": executable file not found in $PATH: unknown\n`
  return {
    name,
    summary: 'not in this image: status 126 or 127',
    check: () => [],
    latencyUs: () => MILLISECOND,
    look: () => ({ output: failed(text, 127), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }),
    *run(): Process<Output> {
      return failed(text, 127)
    },
  }
}

const echo: Command = {
  name: 'echo',
  summary: 'prints its arguments',
  check: () => [],
  latencyUs: () => 0,
  look: call => ({ output: ok(`${call.argv.slice(1).join(' ')}\n`), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }),
  *run(): Process<Output> {
    return failed('')
  },
}

/** `kill [-9] 1`: the main process of the container is mongod. PID 1 takes no SIGKILL from its own namespace. */
function kill(running: () => Mongod | undefined): Command {
  return {
    name: 'kill',
    summary: 'kill [-SIGNAL] 1',
    check: argv => (argv[argv.length - 1] === '1' ? [] : [{ severity: 'error', message: 'kill: only the main process (PID 1) is modelled' }]),
    latencyUs: () => MILLISECOND,
    look: () => undefined,
    *run(call): Process<Output> {
      const signal = call.argv.length > 2 ? (call.argv[1] as string).replace(/^-(?:SIG)?/, '') : 'TERM'
      const m = running()
      if (m === undefined) return failed('kill: (1) - No such process\n')
      if (signal === 'TERM' || signal === '15' || signal === 'INT' || signal === '2') m.spawn(shutDown(m, m.parameters.shutdownTimeoutSeconds))
      return ok()
    },
  }
}
