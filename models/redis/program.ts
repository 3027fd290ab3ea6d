/** What the Redis image does when a container of it runs. */
import type { Disk } from '../../src/cluster/disk.ts'
import type { CommandRegistry } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/container.ts'
import { containerPrograms } from './cli/programs.ts'
import { DataDir } from './data.ts'
import type { Host } from './host.ts'
import { Server } from './server.ts'
import { podDns } from './topology.ts'
import type { World } from './world.ts'

export class RedisProgram implements ContainerProgram {
  private readonly running = new Map<string, Server>()
  private readonly registries = new Map<string, CommandRegistry>()

  constructor(
    private readonly world: World,
    /** The data that a member has when the story begins; undefined for an unknown pod. */
    private readonly atBoot: (pod: string) => DataDir | undefined,
  ) {}

  start(c: ContainerHandle): void {
    const disk = c.volume(this.world.options.naming.volume)
    const { world } = this
    if (disk === undefined || disk.destroyed) return void world.sim.after(10_000, () => c.exited(1))
    if (disk.contents === undefined) {
      const dir = (c.atBoot ? this.atBoot(c.pod.name) : undefined) ?? new DataDir(c.pod.name)
      world.dirs.push(dir)
      disk.contents = dir
      disk.onChange(() => {
        if (disk.destroyed) dir.destroyed = true
      })
    }
    const dir = disk.contents as DataDir
    world.dirOf.set(c.pod.name, dir)
    const server: Server = new Server(world, dir, this.hostOf(c, disk, () => server), c.incarnation)
    this.running.set(key(c), server)
    c.machine.onPace(() => world.sim.touch())
    server.start(c.atBoot)
  }

  private hostOf(c: ContainerHandle, disk: Disk, server: () => Server): Host {
    const { world } = this
    const node = world.kubernetes.nodes.get(c.machine.name)
    return {
      pod: c.pod.name,
      podUid: c.pod.uid,
      place: c.machine.name,
      address: (world.options.hostNetwork ? node?.ip : c.pod.podIP) ?? '',
      hostname: podDns(world.options, c.pod.name),
      version: c.imageUsed.versions.engine ?? '0',
      nodeVersion: c.pod.nodeVersion,
      slowdown: () => c.machine.slowdownFactor,
      diskSlowdown: () => disk.slowdownFactor,
      diskFull: () => disk.full,
      clockOffUs: () => c.machine.clockOffUs(),
      exited: code => {
        if (this.running.get(key(c)) === server()) this.running.delete(key(c))
        c.exited(code)
      },
      readinessChanged: () => c.readinessChanged(),
    }
  }

  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const server = this.running.get(key(c))
    if (server === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    if (s === 'KILL' || s === 'QUIT') server.crash('killed', 137)
    else server.shutdown()
  }

  machineLost(c: ContainerHandle): void {
    this.running.get(key(c))?.crash('power', 137)
  }

  /** The usual probe, redis-cli ping: any answer will do, also LOADING, and it says nothing of role, link or slots (rule RD-READY-1). While all commands are paused there is none. */
  ready(c: ContainerHandle): boolean {
    const server = this.running.get(key(c))
    if (server === undefined || !server.alive || server.paused || server.blocked || server.holds.all) return false
    return this.world.kubernetes.booting || server.state === 'up' || server.state === 'loading'
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
}

function key(c: ContainerHandle): string {
  return `${c.pod.uid}/${c.incarnation}`
}
