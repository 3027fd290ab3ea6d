/**
 * Where a runbook can no longer be taken back: the first boundary after which a rollback ends with loss, not serving, or past the deadline
 * (design §9). A sweep rolls back from every boundary on many lucks, without a fault and under one of each kind; here that is read off its cells.
 */
import type { Scenario } from '../scenario/scenario.ts'
import { type Cells, cellKey } from './cells.ts'
import type { Boundary } from './sweep/grid.ts'
import type { BlockId } from './sweep/spec.ts'

/** What makes a rollback one that does not bring the cluster back. */
const LOST = ['no-acknowledged-write-lost', 'serves-at-end', 'terminates'] as const

/** A boundary from which a rollback does not bring the cluster back. */
export interface NoReturn {
  /** The step after whose beginning there is no way back; `-` when there is none even before the first. */
  readonly step: string
  /** The boundary that was tried: the step before which the operator turned back. */
  readonly before: string
  /** Rollbacks from there that ended so, and all that were tried. */
  readonly runs: number
  readonly tried: number
  readonly broke: readonly (typeof LOST)[number][]
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
  const measured = firstWithout(cells, boundaries, 'rollback', '-')
  const place = (found: NoReturn | null): number => (found === null ? boundaries.length : boundaries.findIndex(({ name }) => name === found.before))
  const underFaults = kinds.flatMap((kind) => {
    const found = firstWithout(cells, boundaries, 'rollback-under-fault', kind)
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

function firstWithout(cells: Cells, boundaries: readonly Boundary[], block: BlockId, column: string): NoReturn | null {
  for (const { name, after } of boundaries) {
    const cell = cells[cellKey({ block, row: name, column })]
    if (cell === undefined) continue
    const broke = LOST.filter((check) => (cell.broke[check] ?? 0) > 0)
    if (broke.length > 0) return { step: after ?? '-', before: name, runs: Math.max(...broke.map((check) => cell.broke[check] ?? 0)), tried: cell.runs, broke }
  }
  return null
}
