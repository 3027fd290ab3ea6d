/** What `kubectl exec` finds in a member's container: psql, the server's tools, and a shell over PGDATA's files. */
import type { Process } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, failed, ok } from '../../src/operator/command.ts'
import { type Files, miniShell } from '../../src/operator/mini-shell.ts'
import type { ContainerHandle } from '../kubernetes/container.ts'
import type { DataDirectory } from './datadir.ts'
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
    *run(call): Process<ReturnType<typeof ok>> {
      const user = call.argv[1]
      if (user === undefined || call.argv.length < 3) return failed(`Usage: ${name} user-spec command [args]\n`, 1)
      return yield* registryOf(user).run({ ...call, argv: call.argv.slice(2), user })
    },
  }
}

/** The registry of one container incarnation. `server` gives the running server, if any. */
export function containerPrograms(world: World, c: ContainerHandle, server: () => Server | undefined, start: () => boolean): CommandRegistry {
  const dir = () => world.directoryOf.get(c.pod.name)
  const files = new ContainerFiles(dir)
  const made = new Map<string, CommandRegistry>()
  const registryOf = (user: string): CommandRegistry => {
    const known = made.get(user)
    if (known !== undefined) return known
    const registry = new CommandRegistry('container postgres')
    made.set(user, registry)
    const inside: Inside = { world, pod: c.pod.name, place: () => c.machine.name, user, server, dir, start }
    registry.register(psqlFor(world, { place: () => c.machine.name, user, server, pod: c.pod.name }), ...serverTools(inside), asUser('gosu', registryOf), asUser('su-exec', registryOf))
    registry.register(...miniShell(registry, files), ...fileCommands(files))
    return registry
  }
  return registryOf(c.imageUsed.user)
}

/** touch, rm, cat, test as programs of their own: `kubectl exec pod -- touch FILE`. */
function fileCommands(files: Files): Command[] {
  const run = (name: string, act: (paths: readonly string[], argv: readonly string[]) => ReturnType<typeof ok>): Command => ({
    name,
    summary: `${name} FILE…`,
    check: () => [],
    latencyUs: () => 1_000,
    look: () => undefined,
    *run(call): Process<ReturnType<typeof ok>> {
      return act(call.argv.slice(1).filter(a => !a.startsWith('-')), call.argv)
    },
  })
  return [
    run('touch', paths => {
      for (const path of paths) if (files.kind(path) === undefined) files.write(path, '')
      return ok()
    }),
    run('rm', (paths, argv) => {
      for (const path of paths) {
        if (files.kind(path) === undefined && !argv.some(a => /^-\w*f/.test(a))) return failed(`rm: cannot remove '${path}': No such file or directory\n`)
        files.remove(path)
      }
      return ok()
    }),
    run('cat', paths => {
      let out = ''
      for (const path of paths) {
        const text = files.read(path)
        if (text === undefined) return failed(`cat: ${path}: No such file or directory\n`, 1, out)
        out += text
      }
      return ok(out)
    }),
    run('test', (paths, argv) => {
      const kind = files.kind(paths[0] ?? '')
      const wanted = argv[1] === '-d' ? kind === 'd' : argv[1] === '-f' ? kind === 'f' : kind !== undefined
      return wanted ? ok() : failed('', 1)
    }),
    run('true', () => ok()),
    run('false', () => failed('', 1)),
  ]
}
