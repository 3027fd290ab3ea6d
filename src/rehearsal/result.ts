/** From what was recorded to the result: plain data, with every instant counted from the runbook's first step. */
import { type Cluster, PLAIN_HISTORY } from '../engine.ts'
import { type FaultRecord, type Injector, faultSpec } from '../faults/index.ts'
import type { Simulation, Us } from '../kernel/index.ts'
import type { Recording } from '../measures/index.ts'
import type { OperatorRun } from '../operator/index.ts'
import type { Deeds, RehearsalResult, StoryLoss, StoryWindow, Verdict } from '../result.ts'
import type { Chronicle } from './chronicle.ts'
import type { Scribe } from './scribe.ts'

export interface Finished {
  readonly sim: Simulation
  readonly cluster: Cluster
  readonly operator: OperatorRun
  readonly injector: Injector
  readonly recording: Recording
  readonly scribe: Scribe
  readonly deeds: Deeds | undefined
  /** Only of a recorded run. */
  readonly chronicle: Chronicle | undefined
  readonly verdicts: readonly Verdict[]
}

/** Puts the result together. @throws Error when the operator has no outcome (a defect) */
export function resultOf({ sim, cluster, operator, injector, recording, scribe, deeds, chronicle, verdicts }: Finished): RehearsalResult {
  if (operator.outcome === undefined) throw new Error('rehearsal: a result before the operator has an outcome')
  const zeroUs = recording.horizon.startUs
  return {
    outcome: operator.outcome,
    outcomeReason: operator.reason,
    hash: sim.traceHash(),
    schedule: injector.schedule,
    struck: injector.struck,
    faults: faultsOf(injector, scribe.isScript, recording.horizon.operatorEndUs).map(({ nth, kind, target, atUs, endUs, struck, why, step, words, situation }) => ({
      nth, kind, target, atUs: atUs - zeroUs, endUs: endUs === undefined ? undefined : endUs - zeroUs, struck, why, step, words, situation,
    })),
    inBudget: injector.budget.inBudget,
    measures: recording.measures,
    verdicts: verdicts.map(verdict => (verdict.because === undefined ? verdict : { ...verdict, because: since(zeroUs, verdict.because) })),
    steps: recording.steps.map(step => ({ ...step, startUs: step.startUs - zeroUs, endUs: step.endUs === undefined ? undefined : step.endUs - zeroUs })),
    gates: scribe.gates,
    undone: scribe.undone(operator.journal),
    ...(deeds === undefined ? {} : { deeds }),
    simulatedUs: recording.horizon.endUs - zeroUs,
    eventsRun: sim.eventsRun,
    ...(sim.records === undefined ? {} : { story: storyOf(sim, { cluster, injector, recording, scribe, chronicle }, zeroUs) }),
  }
}

function storyOf(sim: Simulation, { cluster, injector, recording, scribe, chronicle }: Pick<Finished, 'cluster' | 'injector' | 'recording' | 'scribe' | 'chronicle'>, zeroUs: Us): NonNullable<RehearsalResult['story']> {
  return {
    line: (cluster.truth.history ?? PLAIN_HISTORY).line,
    targets: cluster.truth.targetVersions,
    trace: since(zeroUs, (sim.records ?? []).filter(record => record.atUs >= zeroUs)),
    members: since(zeroUs, recording.changes),
    clients: since(zeroUs, recording.clients),
    logs: recording.logs,
    commands: since(zeroUs, scribe.commands),
    lines: since(zeroUs, scribe.lines).map(line => ({ ...line, endUs: line.endUs - zeroUs })),
    faults: faultsOf(injector, scribe.isScript, recording.horizon.operatorEndUs).map(({ atUs, endUs, kind, target, struck, why, words, members }) => ({
      atUs: atUs - zeroUs,
      endUs: endUs === undefined ? undefined : endUs - zeroUs,
      kind,
      target,
      struck,
      why,
      words,
      members,
    })),
    acknowledgers: since(zeroUs, chronicle?.acknowledgers ?? []),
    lag: since(zeroUs, chronicle?.lag ?? []),
    windows: windowsOf(recording, zeroUs),
    losses: lossesOf(recording, zeroUs),
  }
}

function windowsOf({ writeOutages, readOutages, splits, mixed, skews, exposed }: Recording, zeroUs: Us): StoryWindow[] {
  const story = <W extends { readonly fromUs: Us; readonly toUs: Us; readonly open: boolean }>(is: StoryWindow['is'], windows: readonly W[], who: (window: W) => string): StoryWindow[] =>
    windows.map(window => ({ is, fromUs: window.fromUs - zeroUs, toUs: window.toUs - zeroUs, open: window.open, who: who(window) }))
  return [
    ...story('writesDown', writeOutages, ({ cohort }) => cohort),
    ...story('readsDown', readOutages, ({ cohort }) => cohort),
    ...story('split', splits, ({ members }) => members.join(', ')),
    ...story('mixed', mixed, ({ component }) => component),
    ...story('skew', skews, ({ what }) => what.join('; ')),
    ...story('exposed', exposed, () => ''),
  ]
}

function lossesOf({ losses }: Recording, zeroUs: Us): StoryLoss[] {
  return losses.map(({ writes, inherent, fate, holders, leader, interval }) => ({
    writes, inherent, fate, holders, leader, fromUs: interval.ackFromUs - zeroUs, toUs: interval.ackToUs - zeroUs, timeline: interval.branch.timeline,
  }))
}

/** All faults of the schedule: those fired, then those whose time or anchor never came, or that no operator of a script can make. */
function faultsOf(injector: Injector, isScript: boolean, endUs: Us): readonly FaultRecord[] {
  const fired = new Set(injector.records.map(record => record.nth))
  const never = injector.schedule.flatMap((fault, nth): FaultRecord[] =>
    fired.has(nth) ? [] : [{ nth, kind: fault.kind, target: fault.target, atUs: endUs, endUs, struck: false, why: 'never reached', members: [], step: '-', words: '', situation: '' }],
  )
  const all = [...injector.records, ...never]
  return isScript ? all.map((record) => (faultSpec(record.kind).ofSteps === true ? { ...record, why: 'does not apply to a script' } : record)) : all
}

function since<T extends { readonly atUs: Us }>(zeroUs: Us, events: readonly T[]): readonly T[] {
  return events.map(event => ({ ...event, atUs: event.atUs - zeroUs }))
}
