/** One write of a person at the shell: it is an entry of the oplog like any other; what is in it is not modelled. */
import { MILLISECOND, type Process, within } from '../../src/kernel/index.ts'
import { commitPace, writeConcernOf } from './acknowledge.ts'
import { refuse } from './errors.ts'
import type { Mongod } from './mongod.ts'

const ENTRY_BYTES = 250
const GONE = { $network: 'connection 1 to 127.0.0.1:27017 closed' }

export function* singleWrite(m: Mongod, concern: { w?: unknown; wtimeout?: unknown } | null): Process<object> {
  const { world, copy, config } = m
  if (copy === undefined || config === undefined || !m.isPrimary || !m.writable || m.steppingDown || !copy.leading) return refuse('NotWritablePrimary', 'not primary')
  const { term } = m
  yield* m.lock.wait()
  if (!m.alive) return GONE
  if (!m.isPrimary || m.term !== term || m.steppingDown || !copy.leading) return refuse('InterruptedDueToReplStateChange', 'operation was interrupted')
  const lsn = copy.append(ENTRY_BYTES)
  yield commitPace(m)
  const w = concern?.w ?? writeConcernOf(m)
  const need = (w === 'majority' ? config.writeMajority : Number(w)) - 1
  const wtimeoutUs = typeof concern?.wtimeout === 'number' && concern.wtimeout > 0 ? concern.wtimeout * MILLISECOND : Number.POSITIVE_INFINITY
  const followers = config.members.filter(c => c.name !== m.name && !c.arbiterOnly && (w !== 'majority' || c.votes > 0))
  const having = (): number => followers.filter(c => {
    const other = world.mongodOf(c.name)
    return other?.copy !== undefined && other.copy.root() === copy && other.copy.lsn('apply') >= lsn && world.talks(m, other)
  }).length
  const untilUs = world.sim.now + wtimeoutUs
  while (having() < need) {
    if (!m.alive) return GONE
    if (!m.isPrimary || m.term !== term) return refuse('InterruptedDueToReplStateChange', 'operation was interrupted')
    const left = untilUs - world.sim.now
    if (left <= 0) return { $writeConcern: { errmsg: 'waiting for replication timed out', code: 64, codeName: 'WriteConcernFailed' } }
    yield within(world.changed, Math.min(left, 20 * MILLISECOND))
  }
  return m.alive ? { acknowledged: true, insertedId: { $oid: '000000000000000000000000' } } : GONE
}
