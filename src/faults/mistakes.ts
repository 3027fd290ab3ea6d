/**
 * The operator's mistakes: what the faults that strike a person at work make of each step, command and reading. The operator asks (`Slips`);
 * a fault strikes when its visit gives it something to strike, and is missed with a reason when the visit is over without.
 */
import type { Cluster, FaultKind } from '../engine.ts'
import { formatDuration, SECOND, type Simulation } from '../kernel/index.ts'
import type { Rereading, Slips } from '../operator/index.ts'
import { isAnchor, type Whereabouts } from './anchors.ts'
import { type Mixup, mixupIn, namesOf, retyped } from './names.ts'
import type { Anchor, Fault, Schedule } from './schedule.ts'
import { aged, PastReadings, scout, type Scouting } from './stale.ts'
import { faultSpec } from './vocabulary.ts'

const MISTAKES = ['operator-skips', 'operator-repeats', 'operator-swaps', 'operator-wrong-target', 'operator-stale-reading'] as const
type Mistake = (typeof MISTAKES)[number]
type Path = Whereabouts['path']

/** Whether a kind is a mistake of the operator: made in its own doing, not struck from outside. */
export function isMistake(kind: FaultKind): boolean {
  return (MISTAKES as readonly string[]).includes(kind)
}

/** What it reports to. */
export interface MistakeRecords {
  /** @param step the step it is about, as {@link Whereabouts} names it (`undo of …` on the way back) */
  struck(nth: number, step: string, words: string): void
  missed(nth: number, why: string): void
}

const NOTHING_TO_STRIKE: Readonly<Partial<Record<FaultKind, string>>> = {
  'operator-wrong-target': 'no command of that visit names a member or node that has another beside it',
  'operator-stale-reading': 'that visit reads nothing',
}

export class Mistakes implements Slips {
  /** Faults by the visit that they are anchored to. */
  private readonly anchored = new Map<string, number[]>()
  /** Faults by time whose time has come. */
  private readonly armed = new Set<number>()
  private readonly over = new Set<number>()
  /** Reached in the visit under way, and nothing found yet. */
  private looking: number[] = []
  /** The visit (and its command) in which names are mixed up, and how. */
  private mixed: { readonly visit: string; readonly command: number | undefined; readonly mixup: Mixup } | undefined
  private readonly past = new Map<number, PastReadings>()

  constructor(
    private readonly sim: Simulation,
    private readonly cluster: Cluster,
    private readonly schedule: Schedule,
    private readonly records: MistakeRecords,
    private readonly scouting: Scouting | undefined,
  ) {
    schedule.forEach(({ kind, at }, nth) => {
      if (!isMistake(kind) || !isAnchor(at)) return
      const key = keyOf(at.step, at.path, at.visit)
      this.anchored.set(key, [...(this.anchored.get(key) ?? []), nth])
    })
    for (const scouted of scouting?.known ?? []) this.past.set(scouted.nth, new PastReadings(sim, cluster, scouted, this.fault(scouted.nth).magnitude * SECOND))
  }

  /** The time of a fault by time has come: it strikes at the next occasion. */
  arm(nth: number): void {
    this.armed.add(nth)
  }

  decide(step: string, path: Path, visit: number, next: string | undefined): 'skip' | 'swap' | undefined {
    for (const nth of this.due('operator-skips', step, path, visit)) {
      this.strike(nth, step, path, `passes over ${nameOf(step, path)}`)
      return 'skip'
    }
    for (const nth of this.due('operator-swaps', step, path, visit)) {
      if (next === undefined) {
        if (!this.armed.has(nth)) this.miss(nth, `no step comes after ${step} in its list`)
        continue
      }
      this.strike(nth, step, path, `does ${nameOf(next, path)} before ${nameOf(step, path)}`)
      return 'swap'
    }
    return undefined
  }

  again(step: string, path: Path, visit: number): boolean {
    const [nth] = this.due('operator-repeats', step, path, visit)
    if (nth !== undefined) this.strike(nth, step, path, `does ${nameOf(step, path)} once more`)
    return nth !== undefined
  }

  retype(argv: readonly string[], step: string, path: Path, visit: number, command: number): readonly string[] {
    const key = keyOf(step, path, visit)
    const { mixed } = this
    if (mixed?.visit === key && (mixed.command ?? command) === command) return retyped(argv, mixed.mixup)
    for (const nth of this.due('operator-wrong-target', step, path, visit)) {
      const { at, magnitude } = this.fault(nth)
      const only = isAnchor(at) && at.phase === 'await' ? at.command : undefined
      if ((only ?? command) !== command) continue
      const mixup = mixupIn(argv, namesOf(this.cluster), magnitude)
      if (mixup === undefined) continue
      this.strike(nth, step, path, `types ${mixup.typed} where ${mixup.meant} is meant`)
      this.mixed = { visit: key, command: only, mixup }
      return retyped(argv, mixup)
    }
    return argv
  }

  reread(step: string, path: Path, visit: number): Rereading | undefined {
    const [nth] = this.due('operator-stale-reading', step, path, visit)
    if (nth === undefined) return undefined
    return (call, look) => {
      const past = this.past.get(nth)
      if (past === undefined) {
        if (this.scouting !== undefined) scout(this.scouting.found, nth, this.sim.now, call)
        return look
      }
      const reading = past.read(call)
      if (reading === undefined) return look
      if (!this.over.has(nth)) this.strike(nth, step, path, `reads in ${nameOf(step, path)} what was so ${formatDuration(this.sim.now - reading.atUs)} ago`)
      return aged(look, reading, this.sim.now)
    }
  }

  /** A visit begins: the one before is over. */
  began({ step, path, visit }: Whereabouts): void {
    this.leave()
    for (const nth of this.anchored.get(keyOf(step, path, visit)) ?? []) {
      if (this.over.has(nth)) continue
      const { kind, at } = this.fault(nth)
      const { phase } = at as Anchor
      const { phases = [] } = faultSpec(kind)
      if (!phases.includes(phase)) this.miss(nth, `${kind} strikes at the ${phases.join(' or ')} of a step, not at its ${phase}`)
      else if (kind === 'operator-skips' || kind === 'operator-swaps') this.miss(nth, `${step} was only tried again`)
      else if (NOTHING_TO_STRIKE[kind] !== undefined) this.looking.push(nth)
    }
  }

  /** The visit under way is over. */
  leave(): void {
    for (const nth of this.looking) if (!this.over.has(nth)) this.miss(nth, NOTHING_TO_STRIKE[this.fault(nth).kind] ?? '')
    for (const [nth, past] of this.past) {
      if (!this.over.has(nth)) continue
      past.close()
      this.past.delete(nth)
    }
    this.looking = []
    this.mixed = undefined
  }

  /** The operator has ended. */
  close(): void {
    this.leave()
    for (const past of this.past.values()) past.close()
    this.past.clear()
  }

  /** The faults of a kind that may strike in this visit. */
  private due(kind: Mistake, step: string, path: Path, visit: number): number[] {
    const here = this.anchored.get(keyOf(step, path, visit)) ?? []
    const { phases = [] } = faultSpec(kind)
    return [...here, ...this.armed].filter(nth => {
      const fault = this.fault(nth)
      return fault.kind === kind && !this.over.has(nth) && (!isAnchor(fault.at) || phases.includes(fault.at.phase))
    })
  }

  private fault(nth: number): Fault {
    return this.schedule[nth] as Fault
  }

  private strike(nth: number, step: string, path: Path, words: string): void {
    this.over.add(nth)
    this.records.struck(nth, path === 'undo' ? `undo of ${step}` : step, words)
  }

  private miss(nth: number, why: string): void {
    this.over.add(nth)
    this.records.missed(nth, why)
  }
}

function keyOf(step: string, path: Path, visit: number): string {
  return `${path} ${step} ${visit}`
}

function nameOf(step: string, path: Path): string {
  return path === 'undo' ? `the undo of ${step}` : `step ${step}`
}
