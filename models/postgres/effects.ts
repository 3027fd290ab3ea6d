/** What statements do to a server. Source: facts §1.1 (waiting commits), §1.3 (promotion), §1.5, D:functions-admin. */
import { type Process, SECOND, Signal, TIMED_OUT, type Us, within } from '../../src/kernel/index.ts'
import { parseConf } from './settings.ts'
import type { Server } from './server.ts'
import type { Effect, EffectResult } from './sql/host.ts'
import type { Value } from './sql/types.ts'
import { sqlHost } from './relations.ts'
import { quorum } from './syncrep.ts'
import { Table } from './tables.ts'

/** WAL of one small transaction. */
const TRANSACTION_BYTES = 200

const done = (value: Value = null): EffectResult => ({ is: 'ok', value })
const error = (state: string, message: string, more: { detail?: string; hint?: string } = {}): EffectResult => ({ is: 'error', state, message, ...more })

/** Carries out one effect on `server`; `lost` when the server goes away meanwhile. */
export function* perform(server: Server, effect: Effect): Process<EffectResult> {
  switch (effect.kind) {
    case 'call':
      return yield* call(server, effect.name, effect.args)
    case 'checkpoint':
      yield server.checkpointUs()
      if (!server.alive) return { is: 'lost' }
      server.checkpointDone()
      return done()
    case 'alterSystem':
      return alterSystem(server, effect.name, effect.value)
    case 'set':
    case 'transaction':
      return done()
    case 'vacuum':
    case 'analyze':
      yield 200_000
      return server.alive ? done() : { is: 'lost' }
    default:
      return yield* write(server, effect)
  }
}

/** ALTER SYSTEM writes postgresql.auto.conf; nothing happens before a reload or restart. Allowed on a standby too. */
function alterSystem(server: Server, name: string | null, value: string | null): EffectResult {
  const text = server.dir.files.get('postgresql.auto.conf') ?? ''
  const parsed = parseConf(text, 'postgresql.auto.conf')
  const settings: Record<string, string> = typeof parsed.error === 'string' || name === null ? {} : { ...(parsed as Record<string, string>) }
  if (name !== null) {
    if (value === null) delete settings[name.toLowerCase()]
    else settings[name.toLowerCase()] = value
  }
  server.dir.files.set('postgresql.auto.conf', Object.entries(settings).map(([k, v]) => `${k} = '${v.replaceAll("'", "''")}'\n`).join(''))
  return done()
}

function* call(server: Server, name: string, args: readonly Value[]): Process<EffectResult> {
  const { world } = server
  switch (name) {
    case 'pg_reload_conf':
      server.later(10_000, () => server.reload())
      return done(true)
    case 'pg_promote':
      return yield* promote(server, args[0] !== false, Number(args[1] ?? 60))
    case 'pg_switch_wal':
      if (!server.copy.leading) return error('55000', 'recovery is in progress', { hint: 'WAL control functions cannot be executed during recovery.' })
      return done(server.copy.append(TRANSACTION_BYTES))
    case 'pg_wal_replay_pause':
    case 'pg_wal_replay_resume':
      if (!server.inRecovery) return error('55000', 'recovery is not in progress', { hint: 'Recovery control functions can only be executed during recovery.' })
      server.pauseReplay(name === 'pg_wal_replay_pause')
      return done()
    case 'pg_terminate_backend':
      return done(terminate(server, Number(args[0])))
    case 'pg_cancel_backend':
      return done(cancel(server, Number(args[0])))
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
      yield Math.round(Number(args[0]) * SECOND)
      return server.alive ? done() : { is: 'lost' }
    case 'pg_advisory_lock':
    case 'pg_advisory_xact_lock':
    case 'pg_advisory_unlock_all':
    case 'pg_stat_reset':
      return done()
    case 'pg_try_advisory_lock':
    case 'pg_advisory_unlock':
    case 'pg_rotate_logfile':
      return done(true)
    case 'set_config':
      return done(args[1] ?? null)
    default:
      return error('0A000', `the function ${name}() is not modelled`)
  }
}

/** Waits by polling each 100 ms like the real function; after `seconds` it warns and returns false while the promotion goes on. */
function* promote(server: Server, wait: boolean, seconds: number): Process<EffectResult> {
  if (!server.promote()) return error('55000', 'recovery is not in progress', { hint: 'Recovery control functions can only be executed during recovery.' })
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

/** A commit that waits for standbys is acknowledged with a warning: the row is there, and only there (rule PG-ACK-4). */
function cancel(server: Server, pid: number): boolean {
  for (const backend of server.backends) {
    if (backend.pid !== pid) continue
    if (server.copy.leading && server.copy.ackHung) server.world.log.ledger.warn(server.copy, 1)
    return true
  }
  return false
}

function createSlot(server: Server, name: string, reserve: boolean): EffectResult {
  if (server.dir.slots.has(name)) return error('42710', `replication slot "${name}" already exists`)
  if (!/^[a-z0-9_]+$/.test(name)) return error('42602', `replication slot name "${name}" contains invalid character`, { hint: 'Replication slot names may only contain lower case letters, numbers, and the underscore character.' })
  server.dir.slots.set(name, { name, restartLsn: reserve ? server.copy.lsn('flush') : Number.POSITIVE_INFINITY, active: false, lost: false })
  server.world.topologyChanged()
  return done([name, reserve ? server.copy.lsn('flush') : null])
}

type WriteEffect = Extract<Effect, { kind: 'insert' | 'update' | 'delete' | 'truncate' | 'createTable' | 'dropTable' }>

const VERBS: Record<WriteEffect['kind'], string> = { insert: 'INSERT', update: 'UPDATE', delete: 'DELETE', truncate: 'TRUNCATE TABLE', createTable: 'CREATE TABLE', dropTable: 'DROP TABLE' }

/** Writes rows, commits locally, and waits for the synchronous standbys without any time-out (rules PG-ACK-1…3). */
function* write(server: Server, effect: WriteEffect): Process<EffectResult> {
  if (!server.copy.leading) return error('25006', `cannot execute ${VERBS[effect.kind]} in a read-only transaction`)
  if (server.readOnlyDefault) return error('25006', `cannot execute ${VERBS[effect.kind]} in a read-only transaction`)
  const lsn = server.copy.append(TRANSACTION_BYTES)
  const result = change(server, effect)
  if (result.is === 'error') return result
  yield server.copy.head?.commitLatencyUs ?? 1_000
  const acknowledged = yield* acknowledgedAt(server, lsn)
  return acknowledged ? result : { is: 'lost', fatal: 'terminating connection due to administrator command' }
}

/** Waits until the synchronous standbys confirm `lsn`; false when the server went away first. */
function* acknowledgedAt(server: Server, lsn: number): Process<boolean> {
  for (;;) {
    if (!server.alive) return false
    const rule = quorum(server)
    if (rule === undefined) return true
    if (rule.members.filter(s => !s.frozen && s.standby.copy.lsn(rule.stage) >= lsn).length >= rule.k) return true
    const moved = new Signal()
    const forget = server.world.onTopology(() => moved.fire())
    const watches = rule.members.map(s => s.standby.copy.whenReaches(rule.stage, lsn, () => moved.fire()))
    yield moved
    forget()
    for (const watch of watches) watch.cancel()
  }
}

function change(server: Server, effect: WriteEffect): EffectResult {
  const { tables } = server.world
  const at = server.copy.position('flush')
  const missing = (name: string) => error('42P01', `relation "${name}" does not exist`)
  switch (effect.kind) {
    case 'createTable':
      if (tables.find(effect.table, at) !== undefined) {
        return effect.ifNotExists ? { is: 'ok', notices: [{ severity: 'NOTICE', message: `relation "${effect.table}" already exists, skipping` }] } : error('42P07', `relation "${effect.table}" already exists`)
      }
      tables.add(new Table(effect.table, effect.columns, at))
      return done()
    case 'dropTable':
      for (const name of effect.tables) {
        const table = tables.find(name, at)
        if (table !== undefined) table.droppedAt = at
        else if (!effect.ifExists) return error('42P01', `table "${name}" does not exist`)
      }
      return done()
    case 'truncate':
      for (const name of effect.tables) {
        const table = tables.find(name, at)
        if (table === undefined) return missing(name)
        for (const row of table.visible(at)) row.deletedAt = at
      }
      return done()
    case 'insert': {
      const table = tables.find(effect.table, at)
      if (table === undefined) return missing(effect.table)
      const host = sqlHost(server, 0)
      const rows = effect.rows.map(row => table.definition.map((c, i) => (row[i] !== undefined ? (row[i] as Value) : c.serial ? table.nextSerial() : (c.defaultOf?.(host) ?? null))))
      for (const values of rows) table.rows.push({ values, at, deletedAt: undefined })
      return { is: 'ok', rows }
    }
    case 'update':
    case 'delete': {
      const table = tables.find(effect.table, at)
      if (table === undefined) return missing(effect.table)
      const hit = table.visible(at).filter(r => effect.matches(r.values))
      for (const row of hit) row.deletedAt = at
      if (effect.kind === 'delete') return { is: 'ok', rows: hit.map(r => r.values) }
      const rows = hit.map(r => effect.change(r.values).map((v, i) => (v === undefined ? (r.values[i] ?? null) : v)))
      for (const values of rows) table.rows.push({ values, at, deletedAt: undefined })
      return { is: 'ok', rows }
    }
  }
}
