/**
 * Who may log in, and with which defaults: what ALTER DATABASE, ALTER ROLE, GRANT and REVOKE CONNECT write into the catalog (rules PG-ACCESS-1…3). The catalog is on the
 * log like every row, so that standbys have it when they have applied it. Sessions that are there stay as they are.
 */
import { defineEvent } from '../../src/kernel/index.ts'
import type { Server } from './server.ts'
import { eyesOf } from './sessions.ts'
import type { AccessEffect } from './sql/host.ts'
import { type Change, seen } from './tables.ts'

const CHANGED = defineEvent('postgres.access-changed')

/** Who logs in. */
export interface Login {
  readonly role: string
  readonly database: string
}

interface Entry {
  readonly key: string
  readonly value: boolean
  readonly by: Change
}

/** Databases that every cluster has, beside that of the client programs (`cluster.database`). */
const DATABASES: ReadonlySet<string> = new Set(['postgres', 'template1'])

/** The server's own superuser: privileges and limits are not for it. */
const SUPERUSERS: ReadonlySet<string> = new Set(['postgres'])

export class Access {
  private readonly entries: Entry[] = []

  /** Whether anybody has ever changed anything: most rehearsals ask no further. */
  get any(): boolean {
    return this.entries.length > 0
  }

  change(server: Server, effect: AccessEffect, by: Change): void {
    for (const [key, value] of entriesOf(effect)) this.entries.push({ key, value, by })
    server.world.sim.note(CHANGED, server.name, 0, `${server.name}: ${effect.tag}`)
  }

  /** Roles that there are: the superuser, that of replication, and that of the client programs (`cluster.role`). */
  hasRole({ world }: Server, name: string): boolean {
    return SUPERUSERS.has(name) || name === 'replicator' || name === world.options.role
  }

  hasDatabase({ world }: Server, name: string): boolean {
    return DATABASES.has(name) || name === world.options.database
  }

  /** Why a login is refused, in the server's words; undefined: it is let in. */
  refusal(server: Server, { role, database }: Login): string | undefined {
    if (!this.any) return undefined
    if (this.value(server, `login:${role}`) === false) return `FATAL:  role "${role}" is not permitted to log in`
    if (this.value(server, `allow:${database}`) === false) return `FATAL:  database "${database}" is not currently accepting connections`
    if (SUPERUSERS.has(role)) return undefined
    const granted = this.value(server, `connect:${database}:public`) ?? true
    if (!granted && this.value(server, `connect:${database}:${role}`) !== true) return `FATAL:  permission denied for database "${database}"\nDETAIL:  User does not have CONNECT privilege.`
    return this.value(server, `closed:${database}`) === true ? `FATAL:  too many connections for database "${database}"` : undefined
  }

  /** default_transaction_read_only as a new session gets it; undefined: as the server has it. The role's word goes before the database's. */
  readOnly(server: Server, { role, database }: Login): boolean | undefined {
    if (!this.any) return undefined
    return this.value(server, `read-only-set:role:${role}`) === true ? this.value(server, `read-only:role:${role}`) : this.value(server, `read-only-set:database:${database}`) === true ? this.value(server, `read-only:database:${database}`) : undefined
  }

  /** The last word on a key in what a server has applied. */
  private value(server: Server, key: string): boolean | undefined {
    const eyes = eyesOf(server)
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i] as Entry
      if (entry.key === key && seen(entry.by, eyes)) return entry.value
    }
    return undefined
  }
}

function entriesOf(effect: AccessEffect): readonly (readonly [string, boolean])[] {
  const { change, value } = effect
  switch (change) {
    case 'login':
      return [[`login:${effect.name}`, value]]
    case 'allow':
      return [[`allow:${effect.name}`, value]]
    case 'closed':
      return [[`closed:${effect.name}`, value]]
    case 'connect':
      return effect.roles.map(role => [`connect:${effect.name}:${role}`, value])
    case 'read-only':
      return [[`read-only-set:${effect.of}:${effect.name}`, effect.set], [`read-only:${effect.of}:${effect.name}`, value]]
    default:
      return []
  }
}

/** The database and the roles that a statement speaks of. */
export function namedIn(effect: AccessEffect): { readonly database: string | undefined; readonly roles: readonly string[] } {
  switch (effect.change) {
    case 'connect':
      return { database: effect.name, roles: effect.roles.filter(role => role !== 'public') }
    case 'login':
      return { database: undefined, roles: [effect.name] }
    case 'read-only':
      return effect.of === 'role' ? { database: undefined, roles: [effect.name] } : { database: effect.name, roles: [] }
    case 'allow':
    case 'closed':
      return { database: effect.name, roles: [] }
    default:
      return { database: undefined, roles: effect.name === '' ? [] : [effect.name] }
  }
}

/** The client programs' login. */
export function clientsLogin({ world }: Server): Login {
  return { role: world.options.role, database: world.options.database }
}
