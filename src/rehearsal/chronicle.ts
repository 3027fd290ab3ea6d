/**
 * What only a recorded rehearsal keeps for its picture: who could acknowledge writes, and how far each follower was behind. It looks at settled
 * instants, reads the truth and changes nothing, so the trace is the same with and without it.
 */
import type { Cluster, Member } from '../engine.ts'
import { MILLISECOND, MINUTE, type Simulation, type Us } from '../kernel/index.ts'
import type { RehearsalResult } from '../result.ts'

type Story = NonNullable<RehearsalResult['story']>
type Sample = Story['lag'][number]

/** A change of lag that no picture shows. */
const LEAST_CHANGE_US = 20 * MILLISECOND
/** Far enough back for any lag that is still told as a time. */
const LOOK_BACK_US = 240 * MINUTE

export class Chronicle {
  readonly acknowledgers: Story['acknowledgers'][number][] = []
  readonly lag: Story['lag'][number][] = []
  /** Of each member the value noted last, and the latest that was skipped since. */
  private readonly noted = new Map<string, { readonly lagUs: Us | undefined; skipped: Sample | undefined }>()

  constructor(
    private readonly sim: Simulation,
    private readonly cluster: Cluster,
  ) {
    this.look()
    sim.observe(() => this.look())
  }

  private look(): void {
    const { truth } = this.cluster
    const atUs = this.sim.now
    const members = truth.couldAcknowledge()
    const before = this.acknowledgers.at(-1)?.members
    if (before === undefined || before.length !== members.length || before.some((name, i) => name !== members[i])) this.acknowledgers.push({ atUs, members })
    for (const member of truth.members()) this.noteLag(atUs, member)
  }

  /** Keeps the ends of straight stretches: a value that hardly differs is skipped, and kept after all when the next one jumps. */
  private noteLag(atUs: Us, member: Member): void {
    const lagUs = lagOf(member, atUs)
    const noted = this.noted.get(member.name)
    const changed = noted === undefined || (noted.lagUs === undefined) !== (lagUs === undefined) || Math.abs((noted.lagUs ?? 0) - (lagUs ?? 0)) >= LEAST_CHANGE_US
    const sample = { atUs, member: member.name, lagUs }
    if (!changed) {
      noted.skipped = sample
      return
    }
    if (noted?.skipped !== undefined && noted.skipped.atUs < atUs) this.lag.push(noted.skipped)
    this.lag.push(sample)
    this.noted.set(member.name, { lagUs, skipped: undefined })
  }
}

/** How old the leader's byte is that the follower has just flushed; undefined for who follows nobody. */
function lagOf({ copy, running }: Member, nowUs: Us): Us | undefined {
  if (copy === undefined || !running || copy.leading || copy.root() === copy) return undefined
  const writtenUs = copy.root().curves.receive.reaches(copy.lsn('flush'), nowUs - LOOK_BACK_US)
  return Number.isFinite(writtenUs) ? Math.max(0, Math.round(nowUs - writtenUs)) : LOOK_BACK_US
}
