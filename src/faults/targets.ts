import type { Cluster, FaultKind, Member, Strike, StruckFault } from '../engine.ts'
import { isOwnKind } from './vocabulary.ts'

/** The target of a fault that strikes the operator. */
export const OPERATOR_TARGET = 'operator'

/** The target of a fault of the client programs. */
export const CLIENTS_TARGET = 'clients'

const ROLE = /^role:(leader|follower)(?:\/(\d+))?$/
const ANY = /^any\/(\d+)$/
const CONCRETE = /^[a-z][a-z-]*(?::[^\s]+)?$/

/** Whether a text can be a target at all; `cluster.targets` says at strike time whether it exists. */
export function isTarget(text: string): boolean {
  if (text.startsWith('role:')) return ROLE.test(text)
  return ANY.test(text) || CONCRETE.test(text)
}

/** The targets of a kind now, whoever defines it. */
export function targetsOf(cluster: Cluster, kind: FaultKind): readonly string[] {
  return isOwnKind(kind) ? (cluster.own?.targets(kind) ?? []) : cluster.targets(kind)
}

/** Strikes, whoever defines the kind. */
export function strikeOn(cluster: Cluster, { kind, ...fault }: StruckFault<FaultKind>): Strike {
  if (!isOwnKind(kind)) return cluster.strike({ kind, ...fault })
  return cluster.own?.strike({ kind, ...fault }) ?? { struck: false, members: [], end() {} }
}

/**
 * What a target means in the cluster at this instant, among the targets the engine lists for the kind; undefined = nothing there now.
 * `role:leader` is the leader promoted last (`role:leader/1` the one before it, if both still lead), `role:follower/2` the third follower
 * in the order of members, `any/5` the sixth target; numbers wrap around, so that a schedule keeps its meaning on a smaller cluster.
 */
export function resolveTarget(cluster: Cluster, kind: FaultKind, target: string): string | undefined {
  const targets = targetsOf(cluster, kind)
  if (targets.length === 0) return undefined
  const any = ANY.exec(target)
  if (any !== null) return targets[Number(any[1]) % targets.length]
  const role = ROLE.exec(target)
  if (role === null) return targets.includes(target) ? target : undefined
  const index = Number(role[2] ?? 0)
  const members = role[1] === 'leader' ? leadersLatestFirst(cluster) : cluster.truth.members().filter(m => m.role === 'follower')
  const member = members[index % members.length]
  return member === undefined ? undefined : targets.find(t => means(t, member))
}

/** Whether an engine's target is this member, or the node or zone under it. */
function means(target: string, member: Member): boolean {
  const colon = target.indexOf(':')
  if (colon < 0) return false
  const prefix = target.slice(0, colon)
  const name = target.slice(colon + 1)
  if (prefix === 'node') return name === member.node
  if (prefix === 'zone') return name === member.zone
  // Two members with `~` between: a role means the first.
  if (prefix === 'pair') return name.startsWith(`${member.name}~`)
  return name === member.name
}

function leadersLatestFirst(cluster: Cluster): readonly Member[] {
  const promotions = cluster.truth.promotions
  const lastPromotion = (name: string): number => {
    for (let i = promotions.length - 1; i >= 0; i--) if (promotions[i]?.member === name) return i
    return -1
  }
  return cluster.truth
    .members()
    .filter(m => m.role === 'leader')
    .sort((a, b) => lastPromotion(b.name) - lastPromotion(a.name))
}
