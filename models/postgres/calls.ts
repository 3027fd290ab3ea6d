/** Functions with an effect: what they do to a server. Source: facts §1.3 (promotion), D:functions-admin. */
import { type Process, SECOND, Signal, TIMED_OUT, type Us, within } from '../../src/kernel/index.ts'
import { SEGMENT_BYTES } from './datadir.ts'
import { done, error, lost } from './results.ts'
import { addSlot } from './room.ts'
import { advisory } from './schema/statement-locks.ts'
import type { Server } from './server.ts'
import type { SqlSession } from './sessions.ts'
import { parseTimeUs } from './settings.ts'
import type { EffectResult } from './sql/host.ts'
import type { Value } from './sql/types.ts'

/** A superuser, or nobody in particular (rule PG-ACCESS-5). */
export const mayAdminister = ({ server, login }: SqlSession): boolean => login === undefined || login.role === 'postgres' || server.world.access.isSuperuser(server, login.role)

/** Functions that only superusers run, unless somebody grants them. Source: system_functions.sql. */
const SUPERUSERS_ONLY: ReadonlySet<string> = new Set(['pg_reload_conf', 'pg_rotate_logfile', 'pg_promote', 'pg_switch_wal', 'pg_create_restore_point', 'pg_wal_replay_pause', 'pg_wal_replay_resume', 'pg_stat_reset', 'pg_backup_start', 'pg_backup_stop'])

/** Carries out one call. */
export function* call(session: SqlSession, name: string, args: readonly Value[]): Process<EffectResult> {
  const { server } = session
  const { world } = server
  if (SUPERUSERS_ONLY.has(name) && !mayAdminister(session)) return error('42501', `permission denied for function ${name}`)
  switch (name) {
    case 'pg_reload_conf':
      server.later(10_000, () => server.reload())
      return done(true)
    case 'pg_promote':
      return yield* promote(server, args[0] !== false, Number(args[1] ?? 60))
    case 'pg_switch_wal': {
      if (!server.copy.leading) return error('55000', 'recovery is in progress', { hint: 'WAL control functions cannot be executed during recovery.' })
      // The rest of the file is skipped, and streamed like all of it; where nothing was written since the last switch, nothing happens (rule PG-WAL-4).
      const used = server.copy.lsn('flush') % SEGMENT_BYTES
      return done(used === 0 ? server.copy.lsn('flush') : server.copy.append(SEGMENT_BYTES - used))
    }
    case 'pg_wal_replay_pause':
    case 'pg_wal_replay_resume':
      if (!server.inRecovery) return error('55000', 'recovery is not in progress', { hint: 'Recovery control functions can only be executed during recovery.' })
      server.pauseReplay(name === 'pg_wal_replay_pause')
      return done()
    case 'pg_terminate_backend':
      return signalled(terminate(server, Number(args[0])), Number(args[0]))
    case 'pg_cancel_backend':
      return signalled(cancel(server, Number(args[0])), Number(args[0]))
    case 'pg_create_physical_replication_slot':
      return createSlot(server, String(args[0]), args[1] === true)
    case 'pg_drop_replication_slot': {
      const slot = server.dir.slots.get(String(args[0]))
      if (slot === undefined) return error('42704', `replication slot "${String(args[0])}" does not exist`)
      if (slot.active) return error('55006', `replication slot "${slot.name}" is active for PID 41`)
      server.dir.slots.delete(slot.name)
      world.topologyChanged()
      return done()
    }
    case 'pg_sleep':
      return yield* sleep(session, Math.round(Number(args[0]) * SECOND))
    case 'pg_stat_reset':
      return done()
    case 'pg_rotate_logfile':
      return done(true)
    case 'pg_advisory_lock':
    case 'pg_advisory_xact_lock':
    case 'pg_try_advisory_lock':
    case 'pg_try_advisory_xact_lock':
    case 'pg_advisory_unlock':
    case 'pg_advisory_unlock_all':
      return yield* advisory(session, name, Number(args[0] ?? 0))
    case 'set_config':
      return done(args[1] ?? null)
    default:
      return error('0A000', `the function ${name}() is not modelled`)
  }
}

/** A statement that waits: statement_timeout and a cancel end it, as they do not end the wait for synchronous standbys (rule PG-ACK-5). */
function* sleep(session: SqlSession, us: Us): Process<EffectResult> {
  const timeoutUs = parseTimeUs(session.setting('statement_timeout') ?? session.server.settings.statement_timeout ?? '0') ?? 0
  const limitUs = timeoutUs > 0 ? Math.min(us, timeoutUs) : us
  session.sleeps = true
  const woken = yield within(session.interrupted, limitUs)
  session.sleeps = false
  if (woken === 'ended') return lost(session)
  if (woken === 'cancelled') return error('57014', 'canceling statement due to user request')
  return limitUs < us ? error('57014', 'canceling statement due to statement timeout') : done()
}

/** Waits by polling each 100 ms like the real function; after `seconds` it warns and returns false while the promotion goes on. */
function* promote(server: Server, wait: boolean, seconds: number): Process<EffectResult> {
  if (server.state !== 'standby' && server.state !== 'promoting') return error('55000', 'recovery is not in progress', { hint: 'Recovery control functions can only be executed during recovery.' })
  if (seconds <= 0) return error('22003', '"wait_seconds" must not be negative or zero')
  server.promote()
  if (!wait) return done(true)
  const ended = yield* untilPrimary(server, seconds * SECOND)
  if (ended === 'lost') return { is: 'lost' }
  if (ended === 'timeout') return { is: 'ok', value: false, notices: [{ severity: 'WARNING', message: `server did not promote within ${seconds} seconds` }] }
  return done(true)
}

/** Until the server is primary, as a poll each 100 ms sees it. */
export function* untilPrimary(server: Server, timeoutUs: Us): Process<'done' | 'timeout' | 'lost'> {
  const startedUs = server.world.sim.now
  const woken = new Signal()
  const forget = server.world.onTopology(() => woken.fire())
  try {
    while (server.state !== 'primary') {
      if (!server.alive || server.state === 'stopping') return 'lost'
      const leftUs = timeoutUs - (server.world.sim.now - startedUs)
      if (leftUs <= 0 || (yield within(woken, leftUs)) === TIMED_OUT) return 'timeout'
    }
  } finally {
    forget()
  }
  const elapsedUs = server.world.sim.now - startedUs
  yield Math.ceil(elapsedUs / 100_000) * 100_000 - elapsedUs + 2_000
  return 'done'
}

/** Nobody has that number: a warning, and false. */
function signalled(found: boolean, pid: number): EffectResult {
  return found ? done(true) : { is: 'ok', value: false, notices: [{ severity: 'WARNING', message: `PID ${pid} is not a PostgreSQL backend process` }] }
}

function terminate(server: Server, pid: number): boolean {
  const sender = server.walsenders.find(s => s.pid === pid)
  if (sender !== undefined) {
    sender.close('terminated by pg_terminate_backend')
    return true
  }
  for (const backend of [...server.backends]) {
    if (backend.pid !== pid) continue
    server.backendLeft(backend)
    backend.stateChanged({ is: 'closed', error: '57P01 terminating connection due to administrator command' })
    return true
  }
  return false
}

/** A cancelled wait for standbys is acknowledged with a warning: the row is there, and only there (rule PG-ACK-4). */
function cancel(server: Server, pid: number): boolean {
  for (const backend of server.backends) {
    if (backend.pid !== pid) continue
    if (backend.cancel !== undefined) backend.cancel()
    else if (server.copy.leading && server.copy.ackHung) server.world.log.ledger.warn(server.copy, 1)
    return true
  }
  return false
}

function createSlot(server: Server, name: string, reserve: boolean): EffectResult {
  if (server.dir.slots.has(name)) return error('42710', `replication slot "${name}" already exists`)
  if (name === '') return error('42602', 'replication slot name "" is too short')
  if (!/^[a-z0-9_]+$/.test(name)) return error('42602', `replication slot name "${name}" contains invalid character`, { hint: 'Replication slot names may only contain lower case letters, numbers, and the underscore character.' })
  addSlot(server, name, reserve ? server.copy.lsn('flush') : Number.POSITIVE_INFINITY)
  server.world.topologyChanged()
  return done([name, reserve ? server.copy.lsn('flush') : null])
}
