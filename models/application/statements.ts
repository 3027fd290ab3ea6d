/** What one statement does to a row: pure (rules APP-SQL-…). */
import { NO_ROW, type Operation, type Row, type Sql } from './rows.ts'

export interface Statement {
  readonly sql: Sql
  readonly form: 'plain' | 'upsert' | 'versioned'
  /** The version that the row is to have. */
  readonly version: number
}

/** What becomes of the row: it is changed, nothing matched, what is there is newer, or a unique key forbids it. */
export type Effect = { readonly is: 'changed'; readonly row: Row } | { readonly is: 'no-row' } | { readonly is: 'older' } | { readonly is: 'duplicate-key' }

/** @param operation whose image the row gets */
export function effectOf(row: Row, operation: Pick<Operation, 'id'>, { sql, form, version }: Statement): Effect {
  const image: Row = { op: operation.id, present: true, version }
  if (form === 'versioned') {
    if (row.version >= version) return { is: 'older' }
    return { is: 'changed', row: sql === 'delete' ? { op: operation.id, present: false, version } : image }
  }
  if (sql === 'delete') return row.present ? { is: 'changed', row: { ...NO_ROW, op: operation.id } } : { is: 'no-row' }
  if (form === 'upsert') return { is: 'changed', row: image }
  if (sql === 'insert') return row.present ? { is: 'duplicate-key' } : { is: 'changed', row: image }
  return row.present ? { is: 'changed', row: image } : { is: 'no-row' }
}
