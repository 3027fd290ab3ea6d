/** Clients of a managed database: they resolve its endpoint and keep the address as long as the record, and they themselves, say (rule PG-MANAGED-5). */
import type { Client, Entrance, Knock } from '../../../src/engine.ts'
import { Addresses } from '../dns/addresses.ts'
import { freshAmong, knock } from '../entrances.ts'
import type { ManagedService } from './service.ts'

export class EndpointEntrance implements Entrance {
  readonly name = 'endpoint'
  private readonly addresses: Addresses

  constructor(
    private readonly service: ManagedService,
    readonly roundTripUs: number,
  ) {
    this.addresses = new Addresses(service.world.sim, { ttlSeconds: service.options.ttlSeconds, answer: () => service.record, varies: host => host !== service.record })
  }

  connect(client: Client): Knock {
    const { service } = this
    const server = service.world.serverOf(this.addresses.lookUp(client) ?? '')
    if (service.refusing || server === undefined) return { is: 'refused', error: 'connection refused', afterUs: 1_000 }
    return knock(service.world, server, client)
  }

  fresh(): ReturnType<Entrance['fresh']> {
    const { service } = this
    if (service.refusing) return { is: 'none', why: 'the service refuses connections while it switches over' }
    const server = service.world.serverOf(service.record)
    return freshAmong(server === undefined ? [] : [server], () => `no instance answers at the endpoint`)
  }
}
