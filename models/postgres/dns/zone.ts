/** A hosted zone with one name of weighted records, as Amazon Route 53 has it (rules PG-DNS-1…4). Source: Route 53 developer guide, routing-policy-weighted, dns-configuring; API reference GetChange. */
import { z } from 'zod'
import type { Client } from '../../../src/engine.ts'
import { defineEvent, SECOND, type Us } from '../../../src/kernel/index.ts'
import type { World } from '../world.ts'
import { Addresses, type Name } from './addresses.ts'

const CHANGED = defineEvent('dns.changed')

/** `cluster.dns`: clients know the databases by a name outside the cluster. */
export const dnsOptions = z.strictObject({
  name: z.string().default('database.example.com').describe('the name that clients connect to (`load.entrance: dns`, and an application’s `legacy` or `modern`)').meta({ unit: '', source: 'scenario' }),
  hostedZone: z.string().default('Z0123456789EXAMPLE').describe('id of its hosted zone').meta({ unit: '', source: 'scenario' }),
  ttlSeconds: z.number().min(0).default(60).describe('time to live of its records').meta({ unit: 's', source: 'Route 53 developer guide: 60 s or less for records with health checks' }),
  propagationSeconds: z.number().min(0).default(60).describe('until all name servers answer with a change').meta({ unit: 's', source: 'Route 53 developer guide: usually within 60 seconds' }),
  records: z
    .array(z.strictObject({ id: z.string(), host: z.string(), weight: z.number().int().min(0).max(255) }))
    .min(1)
    .describe('weighted records: set identifier, host that each leads to, weight')
    .meta({ unit: '', source: 'scenario' }),
})
export type DnsOptions = z.output<typeof dnsOptions>
export type DnsRecord = DnsOptions['records'][number]

interface Change {
  readonly id: string
  readonly atUs: Us
  readonly records: readonly DnsRecord[]
}

export class Zone implements Name {
  private readonly changes: Change[]
  private readonly addresses: Addresses

  constructor(
    private readonly world: World,
    readonly options: DnsOptions,
  ) {
    this.changes = [{ id: '', atUs: Number.NEGATIVE_INFINITY, records: options.records }]
    this.addresses = new Addresses(world.sim, this)
  }

  get ttlSeconds(): number {
    return this.options.ttlSeconds
  }

  /** The records as the service has them. */
  get records(): readonly DnsRecord[] {
    return (this.changes.at(-1) as Change).records
  }

  /** Replaces the records at once; name servers follow. @returns the change's id */
  change(records: readonly DnsRecord[]): string {
    const { sim } = this.world
    const id = `C${String(this.changes.length).padStart(20, '0')}`
    this.changes.push({ id, atUs: sim.now, records })
    sim.note(CHANGED, this.options.name, this.changes.length - 1, () => `${this.options.name} leads to ${records.map(({ host, weight }) => `${host} (${weight})`).join(', ')}`)
    return id
  }

  /** INSYNC once all name servers have a change; undefined: no such change. */
  status(id: string): 'PENDING' | 'INSYNC' | undefined {
    const change = this.changes.find(each => each.id !== '' && each.id === id)
    return change === undefined ? undefined : this.world.sim.now >= this.insyncUs(change) ? 'INSYNC' : 'PENDING'
  }

  /** When the last change will be everywhere. */
  settledUs(id: string): Us {
    const change = this.changes.find(each => each.id === id)
    return change === undefined ? 0 : this.insyncUs(change)
  }

  private insyncUs({ atUs }: Change): Us {
    return atUs + Math.round(this.options.propagationSeconds * SECOND)
  }

  answer(client: Client, nth: number): string | undefined {
    const { sim } = this.world
    // The server that its resolver asks has a change at an instant of its own.
    const heard = (change: Change, i: number): boolean => sim.now >= change.atUs + (i === 0 ? 0 : this.options.propagationSeconds * SECOND * sim.chance.draw(client.id, 'dns server', i))
    const records = this.changes.filter(heard).at(-1)?.records ?? []
    const shares = weights(records)
    let at = sim.chance.draw(client.id, 'dns answer', nth)
    for (const [i, record] of records.entries()) if ((at -= shares[i] as number) < 0) return record.host
    // What rounding leaves over goes to the last that is answered at all.
    return records.findLast((_, i) => (shares[i] as number) > 0)?.host
  }

  varies(host: string): boolean {
    return this.records.some((record, i) => record.host !== host && (weights(this.records)[i] as number) > 0)
  }

  /** The host that a client connects to now when it asks for this name; undefined when it has no record. */
  hostFor(client: Client): string | undefined {
    return this.addresses.lookUp(client)
  }
}

/** The share of the answers of each record: its weight of all; where all are 0, all alike (rule PG-DNS-1). */
export function weights(records: readonly DnsRecord[]): readonly number[] {
  const sum = records.reduce((all, { weight }) => all + weight, 0)
  return records.map(({ weight }) => (sum === 0 ? 1 / records.length : weight / sum))
}
