/** What the MongoDB image does when a container of it runs. */
import type { Disk } from '../../src/cluster/disk.ts'
import type { CommandRegistry } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/container.ts'
import { containerPrograms } from './container-programs.ts'
import { DbPath } from './dbpath.ts'
import type { Host } from './host.ts'
import { Mongod } from './mongod.ts'
import { shutDown } from './stepdown.ts'
import type { World } from './world.ts'

export class MongodbProgram implements ContainerProgram {
  private readonly running = new Map<string, Mongod>()
  private readonly registries = new Map<string, CommandRegistry>()

  constructor(
    private readonly world: World,
    /** The dbpath that a member has when the story begins; undefined for an unknown pod. */
    private readonly atBoot: (pod: string) => DbPath | undefined,
  ) {}

  start(c: ContainerHandle): void {
    const { world } = this
    const disk = c.volume(world.options.naming.volume)
    const arbiter = c.container.volumeMounts === undefined
    if (!arbiter && (disk === undefined || disk.destroyed)) return void world.sim.after(10_000, () => c.exited(1))
    let dir: DbPath
    if (disk?.contents !== undefined) dir = disk.contents as DbPath
    else {
      dir = (c.atBoot ? this.atBoot(c.pod.name) : undefined) ?? this.empty(c.pod.name, arbiter)
      if (disk !== undefined) {
        disk.contents = dir
        disk.onChange(() => {
          if (disk.destroyed) dir.destroyed = true
        })
      }
    }
    world.dbpathOf.set(c.pod.name, dir)
    this.launch(c, dir, disk)
  }

  private launch(c: ContainerHandle, dir: DbPath, disk: Disk | undefined): void {
    const { world } = this
    const host: Host = {
      pod: c.pod.name,
      podUid: c.pod.uid,
      place: c.machine.name,
      version: c.imageUsed.versions.engine ?? '0',
      nodeVersion: c.pod.nodeVersion,
      machineSlowdown: () => c.machine.slowdownFactor,
      diskSlowdown: () => disk?.slowdownFactor ?? 1,
      exited: code => {
        if (this.running.get(key(c)) === m) this.running.delete(key(c))
        c.exited(code)
      },
      readinessChanged: () => c.readinessChanged(),
    }
    const m = new Mongod(world, dir, host, c.incarnation + 1000 * world.kubernetes.count(`mongod ${c.pod.name}`))
    this.running.set(key(c), m)
    const full = (): void => {
      if (m.alive && disk?.full) m.crash('WiredTiger error (28): No space left on device; fatal assertion', 14)
    }
    disk?.onChange(() => {
      full()
      if (m.alive) m.paceChanged()
      if (disk.destroyed && m.alive) m.crash('its volume is gone', 14)
    })
    c.machine.onPace(() => m.alive && m.paceChanged())
    m.start(c.atBoot)
    full()
  }

  /** mongod takes TERM and INT alike: step down, quiesce, stop (rule MG-SHUTDOWN-1). */
  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const m = this.running.get(key(c))
    if (m === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    if (s === 'KILL') m.crash('SIGKILL')
    else if (!this.world.options.forwardsSignals) return
    else if (!m.listening) m.exit(0)
    else if (!m.paused) m.spawn(shutDown(m, m.parameters.shutdownTimeoutSeconds))
  }

  machineLost(c: ContainerHandle): void {
    this.running.get(key(c))?.crash('power loss')
  }

  /** Accepts connections, or is a full member (rule MG-READY-1). */
  ready(c: ContainerHandle): boolean {
    const m = this.running.get(key(c))
    if (m === undefined || !m.listening) return false
    if (this.world.kubernetes.booting || this.world.options.readiness === 'tcp') return true
    if (this.world.defects.of(m.host.version, 'false-ready')) return true
    return (m.state === 'PRIMARY' || m.state === 'SECONDARY' || m.state === 'ARBITER') && !m.quiescing
  }

  programs(c: ContainerHandle): CommandRegistry {
    const known = this.registries.get(key(c))
    if (known !== undefined) return known
    const registry = containerPrograms(this.world, c, () => this.running.get(key(c)))
    this.registries.set(key(c), registry)
    return registry
  }

  logs(c: ContainerHandle, sinceUs = 0): string {
    return this.running.get(key(c))?.logBook.since(sinceUs) ?? ''
  }

  /** An empty volume: no configuration, no data. Whoever has the configuration finds it and it copies everything (rule MG-SYNC-3). */
  private empty(pod: string, arbiter: boolean): DbPath {
    const { world } = this
    const branch = world.log.genesis(0, 0)
    const copy = arbiter ? undefined : world.log.copy(world.dbpathOf.has(pod) ? `${pod} (new volume)` : pod, { branch, lsn: 0 })
    const dir = new DbPath(pod, copy, undefined, !arbiter)
    world.dbpaths.push(dir)
    return dir
  }
}

function key(c: ContainerHandle): string {
  return `${c.pod.uid}/${c.incarnation}`
}
