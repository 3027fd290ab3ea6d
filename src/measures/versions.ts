/**
 * Versions that differ.
 *
 * - *Mixed version*, per component (node, image, engine, …): the time in which running members differ in it; `mixedVersionSeconds` is the
 *   length of the union over components. A component that a member does not have says nothing about it.
 * - *Forbidden skew*: the time in which the facts call a combination of running members unsupported.
 */
import type { Member, Promotion } from '../engine.ts'
import { NEVER, type Us } from '../kernel/index.ts'
import type { MemberChange } from '../result.ts'
import { type FaultRecord, takesAway } from './loss.ts'
import { Switch, type Window } from './window.ts'

export interface MixedWindow extends Window {
  readonly component: string
}

export interface SkewWindow extends Window {
  /** The unsupported combinations, in the engine's words. A window ends where another begins. */
  readonly what: readonly string[]
  /** The members concerned; empty when the engine does not say. */
  readonly members: readonly string[]
  /** A fault's doing; see {@link isInherentSkew}. */
  readonly inherent: boolean
}

interface SkewContext {
  readonly promotions: readonly Promotion[]
  readonly faults: readonly FaultRecord[]
  readonly changes: readonly MemberChange[]
}

/**
 * Whether no runbook could have helped it: versions that go together only while all is well (an older replica that goes on from where it was) no
 * longer did, because a fault took one of the members concerned away. The fault must be the last thing that happened to them: the operator has
 * promoted none of them since it was over, and none has another version since it struck. And it came to an end.
 */
export function isInherentSkew(window: Omit<SkewWindow, 'inherent'>, { promotions, faults, changes }: SkewContext): boolean {
  const { members } = window
  if (window.open || members.length === 0) return false
  return faults.some(fault => {
    if (!fault.struck || fault.atUs > window.fromUs || !takesAway(fault.kind) || !fault.members.some(name => members.includes(name))) return false
    const overUs = fault.endUs ?? NEVER
    if (promotions.some(p => p.by === 'operator' && members.includes(p.member) && p.atUs > overUs && p.atUs <= window.fromUs)) return false
    return members.every(name => versionAt(changes, name, fault.atUs) === versionAt(changes, name, window.fromUs))
  })
}

/** What a member's versions were, as one text. */
function versionAt(changes: readonly MemberChange[], member: string, atUs: Us): string | undefined {
  const last = changes.findLast(change => change.member === member && change.atUs <= atUs)
  return last === undefined ? undefined : JSON.stringify(last.versions)
}

export class VersionWatch {
  private readonly byComponent = new Map<string, Switch>()
  private readonly union = new Switch()
  private readonly skew = new Switch<Pick<SkewWindow, 'what' | 'members'>>()
  private lastSkew = ''
  /** How many running members have each version, by component: a fleet of a thousand is not counted anew at each change. */
  private readonly running = new Map<string, Map<string, number>>()

  /** A member is another one now; undefined = it was not there before, or is gone. Judged by the next {@link look}. */
  setMember(before: Member | undefined, after: Member | undefined): void {
    if (before?.running === after?.running && before?.versions === after?.versions) return
    if (before?.running === true) this.count(before, -1)
    if (after?.running === true) this.count(after, +1)
  }

  /** Judges the members from `nowUs` on. */
  look(nowUs: Us): void {
    let any = false
    for (const [component, versions] of this.running) {
      const mixed = versions.size > 1
      any ||= mixed
      let held = this.byComponent.get(component)
      if (held === undefined && mixed) this.byComponent.set(component, (held = new Switch()))
      held?.set(nowUs, mixed, undefined)
    }
    this.union.set(nowUs, any, undefined)
  }

  private count(member: Member, by: 1 | -1): void {
    for (const component in member.versions) {
      const version = member.versions[component] as string
      let versions = this.running.get(component)
      if (versions === undefined) this.running.set(component, (versions = new Map()))
      const n = (versions.get(version) ?? 0) + by
      if (n === 0) versions.delete(version)
      else versions.set(version, n)
    }
  }

  setSkew(nowUs: Us, what: readonly string[], members: readonly string[]): void {
    const skew = what.join('; ')
    if (skew === this.lastSkew) return
    this.lastSkew = skew
    this.skew.set(nowUs, false, { what, members })
    this.skew.set(nowUs, what.length > 0, { what, members })
  }

  mixed(nowUs: Us): readonly MixedWindow[] {
    const all: MixedWindow[] = []
    for (const [component, held] of this.byComponent) for (const { fromUs, toUs, open } of held.windows(nowUs)) all.push({ fromUs, toUs, open, component })
    return all
  }

  mixedUnion(nowUs: Us): readonly Window[] {
    return this.union.windows(nowUs)
  }

  forbidden(nowUs: Us): readonly Omit<SkewWindow, 'inherent'>[] {
    return this.skew.windows(nowUs).map(({ fromUs, toUs, open, detail }) => ({ fromUs, toUs, open, ...detail }))
  }
}
