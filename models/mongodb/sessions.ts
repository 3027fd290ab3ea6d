/** What a connection to one mongod can do at this instant. */
import type { SessionState } from '../../src/engine.ts'
import type { Mongod } from './mongod.ts'

export const NOT_PRIMARY = 'NotWritablePrimary: not primary'

/** As the server answers an operation that arrives over this connection. */
export function sessionState(m: Mongod, place: string): SessionState {
  const { world } = m
  if (!m.alive || !m.listening) return { is: 'closed', error: 'MongoNetworkError: connection closed' }
  if (m.paused || !world.network.connected(place, m.place)) return { is: 'silent' }
  if (world.defects.of(m.host.version, 'false-ready')) return { is: 'failing', error: 'InternalError: the server answers no command' }
  if (m.isPrimary && m.writable && !m.steppingDown && m.copy?.leading) return m.lock.held ? { is: 'held', readsFrom: m.copy } : { is: 'writable', leader: m.copy }
  if (m.copy !== undefined && m.state === 'SECONDARY') return { is: 'readOnly', copy: m.copy, error: NOT_PRIMARY }
  return { is: 'failing', error: m.isPrimary ? 'PrimarySteppedDown: the primary is stepping down' : `NotPrimaryOrSecondary: node is in state ${m.state}` }
}
