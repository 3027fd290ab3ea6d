import type { Assumption, Engine, FaultKind } from '../engine.ts'
import type { Us } from '../kernel/index.ts'
import type { Plan } from '../operator/index.ts'

/** The load of the client programs, as the scenario declares it (defaults filled in). */
export interface Load {
  readonly writesPerSecond: number
  readonly readsPerSecond: number
  /** Open: arrivals do not wait for answers. Closed: each connection thinks, writes, waits. */
  readonly loop: 'open' | 'closed'
  /** Think time of a closed loop. */
  readonly thinkUs: Us
  /** Groups of clients that behave alike; each carries an equal share of the load. */
  readonly cohorts: number
  /** Database connections over all cohorts. */
  readonly connections: number
  /** Log bytes a write causes. */
  readonly bytesPerWrite: number
  /** The way in (an entrance of the engine); undefined = the engine's first. */
  readonly entrance: string | undefined
  /** A client gives up on an answer after this and treats the outcome as unknown. */
  readonly timeoutUs: Us
  /** An arrival that found no free connection waits at most this long. */
  readonly queueAgeLimitUs: Us
  /** Pause between connection attempts, and its jitter as a share. */
  readonly retryUs: Us
  /** How many times an operation is tried before the client program reports failure. */
  readonly attempts: number
  /** A pooled connection is closed and opened anew after this age; Infinity = never. */
  readonly connectionLifeUs: Us
  /** What a client does when it is told the server is read-only. */
  readonly onReadOnly: 'reconnect' | 'stay'
  /** Treat a commit that came back with a warning as unknown instead of acknowledged. */
  readonly warningsAreUnknown: boolean
  /** How long a client keeps a resolved address. */
  readonly dnsCacheUs: Us
}

export type Quantile = 'p50' | 'p95' | 'p99' | 'max' | 'mean'

/** `max`/`min` are in the measure's own unit. */
export interface Objective {
  readonly measure: string
  readonly at: Quantile
  readonly max: number | undefined
  readonly min: number | undefined
  /** `none`: judged only in rehearsals without a fault. */
  readonly faults: 'any' | 'none'
}

/** Which faults a campaign draws from, and what is in budget. */
export interface FaultSpace {
  readonly kinds: readonly FaultKind[]
  /** How many a run draws at most; 0 = fault-free unless `--faults` says otherwise. */
  readonly max: number
  /** Longest duration drawn. */
  readonly maxDurationUs: Us
  /** Members faults alone may take away; undefined = the engine's rule. */
  readonly budgetMembers: number | undefined
}

/** A scenario ready to be rehearsed: parsed, validated, compiled once. */
export interface Scenario {
  /** `postgres-ferris-wheel/as-documented`, or the file's path without extension. */
  readonly name: string
  readonly title: string
  readonly description: string
  /** A scenario that does the same job without the mistakes of this one, by name; reports point to it. */
  readonly correctedBy?: string
  /** Where it came from, for messages. */
  readonly file: string
  readonly engine: Engine
  /** Other engines on which it asks the same question (`onEngine:`). */
  readonly alsoOn: readonly string[]
  readonly options: unknown
  readonly load: Load
  /** Brings about the state that the runbook presupposes; not measured. */
  readonly start: Plan | undefined
  readonly runbook: Plan
  readonly faults: FaultSpace
  /** What the document promises, by measure: shown beside the measurement, never judged. */
  readonly claims: Readonly<Record<string, number>>
  readonly objectives: readonly Objective[]
  readonly deadlineUs: Us
  readonly assumptions: readonly Assumption[]
  /** Components whose target version nobody stated (engine.ts, `assumedTargets`). */
  readonly assumedTargets?: readonly string[]
  /** The scenario as plain data, with overrides applied: what a counterexample file carries so that it replays anywhere. */
  readonly source: ScenarioSource
}

/** A scenario as written, self-contained: `runbook` and `start` are inlined texts by file name. */
export interface ScenarioSource {
  /** The scenario's name, for results and messages. */
  readonly name: string
  readonly yaml: string
  readonly files: Readonly<Record<string, string>>
  readonly set: Readonly<Record<string, string>>
}
