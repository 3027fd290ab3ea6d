/** Quantities that are piecewise linear in time: a counter that grows at a rate until the rate changes. */
import type { Us } from '../../../src/kernel/index.ts'

/** From `atUs` on it grows by `perUs`. */
export interface Piece {
  readonly atUs: Us
  readonly value: number
  readonly perUs: number
}

/** It grows at this rate from now on. */
export function advance(pieces: Piece[], atUs: Us, perUs: number): void {
  const last = pieces.at(-1)
  if (last !== undefined && last.perUs === perUs) return
  const value = last === undefined ? 0 : last.value + (atUs - last.atUs) * last.perUs
  if (last?.atUs === atUs) pieces.pop()
  pieces.push({ atUs, value, perUs })
}

/** Its value then; 0 before it began. */
export function valueAt(pieces: readonly Piece[], atUs: Us): number {
  const piece = pieces.findLast(each => each.atUs <= atUs)
  return piece === undefined ? 0 : piece.value + (atUs - piece.atUs) * piece.perUs
}
