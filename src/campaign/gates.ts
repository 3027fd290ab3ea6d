/**
 * What each gate of a runbook, or guard of a script, was good for. A gate that stopped a run is put to the test: the same run, on the same luck, with that gate waved
 * through (it looks once and passes). If the run then violates what it did not violate before, the gate caught something; if it completes, that
 * was a false alarm; else something else stopped the run anyway.
 */
import type { Plan } from '../operator/index.ts'
import type { GateRecord, RehearsalResult } from '../result.ts'

/** Counts of one gate over runs in budget. Integers: merging adds them. */
export interface GateAggregate {
  /** Visits that ended either way. */
  passed: number
  failed: number
  /** Visits in which a poll said no: the gate held the runbook up, or stopped it. */
  mattered: number
  /** Decided on empty, non-numeric or failed output; on an output that showed an older state than that of its instant. */
  missing: number
  stale: number
  /** Passed all the same, without data. */
  blind: number
  /** Passed with `claims` that could be held against the truth; and how many of those were false. */
  scored: number
  dishonest: number
  /** Runs whose way it changed (rollback, abort, goto), and how many of them were put to the test. */
  stopped: number
  judged: number
  /** Of those judged: without the gate the run violates more; without it the run completes; neither. */
  caught: number
  falseAlarms: number
  stoppedAnyway: number
}

/** Every stop is judged in the first so many runs, and in one of so many after them: by run number, so that shards and threads agree. */
const ALL_JUDGED_BELOW = 500
const THEN_ONE_IN = 20

export function newGate(): GateAggregate {
  return { passed: 0, failed: 0, mattered: 0, missing: 0, stale: 0, blind: 0, scored: 0, dishonest: 0, stopped: 0, judged: 0, caught: 0, falseAlarms: 0, stoppedAnyway: 0 }
}

/** By which its counts are kept. */
export function gateName({ step, path }: Pick<GateRecord, 'step' | 'path'>): string {
  return path === 'undo' ? `undo of ${step}` : step
}

/** Counts one visit. */
export function countVisit(into: GateAggregate, gate: GateRecord): void {
  into[gate.passed ? 'passed' : 'failed'] += 1
  if (gate.waited) into.mattered += 1
  if (gate.missing) into.missing += 1
  if (gate.stale) into.stale += 1
  if (gate.passed && gate.missing) into.blind += 1
  if (gate.passed && gate.honest !== undefined) into.scored += 1
  if (gate.passed && gate.honest === false) into.dishonest += 1
}

/** A visit of a gate. */
export interface GateVisit {
  readonly step: string
  readonly visit: number
}

/** Where gates changed the way of a run: of each gate the first visit that failed, was not tried again and was not to be ignored. */
export function stopsOf(plan: Plan, gates: readonly GateRecord[]): readonly GateVisit[] {
  const stops = new Map<string, GateVisit>()
  const triesLeft = new Map<string, number>()
  for (const { step, path, visit, passed, stopped } of gates) {
    if (path !== 'forward' || stops.has(step)) continue
    // A guard of a script says itself whether it ended it.
    if (plan.script !== undefined) {
      if (stopped === true) stops.set(step, { step, visit })
      continue
    }
    if (passed) {
      triesLeft.delete(step)
      continue
    }
    const planned = plan.steps[plan.byId.get(step) ?? -1]
    if (planned === undefined || planned.otherwise.is === 'continue') continue
    const left = triesLeft.get(step) ?? planned.retry?.times ?? 0
    if (left > 0) triesLeft.set(step, left - 1)
    else stops.set(step, { step, visit })
  }
  return [...stops.values()]
}

/** What a gate had done, seen from the run without it. */
export type Judgement = 'caught' | 'falseAlarms' | 'stoppedAnyway'

/** Undefined when the run without the gate is out of budget and says nothing. */
export function compare(before: RehearsalResult, without: RehearsalResult): Judgement | undefined {
  if (!without.inBudget) return undefined
  if (violatesMore(before, without) !== undefined) return 'caught'
  return without.outcome === 'completed' ? 'falseAlarms' : 'stoppedAnyway'
}

/** The first check that fails now and did not before. */
export function violatesMore(before: RehearsalResult, after: RehearsalResult): string | undefined {
  const failedBefore = new Set(before.verdicts.filter((verdict) => verdict.status === 'fail').map((verdict) => verdict.check))
  return after.verdicts.find((verdict) => verdict.status === 'fail' && !failedBefore.has(verdict.check))?.check
}

/** Adds what the gates of one run did, rehearsing again where they stopped it. */
export function judgeStops(into: Record<string, GateAggregate>, plan: Plan, run: number, result: RehearsalResult, waved: (visit: GateVisit) => RehearsalResult): void {
  if (!result.inBudget) return
  for (const visit of stopsOf(plan, result.gates)) {
    const counts = (into[visit.step] ??= newGate())
    counts.stopped += 1
    if (run >= ALL_JUDGED_BELOW && run % THEN_ONE_IN !== 0) continue
    const judgement = compare(result, waved(visit))
    if (judgement === undefined) continue
    counts.judged += 1
    counts[judgement] += 1
  }
}

/** Whether a name is that of a guard of a script (`L12 (||)`), not of a gate of steps. */
export const isGuard = (name: string): boolean => / \((?:\|\||&&|if|case|while|until|for|set -e)\)$/.test(name)

/** Whether a guard is `set -e`: it is met only where it ends the script, so that nobody counts how often all was well. */
export const isStrictMode = (name: string): boolean => name.endsWith(' (set -e)')

/** Where a guard stands: which script, and which line of it. */
function placeOf(guard: string, plan: Plan): readonly [file: number, line: number] {
  const [, file, line = ''] = /^(?:L|(.*):)(\d+) /.exec(guard) ?? []
  const files = plan.script?.scripts.map((script) => script.file.replace(/^.*\//, '')) ?? []
  return [file === undefined ? 0 : files.indexOf(file), Number(line)]
}

/** The line that a guard is named after, as it is written; empty where it stands in another file. */
export function lineOf(guard: string, plan: Plan): string {
  const [file, line] = placeOf(guard, plan)
  return plan.script?.scripts[file]?.text.split('\n')[line - 1]?.trim() ?? ''
}

/** Guards of a script in the order of its lines. */
export function inScript(guards: readonly string[], plan: Plan): string[] {
  return guards.toSorted((a, b) => {
    const [[fileA, lineA], [fileB, lineB]] = [placeOf(a, plan), placeOf(b, plan)]
    return fileA - fileB || lineA - lineB || (a < b ? -1 : 1)
  })
}
