/** Two PostgreSQL clusters as the application's databases: the legacy one, and `green` beside it. */
import type { Copy } from '../../src/cluster/log/index.ts'
import { knock } from '../postgres/entrances.ts'
import type { PostgresCluster } from '../postgres/index.ts'
import type { Databases } from './world.ts'

export function postgresDatabases({ world, kubernetes, logs }: PostgresCluster): Databases {
  const log = logs[0]
  if (log === undefined) throw new Error('application: the database cluster has no log')
  const directoryOf = (copy: Copy) => world.directories.find(each => each.copy === copy)
  return {
    kubernetes,
    log,
    door: name => ({
      connect(client, nth) {
        // A name outside the cluster leads where its records do.
        const host = world.dns?.options.name === name ? world.dns.hostFor(client) : name
        const target = host === undefined ? undefined : kubernetes.resolve(host)
        if (target === undefined) return { is: 'refused', error: `could not translate host name "${name}"`, afterUs: 5_000 }
        const route = target.is === 'pod' ? target : kubernetes.route(target.service, client.id, nth)
        if (route.is !== 'pod') return { is: 'refused', error: 'connection refused', afterUs: 1_000 }
        const server = world.serverIn(route.pod)
        if (server !== undefined) return knock(world, server, client)
        return world.unanswered(route.pod) ? { is: 'silent' } : { is: 'refused', error: 'connection refused', afterUs: 1_000 }
      },
    }),
    database: copy => copy,
    current: copy => (directoryOf(copy)?.destroyed === true ? undefined : copy),
    named: name => log.copies.find(copy => (directoryOf(copy)?.name ?? copy.name) === name && directoryOf(copy)?.destroyed !== true),
    // One copy each: what is committed is on its disk.
    acknowledged: () => true,
    printed: (_, bytes) => bytes,
    nameOf: copy => directoryOf(copy)?.name ?? copy.name,
    destroyed: copy => directoryOf(copy)?.destroyed ?? false,
  }
}
