/** Because-chains in words: effect first, each clause an event with its instant, its member, and the runbook step in which it fell. */
import type { Departure, Promotion } from '../engine.ts'
import { formatClock, formatDuration, type TraceRecord, type Us } from '../kernel/index.ts'
import type { CheckId, Clause, MemberChange, Signature, StepRecord, Verdict } from '../result.ts'
import type { Facts } from './facts.ts'

/** The step that was under way at the instant: of several, the one that started last. A step that ends at the instant still counts. */
export function stepAt(steps: readonly StepRecord[], atUs: Us): StepRecord | undefined {
  let found: StepRecord | undefined
  for (const step of steps) {
    if (step.result === 'skipped' || step.startUs > atUs || (step.endUs !== undefined && step.endUs < atUs)) continue
    if (found === undefined || step.startUs >= found.startUs) found = step
  }
  return found
}

/** A step's name in a signature and in words: an undo step is told from its forward one. */
export function nameOf(step: StepRecord | undefined): string {
  if (step === undefined) return '-'
  return step.path === 'undo' ? `undo of ${step.step}` : step.step
}

/** The instant on the story's clock, which starts with the first step; what was before has no reading on it. */
export function clock(facts: Facts, atUs: Us): string {
  const us = atUs - facts.recording.horizon.startUs
  return us < 0 ? `${formatDuration(-us)} before the start` : formatClock(us)
}

export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A place in history in the engine's own words. */
export function placeOf({ history }: Facts, { branch, lsn }: { readonly branch: { readonly timeline: number }; readonly lsn: number }): string {
  return history.place(branch.timeline, lsn)
}

/** ` on timeline 2`, or nothing where lines of history have no number. */
export function onLine({ history }: Facts, line: number | undefined): string {
  return history.line === '' ? '' : ` on ${history.line} ${line ?? '?'}`
}

/** Names in a list: `a`, `a and b`; of many the first few and how many more. */
export function listed(names: readonly string[], most = 6): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : names
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`
}

/** Seconds in words, three decimals at most. */
export function seconds(us: Us): string {
  return `${Math.round(us / 1000) / 1000} s`
}

/** Labels of trace records that tell of a member being removed, and of an object being changed. */
const REMOVAL = /deleted|evicted|removed/
const CHANGE = /changed$/

/** Builds a chain. Clauses whose event did not happen are simply not added. */
export class Chain {
  private readonly clauses: Clause[] = []
  /** Clauses that only a recorded trace can give: they explain, and never enter a signature, which must be the same without recording. */
  private readonly explaining = new Set<Clause>()

  constructor(private readonly facts: Facts) {}

  /** Adds an event; with `inStep` it is marked with the step under way at that instant; with `'ending'`, of two that meet there with the one that ends. */
  add(atUs: Us, text: string, options: { readonly node?: string | undefined; readonly inStep?: boolean | 'ending' } = {}): this {
    const step = options.inStep === 'ending' ? this.endingAt(atUs) : options.inStep === true ? stepAt(this.facts.recording.steps, atUs) : undefined
    this.clauses.push({
      atUs,
      text,
      ...(step === undefined ? {} : { step: nameOf(step) }),
      ...(options.node === undefined ? {} : { node: options.node }),
    })
    return this
  }

  /** Goes on with another chain's clauses as they are. */
  append(clauses: readonly Clause[]): this {
    this.clauses.push(...clauses)
    return this
  }

  promotion(promotion: Promotion): this {
    const { atUs, member, from, by, furthestReachable } = promotion
    const who = by === 'operator' ? 'the runbook' : 'the cluster itself'
    const old = furthestReachable ? undefined : this.runningLeader(promotion)
    const furthest = furthestReachable ? '' : old === undefined ? ', although a copy further ahead could be reached' : `, although ${old}, still running, was further ahead`
    return this.add(atUs, `${who} promoted ${member} from ${placeOf(this.facts, from)}${furthest}`, { node: member, inStep: by === 'operator' })
  }

  /** The leader of the same timeline that still ran when another was promoted beside it. */
  private runningLeader({ atUs, member, from }: Promotion): string | undefined {
    const last = new Map<string, MemberChange>()
    for (const change of this.facts.recording.changes) if (change.atUs < atUs) last.set(change.member, change)
    return [...last.values()].find(c => c.member !== member && c.running && c.role === 'leader' && c.timeline === from.branch.timeline)?.member
  }

  departure({ atUs, member, position, cause }: Departure): this {
    const text = cause === 'fault' ? `a fault took ${member} away at ${placeOf(this.facts, position)}` : `the runbook took ${member} away at ${placeOf(this.facts, position)}`
    this.add(atUs, text, { node: member, inStep: cause === 'runbook' })
    return cause === 'runbook' ? this.whoRemoved(member, atUs) : this
  }

  /** Who took a member away, if the trace tells: the controller's reason, and the change of its object that made it act. */
  private whoRemoved(member: string, atUs: Us): this {
    const removes = (r: TraceRecord): boolean => r.node === member && r.detail !== '' && REMOVAL.test(r.label)
    const last = this.lastRecord(atUs, removes)
    // Of several records of one instant the first is whoever began it.
    const removal = last === undefined ? undefined : this.facts.trace?.find(r => r.atUs === last.atUs && removes(r))
    if (removal === undefined) return this
    this.explain(removal.atUs, removal.detail, member)
    const change = this.lastRecord(removal.atUs, r => CHANGE.test(r.label) && r.detail !== '' && removal.detail.split(/[^\w.-]+/).includes(r.node.slice(r.node.lastIndexOf('/') + 1)) && !r.node.endsWith(`/${member}`) && r.node.includes('/'))
    if (change !== undefined) this.explain(change.atUs, change.detail, undefined)
    return this
  }

  /** Why these members were not gone on with, as it was told last of each: somebody waited, for a member that did not come back, say. */
  heldUp(members: readonly string[]): this {
    const last = members.flatMap(member => this.facts.trace?.findLast(r => r.waits === true && r.node === member) ?? [])
    for (const record of last.filter(({ detail }, i) => last.findIndex(other => other.detail === detail) === i)) this.explain(record.atUs, record.detail, record.node)
    return this
  }

  private lastRecord(atUs: Us, wanted: (record: TraceRecord) => boolean): TraceRecord | undefined {
    const { trace } = this.facts
    if (trace === undefined) return undefined
    for (let i = trace.length - 1; i >= 0; i--) {
      const record = trace[i] as TraceRecord
      if (record.atUs <= atUs && wanted(record)) return record
    }
    return undefined
  }

  /** What happens at the instant in which one step ends and the next begins was done by the one that ends: commands take time. */
  private endingAt(atUs: Us): StepRecord | undefined {
    return stepAt(this.facts.recording.steps.filter(each => each.startUs < atUs), atUs)
  }

  /** The name of that step. */
  stepEndingAt(atUs: Us): string {
    return nameOf(this.endingAt(atUs))
  }

  private explain(atUs: Us, text: string, node: string | undefined): void {
    const step = this.endingAt(atUs)
    const clause: Clause = { atUs, text, ...(step === undefined ? {} : { step: nameOf(step) }), ...(node === undefined ? {} : { node }) }
    this.clauses.push(clause)
    this.explaining.add(clause)
  }

  /** Faults that struck one of the members and had begun by `atUs`, latest first. */
  faultsOn(members: readonly (string | undefined)[], atUs: Us): this {
    for (const fault of [...this.facts.faults].reverse()) {
      if (!fault.struck || fault.atUs > atUs || !fault.members.some(member => members.includes(member))) continue
      this.add(fault.atUs, `the fault ${fault.kind} struck ${fault.target}`, { node: fault.members[0] })
    }
    return this
  }

  get all(): readonly Clause[] {
    return this.clauses
  }

  /** The step of the first clause (from the effect back) that has one, or of the last. The root cause's step is what a reader looks for. */
  get rootStep(): string {
    for (let i = this.clauses.length - 1; i >= 0; i--) {
      const clause = this.clauses[i] as Clause
      if (clause.step !== undefined && !this.explaining.has(clause)) return clause.step
    }
    return '-'
  }
}

export function pass(check: CheckId, evidence: string): Verdict {
  return { check, status: 'pass', evidence }
}

export function notExercised(check: CheckId, evidence: string): Verdict {
  return { check, status: 'notExercised', evidence }
}

export function notApplicable(check: CheckId, evidence: string): Verdict {
  return { check, status: 'notApplicable', evidence }
}

/** A failure. @throws Error when the chain is empty: a failure without a story is a defect of the check */
export function fail(check: CheckId, evidence: string, cause: string, chain: Chain, step?: string): Verdict {
  if (chain.all.length === 0) throw new Error(`checks: ${check} failed without a because-chain`)
  const signature: Signature = { check, cause, step: step ?? chain.rootStep }
  return { check, status: 'fail', evidence, signature, because: chain.all }
}

/** A whole number with thousands separated by commas, without the locale machinery whose output differs between builds. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
