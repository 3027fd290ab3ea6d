/** Gathers what the checks may read, once, at the end of the horizon. */
import type { Facts, MemberAtEnd } from '../checks/facts.ts'
import { contains } from '../cluster/log/index.ts'
import type { Cluster } from '../engine.ts'
import type { FaultRecord } from '../faults/index.ts'
import type { Simulation } from '../kernel/index.ts'
import type { Recording } from '../measures/index.ts'
import type { OperatorRun } from '../operator/index.ts'
import type { GateRecord } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Workload } from '../workload/index.ts'

export interface Gathered {
  readonly sim: Simulation
  readonly scenario: Scenario
  readonly cluster: Cluster
  readonly workloads: readonly Workload[]
  readonly operator: OperatorRun
  readonly recording: Recording
  readonly gates: readonly GateRecord[]
  readonly faults: readonly FaultRecord[]
}

/** The facts of one rehearsal that has come to its end. @throws Error when the operator has no outcome (a defect) */
export function gatherFacts({ sim, scenario, cluster, workloads, operator, recording, gates, faults }: Gathered): Facts {
  if (operator.outcome === undefined) throw new Error('rehearsal: judged before the operator has an outcome')
  const { truth } = cluster
  return {
    outcome: operator.outcome,
    outcomeReason: operator.reason,
    recording,
    gates,
    promotions: truth.promotions,
    departures: truth.departures,
    faults,
    promise: truth.promise,
    expectedMembers: truth.expectedMembers,
    targetVersions: truth.targetVersions,
    members: membersAtEnd(cluster, workloads),
    couldAcknowledge: truth.couldAcknowledge(),
    fresh: workloads.map(workload => ({ log: workload.log.name, found: workload.probeFreshWrite() })),
    clients: workloads.flatMap(({ cohorts }) => cohorts.map(({ id, state, error, backend, writing }) => ({ id, state, error, backend, writing }))),
    objectives: scenario.objectives,
    deadlineUs: scenario.deadlineUs,
    trace: sim.records,
    registers: undefined,
    budget: cluster.budget,
  }
}

/** The members, each beside the authority of the log that its copy belongs to. */
function membersAtEnd(cluster: Cluster, workloads: readonly Workload[]): readonly MemberAtEnd[] {
  const authorities = workloads.map(({ log }) => ({ log, position: cluster.truth.authority(log).position }))
  return cluster.truth.members().map(({ copy, ...member }) => {
    const authority = copy === undefined ? undefined : authorities.find(({ log }) => log.copies.includes(copy))?.position
    const diverged = copy === undefined || authority === undefined ? undefined : !contains(authority, copy.position('receive')) && !contains(copy.position('receive'), authority)
    return { ...member, diverged }
  })
}
