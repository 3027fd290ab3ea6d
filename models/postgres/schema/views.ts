/** What a server shows of its locks, columns and indexes. Source: D:view-pg-locks, D:catalog-pg-index, D:infoschema-columns. */
import { columns, type View } from '../columns.ts'
import type { Server } from '../server.ts'
import { eyesOf, SqlSession } from '../sessions.ts'
import { displayType, type Value } from '../sql/types.ts'
import { holds, type Table } from '../tables.ts'

/** Object numbers: of a table by its place, of its indexes after it. */
const FIRST_OID = 16_400

/** Tables and their indexes, with their object numbers. */
export function* relationsOf(server: Server): Generator<{ readonly oid: number; readonly table: Table; readonly index: Table['indexes'][number] | undefined }> {
  const eyes = eyesOf(server)
  for (const [i, table] of server.world.tables.visibleTo(eyes).entries()) {
    const oid = FIRST_OID + i * 100
    yield { oid, table, index: undefined }
    for (const [j, index] of table.indexesFor(eyes).entries()) yield { oid: oid + 1 + j, table, index }
  }
}

/** Whom a session waits for, as pg_blocking_pids() has it. */
export function blockingPids(server: Server, pid: number): Value {
  const session = [...server.backends].find(b => b.pid === pid)
  const others = session instanceof SqlSession ? (session.waitsFor?.() ?? []) : []
  return [...new Set(others.map(o => (o as SqlSession).pid))]
}

export const SCHEMA_VIEWS: Readonly<Record<string, View>> = {
  pg_locks: {
    columns: columns('locktype text, database oid, relation oid, classid oid, objid oid, pid int4, mode text, granted bool'),
    fill: server => {
      const oids = new Map([...relationsOf(server)].filter(r => r.index === undefined).map(r => [`table ${r.table.name}`, r.oid]))
      const rows = [...(server.locksIfAny?.all() ?? [])].map(({ tag, owner, mode, granted }): Value[] => {
        const table = tag.startsWith('table')
        return [table ? 'relation' : 'advisory', 16385, table ? (oids.get(tag) ?? null) : null, table ? null : 0, table ? null : Number(tag.slice(9)), (owner as SqlSession).pid, table ? `${mode}Lock` : 'ExclusiveLock', granted]
      })
      return { rows, moves: rows.length > 0 }
    },
  },
  pg_class: {
    columns: columns('oid oid, relname name, relnamespace oid, reltype oid, reloftype oid, relowner oid, relam oid, relfilenode oid, reltablespace oid, relpages int4, reltuples float4, relallvisible int4, reltoastrelid oid, relhasindex bool, relisshared bool, relpersistence char, relkind char, relnatts int2, relchecks int2, relhasrules bool, relhastriggers bool, relhassubclass bool, relrowsecurity bool, relforcerowsecurity bool, relispopulated bool, relreplident char, relispartition bool, relrewrite oid'),
    fill: server => {
      const eyes = eyesOf(server)
      return {
        moves: server.inRecovery,
        rows: [...relationsOf(server)].map(({ oid, table, index }): Value[] => {
          const rows = table.visible(eyes).length
          const ofTable = index === undefined
          return [oid, index?.name ?? table.name, 2200, 0, 0, 10, ofTable ? 2 : 403, oid, 0, Math.ceil(rows / 100), rows, 0, 0, ofTable && table.indexesFor(eyes).length > 0, false, 'p', ofTable ? 'r' : 'i', table.shape(eyes).definition.length, table.constraintsFor(eyes).length, false, false, false, false, false, true, ofTable ? 'd' : 'n', false, 0]
        }),
      }
    },
  },
  pg_index: {
    columns: columns('indexrelid oid, indrelid oid, indisunique bool, indisvalid bool, indisready bool, indisprimary bool, indislive bool'),
    fill: server => {
      const eyes = eyesOf(server)
      const rows: Value[][] = []
      let table = 0
      for (const { oid, index } of relationsOf(server)) {
        if (index === undefined) table = oid
        else rows.push([oid, table, index.unique, holds(index.validBy, eyes), true, false, true])
      }
      return { moves: server.inRecovery, rows }
    },
  },
  pg_indexes: {
    columns: columns('schemaname name, tablename name, indexname name, tablespace name, indexdef text'),
    fill: server => ({ moves: server.inRecovery, rows: [...relationsOf(server)].filter(r => r.index !== undefined).map(r => ['public', r.table.name, r.index?.name ?? '', null, `CREATE ${r.index?.unique === true ? 'UNIQUE ' : ''}INDEX ${r.index?.name} ON public.${r.table.name} USING btree (${r.index?.columns.join(', ')})`]) }),
  },
  /** information_schema.columns: the schema of a name is not looked at. */
  columns: {
    columns: columns('table_schema name, table_name name, column_name name, ordinal_position int4, is_nullable varchar, data_type varchar'),
    fill: server => ({
      moves: server.inRecovery,
      rows: server.world.tables.visibleTo(eyesOf(server)).flatMap(t => t.shape(eyesOf(server)).definition.map((c): Value[] => ['public', t.name, c.name, c.number + 1, c.notNull ? 'NO' : 'YES', displayType(c.type)])),
    }),
  },
}
