/** What stands around a server process: its container, and the sessions on it. */
import type { SessionState } from '../../src/engine.ts'

export type ShutdownMode = 'smart' | 'fast' | 'immediate'

/** A stricter mode overtakes a milder one. */
export function rank(mode: ShutdownMode): number {
  return mode === 'smart' ? 1 : mode === 'fast' ? 2 : 3
}

/** A client's session on a server, as the server sees it. */
export interface Backend {
  /** From where its packets come. */
  readonly place: string
  readonly pid: number
  stateChanged(state: SessionState): void
  /** Somebody cancels its statement; undefined for a cohort, whose statements are a flow. */
  cancel?(): void
  /** What it does now, if it is one session. */
  readonly activity?: 'idle' | 'active' | 'SyncRep'
  /** A client program's that can write. */
  readonly writes?: boolean
}

/** Where the process runs and whom it tells of its end: given by the container. */
export interface Host {
  readonly pod: string
  /** Identity of the pod: another one of the same name has another address. */
  readonly podUid: string
  readonly place: string
  readonly version: string
  /** Kubernetes version of the machine under it now. */
  readonly nodeVersion: string | undefined
  /** How many times slower than healthy that machine is now. */
  machineSlowdown(): number
  /** postgresql.conf as the image or ConfigMap gives it. */
  baseConf(): string
  diskFull(): boolean
  exited(code: number): void
  readinessChanged(): void
}
