/** The image of the migration's jobs: `backfill` and `checksum`, as the pods of Jobs run them. */
import type { Process } from '../../src/kernel/index.ts'
import { type Call, type Command, CommandRegistry, type Output } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/index.ts'
import { backfill, backfillOptions, refused } from './backfill.ts'
import { checksum, checksumOptions } from './checksum.ts'
import type { World } from './world.ts'

function job<Options extends object>(name: string, summary: string, read: (argv: readonly string[]) => Options | string, run: (options: Options) => Process<Output>): Command {
  return {
    name,
    summary,
    check: argv => {
      const options = read(argv.filter(word => !word.includes('${')))
      return typeof options === 'string' ? [{ severity: 'error', message: options }] : []
    },
    latencyUs: () => 100_000,
    look: () => undefined,
    *run(call: Call) {
      const options = read(call.argv)
      return typeof options === 'string' ? refused(options) : yield* run(options)
    },
  }
}

export class Migrator implements ContainerProgram {
  constructor(private readonly world: World) {}

  /** A pod of this image without one of its programs has nothing to do. */
  start(c: ContainerHandle): void {
    c.exited(2)
  }

  signal(c: ContainerHandle): void {
    c.exited(143)
  }

  machineLost(): void {}

  ready(): boolean {
    return true
  }

  programs(c: ContainerHandle): CommandRegistry {
    const { world } = this
    return new CommandRegistry('container migrator').register(
      job('backfill', 'copies rows from one database to the other', backfillOptions, options => backfill(world, c, options)),
      job('checksum', 'compares the rows of the two databases', checksumOptions, options => checksum(world, c, options)),
    )
  }
}
