/**
 * The exact grid of a sweep, computed from scenario, spec and seed alone: every worker, shard and merge makes the same one. Run numbers count
 * its cells, so that a sweep is a campaign like any other.
 *
 * On each luck the runbook is first walked without faults (`rehearsal/scout.ts`); the cells are anchored to the places met there and run on the
 * same luck. Until its fault strikes such a run is the fault-free one, so every cell of the first blocks is reached.
 */
import type { FaultKind } from '../../engine.ts'
import { type Fault, type FaultSpec, OPERATOR_TARGET, VOCABULARY, faultSpec } from '../../faults/index.ts'
import type { Schedule } from '../../faults/schedule.ts'
import type { Anchor } from '../../faults/schedule.ts'
import type { Way } from '../../rehearsal/scout.ts'
import type { Scenario } from '../../scenario/scenario.ts'
import type { Rehearser } from '../rehearser.ts'
import type { Case } from '../strategy.ts'
import { type PairIndex, pairsOf } from './pairs.ts'
import type { BlockId, Cell, SweepSpec } from './spec.ts'

const ROLLS_BACK: FaultKind = 'operator-rolls-back'
const KILLED: FaultKind = 'operator-killed'

export interface Block {
  readonly id: BlockId
  readonly size: number
  /** @param i from 0 */
  caseOf(i: number): Case
}

/** A boundary at which a rollback is tried: as a step begins, before its first command. */
export interface Boundary {
  readonly name: string
  readonly anchor: Anchor
  /** The step that was begun last before it; undefined = none. */
  readonly after: string | undefined
  /** The author promises that a rollback from here ends well: the declared point of no return has not begun. */
  readonly promised: boolean
}

export interface Grid {
  readonly blocks: readonly Block[]
  readonly size: number
  readonly boundaries: readonly Boundary[]
  caseOf(run: number): Case
}

/** @param scenario as it is rehearsed (kinds taken out by `--without` already gone) */
export function gridOf(spec: SweepSpec, scenario: Scenario, rehearser: Rehearser, campaignSeed: string): Grid {
  const kinds = scenario.faults.kinds
  const lucks = Array.from({ length: spec.lucks }, (_, nth) => {
    const seed = rehearser.seedOf(campaignSeed, nth)
    return { seed, way: rehearser.scout(scenario, seed, kinds) }
  })
  const singles = lucks.map(({ seed, way }) => ({ seed, faults: faultCells(way, kinds.filter((kind) => !isOperators(kind)), spec) }))
  const killed = lucks.map(({ seed, way }) => ({ seed, faults: kinds.includes(KILLED) ? faultCells(way, [KILLED], spec) : [] }))
  const way = lucks[0]?.way as Way
  const boundaries = boundariesOf(way, scenario)
  const blocks = spec.pairs
    ? pairBlocks(lucks.map(({ seed, way }) => ({ seed, faults: faultCells(way, kinds.filter((kind) => kind === KILLED || !isOperators(kind)), spec) })))
    : [
        block('fault-free', lucks.map(({ seed }) => ({ seed, schedule: [], cell: { block: 'fault-free', row: '-', column: '-' }, judged: true }))),
        block('faults', singles.flatMap(({ seed, faults }) => faults.map((fault) => single('faults', seed, fault, true)))),
        block('operator-killed', killed.flatMap(({ seed, faults }) => faults.map((fault) => single('operator-killed', seed, fault, true)))),
        block('mistakes', lucks.flatMap(({ seed, way }) => mistakesOf(way, scenario).map((fault) => single('mistakes', seed, fault, kinds.includes(fault.kind))))),
        ...rollbackBlocks(boundaries, kinds, spec, (nth) => rehearser.seedOf(campaignSeed, nth)),
      ]
  return { blocks, boundaries, size: blocks.reduce((sum, { size }) => sum + size, 0), caseOf: (run) => pick(blocks, run) }
}

function pick(blocks: readonly Block[], run: number): Case {
  let first = 0
  for (const { size, caseOf } of blocks) {
    if (run < first + size) return caseOf(run - first)
    first += size
  }
  throw new RangeError(`run ${run}: the grid has ${first} cells`)
}

function block(id: BlockId, cases: readonly Case[]): Block {
  return { id, size: cases.length, caseOf: (i) => cases[i] as Case }
}

// ── single faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Every place × every kind × every target that exists there, at the strengths asked for, in order of place. */
function faultCells(way: Way, kinds: readonly FaultKind[], { strengths }: SweepSpec): readonly Fault[] {
  return way.places.flatMap(({ anchor, targets }) =>
    kinds.flatMap((kind) => (isOperators(kind) ? [OPERATOR_TARGET] : (targets[kind] ?? [])).flatMap((target) => strengthsOf(faultSpec(kind), strengths).map((how) => ({ kind, target, at: anchor, ...how })))),
  )
}

/** Durations and strengths of a kind, equal ones once. */
function strengthsOf(spec: FaultSpec, strengths: SweepSpec['strengths']): readonly Pick<Fault, 'durationUs' | 'magnitude'>[] {
  const at = (which: 'min' | 'usual' | 'max'): Pick<Fault, 'durationUs' | 'magnitude'> => ({ durationUs: spec.durationUs[which], magnitude: spec.magnitude?.[which] ?? 0 })
  if (strengths === 'usual') return [at('usual')]
  const all = [at('min'), at('usual'), at('max')]
  return all.filter((one, i) => all.findIndex((other) => other.durationUs === one.durationUs && other.magnitude === one.magnitude) === i)
}

function single(id: BlockId, seed: string, fault: Fault, judged: boolean): Case {
  return { seed, schedule: [fault], cell: { block: id, row: rowOf(fault), column: fault.kind }, judged }
}

/** The step by whose name people find a place. */
export function rowOf({ at }: Fault): string {
  if (typeof at === 'number') return '-'
  return at.path === 'undo' ? `undo of ${at.step}` : at.step
}

/** What the operator of this runbook can do wrong, at the start of each visit. */
function mistakesOf(way: Way, { runbook }: Scenario): readonly Fault[] {
  const mistakes = VOCABULARY.filter((spec) => spec.onlyWhenNamed === 'operator-error' && (runbook.script === undefined || spec.ofSteps === undefined))
  return way.visits.flatMap(({ step, path, visit }) =>
    mistakes.map((spec): Fault => ({
      kind: spec.kind, target: OPERATOR_TARGET, at: { step, path, visit, phase: 'start', command: 1, offsetUs: 0 }, durationUs: spec.durationUs.usual, magnitude: spec.magnitude?.usual ?? 0,
    })),
  )
}

function isOperators(kind: FaultKind): boolean {
  return faultSpec(kind).family === 'operator'
}

// ── rollback from every step ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** The boundaries of the way forward. */
function boundariesOf(way: Way, scenario: Scenario): readonly Boundary[] {
  const { runbook } = scenario
  const declared = runbook.pointOfNoReturn === undefined ? undefined : runbook.steps[runbook.pointOfNoReturn]?.id
  const places = way.places.filter(({ is, anchor }) => is === 'boundary' && anchor.path === 'forward')
  let begun = false
  return places.map(({ anchor }, i): Boundary => {
    const { step, visit } = anchor
    const promised = declared !== undefined && !begun
    begun ||= within(scenario, step, declared)
    return { name: visit === 1 ? step : `${step} (${visit})`, anchor, after: places[i - 1]?.anchor.step, promised }
  })
}

/** Whether a step is the declared one, or nested in it. */
function within({ runbook }: Scenario, id: string, declared: string | undefined): boolean {
  for (let index = runbook.byId.get(id); index !== undefined && index >= 0; index = runbook.steps[index]?.parent) if (runbook.steps[index]?.id === declared) return true
  return false
}

function rollbackBlocks(boundaries: readonly Boundary[], kinds: readonly FaultKind[], spec: SweepSpec, seedOf: (nth: number) => string): readonly Block[] {
  const back = ({ anchor }: Boundary): Fault => ({ kind: ROLLS_BACK, target: OPERATOR_TARGET, at: anchor, durationUs: 0, magnitude: 0 })
  const cases = (id: BlockId, lucks: number, columns: readonly (FaultKind | '-')[]): readonly Case[] =>
    boundaries.flatMap((boundary) =>
      columns.flatMap((column) =>
        Array.from({ length: lucks }, (_, nth): Case => {
          const fault = column === '-' ? [] : [{ ...back(boundary), ...strengthsOf(faultSpec(column), 'usual')[0], kind: column, target: roleFor(faultSpec(column)) }]
          return { seed: seedOf(nth), schedule: [...fault, back(boundary)], cell: { block: id, row: boundary.name, column }, judged: boundary.promised }
        }),
      ),
    )
  return [
    block('rollback', cases('rollback', spec.rollbacks.alone, ['-'])),
    block('rollback-under-fault', cases('rollback-under-fault', spec.rollbacks.underFault, kinds.filter((kind) => !isOperators(kind)))),
  ]
}

/** The target that a kind is thought of first: the leader, else the first follower, else whatever there is. */
function roleFor({ aimsAt }: FaultSpec): string {
  return aimsAt === 'members' || aimsAt === 'leader' ? 'role:leader' : aimsAt === 'followers' ? 'role:follower/0' : 'any/0'
}

// ── pairs ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Every two single faults of a luck, the earlier place first. Far too many to list: each is computed from its number. */
function pairBlocks(lucks: readonly { readonly seed: string; readonly faults: readonly Fault[] }[]): readonly Block[] {
  return lucks.map(({ seed, faults }): Block => {
    const index: PairIndex = pairsOf(faults.length)
    return {
      id: 'pairs',
      size: index.size,
      caseOf(i) {
        const [a, b] = index.pair(i).map((n) => faults[n] as Fault) as [Fault, Fault]
        const schedule: Schedule = [a, b]
        const cell: Cell = { block: 'pairs', row: rowOf(a), column: `${a.kind} + ${b.kind}` }
        return { seed, schedule, cell, judged: true }
      },
    }
  })
}
