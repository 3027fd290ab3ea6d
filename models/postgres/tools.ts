/** pg_ctl, pg_isready, pg_controldata inside a container. Texts and statuses as the real ones give them (E-3, E-4, E-6, E-14; PostgreSQL 15.18). */
import { type Process, SECOND, Signal, TIMED_OUT, within } from '../../src/kernel/index.ts'
import { type Command, failed, ok, type Output } from '../../src/operator/command.ts'
import { controlDataOf } from './control-data.ts'
import { copyingTools } from './copying.ts'
import { BROKEN_LOGIN } from './defects.ts'
import { untilPrimary } from './calls.ts'
import { doer, elsewhere, flag, type Inside, type Parsed, reader, valued } from './flags.ts'
import { findServerByHost, isLoopback } from './hosts.ts'
import type { ShutdownMode } from './host.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

const PG_CTL = [valued('-D', '--pgdata'), valued('-m', '--mode'), valued('-t', '--timeout'), flag('-w', '--wait'), flag('-W', '--no-wait'), flag('-s', '--silent'), valued('-l', '--log'), valued('-o', '--options')]

const SHUTDOWN_MODES: Readonly<Record<string, ShutdownMode>> = { s: 'smart', smart: 'smart', f: 'fast', fast: 'fast', i: 'immediate', immediate: 'immediate' }

/** Where the server's programs are, by the version of the image. */
export const binaries = (version: string): string => `/usr/lib/postgresql/${version.split('.')[0]}/bin`

/** A dot for each second that pg_ctl has waited: one at once, none for the second it gives up in. */
const dots = (elapsedUs: number, gaveUp = false): string => '.'.repeat(3 + Math.max(1, Math.ceil(elapsedUs / SECOND) + (gaveUp || elapsedUs % SECOND !== 0 ? 0 : 1)))

const SMART_HINT = 'HINT: The "-m fast" option immediately disconnects sessions rather than\nwaiting for session-initiated disconnection.\n'

/** `-s`: only errors are told. */
function* pgCtl(inside: Inside, parsed: Parsed): Process<Output> {
  const output = yield* carryOut(inside, parsed)
  return parsed.flags.has('-s') ? { ...output, out: '' } : output
}

/** Root is refused, as psql knows no role of that name (rule PG-EXEC-1); so is a directory in which no cluster is (rule PG-EXEC-2). */
function* carryOut(inside: Inside, parsed: Parsed): Process<Output> {
  if (inside.user === 'root') return failed('pg_ctl: cannot be run as root\nPlease log in (using, e.g., "su") as the (unprivileged) user that will\nown the server process.\n')
  const named = parsed.flags.get('-m') ?? 'fast'
  const mode = SHUTDOWN_MODES[named]
  if (mode === undefined) return failed(`pg_ctl: unrecognized shutdown mode "${named}"\nTry "pg_ctl --help" for more information.\n`)
  const other = elsewhere(inside, parsed)
  if (other !== undefined) return failed(`pg_ctl: directory "${other}" does not exist\n`, parsed.rest[0] === 'status' ? 4 : 1)
  const { dataDirectory } = inside.world.options
  const server = inside.server()
  const noServer = failed(`pg_ctl: PID file "${dataDirectory}/postmaster.pid" does not exist\nIs server running?\n`)
  const timeoutUs = Number(parsed.flags.get('-t') ?? 60) * SECOND
  const wait = !parsed.flags.has('-W')
  switch (parsed.rest[0]) {
    case 'promote': {
      if (server === undefined) return noServer
      if (!server.promote()) return failed('pg_ctl: cannot promote server; server is not in standby mode\n')
      if (!wait) return ok('server promoting\n')
      const fromUs = inside.world.sim.now
      const ended = yield* untilPrimary(server, timeoutUs)
      if (ended === 'done') return ok(`waiting for server to promote${dots(inside.world.sim.now - fromUs)} done\nserver promoted\n`)
      return failed('pg_ctl: server did not promote in time\n', 1, `waiting for server to promote${dots(timeoutUs, true)} stopped waiting\n`)
    }
    case 'stop':
      if (server === undefined) return noServer
      server.shutdown(mode)
      return wait ? yield* untilDown(inside, server, timeoutUs, mode) : ok('server shutting down\n')
    case 'restart': {
      let out = ''
      let err = ''
      if (server === undefined) err = `pg_ctl: PID file "${dataDirectory}/postmaster.pid" does not exist\nIs server running?\ntrying to start server anyway\n`
      else {
        server.shutdown(mode)
        const down = yield* untilDown(inside, server, timeoutUs, mode)
        if (down.code !== 0) return down
        out = down.out
      }
      const up = inside.start() ? yield* untilUp(inside, timeoutUs) : failed('pg_ctl: could not start server\nExamine the log output.\n')
      return { ...up, out: out + up.out, err: err + up.err }
    }
    case 'start': {
      if (server !== undefined) {
        const said = parsed.flags.has('-l') ? '' : `FATAL:  lock file "postmaster.pid" already exists\nHINT:  Is another postmaster (PID 1) running in data directory "${dataDirectory}"?\n`
        return failed('pg_ctl: another server might be running; trying to start server anyway\npg_ctl: could not start server\nExamine the log output.\n', 1, `waiting for server to start....${said} stopped waiting\n`)
      }
      if (!inside.start()) return failed('pg_ctl: could not start server\nExamine the log output.\n')
      return wait ? yield* untilUp(inside, timeoutUs) : ok('server starting\n')
    }
    case 'reload':
      if (server === undefined) return noServer
      server.later(10_000, () => server.reload())
      return ok('server signaled\n')
    case 'status':
      return server === undefined ? failed('', 3, 'pg_ctl: no server running\n') : ok(`pg_ctl: server is running (PID: 1)\n${binaries(server.host.version)}/postgres\n`)
    case undefined:
      return failed('pg_ctl: no operation specified\nTry "pg_ctl --help" for more information.\n')
    default:
      return failed(`pg_ctl: unrecognized operation mode "${parsed.rest[0]}"\nTry "pg_ctl --help" for more information.\n`)
  }
}

/** Waits for the server to go. Where it is the container's main process, the container and this very command die with it (exit 137). */
function* untilDown(inside: Inside, server: Server, timeoutUs: number, mode: ShutdownMode): Process<Output> {
  const { world } = inside
  const startedUs = world.sim.now
  const moved = new Signal()
  const forget = world.onTopology(() => moved.fire())
  try {
    while (server.alive) {
      const leftUs = timeoutUs - (world.sim.now - startedUs)
      if (leftUs <= 0 || (yield within(moved, leftUs)) === TIMED_OUT) {
        return failed(`pg_ctl: server does not shut down\n${mode === 'smart' ? SMART_HINT : ''}`, 1, `waiting for server to shut down${dots(timeoutUs, true)} failed\n`)
      }
    }
  } finally {
    forget()
  }
  const elapsedUs = world.sim.now - startedUs
  if (!world.options.supervised) return { out: `waiting for server to shut down${dots(elapsedUs)}`, err: '', code: 137 }
  yield nextPollUs(elapsedUs)
  return ok(`waiting for server to shut down${dots(elapsedUs)} done\nserver stopped\n`)
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
      if (server === undefined) return failed('pg_ctl: could not start server\nExamine the log output.\n', 1, `waiting for server to start${dots(world.sim.now - startedUs)} stopped waiting\n`)
      if (server.accepting) break
      const leftUs = timeoutUs - (world.sim.now - startedUs)
      if (leftUs <= 0 || (yield within(moved, leftUs)) === TIMED_OUT) return failed('pg_ctl: server did not start in time\n', 1, `waiting for server to start${dots(timeoutUs, true)} stopped waiting\n`)
    }
  } finally {
    forget()
  }
  const elapsedUs = world.sim.now - startedUs
  yield nextPollUs(elapsedUs)
  return ok(`waiting for server to start${dots(elapsedUs)} done\nserver started\n`)
}

function controlData(inside: Inside, parsed: Parsed): Output {
  const other = elsewhere(inside, parsed) ?? parsed.rest[0]
  const dir = other === undefined || other.replace(/\/+$/, '') === inside.world.options.dataDirectory ? inside.dir() : undefined
  if (other !== undefined && dir === undefined) return failed(`pg_controldata: error: could not open file "${other}/global/pg_control" for reading: No such file or directory\n`)
  if (dir === undefined) return failed(`pg_controldata: error: could not open file "${inside.world.options.dataDirectory}/global/pg_control" for reading: No such file or directory\n`)
  return ok(controlDataOf(inside.world, dir, inside.server()))
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
    ...copyingTools(inside),
  ].map(tool => versioned(inside.world, tool))
}

/** `--version` of a program: what pg_upgrade scripts look at first. */
export function versioned(world: World, tool: Command): Command {
  const asks = (argv: readonly string[]): boolean => argv.length === 2 && (argv[1] === '--version' || argv[1] === '-V')
  const said = (): Output => ok(`${tool.name} (PostgreSQL) ${world.options.image.replace(/^.*:/, '')}\n`)
  return {
    ...tool,
    check: argv => (asks(argv) ? [] : tool.check(argv)),
    intent: argv => (asks(argv) ? 'reads' : tool.intent?.(argv)),
    look: call => (asks(call.argv) ? { output: said(), afterUs: 0, stableUntilUs: 0 } : tool.look(call)),
    *run(call): Process<Output> {
      return asks(call.argv) ? said() : yield* tool.run(call)
    },
  }
}
