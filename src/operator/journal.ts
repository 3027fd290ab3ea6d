import type { Us } from '../kernel/index.ts'
import type { StepPath } from './plan.ts'

/**
 * What the person writes down: `started` before a step's first command, `done` after its last. Someone who takes over has this, the captured
 * outputs of the steps that are done, and nothing else.
 */
export interface JournalEntry {
  readonly atUs: Us
  readonly step: string
  readonly path: StepPath
  readonly visit: number
  readonly what: 'started' | 'done' | 'failed' | 'skipped' | 'postponed' | 'killed' | 'resumed' | 'outcome'
  readonly detail: string
}

export class Journal {
  readonly entries: JournalEntry[] = []

  write(atUs: Us, step: string, path: StepPath, visit: number, what: JournalEntry['what'], detail = ''): void {
    this.entries.push({ atUs, step, path, visit, what, detail })
  }

  /** The journal as lines of text, for reports and tests. */
  toText(formatUs: (us: Us) => string = String): string {
    return this.entries.map(e => `${formatUs(e.atUs)} ${e.path === 'undo' ? 'undo of ' : ''}${e.step} #${e.visit} ${e.what}${e.detail === '' ? '' : `: ${e.detail}`}`).join('\n')
  }
}
