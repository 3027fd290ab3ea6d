/**
 * What the catalogs say of roles, databases, extensions and tables, and the statistics views. Counters that nobody here keeps say 0, as right after pg_stat_reset().
 * Source: D:catalogs, D:views, D:monitoring-stats; columns as of PostgreSQL 15.18.
 */
import { stampUs } from '../clock.ts'
import { CALENDAR_US, columns, type View } from '../columns.ts'
import { relationsOf } from '../schema/views.ts'
import type { Server } from '../server.ts'
import { eyesOf, SqlSession } from '../sessions.ts'
import { displayType, type Value } from '../sql/types.ts'
import { CONTRIB, versionOf } from './extensions.ts'

const FIRST_ROLE = 16_384
const UTF8 = 6

/** The roles with their object numbers, by name. */
function rolesOf(server: Server): readonly (readonly [oid: number, name: string, attributes: ReturnType<Server['world']['access']['roles']> extends ReadonlyMap<string, infer R> ? R : never])[] {
  return [...server.world.access.roles(server)].map(([name, attributes], i) => [name === 'postgres' ? 10 : FIRST_ROLE + i, name, attributes] as const)
}

/** Sessions in a database: single ones by their login, the client programs' connections in theirs. */
function backendsIn(server: Server, database: string): number {
  let count = 0
  for (const backend of server.backends) if ((backend instanceof SqlSession ? (backend.login?.database ?? 'postgres') : server.world.options.database) === database) count += 1
  return count
}

const databaseOf = (server: Server, session: SqlSession | undefined): string => session?.login?.database ?? server.world.options.database

/** Extensions that can be had, with their versions and comments. */
function availableOn(server: Server): readonly (readonly [name: string, version: string, comment: string | null])[] {
  const own = Object.entries(server.world.options.extensions).map(([name, version]) => [name, version, null] as const)
  return [...[...CONTRIB].map(([name, { version, comment }]) => [name, versionOf(name, server.host.version) ?? version, comment] as const), ...own]
}

const started = (server: Server): number => CALENDAR_US + stampUs(server.world, server.place, server.startedAtUs)

/** What VACUUM and ANALYZE have done here: known to this server alone, until it crashes. */
const doneTo = (server: Server, table: string): { readonly vacuum: readonly Value[]; readonly analyze: readonly Value[] } => {
  const of = (what: 'vacuum' | 'analyze'): readonly Value[] => {
    const told = server.maintained.get(`${what} ${table}`)
    return told === undefined ? [null, 0] : [CALENDAR_US + stampUs(server.world, server.place, told.atUs), told.times]
  }
  return { vacuum: of('vacuum'), analyze: of('analyze') }
}

export const CATALOG_VIEWS: Readonly<Record<string, View>> = {
  pg_roles: {
    columns: columns('rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcanlogin bool, rolreplication bool, rolconnlimit int4, rolpassword text, rolvaliduntil timestamptz, rolbypassrls bool, rolconfig text[], oid oid'),
    fill: server => ({ moves: server.inRecovery, rows: rolesOf(server).map(([oid, name, r]) => [name, r.superuser, r.inherit, r.createRole, r.createDatabase, r.login, r.replication, r.limit, '********', null, r.bypassRls, null, oid]) }),
  },
  pg_user: {
    columns: columns('usename name, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool, passwd text, valuntil timestamptz, useconfig text[]'),
    fill: server => ({ moves: server.inRecovery, rows: rolesOf(server).filter(([, , r]) => r.login).map(([oid, name, r]) => [name, oid, r.createDatabase, r.superuser, r.replication, r.bypassRls, '********', null, null]) }),
  },
  pg_database: {
    columns: columns('oid oid, datname name, datdba oid, encoding int4, datlocprovider char, datistemplate bool, datallowconn bool, datconnlimit int4, datfrozenxid xid, datminmxid xid, dattablespace oid, datcollate text, datctype text, daticulocale text, datcollversion text, datacl text[]'),
    fill: server => {
      const roles = new Map(rolesOf(server).map(([oid, name]) => [name, oid]))
      return { moves: server.inRecovery, rows: [...server.world.access.databases(server)].map(([name, d]) => [d.oid, name, roles.get(d.owner) ?? 10, UTF8, 'c', d.isTemplate, server.world.access.allowsConnections(server, name), -1, 716, 1, 1663, 'en_US.utf8', 'en_US.utf8', null, null, null]) }
    },
  },
  pg_namespace: {
    columns: columns('oid oid, nspname name, nspowner oid'),
    fill: () => ({ moves: false, rows: [[11, 'pg_catalog', 10], [99, 'pg_toast', 10], [2200, 'public', 6171], [13_300, 'information_schema', 10]] }),
  },
  pg_tablespace: { columns: columns('oid oid, spcname name, spcowner oid'), fill: () => ({ moves: false, rows: [[1663, 'pg_default', 10], [1664, 'pg_global', 10]] }) },
  pg_extension: {
    columns: columns('oid oid, extname name, extowner oid, extnamespace oid, extrelocatable bool, extversion text'),
    fill: (server, session) => ({ moves: server.inRecovery, rows: [...server.world.access.extensions(server, databaseOf(server, session))].map(([name, version], i) => [13_500 + i, name, 10, name === 'plpgsql' ? 11 : 2200, name !== 'plpgsql', version]) }),
  },
  pg_available_extensions: {
    columns: columns('name name, default_version text, installed_version text, comment text'),
    fill: (server, session) => {
      const installed = server.world.access.extensions(server, databaseOf(server, session))
      return { moves: server.inRecovery, rows: availableOn(server).map(([name, version, comment]) => [name, version, installed.get(name) ?? null, comment]) }
    },
  },
  pg_tables: {
    columns: columns('schemaname name, tablename name, tableowner name, tablespace name, hasindexes bool, hasrules bool, hastriggers bool, rowsecurity bool'),
    fill: server => ({ moves: server.inRecovery, rows: server.world.tables.visibleTo(eyesOf(server)).map(t => ['public', t.name, 'postgres', null, t.indexesFor(eyesOf(server)).length > 0, false, false, false]) }),
  },
  /** information_schema.tables: the schema of a name is not looked at. */
  tables: {
    columns: columns('table_catalog name, table_schema name, table_name name, table_type varchar'),
    fill: (server, session) => ({ moves: server.inRecovery, rows: server.world.tables.visibleTo(eyesOf(server)).map(t => [databaseOf(server, session), 'public', t.name, 'BASE TABLE']) }),
  },
  pg_attribute: {
    columns: columns('attrelid oid, attname name, atttypid oid, attnum int2, attnotnull bool, attisdropped bool, format_type text'),
    fill: server => ({
      moves: server.inRecovery,
      rows: [...relationsOf(server)].filter(r => r.index === undefined).flatMap(r => r.table.shape(eyesOf(server)).definition.map((c): Value[] => [r.oid, c.name, 0, c.number + 1, c.notNull, false, displayType(c.type)])),
    }),
  },
  pg_stat_database: {
    columns: columns('datid oid, datname name, numbackends int4, xact_commit int8, xact_rollback int8, blks_read int8, blks_hit int8, tup_returned int8, tup_fetched int8, tup_inserted int8, tup_updated int8, tup_deleted int8, conflicts int8, temp_files int8, temp_bytes int8, deadlocks int8, checksum_failures int8, checksum_last_failure timestamptz, blk_read_time float8, blk_write_time float8, session_time float8, active_time float8, idle_in_transaction_time float8, sessions int8, sessions_abandoned int8, sessions_fatal int8, sessions_killed int8, stats_reset timestamptz'),
    fill: server => ({
      moves: true,
      rows: [...server.world.access.databases(server)].map(([name, { oid }]) => {
        // Commits of the client programs, in theirs.
        const commits = name === server.world.options.database && server.copy.leading ? server.world.log.ledger.ackedWrites() : 0
        return [oid, name, backendsIn(server, name), commits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, null, null, 0, 0, 0, 0, 0, 0, 0, 0, 0, started(server)]
      }),
    }),
  },
  pg_stat_user_tables: {
    columns: columns('relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8, n_live_tup int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum timestamptz, last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze timestamptz, vacuum_count int8, autovacuum_count int8, analyze_count int8, autoanalyze_count int8'),
    fill: server => ({
      moves: true,
      rows: [...relationsOf(server)].filter(r => r.index === undefined).map(({ oid, table }): Value[] => {
        const live = table.visible(eyesOf(server)).length
        const { vacuum: [vacuumed, vacuums], analyze: [analyzed, analyzes] } = doneTo(server, table.name) as { vacuum: [Value, Value]; analyze: [Value, Value] }
        return [oid, 'public', table.name, 0, 0, 0, 0, live, 0, 0, 0, live, 0, 0, 0, vacuumed, null, analyzed, null, vacuums, 0, analyzes, 0]
      }),
    }),
  },
  pg_stat_bgwriter: {
    columns: columns('checkpoints_timed int8, checkpoints_req int8, checkpoint_write_time float8, checkpoint_sync_time float8, buffers_checkpoint int8, buffers_clean int8, maxwritten_clean int8, buffers_backend int8, buffers_backend_fsync int8, buffers_alloc int8, stats_reset timestamptz'),
    fill: server => ({ moves: false, rows: [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, started(server)]] }),
  },
  pg_stat_archiver: {
    columns: columns('archived_count int8, last_archived_wal text, last_archived_time timestamptz, failed_count int8, last_failed_wal text, last_failed_time timestamptz, stats_reset timestamptz'),
    // Nothing is archived: archive_mode is off.
    fill: server => ({ moves: false, rows: [[0, null, null, 0, null, null, started(server)]] }),
  },
}
