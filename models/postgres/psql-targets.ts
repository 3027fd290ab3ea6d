/** Whom psql reaches: the local server of a container, a server by host name, a server through a pooler, or a pooler's admin console. */
import type { Distribution, Process } from '../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, type Intent, type Look, ok, type Output, recall } from '../../src/operator/command.ts'
import { rememberedByWords } from '../../src/operator/remembered.ts'
import { type Client, connect, findBouncer } from './connecting.ts'
import { readHost } from './hosts.ts'
import type { Bouncer } from './pgbouncer/bouncer.ts'
import { type BouncerProgram, console_, show } from './pgbouncer/program.ts'
import { connectionLatency, psqlCommand } from './psql/index.ts'
import { sqlHost } from './relations.ts'
import type { World } from './world.ts'

export type { Client } from './connecting.ts'

/** All servers have the same catalogs; without a server nothing is known, and nothing is held against anybody. */
function hasCatalog(world: World, name: string): boolean {
  const [server] = world.servers
  return server === undefined || sqlHost(server).relation(name) !== undefined
}

/** The psql of one place. */
export function psqlFor(world: World, client: Client): Command {
  const latency: Distribution = world.options.profile === 'lab' ? { is: 'uniform', min: 1_000, max: 3_000 } : { is: 'uniform', min: 5_000, max: 40_000 }
  const sql = psqlCommand((target, call) => connect(world, client, target, call), { latencyUs: connectionLatency(world.sim.chance, latency), nowUs: () => world.sim.now, ...(client.file === undefined ? {} : { readFile: (_call: Call, path: string) => client.file?.(path) }), hasCatalog: name => hasCatalog(world, name) })
  const { poolers } = client
  const check = (argv: readonly string[]): readonly Finding[] => [...sql.check(argv), ...absent(world, options(argv))]
  if (poolers === undefined) return { ...sql, check: argv => (world.options.pooler === false ? hinted(argv, check(argv)) : check(argv)) }
  const consoleOf = ({ database, host }: Words): Bouncer | string | undefined => (database === 'pgbouncer' && host !== undefined ? findBouncer(world, poolers, client.place(), host, 0) : undefined)
  /** The paused pooler that a call for a database behind it comes to. */
  const held = (call: Call, { isPooler, host }: Words): Bouncer | undefined => {
    if (host === undefined || !isPooler) return undefined
    const bouncer = findBouncer(world, poolers, client.place(), host, call.nth)
    return typeof bouncer !== 'string' && bouncer.paused ? bouncer : undefined
  }
  return {
    name: 'psql',
    summary: sql.summary,
    check: argv => (meansConsole(argv) ? checkConsole(argv) : check(argv)),
    latencyUs: call => sql.latencyUs(call),
    look(call): Look | undefined {
      const words = options(call.argv)
      const bouncer = consoleOf(words)
      if (bouncer === undefined) return held(call, words) === undefined ? sql.look(call) : undefined
      return typeof bouncer === 'string' ? { output: refused(bouncer), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY } : lookConsole(bouncer, call)
    },
    intent: argv => (options(argv).database === 'pgbouncer' ? consoleIntent(argv) : sql.intent?.(argv)),
    readsInput: argv => sql.readsInput?.(argv) !== false,
    // A pooler that holds a query answers it in its own time, and its console knows no SQL: who goes to one looks first.
    acts(call) {
      const { isPooler, database } = options(call.argv)
      return !isPooler && database !== 'pgbouncer' && sql.acts?.(call) === true
    },
    *run(call): Process<Output> {
      const words = options(call.argv)
      const bouncer = consoleOf(words)
      if (bouncer === undefined) {
        const waitsAt = held(call, words)
        if (waitsAt === undefined) return yield* sql.run(call)
        // A paused pooler keeps the query; after RESUME it runs, after query_wait_timeout the client is disconnected (rules PGB-PAUSE-2, PGB-PAUSE-3).
        if (!(yield* waitsAt.untilResumed())) return { out: '', err: 'FATAL:  query_wait_timeout\nserver closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\nconnection to server was lost\n', code: 2 }
        const look = sql.look(call)
        return look === undefined ? yield* sql.run(call) : look.output
      }
      return typeof bouncer === 'string' ? refused(bouncer) : yield* runConsole(bouncer, call)
    },
  }
}

/** A database or role that is not there, as far as one sees: the runbook may make it on its way. What a pooler calls its own is not looked at. */
function absent(world: World, { database, user, isPooler }: Words): readonly Finding[] {
  const { options } = world
  const missing = (what: string, name: string | undefined, there: readonly string[], option: string): readonly Finding[] =>
    name === undefined || there.includes(name) || !/^[\w-]+$/.test(name) ? [] : [{ severity: 'warning', message: `there is no ${what} \`${name}\` when the story begins; that of the clients is \`${there[0]}\`. If yours is called so: \`--set cluster.${option}=${name}\``, object: name }]
  if (isPooler || database === 'pgbouncer') return []
  return [...missing('database', database, [options.database, 'postgres', 'template1', 'replication'], 'database'), ...missing('role', user, [options.role, 'postgres', 'replicator', 'root'], 'role')]
}

/** Words for a pooler's console where there is no pooler. */
function hinted(argv: readonly string[], findings: readonly Finding[]): readonly Finding[] {
  const { database, statements } = options(argv)
  if (database !== 'pgbouncer' || findings.every(found => found.severity !== 'error')) return findings
  return [{ severity: 'error', message: `\`${statements[0] ?? 'pgbouncer'}\` is for the console of PgBouncer, and this cluster has none: give it one with \`cluster: { pooler: {} }\` in the scenario, or \`--set cluster.pooler={}\`` }]
}

/** `localhost` as the host of a psql call. */
const LOCAL = /^(-h|--host=|)(?:localhost|127\.0\.0\.1)$/

/** psql inside a pooler's container: the admin console, or SQL through the pooler. */
export function bouncerPsql(world: World, poolers: BouncerProgram, bouncer: Bouncer): Command {
  const inner = psqlFor(world, { place: () => bouncer.host.place, user: 'pgbouncer', server: () => undefined, pod: bouncer.host.pod, poolers })
  const isConsole = (argv: readonly string[]) => options(argv).database === 'pgbouncer'
  // In its container the pooler is who listens on localhost.
  const at = (argv: readonly string[]): readonly string[] => (argv.some(word => LOCAL.test(word)) ? argv.map(word => word.replace(LOCAL, `$1${bouncer.host.pod}`)) : argv)
  const here = (call: Call): Call => (at(call.argv) === call.argv ? call : recall(call, { argv: at(call.argv) }))
  return {
    name: 'psql',
    summary: inner.summary,
    check: argv => (isConsole(argv) ? checkConsole(argv) : inner.check(argv)),
    latencyUs: call => inner.latencyUs(call),
    intent: argv => (isConsole(argv) ? consoleIntent(argv) : inner.intent?.(argv)),
    readsInput: argv => inner.readsInput?.(argv) !== false,
    look: call => (isConsole(call.argv) ? lookConsole(bouncer, call) : inner.look(here(call))),
    run: call => (isConsole(call.argv) ? runConsole(bouncer, call) : inner.run(here(call))),
  }
}

const refused = (why: string): Output => failed(`psql: error: ${why}\n`, 2)

const VALUED = new Set(['-h', '-p', '-U', '-d', '-c', '-f', '-v', '-F', '-R', '-P', '-o', '-L', '--host', '--port', '--username', '--dbname', '--command', '--file', '--set', '--variable', '--pset'])

interface Words {
  readonly host: string | undefined
  /** The host is the pooler's Service or one of its pods. */
  readonly isPooler: boolean
  readonly database: string | undefined
  readonly user: string | undefined
  readonly statements: readonly string[]
  readonly tuplesOnly: boolean
  readonly unaligned: boolean
  readonly quiet: boolean
  readonly separator: string
}

/** The few words of a psql call that matter for the console. */
const options = rememberedByWords((argv): Words => {
  let host: string | undefined
  let database: string | undefined
  let user: string | undefined
  let tuplesOnly = false
  let unaligned = false
  let quiet = false
  let separator = '|'
  const statements: string[] = []
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (!word.startsWith('-')) {
      database ??= word
      continue
    }
    const equals = word.indexOf('=')
    const long = word.startsWith('--')
    let name = long && equals > 0 ? word.slice(0, equals) : word
    let value: string | undefined = long && equals > 0 ? word.slice(equals + 1) : undefined
    if (!long && word.length > 2) {
      // Combined short flags: -tAc STATEMENT, or a value glued on: -hHOST.
      if (VALUED.has(word.slice(0, 2))) {
        name = word.slice(0, 2)
        value = word.slice(2)
      } else {
        tuplesOnly ||= word.includes('t')
        unaligned ||= word.includes('A')
        quiet ||= word.includes('q')
        name = `-${word.charAt(word.length - 1)}`
      }
    }
    if (name === '-t' || name === '--tuples-only') tuplesOnly = true
    if (name === '-A' || name === '--no-align') unaligned = true
    if (name === '-q' || name === '--quiet') quiet = true
    if (!VALUED.has(name)) continue
    value ??= argv[++i] ?? ''
    if (name === '-h' || name === '--host') host = value
    if (name === '-d' || name === '--dbname') database = value
    if (name === '-U' || name === '--username') user = value
    if (name === '-c' || name === '--command') statements.push(value)
    if (name === '-F') separator = value
  }
  return { host, isPooler: host !== undefined && readHost(host).isPooler, database, user, statements, tuplesOnly, unaligned, quiet, separator }
})

function meansConsole(argv: readonly string[]): boolean {
  const words = options(argv)
  return words.database === 'pgbouncer' && words.host !== undefined
}

const consoleIntent = (argv: readonly string[]): Intent | undefined => (options(argv).statements.length === 0 ? undefined : options(argv).statements.flatMap(pieces).every(isShow) ? 'reads' : 'acts')

const VERBS = ['PAUSE', 'RESUME', 'RELOAD', 'RECONNECT', 'KILL', 'DISABLE', 'ENABLE', 'SHUTDOWN', 'SHOW VERSION', 'SHOW DATABASES', 'SHOW POOLS']

function checkConsole(argv: readonly string[]): Finding[] {
  return options(argv).statements.filter(s => !s.includes('${') && !VERBS.some(v => s.trim().toUpperCase().startsWith(v))).map(s => ({ severity: 'error' as const, message: `the PgBouncer console statement \`${s}\` is not modelled; supported: ${VERBS.join(', ')}` }))
}

/** What the console is told: by `-c`, or on standard input. */
function statementsOf({ statements }: Words, call: Call): { readonly statements: readonly string[]; readonly typed: boolean } {
  if (statements.length > 0) return { statements: statements.flatMap(pieces), typed: false }
  return { statements: pieces(call.stdin), typed: true }
}

const pieces = (text: string): string[] => text.split(';').map(each => each.replace(/--[^\n]*/g, '').trim()).filter(each => each !== '')

const isShow = (statement: string): boolean => /^\s*show\s/i.test(statement)

/** A table of the console, as psql prints it; undefined when there is none of that name. */
function shown(bouncer: Bouncer, statement: string, words: Words): string | undefined {
  const table = show(bouncer, statement.trim().split(/\s+/)[1] ?? '')
  return table === undefined ? undefined : words.unaligned ? unaligned(table, words) : aligned(table, words.tuplesOnly)
}

function lookConsole(bouncer: Bouncer, call: Call): Look | undefined {
  const words = options(call.argv)
  const { statements } = statementsOf(words, call)
  if (!statements.every(isShow)) return undefined
  let out = ''
  for (const statement of statements) {
    const table = shown(bouncer, statement, words)
    if (table === undefined) return { output: failed(`ERROR:  unsupported ${statement}\n`), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }
    out += table
  }
  return { output: ok(out), afterUs: 0, stableUntilUs: bouncer.world.sim.now }
}

function* runConsole(bouncer: Bouncer, call: Call): Process<Output> {
  const words = options(call.argv)
  const { statements, typed } = statementsOf(words, call)
  let out = ''
  let err = ''
  for (const statement of statements) {
    const table = isShow(statement) ? shown(bouncer, statement, words) : undefined
    if (table !== undefined) {
      out += table
      continue
    }
    const result = (yield* console_(bouncer, statement)) ?? failed(`ERROR:  invalid command '${statement}', use SHOW HELP;\n`, 1)
    // What is typed in goes on after an error; the tags of what was done are not for `-q`.
    if (result.code !== 0 && !typed) return { out, err: err + result.err, code: result.code }
    out += words.quiet ? '' : result.out
    err += result.err
  }
  return { out, err, code: 0 }
}

interface ShowTable {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

function unaligned(table: ShowTable, { tuplesOnly, separator }: Words): string {
  const rows = table.rows.map(r => `${r.join(separator)}\n`).join('')
  return tuplesOnly ? rows : `${table.columns.join(separator)}\n${rows}(${table.rows.length} row${table.rows.length === 1 ? '' : 's'})\n`
}

function aligned(table: ShowTable, tuplesOnly: boolean): string {
  const widths = table.columns.map((c, i) => Math.max(c.length, ...table.rows.map(r => (r[i] ?? '').length)))
  const line = (cells: readonly string[]) => ` ${cells.map((c, i) => c.padEnd(widths[i] as number)).join(' | ')} \n`
  const body = table.rows.map(line).join('')
  if (tuplesOnly) return `${body}\n`
  return `${line(table.columns)}${widths.map(w => '-'.repeat(w + 2)).join('+')}\n${body}(${table.rows.length} row${table.rows.length === 1 ? '' : 's'})\n\n`
}
