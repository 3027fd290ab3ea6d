/** The hinge: what an engine (a simulated database on its platform) offers to everything in `src`, which knows an engine only through this file. */
import type { z } from 'zod'
import type { AckInterval, Copy, History, Position, ReplicatedLog } from './cluster/log/index.ts'
import type { Simulation, Us } from './kernel/index.ts'
import type { CommandRegistry } from './operator/command.ts'
import type { SafeLines, Typed } from './operator/script/edits.ts'

export type { SafeLines, Typed } from './operator/script/edits.ts'

/** One rule of a model: a claim with a source and a test. */
export interface Rule {
  /** e.g. `PG-ACK-1`, `K8S-STS-2`. */
  readonly id: string
  readonly statement: string
  readonly source: string
  /** Where its test stands, e.g. `test/postgres/ack.test.ts`. */
  readonly test: string
  /** The model it is a rule of, where that is not the engine itself but what it stands on. */
  readonly model?: string
}

/** What is wrong with a cluster description, at a path into it (`['quorum', 'k']`). */
export interface Problem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** A default that the user did not set: assumptions are results. */
export interface Assumption {
  readonly option: string
  readonly value: unknown
  readonly meaning: string
  readonly source: string
  /** Within what it may plausibly differ; undefined = it is a choice of the scenario or a constant of the software, which nothing is gained by varying. */
  readonly range?: AssumptionRange
}

/**
 * Where a default may plausibly lie instead, and who says so ([P] published, [M] measured, [J] judgement). Each end and each value is something
 * that the option itself accepts, so a scenario can be run with it. It contains the default: a number lies between the ends, a distribution has its
 * median between them (and is replaced by the constant when an end is tried), a word is among the values.
 */
export type AssumptionRange =
  | { readonly low: number; readonly high: number; readonly values?: undefined; readonly source: string }
  | { readonly low?: undefined; readonly high?: undefined; readonly values: readonly unknown[]; readonly source: string }

/** An option that is a size, with the smaller values worth trying. */
export interface Size {
  /** Where it stands in the options (`['pooler', 'replicas']`). */
  readonly path: readonly string[]
  /** Values below the present one, the smallest first; plain data. */
  readonly candidates: readonly unknown[]
}

export interface Engine<Options = unknown> {
  readonly name: string
  readonly title: string
  /** The `cluster:` section: strict, every field with a default, `.describe()`d with unit and source. `profile` picks a set of defaults. */
  readonly options: z.ZodType<Options>
  readonly rules: readonly Rule[]
  /** The fault kinds this engine can be struck by. */
  readonly faultKinds: readonly FaultKind[]
  /** A commented starter scenario and runbook for `proofroll init`, by file name. */
  readonly starter: Readonly<Record<string, string>>
  /** What no schema can say: a quorum larger than the standbys, and the like. */
  problems(options: Options): readonly Problem[]
  /** Every option and its sourced default, for `assumptions`. */
  assumptions(given: Readonly<Record<string, unknown>>, options: Options): readonly Assumption[]
  /**
   * Components whose target version is a mere default: nothing in the cluster's description says that the upgrade is about them. Whether they reach
   * it is judged only where somebody got there.
   */
  assumedTargets?(given: Readonly<Record<string, unknown>>): readonly string[]
  /** The names by which commands can reach something when a runbook begins: pods and services. Optional: without it `check` doubts no name. */
  names?(options: Options): readonly string[]
  /** The options that say how large a cluster is: what a failure is shrunk along. Without it clusters keep their size. {@link problems} is asked first. */
  shrinks?(options: Options): readonly Size[]
  /**
   * Lines of shell that are known to be safe beside a command of a script: wait until the copy has replayed what it received, ask for the role first.
   * Tried out when a script is to be mended (`--mend`), so each is what an experienced person might put there, whatever the script is about.
   */
  safeBeside?(options: Options, typed: Typed): readonly SafeLines[]
  /** What keeps a failure of a cause (`src/checks/README.md`) from happening, in this field's commands: told after the general advice, like it not rehearsed. */
  readonly remedies?: Readonly<Record<string, string>>
  build(sim: Simulation, options: Options): Cluster
}

/** How many data-bearing members faults alone may take away at once (design §8, budget). */
export interface Budget {
  readonly members: number
}

/** One cluster in one rehearsal. */
export interface Cluster {
  /** Programs on the operator's workstation. */
  readonly commands: CommandRegistry
  /** The client programs' ways in. The first is the default. */
  readonly entrances: Readonly<Record<string, Entrance>>
  /** The logs, one per key share. A single PostgreSQL cluster has one. */
  readonly logs: readonly ReplicatedLog[]
  readonly truth: Truth
  readonly budget: Budget
  /** The fault's possible targets in this cluster now, in a fixed order (`node:aks-1`, `pod:pg-0`, `zone:1`, `cluster`). */
  targets(kind: EngineKind): readonly string[]
  /** Strikes. Returns how to end it and what it touched. */
  strike(fault: StruckFault): Strike
  /** Tells `listener` when packets begin or cease to take longer than usual somewhere ({@link Session.addedUs}). Absent where sessions never know. */
  onDelay?(listener: () => void): void
  /** Kinds that a test suite defined for itself: no engine has them, the suite lays them over one. */
  own?: OwnFaults
  /**
   * Brings the world to its steady state before time counts: everything placed, started and streaming. Runs the simulation as long as
   * needed; afterwards the caller takes `sim.now` as the zero of the story.
   */
  settle(): void
  /**
   * Whether something is under way that will go on by itself (a disk on its way to another node, a process starting): not settled yet. What waits
   * to be tried again counts until it has been tried since `sinceUs`: only then has it seen that the faults are over.
   */
  underWay(sinceUs: Us): boolean
  /** Whether a `claims:` of a gate is true now; undefined = this engine does not know that claim. */
  claim(name: string, args: readonly string[]): boolean | undefined
  /** Where rows are written to two databases: what a fixed sample of keys, simulated one by one, says of them now. Absent: what is lost shows in the logs alone. */
  rows?(): RowAudit
  /** Node-time for the bill. */
  cost(): { readonly baseNodeUs: number; readonly extraNodeUs: number; readonly peakNodes: number; readonly baseNodes: number; readonly dollarsPerNodeHour: number }
}

// ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a sample of keys says of the rows of all. */
export interface RowAudit {
  /** Classes of keys, each sampled by itself. Keys with something on its way are left out of the sample. */
  readonly strata: readonly RowStratum[]
  /** The sampled keys whose rows are not what they should be, in the order of the keys. */
  readonly divergent: readonly DivergentRow[]
  /** Operations that took effect more than once in one database, counted in the sample. */
  readonly repeated: number
}

export interface RowStratum {
  readonly name: string
  /** How many keys there are of this class, and how many of them the sample has. */
  readonly keys: number
  readonly sampled: number
  /** How many of the sampled ones differ, and how many acknowledged operations on them have left no trace where it counts. */
  readonly divergent: number
  readonly lost: number
}

/** One sampled key whose rows are not what they should be. */
export interface DivergentRow {
  readonly key: string
  readonly stratum: string
  /** missing: there should be a row; resurrected: there should be none; stale: it should be a newer one. */
  readonly kind: 'missing' | 'resurrected' | 'stale'
  /** How it came about, for the signature: stale-overwrite, interleaved, not-written-there … */
  readonly cause: string
  /** When it became so. */
  readonly atUs: Us
  /** Acknowledged operations that the database that counts knows nothing of; 0 = that one is right and the other differs. */
  readonly lost: number
  /** The database whose row is wrong. */
  readonly where: string
  /** What is wrong, in words: `it was deleted and blue-db-0 holds an older row`. */
  readonly text: string
}

// ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The vocabulary (design §8), and what a test suite adds to it. An engine supports the kinds it lists; each has one record shape. */
export type FaultKind = EngineKind | OwnKind

/** What a cluster itself can be struck by. */
export type EngineKind =
  | 'process-crash'
  | 'process-kill'
  | 'process-pause'
  | 'node-loss'
  | 'node-loss-with-volume'
  | 'zone-outage'
  | 'partition'
  | 'partition-inbound'
  | 'partition-outbound'
  | 'latency'
  | 'replication-lag'
  | 'replay-stall'
  | 'long-transaction'
  | 'disk-slow'
  | 'disk-full'
  | 'api-server-away'
  | 'image-pull-slow'
  | 'operator-killed'
  | 'operator-rolls-back'
  | 'operator-skips'
  | 'operator-repeats'
  | 'operator-swaps'
  | 'operator-wrong-target'
  | 'operator-stale-reading'
  | 'slot-lost'
  | 'standby-diverged'
  | 'load-spike'
  | 'new-version-crashes'
  | 'new-version-slow'
  | 'new-version-cannot-read'
  | 'new-version-breaks-replication'
  | 'new-version-false-ready'
  | 'machine-slow'
  | 'clock-jump'
  | 'eviction'
  | 'node-pressure'
  | 'packet-loss'
  | 'flapping'
  | 'partition-pair'
  | 'endpoints-stale'
  | 'proxy-restart'
  | 'unsynced-writes-lost'
  | 'attach-slow'
  | 'surge-missing'
  | 'probe-flapping'
  | 'pdb-blocking'
  | 'controller-down'
  | 'partition-peers'
  | 'partition-heartbeats'
  | 'load-slow'
  | 'persistence-off'
  | 'backlog-short'
  | 'coordinator-away'

/** A kind that a test suite defines for itself: the `x-` keeps it apart from the vocabulary, which is closed. */
export type OwnKind = `x-${string}`

/** What the kinds of a test suite can strike in one cluster, and how they do it. */
export interface OwnFaults {
  targets(kind: OwnKind): readonly string[]
  strike(fault: StruckFault<OwnKind>): Strike
}

/** A fault at the moment it strikes. */
export interface StruckFault<Kind extends FaultKind = EngineKind> {
  readonly kind: Kind
  readonly target: string
  readonly durationUs: Us
  /** Kind-specific strength, in the unit its fault declares (factor, µs, bytes per second …). */
  readonly magnitude: number
  /** Position in the schedule, for keyed draws. */
  readonly nth: number
}

export interface Strike {
  /** False when nothing was there to strike (a pod already gone). */
  readonly struck: boolean
  /** Members affected, for the budget and for the story. */
  readonly members: readonly string[]
  /** Ends the fault (heals, powers on); no effect for those that end by themselves. */
  end(): void
}

// ── clients ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A cohort of clients as an entrance sees it. */
export interface Client {
  readonly id: string
  /** The zone or place its packets come from. */
  readonly place: string
  /** The log it writes: which key share of a sharded database its operations are for. */
  readonly log: ReplicatedLog
  /** How long the program keeps a resolved address before it asks its resolver again; where the way in is a name whose records change. Default: not at all. */
  readonly dnsCacheUs?: Us
  /** How many connections it stands for, where a server lists or ends them one by one. Default: 1. */
  readonly connections?: number
  /** What happens to its session from now on. Called at the instant; never before `connect` returned. */
  sessionChanged(state: SessionState): void
}

/** What a session can do now. */
export type SessionState =
  /** Writes go to this leader's log; reads are answered. */
  | { readonly is: 'writable'; readonly leader: Copy }
  /** Writes fail at once with `error`; reads are answered from this copy. */
  | { readonly is: 'readOnly'; readonly copy: Copy; readonly error: string }
  /**
   * Everything queues without an error (a paused pooler, a server that is starting behind one). Who has waited for `ageLimitUs` is turned away,
   * first in first out, if the client does not give up before: a buffer has a window, and a size that the arrivals fill. `readsFrom`: only writes queue,
   * reads are answered from this copy (a lock that conflicts with writes alone).
   */
  | { readonly is: 'held'; readonly ageLimitUs?: Us; readonly readsFrom?: Copy }
  /** Packets vanish: nothing is answered until a time-out. */
  | { readonly is: 'silent' }
  /** The session stays, each query fails at once with `error`. */
  | { readonly is: 'failing'; readonly error: string }
  /** The other side closed it; outstanding operations are unknown. */
  | { readonly is: 'closed'; readonly error: string }

/** An open session; the client closes it when it reconnects. */
export interface Session {
  readonly state: SessionState
  /** The server it ends on, if it does. */
  readonly backend: string | undefined
  /** How much longer than when all is well a round trip to the server takes now (a fault of the network on the way), in µs. Absent = no longer. */
  addedUs?(): Us
  close(): void
}

/** The answer to a connection attempt. */
export type Knock =
  | { readonly is: 'open'; readonly session: Session; readonly afterUs: Us }
  | { readonly is: 'refused'; readonly error: string; readonly afterUs: Us }
  /** No answer at all: the client's own time-out ends the attempt. */
  | { readonly is: 'silent' }

export interface Entrance {
  readonly name: string
  /** The round trip between client and leader when all is well, in microseconds. */
  readonly roundTripUs: Us
  /** Tries to open a connection now; `nth` is the client's own count of attempts, for keyed draws. */
  connect(client: Client, nth: number): Knock
  /** Whether two knocks at this instant may be answered differently (several endpoints, by chance): who was refused then knocks on. Absent = never. */
  varies?(): boolean
  /**
   * The leader that a fresh client reaches here now and that would acknowledge its write: the authority of design §9. Pure; looks at all
   * that a fresh client might be routed to. `several` when different clients would be acknowledged by different leaders. An engine with
   * several logs is always asked about one.
   */
  fresh(log?: ReplicatedLog): { readonly is: 'leader'; readonly copy: Copy } | { readonly is: 'none'; readonly why: string } | { readonly is: 'several'; readonly copies: readonly Copy[] }
}

// ── truth ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One member of the cluster as it truly is. */
export interface Member {
  readonly name: string
  readonly node: string | undefined
  readonly zone: string | undefined
  /** Its database process runs (and is not paused or powered off). */
  readonly running: boolean
  readonly ready: boolean
  readonly role: 'leader' | 'follower' | 'none'
  readonly timeline: number | undefined
  /** Of each component: `node`, `image`, `engine`. */
  readonly versions: Readonly<Record<string, string>>
  readonly copy: Copy | undefined
  /** Of how many logs it leads, where that may be several; absent = of one, if its role is leader. */
  readonly leads?: number
  /** What else it holds: changes of other databases that have been merged into its own, or other logs' histories. The same list while it names the same. */
  readonly merged?: readonly Copy[] | undefined
  /** A follower that streams from the line of the one it should follow, or a leader. */
  readonly attached: boolean
  /** Follows its upstream within normal lag: counts as a healthy copy. */
  readonly caughtUp: boolean
}

/** An engine's own words for a place in its history, for stories: `timeline`, `LSN 1/4A2B of timeline 2`. */
export interface HistoryWords {
  /** What the number of a line of history is called; empty where the engine numbers none. */
  readonly line: string
  /** A place. @param line the number of the branch @param bytes since the log began */
  place(line: number, bytes: number): string
}

/** Of an engine that has no words of its own. */
export const PLAIN_HISTORY: HistoryWords = { line: 'history', place: (line, bytes) => `byte ${bytes} of history ${line}` }

/** What became of the members of a {@link Truth}, change by change. */
export interface MemberNews {
  /** Places in `members()` at which another member stands than before, in order of time; another list once places are given anew. */
  readonly places: readonly number[]
  /** The member at a place. */
  at(place: number): Member
}

/** What is so, whoever knows it. Everything here is pure and judged at `sim.now`. */
export interface Truth {
  /** What places in its history are called; {@link PLAIN_HISTORY} where it does not say. */
  readonly history?: HistoryWords
  /** Data-bearing members that exist (running or not), in a fixed order. What was given never changes; while nothing has, an engine may give the same list again. */
  members(): readonly Member[]
  /** Which of them are others than before: of a fleet nobody has to compare all at each change. Absent where there are few. Asked for, it is up to now. */
  readonly news?: MemberNews
  /** How many members the cluster is meant to have when all is done. */
  readonly expectedMembers: number
  /** The versions the upgrade is meant to reach, by component. */
  readonly targetVersions: Readonly<Record<string, string>>
  /** Where a component's version stands apart from members: on machines, whoever runs there. */
  versionsAround?(): Readonly<Record<string, readonly { readonly name: string; readonly version: string }[]>>
  /** Whether acknowledged writes are promised to survive the loss of one member. */
  readonly promise: 'asynchronous' | 'synchronous'
  /**
   * A leader that has been replaced answers reads from its past until it hears of that, and nobody promised otherwise: reads of the latest leader alone
   * are held to be linearizable. Absent where a read is promised as much as a write.
   */
  readonly deposedAnswerReads?: boolean
  /**
   * Names of running members that could each acknowledge a write at the declared durability now, whoever reaches them: to `log`, or (without
   * one) to any. Two in one log are a split brain; two in two logs are two shards.
   */
  couldAcknowledge(log?: ReplicatedLog): readonly string[]
  /**
   * Under a synchronous promise: names of running leaders that are set up to acknowledge a write by themselves, so that the promise has been given
   * up (`synchronous_standby_names` emptied, say). Absent where what a write waits for is the client's choice, not the server's.
   */
  acknowledgeAlone?(): readonly string[]
  /** Why a running member does not follow, in the database's own words; undefined when it does, or nothing is known. */
  troubleOf?(member: string): string | undefined
  /** Version combinations among running members that the facts call unsupported; empty = none. */
  forbiddenSkew(): readonly string[]
  /** The members that {@link forbiddenSkew} is about, to judge whose doing it is; left out = nobody but the runbook's. */
  skewed?(): readonly string[]
  /** Promotions so far, oldest first. */
  readonly promotions: readonly Promotion[]
  /** When each leader's process went away (crash, stop, loss), to judge inherent loss. */
  readonly departures: readonly Departure[]
  /** The authority of a log (design §9). */
  authority(log: ReplicatedLog): Authority
  /**
   * Other histories whose changes the database of this copy holds as well (merged into it by logical replication): what a read there sees besides
   * its own. Optional: without it a read sees its copy’s history alone.
   */
  mergedInto?(copy: Copy): readonly History[]
  /** Where else a lost interval still lies on a durable copy: member or volume names. */
  holders(interval: AckInterval): readonly string[]
}

/** Whose history counts at the end. */
export interface Authority {
  readonly position: Position | undefined
  /** Other histories whose changes it holds as well: those merged into it by logical replication. */
  readonly merged?: readonly History[]
  readonly why: string
  readonly member: string | undefined
}

export interface Promotion {
  readonly atUs: Us
  readonly member: string
  readonly from: Position
  /** The copy was the furthest that could be reached by the operator at that instant. */
  readonly furthestReachable: boolean
  readonly by: 'operator' | 'engine'
  /** When the engine gave the leader before up for lost, if that was earlier: an election takes a while, and the lost one may be back before it is over. */
  readonly verdictUs?: Us
}

export interface Departure {
  readonly atUs: Us
  readonly member: string
  readonly position: Position
  readonly cause: 'fault' | 'runbook'
}
