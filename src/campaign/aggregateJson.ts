/** The aggregate as plain JSON and back, keys in one order whatever order the runs came in. */
import type { Aggregate, SignatureRecord, StepAggregate } from './aggregate.ts'
import { noDeeds } from './deeds.ts'
import { sortedCells } from './cells.ts'
import { type Sketch, type SketchJson, sketchFromJson, sketchToJson } from './sketch.ts'

type JsonOf<T> = T extends Sketch ? SketchJson : T extends bigint ? string : T extends readonly unknown[] ? T : T extends object ? { readonly [K in keyof T]: JsonOf<T[K]> } : T

/** {@link Aggregate} with sums as digits and sketches as {@link SketchJson}. */
export type AggregateJson = { readonly [K in keyof Aggregate]: K extends 'signatures' ? Readonly<Record<string, SignatureRecord>> : JsonOf<Aggregate[K]> }

export function aggregateToJson(aggregate: Aggregate): AggregateJson {
  const { kinds, cells, combinations, steps, gates, undone, reasons, reasonExamples, deeds, signatures, beyond, measures, worst, outOfBudget } = aggregate
  return {
    ...aggregate,
    simulatedUs: String(aggregate.simulatedUs),
    eventsRun: String(aggregate.eventsRun),
    kinds: byKey(kinds),
    cells: sortedCells(cells),
    combinations: byKey(combinations),
    outOfBudget: { ...outOfBudget, violations: byKey(outOfBudget.violations) },
    measures: mapValues(measures, sketchToJson),
    worst: byKey(worst as Record<string, number>),
    steps: byKey(mapValues(steps, (step) => ({ ...step, writeDowntimeUs: sketchToJson(step.writeDowntimeUs) }))),
    gates: byKey(gates),
    undone: byKey(undone),
    reasons: byKey(reasons),
    reasonExamples: byKey(reasonExamples),
    deeds: { ...deeds, failed: byKey(deeds.failed), barren: byKey(deeds.barren) },
    signatures: byKey(signatures),
    beyond: { ...beyond, signatures: byKey(beyond.signatures) },
  }
}

/** @throws RangeError or SyntaxError when a sketch or a sum is damaged */
export function aggregateFromJson(json: AggregateJson): Aggregate {
  const plain = structuredClone(json) as unknown as Aggregate
  return {
    ...plain,
    // Kept since 0.1.0 had been written for a while: files from before do not have it.
    worst: plain.worst ?? {},
    deeds: plain.deeds ?? noDeeds(),
    simulatedUs: BigInt(json.simulatedUs),
    eventsRun: BigInt(json.eventsRun),
    measures: mapValues(json.measures as Record<string, SketchJson>, sketchFromJson) as Aggregate['measures'],
    steps: mapValues(json.steps as Record<string, { title: string; writeDowntimeUs: SketchJson }>, (step) => ({ ...step, writeDowntimeUs: sketchFromJson(step.writeDowntimeUs) }) as StepAggregate),
  }
}

function byKey<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  // Plain code-unit order: the same on every machine, whatever its locale.
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function mapValues<K extends string, A, B>(record: Readonly<Record<K, A>>, change: (value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value as A)])) as Record<K, B>
}
