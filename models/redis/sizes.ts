/** What a failure may be shrunk along: replicas, zones, spare machines. A cluster has at least three shards. */
import type { Size } from '../../src/engine.ts'
import type { RedisOptions } from './options.ts'

export function sizes(options: RedisOptions): readonly Size[] {
  const { shards, replicasPerShard, zones, spareNodes } = options
  return [
    { path: ['shards'], candidates: upTo(3, shards) },
    { path: ['replicasPerShard'], candidates: upTo(1, replicasPerShard) },
    { path: ['spareNodes'], candidates: upTo(0, spareNodes) },
    { path: ['zones'], candidates: upTo(1, zones) },
  ]
}

/** The integers from `least` up to, but without, `present`; of many the first few and a few between. */
function upTo(least: number, present: number): number[] {
  const all = Array.from({ length: Math.max(0, present - least) }, (_, i) => least + i)
  return all.length <= 12 ? all : all.filter((n, i) => i < 6 || n % 10 === 0)
}
