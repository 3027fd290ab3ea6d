/**
 * Where a runbook can no longer be taken back: the first boundary after which a rollback ends with loss, not serving, or past the deadline
 * (design §9), or does not end as one: without any fault one of its undo steps fails, so that what it was to take back is still there
 * (which is told here and judged by nobody: `rollback-safe` asks whether anything was lost). A sweep rolls back from every boundary on many lucks, without
 * a fault and under one of each kind; here that is read off its cells.
 */
import { canRollBack } from '../operator/index.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { type Cells, cellKey } from './cells.ts'
import type { Boundary } from './sweep/grid.ts'
import type { BlockId } from './sweep/spec.ts'

/** What makes a rollback one that does not bring the cluster back. */
const LOST = ['no-acknowledged-write-lost', 'serves-at-end', 'terminates'] as const

/** What the rollback itself came to, where that was not its end. Under a fault that may be the fault's doing, so it is asked without. */
const UNDO_FAILED = 'undo-failed'
/** In the order in which they are told. */
export const BROKEN_ROLLBACKS = [...LOST, UNDO_FAILED] as const

/** A boundary from which a rollback does not bring the cluster back. */
export interface NoReturn {
  /** The step after whose beginning there is no way back; `-` when there is none even before the first. */
  readonly step: string
  /** The boundary that was tried: the step before which the operator turned back. */
  readonly before: string
  /** Rollbacks from there that ended so, and all that were tried. */
  readonly runs: number
  readonly tried: number
  readonly broke: readonly (typeof BROKEN_ROLLBACKS)[number][]
}

export interface PointOfNoReturn {
  /** The step that the author declares. */
  readonly declared: string | null
  /** null = a rollback brought the cluster back from every boundary that was tried. */
  readonly measured: NoReturn | null
  /** Under one fault at the boundary itself, where that is earlier or `measured` is null; by kind. */
  readonly underFaults: readonly (NoReturn & { readonly kind: string })[]
  /** Lucks on which each boundary was tried: without a fault and under each kind. */
  readonly seeds: number
  readonly seedsUnderFault: number
  /** Boundaries tried, and those that there are. */
  readonly tried: number
  readonly boundaries: number
}

/** null where no rollback was tried. @param kinds those that rollbacks may meet */
export function pointOfNoReturnOf(scenario: Scenario, cells: Cells, boundaries: readonly Boundary[], kinds: readonly string[]): PointOfNoReturn | null {
  const tries = boundaries.map((boundary) => cells[cellKey({ block: 'rollback', row: boundary.name, column: '-' })]?.runs ?? 0)
  if (tries.every((runs) => runs === 0)) return null
  const { pointOfNoReturn, steps } = scenario.runbook
  const measured = firstWithout(cells, boundaries, 'rollback', '-', canRollBack(scenario.runbook))
  const place = (found: NoReturn | null): number => (found === null ? boundaries.length : boundaries.findIndex(({ name }) => name === found.before))
  const underFaults = kinds.flatMap((kind) => {
    const found = firstWithout(cells, boundaries, 'rollback-under-fault', kind, false)
    return found === null || place(found) >= place(measured) ? [] : [{ kind, ...found }]
  })
  const most = (block: BlockId): number => Math.max(0, ...boundaries.flatMap(({ name }) => kinds.concat('-').map((column) => cells[cellKey({ block, row: name, column })]?.runs ?? 0)))
  return {
    declared: pointOfNoReturn === undefined ? null : (steps[pointOfNoReturn]?.id ?? null),
    measured,
    underFaults,
    seeds: most('rollback'),
    seedsUnderFault: most('rollback-under-fault'),
    tried: tries.filter((runs) => runs > 0).length,
    boundaries: boundaries.length,
  }
}

/** @param undone whether a rollback that was aborted counts: one of its undo steps failed */
function firstWithout(cells: Cells, boundaries: readonly Boundary[], block: BlockId, column: string, undone: boolean): NoReturn | null {
  for (const { name, after } of boundaries) {
    const cell = cells[cellKey({ block, row: name, column })]
    if (cell === undefined) continue
    const times = (what: (typeof BROKEN_ROLLBACKS)[number]): number => (what !== UNDO_FAILED ? (cell.broke[what] ?? 0) : undone ? cell.outcomes.aborted : 0)
    const broke = BROKEN_ROLLBACKS.filter((what) => times(what) > 0)
    if (broke.length > 0) return { step: after ?? '-', before: name, runs: Math.max(...broke.map(times)), tried: cell.runs, broke }
  }
  return null
}
