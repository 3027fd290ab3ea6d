import { readFileSync } from 'node:fs'
import { type Process, Simulation } from '../../../src/kernel/index.ts'
import type { Call, Output } from '../../../src/operator/command.ts'
import { type Connection, connectionErrors, psqlCommand, type Target } from '../../../models/postgres/psql/index.ts'
import { applyToTables, type Column, type Effect, type EffectResult, type Notice, type PgType, type Relation, type SqlHost, type Tables, type Value } from '../../../models/postgres/sql/index.ts'
import { parse } from '../../../models/postgres/sql/convert.ts'
import { plainTable } from '../../../models/postgres/sql/tables.ts'

interface WorldFile {
  readonly relations: Readonly<Record<string, { readonly columns: readonly (readonly [string, string])[]; readonly rows: readonly (readonly (string | null)[])[] }>>
  readonly functions: Readonly<Record<string, readonly [string, string | null]>>
}

export interface Case {
  readonly id: string
  readonly argv: readonly string[]
  readonly stdin?: string
  readonly user?: string
}

export interface Recorded extends Output {
  readonly id: string
}

const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T
const world = read<WorldFile>('world.json')
export const cases = read<{ cases: readonly Case[] }>('cases.json').cases
export const recorded = read<{ recordedWith: string; cases: readonly Recorded[] }>('recorded.json')

const cell = (text: string | null, type: PgType): Value => (text === null ? null : parse(text, type))

function relationOf(name: string): Relation {
  const { columns, rows } = world.relations[name] as WorldFile['relations'][string]
  const typed = columns.map(([column, type]): Column => ({ name: column, type: type as PgType }))
  return { columns: typed, rows: rows.map(row => row.map((text, i) => cell(text, (typed[i] as Column).type))) }
}

const VIEWS = new Map(Object.keys(world.relations).filter(name => name.startsWith('pg_')).map(name => [name, relationOf(name)]))
const SETTINGS: Readonly<Record<string, string>> = {
  max_connections: '100', server_version_num: '150018', server_version: '15.18', synchronous_commit: 'on', work_mem: '4MB', synchronous_standby_names: '',
}
const SYNC_LEVELS = ['local', 'remote_write', 'remote_apply', 'on', 'off']
const BACKEND_PID = 4242

/** The little server of world.json: reads as recorded, writes to its own tables. */
export class LittleServer {
  tables: Tables = new Map(Object.keys(world.relations).filter(name => !name.startsWith('pg_')).map(name => [name, plainTable(relationOf(name))]))
  private saved: Tables | undefined
  private slots: string[] = []
  readonly effects: Effect[] = []

  readonly host: SqlHost = {
    inRecovery: false,
    nowUs: () => parse(world.functions.now?.[1] as string, 'timestamptz') as number,
    relation: name => {
      const relation = VIEWS.get(name) ?? this.tables.get(name)?.relation
      return relation === undefined ? undefined : { relation, movesByItself: name === 'pg_stat_replication' }
    },
    call: (name, args) => {
      if (name === 'pg_backend_pid') return { value: BACKEND_PID, movesByItself: false }
      if (name === 'pg_walfile_name') return { value: `file of ${String(args[0])}`, movesByItself: false }
      const found = world.functions[name]
      return found === undefined ? undefined : { value: cell(found[1], found[0] as PgType), movesByItself: name.includes('lsn') }
    },
    setting: name => SETTINGS[name],
  };

  *perform(effect: Effect): Process<EffectResult> {
    this.effects.push(effect)
    yield 1
    return this.apply(effect)
  }

  private apply(effect: Effect): EffectResult {
    switch (effect.kind) {
      case 'call': return this.call(effect.name, effect.args)
      case 'transaction':
        if (effect.verb === 'begin') this.saved = this.tables
        else if (effect.verb === 'rollback') this.tables = this.saved ?? this.tables
        return { is: 'ok' }
      case 'set':
        if (effect.name !== null && SETTINGS[effect.name] === undefined) return { is: 'error', state: '42704', message: `unrecognized configuration parameter "${effect.name}"` }
        if (effect.name === 'synchronous_commit' && effect.value !== null && !SYNC_LEVELS.includes(effect.value)) {
          return { is: 'error', state: '22023', message: `invalid value for parameter "synchronous_commit": "${effect.value}"`, hint: `Available values: ${SYNC_LEVELS.join(', ')}.` }
        }
        return { is: 'ok' }
      case 'readTables': case 'checkpoint': case 'alterSystem': case 'vacuum': case 'analyze': return { is: 'ok' }
      case 'createPublication': case 'dropPublication': case 'createSubscription': case 'alterSubscription': case 'dropSubscription': case 'alterTable': case 'createIndex': case 'dropIndex': case 'lockTable': case 'access': case 'catalog': case 'reindex': return { is: 'error', state: '0A000', message: 'not in this world' }
      default: {
        const { tables, result } = applyToTables(this.tables, effect, this.host)
        this.tables = tables
        return result
      }
    }
  }

  private call(name: string, args: readonly Value[]): EffectResult {
    const notInRecovery: EffectResult = { is: 'error', state: '55000', message: 'recovery is not in progress', hint: 'Recovery control functions can only be executed during recovery.' }
    switch (name) {
      case 'pg_promote': case 'pg_wal_replay_pause': return notInRecovery
      case 'pg_terminate_backend': {
        if (args[0] === BACKEND_PID) return { is: 'lost', fatal: 'terminating connection due to administrator command' }
        const notices: Notice[] = [{ severity: 'WARNING', message: `PID ${String(args[0])} is not a PostgreSQL backend process` }]
        return { is: 'ok', value: false, notices }
      }
      case 'pg_create_physical_replication_slot':
        if (this.slots.includes(args[0] as string)) return { is: 'error', state: '42710', message: `replication slot "${String(args[0])}" already exists` }
        this.slots.push(args[0] as string)
        return { is: 'ok', value: [args[0] as string, null] }
      case 'pg_drop_replication_slot': return { is: 'error', state: '42704', message: `replication slot "${String(args[0])}" does not exist` }
      case 'pg_advisory_lock': case 'pg_sleep': return { is: 'ok', value: '' }
      default: return { is: 'ok', value: true }
    }
  }

  /** What the recording's server answers to a connection. */
  readonly resolve = (target: Target): Connection => {
    const failed = (stderr: string): Connection => ({ is: 'error', stderr, code: 2, afterUs: 0 })
    if (target.host === '/nowhere' || target.port === '1') return failed(connectionErrors.refused(target))
    if (target.host?.endsWith('.invalid') === true) return failed(connectionErrors.unknownHost(target))
    if (target.user !== 'postgres') return failed(connectionErrors.noRole(target, target.user ?? ''))
    if (target.dbname !== 'work') return failed(connectionErrors.noDatabase(target, target.dbname ?? ''))
    return { is: 'ok', host: this.host, run: effect => this.perform(effect) }
  }
}

/** Runs a case as the recording ran it; also says whether `look` could answer it. */
export function runCase({ argv, stdin = '', user }: Case, server = new LittleServer()): { readonly output: Output; readonly looked: boolean } {
  const env = { PGHOST: '@SOCKETS@', PGPORT: '@PORT@', PGDATABASE: 'work', ...(user === undefined && { PGUSER: 'postgres' }) }
  // A directory stands for the recording's sockets, so that libpq's words are those of a socket.
  const absolute = (text: string): string => text.replaceAll('@SOCKETS@', '/sockets').replaceAll('@PORT@', '6543')
  const call: Call = {
    argv: argv.map(absolute), stdin, key: 'test', nth: 0, user: user ?? 'postgres', env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, absolute(value as string)])),
  }
  const psql = psqlCommand(server.resolve, { version: '15.18 (Debian 15.18-0+deb12u1)' })
  const look = psql.look(call)
  const restored = ({ out, err, code }: Output): Output => ({ out, err: err.replaceAll('/sockets', '@SOCKETS@').replaceAll('6543', '@PORT@'), code })
  if (look !== undefined) return { output: restored(look.output), looked: true }
  const sim = new Simulation({ seed: '1' })
  const task = sim.spawn(psql.run(call))
  sim.run()
  return { output: restored(task.result as Output), looked: false }
}
