/** The backfill job: copies rows chunk by chunk in the order of their keys (rules APP-BACKFILL-…). */
import type { Copy } from '../../src/cluster/log/index.ts'
import { defineEvent, type Process, SECOND } from '../../src/kernel/index.ts'
import { failed, ok, type Output } from '../../src/operator/command.ts'
import type { ContainerHandle } from '../kubernetes/index.ts'
import type { Connection } from './connection.ts'
import type { Key, Row, Side } from './rows.ts'
import type { World } from './world.ts'

const COPIED = defineEvent('application.backfill')

export const BACKFILL_MODES = ['upsert', 'insert', 'versioned'] as const
export type BackfillMode = (typeof BACKFILL_MODES)[number]

export interface BackfillOptions {
  readonly from: Side
  readonly to: Side
  readonly mode: BackfillMode
  /** A flag that ends it: looked at before each chunk is read, and not again (rule APP-BACKFILL-4). */
  readonly stopFlag: string | undefined
}

/** A row that was read, on its way to the other database. */
interface Copied {
  readonly key: Key
  readonly row: Row
}

/** What the copy of a row does to what is there. */
export function copied(there: Row, row: Row, mode: BackfillMode): Row | undefined {
  if (mode === 'upsert') return row
  // A deleted row that left nothing behind is no conflict: this is how deletes come back.
  if (mode === 'insert') return there.present || there.version > 0 ? undefined : row
  return row.version > there.version ? row : undefined
}

export function* backfill(world: World, c: ContainerHandle, { from, to, mode, stopFlag }: BackfillOptions): Process<Output> {
  const { sim, options, rows } = world
  const source = world.connect(c.pod.name, c.machine.name, from, () => {})
  const sink = world.connect(c.pod.name, c.machine.name, to, () => {})
  try {
    const chunk = Math.min(1, options.chunkRows / options.keys)
    const chunkUs = (options.chunkRows / options.backfillRowsPerSecond) * SECOND
    let rowsCopied = 0
    let place = 0
    while (place < 1) {
      if (stopFlag !== undefined && world.kubernetes.store.get('ConfigMap', options.flags.configMap)?.data?.[stopFlag] === 'true') {
        return ok(`stopped by ${stopFlag} after ${rowsCopied} sampled rows\n`)
      }
      const keys = rows.between(place, place + chunk)
      if (keys.length === 0) {
        // Chunks without a sampled key take their time together.
        const next = nextPlace(rows.keys, place)
        const empty = Math.max(1, Math.floor((Math.min(next, 1) - place) / chunk))
        yield empty * chunkUs
        place += empty * chunk
        continue
      }
      const reader = yield* waitFor(source, connection => connection.readable)
      const read: Copied[] = keys.map(key => ({ key, row: rows.row(reader, key) })).filter(({ row }) => row.present)
      // Read, sent, written: what happens to a row meanwhile the chunk does not see.
      yield chunkUs
      const writer = yield* waitFor(sink, connection => connection.writable)
      for (const { key, row } of read) {
        const now = copied(rows.row(writer, key), row, mode)
        if (now === undefined) continue
        rows.commit(writer, key, now, row.version, 'backfill')
        rowsCopied += 1
      }
      place += chunk
    }
    if (sink.writable !== undefined) world.filled.add(world.databases.database(sink.writable))
    sim.note(COPIED, c.pod.name, rowsCopied, `${c.pod.name} has copied from ${from} to ${to}`)
    return ok(`copied ${rowsCopied} sampled rows of ${keysText(options.keys)}\n`)
  } finally {
    world.disconnect(source)
    world.disconnect(sink)
  }

  function* waitFor(connection: Connection, what: (connection: Connection) => Copy | undefined): Process<Copy> {
    for (;;) {
      const copy = what(connection)
      if (copy !== undefined) return copy
      yield SECOND
    }
  }
}

function nextPlace(keys: readonly Key[], place: number): number {
  return keys.reduce((next, key) => (key.place >= place && key.place < next ? key.place : next), 2)
}

function keysText(keys: number): string {
  return `${keys} keys`
}

/** Arguments of the job, or what is wrong with them. */
export function backfillOptions(argv: readonly string[]): BackfillOptions | string {
  const given = new Map(argv.slice(1).map(word => [word.replace(/=.*$/s, ''), word.includes('=') ? word.slice(word.indexOf('=') + 1) : 'true']))
  for (const name of given.keys()) if (!['--from', '--to', '--mode', '--stop-flag'].includes(name)) return `backfill: ${name} is not modelled; there are --from, --to, --mode, --stop-flag`
  const from = given.get('--from') ?? 'legacy'
  const to = given.get('--to') ?? 'modern'
  const mode = given.get('--mode') ?? 'upsert'
  if (!isSide(from) || !isSide(to) || from === to) return 'backfill: --from and --to are legacy and modern'
  const known = BACKFILL_MODES.find(each => each === mode)
  if (known === undefined) return `backfill: --mode is one of ${BACKFILL_MODES.join(', ')}`
  return { from, to, mode: known, stopFlag: given.get('--stop-flag') }
}

export function isSide(word: string): word is Side {
  return word === 'legacy' || word === 'modern'
}

/** For a command that was given wrong arguments. */
export function refused(problem: string): Output {
  return failed(`${problem}\n`, 2)
}
