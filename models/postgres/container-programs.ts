/** What `kubectl exec` finds in a member's container: psql, the server's tools, and a shell over PGDATA's files. */
import type { Process } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, type Output, failed, recall } from '../../src/operator/command.ts'
import { containerShell, placeUtilities } from '../../src/operator/shell/container.ts'
import type { Files } from '../../src/operator/shell/files.ts'
import type { ContainerHandle } from '../kubernetes/container.ts'
import type { DataDirectory } from './datadir.ts'
import { patronictl } from './patroni/patronictl.ts'
import { psqlFor } from './psql-targets.ts'
import type { Server } from './server.ts'
import { PGDATA } from './names.ts'
import { type Inside, serverTools } from './tools.ts'
import type { World } from './world.ts'

/** PGDATA's configuration files, and whatever else a script writes (which lives as long as the container). */
class ContainerFiles implements Files {
  private readonly other = new Map<string, string>()

  constructor(private readonly dir: () => DataDirectory | undefined) {}

  private inData(path: string): string | undefined {
    const normal = path.replace(/\/+/g, '/').replace(/\/$/, '')
    return normal.startsWith(`${PGDATA}/`) ? normal.slice(PGDATA.length + 1) : undefined
  }

  read(path: string): string | undefined {
    const name = this.inData(path)
    return name === undefined ? this.other.get(path) : this.dir()?.files.get(name)
  }

  write(path: string, text: string): string | undefined {
    const name = this.inData(path)
    if (name === undefined) this.other.set(path, text)
    else {
      const dir = this.dir()
      if (dir === undefined) return 'No such file or directory'
      dir.files.set(name, text)
    }
    return undefined
  }

  remove(path: string): string | undefined {
    const name = this.inData(path)
    if (name === undefined) this.other.delete(path)
    else this.dir()?.files.delete(name)
    return undefined
  }

  kind(path: string): 'f' | 'd' | undefined {
    const normal = path.replace(/\/+$/, '')
    if (normal === PGDATA || normal === '/tmp' || normal === '') return 'd'
    return this.read(path) === undefined ? undefined : 'f'
  }
}

/** `gosu USER COMMAND…` and `su-exec`: the same command as another user. */
function asUser(name: string, registryOf: (user: string) => CommandRegistry): Command {
  return {
    name,
    summary: `${name} USER COMMAND…`,
    check: argv => (argv.length < 3 ? [{ severity: 'error', message: `${name} USER COMMAND…` }] : registryOf(argv[1] as string).check(argv.slice(2))),
    latencyUs: () => 1_000,
    look: () => undefined,
    *run(call): Process<Output> {
      const user = call.argv[1]
      if (user === undefined || call.argv.length < 3) return failed(`Usage: ${name} user-spec command [args]\n`, 1)
      return yield* registryOf(user).run(recall(call, { argv: call.argv.slice(2), user }))
    },
  }
}

/** Why `patronictl` is not here. */
export const NO_MANAGER = 'no HA manager runs in this model (Patroni elects and fences by itself, by rules of its own that are not modelled), so what it would say would be made up'

/** The registry of one container incarnation. `server` gives the running server, if any. */
export function containerPrograms(world: World, c: ContainerHandle, server: () => Server | undefined, start: () => boolean): CommandRegistry {
  const dir = () => world.directoryOf.get(c.pod.name)
  const files = new ContainerFiles(dir)
  const made = new Map<string, CommandRegistry>()
  const registryOf = (user: string): CommandRegistry => {
    const known = made.get(user)
    if (known !== undefined) return known
    const registry = new CommandRegistry('container postgres').refuse('patronictl', NO_MANAGER)
    made.set(user, registry)
    const inside: Inside = { world, pod: c.pod.name, place: () => c.machine.name, user, server, dir, start }
    registry.register(psqlFor(world, { place: () => c.machine.name, user, server, pod: c.pod.name }), ...serverTools(inside), asUser('gosu', registryOf), asUser('su-exec', registryOf))
    if (world.patroni !== undefined) registry.register(patronictl(world, () => c.machine.name))
    registry.register(...containerShell(world.sim, registry, files))
    registry.register(...placeUtilities(world.sim, registry, files))
    return registry
  }
  return registryOf(c.imageUsed.user)
}
