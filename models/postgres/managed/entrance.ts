/** Clients of a managed database: they resolve its endpoint and keep the address as long as the record, or they themselves, say. */
import type { Client, Entrance, Knock } from '../../../src/engine.ts'
import { SECOND, type Us } from '../../../src/kernel/index.ts'
import { freshAmong, knock } from '../entrances.ts'
import type { ManagedService } from './service.ts'

export class EndpointEntrance implements Entrance {
  readonly name = 'endpoint'
  private readonly resolved = new Map<string, { readonly pod: string; readonly untilUs: Us }>()

  constructor(
    private readonly service: ManagedService,
    readonly roundTripUs: number,
  ) {}

  /** Where this client's resolver leads: the record as it was when it was asked last (rule PG-MANAGED-5). */
  private resolve(client: Client): string {
    const { service } = this
    const { sim } = service.world
    const known = this.resolved.get(client.id)
    if (known !== undefined && sim.now < known.untilUs) {
      // Who has been sent to the wrong place tries again when its address has run out: that is a change nobody else tells of.
      if (known.pod !== service.record) sim.after(known.untilUs - sim.now, () => sim.touch())
      return known.pod
    }
    const seconds = Math.max(service.options.ttlSeconds, service.options.clientCacheSeconds)
    this.resolved.set(client.id, { pod: service.record, untilUs: sim.now + Math.round(seconds * SECOND * (known === undefined ? sim.chance.draw(client.id, 'dns age', 0) : 1)) })
    return service.record
  }

  connect(client: Client): Knock {
    const { service } = this
    const server = service.world.serverOf(this.resolve(client))
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
