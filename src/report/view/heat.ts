/** The maps of a sweep as data: steps × fault kinds, with the worst that came of each. */
import type { CampaignResult } from '../../campaign/result.ts'
import type { BlockId } from '../../campaign/sweep/spec.ts'
import { VOCABULARY } from '../../faults/index.ts'
import { FATES, cellsOf, rowsOf, worst } from '../fates.ts'
import type { HeatMap } from './data.ts'

export function heatMapsOf(result: CampaignResult): HeatMap[] {
  return [
    mapOf(result, ['faults', 'operator-killed'], 'What came of each fault at each step (the worst of its places and targets)'),
    mapOf(result, ['pairs'], 'What came of pairs, by the step and kind of the first'),
  ].filter((map): map is HeatMap => map !== undefined)
}

function mapOf(result: CampaignResult, blocks: readonly BlockId[], heading: string): HeatMap | undefined {
  const cells = cellsOf(result, blocks).map(({ row, column, counts }) => ({ row, kind: column.split(' + ')[0] ?? column, counts }))
  if (cells.length === 0) return undefined
  const kinds = new Set(cells.map(({ kind }) => kind))
  const columns = VOCABULARY.filter(({ kind }) => kinds.has(kind)).map(({ kind, family }) => ({ kind, family }))
  const grouped = new Map<string, typeof cells>()
  for (const cell of cells) grouped.set(`${cell.row}\n${cell.kind}`, [...(grouped.get(`${cell.row}\n${cell.kind}`) ?? []), cell])
  const fields = [...grouped.values()].map((mine) => {
    const { row, kind } = mine[0] as (typeof cells)[number]
    const sum = (of: (counts: (typeof cells)[number]['counts']) => number): number => mine.reduce((total, { counts }) => total + of(counts), 0)
    return { row, kind, fate: worst(mine.map(({ counts }) => counts))?.id ?? 'fine', runs: sum(({ runs }) => runs), broken: sum(({ broken }) => broken) }
  })
  const met = new Set<string>(fields.map(({ fate }) => fate))
  return { heading, rows: rowsOf(result, cells.map(({ row, kind, counts }) => ({ row, column: kind, counts }))), columns, cells: fields, legend: FATES.filter(({ id }) => met.has(id)).map(({ id, sign, means }) => ({ id, sign, means })) }
}
