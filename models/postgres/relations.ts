/** What the SQL of one server sees: system views and functions, judged at this instant. Source: facts §1.2, §1.4 (E-1, E-3, E-4), D:monitoring-stats. */
import { SECOND } from '../../src/kernel/index.ts'
import { UnsupportedError } from '../../src/operator/command.ts'
import { activityView } from './activity.ts'
import { describe } from './catalog/describe.ts'
import { CATALOG_VIEWS } from './catalog/views.ts'
import { CALENDAR_US, columns, type View } from './columns.ts'
import { commitStampUs, stampUs } from './clock.ts'
import { advanceCheckpoint } from './datadir.ts'
import { oldestWal, safeWalSize, walStatus } from './slots.ts'
import { LOGICAL_VIEWS, logicalSenders, logicalSlot } from './logical-views.ts'
import { replayedXactUs } from './replayed.ts'
import { shownText } from './parameter-values.ts'
import { settingsView, valueOf } from './settings-view.ts'
import { blockingPids, SCHEMA_VIEWS } from './schema/views.ts'
import type { Server } from './server.ts'
import { eyesOf, type SqlSession } from './sessions.ts'
import { whenSet } from './parameters.ts'
import { parseConninfo } from './settings.ts'
import type { Described, SqlHost } from './sql/host.ts'
import { type Column, type Relation, SqlError, type Value } from './sql/types.ts'
import { syncPriority, syncState } from './syncrep.ts'
import { toldLsn, toldStage } from './told.ts'
import { writtenLsn } from './unwritten.ts'

export { CALENDAR_US } from './columns.ts'

type Found = { readonly relation: Relation; readonly movesByItself: boolean }

/** Columns of a view, all of them moving by themselves but those named. */
function movingBut(still: string, all: readonly Column[]): readonly Column[] {
  const names = still.split(' ')
  return all.map(column => (names.includes(column.name) ? column : { ...column, moves: true }))
}

/** pg_last_xact_replay_timestamp(): NULL unless this incarnation has replayed a commit; it stands still after a promotion. */
function replayTimestamp(server: Server): Value {
  const us = server.promotedAtUs !== undefined ? server.lastReplayedUs : server.inRecovery ? replayedXactUs(server) : undefined
  return us === undefined ? null : CALENDAR_US + Math.round(commitStampUs(server.world, us))
}

/** Whether some standby is about to connect, wherever that leads. */
function anyAttemptDue(servers: Iterable<Server>): boolean {
  for (const { receiver } of servers) if (receiver?.attemptDue === true) return true
  return false
}

const interval = (us: number): Value => ({ months: 0, days: 0, us: Math.round(us) })

const VIEWS: Readonly<Record<string, View>> = {
  // Whoever follows this server, and nobody else (rule PG-LAG-4).
  pg_stat_replication: {
    columns: movingBut('pid usesysid usename application_name backend_start state', columns('pid int4, usesysid oid, usename name, application_name text, client_addr inet, client_hostname text, client_port int4, backend_start timestamptz, backend_xmin xid, state text, sent_lsn pg_lsn, write_lsn pg_lsn, flush_lsn pg_lsn, replay_lsn pg_lsn, write_lag interval, flush_lag interval, replay_lag interval, sync_priority int4, sync_state text, reply_time timestamptz')),
    fill: server => ({
      // A connection in state `startup` comes without anything else in the world having changed.
      moves: anyAttemptDue(server.world.servers),
      rows: [...logicalSenders(server), ...server.walsenders.map(s => {
        const { world } = server
        const startup = s.state === 'startup'
        const copy = s.standby.copy
        const write = toldLsn(server, copy.lsn('receive'))
        // NULL when there is nothing to wait for; otherwise about the delay of the link (rule PG-LAG-5).
        const applied = toldLsn(server, copy.lsn('apply'))
        const idle = toldStage(server, 'flush') === applied
        const lag = startup || idle ? null : interval(s.delayUs * 2)
        return [
          s.pid, 16384, 'replicator', s.applicationName, s.standby.world.kubernetes.pod(s.standby.name)?.podIP ?? null, null, 50_000 + (s.pid % 10_000),
          CALENDAR_US + stampUs(world, server.place, s.startedAtUs), null, s.state, startup ? null : s.frozen ? write : toldLsn(server, writtenLsn(server)), startup ? null : write, startup ? null : toldLsn(server, copy.lsn('flush')), startup ? null : applied,
          lag, lag, lag, startup ? 0 : syncPriority(server, s), startup ? 'async' : syncState(server, s), CALENDAR_US + stampUs(world, s.standby.place),
        ]
      })],
    }),
  },
  pg_stat_wal_receiver: {
    columns: movingBut('pid status', columns('pid int4, status text, receive_start_lsn pg_lsn, receive_start_tli int4, written_lsn pg_lsn, flushed_lsn pg_lsn, received_tli int4, last_msg_send_time timestamptz, last_msg_receipt_time timestamptz, latest_end_lsn pg_lsn, latest_end_time timestamptz, slot_name text, sender_host text, sender_port int4, conninfo text')),
    fill: server => {
      const sender = server.receiver?.sender
      if (sender === undefined || sender.state === 'startup') return { rows: [], moves: false }
      const { world } = server
      const now = CALENDAR_US + stampUs(world, server.place)
      const theirs = CALENDAR_US + stampUs(world, sender.upstream.place)
      const conninfo = server.settings.primary_conninfo ?? ''
      const info = parseConninfo(conninfo)
      const flushed = toldStage(server, 'flush')
      return {
        moves: false,
        rows: [[40, 'streaming', flushed, server.dir.timeline, toldStage(server, 'receive'), flushed, server.dir.timeline, theirs, now, flushed, theirs, server.settings.primary_slot_name ?? null, info.host ?? null, Number(info.port ?? 5432), conninfo]],
      }
    },
  },
  pg_replication_slots: {
    columns: columns('slot_name name, plugin name, slot_type text, datoid oid, database name, temporary bool, active bool, active_pid int4, xmin xid, catalog_xmin xid, restart_lsn pg_lsn, confirmed_flush_lsn pg_lsn, wal_status text, safe_wal_size int8, two_phase bool'),
    fill: server => {
      oldestWal(server)
      return {
        moves: server.dir.slots.size > 0,
        rows: [...server.dir.slots.values()].map(s => s.logical !== undefined ? logicalSlot(server, s, s.logical) : [s.name, null, 'physical', null, null, false, s.active, s.active ? 41 : null, null, null, s.lost || !Number.isFinite(s.restartLsn) ? null : s.restartLsn, null, walStatus(server, s), safeWalSize(server, s), false]),
      }
    },
  },
  ...LOGICAL_VIEWS,
  pg_stat_activity: activityView,
  ...SCHEMA_VIEWS,
  pg_control_checkpoint: {
    columns: columns('checkpoint_lsn pg_lsn, redo_lsn pg_lsn, redo_wal_file text, timeline_id int4, prev_timeline_id int4, full_page_writes bool, next_xid text, checkpoint_time timestamptz'),
    fill: server => {
      const { options, sim } = server.world
      advanceCheckpoint(server.dir, sim.now, options.checkpointTimeoutSeconds * SECOND, options.maxWalSizeMB * 1_000_000)
      return { moves: true, rows: [[server.dir.checkpointLsn, server.dir.checkpointLsn, walFile(server.dir.checkpointTimeline, server.dir.checkpointLsn), server.dir.checkpointTimeline, server.dir.checkpointTimeline, true, '0:1000', CALENDAR_US + stampUs(server.world, server.place, server.dir.checkpointAtUs)]] }
    },
  },
  pg_control_system: {
    columns: columns('pg_control_version int4, catalog_version_no int4, system_identifier int8, pg_control_last_modified timestamptz'),
    fill: server => ({ moves: false, rows: [[1300, 202209061, Number(server.dir.systemId.slice(0, 15)), CALENDAR_US]] }),
  },
  pg_prepared_xacts: { columns: columns('transaction xid, gid text, prepared timestamptz, owner name, database name'), fill: () => ({ rows: [], moves: false }) },
  ...CATALOG_VIEWS,
  pg_settings: settingsView,
}

/** Name of the WAL file that holds an LSN. */
export function walFile(timeline: number, lsn: number): string {
  const hex = (n: number) => n.toString(16).toUpperCase().padStart(8, '0')
  return hex(timeline) + hex(Math.floor(lsn / 4294967296)) + hex(Math.floor((lsn % 4294967296) / 16777216))
}

/** Functions that a server in recovery refuses, and those that only it answers (rule PG-STANDBY-2). */
const inRecovery = (hint: string): SqlError => new SqlError('recovery is in progress', { state: '55000', hint })
const WAL_CONTROL = 'WAL control functions cannot be executed during recovery.'
const notInRecovery = (): SqlError => new SqlError('recovery is not in progress', { state: '55000', hint: 'Recovery control functions can only be executed during recovery.' })

const still = (value: Value) => ({ value, movesByItself: false })
const moving = (value: Value) => ({ value, movesByItself: true })

/** One backend of `server`. */
export function sqlHost(server: Server, session?: SqlSession): SqlHost {
  return new ServerHost(server, session)
}

class ServerHost implements SqlHost {
  readonly inRecovery: boolean
  asked?: (sql: string) => void

  constructor(
    private readonly server: Server,
    private readonly session: SqlSession | undefined,
  ) {
    this.inRecovery = server.inRecovery
  }

  nowUs(): number {
    return CALENDAR_US + stampUs(this.server.world, this.server.place)
  }

  relation(name: string): Found | undefined {
    const { server, session } = this
    const view = VIEWS[name]
    if (view !== undefined) {
      const { rows, moves } = view.fill(server, session)
      return { relation: { columns: view.columns, rows }, movesByItself: moves }
    }
    const eyes = eyesOf(server, session)
    const table = server.world.tables.find(name, eyes)
    // On a standby what is visible moves with replay.
    if (table === undefined) return undefined
    const ofClients = server.world.application?.table === table
    if (ofClients) server.world.application?.materialise(server)
    const [, ...merged] = server.dir.merged.length === 0 ? [] : server.dir.histories
    const rows = merged.length === 0 ? table.visible(eyes) : [...table.visible(eyes), ...server.world.tables.mergedRows(table, merged)]
    const shape = table.shape(eyes)
    return { relation: { columns: shape.columns, rows: rows.map(r => table.project(r, shape)) }, movesByItself: server.inRecovery || merged.length > 0 || ofClients }
  }

  readerWaits(table: string): boolean {
    return this.server.locksIfAny?.blocks(`table ${table}`, 'AccessShare') === true
  }

  columns(name: string): readonly Column[] | undefined {
    const { server, session } = this
    const eyes = eyesOf(server, session)
    return VIEWS[name]?.columns ?? server.world.tables.find(name, eyes)?.shape(eyes).columns
  }

  call(name: string, args: readonly Value[]): ReturnType<SqlHost['call']> {
    const { server, session } = this
    const { world } = server
    switch (name) {
      case 'pg_is_in_recovery':
        return still(server.inRecovery)
      case 'pg_current_wal_insert_lsn':
        if (server.inRecovery) throw inRecovery(WAL_CONTROL)
        return moving(toldStage(server, 'flush'))
      case 'pg_current_wal_lsn':
      case 'pg_current_wal_flush_lsn':
        if (server.inRecovery) throw inRecovery(WAL_CONTROL)
        return moving(toldLsn(server, writtenLsn(server)))
      case 'pg_last_wal_receive_lsn':
        // NULL until this incarnation has streamed; standing still after a promotion (rule PG-LAG-6).
        if (!server.inRecovery) return still(server.receivedAtPromotion ?? null)
        return server.streamed ? moving(toldStage(server, 'flush')) : still(null)
      case 'pg_last_wal_replay_lsn':
        return server.inRecovery ? moving(toldStage(server, 'apply')) : still(server.replayedAtPromotion ?? null)
      case 'pg_last_xact_replay_timestamp':
        return moving(replayTimestamp(server))
      case 'pg_is_wal_replay_paused':
        if (!server.inRecovery) throw notInRecovery()
        return still(server.replayPaused)
      case 'pg_get_wal_replay_pause_state':
        if (!server.inRecovery) throw notInRecovery()
        return still(server.replayPaused ? 'paused' : 'not paused')
      case 'pg_postmaster_start_time':
      case 'pg_conf_load_time':
        return still(CALENDAR_US + stampUs(server.world, server.place, server.startedAtUs))
      case 'pg_blocking_pids':
        return moving(blockingPids(server, Number(args[0])))
      case 'pg_backend_pid':
        return still(session?.pid ?? null)
      case 'pg_walfile_name':
        if (server.inRecovery) throw inRecovery('pg_walfile_name() cannot be executed during recovery.')
        // The last byte before a boundary is what the name is of.
        return still(walFile(server.dir.timeline, Math.max(0, (args[0] as number) - 1)))
      case 'pg_database_size':
      case 'pg_total_relation_size':
      case 'pg_relation_size':
      case 'pg_table_size':
        return still(world.options.databaseMB * 1_000_000)
      case 'txid_current':
        if (server.inRecovery) throw new SqlError('cannot execute pg_current_xact_id() during recovery', { state: '25006' })
        return still(1000)
      case 'to_regclass':
        return still(world.tables.find(String(args[0]), eyesOf(server, session)) === undefined ? null : String(args[0]))
      case 'inet_server_addr':
        return still(world.kubernetes.pod(server.name)?.podIP ?? null)
      case 'inet_server_port':
        return still(5432)
      case 'version':
        return still(`PostgreSQL ${server.host.version} on x86_64-pc-linux-gnu, compiled by gcc, 64-bit`)
      case 'current_database':
        return still(session?.login?.database ?? world.options.database)
      case 'current_user':
      case 'session_user':
        return still(session?.login?.role ?? 'postgres')
      case 'current_schema':
        return still('public')
      default:
        return undefined
    }
  }

  describe(command: string, pattern: string | undefined): Described | undefined {
    return describe(this.server, this.session, command, pattern)
  }

  setting(name: string): string | undefined {
    const { server } = this
    const key = name.toLowerCase()
    if (key === 'server_version') return server.host.version
    if (key === 'transaction_read_only') return server.inRecovery || (this.session?.readsOnly ?? server.readOnlyDefault) ? 'on' : 'off'
    if (key === 'transaction_isolation') return this.session?.setting(key) ?? 'read committed'
    if (key === 'in_hot_standby') return server.inRecovery ? 'on' : 'off'
    if (key === 'is_superuser') return this.session?.login === undefined || server.world.access.isSuperuser(server, this.session.login.role) ? 'on' : 'off'
    if (key === 'session_authorization') return this.session?.login?.role ?? 'postgres'
    const value = this.session?.setting(key) ?? valueOf(server, key)
    // There is such a parameter in some version, but what it would say here nobody knows.
    if (value === undefined && whenSet(key) !== undefined) throw new UnsupportedError(`the value of the parameter ${key} is not modelled`, ['those of PostgreSQL 15', 'what was set'])
    return value === undefined ? undefined : shownText(key, value)
  }
}

