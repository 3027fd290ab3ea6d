/**
 * The same schedules as fast-check arbitraries, for property tests and for shrinking: an ordinary array of records, one record shape a kind.
 * Shrinks towards fewer faults, the first kind allowed, `role:leader`, the start of the first step, short and weak.
 */
import fc from 'fast-check'
import type { FaultKind } from '../engine.ts'
import { MILLISECOND, MINUTE, SECOND } from '../kernel/index.ts'
import type { DrawSpace } from './draw.ts'
import { type FaultSpec, LONGEST_IN_BUDGET_US } from './family.ts'
import { itineraryOfPlan, type PlanOutline, type Stop } from './itinerary.ts'
import type { Anchor, Fault, Schedule } from './schedule.ts'
import { CLIENTS_TARGET, OPERATOR_TARGET } from './targets.ts'
import { faultSpec } from './vocabulary.ts'

const MAX_COMMAND = 20
const MAX_OFFSET_US = 5 * MINUTE

/** Concrete targets to draw from besides the roles, by kind (what `cluster.targets` lists). */
export type TargetsByKind = Partial<Readonly<Record<FaultKind, readonly string[]>>>

/**
 * Schedules of up to `maxFaults` faults. Swarm: each sample first switches whole kinds off and keeps the faults of the others, so samples
 * without this or that kind are as common as mixtures. Filtering after drawing lets it shrink straight through.
 */
export function scheduleArbitrary(space: DrawSpace, plan: PlanOutline, targets: TargetsByKind = {}, maxFaults = 6): fc.Arbitrary<Schedule> {
  if (space.kinds.length === 0) return fc.constant([])
  const faults = fc.array(faultArbitrary(space, plan, targets), { maxLength: maxFaults })
  const on = fc.array(fc.boolean(), { minLength: space.kinds.length, maxLength: space.kinds.length })
  return fc.record({ faults, on }).map(({ faults, on }) => {
    const kept = faults.filter(fault => on[space.kinds.indexOf(fault.kind)] !== false)
    // All switched off would make half of all small samples empty: then nothing is.
    return kept.length > 0 ? kept : faults
  })
}

/** One fault of any allowed kind. */
export function faultArbitrary(space: DrawSpace, plan: PlanOutline, targets: TargetsByKind = {}): fc.Arbitrary<Fault> {
  const at = placeArbitrary(plan)
  return fc.oneof(...space.kinds.map(kind => oneKind(faultSpec(kind), space, at, targets[kind] ?? [])))
}

function oneKind(spec: FaultSpec, space: DrawSpace, at: fc.Arbitrary<Fault['at']>, concrete: readonly string[]): fc.Arbitrary<Fault> {
  const longest = Math.max(spec.durationUs.min, Math.min(spec.durationUs.max, space.maxDurationUs, spec.mayLast ? spec.durationUs.max : LONGEST_IN_BUDGET_US))
  return fc.record({
    kind: fc.constant(spec.kind),
    target: targetArbitrary(spec, concrete),
    at,
    durationUs: fc.integer({ min: Math.ceil(spec.durationUs.min / MILLISECOND), max: Math.floor(longest / MILLISECOND) }).map(ms => ms * MILLISECOND),
    magnitude: spec.magnitude === undefined ? fc.constant(0) : fc.integer({ min: spec.magnitude.min, max: spec.magnitude.max }),
  })
}

function targetArbitrary(spec: FaultSpec, concrete: readonly string[]): fc.Arbitrary<string> {
  if (spec.family === 'operator') return fc.constant(OPERATOR_TARGET)
  if (spec.kind === 'load-spike') return fc.constant(CLIENTS_TARGET)
  const any = fc.integer({ min: 0, max: 11 }).map(i => `any/${i}`)
  const leader = spec.aimsAt === 'members' || spec.aimsAt === 'leader' ? [fc.constant('role:leader')] : []
  const followers = spec.aimsAt === 'members' || spec.aimsAt === 'followers' ? [fc.integer({ min: 0, max: 2 }).map(i => `role:follower/${i}`)] : []
  // Across the alternatives too: the first is the plainest.
  return fc.oneof({ withCrossShrink: true }, ...leader, ...followers, any, ...(concrete.length > 0 ? [fc.constantFrom(...concrete)] : []))
}

function placeArbitrary(plan: PlanOutline): fc.Arbitrary<Fault['at']> {
  const { stops, undo, durationUs } = itineraryOfPlan(plan)
  const time = fc.integer({ min: 0, max: Math.ceil(durationUs / SECOND) }).map(s => s * SECOND)
  if (stops.length === 0) return time
  const forward = anchorArbitrary(stops, 'forward')
  const back = undo.length === 0 ? [] : [{ weight: 1, arbitrary: anchorArbitrary(undo, 'undo') }]
  return fc.oneof({ weight: 6, arbitrary: forward }, { weight: 2, arbitrary: time }, ...back)
}

function anchorArbitrary(stops: readonly Stop[], path: Anchor['path']): fc.Arbitrary<Anchor> {
  const place = { step: fc.constantFrom(...stops.map(stop => stop.step)), path: fc.constant(path), visit: fc.integer({ min: 1, max: 2 }) }
  const boundary = fc.record({ ...place, phase: fc.constantFrom('start' as const, 'end' as const), command: fc.constant(1), offsetUs: fc.constant(0) })
  const offsetUs = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_000 }).map(ms => ms * MILLISECOND), fc.integer({ min: 0, max: MAX_OFFSET_US / SECOND }).map(s => s * SECOND))
  const waiting = stops.filter(stop => stop.commands > 0).map(stop => stop.step)
  if (waiting.length === 0) return boundary
  const await_ = fc.record({ ...place, step: fc.constantFrom(...waiting), phase: fc.constant('await' as const), command: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: MAX_COMMAND })), offsetUs })
  return fc.oneof(boundary, await_)
}
