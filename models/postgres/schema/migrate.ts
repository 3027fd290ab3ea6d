/**
 * A migration tool as release images bring one along: `migrate up` applies what the database does not have yet, under a lock. Source: golang-migrate
 * (database/postgres, MIGRATIONS.md), Flyway (PostgreSQLAdvisoryLockTemplate), Liquibase (StandardLockService).
 */
import { type Process, SECOND } from '../../../src/kernel/index.ts'
import { type Command, failed, type Finding, ok, type Output, UnsupportedError } from '../../../src/operator/command.ts'
import type { ContainerHandle } from '../../kubernetes/container.ts'
import { perform } from '../effects.ts'
import { findServerByHost } from '../hosts.ts'
import { parseOptions, type PsqlOptions } from '../psql/options.ts'
import { Session } from '../psql/session.ts'
import { sqlHost } from '../relations.ts'
import { SqlSession } from '../sessions.ts'
import type { World } from '../world.ts'
import type { ApplicationOptions } from './options.ts'

/** Key of the advisory lock: a hash of the database's name in the real tools. */
const LOCK_KEY = 4707
/** How often Liquibase asks for its lock again. */
const ASK_AGAIN_US = 10 * SECOND

const VERBS = ['up', 'version', 'force VERSION', 'release-locks']

/** The program `migrate` of one container. */
export function migrateCommand(world: World, options: ApplicationOptions, c: ContainerHandle): Command {
  return {
    name: 'migrate',
    summary: 'applies the migrations of the image that the database does not have yet',
    check: (argv): Finding[] => (['up', 'version', 'force', 'release-locks'].includes(argv[1] ?? '') ? [] : [{ severity: 'error', message: `migrate ${argv[1] ?? ''} is not modelled; there are: ${VERBS.join(', ')}` }]),
    latencyUs: call => Math.round(SECOND * (0.3 + 0.4 * world.sim.chance.draw(call.key, 'migrate starts', call.nth))),
    look: () => undefined,
    *run(call): Process<Output> {
      const [, verb, argument] = call.argv
      const server = findServerByHost(world, c.machine.name, world.options.service, call.key, call.nth)
      if (typeof server === 'string') return failed(`error: ${server}\n`)
      const session = new SqlSession(server, c.machine.name)
      try {
        return yield* new Tool(world, options, session, c).run(verb ?? '', argument)
      } finally {
        session.close()
      }
    },
  }
}

class Tool {
  constructor(
    private readonly world: World,
    private readonly options: ApplicationOptions,
    private readonly session: SqlSession,
    private readonly c: ContainerHandle,
  ) {}

  *run(verb: string, argument: string | undefined): Process<Output> {
    const ready = yield* this.sql(`create table if not exists schema_migrations (version int primary key, dirty boolean not null)`)
    if (ready.code !== 0) return this.broken(ready)
    switch (verb) {
      case 'up':
        return yield* this.locked()
      case 'version': {
        const { out } = yield* this.sql('select version, dirty from schema_migrations order by version desc limit 1')
        return ok(out === '' ? 'no migration\n' : `${out.split('|')[0]}${out.trim().endsWith('|t') ? ' (dirty)' : ''}\n`)
      }
      case 'force': {
        const done = yield* this.sql(`delete from schema_migrations where version >= ${Number(argument)}; insert into schema_migrations values (${Number(argument)}, false)`)
        return done.code === 0 ? ok() : this.broken(done)
      }
      case 'release-locks': {
        const done = yield* this.sql('update databasechangeloglock set locked = false, lockedby = null')
        return done.code === 0 ? ok('Successfully released all database change log locks\n') : this.broken(done)
      }
      default:
        throw new UnsupportedError(`migrate ${verb} is not modelled`, VERBS)
    }
  }

  /** Everything under the tool's lock. An advisory one goes with the session, a row of a table stays until somebody changes it (rule PG-MIGRATE-1). */
  private *locked(): Process<Output> {
    const { lock, lockWaitSeconds } = this.options
    if (lock === 'advisory') {
      const got = yield* this.sql(`set lock_timeout = '${lockWaitSeconds}s'; select pg_advisory_lock(${LOCK_KEY}); set lock_timeout = 0`)
      if (got.code !== 0) return failed(`error: can't acquire database lock: ${firstError(got)}\n`)
    }
    if (lock === 'table') {
      const refused = yield* this.lockRow()
      if (refused !== undefined) return refused
    }
    const result = yield* this.up()
    if (lock === 'advisory') yield* this.sql(`select pg_advisory_unlock(${LOCK_KEY})`)
    if (lock === 'table') yield* this.sql('update databasechangeloglock set locked = false, lockedby = null')
    return result
  }

  private *lockRow(): Process<Output | undefined> {
    const { lockWaitSeconds } = this.options
    const sinceUs = this.world.sim.now
    yield* this.sql('create table if not exists databasechangeloglock (id int primary key, locked boolean not null, lockedby text)')
    const { out: rows } = yield* this.sql('select count(*) from databasechangeloglock')
    if (rows.trim() === '0') yield* this.sql('insert into databasechangeloglock values (1, false, null)')
    for (;;) {
      const taken = yield* this.sql(`update databasechangeloglock set locked = true, lockedby = '${this.c.pod.name}' where not locked returning id`)
      if (taken.code !== 0) return this.broken(taken)
      if (taken.out.trim() !== '') return undefined
      if (lockWaitSeconds > 0 && this.world.sim.now - sinceUs >= lockWaitSeconds * SECOND) {
        const { out: by } = yield* this.sql('select lockedby from databasechangeloglock')
        return failed(`error: Could not acquire change log lock. Currently locked by ${by.trim()}\n`)
      }
      yield ASK_AGAIN_US
    }
  }

  private *up(): Process<Output> {
    const applied = yield* this.sql('select version, dirty from schema_migrations order by version')
    if (applied.code !== 0) return this.broken(applied)
    const known = applied.out.split('\n').filter(line => line !== '').map(line => line.split('|') as [string, string])
    const dirty = known.find(([, is]) => is === 't')
    // A step that is no transaction was cut short: nobody knows how far it came (rule PG-MIGRATE-3).
    if (dirty !== undefined) return failed(`error: Dirty database version ${dirty[0]}. Fix and force version.\n`)
    const have = new Set(known.map(([version]) => version))
    let out = ''
    const migrations = Object.entries(this.options.releases[this.c.image]?.migrations ?? {}).sort(([a], [b]) => Number(a) - Number(b))
    for (const [version, text] of migrations) {
      if (have.has(version)) continue
      const done = yield* this.apply(version, text)
      if (done.code !== 0) return failed(`error: migration ${version} failed: ${firstError(done)}\n`, 1, out)
      out += `${version}/u applied\n`
    }
    return ok(out === '' ? 'no change\n' : out)
  }

  /** One migration: a transaction with its own entry, but for what cannot be in one (rule PG-MIGRATE-2). */
  private *apply(version: string, text: string): Process<Output> {
    const { lockTimeoutSeconds } = this.options
    const limit = lockTimeoutSeconds > 0 ? `set lock_timeout = '${lockTimeoutSeconds}s';\n` : ''
    if (!/\bconcurrently\b/i.test(text)) return yield* this.script(`${limit}begin;\n${text};\ninsert into schema_migrations values (${version}, false);\ncommit;\n`)
    const marked = yield* this.sql(`insert into schema_migrations values (${version}, true)`)
    if (marked.code !== 0) return marked
    const done = yield* this.script(`${limit}${text};\n`)
    if (done.code !== 0) return done
    return yield* this.sql(`update schema_migrations set dirty = false where version = ${version}`)
  }

  private broken(output: Output): Output {
    return failed(`error: ${firstError(output)}\n`)
  }

  /** One text of statements on the tool's own session. */
  private *sql(text: string): Process<Output> {
    return yield* this.script(`${text};\n`)
  }

  private *script(text: string): Process<Output> {
    const { server } = this.session
    const session = new Session(OPTIONS, () => text, () => undefined, sqlHost(server, this.session), effect => perform(this.session, effect))
    const code = yield* session.run()
    // What an error left open goes.
    if (code !== 0 && this.session.bracket !== undefined) yield* perform(this.session, { kind: 'transaction', verb: 'rollback', implicit: false })
    return { out: session.out, err: session.err, code }
  }
}

const OPTIONS = parseOptions(['psql', '-qtA', '-v', 'ON_ERROR_STOP=1', '-f', '-'], {}, '15.18') as PsqlOptions

function firstError({ err }: Output): string {
  const line = err.split('\n').find(l => l.includes('ERROR') || l.includes('FATAL') || l.includes('connection')) ?? err.split('\n')[0] ?? ''
  return line.replace(/^.*?(ERROR|FATAL): {2}/, '')
}
