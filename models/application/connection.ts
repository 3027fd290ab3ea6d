/** One pooled connection of a pod (or a job) to a database by host name. It stays where it is, whatever the name leads to afterwards (rule APP-POOL-1). */
import type { Copy, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Client, Knock, Session, SessionState } from '../../src/engine.ts'
import { SECOND, type Simulation, type TimerId, type Us } from '../../src/kernel/index.ts'

/** A way to a database. */
export interface Door {
  /** Tries to open a connection now. */
  connect(client: Client, nth: number): Knock
}

/** Pause between two attempts to connect. */
const RETRY_US: Us = SECOND
/** A connection on which nothing is answered is given up after this. */
const SILENT_US: Us = 5 * SECOND

export class Connection implements Client {
  private session: Session | undefined
  /** The one that serves until its successor has come. */
  private old: Session | undefined
  private knocks = 0
  private knockEpoch = -1
  private waiting: TimerId | undefined
  private life: TimerId | undefined
  private open = true
  private arriving = false
  private last: SessionState | undefined

  /** @param changed told whenever what a statement would find may be another thing */
  constructor(
    private readonly sim: Simulation,
    private readonly door: Door,
    readonly id: string,
    readonly place: string,
    readonly log: ReplicatedLog,
    private readonly lifeUs: Us,
    private readonly changed: () => void,
  ) {
    this.knock()
  }

  /** What a statement would find now; undefined while there is no connection. */
  get state(): SessionState | undefined {
    if (!this.arriving) return this.last
    return this.old?.state.is === 'closed' ? undefined : this.old?.state
  }

  /** The database that takes writes through it now. */
  get writable(): Copy | undefined {
    return this.state?.is === 'writable' ? this.state.leader : undefined
  }

  /** The database that answers reads through it now. */
  get readable(): Copy | undefined {
    const { state } = this
    return state?.is === 'writable' ? state.leader : state?.is === 'readOnly' ? state.copy : undefined
  }

  /** How much longer than when all is well its round trips take now. */
  get addedUs(): Us {
    return (this.arriving ? this.old : this.session)?.addedUs?.() ?? 0
  }

  sessionChanged(state: SessionState): void {
    if (!this.open) return
    if (!this.arriving) this.learn(state)
    else if (this.old !== undefined) this.changed()
  }

  close(): void {
    this.open = false
    this.cancel()
    this.session?.close()
    this.session = undefined
    this.retire()
    this.last = undefined
  }

  /** The world has changed: who has been refused tries again. */
  wake(): void {
    if (!this.open || this.session !== undefined || this.waiting !== undefined || this.sim.epoch === this.knockEpoch) return
    this.later(RETRY_US * (0.5 + 0.5 * this.sim.chance.draw(this.id, 'application.reconnect', this.knocks)), () => this.knock())
  }

  private knock(): void {
    const answer = this.door.connect(this, this.knocks++)
    this.knockEpoch = this.sim.epoch
    if (answer.is !== 'open') this.retire()
    if (answer.is === 'refused') return this.tell(undefined)
    if (answer.is === 'silent') {
      this.tell({ is: 'silent' })
      return this.later(SILENT_US, () => this.knock())
    }
    this.session = answer.session
    this.arriving = true
    this.later(answer.afterUs, () => {
      this.arriving = false
      this.retire()
      if (this.session === undefined) return
      this.life = this.sim.after(this.lifeUs * (this.knocks === 1 ? this.sim.chance.draw(this.id, 'application.connection-life', 0) : 1), () => this.replace())
      this.learn(this.session.state)
    })
  }

  private learn(state: SessionState): void {
    if (state.is === 'closed') return this.renew()
    this.cancelWait()
    if (state.is === 'silent') this.later(SILENT_US, () => this.renew())
    this.tell(state)
  }

  /** At the end of its life it is replaced, and a pool has others meanwhile: nobody is refused for that (rule APP-POOL-1). */
  private replace(): void {
    this.cancel()
    this.old = this.session
    this.session = undefined
    this.knock()
    if (this.old === undefined) this.changed()
  }

  private retire(): void {
    this.old?.close()
    this.old = undefined
  }

  private renew(): void {
    this.cancel()
    this.session?.close()
    this.session = undefined
    this.last = undefined
    this.knock()
    this.changed()
  }

  /** Nobody is told what they know: a connection that is refused for ever must not keep the world awake. */
  private tell(state: SessionState | undefined): void {
    const { last } = this
    this.last = state
    if (last?.is !== state?.is || last?.is === 'writable' || state?.is === 'readOnly') this.changed()
  }

  private later(us: Us, action: () => void): void {
    this.cancelWait()
    this.waiting = this.sim.after(us, () => {
      this.waiting = undefined
      action()
    })
  }

  private cancelWait(): void {
    if (this.waiting !== undefined) this.sim.cancel(this.waiting)
    this.waiting = undefined
  }

  private cancel(): void {
    this.cancelWait()
    if (this.life !== undefined) this.sim.cancel(this.life)
    this.life = undefined
  }
}
