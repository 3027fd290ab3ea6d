/** Schedules of faults for a property test, over what one scenario really is. */
import fc from 'fast-check'
import type { FaultKind } from '../engine.ts'
import { scheduleArbitrary, type TargetsByKind } from '../faults/arbitrary.ts'
import { faultSpec, isTarget, type Schedule, targetsOf } from '../faults/index.ts'
import { Simulation } from '../kernel/index.ts'
import { itineraryOf } from '../rehearsal.ts'
import { count, faultWords } from '../report/index.ts'
import type { Scenario } from '../scenario/index.ts'

export interface ScheduleChoice {
  /** At most so many faults. Default: the scenario's own `faults.max`, at least 1. */
  readonly max?: number
  /** Only these kinds, of those in the scenario's budget. Default: all of them. */
  readonly kinds?: readonly FaultKind[]
}

/** Schedules that fast-check drew: it makes them smaller itself. */
const drawn = new WeakSet<Schedule>()

/** Whether fast-check drew a schedule, and so will shrink it. */
export function isDrawn(schedule: Schedule): boolean {
  return drawn.has(schedule)
}

/**
 * A fast-check arbitrary of schedules: the scenario's own kinds, targets of its cluster, anchors on the way that its runbook really takes when nothing
 * goes wrong. Shrinks towards no fault, the start of the first step, the leader, and what is usual for a kind.
 * @throws Error for a kind that is not in the scenario's budget: a rehearsal struck by it is out of budget and proves nothing
 */
export function faultSchedules(scenario: Scenario, { max = Math.max(1, scenario.faults.max), kinds = scenario.faults.kinds }: ScheduleChoice = {}): fc.Arbitrary<Schedule> {
  if (!Number.isInteger(max) || max < 0) throw new Error(`faultSchedules: max: ${max} is no number of faults; write a whole number from 0`)
  const outside = kinds.filter(kind => !scenario.faults.kinds.includes(kind) && faultSpec(kind).onlyWhenNamed !== 'strategy')
  if (outside.length > 0) throw new Error(`faultSchedules: ${outside.join(', ')}: not among the faults of ${scenario.name}, so a rehearsal struck by it would be out of budget and prove nothing; name it in the scenario (\`faults: { kinds: […] }\`), or take of: ${scenario.faults.kinds.join(', ')}`)
  const space = { ...scenario.faults, kinds: scenario.faults.kinds.filter(kind => kinds.includes(kind)).concat(kinds.filter(kind => !scenario.faults.kinds.includes(kind))) }
  return scheduleArbitrary(space, itineraryOf(scenario), targetsIn(scenario, space.kinds), max).map(from => {
    const schedule = [...from]
    drawn.add(schedule)
    // What fast-check prints as the counterexample; the data itself is in the file that the failure names.
    Object.defineProperty(schedule, fc.toStringMethod, { value: () => wordsOf(schedule), enumerable: false })
    return schedule
  })
}

/** What each kind can strike in this cluster as it stands before the runbook. */
function targetsIn(scenario: Scenario, kinds: readonly FaultKind[]): TargetsByKind {
  const cluster = scenario.engine.build(new Simulation({ seed: 'targets' }), scenario.options)
  cluster.settle()
  return Object.fromEntries(kinds.map(kind => [kind, targetsOf(cluster, kind).filter(isTarget)]))
}

function wordsOf(schedule: Schedule): string {
  return schedule.length === 0 ? 'no fault' : `${count(schedule.length, 'fault')}: ${schedule.map(faultWords).join('; ')}`
}
