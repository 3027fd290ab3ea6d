import type { Process } from '../../../src/kernel/index.ts'
import type { Column, Notice, PgType, Relation, Value } from './types.ts'

/**
 * One backend of one server, as its SQL sees it at this instant: everything here only reads.
 * `movesByItself` says that the answer may change with time alone (a clock, an LSN, a lag), so that nobody may skip a look at it.
 */
export interface SqlHost {
  readonly inRecovery: boolean
  /** Now, in microseconds since 1970-01-01 UTC: `now()`, `clock_timestamp()`. */
  nowUs(): number
  /**
   * A table, a system view, or a function used as a table (`pg_control_checkpoint`), by its unqualified name; undefined if there is none.
   * Keep `columns` one constant per kind of relation: a compiled query is tied to it and compiled again for another.
   * `movesByItself`: rows may come and go, or values of columns that do not say so themselves may change, with time alone.
   */
  relation(name: string): { readonly relation: Relation; readonly movesByItself: boolean } | undefined
  /** The columns of {@link relation} alone, for who asks for no rows: to be given where it is dear to make those. */
  columns?(name: string): readonly Column[] | undefined
  /** Whether who reads this table now has to wait for a lock (ACCESS EXCLUSIVE, held or waited for). */
  readerWaits?(table: string): boolean
  /** A function that only reads: those of {@link HOST_FUNCTIONS}, which gives their types. Undefined: it is not modelled. */
  call(name: string, args: readonly Value[]): { readonly value: Value; readonly movesByItself: boolean } | undefined
  /** What `\d` and its like show; undefined: that command is not modelled. */
  describe?(command: string, pattern: string | undefined): Described | undefined
  /** The text that is about to be run, for whoever looks at sessions. */
  asked?: (sql: string) => void
  /** A configuration parameter as SHOW prints it; undefined if there is none of that name. */
  setting(name: string): string | undefined
}

/** A list of psql's own, or what it says where there is none. `counted`: it ends with the number of rows; `footers` stand behind the rows. */
export type Described = { readonly movesByItself: boolean } & ({ readonly title: string; readonly relation: Relation; readonly counted: boolean; readonly footers?: readonly string[] } | { readonly none: string })

/** A column of CREATE TABLE. */
export interface NewColumn {
  readonly name: string
  readonly type: PgType
  /** Of `numeric(10,2)`, `varchar(5)`. */
  readonly modifiers: readonly number[]
  /** `serial`: the default counts up. */
  readonly serial: boolean
  readonly notNull: boolean
  readonly primaryKey: boolean
  readonly defaultOf: ((host: SqlHost) => Value) | undefined
}

type Row = readonly Value[]

/** What a statement changes. The server carries it out; rows are in the order of the table's columns. */
export type Effect =
  /** A function with an effect (those of {@link EFFECT_FUNCTIONS}); arguments left out hold their defaults. */
  | { readonly kind: 'call'; readonly name: string; readonly args: Row }
  | { readonly kind: 'checkpoint' }
  /** `name` null: RESET ALL. `value` null: RESET. */
  | { readonly kind: 'alterSystem'; readonly name: string | null; readonly value: string | null }
  | { readonly kind: 'set'; readonly name: string | null; readonly value: string | null; readonly local: boolean }
  /** `implicit`: the bracket around the statements of one `-c`, that nobody wrote. `readOnly`: BEGIN says so. */
  | { readonly kind: 'transaction'; readonly verb: 'begin' | 'commit' | 'rollback'; readonly implicit: boolean; readonly readOnly?: boolean }
  /** A query is about to read them. */
  | { readonly kind: 'readTables'; readonly tables: readonly string[] }
  /** `undefined` in a row stands for the column's default. */
  | { readonly kind: 'insert'; readonly table: string; readonly rows: readonly (readonly (Value | undefined)[])[]; readonly onConflictDoNothing: boolean }
  | { readonly kind: 'update'; readonly table: string; matches(row: Row): boolean; change(row: Row): readonly (Value | undefined)[] }
  | { readonly kind: 'delete'; readonly table: string; matches(row: Row): boolean }
  | { readonly kind: 'truncate'; readonly tables: readonly string[] }
  | { readonly kind: 'createTable'; readonly table: string; readonly ifNotExists: boolean; readonly temporary: boolean; readonly columns: readonly NewColumn[] }
  | { readonly kind: 'dropTable'; readonly tables: readonly string[]; readonly ifExists: boolean }
  /** `alsoAnalyze`: VACUUM ANALYZE. */
  | { readonly kind: 'vacuum' | 'analyze'; readonly tables: readonly string[]; readonly alsoAnalyze?: boolean }
  | SchemaEffect
  | LogicalEffect
  | AccessEffect
  | CatalogEffect
  | MaintenanceEffect

/** One action of ALTER TABLE. */
export type AlterAction =
  | { readonly do: 'addColumn'; readonly column: NewColumn; readonly ifNotExists: boolean; readonly volatileDefault: boolean }
  | { readonly do: 'dropColumn'; readonly name: string; readonly ifExists: boolean }
  | { readonly do: 'renameColumn'; readonly name: string; readonly to: string }
  | { readonly do: 'setDefault'; readonly name: string; readonly defaultOf: NewColumn['defaultOf'] }
  | { readonly do: 'setNotNull' | 'dropNotNull'; readonly name: string }
  | { readonly do: 'setType'; readonly name: string; readonly type: PgType; readonly using: boolean }
  /** `notNullOf`: the check is `column IS NOT NULL`. */
  | { readonly do: 'addCheck'; readonly name: string; readonly notNullOf: string | undefined; readonly notValid: boolean }
  | { readonly do: 'validate'; readonly name: string }
  | { readonly do: 'dropConstraint'; readonly name: string; readonly ifExists: boolean }

/** Statements that change the schema of existing tables, and explicit locks. */
export type SchemaEffect =
  | { readonly kind: 'alterTable'; readonly table: string; readonly ifExists: boolean; readonly actions: readonly AlterAction[] }
  | { readonly kind: 'createIndex'; readonly table: string; readonly index: string; readonly columns: readonly string[]; readonly unique: boolean; readonly concurrently: boolean; readonly ifNotExists: boolean }
  | { readonly kind: 'dropIndex'; readonly names: readonly string[]; readonly concurrently: boolean; readonly ifExists: boolean }
  | { readonly kind: 'lockTable'; readonly tables: readonly string[]; readonly mode: number; readonly noWait: boolean }

/** Who may log in, and what new sessions are set to (see access.ts). `tag`: the statement, for the record. */
export type AccessEffect = { readonly kind: 'access'; readonly name: string; readonly value: boolean; readonly tag: string } & (
  | { readonly change: 'login' | 'allow' | 'closed' | 'nothing' }
  | { readonly change: 'connect'; readonly roles: readonly string[] }
  | { readonly change: 'read-only'; readonly of: 'database' | 'role'; readonly set: boolean }
)

/** What a role may, as pg_roles has it; `limit` -1: as many connections as it likes. */
export interface RoleAttributes {
  readonly superuser: boolean
  readonly inherit: boolean
  readonly createRole: boolean
  readonly createDatabase: boolean
  readonly login: boolean
  readonly replication: boolean
  readonly bypassRls: boolean
  readonly limit: number
}

/** Roles, databases and extensions: rows of the catalog (see catalog/). `tag`: the statement, for its errors. */
export type CatalogEffect = { readonly kind: 'catalog'; readonly tag: string } & (
  | { readonly do: 'createRole' | 'alterRole'; readonly name: string; readonly attributes: Partial<RoleAttributes>; readonly memberOf: readonly string[] }
  | { readonly do: 'dropRole'; readonly names: readonly string[]; readonly ifExists: boolean }
  | { readonly do: 'renameRole'; readonly name: string; readonly to: string }
  | { readonly do: 'renameDatabase'; readonly name: string; readonly to: string }
  /** GRANT role TO role, REASSIGN OWNED: nothing changes here but that the roles must be there. */
  | { readonly do: 'mention'; readonly roles: readonly string[] }
  | { readonly do: 'createDatabase'; readonly name: string; readonly owner: string | undefined; readonly template: string; readonly isTemplate: boolean }
  | { readonly do: 'ownDatabase'; readonly name: string; readonly owner: string }
  | { readonly do: 'dropDatabase'; readonly name: string; readonly ifExists: boolean; readonly force: boolean }
  | { readonly do: 'createExtension'; readonly name: string; readonly version: string | undefined; readonly ifNotExists: boolean; readonly cascade: boolean }
  | { readonly do: 'updateExtension'; readonly name: string; readonly version: string | undefined }
  | { readonly do: 'dropExtension'; readonly names: readonly string[]; readonly ifExists: boolean }
)

/** Statements that write tables or indexes anew. `of`: what is named; `name` empty: the database one is in. */
export type MaintenanceEffect =
  | { readonly kind: 'reindex'; readonly of: 'index' | 'table' | 'schema' | 'database' | 'system'; readonly name: string; readonly concurrently: boolean }

/** Statements of logical replication. */
export type LogicalEffect =
  | { readonly kind: 'createPublication'; readonly name: string }
  | { readonly kind: 'dropPublication'; readonly names: readonly string[]; readonly ifExists: boolean }
  /** `options`: as written in WITH (…), lower case. */
  | { readonly kind: 'createSubscription'; readonly name: string; readonly conninfo: string; readonly publication: string; readonly options: Readonly<Record<string, string>> }
  | { readonly kind: 'alterSubscription'; readonly name: string; readonly enabled?: boolean; readonly slotName?: string }
  | { readonly kind: 'dropSubscription'; readonly name: string; readonly ifExists: boolean }

/** How an effect went. */
export type EffectResult =
  /** `value`: of a call (an array of values for a record). `rows`: those inserted, updated (as they are now) or deleted. */
  | { readonly is: 'ok'; readonly value?: Value; readonly rows?: readonly Row[]; readonly notices?: readonly Notice[] }
  | { readonly is: 'error'; readonly state: string; readonly message: string; readonly detail?: string; readonly hint?: string; readonly notices?: readonly Notice[] }
  /** The connection broke; `fatal` is the server's last word, if it had one. */
  | { readonly is: 'lost'; readonly fatal?: string; readonly notices?: readonly Notice[] }

/** Carries out an effect on a server. */
export type Perform = (effect: Effect) => Process<EffectResult>

/** A function of the server, with its types. */
export interface FunctionSignature {
  readonly args: readonly PgType[]
  readonly argNames?: readonly string[]
  /** Defaults of the last arguments. */
  readonly defaults?: readonly Value[]
  readonly returns: PgType
  /** A record: the value is an array with these columns. */
  readonly columns?: readonly { readonly name: string; readonly type: PgType }[]
}

const reads = (returns: PgType, ...args: PgType[]): FunctionSignature => ({ args, returns })

/** Functions that only read the server's state: the host answers them. */
export const HOST_FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  pg_is_in_recovery: reads('bool'),
  pg_current_wal_lsn: reads('pg_lsn'),
  pg_current_wal_insert_lsn: reads('pg_lsn'),
  pg_current_wal_flush_lsn: reads('pg_lsn'),
  pg_last_wal_receive_lsn: reads('pg_lsn'),
  pg_last_wal_replay_lsn: reads('pg_lsn'),
  pg_last_xact_replay_timestamp: reads('timestamptz'),
  pg_is_wal_replay_paused: reads('bool'),
  pg_get_wal_replay_pause_state: reads('text'),
  pg_postmaster_start_time: reads('timestamptz'),
  pg_conf_load_time: reads('timestamptz'),
  pg_backend_pid: reads('int4'),
  pg_walfile_name: reads('text', 'pg_lsn'),
  pg_database_size: reads('int8', 'name'),
  pg_total_relation_size: reads('int8', 'text'),
  pg_relation_size: reads('int8', 'text'),
  pg_table_size: reads('int8', 'text'),
  pg_blocking_pids: reads('int4[]', 'int4'),
  txid_current: reads('int8'),
  to_regclass: reads('text', 'text'),
  inet_server_addr: reads('inet'),
  inet_server_port: reads('int4'),
  inet_client_addr: reads('inet'),
  inet_client_port: reads('int4'),
  version: reads('text'),
  current_database: reads('name'),
  current_user: reads('name'),
  session_user: reads('name'),
  current_schema: reads('name'),
}

const SLOT = [{ name: 'slot_name', type: 'name' }, { name: 'lsn', type: 'pg_lsn' }] as const

/** Functions that change something or wait: the server carries them out as effects. */
export const EFFECT_FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  pg_reload_conf: reads('bool'),
  pg_rotate_logfile: reads('bool'),
  pg_promote: { args: ['bool', 'int4'], argNames: ['wait', 'wait_seconds'], defaults: [true, 60], returns: 'bool' },
  pg_switch_wal: reads('pg_lsn'),
  pg_create_restore_point: reads('pg_lsn', 'text'),
  pg_wal_replay_pause: reads('void'),
  pg_wal_replay_resume: reads('void'),
  pg_terminate_backend: { args: ['int4', 'int8'], argNames: ['pid', 'timeout'], defaults: [0], returns: 'bool' },
  pg_cancel_backend: reads('bool', 'int4'),
  pg_create_physical_replication_slot: {
    args: ['name', 'bool', 'bool'], argNames: ['slot_name', 'immediately_reserve', 'temporary'], defaults: [false, false], returns: 'text', columns: SLOT,
  },
  pg_create_logical_replication_slot: {
    args: ['name', 'name', 'bool', 'bool'], argNames: ['slot_name', 'plugin', 'temporary', 'twophase'], defaults: [false, false], returns: 'text', columns: SLOT,
  },
  pg_drop_replication_slot: reads('void', 'name'),
  pg_replication_slot_advance: { args: ['name', 'pg_lsn'], returns: 'text', columns: [{ name: 'slot_name', type: 'name' }, { name: 'end_lsn', type: 'pg_lsn' }] },
  pg_backup_start: { args: ['text', 'bool'], argNames: ['label', 'fast'], defaults: [false], returns: 'pg_lsn' },
  pg_backup_stop: {
    args: ['bool'], argNames: ['wait_for_archive'], defaults: [true], returns: 'text',
    columns: [{ name: 'lsn', type: 'pg_lsn' }, { name: 'labelfile', type: 'text' }, { name: 'spcmapfile', type: 'text' }],
  },
  pg_advisory_lock: reads('void', 'int8'),
  pg_advisory_xact_lock: reads('void', 'int8'),
  pg_try_advisory_lock: reads('bool', 'int8'),
  pg_try_advisory_xact_lock: reads('bool', 'int8'),
  pg_advisory_unlock: reads('bool', 'int8'),
  pg_advisory_unlock_all: reads('void'),
  pg_sleep: reads('void', 'float8'),
  pg_stat_reset: reads('void'),
  set_config: reads('text', 'text', 'text', 'bool'),
}
