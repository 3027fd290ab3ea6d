/** What a sweep covers, as plain data: it crosses to worker threads and into result files. */

/** The exact grid: every place on the fault-free way × every fault × every target, and the blocks around it. */
export interface SweepSpec {
  readonly kind: 'sweep'
  /** On how many lucks the whole grid is repeated. */
  readonly lucks: number
  /** `usual`: each kind at its usual duration and strength; `range`: at the least, the usual and the most. */
  readonly strengths: 'usual' | 'range'
  /** Instead of the grid of single faults, every pair of them, the second at the same place or a later one. */
  readonly pairs: boolean
  /** Lucks on which a rollback is tried at each boundary: without a fault, and under each kind of fault. */
  readonly rollbacks: { readonly alone: number; readonly underFault: number }
}

export const SWEEP: SweepSpec = { kind: 'sweep', lucks: 1, strengths: 'usual', pairs: false, rollbacks: { alone: 32, underFault: 1 } }

/** The parts of a grid, in the order of their run numbers. */
export const BLOCKS = ['fault-free', 'faults', 'operator-killed', 'mistakes', 'rollback', 'rollback-under-fault', 'pairs'] as const
export type BlockId = (typeof BLOCKS)[number]

/** Where a run stands in the tables of a sweep. */
export interface Cell {
  readonly block: BlockId
  /** The step it strikes in or before (`undo of …` on the way back), `-` for the fault-free run; of rollbacks the boundary. */
  readonly row: string
  /** The fault kind; `-` where there is none. */
  readonly column: string
}
