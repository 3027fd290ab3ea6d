/**
 * The fault budget, judged during the run on the truth (design §8): a run is in budget iff only allowed kinds struck, faults alone never
 * hold more than b data-bearing members down, cut off or not yet caught up, and every fault but the loss of a node or its volume ends
 * within 15 minutes. A member that the runbook took down counts only if a fault touched it.
 * Not judged here: whether the runbook should have survived it. That is for the checks.
 */
import type { Cluster, FaultKind, Member } from '../engine.ts'
import { formatClock, formatDuration, type Us } from '../kernel/index.ts'
import { type FaultSpec, LONGEST_IN_BUDGET_US } from './family.ts'
import type { Fault } from './schedule.ts'

/** One fault that struck, and the members it still holds. */
interface Hold {
  readonly spec: FaultSpec
  readonly members: Set<string>
  active: boolean
}

/** Whether a member is a whole copy: running, on the line it should be on, and level with it. */
function isWhole(member: Member): boolean {
  return member.running && member.attached && (member.role === 'leader' || member.caughtUp)
}

export class BudgetWatch {
  private readonly holds: Hold[] = []
  /** The most members that faults held at one instant. */
  peak = 0
  /** Why the run is out of budget; undefined while it is in. */
  reason: string | undefined

  /** @param members how many members faults may hold at once (b of design §8) @param kinds which kinds may strike */
  constructor(
    private readonly cluster: Cluster,
    private readonly members: number,
    private readonly kinds: readonly FaultKind[],
  ) {}

  get inBudget(): boolean {
    return this.reason === undefined
  }

  /** A fault struck and touched these members. Returns what to call when it has ended. */
  struck(spec: FaultSpec, fault: Fault, touched: readonly string[]): () => void {
    if (spec.onlyWhenNamed !== 'strategy' && !this.kinds.includes(fault.kind)) this.exceed(`${fault.kind} is not among the scenario's faults`)
    if (!spec.mayLast && fault.durationUs > LONGEST_IN_BUDGET_US) this.exceed(`${fault.kind} lasts ${formatDuration(fault.durationUs)}, more than ${formatDuration(LONGEST_IN_BUDGET_US)}`)
    if (spec.budget === 'never' || touched.length === 0) return () => {}
    const hold: Hold = { spec, members: new Set(touched), active: true }
    this.holds.push(hold)
    return () => {
      hold.active = false
    }
  }

  /** Counts what faults hold at this settled instant. Ask after every instant in which something changed; costs nothing while no fault holds anything. */
  look(now: Us): void {
    if (this.holds.length === 0) return
    const present = new Map(this.cluster.truth.members().map(m => [m.name, m]))
    const held = new Map<string, FaultKind>()
    for (let i = this.holds.length - 1; i >= 0; i--) {
      const hold = this.holds[i] as Hold
      let left = hold.spec.holdsAtMost ?? hold.members.size
      for (const name of [...hold.members]) {
        const member = present.get(name)
        if (counts(hold, member)) {
          if (left-- > 0) held.set(name, hold.spec.kind)
        }
        // Once the fault is over, a member that is whole, or that somebody removed, is no longer the fault's doing.
        else if (!hold.active) hold.members.delete(name)
      }
      if (hold.members.size === 0) this.holds.splice(i, 1)
    }
    this.peak = Math.max(this.peak, held.size)
    if (held.size <= this.members) return
    const list = [...held].map(([name, kind]) => `${name} (${kind})`).sort()
    this.exceed(`faults held ${held.size} members at ${formatClock(now)}, ${this.members} allowed: ${list.join(', ')}`)
  }

  private exceed(reason: string): void {
    this.reason ??= reason
  }
}

function counts(hold: Hold, member: Member | undefined): boolean {
  if (member === undefined) return false
  return (hold.active && hold.spec.budget === 'takes-away') || !isWhole(member)
}
