/**
 * no-forbidden-skew: violated when running members were, for any time, in a combination of versions that the facts call unsupported, unless it is a
 * fault's doing (`isInherentSkew` in `measures/versions.ts`). The measure counts all of it. Cause: forbidden-skew.
 */
import { Chain, clock, fail, notExercised, pass, plural, seconds } from './chain.ts'
import type { Check } from './facts.ts'

const ID = 'no-forbidden-skew'

export const noForbiddenSkew: Check = {
  id: ID,
  judge(facts) {
    const { mixed, changes } = facts.recording
    const skews = facts.recording.skews.filter(skew => !skew.inherent)
    const worst = skews[0]
    if (worst !== undefined) {
      const us = skews.reduce((sum, w) => sum + w.toUs - w.fromUs, 0)
      const chain = new Chain(facts).add(worst.fromUs, `${worst.what.join('; ')} from ${clock(facts, worst.fromUs)} until ${worst.open ? 'the end' : clock(facts, worst.toUs)}`, { inStep: true })
      // The member whose change began it.
      for (const change of changes.filter(c => c.atUs === worst.fromUs)) {
        chain.add(change.atUs, `${change.member} became ${change.role === 'none' ? 'a member' : `a ${change.role}`} on ${versionsOf(change.versions)}`, { node: change.member, inStep: true })
      }
      return fail(ID, `unsupported versions beside each other for ${seconds(us)}: ${worst.what.join('; ')}`, 'forbidden-skew', chain)
    }
    if (mixed.length === 0) return notExercised(ID, 'running members never differed in any version')
    const own = facts.recording.skews
    if (own.length > 0) return pass(ID, `unsupported versions beside each other for ${seconds(own.reduce((sum, w) => sum + w.toUs - w.fromUs, 0))} only, because a fault had taken one of them away`)
    return pass(ID, `versions differed in ${plural(new Set(mixed.map(m => m.component)).size, 'component')}, never in an unsupported way`)
  },
}

function versionsOf(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([component, version]) => `${component} ${version}`)
    .join(', ')
}
