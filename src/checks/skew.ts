/**
 * no-forbidden-skew: violated when running members were, for any time, in a combination of versions that the facts call unsupported. Where
 * it is a fault's doing (`isInherentSkew` in `measures/versions.ts`) the evidence says so. Cause: forbidden-skew.
 */
import { Chain, clock, fail, notExercised, pass, plural, seconds } from './chain.ts'
import type { Check } from './facts.ts'

const ID = 'no-forbidden-skew'

export const noForbiddenSkew: Check = {
  id: ID,
  judge(facts) {
    const { mixed, changes, skews } = facts.recording
    const ours = skews.find(skew => !skew.inherent)
    const worst = ours ?? skews[0]
    if (worst !== undefined) {
      const us = skews.reduce((sum, w) => sum + w.toUs - w.fromUs, 0)
      const chain = new Chain(facts).add(worst.fromUs, `${worst.what.join('; ')} from ${clock(facts, worst.fromUs)} until ${worst.open ? 'the end' : clock(facts, worst.toUs)}`, { inStep: true })
      // The member whose change began it.
      for (const change of changes.filter(c => c.atUs === worst.fromUs)) {
        chain.add(change.atUs, `${change.member} became ${change.role === 'none' ? 'a member' : `a ${change.role}`} on ${versionsOf(change.versions)}`, { node: change.member, inStep: true })
      }
      return fail(ID, `unsupported versions beside each other for ${seconds(us)}: ${worst.what.join('; ')}${ours === undefined ? '; a fault had taken one of them away' : ''}`, 'forbidden-skew', chain)
    }
    if (mixed.length === 0) return notExercised(ID, 'running members never differed in any version')
    return pass(ID, `versions differed in ${plural(new Set(mixed.map(m => m.component)).size, 'component')}, never in an unsupported way`)
  },
}

function versionsOf(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([component, version]) => `${component} ${version}`)
    .join(', ')
}
