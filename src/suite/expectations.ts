/** Expectations of a rehearsal: as matchers of a test runner, and as functions that throw in any other. */
import type { CheckId, MeasureId } from '../result.ts'
import type { Scenario } from '../scenario/index.ts'
import { checkHolds, completes, type Demand, everythingHolds, measureAtMost } from './demands.ts'
import { tellFailure } from './failure.ts'
import { ownOf, unhitProbes } from './own.ts'
import type { Rehearsal } from './rehearsal.ts'

/**
 * What can be expected of a rehearsal. A rehearsal whose faults went beyond the budget meets every expectation, as it enters no campaign's
 * verdict: have fast-check draw another one with `fc.pre(result.inBudget)`.
 */
export interface RehearsalExpectations<R = void> {
  /** Every check: Proofroll's, the scenario's objectives of a single run (`at: max`), and checks of one's own. */
  toHold(): R
  /** No acknowledged write is lost but what asynchronous replication makes unavoidable. */
  toLoseNoAcknowledgedWrite(): R
  /** Writes are down for at most so long (`30s`, or seconds), all interruptions together. */
  toKeepWriteDowntimeUnder(limit: string | number): R
  /** Any measure is at most so much: a duration where it is a time, else a number in its own unit. */
  toKeepMeasureUnder(measure: MeasureId, limit: string | number): R
  /** Two leaders never take writes at once. */
  toNeverSplit(): R
  /** A fresh client can write at the end. */
  toServeAtEnd(): R
  /** The cluster comes back to one version, one history and full redundancy. */
  toConverge(): R
  /** The operator reaches the end of the runbook: neither rolled back, nor stopped, nor stuck. */
  toComplete(): R
  /** One check by its name, of Proofroll's or one's own. */
  toPassCheck(check: CheckId | `x-${string}`): R
}

const DEMANDS: { readonly [Name in keyof RehearsalExpectations]: (...args: Parameters<RehearsalExpectations[Name]>) => Demand } = {
  toHold: () => everythingHolds(),
  toLoseNoAcknowledgedWrite: () => checkHolds('no-acknowledged-write-lost', 'lose no acknowledged write'),
  toKeepWriteDowntimeUnder: limit => measureAtMost('writeDowntimeSeconds', limit),
  toKeepMeasureUnder: (measure, limit) => measureAtMost(measure, limit),
  toNeverSplit: () => checkHolds('no-split-brain', 'never have two leaders that take writes'),
  toServeAtEnd: () => checkHolds('serves-at-end', 'take writes at the end'),
  toConverge: () => checkHolds('converges', 'come back to one healthy cluster'),
  toComplete: () => completes(),
  toPassCheck: check => checkHolds(check as CheckId, `pass ${check}`),
}

/** Expectations of a scenario that many rehearsals were made of. */
export interface ScenarioExpectations<R = void> {
  /** Each probe of the scenario was hit by some `rehearsal()` made of it so far in this file. Expect it after the property. */
  toHitEveryProbe(): R
}

/** A rehearsal did not meet an expectation. The message is the smallest story of the failure, and how to see it again. */
export class RehearsalViolation extends Error {
  override readonly name = 'RehearsalViolation'
}

/** Judges one expectation. `told` is the message of its failure. */
interface Judgement {
  readonly pass: boolean
  told(): string
}

function judge(name: keyof RehearsalExpectations, rehearsal: unknown, args: readonly unknown[], test: string | undefined, negated: boolean): Judgement {
  if (!isRehearsal(rehearsal)) throw new TypeError(`${name}: expected what \`rehearsal(scenario, { schedule })\` returns`)
  const demand = (DEMANDS[name] as (...args: readonly unknown[]) => Demand)(...args)
  if (name === 'toPassCheck' && !rehearsal.verdicts.some(({ check }) => check === args[0])) {
    throw new TypeError(`toPassCheck: there is no check \`${String(args[0])}\`; there are: ${rehearsal.verdicts.map(({ check }) => check).join(', ')}`)
  }
  if (!rehearsal.inBudget) return { pass: true, told: () => `${rehearsal.scenario.name}: faults went beyond the budget, so nothing follows from this rehearsal; take it out with \`fc.pre(result.inBudget)\`` }
  if (demand.met(rehearsal)) return { pass: true, told: () => `${rehearsal.scenario.name}: the rehearsal was not to ${demand.words}, and did` }
  // The story takes further rehearsals: not for a failure that the test expects.
  return { pass: false, told: negated ? () => '' : () => tellFailure(rehearsal, demand, test) }
}

function isRehearsal(value: unknown): value is Rehearsal {
  return typeof value === 'object' && value !== null && 'verdicts' in value && 'scenario' in value && 'inBudget' in value
}

function judgeProbes(scenario: unknown): Judgement {
  if (typeof scenario !== 'object' || scenario === null || !('runbook' in scenario)) throw new TypeError('toHitEveryProbe: expected a scenario')
  const { probes, tally } = ownOf(scenario as Scenario)
  if (probes.length === 0) throw new TypeError('toHitEveryProbe: the scenario has no probes; give it some: `scenario({ …, probes: [{ name, hit: result => … }] })`')
  const missed = unhitProbes(scenario as Scenario)
  return {
    pass: missed.length === 0,
    told: () => (missed.length === 0 ? `all ${probes.length} probes were hit` : `${(scenario as Scenario).name}: in ${tally.rehearsals} rehearsals nothing hit ${missed.map(name => `\`${name}\``).join(', ')}; what these tests say does not cover that`),
  }
}

/** What a runner hands to a matcher. */
interface MatcherContext {
  readonly isNot?: boolean
  readonly currentTestName?: string
}

type Matcher = (this: MatcherContext, received: unknown, ...args: unknown[]) => { pass: boolean; message: () => string }

const NAMES = Object.keys(DEMANDS) as (keyof RehearsalExpectations)[]

/** For `expect.extend(matchers)`: `proofroll/vitest` does it for vitest; Jest takes them as they are. */
export const matchers: Record<keyof RehearsalExpectations | keyof ScenarioExpectations, Matcher> = {
  ...(Object.fromEntries(
    NAMES.map(name => [
      name,
      function matcher(this: MatcherContext, received: unknown, ...args: unknown[]) {
        const { pass, told } = judge(name, received, args, this.currentTestName, this.isNot === true)
        return { pass, message: told }
      } as Matcher,
    ]),
  ) as Record<keyof RehearsalExpectations, Matcher>),
  toHitEveryProbe(received: unknown) {
    const { pass, told } = judgeProbes(received)
    return { pass, message: told }
  },
}

/**
 * The same expectations for a runner without matchers.
 * @param test the name of the test, for the file of a failure
 * @throws RehearsalViolation from the expectation that is not met
 */
export function expectRehearsal(rehearsal: Rehearsal, test?: string): RehearsalExpectations {
  return Object.fromEntries(
    NAMES.map(name => [
      name,
      (...args: unknown[]) => {
        const { pass, told } = judge(name, rehearsal, args, test, false)
        if (!pass) throw new RehearsalViolation(told())
      },
    ]),
  ) as unknown as RehearsalExpectations
}

/** @throws RehearsalViolation when a probe of the scenario was never hit */
export function expectProbes(scenario: Scenario): ScenarioExpectations {
  return {
    toHitEveryProbe() {
      const { pass, told } = judgeProbes(scenario)
      if (!pass) throw new RehearsalViolation(told())
    },
  }
}
