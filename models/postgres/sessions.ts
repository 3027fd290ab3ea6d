/** One SQL session on a server: its transaction, its own settings, and how it ends. Source: facts §1.1 (E-2). */
import type { Position } from '../../src/cluster/log/index.ts'
import type { SessionState } from '../../src/engine.ts'
import { Signal } from '../../src/kernel/index.ts'
import { BROKEN_LOGIN } from './defects.ts'
import type { Backend } from './host.ts'
import type { Server } from './server.ts'
import type { Change, Eyes } from './tables.ts'

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

  constructor(
    readonly server: Server,
    readonly place: string,
  ) {}

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

  stateChanged(state: SessionState): void {
    if (state.is !== 'closed' || this.ended !== undefined) return
    this.ended = state.error
    this.interruptedIfAwaited?.fire('ended')
  }

  /** pg_cancel_backend, Ctrl-C. */
  cancel(): void {
    this.interruptedIfAwaited?.fire('cancelled')
  }

  close(): void {
    if (this.registered && this.ended === undefined) this.server.backendLeft(this)
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
  if (leads && !server.readOnlyDefault) return { is: 'writable', leader: server.copy }
  return { is: 'readOnly', copy: server.copy, error: '25006 cannot execute INSERT in a read-only transaction' }
}
