/** From a host name to the server behind it, as seen from one place. */
import { rememberedByText } from '../../src/operator/remembered.ts'
import type { PodView } from '../kubernetes/index.ts'
import { BROKEN_LOGIN } from './defects.ts'
import { POOLER } from './names.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/** What can be read in a host name without asking anybody: the same in every rehearsal. */
export const readHost = rememberedByText(host => {
  const first = host.split('.')[0] as string
  return {
    /** Its first label, and what follows it with its dot. */
    first,
    rest: host.slice(first.length),
    isAddress: /^\d+\.\d+\.\d+\.\d+$/.test(host),
    /** The pooler's Service or one of its pods. */
    isPooler: first.startsWith(POOLER),
  }
})

/** Whether a host name leads back to the container it is used in: a pod's own name stands in its /etc/hosts. */
export function isLoopback(host: string, pod: string): boolean {
  return host === 'localhost' || host === '::1' || host === pod || /^127(?:\.\d+){3}$/.test(host)
}

/** A host as libpq names it in its errors, with the address that its name stands for. A Service's own address is not known here. */
export function addressOf(world: World, host: string): string {
  const { first, rest, isAddress } = readHost(host)
  if (isAddress) return `"${host}"`
  const alias = world.aliasOf(first)
  const resolved = world.kubernetes.resolve(alias === undefined ? host : alias + rest)
  const address = resolved?.is === 'pod' ? resolved.pod.podIP : undefined
  return address === undefined || address === null || address === '' ? `"${host}"` : `"${host}" (${address})`
}

/**
 * The running server that a connection from `place` to `host` reaches now, or why none, in libpq's words. A pod's DNS name leads to that pod;
 * a Service to one of its endpoints; a pod IP to the pod that has it.
 */
export function findServerByHost(world: World, place: string, host: string, client: string, nth = 0): Server | string {
  const { kubernetes } = world
  const { first, rest } = readHost(host)
  const alias = world.aliasOf(first)
  const name = alias === undefined ? host : alias + rest
  let pod: PodView
  const resolved = kubernetes.resolve(name)
  if (resolved === undefined) {
    const byAddress = readHost(name).isAddress ? kubernetes.pods().find(p => p.podIP === name) : undefined
    if (byAddress === undefined) return `could not translate host name "${host}" to address: Name or service not known`
    pod = byAddress
  } else if (resolved.is === 'pod') pod = resolved.pod
  else {
    const route = kubernetes.route(resolved.service, client, nth)
    if (route.is !== 'pod') return `connection to server at ${addressOf(world, host)}, port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?`
    pod = route.pod
  }
  const server = world.serverIn(pod)
  // A machine without power answers nothing, nor does an address that is nobody's; one that runs refuses what nobody listens to.
  if (server === undefined && world.unanswered(pod)) return `connection to server at ${addressOf(world, host)}, port 5432 failed: Connection timed out\n\tIs the server running on that host and accepting TCP/IP connections?`
  if (server === undefined) return `connection to server at ${addressOf(world, host)}, port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?`
  if (!world.network.connected(place, server.place) || server.paused) return `connection to server at ${addressOf(world, host)}, port 5432 failed: Connection timed out\n\tIs the server running on that host and accepting TCP/IP connections?`
  if (!server.accepting) return `connection to server at ${addressOf(world, host)}, port 5432 failed: FATAL:  the database system is ${server.state === 'stopping' ? 'shutting down' : 'starting up'}`
  if (server.broken) return `connection to server at ${addressOf(world, host)}, port 5432 failed: ${BROKEN_LOGIN}`
  return server
}
