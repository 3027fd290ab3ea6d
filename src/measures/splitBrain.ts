/**
 * Split brain: the time in which at least two running nodes could each acknowledge a write for one key share at the declared durability,
 * whoever reaches them; and the writes acknowledged within that time on branches that lost.
 */
import type { Us } from '../kernel/index.ts'
import { learnedWithin } from './intervals.ts'
import { type Loss, type LossContext, struckAtUs } from './loss.ts'
import { Switch, type Window } from './window.ts'

export interface SplitWindow extends Window {
  /** Who could acknowledge when it began. */
  readonly members: readonly string[]
  /** Who of them could not an instant before. */
  readonly newcomers: readonly string[]
  /** It is the engine's own failover that did it, after a fault; see {@link isInherentSplit}. */
  readonly inherent: boolean
}

/**
 * Whether no runbook could have helped it, as of a loss that is inherent: the engine itself promoted one of them; when it gave each of the others
 * up for lost, a fault had taken that one away; and it came to an end by itself. (A leader that is cut off goes on for as long as its engine lets
 * it, and one that stood still does until it hears of its successor.)
 */
export function isInherentSplit(window: Window & { readonly members: readonly string[] }, context: Pick<LossContext, 'promotions' | 'departures' | 'faults' | 'changes'>): boolean {
  if (window.open) return false
  const promotion = context.promotions.findLast(p => p.atUs <= window.fromUs && window.members.includes(p.member))
  if (promotion === undefined || promotion.by !== 'engine') return false
  return window.members.every(member => member === promotion.member || struckAtUs(member, promotion, context) !== undefined)
}

export class SplitWatch {
  private readonly split = new Switch<{ readonly members: readonly string[]; readonly newcomers: readonly string[] }>()
  private last: readonly string[] = []
  /** Somebody could acknowledge at some time: without that, nothing was at stake. */
  anybody = false

  /** From `nowUs` on these members could acknowledge. */
  set(nowUs: Us, members: readonly string[]): void {
    const { last } = this
    let same = 0
    while (same < members.length && members[same] === last[same]) same++
    if (same === members.length && same === last.length) return
    this.anybody ||= members.length > 0
    this.split.set(nowUs, members.length >= 2, { members, newcomers: members.filter(name => !last.includes(name)) })
    this.last = members
  }

  windows(nowUs: Us): readonly Omit<SplitWindow, 'inherent'>[] {
    return this.split.windows(nowUs).map(({ fromUs, toUs, open, detail }) => ({ fromUs, toUs, open, ...detail }))
  }
}

/** Writes acknowledged on losing branches while the brain was split. An open window counts to its end and the instant itself. */
export function splitWrites(losses: readonly Loss[], windows: readonly Window[]): number {
  let sum = 0
  for (const loss of losses) for (const window of windows) sum += learnedWithin(loss.interval, window.fromUs, window.open ? Number.POSITIVE_INFINITY : window.toUs)?.writes ?? 0
  return sum
}
