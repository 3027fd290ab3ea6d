/** Clusters whose objects have a shop's own names: its scripts run as they are, and a name changes nothing but names. */
import { expect, test } from 'vitest'
import { Simulation } from '../../src/kernel/index.ts'
import { checkRunbook } from '../../src/operator/index.ts'
import { rehearsals, scenarioOf } from './play.ts'

const outcomesOf = (results: readonly { readonly outcome: string; readonly outcomeReason: string }[]): string[][] => results.map(({ outcome, outcomeReason }) => [outcome, outcomeReason])

/** A script that ends with the number of the first line that does not find what the shop calls so. */
const finds = (lines: readonly string[]): string => lines.map((line, i) => `${line} || exit ${i + 1}`).join('\n')

const NAMING = {
  container: 'database',
  headless: 'shop-hl',
  volume: 'store',
  labels: { 'app.kubernetes.io/name': 'shop', 'app.kubernetes.io/instance': 'eu' },
  secrets: { credentials: { password: 'pa ss=1' } },
}

const common = (name: string, image: string): string[] => [
  '[ "$(kubectl get secret credentials -o jsonpath=\'{.data.password}\' | base64 -d)" = "pa ss=1" ]',
  `[ "$(kubectl get pods -l app.kubernetes.io/name=shop,app.kubernetes.io/instance=eu -o name | head -1)" = pod/${name}-0 ]`,
  `kubectl get sts -l app.kubernetes.io/instance=eu -o name | grep -qx statefulset.apps/${name}`,
  `kubectl get pvc store-${name}-1 -o name`,
  'kubectl get svc shop-hl -o name',
  `kubectl set image sts/${name} database=${image}`,
  `kubectl exec ${name}-0 -c database -- true`,
]

test('PostgreSQL as a chart installs it: labels, container, claims, headless Service, PGDATA, Secret, role label', () => {
  const cluster = {
    engine: 'postgres', name: 'pg', image: 'registry.example.com/bitnami/postgresql:15.6.0-debian-12-r5', targetImage: 'registry.example.com/bitnami/postgresql:15.8.0-debian-12-r5', targetKubernetesVersion: null,
    updateStrategy: 'OnDelete', dataDirectory: '/bitnami/postgresql/data', roleLabel: { key: 'spilo-role', primary: 'master', replica: 'slave' }, naming: NAMING,
  }
  const script = finds([
    ...common('pg', 'registry.example.com/bitnami/postgresql:15.8.0-debian-12-r5'),
    '[ "$(kubectl exec pg-1 -- psql -U postgres -Atc \'show data_directory\')" = /bitnami/postgresql/data ]',
    '[ "$(kubectl exec pg-1 -- psql -U postgres -Atc "select setting from pg_settings where name = \'data_directory\'")" = /bitnami/postgresql/data ]',
    'kubectl exec pg-1 -c database -- sh -c \'test "$PGDATA" = /bitnami/postgresql/data && test -f $PGDATA/PG_VERSION && pg_ctl status -D $PGDATA\'',
    '! kubectl exec pg-1 -- sh -c "test -d /var/lib/postgresql/data"',
    '[ "$(kubectl get pods -l spilo-role=master -o name)" = pod/pg-0 ]',
    'psql -h pg-0.shop-hl.default.svc.cluster.local -U postgres -c "select 1"',
    '[ "$(kubectl get svc postgres-primary -o jsonpath=\'{.spec.selector.spilo-role}\')" = master ]',
  ])
  expect(outcomesOf(rehearsals({ cluster, script }, 1))).toEqual([['completed', '']])
})

test('Patroni keeps the role label that the shop has configured', () => {
  const cluster = { engine: 'postgres', name: 'pg', patroni: {}, targetKubernetesVersion: null, roleLabel: { key: 'spilo-role', primary: 'master', replica: 'replica' }, naming: { labels: { 'cluster-name': 'acid-shop' } } }
  const script = finds([
    '[ "$(kubectl get pods -l cluster-name=acid-shop,spilo-role=master -o name)" = pod/pg-0 ]',
    'kubectl exec pg-0 -- patronictl switchover --leader pg-0 --candidate pg-1 --force',
    'sleep 30',
    '[ "$(kubectl get pods -l cluster-name=acid-shop,spilo-role=master -o name)" = pod/pg-1 ]',
    '[ "$(kubectl get pods -l spilo-role=replica -o name | wc -l)" -eq 2 ]',
    '[ "$(kubectl get pods -l role=primary -o name)" = "" ]',
  ])
  expect(outcomesOf(rehearsals({ cluster, script }, 1))).toEqual([['completed', '']])
})

test('Redis and MongoDB likewise', () => {
  const redis = finds([...common('cache', 'redis:7.2.5'), 'redis-cli -h cache-0.shop-hl ping | grep -q PONG'])
  expect(outcomesOf(rehearsals({ cluster: { engine: 'redis', name: 'cache', updateStrategy: 'OnDelete', naming: NAMING }, script: redis }, 1))).toEqual([['completed', '']])
  const mongodb = finds([...common('docs', 'mongo:7.0.14'), 'kubectl exec docs-0 -- mongosh --quiet --eval "db.hello().primary" | grep -qx docs-0.shop-hl:27017'])
  expect(outcomesOf(rehearsals({ cluster: { engine: 'mongodb', name: 'docs', updateStrategy: 'OnDelete', naming: NAMING }, script: mongodb }, 1))).toEqual([['completed', '']])
})

test.each([
  ['postgres', 'postgres-cluster-0', { dataDirectory: '/srv/pg', roleLabel: { key: 'r', primary: 'p', replica: 's' } }],
  ['redis', 'redis-0', {}],
  ['mongodb', 'mongo-0', {}],
] as const)('%s: what things are called changes no measure', (engine, pod, more) => {
  const steps = [`kubectl delete pod ${pod}`, `kubectl wait --for=condition=Ready pod/${pod} --timeout=10m`]
  const measured = (cluster: Record<string, unknown>) => rehearsals({ cluster: { engine, ...cluster }, steps }, 2).map(({ outcome, measures, eventsRun }) => ({ outcome, measures, eventsRun }))
  // The names of claims and hosts name their luck, as the name of the cluster does.
  const { volume: _volume, headless: _headless, ...naming } = NAMING
  expect(measured({ naming, ...more })).toEqual(measured({}))
})

/** All that `check` says of a line of a script. */
function told(name: string, line: string): string {
  const { engine, options, runbook } = scenarioOf({ cluster: { engine: name }, script: `${line}\n` })
  return checkRunbook(runbook, engine.build(new Simulation({ seed: 'check' }), options).commands).map(({ message }) => message).join(' ')
}

test('check says which key of `naming` a name that is not there would be', () => {
  const lines = [
    'kubectl get secret pg-auth -o name',
    'kubectl set image sts/redis server=redis:7.2.5',
    'kubectl exec redis-0 -c server -- redis-cli ping',
    'kubectl get pods -l app.kubernetes.io/name=redis,release=x -o name',
    'kubectl get pods -l app=valkey -o name',
    `kubectl patch sts redis -p '{"spec":{"template":{"spec":{"containers":[{"name":"server","image":"redis:7.2.5"}]}}}}'`,
  ]
  expect(lines.map(line => /--set [^`]*/.exec(told('redis', line))?.[0])).toEqual([
    `--set 'cluster.naming.secrets={"pg-auth":{"KEY":"VALUE"}}'`,
    '--set cluster.naming.container=server',
    '--set cluster.naming.container=server',
    `--set 'cluster.naming.labels={"app.kubernetes.io/name":"redis","release":"x"}'`,
    '--set cluster.name=valkey',
    '--set cluster.naming.container=server',
  ])
})

test('vitess: a keyspace, shard or tablet that is not there, and what there is', () => {
  const names = (line: string) => /there is no (\w+ `[^`]*`) when the runbook begins\. There are: (.*?)\. (.*?)(?: whatever|$)/.exec(told('vitess', line))?.slice(1)
  expect(names('vtctldclient PlannedReparentShard commerce/-')).toEqual(['shard `commerce/-`', 'commerce/-80, commerce/80-', expect.stringContaining('--set cluster.fleet=4')])
  expect(names('vtctldclient GetTablets --keyspace shop')).toEqual(['keyspace `shop`', 'commerce', expect.stringContaining('--set cluster.keyspace=shop')])
  expect(names('vtctldclient PlannedReparentShard commerce/-80 --new-primary zone1-300')?.[0]).toBe('tablet `zone1-300`')
  expect(names('vtctldclient PlannedReparentShard commerce/-80 --new-primary zone1-104')).toBeUndefined()
  expect(names('vtctldclient PlannedReparentShard "$KEYSPACE/-" --new-primary "$NEW"')).toBeUndefined()
})

test('vitess: uids of ten digits, as the operator gives them: alias and label agree', () => {
  const script = finds([
    'primary=$(vtctldclient GetShard commerce/-80 | jq -r \'.shard.primary_alias | "\\(.cell)-\\(.uid)"\')',
    '[ "$primary" = zone1-1000000101 ]',
    '[ "$(kubectl get pods -l planetscale.com/tablet-uid=${primary##*-} -o name)" = pod/example-vttablet-zone1-1000000101 ]',
    'vtctldclient GetTablet zone2-1000000102 > /dev/null',
  ])
  expect(outcomesOf(rehearsals({ cluster: { engine: 'vitess', firstTabletUid: 1_000_000_101 }, script }, 1))).toEqual([['completed', '']])
})

test('postgres: the database of the clients by its own name', () => {
  expect(told('postgres', 'psql -h postgres-primary -U postgres -d shop -c "select 1"')).toContain('--set cluster.database=shop')
  expect(told('postgres', 'psql -h postgres-primary -U postgres -d appdb -c "select 1"')).not.toContain('cluster.database')
  const script = finds([
    '[ "$(psql -h postgres-primary -U postgres -d shop -Atc "select current_database()")" = shop ]',
    '[ "$(psql -h postgres-primary -U postgres -Atc "select distinct usename from pg_stat_activity where datname = \'shop\'")" = web ]',
    'psql -h postgres-primary -U postgres -c "alter role web nologin; alter role web login"',
    '! psql -h postgres-primary -U postgres -d appdb -c "select 1"',
  ])
  expect(outcomesOf(rehearsals({ cluster: { engine: 'postgres', database: 'shop', role: 'web' }, script }, 1))).toEqual([['completed', '']])
})

test('what cannot be set is not advised', () => {
  expect(told('vitess', 'kubectl exec example-vttablet-zone1-0000000101 -c db -- true')).toContain('no container is called `db`')
  for (const line of ['kubectl exec example-vttablet-zone1-0000000101 -c db -- true', 'kubectl get secret x -o name', 'kubectl get pods -l release=x -o name']) expect(told('vitess', line)).not.toContain('cluster.naming')
})
