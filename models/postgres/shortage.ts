/** Sizes that a standby needs at least as large as its primary has them (rules PG-SIZE-1…3). Source: D:hot-standby; xlogrecovery.c RecoveryRequiresIntParameter, xlog.c XLogReportParameters. */
import { contains, type Position } from '../../src/cluster/log/index.ts'
import { RECORD_BYTES } from './datadir.ts'
import { REPLAY_HELD } from './events.ts'
import { major } from './replication.ts'
import type { Server } from './server.ts'

/** Their defaults, in the order in which they are looked at. */
export const SIZES: Readonly<Record<string, number>> = { max_connections: 100, max_worker_processes: 8, max_wal_senders: 10, max_prepared_transactions: 0, max_locks_per_transaction: 64 }

/** What a primary wrote of its own sizes, and where: a standby hears of it when it replays that. */
export interface SizesTold {
  readonly at: Position
  readonly sizes: Readonly<Record<string, number>>
}

function sizesOf({ settings }: Server): Record<string, number> {
  return Object.fromEntries(Object.entries(SIZES).map(([name, byDefault]) => [name, Number(settings[name] ?? byDefault)]))
}

const latestIn = (server: Server): SizesTold | undefined => {
  const applied = server.copy.position('apply')
  return server.world.sizesTold.findLast(({ at }) => contains(applied, at))
}

/** A server that begins to lead writes its sizes down if they are not what its history says (rule PG-SIZE-1). */
export function tellSizes(server: Server): void {
  const { world, copy } = server
  const sizes = sizesOf(server)
  const known = latestIn(server)
  if (known !== undefined && Object.entries(sizes).every(([name, size]) => known.sizes[name] === size)) return
  if (known !== undefined) copy.append(RECORD_BYTES)
  const told = { at: copy.position('flush'), sizes }
  world.sizesTold.push(told)
  for (const other of world.servers) if (other.state === 'standby') awaitReplay(other, told)
}

/** A standby that opens will come across what it has not replayed yet. */
export function watchSizes(server: Server): void {
  if (server.state !== 'standby') return
  const applied = server.copy.position('apply')
  for (const told of server.world.sizesTold) if (!contains(applied, told.at)) awaitReplay(server, told)
}

function awaitReplay(server: Server, told: SizesTold): void {
  server.copy.whenReaches('apply', told.at.lsn, () => {
    if (server.state === 'standby' && contains(server.copy.position('apply'), told.at)) hold(server)
  })
}

/** Which of its sizes is too small, in the server's words; undefined when none is. */
export function shortageOf(server: Server): string | undefined {
  const wanted = latestIn(server)?.sizes
  const own = sizesOf(server)
  const short = wanted === undefined ? undefined : Object.keys(SIZES).find(name => (own[name] as number) < (wanted[name] as number))
  return short === undefined ? undefined : `${short} = ${own[short]} is a lower setting than on the primary server, where its value was ${wanted?.[short]}.`
}

/** What a server says that ends for it. */
export const ABORTED = (shortage: string): string => `FATAL:  recovery aborted because of insufficient parameter settings\nDETAIL:  ${shortage}\nHINT:  You can restart the server after making the necessary configuration changes.`

/** From 14 on replay stands still and reads go on (rule PG-SIZE-2); before that the server ends. */
function hold(server: Server): void {
  const shortage = shortageOf(server)
  if (shortage === undefined) return
  if (Number(major(server.host.version)) < 14) {
    server.logBook.add(ABORTED(shortage))
    return server.crash('recovery aborted because of insufficient parameter settings', 1)
  }
  server.shortage = shortage
  server.logBook.add(`WARNING:  hot standby is not possible because of insufficient parameter settings\nDETAIL:  ${shortage}\nLOG:  recovery has paused\nDETAIL:  If recovery is unpaused, the server will shut down.`)
  server.world.sim.note(REPLAY_HELD, server.name, 0, `${server.name} replays nothing any more: ${shortage}`)
  server.pauseReplay(true)
}

/** Asked to promote it says no, for ever (rule PG-SIZE-3). */
export function refusePromotion(server: Server): true {
  server.logBook.add(`WARNING:  promotion is not possible because of insufficient parameter settings\nDETAIL:  ${server.shortage}\nHINT:  Restart the server after making the necessary configuration changes.`)
  return true
}
