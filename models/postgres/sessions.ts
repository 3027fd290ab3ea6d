/** One SQL session on a server: its transaction, its own settings, and how it ends. Source: facts §1.1 (E-2). */
import type { Position } from '../../src/cluster/log/index.ts'
import type { SessionState } from '../../src/engine.ts'
import { defineEvent, SECOND, Signal } from '../../src/kernel/index.ts'
import type { Login } from './access.ts'
import { BROKEN_LOGIN } from './defects.ts'
import type { Backend } from './host.ts'
import type { Server } from './server.ts'
import type { Change, Eyes } from './tables.ts'

const ORPHANED = defineEvent('session.orphaned')

/** tcp_keepalives_idle 0: the system's 7200 s, then 9 probes 75 s apart. Source: D:runtime-config-connection, tcp(7). */
const KEEPALIVE_US = (7200 + 9 * 75) * SECOND

/** A transaction that writes. */
export class Transaction implements Change {
  at: Position | undefined
  waitingOn: object | undefined
  implicit = true
  /** Something is to be committed. */
  wrote = false
}

export class SqlSession implements Backend {
  private pidIfKnown: number | undefined
  private registered = false
  // Most sessions ask one thing and go: what they do not need is not made.
  private settingsIfAny: Map<string, string> | undefined
  private localIfAny: Map<string, string> | undefined
  private interruptedIfAwaited: Signal<'ended' | 'cancelled'> | undefined
  /** The bracket that is open, written or not; undefined = every statement is its own. */
  bracket: Transaction | undefined
  /** What it does now, for pg_stat_activity. */
  activity: 'idle' | 'active' | 'SyncRep' = 'idle'
  /** The server's last word when it has ended the session. */
  ended: string | undefined
  /** Whom its statement waits for now, for deadlocks and pg_blocking_pids (see schema/waiting.ts). */
  waitsFor: (() => readonly object[]) | undefined
  /** What it waits for, as pg_stat_activity has it. */
  waitEvent: { readonly type: string; readonly event: string } | undefined
  /** Its statement runs or waits in the server, whether or not the client is still there (rule PG-LOCK-6). */
  busy = false
  private abandoned = false

  constructor(
    readonly server: Server,
    readonly place: string,
    /** As whom it came, and for which database; undefined: the model's own. */
    readonly login?: Login,
  ) {}

  /** The text it runs now or ran last, as pg_stat_activity has it. */
  query = ''
  /** Since when it does what it does, by the clock of the server (µs since 1970). */
  sinceUs = 0
  /** In pg_sleep(). */
  sleeps = false

  /** SET of this session; {@link local} ones end with the transaction. */
  get settings(): Map<string, string> {
    return (this.settingsIfAny ??= new Map())
  }

  get local(): Map<string, string> {
    return (this.localIfAny ??= new Map())
  }

  /** Fires when the session is ended or its statement cancelled by somebody else. */
  get interrupted(): Signal<'ended' | 'cancelled'> {
    return (this.interruptedIfAwaited ??= new Signal())
  }

  /** Without an effect: a session that only looks takes no number. */
  get pid(): number {
    return this.pidIfKnown ?? this.server.nextPidIs
  }

  /** From its first effect on the server knows it. */
  register(): void {
    if (this.registered) return
    this.registered = true
    this.pidIfKnown = this.server.newPid()
    this.server.backends.add(this)
  }

  setting(name: string): string | undefined {
    return this.localIfAny?.get(name) ?? this.settingsIfAny?.get(name)
  }

  /** Whether its transaction may not write: as it says itself, else by default_transaction_read_only as it is here. */
  get readsOnly(): boolean {
    return (this.localIfAny?.get('transaction_read_only') ?? this.setting('default_transaction_read_only') ?? (this.server.readOnlyDefault ? 'on' : 'off')) !== 'off'
  }

  stateChanged(state: SessionState): void {
    if (state.is !== 'closed' || this.ended !== undefined) return
    this.ended = state.error
    this.server.locksIfAny?.release(this, 'all')
    this.interruptedIfAwaited?.fire('ended')
  }

  /** pg_cancel_backend, Ctrl-C. */
  cancel(): void {
    this.interruptedIfAwaited?.fire('cancelled')
  }

  /**
   * The client is gone. A server that is told so ends the session when its statement is over, not before; one that is not told (the client's machine has no
   * power, the network is cut) finds out by TCP keepalive, after two hours (rules PG-LOCK-6, PG-LOCK-7).
   */
  close(): void {
    if (!this.registered || this.ended !== undefined) return
    const { server } = this
    const { world } = server
    const untold = world.kubernetes.machines.get(this.place)?.up === false || !world.network.connected(this.place, server.place)
    if (untold && (this.bracket !== undefined || this.busy || server.locksIfAny?.holdsAny(this) === true)) {
      world.sim.note(ORPHANED, server.name, this.pid, `${server.name} does not know that the client of session ${this.pid} is gone: it keeps the session and its locks`)
      server.later(KEEPALIVE_US, () => this.gone())
    } else this.gone()
  }

  private gone(): void {
    if (this.ended !== undefined) return
    if (this.busy) this.abandoned = true
    else this.finish()
  }

  /** A statement that outlived its client is over: what was committed stands, an open transaction is rolled back. */
  statementOver(): void {
    this.busy = false
    if (this.abandoned && this.ended === undefined) this.finish()
  }

  private finish(): void {
    this.ended = 'the client closed the connection'
    this.bracket = undefined
    this.server.locksIfAny?.release(this, 'all')
    this.server.backendLeft(this)
  }
}

/** What `server` shows to a session of its own. */
export function eyesOf(server: Server, session?: SqlSession): Eyes {
  return { history: server.copy.position('apply'), server, own: session?.bracket }
}

/** What a client's session from `place` can do on `server` now: write only where it leads (rule PG-STANDBY-1). */
export function sessionState(server: Server, place: string): SessionState {
  if (!server.alive) return { is: 'closed', error: 'server closed the connection unexpectedly' }
  if (server.paused || !server.world.network.connected(place, server.place)) return { is: 'silent' }
  if (server.broken) return { is: 'failing', error: BROKEN_LOGIN }
  const leads = server.copy.leading && (server.state === 'primary' || server.state === 'stopping')
  if (leads && !server.readOnlyDefault) {
    // A table lock that is held or waited for: statements of clients queue behind it, without an error (rule PG-LOCK-2).
    const blocked = server.clientsBlocked
    return blocked === undefined ? { is: 'writable', leader: server.copy } : blocked === 'writes' ? { is: 'held', readsFrom: server.copy } : { is: 'held' }
  }
  return readOnlyState(server)
}

export function readOnlyState(server: Server): SessionState {
  return { is: 'readOnly', copy: server.copy, error: '25006 cannot execute INSERT in a read-only transaction' }
}
