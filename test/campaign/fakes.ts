/** A scenario and a rehearser that need no model: a small world whose failures are known. */
import type { FaultKind } from '../../src/engine.ts'
import type { Way } from '../../src/rehearsal/scout.ts'
import type { Rehearser } from '../../src/campaign/rehearser.ts'
import type { Fault, Schedule } from '../../src/faults/schedule.ts'
import { avalanche, hashText } from '../../src/kernel/index.ts'
import type { Plan, PlanStep } from '../../src/operator/plan.ts'
import { MEASURES, type MeasureId, type MemberChange, type RehearsalResult, type StepRecord, type Verdict } from '../../src/result.ts'
import type { Scenario } from '../../src/scenario/scenario.ts'

const STEPS: readonly (readonly [id: string, title: string])[] = [
  ['surge', 'Add a fourth pod'],
  ['wait', 'Wait until the new pod is ready'],
  ['promote', 'Promote the new pod'],
  ['patch', 'Send clients to the new primary'],
  ['remove', 'Delete the old primary and watch its replication for a minute'],
  ['shrink', 'Scale back to three'],
]

function fakePlan(): Plan {
  const steps = STEPS.map(([id, title], index) => ({ index, id, title, path: 'forward', place: { line: index + 4, column: 3 }, owner: id, parent: -1, loops: [], action: id === 'wait' ? { kind: 'gate', line: { text: 'lag-of postgres-cluster-3' }, expect: { missing: 'pass' }, forUs: 0 } : { kind: 'note' }, note: undefined, undo: id === 'promote' ? 6 : -1 }) as unknown as PlanStep)
  return { title: 'The wheel', description: '', source: '', file: '', vars: new Map(), steps, entry: 0, undo: -1, pointOfNoReturn: undefined, byId: new Map(STEPS.map(([id], i) => [id, i])) }
}

export const fakeScenario: Scenario = {
  name: 'postgres-ferris-wheel/as-documented',
  title: 'The Ferris wheel as the document has it',
  description: '',
  file: 'scenarios/postgres-ferris-wheel/as-documented.yaml',
  engine: { name: 'fake', title: 'A fake engine', assumptions: () => [] } as unknown as Scenario['engine'],
  options: {},
  alsoOn: [],
  load: {} as Scenario['load'],
  start: undefined,
  runbook: fakePlan(),
  faults: { kinds: ['process-kill', 'partition', 'disk-slow'], max: 0, maxDurationUs: 900e6, budgetMembers: undefined },
  claims: { writeDowntimeSeconds: 30, lostAcknowledgedWrites: 0 },
  objectives: [
    { measure: 'lostAcknowledgedWrites', at: 'max', max: 0, min: undefined, faults: 'any' },
    { measure: 'writeDowntimeSeconds', at: 'p99', max: 30, min: undefined, faults: 'any' },
  ],
  deadlineUs: 4 * 3600e6,
  assumptions: [
    { option: 'cluster.mode', value: 'async', meaning: 'Writes are acknowledged before a standby has them.', source: 'facts' },
    { option: 'load.writesPerSecond', value: 500, meaning: 'Writes that the client programs ask for, per second, over all cohorts. [J]', source: 'judgement' },
  ],
  source: { name: 'postgres-ferris-wheel/as-documented', yaml: 'format: 1\n', files: {}, set: {} },
}

const number = (text: string, below: number): number => hashText(text).low % below

/**
 * A rehearsal of the fake world. Every run splits and loses about 500 writes a second for the seconds between promotion and removal; a
 * process kill at `wait` in a run makes the last step fail; a partition is out of budget; a slow disk changes nothing but the hash.
 */
export function fakeRehearsal({ schedule, seed, record }: { schedule: Schedule; seed: string; record?: boolean }): RehearsalResult {
  const splitUs = 2_000_000 + number(`${seed}/split`, 1_500_000)
  const killed = schedule.some((fault) => fault.kind === 'process-kill' && fault.durationUs >= 10e6)
  const lost = Math.round(splitUs / 2000)
  const startsUs = [0, 3.1e6, 71.2e6, 72.6e6, 72.6e6 + splitUs, 135.9e6]
  const steps: StepRecord[] = STEPS.map(([step, title], i) => ({
    step, title, path: 'forward', visit: 1, startUs: startsUs[i] as number, endUs: startsUs[i + 1] ?? 138.4e6,
    result: killed && step === 'shrink' ? 'failed' : 'done', writeDowntimeUs: step === 'remove' ? 400_000 : step === 'shrink' ? 900e6 : 0, commands: 1,
  }))
  const measures = Object.fromEntries(MEASURES.map((id) => [id, 0])) as Record<MeasureId, number>
  Object.assign(measures, { writeDowntimeSeconds: 900.4, longestWriteGapSeconds: 900, lostAcknowledgedWrites: lost, strandedWrites: lost, splitBrainSeconds: splitUs / 1e6, splitBrainWrites: lost, mixedVersionSeconds: 67, durationSeconds: 138.4, extraNodeHours: 0.04, extraCostDollars: 0.02, peakMultiplier: 1.33, monthMultiplier: 1 })
  const result: RehearsalResult = {
    outcome: killed ? 'aborted' : 'completed',
    outcomeReason: killed ? `step shrink failed after ${splitUs} µs` : 'the last step is done',
    hash: [avalanche(hashText(seed).low ^ hashText(JSON.stringify(schedule)).low), avalanche(hashText(seed).high)].map((half) => half.toString(16).padStart(8, '0')).join(''),
    schedule, struck: schedule.filter((fault) => fault.target !== 'nothing').length,
    faults: schedule.map((fault, nth) => ({ nth, kind: fault.kind, target: fault.target, atUs: 20e6 + nth, endUs: 20e6 + nth + fault.durationUs, struck: fault.target !== 'nothing', why: '', step: 's1', words: '', situation: 'FFL' })), inBudget: !schedule.some((fault) => fault.kind === 'partition'),
    measures, verdicts: verdicts(lost, splitUs, killed), steps,
    gates: [{ step: 'wait', path: 'forward', visit: 1, passed: true, polls: 14, missing: true, stale: false, waited: true, claims: ['caught-up(1)'], honest: false }],
    undone: [], simulatedUs: 1_040e6, eventsRun: 12_000,
  }
  return record === true ? { ...result, story: story(splitUs, schedule) } : result
}

function verdicts(lost: number, splitUs: number, killed: boolean): Verdict[] {
  const promoteUs = 71.9e6
  return [
    {
      check: 'no-acknowledged-write-lost', status: 'fail', evidence: `${lost} acknowledged writes are not in the surviving history`,
      signature: { check: 'no-acknowledged-write-lost', cause: 'overlap', step: 'promote' },
      because: [
        { atUs: promoteUs + splitUs, text: 'postgres-cluster-0 was deleted with writes that no other member had received', step: 'remove', node: 'postgres-cluster-0' },
        { atUs: promoteUs, text: 'postgres-cluster-0 kept acknowledging writes while postgres-cluster-3 was promoted: nothing fenced the old primary', step: 'promote' },
      ],
    },
    { check: 'no-split-brain', status: 'fail', evidence: `two members could acknowledge writes for ${splitUs / 1e6} s`, signature: { check: 'no-split-brain', cause: 'overlap', step: 'promote' }, because: [{ atUs: promoteUs, text: 'postgres-cluster-3 was promoted while postgres-cluster-0 led', step: 'promote' }] },
    { check: 'serves-at-end', status: 'fail', evidence: 'a fresh client finds no endpoint', signature: { check: 'serves-at-end', cause: 'no-endpoint', step: 'shrink' }, because: [{ atUs: 136e6, text: 'scaling back removed the new primary, the highest ordinal', step: 'shrink' }] },
    { check: 'terminates', status: killed ? 'fail' : 'pass', evidence: '', ...(killed ? { signature: { check: 'terminates', cause: 'step-failed', step: 'shrink' }, because: [] } : {}) },
    { check: 'no-forbidden-skew', status: 'pass', evidence: '' },
    { check: 'linearizable', status: 'notApplicable', evidence: '' },
    { check: 'rollback-safe', status: 'notExercised', evidence: '' },
  ]
}

function story(splitUs: number, schedule: Schedule): NonNullable<RehearsalResult['story']> {
  const change = (atUs: number, n: number, running: boolean, role: MemberChange['role'], version = '15.3'): MemberChange => ({ atUs, member: `postgres-cluster-${n}`, node: `aks-${n}`, running, role, timeline: 1, versions: { engine: version, node: '1.27' } })
  return {
    line: 'timeline',
    trace: [],
    members: [
      change(0, 0, true, 'leader'), change(0, 1, true, 'follower'), change(0, 2, true, 'follower'), change(4e6, 3, true, 'none', '15.4'), change(40e6, 3, true, 'follower', '15.4'),
      change(71.9e6, 3, true, 'leader', '15.4'), change(71.9e6 + splitUs, 0, false, 'none'), change(95e6, 0, true, 'follower', '15.4'), change(137e6, 3, false, 'none', '15.4'),
    ],
    clients: [], commands: [], acknowledgers: [], lag: [], windows: [], losses: [], lines: [],
    faults: schedule.map((fault, i) => ({ atUs: 20e6 + i, endUs: 20e6 + i + fault.durationUs, kind: fault.kind, target: fault.target, struck: fault.target !== 'nothing', why: '', words: '' })),
  }
}

/** Faults of a run: one in three kills, one in ten partitions, and slow disks for company. */
export function fakeSchedule(_scenario: Scenario, seed: string, run: number, faults: number): Schedule {
  if (faults === 0) return []
  const fault = (kind: Fault['kind'], target = 'role:leader'): Fault => ({ kind, target, at: { step: 'wait', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 85e6, magnitude: 1 })
  const luck = number(`${seed}/${run}/faults`, 30)
  const company = fault('disk-slow', luck % 2 === 0 ? 'any/1' : 'nothing')
  if (luck < 3) return [fault('partition'), company].slice(0, faults)
  return (luck < 13 ? [fault('process-kill'), company] : [company]).slice(0, faults)
}

/** The way of the fake world: every step begins, and one command of it is waited for; two members could be struck. */
export function fakeWay(_scenario: Scenario, seed: string, kinds: readonly FaultKind[]): Way {
  const result = fakeRehearsal({ schedule: [], seed })
  const targets = Object.fromEntries(kinds.map((kind) => [kind, ['member:0', 'member:1']]))
  const places = result.steps.flatMap(({ step, path, visit, startUs }) => {
    const anchor = { step, path, visit, command: 1, offsetUs: 0 }
    return [{ is: 'boundary', anchor: { ...anchor, phase: 'start' }, atUs: startUs, targets } as const, { is: 'await', anchor: { ...anchor, phase: 'await' }, atUs: startUs, targets } as const]
  })
  return { places, visits: result.steps, result }
}

export const fakeRehearser: Rehearser = { seedOf: (seed, run) => `${seed}/${run}`, scheduleOf: fakeSchedule, scout: fakeWay, rehearse: fakeRehearsal }

/** A world in which nothing goes wrong. */
export const goodRehearser: Rehearser = {
  ...fakeRehearser,
  rehearse: (what) => {
    const result = fakeRehearsal(what)
    const clean = { lostAcknowledgedWrites: 0, strandedWrites: 0, splitBrainSeconds: 0, splitBrainWrites: 0, writeDowntimeSeconds: 1.2, longestWriteGapSeconds: 1.2 }
    return { ...result, measures: { ...result.measures, ...clean }, verdicts: result.verdicts.map(({ check, status }) => ({ check, status: status === 'fail' ? 'pass' : status, evidence: '' })), gates: [] }
  },
}
