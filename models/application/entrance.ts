/** The clients' way in: requests are spread over the pods one by one, so the share of pods that cannot write is the share of clients that wait. */
import type { Copy } from '../../src/cluster/log/index.ts'
import type { Client, Entrance, Knock, Session, SessionState } from '../../src/engine.ts'
import type { Us } from '../../src/kernel/index.ts'
import type { World } from './world.ts'

class ClientSession implements Session {
  state: SessionState
  private open = true

  constructor(
    private readonly entrance: ApplicationEntrance,
    readonly client: Client,
  ) {
    this.state = { is: 'failing', error: 'no pod' }
    entrance.sessions.push(this)
    entrance.sessions.sort((a, b) => (a.client.id < b.client.id ? -1 : a.client.id > b.client.id ? 1 : 0))
    this.state = entrance.stateOf(this)
  }

  get backend(): string | undefined {
    return this.entrance.podOf(this)?.name
  }

  addedUs(): Us {
    return this.entrance.podOf(this)?.addedUs(this.client.place) ?? 0
  }

  told(state: SessionState): void {
    if (!this.open || same(this.state, state)) return
    this.state = state
    this.client.sessionChanged(state)
  }

  close(): void {
    this.open = false
    const at = this.entrance.sessions.indexOf(this)
    if (at >= 0) this.entrance.sessions.splice(at, 1)
  }
}

function same(a: SessionState, b: SessionState): boolean {
  return a.is === b.is && ('error' in a ? a.error : '') === ('error' in b ? b.error : '')
}

const ROUND_TRIP_US = 500

export class ApplicationEntrance implements Entrance {
  readonly name = 'application'
  readonly roundTripUs = ROUND_TRIP_US
  readonly sessions: ClientSession[] = []
  private planned = false

  /** @param front the copy that stands for what the clients are acknowledged */
  constructor(
    private readonly world: World,
    private readonly front: Copy,
  ) {
    world.onChange(() => this.plan())
    world.kubernetes.onRouteChange(() => this.plan())
  }

  /** After all events of this instant each session learns what it meets now. */
  private plan(): void {
    if (this.planned) return
    this.planned = true
    this.world.sim.after(0, () => {
      this.planned = false
      for (const session of [...this.sessions]) session.told(this.stateOf(session))
    })
  }

  /** The pod that stands for this session's share of the requests. */
  podOf(session: ClientSession) {
    const view = this.world.at((this.sessions.indexOf(session) + 0.5) / Math.max(1, this.sessions.length))
    return view === undefined ? undefined : (this.world.pods.get(view.uid) ?? undefined)
  }

  stateOf(session: ClientSession): SessionState {
    const pod = this.podOf(session)
    if (pod === undefined) return { is: 'failing', error: `503 no pod of ${this.world.options.name} serves` }
    const prospect = pod.prospect()
    if (prospect.is === 'served') return { is: 'writable', leader: this.front }
    if (prospect.is === 'hangs') return { is: 'silent' }
    const reads = pod.connection(pod.behaviour.reads)?.readable !== undefined
    // Who waits asks no database.
    if (prospect.is === 'paused') return { is: 'held', ageLimitUs: this.world.options.requestTimeoutSeconds * 1_000_000 }
    return reads ? { is: 'readOnly', copy: this.front, error: `500 ${prospect.error}` } : { is: 'failing', error: `500 ${prospect.error}` }
  }

  connect(client: Client): Knock {
    if (this.world.routes().length === 0) return { is: 'refused', error: `503 no pod of ${this.world.options.name} serves`, afterUs: 1_000 }
    return { is: 'open', session: new ClientSession(this, client), afterUs: 3_000 }
  }

  fresh(): ReturnType<Entrance['fresh']> {
    const routes = this.world.routes()
    if (routes.length === 0) return { is: 'none', why: `no pod of ${this.world.options.name} serves` }
    const prospects = routes.map(({ view }) => this.world.pods.get(view.uid)?.prospect() ?? ({ is: 'fails', error: 'connection refused' } as const))
    if (prospects.some(({ is }) => is === 'served')) return { is: 'leader', copy: this.front }
    const first = prospects[0]
    return { is: 'none', why: first?.is === 'fails' ? first.error : first?.is === 'paused' ? 'writes are paused' : 'requests hang' }
  }
}
