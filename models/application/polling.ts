/**
 * How far a relay has come with the rows of an outbox, as a flow: at each tick of its clock that finds it idle it takes what there is, and no more than a batch, and applies it
 * row by row. Reckoned when somebody asks: nothing happens at a poll.
 */
import type { Us } from '../../src/kernel/index.ts'

export interface Pace {
  readonly pollUs: Us
  /** Its clock ticks at phaseUs + n × pollUs. */
  readonly phaseUs: Us
  readonly batchRows: number
  /** From one row to the next, all workers together. */
  readonly rowUs: number
}

/** From `atUs` on it applies so many rows, `served` of the queue before them. What stops it begins another without rows. */
interface Batch {
  readonly atUs: Us
  readonly served: number
  readonly rows: number
  /** It looked, and did not just stop. */
  readonly polled: boolean
  /** How many rows were deleted before it: all that was applied until `deletedUntilUs`. */
  readonly deleted: number
  readonly deletedUntilUs: Us
}

export class Polling {
  private readonly batches: Batch[] = []
  private nextUs: Us = Number.POSITIVE_INFINITY

  /** @param written rows that had come to the queue by an instant @param served rows that had been taken before this one began */
  constructor(
    private readonly written: (atUs: Us) => number,
    private readonly pace: Pace,
    atUs: Us,
    served: number,
  ) {
    this.batches.push({ atUs, served, rows: 0, polled: false, deleted: served, deletedUntilUs: atUs })
  }

  get moving(): boolean {
    return Number.isFinite(this.nextUs)
  }

  /** It may poll from now on, or not. What it has applied of a batch it need not apply again, but has not deleted it either. */
  move(atUs: Us, moving: boolean): void {
    this.advance(atUs)
    if (!moving && this.moving) this.batches.push({ atUs, served: this.servedAt(atUs), rows: 0, polled: false, deleted: this.deletedAt(atUs), deletedUntilUs: this.deletedUntilUs(atUs) })
    this.nextUs = moving ? this.tick(atUs) : Number.POSITIVE_INFINITY
  }

  /** Rows that it has applied by then (not later than now). */
  servedAt(atUs: Us): number {
    const batch = this.at(atUs)
    return batch.served + Math.min(batch.rows, Math.max(0, atUs - batch.atUs) / this.pace.rowUs)
  }

  /** Rows of whole batches by then: those that it has deleted from the outbox. */
  deletedAt(atUs: Us): number {
    const batch = this.at(atUs)
    return this.done(batch, atUs) ? batch.served + batch.rows : batch.deleted
  }

  /** When the batch that it is at began, be it that it was held up in it, or the last one ended: what was applied by then is deleted. */
  deletedUntilUs(atUs: Us): Us {
    const batch = this.at(atUs)
    return this.done(batch, atUs) ? atUs : batch.deletedUntilUs
  }

  /** When it last had finished a batch, or found nothing to do; undefined before it ever looked. */
  measuredUs(atUs: Us): Us | undefined {
    this.advance(atUs)
    const batch = this.batches.findLast(each => this.done(each, atUs))
    return batch === undefined ? undefined : this.endUs(batch)
  }

  /** When it applies the row that came at `cameUs`, as the `place`-th of the queue, if nothing stops it. */
  dueUs(cameUs: Us, place: number, nowUs: Us): Us {
    this.advance(nowUs)
    const { batchRows, rowUs, pollUs } = this.pace
    const batch = this.batches.at(-1) as Batch
    const ahead = place - batch.served - batch.rows
    if (ahead <= 0 && cameUs <= batch.atUs) return batch.atUs + Math.max(0, place - batch.served) * rowUs
    const first = this.tick(Math.max(this.endUs(batch), this.nextUs, cameUs))
    const whole = Math.max(0, Math.ceil(ahead / batchRows) - 1)
    const turnUs = pollUs * Math.max(1, Math.ceil((batchRows * rowUs) / pollUs))
    return first + whole * turnUs + Math.max(0, ahead - whole * batchRows) * rowUs
  }

  private done(batch: Batch, atUs: Us): boolean {
    return batch.polled && this.endUs(batch) <= atUs
  }

  private endUs({ atUs, rows }: Batch): Us {
    return atUs + rows * this.pace.rowUs
  }

  /** The first tick of its clock at or after then. */
  private tick(atUs: Us): Us {
    const { pollUs, phaseUs } = this.pace
    return Math.ceil((atUs - phaseUs) / pollUs) * pollUs + phaseUs
  }

  private at(atUs: Us): Batch {
    this.advance(atUs)
    return this.batches.findLast(each => each.atUs <= atUs) ?? (this.batches[0] as Batch)
  }

  private advance(toUs: Us): void {
    while (this.nextUs <= toUs) {
      const atUs = this.nextUs
      const last = this.batches.at(-1) as Batch
      const served = last.served + last.rows
      const batch: Batch = { atUs, served, rows: Math.max(0, Math.min(this.pace.batchRows, this.written(atUs) - served)), polled: true, ...(last.polled ? { deleted: served, deletedUntilUs: atUs } : { deleted: last.deleted, deletedUntilUs: last.deletedUntilUs }) }
      // One look in vain after another is one.
      if (batch.rows === 0 && last.rows === 0 && last.polled) this.batches.pop()
      this.batches.push(batch)
      this.nextUs = this.tick(Math.max(this.endUs(batch), atUs + 1))
    }
  }
}
