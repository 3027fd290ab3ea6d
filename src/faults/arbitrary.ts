/**
 * Schedules as fast-check arbitraries, for property tests: an ordinary array of records, one record shape a kind. Shrinks towards no fault, the
 * start of the first step, the leader, and what is usual for the kind (how long, how strong): the plainest story that still fails.
 */
import fc from 'fast-check'
import type { FaultKind } from '../engine.ts'
import { exp, MILLISECOND, MINUTE, SECOND } from '../kernel/index.ts'
import type { DrawSpace } from './draw.ts'
import { type FaultSpec, LONGEST_IN_BUDGET_US, type Range } from './family.ts'
import { type Itinerary, itineraryOfPlan, type PlanOutline, type Stop } from './itinerary.ts'
import type { Anchor, Fault, Schedule } from './schedule.ts'
import { CLIENTS_TARGET, OPERATOR_TARGET } from './targets.ts'
import { faultSpec } from './vocabulary.ts'

const MAX_OFFSET_US = 5 * MINUTE
const LN_2 = 0.6931471805599453
/** Figures are drawn in quarters of an octave: evenly over the orders of magnitude, and few enough to shrink fast. */
const PER_OCTAVE = 4
/** How far below its usual value a figure goes that may be 0. */
const OCTAVES_BELOW = 8

/** Concrete targets to draw from besides the roles, by kind (what the cluster lists). */
export type TargetsByKind = Partial<Readonly<Record<FaultKind, readonly string[]>>>

/**
 * Schedules of up to `maxFaults` faults; about one in sixteen is empty. Swarm: each sample first switches whole kinds off and keeps the faults of
 * the others, so samples without this or that kind are as common as mixtures. Filtering after drawing lets it shrink straight through.
 * @param way the way the runbook really takes, or only its plan
 * @param targets of each kind, those of this cluster
 */
export function scheduleArbitrary(space: DrawSpace, way: Itinerary | PlanOutline, targets: TargetsByKind = {}, maxFaults = 6): fc.Arbitrary<Schedule> {
  if (space.kinds.length === 0 || maxFaults < 1) return fc.constant([])
  // So many places, each of which may be empty: taking one fault out is one step of shrinking, wherever it stands. (An array that shrinks by its
  // length cannot take one out of the middle.)
  const place = fc.oneof({ withCrossShrink: true }, { weight: 1, arbitrary: fc.constant(undefined) }, { weight: 15, arbitrary: faultArbitrary(space, way, targets) })
  const places = fc.array(place, { minLength: maxFaults, maxLength: maxFaults, size: 'max' })
  // How many and which kinds are luck, not part of the story: they do not shrink.
  const count = fc.noShrink(fc.integer({ min: 1, max: maxFaults }))
  const on = fc.noShrink(fc.array(fc.boolean(), { minLength: space.kinds.length, maxLength: space.kinds.length }))
  return fc.record({ places, count, on }).map(({ places, count, on }) => {
    const faults = places.slice(0, count).filter(fault => fault !== undefined)
    const kept = faults.filter(fault => on[space.kinds.indexOf(fault.kind)] !== false)
    // All switched off would make half of all small samples empty: then nothing is.
    return kept.length > 0 ? kept : faults
  })
}

/** One fault of any allowed kind. */
export function faultArbitrary(space: DrawSpace, way: Itinerary | PlanOutline, targets: TargetsByKind = {}): fc.Arbitrary<Fault> {
  const itinerary = 'stops' in way ? way : itineraryOfPlan(way)
  return fc.oneof(...space.kinds.map(kind => oneKind(faultSpec(kind), space, itinerary, targets[kind] ?? [])))
}

function oneKind(spec: FaultSpec, space: DrawSpace, itinerary: Itinerary, concrete: readonly string[]): fc.Arbitrary<Fault> {
  const longest = Math.max(spec.durationUs.min, Math.min(spec.durationUs.max, space.maxDurationUs, spec.mayLast ? spec.durationUs.max : LONGEST_IN_BUDGET_US))
  return fc.record({
    kind: fc.constant(spec.kind),
    target: targetArbitrary(spec, concrete),
    at: placeArbitrary(itinerary, spec),
    durationUs: aroundUsual(spec.durationUs, longest, MILLISECOND),
    magnitude: spec.magnitude === undefined ? fc.constant(0) : aroundUsual(spec.magnitude, spec.magnitude.max, 1),
  })
}

/** From the least to `max`, in whole `unit`s, evenly over the orders of magnitude; shrinks towards what is usual. */
function aroundUsual({ min, usual }: Range, max: number, unit: number): fc.Arbitrary<number> {
  const middle = Math.max(min, Math.min(usual, max))
  const rounded = (value: number): number => Math.max(min, Math.min(max, Math.round(value / unit) * unit))
  if (middle <= 0) return fc.integer({ min: 0, max: Math.floor(max / unit) }).map(n => rounded(n * unit))
  const below = min > 0 ? stepsBetween(min, middle) : OCTAVES_BELOW * PER_OCTAVE
  const above = stepsBetween(middle, max)
  return fc.integer({ min: -below, max: above }).map(n => (n === 0 ? middle : n === -below ? min : n === above ? max : rounded(scaled(middle, n))))
}

/** How many quarter octaves lie between, rounded up. */
function stepsBetween(low: number, high: number): number {
  let steps = 0
  while (scaled(low, steps) < high) steps += 1
  return steps
}

function scaled(value: number, steps: number): number {
  return value * exp((steps * LN_2) / PER_OCTAVE)
}

function targetArbitrary(spec: FaultSpec, concrete: readonly string[]): fc.Arbitrary<string> {
  if (spec.family === 'operator') return fc.constant(OPERATOR_TARGET)
  if (spec.kind === 'load-spike') return fc.constant(CLIENTS_TARGET)
  const leader = spec.aimsAt === 'members' || spec.aimsAt === 'leader' ? [fc.constant('role:leader')] : []
  const followers = spec.aimsAt === 'members' || spec.aimsAt === 'followers' ? [fc.nat(2).map(i => `role:follower/${i}`)] : []
  // A name says more than a number; numbers are for clusters that nobody has asked.
  const others = concrete.length > 0 ? fc.constantFrom(...concrete) : fc.nat(11).map(i => `any/${i}`)
  // Across the alternatives too: the first is the plainest.
  return fc.oneof({ withCrossShrink: true }, ...leader, ...followers, others)
}

/** On the way forward as a rule, sometimes at a time, now and then on the way back; shrinks towards the way forward. */
function placeArbitrary({ stops, undo, durationUs }: Itinerary, spec: FaultSpec): fc.Arbitrary<Fault['at']> {
  const time = fc.nat(Math.ceil(durationUs / SECOND)).map(s => s * SECOND)
  if (stops.length === 0) return time
  const back = undo.length === 0 ? [] : [{ weight: 1, arbitrary: anchorArbitrary(undo, spec) }]
  return fc.oneof({ withCrossShrink: true }, { weight: 6, arbitrary: anchorArbitrary(stops, spec) }, { weight: 2, arbitrary: time }, ...back)
}

const PHASES: readonly { readonly phase: Anchor['phase']; readonly weight: number }[] = [
  { phase: 'start', weight: 2 },
  { phase: 'end', weight: 2 },
  { phase: 'await', weight: 6 },
]

function anchorArbitrary(stops: readonly Stop[], spec: FaultSpec): fc.Arbitrary<Anchor> {
  const phases = PHASES.filter(({ phase }) => spec.phases === undefined || spec.phases.includes(phase))
  const drawn = {
    // An early step is plainer than a late one.
    stop: fc.nat(stops.length - 1),
    phase: fc.oneof({ withCrossShrink: true }, ...phases.map(({ phase, weight }) => ({ weight, arbitrary: fc.constant(phase) }))),
    command: fc.nat(19),
    // Quarter octaves from 1 ms on; 0 is at once.
    offset: fc.nat(18 * PER_OCTAVE),
  }
  return fc.record(drawn).map(({ stop: nth, phase, command, offset }) => {
    const stop = stops[nth] as Stop
    const place = { step: stop.step, path: stop.path, visit: stop.visit }
    // What issues no command cannot be struck while it waits for one.
    if (phase !== 'await' || stop.commands === 0) return { ...place, phase: phase === 'await' ? 'start' : phase, command: 1, offsetUs: 0 }
    const longestUs = Math.min(MAX_OFFSET_US, stop.durationUs ?? MAX_OFFSET_US)
    const offsetUs = offset === 0 ? 0 : Math.min(longestUs, Math.round(scaled(1, offset - 1)) * MILLISECOND)
    return { ...place, phase, command: 1 + (command % stop.commands), offsetUs }
  })
}
