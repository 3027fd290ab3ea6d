/** Makes a schedule simpler: fewer faults, and each at a simple place, of a simple target, short and weak. */
import { type Anchor, type Fault, faultSpec } from '../faults/index.ts'
import { SECOND } from '../kernel/index.ts'
import type { RehearsalResult } from '../result.ts'
import type { Form } from './form.ts'
import { leastHalf, leastPart } from './least.ts'
import type { Search } from './search.ts'

/** Below this a duration is not halved any more. */
const SHORTEST_US = SECOND

/** Takes out the faults that the failure does not need. */
export function dropFaults(search: Search): void {
  leastPart(search.best.schedule, (schedule) => search.keeps({ ...search.best, schedule }))
}

/** Makes each fault simpler. */
export function simplifyFaults(search: Search): void {
  for (let i = 0; i < search.best.schedule.length; i++) {
    const now = (): Fault => search.best.schedule[i] as Fault
    const takes = (change: Partial<Fault>): boolean => search.keeps(changed(search.best, i, change))
    simplifyPlace(now, takes, search.found, i)
    simplerTargets(now()).find((target) => takes({ target }))
    leastHalf(now().durationUs, SHORTEST_US, (durationUs) => takes({ durationUs }))
    const strength = faultSpec(now().kind).magnitude
    if (strength !== undefined) leastHalf(now().magnitude, strength.min, (magnitude) => takes({ magnitude }))
  }
}

function changed(form: Form, nth: number, change: Partial<Fault>): Form {
  return { ...form, schedule: form.schedule.map((fault, i) => (i === nth ? { ...fault, ...change } : fault)) }
}

/** Towards the start of a step; a time becomes a place in the step it falls into, so that it keeps its meaning when other steps go. */
function simplifyPlace(now: () => Fault, takes: (change: Partial<Fault>) => boolean, found: RehearsalResult, nth: number): void {
  const { at } = now()
  if (typeof at === 'number') placesFor(found, nth).find((place) => takes({ at: place }))
  const anchor = (): Anchor | undefined => (typeof now().at === 'number' ? undefined : (now().at as Anchor))
  const moves = (change: Partial<Anchor>): boolean => takes({ at: { ...(anchor() as Anchor), ...change } })
  const given = anchor()
  if (given === undefined) return
  if (given.visit > 1) moves({ visit: 1 })
  if (given.phase !== 'start') moves({ phase: 'start', command: 1, offsetUs: 0 })
  if (anchor()?.phase !== 'await') return
  leastHalf((anchor() as Anchor).command, 1, (command) => moves({ command }))
  leastHalf((anchor() as Anchor).offsetUs, 0, (offsetUs) => moves({ offsetUs }))
}

/** Places in the step under way when a fault struck: its start, the same distance into its first command, its end. */
function placesFor(found: RehearsalResult, nth: number): Anchor[] {
  const struck = found.faults.find((fault) => fault.nth === nth && fault.struck)
  if (struck === undefined) return []
  // Of those around it the last to start is the innermost.
  const around = found.steps.filter((step) => step.result !== 'skipped' && step.startUs <= struck.atUs && (step.endUs ?? Number.POSITIVE_INFINITY) >= struck.atUs)
  const inner = around.reduce<(typeof around)[number] | undefined>((a, b) => (a === undefined || b.startUs >= a.startUs ? b : a), undefined)
  if (inner === undefined) return []
  const { step, path, visit } = inner
  const start: Anchor = { step, path, visit, phase: 'start', command: 1, offsetUs: 0 }
  return [start, { ...start, phase: 'await', offsetUs: Math.max(0, struck.atUs - inner.startUs) }, { ...start, phase: 'end' }]
}

/** Simpler ways to say whom it strikes, the simplest first: a role says more than a number, and a small number more than a large one. */
function simplerTargets({ kind, target }: Fault): string[] {
  const numbered = /^(role:leader|role:follower|any)(?:\/(\d+))?$/.exec(target)
  if (numbered === null) return []
  const { aimsAt } = faultSpec(kind)
  const leader = aimsAt === 'members' || aimsAt === 'leader' ? ['role:leader'] : []
  const follower = aimsAt === 'members' || aimsAt === 'followers' ? ['role:follower/0'] : []
  const order = [...leader, ...follower, 'any/0']
  const place = order.indexOf(target)
  // Among ordinals of one word every smaller one is tried: there are as many as there are members.
  const lower = Array.from({ length: Math.min(9, Number(numbered[2] ?? 0)) }, (_, n) => `${numbered[1]}/${n}`)
  return [...new Set(place >= 0 ? order.slice(0, place) : [...order.filter((each) => simplerWord(each, target)), ...lower])]
}

const WORDS = ['role:leader', 'role:follower', 'any']

function simplerWord(a: string, b: string): boolean {
  const rank = (target: string): number => WORDS.indexOf(target.replace(/\/\d+$/, ''))
  return rank(a) <= rank(b)
}
