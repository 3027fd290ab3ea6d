/** What `kubectl exec` finds in a member's container: psql, the server's tools, and a shell over PGDATA's files. */
import type { Process } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, type Output, UnsupportedError, failed, recall } from '../../src/operator/command.ts'
import { withShell } from '../../src/operator/shell/container.ts'
import { absolute, type Files, FolderDisk, MemoryFiles } from '../../src/operator/shell/files.ts'
import { type ContainerHandle, mountPaths } from '../kubernetes/container.ts'
import type { DataDirectory } from './datadir.ts'
import { dumpPrograms } from './dump.ts'
import { upgradeScript } from './patroni/major-script.ts'
import { patronictl } from './patroni/patronictl.ts'
import { psqlFor } from './psql-targets.ts'
import type { Server } from './server.ts'
import { clientTools } from './client-tools.ts'
import type { Inside } from './flags.ts'
import { serverTools } from './tools.ts'
import type { World } from './world.ts'

/** What no database cluster is without: where one of them is gone, it is no more (rule PG-DATA-2). */
const ALWAYS_THERE = ['PG_VERSION', 'base', 'global', 'pg_wal', 'pg_xact']
const SUBDIRECTORIES = [...ALWAYS_THERE.slice(1), 'log', 'pg_stat_tmp', 'pg_tblspc', 'pg_replslot']

/** PGDATA's configuration files, and whatever else a script writes (which lives as long as the container). */
class ContainerFiles implements Files {
  private readonly other: MemoryFiles
  /** Directories that a script made in PGDATA. */
  private readonly made = new Set<string>()

  constructor(
    private readonly dir: () => DataDirectory | undefined,
    private readonly wipe: () => void,
    private readonly pgdata: string,
    mounted: readonly string[],
  ) {
    this.other = new MemoryFiles(undefined, [pgdata, '/var/run/postgresql', '/docker-entrypoint-initdb.d', ...mounted])
  }

  private inData(path: string): string | undefined {
    const normal = path.replace(/\/+/g, '/').replace(/\/$/, '')
    return normal.startsWith(`${this.pgdata}/`) ? normal.slice(this.pgdata.length + 1) : undefined
  }

  read(path: string): string | undefined {
    const name = this.inData(path)
    return name === undefined ? this.other.read(path) : this.dir()?.files.get(name)
  }

  write(path: string, text: string): string | undefined {
    const name = this.inData(path)
    if (name === undefined) return this.other.write(path, text)
    const dir = this.dir()
    if (dir === undefined || !this.holds(name)) return 'No such file or directory'
    dir.files.set(name, text)
    return undefined
  }

  /** Whether what is named in PGDATA lies in a directory that is there. */
  private holds(name: string): boolean {
    const parent = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : undefined
    return parent === undefined || this.made.has(parent) || SUBDIRECTORIES.includes(parent.split('/')[0] as string)
  }

  makeDirectory(path: string): string | undefined {
    const name = this.inData(path)
    if (name === undefined) return this.other.makeDirectory(path)
    if (this.kind(path) !== undefined) return 'File exists'
    if (this.dir() === undefined || !this.holds(name)) return 'No such file or directory'
    this.made.add(name)
    return undefined
  }

  remove(path: string): string | undefined {
    const name = this.inData(path)
    // The directory is where the volume is mounted: what is in it goes, it stays.
    if (path.replace(/\/+$/, '') === this.pgdata) {
      this.wipe()
      return 'Device or resource busy'
    }
    if (name !== undefined && this.made.delete(name)) for (const file of this.dir()?.files.keys() ?? []) if (file.startsWith(`${name}/`)) this.dir()?.files.delete(file)
    if (name === undefined) return this.other.remove(path)
    if (ALWAYS_THERE.includes(name)) this.wipe()
    else this.dir()?.files.delete(name)
    return undefined
  }

  list(path: string): readonly string[] {
    const normal = path.replace(/\/+$/, '')
    const name = this.inData(path)
    const dir = this.dir()
    if (name === undefined && normal !== this.pgdata) return this.other.list(normal === '' ? '/' : normal)
    if (dir === undefined) return []
    const below = name === undefined ? '' : `${name}/`
    return [...new Set([...(name === undefined ? ALWAYS_THERE : []), ...[...dir.files.keys(), ...this.made].filter(each => each.startsWith(below)).map(each => each.slice(below.length).split('/')[0] as string)])].sort()
  }

  kind(path: string): 'f' | 'd' | undefined {
    const normal = path.replace(/\/+$/, '')
    if (normal === this.pgdata || normal === '') return 'd'
    const name = this.inData(normal)
    if (name === undefined) return this.other.kind(normal)
    if (this.made.has(name) && this.dir() !== undefined) return 'd'
    if (ALWAYS_THERE.includes(name) && this.dir() !== undefined) return name === 'PG_VERSION' ? 'f' : 'd'
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

/** `su [-] [USER] -c COMMANDS` and `runuser`: the shell of another user. Nobody is there to type a password, so only root may. */
function su(name: string, registryOf: (user: string) => CommandRegistry): Command {
  const parse = (argv: readonly string[]): { readonly user: string; readonly inner: readonly string[] } | undefined => {
    let user: string | undefined
    let text: string | undefined
    const words = argv.slice(1)
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as string
      if (word === '--' && text === undefined && user !== undefined) return { user, inner: words.slice(i + 1) }
      if (word === '-c' || word === '--command') text = words[++i]
      else if (word.startsWith('--command=')) text = word.slice('--command='.length)
      else if (word === '-s' || word === '--shell') i += 1
      else if (word === '-u' || word === '--user') user = words[++i]
      else if (!/^(?:-|-l|--login|-m|-p|--preserve-environment|--)$/.test(word)) {
        if (word.startsWith('-')) return undefined
        user ??= word
      }
    }
    return text === undefined ? undefined : { user: user ?? 'root', inner: ['sh', '-c', text] }
  }
  const usage = `${name} USER -c 'COMMANDS'`
  return {
    name,
    summary: usage,
    check(argv) {
      const parsed = parse(argv)
      return parsed === undefined ? [{ severity: 'error', message: `\`${argv.join(' ')}\` is not modelled; there is: ${usage}` }] : parsed.user.includes('${') ? [] : registryOf(parsed.user).check(parsed.inner)
    },
    latencyUs: () => 2_000,
    look: () => undefined,
    *run(call): Process<Output> {
      const parsed = parse(call.argv)
      if (parsed === undefined) throw new UnsupportedError(`\`${call.argv.join(' ')}\``, [usage])
      if (call.user !== undefined && call.user !== 'root') return failed(name === 'su' ? 'Password: su: Authentication failure\n' : `${name}: may not be used by non-root users\n`)
      return yield* registryOf(parsed.user).run(recall(call, { argv: parsed.inner, user: parsed.user }))
    },
  }
}

/** What may become of all that lies on the volume. */
export interface Contents {
  /** Somebody removed it. */
  readonly wipe: () => void
  readonly adopt: (dir: DataDirectory) => void
}

/** Why `patronictl` is not here. */
export const NO_MANAGER = 'this cluster has no Patroni. Give it one with `cluster: { patroni: {} }` in the scenario, or `--set cluster.patroni={}`'

/** The registry of one container incarnation. `server` gives the running server, if any. */
export function containerPrograms(world: World, c: ContainerHandle, server: () => Server | undefined, start: () => boolean, contents: Contents): CommandRegistry {
  const dir = () => world.directoryOf.get(c.pod.name)
  const files = new ContainerFiles(dir, contents.wipe, world.options.dataDirectory, mountPaths(c))
  const made = new Map<string, CommandRegistry>()
  const registryOf = (user: string): CommandRegistry => {
    const known = made.get(user)
    if (known !== undefined) return known
    const registry = new CommandRegistry('container postgres').refuse('patronictl', NO_MANAGER)
    made.set(user, registry)
    const inside: Inside = { world, pod: c.pod.name, place: () => c.machine.name, user, server, dir, start, adopt: contents.adopt }
    const psql = psqlFor(world, { place: () => c.machine.name, user, server, pod: c.pod.name, file: path => files.read(absolute(path, '/')) })
    registry.register(psql, ...dumpPrograms(world, psql, new FolderDisk(files, '/')), ...clientTools(world, psql), ...serverTools(inside), asUser('gosu', registryOf), asUser('su-exec', registryOf), su('su', registryOf), su('runuser', registryOf))
    if (world.patroni !== undefined) registry.register(patronictl(world, () => c.machine.name), world.kubernetes.curlIn(c), ...upgradeScript(world, c.pod.name))
    return withShell(world.sim, registry, files)
  }
  return registryOf(c.imageUsed.user)
}
