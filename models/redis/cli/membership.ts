/** `redis-cli --cluster add-node` and `del-node`. Source: redis-cli.c clusterManagerCommandAddNode, clusterManagerCommandDeleteNode (7.0.15). */
import { type Process, SECOND, Signal, within } from '../../../src/kernel/index.ts'
import { failed, ok, type Output } from '../../../src/operator/command.ts'
import { forget, reset } from '../forget.ts'
import { meet } from '../meet.ts'
import { PORT } from '../names.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { replicate } from './commands.ts'
import { type Place, reach } from './reach.ts'
import { isError } from './reply.ts'
import { examine, hostOf, isServer, seeAll, type Seen, toolArguments } from './tool.ts'

const BOLD = '\u001b[29;1m'
const GREEN = '\u001b[32;1m'
const RED = '\u001b[31;1m'
const END = '\u001b[0m'
/** One command to one node and back. */
const EXCHANGE_US = 1_000

const step = (text: string): string => `${BOLD}>>> ${text}\n${END}`
const error = (text: string): string => `${RED}[ERR] ${text}\n${END}`

/** Connects; a node that stands still holds the tool up, as it has no time-out of its own. */
export function* contact(world: World, from: Place, target: string): Process<Server | string> {
  const [host, port] = hostOf(target)
  for (;;) {
    yield EXCHANGE_US
    const server = reach(world, from, host, port)
    if (isServer(server)) return server.state === 'loading' ? `${error(`Node ${target} LOADING Redis is loading the dataset in memory`)}` : server
    if ('hangs' in server) {
      const moved = new Signal()
      const forgetIt = world.onTopology(() => moved.fire())
      yield within(moved, 10 * SECOND)
      forgetIt()
      continue
    }
    yield server.afterUs
    return `${server.error}\n`
  }
}

/** A node joins, as a replica if so asked (rule RD-CLI-3). */
export function* addNode(world: World, from: Place, words: readonly string[]): Process<Output> {
  const { args: [newcomer = '', target = ''], slave, masterId } = toolArguments(words)
  let out = step(`Adding node ${newcomer} to cluster ${target}`)
  const no = (text: string): Output => ({ out: out + text, err: '', code: 1 })
  const first = yield* contact(world, from, target)
  if (typeof first === 'string') return failed(first)
  const { seen, complaints } = seeAll(world, from, first)
  const found = examine(first, target, hostOf(target)[0], seen)
  out += complaints + found.out
  if (!found.sound) return no('')
  const master = slave ? (masterId === undefined ? leastReplicated(seen) : seen.find(s => s.server.id === masterId)) : undefined
  if (slave && master === undefined) return no(error(`No such master ID ${masterId ?? ''}`))
  if (slave && masterId === undefined && master !== undefined) out += `Automatically selected master ${master.server.host.address}:${PORT}\n`
  const node = yield* contact(world, from, newcomer)
  if (typeof node === 'string') return no(`${node}${error(`Sorry, can't connect to node ${newcomer}`)}`)
  if (node.table.others.length > 0 || node.sizeMB > 0) return no(error(`Node ${newcomer} is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.`))
  out += step('Getting functions from cluster') + step(`Send FUNCTION LIST to ${newcomer} to verify there is no functions in it`) + step(`Send FUNCTION RESTORE to ${newcomer}`)
  out += step(`Send CLUSTER MEET to node ${newcomer} to make it join the cluster.`)
  yield EXCHANGE_US
  world.bus.catchUp()
  meet(node, first.host.address)
  world.sim.touch()
  if (master !== undefined) {
    out += 'Waiting for the cluster to join\n'
    yield SECOND
    while (node.alive && !joined(node, seen)) {
      out += '.'
      yield SECOND
    }
    out += `\n${step(`Configure node as replica of ${master.server.host.address}:${PORT}.`)}`
    yield EXCHANGE_US
    if (!node.alive) return no('Error: Server closed the connection\n')
    world.bus.catchUp()
    const reply = replicate(node, master.server.id)
    if (isError(reply)) return no(`${error(reply.error)}`)
  }
  return ok(`${out}${GREEN}[OK] New node added correctly.\n${END}`)
}

/** All of them have the same map, and everybody in it. */
function joined(node: Server, seen: readonly Seen[]): boolean {
  const owners = (server: Server): string => server.table.owner.map(owner => owner?.id ?? '').join()
  return seen.every(({ server }) => !server.alive || owners(server) === owners(node))
}

function leastReplicated(seen: readonly Seen[]): Seen | undefined {
  let least: Seen | undefined
  let fewest = Number.POSITIVE_INFINITY
  for (const each of seen) {
    if (!each.master || each.slots === 0) continue
    const n = seen.filter(s => s.replicates === each.server.id).length
    if (n < fewest) [least, fewest] = [each, n]
  }
  return least
}

/** A node without slots leaves: everybody that answers forgets it, and it is reset (rule RD-CLI-3). */
export function* deleteNode(world: World, from: Place, words: readonly string[]): Process<Output> {
  const { args: [target = '', id = ''] } = toolArguments(words)
  let out = step(`Removing node ${id} from cluster ${target}`)
  const no = (text: string): Output => ({ out: out + text, err: '', code: 1 })
  const first = yield* contact(world, from, target)
  if (typeof first === 'string') return failed(first)
  const { seen, complaints } = seeAll(world, from, first)
  out += complaints
  const node = seen.find(s => s.server.id === id)
  if (node === undefined) return no(error(`No such node ID ${id}`))
  if (node.slots > 0) return no(error(`Node ${node.server.host.address}:${PORT} is not empty! Reshard data away and try again.`))
  out += step('Sending CLUSTER FORGET messages to the cluster...')
  const others = seen.filter(s => s !== node)
  for (const other of others) {
    yield EXCHANGE_US
    if (!other.server.alive) return no('Error: Server closed the connection\n')
    world.bus.catchUp()
    if (other.replicates === id) {
      const master = leastReplicated(others)
      if (master !== undefined) {
        out += step(`${other.server.id} as replica of ${master.server.id}`)
        replicate(other.server, master.server.id)
      }
    }
    const answer = forget(other.server, id)
    if (answer !== 'OK') return no(error(answer))
  }
  out += step('Sending CLUSTER RESET SOFT to the deleted node.')
  yield EXCHANGE_US
  if (!node.server.alive) return no('Error: Server closed the connection\n')
  world.bus.catchUp()
  const answer = reset(node.server, false)
  return answer === 'OK' ? ok(out) : no(error(answer))
}
