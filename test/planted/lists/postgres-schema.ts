import { inCommand, keys, noUndo } from '../change.ts'
import type { Family, RunbookDefect, SourceDefect } from '../defect.ts'

const scenario = 'schema-migration/expand-contract'
/** A rehearsal of half an hour with a hundred commands: what has not shown by then is reported as not found. */
const MOST = 120
const defect = (id: string, what: string, change: RunbookDefect['change'], look?: RunbookDefect['look'], kinds?: RunbookDefect['kinds']): RunbookDefect => ({ id: `schema-${id}`, what, scenario, change, ...(look === undefined ? {} : { look }), ...(kinds === undefined ? {} : { kinds }), most: look === undefined ? MOST : 2200 })

export const postgresSchema: Family = {
  name: 'postgres-schema',
  title: 'A schema migration by expand and contract',
  defects: [
    defect('plain-index', 'the index is built where writers wait for it', { replace: [['create index concurrently', 'create index']] }),
    defect('rename', 'the column is renamed instead of being added', { step: { 'add-column': inCommand('add column if not exists ${new} text, alter column ${old} drop not null', 'rename column ${old} to ${new}') } }),
    defect('type-rewrites', 'on the way the type of a column is changed', { step: { 'add-column': inCommand('alter column ${old} drop not null', 'alter column total type bigint, alter column ${old} drop not null') } }),
    defect('drop-first', 'the old column goes before the release that needs it', { step: { 'roll-write-new': keys({ run: 'psql -h ${db} -c "alter table ${table} drop column ${old}"' }) }, without: ['write-new-everywhere'] }),
    defect('drop-while-rolling', 'nobody waits until the last pod that names the old column is gone', { without: ['write-new-everywhere'] }),
    defect('not-null-kept', 'the old column stays NOT NULL when the last release no longer sets it', { step: { 'add-column': inCommand(', alter column ${old} drop not null', '') } }),
    defect('no-backfill', 'rows from before are not filled, and nobody looks', { without: ['backfill', 'prove', 'contract-complete'], step: { 'drop-column': inCommand('alter column ${new} set not null, ', '') } }),
    defect('no-backfill-proved', 'rows from before are not filled; the proof is still there', { without: ['backfill'] }),
    defect('check-at-once', 'the check reads the whole table while everybody waits', { step: { 'add-check': inCommand(' not valid', '') } }),
    defect('not-null-at-once', 'SET NOT NULL without a check that proves it reads the whole table while everybody waits', { without: ['prove'] }),
    defect('no-contract', 'the old column stays', { without: ['drop-column'] }),
    defect('last-release-missing', 'the last release is not rolled out', { without: ['write-new', 'contract'] }),
    defect('no-lock-timeout', 'locks are waited for without a limit, and nobody looks for old transactions', { replace: [["set lock_timeout = '500ms'", "set lock_timeout = '0'"]], without: ['expand-quiet', 'prove-quiet', 'contract-quiet'], step: { 'add-column': keys({ otherwise: undefined }), 'add-check': keys({ otherwise: undefined }), 'drop-column': keys({ otherwise: undefined }) } }),
    defect('check-not-undone', 'the rollback puts the old release behind a check that it violates', { step: { 'add-check': noUndo } }, 'rollback'),
    defect('release-not-undone', 'the rollback drops the column under the release that names it', { step: { 'write-both': noUndo, 'read-new': noUndo } }, 'rollback'),
  ],
}

const E = (name: string): string => `test/postgres/experiments/${name}.test.ts`
const rule = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({ id: `rule-pg-schema-${id}`, what, patches: [{ file: `models/postgres/${file === 'sessions.ts' ? '' : 'schema/'}${file}`, find, replace }], tests: tests.map(E) })

export const postgresSchemaRules: Family = {
  name: 'postgres-schema-rules',
  title: 'Rules of locks, schema changes and migrations',
  defects: [
    rule('no-queue', 'a newcomer overtakes whoever waits', 'server-locks.ts', 'return this.blocks(table, READS) ? ', "return !this.holders(table, READS).length ? undefined : this.blocks(table, READS) ? ", 'locks'),
    rule('share-blocks-reads', 'SHARE keeps readers out', 'locks.ts', "Share: ['RowExclusive', 'ShareUpdateExclusive', 'ShareRowExclusive'", "Share: ['AccessShare', 'RowExclusive', 'ShareUpdateExclusive', 'ShareRowExclusive'", 'locks'),
    rule('clients-hold-nothing', 'transactions of the clients hold no locks', 'server-locks.ts', 'if (waiter === undefined) return this.clientsOpen()', 'if (waiter === undefined) return false', 'locks'),
    rule('timeout-stays-in-queue', 'a request that has timed out stays in the queue', 'waiting.ts', 'if (failure !== undefined) locks.withdraw(waiter)', 'if (failure?.is === "lost") locks.withdraw(waiter)', 'locks'),
    rule('no-deadlock', 'who waits in a circle waits for ever', 'waiting.ts', 'if (owner === session) return true', 'if (owner === undefined) return true', 'locks', 'ddl'),
    rule('killed-at-once', 'a statement ends with its client', 'sessions.ts', 'if (this.busy) this.abandoned = true\n    else this.finish()', 'this.finish()', 'locks'),
    rule('keepalive-at-once', 'the server knows at once that a machine has lost power', 'sessions.ts', 'server.later(KEEPALIVE_US, () => this.gone())', 'server.later(1, () => this.gone())', 'locks'),
    rule('validate-blocks', 'VALIDATE CONSTRAINT keeps everybody out', 'ddl.ts', "what === 'validate' ? 'ShareUpdateExclusive' : 'AccessExclusive'", "'AccessExclusive'", 'ddl'),
    rule('type-for-nothing', 'another type writes nothing anew', 'ddl.ts', 'COERCIBLE.has(`${column.type}>${action.type}`)', "COERCIBLE.has('text>text')", 'ddl'),
    rule('default-rewrites', 'a constant default writes the table anew', 'ddl.ts', 'if (action.volatileDefault) {', 'if (added.defaultOf !== undefined) {', 'ddl'),
    rule('no-invalid-index', 'an index that is not finished is valid', 'views.ts', 'holds(index.validBy, eyes)', 'holds(index.by, eyes)', 'ddl'),
    rule('cic-does-not-wait', 'CONCURRENTLY does not wait for statements that are older', 'ddl.ts', 'b !== session && b.busy)', 'b !== session && b.busy && b.ended !== undefined)', 'ddl'),
    rule('nulls-unseen', 'SET NOT NULL does not look', 'ddl.ts', 'if (anyNull(session, table, own, column)) return', 'if (column.before === undefined) return', 'ddl'),
    rule('not-valid-binds-nobody', 'a CHECK that is not valid binds no new row', 'application.ts', 'const refused = this.table.constraintsFor(eyes).find(c => c.notNullOf !== undefined', 'const refused = this.table.constraintsFor(eyes).find(c => c.validBy !== undefined && c.notNullOf !== undefined', 'application'),
    rule('old-releases-fill', 'what an old release writes has a value everywhere', 'application.ts', 'if (release.writes.includes(c.name)) return someValue(c.type)', 'if (release.writes.length > 0) return someValue(c.type)', 'application'),
    rule('table-lock-freed', 'a lock in a table goes with its holder', 'migrate.ts', "where not locked returning id", "returning id", 'application'),
    rule('dirty-ignored', 'a migration that was cut short is taken for none', 'migrate.ts', 'if (dirty !== undefined) return failed', "if (dirty?.[0] === '') return failed", 'application'),
    rule('hook-first', 'a post-upgrade hook runs first', 'helm.ts', "if (options.migrateBy === 'pre-upgrade') {", "if (options.migrateBy !== 'none') {", 'application'),
  ],
}
