import type { AlterTableStmt, DropStmt, IndexStmt, LockStmt, Node, RenameStmt } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { Binder } from './binder.ts'
import { bindExpression, typeOf } from './expression.ts'
import type { AlterAction, SchemaEffect } from './host.ts'
import { callsAny, lastName } from './parse.ts'
import { Run } from './run.ts'
import { Scope } from './scope.ts'
import { newColumn } from './write.ts'
import type { PgType } from './types.ts'

export interface SchemaStatement {
  readonly effect: SchemaEffect
  readonly tag: string
  /** Refused inside BEGIN … COMMIT. */
  readonly alone: boolean
  /** Refused outside of it. */
  readonly inside: boolean
}

/** Functions whose value differs from row to row: a default that calls one rewrites the table (D:ddl-alter, D:sql-altertable). */
const VOLATILE: ReadonlySet<string> = new Set(['random', 'gen_random_uuid', 'uuid_generate_v4', 'clock_timestamp', 'timeofday', 'nextval'])

const ACTIONS = ['ADD COLUMN', 'DROP COLUMN', 'ALTER COLUMN … SET DEFAULT', 'DROP DEFAULT', 'SET NOT NULL', 'DROP NOT NULL', 'TYPE', 'ADD CONSTRAINT … CHECK … [NOT VALID]', 'VALIDATE CONSTRAINT', 'DROP CONSTRAINT', 'RENAME COLUMN']

/** ALTER TABLE, indexes and LOCK TABLE; undefined for any other statement. @throws UnsupportedError for forms that are not modelled */
export function schemaStatement(node: Node, binderOf: () => Binder): SchemaStatement | undefined {
  if ('AlterTableStmt' in node) return { effect: alterTable(node.AlterTableStmt, binderOf), tag: 'ALTER TABLE', alone: false, inside: false }
  if ('RenameStmt' in node) return { effect: rename(node.RenameStmt), tag: 'ALTER TABLE', alone: false, inside: false }
  if ('IndexStmt' in node) return { effect: createIndex(node.IndexStmt), tag: 'CREATE INDEX', alone: node.IndexStmt.concurrent === true, inside: false }
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_INDEX') return { effect: dropIndex(node.DropStmt), tag: 'DROP INDEX', alone: node.DropStmt.concurrent === true, inside: false }
  if ('LockStmt' in node) return { effect: lockTable(node.LockStmt), tag: 'LOCK TABLE', alone: false, inside: true }
  return undefined
}

function alterTable({ relation, cmds = [], objtype, missing_ok: ifExists = false }: AlterTableStmt, binderOf: () => Binder): SchemaEffect {
  if (objtype !== 'OBJECT_TABLE') throw new UnsupportedError('of ALTER, only ALTER TABLE is modelled', ['ALTER TABLE'])
  return { kind: 'alterTable', table: relation?.relname ?? '', ifExists, actions: cmds.flatMap(cmd => ('AlterTableCmd' in cmd ? [action(cmd.AlterTableCmd, binderOf)] : [])) }
}

type Command = Extract<Node, { AlterTableCmd: unknown }>['AlterTableCmd']

function action({ subtype, name = '', def, missing_ok: missingOk = false }: Command, binderOf: () => Binder): AlterAction {
  switch (subtype) {
    case 'AT_AddColumn': {
      if (def === undefined || !('ColumnDef' in def)) break
      const binder = binderOf()
      const column = newColumn(def.ColumnDef, binder)
      binder.release()
      return { do: 'addColumn', column, ifNotExists: missingOk, volatileDefault: column.serial || callsAny(def, called => VOLATILE.has(called)) }
    }
    case 'AT_DropColumn':
      return { do: 'dropColumn', name, ifExists: missingOk }
    case 'AT_SetNotNull':
      return { do: 'setNotNull', name }
    case 'AT_DropNotNull':
      return { do: 'dropNotNull', name }
    case 'AT_ColumnDefault': {
      if (def === undefined) return { do: 'setDefault', name, defaultOf: undefined }
      const binder = binderOf()
      const bound = bindExpression(def, new Scope(undefined), binder)
      binder.release()
      return { do: 'setDefault', name, defaultOf: host => bound.get(new Run(host)) }
    }
    case 'AT_AlterColumnType':
      if (def === undefined || !('ColumnDef' in def)) break
      return { do: 'setType', name, type: typeOf(def.ColumnDef.typeName).type as PgType, using: def.ColumnDef.raw_default !== undefined }
    case 'AT_AddConstraint': {
      if (def === undefined || !('Constraint' in def) || def.Constraint.contype !== 'CONSTR_CHECK') throw new UnsupportedError('of ADD CONSTRAINT, only CHECK is modelled', ACTIONS)
      const test = def.Constraint.raw_expr
      const column = test !== undefined && 'NullTest' in test && test.NullTest.nulltesttype === 'IS_NOT_NULL' && test.NullTest.arg !== undefined && 'ColumnRef' in test.NullTest.arg ? lastName(test.NullTest.arg.ColumnRef.fields) : undefined
      return { do: 'addCheck', name: def.Constraint.conname ?? `${column ?? 'table'}_check`, notNullOf: column, notValid: def.Constraint.skip_validation === true }
    }
    case 'AT_ValidateConstraint':
      return { do: 'validate', name }
    case 'AT_DropConstraint':
      return { do: 'dropConstraint', name, ifExists: missingOk }
    default:
  }
  throw new UnsupportedError(`this form of ALTER TABLE (${subtype ?? ''}) is not modelled`, ACTIONS)
}

function rename({ renameType, relation, subname = '', newname = '' }: RenameStmt): SchemaEffect {
  if (renameType !== 'OBJECT_COLUMN') throw new UnsupportedError('of RENAME, only ALTER TABLE … RENAME COLUMN is modelled', ACTIONS)
  return { kind: 'alterTable', table: relation?.relname ?? '', ifExists: false, actions: [{ do: 'renameColumn', name: subname, to: newname }] }
}

function createIndex({ idxname, relation, indexParams = [], unique = false, concurrent = false, if_not_exists: ifNotExists = false }: IndexStmt): SchemaEffect {
  const columns = indexParams.flatMap(each => ('IndexElem' in each ? [each.IndexElem.name ?? 'expr'] : []))
  const table = relation?.relname ?? ''
  return { kind: 'createIndex', table, index: idxname ?? `${table}_${columns.join('_')}_idx`, columns, unique, concurrently: concurrent, ifNotExists }
}

function dropIndex({ objects = [], missing_ok: ifExists = false, concurrent: concurrently = false }: DropStmt): SchemaEffect {
  return { kind: 'dropIndex', names: objects.map(object => ('List' in object ? lastName(object.List.items) : '')), concurrently, ifExists }
}

function lockTable({ relations = [], mode = 8, nowait: noWait = false }: LockStmt): SchemaEffect {
  return { kind: 'lockTable', tables: relations.flatMap(each => ('RangeVar' in each ? [each.RangeVar.relname ?? ''] : [])), mode, noWait }
}
