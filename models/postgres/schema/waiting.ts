/** How a statement waits and works inside the server: for a lock, for other transactions, for its own work; and what ends that. Source: D:runtime-config-client, proc.c. */
import { type Process, SECOND, Signal, type Us } from '../../../src/kernel/index.ts'
import type { Server } from '../server.ts'
import type { SqlSession } from '../sessions.ts'
import { parseTimeUs } from '../settings.ts'
import type { EffectResult } from '../sql/host.ts'
import type { LockMode, Owner, Tag, Waiter } from './locks.ts'

/** deadlock_timeout. Source: D:runtime-config-locks */
const DEADLOCK_US = SECOND

export type Failure = Exclude<EffectResult, { is: 'ok' }>

const error = (state: string, message: string, more: { detail?: string; hint?: string } = {}): Failure => ({ is: 'error', state, message, ...more })

/** A time-out of the session in force: its own, the transaction's, or the server's. 0 = none. */
export function timeoutUs(session: SqlSession, name: 'lock_timeout' | 'statement_timeout'): Us {
  return parseTimeUs(session.setting(name) ?? session.server.settings[name] ?? '0') ?? 0
}

/** What a backend does for one statement: it goes on when the client is gone, to the end of the statement (rule PG-LOCK-6). */
export function* asBackend(session: SqlSession, work: Process<EffectResult>): Process<EffectResult> {
  session.busy = true
  const task = session.server.world.sim.spawn(
    (function* (): Process<EffectResult> {
      try {
        return yield* work
      } finally {
        session.statementOver()
      }
    })(),
  )
  const result = yield task
  return (result as EffectResult | undefined) ?? { is: 'lost' }
}

type Woken = 'granted' | 'cancelled' | 'ended' | 'late' | 'deadlock'

/** Waits until `ready` fires; undefined when it did, else why not. */
function* await_(session: SqlSession, arm: (fire: (why: Woken) => void) => () => void, sinceUs: Us, lockWait: boolean, statementEndsUs: Us): Process<Failure | undefined> {
  const { server } = session
  const { sim } = server.world
  const woken = new Signal<Woken>()
  const limitUs = lockWait ? timeoutUs(session, 'lock_timeout') : 0
  const stops: (() => void)[] = []
  const timer = (us: Us, why: Woken, unless?: () => boolean) => {
    const id = sim.after(Math.max(0, us), () => {
      if (unless?.() !== true) woken.fire(why)
    })
    stops.push(() => sim.cancel(id))
  }
  stops.push(session.interrupted.park(sim, why => woken.fire(why)))
  stops.push(arm(why => woken.fire(why)))
  if (limitUs > 0) timer(sinceUs + limitUs - sim.now, 'late')
  if (Number.isFinite(statementEndsUs)) timer(statementEndsUs - sim.now, 'cancelled')
  timer(sinceUs + DEADLOCK_US - sim.now, 'deadlock', () => !inCycle(session))
  const why = (yield woken) as Woken
  for (const stop of stops) stop()
  if (why === 'granted') return undefined
  if (why === 'ended' || session.ended !== undefined) return { is: 'lost', ...(session.ended?.startsWith('57P01 ') ? { fatal: session.ended.slice(6) } : {}) }
  if (why === 'late') return error('55P03', 'canceling statement due to lock timeout')
  if (why === 'deadlock') return error('40P01', 'deadlock detected', { hint: 'See server log for query details.' })
  return error('57014', sim.now >= statementEndsUs ? 'canceling statement due to statement timeout' : 'canceling statement due to user request')
}

/** Whether whoever `session` waits for waits for it, by however many steps (rule PG-LOCK-5). */
function inCycle(session: SqlSession): boolean {
  const met = new Set<Owner>()
  const open = [...(session.waitsFor?.() ?? [])]
  for (let owner = open.pop(); owner !== undefined; owner = open.pop()) {
    if (owner === session) return true
    if (met.has(owner)) continue
    met.add(owner)
    open.push(...((owner as SqlSession).waitsFor?.() ?? []))
  }
  return false
}

/** Takes a lock, waiting for it as long as the session's time-outs let it. Gives why not, if not. */
export function* acquire(session: SqlSession, tag: Tag, mode: LockMode, scope: 'transaction' | 'session', statementEndsUs: Us = Number.POSITIVE_INFINITY): Process<Failure | undefined> {
  const { server } = session
  const { locks } = server
  const { sim } = server.world
  session.register()
  const signal = new Signal<Woken>()
  let granted = false
  const waiter: Waiter | undefined = locks.request(session, tag, mode, scope, () => {
    granted = true
    signal.fire('granted')
  })
  if (waiter === undefined) return undefined
  locks.queued(waiter)
  session.waitsFor = () => locks.waitsFor(waiter)
  session.waitEvent = { type: 'Lock', event: tag.startsWith('table') ? 'relation' : 'advisory' }
  const failure = granted ? undefined : yield* await_(session, fire => signal.park(sim, fire), sim.now, true, statementEndsUs)
  session.waitsFor = undefined
  session.waitEvent = undefined
  if (failure !== undefined) locks.withdraw(waiter)
  return failure
}

/** Waits until `others` have all ended what `over` asks about: CREATE INDEX CONCURRENTLY waits for transactions, not for locks (rule PG-DDL-6). */
export function* awaitOthers(session: SqlSession, others: () => readonly SqlSession[], clientsUs: Us, statementEndsUs: Us): Process<Failure | undefined> {
  const { server } = session
  const { world } = server
  const clearUs = world.sim.now + clientsUs
  const sinceUs = world.sim.now
  session.waitsFor = others
  session.waitEvent = { type: 'Lock', event: 'virtualxid' }
  try {
    for (;;) {
      if (!server.alive || session.ended !== undefined) return { is: 'lost' }
      if (world.sim.now >= clearUs && others().length === 0) return undefined
      // Transactions end without a word to anybody: they are looked for again as often as something could have ended.
      const failure = yield* await_(session, fire => {
        const id = world.sim.after(world.sim.now < clearUs ? clearUs - world.sim.now : 100_000, () => fire('granted'))
        return () => world.sim.cancel(id)
      }, sinceUs, true, statementEndsUs)
      if (failure !== undefined) return failure
    }
  } finally {
    session.waitsFor = undefined
    session.waitEvent = undefined
  }
}

/** Works for `us`, writing `walBytes` on the way. */
export function* works(session: SqlSession, us: Us, walBytes: number, statementEndsUs: Us): Process<Failure | undefined> {
  if (us <= 0) return undefined
  const { server } = session
  const { sim } = server.world
  const slowUs = Math.round(us * Math.max(1, server.diskSlowdown) * server.slowness)
  const quench = burn(server, walBytes / (slowUs / SECOND))
  try {
    return yield* await_(session, fire => {
      const id = sim.after(slowUs, () => fire('granted'))
      return () => sim.cancel(id)
    }, sim.now, false, statementEndsUs)
  } finally {
    quench()
  }
}

const burning = new WeakMap<Server, number>()

/** WAL that a statement writes beside the clients' flow; returns how to end that. */
function burn(server: Server, bytesPerSecond: number): () => void {
  const set = (by: number): void => {
    if (!server.alive || !server.copy.leading) return
    const extra = Math.max(0, (burning.get(server) ?? 0) + by)
    burning.set(server, extra)
    server.copy.setBackground(server.world.options.backgroundWalKBps * 1000 + extra)
  }
  set(bytesPerSecond)
  return () => set(-bytesPerSecond)
}
