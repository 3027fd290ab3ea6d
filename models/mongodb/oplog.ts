/** The oplog of a member: a ring whose size can be changed while it runs (rules MG-OPLOG-1, MG-OPLOG-3). */
import type { Copy } from '../../src/cluster/log/index.ts'

/** The least that replSetResizeOplog takes, and the most. Source: replSetResizeOplog documentation. */
export const LEAST_OPLOG_MB = 990

export class Oplog {
  /** What a larger ring cannot bring back: older entries are gone. */
  private gone = Number.NEGATIVE_INFINITY

  constructor(public sizeMB: number) {}

  /** The oldest byte that it still has. */
  start(copy: Copy): number {
    return Math.max(this.gone, copy.lsn('receive') - this.sizeMB * 1_000_000)
  }

  resize(copy: Copy, sizeMB: number): void {
    if (sizeMB > this.sizeMB) this.gone = this.start(copy)
    this.sizeMB = sizeMB
  }

  /** Another history was copied over this one. */
  begunAnew(): void {
    this.gone = Number.NEGATIVE_INFINITY
  }
}
