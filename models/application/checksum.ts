/** The checksum job: compares the rows of the two databases and says how many differ (rules APP-CHECKSUM-…). */
import type { Copy } from '../../src/cluster/log/index.ts'
import { type Process, SECOND } from '../../src/kernel/index.ts'
import { failed, ok, type Output } from '../../src/operator/command.ts'
import type { ContainerHandle } from '../kubernetes/index.ts'
import type { Key, Row } from './rows.ts'
import type { World } from './world.ts'

export interface ChecksumOptions {
  /** The digest of each table goes by the order of the primary key; without it rows come as they lie in the heap. */
  readonly ordered: boolean
  /** whole: both tables read from end to end, one after the other; rechecked: a chunk that differs is read again, at most five times. */
  readonly chunks: 'whole' | 'rechecked'
  /** Only counts rows. */
  readonly count: boolean
}

const RECHECKS = 5

export function* checksum(world: World, c: ContainerHandle, options: ChecksumOptions): Process<Output> {
  const legacy = world.connect(c.pod.name, c.machine.name, 'legacy', () => {})
  const modern = world.connect(c.pod.name, c.machine.name, 'modern', () => {})
  try {
    yield SECOND
    const sides = [legacy, modern] as const
    for (const [i, name] of (['legacy', 'modern'] as const).entries()) {
      if (sides[i]?.readable === undefined) return failed(`checksum: could not connect to ${world.options[name]}\n`)
    }
    const [old, young] = [legacy.readable as Copy, modern.readable as Copy]
    const tableUs = (world.options.keys / world.options.checksumRowsPerSecond) * SECOND
    const differ = options.chunks === 'whole' ? yield* whole(world, old, young, tableUs, options) : yield* rechecked(world, old, young, tableUs)
    const total = differ.length === 0 ? 0 : Math.max(1, estimate(world, differ))
    if (total === 0) return ok('0 rows differ\n')
    return { out: options.count ? `row counts differ by ${total}\n` : `${total} rows differ\n`, err: 'Mismatch!\n', code: 1 }
  } finally {
    world.disconnect(legacy)
    world.disconnect(modern)
  }
}

/** Each table is one statement, so one snapshot; the second is taken when the first has been read. */
function* whole(world: World, old: Copy, young: Copy, tableUs: number, { ordered, count }: ChecksumOptions): Process<readonly Key[]> {
  const { rows } = world
  const first = rows.keys.map(key => rows.row(old, key))
  yield tableUs
  const second = rows.keys.map(key => rows.row(young, key))
  yield tableUs
  if (count) {
    const rowsIn = (all: readonly Row[]): number => all.filter(({ present }) => present).length
    const by = Math.abs(rowsIn(first) - rowsIn(second))
    return rows.keys.slice(0, by)
  }
  const differ = rows.keys.filter((_, i) => !alike(first[i] as Row, second[i] as Row))
  // Two heaps that were filled in another order are read in another order: then nothing matches, whatever is in them (rule APP-CHECKSUM-1).
  return ordered ? differ : rows.keys.filter(key => rows.made(old, key) !== undefined || rows.made(young, key) !== undefined)
}

/** Chunk by chunk, both at one instant; what is only on its way has arrived when a chunk is looked at again. */
function* rechecked(world: World, old: Copy, young: Copy, tableUs: number): Process<readonly Key[]> {
  const { rows } = world
  const differs = (key: Key): boolean => !alike(rows.row(old, key), rows.row(young, key))
  let suspects: Key[] = []
  const steps = 50
  for (let step = 0; step < steps; step++) {
    suspects.push(...rows.between(step / steps, (step + 1) / steps).filter(differs))
    yield (2 * tableUs) / steps
  }
  for (let i = 0; i < RECHECKS && suspects.length > 0; i++) {
    yield 2 * SECOND
    suspects = suspects.filter(differs)
  }
  return suspects
}

export function alike(a: Row, b: Row): boolean {
  return a.present === b.present && (!a.present || a.op === b.op)
}

function estimate({ options }: World, keys: readonly Key[]): number {
  const { keys: all, hotKeys, sampledHot, sampledCold } = options
  const hot = keys.filter(key => key.hot).length
  return Math.round((hot * all * hotKeys) / sampledHot + ((keys.length - hot) * all * (1 - hotKeys)) / sampledCold)
}

export function checksumOptions(argv: readonly string[]): ChecksumOptions | string {
  const words = argv.slice(1)
  const known = ['--ordered', '--rechecked', '--count']
  const unknown = words.find(word => !known.includes(word))
  if (unknown !== undefined) return `checksum: ${unknown} is not modelled; there are ${known.join(', ')}`
  return { ordered: words.includes('--ordered') || words.includes('--rechecked'), chunks: words.includes('--rechecked') ? 'rechecked' : 'whole', count: words.includes('--count') }
}
