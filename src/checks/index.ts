/** Properties judged on the recorded facts of one rehearsal. One property a file; see README.md. */
import { forkPoint, type Position } from '../cluster/log/index.ts'
import { type Authority, type Cluster, type Member, PLAIN_HISTORY } from '../engine.ts'
import type { TraceRecord, Us } from '../kernel/index.ts'
import type { FaultRecord, Recording } from '../measures/index.ts'
import type { CheckId, GateRecord, Outcome, Verdict } from '../result.ts'
import type { Objective } from '../scenario/scenario.ts'
import type { RegisterHistory, Workload } from '../workload/index.ts'
import { converges } from './converges.ts'
import type { Check, Facts, MemberAtEnd } from './facts.ts'
import { noFalseSuccess } from './falseSuccess.ts'
import { gatesHonest } from './gates.ts'
import { linearizable } from './linearizable.ts'
import { noAcknowledgedWriteLost } from './lost.ts'
import { objectivesMet } from './objectives.ts'
import { rollbackSafe } from './rollbackSafe.ts'
import { noDivergentRows } from './rows.ts'
import { servesAtEnd } from './serves.ts'
import { noForbiddenSkew } from './skew.ts'
import { noSplitBrain } from './splitBrain.ts'
import { targetReached } from './target.ts'
import { terminates } from './terminates.ts'

export { stepAt } from './chain.ts'
export type { Check, ClientAtEnd, Facts, MemberAtEnd } from './facts.ts'
export { causeOf } from './lost.ts'
export { judgeRegister, type RegisterHistory, type RegisterOperation, type RegisterVerdict } from './register.ts'

/** In the order of judging; `no-false-success` judges the verdicts before it. */
export const ALL_CHECKS: readonly Check[] = [
  noAcknowledgedWriteLost,
  noSplitBrain,
  noForbiddenSkew,
  servesAtEnd,
  targetReached,
  converges,
  linearizable,
  noDivergentRows,
  noFalseSuccess,
  rollbackSafe,
  terminates,
  gatesHonest,
  objectivesMet,
]

/** The verdict of every check, in the order of {@link ALL_CHECKS}. A pure function of the facts. */
export function judge(facts: Facts): readonly Verdict[] {
  const verdicts: Verdict[] = []
  for (const check of ALL_CHECKS) verdicts.push(check.judge(facts, verdicts))
  return verdicts
}

/** What the rehearsal knows beside the cluster and the recording. */
export interface Circumstances {
  readonly outcome: Outcome
  readonly outcomeReason: string
  readonly gates: readonly GateRecord[]
  readonly faults: readonly FaultRecord[]
  readonly objectives: readonly Objective[]
  readonly deadlineUs: Us
  readonly assumedTargets?: readonly string[] | undefined
  readonly pointOfNoReturn?: string | undefined
  readonly trace?: readonly TraceRecord[] | undefined
}

/** Takes down what the checks may read, at the end of the horizon. Reads the truth once; nothing in the result is live. */
export function gatherFacts(cluster: Cluster, workloads: readonly Workload[], recording: Recording, circumstances: Circumstances): Facts {
  const { truth } = cluster
  const authorities = new Map(cluster.logs.map(log => [log, historiesOf(truth.authority(log))]))
  return {
    history: truth.history ?? PLAIN_HISTORY,
    outcome: circumstances.outcome,
    outcomeReason: circumstances.outcomeReason,
    recording,
    gates: circumstances.gates,
    promotions: truth.promotions,
    departures: truth.departures,
    faults: circumstances.faults,
    promise: truth.promise,
    expectedMembers: truth.expectedMembers,
    targetVersions: truth.targetVersions,
    versionsAround: truth.versionsAround?.() ?? {},
    assumedTargets: circumstances.assumedTargets ?? [],
    members: recording.membersAtEnd.map(member => ({ ...atEnd(member, member.copy === undefined ? undefined : authorities.get(member.copy.log)), trouble: truth.troubleOf?.(member.name) })),
    couldAcknowledge: truth.couldAcknowledge(),
    acknowledgeAlone: truth.acknowledgeAlone?.() ?? [],
    fresh: workloads.map(workload => ({ log: workload.log.name, found: workload.probeFreshWrite() })),
    clients: workloads.flatMap(({ cohorts }) => cohorts.map(({ id, state, error, backend, writing }) => ({ id, state, error, backend, writing }))),
    objectives: circumstances.objectives,
    deadlineUs: circumstances.deadlineUs,
    pointOfNoReturn: circumstances.pointOfNoReturn,
    trace: circumstances.trace,
    registers: registersOf(workloads),
    budget: cluster.budget,
  }
}

function registersOf(workloads: readonly Workload[]): readonly RegisterHistory[] | undefined {
  const all = workloads.map(workload => workload.registers())
  return all.every(registers => registers === undefined) ? undefined : all.flatMap(registers => registers ?? [])
}

/** The history that counts, and those merged into it; undefined without an authority. */
function historiesOf({ position, merged = [] }: Authority): readonly Position[] | undefined {
  return position === undefined ? undefined : [position, ...merged]
}

function atEnd({ copy, ...rest }: Member, histories: readonly Position[] | undefined): MemberAtEnd {
  const member = { ...rest, log: copy?.log.name }
  if (copy === undefined || histories === undefined) return { ...member, diverged: undefined }
  const here = copy.position('flush')
  // Ahead on the same branch is not another history: it is what the authority's copy has not flushed yet.
  return { ...member, diverged: histories.every(history => here.branch !== history.branch && forkPoint(history, here).lsn < here.lsn) }
}

/** The checks that there are, for lists. */
export const CHECK_IDS: readonly CheckId[] = ALL_CHECKS.map(check => check.id)
