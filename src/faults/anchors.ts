/** The anchors of a schedule, indexed by where they stand, so that the operator's thousands of events cost a lookup each. */
import type { FaultKind } from '../engine.ts'
import type { Us } from '../kernel/index.ts'
import type { Anchor, Schedule } from './schedule.ts'

/** An anchored fault, by its position in the schedule. */
export interface Anchored {
  readonly nth: number
  readonly anchor: Anchor
}

/** Where the operator is: a step of a path, in its how-manieth visit. */
export interface Whereabouts {
  readonly step: string
  readonly path: 'forward' | 'undo'
  readonly visit: number
}

/** Whether a fault's `at` is an anchor and not a time. */
export function isAnchor(at: Us | Anchor): at is Anchor {
  return typeof at !== 'number'
}

export class AnchorIndex {
  private readonly byStep = new Map<string, Anchored[]>()

  constructor(schedule: Schedule, wanted: (kind: FaultKind) => boolean = () => true) {
    schedule.forEach(({ kind, at: anchor }, nth) => {
      if (!isAnchor(anchor) || !wanted(kind)) return
      const list = this.byStep.get(anchor.step)
      if (list === undefined) this.byStep.set(anchor.step, [{ nth, anchor }])
      else list.push({ nth, anchor })
    })
  }

  /** The faults anchored to this phase of this visit, in the order of the schedule. */
  find(where: Whereabouts, phase: Anchor['phase']): readonly Anchored[] {
    const here = this.byStep.size === 0 ? undefined : this.byStep.get(where.step)
    if (here === undefined) return NONE
    return here.filter(({ anchor }) => anchor.path === where.path && anchor.visit === where.visit && anchor.phase === phase)
  }

  /** The first command number, `from` or later, that a fault of this visit awaits; undefined = none. */
  nextCommand(where: Whereabouts, from: number): number | undefined {
    let next: number | undefined
    for (const { anchor } of this.find(where, 'await')) if (anchor.command >= from) next = Math.min(next ?? anchor.command, anchor.command)
    return next
  }
}

const NONE: readonly Anchored[] = []
