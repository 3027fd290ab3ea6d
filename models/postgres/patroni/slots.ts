/** Slots of members that are gone (rule PG-PATRONI-17). Source: Patroni dynamic_configuration.rst (member_slots_ttl), slots.py, dcs/kubernetes.py (a member is a pod). */
import { defineEvent, SECOND } from '../../../src/kernel/index.ts'
import { usesSlots } from '../options.ts'
import { addSlot, watchRoom } from '../room.ts'
import type { Server } from '../server.ts'
import { slotName } from '../standby-conf.ts'
import type { Dcs } from './dcs.ts'

const DROPPED = defineEvent('patroni.member-slot-dropped')

/**
 * Sees to it that the leader drops the slot of a member whose pod has not been there for `member_slots_ttl`, and makes it anew when the pod is back: each at
 * the leader's next look. Who takes the lead meanwhile makes none either ({@link Dcs.gone}).
 */
export function watchMembers(dcs: Dcs): void {
  const { world, options, gone } = dcs
  if (!usesSlots(world.options)) return
  const { kubernetes, sim } = world
  /** When the pods that are not there went away. */
  const since = new Map<string, number>()
  let looks = 0
  const nextLookUs = (name: string): number => options.loopWaitSeconds * SECOND * sim.chance.draw(name, 'patroni.member-slot', looks++)
  const leader = (): Server | undefined => {
    const server = world.serverOf(dcs.leader ?? '')
    return server?.alive === true && server.copy.leading ? server : undefined
  }
  kubernetes.pods$.onChange(({ name, removed }) => {
    if (!removed && since.size === 0) return
    if (!world.memberNames.includes(name)) return
    if (removed) {
      const { now } = sim
      since.set(name, now)
      sim.after(options.memberSlotsTtlSeconds * SECOND + nextLookUs(name), () => {
        if (since.get(name) !== now) return
        gone.add(name)
        const server = leader()
        const slot = server?.dir.slots.get(slotName(name))
        if (server === undefined || slot === undefined || slot.active) return
        server.dir.slots.delete(slot.name)
        sim.note(DROPPED, server.name, 0, `${server.name} drops the slot of ${name}, which has been gone for member_slots_ttl`)
        watchRoom(server)
        world.topologyChanged()
      })
    } else if (since.delete(name) && gone.delete(name)) {
      sim.after(nextLookUs(name), () => {
        const server = leader()
        if (server === undefined || server.name === name || gone.has(name) || server.dir.slots.has(slotName(name))) return
        addSlot(server, slotName(name), server.copy.lsn('flush'))
        world.topologyChanged()
      })
    }
  })
}
