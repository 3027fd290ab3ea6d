/**
 * What clients know of a name: the answer that their resolver keeps as long as the record says, and the address that the program itself keeps (`load.dnsCache`) before it asks its
 * resolver again (rules PG-DNS-2, PG-DNS-3). An address is asked for only when a connection is opened.
 */
import type { Client } from '../../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../../src/kernel/index.ts'

interface Known {
  readonly host: string
  /** The resolver keeps its answer until then, the program its address. */
  readonly answerUntilUs: Us
  readonly addressUntilUs: Us
  readonly asked: number
}

export interface Name {
  readonly ttlSeconds: number
  /** What the name server says to this client's resolver, the `nth` time that it asks; undefined: there is no such name. */
  answer(client: Client, nth: number): string | undefined
  /** Whether that could be another host than this one. */
  varies(host: string): boolean
}

export class Addresses {
  private readonly known = new Map<string, Known>()

  constructor(
    private readonly sim: Simulation,
    private readonly name: Name,
  ) {}

  /** The host that a client connects to now. */
  lookUp(client: Client): string | undefined {
    const { sim, name } = this
    const { now } = sim
    const last = this.known.get(client.id)
    if (last !== undefined && now < last.addressUntilUs) {
      this.tell(last.host, last.addressUntilUs)
      return last.host
    }
    const cacheUs = client.dnsCacheUs ?? 0
    if (last !== undefined && now < last.answerUntilUs) {
      const addressUntilUs = now + cacheUs
      this.known.set(client.id, { ...last, addressUntilUs })
      this.tell(last.host, Math.max(addressUntilUs, last.answerUntilUs))
      return last.host
    }
    const asked = last === undefined ? 0 : last.asked + 1
    const host = name.answer(client, asked)
    if (host === undefined) return undefined
    // The first is what is left of one that was asked for before the story.
    const age = last === undefined ? sim.chance.draw(client.id, 'dns age', 0) : 1
    this.known.set(client.id, { host, answerUntilUs: now + Math.round(name.ttlSeconds * SECOND * age), addressUntilUs: now + (Number.isFinite(cacheUs) ? Math.round(cacheUs * age) : cacheUs), asked })
    return host
  }

  /** Who has been sent to the wrong place tries again when its address has run out: that is a change nobody else tells of. */
  private tell(host: string, untilUs: Us): void {
    const { sim } = this
    if (Number.isFinite(untilUs) && this.name.varies(host)) sim.after(Math.max(0, untilUs - sim.now), () => sim.touch())
  }
}
