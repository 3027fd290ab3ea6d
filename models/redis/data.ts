/** What a volume of a member holds: identity and configuration (nodes.conf), and the images of its data. */
import type { Copy, Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Table } from './table.ts'

/** How much of a key share's history there is. */
export interface Part {
  readonly log: ReplicatedLog
  readonly position: Position
}

/** A point in time of a dataset on disk. */
export interface Image {
  /** Each key share that it has, and how far. */
  readonly parts: readonly Part[]
  /** Of the stream's offset: what is in none of them (dataset.ts). */
  readonly beside: number
  readonly sizeMB: number
  /** It carries replication id and offset that the next process can go on from: written at a clean stop, or received whole from a master. */
  readonly resumable: boolean
  readonly rdbVersion: number
}

export class DataDir {
  /** nodes.conf; undefined = none, so the next process is a new node. */
  table: Table | undefined
  rdb: Image | undefined
  aof: Image | undefined
  /** What the process that runs when the story begins has in memory. */
  boot: Image | undefined
  destroyed = false
  /** The dataset in use (or, while no process runs, what the next one would load). */
  dataset: readonly Copy[] = []
  private readonly copies = new Map<ReplicatedLog, Copy>()

  constructor(readonly name: string) {}

  /** This directory's copy in a shard's log; made when it first takes part in that shard. */
  copyIn(log: ReplicatedLog, at: Position): Copy {
    let copy = this.copies.get(log)
    if (copy === undefined) this.copies.set(log, (copy = log.copy(this.name, at)))
    return copy
  }
}
