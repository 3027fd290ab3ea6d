/** A count of bytes. */
export type Bytes = number

/** How far a copy has come with a byte: received (in memory), flushed (durable), applied (visible to readers). Each follows the one before it. */
export type Stage = 'receive' | 'flush' | 'apply'

/** One line of history. A promotion, or two volumes written apart, make a child: it shares its ancestors' bytes below {@link forkLsn} and nothing after. */
export class Branch {
  /** The furthest byte anybody wrote here. The log keeps it. */
  tip: Bytes

  constructor(
    readonly id: number,
    readonly timeline: number,
    readonly parent: Branch | null,
    /** The first byte of this branch that is not the parent's. */
    readonly forkLsn: Bytes,
    /** Nothing that anybody wrote is before it: a database that was made just now, empty. */
    readonly blank = false,
  ) {
    this.tip = forkLsn
  }
}

/** A place in a history: everything before byte `lsn` (an absolute offset that goes on across branches) as written on `branch` and its ancestors. */
export interface Position {
  readonly branch: Branch
  readonly lsn: Bytes
}

/** The branch that byte `lsn − 1` of the history ending on `branch` was really written on (`branch` itself for an `lsn` at its fork). */
export function branchAt(branch: Branch, lsn: Bytes): Branch {
  let b = branch
  while (b.parent !== null && lsn < b.forkLsn) b = b.parent
  return b
}

/** How many bytes of `branch` the history of `position` shares with it: an LSN on `branch`, −1 when the histories have no byte of `branch`'s ancestry in common. */
export function sharedUpTo(history: Position, branch: Branch): Bytes {
  const common = forkPoint(history, { branch, lsn: Number.MAX_SAFE_INTEGER })
  return common.lsn
}

/** Whether everything up to `p` is in the history that ends at `history`: by ancestry, never by number alone. */
export function contains(history: Position, p: Position): boolean {
  return forkPoint(history, p).lsn >= p.lsn
}

/** The last position that both histories share. Two histories without a common ancestor share nothing: LSN −1 on `a`'s oldest branch. */
export function forkPoint(a: Position, b: Position): Position {
  let limit = a.lsn
  for (let x: Branch | null = a.branch; x !== null; x = x.parent) {
    let other = b.lsn
    for (let y: Branch | null = b.branch; y !== null; y = y.parent) {
      if (x === y) return { branch: branchAt(x, Math.min(limit, other)), lsn: Math.min(limit, other) }
      other = Math.min(other, y.forkLsn)
    }
    limit = Math.min(limit, x.forkLsn)
    if (x.parent === null) return { branch: x, lsn: -1 }
  }
  throw new Error('log: a branch chain without an end')
}
