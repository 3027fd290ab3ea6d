/** What a failure may be shrunk along: members, zones, poolers, spare machines and the upgraded pool. */
import type { Size } from '../../src/engine.ts'
import type { PostgresOptions } from './options.ts'

/** The sizes of a cluster, each with its smaller values. A StatefulSet for each member is tied to its zone, so there those two stay. */
export function sizes(options: PostgresOptions): readonly Size[] {
  const { members, primary, zones, pooler, spareNodes, upgradedPool, topology } = options
  const poolZones = upgradedPool === false ? null : upgradedPool.zones
  return [
    ...(topology === 'one-statefulset' ? [{ path: ['members'], candidates: upTo(primary + 1, members) }] : []),
    ...(pooler === false ? [] : [{ path: ['pooler', 'replicas'], candidates: upTo(1, pooler.replicas) }]),
    { path: ['spareNodes'], candidates: upTo(0, spareNodes) },
    ...(poolZones === null ? [] : [{ path: ['upgradedPool', 'zones'], candidates: upTo(1, poolZones.length).map(length => poolZones.slice(0, length)) }]),
    ...(topology === 'one-statefulset' ? [{ path: ['zones'], candidates: upTo(1, zones) }] : []),
  ]
}

/** The integers from `least` up to, but without, `present`. */
function upTo(least: number, present: number): number[] {
  return Array.from({ length: Math.max(0, present - least) }, (_, i) => least + i)
}
