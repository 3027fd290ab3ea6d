/**
 * What clients saw, operation by operation: a thin stream of marks on the write flow (witnesses, never an addition to the load) and reads by
 * clients whose session can write, taken around every change and at the end. Kept only where the cluster promises that an acknowledged write
 * survives: elsewhere nobody promised that a read sees it.
 *
 * A read on a leader sees what that leader has acknowledged: a commit becomes visible when it is done waiting.
 */
import { type Branch, type Copy, FAIL, Marks, OK, type Position, type ReplicatedLog } from '../cluster/log/index.ts'
import { MILLISECOND, MINUTE, SECOND, type Simulation, type TimerId, type Us } from '../kernel/index.ts'
import type { Cohort } from './cohort.ts'

export interface RegisterOperation {
  readonly kind: 'read' | 'write'
  /** The value written, or the value read. */
  readonly value: number
  readonly callUs: Us
  /** When the answer came; Infinity when it never did (outcome unknown): it may take effect at any later time, or never. */
  readonly returnUs: Us
}

/** The operations on one key. Failed operations have no effect and are left out. */
export interface RegisterHistory {
  readonly key: string
  readonly initial: number
  readonly operations: readonly RegisterOperation[]
}

const MARKS = { perSecond: 0.1, densePerSecond: 4, denseForUs: 3 * SECOND, thin: { perSecond: 0.005, afterUs: 5 * MINUTE }, keys: 2 }
/** When reads are taken after a change: staleness shows only once somebody else has written. */
const READ_AFTER_US: readonly Us[] = [0, 50 * MILLISECOND, 500 * MILLISECOND, 2 * SECOND]
const INITIAL = 0

export class History {
  private readonly marks: readonly Marks[]
  private readonly reads: { readonly atUs: Us; readonly sees: readonly Position[] }[] = []
  private timer: TimerId | undefined
  private changedUs: Us = 0
  private next = 0

  constructor(
    private readonly sim: Simulation,
    private readonly log: ReplicatedLog,
    private readonly cohorts: readonly Cohort[],
    private readonly roundTripUs: Us,
    /** Histories that have been merged into the database of a copy. */
    private readonly mergedInto: (copy: Copy) => readonly Position[] = () => NOTHING,
    /** Of several leaders only the latest one's reads are promised to be new. */
    private readonly latestOnly = false,
  ) {
    this.marks = cohorts.map(({ demand }) => new Marks(demand, MARKS))
    log.onChange(() => this.plan())
  }

  /** The register of every key of every cohort, up to now. Takes a last read first. */
  registers(): readonly RegisterHistory[] {
    this.read()
    return this.marks.flatMap((marks, i) => {
      marks.sync()
      return this.ofCohort(marks, (this.cohorts[i] as Cohort).id)
    })
  }

  /** The log changed: reads now (once the instant is over) and a few times after. */
  private plan(): void {
    const { now } = this.sim
    if (this.timer !== undefined && this.changedUs === now) return
    if (this.timer !== undefined) this.sim.cancel(this.timer)
    this.changedUs = now
    this.next = 0
    this.wait()
  }

  private wait(): void {
    const afterUs = READ_AFTER_US[this.next++]
    this.timer =
      afterUs === undefined
        ? undefined
        : this.sim.call(this.changedUs + afterUs, () => {
            this.read()
            this.wait()
          })
  }

  /** One read of every key through each leader that some client writes to. */
  private read(): void {
    const seen = new Set<unknown>()
    const latest = this.latestOnly ? Math.max(...this.cohorts.map(({ leader }) => leader?.head?.branch.timeline ?? -1)) : -1
    for (const { leader } of this.cohorts) {
      const head = leader?.head
      if (leader === undefined || head === undefined || seen.has(head) || head.branch.timeline < latest) continue
      seen.add(head)
      this.log.settle()
      this.reads.push({ atUs: this.sim.now, sees: [{ branch: head.branch, lsn: Math.floor(head.ack.valueAt(this.sim.now)) }, ...this.mergedInto(leader)] })
    }
  }

  private ofCohort(marks: Marks, cohort: string): readonly RegisterHistory[] {
    const registers: RegisterHistory[] = []
    const rowsOf = Array.from({ length: MARKS.keys }, (): number[] => [])
    for (let row = 0; row < marks.n; row++) if (marks.outcome[row] !== FAIL) rowsOf[marks.key[row] as number]?.push(row)
    for (const [key, rows] of rowsOf.entries()) {
      const reads = this.readsOf(marks, rows)
      const columns: Columns = {
        value: row => marks.version[row] as number,
        callUs: row => marks.invokedUs[row] as number,
        returnUs: row => (marks.outcome[row] === OK ? (marks.doneUs[row] as number) : Number.POSITIVE_INFINITY),
      }
      const writes = tellingRows(rows, columns, reads).map((row): RegisterOperation => ({ kind: 'write', value: columns.value(row), callUs: columns.callUs(row), returnUs: columns.returnUs(row) }))
      const operations = [...writes, ...reads]
      registers.push({ key: `${cohort}/${key}`, initial: INITIAL, operations })
    }
    return registers
  }

  /**
   * The reads of one key. Versions are never written twice, so between two reads of the same one it was there all the time: of a run of
   * equal reads only the first and the last say anything.
   */
  private readsOf(marks: Marks, rows: readonly number[]): readonly RegisterOperation[] {
    const written = byBranch(marks, rows)
    const kept: RegisterOperation[] = []
    for (const { atUs, sees } of this.reads) {
      // Rows carried over are written in their order, and what is written here comes after them: the newest of all is what is there.
      let value = INITIAL
      for (const history of sees) value = Math.max(value, valueSeen(written, history))
      const read: RegisterOperation = { kind: 'read', value, callUs: atUs, returnUs: atUs + this.roundTripUs }
      if (kept.at(-1)?.value === value && kept.at(-2)?.value === value) kept.pop()
      kept.push(read)
    }
    return kept
  }
}

const NOTHING: readonly Position[] = []

/**
 * The writes that can make a difference, in the order of their calls. One that nobody reads, and that is over before the next write begins while no read
 * and no third write touches the two of them, may as well not have been: it fits into any order immediately before the next, and any order
 * without it is one with it. @param reads in the order of their calls, each over before the next
 */
export function telling(writes: readonly RegisterOperation[], reads: readonly RegisterOperation[]): readonly RegisterOperation[] {
  const of = (row: number): RegisterOperation => writes[row] as RegisterOperation
  return tellingRows([...writes.keys()], { value: row => of(row).value, callUs: row => of(row).callUs, returnUs: row => of(row).returnUs }, reads).map(of)
}

/** Writes in columns: of thousands few are told. */
interface Columns {
  readonly value: (row: number) => number
  readonly callUs: (row: number) => Us
  readonly returnUs: (row: number) => Us
}

function tellingRows(rows: readonly number[], { value, callUs, returnUs }: Columns, reads: readonly RegisterOperation[]): readonly number[] {
  const byCall = (a: number, b: number): number => callUs(a) - callUs(b) || returnUs(a) - returnUs(b)
  const inOrder = rows.every((row, i) => i === 0 || byCall(rows[i - 1] as number, row) <= 0) ? rows : rows.toSorted(byCall)
  const seen = new Set(reads.map(read => read.value))
  const callOf = (i: number): Us => (i < inOrder.length ? callUs(inOrder[i] as number) : Number.POSITIVE_INFINITY)
  let read = 0
  return inOrder.filter((row, i) => {
    const calledUs = callUs(row)
    while (read < reads.length && (reads[read] as RegisterOperation).returnUs < calledUs) read += 1
    const next = inOrder[i + 1]
    if (next === undefined || seen.has(value(row)) || returnUs(row) > callUs(next)) return true
    const overUs = returnUs(next)
    return (reads[read]?.callUs ?? Number.POSITIVE_INFINITY) <= overUs || callOf(i + 2) <= overUs
  })
}

/** Writes on one branch, in the order of the log. */
interface Written {
  readonly lsns: number[]
  readonly versions: number[]
}

/** The key's writes on each branch, in the order of the log. */
function byBranch(marks: Marks, rows: readonly number[]): ReadonlyMap<Branch, Written> {
  const { lsn } = marks
  const inOrder = rows.every((row, i) => i === 0 || (lsn[rows[i - 1] as number] as number) <= (lsn[row] as number)) ? rows : rows.toSorted((a, b) => (lsn[a] as number) - (lsn[b] as number))
  const all = new Map<Branch, Written>()
  for (const row of inOrder) {
    const branch = marks.branch[row]
    if (branch === null || branch === undefined) continue
    let written = all.get(branch)
    if (written === undefined) all.set(branch, (written = { lsns: [], versions: [] }))
    written.lsns.push(lsn[row] as number)
    written.versions.push(marks.version[row] as number)
  }
  return all
}

const NONE_WRITTEN: Written = { lsns: [], versions: [] }

/** The version of the last write that the history ending at `sees` contains: on its own branch, else below the fork on its parent, and so on. */
function valueSeen(written: ReadonlyMap<Branch, Written>, sees: Position): number {
  let limit = sees.lsn
  for (let branch: Branch | null = sees.branch; branch !== null; branch = branch.parent) {
    const { lsns, versions } = written.get(branch) ?? NONE_WRITTEN
    let low = 0
    for (let high = lsns.length; low < high; ) {
      const middle = (low + high) >> 1
      if ((lsns[middle] as number) <= limit) low = middle + 1
      else high = middle
    }
    if (low > 0) return versions[low - 1] as number
    limit = Math.min(limit, branch.forkLsn)
  }
  return INITIAL
}
