import { SECOND } from '../../src/kernel/index.ts'
import type { Server } from './server.ts'
import type { SqlSession } from './sessions.ts'
import type { Column, PgType, Value } from './sql/types.ts'

/** Microseconds since 1970 at the start of the story: 1 January 2026, as in the Kubernetes model's timestamps. */
export const CALENDAR_US = 1_767_225_600 * SECOND

/** One system view: its columns are one constant, its rows are those of a server at this instant. */
export interface View {
  readonly columns: readonly Column[]
  /** @param session whose query it is, where that matters: its database */
  fill(server: Server, session?: SqlSession): { readonly rows: readonly (readonly Value[])[]; readonly moves: boolean }
}

/** `pid int4, state text` → columns. */
export function columns(text: string): readonly Column[] {
  return text.trim().split(/\s*,\s*/).map(part => {
    const [name, type] = part.split(/\s+/) as [string, PgType]
    return { name, type }
  })
}
