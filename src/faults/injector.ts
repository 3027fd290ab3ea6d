/**
 * Carries a schedule out on a running cluster: waits for times and anchors, resolves roles when it strikes, ends each fault after its
 * duration, and keeps the records that measures, the story and the budget need.
 *
 * Not done here: what a fault does to the world (the engine's `strike`), and what it means (the checks).
 */
import type { Cluster, FaultKind, Strike } from '../engine.ts'
import { defineEvent, formatClock, NEVER, type Simulation, type TimerId, type Us } from '../kernel/index.ts'
import { AnchorIndex, isAnchor, type Whereabouts } from './anchors.ts'
import { BudgetWatch } from './budget.ts'
import type { FaultSpec } from './family.ts'
import { isMistake, Mistakes } from './mistakes.ts'
import type { Fault, Schedule } from './schedule.ts'
import { situationOf } from './situation.ts'
import type { Scouting } from './stale.ts'
import { CLIENTS_TARGET, OPERATOR_TARGET, resolveTarget, strikeOn } from './targets.ts'
import { faultSpec } from './vocabulary.ts'

const STRUCK = defineEvent('fault.struck')
const MISSED = defineEvent('fault.missed')
const ENDED = defineEvent('fault.ended')

/** What the injector needs of the operator. */
export interface OperatorHooks {
  /** Whether it is at work (neither killed nor at its end). */
  readonly alive: boolean
  kill(): void
  /** Starts it again from its journal. */
  resume(): void
  /** It decides to roll back. False when it is not at work, or already on the way back. */
  turnBack(): boolean
  /** Its deadline is not before this instant any more. */
  extendDeadline(untilUs: Us): void
}

const NOTHING_LASTS: Strike = { struck: true, members: [], end() {} }

/** What the injector needs of the client programs. */
export interface ClientHooks {
  /** They want `factor` times as much from now on, on top of other surges; returns how to end it. */
  surge(factor: number): () => void
}

/** What became of one fault of the schedule. */
export interface FaultRecord {
  readonly nth: number
  readonly kind: FaultKind
  /** The target as resolved when it struck; as written when it did not. */
  readonly target: string
  readonly atUs: Us
  /** When it ended; undefined while it lasts. */
  endUs: Us | undefined
  readonly struck: boolean
  /** Why it did not strike; empty when it did. */
  readonly why: string
  /** Members it took away, cut off or slowed. */
  readonly members: readonly string[]
  /** The step that was open at that instant (`undo of …` on the way back); `-` when none was. */
  readonly step: string
  /** What it did, in words, where its kind does not say it all; else empty. */
  readonly words: string
  /** The cluster just before it struck, as {@link situationOf} writes it; empty when it did not strike. */
  readonly situation: string
}

export interface InjectorOptions {
  /** How many members faults may hold at once (b of design §8). */
  readonly budgetMembers: number
  /** The kinds in budget. */
  readonly kinds: readonly FaultKind[]
  /** The operator is stuck this long after the later of its start and the last fault's end. */
  readonly deadlineUs: Us
  /** For stale readings, which have to be taken before they are asked for (see `stale.ts`). */
  readonly scouting?: Scouting
  /** The client programs that faults of the load strike; without them such a fault misses. */
  readonly clients?: ClientHooks
}

/** A fault that waits for an offset after a command was issued. */
interface Pending {
  readonly nth: number
  readonly command: number
  readonly where: Whereabouts
  timer: TimerId
}

/** A fault that struck and has not ended. */
interface Running {
  readonly record: FaultRecord
  readonly spec: FaultSpec
  end(): void
  timer: TimerId | undefined
}

/**
 * Makes an injector for one run. Time-anchored faults count from now (the operator's start). Give the operator's events to
 * {@link Injector.started}, {@link Injector.issued}, {@link Injector.returned} and {@link Injector.done}, and the operator to {@link Injector.attach}.
 */
export function armSchedule(sim: Simulation, cluster: Cluster, schedule: Schedule, options: InjectorOptions): Injector {
  return new Injector(sim, cluster, schedule, options)
}

export class Injector {
  private readonly anchors: AnchorIndex
  private readonly timers: TimerId[] = []
  private readonly pending: Pending[] = []
  private readonly running: Running[] = []
  private readonly fired = new Set<number>()
  private readonly found: FaultRecord[] = []
  private readonly unobserve: (() => void) | undefined
  private operator: OperatorHooks | undefined
  private openStep = '-'
  readonly budget: BudgetWatch
  /** What the faults make the operator do wrong: give it to the operator. Undefined when nothing in the schedule does. */
  readonly mistakes: Mistakes | undefined

  constructor(
    private readonly sim: Simulation,
    private readonly cluster: Cluster,
    readonly schedule: Schedule,
    private readonly options: InjectorOptions,
  ) {
    this.anchors = new AnchorIndex(schedule, kind => !isMistake(kind))
    this.budget = new BudgetWatch(cluster, options.budgetMembers, options.kinds)
    if (schedule.length > 0) this.unobserve = sim.observe(() => this.budget.look(sim.now))
    if (schedule.some(({ kind }) => isMistake(kind))) {
      const struck = (nth: number, step: string, words: string): void => this.hit(nth, this.fault(nth), OPERATOR_TARGET, NOTHING_LASTS, situationOf(cluster), words, step)
      const missed = (nth: number, why: string): void => this.miss(nth, this.fault(nth), OPERATOR_TARGET, why)
      this.mistakes = new Mistakes(sim, cluster, schedule, { struck, missed }, options.scouting)
    }
    schedule.forEach(({ at }, nth) => {
      if (!isAnchor(at)) this.timers.push(sim.call(sim.now + Math.max(0, Math.round(at)), () => this.fire(nth)))
    })
  }

  /** Gives it the operator that `operator-killed` strikes and whose deadline faults extend. */
  attach(operator: OperatorHooks): void {
    this.operator = operator
  }

  /** The faults that were fired, in order of time: struck or not. Anchors never reached are not among them. */
  get records(): readonly FaultRecord[] {
    return this.found
  }

  /** How many faults struck something. */
  get struck(): number {
    return this.found.reduce((sum, record) => sum + (record.struck ? 1 : 0), 0)
  }

  /** Whether a fault lasts at this instant. */
  get active(): boolean {
    return this.running.length > 0
  }

  // ── the operator's events ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** A visit of a step begins; its first command is not issued yet. */
  started(where: Whereabouts): void {
    this.flush()
    this.mistakes?.began(where)
    this.openStep = where.path === 'undo' ? `undo of ${where.step}` : where.step
    for (const { nth } of this.anchors.find(where, 'start')) this.soon(nth)
  }

  /** Command number `command` (from 1, polls included) of a visit was issued at `issuedUs`, now or (an elided poll) a little earlier. */
  issued(where: Whereabouts, command: number, issuedUs: Us = this.sim.now): void {
    for (const { nth, anchor } of this.anchors.find(where, 'await')) {
      if (anchor.command !== command || this.fired.has(nth)) continue
      const entry: Pending = { nth, command, where, timer: 0 }
      entry.timer = this.sim.call(Math.max(this.sim.now, issuedUs + Math.round(anchor.offsetUs)), () => this.fireAwait(entry))
      this.pending.push(entry)
    }
  }

  /** That command returned: what still waits for its offset strikes now. */
  returned(where: Whereabouts, command: number): void {
    for (const entry of this.pending.slice()) {
      if (entry.command === command && entry.where.step === where.step && entry.where.path === where.path && entry.where.visit === where.visit) this.hurry(entry)
    }
  }

  /** A visit of a step is done, and written down as such. */
  done(where: Whereabouts): void {
    this.flush()
    for (const { nth } of this.anchors.find(where, 'end')) this.soon(nth)
  }

  /** The next command of a visit, `from` or later, that must really be issued because a fault awaits it; undefined = none. */
  wantedCommand(where: Whereabouts, from: number): number | undefined {
    return this.anchors.nextCommand(where, from)
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The operator has ended: nothing strikes any more, and what lasts ends now (design §9, settle). */
  disarm(): void {
    for (const timer of this.timers) this.sim.cancel(timer)
    for (const { timer } of this.pending) this.sim.cancel(timer)
    this.pending.length = 0
    this.mistakes?.close()
    for (const running of this.running.slice()) this.end(running)
  }

  /** Stops watching the budget, at the end of the run. */
  close(): void {
    this.unobserve?.()
  }

  // ── striking ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The operator has moved on: whatever it waited for has returned, or it gave up on it. */
  private flush(): void {
    for (const entry of this.pending.slice()) this.hurry(entry)
  }

  private hurry(entry: Pending): void {
    this.pending.splice(this.pending.indexOf(entry), 1)
    this.sim.cancel(entry.timer)
    this.soon(entry.nth)
  }

  /** At this instant, after what the operator is just doing: an observer must not change the world under its hands. No command has had an effect yet. */
  private soon(nth: number): void {
    this.timers.push(this.sim.call(this.sim.now, () => this.fire(nth)))
  }

  private fireAwait(entry: Pending): void {
    this.pending.splice(this.pending.indexOf(entry), 1)
    this.fire(entry.nth)
  }

  private fire(nth: number): void {
    if (this.fired.has(nth)) return
    this.fired.add(nth)
    const fault = this.fault(nth)
    if (isMistake(fault.kind)) this.mistakes?.arm(nth)
    else if (fault.kind === 'operator-killed') this.killOperator(nth, fault)
    else if (fault.kind === 'operator-rolls-back') this.turnBack(nth, fault)
    else if (fault.kind === 'load-spike') this.surge(nth, fault)
    else this.strikeCluster(nth, fault)
  }

  private strikeCluster(nth: number, fault: Fault): void {
    const target = resolveTarget(this.cluster, fault.kind, fault.target)
    if (target === undefined) {
      this.miss(nth, fault, fault.target, `there is no \`${fault.target}\` to strike now`)
      return
    }
    const epoch = this.sim.epoch
    const situation = situationOf(this.cluster)
    const strike = strikeOn(this.cluster, { kind: fault.kind, target, durationUs: fault.durationUs, magnitude: fault.magnitude, nth })
    if (!strike.struck) {
      this.miss(nth, fault, target, 'nothing was there to strike')
      return
    }
    // The floor under every campaign: an injector of no-ops must not look like a system that survives everything.
    if (this.sim.epoch === epoch) throw new Error(`faults: ${fault.kind} on ${target} claims to have struck at ${formatClock(this.sim.now)}, but the engine noted no change: the strike must \`note\` what it does`)
    this.hit(nth, fault, target, strike, situation)
  }

  private killOperator(nth: number, fault: Fault): void {
    const operator = this.operator
    if (operator === undefined || !operator.alive) {
      this.miss(nth, fault, OPERATOR_TARGET, 'the operator was not at work')
      return
    }
    const situation = situationOf(this.cluster)
    operator.kill()
    this.hit(nth, fault, OPERATOR_TARGET, { struck: true, members: [], end: () => operator.resume() }, situation)
  }

  private turnBack(nth: number, fault: Fault): void {
    const { operator } = this
    const situation = situationOf(this.cluster)
    if (operator === undefined || !operator.alive) this.miss(nth, fault, OPERATOR_TARGET, 'the operator was not at work')
    else if (operator.turnBack()) this.hit(nth, fault, OPERATOR_TARGET, NOTHING_LASTS, situation, 'decides to roll back')
    else this.miss(nth, fault, OPERATOR_TARGET, 'the operator was already rolling back')
  }

  private fault(nth: number): Fault {
    return this.schedule[nth] as Fault
  }

  private surge(nth: number, fault: Fault): void {
    const { clients } = this.options
    if (clients === undefined) {
      this.miss(nth, fault, CLIENTS_TARGET, 'no client programs are at work')
      return
    }
    const situation = situationOf(this.cluster)
    this.hit(nth, fault, CLIENTS_TARGET, { struck: true, members: [], end: clients.surge(Math.max(0, fault.magnitude)) }, situation)
  }

  private hit(nth: number, fault: Fault, target: string, strike: Strike, situation: string, words = '', step = this.openStep): void {
    const { sim } = this
    const spec = faultSpec(fault.kind)
    sim.note(STRUCK, target, nth, () => (words === '' ? `${fault.kind} for ${fault.durationUs} µs` : `${fault.kind}: the operator ${words}`))
    const record: FaultRecord = { nth, kind: fault.kind, target, atUs: sim.now, endUs: undefined, struck: true, why: '', members: strike.members, step, words, situation }
    this.found.push(record)
    const release = this.budget.struck(spec, fault, strike.members)
    const running: Running = {
      record,
      spec,
      timer: undefined,
      end: () => {
        strike.end()
        release()
      },
    }
    this.running.push(running)
    const endUs = sim.now + Math.max(0, Math.round(fault.durationUs))
    if (endUs < NEVER) {
      this.operator?.extendDeadline(endUs + this.options.deadlineUs)
      running.timer = sim.call(endUs, () => this.end(running))
    }
  }

  private miss(nth: number, fault: Fault, target: string, why: string): void {
    this.sim.note(MISSED, target, nth, why)
    this.found.push({ nth, kind: fault.kind, target, atUs: this.sim.now, endUs: this.sim.now, struck: false, why, members: [], step: this.openStep, words: '', situation: '' })
  }

  private end(running: Running): void {
    const i = this.running.indexOf(running)
    if (i < 0) return
    this.running.splice(i, 1)
    if (running.timer !== undefined) this.sim.cancel(running.timer)
    running.record.endUs = this.sim.now
    this.sim.note(ENDED, running.record.target, running.record.nth)
    running.end()
  }
}
