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

function seen(change: Change, eyes: Eyes): boolean {
  if (change === eyes.own) return true
  return change.at !== undefined && change.waitingOn !== eyes.server && contains(eyes.history, change.at)
}

interface StoredRow {
  readonly values: readonly Value[]
  readonly by: Change
  /** The transactions that deleted it (on different branches there can be several). */
  readonly deletedBy: Change[]
}

/** One CREATE TABLE and what was written into it, on whichever branches. */
export class Table {
  readonly rows: StoredRow[] = []
  readonly columns: readonly Column[]
  readonly droppedBy: Change[] = []
  private serial = 0

  constructor(
    readonly name: string,
    readonly definition: readonly NewColumn[],
    readonly createdBy: Change,
  ) {
    this.columns = definition.map(c => ({ name: c.name, type: c.type }))
  }

  nextSerial(): number {
    this.serial += 1
    return this.serial
  }

  existsFor(eyes: Eyes): boolean {
    return seen(this.createdBy, eyes) && !this.droppedBy.some(c => seen(c, eyes))
  }

  visible(eyes: Eyes): StoredRow[] {
    return this.rows.filter(r => seen(r.by, eyes) && !r.deletedBy.some(c => seen(c, eyes)))
  }
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
}
