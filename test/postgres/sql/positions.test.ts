import fc from 'fast-check'
import { parseSync } from 'libpg-query'
import { expect, test } from 'vitest'
import { parseStatements } from '../../../models/postgres/sql/parse.ts'

/** What the grammar makes of the text itself, with no tree remembered. */
function afresh(sql: string): unknown {
  try {
    return parseSync(sql).stmts?.map(({ stmt }) => stmt)
  } catch (error) {
    return (error as Error).message
  }
}

function remembered(sql: string): unknown {
  try {
    return parseStatements(sql).map(({ node }) => node)
  } catch (error) {
    return (error as Error).message
  }
}

const position = fc.tuple(fc.nat(0xff), fc.nat(0xffffffff)).map(([high, low]) => `${high.toString(16).toUpperCase()}/${low.toString(16).toUpperCase()}`)
/** Places where a position is a literal of its own, and places where it only looks like one. */
const around = fc.constantFrom('select pg_wal_lsn_diff(pg_last_wal_receive_lsn(), $)', "select $, 'x'", 'select $::pg_lsn < $', "select E$", "select $'x'", "select 'x'$", "select 1 -- $", 'select $$$$', 'select $\n$', 'select from where $', 'select 1 /* $ */ where $ is null', 'select "a" as "$"')

test('a text with positions of the log is read as the grammar reads it, whatever was read before', () => {
  fc.assert(fc.property(around, position, position, (text, first, second) => {
    const sql = text.replace('$', () => `'${first}'`).replace('$', () => `'${second}'`)
    expect(remembered(sql)).toEqual(afresh(sql))
  }))
})
