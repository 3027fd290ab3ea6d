/** What the operator can run: kubectl and az, redis-cli from a bastion, and what `kubectl exec` finds in a member's container. */
import type { Process } from '../../../src/kernel/index.ts'
import { type Command, CommandRegistry, failed, ok, type Output } from '../../../src/operator/command.ts'
import { withShell } from '../../../src/operator/shell/container.ts'
import { MemoryFiles } from '../../../src/operator/shell/files.ts'
import { type ContainerHandle, mountPaths } from '../../kubernetes/container.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { redisCli } from './redis-cli.ts'

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

/** The commands of the operator's workstation. */
export function workstationPrograms(world: World): Command[] {
  const commands: Command[] = [world.kubernetes.commands.kubectl, world.kubernetes.commands.az, world.kubernetes.commands.curl, echo]
  if (world.options.operatorPlace === 'bastion-pod') commands.push(redisCli(world, { place: () => 'operator', local: () => undefined }))
  return commands
}

/** The registry of one container incarnation. */
export function containerPrograms(world: World, c: ContainerHandle, server: () => Server | undefined): CommandRegistry {
  const registry = new CommandRegistry('container redis')
  registry.register(redisCli(world, { place: () => c.machine.name, local: server, self: c.pod.name }))
  return withShell(world.sim, registry, new MemoryFiles(undefined, ['/data', ...mountPaths(c)]))
}
