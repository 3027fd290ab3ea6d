/** A container that runs one of the image's programs instead of its server: `kubectl run … -- psql …`, the pods of Jobs. */
import type { Task, Simulation } from '../../src/kernel/index.ts'
import type { Output } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram, Image } from './container.ts'

/** The argument vector of a container that is a client: its command (or its args, if they are no flags of the server) names a program of the image. */
export function clientArguments(c: ContainerHandle, image: Image): readonly string[] | undefined {
  const argv = [...(c.container.command ?? []), ...(c.container.args ?? [])]
  const name = argv[0]
  if (name === undefined || name.startsWith('-')) return undefined
  return image.program.programs(c).has(name.slice(name.lastIndexOf('/') + 1)) ? argv : undefined
}

export class ClientProgram implements ContainerProgram {
  output: Output | undefined
  private task: Task<void> | undefined

  constructor(
    private readonly sim: Simulation,
    private readonly inner: ContainerProgram,
    private readonly argv: readonly string[],
    private readonly user: string,
  ) {}

  start(c: ContainerHandle): void {
    const self = this
    const call = { argv: this.argv, stdin: '', key: `container/${c.pod.name}`, nth: c.incarnation, user: this.user, env: c.env }
    const process = this.inner.programs(c).run(call)
    this.task = this.sim.spawn(
      (function* () {
        const output = yield* process
        self.output = output
        c.exited(output.code)
      })(),
    )
  }

  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    this.task?.kill()
    c.exited(s === 'KILL' ? 137 : 143)
  }

  ready(c: ContainerHandle): boolean {
    return c.running
  }

  programs(c: ContainerHandle) {
    return this.inner.programs(c)
  }

  machineLost(): void {
    this.task?.kill()
  }

  logs(): string {
    return this.output === undefined ? '' : this.output.out + this.output.err
  }
}
