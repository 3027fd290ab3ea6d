/** COPY … TO STDOUT: what it copies, as a query, and the lines it sends. Source: D:sql-copy. */
import type { CopyStmt, Node } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { print } from './convert.ts'
import type { Relation } from './types.ts'

const FORMS = ['COPY (query) TO STDOUT', 'COPY table [(columns)] TO STDOUT', 'WITH (FORMAT csv, HEADER)']

/** The query whose rows are sent. @throws UnsupportedError for COPY FROM and for files of the server */
export function copiedQuery({ query, relation, attlist, is_from: from, filename }: CopyStmt): Node {
  if (from === true) throw new UnsupportedError('COPY … FROM is not modelled: what it would load is nowhere', FORMS)
  if (filename !== undefined && filename !== '') throw new UnsupportedError('COPY … TO a file or a program of the server is not modelled', FORMS)
  if (query !== undefined) return query
  const field = (node: Node): Node => ({ ColumnRef: { fields: [node] } })
  const columns: Node[] = attlist === undefined || attlist.length === 0 ? [field({ A_Star: {} })] : attlist.map(field)
  return { SelectStmt: { targetList: columns.map(val => ({ ResTarget: { val } })), fromClause: relation === undefined ? [] : [{ RangeVar: relation }], limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE' } }
}

/** How its lines look, by the options of WITH. */
export function copyLines({ options = [] }: CopyStmt): (relation: Relation) => readonly string[] {
  const given = new Map(options.flatMap(option => ('DefElem' in option ? [[option.DefElem.defname ?? '', option.DefElem.arg] as const] : [])))
  const text = (name: string): string | undefined => {
    const arg = given.get(name)
    return arg === undefined ? undefined : 'String' in arg ? (arg.String.sval ?? '') : 'Boolean' in arg ? String(arg.Boolean.boolval ?? false) : ''
  }
  const known = ['format', 'header', 'delimiter', 'null', 'encoding']
  const other = [...given.keys()].find(name => !known.includes(name))
  if (other !== undefined || (text('format') ?? 'text') === 'binary') throw new UnsupportedError(`the option ${other ?? 'FORMAT binary'} of COPY is not modelled`, FORMS)
  const csv = text('format') === 'csv'
  const delimiter = text('delimiter') ?? (csv ? ',' : '\t')
  const nothing = text('null') ?? (csv ? '' : '\\N')
  const header = given.has('header') && text('header') !== 'false' && text('header') !== 'off'
  const escaped = (value: string): string => (csv ? (value.includes(delimiter) || /["\r\n]/.test(value) || value === nothing || value === '\\.' ? `"${value.replaceAll('"', '""')}"` : value)
    : value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r'))
  return ({ columns, rows }) => [
    ...(header ? [columns.map(({ name }) => escaped(name)).join(delimiter)] : []),
    ...rows.map(row => columns.map(({ type }, i) => (row[i] === null || row[i] === undefined ? nothing : escaped(print(row[i], type)))).join(delimiter)),
  ]
}
