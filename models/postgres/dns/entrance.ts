/** Clients that know the databases by a name outside the cluster: each connection goes where the name leads this client then, and stays there (rules PG-DNS-…, PG-ROUTE-1). */
import type { Client, Entrance, Knock } from '../../../src/engine.ts'
import { freshAmong, knock } from '../entrances.ts'
import type { World } from '../world.ts'
import { weights, type Zone } from './zone.ts'

export class DnsEntrance implements Entrance {
  readonly name = 'dns'

  constructor(
    private readonly world: World,
    private readonly zone: Zone,
    readonly roundTripUs: number,
  ) {}

  connect(client: Client, nth: number): Knock {
    const host = this.zone.hostFor(client)
    const pod = host === undefined ? undefined : this.podOf(host, client.id, nth)
    if (pod === undefined) return { is: 'refused', error: `could not translate host name "${this.zone.options.name}"`, afterUs: 5_000 }
    const server = this.world.serverIn(pod)
    if (server !== undefined) return knock(this.world, server, client)
    return this.world.unanswered(pod) ? { is: 'silent' } : { is: 'refused', error: 'connection refused', afterUs: 1_000 }
  }

  private podOf(host: string, client: string, nth: number) {
    const { kubernetes } = this.world
    const target = kubernetes.resolve(host)
    if (target?.is === 'pod') return target.pod
    const route = target === undefined ? undefined : kubernetes.route(target.service, client, nth)
    return route?.is === 'pod' ? route.pod : undefined
  }

  varies(): boolean {
    return weights(this.zone.records).filter(share => share > 0).length > 1
  }

  fresh(): ReturnType<Entrance['fresh']> {
    const { records } = this.zone
    const shares = weights(records)
    const pods = records.filter((_, i) => (shares[i] as number) > 0).map(({ host }) => this.podOf(host, 'probe', 0))
    return freshAmong(pods.filter(pod => pod !== undefined).map(pod => this.world.serverIn(pod)), () => `no host of ${this.zone.options.name} is there`)
  }
}
