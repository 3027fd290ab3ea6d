/** CLUSTER MEET: two nodes get to know each other (rules RD-MEET-…, RD-ID-2). */
import { SECOND, type Us } from '../../src/kernel/index.ts'
import { MEET } from './events.ts'
import { moved } from './receive.ts'
import type { Handshake, Server } from './server.ts'

/** Begins a handshake with whoever listens at `ip` (rule RD-MEET-1). */
export function meet(server: Server, ip: string): void {
  const { world } = server
  if (server.meets.some(m => m.ip === ip)) return
  server.meets.push({ ip, sinceUs: world.sim.now, id: world.newId(server.name) })
  world.bus.stir()
}

/** One try of a pending handshake, each tick until it succeeds or is too old. */
export function handshake(server: Server, pending: Handshake, nowUs: Us): void {
  const { world } = server
  const drop = (): void => void server.meets.splice(server.meets.indexOf(pending), 1)
  if (nowUs - pending.sinceUs > Math.max(server.nodeTimeoutUs, SECOND)) return drop()
  const target = world.byAddress.get(pending.ip)
  if (target === undefined || !target.onBus || target === server || !world.bus.arrives(server, target) || !world.bus.arrives(target, server)) return
  drop()
  const there = world.network.delayUs(server.place, target.place)
  const back = world.network.delayUs(target.place, server.place)
  world.sim.after(there, () => {
    if (!target.onBus || !server.alive) return
    // A node learns its own address from whoever meets it (rule RD-ID-2).
    if (!world.options.announceIp && target.table.myself.ip !== target.host.address) {
      target.table.myself.ip = target.host.address
      target.table.version++
    }
    world.sim.note(MEET, server.name, 0, `${server.name} meets ${target.name}`)
    world.sim.after(back, () => server.onBus && target.alive && know(server, target))
    // The other side makes a handshake of its own, at its next tick.
    world.sim.after(world.bus.nextTickUs(target) - world.sim.now + back, () => target.onBus && server.alive && know(target, server))
  })
}

function know(server: Server, other: Server): void {
  const { table, world } = server
  world.bus.stir()
  const known = table.peers.get(other.id)
  if (known !== undefined) {
    if (known !== table.myself && known.ip !== other.host.address) moved(server, known, other)
    return
  }
  const peer = table.add(other.id, world.sim.now)
  const { myself } = other.table
  peer.ip = other.host.address
  peer.hostname = myself.hostname
  peer.role = myself.role
  peer.configEpoch = myself.configEpoch
  if (myself.masterId !== undefined && table.peers.has(myself.masterId)) table.setReplica(peer, myself.masterId)
  if (other.table.currentEpoch > table.currentEpoch) table.currentEpoch = other.table.currentEpoch
  if (server.table.myself.ip === '' && !world.options.announceIp) server.table.myself.ip = server.host.address
}
