/** A rehearsal by hand: a script of steps on the toy, with clients, the recorder and the judging around it. For tests of measures and checks. */
import type { ReplicatedLog } from '../../src/cluster/log/index.ts'
import { type Facts, gatherFacts, judge } from '../../src/checks/index.ts'
import { MINUTE, SECOND, Simulation, type Us } from '../../src/kernel/index.ts'
import { type FaultRecord, Recorder, type Recording, runUntilQuiet } from '../../src/measures/index.ts'
import type { GateRecord, Outcome, StepRecord, Verdict } from '../../src/result.ts'
import type { Load, Objective } from '../../src/scenario/scenario.ts'
import { startWorkload, type Workload } from '../../src/workload/index.ts'
import { type ToyCluster, toyCluster } from './engine.ts'
import type { ToyOptions, ToyWorld } from './world.ts'

export const toyLoad: Load = {
  writesPerSecond: 1000,
  readsPerSecond: 100,
  loop: 'open',
  thinkUs: 0,
  cohorts: 2,
  connections: 10,
  bytesPerWrite: 200,
  entrance: undefined,
  timeoutUs: 5 * SECOND,
  queueAgeLimitUs: 3 * SECOND,
  retryUs: 200_000,
  attempts: 3,
  connectionLifeUs: Number.POSITIVE_INFINITY,
  onReadOnly: 'reconnect',
  warningsAreUnknown: false,
  dnsCacheUs: 0,
}

/** What a script does its acts with. */
export interface Stage {
  readonly sim: Simulation
  readonly cluster: ToyCluster
  readonly world: ToyWorld
  readonly log: ReplicatedLog
  readonly workload: Workload
  /** Lets time pass. */
  wait(us: Us): void
  /** One runbook step: `act` runs as it starts, then it lasts `us`. */
  step(id: string, act: (world: ToyWorld) => void, us?: Us): void
  /** A fault, as the injector would record it; lasts until the returned function is called. */
  fault(kind: Parameters<ToyCluster['strike']>[0]['kind'], target: string): () => void
}

export interface StoryOptions {
  readonly toy?: Partial<ToyOptions>
  readonly load?: Partial<Load>
  readonly seed?: string
  readonly outcome?: Outcome
  readonly gates?: readonly GateRecord[]
  readonly objectives?: readonly Objective[]
  readonly facts?: Partial<Facts>
  readonly settle?: boolean
}

export interface Told {
  readonly facts: Facts
  readonly recording: Recording
  readonly verdicts: readonly Verdict[]
  readonly stage: Stage
  verdict(check: Verdict['check']): Verdict
}

/** Tells a story: 10 s of load, then the script, then the settling, then the judging. */
export function tell(script: (stage: Stage) => void, options: StoryOptions = {}): Told {
  const sim = new Simulation({ seed: options.seed ?? 'story', record: true })
  const cluster = toyCluster(sim, options.toy)
  cluster.settle()
  const load = { ...toyLoad, ...options.load }
  const log = cluster.logs[0] as ReplicatedLog
  const workload = startWorkload(sim, cluster, load, log)
  const recorder = new Recorder(sim, cluster, [workload])
  sim.run(sim.now + 10 * SECOND)
  recorder.begin()
  const steps: StepRecord[] = []
  const faults: { -readonly [K in keyof FaultRecord]: FaultRecord[K] }[] = []
  const wait = (us: Us): void => sim.run(sim.now + us)
  const stage: Stage = {
    sim,
    cluster,
    world: cluster.world,
    log,
    workload,
    wait,
    step(id, act, us = SECOND) {
      const startUs = sim.now
      act(cluster.world)
      wait(us)
      steps.push({ step: id, title: id, path: 'forward', visit: 1, startUs, endUs: sim.now, result: 'done', writeDowntimeUs: 0, commands: 1 })
    },
    fault(kind, target) {
      const strike = cluster.strike({ kind, target, durationUs: MINUTE, magnitude: 1, nth: faults.length })
      const record: (typeof faults)[number] = { atUs: sim.now, endUs: undefined, kind, target, struck: strike.struck, members: strike.members }
      faults.push(record)
      return () => {
        record.endUs = sim.now
        strike.end()
      }
    },
  }
  script(stage)
  recorder.operatorEnded()
  if (options.settle !== false) runUntilQuiet(sim, recorder)
  const recording = recorder.finish(steps, faults)
  const gathered = gatherFacts(cluster, [workload], recording, {
    outcome: options.outcome ?? 'completed',
    outcomeReason: 'the last step is done',
    gates: options.gates ?? [],
    faults,
    objectives: options.objectives ?? [],
    deadlineUs: 60 * MINUTE,
    trace: sim.records,
  })
  const facts: Facts = { ...gathered, ...options.facts }
  const verdicts = judge(facts)
  return {
    facts,
    recording,
    verdicts,
    stage,
    verdict(check) {
      const found = verdicts.find(v => v.check === check)
      if (found === undefined) throw new Error(`no verdict on ${check}`)
      return found
    },
  }
}
