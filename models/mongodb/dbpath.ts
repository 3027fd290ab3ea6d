/** What lies on a member's volume and outlives its process: data and oplog (one copy of the log), the vote, the configuration. */
import type { Copy, Position } from '../../src/cluster/log/index.ts'
import type { Config } from './config.ts'

/** Un-replicated writes that a rollback took out of the history, kept as BSON files beside the data (rule MG-ROLLBACK-2). */
export interface RollbackFiles {
  /** The history that held them, up to its end. */
  readonly position: Position
  readonly fromLsn: number
}

export class DbPath {
  /** local.replset.election: durable before a vote is sent (rule MG-VOTE-2). */
  lastVote: { readonly term: number; readonly candidate: string } = { term: 0, candidate: '' }
  readonly rollbackFiles: RollbackFiles[] = []
  /** The process that used it last stopped cleanly. */
  clean = true
  destroyed = false
  /** A mongod has it open (mongod.lock). */
  locked = false
  /** Binary that last opened it. */
  binary = ''

  constructor(
    readonly name: string,
    /** Undefined for an arbiter: it holds no data. */
    readonly copy: Copy | undefined,
    /** local.system.replset; undefined until some member has told it. */
    public config: Config | undefined,
    /** The data must be copied from another member first. */
    public needsInitialSync: boolean,
  ) {}
}
