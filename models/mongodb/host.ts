/** What stands around a mongod process: its container, and the sessions on it. */
import type { SessionState } from '../../src/engine.ts'

/** Where the process runs and whom it tells of its end: given by the container. */
export interface Host {
  readonly pod: string
  readonly podUid: string
  readonly place: string
  readonly version: string
  readonly nodeVersion: string | undefined
  machineSlowdown(): number
  diskSlowdown(): number
  exited(code: number): void
  readinessChanged(): void
}

/** A client's connection, as the server sees it. */
export interface Backend {
  readonly place: string
  stateChanged(state: SessionState): void
}
