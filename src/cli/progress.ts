/** How far a campaign is: a bar for someone who watches, a line now and then for a log, nothing when told to be quiet. */
import progress from 'cli-progress'
import { plain } from '../report/index.ts'
import type { Context } from './context.ts'

/** A log gets a line at most so often. */
const LINE_EVERY_MS = 10_000

export interface Progress {
  update(done: number, total: number, violated: number): void
  stop(): void
}

/** @param noun what is counted */
export function openProgress(name: string, context: Context, quiet: boolean, noun = 'rehearsals'): Progress {
  if (quiet) return { update: () => undefined, stop: () => undefined }
  return context.watched ? bar(name) : lines(name, context, noun)
}

function bar(name: string): Progress {
  const drawn = new progress.SingleBar(
    { format: '{name} [{bar}] {value}/{total} {note}', barsize: 24, hideCursor: true, clearOnComplete: true, stopOnComplete: false, stream: process.stderr, etaBuffer: 50 },
    progress.Presets.shades_grey,
  )
  let started = false
  return {
    update(done, total, violated) {
      const payload = { name: name.length > 36 ? `…${name.slice(-35)}` : name, note: violated > 0 ? `${plain(violated)} failed` : '' }
      if (!started) drawn.start(total, done, payload)
      else drawn.update(done, payload)
      started = true
    },
    stop: () => drawn.stop(),
  }
}

function lines(name: string, context: Context, noun: string): Progress {
  let lastMs = performance.now()
  return {
    update(done, total, violated) {
      if (performance.now() - lastMs < LINE_EVERY_MS || done === total) return
      lastMs = performance.now()
      context.err(`${name}: ${plain(done)} of ${plain(total)} ${noun}${noun === 'rehearsals' ? `, ${plain(violated)} failed` : ''}\n`)
    },
    stop: () => undefined,
  }
}
