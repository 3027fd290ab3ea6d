import type { Rule } from '../../../src/engine.ts'

const rule = (id: string, statement: string, source: string, test: string): Rule => ({ id, statement, source, test: `test/postgres/experiments/${test}.test.ts` })

/** Rules of locks, of schema changes, and of the application and its migrations. */
export const schemaRules: readonly Rule[] = [
  rule('PG-LOCK-1', 'Eight modes of table lock, and which conflict: reads take ACCESS SHARE, writes ROW EXCLUSIVE, ACCESS EXCLUSIVE conflicts with all.', 'D:explicit-locking table 13.2', 'locks'),
  rule('PG-LOCK-2', 'A request that conflicts with one that waits stands behind it, even if nobody who holds the lock minds: one ACCESS EXCLUSIVE that waits keeps everybody out. Nobody gets an error.', 'lock.c LockAcquireExtended, proc.c ProcSleep', 'locks'),
  rule('PG-LOCK-3', 'lock_timeout takes a request out of the queue with an error (55P03), and those behind it go on.', 'D:runtime-config-client', 'locks'),
  rule('PG-LOCK-4', 'Transactions of the clients that are open when a conflicting lock is asked for keep theirs until they end.', 'D:explicit-locking', 'locks'),
  rule('PG-LOCK-5', 'Who waits in a circle is found after deadlock_timeout (1 s): the one who looks fails (40P01), the other goes on.', 'D:runtime-config-locks; deadlock.c', 'locks'),
  rule('PG-LOCK-6', 'The server learns that a client is gone when its statement is over: until then it works and waits on, with its locks and its place in the queue. Alone it is committed, in a transaction block rolled back.', 'D:runtime-config-connection (client_connection_check_interval 0)', 'locks'),
  rule('PG-LOCK-7', 'Of a client whose machine or network is gone it learns by TCP keepalive, after two hours and eleven minutes: so long an idle session keeps its locks.', 'D:runtime-config-connection (tcp_keepalives_idle 0); tcp(7)', 'locks'),
  rule('PG-LOCK-8', 'An advisory lock belongs to a session (or its transaction): it is freed by that session, or with its end, however that comes.', 'D:explicit-locking 13.3.5', 'locks'),
  rule('PG-LOCK-9', 'A query takes ACCESS SHARE on the tables it reads and keeps it to the end of its transaction: one in a transaction that stays open keeps ALTER TABLE waiting, and one by itself waits for an ACCESS EXCLUSIVE that is held or waited for.', 'D:explicit-locking 13.3.1; D:sql-lock', 'locks'),
  rule('PG-DDL-1', 'ALTER TABLE takes ACCESS EXCLUSIVE, but for VALIDATE CONSTRAINT (SHARE UPDATE EXCLUSIVE).', 'D:sql-altertable', 'ddl'),
  rule('PG-DDL-2', 'A column with no default or a constant one, a rename and a drop change the catalog alone; another type (unless binary coercible) and a volatile default write the table anew.', 'D:sql-altertable notes', 'ddl'),
  rule('PG-DDL-3', 'CREATE INDEX takes SHARE while it builds: writers wait, readers do not; its WAL goes to the standbys like any other.', 'D:sql-createindex', 'ddl'),
  rule('PG-DDL-4', 'DROP INDEX takes ACCESS EXCLUSIVE on the table, CONCURRENTLY does not.', 'D:sql-dropindex', 'ddl'),
  rule('PG-DDL-5', 'CREATE INDEX CONCURRENTLY that fails or is cut short leaves an invalid index: it has to be dropped, and IF NOT EXISTS takes it for a good one.', 'D:sql-createindex', 'ddl'),
  rule('PG-DDL-6', 'It keeps nobody out, reads the table twice, and waits for every transaction that is older; with a session that waits for an advisory lock of its own it is a deadlock.', 'D:sql-createindex; indexcmds.c DefineIndex, WaitForOlderSnapshots', 'ddl'),
  rule('PG-DDL-7', 'One UPDATE of many rows takes a time by their number, writes WAL for each, and is all or nothing.', 'D:sql-update; rate: judgement', 'ddl'),
  rule('PG-DDL-8', 'SET NOT NULL and CHECK read the whole table and fail on a row that violates them, unless NOT VALID; a valid CHECK (column IS NOT NULL) spares SET NOT NULL the reading.', 'D:sql-altertable', 'ddl'),
  rule('PG-DDL-9', 'A schema change is part of its transaction: it is undone by ROLLBACK and by a crash, and is seen on a standby when it is replayed.', 'D:sql-altertable; D:hot-standby', 'ddl'),
  rule('PG-DDL-10', 'REINDEX keeps writers off its table, and nearly every query, while each index is written anew; CONCURRENTLY keeps off nobody, and waits for every transaction that is older.', 'D:sql-reindex', 'against-real'),
  rule('PG-APP-1', 'A statement that names a column that is not there fails (42703), of each release that names it.', 'D:errcodes-appendix', 'application'),
  rule('PG-APP-2', 'A write that leaves out a column that is NOT NULL without a default fails (23502); so does one against a CHECK that is not valid yet (23514).', 'D:errcodes-appendix', 'application'),
  rule('PG-APP-3', 'What a release writes has NULL, or the default, in columns that it does not know, also after a backfill.', 'D:sql-insert', 'application'),
  rule('PG-APP-4', 'Requests are balanced over the Ready pods of the application, old and new alike; a pod that is told to stop answers what it has begun, a dead one nothing.', 'kubernetes.io service; deployment', 'application'),
  rule('PG-MIGRATE-1', 'The tool migrates under a lock: as advisory lock it goes with the session, as a row of a table it stays when its holder is killed, until somebody removes it.', 'golang-migrate database/postgres; Liquibase StandardLockService; VB DW-F12', 'application'),
  rule('PG-MIGRATE-2', 'Each migration is a transaction with its own entry in schema_migrations: whole, or not at all and tried again.', 'golang-migrate MIGRATIONS.md; Flyway', 'application'),
  rule('PG-MIGRATE-3', 'One with CONCURRENTLY cannot be in a transaction: it is marked dirty before, and one that was cut short stops every later run.', 'golang-migrate FAQ (dirty)', 'application'),
  rule('PG-MIGRATE-4', 'A pre-upgrade hook is a Job that helm waits for before it changes the Deployment; at --timeout (5 min) helm fails, and the Job goes on.', 'helm.sh charts_hooks; helm upgrade --help', 'application'),
  rule('PG-MIGRATE-5', 'A post-upgrade hook runs after the objects have been changed: pods of the new release meet the old schema.', 'helm.sh charts_hooks; VB DW-F13', 'application'),
]
