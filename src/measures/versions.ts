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

  /** Judges the members from `nowUs` on. */
  setMembers(nowUs: Us, members: readonly Member[]): void {
    const mixed = mixedComponents(members)
    for (const component of mixed) if (!this.byComponent.has(component)) this.byComponent.set(component, new Switch())
    for (const [component, held] of this.byComponent) held.set(nowUs, mixed.includes(component), undefined)
    this.union.set(nowUs, mixed.length > 0, undefined)
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

/** The components in which running members differ. */
export function mixedComponents(members: readonly Member[]): readonly string[] {
  const seen = new Map<string, string>()
  const mixed: string[] = []
  for (const member of members) {
    if (!member.running) continue
    for (const component in member.versions) {
      const version = member.versions[component] as string
      const other = seen.get(component)
      if (other === undefined) seen.set(component, version)
      else if (other !== version && !mixed.includes(component)) mixed.push(component)
    }
  }
  return mixed
}
