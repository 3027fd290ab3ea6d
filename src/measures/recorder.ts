/**
 * The recorder: watches one rehearsal from outside and integrates every measure of design §9 exactly, as windows with whole-microsecond ends.
 * It reads the truth once per settled instant in which something changed (`sim.observe`) and hears of client flows as they change.
 * It changes nothing and notes nothing, so a recorded run and an unrecorded one have the same trace.
 */
import type { ReplicatedLog } from '../cluster/log/index.ts'
import type { Cluster, Member, MemberNews, RowAudit } from '../engine.ts'
import { HOUR, SECOND, type Simulation, type Us } from '../kernel/index.ts'
import type { MeasureId, MemberChange, StepRecord } from '../result.ts'
import type { Cohort, Workload } from '../workload/index.ts'
import { type Bill, costBetween } from './cost.ts'
import { attributeToSteps, downtimeUs, longestGapUs, type Outage, OutageWatch } from './downtime.ts'
import { type ExposedWindow, ExposureWatch, healthyLagUs } from './exposure.ts'
import { countLosses, explainLoss, type FaultRecord, type Loss } from './loss.ts'
import { estimateRows } from './rows.ts'
import { servedWithin } from './served.ts'
import { isInherentSplit, type SplitWindow, SplitWatch, splitWrites } from './splitBrain.ts'
import { isInherentSkew, type MixedWindow, type SkewWindow, VersionWatch } from './versions.ts'
import { clip, lengthUs, unite, type Window } from './window.ts'

/** When the story began, when the operator ended, and when the world had settled. */
export interface Horizon {
  readonly startUs: Us
  readonly operatorEndUs: Us
  readonly endUs: Us
}

/** How the client programs' connections changed, for the story. */
export interface ClientChange {
  readonly atUs: Us
  readonly client: string
  readonly state: string
  /** The server that its writes end on. */
  readonly on?: string | undefined
  /** What it was told, where it cannot write. */
  readonly error?: string | undefined
}

/** One log with all that had a copy of it, and the clients that write to it. */
export interface LogRecord {
  readonly log: string
  readonly members: readonly string[]
  readonly clients: readonly string[]
}

/** What the authority of one log was at the end. */
export interface AuthorityRecord {
  readonly log: string
  readonly member: string | undefined
  readonly why: string
  readonly exists: boolean
  readonly timeline: number | undefined
  readonly lsn: number | undefined
}

/** Everything measured in one rehearsal. Times are absolute instants of the simulation; windows are cut to the horizon. */
export interface Recording {
  readonly horizon: Horizon
  readonly measures: Readonly<Record<MeasureId, number>>
  /** Measures whose condition still held at the end: their numbers are lower bounds. */
  readonly open: readonly MeasureId[]
  readonly writeOutages: readonly Outage[]
  readonly readOutages: readonly Outage[]
  readonly splits: readonly SplitWindow[]
  readonly skews: readonly SkewWindow[]
  readonly mixed: readonly MixedWindow[]
  readonly exposed: readonly ExposedWindow[]
  readonly losses: readonly Loss[]
  /** What a sample of keys says of rows that are written to two databases; undefined where there is one. */
  readonly rows: RowAudit | undefined
  /** Writes acknowledged since the load began, and those whose outcome the client never learned. */
  readonly acknowledgedWrites: number
  readonly unknownWrites: number
  readonly authorities: readonly AuthorityRecord[]
  readonly steps: readonly StepRecord[]
  readonly membersAtEnd: readonly Member[]
  readonly changes: readonly MemberChange[]
  readonly clients: readonly ClientChange[]
  /** Some node could acknowledge at some time. */
  readonly anybodyCouldAcknowledge: boolean
  readonly baselineLagUs: Us
  /** Only of a recorded run. */
  readonly logs: readonly LogRecord[]
}

/** With more logs than this, who could acknowledge is asked only where a log or one of its members has changed. */
const FEW_LOGS = 32

export class Recorder {
  /** When the truth or a client flow last changed: the settling waits for quiet. */
  lastChangeUs: Us
  private startUs: Us | undefined
  private operatorEndUs: Us | undefined
  private billBefore: Bill | undefined
  private deficitBeforeNodeUs = 0
  private failuresBefore = { attempts: 0, operations: 0 }
  private baselineLagUs: Us = 0
  /** One for each log. */
  private readonly splits = new Map<ReplicatedLog, SplitWatch>()
  /** Logs that something happened to since the last look. */
  private readonly stirred = new Set<ReplicatedLog>()
  /** Whose copies lie in which log: what became of a member matters to the losses of its own log alone. */
  private readonly logOf = new Map<string, ReplicatedLog>()
  private serving = 0
  private deficit: { readonly sinceUs: Us; readonly nodeUs: number } = { sinceUs: 0, nodeUs: 0 }
  private readonly versions = new VersionWatch()
  private readonly exposure: ExposureWatch
  private readonly writes = new Map<Cohort, OutageWatch>()
  private readonly reads = new Map<Cohort, OutageWatch>()
  private readonly flows = new Map<Cohort, boolean>()
  private readonly labels = new Map<Cohort, string>()
  private readonly seen = new Map<string, Member>()
  /** The same in the order in which the truth told them last: mostly nothing has changed. */
  private known: readonly Member[] = []
  /** How much of the news of members has been read. */
  private read: { readonly of: MemberNews['places']; upTo: number } = { of: [], upTo: 0 }
  private readonly changes: MemberChange[] = []
  private readonly clients: ClientChange[] = []
  private readonly unobserve: () => void

  constructor(
    private readonly sim: Simulation,
    private readonly cluster: Cluster,
    private readonly workloads: readonly Workload[],
  ) {
    this.lastChangeUs = sim.now
    this.exposure = new ExposureWatch(cluster)
    for (const log of cluster.logs) {
      this.splits.set(log, new SplitWatch())
      this.stirred.add(log)
      if (cluster.logs.length > FEW_LOGS) log.onChange(() => this.stirred.add(log))
    }
    const keyShare = 1 / Math.max(1, workloads.length)
    for (const workload of workloads) {
      for (const cohort of workload.cohorts) {
        if (cohort.wantsToWrite) this.writes.set(cohort, new OutageWatch(cohort.id, cohort.share * keyShare))
        if (cohort.wantsToRead) this.reads.set(cohort, new OutageWatch(cohort.id, cohort.share * keyShare))
        this.flow(cohort)
      }
      workload.onChange(cohort => this.flow(cohort))
    }
    this.look()
    this.unobserve = sim.observe(() => this.look())
  }

  /** Whether the engine has something under way that will go on by itself: not settled yet, however quiet. */
  underWay(sinceUs: Us): boolean {
    return this.cluster.underWay(sinceUs)
  }

  /** The first step starts: from here on the measures count. */
  begin(): void {
    this.startUs = this.sim.now
    this.billBefore = this.cluster.cost()
    this.failuresBefore = this.failures()
    this.deficitBeforeNodeUs = this.deficitNodeUs(this.sim.now)
    this.baselineLagUs = healthyLagUs(this.cluster)
    this.look()
  }

  /** The operator has ended, one way or another. */
  operatorEnded(): void {
    this.operatorEndUs = this.sim.now
  }

  /** Ends the horizon now and integrates. @param steps as the executor journalled them @param faults as they struck */
  finish(steps: readonly StepRecord[], faults: readonly FaultRecord[], countedKinds: readonly ('ok' | 'warned')[] = ['ok', 'warned']): Recording {
    this.look()
    this.unobserve()
    const endUs = this.sim.now
    const startUs = this.startUs ?? endUs
    const horizon: Horizon = { startUs, operatorEndUs: this.operatorEndUs ?? endUs, endUs }
    const within = <W extends Window>(windows: readonly W[]): readonly W[] => clip(windows, startUs, endUs)
    const writeOutages = [...this.writes.values()].flatMap(watch => watch.outages(startUs, endUs))
    const readOutages = [...this.reads.values()].flatMap(watch => watch.outages(startUs, endUs))
    const { promotions, departures } = this.cluster.truth
    const splits = within([...this.splits.values()].flatMap(split => split.windows(endUs)))
      .toSorted((a, b) => a.fromUs - b.fromUs)
      .map(window => ({ ...window, inherent: isInherentSplit(window, { promotions, departures, faults, changes: this.changes }) }))
    const skews = within(this.versions.forbidden(endUs)).map(window => ({ ...window, inherent: isInherentSkew(window, { promotions, faults, changes: this.changes }) }))
    const mixedUnion = within(this.versions.mixedUnion(endUs))
    const exposed = within(this.exposure.windows(endUs))
    const { losses, authorities } = this.judgeLogs(faults, countedKinds)
    const rows = this.cluster.rows?.()
    const estimate = rows === undefined ? undefined : estimateRows(rows)
    const failures = this.failures()
    const cost = costBetween(this.billBefore ?? this.cluster.cost(), this.cluster.cost())
    const measures: Record<MeasureId, number> = {
      writeDowntimeSeconds: downtimeUs(writeOutages) / SECOND,
      longestWriteGapSeconds: longestGapUs(writeOutages) / SECOND,
      readDowntimeSeconds: downtimeUs(readOutages) / SECOND,
      lostAcknowledgedWrites: countLosses(losses) + (estimate?.lost ?? 0),
      inherentLostWrites: countLosses(losses, loss => loss.inherent),
      strandedWrites: countLosses(losses, loss => loss.fate === 'stranded'),
      splitBrainSeconds: lengthUs(unite(splits)) / SECOND,
      splitBrainWrites: splitWrites(losses, splits),
      divergentRows: estimate?.divergent ?? 0,
      mixedVersionSeconds: lengthUs(mixedUnion) / SECOND,
      mixedVersionRequests: servedWithin(this.workloads, mixedUnion, readOutages),
      forbiddenSkewSeconds: lengthUs(skews) / SECOND,
      redundancyExposedSeconds: lengthUs(exposed) / SECOND,
      failedAttempts: Math.round(failures.attempts - this.failuresBefore.attempts),
      failedAfterRetry: Math.round(failures.operations - this.failuresBefore.operations),
      durationSeconds: (horizon.operatorEndUs - startUs) / SECOND,
      ...cost,
      capacityDeficitNodeHours: (this.deficitNodeUs(endUs) - this.deficitBeforeNodeUs) / HOUR,
    }
    return {
      horizon,
      measures,
      open: openMeasures({ writeDowntimeSeconds: writeOutages, longestWriteGapSeconds: writeOutages, readDowntimeSeconds: readOutages, splitBrainSeconds: splits, mixedVersionSeconds: mixedUnion, forbiddenSkewSeconds: skews, redundancyExposedSeconds: exposed }),
      writeOutages,
      readOutages,
      splits,
      skews,
      mixed: within(this.versions.mixed(endUs)),
      exposed,
      losses,
      rows,
      acknowledgedWrites: this.total(countedKinds),
      unknownWrites: this.workloads.reduce((sum, { log }) => sum + log.ledger.total('unknown'), 0),
      authorities,
      steps: attributeToSteps(steps, writeOutages, endUs),
      membersAtEnd: this.cluster.truth.members(),
      changes: this.changes,
      clients: this.clients,
      anybodyCouldAcknowledge: [...this.splits.values()].some(split => split.anybody),
      baselineLagUs: this.baselineLagUs,
      logs: this.sim.records === undefined ? [] : this.logs(),
    }
  }

  private logs(): readonly LogRecord[] {
    const members = new Map<ReplicatedLog, string[]>()
    for (const [member, log] of this.logOf) members.set(log, [...(members.get(log) ?? []), member])
    return this.workloads.map(({ log, cohorts }) => ({ log: log.name, members: members.get(log) ?? [], clients: cohorts.map(({ id }) => id) }))
  }

  private judgeLogs(faults: readonly FaultRecord[], kinds: readonly ('ok' | 'warned')[]): { losses: Loss[]; authorities: AuthorityRecord[] } {
    const { truth } = this.cluster
    const losses: Loss[] = []
    const authorities: AuthorityRecord[] = []
    for (const { log } of this.workloads) {
      const { position, merged = [], why, member } = truth.authority(log)
      authorities.push({ log: log.name, member, why, exists: position !== undefined, timeline: position?.branch.timeline, lsn: position?.lsn })
      // No authority: no durable copy is left, so nothing that was acknowledged survives.
      const lost = position === undefined ? log.ledger.intervals().filter(({ kind }) => kind !== 'unknown' && kinds.includes(kind)) : log.ledger.beyond([position, ...merged], kinds)
      if (lost.length === 0) continue
      losses.push(
        ...explainLoss(lost, {
          authority: position,
          merged,
          promotions: truth.promotions,
          departures: truth.departures,
          faults,
          changes: this.changesOf(log),
          baselineLagUs: this.baselineLagUs,
          holders: interval => truth.holders(interval),
        }),
      )
    }
    return { losses, authorities }
  }

  private changesOf(log: ReplicatedLog): readonly MemberChange[] {
    return this.cluster.logs.length === 1 ? this.changes : this.changes.filter(({ member }) => this.logOf.get(member) === log)
  }

  private total(kinds: readonly ('ok' | 'warned')[]): number {
    let sum = 0
    for (const { log } of this.workloads) for (const kind of kinds) sum += log.ledger.total(kind)
    return sum
  }

  private failures(): { attempts: number; operations: number } {
    let attempts = 0
    let operations = 0
    for (const workload of this.workloads) {
      const total = workload.failures(this.sim.now)
      attempts += total.attempts
      operations += total.operations
    }
    return { attempts, operations }
  }

  private flow(cohort: Cohort): void {
    const { now } = this.sim
    this.writes.get(cohort)?.set(now, cohort.writing, cohort.state)
    this.reads.get(cohort)?.set(now, cohort.reading, cohort.state)
    // Reads come and go with every reconnection attempt: they do not keep the settling from being quiet.
    if (this.flows.get(cohort) !== cohort.writing) {
      this.flows.set(cohort, cohort.writing)
      this.lastChangeUs = now
    }
    if (this.sim.records !== undefined && this.labels.get(cohort) !== cohort.label) {
      this.labels.set(cohort, cohort.label)
      this.clients.push({ atUs: now, client: cohort.id, state: cohort.label, ...(cohort.writing ? { on: cohort.backend } : cohort.error === '' ? {} : { error: cohort.error }) })
    }
  }

  /** Reads the settled truth. Versions and skew can only change with a member, so they are judged only then. */
  private look(): void {
    const { now } = this.sim
    const { truth } = this.cluster
    const { news } = truth
    const changed = news === undefined ? this.noteMembers(now, truth.members()) : this.noteNews(now, news)
    if (changed) {
      this.lastChangeUs = now
      this.versions.look(now)
      this.versions.setSkew(now, truth.forbiddenSkew(), truth.skewed?.() ?? [])
    }
    this.lookForSplits(now)
    this.exposure.look(now)
  }

  private lookForSplits(now: Us): void {
    const { truth, logs } = this.cluster
    if (logs.length <= FEW_LOGS) {
      for (const log of logs) this.splits.get(log)?.set(now, truth.couldAcknowledge(log))
      return
    }
    for (const log of this.stirred) this.splits.get(log)?.set(now, truth.couldAcknowledge(log))
    this.stirred.clear()
  }

  /** Records the members of which there is news, in the order of their places; whether any changed. */
  private noteNews(now: Us, news: MemberNews): boolean {
    const { places } = news
    if (places !== this.read.of) {
      this.read = { of: places, upTo: places.length }
      return this.noteMembers(now, this.cluster.truth.members())
    }
    if (this.read.upTo === places.length) return false
    const fresh = places.slice(this.read.upTo).sort((a, b) => a - b)
    this.read.upTo = places.length
    let changed = false
    for (const [i, place] of fresh.entries()) if (place !== fresh[i - 1] && this.noteMember(now, news.at(place))) changed = true
    return changed
  }

  /** Records the members that changed; whether any did. Members that are the same objects in the same places cost nothing. */
  private noteMembers(now: Us, members: readonly Member[]): boolean {
    const { known } = this
    if (members === known) return false
    this.known = members
    let changed = false
    for (let i = 0; i < members.length; i++) {
      const member = members[i] as Member
      if (member !== known[i] && this.noteMember(now, member)) changed = true
    }
    if (this.seen.size > members.length) {
      for (const [name, gone] of this.seen) {
        if (members.some(member => member.name === name)) continue
        this.take(now, gone, undefined)
        this.seen.delete(name)
        this.changes.push({ ...strip(now, gone), running: false, role: 'none', gone: true })
        changed = true
      }
    }
    return changed
  }

  /** Records one member, if it changed; whether it did. */
  private noteMember(now: Us, member: Member): boolean {
    const before = this.seen.get(member.name)
    if (before !== undefined && same(before, member)) {
      if (before.copy !== member.copy) this.take(now, before, member)
      return false
    }
    this.take(now, before, member)
    if (before === undefined || !sameStrip(before, member)) this.changes.push(strip(now, member))
    return true
  }

  /** Whoever counts members learns of the one that is another now. */
  private take(now: Us, before: Member | undefined, after: Member | undefined): void {
    if (after !== undefined) this.seen.set(after.name, after)
    this.versions.setMember(before, after)
    this.exposure.setMember(before, after)
    for (const member of [before, after]) {
      if (member?.copy === undefined) continue
      this.stirred.add(member.copy.log)
      this.logOf.set(member.name, member.copy.log)
    }
    const serving = this.serving - (serves(before) ? 1 : 0) + (serves(after) ? 1 : 0)
    if (serving === this.serving) return
    this.deficit = { sinceUs: now, nodeUs: this.deficitNodeUs(now) }
    this.serving = serving
  }

  /** Node time that was missing so far: each member short of the full number, while it was. */
  private deficitNodeUs(now: Us): number {
    const { sinceUs, nodeUs } = this.deficit
    return nodeUs + Math.max(0, this.cluster.truth.expectedMembers - this.serving) * (now - sinceUs)
  }
}

/** Whether a member carries its share of the load: it runs, is Ready and has its data. */
function serves(member: Member | undefined): boolean {
  return member !== undefined && member.running && member.ready && member.attached
}

function strip(atUs: Us, { name, node, running, role, timeline, versions }: Member): MemberChange {
  return { atUs, member: name, node, running, role, timeline, versions }
}

function sameStrip(a: Member, b: Member): boolean {
  return a.name === b.name && a.running === b.running && a.role === b.role && a.timeline === b.timeline && a.node === b.node && sameVersions(a.versions, b.versions)
}

function same(a: Member, b: Member): boolean {
  if (a === b) return true
  return sameStrip(a, b) && a.ready === b.ready && a.attached === b.attached && a.caughtUp === b.caughtUp
}

function sameVersions(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true
  for (const component in a) if (a[component] !== b[component]) return false
  for (const component in b) if (!(component in a)) return false
  return true
}

function openMeasures(windows: Partial<Record<MeasureId, readonly Window[]>>): readonly MeasureId[] {
  return (Object.keys(windows) as MeasureId[]).filter(id => windows[id]?.some(window => window.open))
}
