/** `mysql`: what runbooks ask of one server (inside its pod) and of the cluster (through a vtgate). */
import { NEVER, type Process } from '../../src/kernel/index.ts'
import { withShell } from '../../src/operator/shell/container.ts'
import { type Call, type Command, CommandRegistry, failed, type Finding, type Look, ok, type Output, UnsupportedError } from '../../src/operator/command.ts'
import { rememberedByWords } from '../../src/operator/remembered.ts'
import type { ContainerHandle } from '../kubernetes/container.ts'
import type { VitessCluster } from './cluster.ts'
import { vtgateName } from './topology.ts'
import type { Tablet } from './tablet.ts'

interface Parsed {
  readonly sql: string
  readonly silent: boolean
  readonly host: string | undefined
  readonly problem: string | undefined
}

const QUESTIONS = ['select @@version', 'select @@global.read_only', 'select @@global.super_read_only', 'select @@global.gtid_executed', 'show replica status', 'show global status like …', 'select 1']
const CLUSTER_QUESTIONS = ['show vitess_tablets', 'show vitess_replication_status', 'select 1']

/** -e SQL, -N -s -B (bare output), -h, -P, -u, -p, -A, and `-Nse`-like bundles. */
const parse = rememberedByWords((argv): Parsed => {
  let sql: string | undefined
  let silent = false
  let host: string | undefined
  let problem: string | undefined
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (word === '--execute' || word === '-e') sql = argv[++i]
    else if (word.startsWith('--execute=')) sql = word.slice('--execute='.length)
    else if (word === '-h' || word === '--host') host = argv[++i]
    else if (word.startsWith('--host=')) host = word.slice('--host='.length)
    else if (word.startsWith('-h')) host = word.slice(2)
    else if (word === '-u' || word === '-P' || word === '--user' || word === '--port' || word === '--socket' || word === '-S') i += 1
    else if (/^-[uPp].+|^--(user|port|socket|password|connect[-_]timeout|protocol|ssl[-_]mode)=/.test(word)) continue
    else if (/^-[NsBA]+e?$/.test(word)) {
      silent = /[NsB]/.test(word) || silent
      if (word.endsWith('e')) sql = argv[++i]
    } else if (word === '--skip-column-names' || word === '--silent' || word === '--batch') silent = true
    else if (word.startsWith('-')) problem ??= `unknown option '${word}'`
  }
  return { sql: (sql ?? '').trim().replace(/;$/, '').trim(), silent, host, problem }
})

function normal(sql: string): string {
  return sql.toLowerCase().replace(/\s+/g, ' ').replace(/\\g$/, '').trim()
}

/** A table as `mysql` prints it when its output is no terminal: tabs, with or without the line of names. */
function table(names: readonly string[], rows: readonly (readonly string[])[], silent: boolean): Output {
  return ok([...(silent ? [] : [names]), ...rows].map(row => `${row.join('\t')}\n`).join(''))
}

abstract class Mysql implements Command {
  readonly name = 'mysql'
  readonly summary = 'asks a MySQL server, or a vtgate'

  protected abstract readonly questions: readonly string[]
  protected abstract answer(sql: string, parsed: Parsed): Output | undefined

  check(argv: readonly string[]): readonly Finding[] {
    const { sql, problem } = parse(argv)
    if (problem !== undefined) return [{ severity: 'error', message: `mysql: ${problem}` }]
    if (sql === '') return [{ severity: 'error', message: 'mysql: only `-e STATEMENT` is modelled' }]
    return sql.includes('${') || this.known(normal(sql)) ? [] : [{ severity: 'error', message: `mysql: \`${sql}\` is not modelled; there are: ${this.questions.join('; ')}` }]
  }

  protected abstract known(sql: string): boolean

  latencyUs(): number {
    return 20_000
  }

  look(called: Call): Look {
    const parsed = parse(called.argv)
    if (parsed.problem !== undefined) return { output: failed(`mysql: [ERROR] mysql: ${parsed.problem}.\n`, 2), afterUs: 0, stableUntilUs: NEVER }
    const output = this.answer(normal(parsed.sql), parsed)
    if (output === undefined) throw new UnsupportedError(`mysql: the statement \`${parsed.sql}\` is not modelled`, this.questions)
    return { output, afterUs: 0, stableUntilUs: this.now }
  }

  protected abstract readonly now: number

  *run(): Process<Output> {
    throw new Error('vitess: mysql only reads')
  }
}

/** Inside a tablet's pod: its own mysqld. */
class ServerMysql extends Mysql {
  protected readonly questions = QUESTIONS

  constructor(private readonly tablet: Tablet) {
    super()
  }

  protected get now(): number {
    return this.tablet.world.sim.now
  }

  protected known(sql: string): boolean {
    return sql === 'select 1' || /^select @@(global\.)?(version|read_only|super_read_only|gtid_executed)$/.test(sql) || sql === 'show replica status' || sql === 'show slave status' || /^show (global )?status like '[a-z_%]+'$/.test(sql)
  }

  protected answer(sql: string, { silent }: Parsed): Output | undefined {
    const t = this.tablet
    if (!t.up) return failed("ERROR 2002 (HY000): Can't connect to local MySQL server through socket '/vt/socket/mysql.sock' (2)\n")
    if (sql === 'select 1') return table(['1'], [['1']], silent)
    const variable = /^select (@@(?:global\.)?(version|read_only|super_read_only|gtid_executed))$/.exec(sql)
    if (variable !== null) {
      const [, name = '', which] = variable
      const value = which === 'version' ? t.version : which === 'gtid_executed' ? gtidOf(t) : t.copy.leading ? '0' : '1'
      return table([name], [[value]], silent)
    }
    if (sql === 'show replica status' || sql === 'show slave status') return this.replicaStatus(silent)
    const status = /^show (?:global )?status like '([a-z_%]+)'$/.exec(sql)
    if (status === null) return undefined
    const clients = t.copy.leading ? t.shard.tablets.filter(other => other.copy.upstream === t.copy && other.declared === 'replica').length : 0
    const all: readonly (readonly [string, string])[] = [
      ['Rpl_semi_sync_source_clients', String(clients)],
      ['Rpl_semi_sync_source_status', t.copy.leading && !t.shard.degraded && t.shard.policy !== 'none' ? 'ON' : 'OFF'],
    ]
    const pattern = new RegExp(`^${(status[1] as string).replaceAll('%', '.*')}$`, 'i')
    return table(['Variable_name', 'Value'], all.filter(([name]) => pattern.test(name)), silent)
  }

  private replicaStatus(silent: boolean): Output {
    const t = this.tablet
    const { source } = t
    if (source === undefined || t.copy.leading) return ok('')
    const broken = t.brokenBy === source.version
    const io = t.linked ? 'Yes' : t.replicates ? 'Yes' : broken ? 'No' : 'Connecting'
    const lag = t.linked && !broken ? String(Math.floor(t.lagSeconds)) : 'NULL'
    return table(['Source_Host', 'Replica_IO_Running', 'Replica_SQL_Running', 'Seconds_Behind_Source'], [[source.alias, io, broken ? 'No' : 'Yes', lag]], silent)
  }
}

/** On the workstation: a vtgate, by the name of its Service. */
class GateMysql extends Mysql {
  protected readonly questions = CLUSTER_QUESTIONS

  constructor(private readonly cluster: VitessCluster) {
    super()
  }

  protected get now(): number {
    return this.cluster.now
  }

  protected known(sql: string): boolean {
    return sql === 'select 1' || sql === 'show vitess_tablets' || sql.startsWith('show vitess_tablets like ') || sql === 'show vitess_replication_status'
  }

  protected answer(sql: string, { silent, host }: Parsed): Output | undefined {
    const { world, options, kubernetes, gates } = this.cluster
    const name = vtgateName(options)
    if (host !== undefined && host.split('.')[0] !== name) return failed(`ERROR 2005 (HY000): Unknown MySQL server host '${host}' (-2)\n`)
    const gate = kubernetes.endpoints(name).flatMap(pod => gates.gates.get(pod.uid) ?? [])[0]
    if (gate === undefined) return failed(`ERROR 2003 (HY000): Can't connect to MySQL server on '${name}:3306' (111)\n`)
    if (sql === 'select 1') return table(['1'], [['1']], silent)
    const tablets = [...world.tablets.values()]
    if (sql === 'show vitess_replication_status') {
      const rows = tablets.filter(t => t.type === 'replica' || t.type === 'rdonly').map(t => [t.shard.keyspace.name, t.shard.range, t.type.toUpperCase(), t.alias, t.place, t.source?.alias ?? '', `{"EventStreamRunning":"${t.linked ? 'Yes' : 'No'}"}`, t.linked ? String(Math.floor(t.lagSeconds)) : 'NULL'])
      return table(['Keyspace', 'Shard', 'TabletType', 'Alias', 'Hostname', 'ReplicationSource', 'ReplicationHealth', 'ReplicationLag'], rows, silent)
    }
    if (!sql.startsWith('show vitess_tablets')) return undefined
    const like = /like '([^']*)'/.exec(sql)?.[1]
    const rows = tablets
      .filter(t => gate.believes(t))
      .map(t => [t.cell, t.shard.keyspace.name, t.shard.range, t.type.toUpperCase(), t.healthy ? 'SERVING' : 'NOT_SERVING', t.alias, t.place, ''])
      .filter(row => like === undefined || row.join('\t').toLowerCase().includes(like.replaceAll('%', '').toLowerCase()))
    return table(['Cell', 'Keyspace', 'Shard', 'TabletType', 'State', 'Alias', 'Hostname', 'PrimaryTermStartTime'], rows, silent)
  }
}

/** What a server has executed, as a GTID set: one transaction per write of the load, by the term that it belongs to. */
export function gtidOf(t: Tablet): string {
  const { lsn, branch } = t.copy.position('apply')
  return `${String(branch.timeline).padStart(8, '0')}-0000-11ee-8000-000000000000:1-${Math.floor(lsn / t.shard.bytesPerWrite)}`
}

/** What `kubectl exec` finds in a tablet's pod. */
export function shellOf(tablet: Tablet, c: ContainerHandle): CommandRegistry {
  let registry = inside.get(c)
  if (registry === undefined) inside.set(c, (registry = withShell(tablet.world.sim, new CommandRegistry('container mysqld').register(new ServerMysql(tablet)))))
  return registry
}

/** Of each container that somebody looked into. */
const inside = new WeakMap<ContainerHandle, CommandRegistry>()

export function mysqlClient(cluster: VitessCluster): Command {
  return new GateMysql(cluster)
}
