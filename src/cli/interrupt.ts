/** Ctrl-C (SIGINT) and SIGTERM: the first asks a campaign to stop between two ranges of runs, the second ends the process at once. */
import type { Context } from './context.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export interface Interruption {
  readonly signal: AbortSignal
  /** Stops listening. */
  close(): void
}

export function listenForInterruption(context: Context): Interruption {
  const controller = new AbortController()
  const close = (): void => SIGNALS.forEach((name) => process.off(name, stop))
  const stop = (): void => {
    // With no listener left the second signal does what it always does: it ends the process, whatever that is busy with.
    close()
    const { watched } = context
    // A process that is ended at once cannot show the cursor again that the progress bar has hidden.
    context.err(`${watched ? '\u001b[?25h\n' : ''}Stopping when the rehearsals in flight are done. Once more to stop at once.\n`)
    controller.abort()
  }
  SIGNALS.forEach((name) => process.on(name, stop))
  return { signal: controller.signal, close }
}
