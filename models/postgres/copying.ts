/** pg_rewind and pg_basebackup inside a container. Texts and statuses as the real ones give them (E-4; PostgreSQL 15.18). */
import { contains, forkPoint } from '../../src/cluster/log/index.ts'
import { type Process, SECOND } from '../../src/kernel/index.ts'
import { type Command, failed, type Output } from '../../src/operator/command.ts'
import { cloneFrom } from './clone.ts'
import { type DataDirectory, formatLsn } from './datadir.ts'
import { doer, elsewhere, flag, type Inside, type Parsed, valued } from './flags.ts'
import { addressOf, findServerByHost } from './hosts.ts'
import { mergedLike } from './merged.ts'
import { walFile } from './relations.ts'
import { onHistoryOf } from './replication.ts'
import { oldestKept } from './room.ts'
import type { Server } from './server.ts'
import { parseConninfo } from './settings.ts'

const REWIND = [valued('--target-pgdata', '-D'), valued('--source-server'), flag('--write-recovery-conf', '-R'), flag('--progress', '-P'), flag('--dry-run', '-n'), flag('--restore-target-wal', '-c'), flag('--no-ensure-shutdown')]

/** Whether what a directory has is no part of a server's history. */
export function divergedFrom(dir: DataDirectory, source: Server): boolean {
  return source.dir.systemId === dir.systemId && !contains(source.copy.position('flush'), dir.position)
}

/** What pg_rewind leaves: the directory goes back to where its history left the source's, and is on that from there on. */
export function joinHistory(dir: DataDirectory, source: Server): void {
  const fork = forkPoint(source.copy.position('flush'), dir.position)
  dir.copy.adopt(fork)
  mergedLike(source.world, dir, source.dir)
  dir.timeline = source.dir.timeline
  dir.checkpoint(fork.lsn, source.world.sim.now)
  dir.checkpointTimeline = source.dir.checkpointTimeline
  dir.control = 'in archive recovery'
}

/** What -R writes: the signal file and, behind what is there already, whom to follow. */
function becomeStandby(dir: DataDirectory, conninfo: string, slot: string | undefined): void {
  dir.files.set('standby.signal', '')
  const lines = `primary_conninfo = '${conninfo.replaceAll("'", "''")}'\n${slot === undefined ? '' : `primary_slot_name = '${slot}'\n`}`
  dir.files.set('postgresql.auto.conf', `${dir.files.get('postgresql.auto.conf') ?? ''}${lines}`)
}

/** The connection as -R writes it: what libpq knows of it, defaults included, in libpq's order. Source: PostgreSQL 15.18; recovery_gen.c, fe-connect.c PQconninfoOptions. */
function writtenConninfo(given: Readonly<Record<string, string>>): string {
  const all: Readonly<Record<string, string | undefined>> = {
    passfile: '/var/lib/postgresql/.pgpass', channel_binding: 'prefer', port: '5432', sslmode: 'prefer', sslcompression: '0', sslsni: '1', ssl_min_protocol_version: 'TLSv1.2', gssencmode: 'prefer',
    krbsrvname: 'postgres', target_session_attrs: 'any', ...given,
  }
  const order = [
    'user', 'password', 'passfile', 'channel_binding', 'connect_timeout', 'host', 'hostaddr', 'port', 'client_encoding', 'options', 'application_name', 'keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count',
    'tcp_user_timeout', 'sslmode', 'sslcompression', 'sslcert', 'sslkey', 'sslrootcert', 'sslsni', 'ssl_min_protocol_version', 'gssencmode', 'krbsrvname', 'target_session_attrs',
  ]
  const quoted = (value: string): string => (/^[\w.]+$/.test(value) ? value : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
  return order.flatMap(name => (all[name] === undefined ? [] : [`${name}=${quoted(all[name])}`])).join(' ')
}

/** It tells its progress on the error stream. */
const note = (err: string): Output => ({ out: '', err, code: 0 })

const REWIND_HINT = 'pg_rewind: hint: Try "pg_rewind --help" for more information.\n'

/** What is left of a target that no single-user server could recover: the last words of `postgres --single`. */
function singleUserFails({ world }: Inside, version: string, said: string): Output {
  const binary = `/usr/lib/postgresql/${version.split('.')[0]}/bin/postgres`
  return failed(`pg_rewind: executing "${binary}" for target server to complete crash recovery\n${said}pg_rewind: error: postgres single-user mode in target cluster failed\npg_rewind: detail: Command was: ${binary} --single -F -D ${world.options.dataDirectory} template1 < /dev/null\n`)
}

/** pg_rewind: target stopped cleanly, wal_log_hints or checksums, a common ancestor (rules PG-REWIND-1…6). It connects to its source before it looks at its target. */
function* rewind(inside: Inside, parsed: Parsed): Process<Output> {
  const { world } = inside
  if (!parsed.flags.has('--source-server')) return failed(`pg_rewind: error: no source specified (--source-pgdata or --source-server)\n${REWIND_HINT}`)
  if (!parsed.flags.has('--target-pgdata')) return failed(`pg_rewind: error: no target data directory specified (--target-pgdata)\n${REWIND_HINT}`)
  if (inside.user === 'root') return failed('pg_rewind: error: cannot be executed by "root"\npg_rewind: hint: You must run pg_rewind as the PostgreSQL superuser.\n')
  const other = elsewhere(inside, parsed, '--target-pgdata')
  if (other !== undefined) return failed(`pg_rewind: error: could not open directory "${other}": No such file or directory\n`)
  const dir = inside.dir()
  if (dir === undefined) return failed('pg_rewind: error: could not open target directory\n')
  if (parsed.flags.has('--restore-target-wal')) return failed('pg_rewind: error: restore_command is not set in the target cluster\n')
  const conninfo = parseConninfo(parsed.flags.get('--source-server') ?? '')
  const source = findServerByHost(world, inside.place(), conninfo.host ?? '', inside.pod)
  if (typeof source === 'string') return failed(`pg_rewind: error: ${source}\n`)
  const role = conninfo.user ?? inside.user
  const refused = world.access.loginError(source, { role, database: conninfo.dbname ?? role })
  if (refused !== undefined) return failed(`pg_rewind: error: connection to server at ${addressOf(world, conninfo.host ?? '')}, port 5432 failed: ${refused}\n`)
  const progress = parsed.flags.has('--progress')
  const connected = progress ? 'pg_rewind: connected to server\n' : ''
  const dry = parsed.flags.has('--dry-run')
  let recovered = ''
  if (!dir.control.startsWith('shut down') || inside.server() !== undefined) {
    const runs = inside.server()
    // A crashed target recovers by itself first, unless it is told not to; a standby cannot be recovered that way.
    if (parsed.flags.has('--no-ensure-shutdown') || dry) return failed(`${connected}pg_rewind: error: target server must be shut down cleanly\n`)
    if (runs !== undefined) return singleUserFails(inside, runs.host.version, `FATAL:  lock file "postmaster.pid" already exists\nHINT:  Is another postmaster (PID 1) running in data directory "${world.options.dataDirectory}"?\n`)
    if (dir.isStandby) return singleUserFails(inside, dir.image, 'FATAL:  standby mode is not supported by single-user servers\n')
    yield world.timeUs('crashStartMs', inside.pod)
    dir.control = 'shut down'
    recovered = `pg_rewind: executing "/usr/lib/postgresql/${dir.image.split('.')[0]}/bin/postgres" for target server to complete crash recovery\n`
  }
  if (source.dir.systemId !== dir.systemId) return failed('pg_rewind: error: source and target clusters are from different systems\n')
  if (!dir.isRewindable(world.options.rewindable)) return failed('pg_rewind: error: target server needs to use either data checksums or "wal_log_hints = on"\n')
  // It compares the timelines in the control files: before the promoted source's checkpoint they are still equal (rule PG-REWIND-5).
  const sameTimeline = source.dir.checkpointTimeline === dir.checkpointTimeline
  const follow = (): void => becomeStandby(dir, writtenConninfo(conninfo), undefined)
  if (sameTimeline || onHistoryOf(source, dir)) {
    // -R is obeyed all the same: what has diverged comes up as a standby that cannot follow, not as a primary (rule PG-REWIND-5).
    if (parsed.flags.has('--write-recovery-conf') && !dry) follow()
    return note(`${connected}${recovered}${sameTimeline ? 'pg_rewind: source and target cluster are on the same timeline\n' : ''}pg_rewind: no rewind required\n`)
  }
  const fork = forkPoint(source.copy.position('flush'), dir.position)
  const forked = `${connected}${recovered}pg_rewind: servers diverged at WAL location ${formatLsn(fork.lsn)} on timeline ${fork.branch.timeline}\n`
  const from = dir.checkpointBefore(fork.lsn) ?? 0
  const kept = oldestKept(world, dir)
  if (from < kept) {
    const file = `pg_wal/${walFile(dir.timeline, kept - 1)}`
    return failed(`${forked}pg_rewind: error: could not open file "${world.options.dataDirectory}/${file}": No such file or directory\npg_rewind: error: could not find previous WAL record at ${formatLsn(kept)}\n`)
  }
  const copied = dir.position.lsn - fork.lsn + 50_000_000
  const begun = `${forked}pg_rewind: rewinding from last common checkpoint at ${formatLsn(from)} on timeline ${fork.branch.timeline}\n`
  const kB = Math.ceil(copied / 1024)
  const told = progress
    ? `${begun}pg_rewind: reading source file list\npg_rewind: reading target file list\npg_rewind: reading WAL in target\npg_rewind: need to copy ${Math.ceil(kB / 1024)} MB (total source directory size is ${Math.ceil(kB / 1024) + Math.round(world.options.databaseMB)} MB)\n${' '.repeat(String(kB).length - 1)}0/${kB} kB (0%) copied\n${kB}/${kB} kB (100%) copied\npg_rewind: creating backup label and updating control file\npg_rewind: syncing target data directory\npg_rewind: Done!\n`
    : `${begun}pg_rewind: Done!\n`
  if (dry) return note(told)
  dir.unusable = true
  yield world.timeUs('rewindMs', inside.pod) + Math.round((copied / world.bytesPerSecond('baseBackupMBps', inside.pod)) * SECOND)
  if (!source.alive) return failed('pg_rewind: error: could not fetch file: server closed the connection unexpectedly\npg_rewind: fatal: the target is in an undefined state\n')
  dir.unusable = false
  joinHistory(dir, source)
  // The source's configuration files come along; -R writes the signal file and the connection anew.
  const auto = source.dir.files.get('postgresql.auto.conf')
  if (auto !== undefined) dir.files.set('postgresql.auto.conf', auto)
  else dir.files.delete('postgresql.auto.conf')
  dir.files.delete('standby.signal')
  if (parsed.flags.has('--write-recovery-conf')) follow()
  return note(told)
}

const BASEBACKUP = [valued('-D', '--pgdata'), valued('-h', '--host'), valued('-p', '--port'), valued('-U', '--username'), valued('-d', '--dbname'), valued('-X', '--wal-method'), valued('-c', '--checkpoint'), valued('-S', '--slot'), flag('-C', '--create-slot'), flag('-R', '--write-recovery-conf'), flag('-P', '--progress'), flag('-v', '--verbose'), flag('-w', '--no-password'), valued('-F', '--format')]
const BASEBACKUP_HINT = 'pg_basebackup: hint: Try "pg_basebackup --help" for more information.\n'

/** pg_basebackup: a login with REPLICATION, a slot that is there (or with -C one that is not), an empty directory (rules PG-CLONE-3, PG-CLONE-4, PG-CLONE-5). */
function* baseBackup(inside: Inside, parsed: Parsed): Process<Output> {
  const { world } = inside
  const wrong = (why: string, more = ''): Output => failed(`pg_basebackup: error: ${why}\n${more}`)
  const target = parsed.flags.get('-D') ?? ''
  if (target === '') return wrong('must specify output directory or backup target', BASEBACKUP_HINT)
  const slot = parsed.flags.get('-S')
  if (parsed.flags.has('-C') && slot === undefined) return wrong('--create-slot needs a slot to be specified using --slot', BASEBACKUP_HINT)
  const whole = target.replace(/\/$/, '') === world.options.dataDirectory
  if (whole && inside.dir() !== undefined) return wrong(`directory "${target}" exists but is not empty`)
  const given = parseConninfo(parsed.flags.get('-d') ?? '')
  const host = parsed.flags.get('-h') ?? given.host ?? ''
  const source = findServerByHost(world, inside.place(), host, inside.pod)
  if (typeof source === 'string') return wrong(source)
  const role = parsed.flags.get('-U') ?? given.user ?? inside.user
  const refused = world.access.loginError(source, { role, database: 'replication' })
  if (refused !== undefined) return wrong(`connection to server at ${addressOf(world, host)}, port 5432 failed: ${refused}`)
  if (slot !== undefined && parsed.flags.has('-C') === source.dir.slots.has(slot)) {
    return parsed.flags.has('-C') ? wrong(`could not send replication command "CREATE_REPLICATION_SLOT "${slot}" PHYSICAL ( RESERVE_WAL)": ERROR:  replication slot "${slot}" already exists`, `pg_basebackup: removing data directory "${target}"\n`)
      : failed(`pg_basebackup: error: could not send replication command "START_REPLICATION": ERROR:  replication slot "${slot}" does not exist\npg_basebackup: error: background process terminated unexpectedly\npg_basebackup: removing data directory "${target}"\n`)
  }
  const spread = !(parsed.flags.get('-c') ?? 'spread').startsWith('f')
  const result = yield* cloneFrom(world, source, `${inside.pod}:${target}`, inside.place(), { checkpoint: spread ? 'spread' : 'fast', slot: parsed.flags.has('-C') ? slot : undefined })
  if (typeof result === 'string') return wrong(result)
  if (parsed.flags.has('-R')) {
    const port = parsed.flags.get('-p')
    becomeStandby(result, writtenConninfo({ ...given, user: role, host, ...(port === undefined ? {} : { port }) }), slot)
  }
  if (whole) inside.adopt(result)
  const kB = Math.round(world.options.databaseMB * 1000)
  const count = (part: number): string => `${String(part).padStart(String(kB).length)}/${kB} kB (${Math.round((part / kB) * 100)}%)`
  return note(parsed.flags.has('-P') ? `${spread ? '' : 'waiting for checkpoint\n'}${count(kB)}, 0/1 tablespace\n${count(kB)}, 1/1 tablespace\n` : '')
}

/** The programs that copy a server. */
export function copyingTools(inside: Inside): Command[] {
  return [
    doer('pg_rewind', 'makes a diverged PGDATA follow another server again', REWIND, parsed => rewind(inside, parsed), { pgdata: { of: inside, flag: '--target-pgdata' } }),
    doer('pg_basebackup', 'copies a running server', BASEBACKUP, parsed => baseBackup(inside, parsed)),
  ]
}
