/**
 * One rehearsal, top to bottom: a pure function of (scenario, schedule, seed).
 *
 * Verified here: that the run comes to an end, and that its result says what happened in it. Not verified here: the properties
 * themselves (`checks/`), the numbers (`measures/`), and whether the models are right (`models/`, `test/`).
 */
import { gatherFacts, judge } from './checks/index.ts'
import type { Cluster } from './engine.ts'
import { armSchedule, drawSchedule, type Injector, type Itinerary, itineraryOfRun, type Schedule, type Scouted, type Scouting } from './faults/index.ts'
import { Chance, formatClock, formatDuration, NEVER, SECOND, Simulation, type Us } from './kernel/index.ts'
import { Recorder, runUntilQuiet } from './measures/index.ts'
import { type LineEvent, type OperatorObserver, type OperatorRun, type Slips, startOperator } from './operator/index.ts'
import { Chronicle } from './rehearsal/chronicle.ts'
import { DeedKeeper } from './rehearsal/deeds.ts'
import { resultOf } from './rehearsal/result.ts'
import { Scribe } from './rehearsal/scribe.ts'
import type { RehearsalResult } from './result.ts'
import { problemAt, ScenarioError } from './scenario/error.ts'
import type { Scenario } from './scenario/scenario.ts'
import { startWorkload, type Workload } from './workload/index.ts'

export interface RehearsalOptions {
  readonly scenario: Scenario
  readonly schedule: Schedule
  /** Names the whole luck. */
  readonly seed: string
  /** Keep the story (trace, members, clients, commands). The hash and every number are the same either way. */
  readonly record?: boolean
  /** Leave out polls that could not tell anything new (default). Only `eventsRun` differs. */
  readonly elide?: boolean
  /** From this instant after the first step's start on, other luck: the same past, another future. */
  readonly reseedAtUs?: Us
  readonly reseedSalt?: string
  /** Runbook steps passed over on the way forward, with what they hold: the way to test whether a failure really hangs on a step. */
  readonly without?: readonly string[]
  /** A gate that is waved through on the way forward, from that visit on: one poll, and it passes whatever that showed. The way to ask what it was good for. */
  readonly waved?: { readonly step: string; readonly visit: number }
  /** How often a script that has failed is run again, from the top. Default: never. */
  readonly reruns?: number
  /** Give up once so many visits of steps have begun: a runbook with a step left out may go round in circles until its deadline. Default: never. */
  readonly visitsMax?: number
  /** Someone who looks on: told of the operator's phases and answers as they happen, and free to read the cluster. It must change nothing. */
  readonly watch?: (sim: Simulation, cluster: Cluster) => Pick<OperatorObserver, 'phase' | 'commandReturned'>
}

/** A rehearsal was given up because of {@link RehearsalOptions.visitsMax}. */
export class EndlessError extends Error {
  override readonly name = 'EndlessError'
}

/** How long clients run before the first step: they connect, and followers stream under load. */
const WARM_UP_US: Us = 15 * SECOND

/**
 * Rehearses a scenario once.
 * @throws EndlessError when `visitsMax` is exceeded, ScenarioError when the input turns out wrong only now (`start` does not succeed), UnsupportedError for a command that no model has
 */
export function rehearse(options: RehearsalOptions): RehearsalResult {
  return rehearseOnce(options, { known: readingsAhead(options), found: new Map() })
}

/**
 * Where stale readings will be asked for. They must be taken before anybody knows that, so rehearsals on the same luck go ahead, one for each
 * and a last one that finds no more: up to its first stale reading a run is the run without it.
 */
function readingsAhead(options: RehearsalOptions): readonly Scouted[] {
  const known: Scouted[] = []
  const wanted = options.schedule.filter(fault => fault.kind === 'operator-stale-reading').length
  while (known.length < wanted) {
    const found = new Map<number, Scouted>()
    rehearseOnce({ ...options, record: false }, { known, found })
    const [next] = [...found.values()].sort((a, b) => a.atUs - b.atUs || a.nth - b.nth)
    if (next === undefined) break
    known.push(next)
  }
  return known
}

function rehearseOnce(options: RehearsalOptions, scouting: Scouting): RehearsalResult {
  const { scenario, seed, record = false, elide = true, reseedAtUs, reseedSalt = 'again' } = options
  // The world as the runbook presupposes it, with its clients at work.
  const sim = new Simulation({ seed, record })
  const cluster = scenario.engine.build(sim, scenario.options)
  cluster.settle()
  bringAbout(sim, cluster, scenario, elide)
  const workloads = cluster.logs.map(log => startWorkload(sim, cluster, scenario.load, log))
  const recorder = new Recorder(sim, cluster, workloads)
  sim.run(sim.now + WARM_UP_US)

  // Safety: the operator works, faults strike.
  recorder.begin()
  const chronicle = record ? new Chronicle(sim, cluster) : undefined
  if (reseedAtUs !== undefined) sim.call(sim.now + reseedAtUs, () => sim.chance.reseed(reseedSalt))
  const { operator, injector, scribe, keeper } = begin(sim, cluster, options, scouting, workloads)
  sim.run()
  if (operator.outcome === undefined) throw new Error(`rehearsal: nothing was left to happen and the operator has no outcome, at ${formatDuration(sim.now)}`)

  // Liveness: faults end, only controllers and clients act, until nothing changes any more.
  recorder.operatorEnded()
  injector.disarm()
  runUntilQuiet(sim, recorder)

  // Verdict.
  injector.close()
  const recording = recorder.finish(scribe.steps(operator.journal), injector.records, scenario.load.warningsAreUnknown ? ['ok'] : ['ok', 'warned'])
  const facts = gatherFacts(cluster, workloads, recording, {
    outcome: operator.outcome,
    outcomeReason: operator.reason,
    gates: scribe.gates,
    faults: injector.records,
    objectives: scenario.objectives.filter(objective => objective.faults === 'any' || options.schedule.length === 0),
    deadlineUs: scenario.deadlineUs,
    assumedTargets: scenario.assumedTargets,
    pointOfNoReturn: scenario.runbook.steps.find(step => step.pointOfNoReturn)?.id,
    trace: sim.records,
  })
  const verdicts = judge(facts)
  stopClients(workloads)
  return resultOf({ sim, cluster, operator, injector, recording, scribe, deeds: isSecondRun(scenario) ? undefined : keeper.deeds, chronicle, verdicts })
}

/** Runs the scenario's `start:` commands, unmeasured and without faults, and lets the cluster come to rest again. */
function bringAbout(sim: Simulation, cluster: Cluster, scenario: Scenario, elide: boolean): void {
  if (scenario.start === undefined) return
  const operator = startOperator(sim, scenario.start, {
    registry: cluster.commands,
    deadlineUs: sim.now + scenario.deadlineUs,
    elide,
    observer: { outcome: () => sim.stop() },
  })
  sim.run()
  if (operator.outcome !== 'completed') {
    throw new ScenarioError([problemAt(scenario.start.file || scenario.file, `\`start\` did not succeed: ${operator.reason || 'it did not end'}`, 'its commands must bring the cluster into the state that the runbook presupposes')])
  }
  cluster.settle()
}

/** The runbook has been run already when it is rehearsed: what it was to do may be done. */
function isSecondRun({ start, runbook }: Scenario): boolean {
  const [before, now] = [start?.script, runbook.script].map(script => script?.scripts.map(({ text }) => text).join('\0'))
  return before !== undefined && before === now
}

interface Underway {
  readonly operator: OperatorRun
  readonly injector: Injector
  readonly scribe: Scribe
  readonly keeper: DeedKeeper
}

/** Starts the operator on the runbook and arms the faults: both begin now. */
function begin(sim: Simulation, cluster: Cluster, options: RehearsalOptions, scouting: Scouting, workloads: readonly Workload[]): Underway {
  const { schedule, elide = true, visitsMax = NEVER } = options
  const { runbook, deadlineUs, faults } = options.scenario
  const onlooker = options.watch?.(sim, cluster)
  const injector = armSchedule(sim, cluster, schedule, { budgetMembers: faults.budgetMembers ?? cluster.budget.members, kinds: faults.kinds, deadlineUs, scouting, clients: { surge: factor => surgeAll(workloads, factor) } })
  const scribe: Scribe = new Scribe(sim, cluster, runbook, name => operator.vars.get(name))
  const keeper = new DeedKeeper()
  let visits = 0
  const observer: OperatorObserver = {
    phase(e) {
      if (e.phase === 'start' && ++visits > visitsMax) throw new EndlessError(`after ${visitsMax} visits of steps, at ${formatClock(sim.now)}`)
      onlooker?.phase?.(e)
      scribe.phase(e)
      if (e.phase === 'start') injector.started(e)
      else if (e.phase === 'end') injector.done(e)
      else injector.issued(e, e.command ?? 1, e.atUs)
    },
    commandReturned(e) {
      onlooker?.commandReturned?.(e)
      scribe.returned(e)
      keeper.returned(e)
      injector.returned(e, e.command)
    },
    gate: e => scribe.gate(e),
    barren: e => keeper.empty(e),
    guard: e => scribe.guard(e),
    claiming: claims => scribe.claiming(claims),
    control: e => scribe.control(e),
    // Only a recorded run asks for every line: the interpreter is quicker when nobody does.
    ...(sim.records === undefined ? {} : { line: (e: LineEvent) => scribe.line(e) }),
    outcome: () => sim.stop(),
    wantsPoll: (step, path, visit, from) => injector.wantedCommand({ step, path, visit }, from),
  }
  const operator: OperatorRun = startOperator(sim, runbook, { registry: cluster.commands, deadlineUs: sim.now + deadlineUs, elide, observer, ...(options.reruns === undefined ? {} : { reruns: options.reruns }), ...slipsFor(options, injector.mistakes) })
  injector.attach(operator)
  return { operator, injector, scribe, keeper }
}

/** All client programs want `factor` times as much; returns how to end it. */
function surgeAll(workloads: readonly Workload[], factor: number): () => void {
  const ends = workloads.map(workload => workload.surge(factor))
  return () => ends.forEach(end => end())
}

/** Nothing when nothing goes another way than written, so that an ordinary rehearsal asks nobody at each step. */
function slipsFor({ without = [], waved }: RehearsalOptions, mistakes: Slips | undefined): { slips?: Slips } {
  if (without.length === 0 && waved === undefined) return mistakes === undefined ? {} : { slips: mistakes }
  return {
    slips: {
      decide: (step, path, visit, next) => (path === 'forward' && without.includes(step) ? 'skip' : mistakes?.decide?.(step, path, visit, next)),
      again: (step, path, visit) => mistakes?.again?.(step, path, visit) === true,
      retype: (argv, step, path, visit, command) => mistakes?.retype?.(argv, step, path, visit, command) ?? argv,
      reread: (step, path, visit) => mistakes?.reread?.(step, path, visit),
      wave: (step, path, visit) => path === 'forward' && waved !== undefined && step === waved.step && visit >= waved.visit,
    },
  }
}

function stopClients(workloads: readonly Workload[]): void {
  for (const workload of workloads) workload.stop()
}

// ── the runs of a campaign ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The seed of run number `run` (from 0) of a campaign seed. Scenarios rehearsed under the same seed share their luck. */
export function runSeed(campaignSeed: string, run: number): string {
  return `${campaignSeed}/${run}`
}

/** The faults of run number `run`: 1…`maxFaults` of them, none when that is 0. Depends on the scenario, the campaign seed and the run alone. */
export function scheduleFor(scenario: Scenario, campaignSeed: string, run: number, maxFaults: number): Schedule {
  if (maxFaults <= 0 || scenario.faults.kinds.length === 0) return []
  return drawSchedule(new Chance(`schedule/${runSeed(campaignSeed, run)}`), scenario.faults, itineraryOf(scenario), maxFaults)
}

const itineraries = new WeakMap<Scenario, Itinerary>()

/** Fault-free rehearsals from which the way is taken. */
const PILOTS = 5

/**
 * The way the runbook takes when nothing goes wrong, made once for a scenario: the shortest of a few fault-free rehearsals, so that a fault
 * drawn by time falls into nearly every run and not after its end.
 */
export function itineraryOf(scenario: Scenario): Itinerary {
  let itinerary = itineraries.get(scenario)
  if (itinerary === undefined) {
    for (let i = 0; i < PILOTS; i++) {
      const pilot = rehearse({ scenario, schedule: [], seed: `pilot/${i}` })
      const way = itineraryOfRun(scenario.runbook, pilot.steps, pilot.measures.durationSeconds * SECOND)
      if (itinerary === undefined || way.durationUs < itinerary.durationUs) itinerary = way
    }
    itineraries.set(scenario, itinerary as Itinerary)
  }
  return itinerary as Itinerary
}
