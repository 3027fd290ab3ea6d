/** User tables as rows on the log: a row is seen wherever the history that a server has applied contains it, and nowhere else. */
import { contains, type Position } from '../../src/cluster/log/index.ts'
import type { Column, Value } from './sql/types.ts'
import type { NewColumn } from './sql/host.ts'

interface StoredRow {
  values: readonly Value[]
  readonly at: Position
  deletedAt: Position | undefined
}

/** One CREATE TABLE and what was written into it, on whichever branches. */
export class Table {
  readonly rows: StoredRow[] = []
  readonly columns: readonly Column[]
  droppedAt: Position | undefined
  private serial = 0

  constructor(
    readonly name: string,
    readonly definition: readonly NewColumn[],
    readonly createdAt: Position,
  ) {
    this.columns = definition.map(c => ({ name: c.name, type: c.type }))
  }

  nextSerial(): number {
    this.serial += 1
    return this.serial
  }

  existsIn(history: Position): boolean {
    return contains(history, this.createdAt) && !(this.droppedAt !== undefined && contains(history, this.droppedAt))
  }

  /** The rows that a reader of this history sees. */
  visible(history: Position): StoredRow[] {
    return this.rows.filter(r => contains(history, r.at) && !(r.deletedAt !== undefined && contains(history, r.deletedAt)))
  }
}

/** All user tables of a rehearsal. Few: what runbooks create, and a heartbeat. */
export class Tables {
  private readonly all: Table[] = []

  find(name: string, history: Position): Table | undefined {
    return this.all.find(t => t.name === name && t.existsIn(history))
  }

  add(table: Table): void {
    this.all.push(table)
  }
}
