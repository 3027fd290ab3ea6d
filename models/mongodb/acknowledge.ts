/** When a write is acknowledged: write concerns over the replicated log (rules MG-ACK-…). */
import type { AckRule, Copy } from '../../src/cluster/log/index.ts'
import { MILLISECOND, type Us } from '../../src/kernel/index.ts'
import type { Mongod } from './mongod.ts'
import type { World } from './world.ts'

/** The write concern of the client programs as it holds under this primary's configuration. */
export function writeConcernOf(m: Mongod): 'majority' | number {
  const { world, config } = m
  const { writeConcern } = world.options
  if (writeConcern !== 'implicit') return writeConcern
  return world.defaultWriteConcern ?? config?.implicitWriteConcern ?? 1
}

/** How many other members must have a write before it is acknowledged, and who counts. */
export function wanted(m: Mongod): { readonly others: number; readonly members: readonly Copy[] } {
  const { world, config } = m
  if (config === undefined) return { others: 0, members: [] }
  const w = writeConcernOf(m)
  const own = w !== 'majority' || (m.me?.votes ?? 0) > 0 ? 1 : 0
  const need = w === 'majority' ? config.writeMajority : w
  const members: Copy[] = []
  for (const member of config.members) {
    if (member.name === m.name || member.arbiterOnly || (w === 'majority' && (member.votes === 0 || member.newlyAdded === true))) continue
    const copy = world.dbpathOf.get(member.name)?.copy
    if (copy !== undefined) members.push(copy)
  }
  return { others: Math.max(0, need - own), members }
}

/** Sets the rule of a leading primary. A majority is durable on its members (writeConcernMajorityJournalDefault): applied and flushed. */
export function setAcknowledgement(m: Mongod): void {
  const { copy } = m
  if (!copy?.leading) return
  const { others, members } = wanted(m)
  const rule: AckRule | null = others === 0 ? null : { k: others, members, stage: 'apply' }
  copy.acknowledge(rule)
}

/** Whether a write to this member would be acknowledged at the declared durability. */
export function canAcknowledge(m: Mongod): boolean {
  if (!m.alive || m.paused || !m.isPrimary || !m.writable || m.steppingDown || m.lock.held || !m.copy?.leading || m.world.defects.of(m.host.version, 'false-ready')) return false
  const { others, members } = wanted(m)
  if (others === 0) return true
  let attached = 0
  for (const copy of members) if (copy.upstream === m.copy && !m.world.frozen.has(copy)) attached += 1
  return attached >= others
}

/** How long a write takes on the primary itself: the journal for j:true and for a majority, memory for w:1. */
export function commitPace(m: Mongod): Us {
  const { world } = m
  const journaled = world.options.journal || writeConcernOf(m) === 'majority'
  const base = m.commitUs ?? world.timeUs('commitMs', m.name) + (journaled ? world.timeUs('journalMs', m.name) : 0)
  m.commitUs = base
  const slow = m.host.machineSlowdown() * (journaled ? m.host.diskSlowdown() : 1) * world.defects.slowness(m.host.version)
  return Math.max(1, Math.round(base * slow + m.throttleUs))
}

/** Never more than this between two looks of flow control. Source: flow control samples every second. */
export const FLOW_PERIOD_US = 1000 * MILLISECOND

export function refreshAll(world: World): void {
  for (const m of world.mongods) if (m.copy?.leading) setAcknowledgement(m)
}
