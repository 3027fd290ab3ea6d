/**
 * Requests on the sampled keys, one by one: a client sends one to a pod, the pod makes its statements on one database or on both, and what goes
 * wrong between two statements is left as it is. Nothing here knows what the two databases ought to hold.
 */
import type { Copy } from '../../src/cluster/log/index.ts'
import { type Process, SECOND, Signal, sample, type Task, TIMED_OUT, type Us, within } from '../../src/kernel/index.ts'
import { asDistribution } from '../kubernetes/index.ts'
import type { Build } from './options.ts'
import { type Pod, sidesOf } from './pod.ts'
import type { Commit, Key, LegRecord, Operation, Side, Sql } from './rows.ts'
import { effectOf } from './statements.ts'
import type { World } from './world.ts'

type Answer = { readonly is: 'done'; readonly version: number; readonly commit?: Commit | undefined } | { readonly is: 'error' } | { readonly is: 'silent' }

/** What nothing ever fires: a wait that only a time-out ends. */
const NOTHING = (): Signal<void> => new Signal<void>()
const MILLISECOND = 1_000
/** Longest pause between two looks whether a commit has been acknowledged. */
const LOOK_US: Us = 64 * MILLISECOND
/** An answer that comes at once: nobody there. */
const REFUSED_US: Us = MILLISECOND

export class Requests {
  private operations = 0
  private stopped = false

  constructor(private readonly world: World) {}

  /** Clients begin: each class of keys is written at its rate. */
  start(): void {
    const { writesPerSecond, keys, hotKeys, hotWrites, sampledHot, sampledCold } = this.world.options
    const all = this.world.rows.keys
    this.arrive('hot', all.slice(0, sampledHot), (writesPerSecond * hotWrites * sampledHot) / (keys * hotKeys))
    this.arrive('cold', all.slice(sampledHot), (writesPerSecond * (1 - hotWrites) * sampledCold) / (keys * (1 - hotKeys)))
  }

  stop(): void {
    this.stopped = true
  }

  private arrive(name: string, keys: readonly Key[], perSecond: number): void {
    const { sim, options } = this.world
    const { followUpShare, followUpMs } = options
    const meanUs = (SECOND * (1 + followUpShare)) / perSecond
    let nth = 0
    const gap = (): number => Math.max(1, Math.round(sample({ is: 'exponential', mean: meanUs }, sim.chance.draw(name, 'application.arrival', nth))))
    const next = (): void => {
      sim.after(gap(), () => {
        if (this.stopped) return
        const key = keys[Math.floor(sim.chance.draw(name, 'application.key', nth) * keys.length)] as Key
        if (sim.chance.draw(name, 'application.follows', nth) < followUpShare) {
          const us = sample({ is: 'exponential', mean: followUpMs * MILLISECOND }, sim.chance.draw(name, 'application.follow-up', nth))
          sim.after(us, () => this.request(key))
        }
        this.request(key)
        nth += 1
        next()
      })
    }
    next()
  }

  private request(key: Key): void {
    const operation: Operation = { id: ++this.operations, key, invokedUs: this.world.sim.now, sql: undefined, outcome: 'pending', doneUs: Number.POSITIVE_INFINITY, legs: [] }
    key.operations.push(operation)
    this.world.sim.spawn(this.attempts(operation))
  }

  /** A client tries until it has an answer it likes (rule APP-RETRY-1). */
  private *attempts(operation: Operation): Process<void> {
    const { sim, options } = this.world
    let unknown = false
    for (let attempt = 0; attempt < options.attempts; attempt++) {
      if (attempt > 0) yield options.retryMs * MILLISECOND * (0.5 + sim.chance.draw('client', 'application.retry', operation.id * 16 + attempt))
      const answer = yield* this.send(operation, attempt)
      if (answer === 'ok') return this.done(operation, 'ok')
      if (answer === 'unknown') unknown = true
    }
    this.done(operation, unknown ? 'unknown' : 'failed')
  }

  private done(operation: Operation, outcome: Operation['outcome']): void {
    operation.outcome = outcome
    operation.doneUs = this.world.sim.now
  }

  private *send(operation: Operation, attempt: number): Process<'ok' | 'error' | 'unknown'> {
    const { sim, options } = this.world
    const view = this.world.at(sim.chance.draw('client', 'application.route', operation.id * 16 + attempt))
    const pod = view === undefined ? undefined : this.world.pods.get(view.uid)
    const timeoutUs = options.requestTimeoutSeconds * SECOND
    if (pod === undefined || !pod.up) {
      const lost = view !== undefined && (view.removed || (view.node !== undefined && this.world.kubernetes.machines.get(view.node)?.up === false))
      yield lost ? timeoutUs : REFUSED_US
      return 'error'
    }
    if (pod.frozen) {
      yield timeoutUs
      return 'unknown'
    }
    const task: Task<'ok' | 'error'> = sim.spawn(this.serve(pod, operation, attempt))
    pod.tasks.add(task)
    const answer = yield within(task, timeoutUs)
    pod.tasks.delete(task)
    // The deadline is the request's: what the pod has not begun by then it leaves (rule APP-DEADLINE-1).
    if (answer === TIMED_OUT) task.kill()
    return answer === 'ok' || answer === 'error' ? answer : 'unknown'
  }

  /** What the pod does with it. */
  private *serve(pod: Pod, operation: Operation, attempt: number): Process<'ok' | 'error'> {
    while (pod.behaviour.paused || pod.refused) yield pod.reconsidered
    const build = pod.behaviour
    if (build.errorP > 0 && this.world.sim.chance.draw('request', 'application.build-error', operation.id * 16 + attempt) < build.errorP) return 'error'
    operation.sql ??= this.sqlFor(pod, operation, build)
    if (operation.sql === undefined) return 'error'
    const sides = sidesOf(build)
    let version: number | undefined
    for (const side of sides) {
      const answer = yield* this.statement(pod, side, operation, build, attempt, version)
      if (answer.is === 'done') version ??= answer.version
      // Fenced while the statement was on its way: nothing has been done, and it waits with the others.
      else if (sides.length === 1 && pod.refused) return yield* this.serve(pod, operation, attempt)
      else if (build.writes !== 'both' || (side === 'legacy' ? build.onLegacyError : build.onModernError) === 'return') return 'error'
    }
    return 'ok'
  }

  /** INSERT, UPDATE or DELETE: by what the program reads (rule APP-SQL-1). Undefined when it cannot read. */
  private sqlFor(pod: Pod, { id, key }: Operation, { reads }: Build): Sql | undefined {
    const { rows, sim, options } = this.world
    const copy = pod.connection(reads)?.readable
    if (copy === undefined) return undefined
    if (!rows.row(copy, key).present) return 'insert'
    return sim.chance.draw('client', 'application.delete', id) < options.deleteShare ? 'delete' : 'update'
  }

  /** One statement: on its way, carried out, answered. It is carried out even if nobody waits for the answer any more (rule APP-LEG-1). */
  private *statement(pod: Pod, side: Side, operation: Operation, build: Build, attempt: number, version: number | undefined): Process<Answer> {
    const { sim, options } = this.world
    const nth = (operation.id * 16 + attempt) * 2 + (side === 'legacy' ? 0 : 1)
    const us = Math.max(2, Math.round(sample(asDistribution(options.legMs), sim.chance.draw('statement', 'application.leg', nth)) * MILLISECOND))
    const state = pod.connection(side)?.state
    if (state === undefined) {
      yield REFUSED_US
      this.record(operation, side, 'error')
      return { is: 'error' }
    }
    let answer: Answer = { is: 'silent' }
    const sent = pod.connection(side)?.writable
    sim.after(us / 2, () => {
      answer = this.carryOut(pod, side, operation, build, nth, version, sent)
    })
    yield us
    const answered: Answer = yield* this.acknowledged(answer)
    if (answered.is === 'silent' || sim.chance.draw('statement', 'application.answer-lost', nth) < options.answerLostP) {
      if (answered.is === 'silent') this.record(operation, side, 'unanswered')
      yield NOTHING()
    }
    return answered
  }

  /** A commit is answered when it is where its database waits for it to be; one whose database loses the lead before never is. */
  private *acknowledged(answer: Answer): Process<Answer> {
    const { databases } = this.world
    const commit = answer.is === 'done' ? answer.commit : undefined
    // Looked for less and less often: one that hangs may hang for long.
    for (let us = MILLISECOND; commit !== undefined && !databases.acknowledged(commit.copy, commit.at); us = Math.min(2 * us, LOOK_US)) {
      if (!commit.copy.leading) return { is: 'silent' }
      yield us
    }
    return answer
  }

  private record({ legs }: Operation, side: Side, result: LegRecord['result'], deletedBy?: number): void {
    legs.push({ side, atUs: this.world.sim.now, result, deletedBy })
  }

  private carryOut(pod: Pod, side: Side, operation: Operation, build: Build, nth: number, given: number | undefined, sent: Copy | undefined): Answer {
    const { rows, sim, options } = this.world
    const connection = pod.connection(side)
    const state = connection?.state
    if (state?.is === 'silent' || state?.is === 'held') return { is: 'silent' }
    // What a pod sent before it died arrives all the same.
    const copy = pod.alive ? connection?.writable : sent?.leading === true ? sent : undefined
    const fails = sim.chance.draw('statement', 'application.error', nth) < (side === 'legacy' ? options.legacyErrorP : options.modernErrorP)
    if (copy === undefined || fails) {
      this.record(operation, side, 'error')
      return { is: 'error' }
    }
    const { key, id, sql } = operation
    const before = rows.done(copy, key, id)
    if (before && build.idempotencyKeys) {
      this.record(operation, side, 'done')
      return { is: 'done', version: rows.row(copy, key).version }
    }
    // The database that hands out versions is written as it stands; the other compares (rule APP-VERSION-1).
    const version = given ?? rows.nextVersion()
    const there = rows.row(copy, key)
    const effect = effectOf(there, operation, { sql: sql as Sql, form: build.statement, version })
    if (effect.is === 'duplicate-key') {
      this.record(operation, side, 'error')
      return { is: 'error' }
    }
    let commit: Commit | undefined
    if (effect.is === 'changed') {
      commit = rows.commit(copy, key, effect.row, version, 'program', build.outbox)
      if (before) rows.repeated += 1
    }
    this.record(operation, side, effect.is === 'changed' ? 'done' : effect.is, effect.is === 'no-row' && there.op > 0 ? there.op : undefined)
    return { is: 'done', version, commit }
  }
}
