/** What a failure may be shrunk along: whole shards, tablets of a shard, cells, vtgates, spare machines. */
import type { Size } from '../../src/engine.ts'
import type { VitessOptions } from './options.ts'

export function sizes(options: VitessOptions): readonly Size[] {
  const { fleet, tabletsPerShard, cells, vtgates, spareNodes } = options
  const shards = fleet / tabletsPerShard
  const fewer: number[] = []
  for (let n = 1; n < shards; n *= 2) fewer.push(n * tabletsPerShard)
  return [
    { path: ['fleet'], candidates: fewer },
    { path: ['vtgates'], candidates: upTo(1, vtgates) },
    { path: ['spareNodes'], candidates: upTo(0, spareNodes) },
    { path: ['cells'], candidates: upTo(1, cells) },
  ]
}

/** The integers from `least` up to, but without, `present`. */
function upTo(least: number, present: number): number[] {
  return Array.from({ length: Math.max(0, present - least) }, (_, i) => least + i)
}
