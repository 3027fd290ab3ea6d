/**
 * Versions that differ.
 *
 * - *Mixed version*, per component (node, image, engine, …): the time in which running members differ in it; `mixedVersionSeconds` is the
 *   length of the union over components. A component that a member does not have says nothing about it.
 * - *Forbidden skew*: the time in which the facts call a combination of running members unsupported.
 */
import type { Member } from '../engine.ts'
import type { Us } from '../kernel/index.ts'
import { Switch, type Window } from './window.ts'

export interface MixedWindow extends Window {
  readonly component: string
}

export interface SkewWindow extends Window {
  /** The unsupported combinations, in the engine's words, when the window began. */
  readonly what: readonly string[]
}

export class VersionWatch {
  private readonly byComponent = new Map<string, Switch>()
  private readonly union = new Switch()
  private readonly skew = new Switch<readonly string[]>()
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

  setSkew(nowUs: Us, what: readonly string[]): void {
    this.skew.set(nowUs, what.length > 0, what)
  }

  mixed(nowUs: Us): readonly MixedWindow[] {
    const all: MixedWindow[] = []
    for (const [component, held] of this.byComponent) for (const { fromUs, toUs, open } of held.windows(nowUs)) all.push({ fromUs, toUs, open, component })
    return all
  }

  mixedUnion(nowUs: Us): readonly Window[] {
    return this.union.windows(nowUs)
  }

  forbidden(nowUs: Us): readonly SkewWindow[] {
    return this.skew.windows(nowUs).map(({ fromUs, toUs, open, detail }) => ({ fromUs, toUs, open, what: detail }))
  }
}
