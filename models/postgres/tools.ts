/** pg_ctl, pg_isready, pg_controldata, pg_rewind, pg_basebackup inside a container. Texts and statuses as the real ones give them (E-3, E-4, E-6, E-14). */
import { type Process, SECOND, Signal, TIMED_OUT, within } from '../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, type Look, ok, type Output } from '../../src/operator/command.ts'
import { cloneFrom } from './clone.ts'
import { advanceCheckpoint, type DataDirectory, formatLsn } from './datadir.ts'
import { BROKEN_LOGIN } from './defects.ts'
import { untilPrimary } from './effects.ts'
import { findServerByHost, isLoopback } from './hosts.ts'
import { mergedLike } from './merged.ts'
import { onHistoryOf } from './replication.ts'
import { oldestKept } from './room.ts'
import { walFile } from './relations.ts'
import { parseConninfo } from './settings.ts'
import type { ShutdownMode } from './host.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'
import { contains, forkPoint } from '../../src/cluster/log/index.ts'

/** What the tools of one container work on. */
export interface Inside {
  readonly world: World
  readonly pod: string
  readonly place: () => string
  readonly user: string
  readonly server: () => Server | undefined
  readonly dir: () => DataDirectory | undefined
  /** Starts the server again in a container whose main process is a supervisor. False if there is none to do it. */
  readonly start: () => boolean
  /** What lies on its volume from here on is this. */
  readonly adopt: (dir: DataDirectory) => void
}

interface Flag {
  readonly names: readonly string[]
  readonly takesValue: boolean
}

interface Parsed {
  readonly flags: ReadonlyMap<string, string>
  readonly rest: readonly string[]
  readonly unknown: readonly string[]
}

/** Splits an argument vector by the flags a tool has: `-t 5`, `-t5`, `--timeout=5`, `--timeout 5`, and bare words. */
export function parseFlags(argv: readonly string[], flags: readonly Flag[]): Parsed {
  const found = new Map<string, string>()
  const rest: string[] = []
  const unknown: string[] = []
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (!word.startsWith('-') || word === '-') {
      rest.push(word)
      continue
    }
    const equals = word.indexOf('=')
    const name = word.startsWith('--') ? (equals < 0 ? word : word.slice(0, equals)) : word.slice(0, 2)
    const flag = flags.find(f => f.names.includes(name))
    if (flag === undefined) {
      unknown.push(name)
      continue
    }
    const key = flag.names[0] as string
    if (!flag.takesValue) found.set(key, 'true')
    else if (word.startsWith('--') && equals >= 0) found.set(key, word.slice(equals + 1))
    else if (!word.startsWith('--') && word.length > 2) found.set(key, word.slice(2))
    else found.set(key, argv[++i] ?? '')
  }
  return { flags: found, rest, unknown }
}

function findings(tool: string, parsed: Parsed, flags: readonly Flag[]): Finding[] {
  return parsed.unknown.map(name => ({ severity: 'error' as const, message: `${tool}: the option ${name} is not modelled; supported: ${flags.flatMap(f => f.names).join(' ')}` }))
}

const flag = (...names: string[]): Flag => ({ names, takesValue: false })
const valued = (...names: string[]): Flag => ({ names, takesValue: true })

/** A tool that only reads: judged at one instant after `latencyUs`. */
function reader(name: string, summary: string, flags: readonly Flag[], read: (parsed: Parsed, call: Call) => Output): Command {
  return {
    name,
    summary,
    check: argv => findings(name, parseFlags(argv, flags), flags),
    latencyUs: () => 10_000,
    look: (call): Look => ({ output: read(parseFlags(call.argv, flags), call), afterUs: 2_000, stableUntilUs: 0 }),
    *run(): Process<Output> {
      return ok()
    },
  }
}

/** A tool with effects. */
function doer(name: string, summary: string, flags: readonly Flag[], act: (parsed: Parsed, call: Call) => Process<Output>, more: { readonly verbs?: readonly string[]; readonly pgdata?: { readonly of: Inside; readonly flag: string } } = {}): Command {
  const { verbs, pgdata } = more
  return {
    name,
    summary,
    check(argv) {
      const parsed = parseFlags(argv, flags)
      const verb = parsed.rest[0]
      const bad = verbs !== undefined && verb !== undefined && !verb.includes('${') && !verbs.includes(verb)
      return [...findings(name, parsed, flags), ...(bad ? [{ severity: 'error' as const, message: `${name}: the operation \`${verb}\` is not modelled; supported: ${verbs.join(', ')}` }] : []), ...(pgdata === undefined ? [] : dataDirectoryFindings(pgdata.of, name, parsed, pgdata.flag))]
    },
    latencyUs: () => 5_000,
    intent: argv => (name === 'pg_ctl' && parseFlags(argv, flags).rest[0] === 'status' ? 'reads' : 'acts'),
    look: () => undefined,
    run: call => act(parseFlags(call.argv, flags), call),
  }
}

const PG_CTL = [valued('-D', '--pgdata'), valued('-m', '--mode'), valued('-t', '--timeout'), flag('-w', '--wait'), flag('-W', '--no-wait'), flag('-s', '--silent'), valued('-l', '--log'), valued('-o', '--options')]

const SHUTDOWN_MODES: Readonly<Record<string, ShutdownMode>> = { s: 'smart', f: 'fast', i: 'immediate' }

/** A directory that is not PGDATA, as `-D` names it; undefined: PGDATA itself, or none named (the image sets PGDATA). */
function elsewhere({ world }: Inside, parsed: Parsed, flagged = '-D'): string | undefined {
  const named = parsed.flags.get(flagged)
  return named === undefined || named.replace(/\/+$/, '') === world.options.dataDirectory ? undefined : named
}

/** What `check` says of a data directory that the container does not have (rule PG-EXEC-2). */
function dataDirectoryFindings(inside: Inside, tool: string, parsed: Parsed, flagged?: string): Finding[] {
  const named = elsewhere(inside, parsed, flagged)
  return named === undefined || /[$`*?]/.test(named) ? [] : [{ severity: 'error', message: `${tool}: there is no data directory \`${named}\` in the container: PGDATA is ${inside.world.options.dataDirectory}. If yours is there: \`--set cluster.dataDirectory=${named}\`` }]
}

/** Root is refused, as psql knows no role of that name (rule PG-EXEC-1); so is a directory in which no cluster is (rule PG-EXEC-2). */
function* pgCtl(inside: Inside, parsed: Parsed): Process<Output> {
  if (inside.user === 'root') return failed('pg_ctl: cannot be run as root\nPlease log in (using, e.g., "su") as the (unprivileged) user that will\nown the server process.\n')
  const other = elsewhere(inside, parsed)
  if (other !== undefined) return failed(`pg_ctl: directory "${other}" does not exist\n`, parsed.rest[0] === 'status' ? 4 : 1)
  const server = inside.server()
  const noServer = failed(`pg_ctl: PID file "${inside.world.options.dataDirectory}/postmaster.pid" does not exist\nIs server running?\n`)
  const timeoutUs = Number(parsed.flags.get('-t') ?? 60) * SECOND
  const wait = !parsed.flags.has('-W')
  switch (parsed.rest[0]) {
    case 'promote': {
      if (server === undefined) return noServer
      if (!server.promote()) return failed('pg_ctl: cannot promote server; server is not in standby mode\n')
      if (!wait) return ok('server promoting\n')
      const ended = yield* untilPrimary(server, timeoutUs)
      if (ended === 'done') return ok('waiting for server to promote.... done\nserver promoted\n')
      return failed('pg_ctl: server did not promote in time\n', 1, 'waiting for server to promote........ stopped waiting\n')
    }
    case 'stop': {
      if (server === undefined) return noServer
      const mode = SHUTDOWN_MODES[(parsed.flags.get('-m') ?? 'fast').charAt(0)]
      if (mode === undefined) return failed(`pg_ctl: unrecognized shutdown mode "${parsed.flags.get('-m')}"\n`)
      server.shutdown(mode)
      if (!wait) return ok('server shutting down\n')
      return yield* untilDown(inside, server, timeoutUs)
    }
    case 'restart': {
      let out = ''
      if (server !== undefined) {
        const mode = SHUTDOWN_MODES[(parsed.flags.get('-m') ?? 'fast').charAt(0)]
        if (mode === undefined) return failed(`pg_ctl: unrecognized shutdown mode "${parsed.flags.get('-m')}"\n`)
        server.shutdown(mode)
        const down = yield* untilDown(inside, server, timeoutUs)
        if (down.code !== 0) return down
        out = down.out
      }
      const up = inside.start() ? yield* untilUp(inside, timeoutUs) : failed('pg_ctl: could not start server\nExamine the log output.\n')
      return { ...up, out: out + up.out }
    }
    case 'start':
      if (server !== undefined) return failed('pg_ctl: another server might be running; trying to start server anyway\npg_ctl: could not start server\nExamine the log output.\n')
      if (!inside.start()) return failed('pg_ctl: could not start server\nExamine the log output.\n')
      return wait ? yield* untilUp(inside, timeoutUs) : ok('server starting\n')
    case 'reload':
      if (server === undefined) return noServer
      server.later(10_000, () => server.reload())
      return ok('server signaled\n')
    case 'status':
      return server === undefined ? failed('', 3, 'pg_ctl: no server running\n') : ok('pg_ctl: server is running (PID: 1)\n')
    default:
      return failed(`pg_ctl: no operation specified\nTry "pg_ctl --help" for more information.\n`)
  }
}

/** Waits for the server to go. Where it is the container's main process, the container and this very command die with it (exit 137). */
function* untilDown(inside: Inside, server: Server, timeoutUs: number): Process<Output> {
  const { world } = inside
  const startedUs = world.sim.now
  const moved = new Signal()
  const forget = world.onTopology(() => moved.fire())
  try {
    while (server.alive) {
      const leftUs = timeoutUs - (world.sim.now - startedUs)
      if (leftUs <= 0 || (yield within(moved, leftUs)) === TIMED_OUT) return failed('pg_ctl: server does not shut down\n', 1, 'waiting for server to shut down............... failed\n')
    }
  } finally {
    forget()
  }
  if (!world.options.supervised) return { out: 'waiting for server to shut down....', err: '', code: 137 }
  yield nextPollUs(world.sim.now - startedUs)
  return ok('waiting for server to shut down.... done\nserver stopped\n')
}

/** pg_ctl looks every 100 ms, and never finds it done at its first look. */
function nextPollUs(elapsedUs: number): number {
  return Math.max(1, Math.ceil(elapsedUs / 100_000)) * 100_000 - elapsedUs + 2_000
}

/** Waits until the server that has just been started accepts connections, or is gone again. */
function* untilUp(inside: Inside, timeoutUs: number): Process<Output> {
  const { world } = inside
  const startedUs = world.sim.now
  const moved = new Signal()
  const forget = world.onTopology(() => moved.fire())
  try {
    for (;;) {
      const server = inside.server()
      if (server === undefined) return failed('pg_ctl: could not start server\nExamine the log output.\n', 1, 'waiting for server to start.... stopped waiting\n')
      if (server.accepting) break
      const leftUs = timeoutUs - (world.sim.now - startedUs)
      if (leftUs <= 0 || (yield within(moved, leftUs)) === TIMED_OUT) return failed('pg_ctl: server did not start in time\n', 1, 'waiting for server to start........ stopped waiting\n')
    }
  } finally {
    forget()
  }
  yield nextPollUs(world.sim.now - startedUs)
  return ok('waiting for server to start.... done\nserver started\n')
}

function controlData(inside: Inside, parsed: Parsed): Output {
  const other = elsewhere(inside, parsed) ?? parsed.rest[0]
  const dir = other === undefined || other.replace(/\/+$/, '') === inside.world.options.dataDirectory ? inside.dir() : undefined
  if (other !== undefined && dir === undefined) return failed(`pg_controldata: error: could not open file "${other}/global/pg_control" for reading: No such file or directory\n`)
  if (dir === undefined) return failed(`pg_controldata: error: could not open file "${inside.world.options.dataDirectory}/global/pg_control" for reading: No such file or directory\n`)
  const { options, sim } = inside.world
  if (inside.server() !== undefined) advanceCheckpoint(dir, sim.now, options.checkpointTimeoutSeconds * SECOND, options.maxWalSizeMB * 1_000_000)
  const line = (key: string, value: string | number) => `${`${key}:`.padEnd(38)}${value}\n`
  return ok(
    line('pg_control version number', 1300) +
      line('Catalog version number', 202209061) +
      line('Database system identifier', dir.systemId) +
      line('Database cluster state', dir.control) +
      line('Latest checkpoint location', formatLsn(dir.checkpointLsn)) +
      line("Latest checkpoint's REDO location", formatLsn(dir.checkpointLsn)) +
      line("Latest checkpoint's REDO WAL file", walFile(dir.checkpointTimeline, dir.checkpointLsn)) +
      line("Latest checkpoint's TimeLineID", dir.checkpointTimeline) +
      line("Latest checkpoint's PrevTimeLineID", dir.checkpointTimeline) +
      line("Latest checkpoint's full_page_writes", 'on') +
      line('wal_log_hints setting', dir.isRewindable(options.rewindable) ? 'on' : 'off') +
      line('Data page checksum version', 0),
  )
}

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

/** It tells its progress on the error stream. */
const note = (err: string): Output => ({ out: '', err, code: 0 })

/** pg_rewind: target stopped cleanly, wal_log_hints or checksums, a common ancestor (rules PG-REWIND-1…4). */
function* rewind(inside: Inside, parsed: Parsed): Process<Output> {
  const { world } = inside
  if (inside.user === 'root') return failed('pg_rewind: error: cannot be executed by "root"\n')
  const other = elsewhere(inside, parsed, '--target-pgdata')
  if (other !== undefined) return failed(`pg_rewind: error: could not open directory "${other}": No such file or directory\n`)
  const dir = inside.dir()
  if (dir === undefined) return failed('pg_rewind: error: could not open target directory\n')
  if (inside.server() !== undefined) return failed('pg_rewind: error: target server must be shut down cleanly\n')
  if (!dir.control.startsWith('shut down')) {
    // Since 13 it lets a crashed target recover by itself first, unless told not to; a standby cannot be recovered that way.
    if (parsed.flags.has('--no-ensure-shutdown') || dir.isStandby) return failed('pg_rewind: error: target server must be shut down cleanly\n')
    yield world.timeUs('crashStartMs', inside.pod)
    dir.control = 'shut down'
  }
  if (parsed.flags.has('--restore-target-wal')) return failed('pg_rewind: error: restore_command is not set in the target cluster\n')
  if (!dir.isRewindable(world.options.rewindable)) return failed('pg_rewind: error: target server needs to use either data checksums or "wal_log_hints = on"\n')
  const conninfo = parsed.flags.get('--source-server') ?? ''
  const source = findServerByHost(world, inside.place(), parseConninfo(conninfo).host ?? '', inside.pod)
  if (typeof source === 'string') return failed(`pg_rewind: error: ${source}\n`)
  if (source.dir.systemId !== dir.systemId) return failed('pg_rewind: error: source and target clusters are from different systems\n')
  // It compares the timelines in the control files: before the promoted source's checkpoint they are still equal (rule PG-REWIND-5).
  const sameTimeline = source.dir.checkpointTimeline === dir.checkpointTimeline
  if (sameTimeline || onHistoryOf(source, dir)) {
    // -R is obeyed all the same: what has diverged comes up as a standby that cannot follow, not as a primary (rule PG-REWIND-5).
    if (parsed.flags.has('--write-recovery-conf') && !parsed.flags.has('--dry-run')) becomeStandby(dir, conninfo, undefined)
    return note(`${sameTimeline ? 'pg_rewind: source and target cluster are on the same timeline\n' : ''}pg_rewind: no rewind required\n`)
  }
  const fork = forkPoint(source.copy.position('flush'), dir.position)
  if (parsed.flags.has('--dry-run')) return ok('pg_rewind: Done!\n')
  const from = dir.checkpointBefore(fork.lsn) ?? 0
  const kept = oldestKept(world, dir)
  if (from < kept) {
    const file = `pg_wal/${walFile(dir.timeline, kept - 1)}`
    return failed(`pg_rewind: servers diverged at WAL location ${formatLsn(fork.lsn)} on timeline ${fork.branch.timeline}\npg_rewind: error: could not open file "${inside.world.options.dataDirectory}/${file}": No such file or directory\npg_rewind: error: could not find previous WAL record at ${formatLsn(kept)}\n`)
  }
  const divergedBytes = dir.position.lsn - fork.lsn
  dir.unusable = true
  yield world.timeUs('rewindMs', inside.pod) + Math.round(((divergedBytes + 50_000_000) / world.bytesPerSecond('baseBackupMBps', inside.pod)) * SECOND)
  if (!source.alive) return failed('pg_rewind: error: could not fetch file: server closed the connection unexpectedly\npg_rewind: fatal: the target is in an undefined state\n')
  dir.unusable = false
  joinHistory(dir, source)
  // The source's configuration files come along; -R writes the signal file and the connection anew.
  const auto = source.dir.files.get('postgresql.auto.conf')
  if (auto !== undefined) dir.files.set('postgresql.auto.conf', auto)
  else dir.files.delete('postgresql.auto.conf')
  dir.files.delete('standby.signal')
  if (parsed.flags.has('--write-recovery-conf')) becomeStandby(dir, conninfo, undefined)
  return note(`pg_rewind: servers diverged at WAL location ${formatLsn(fork.lsn)} on timeline ${fork.branch.timeline}\npg_rewind: rewinding from last common checkpoint at ${formatLsn(from)} on timeline ${fork.branch.timeline}\npg_rewind: Done!\n`)
}

const BASEBACKUP = [valued('-D', '--pgdata'), valued('-h', '--host'), valued('-p', '--port'), valued('-U', '--username'), valued('-d', '--dbname'), valued('-X', '--wal-method'), valued('-c', '--checkpoint'), valued('-S', '--slot'), flag('-C', '--create-slot'), flag('-R', '--write-recovery-conf'), flag('-P', '--progress'), flag('-v', '--verbose'), flag('-w', '--no-password'), valued('-F', '--format')]

function* baseBackup(inside: Inside, parsed: Parsed): Process<Output> {
  const target = parsed.flags.get('-D') ?? ''
  if (target === '') return failed('pg_basebackup: error: no target directory specified\n')
  const whole = target.replace(/\/$/, '') === inside.world.options.dataDirectory
  if (whole && inside.dir() !== undefined) return failed(`pg_basebackup: error: directory "${target}" exists but is not empty\n`)
  const host = parsed.flags.get('-h') ?? parseConninfo(parsed.flags.get('-d') ?? '').host ?? ''
  const source = findServerByHost(inside.world, inside.place(), host, inside.pod)
  if (typeof source === 'string') return failed(`pg_basebackup: error: ${source}\n`)
  const spread = !(parsed.flags.get('-c') ?? 'spread').startsWith('f')
  const result = yield* cloneFrom(inside.world, source, `${inside.pod}:${target}`, inside.place(), { checkpoint: spread ? 'spread' : 'fast', slot: parsed.flags.has('-C') ? parsed.flags.get('-S') : undefined })
  if (typeof result === 'string') return failed(`pg_basebackup: error: ${result}\n`)
  if (parsed.flags.has('-R')) {
    const user = parsed.flags.get('-U') ?? parseConninfo(parsed.flags.get('-d') ?? '').user ?? inside.user
    becomeStandby(result, `user=${user} host=${host} port=${parsed.flags.get('-p') ?? '5432'}`, parsed.flags.get('-S'))
  }
  if (whole) inside.adopt(result)
  return ok()
}

const ISREADY = [valued('-h', '--host'), valued('-p', '--port'), valued('-U', '--username'), valued('-d', '--dbname'), valued('-t', '--timeout'), flag('-q', '--quiet')]

/** pg_isready from anywhere: accepting (0), rejecting (1), no response (2). Says nothing about role, lag or history (rule PG-READY-1). */
export function pgIsReady(world: World, place: () => string, local: (() => Server | undefined) | undefined, pod = ''): Command {
  return reader('pg_isready', 'whether a server accepts connections', ISREADY, parsed => {
    const host = parsed.flags.get('-h')
    const port = parsed.flags.get('-p') ?? '5432'
    const shown = `${host ?? '/var/run/postgresql'}:${port}`
    let state: 'accepting' | 'rejecting' | 'none' = 'none'
    if (host === undefined || host.startsWith('/') || isLoopback(host, pod)) {
      const server = port === '5432' ? local?.() : undefined
      if (server !== undefined && !server.paused) state = server.accepting ? 'accepting' : 'rejecting'
    } else if (port === '5432') {
      const found = findServerByHost(world, place(), host, 'pg_isready')
      // A login that fails is an answer all the same: it asks for no session (rule PG-READY-3).
      state = typeof found !== 'string' || found.includes(BROKEN_LOGIN) ? 'accepting' : found.includes('FATAL') ? 'rejecting' : 'none'
    }
    const said = (words: string): string => (parsed.flags.has('-q') ? '' : `${shown} - ${words}\n`)
    if (state === 'accepting') return ok(said('accepting connections'))
    return state === 'rejecting' ? { out: said('rejecting connections'), err: '', code: 1 } : { out: said('no response'), err: '', code: 2 }
  })
}

/** The server's own tools inside its container. */
export function serverTools(inside: Inside): Command[] {
  return [
    doer('pg_ctl', 'promote, stop, start, reload a server', PG_CTL, parsed => pgCtl(inside, parsed), { verbs: ['promote', 'stop', 'start', 'restart', 'reload', 'status'], pgdata: { of: inside, flag: '-D' } }),
    pgIsReady(inside.world, inside.place, inside.server, inside.pod),
    reader('pg_controldata', 'control information of PGDATA', [valued('-D', '--pgdata')], parsed => controlData(inside, parsed)),
    doer('pg_rewind', 'makes a diverged PGDATA follow another server again', REWIND, parsed => rewind(inside, parsed), { pgdata: { of: inside, flag: '--target-pgdata' } }),
    doer('pg_basebackup', 'copies a running server', BASEBACKUP, parsed => baseBackup(inside, parsed)),
  ]
}
