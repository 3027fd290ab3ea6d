/**
 * Walks a runbook once without faults and notes every place where something can go wrong, with what could be struck there: what an exact grid is
 * made of. On the same luck a fault anchored to one of these places meets it, because until it strikes the rehearsal is the same.
 */
import type { Cluster, FaultKind } from '../engine.ts'
import { type Anchor, targetsOf } from '../faults/index.ts'
import type { Simulation, Us } from '../kernel/index.ts'
import type { OperatorObserver, PhaseEvent, Plan, ReturnedEvent } from '../operator/index.ts'
import { type RehearsalOptions, rehearse } from '../rehearsal.ts'
import type { RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'

/** A boundary between two steps, or the wait for one command. */
export interface Place {
  readonly anchor: Anchor
  /** boundary: a visit begins, and something can have changed since the boundary before · await: halfway through a command. */
  readonly is: 'boundary' | 'await'
  /** Since the first step began. */
  readonly atUs: Us
  /** What each kind could strike there. */
  readonly targets: Readonly<Partial<Record<FaultKind, readonly string[]>>>
}

/** A visit of a step on the way; composite steps (groups and loops) are visits too. */
export interface Visit {
  readonly step: string
  readonly path: 'forward' | 'undo'
  readonly visit: number
}

/** The fault-free way through a runbook on one luck. */
export interface Way {
  /**
   * Every step boundary and every await, in order of time: of the polls of a gate the first, and the last if there are more. The end of the last step
   * is none: with it the operator's work and all faults are over.
   */
  readonly places: readonly Place[]
  /** Every visit in the order they began. */
  readonly visits: readonly Visit[]
  readonly result: RehearsalResult
}

type Rehearse = (options: RehearsalOptions) => RehearsalResult

/** Rehearses without faults and writes down the way. @param kinds the fault kinds whose targets are asked for */
export function scout(scenario: Scenario, seed: string, kinds: readonly FaultKind[], once: Rehearse = rehearse): Way {
  let notes: Notes | undefined
  const watch: NonNullable<RehearsalOptions['watch']> = (sim, cluster) => (notes = new Notes(sim, cluster, kinds, scenario.runbook))
  // Polls that are left out cannot be noted.
  const result = once({ scenario, schedule: [], seed, elide: false, watch })
  if (notes === undefined) throw new Error('scout: the rehearsal let nobody look on')
  return { places: notes.places(), visits: notes.visits, result }
}

interface Note {
  readonly where: PhaseEvent
  readonly atUs: Us
  returnedUs: Us | undefined
  targets: Place['targets']
}

class Notes implements Pick<OperatorObserver, 'phase' | 'commandReturned'> {
  readonly visits: Visit[] = []
  private readonly notes: Note[] = []
  private readonly zeroUs: Us

  constructor(
    private readonly sim: Simulation,
    private readonly cluster: Cluster,
    private readonly kinds: readonly FaultKind[],
    private readonly plan: Plan,
  ) {
    this.zeroUs = sim.now
  }

  phase(e: PhaseEvent): void {
    if (e.phase === 'start') this.visits.push({ step: e.step, path: e.path, visit: e.visit })
    // What ends is the boundary at which the next step begins.
    if (e.phase === 'end') return
    if (e.phase === 'await' && this.isGate(e)) this.dropMiddlePoll(e)
    // Boundaries at one instant are one place, named after what begins last: of a group its first step.
    const last = this.notes.at(-1)
    if (e.phase === 'start' && last?.where.phase === 'start' && last.atUs === this.sim.now) this.notes.pop()
    const note: Note = { where: e, atUs: this.sim.now, returnedUs: undefined, targets: {} }
    // At this instant, but after what the operator is just doing: as a fault strikes.
    this.sim.call(this.sim.now, () => (note.targets = this.targets()))
    this.notes.push(note)
  }

  commandReturned(e: ReturnedEvent): void {
    const note = this.notes.findLast(({ where }) => where.phase === 'await' && where.step === e.step && where.path === e.path && where.visit === e.visit && where.command === e.command)
    if (note !== undefined) note.returnedUs = this.sim.now
  }

  places(): readonly Place[] {
    // A last step that waits for nothing ends the operator's work at the instant at which it begins.
    const last = this.notes.at(-1)?.where.phase === 'start' ? -1 : this.notes.length
    return this.notes.slice(0, last).map(({ where, atUs, returnedUs, targets }): Place => {
      const { step, path, visit, phase } = where
      const place = { step, path, visit, command: 1, offsetUs: 0 }
      if (phase === 'start') return { is: 'boundary', anchor: { ...place, phase }, atUs: atUs - this.zeroUs, targets }
      const offsetUs = Math.floor(((returnedUs ?? atUs) - atUs) / 2)
      return { is: 'await', anchor: { ...place, phase, command: where.command ?? 1, offsetUs }, atUs: atUs + offsetUs - this.zeroUs, targets }
    })
  }

  private targets(): Place['targets'] {
    return Object.fromEntries(this.kinds.map((kind) => [kind, targetsOf(this.cluster, kind)]))
  }

  private isGate(e: PhaseEvent): boolean {
    const index = this.plan.byId.get(e.path === 'forward' ? e.step : `undo of ${e.step}`)
    return index !== undefined && this.plan.steps[index]?.action.kind === 'gate'
  }

  /** A later poll takes the place of the one before it, unless that was the first. */
  private dropMiddlePoll(e: PhaseEvent): void {
    const last = this.notes.at(-1)?.where
    if (last?.phase === 'await' && last.step === e.step && last.visit === e.visit && last.path === e.path && (last.command ?? 1) > 1) this.notes.pop()
  }
}
