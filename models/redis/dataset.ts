/**
 * What one process has in memory: a copy of the history of each key share whose slots it holds. Usually of one; of several where slots of other shards have moved to
 * it. Its replication stream is one: all of them go by it, and beside them the keys that came or went with their slots (rules RD-MOVE-…).
 */
import type { Copy, Link, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Us } from '../../src/kernel/index.ts'
import type { DataDir, Part } from './data.ts'

export class Dataset {
  /** In the order in which they came. */
  copies: readonly Copy[] = []
  /** Bytes of the stream that are in no share's history. */
  beside = 0
  /** Since when a copy has been here, where that is later than the dataset itself. */
  private readonly since = new Map<Copy, Us>()

  constructor(private readonly dir: DataDir) {}

  get first(): Copy | undefined {
    return this.copies[0]
  }

  of(log: ReplicatedLog): Copy | undefined {
    for (const copy of this.copies) if (copy.log === log) return copy
    return undefined
  }

  get leading(): boolean {
    for (const copy of this.copies) if (copy.leading) return true
    return false
  }

  /** Where its stream is. */
  get offset(): number {
    let offset = this.beside
    for (const copy of this.copies) offset += copy.lsn('receive')
    return offset
  }

  offsetAt(us: Us): number {
    if (this.copies.length === 0) return 0
    let offset = this.beside
    for (const copy of this.copies) offset += Math.floor(copy.curves.receive.valueAt(us))
    return Math.max(0, offset)
  }

  /** It is another dataset now. */
  become(copies: readonly Copy[], beside = 0): void {
    this.copies = copies
    this.beside = beside
    this.since.clear()
    this.dir.dataset = copies
  }

  /** One share more: what its history has of the stream was not written here. */
  take(copy: Copy, nowUs: Us): void {
    this.copies = [...this.copies, copy]
    this.beside -= copy.lsn('receive')
    this.since.set(copy, nowUs)
    this.dir.dataset = this.copies
  }

  /** One less: its keys are gone, the stream goes on. */
  drop(copy: Copy): void {
    if (copy.upstream !== undefined) copy.unfollow()
    this.beside += copy.lsn('receive')
    this.copies = this.copies.filter(c => c !== copy)
    this.dir.dataset = this.copies
  }

  /** Which copies were here at an instant. */
  at(us: Us): readonly Copy[] {
    return this.since.size === 0 ? this.copies : this.copies.filter(copy => (this.since.get(copy) ?? us) <= us)
  }

  parts(): readonly Part[] {
    return this.copies.map(copy => ({ log: copy.log, position: copy.position('receive') }))
  }

  setLink(link: Link): void {
    for (const copy of this.copies) if (copy.upstream !== undefined) copy.setLink(link)
  }

  freeze(): void {
    for (const copy of this.copies) copy.freeze('receive')
  }

  thaw(): void {
    for (const copy of this.copies) copy.thaw('receive')
  }

  unfollow(): void {
    for (const copy of this.copies) if (copy.upstream !== undefined) copy.unfollow()
  }

  stopLeading(how: 'clean' | 'killed'): void {
    for (const copy of this.copies) if (copy.leading) copy.stopLeading(how)
  }
}

/** Calls `then` once one dataset has all that the other has now; never when they have nothing in common. */
export function whenLevel(data: Dataset, with_: Dataset, then: () => void): void {
  let left = 0
  for (const theirs of with_.copies) {
    const mine = data.of(theirs.log)
    if (mine === undefined) continue
    left++
    mine.whenReaches('receive', theirs.lsn('receive'), () => --left === 0 && then())
  }
}

/** The copies in a directory that an image stands for, each where the image has it. */
export function unpack(dir: DataDir, parts: readonly Part[]): readonly Copy[] {
  return parts.map(({ log, position }) => {
    const copy = dir.copyIn(log, position)
    copy.adopt(position)
    return copy
  })
}
