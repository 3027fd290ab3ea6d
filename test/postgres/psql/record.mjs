// Records what real psql and a real PostgreSQL server answer to the cases of cases.json, into recorded.json. Not run in CI:
//   node test/postgres/psql/record.mjs          (as root or as postgres, with PostgreSQL 15 installed)
// The server gets a schema `mimic` placed before pg_catalog, with the tables and constant functions of world.json.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync, chownSync } from 'node:fs'

const here = new URL('.', import.meta.url).pathname
const read = name => JSON.parse(readFileSync(here + name, 'utf8'))
const world = read('world.json')
const cases = read('cases.json').cases
const bin = process.env.PGBIN ?? '/usr/lib/postgresql/15/bin'
const root = '/tmp/proofroll-psql-record'
const port = '54329'
const isRoot = process.getuid() === 0

rmSync(root, { recursive: true, force: true })
mkdirSync(root)
if (isRoot) chownSync(root, Number(execFileSync('id', ['-u', 'postgres'])), Number(execFileSync('id', ['-g', 'postgres'])))
const asPostgres = (command, args, more = {}) =>
  isRoot ? spawnSync('setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', command, ...args], { encoding: 'utf8', cwd: root, ...more })
    : spawnSync(command, args, { encoding: 'utf8', cwd: root, ...more })
const must = result => {
  if (result.status !== 0) throw new Error(result.stderr + result.stdout)
  return result.stdout
}

must(asPostgres(`${bin}/initdb`, ['-D', `${root}/data`, '-U', 'postgres', '--locale=C.UTF-8', '-E', 'UTF8', '-A', 'trust']))
must(asPostgres(`${bin}/pg_ctl`, ['-D', `${root}/data`, '-w', '-l', `${root}/log`, '-o', `-p ${port} -k ${root} -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=Etc/UTC`, 'start']))
const env = { PATH: process.env.PATH, PGHOST: root, PGPORT: port, PGUSER: 'postgres', PSQLRC: '/dev/null', LC_ALL: 'C.UTF-8', HOME: root, PGOPTIONS: '-c search_path=mimic,pg_catalog' }

const quote = cell => (cell === null ? 'NULL' : `'${cell.replaceAll("'", "''")}'`)
const setup = ['CREATE SCHEMA mimic;']
for (const [name, { columns, rows }] of Object.entries(world.relations)) {
  if (name.startsWith('pg_')) {
    // A view, as the real one: a table may not have a column `xmin`.
    const select = row => `SELECT ${columns.map(([c, t], i) => `${row === null ? 'NULL' : quote(row[i])}::${t} AS "${c}"`).join(', ')}`
    setup.push(`CREATE VIEW mimic.${name} AS ${rows.length === 0 ? `${select(null)} WHERE false` : rows.map(select).join(' UNION ALL ')};`)
    continue
  }
  setup.push(`CREATE TABLE mimic.${name} (${columns.map(([c, t]) => `"${c}" ${t}`).join(', ')});`)
  for (const row of rows) setup.push(`INSERT INTO mimic.${name} VALUES (${row.map(quote).join(', ')});`)
}
setup.push('CREATE FUNCTION mimic.pg_control_checkpoint() RETURNS SETOF mimic.pg_control_checkpoint LANGUAGE sql ROWS 1 AS $$ SELECT * FROM mimic.pg_control_checkpoint $$;')
for (const [name, [type, value]] of Object.entries(world.functions)) {
  setup.push(`CREATE FUNCTION mimic.${name}() RETURNS ${type} LANGUAGE sql STABLE AS $$ SELECT ${quote(value)}::${type} $$;`)
}
must(asPostgres(`${bin}/createdb`, ['mimic'], { env }))
must(asPostgres(`${bin}/psql`, ['-X', '-v', 'ON_ERROR_STOP=1', '-d', 'mimic'], { env, input: setup.join('\n') }))

const recorded = []
for (const { id, argv, stdin, dsn, user } of cases) {
  must(asPostgres(`${bin}/dropdb`, ['--if-exists', 'work'], { env }))
  must(asPostgres(`${bin}/createdb`, ['-T', 'mimic', 'work'], { env }))
  const caseEnv = { ...env, PGDATABASE: 'work', ...(dsn ?? {}) }
  if (user !== undefined) delete caseEnv.PGUSER
  const args = argv.slice(1).map(word => word.replaceAll('@SOCKETS@', root).replaceAll('@PORT@', port))
  const run = user === 'root' && isRoot ? spawnSync(`${bin}/psql`, args, { encoding: 'utf8', cwd: root, env: caseEnv, input: stdin ?? '' })
    : asPostgres(`${bin}/${argv[0]}`, args, { env: caseEnv, input: stdin ?? '' })
  const clean = text => text.replaceAll(root, '@SOCKETS@').replaceAll(port, '@PORT@').replaceAll(`${bin}/psql`, 'psql')
  // What a case leaves in the cluster rather than in its database.
  asPostgres(`${bin}/psql`, ['-qX', '-d', 'postgres', '-c', "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots", '-c', 'ALTER SYSTEM RESET ALL'], { env })
  recorded.push({ id, out: clean(run.stdout), err: clean(run.stderr), code: run.status })
}
const version = must(asPostgres(`${bin}/psql`, ['--version'])).trim()
must(asPostgres(`${bin}/pg_ctl`, ['-D', `${root}/data`, '-m', 'immediate', 'stop']))
rmSync(root, { recursive: true, force: true })
writeFileSync(`${here}recorded.json`, JSON.stringify({ recordedWith: version, cases: recorded }, null, 1) + '\n')
console.log(`${recorded.length} cases recorded with ${version}`)
