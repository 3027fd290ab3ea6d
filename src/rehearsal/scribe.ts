/**
 * Writes down what the operator did: its steps, its gates with their honesty, its commands. Told by the executor's events; changes nothing.
 *
 * Honesty: a gate's claim is judged on the truth as it was at the instant that the deciding poll saw, or when the operator reads it: a claim
 * that was true at neither was never true for the operator. The truth of a claim is followed only while its gate polls.
 */
import type { Cluster } from '../engine.ts'
import type { Simulation, Us } from '../kernel/index.ts'
import type { Claim, ControlEvent, GateEvent, GuardEvent, Journal, LineEvent, PhaseEvent, Plan, ReturnedEvent } from '../operator/index.ts'
import { fill } from '../operator/words.ts'
import type { CommandRecord, GateRecord, LineRecord, StepRecord } from '../result.ts'

/** Of the lines of a script so many are kept from its beginning, and as many from its end. */
const LINES_KEPT = 1_000

/** An answer of a command shows the world as it was no longer ago than this. */
const ANSWER_US: Us = 1_000

type Where = Pick<PhaseEvent, 'step' | 'path' | 'visit'>
type OpenCommand = { -readonly [K in keyof CommandRecord]: CommandRecord[K] }
type OpenStep = { -readonly [K in keyof StepRecord]: StepRecord[K] }

/** How many commands a visit has issued. */
interface Issued extends Where {
  commands: number
}

/** How one claim's truth went while its gate polled. */
interface Followed {
  readonly name: string
  readonly args: readonly string[]
  readonly changes: { readonly atUs: Us; readonly is: boolean | undefined }[]
}

export class Scribe {
  readonly gates: GateRecord[] = []
  readonly commands: OpenCommand[] = []
  private readonly firstLines: LineRecord[] = []
  private readonly lastLines: LineRecord[] = []
  /** Commands issued by step visit; of a gate, its polls. Of each visit the latest, in the order they came. */
  private readonly issued: Issued[] = []
  private following: { readonly claims: readonly Followed[]; readonly stop: () => void } | undefined

  constructor(
    private readonly sim: Simulation,
    private readonly cluster: Cluster,
    private readonly plan: Plan,
    private readonly variable: (name: string) => string | undefined,
  ) {}

  phase(e: PhaseEvent): void {
    if (e.phase === 'start') {
      this.leaveGate()
      this.follow(this.claimsOf(e))
    } else if (e.phase === 'await') {
      if (!this.isGate(e)) this.count(e, e.command ?? 1)
      if (this.sim.records !== undefined) this.commands.push({ atUs: e.atUs, step: e.step, argv: e.argv ?? [], ...(e.stages === undefined ? {} : { stages: e.stages }), code: undefined, out: '', err: '' })
    }
  }

  returned(e: ReturnedEvent): void {
    if (this.sim.records === undefined) return
    const record = this.commands.findLast(c => c.step === e.step && c.code === undefined && c.argv.join('\0') === e.argv.join('\0'))
    if (record !== undefined) Object.assign(record, e.output, e.acted === true ? { acted: true } : {})
  }

  line({ line, text, command, argv, sinceUs, atUs, status, readBy, outputTo, out, err, assigned }: LineEvent): void {
    const record: LineRecord = { atUs: sinceUs, endUs: atUs, line, text, command, argv, status, readBy: readBy ?? null, outputTo, out, err, assigned }
    if (this.firstLines.length < LINES_KEPT) this.firstLines.push(record)
    else if (this.lastLines.push(record) > 2 * LINES_KEPT) this.lastLines.splice(0, LINES_KEPT)
  }

  get isScript(): boolean {
    return this.plan.script !== undefined
  }

  /** The commands of a script that ran: the first and the last of them. */
  get lines(): readonly LineRecord[] {
    return [...this.firstLines, ...this.lastLines.slice(-LINES_KEPT)]
  }

  gate(e: GateEvent): void {
    this.count(e, Math.max(1, e.polls))
    this.gates.push({
      step: e.step,
      path: e.path,
      visit: e.visit,
      passed: e.passed,
      polls: e.polls,
      missing: e.missing,
      stale: e.stale,
      waited: e.waited,
      claims: writtenOut(e.claims),
      honest: e.passed ? this.honesty(e) : undefined,
    })
    this.leaveGate()
  }

  /** Of a script: its guards stand among the gates, under names of their own. */
  guard(e: GuardEvent): void {
    const { guard, visit, passed, stopped, polls, missing, stale, waited } = e
    this.gates.push({ step: guard, path: 'forward', visit, passed, stopped, polls, missing, stale, waited, claims: writtenOut(e.claims), honest: passed ? this.honesty({ ...e, judgedUs: e.judgedUs - ANSWER_US }) : undefined })
    if (e.claims.length > 0) this.leaveGate()
  }

  /** A guard that claims something begins to look. */
  claiming(claims: GuardEvent['claims']): void {
    this.leaveGate()
    this.followAll(claims)
  }

  control(e: ControlEvent): void {
    if (e.is === 'kill' || e.is === 'rollback' || e.is === 'deadline') this.leaveGate()
  }

  /** A visit's count so far: mostly that of the visit before. */
  private count(where: Where, commands: number): void {
    const last = this.issued.at(-1)
    if (last !== undefined && isAt(last, where)) last.commands = commands
    else this.issued.push({ step: where.step, path: where.path, visit: where.visit, commands })
  }

  /** The visits of steps in the order they began. */
  steps(journal: Journal): readonly StepRecord[] {
    // Of a loop that polls for hours there are tens of thousands of visits: none may be looked for.
    const issued = new Map<string, number>()
    const key = ({ step, path, visit }: Where): string => `${step}/${path}/${visit}`
    for (const visit of this.issued) issued.set(key(visit), visit.commands)
    const commandsOf = (where: Where): number => issued.get(key(where)) ?? 0
    const records: OpenStep[] = []
    // Newest last: the open ones are near the end.
    const open = (where: Where): OpenStep | undefined => {
      for (let i = records.length - 1; i >= 0; i--) {
        const record = records[i] as OpenStep
        if (record.endUs === undefined && record.step === where.step && record.path === where.path) return record
      }
      return undefined
    }
    for (const entry of journal.entries) {
      if (entry.what === 'started' || entry.what === 'skipped') {
        const title = this.titleOf(entry)
        records.push({ step: entry.step, title, path: entry.path, visit: entry.visit, startUs: entry.atUs, endUs: undefined, result: 'open', writeDowntimeUs: 0, commands: commandsOf(entry) })
      }
      if (entry.what !== 'done' && entry.what !== 'failed' && entry.what !== 'skipped') continue
      const record = open(entry)
      if (record === undefined) continue
      record.endUs = entry.atUs
      record.result = entry.what
    }
    return records
  }

  /** The steps taken back, in the order they were. */
  undone(journal: Journal): readonly string[] {
    const owners = journal.entries.filter(e => e.what === 'started' && e.path === 'undo').map(e => this.plan.steps.find(s => s.path === 'undo' && s.id === e.step)?.owner ?? e.step)
    return owners.filter((owner, i) => owners.indexOf(owner) === i)
  }

  private titleOf(where: Where): string {
    const index = this.plan.byId.get(where.path === 'forward' ? where.step : `undo of ${where.step}`)
    return index === undefined ? '' : (this.plan.steps[index]?.title ?? '')
  }

  private actionOf(where: Where): Plan['steps'][number]['action'] | undefined {
    const index = this.plan.byId.get(where.path === 'forward' ? where.step : `undo of ${where.step}`)
    return index === undefined ? undefined : this.plan.steps[index]?.action
  }

  private isGate(where: Where): boolean {
    return this.actionOf(where)?.kind === 'gate'
  }

  private claimsOf(where: Where): readonly Claim[] {
    const action = this.actionOf(where)
    return action?.kind === 'gate' ? action.claims : []
  }

  private follow(claims: readonly Claim[]): void {
    if (claims.length === 0) return
    // A variable that has no value: the gate will fail for it, and claims nothing.
    const known = claims.filter(claim => !claim.args.some(arg => typeof arg !== 'string' && arg.some(part => typeof part !== 'string' && this.variable(part.name) === undefined)))
    this.followAll(known.map(claim => ({ name: claim.name, args: claim.args.map(arg => fill(arg, this.variable)) })))
  }

  private followAll(claims: GuardEvent['claims']): void {
    const followed: Followed[] = claims.map(({ name, args }) => ({ name, args, changes: [] }))
    const look = (): void => {
      for (const claim of followed) {
        const is = this.cluster.claim(claim.name, claim.args)
        if (claim.changes.length === 0 || claim.changes.at(-1)?.is !== is) claim.changes.push({ atUs: this.sim.now, is })
      }
    }
    look()
    this.following = { claims: followed, stop: this.sim.observe(look) }
  }

  private leaveGate(): void {
    this.following?.stop()
    this.following = undefined
  }

  /** Whether all claims were true; undefined when there are none, or the engine knows none of them. */
  private honesty(e: Pick<GateEvent, 'claims' | 'judgedUs'>): boolean | undefined {
    let honest: boolean | undefined
    for (const { name, args } of e.claims) {
      const now = this.cluster.claim(name, args)
      const followed = this.following?.claims.find(c => c.name === name && c.args.join('\0') === args.join('\0'))
      const then = followed?.changes.findLast(change => change.atUs <= e.judgedUs)?.is
      if (now === undefined && then === undefined) continue
      honest = (honest ?? true) && (now === true || then === true)
    }
    return honest
  }
}

const writtenOut = (claims: GuardEvent['claims']): string[] => claims.map(({ name, args }) => (args.length === 0 ? name : `${name}(${args.join(', ')})`))

function isAt(a: Where, b: Where): boolean {
  return a.step === b.step && a.visit === b.visit && a.path === b.path
}
