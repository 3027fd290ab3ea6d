/** Every engine, every kind it lists: it finds something to strike, strikes it, ends, and leaves the cluster able to come to rest. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import type { FaultKind } from '../../src/engine.ts'
import { armSchedule, type Fault, FAULT_KINDS, faultSpec, type FaultRecord, targetsOf } from '../../src/faults/index.ts'
import { HOUR, SECOND, Simulation } from '../../src/kernel/index.ts'
import { Recorder, runUntilQuiet } from '../../src/measures/index.ts'
import { builtInScenarios, loadScenario } from '../../src/scenario/index.ts'
import type { Scenario } from '../../src/scenario/scenario.ts'
import { startWorkload, type Workload } from '../../src/workload/index.ts'

function usual(kind: FaultKind, target: string): Fault {
  const spec = faultSpec(kind)
  return { kind, target, at: 0, durationUs: spec.durationUs.usual, magnitude: spec.magnitude?.usual ?? 0 }
}

interface Trial {
  readonly record: FaultRecord | undefined
  readonly quiet: boolean
  readonly recordsAfterEnd: number
}

function surgeAll(workloads: readonly Workload[], factor: number): () => void {
  const ends = workloads.map(workload => workload.surge(factor))
  return () => ends.forEach(end => end())
}

/** Strikes `kind` once on a cluster under load, as long and as strong as usual, and lets it come to rest; undefined when there is nothing to strike. Without a kind: just lets it. */
function trial(scenario: Scenario, kind?: FaultKind): Trial | undefined {
  const sim = new Simulation({ seed: '1', record: true })
  const cluster = scenario.engine.build(sim, scenario.options)
  cluster.settle()
  const workloads = cluster.logs.map(log => startWorkload(sim, cluster, scenario.load, log))
  const recorder = new Recorder(sim, cluster, workloads)
  sim.run(sim.now + 15 * SECOND)
  recorder.begin()
  const target = kind === undefined ? undefined : targetsOf(cluster, kind)[0]
  if (kind !== undefined && target === undefined) return undefined
  const schedule = kind === undefined || target === undefined ? [] : [usual(kind, target)]
  const injector = armSchedule(sim, cluster, schedule, { budgetMembers: 9, kinds: FAULT_KINDS, deadlineUs: HOUR, clients: { surge: factor => surgeAll(workloads, factor) } })
  sim.run(sim.now + (schedule[0]?.durationUs ?? 0) + SECOND)
  const [record] = injector.records
  recorder.operatorEnded()
  injector.disarm()
  const quiet = runUntilQuiet(sim, recorder, 60 * SECOND, HOUR)
  for (const workload of workloads) workload.stop()
  return { record, quiet, recordsAfterEnd: (sim.records ?? []).filter(r => record !== undefined && r.atUs > record.atUs).length }
}

describe.each(engines.map(engine => [engine.name, engine] as const))('%s', (name, engine) => {
  // An emergency that begins broken does not come to rest without any fault either.
  const scenarios = builtInScenarios().map(file => loadScenario(file, engines)).filter(scenario => scenario.engine.name === name && trial(scenario)?.quiet === true)
  // Those are carried out by the injector itself, and tested with it.
  const kinds = engine.faultKinds.filter(kind => faultSpec(kind).family !== 'operator')

  test.each(kinds.map(kind => [kind]))('%s strikes something, ends, and the cluster comes to rest', kind => {
    let found: Trial | undefined
    for (const scenario of scenarios) {
      found = trial(scenario, kind)
      if (found !== undefined) break
    }
    expect(found, `no built-in scenario has anything for ${kind} to strike`).toBeDefined()
    expect(found?.record).toMatchObject({ struck: true, endUs: expect.any(Number) })
    if (faultSpec(kind).budget !== 'never') expect(found?.record?.members.length).toBeGreaterThan(0)
    expect(found?.recordsAfterEnd).toBeGreaterThan(0)
    expect(found?.quiet).toBe(true)
  })

  test('it lists no kind twice', () => {
    expect(new Set(engine.faultKinds).size).toBe(engine.faultKinds.length)
  })
})
