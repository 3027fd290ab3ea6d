import type { Cluster, Member } from '../engine.ts'

/**
 * The state of the members in a few signs, for counting which situations a campaign has met: sorted, so that it does not matter which member is which.
 * A member is `L` (leads), `F` (follows), `f` (follows, but behind or detached), `n` (runs without a role) or `x` (does not run); `'` after it means
 * that it is already on the target version.
 */
export function situationOf(cluster: Cluster): string {
  const { truth } = cluster
  return truth
    .members()
    .map(member => signOf(member) + (onTarget(member, truth.targetVersions) ? "'" : ''))
    .sort()
    .join('')
}

function signOf(member: Member): string {
  if (!member.running) return 'x'
  if (member.role === 'leader') return 'L'
  if (member.role === 'none') return 'n'
  return member.attached && member.caughtUp ? 'F' : 'f'
}

function onTarget(member: Member, target: Readonly<Record<string, string>>): boolean {
  return Object.entries(target).every(([component, version]) => member.versions[component] === version)
}
