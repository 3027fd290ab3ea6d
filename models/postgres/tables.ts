/** User tables as rows on the log: a row is seen wherever the history that a server has applied contains it, and nowhere else. */
import { contains, type History, type Position } from '../../src/cluster/log/index.ts'
import type { Column, Value } from './sql/types.ts'
import type { NewColumn } from './sql/host.ts'

/** What changed rows, as others see it. */
export interface Change {
  /** Where its commit record ends in the log; undefined while it is open, and for ever if it was rolled back. */
  readonly at: Position | undefined
  /** The server (incarnation) on which it is committed but waits for synchronous standbys: invisible there, and only there (rule PG-ACK-2). */
  readonly waitingOn: object | undefined
}

/** Through whose eyes: a server, as far as it has applied the log, and a transaction of its own. */
export interface Eyes {
  readonly history: Position
  readonly server: object
  readonly own?: Change | undefined
}

/** Whether somebody sees a change. */
export function seen(change: Change, eyes: Eyes): boolean {
  if (change === eyes.own) return true
  return change.at !== undefined && change.waitingOn !== eyes.server && contains(eyes.history, change.at)
}

interface StoredRow {
  /** By the number of the column, which a column keeps for ever ({@link Shape}). */
  readonly values: readonly Value[]
  readonly by: Change
  /** The transactions that deleted it (on different branches there can be several). */
  readonly deletedBy: Change[]
}

/** A column as it is since some change. Dropped and renamed ones keep their number, so that rows need not be written anew. */
export interface ShapeColumn extends NewColumn {
  /** Its place in a stored row. */
  readonly number: number
  /** What rows have that are older than the column (the default of ADD COLUMN is kept for them, and no row is written). */
  readonly before: Value
}

/** The columns of a table from one change on. */
export interface Shape {
  readonly columns: readonly Column[]
  readonly definition: readonly ShapeColumn[]
  readonly by: Change
}

function shapeOf(definition: readonly ShapeColumn[], by: Change): Shape {
  return { columns: definition.map(c => ({ name: c.name, type: c.type })), definition, by }
}

/** An index of a table. An invalid one (a CONCURRENTLY that was cut short) costs writes and serves no read. */
export interface Index {
  readonly name: string
  readonly unique: boolean
  readonly columns: readonly string[]
  readonly by: Change
  validBy: Change | undefined
  readonly droppedBy: Change[]
}

/** A CHECK constraint. Only `notNullOf` is judged: what else it says is its author's. */
export interface Constraint {
  readonly name: string
  readonly by: Change
  readonly notNullOf: string | undefined
  validBy: Change | undefined
  readonly droppedBy: Change[]
}

/** One CREATE TABLE and what was written into it, on whichever branches. */
export class Table {
  readonly rows: StoredRow[] = []
  readonly droppedBy: Change[] = []
  readonly indexes: Index[] = []
  readonly constraints: Constraint[] = []
  /** Counts what changed rows or columns. */
  version = 0
  private readonly shapes: Shape[]
  private serial = 0
  private numbers: number

  constructor(
    readonly name: string,
    definition: readonly NewColumn[],
    readonly createdBy: Change,
  ) {
    this.shapes = [shapeOf(definition.map((c, number) => ({ ...c, number, before: null })), createdBy)]
    this.numbers = definition.length
  }

  nextSerial(): number {
    this.serial += 1
    return this.serial
  }

  /** The number of a column that is added. */
  nextNumber(): number {
    return this.numbers++
  }

  /** The columns from this change on, as its transaction leaves them. */
  reshape(definition: readonly ShapeColumn[], by: Change): void {
    this.shapes.push(shapeOf(definition, by))
    this.version += 1
  }

  /** The columns as somebody sees them: those of the latest change in his history. */
  shape(eyes: Eyes): Shape {
    const { shapes } = this
    for (let i = shapes.length - 1; i > 0; i--) if (seen((shapes[i] as Shape).by, eyes)) return shapes[i] as Shape
    return shapes[0] as Shape
  }

  /** A stored row as those columns show it. */
  project(row: StoredRow, { definition }: Shape): readonly Value[] {
    if (this.shapes.length === 1) return row.values
    return definition.map(c => (c.number < row.values.length ? (row.values[c.number] ?? null) : c.before))
  }

  /** Values in the order of the columns as a stored row. */
  stored(values: readonly Value[], { definition }: Shape): readonly Value[] {
    if (this.shapes.length === 1) return values
    const row: Value[] = Array.from({ length: this.numbers }, () => null)
    for (const [i, c] of definition.entries()) row[c.number] = values[i] ?? null
    return row
  }

  existsFor(eyes: Eyes): boolean {
    return seen(this.createdBy, eyes) && !this.droppedBy.some(c => seen(c, eyes))
  }

  visible(eyes: Eyes): StoredRow[] {
    return this.rows.filter(r => seen(r.by, eyes) && !r.deletedBy.some(c => seen(c, eyes)))
  }

  indexesFor(eyes: Eyes): readonly Index[] {
    return this.indexes.filter(i => seen(i.by, eyes) && !i.droppedBy.some(c => seen(c, eyes)))
  }

  constraintsFor(eyes: Eyes): readonly Constraint[] {
    return this.constraints.filter(i => seen(i.by, eyes) && !i.droppedBy.some(c => seen(c, eyes)))
  }
}

/** Whether something that needs a change is so in somebody's eyes: an index valid, a constraint proved. */
export function holds(by: Change | undefined, eyes: Eyes): boolean {
  return by !== undefined && seen(by, eyes)
}

/** All user tables of a rehearsal. Few: what runbooks create, and a heartbeat. */
export class Tables {
  private readonly all: Table[] = []

  find(name: string, eyes: Eyes): Table | undefined {
    return this.all.find(t => t.name === name && t.existsFor(eyes))
  }

  /** Whether a table of that name is there for whoever has this history. */
  existsIn(name: string, history: Position): boolean {
    return this.find(name, { history, server: this }) !== undefined
  }

  /**
   * Rows of the same table on another database whose changes have been merged here: logical replication carries rows, not tables, and a
   * table of the same name takes them (rule PG-LOGICAL-6).
   */
  mergedRows(own: Table, histories: readonly History[]): StoredRow[] {
    return histories.flatMap(history => {
      const through = (change: Change): boolean => change.at !== undefined && contains(history, change.at) && change.at.lsn > (history.since ?? -1)
      return this.all.filter(other => other.name === own.name && other !== own).flatMap(other => other.rows.filter(row => through(row.by) && !row.deletedBy.some(through)))
    })
  }

  add(table: Table): void {
    this.all.push(table)
  }

  /** All tables that somebody sees. */
  visibleTo(eyes: Eyes): readonly Table[] {
    return this.all.filter(t => t.existsFor(eyes))
  }
}
