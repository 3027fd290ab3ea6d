/**
 * Common luck. Run *i* of every scenario has the same seed (draws are keyed by what they are for, so what two runbooks do alike falls out alike) and
 * the same faults. Where the runbooks have the same steps, faults may be anchored to steps; where they differ, a step of one means nothing in
 * the other, so faults come at a *time* and strike a *role*. Times are drawn over the longest of the runbooks: whoever is exposed for longer meets more.
 */
import type { FaultKind } from '../../engine.ts'
import { type Itinerary, type Schedule, drawSchedule } from '../../faults/index.ts'
import { Chance } from '../../kernel/index.ts'
import { itineraryOf, runSeed } from '../../rehearsal.ts'
import type { Scenario } from '../../scenario/scenario.ts'
import { CompareError } from './ground.ts'

export interface Luck {
  readonly anchoring: 'step' | 'time'
  /** Kinds that all of them allow. */
  readonly kinds: readonly FaultKind[]
  /** The faults of run number `run`: 1…`faults`, the same for every scenario; none when that is 0. */
  scheduleOf(campaignSeed: string, run: number): Schedule
}

/** @param faults at most so many a run @throws CompareError when faults are wanted and no kind is allowed by all */
export function commonLuck(scenarios: readonly Scenario[], faults: number): Luck {
  const [first] = scenarios as readonly [Scenario]
  const kinds = first.faults.kinds.filter((kind) => scenarios.every((scenario) => scenario.faults.kinds.includes(kind)))
  if (faults > 0 && kinds.length === 0) throw new CompareError('no fault kind is allowed by all of these scenarios, so there is none to draw; use --faults 0')
  const anchoring = scenarios.every((scenario) => sameSteps(first, scenario)) ? 'step' : 'time'
  const space = { kinds, maxDurationUs: Math.min(...scenarios.map((scenario) => scenario.faults.maxDurationUs)) }
  let itinerary: Itinerary | undefined
  return {
    anchoring,
    kinds,
    scheduleOf(campaignSeed, run) {
      if (faults === 0) return []
      itinerary ??= commonItinerary(scenarios, anchoring)
      return drawSchedule(new Chance(`schedule/${runSeed(campaignSeed, run)}`), space, itinerary, faults)
    },
  }
}

function sameSteps(a: Scenario, b: Scenario): boolean {
  const ids = ({ runbook }: Scenario): string => JSON.stringify(runbook.steps.map((step) => [step.id, step.path, step.action.kind]))
  return ids(a) === ids(b)
}

function commonItinerary(scenarios: readonly Scenario[], anchoring: Luck['anchoring']): Itinerary {
  const ways = scenarios.map(itineraryOf)
  const durationUs = Math.max(...ways.map((way) => way.durationUs))
  return anchoring === 'step' ? { ...(ways[0] as Itinerary), durationUs } : { stops: [], undo: [], durationUs }
}
