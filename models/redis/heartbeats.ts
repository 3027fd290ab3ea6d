/**
 * What a table keeps about each known node from heartbeat to heartbeat, as columns: heartbeats look at a handful of values of very many nodes, and
 * a 100-shard cluster has 40,000 pairs of them. Rows go by the index that all tables have in common (table.ts, Acquaintances).
 */
import type { Us } from '../../src/kernel/index.ts'

/** The node is in this table. */
export const KNOWN = 1
/** It is the table's own node. */
export const MYSELF = 2
/** Marked by a quorum. */
export const FAILED = 4
/** Suspected by this node alone. */
export const PFAIL = 8
export const NOADDR = 16
/** Some master reported it. */
export const REPORTED = 32
/** A ping is pending. */
export const PINGED = 64

export class Heartbeats {
  /** The bits above; 0 = not known. */
  is = new Uint8Array(16)
  /** When its last answer came. */
  pongUs = new Float64Array(16)
  /** The last packet in which this node told of it. */
  told = new Int32Array(16)
  /** Indexes of the table's nodes but its own, in the order of {@link Table.others}. */
  others = new Int32Array(16)

  /** Makes room for a row. */
  reach(index: number): void {
    if (index < this.is.length) return
    const n = 2 * (index + 1)
    this.is = enlarged(this.is, new Uint8Array(n))
    this.pongUs = enlarged(this.pongUs, new Float64Array(n))
    this.told = enlarged(this.told, new Int32Array(n))
    this.others = enlarged(this.others, new Int32Array(n))
  }

  /** The whole list anew. */
  setOthers(peers: readonly { readonly index: number }[]): void {
    for (let i = 0; i < peers.length; i++) this.others[i] = (peers[i] as { readonly index: number }).index
  }

  /** Whether the i-th of the others has an address, no ping pending and an answer not older than `sinceUs`: nothing to be done about it. */
  isIdle(i: number, sinceUs: Us): boolean {
    const index = this.others[i] as number
    return ((this.is[index] as number) & (NOADDR | PINGED)) === 0 && (this.pongUs[index] as Us) >= sinceUs
  }

  /** The oldest answer of `n` others that have an address; undefined when a ping to one of them is pending. */
  oldestPongUs(n: number): Us | undefined {
    let oldest = Number.POSITIVE_INFINITY
    for (let i = 0; i < n; i++) {
      const index = this.others[i] as number
      const is = this.is[index] as number
      if ((is & PINGED) !== 0) return undefined
      const pongUs = this.pongUs[index] as Us
      if (pongUs < oldest && (is & NOADDR) === 0) oldest = pongUs
    }
    return oldest
  }

  set(index: number, bit: number, on: boolean): void {
    const before = this.is[index] as number
    this.is[index] = on ? before | bit : before & ~bit
  }

  has(index: number, bit: number): boolean {
    return ((this.is[index] as number) & bit) !== 0
  }

  /** A copy of one row, for an entry that leaves. */
  alone(index: number): Heartbeats {
    const copy = new Heartbeats()
    copy.reach(index)
    copy.is[index] = this.is[index] as number
    copy.pongUs[index] = this.pongUs[index] as number
    copy.told[index] = this.told[index] as number
    return copy
  }

  forget(index: number): void {
    this.is[index] = 0
    this.pongUs[index] = 0
    this.told[index] = 0
  }
}

function enlarged<A extends Uint8Array | Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from)
  return to
}

/** A pong's time as gossip tells it: whole seconds. */
export const toldSeconds = (us: Us): Us => Math.floor(us / 1_000_000) * 1_000_000
