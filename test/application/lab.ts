/** A program, its flags and two databases on a bench: built small, driven by hand. */
import { application, ApplicationCluster, applicationOptions } from '../../models/application/index.ts'
import type { Operation } from '../../models/application/rows.ts'
import { SECOND, Simulation } from '../../src/kernel/index.ts'
import type { Output } from '../../src/operator/command.ts'

const DATABASE = {
  name: 'blue-db', members: 1, service: 'database', serviceSelects: 'app', image: 'postgres:16.9', targetImage: 'postgres:17.5', targetKubernetesVersion: null,
  green: { name: 'green-db', replicas: 1, readOnly: false }, pooler: false,
} as const

/** No luck but that of arrivals: nothing fails by itself. */
export const CALM = { legacyErrorP: 0, modernErrorP: 0, answerLostP: 0 }

export interface Bench {
  readonly sim: Simulation
  readonly cluster: ApplicationCluster
  /** Runs a command line to its end; words are split at blanks. */
  run(line: string, stdin?: string): Output
  wait(seconds: number): void
  operations(): readonly Operation[]
}

/** Instead of the PostgreSQL clusters: two keyspaces, the second made and filled with tables by {@link makeGreen}. */
export const ON_VITESS = {
  vitess: { fleet: 4, spareNodes: 6, longTransactionP: 0, patchBreakP: 0, timing: { reparentSeconds: 1, rpcMs: 10, mysqlStopSeconds: 5, mysqlStartSeconds: 10, crashStartSeconds: 20 }, kubernetes: { imagePullSeconds: 1 } },
  legacy: 'commerce',
  modern: 'green',
} as const

const keyspace = (name: string): object => ({ name, durabilityPolicy: 'semi_sync', turndownPolicy: 'Immediate', partitionings: [{ equal: { parts: 1, shardTemplate: { tabletPools: [{ type: 'replica', replicas: 4, mysqld: { resources: { requests: { cpu: '4', memory: '16Gi' } } } }] } } }] })

/** The cluster object asks for these keyspaces. */
export function keyspaces(on: Bench, ...names: readonly string[]): void {
  on.run(`kubectl patch vitesscluster example --type merge --patch '${JSON.stringify({ spec: { keyspaces: names.map(keyspace) } })}'`)
}

/** The second keyspace is there, with empty tables. */
export function makeGreen(on: Bench): void {
  keyspaces(on, 'commerce', 'green')
  for (let i = 0; i < 60 && on.run("vtctldclient ApplySchema --sql 'create table orders (id bigint primary key)' green").code !== 0; i++) on.wait(5)
}

/** Settled, its clients at work. @param options of the `cluster:` section, over a small calm one */
export function bench(options: Record<string, unknown> = {}, seed = '1'): Bench {
  const parsed = applicationOptions.parse({ database: DATABASE, keys: 1_000, sampledHot: 100, sampledCold: 100, writesPerSecond: 50, ...CALM, ...options })
  const problems = application.problems(parsed)
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('; '))
  const sim = new Simulation({ seed })
  const cluster = new ApplicationCluster(sim, parsed)
  cluster.settle()
  let nth = 0
  return {
    sim,
    cluster,
    run(line, stdin = '') {
      const argv = line.match(/'[^']*'|\S+/g)?.map(word => word.replace(/^'|'$/g, '')) ?? []
      const findings = cluster.commands.check(argv)
      if (findings.some(({ severity }) => severity === 'error')) throw new Error(findings.map(({ message }) => message).join('; '))
      const task = sim.spawn(cluster.commands.run({ argv, stdin, key: 'test', nth: nth++ }))
      for (let i = 0; i < 40_000 && task.state === 'running'; i++) sim.run(sim.now + SECOND / 10)
      if (task.result === undefined) throw new Error(`did not end: ${line}`)
      return task.result
    },
    wait: seconds => sim.run(sim.now + seconds * SECOND),
    operations: () => cluster.world.rows.keys.flatMap(({ operations }) => operations),
  }
}

/** A Job of the migrator's image, run to its end. */
export function job(on: Bench, name: string, args: readonly string[]): Output {
  const manifest = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { backoffLimit: 0, template: { spec: { containers: [{ name, image: 'migrator:1', args }] } } } }
  on.run('kubectl apply -f -', JSON.stringify(manifest))
  for (let i = 0; i < 4_000; i++) {
    on.wait(1)
    const status = on.cluster.kubernetes.store.get('Job', name)?.status
    if (status?.completionTime !== undefined || status?.failed !== undefined) break
  }
  return on.run(`kubectl logs job/${name}`)
}

/** Writes come to an end, and what is on its way arrives. */
export function calmDown(on: Bench): void {
  on.cluster.requests.stop()
  on.wait(60)
}

export const BOTH = { writes: 'both', reads: 'legacy', order: 'legacy-first' } as const
