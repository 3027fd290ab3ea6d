/** What the PostgreSQL image does when a container of it runs. Source: facts §1.5, §3 (official image), §6 K2, K3, K6, K7. */
import type { Disk } from '../../src/cluster/disk.ts'
import { defineEvent, type Process, SECOND } from '../../src/kernel/index.ts'
import type { CommandRegistry } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/container.ts'
import { cloneFrom } from './clone.ts'
import { type Contents, containerPrograms } from './container-programs.ts'
import { DataDirectory } from './datadir.ts'
import { findServerByHost } from './hosts.ts'
import { type PostgresOptions, usesSlots } from './options.ts'
import type { Host } from './host.ts'
import { NO_ROOM, walFills } from './room.ts'
import { Server } from './server.ts'
import { slotName, standbyConf } from './standby-conf.ts'
import { completeSyncNames } from './settings.ts'
import { Agent } from './patroni/agent.ts'
import type { Dcs } from './patroni/dcs.ts'
import { binaryOf } from './patroni/options.ts'
import { major } from './replication.ts'
import { greenSource, isGreen, podDns } from './topology.ts'
import type { World } from './world.ts'

const INITDB = defineEvent('postgres.initdb')
const WIPED = defineEvent('postgres.wiped')
const CLONED = defineEvent('postgres.cloned')
const CLONE_FAILED = defineEvent('postgres.clone-failed')

const baseConfs = new WeakMap<PostgresOptions, Map<string, string>>()

/** postgresql.conf of a member as image and ConfigMap give it: the same synchronous_standby_names everywhere (rule PG-SYNC-5). */
export function baseConf(world: World, pod: string): string {
  let known = baseConfs.get(world.options)
  if (known === undefined) baseConfs.set(world.options, (known = new Map()))
  let text = known.get(pod)
  if (text === undefined) known.set(pod, (text = writeBaseConf(world, pod)))
  return text
}

function writeBaseConf(world: World, pod: string): string {
  const { options } = world
  const sync = completeSyncNames(options.synchronousStandbyNames, world.memberNames).replaceAll("'", "''")
  return [
    `synchronous_standby_names = '${sync}'`,
    `synchronous_commit = '${options.synchronousCommit}'`,
    options.applicationNames === 'pod' ? `cluster_name = '${pod}'` : '',
    `wal_keep_size = '${options.walKeepMB}MB'`,
    `max_slot_wal_keep_size = '${options.maxSlotWalKeepMB < 0 ? '-1' : `${options.maxSlotWalKeepMB}MB`}'`,
    `wal_log_hints = '${options.rewindable ? 'on' : 'off'}'`,
    options.green === false ? '' : `wal_level = 'logical'`,
    options.green !== false && options.green.readOnly && isGreen(options, pod) ? `default_transaction_read_only = 'on'` : '',
  ].filter(line => line !== '').join('\n')
}

export class PostgresProgram implements ContainerProgram {
  private readonly running = new Map<string, Server>()
  private readonly registries = new Map<string, CommandRegistry>()

  constructor(
    private readonly world: World,
    /** Host in primary_conninfo of a member that clones itself now. */
    private readonly cloneHost: () => string,
    /** The data directory that a member has when the story begins; undefined for an unknown pod. */
    private readonly atBoot: (pod: string) => DataDirectory | undefined,
  ) {}

  start(c: ContainerHandle): void {
    const disk = c.volume(this.world.options.naming.volume)
    const { world } = this
    if (world.patroni !== undefined && disk !== undefined && !disk.destroyed && (c.atBoot || disk.contents !== undefined)) {
      if (c.atBoot) this.bootContents(c, disk)
      this.manage(world.patroni, c, disk)
      // Afterwards it is for Patroni to say when the server starts, and as what (rule PG-PATRONI-2).
      if (!c.atBoot) return
    }
    if (disk === undefined || disk.destroyed) return void world.sim.after(10_000, () => c.exited(1))
    if (disk.contents === undefined) {
      const fresh = (c.atBoot ? this.atBoot(c.pod.name) : undefined) ?? this.initdb(c.pod.name)
      disk.contents = fresh
      this.mourn(disk, fresh)
    }
    this.launch(c, disk, c.atBoot)
  }

  private bootContents(c: ContainerHandle, disk: Disk): void {
    if (disk.contents !== undefined) return
    const dir = this.atBoot(c.pod.name)
    if (dir === undefined) return
    disk.contents = dir
    this.mourn(disk, dir)
  }

  /** Patroni is the container's process, the server its child. */
  private manage(dcs: Dcs, c: ContainerHandle, disk: Disk): void {
    const { world } = this
    this.agents.set(key(c), new Agent(dcs, {
      c,
      disk,
      server: () => this.running.get(key(c)),
      dir: () => disk.contents as DataDirectory | undefined,
      replace: dir => {
        disk.contents = dir
        this.mourn(disk, dir)
        world.directoryOf.set(c.pod.name, dir)
      },
      launch: () => {
        if (c.running && !c.stopping && this.running.get(key(c)) === undefined) this.launch(c, disk, false)
      },
    }))
  }

  private readonly agents = new Map<string, Agent>()

  /** pg_ctl start under a supervisor that outlived the server. */
  private startAgain(c: ContainerHandle): boolean {
    const disk = c.volume(this.world.options.naming.volume)
    if (!this.world.options.supervised || disk?.contents === undefined) return false
    this.launch(c, disk, false, true)
    return true
  }

  private launch(c: ContainerHandle, disk: Disk, atBoot: boolean, byHand = false): void {
    const { world } = this
    const dir = disk.contents as DataDirectory
    const host: Host = {
      pod: c.pod.name,
      podUid: c.pod.uid,
      place: c.machine.name,
      version: versionFor(world, dir) ?? c.imageUsed.versions.engine ?? '0',
      nodeVersion: c.pod.nodeVersion,
      machineSlowdown: () => c.machine.slowdownFactor,
      baseConf: () => baseConf(world, c.pod.name),
      diskFull: () => disk.full || walFills(world, dir),
      exited: code => {
        if (this.running.get(key(c)) === server) this.running.delete(key(c))
        // A supervisor stays when somebody stops the server on purpose (0, immediately: 2) or fails to start it; a crash it leaves to the kubelet.
        if (world.patroni !== undefined) return this.agents.get(key(c))?.serverEnded()
        if (world.options.supervised && (code === 0 || code === 2 || (byHand && code === 1)) && !c.stopping) return c.readinessChanged()
        c.exited(code)
      },
      readinessChanged: () => c.readinessChanged(),
    }
    const server = new Server(world, dir, host, c.incarnation)
    this.running.set(key(c), server)
    const tune = () => {
      if (!server.alive) return
      server.diskChanged(disk.slowdownFactor)
      // No room for WAL: the server PANICs, and again at each restart until there is room (rule PG-DISK-1).
      if (disk.full) server.crash(NO_ROOM, 1)
    }
    disk.onChange(tune)
    c.machine.onPace(() => server.alive && server.paceChanged())
    world.directoryOf.set(c.pod.name, dir)
    server.start(atBoot)
    if (disk.slowdownFactor > 1 && server.alive) tune()
  }

  /** TERM is smart, INT fast, QUIT immediate (rule PG-STOP-5). */
  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const server = this.running.get(key(c))
    const agent = this.agents.get(key(c))
    if (agent !== undefined) {
      if (s !== 'KILL') return void this.world.sim.spawn(this.end(c, agent))
      agent.end()
      server?.crash('SIGKILL')
      return c.exited(137)
    }
    if (server === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    if (s === 'KILL') server.crash('SIGKILL')
    else server.shutdown(s === 'TERM' ? 'smart' : s === 'INT' ? 'fast' : 'immediate')
  }

  private *end(c: ContainerHandle, agent: Agent): Process {
    yield* agent.shutDown()
    agent.end()
    c.exited(0)
  }

  machineLost(c: ContainerHandle): void {
    this.agents.get(key(c))?.end()
    this.running.get(key(c))?.crash('power loss')
  }

  /** pg_isready, or role-aware: the primary, or a standby that streams (K6; rule PG-READY-2). */
  ready(c: ContainerHandle): boolean {
    const server = this.running.get(key(c))
    if (server === undefined || !server.accepting) return false
    // Members that exist when the story begins were Ready already: with OrderedReady the later ones would otherwise be created anew, and clone themselves.
    if (this.world.kubernetes.booting) return true
    if (server.broken) return true
    return this.world.options.readiness === 'pg_isready' || server.state === 'primary' || server.receiver?.streaming === true
  }

  /** An empty volume is filled from the primary before the server starts, when the image knows how (K3; rule PG-CLONE-1). */
  *init(c: ContainerHandle): Process<number> {
    const { world } = this
    const disk = c.volume(this.world.options.naming.volume)
    if (disk === undefined || disk.contents !== undefined) return 0
    const greenHost = greenSource(world.options, c.pod.name)
    if (greenHost === undefined && (!world.options.cloneOnStart || isGreen(world.options, c.pod.name))) return 0
    const leader = world.patroni === undefined ? undefined : world.patroni.holder
    if (world.patroni !== undefined && leader === undefined) {
      yield SECOND
      return 1
    }
    const host = greenHost !== undefined ? podDns(world.options, greenHost) : leader === undefined ? this.cloneHost() : podDns(world.options, leader)
    const source = findServerByHost(world, c.machine.name, host, c.pod.name)
    if (typeof source === 'string') {
      world.sim.note(CLONE_FAILED, c.pod.name, 0, `${c.pod.name} could not clone itself: ${source}`)
      yield SECOND
      return 1
    }
    const result = yield* cloneFrom(world, source, c.pod.name, c.machine.name, { checkpoint: world.options.backupCheckpoint, slot: usesSlots(world.options) ? slotName(c.pod.name) : undefined })
    if (typeof result === 'string') {
      world.sim.note(CLONE_FAILED, c.pod.name, 0, `${c.pod.name} could not clone itself: ${result}`)
      return 1
    }
    result.files.set('standby.signal', '')
    result.files.set('postgresql.auto.conf', `${result.files.get('postgresql.auto.conf') ?? ''}${standbyConf(world, c.pod.name, host)}`)
    disk.contents = result
    this.mourn(disk, result)
    world.directoryOf.set(c.pod.name, result)
    world.sim.note(CLONED, c.pod.name, result.timeline, `${c.pod.name} holds a base backup of ${source.name}`)
    return 0
  }

  programs(c: ContainerHandle): CommandRegistry {
    const known = this.registries.get(key(c))
    if (known !== undefined) return known
    const registry = containerPrograms(this.world, c, () => this.running.get(key(c)), () => this.startAgain(c), this.contentsOf(c))
    this.registries.set(key(c), registry)
    return registry
  }

  /** A volume that is emptied, and filled again, by hand (rule PG-DATA-2). */
  private contentsOf(c: ContainerHandle): Contents {
    const { world } = this
    return {
      wipe: () => {
        const disk = c.volume(this.world.options.naming.volume)
        const dir = disk?.contents as DataDirectory | undefined
        if (disk === undefined || dir === undefined) return
        disk.contents = undefined
        dir.destroyed = true
        world.directoryOf.delete(c.pod.name)
        world.sim.note(WIPED, c.pod.name, 0, `the files of ${c.pod.name} were removed`)
        this.running.get(key(c))?.crash('PANIC: could not open file "global/pg_control": No such file or directory', 1)
        world.topologyChanged()
      },
      adopt: dir => {
        const disk = c.volume(this.world.options.naming.volume)
        if (disk === undefined || disk.contents !== undefined) return
        disk.contents = dir
        this.mourn(disk, dir)
        world.directoryOf.set(c.pod.name, dir)
        world.topologyChanged()
      },
    }
  }

  logs(c: ContainerHandle, sinceUs = 0): string {
    return this.running.get(key(c))?.logBook.since(sinceUs) ?? ''
  }

  /** Remembers when a volume is destroyed that its copy of the data is gone. */
  mourn(disk: Disk, dir: DataDirectory): void {
    disk.onChange(() => {
      if (disk.destroyed) dir.destroyed = true
    })
  }

  /** The stock image on an empty volume: an independent, empty cluster with a system identifier of its own (rule PG-CLONE-2). */
  private initdb(pod: string): DataDirectory {
    const { world } = this
    const id = `${7_000_000_000_000_000 + world.directories.length}`
    const branch = world.log.genesis(16 * 1024 * 1024, 1, true)
    const dir = new DataDirectory(pod, id, world.log.copy(`${pod} (initdb)`, { branch, lsn: branch.forkLsn }), 1, '')
    world.directories.push(dir)
    world.sim.note(INITDB, pod, 0, `${pod} found an empty volume and initialised a new, empty database cluster on it`)
    return dir
  }
}

/** An image with several versions runs the one that the data is of (rule PG-MAJOR-1); undefined where there is but one. */
function versionFor({ options }: World, dir: DataDirectory): string | undefined {
  const spilo = options.patroni !== false && options.patroni.spilo
  return spilo === false ? undefined : (binaryOf(spilo, major(dir.image)) ?? '0')
}

function key(c: ContainerHandle): string {
  return `${c.pod.uid}/${c.incarnation}`
}
