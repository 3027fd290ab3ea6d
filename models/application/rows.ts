/**
 * The sampled keys: what was asked of each, and what each database holds of it. A row lies where it was committed, as (branch, position) of that
 * database's log, so whatever becomes of the log (a failover, a deleted volume) becomes of the row.
 */
import { contains, type Copy, type Position } from '../../src/cluster/log/index.ts'
import type { Simulation, Us } from '../../src/kernel/index.ts'
import type { ApplicationOptions } from './options.ts'

/** A row as a database has it. Rows are whole images, so which write made it says all that is in it. */
export interface Row {
  /** The operation whose image it is, or that deleted it; 0 = as it was when the story began. */
  readonly op: number
  readonly present: boolean
  /** The version that the database can compare: of a deleted row only if it left a tombstone. 0 = none. */
  readonly version: number
}

export const NO_ROW: Row = { op: 0, present: false, version: 0 }
const AT_FIRST: Row = { op: 0, present: true, version: 1 }

/** Who made a commit: the program itself, a job, a connector, an outbox's relay. */
export type Origin = 'program' | 'backfill' | 'cdc' | 'relay'

export interface Commit {
  readonly row: Row
  /** Its place among all commits of its database that made new rows: what a log entry carries, deletes included. */
  readonly version: number
  readonly at: Position
  readonly copy: Copy
  readonly atUs: Us
  readonly by: Origin
  /** Its transaction put a row into the outbox as well. */
  readonly outbox: boolean
}

export type Outcome = 'pending' | 'ok' | 'failed' | 'unknown'
export type Sql = 'insert' | 'update' | 'delete'
export type Side = 'legacy' | 'modern'

/** What became of one statement of an operation. */
export interface LegRecord {
  readonly side: Side
  readonly atUs: Us
  readonly result: 'done' | 'no-row' | 'error' | 'unanswered' | 'older'
  /** Of `no-row`: the operation that had deleted the row there; undefined = it had never been there. */
  readonly deletedBy?: number | undefined
}

export interface Operation {
  readonly id: number
  readonly key: Key
  readonly invokedUs: Us
  /** Chosen when it is first carried out, by the row that the program reads. */
  sql: Sql | undefined
  outcome: Outcome
  /** When the client had its last answer, or gave up. */
  doneUs: Us
  readonly legs: LegRecord[]
}

export interface Key {
  readonly index: number
  readonly hot: boolean
  /** Where it stands in the order of primary keys, 0 … 1. */
  readonly place: number
  readonly operations: Operation[]
  readonly commits: Commit[]
}

interface View {
  branch: Position['branch']
  readonly rows: Row[]
  /** The commit that made each row; undefined = it is as at first. */
  readonly made: (Commit | undefined)[]
}

export class Rows {
  readonly keys: readonly Key[]
  /** Effects beyond the first of one and the same operation in one database. */
  repeated = 0
  private readonly views = new Map<Copy, View>()
  private readonly byPlace: readonly Key[]
  private versions = 1
  private readonly listeners: ((commit: Commit, key: Key) => void)[] = []

  /** @param origin what a database's history must contain to have the rows of before the story */
  constructor(
    private readonly sim: Simulation,
    options: ApplicationOptions,
    private readonly origin: () => Position,
  ) {
    const { sampledHot, sampledCold, absentShare } = options
    this.keys = Array.from({ length: sampledHot + sampledCold }, (_, index): Key => ({ index, hot: index < sampledHot, place: sim.chance.draw('key', 'application.place', index), operations: [], commits: [] }))
    this.absent = this.keys.map(({ index }) => sim.chance.draw('key', 'application.absent', index) < absentShare)
    this.byPlace = [...this.keys].sort((a, b) => a.place - b.place || a.index - b.index)
  }

  private readonly absent: readonly boolean[]

  /** Keys with from ≤ place < to, in the order of their places. */
  between(from: number, to: number): readonly Key[] {
    const first = this.firstAt(from)
    return this.byPlace.slice(first, this.firstAt(to))
  }

  private firstAt(place: number): number {
    let low = 0
    for (let high = this.byPlace.length; low < high; ) {
      const middle = (low + high) >> 1
      if ((this.byPlace[middle] as Key).place < place) low = middle + 1
      else high = middle
    }
    return low
  }

  row(copy: Copy, key: Key): Row {
    return this.view(copy).rows[key.index] as Row
  }

  /** The commit that made the row that this database has now; undefined = it is as it was at first. */
  made(copy: Copy, key: Key): Commit | undefined {
    return this.view(copy).made[key.index]
  }

  /** Which of the two a database is: the legacy one has the history of before the story. */
  sideOf(copy: Copy): Side {
    return contains(copy.position('flush'), this.origin()) ? 'legacy' : 'modern'
  }

  /** Whether an operation has taken effect there. */
  done(copy: Copy, key: Key, op: number): boolean {
    const here = copy.position('flush')
    return key.commits.some(commit => commit.row.op === op && commit.by === 'program' && contains(here, commit.at))
  }

  nextVersion(): number {
    return ++this.versions
  }

  commit(copy: Copy, key: Key, row: Row, version: number, by: Origin, outbox = false): Commit {
    const view = this.view(copy)
    const commit: Commit = { row, version, at: copy.position('flush'), copy, atUs: this.sim.now, by, outbox }
    key.commits.push(commit)
    view.rows[key.index] = row
    view.made[key.index] = commit
    for (const listener of this.listeners) listener(commit, key)
    return commit
  }

  onCommit(listener: (commit: Commit, key: Key) => void): void {
    this.listeners.push(listener)
  }

  /** What the history of a database says of every key; read anew when it is another history than before. */
  private view(copy: Copy): View {
    const known = this.views.get(copy)
    const here = copy.position('flush')
    if (known !== undefined && known.branch === here.branch) return known
    const rooted = contains(here, this.origin())
    const rows: Row[] = []
    const made: (Commit | undefined)[] = []
    for (const key of this.keys) {
      const last = key.commits.findLast(commit => contains(here, commit.at))
      made.push(last)
      rows.push(last?.row ?? (rooted && this.absent[key.index] !== true ? AT_FIRST : NO_ROW))
    }
    const view = { branch: here.branch, rows, made }
    this.views.set(copy, view)
    return view
  }
}
