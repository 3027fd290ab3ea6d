import { hasSqlDetails, loadModule, type Node, type ParseResult, parseSync } from 'libpg-query'
import { rememberedByText } from '../../../src/operator/remembered.ts'
import { SqlSyntaxError } from './types.ts'

// The grammar is PostgreSQL's own, compiled to WebAssembly; it is loaded once, when this module is, and synchronous from then on.
await loadModule()

/** One statement of an SQL text, as PostgreSQL's grammar reads it. */
export interface Parsed {
  readonly node: Node
  /** The whole text that was parsed: error positions count from its start. */
  readonly sql: string
  /** The statement's own text. */
  readonly text: string
  /** Turns a location of the tree (bytes of UTF-8) into an index of `sql`. */
  at(location: number | undefined): number
}

/** A quoted position of the log. Runbooks weave one into a question, and it is another one in every rehearsal. */
const POSITION = /'[0-9A-F]{1,8}\/[0-9A-F]{1,8}'/g

/** The tree of a text whose positions are blotted out. */
const treeOfForm = rememberedByText((form): { readonly tree: ParseResult | undefined } => {
  try {
    return { tree: parseSync(form) }
  } catch {
    // Its error must quote the text that was written.
    return { tree: undefined }
  }
})

/**
 * The tree of a text that holds positions of the log, made from the tree of the same text with other ones: the grammar sees a quoted literal of
 * the same length in the same place either way. Undefined when there is none, or one that is no literal of its own (in a comment, say).
 */
function treeByForm(sql: string): ParseResult | undefined {
  const written = new Map<number, string>()
  const form = sql.replace(POSITION, (quoted, at: number) => {
    written.set(at, quoted.slice(1, -1))
    return `'${'0'.repeat(quoted.length - 2)}'`
  })
  if (written.size === 0 || !isAscii(sql)) return undefined
  const { tree } = treeOfForm(form)
  const count = written.size
  let placed = 0
  const copy = (node: unknown): unknown => {
    if (typeof node !== 'object' || node === null) return node
    if (Array.isArray(node)) return node.map(copy)
    const { sval, location = 0 } = node as { sval?: { sval?: string }; location?: number }
    const text = typeof sval === 'object' ? written.get(location) : undefined
    if (text !== undefined && sval?.sval === '0'.repeat(text.length)) {
      placed += 1
      return { ...node, sval: { sval: text } }
    }
    const same: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(node)) same[key] = copy(value)
    return same
  }
  const result = tree === undefined ? undefined : (copy(tree) as ParseResult)
  return placed === count ? result : undefined
}

/** The statements of an SQL text. @throws SqlSyntaxError with PostgreSQL's message and position */
export function parseStatements(sql: string): Parsed[] {
  if (sql.trim() === '') return []
  const at = indexer(sql)
  try {
    return ((treeByForm(sql) ?? parseSync(sql)).stmts ?? []).flatMap(({ stmt, stmt_location: start = 0, stmt_len: length }) =>
      stmt === undefined ? [] : [{ node: stmt, sql, at, text: sql.slice(at(start), length ? at(start + length) : undefined).trim() }],
    )
  } catch (error) {
    if (error instanceof Error && hasSqlDetails(error)) {
      // The cursor of an error counts characters, unlike the locations of the tree.
      const cursor = Array.from(sql).slice(0, error.sqlDetails?.cursorPosition ?? 0).join('').length
      throw new SqlSyntaxError(error.message, cursor)
    }
    throw error
  }
}

const isAscii = (text: string): boolean => !/[\u0080-\uffff]/.test(text)

function indexer(sql: string): (location: number | undefined) => number {
  if (isAscii(sql)) return location => location ?? 0
  const indexOfByte: number[] = []
  let index = 0
  for (const character of sql) {
    const code = character.codePointAt(0) as number
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    for (let i = 0; i < bytes; i++) indexOfByte.push(index)
    index += character.length
  }
  indexOfByte.push(index)
  return location => indexOfByte[location ?? 0] ?? index
}

/** The last name of a qualified name: `pg_catalog.now` is `now`. */
export function lastName(names: readonly Node[] | undefined): string {
  const last = names?.[names.length - 1]
  return last !== undefined && 'String' in last ? (last.String.sval ?? '') : ''
}

/** The kind of a node and its body. */
export function kindOf(node: Node): string {
  return Object.keys(node)[0] ?? ''
}

const JUST_PLACES: ReadonlySet<string> = new Set(['location', 'list_start', 'list_end', 'rexpr_list_start', 'rexpr_list_end'])

/** A text that is the same for the same expression wherever it stands. */
export function expressionKey(node: Node): string {
  return JSON.stringify(node, (key: string, value: unknown) => (JUST_PLACES.has(key) ? undefined : value))
}

/** Whether any node under this one is a call of a function that `test` accepts. */
export function callsAny(node: unknown, test: (name: string) => boolean): boolean {
  if (Array.isArray(node)) return node.some(item => callsAny(item, test))
  if (node === null || typeof node !== 'object') return false
  const { FuncCall: call } = node as { FuncCall?: { funcname?: Node[] } }
  if (call !== undefined && test(lastName(call.funcname))) return true
  return Object.values(node).some(item => callsAny(item, test))
}

const VALUE_FUNCTIONS: Readonly<Record<string, string>> = {
  SVFOP_CURRENT_DATE: 'current_date', SVFOP_CURRENT_TIMESTAMP: 'current_timestamp', SVFOP_CURRENT_TIMESTAMP_N: 'current_timestamp', SVFOP_LOCALTIMESTAMP: 'localtimestamp',
  SVFOP_LOCALTIMESTAMP_N: 'localtimestamp', SVFOP_CURRENT_USER: 'current_user', SVFOP_CURRENT_ROLE: 'current_role', SVFOP_USER: 'user', SVFOP_SESSION_USER: 'session_user',
  SVFOP_CURRENT_CATALOG: 'current_catalog', SVFOP_CURRENT_SCHEMA: 'current_schema',
}

/** The name of `current_user` and its like. */
export const valueFunctionName = (op: string | undefined): string => VALUE_FUNCTIONS[op ?? ''] ?? ''

/** The name PostgreSQL gives a column without AS, and how good a name it is: 0 none, 1 a type or keyword, 2 a real one. */
export function figureName(node: Node | undefined): { readonly name: string; readonly strength: 0 | 1 | 2 } {
  const none = { name: '?column?', strength: 0 } as const
  const named = (name: string): { name: string; strength: 2 } => ({ name, strength: 2 })
  if (node === undefined) return none
  if ('ColumnRef' in node) return named(lastName(node.ColumnRef.fields))
  if ('FuncCall' in node) return named(lastName(node.FuncCall.funcname))
  if ('A_Indirection' in node) {
    const field = lastName(node.A_Indirection.indirection)
    return field === '' ? figureName(node.A_Indirection.arg) : named(field)
  }
  if ('TypeCast' in node) {
    const inner = figureName(node.TypeCast.arg)
    return inner.strength > 1 ? inner : { name: lastName(node.TypeCast.typeName?.names), strength: 1 }
  }
  if ('CollateClause' in node) return figureName(node.CollateClause.arg)
  if ('A_Expr' in node) return node.A_Expr.kind === 'AEXPR_NULLIF' ? named('nullif') : none
  if ('CaseExpr' in node) {
    const inner = figureName(node.CaseExpr.defresult)
    return inner.strength > 1 ? inner : { name: 'case', strength: 1 }
  }
  if ('CoalesceExpr' in node) return named('coalesce')
  if ('MinMaxExpr' in node) return named(node.MinMaxExpr.op === 'IS_LEAST' ? 'least' : 'greatest')
  if ('SQLValueFunction' in node) return named(valueFunctionName(node.SQLValueFunction.op))
  if ('A_ArrayExpr' in node) return named('array')
  if ('RowExpr' in node) return named('row')
  if ('SubLink' in node) return figureSubLink(node.SubLink.subLinkType, node.SubLink.subselect) ?? none
  return none
}

function figureSubLink(kind: string | undefined, select: Node | undefined): { readonly name: string; readonly strength: 2 } | undefined {
  if (kind === 'EXISTS_SUBLINK') return { name: 'exists', strength: 2 }
  if (kind === 'ARRAY_SUBLINK') return { name: 'array', strength: 2 }
  if (kind !== 'EXPR_SUBLINK' || select === undefined || !('SelectStmt' in select)) return undefined
  const target = select.SelectStmt.targetList?.[0]
  if (target === undefined || !('ResTarget' in target)) return { name: 'column1', strength: 2 }
  return { name: target.ResTarget.name ?? figureName(target.ResTarget.val).name, strength: 2 }
}
