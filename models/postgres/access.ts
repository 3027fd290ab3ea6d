/**
 * Who may log in, and with which defaults: roles, databases and what ALTER DATABASE, ALTER ROLE, GRANT and REVOKE CONNECT write into the catalog (rules PG-ACCESS-1…5). The
 * catalog is on the log like every row, so that standbys have it when they have applied it. Sessions that are there stay as they are.
 */
import { defineEvent } from '../../src/kernel/index.ts'
import type { Server } from './server.ts'
import { eyesOf } from './sessions.ts'
import type { AccessEffect, RoleAttributes } from './sql/host.ts'
import { type Change, seen } from './tables.ts'

const CHANGED = defineEvent('postgres.access-changed')

/** Who logs in. */
export interface Login {
  readonly role: string
  readonly database: string
}

/** A database of the cluster. What lies in those that a runbook makes is nobody's load. */
export interface Database {
  readonly oid: number
  readonly owner: string
  readonly isTemplate: boolean
}

/** `null`: it was dropped. */
type Word = boolean | string | RoleAttributes | Database | null

interface Entry {
  readonly key: string
  readonly value: Word
  readonly by: Change
}

const NOBODY: RoleAttributes = { superuser: false, inherit: true, createRole: false, createDatabase: false, login: true, replication: false, bypassRls: false, limit: -1 }
const SUPERUSER: RoleAttributes = { superuser: true, inherit: true, createRole: true, createDatabase: true, login: true, replication: true, bypassRls: true, limit: -1 }

/** The attributes that CREATE ROLE gives where it says nothing. */
export const NEW_ROLE: RoleAttributes = { ...NOBODY, login: false }

/** Object number of the first database that a runbook makes. */
const FIRST_OID = 24_600

export class Access {
  private readonly entries: Entry[] = []

  /** Whether anybody has ever changed anything: most rehearsals ask no further. */
  get any(): boolean {
    return this.entries.length > 0
  }

  change(server: Server, effect: AccessEffect, by: Change): void {
    for (const [key, value] of entriesOf(effect)) this.write(key, value, by)
    server.world.sim.note(CHANGED, server.name, 0, `${server.name}: ${effect.tag}`)
  }

  /** A role as it is from now on; null: it is dropped. */
  setRole(name: string, attributes: RoleAttributes | null, by: Change): void {
    this.write(`role:${name}`, attributes, by)
    this.write(`login:${name}`, attributes?.login === true, by)
  }

  setDatabase(name: string, database: Omit<Database, 'oid'> | null, by: Change): void {
    this.write(`database:${name}`, database === null ? null : { ...database, oid: FIRST_OID + this.entries.length }, by)
  }

  /** The version of an extension in a database; null: it is dropped. */
  setExtension(database: string, name: string, version: string | null, by: Change): void {
    this.write(`extension:${database}:${name}`, version, by)
  }

  /** The roles as a server has them. */
  roles(server: Server): ReadonlyMap<string, RoleAttributes> {
    const roles = new Map<string, RoleAttributes>([['postgres', SUPERUSER], ['replicator', { ...NOBODY, replication: true }], ...(server.world.options.role === 'postgres' ? [] : [[server.world.options.role, NOBODY] as const])])
    this.overlay(server, 'role:', roles)
    for (const [name, attributes] of roles) {
      const login = this.any ? this.value(server, `login:${name}`) : undefined
      if (typeof login === 'boolean' && login !== attributes.login) roles.set(name, { ...attributes, login })
    }
    return roles
  }

  databases(server: Server): ReadonlyMap<string, Database> {
    const databases = new Map<string, Database>([
      ['postgres', { oid: 5, owner: 'postgres', isTemplate: false }], [server.world.options.database, { oid: 16_385, owner: 'postgres', isTemplate: false }],
      ['template1', { oid: 1, owner: 'postgres', isTemplate: true }], ['template0', { oid: 4, owner: 'postgres', isTemplate: true }],
    ])
    this.overlay(server, 'database:', databases)
    return databases
  }

  /** Names and versions of the extensions that are installed in a database. */
  extensions(server: Server, database: string): ReadonlyMap<string, string> {
    const extensions = new Map<string, string>([['plpgsql', '1.0'], ...(database === server.world.options.database ? Object.entries(server.world.options.extensions) : [])])
    this.overlay(server, `extension:${database}:`, extensions)
    return extensions
  }

  /** The superuser, the role of replication, that of the client programs (`cluster.role`), and those that somebody made. */
  hasRole(server: Server, name: string): boolean {
    return this.roles(server).has(name)
  }

  hasDatabase(server: Server, name: string): boolean {
    return this.databases(server).has(name)
  }

  isSuperuser(server: Server, name: string): boolean {
    return this.roles(server).get(name)?.superuser === true
  }

  /** Whether a role may log in, at the database it names: the server's FATAL, or undefined. `replication` as database asks for a walsender (rule PG-ACCESS-4). */
  loginError(server: Server, login: Login): string | undefined {
    // The commonest login, where nobody has changed anything: asked for at every connection.
    if (!this.any && login.role === 'postgres' && (login.database === 'postgres' || login.database === server.world.options.database)) return undefined
    const role = this.roles(server).get(login.role)
    if (role === undefined) return `FATAL:  role "${login.role}" does not exist`
    if (!role.login) return `FATAL:  role "${login.role}" is not permitted to log in`
    if (login.database === 'replication') return role.superuser || role.replication ? undefined : 'FATAL:  must be superuser or replication role to start walsender'
    if (!this.hasDatabase(server, login.database)) return `FATAL:  database "${login.database}" does not exist`
    if (login.database === 'template0') return 'FATAL:  database "template0" is not currently accepting connections'
    return this.refusal(server, login)
  }

  /** Why a login of a role that there is, at a database that there is, is refused, in the server's words; undefined: it is let in. */
  refusal(server: Server, { role, database }: Login): string | undefined {
    if (!this.any) return undefined
    if (this.value(server, `login:${role}`) === false) return `FATAL:  role "${role}" is not permitted to log in`
    if (this.value(server, `allow:${database}`) === false) return `FATAL:  database "${database}" is not currently accepting connections`
    if (this.isSuperuser(server, role)) return undefined
    const granted = this.value(server, `connect:${database}:public`) ?? true
    if (granted !== true && this.value(server, `connect:${database}:${role}`) !== true) return `FATAL:  permission denied for database "${database}"\nDETAIL:  User does not have CONNECT privilege.`
    return this.value(server, `closed:${database}`) === true ? `FATAL:  too many connections for database "${database}"` : undefined
  }

  /** Whether a database lets anybody in, as pg_database has it. */
  allowsConnections(server: Server, database: string): boolean {
    return database !== 'template0' && (!this.any || this.value(server, `allow:${database}`) !== false)
  }

  /** default_transaction_read_only as a new session gets it; undefined: as the server has it. The role's word goes before the database's. */
  readOnly(server: Server, { role, database }: Login): boolean | undefined {
    if (!this.any) return undefined
    const said = (of: string): boolean | undefined => (this.value(server, `read-only-set:${of}`) === true ? this.value(server, `read-only:${of}`) === true : undefined)
    return said(`role:${role}`) ?? said(`database:${database}`)
  }

  private write(key: string, value: Word, by: Change): void {
    this.entries.push({ key, value, by })
  }

  /** Puts what was written under a prefix, in its order, over what every cluster has. */
  private overlay<T extends Word>(server: Server, prefix: string, into: Map<string, T>): void {
    if (!this.any) return
    const eyes = eyesOf(server)
    for (const { key, value, by } of this.entries) {
      if (!key.startsWith(prefix) || !seen(by, eyes)) continue
      const name = key.slice(prefix.length)
      if (value === null) into.delete(name)
      else into.set(name, value as T)
    }
  }

  /** The last word on a key in what a server has applied. */
  private value(server: Server, key: string): Word | undefined {
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
