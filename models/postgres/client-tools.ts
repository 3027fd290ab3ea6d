/**
 * createdb, dropdb, createuser, dropuser, vacuumdb and reindexdb: each sends statements over a connection like psql's, and tells what went wrong in its own words.
 * Source: PostgreSQL 15.18; D:reference-client. How long reading a database takes is by its declared size (rule PG-MAINTAIN-1).
 */
import type { Process } from '../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, ok, type Output, recall } from '../../src/operator/command.ts'
import { flag, type Flag, findings, parseFlags, type Parsed, valued } from './flags.ts'
import { versioned } from './tools.ts'
import type { World } from './world.ts'

const CONNECTION = [valued('-h', '--host'), valued('-p', '--port'), valued('-U', '--username'), flag('-w', '--no-password'), valued('--maintenance-db')]
const TALK = [flag('-e', '--echo')]

/** More jobs than this do not make a disk faster. Source: judgement. */
const MOST_JOBS = 4
/** ANALYZE reads 30,000 pages a table (300 × default_statistics_target): this much of a database, at most. Source: D:sql-analyze; how many tables there are: judgement. */
const SAMPLED_MB = 1_000

interface Tool {
  readonly name: string
  readonly summary: string
  readonly flags: readonly Flag[]
  run(world: World, call: Call, parsed: Parsed, psql: Command): Process<Output>
}

const quoted = (name: string): string => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Runs statements on one database; what psql says of an error, without its own name. */
function* send(call: Call, psql: Command, parsed: Parsed, database: string, statements: readonly string[]): Process<{ readonly out: string; readonly err: string; readonly failed: boolean; readonly connected: boolean }> {
  const where = ['-h', '-p', '-U'].flatMap(name => (parsed.flags.has(name) ? [name, parsed.flags.get(name) as string] : []))
  const { out, err, code } = yield* psql.run(recall(call, { argv: ['psql', '-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', ...where, '-d', database, ...statements.flatMap(each => ['-c', each])] }))
  const connected = !err.startsWith('psql: error: ')
  return { out, err: err.replace(/^psql: error: /, ''), failed: code !== 0, connected }
}

/** A tool that sends one statement to the maintenance database. `why` begins its own complaint. */
function* one(name: string, call: Call, psql: Command, parsed: Parsed, statement: string, why: string): Process<Output> {
  const echoed = parsed.flags.has('-e') ? `SELECT pg_catalog.set_config('search_path', '', false);\n${statement};\n` : ''
  const { err, failed: bad, connected } = yield* send(call, psql, parsed, parsed.flags.get('--maintenance-db') ?? 'postgres', [statement])
  if (!bad) return { out: echoed, err, code: 0 }
  return failed(connected ? `${name}: error: ${why}: ${err}` : `${name}: error: ${err}`, 1, echoed)
}

const hint = (name: string, why: string): Output => failed(`${name}: error: ${why}\n${name}: hint: Try "${name} --help" for more information.\n`)

const createdb: Tool = {
  name: 'createdb',
  summary: 'makes a database',
  flags: [...CONNECTION, ...TALK, valued('-O', '--owner'), valued('-T', '--template'), valued('-E', '--encoding'), valued('-l', '--locale'), valued('--lc-collate'), valued('--lc-ctype'), valued('-D', '--tablespace')],
  *run(_world, call, parsed, psql) {
    const name = parsed.rest[0] ?? parsed.flags.get('-U') ?? call.user ?? 'postgres'
    const more = [['-O', 'OWNER', quoted], ['-T', 'TEMPLATE', quoted], ['-E', 'ENCODING', literal], ['-l', 'LOCALE', literal], ['--lc-collate', 'LC_COLLATE', literal], ['--lc-ctype', 'LC_CTYPE', literal]] as const
    const options = more.flatMap(([key, word, form]) => (parsed.flags.has(key) ? [` ${word} ${form(parsed.flags.get(key) as string)}`] : [])).join('')
    return yield* one('createdb', call, psql, parsed, `CREATE DATABASE ${quoted(name)}${options}`, 'database creation failed')
  },
}

const dropdb: Tool = {
  name: 'dropdb',
  summary: 'drops a database',
  flags: [...CONNECTION, ...TALK, flag('--if-exists'), flag('-f', '--force')],
  *run(_world, call, parsed, psql) {
    const [name] = parsed.rest
    if (name === undefined) return hint('dropdb', 'missing required argument database name')
    return yield* one('dropdb', call, psql, parsed, `DROP DATABASE ${parsed.flags.has('--if-exists') ? 'IF EXISTS ' : ''}${quoted(name)}${parsed.flags.has('-f') ? ' WITH (FORCE)' : ''}`, 'database removal failed')
  },
}

const createuser: Tool = {
  name: 'createuser',
  summary: 'makes a role that may log in',
  flags: [...CONNECTION, ...TALK, flag('-s', '--superuser'), flag('-S', '--no-superuser'), flag('-d', '--createdb'), flag('-D', '--no-createdb'), flag('-r', '--createrole'), flag('-R', '--no-createrole'), flag('-l', '--login'), flag('-L', '--no-login'), flag('-i', '--inherit'), flag('-I', '--no-inherit'), flag('--replication'), flag('--no-replication'), valued('-c', '--connection-limit'), valued('-g', '--role')],
  *run(_world, call, parsed, psql) {
    const has = (name: string): boolean => parsed.flags.has(name)
    const name = parsed.rest[0] ?? parsed.flags.get('-U') ?? call.user ?? 'postgres'
    const superuser = has('-s')
    const words = [
      superuser ? 'SUPERUSER' : 'NOSUPERUSER', superuser || has('-d') ? 'CREATEDB' : 'NOCREATEDB', superuser || has('-r') ? 'CREATEROLE' : 'NOCREATEROLE', has('-I') ? 'NOINHERIT' : 'INHERIT', has('-L') ? 'NOLOGIN' : 'LOGIN',
      ...(has('--replication') ? ['REPLICATION'] : has('--no-replication') ? ['NOREPLICATION'] : []), ...(has('-c') ? [`CONNECTION LIMIT ${parsed.flags.get('-c')}`] : []), ...(has('-g') ? [`IN ROLE ${quoted(parsed.flags.get('-g') as string)}`] : []),
    ]
    return yield* one('createuser', call, psql, parsed, `CREATE ROLE ${quoted(name)} ${words.join(' ')}`, 'creation of new role failed')
  },
}

const dropuser: Tool = {
  name: 'dropuser',
  summary: 'drops a role',
  flags: [...CONNECTION, ...TALK, flag('--if-exists')],
  *run(_world, call, parsed, psql) {
    const [name] = parsed.rest
    if (name === undefined) return hint('dropuser', 'missing required argument role name')
    return yield* one('dropuser', call, psql, parsed, `DROP ROLE ${parsed.flags.has('--if-exists') ? 'IF EXISTS ' : ''}${quoted(name)}`, `removal of role "${name}" failed`)
  },
}

const MANY = [...CONNECTION, ...TALK, valued('-d', '--dbname'), flag('-a', '--all'), flag('-q', '--quiet'), flag('-v', '--verbose'), valued('-j', '--jobs'), valued('-t', '--table')]

/** The databases a tool works through: the one it names, or all that let it in, by name. Undefined: it cannot ask. */
function* databasesFor(name: string, call: Call, psql: Command, parsed: Parsed, verb: string): Process<readonly string[] | Output> {
  const named = parsed.flags.get('-d') ?? parsed.rest[0]
  if (!parsed.flags.has('-a')) return [named ?? parsed.flags.get('-U') ?? call.user ?? 'postgres']
  if (named !== undefined) return failed(`${name}: error: cannot ${verb} all databases and a specific one at the same time\n`)
  const { out, err, failed: bad } = yield* send(call, psql, parsed, parsed.flags.get('--maintenance-db') ?? 'postgres', ['SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1'])
  return bad ? failed(`${name}: error: ${err}`) : out.split('\n').filter(line => line !== '')
}

/** The words behind the error of one database. */
const whyFailed = (name: string, database: string, table: string | undefined, verb: string, { err, connected }: { readonly err: string; readonly connected: boolean }): string =>
  !connected ? `${name}: error: ${err}` : table === undefined ? `${name}: error: processing of database "${database}" failed: ${err}` : `${name}: error: ${verb} of table "${table}" in database "${database}" failed: ${err}`

/** `-j` at work. */
const jobsOf = (parsed: Parsed): number => Math.min(MOST_JOBS, Math.max(1, Number(parsed.flags.get('-j') ?? 1)))

const STAGES = [[0.01, 'minimal optimizer statistics (1 target)'], [0.1, 'medium optimizer statistics (10 targets)'], [1, 'default (full) optimizer statistics']] as const

const vacuumdb: Tool = {
  name: 'vacuumdb',
  summary: 'VACUUM and ANALYZE of whole databases',
  flags: [...MANY, flag('-z', '--analyze'), flag('-Z', '--analyze-only'), flag('--analyze-in-stages'), flag('-F', '--freeze'), valued('-P', '--parallel'), flag('--skip-locked')],
  *run(world, call, parsed, psql) {
    const { options } = world
    const staged = parsed.flags.has('--analyze-in-stages')
    const analyzes = staged || parsed.flags.has('-Z')
    const databases = yield* databasesFor('vacuumdb', call, psql, parsed, 'vacuum')
    if ('code' in databases) return databases
    const table = parsed.flags.get('-t')
    const readMB = (database: string): number => (database !== options.database || table !== undefined ? 1 : analyzes ? Math.min(SAMPLED_MB, options.databaseMB) : options.databaseMB)
    const rate = world.bytesPerSecond('dumpMBps', 'vacuumdb')
    let out = ''
    for (const [share, words] of staged ? STAGES : ([[1, '']] as const)) {
      for (const database of databases) {
        if (!parsed.flags.has('-q')) out += staged ? `vacuumdb: processing database "${database}": Generating ${words}\n` : `vacuumdb: vacuuming database "${database}"\n`
        const seconds = (readMB(database) * share * 1_000_000) / rate / jobsOf(parsed)
        const statement = `${analyzes ? 'ANALYZE' : parsed.flags.has('-z') ? 'VACUUM ANALYZE' : 'VACUUM'}${table === undefined ? '' : ` ${table}`}`
        const sent = yield* send(call, psql, parsed, database, [statement, `select pg_sleep(${Math.round(seconds * 1000) / 1000})`])
        if (sent.failed) return failed(whyFailed('vacuumdb', database, table, 'vacuuming', sent), 1, out)
      }
    }
    return ok(out)
  },
}

const reindexdb: Tool = {
  name: 'reindexdb',
  summary: 'REINDEX of whole databases',
  flags: [...MANY, valued('-i', '--index'), valued('-S', '--schema'), flag('-s', '--system'), flag('--concurrently')],
  *run(_world, call, parsed, psql) {
    const databases = yield* databasesFor('reindexdb', call, psql, parsed, 'reindex')
    if ('code' in databases) return databases
    const [table, index, schema] = ['-t', '-i', '-S'].map(name => parsed.flags.get(name))
    const how = parsed.flags.has('--concurrently') ? ' CONCURRENTLY' : ''
    let out = ''
    let err = ''
    for (const database of databases) {
      if (parsed.flags.has('-a') && !parsed.flags.has('-q')) out += `reindexdb: reindexing database "${database}"\n`
      const statements = [...(index === undefined ? [] : [`REINDEX INDEX${how} ${index}`]), ...(table === undefined ? [] : [`REINDEX TABLE${how} ${table}`]), ...(schema === undefined ? [] : [`REINDEX SCHEMA${how} ${schema}`])]
      if (parsed.flags.has('-s')) statements.push(`REINDEX SYSTEM ${quoted(database)}`)
      else if (statements.length === 0) statements.push(`REINDEX DATABASE${how} ${quoted(database)}`)
      const sent = yield* send(call, psql, parsed, database, statements)
      if (sent.failed) return failed(err + whyFailed('reindexdb', database, table, 'reindexing', sent), 1, out)
      err += sent.err
    }
    return { out, err, code: 0 }
  },
}

/** The client programs of a place. @param psql of the same place */
export function clientTools(world: World, psql: Command): readonly Command[] {
  return [createdb, dropdb, createuser, dropuser, vacuumdb, reindexdb].map(({ name, summary, flags, run }): Command =>
    versioned(world, {
      name,
      summary,
      check: (argv): Finding[] => findings(name, parseFlags(argv, flags), flags),
      latencyUs: call => psql.latencyUs(recall(call, { argv: ['psql'] })),
      intent: () => 'acts',
      readsInput: () => false,
      look: () => undefined,
      run: call => run(world, call, parseFlags(call.argv, flags), psql),
    }),
  )
}
