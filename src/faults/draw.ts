/**
 * Random schedules, fast: what a campaign draws for each run. Every choice is a draw named by what it is for, so a schedule depends on the
 * seed and the scenario alone, and a new kind in the vocabulary changes only the runs in which it is chosen.
 *
 * The luck is deliberately uneven (swarm testing): in each run about half the kinds are switched off and the rest weigh wildly different
 * amounts, because what breaks a runbook is rarely an average mixture.
 */
import type { FaultKind } from '../engine.ts'
import { type Chance, exp, ln, MILLISECOND, MINUTE, SECOND, type Us } from '../kernel/index.ts'
import { type FaultSpec, LONGEST_IN_BUDGET_US, type Range } from './family.ts'
import type { Itinerary, Stop } from './itinerary.ts'
import type { Anchor, Fault, Schedule } from './schedule.ts'
import { CLIENTS_TARGET, OPERATOR_TARGET } from './targets.ts'
import { faultSpec } from './vocabulary.ts'

/** From what schedules are drawn; {@link FaultSpace} of a scenario is one. */
export interface DrawSpace {
  readonly kinds: readonly FaultKind[]
  readonly maxDurationUs: Us
}

/** Shares of the choices below, by judgement: tuned so that nine of ten schedules strike and every phase is hit often. */
const SHARE_BY_TIME = 0.25
const SHARE_UNDO = 0.05
const SHARE_AWAIT = 0.6
const SHARE_START = 0.2
const SHARE_USUAL = 0.35
const FOLLOWERS = 3
const ANY = 12

/** Draws a schedule of 1…`maxFaults` faults; empty when `maxFaults` is 0 or no kind is allowed. The same `chance` gives the same schedule. */
export function drawSchedule(chance: Chance, space: DrawSpace, itinerary: Itinerary, maxFaults: number): Schedule {
  const kinds = weightedKinds(chance, space.kinds)
  if (maxFaults <= 0 || kinds.length === 0) return []
  const count = 1 + Math.floor(chance.draw('schedule', 'count', 0) * maxFaults)
  const faults: Fault[] = []
  for (let nth = 0; nth < count; nth++) faults.push(drawFault(chance, kinds, space, itinerary, nth))
  return faults
}

interface WeightedKind {
  readonly kind: FaultKind
  readonly weight: number
}

/** Switches about half the kinds off and weighs the rest 1, 4 or 16; at least one stays on. */
function weightedKinds(chance: Chance, kinds: readonly FaultKind[]): readonly WeightedKind[] {
  const on = kinds.filter(kind => chance.draw(kind, 'swarm', 0) < 0.5)
  const last = kinds[Math.floor(chance.draw('schedule', 'last', 0) * kinds.length)]
  const left = on.length > 0 || last === undefined ? on : [last]
  return left.map(kind => ({ kind, weight: [1, 4, 16][Math.floor(chance.draw(kind, 'weight', 0) * 3)] ?? 1 }))
}

function drawFault(chance: Chance, kinds: readonly WeightedKind[], space: DrawSpace, itinerary: Itinerary, nth: number): Fault {
  const spec = faultSpec(pickKind(chance, kinds, nth))
  const entity = `fault/${nth}`
  const draw = (purpose: string): number => chance.draw(entity, purpose, 0)
  return {
    kind: spec.kind,
    target: drawTarget(spec, draw),
    at: fitted(spec, drawAt(itinerary, nth, draw)),
    durationUs: drawDurationUs(spec, space.maxDurationUs, draw),
    magnitude: spec.magnitude === undefined ? 0 : Math.round(inRange(spec.magnitude, spec.magnitude.max, draw('usual strength'), draw('strength'))),
  }
}

/** The kind whose clock rings first: each kind has its own draw, so adding one does not reshuffle the others. */
function pickKind(chance: Chance, kinds: readonly WeightedKind[], nth: number): FaultKind {
  let best: FaultKind | undefined
  let earliest = Number.POSITIVE_INFINITY
  for (const { kind, weight } of kinds) {
    const rings = -ln(1 - chance.draw(kind, 'pick', nth)) / weight
    if (rings < earliest) {
      earliest = rings
      best = kind
    }
  }
  return best as FaultKind
}

function drawTarget(spec: FaultSpec, draw: (purpose: string) => number): string {
  if (spec.family === 'operator') return OPERATOR_TARGET
  if (spec.kind === 'load-spike') return CLIENTS_TARGET
  const any = `any/${Math.floor(draw('any') * ANY)}`
  const follower = `role:follower/${Math.floor(draw('follower') * FOLLOWERS)}`
  const who = draw('who')
  switch (spec.aimsAt) {
    case 'elsewhere':
      return any
    case 'leader':
      return 'role:leader'
    case 'followers':
      return who < 0.8 ? follower : any
    case 'members':
      return who < 0.4 ? 'role:leader' : who < 0.8 ? follower : any
  }
}

/** The first fault finds the runbook on its way forward; only a later one can meet an undo. */
function drawAt(itinerary: Itinerary, nth: number, draw: (purpose: string) => number): Us | Anchor {
  const stops = nth > 0 && itinerary.undo.length > 0 && draw('undo') < SHARE_UNDO ? itinerary.undo : itinerary.stops
  const stop = stops[Math.floor(draw('stop') * stops.length)]
  if (stop === undefined || draw('by time') < SHARE_BY_TIME) return wholeMs(draw('time') * itinerary.durationUs)
  return drawAnchor(stop, draw)
}

/** An anchor at a phase at which the kind can strike. */
function fitted({ phases }: FaultSpec, at: Us | Anchor): Us | Anchor {
  if (typeof at === 'number' || phases === undefined || phases.includes(at.phase)) return at
  return { ...at, phase: phases[0] ?? 'start', command: 1, offsetUs: 0 }
}

function drawAnchor(stop: Stop, draw: (purpose: string) => number): Anchor {
  const place = { step: stop.step, path: stop.path, visit: stop.visit }
  // What issues no command cannot be struck while it waits for one.
  const phase = stop.commands > 0 ? draw('phase') : SHARE_AWAIT + (1 - SHARE_AWAIT) * draw('phase')
  if (phase >= SHARE_AWAIT) return { ...place, phase: phase < SHARE_AWAIT + SHARE_START ? 'start' : 'end', command: 1, offsetUs: 0 }
  const command = draw('first command') < 0.5 ? 1 : 1 + Math.floor(draw('command') * stop.commands)
  return { ...place, phase: 'await', command, offsetUs: drawOffsetUs(stop, draw) }
}

/** From "at once" to as long as the step took, evenly over the orders of magnitude: races live at every scale. */
function drawOffsetUs(stop: Stop, draw: (purpose: string) => number): Us {
  if (draw('at once') < 0.2) return 0
  const longest = Math.max(10 * MILLISECOND, Math.min(stop.durationUs ?? 10 * SECOND, 5 * MINUTE))
  return Math.round(between(MILLISECOND, longest, draw('offset')))
}

function drawDurationUs(spec: FaultSpec, maxDurationUs: Us, draw: (purpose: string) => number): Us {
  const longest = Math.min(spec.durationUs.max, maxDurationUs, spec.mayLast ? spec.durationUs.max : LONGEST_IN_BUDGET_US)
  return wholeMs(inRange(spec.durationUs, longest, draw('usual duration'), draw('duration')))
}

/** The usual value in a third of the draws, else evenly over the orders of magnitude up to `longest`. */
function inRange(range: Range, longest: number, coin: number, u: number): number {
  const max = Math.max(range.min, Math.min(range.max, longest))
  if (coin < SHARE_USUAL) return Math.max(range.min, Math.min(range.usual, max))
  // A range over both signs: each in half of the draws.
  if (range.min < 0) return u < 0.5 ? -between(MILLISECOND, -range.min, 1 - 2 * u) : between(MILLISECOND, max, 2 * u - 1)
  if (range.min > 0) return between(range.min, max, u)
  return u < 0.25 ? 0 : between(Math.min(MILLISECOND, max), max, (u - 0.25) / 0.75)
}

/** A number between two, its logarithm uniform. */
function between(min: number, max: number, u: number): number {
  if (!(max > min) || min <= 0) return max
  return Math.min(max, exp(ln(min) + (ln(max) - ln(min)) * u))
}

function wholeMs(us: number): Us {
  return Math.round(us / MILLISECOND) * MILLISECOND
}
