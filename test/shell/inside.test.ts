/** What a program inside a container finds of where it is: its own server by `localhost` and by its pod's name, its environment. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenarioFrom } from '../../src/scenario/index.ts'

function play(engine: string, script: string, cluster = ''): string[] {
  const said: string[] = []
  const scenario = loadScenarioFrom({ name: 'inside', yaml: `format: 1\ncluster: { engine: ${engine}${cluster} }\ndeadline: 1h\nrunbook: ./s.sh\n`, files: { 's.sh': script }, set: {} }, engines, {})
  rehearse({ scenario, seed: '1', schedule: [], watch: () => ({ commandReturned: ({ output }) => void said.push(`${output.code} ${output.out}${output.err}`.replace(/command terminated with exit code \d+\n/, '').trim()) }) })
  return said
}
const each = (pod: string, ...lines: readonly string[]): string => lines.map(line => `kubectl exec ${pod} -- ${line}\n`).join('')

test('postgres: psql and pg_isready reach the server beside them, and nobody on another port', () => {
  const said = play('postgres', each('postgres-cluster-1',
    "psql -h localhost -U postgres -Atc 'select 1'", "psql -h 127.0.0.1 -U postgres -Atc 'select 2'", "psql -h postgres-cluster-1 -U postgres -Atc 'select 3'", "psql 'host=localhost user=postgres' -Atc 'select 4'",
    `bash -c 'psql -h "$HOSTNAME" -U postgres -Atc "select 5"; hostname; echo "$PGDATA"'`,
    'pg_isready -h localhost', 'pg_isready -q -h "postgres-cluster-1"', 'pg_isready -h /var/run/postgresql', 'pg_isready -p 6000', 'pg_isready -q -h localhost -p 6000', "psql -h localhost -p 6000 -U postgres -c 'select 1'"))
  expect(said).toEqual(['0 1', '0 2', '0 3', '0 4', '0 5\npostgres-cluster-1\n/var/lib/postgresql/data', '0 localhost:5432 - accepting connections', '0', '0 /var/run/postgresql:5432 - accepting connections', '2 /var/run/postgresql:6000 - no response', '2',
    '2 psql: error: connection to server at "localhost" (127.0.0.1), port 6000 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?'])
  // Where the server has gone nobody listens; another pod's name is none there.
  expect(play('postgres', "kubectl exec postgres-cluster-1 -- psql -h postgres-cluster-2 -U postgres -Atc 'select 1'\npsql -h localhost -c 'select 1'\n").map(line => line.slice(0, 100))).toEqual([
    '2 psql: error: could not translate host name "postgres-cluster-2" to address: Name or service not known'.slice(0, 100), '2 psql: error: connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused\n\tIs'.slice(0, 100)])
})

test('pgbouncer: localhost in its container is the pooler', () => {
  const said = play('postgres', "POD=$(kubectl get pods -l app=pgbouncer -o name | head -1)\nkubectl exec \"$POD\" -- psql -h localhost -p 6432 -U pgbouncer pgbouncer -Atc 'SHOW VERSION'\nkubectl exec \"$POD\" -- psql -h 127.0.0.1 -p 6432 -U app_user app_db -Atc 'select pg_is_in_recovery()'\n", ', pooler: {}')
  expect(said.slice(1)).toEqual(['0 PgBouncer 1.18.0', '0 f'])
})

test('redis and mongodb: a pod\'s own name leads to its own server', () => {
  expect(play('redis', each('redis-1', 'redis-cli -h localhost ping', 'sh -c \'redis-cli -h "$HOSTNAME" ping; redis-cli -h "$(hostname)" -p 6380 ping\''))).toEqual(['0 PONG', '1 PONG\nCould not connect to Redis at redis-1:6380: Connection refused'])
  expect(play('mongodb', each('mongo-1', "mongosh --quiet --host localhost --eval 'db.hello().me'", `sh -c 'mongosh --quiet --host "$HOSTNAME" --eval "db.hello().secondary"'`)).map(line => line.split('.')[0])).toEqual(['0 mongo-1', '0 true'])
})

test('pgbouncer: its console takes statements on standard input, too, and prints SHOW POOLS with all its columns', () => {
  const console_ = "kubectl exec -i \"$POD\" -- psql -p 6432 -U pgbouncer -qAt pgbouncer"
  const said = play('postgres', `POD=$(kubectl get pods -l app=pgbouncer -o name | head -1)\necho 'PAUSE; SHOW DATABASES;' | ${console_}\n${console_} <<< 'PAUSE'\n${console_} -F, -c 'SHOW POOLS'\n${console_} -c 'RESUME;'\n`, ', pooler: {}').slice(1)
  expect(said[0]).toMatch(/^0 app_db\|.*\|1\|0$/)
  // What is typed in goes on after an error, with status 0.
  expect(said[1]).toMatch(/^0 ERROR: {2}\S/)
  expect(said[2]?.split('\n').map(line => line.split(',').length)).toEqual([16, 16])
  expect(said[3]).toBe('0')
})
