import type { Us } from '../../src/kernel/index.ts'

/** What a process knows of where it runs, and whom it tells that it ended. */
export interface Host {
  readonly pod: string
  readonly podUid: string
  /** Its machine, as networks name it. */
  readonly place: string
  readonly address: string
  readonly hostname: string
  readonly version: string
  readonly nodeVersion: string | undefined
  slowdown(): number
  diskSlowdown(): number
  diskFull(): boolean
  clockOffUs(): Us
  exited(code: number): void
  readinessChanged(): void
}
