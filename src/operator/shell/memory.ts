import type { Simulation } from '../../kernel/index.ts'
import type { Call, Look, Memory } from '../command.ts'

interface Seen {
  readonly env: Call['env']
  readonly epoch: number
  readonly look: Look
}

/**
 * What the programs that a script starts have read. A script polls by asking again and again, and each time all around the question may be another, so no
 * poll can be left out; but its answer need not be made anew while the world has not been touched. An answer is kept only if luck had no part in it and
 * the program did not read its input: then it hangs on words, environment and world alone.
 */
export class LookMemory implements Memory {
  private readonly seen = new WeakMap<readonly string[], Seen>()
  private inputs = 0

  constructor(private readonly sim: Simulation) {}

  /** A program reads its standard input. */
  readonly readsInput = (): void => void (this.inputs += 1)

  recall(call: Call): Look | undefined {
    const { sim } = this
    const seen = this.seen.get(call.argv)
    return seen !== undefined && seen.epoch === sim.epoch && seen.look.stableUntilUs > sim.now && seen.env === call.env ? seen.look : undefined
  }

  keep(call: Call, look: () => Look | undefined): Look | undefined {
    const { sim, inputs } = this
    const { drawn } = sim.chance
    const answer = look()
    if (answer !== undefined && answer.stableUntilUs > sim.now && sim.chance.drawn === drawn && this.inputs === inputs) this.seen.set(call.argv, { env: call.env, epoch: sim.epoch, look: answer })
    return answer
  }
}

const vectors = new Map<string, readonly string[]>()
/** Values that are other ones in each rehearsal (a position in a log) would fill the memory. */
const MANY = 5_000

/** The same vector for the same words, in all rehearsals, so that others can remember what they read in it. */
export function sameVector(argv: readonly string[]): readonly string[] {
  const key = argv.join('\0')
  let known = vectors.get(key)
  if (known === undefined) {
    if (vectors.size >= MANY) vectors.clear()
    vectors.set(key, (known = argv))
  }
  return known
}
