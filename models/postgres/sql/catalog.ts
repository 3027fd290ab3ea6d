/** Roles, databases, extensions and REINDEX, as the grammar gives them. What it means is the server's (catalog/perform.ts). */
import type { Node } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { CatalogEffect, MaintenanceEffect, RoleAttributes } from './host.ts'

export interface CatalogStatement {
  readonly effect: CatalogEffect | MaintenanceEffect
  readonly tag: string
  /** Refused inside BEGIN … COMMIT, under this name. */
  readonly alone: string | undefined
}

type Option = readonly [name: string, value: unknown]

const optionsOf = (options: readonly Node[] | undefined): readonly Option[] => (options ?? []).flatMap(option => ('DefElem' in option ? [[option.DefElem.defname ?? '', option.DefElem.arg] as const] : []))

/** A text, a number or a truth in the tree, whatever it is wrapped in. */
function plain(arg: unknown): string {
  const { String: text, Integer: integer, Boolean: truth } = (arg ?? {}) as { String?: { sval?: string }; Integer?: { ival?: number }; Boolean?: { boolval?: boolean } }
  if (integer !== undefined) return String(integer.ival ?? 0)
  if (truth !== undefined) return String(truth.boolval ?? false)
  return text?.sval ?? ''
}

const isTrue = (arg: unknown): boolean => arg === undefined || /^(?:t|true|on|yes|1)$/i.test(plain(arg))

const rolesOf = (nodes: readonly Node[] | undefined): string[] => (nodes ?? []).flatMap(node => ('RoleSpec' in node ? [roleName(node.RoleSpec)] : []))

/** CURRENT_USER and the like are left to the server's session. */
const roleName = (spec: { readonly roletype?: string; readonly rolename?: string } | undefined): string => spec?.rolename ?? (spec?.roletype === 'ROLESPEC_PUBLIC' ? 'public' : '')

const ATTRIBUTES: Readonly<Record<string, keyof RoleAttributes>> = { superuser: 'superuser', inherit: 'inherit', createrole: 'createRole', createdb: 'createDatabase', canlogin: 'login', isreplication: 'replication', bypassrls: 'bypassRls' }

function attributesOf(options: readonly Option[]): { readonly attributes: Partial<RoleAttributes>; readonly memberOf: readonly string[] } {
  const attributes: Record<string, boolean | number> = {}
  const memberOf: string[] = []
  for (const [name, value] of options) {
    const attribute = ATTRIBUTES[name]
    if (attribute !== undefined) attributes[attribute] = isTrue(value)
    else if (name === 'connectionlimit') attributes.limit = Number(plain(value))
    else if (name === 'addroleto' || name === 'rolemembers' || name === 'adminmembers') memberOf.push(...rolesOf((value as { List?: { items?: Node[] } }).List?.items))
    // A password and its end change nothing for who is trusted.
    else if (name !== 'password' && name !== 'validUntil' && name !== 'sysid') throw new UnsupportedError(`the option ${name} of a role is not modelled`, [...Object.keys(ATTRIBUTES), 'connection limit', 'in role', 'password'])
  }
  return { attributes, memberOf }
}

function createDatabase(name: string, options: readonly Option[]): CatalogEffect {
  const given = Object.fromEntries(options.map(([option, value]) => [option, plain(value)]))
  return { kind: 'catalog', tag: 'CREATE DATABASE', do: 'createDatabase', name, owner: given.owner, template: given.template ?? 'template1', isTemplate: given.is_template !== undefined && isTrue({ String: { sval: given.is_template } }) }
}

const KINDS: Readonly<Record<string, MaintenanceEffect['of']>> = { REINDEX_OBJECT_INDEX: 'index', REINDEX_OBJECT_TABLE: 'table', REINDEX_OBJECT_SCHEMA: 'schema', REINDEX_OBJECT_DATABASE: 'database', REINDEX_OBJECT_SYSTEM: 'system' }

/** Undefined for any other statement. @throws UnsupportedError for forms that are not modelled */
export function catalogStatement(node: Node): CatalogStatement | undefined {
  const catalog = (effect: CatalogEffect, alone = false): CatalogStatement => ({ effect, tag: effect.tag, alone: alone ? effect.tag : undefined })
  if ('CreateRoleStmt' in node) return catalog({ kind: 'catalog', tag: 'CREATE ROLE', do: 'createRole', name: node.CreateRoleStmt.role ?? '', ...roleOf(node.CreateRoleStmt.stmt_type, attributesOf(optionsOf(node.CreateRoleStmt.options))) })
  if ('AlterRoleStmt' in node) return catalog({ kind: 'catalog', tag: 'ALTER ROLE', do: 'alterRole', name: roleName(node.AlterRoleStmt.role), ...attributesOf(optionsOf(node.AlterRoleStmt.options)) })
  if ('DropRoleStmt' in node) return catalog({ kind: 'catalog', tag: 'DROP ROLE', do: 'dropRole', names: rolesOf(node.DropRoleStmt.roles), ifExists: node.DropRoleStmt.missing_ok === true })
  if ('GrantRoleStmt' in node) {
    const granted = (node.GrantRoleStmt.granted_roles ?? []).flatMap(role => ('AccessPriv' in role ? [role.AccessPriv.priv_name ?? ''] : []))
    return catalog({ kind: 'catalog', tag: node.GrantRoleStmt.is_grant === true ? 'GRANT ROLE' : 'REVOKE ROLE', do: 'mention', roles: [...rolesOf(node.GrantRoleStmt.grantee_roles), ...granted] })
  }
  if ('ReassignOwnedStmt' in node) return catalog({ kind: 'catalog', tag: 'REASSIGN OWNED', do: 'mention', roles: [...rolesOf(node.ReassignOwnedStmt.roles), roleName(node.ReassignOwnedStmt.newrole)] })
  if ('RenameStmt' in node && (node.RenameStmt.renameType === 'OBJECT_ROLE' || node.RenameStmt.renameType === 'OBJECT_DATABASE')) {
    const role = node.RenameStmt.renameType === 'OBJECT_ROLE'
    const [name, to] = [node.RenameStmt.subname ?? '', node.RenameStmt.newname ?? '']
    return catalog(role ? { kind: 'catalog', tag: 'ALTER ROLE', do: 'renameRole', name, to } : { kind: 'catalog', tag: 'ALTER DATABASE', do: 'renameDatabase', name, to })
  }
  if ('AlterOwnerStmt' in node && node.AlterOwnerStmt.objectType === 'OBJECT_DATABASE') {
    const { object, newowner } = node.AlterOwnerStmt
    return catalog({ kind: 'catalog', tag: 'ALTER DATABASE', do: 'ownDatabase', name: object !== undefined && 'String' in object ? (object.String.sval ?? '') : '', owner: roleName(newowner) })
  }
  if ('CreatedbStmt' in node) return catalog(createDatabase(node.CreatedbStmt.dbname ?? '', optionsOf(node.CreatedbStmt.options)), true)
  if ('DropdbStmt' in node) return catalog({ kind: 'catalog', tag: 'DROP DATABASE', do: 'dropDatabase', name: node.DropdbStmt.dbname ?? '', ifExists: node.DropdbStmt.missing_ok === true, force: optionsOf(node.DropdbStmt.options).some(([name]) => name === 'force') }, true)
  if ('CreateExtensionStmt' in node) {
    const given = new Map(optionsOf(node.CreateExtensionStmt.options))
    return catalog({ kind: 'catalog', tag: 'CREATE EXTENSION', do: 'createExtension', name: node.CreateExtensionStmt.extname ?? '', version: given.has('new_version') ? plain(given.get('new_version')) : undefined, ifNotExists: node.CreateExtensionStmt.if_not_exists === true, cascade: given.has('cascade') })
  }
  if ('AlterExtensionStmt' in node) {
    const [to] = optionsOf(node.AlterExtensionStmt.options)
    return catalog({ kind: 'catalog', tag: 'ALTER EXTENSION', do: 'updateExtension', name: node.AlterExtensionStmt.extname ?? '', version: to === undefined ? undefined : plain(to[1]) })
  }
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_EXTENSION') {
    return catalog({ kind: 'catalog', tag: 'DROP EXTENSION', do: 'dropExtension', names: (node.DropStmt.objects ?? []).flatMap(object => ('String' in object ? [object.String.sval ?? ''] : [])), ifExists: node.DropStmt.missing_ok === true })
  }
  if ('ReindexStmt' in node) {
    const of = KINDS[node.ReindexStmt.kind ?? ''] ?? 'table'
    const concurrently = optionsOf(node.ReindexStmt.params).some(([name, value]) => name === 'concurrently' && isTrue(value))
    const alone = concurrently ? 'REINDEX CONCURRENTLY' : of === 'index' || of === 'table' ? undefined : `REINDEX ${of.toUpperCase()}`
    return { effect: { kind: 'reindex', of, name: node.ReindexStmt.relation?.relname ?? node.ReindexStmt.name ?? '', concurrently }, tag: 'REINDEX', alone }
  }
  return undefined
}

/** CREATE USER may log in, CREATE ROLE may not, unless they say so. */
function roleOf(kind: string | undefined, { attributes, memberOf }: ReturnType<typeof attributesOf>): { readonly attributes: Partial<RoleAttributes>; readonly memberOf: readonly string[] } {
  return { attributes: { ...(kind === 'ROLESTMT_USER' ? { login: true } : {}), ...attributes }, memberOf }
}
