/** Faults that a test suite writes as plain functions, composed from what the engine already knows. */
import type { Cluster, Engine, EngineKind, FaultKind, OwnFaults, OwnKind, Strike, StruckFault } from '../engine.ts'
import { CLIENTS_TARGET, defineKind, faultSpec, type FaultSpec, isOwnKind, OPERATOR_TARGET, type Range, resolveTarget } from '../faults/index.ts'
import { defineEvent, parseDurationUs, type Simulation, type Us } from '../kernel/index.ts'
import { parseCommandLines } from '../operator/index.ts'

/** From the least to the most, with the value that is usual: durations as people write them (`30s`), or plain numbers of the unit. */
export interface OwnRange<Value> {
  readonly min: Value
  readonly usual: Value
  readonly max: Value
}

/** A fault as plain data and one function. */
export interface OwnFault {
  /** Its word in schedules and stories: `x-` and lower-case words. */
  readonly kind: OwnKind
  /** One line: what happens in the world. */
  readonly doc: string
  /** How long it lasts; one duration means always that long. At most 15 minutes are in budget. */
  readonly duration: string | OwnRange<string>
  /** How strong it is, in a unit of its own; without it the function gets 0. */
  readonly magnitude?: OwnRange<number> & { readonly unit: string }
  /** It strikes what this kind of the engine strikes: the same targets, drawn in the same way. Without it there is one target, `cluster`. */
  readonly like?: EngineKind
  /** What happens, at this instant: strikes of the engine's own kinds, and commands. Without either it found nothing to strike. */
  strike(hands: Hands, fault: StruckFault<OwnKind>): void
}

/** What a fault of one's own acts with. */
export interface Hands {
  /** The cluster as it truly is, to look at. */
  readonly cluster: Cluster
  /**
   * Strikes with one of the engine's kinds; it ends when this fault ends. Members that it takes away count against the budget.
   * @param target one of the engine's, or a role: `role:leader`, `role:follower/1`
   * @returns whether there was something to strike
   */
  strike(kind: EngineKind, target: string, how?: { readonly magnitude?: number }): boolean
  /** Issues one command line, as somebody else at another desk would. @param members those that it takes away, for the budget */
  run(line: string, members?: readonly string[]): void
}

const COMMAND = defineEvent('fault.command')

/** Checks a fault and makes its kind known. @throws Error that says what is wrong with it */
export function fault(given: OwnFault): OwnFault {
  defineKind(specOf(given))
  return given
}

/**
 * Engines that can also be struck by faults of one's own. Worker threads take functions from no one, so for `jobs` export the result from a module:
 * `export const engines = withFaults(builtIn, [rackLosesPower])`.
 */
export function withFaults(engines: readonly Engine[], faults: readonly OwnFault[]): readonly Engine[] {
  if (faults.length === 0) return engines
  const kinds = faults.map(each => fault(each).kind)
  const twice = kinds.find((kind, i) => kinds.indexOf(kind) !== i)
  if (twice !== undefined) throw new Error(`${twice}: two faults have this name`)
  return engines.map(engine => ({
    ...engine,
    faultKinds: [...engine.faultKinds, ...kinds],
    build(sim, options) {
      const cluster = engine.build(sim, options)
      cluster.own = ownFaults(sim, cluster, faults)
      return cluster
    },
  }))
}

function specOf({ kind, doc, duration, magnitude, like }: OwnFault): FaultSpec & { readonly kind: OwnKind } {
  const source = 'the test suite'
  const durationUs = rangeUs(kind, duration, source)
  const model = like === undefined ? undefined : faultSpec(like)
  const target = model === undefined || model.aimsAt === 'elsewhere' ? 'any/0' : model.aimsAt === 'followers' ? 'role:follower/0' : 'role:leader'
  return {
    kind,
    family: 'own',
    doc,
    strikes: model?.strikes ?? 'the cluster',
    aimsAt: model?.aimsAt ?? 'elsewhere',
    durationUs,
    magnitude: magnitude === undefined ? undefined : { ...ordered(kind, 'magnitude', magnitude), unit: magnitude.unit, source },
    budget: 'takes-away',
    mayLast: false,
    example: { kind, target, at: 0, durationUs: durationUs.usual, magnitude: magnitude?.usual ?? 0 },
  }
}

function rangeUs(kind: string, duration: OwnFault['duration'], source: string): Range {
  const { min, usual, max } = typeof duration === 'string' ? { min: duration, usual: duration, max: duration } : duration
  const us = (text: string): Us => {
    const found = parseDurationUs(text)
    if (found === undefined) throw new Error(`${kind}: \`${text}\` is no duration; write 500ms, 30s, 5m`)
    return found
  }
  return { ...ordered(kind, 'duration', { min: us(min), usual: us(usual), max: us(max) }), source }
}

function ordered(kind: string, what: string, { min, usual, max }: OwnRange<number>): OwnRange<number> {
  if (!(min >= 0 && min <= usual && usual <= max)) throw new Error(`${kind}: ${what}: min ≤ usual ≤ max must hold, and none may be negative`)
  return { min, usual, max }
}

/** What an engine's cluster needs to be struck by them. */
function ownFaults(sim: Simulation, cluster: Cluster, faults: readonly OwnFault[]): OwnFaults {
  const byKind = new Map(faults.map(each => [each.kind, each]))
  return {
    targets(kind) {
      const own = byKind.get(kind)
      if (own === undefined) return []
      return own.like === undefined ? ['cluster'] : cluster.targets(own.like)
    },
    strike(struck) {
      const done = new Doing(sim, cluster, struck)
      byKind.get(struck.kind)?.strike(done, struck)
      return done
    },
  }
}

/** What one fault of one's own has done so far. */
class Doing implements Hands, Strike {
  private readonly strikes: Strike[] = []
  private readonly taken = new Set<string>()
  private acts = 0

  constructor(
    private readonly sim: Simulation,
    readonly cluster: Cluster,
    private readonly struckBy: StruckFault<OwnKind>,
  ) {}

  get struck(): boolean {
    return this.acts > 0
  }

  get members(): readonly string[] {
    return [...this.taken]
  }

  strike(kind: EngineKind, target: string, { magnitude }: { readonly magnitude?: number } = {}): boolean {
    this.refuse(kind)
    const resolved = resolveTarget(this.cluster, kind, target)
    if (resolved === undefined) return false
    // A draw of its own for each: two strikes of one fault must not share their luck.
    const nth = (this.struckBy.nth + 1) * 1_000 + this.strikes.length
    const strike = this.cluster.strike({ kind, target: resolved, durationUs: this.struckBy.durationUs, magnitude: magnitude ?? faultSpec(kind).magnitude?.usual ?? 0, nth })
    if (!strike.struck) return false
    this.acts += 1
    this.strikes.push(strike)
    for (const member of strike.members) this.taken.add(member)
    return true
  }

  run(line: string, members: readonly string[] = []): void {
    const argv = argvOf(this.struckBy.kind, line)
    this.sim.note(COMMAND, this.struckBy.target, this.struckBy.nth, line)
    this.sim.spawn(this.cluster.commands.run({ argv, stdin: '', key: `${this.struckBy.kind}/${this.struckBy.nth}`, nth: this.acts }))
    this.acts += 1
    for (const member of members) this.taken.add(member)
  }

  end(): void {
    for (const strike of this.strikes.slice().reverse()) strike.end()
  }

  /** The injector alone has the operator and the clients in its hands. */
  private refuse(kind: FaultKind): void {
    if (isOwnKind(kind)) throw new Error(`${this.struckBy.kind}: it cannot strike with ${kind}, which is of your own too: call its function`)
    const target = faultSpec(kind).family === 'operator' ? OPERATOR_TARGET : kind === 'load-spike' ? CLIENTS_TARGET : undefined
    if (target !== undefined) throw new Error(`${this.struckBy.kind}: it cannot strike with ${kind}, which is about the ${target} and not the cluster: put that into the schedule beside it`)
  }
}

function argvOf(kind: string, text: string): readonly string[] {
  const [line, ...more] = parseCommandLines(text)
  const stage = line?.stages[0]
  if (line === undefined || more.length > 0 || line.stages.length > 1 || stage?.constant === undefined) {
    throw new Error(`${kind}: \`${text}\` is not one plain command line: no pipes, no \${variables}, one program`)
  }
  return stage.constant
}
