/** What the application's image does when a container of it runs: it serves, or (as init container or Job) it migrates. */
import { defineEvent, type Process, SECOND } from '../../../src/kernel/index.ts'
import { CommandRegistry } from '../../../src/operator/command.ts'
import { withShell } from '../../../src/operator/shell/container.ts'
import { MemoryFiles } from '../../../src/operator/shell/files.ts'
import { type ContainerHandle, type ContainerProgram, mountPaths } from '../../kubernetes/container.ts'
import { psqlFor } from '../psql-targets.ts'
import type { World } from '../world.ts'
import { migrateCommand } from './migrate.ts'
import type { ApplicationOptions } from './options.ts'

const INIT_FAILED = defineEvent('application.init-failed')

/** From SIGTERM until what was begun has been answered. Judgement. */
const DRAIN_US = 2 * SECOND

export class ApplicationProgram implements ContainerProgram {
  private readonly serving = new Set<string>()

  constructor(
    private readonly world: World,
    private readonly options: ApplicationOptions,
  ) {}

  start(c: ContainerHandle): void {
    this.world.application?.processes.add(c.pod.uid)
    const ready = (): void => {
      if (!c.running) return
      this.serving.add(key(c))
      c.readinessChanged()
    }
    if (c.atBoot) this.serving.add(key(c))
    else this.world.sim.after(Math.round(this.options.startSeconds * SECOND * c.machine.slowdownFactor), ready)
  }

  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    if (s === 'KILL') return this.gone(c, 137)
    this.world.sim.after(DRAIN_US, () => this.gone(c, 0))
  }

  private gone(c: ContainerHandle, code: number): void {
    this.serving.delete(key(c))
    this.world.application?.processes.delete(c.pod.uid)
    if (c.running) c.exited(code)
    this.world.application?.routesChanged()
  }

  machineLost(c: ContainerHandle): void {
    this.serving.delete(key(c))
    this.world.application?.processes.delete(c.pod.uid)
    this.world.application?.routesChanged()
  }

  ready(c: ContainerHandle): boolean {
    return this.serving.has(key(c))
  }

  /** Its init containers one after the other: each runs a program of the image. */
  *init(c: ContainerHandle): Process<number> {
    for (const [i, { command = [], args = [] }] of (c.pod.spec.initContainers ?? []).entries()) {
      const argv = [...command, ...args]
      const { code, err } = yield* this.programs(c).run({ argv, stdin: '', key: `init/${c.pod.name}/${i}`, nth: c.incarnation, user: 'app', env: c.env })
      if (code !== 0) {
        this.world.sim.note(INIT_FAILED, c.pod.name, code, `init container of ${c.pod.name}: ${err.trim().split('\n')[0] ?? ''}`)
        return code
      }
    }
    return 0
  }

  programs(c: ContainerHandle): CommandRegistry {
    const registry = new CommandRegistry(`container ${c.container.name}`)
    const place = (): string => c.machine.name
    registry.register(migrateCommand(this.world, this.options, c), psqlFor(this.world, { place, user: 'app_user', server: () => undefined, pod: c.pod.name }))
    withShell(this.world.sim, registry, new MemoryFiles(undefined, mountPaths(c)))
    return registry
  }
}

function key(c: ContainerHandle): string {
  return `${c.pod.uid}/${c.incarnation}`
}
