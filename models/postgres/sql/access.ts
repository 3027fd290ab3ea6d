import type { AlterDatabaseStmt, AlterRoleSetStmt, GrantStmt, Node, VariableSetStmt } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { AccessEffect } from './host.ts'

type SettingOf = (node: VariableSetStmt) => { readonly name: string | null; readonly value: string | null }

const FORMS = ['ALTER DATABASE d ALLOW_CONNECTIONS true|false', 'ALTER DATABASE d CONNECTION LIMIT 0|-1', 'ALTER DATABASE|ROLE x SET|RESET default_transaction_read_only', 'GRANT|REVOKE CONNECT ON DATABASE']

/** Statements about who may log in, and what new sessions are set to; undefined for any other. @throws UnsupportedError for forms that are not modelled */
export function accessStatement(node: Node, settingOf: SettingOf): AccessEffect | undefined {
  if ('AlterDatabaseStmt' in node) return alterDatabase(node.AlterDatabaseStmt)
  if ('AlterDatabaseRefreshCollStmt' in node) return { kind: 'access', change: 'nothing', name: '', value: true, tag: 'ALTER DATABASE' }
  if ('AlterDatabaseSetStmt' in node) return defaults('database', node.AlterDatabaseSetStmt.dbname ?? '', node.AlterDatabaseSetStmt, settingOf)
  if ('AlterRoleSetStmt' in node) return alterRoleSet(node.AlterRoleSetStmt, settingOf)
  if ('GrantStmt' in node) return grant(node.GrantStmt)
  return undefined
}

const optionsOf = (options: readonly Node[] | undefined): readonly (readonly [name: string, value: unknown])[] => (options ?? []).flatMap(option => ('DefElem' in option ? [[option.DefElem.defname ?? '', option.DefElem.arg] as const] : []))

/** A boolean of an option: `true`, `false`, 1, 0, a text. */
function truth(arg: unknown): boolean {
  const text = JSON.stringify(arg ?? true)
  return !/"boolval":\{\}|"ival":\{\}|"ival":0|false|"sval":"(?:off|no|0)"/i.test(text)
}

function number(arg: unknown): number {
  const found = /"ival":(-?\d+)/.exec(JSON.stringify(arg ?? {}))
  return found === null ? 0 : Number(found[1])
}

function alterDatabase({ dbname: name = '', options }: AlterDatabaseStmt): AccessEffect {
  const [option, ...more] = optionsOf(options)
  if (option !== undefined && more.length === 0 && option[0] === 'allow_connections') return { kind: 'access', change: 'allow', name, value: truth(option[1]), tag: 'ALTER DATABASE' }
  if (option !== undefined && more.length === 0 && option[0] === 'connection_limit') {
    const limit = number(option[1])
    if (limit > 0) throw new UnsupportedError('how many connections of the client programs a limit leaves is not modelled', ['CONNECTION LIMIT 0', 'CONNECTION LIMIT -1'])
    return { kind: 'access', change: 'closed', name, value: limit === 0, tag: 'ALTER DATABASE' }
  }
  throw new UnsupportedError('this form of ALTER DATABASE is not modelled', FORMS)
}

function alterRoleSet({ role, database, setstmt }: AlterRoleSetStmt, settingOf: SettingOf): AccessEffect {
  if (database !== undefined && database !== '') throw new UnsupportedError('ALTER ROLE … IN DATABASE is not modelled', FORMS)
  return defaults('role', role?.rolename ?? '', { setstmt }, settingOf)
}

function defaults(of: 'database' | 'role', name: string, { setstmt }: { readonly setstmt?: VariableSetStmt | undefined }, settingOf: SettingOf): AccessEffect {
  const tag = of === 'database' ? 'ALTER DATABASE' : 'ALTER ROLE'
  if (setstmt === undefined) throw new UnsupportedError(`this form of ${tag} is not modelled`, FORMS)
  const setting = settingOf(setstmt)
  if (setting.name !== null && setting.name.toLowerCase() !== 'default_transaction_read_only') throw new UnsupportedError(`${tag} … SET ${setting.name} is not modelled`, FORMS)
  return { kind: 'access', change: 'read-only', of, name, set: setting.name !== null && setting.value !== null, value: /^(?:on|true|yes|1)$/i.test(setting.value ?? ''), tag }
}

function grant({ is_grant: gives = false, objtype, objects, privileges, grantees }: GrantStmt): AccessEffect {
  const tag = gives ? 'GRANT' : 'REVOKE'
  const words = (privileges ?? []).flatMap(privilege => ('AccessPriv' in privilege ? [privilege.AccessPriv.priv_name ?? ''] : []))
  if (objtype !== 'OBJECT_DATABASE') {
    // Nobody is refused a table here, so that a grant changes nothing; what a REVOKE would take away is not known.
    if (gives) return { kind: 'access', change: 'nothing', name: '', value: true, tag }
    throw new UnsupportedError('REVOKE is modelled for CONNECT ON DATABASE alone', FORMS)
  }
  const names = (objects ?? []).flatMap(object => ('String' in object ? [object.String.sval ?? ''] : []))
  const connects = words.length === 0 || words.includes('connect')
  if (names.length !== 1) throw new UnsupportedError(`${tag} on several databases at once is not modelled`, FORMS)
  const roles = (grantees ?? []).flatMap(grantee => ('RoleSpec' in grantee ? [grantee.RoleSpec.roletype === 'ROLESPEC_PUBLIC' ? 'public' : (grantee.RoleSpec.rolename ?? '')] : []))
  return connects ? { kind: 'access', change: 'connect', name: names[0] as string, roles, value: gives, tag } : { kind: 'access', change: 'nothing', name: '', value: true, tag }
}
