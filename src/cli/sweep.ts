/** `proofroll sweep`: the exact grid, its size told before it runs. */
import { SWEEP, type SweepSpec, sweepGrid, withoutKinds } from '../campaign/index.ts'
import { blockWords, count, hang, paintFor, plain } from '../report/index.ts'
import type { Scenario } from '../scenario/index.ts'
import { type Context, type ExitCode, UsageError } from './context.ts'
import type { RawOptions, SweepOptions } from './options.ts'
import { rehearse, scenariosFor } from './run.ts'

export async function sweep(names: readonly string[], options: RawOptions & SweepOptions, context: Context): Promise<ExitCode> {
  const strategy = specOf(options)
  return rehearse(scenariosFor(names, 'sweep', options, context), options, context, { strategy, announce: (scenario) => announce(scenario, strategy, options, context) })
}

/** The spec that the options ask for. */
function specOf(options: SweepOptions): SweepSpec {
  const { rollbacks } = SWEEP
  return {
    kind: 'sweep',
    lucks: options.seeds ?? SWEEP.lucks,
    strengths: options.strengths ?? SWEEP.strengths,
    pairs: options.pairs ?? SWEEP.pairs,
    rollbacks: { alone: options.rollbacks ?? rollbacks.alone, underFault: options.rollbacksUnderFault ?? rollbacks.underFault },
  }
}

/**
 * The size of the grid, block by block. On the error stream: a result may be piped.
 * @throws UsageError when there is nothing to sweep
 */
function announce(scenario: Scenario, strategy: SweepSpec, { without = [], first = 0, seed = '1', quiet }: RawOptions, context: Context): void {
  const { blocks, size } = sweepGrid(strategy, withoutKinds(scenario, without), context.rehearser, seed)
  if (first >= size) throw new UsageError(`--first ${first}: the grid of ${scenario.name} has ${plain(size)} cells, numbered from 0`)
  if (quiet === true) return
  const ids = [...new Set(blocks.map(({ id }) => id))]
  const sizeOf = (id: string): number => blocks.filter((block) => block.id === id).reduce((sum, block) => sum + block.size, 0)
  const lines = [paintFor(context.screen).bold(`${scenario.name}: ${count(size, 'cell')} to rehearse`), ...ids.filter((id) => sizeOf(id) > 0).flatMap((id) => hang(`${plain(sizeOf(id)).padStart(12)}  `, blockWords(id), context.screen.columns))]
  context.err(`${lines.join('\n')}\n`)
}
