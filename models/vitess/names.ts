/** Names as Vitess and its operator give them: cells, aliases, key ranges, pods, labels. */
import { rememberedByText } from '../../src/operator/remembered.ts'
import type { VitessOptions } from './options.ts'

/** Where a tablet's data lie in its container. */
export const DATA_MOUNT = 'vtdataroot'

export const LABEL = {
  cluster: 'planetscale.com/cluster',
  component: 'planetscale.com/component',
  cell: 'planetscale.com/cell',
  keyspace: 'planetscale.com/keyspace',
  shard: 'planetscale.com/shard',
  uid: 'planetscale.com/tablet-uid',
  type: 'planetscale.com/tablet-type',
  index: 'planetscale.com/tablet-index',
  /** Set by whoever planned the roll. */
  wave: 'rollout/wave',
} as const

/** The operator's handshakes (rules VT-OP-2, VT-OP-4). */
export const SCHEDULED = 'rollout.planetscale.com/scheduled'
export const RELEASED = 'rollout.planetscale.com/released'
export const CASCADE = 'rollout.planetscale.com/cascade'
export const DRAIN_STARTED = 'drain.planetscale.com/started'
export const DRAIN_ACKNOWLEDGED = 'drain.planetscale.com/acknowledged'
export const DRAIN_FINISHED = 'drain.planetscale.com/finished'

/** Key ranges of `n` equal shards: `-` alone, then `-80` and `80-`, and so on. @throws Error when they cannot be equal (see `problems`) */
export function keyRanges(n: number): readonly string[] {
  if (n === 1) return ['-']
  // Two hexadecimal digits reach for 256 shards, four for 65,536.
  const digits = n <= 256 ? 2 : 4
  const size = (digits === 2 ? 256 : 65_536) / n
  if (!Number.isInteger(size)) throw new Error(`vitess: ${n} shards do not divide the key space evenly`)
  const bound = (i: number): string => (i === 0 || i === n ? '' : (i * size).toString(16).padStart(digits, '0').replace(/(00)+$/, ''))
  return Array.from({ length: n }, (_, i) => `${bound(i)}-${bound(i + 1)}`)
}

/** The wave of a shard, with as many digits as the last one needs. */
export function waveOf(shard: number, options: Pick<VitessOptions, 'fleet' | 'tabletsPerShard' | 'shardsPerWave'>): string {
  const last = Math.ceil(options.fleet / options.tabletsPerShard / options.shardsPerWave)
  return String(Math.floor(shard / options.shardsPerWave) + 1).padStart(String(last).length, '0')
}

/** A key range as a label's value, which may not begin or end with a hyphen: `x-80`. */
export function safeRange(range: string): string {
  const [from = '', to = ''] = range.split('-')
  return `${from === '' ? 'x' : from}-${to === '' ? 'x' : to}`
}

export function cellName(i: number, options: Pick<VitessOptions, 'cells'>): string {
  return `zone${(i % options.cells) + 1}`
}

/** The tablet's number: shard 0 has `first`…, shard 1 a hundred more; the alias is cell and number with ten digits. */
export function tabletUid(shard: number, nth: number, first = 101): number {
  return first + shard * 100 + nth
}

export function aliasOf(cell: string, uid: number): string {
  return `${cell}-${String(uid).padStart(10, '0')}`
}

/** The pod of a tablet. The operator adds a hash to it; here the name follows from the alias. */
export function podOf(cluster: string, alias: string): string {
  return `${cluster}-vttablet-${alias}`
}

/** `mysql:8.0.40` → `8.0.40`, `vitess/lite:v21.0.3` → `21.0.3`. */
export const versionOf = rememberedByText((image: string) => ({ version: /:v?([^/:@]+)(?:@.*)?$/.exec(image)?.[1] ?? '0' }))

/** The series within which a MySQL server replicates in both directions: `8.0`, `8.4`, `5.7`. */
export function seriesOf(version: string): string {
  return version.split('.').slice(0, 2).join('.')
}

/** −1, 0 or 1 as `a` is older than, the same as, or newer than `b`. */
export function compareMysql(a: string, b: string): number {
  if (a === b) return 0
  const x = a.split('.').map(Number)
  const y = b.split('.').map(Number)
  for (let i = 0; i < 3; i++) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (x[i] ?? 0) < (y[i] ?? 0) ? -1 : 1
  return 0
}

/** The last LTS or bugfix series before each major, from which alone it can be reached. */
const LAST_LTS: Readonly<Record<string, string>> = { '8': '5.7', '9': '8.4', '10': '9.7' }
/** Before this patch release 8.0 did not open what a newer one had opened. */
const FIRST_PATCH_BACK = 35

/**
 * Whether mysqld of `version` opens a data directory that `data` has opened last (rules VT-VERSION-2, VT-VERSION-4): back within a series, but in 8.0 not before 8.0.35; forward
 * within a major, to the next one from its last LTS series alone, and from 5.7 to 8.0 alone. Source: dev.mysql.com upgrade-paths, downgrading.
 */
export function opens(version: string, data: string): boolean {
  const forward = compareMysql(version, data)
  if (forward === 0) return true
  const [major = '', minor = '', patch = ''] = version.split('.')
  const series = seriesOf(data)
  if (forward < 0) return seriesOf(version) === series && !(series === '8.0' && Number(patch) < FIRST_PATCH_BACK)
  if (major === data.split('.')[0]) return true
  return LAST_LTS[major] === series && (series !== '5.7' || minor === '0')
}
