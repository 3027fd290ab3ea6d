/** What came of the commands that were to change the cluster, step by step: a runbook that says "done" may have done nothing. */
import type { BarrenEvent, ReturnedEvent } from '../operator/index.ts'
import { firstLine, tellsError } from '../operator/told.ts'
import type { Deeds, FailedDeed } from '../result.ts'

const SAID_MOST = 240
const CTRL_C = 130
/** Killed or terminated: a command in a container that stops what the container runs ends with it, and has done what it was to do. */
const ENDED_WITH: ReadonlySet<number> = new Set([137, 143])

interface Tried {
  done: boolean
  /** Nothing looked at some of its failures. */
  unseen: boolean
  command: string
  said: string
}

/** Listens to the commands of one rehearsal. Only the way forward counts: what is taken back is no deed. */
export class DeedKeeper {
  private readonly tried = new Map<string, Tried>()
  private readonly barren = new Map<string, string>()

  returned({ step, path, argv, output, acted, unseen }: ReturnedEvent): void {
    // Somebody's Ctrl-C is no failure of what he watched.
    if (acted !== true || path !== 'forward' || output.code === CTRL_C) return
    let tried = this.tried.get(step)
    if (tried?.done === true) return
    const done = ENDED_WITH.has(output.code) || (output.code === 0 && output.idle !== true && !tellsError(output))
    if (tried === undefined) this.tried.set(step, (tried = { done, unseen: false, command: '', said: '' }))
    if (done) tried.done = true
    else if (tried.command === '') Object.assign(tried, { command: cut(argv.join(' ')), said: saidBy(output) })
    if (!done && unseen === true) tried.unseen = true
  }

  empty({ step, text }: BarrenEvent): void {
    this.barren.set(step, cut(text))
  }

  /** All of it, at the end. A step counts once: it is done if one of its commands did something. */
  get deeds(): Deeds {
    const failed = [...this.tried].filter(([, { done }]) => !done).map(([step, { unseen, command, said }]): FailedDeed => ({ step, command, said, unseen }))
    return { done: this.tried.size - failed.length, failed, barren: [...this.barren].map(([step, text]) => ({ step, text })) }
  }
}

function saidBy({ out, err, code }: ReturnedEvent['output']): string {
  return cut(firstLine(err) || firstLine(out) || `exit ${code}`)
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length <= SAID_MOST ? line : `${line.slice(0, SAID_MOST - 1)}…`
}
