/** What statements about roles, databases and extensions do (rules PG-ACCESS-4, PG-ACCESS-5, PG-CATALOG-1…3). Words and errors are those of PostgreSQL 15.18. */
import { type Process, SECOND } from '../../../src/kernel/index.ts'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { NEW_ROLE } from '../access.ts'
import type { Commit } from '../schema/ddl.ts'
import type { Server } from '../server.ts'
import { SqlSession, Transaction } from '../sessions.ts'
import type { CatalogEffect, EffectResult, RoleAttributes } from '../sql/host.ts'
import type { Notice } from '../sql/types.ts'
import { CONTRIB, versionOf } from './extensions.ts'

const error = (state: string, message: string, more: { detail?: string; hint?: string } = {}): EffectResult => ({ is: 'error', state, message, ...more })
const done = (...notices: string[]): EffectResult => ({ is: 'ok', value: null, ...(notices.length === 0 ? {} : { notices: notices.map((message): Notice => ({ severity: 'NOTICE', message })) }) })

/** WAL and files of an empty database, copied page by page (strategy wal_log). Source: PostgreSQL 15.18, 7.3 MB. */
const EMPTY_DATABASE_BYTES = 7_300_000

/** Roles that every server has; nobody logs in as one. */
const PREDEFINED = /^pg_\w+$/

const noRole = (name: string): EffectResult => error('42704', `role "${name}" does not exist`)
const noDatabase = (name: string): EffectResult => error('3D000', `database "${name}" does not exist`)

/** Carries out one statement. Alone it is a transaction of its own; in a bracket the commit comes later. */
export function* changeCatalog(session: SqlSession, effect: CatalogEffect, commit: Commit): Process<EffectResult> {
  const { server } = session
  if (!server.copy.leading || session.readsOnly) return error('25006', `cannot execute ${effect.tag} in a read-only transaction`)
  const refused = forbidden(session, effect)
  if (refused !== undefined) return refused
  const transaction = session.bracket ?? new Transaction()
  const result = yield* carryOut(session, effect, transaction)
  if (result.is !== 'ok') return result
  transaction.wrote = true
  if (session.bracket !== undefined) return result
  const committed = yield* commit(session, transaction, result)
  server.world.topologyChanged()
  return committed
}

/** Who is no superuser may do little (rule PG-ACCESS-5). */
function forbidden({ server, login }: SqlSession, effect: CatalogEffect): EffectResult | undefined {
  const own = login === undefined ? undefined : server.world.access.roles(server).get(login.role)
  if (own === undefined || own.superuser) return undefined
  switch (effect.do) {
    case 'createRole':
      return own.createRole ? undefined : error('42501', 'permission denied to create role')
    case 'dropRole':
      return own.createRole ? undefined : error('42501', 'permission denied to drop role')
    case 'alterRole':
    case 'renameRole':
      return own.createRole || (effect.name === login?.role && Object.keys('attributes' in effect ? effect.attributes : { is: 1 }).length === 0) ? undefined : error('42501', 'permission denied')
    case 'createDatabase':
      return own.createDatabase ? undefined : error('42501', 'permission denied to create database')
    case 'dropDatabase':
    case 'renameDatabase':
    case 'ownDatabase':
      return server.world.access.databases(server).get(effect.name)?.owner === login?.role ? undefined : error('42501', `must be owner of database ${effect.name}`)
    case 'createExtension':
      return error('42501', `permission denied to create extension "${effect.name}"`, { hint: 'Must be superuser to create this extension.' })
    case 'updateExtension':
      return error('42501', `must be owner of extension ${effect.name}`)
    default:
      return undefined
  }
}

function* carryOut(session: SqlSession, effect: CatalogEffect, by: Transaction): Process<EffectResult> {
  switch (effect.do) {
    case 'createRole':
    case 'alterRole':
    case 'renameRole':
    case 'dropRole':
    case 'mention':
      return changeRole(session, effect, by)
    case 'createDatabase':
      return yield* createDatabase(session, effect, by)
    case 'renameDatabase':
    case 'ownDatabase':
    case 'dropDatabase':
      return yield* changeDatabase(session, effect, by)
    default:
      return changeExtension(session, effect, by)
  }
}

type RoleEffect = Extract<CatalogEffect, { do: 'createRole' | 'alterRole' | 'renameRole' | 'dropRole' | 'mention' }>

function changeRole({ server, login }: SqlSession, effect: RoleEffect, by: Transaction): EffectResult {
  const { access } = server.world
  const roles = access.roles(server)
  const unknown = (names: readonly string[]): string | undefined => names.find(name => name !== '' && !roles.has(name) && !PREDEFINED.test(name))
  switch (effect.do) {
    case 'createRole': {
      if (roles.has(effect.name)) return error('42710', `role "${effect.name}" already exists`)
      if (PREDEFINED.test(effect.name)) return error('42939', `role name "${effect.name}" is reserved`, { detail: 'Role names starting with "pg_" are reserved.' })
      const missing = unknown(effect.memberOf)
      if (missing !== undefined) return noRole(missing)
      access.setRole(effect.name, { ...NEW_ROLE, ...effect.attributes }, by)
      return done()
    }
    case 'alterRole': {
      const before = roles.get(effect.name)
      if (before === undefined) return noRole(effect.name)
      access.setRole(effect.name, { ...before, ...effect.attributes }, by)
      return done()
    }
    case 'renameRole': {
      const before = roles.get(effect.name)
      if (before === undefined) return noRole(effect.name)
      if (roles.has(effect.to)) return error('42710', `role "${effect.to}" already exists`)
      if (effect.name === (login?.role ?? 'postgres')) return error('0A000', 'session user cannot be renamed')
      access.setRole(effect.name, null, by)
      access.setRole(effect.to, before, by)
      return done()
    }
    case 'dropRole': {
      const notices: string[] = []
      for (const name of effect.names) {
        if (!roles.has(name)) {
          if (!effect.ifExists) return noRole(name)
          notices.push(`role "${name}" does not exist, skipping`)
          continue
        }
        if (name === (login?.role ?? 'postgres')) return error('55006', 'current user cannot be dropped')
        if (name === 'postgres') return error('2BP01', `cannot drop role ${name} because it is required by the database system`)
        const owned = [...access.databases(server)].filter(([, { owner }]) => owner === name).map(([database]) => `owner of database ${database}`)
        // The client programs work with the tables of their database: their role has privileges there.
        if (name === server.world.options.role) owned.push(`privileges for database ${server.world.options.database}`)
        if (owned.length > 0) return error('2BP01', `role "${name}" cannot be dropped because some objects depend on it`, { detail: owned.join('\n') })
        access.setRole(name, null, by)
      }
      return done(...notices)
    }
    case 'mention': {
      const missing = unknown(effect.roles)
      return missing === undefined ? done() : noRole(missing)
    }
  }
}

/** Sessions of others in a database: single ones, and the client programs' in theirs. */
function othersIn({ server }: SqlSession, database: string, self: SqlSession): readonly SqlSession[] {
  return [...server.backends].filter((b): b is SqlSession => b instanceof SqlSession && b !== self && b.login?.database === database)
}

/** How many sessions of others use a database; the client programs' connections each as a pool of theirs. */
function usersOf(session: SqlSession, database: string): number {
  const { server } = session
  const clients = database === server.world.options.database ? [...server.backends].filter(b => !(b instanceof SqlSession)).length : 0
  return othersIn(session, database, session).length + clients
}

/** It waits up to 5 s for them to go. Source: procarray.c CountOtherDBBackends. */
function* usersLeft(session: SqlSession, database: string): Process<number> {
  for (let tries = 50; tries > 0 && usersOf(session, database) > 0; tries--) yield 100_000
  return usersOf(session, database)
}

const inUse = (what: string, name: string, users: number): EffectResult => error('55006', `${what} "${name}" is being accessed by other users`, { detail: users === 1 ? 'There is 1 other session using the database.' : `There are ${users} other sessions using the database.` })

/** A copy of its template, page by page, and in the WAL (rule PG-CATALOG-1). */
function* createDatabase(session: SqlSession, { name, owner, template, isTemplate }: Extract<CatalogEffect, { do: 'createDatabase' }>, by: Transaction): Process<EffectResult> {
  const { server } = session
  const { world } = server
  const databases = world.access.databases(server)
  if (owner !== undefined && owner !== '' && !world.access.hasRole(server, owner)) return noRole(owner)
  if (!databases.has(template)) return error('3D000', `template database "${template}" does not exist`)
  if (databases.has(name)) return error('42P04', `database "${name}" already exists`)
  const users = yield* usersLeft(session, template)
  if (users > 0) return inUse('source database', template, users)
  const bytes = EMPTY_DATABASE_BYTES + (template === world.options.database ? world.options.databaseMB * 1_000_000 : 0)
  yield Math.round((bytes / (world.bytesPerSecond('flushMBps', server.name) / Math.max(1, server.diskSlowdown))) * SECOND * server.slowness)
  if (!server.alive || session.ended !== undefined) return { is: 'lost' }
  server.copy.append(bytes)
  world.access.setDatabase(name, { owner: owner ?? session.login?.role ?? 'postgres', isTemplate }, by)
  return done()
}

function* changeDatabase(session: SqlSession, effect: Extract<CatalogEffect, { do: 'renameDatabase' | 'ownDatabase' | 'dropDatabase' }>, by: Transaction): Process<EffectResult> {
  const { server } = session
  const { access, options } = server.world
  const before = access.databases(server).get(effect.name)
  if (before === undefined) return effect.do === 'dropDatabase' && effect.ifExists ? done(`database "${effect.name}" does not exist, skipping`) : noDatabase(effect.name)
  if (effect.do === 'ownDatabase') {
    if (!access.hasRole(server, effect.owner)) return noRole(effect.owner)
    access.setDatabase(effect.name, { ...before, owner: effect.owner }, by)
    return done()
  }
  const verb = effect.do === 'dropDatabase' ? 'drop' : 'rename'
  if (effect.name === (session.login?.database ?? 'postgres')) return verb === 'drop' ? error('55006', 'cannot drop the currently open database') : error('0A000', 'current database cannot be renamed')
  if (verb === 'drop' && before.isTemplate) return error('42809', 'cannot drop a template database')
  if (effect.do === 'renameDatabase' && access.hasDatabase(server, effect.to)) return error('42P04', `database "${effect.to}" already exists`)
  const force = effect.do === 'dropDatabase' && effect.force
  const users = force ? 0 : yield* usersLeft(session, effect.name)
  if (users > 0) return inUse('database', effect.name, users)
  if (effect.name === options.database) {
    throw new UnsupportedError(`${effect.tag} of the client programs' database is not modelled: ${verb === 'drop' ? 'all that they have written would be gone' : 'they would not find it again'}`, [`${effect.tag} of another database`])
  }
  for (const other of force ? othersIn(session, effect.name, session) : []) end(server, other)
  access.setDatabase(effect.name, null, by)
  if (effect.do === 'renameDatabase') access.setDatabase(effect.to, before, by)
  return done()
}

function end(server: Server, session: SqlSession): void {
  server.backendLeft(session)
  session.stateChanged({ is: 'closed', error: '57P01 terminating connection due to administrator command' })
}

/** What is in the image can be created; an update goes to the version that the server's own files have (rules PG-CATALOG-2, PG-CATALOG-3). */
function changeExtension({ server, login }: SqlSession, effect: Extract<CatalogEffect, { do: 'createExtension' | 'updateExtension' | 'dropExtension' }>, by: Transaction): EffectResult {
  const { access, options } = server.world
  const database = login?.database ?? options.database
  const installed = access.extensions(server, database)
  const available = (name: string): string | undefined => versionOf(name, server.host.version) ?? options.extensions[name]
  switch (effect.do) {
    case 'createExtension': {
      const { name } = effect
      if (installed.has(name)) return effect.ifNotExists ? done(`extension "${name}" already exists, skipping`) : error('42710', `extension "${name}" already exists`)
      const version = available(name)
      if (version === undefined) {
        const major = server.host.version.split('.')[0]
        return error('0A000', `extension "${name}" is not available`, { detail: `Could not open extension control file "/usr/share/postgresql/${major}/extension/${name}.control": No such file or directory.`, hint: 'The extension must first be installed on the system where PostgreSQL is running.' })
      }
      const needs = name === 'earthdistance' ? 'cube' : undefined
      if (needs !== undefined && !installed.has(needs)) {
        if (!effect.cascade) return error('42704', `required extension "${needs}" is not installed`, { hint: 'Use CREATE EXTENSION ... CASCADE to install required extensions too.' })
        access.setExtension(database, needs, CONTRIB.get(needs)?.version ?? '1.0', by)
      }
      access.setExtension(database, name, effect.version ?? version, by)
      return needs !== undefined && !installed.has(needs) ? done(`installing required extension "${needs}"`) : done()
    }
    case 'updateExtension': {
      const from = installed.get(effect.name)
      if (from === undefined) return error('42704', `extension "${effect.name}" does not exist`)
      const to = effect.version ?? available(effect.name) ?? from
      if (to === from) return done(`version "${from}" of extension "${effect.name}" is already installed`)
      if (effect.version !== undefined && effect.version !== available(effect.name)) return error('22023', `extension "${effect.name}" has no update path from version "${from}" to version "${to}"`)
      access.setExtension(database, effect.name, to, by)
      return done()
    }
    case 'dropExtension': {
      const notices: string[] = []
      for (const name of effect.names) {
        if (installed.has(name)) access.setExtension(database, name, null, by)
        else if (effect.ifExists) notices.push(`extension "${name}" does not exist, skipping`)
        else return error('42704', `extension "${name}" does not exist`)
      }
      return done(...notices)
    }
  }
}

/** Of pg_roles and \du: what a role may beyond logging in, in words. */
export function attributeWords({ superuser, inherit, createRole, createDatabase, login, replication, bypassRls, limit }: RoleAttributes): string {
  const words = [superuser && 'Superuser', !inherit && 'No inheritance', createRole && 'Create role', createDatabase && 'Create DB', !login && 'Cannot login', replication && 'Replication', bypassRls && 'Bypass RLS'].filter(word => word !== false)
  return [words.join(', '), ...(limit >= 0 ? [limit === 0 ? 'No connections' : limit === 1 ? '1 connection' : `${limit} connections`] : [])].filter(line => line !== '').join('\n')
}
