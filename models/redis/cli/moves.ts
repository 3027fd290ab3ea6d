/** `redis-cli --cluster reshard`, `rebalance` and `fix` (rules RD-CLI-4, RD-CLI-5). Source: redis-cli.c (7.0.15); recordings of 7.0.15. */
import type { Process } from '../../../src/kernel/index.ts'
import { failed, type Output } from '../../../src/operator/command.ts'
import { keysIn, setSlot } from '../moving.ts'
import { PORT } from '../names.ts'
import type { Server } from '../server.ts'
import { rangeOf } from '../slots.ts'
import type { World } from '../world.ts'
import { contact } from './membership.ts'
import { moveSlots, type Moving } from './mover.ts'
import { countOf, rebalancePlan, reshardTable, slotRangesOf } from './plan.ts'
import type { Place } from './reach.ts'
import { examine, hostOf, seeAll, type Seen, summary, toolArguments } from './tool.ts'

const BOLD = '\u001b[29;1m'
const RED = '\u001b[31;1m'
const YELLOW = '\u001b[33;1m'
const END = '\u001b[0m'
const EXCHANGE_US = 1_000

const red = (text: string): string => `${RED}${text}\n${END}`
const step = (text: string): string => `${BOLD}>>> ${text}\n${END}`

interface Survey {
  readonly first: Server
  readonly seen: readonly Seen[]
  readonly masters: readonly Server[]
  readonly out: string
  readonly complaints: string
  readonly found: ReturnType<typeof examine>
  readonly name: (server: Server) => string
}

/** Asks one node for the map, and every node in it. */
function* survey(world: World, from: Place, target: string, words: readonly string[]): Process<Survey | Output> {
  const first = yield* contact(world, from, target)
  if (typeof first === 'string') return failed(first)
  const { seen, complaints } = seeAll(world, from, first)
  yield EXCHANGE_US * seen.length
  const [host] = hostOf(target)
  const name = (server: Server): string => `${server === first ? host : server.host.address}:${PORT}`
  const masters = seen.filter(s => s.master).map(s => s.server)
  const unknown = words.find(id => !masters.some(m => m.id.startsWith(id)))
  if (unknown !== undefined) return { out: red(`*** No such master node ${unknown}`), err: complaints, code: 1 }
  const found = examine(first, target, host, seen)
  return { first, seen, masters, out: found.out, complaints, found, name }
}

const isOutput = (x: Survey | Output): x is Output => 'code' in x

/** Moves a number of slots to one node (rule RD-CLI-4). */
export function* reshard(world: World, from: Place, words: readonly string[], stdin: string): Process<Output> {
  const options = toolArguments(words)
  const s = yield* survey(world, from, options.args[0] ?? '', [])
  if (isOutput(s)) return s
  let { out } = s
  const no = (text: string, err = ''): Output => ({ out: out + text, err: s.complaints + err, code: 1 })
  if (!s.found.sound) return no('', '*** Please fix your cluster problems before resharding\n')
  const find = (id: string): Server | undefined => s.masters.find(m => m.id === id)
  const unknown = (id: string): string => red(`*** The specified node (${id}) is not known or not a master, please retry.`)
  const to = find(options.to ?? '')
  if (to === undefined) return no(unknown(options.to ?? ''))
  const sources: Server[] = []
  for (const id of (options.from ?? '').split(',').filter(word => word !== '')) {
    if (id === 'all') {
      sources.splice(0, sources.length, ...s.masters.filter(m => m !== to))
      break
    }
    const source = find(id)
    if (source === undefined) return no(unknown(id))
    if (source === to) return no(red('*** It is not possible to use the target node as source node.'), '*** No source nodes given, operation aborted.\n')
    if (!sources.includes(source)) sources.push(source)
  }
  if (sources.length === 0) return no('', '*** No source nodes given, operation aborted.\n')
  const slots = options.slots as number
  const table = reshardTable(sources, slots)
  const describe = (server: Server, indent: string): string => `${indent}M: ${server.id} ${s.name(server)}\n${indent}   slots:${slotRangesOf(server).map(([a, b]) => (a === b ? `[${a}]` : `[${a}-${b}]`)).join(',')} (${countOf(server)} slots) master\n${additional(s, server, indent)}`
  out += `\nReady to move ${slots} slots.\n  Source nodes:\n${sources.map(m => describe(m, '    ')).join('')}  Destination node:\n${describe(to, '    ')}  Resharding plan:\n`
  for (const move of table) for (let slot = move.first; slot <= move.last; slot++) out += `    Moving slot ${slot} from ${move.from.id}\n`
  if (!options.yes) {
    out += 'Do you want to proceed with the proposed reshard plan (yes/no)? '
    if (!/^yes/i.test(stdin)) return no('')
  }
  const moving: Moving = { world, place: from, masters: s.masters, began: (slot, source, keys) => void (out += `Moving slot ${slot} from ${s.name(source)} to ${s.name(to)}: ${'.'.repeat(keys)}\n`) }
  for (const move of table) {
    const why = yield* moveSlots(moving, move.from, to, move.first, move.last)
    if (why !== undefined) return no(why === '' ? '' : red(`clusterManagerMoveSlot failed: ${why}`))
  }
  return { out, err: s.complaints, code: 0 }
}

function additional(s: Survey, master: Server, indent: string): string {
  const n = s.seen.filter(each => each.replicates === master.id).length
  return n > 0 ? `${indent}   ${n} additional replica(s)\n` : ''
}

/** Gives each master slots by its weight (rule RD-CLI-5). */
export function* rebalance(world: World, from: Place, words: readonly string[]): Process<Output> {
  const options = toolArguments(words)
  const weights = options.weights.map(word => word.split('=') as [string, string])
  const s = yield* survey(world, from, options.args[0] ?? '', weights.map(([id]) => id))
  if (isOutput(s)) return s
  let { out } = s
  const no = (text: string, err = ''): Output => ({ out: out + text, err: s.complaints + err, code: 1 })
  if (!s.found.sound) return no('', '*** Please fix your cluster problems before rebalancing\n')
  const weightOf = (node: Server): number => Number(weights.findLast(([id]) => node.id.startsWith(id))?.[1] ?? 1)
  const involved = s.masters.filter(node => options.useEmpty || countOf(node) > 0).map(node => ({ node, weight: weightOf(node) }))
  const plan = rebalancePlan(involved, options.threshold)
  if (plan === undefined) return { out: `${out}${YELLOW}*** No rebalancing needed! All nodes are within the ${options.threshold.toFixed(2)}% threshold.\n${END}`, err: s.complaints, code: 0 }
  out += step(`Rebalancing across ${involved.length} nodes. Total weight = ${involved.reduce((sum, { weight }) => sum + weight, 0).toFixed(2)}`)
  const moving: Moving = { world, place: from, masters: s.masters, began: () => {} }
  for (const { from: source, to, slots } of plan) {
    out += `Moving ${slots} slots from ${s.name(source)} to ${s.name(to)}\n`
    for (const move of reshardTable([source], slots)) {
      const why = options.simulate ? undefined : yield* moveSlots(moving, source, to, move.first, move.last)
      if (why !== undefined) return no(why === '' ? '\n' : red(`*** clusterManagerMoveSlot: ${why}`))
      out += '#'.repeat(move.last - move.first + 1)
    }
    out += '\n'
  }
  return { out, err: s.complaints, code: 0 }
}

/** Closes open slots (rule RD-CLI-6). What is not covered it leaves to a person. */
export function* fix(world: World, from: Place, words: readonly string[]): Process<Output> {
  const { args: [target = ''] } = toolArguments(words)
  const s = yield* survey(world, from, target, [])
  if (isOutput(s)) return s
  let out = summary(s.seen, s.name) + s.out
  const no = (text: string): Output => ({ out: out + text, err: s.complaints, code: 1 })
  const { found } = s
  if (found.open.length === 0 && found.uncovered.length === 0) return { out, err: s.complaints, code: 0 }
  const before = found.coverage
  out = out.slice(0, out.length - before.length)
  const unreachable = found.unreachable
  if (found.open.length > 0) {
    if (unreachable > 0) return no(dangerous('open slots', unreachable))
    for (const slot of found.open) {
      const why = yield* fixSlot(world, from, s, slot, text => void (out += text))
      if (why !== undefined) return no(why)
    }
  }
  out += before
  if (found.uncovered.length === 0) return { out, err: s.complaints, code: 0 }
  if (unreachable > 0) return no(dangerous('slots coverage', unreachable))
  return no(`${step('Fixing slots coverage...')}The following uncovered slots have no keys across the cluster:\n${found.uncovered.map(([a, b]) => (a === b ? `[${a}]` : `[${a}-${b}]`)).join(',')}\nFix these slots by covering with a random node? (type 'yes' to accept): `)
}

function dangerous(what: string, n: number): string {
  return `${YELLOW}*** Fixing ${what} with ${n} unreachable masters is dangerous: redis-cli will assume that slots about masters that are not reachable are not covered, and will try to reassign them to the reachable nodes. This can cause data loss and is rarely what you want to do. If you really want to proceed use the --cluster-fix-with-unreachable-masters option.\n${END}`
}

function* fixSlot(world: World, place: Place, s: Survey, slot: number, say: (text: string) => void): Process<string | undefined> {
  const owner = s.masters.find(m => m.table.owner[rangeOf(world.ranges, slot)] === m.table.myself)
  const migrating = s.masters.filter(m => m.table.migrating.has(slot))
  const importing = s.masters.filter(m => m.table.importing.has(slot))
  say(step(`Fixing open slot ${slot}`))
  const list = (nodes: readonly Server[]): string => nodes.map(s.name).join(',')
  if (migrating.length > 0) say(`Set as migrating in: ${list(migrating)}\n`)
  if (importing.length > 0) say(`Set as importing in: ${list(importing)}\n`)
  const moving: Moving = { world, place, masters: s.masters, began: () => {} }
  const [source] = migrating
  const [taker] = importing
  if (source !== undefined && taker !== undefined && migrating.length === 1 && importing.length === 1) {
    say(`${step(`Case 1: Moving slot ${slot} from ${s.name(source)} to ${s.name(taker)}`)}Moving slot ${slot} from ${s.name(source)} to ${s.name(taker)}: ${'.'.repeat(keysIn(source, slot))}\n`)
    return yield* moveSlots(moving, source, taker, slot, slot)
  }
  if (migrating.length === 0 && owner !== undefined) {
    say(step(`Case 2: Moving all the ${slot} slot keys to its owner ${s.name(owner)}`))
    for (const node of importing) {
      if (node === owner) continue
      say(`Moving slot ${slot} from ${s.name(node)} to ${s.name(owner)}: \n${step(`Setting ${slot} as STABLE in ${s.name(node)}`)}`)
      yield EXCHANGE_US
      world.bus.catchUp()
      setSlot(node, slot, 'stable', undefined)
    }
    return undefined
  }
  if (source !== undefined && migrating.length === 1 && importing.length === 0) {
    say(step(`Case 4: Closing slot ${slot} on ${s.name(source)}`))
    yield EXCHANGE_US
    world.bus.catchUp()
    setSlot(source, slot, 'stable', undefined)
    return undefined
  }
  return red(`[ERR] Sorry, redis-cli can't fix this slot yet (work in progress). Slot is set as migrating in ${list(migrating)}, as importing in ${list(importing)}, owner is ${owner === undefined ? '' : s.name(owner)}`)
}

