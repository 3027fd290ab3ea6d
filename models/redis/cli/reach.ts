/** From a host name to the server that a program would reach there. */
import { SECOND, type Us } from '../../../src/kernel/index.ts'
import { PORT } from '../names.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'

export interface Place {
  /** Where it runs, as networks name it. */
  readonly place: () => string
  /** The server of the same container, for 127.0.0.1. */
  readonly local: () => Server | undefined
  /** The name of its pod, which its /etc/hosts knows. */
  readonly self?: string
}

/** What a target leads to now. */
export type Reached = Server | { readonly error: string; readonly afterUs: Us } | { readonly hangs: Server }

/** The server behind a host name, as seen from a place. Pure. */
export function reach(world: World, from: Place, host: string | undefined, port: number): Reached {
  const name = host ?? '127.0.0.1'
  const error = (why: string, afterUs: Us = 0) => ({ error: `Could not connect to Redis at ${name}:${port}: ${why}`, afterUs })
  let server: Server | undefined
  if (name === '127.0.0.1' || name === 'localhost' || name === from.self) server = from.local()
  else {
    let ip = name
    if (!/^\d+\.\d+\.\d+\.\d+$/.test(name)) {
      const found = world.kubernetes.resolve(name)
      const pod = found === undefined ? undefined : found.is === 'pod' ? found.pod : world.kubernetes.endpoints(found.service)[0]
      const podIp = pod === undefined ? undefined : world.serverIn(pod)?.host.address ?? pod.podIP
      if (podIp === undefined) return error('Name or service not known')
      ip = podIp
    }
    server = world.byAddress.get(ip)
    if (server === undefined && !world.kubernetes.pods().some(pod => pod.podIP === ip && pod.node !== undefined && world.kubernetes.machines.get(pod.node)?.up === true)) return error('Connection timed out', 127 * SECOND)
  }
  if (server === undefined || !server.alive || port !== PORT) return error('Connection refused')
  if (!world.network.connected(from.place(), server.place)) return error('Connection timed out', 127 * SECOND)
  if (server.paused || server.blocked || server.holds.all) return { hangs: server }
  return server
}
