/** Who must acknowledge a commit (rules VT-SEMI-…): the durability policies, and what stock MySQL does when nobody does. */
import type { AckRule, Copy } from '../../src/cluster/log/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Tablet } from './tablet.ts'

/** Whether `other` may acknowledge for `primary`: as the shard's primary is set up, unless another policy is asked about. */
export function mayAcknowledge(primary: Tablet, other: Tablet, policy = primary.shard.policy): boolean {
  if (other === primary) return false
  const type = other.type === 'primary' ? other.declared : other.type
  switch (policy) {
    case 'none':
      return false
    case 'semi_sync':
      return type === 'replica'
    case 'semi_sync_with_rdonly_ack':
      return type === 'replica' || type === 'rdonly'
    case 'cross_cell':
      return type === 'replica' && other.cell !== primary.cell
  }
}

/** The rule under which a primary acknowledges; null = by itself (policy none). Nobody to acknowledge: commits wait, for ever (rule VT-SEMI-2). */
export function acknowledgementRule(primary: Tablet): AckRule | null {
  if (primary.shard.policy === 'none') return null
  const members: Copy[] = []
  for (const other of primary.shard.tablets) if (mayAcknowledge(primary, other)) members.push(other.copy)
  return { k: 1, members, stage: 'flush' }
}

/** Whether a commit on this tablet would be acknowledged now, whoever sent it. */
export function canAcknowledge(tablet: Tablet): boolean {
  if (!tablet.writable || tablet.diskFull) return false
  if (tablet.shard.policy === 'none' || tablet.shard.degraded) return true
  return tablet.shard.tablets.some(other => mayAcknowledge(tablet, other) && other.copy.upstream === tablet.copy)
}

const watching = new WeakSet<object>()

/**
 * Stock MySQL: a commit that waits longer than rpl_semi_sync_source_timeout is answered all the same, and so are those after it, until an
 * acknowledging replica is level again (rule VT-SEMI-3). Vitess sets the time-out so long that this never happens.
 */
export function watchStockTimeout(tablet: Tablet): void {
  const { world, shard, copy } = tablet
  const seconds = world.options.semiSyncTimeoutSeconds
  const { head } = copy
  if (seconds === null || shard.policy === 'none' || head === undefined || watching.has(head)) return
  watching.add(head)
  let timer: number | undefined
  const look = (): void => {
    if (copy.head !== head) return
    // On a full disk a commit never comes as far as waiting for an acknowledgement.
    if (shard.degraded || !copy.ackHung || tablet.diskFull) {
      if (timer !== undefined) world.sim.cancel(timer)
      timer = undefined
      return
    }
    timer ??= world.sim.after(seconds * SECOND, () => {
      timer = undefined
      if (copy.head !== head || shard.degraded || !copy.ackHung) return
      shard.degraded = true
      world.sim.note(EVENT.degraded, tablet.pod, 1, `${tablet.pod} waited ${seconds} s for an acknowledgement and goes on without: semi-sync is off`)
      tablet.applyRule()
      shard.changed()
    })
  }
  world.sim.observe(look)
  const restore = (): void => {
    if (copy.head !== head || !shard.degraded) return
    const level = shard.tablets.some(other => mayAcknowledge(tablet, other) && other.copy.upstream === copy && other.copy.lagBytes('flush') <= other.levelBytes)
    if (!level) return
    shard.degraded = false
    world.sim.note(EVENT.degraded, tablet.pod, 0, `semi-sync is on again on ${tablet.pod}`)
    tablet.applyRule()
    shard.changed()
  }
  world.shardListeners.push(changed => {
    if (changed === shard) restore()
  })
}
