/** The state of a shrinking: the simplest failing form so far, what has been tried, and what that cost. */
import type { RehearsalResult } from '../result.ts'
import type { Form, Rehearse } from './form.ts'

export class Search {
  /** Rehearsals spent. */
  attempts = 0
  /** A candidate was turned away because the allowance was spent: the best may not be minimal. */
  exhausted = false
  private readonly failed = new Map<string, RehearsalResult | undefined>()

  /**
   * @param best a form that fails, and `found`, how it did
   * @param fails whether a rehearsal fails in the way to keep
   * @param most rehearsals spent at most
   */
  constructor(
    public best: Form,
    public found: RehearsalResult,
    private readonly rehearse: Rehearse,
    private readonly fails: (result: RehearsalResult) => boolean,
    private readonly most: number,
  ) {}

  /** Whether this form fails too; if so it is the best from now on. A form tried before is not rehearsed again. */
  keeps(candidate: Form): boolean {
    const key = JSON.stringify(candidate)
    // The best itself stays the object that it is: by that a round that changed nothing is known.
    if (key === JSON.stringify(this.best)) return true
    if (!this.failed.has(key)) {
      if (this.attempts >= this.most) {
        this.exhausted = true
        return false
      }
      this.attempts += 1
      const result = this.rehearse(candidate)
      this.failed.set(key, result !== undefined && this.fails(result) ? result : undefined)
    }
    const found = this.failed.get(key)
    if (found === undefined) return false
    this.best = candidate
    this.found = found
    return true
  }
}
