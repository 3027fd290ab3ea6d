/** The replica set configuration: who is a member, who votes, who may lead. Source: rs.conf() documentation, facts M01–M03. */
import { memberHost, type MongodbOptions } from './topology-names.ts'

export interface MemberConfig {
  readonly _id: number
  /** Name of its pod. */
  readonly name: string
  readonly host: string
  readonly arbiterOnly: boolean
  readonly buildIndexes: boolean
  readonly hidden: boolean
  readonly priority: number
  readonly secondaryDelaySecs: number
  readonly votes: number
  readonly newlyAdded?: boolean
}

export interface Settings {
  readonly chainingAllowed: boolean
  readonly heartbeatIntervalMillis: number
  readonly heartbeatTimeoutSecs: number
  readonly electionTimeoutMillis: number
  readonly catchUpTimeoutMillis: number
  readonly catchUpTakeoverDelayMillis: number
}

/** One version of the configuration. Immutable; ordered by (term, version). */
export class Config {
  constructor(
    readonly set: string,
    readonly version: number,
    readonly term: number,
    readonly members: readonly MemberConfig[],
    readonly settings: Settings,
  ) {}

  member(name: string): MemberConfig | undefined {
    return this.members.find(m => m.name === name)
  }

  get voters(): readonly MemberConfig[] {
    return this.members.filter(m => votesNow(m))
  }

  /** Votes that win an election. */
  get majority(): number {
    return Math.floor(this.voters.length / 2) + 1
  }

  /** How many members must hold a write at w:majority: a majority of the votes, but never more than can hold data (rule MG-ACK-1). */
  get writeMajority(): number {
    return Math.min(this.majority, this.voters.filter(m => !m.arbiterOnly).length)
  }

  /** The write concern that holds where nobody set one (rule MG-ACK-2, M20). */
  get implicitWriteConcern(): 'majority' | 1 {
    const arbiters = this.voters.filter(m => m.arbiterOnly).length
    return arbiters > 0 && this.voters.length - arbiters <= this.majority ? 1 : 'majority'
  }

  newerThan(other: Config): boolean {
    return this.term > other.term || (this.term === other.term && this.version > other.version)
  }
}

/** A member that is being added does not vote before it has its data (rule MG-SYNC-5). */
function votesNow(m: MemberConfig): boolean {
  return m.votes > 0 && m.newlyAdded !== true
}

/** The configuration that the set has when the story begins. */
export function initialConfig(options: MongodbOptions): Config {
  const members: MemberConfig[] = []
  const add = (name: string, rest: Partial<MemberConfig>): void => {
    members.push({ _id: members.length, name, host: memberHost(options, name), arbiterOnly: false, buildIndexes: true, hidden: false, priority: 1, secondaryDelaySecs: 0, votes: 1, ...rest })
  }
  for (let i = 0; i < options.members; i++) {
    const hidden = options.hidden.includes(i)
    const delay = options.delays[i] ?? 0
    // At most seven members vote (rule MG-VOTE-4).
    const votes = options.votes[i] ?? (i < 7 - options.arbiters ? 1 : 0)
    add(`${options.name}-${i}`, { hidden, votes, secondaryDelaySecs: delay, priority: options.priorities[i] ?? (hidden || votes === 0 || delay > 0 ? 0 : 1) })
  }
  for (let i = 0; i < options.arbiters; i++) add(`${options.name}-arbiter-${i}`, { arbiterOnly: true, priority: 0 })
  return new Config(options.replicaSet, 1, 1, members, {
    chainingAllowed: options.chainingAllowed,
    heartbeatIntervalMillis: options.heartbeatIntervalMillis,
    heartbeatTimeoutSecs: options.heartbeatTimeoutSeconds,
    electionTimeoutMillis: options.electionTimeoutMillis,
    catchUpTimeoutMillis: options.catchUpTimeoutMillis,
    catchUpTakeoverDelayMillis: 30_000,
  })
}
