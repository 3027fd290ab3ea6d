/** What a failure may be shrunk along: members, arbiters, zones, spare machines. */
import type { Size } from '../../src/engine.ts'
import type { MongodbOptions } from './options.ts'

export function sizes(options: MongodbOptions): readonly Size[] {
  const { members, arbiters, primary, zones, spareNodes } = options
  return [
    { path: ['members'], candidates: upTo(primary + 1, members) },
    { path: ['arbiters'], candidates: upTo(0, arbiters) },
    { path: ['spareNodes'], candidates: upTo(0, spareNodes) },
    { path: ['zones'], candidates: upTo(1, zones) },
  ]
}

/** The integers from `least` up to, but without, `present`. */
function upTo(least: number, present: number): number[] {
  return Array.from({ length: Math.max(0, present - least) }, (_, i) => least + i)
}
