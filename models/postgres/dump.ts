/** `pg_dump` and `pg_dumpall`: a session like any other, open for as long as reading everything takes (rule PG-DUMP-1). What is dumped is nowhere: nothing can be restored from it. */
import { type Process, SECOND } from '../../src/kernel/index.ts'
import { type Call, type Command, type Disk, failed, type Finding, type Output, recall, UnsupportedError } from '../../src/operator/command.ts'
import { rememberedByWords } from '../../src/operator/remembered.ts'
import { eyesOf } from './sessions.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

type Kind = 'connection' | 'value' | 'switch' | 'little'

/** What `--verbose` says on the error stream is left out. Flags by what they are here: where to connect, a value, a switch, or one with which next to nothing is read. */
const FLAGS: Readonly<Record<string, Kind>> = {
  '-h': 'connection', '--host': 'connection', '-p': 'connection', '--port': 'connection', '-U': 'connection', '--username': 'connection', '-d': 'connection', '--dbname': 'connection', '-l': 'value', '--database': 'value',
  '-f': 'value', '--file': 'value', '-F': 'value', '--format': 'value', '-j': 'value', '--jobs': 'value', '-Z': 'value', '--compress': 'value', '--lock-wait-timeout': 'value', '-E': 'value', '--encoding': 'value', '--role': 'value',
  '-s': 'little', '--schema-only': 'little', '-g': 'little', '--globals-only': 'little', '-r': 'little', '--roles-only': 'little', '--tablespaces-only': 'little',
  '-w': 'switch', '--no-password': 'switch', '-v': 'switch', '--verbose': 'switch', '-O': 'switch', '--no-owner': 'switch', '-x': 'switch', '--no-privileges': 'switch', '--no-acl': 'switch', '-c': 'switch', '--clean': 'switch', '-C': 'switch', '--create': 'switch',
  '--if-exists': 'switch', '-b': 'switch', '--blobs': 'switch', '--large-objects': 'switch', '--no-sync': 'switch', '--quote-all-identifiers': 'switch', '--inserts': 'switch', '--column-inserts': 'switch', '--no-comments': 'switch', '-a': 'switch', '--data-only': 'switch',
}
const SUPPORTED = 'supported: -h -p -U -d -f -F p|c|d|t -j -Z -s -g -a -c -C -O -x -w -v --if-exists --no-owner --no-privileges --inserts'
const FORMATS: Readonly<Record<string, string>> = { p: 'p', plain: 'p', c: 'c', custom: 'c', d: 'd', directory: 'd', t: 't', tar: 't' }
/** Reading definitions only. Source: judgement. */
const LITTLE_SECONDS = 1
/** More jobs than this do not make a disk faster. Source: judgement. */
const MOST_JOBS = 4

interface Asked {
  readonly connection: readonly string[]
  readonly file: string | undefined
  readonly format: string
  readonly jobs: number
  readonly little: boolean
  readonly problem: string | undefined
}

const parse = rememberedByWords((argv): Asked => {
  const connection: string[] = []
  const values = new Map<string, string>()
  let little = false
  let problem: string | undefined
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (!word.startsWith('-') || word === '-') {
      connection.push(word)
      continue
    }
    const long = word.startsWith('--')
    const equals = long ? word.indexOf('=') : -1
    // Switches may be written together: -Fc, -Ox, -h HOST.
    let rest = long ? '' : word.slice(2)
    let name = long ? (equals < 0 ? word : word.slice(0, equals)) : word.slice(0, 2)
    while (!long && FLAGS[name] !== undefined && FLAGS[name] !== 'value' && FLAGS[name] !== 'connection' && rest !== '') {
      little ||= FLAGS[name] === 'little'
      name = `-${rest.charAt(0)}`
      rest = rest.slice(1)
    }
    const kind = FLAGS[name]
    if (kind === undefined) problem ??= name
    else if (kind === 'little') little = true
    else if (kind !== 'switch') {
      const value = equals >= 0 ? word.slice(equals + 1) : rest !== '' ? rest : (argv[++i] ?? '')
      if (kind === 'connection') connection.push(name, value)
      else values.set(name, value)
    }
  }
  const format = values.get('-F') ?? values.get('--format') ?? 'p'
  return { connection, file: values.get('-f') ?? values.get('--file'), format: FORMATS[format] ?? format, jobs: Number(values.get('-j') ?? values.get('--jobs') ?? 1), little, problem }
})

/** The dump programs of a place. @param psql of the same place; @param disk of a container; a workstation's comes with each call */
export function dumpPrograms(world: World, psql: Command, disk?: Disk): readonly Command[] {
  return ['pg_dump', 'pg_dumpall'].map(name => ({
    name,
    summary: name === 'pg_dump' ? 'reads a whole database' : 'reads all databases, roles and tablespaces',
    check: argv => checked(name, parse(argv)),
    latencyUs: call => psql.latencyUs(recall(call, { argv: ['psql', ...connectionOf(name, parse(call.argv))] })),
    // It changes nothing in the cluster.
    intent: () => 'reads',
    readsInput: () => false,
    look: () => undefined,
    run: call => dump(world, psql, name, call, disk ?? call.disk),
  }))
}

function checked(name: string, { problem, format, jobs, file }: Asked): Finding[] {
  const wrong = problem !== undefined && !problem.includes('$') ? `the option ${problem} is not modelled; ${SUPPORTED}` : name === 'pg_dumpall' && format !== 'p' ? 'it writes text only' : FORMATS[format] === undefined && !format.includes('$') ? `invalid output format "${format}"` : format === 'd' && file === undefined ? 'the directory format needs -f DIRECTORY' : jobs > 1 && format !== 'd' ? 'parallel backup only supported by the directory format' : undefined
  return wrong === undefined ? [] : [{ severity: 'error', message: `${name}: ${wrong}` }]
}

const connectionOf = (name: string, { connection }: Asked): readonly string[] => (name === 'pg_dumpall' && !connection.includes('-d') && !connection.includes('--dbname') ? [...connection, '-d', 'postgres'] : connection)

function* dump(world: World, psql: Command, name: string, call: Call, disk: Disk | undefined): Process<Output> {
  const asked = parse(call.argv)
  const [wrong] = checked(name, asked)
  if (asked.problem !== undefined) throw new UnsupportedError(`the option ${asked.problem} of ${name}`, [SUPPORTED])
  if (wrong !== undefined) return failed(`${name}: error: ${wrong.message.slice(name.length + 2)}\n`)
  const { file, format, little, jobs } = asked
  const version = world.options.image.replace(/^.*:/, '')
  const seconds = little ? LITTLE_SECONDS : (world.options.databaseMB * 1_000_000) / world.bytesPerSecond('dumpMBps', name) / Math.min(MOST_JOBS, Math.max(1, jobs))
  const leaders = [...world.servers].filter(server => server.accepting && !server.inRecovery)
  const tables = leaders.length === 1 ? world.tables.visibleTo(eyesOf(leaders[0] as Server)).map(table => table.name) : []
  const statements = [
    'begin isolation level repeatable read, read only',
    ...(tables.length === 0 ? [] : [`lock table ${tables.join(', ')} in access share mode`]),
    `select pg_sleep(${Math.round(seconds * SECOND) / SECOND})`,
    'commit',
  ]
  const read = yield* psql.run(recall(call, { argv: ['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', ...connectionOf(name, asked), ...statements.flatMap(each => ['-c', each])] }))
  if (read.code !== 0) {
    // A last warning of the server is told as it comes.
    const [warning = ''] = /^WARNING:.*\n/.exec(read.err) ?? []
    const said = read.err.slice(warning.length).replace(/^psql: error: /, '').replace('connection to server was lost\n', '')
    return failed(said.startsWith('connection to server') || said.startsWith('could not translate') ? `${name}: error: ${said}` : `${warning}${name}: error: query failed: ${said}`)
  }
  const text = `${format === 'p' ? '' : 'PGDMP\n'}--\n-- PostgreSQL database${name === 'pg_dumpall' ? ' cluster' : ''} dump\n--\n\n-- Dumped from database version ${version}\n-- Dumped by ${name} version ${version}\n\nCOPY public.everything FROM stdin;\n\\.\n\n--\n-- PostgreSQL database${name === 'pg_dumpall' ? ' cluster' : ''} dump complete\n--\n\n`
  if (file === undefined) return { out: text, err: '', code: 0 }
  const path = format === 'd' ? `${file}/toc.dat` : file
  if (format === 'd') disk?.makeDirectory?.(file)
  const problem = disk?.write(path, text)
  return problem === undefined ? { out: '', err: '', code: 0 } : failed(`${name}: error: could not open output file "${file}": ${problem}\n`)
}
