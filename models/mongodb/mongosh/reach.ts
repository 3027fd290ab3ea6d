/** From an address to the mongod behind it, as seen from where the shell runs. */
import { MILLISECOND, SECOND, type Us } from '../../../src/kernel/index.ts'
import type { PodView } from '../../kubernetes/index.ts'
import type { Mongod } from '../mongod.ts'
import type { World } from '../world.ts'
import type { ShellOptions } from './options.ts'

export type Reached =
  | { readonly m: Mongod }
  /** `waits`: the driver goes on trying until its server selection time-out. */
  | { readonly error: string; readonly afterUs: Us; readonly waits: boolean }

export function reach(world: World, where: { place: () => string; local: () => Mongod | undefined; pod: string }, options: ShellOptions): Reached {
  const place = where.place()
  if (options.hosts === undefined) {
    const local = where.local()
    if (local === undefined || !local.listening) return refused('127.0.0.1:27017')
    if (local.paused) return { error: 'MongoServerSelectionError: Server selection timed out after 2000 ms\n', afterUs: 0, waits: true }
    return { m: local }
  }
  if (options.set === undefined && options.hosts.length === 1) return one(world, where, options.hosts[0] as string)
  // A set: whoever is primary among those that can be reached.
  if (options.set !== undefined && options.set !== world.options.replicaSet) return { error: `MongoServerSelectionError: Server selection timed out after ${options.selectionMs} ms\n`, afterUs: options.selectionMs * MILLISECOND, waits: false }
  let seen = false
  for (const host of options.hosts) if ('m' in one(world, where, host)) seen = true
  if (seen) {
    let best: Mongod | undefined
    for (const m of world.mongods) if (m.isPrimary && m.listening && !m.paused && !m.quiescing && world.network.connected(place, m.place) && (best === undefined || m.term > best.term)) best = m
    if (best !== undefined) return { m: best }
  }
  return { error: `MongoServerSelectionError: Server selection timed out after ${options.selectionMs} ms\n`, afterUs: 0, waits: true }
}

function refused(address: string): Reached {
  return { error: `MongoNetworkError: connect ECONNREFUSED ${address}\n`, afterUs: 20 * MILLISECOND, waits: false }
}

function one(world: World, where: { place: () => string; local: () => Mongod | undefined; pod: string }, host: string): Reached {
  const place = where.place()
  const [name = '', port = '27017'] = host.split(':')
  if (name === 'localhost' || name === '127.0.0.1' || name === where.pod) {
    const m = where.local()
    return m === undefined || !m.listening ? refused(`127.0.0.1:${port}`) : { m }
  }
  const resolved = world.kubernetes.resolve(name)
  let pod: PodView | undefined
  if (resolved === undefined) pod = world.kubernetes.pods().find(p => p.podIP === name)
  else if (resolved.is === 'pod') pod = resolved.pod
  else pod = world.kubernetes.endpoints(resolved.service)[0]
  if (pod === undefined) return { error: `MongoNetworkError: getaddrinfo ENOTFOUND ${name}\n`, afterUs: 20 * MILLISECOND, waits: false }
  const m = world.mongodIn(pod)
  const machine = pod.node === undefined ? undefined : world.kubernetes.machines.get(pod.node)
  const silent = pod.removed || (machine !== undefined && !machine.up) || (m !== undefined && (m.paused || !world.network.connected(place, m.place)))
  if (silent) return { error: 'MongoServerSelectionError: Server selection timed out after 2000 ms\n', afterUs: 2 * SECOND, waits: false }
  if (m === undefined || !m.listening) return refused(`${pod.podIP ?? name}:${port}`)
  return { m }
}
