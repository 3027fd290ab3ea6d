import type { Pool } from './clients.ts'

/** Somebody who is connected to a process and wants to know when its answers change. */
export interface Listener {
  serverChanged(): void
  /** Its connections to that process. */
  readonly pool: Pool
  /** The process has closed all of them. */
  disconnected(): void
}

/** The numbers that a process gives to its connections, one after the other. */
export class Numbers {
  /** What the next connection gets. */
  next = 3

  /** Numbers for `n` connections; the first of them. */
  take(n: number): number {
    const first = this.next
    this.next += n
    return first
  }
}
