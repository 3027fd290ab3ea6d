/** `redis-cli --cluster check` and `info`: asks all nodes of one node's map. Source: redis-cli.c clusterManagerCommandCheck; recordings of 7.0.15. What changes the cluster is in membership.ts. */
import { failed, type Finding, ok, type Output } from '../../../src/operator/command.ts'
import { PORT, SLOTS } from '../names.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { COMMAND_NAMES, isModelled } from './commands.ts'
import { countOf, slotRangesOf } from './plan.ts'
import { type Place, reach } from './reach.ts'

const BOLD = '\u001b[29;1m'
const GREEN = '\u001b[32;1m'
const RED = '\u001b[31;1m'
const END = '\u001b[0m'

/** Subcommands that are modelled, with the arguments that each wants. */
const MODELLED: Readonly<Record<string, string>> = { check: 'HOST:PORT', info: 'HOST:PORT', 'add-node': 'NEW_HOST:PORT HOST:PORT', 'del-node': 'HOST:PORT NODE_ID', call: 'HOST:PORT COMMAND', reshard: 'HOST:PORT', rebalance: 'HOST:PORT', fix: 'HOST:PORT' }
/** Subcommands of the real one that are not, and why. */
const UNMODELLED: Readonly<Record<string, string>> = {
  create: 'the cluster stands when the story begins; its shape is `cluster.shards`, `replicasPerShard` and `layout` of the scenario',
  import: 'it copies data from another Redis', backup: 'it writes RDB files to the workstation',
  'set-timeout': 'say `config set cluster-node-timeout` to each node',
}

const TOOL_OPTIONS = [
  '--cluster-slave', '--cluster-master-id', '--cluster-only-masters', '--cluster-only-replicas', '--cluster-yes', '--cluster-from', '--cluster-to', '--cluster-slots', '--cluster-weight',
  '--cluster-use-empty-masters', '--cluster-threshold', '--cluster-simulate',
]
const OF_MOVES = new Set(TOOL_OPTIONS.slice(TOOL_OPTIONS.indexOf('--cluster-from')))

export function toolFindings(words: readonly string[]): readonly Finding[] {
  const [sub = '', ...rest] = words
  const error = (message: string): readonly Finding[] => [{ severity: 'error', message }]
  if (sub.includes('${')) return []
  const wants = MODELLED[sub]
  if (wants === undefined) return error(`\`--cluster ${sub}\` of redis-cli is not modelled${UNMODELLED[sub] === undefined ? '' : ` (${UNMODELLED[sub]})`}; there are: ${Object.keys(MODELLED).join(', ')}`)
  const { args, unknown, slots, from, to } = toolArguments(rest)
  if (unknown !== undefined && !unknown.includes('${')) return error(`\`${unknown}\` of redis-cli --cluster ${sub} is not modelled; there are: ${TOOL_OPTIONS.join(', ')}`)
  const foreign = sub === 'reshard' || sub === 'rebalance' ? undefined : rest.find(word => OF_MOVES.has(word))
  if (foreign !== undefined) return error(`\`${foreign}\` is an option of redis-cli --cluster reshard or rebalance, not of ${sub}`)
  if (sub === 'reshard' && (slots === undefined || from === undefined || to === undefined)) return error('redis-cli --cluster reshard asks a person for what it was not told, again and again where nobody answers; give it --cluster-from, --cluster-to and --cluster-slots')
  if (sub === 'fix' && rest.includes('--cluster-yes')) return error('`--cluster-yes` of redis-cli --cluster fix is not modelled: it gives slots that nobody has to any node')
  if (sub === 'call') {
    const not = args.length > 1 ? isModelled(args.slice(1)) : undefined
    if (not !== undefined) return error(`${not}; there are: ${COMMAND_NAMES.join(', ')}`)
  }
  return args.length < wants.split(' ').length ? error(`redis-cli --cluster ${sub} wants ${wants}`) : []
}

export interface ToolArguments {
  readonly args: readonly string[]
  readonly slave: boolean
  readonly masterId: string | undefined
  /** `call`: which nodes. */
  readonly only: 'masters' | 'replicas' | undefined
  readonly yes: boolean
  readonly from: string | undefined
  readonly to: string | undefined
  /** undefined where it is none that the tool would take. */
  readonly slots: number | undefined
  readonly weights: readonly string[]
  readonly useEmpty: boolean
  readonly simulate: boolean
  /** Percent. */
  readonly threshold: number
  readonly unknown: string | undefined
}

/** The words after the subcommand, options taken out. */
export function toolArguments(words: readonly string[]): ToolArguments {
  const args: string[] = []
  let slave = false
  let masterId: string | undefined
  let only: ToolArguments['only']
  let unknown: string | undefined
  let yes = false
  let from: string | undefined
  let to: string | undefined
  let slots: number | undefined
  const weights: string[] = []
  let useEmpty = false
  let simulate = false
  let threshold = 2
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    if (word === '--cluster-slave') slave = true
    else if (word === '--cluster-master-id') masterId = words[++i] ?? ''
    else if (word === '--cluster-only-masters') only = 'masters'
    else if (word === '--cluster-only-replicas') only = 'replicas'
    else if (word === '--cluster-yes') yes = true
    else if (word === '--cluster-from') from = words[++i]
    else if (word === '--cluster-to') to = words[++i]
    else if (word === '--cluster-slots') slots = slotCount(words[++i] ?? '')
    else if (word === '--cluster-threshold') threshold = Number.parseFloat(words[++i] ?? '') || 0
    else if (word === '--cluster-use-empty-masters') useEmpty = true
    else if (word === '--cluster-simulate') simulate = true
    else if (word === '--cluster-weight') while (words[i + 1]?.includes('=') === true) weights.push(words[++i] as string)
    else if (word.startsWith('--')) unknown ??= word
    else args.push(word)
  }
  return { args, slave, masterId, only, yes, from, to, slots, weights, useEmpty, simulate, threshold, unknown }
}

/** Less than one is no answer to the question how many, more than there are are all there are. */
function slotCount(word: string): number | undefined {
  if (word.includes('${')) return 1
  const n = Number.parseInt(word, 10)
  return n > 0 ? n : undefined
}

/** Host and port of a target as the tool reads it. */
export function hostOf(target: string): readonly [string, number] {
  const colon = target.lastIndexOf(':')
  return colon < 0 ? [target, PORT] : [target.slice(0, colon), Number(target.slice(colon + 1))]
}

export interface Seen {
  readonly server: Server
  readonly slots: number
  readonly ranges: string
  readonly master: boolean
  readonly replicates: string | undefined
  readonly signature: string
}

export function see(server: Server): Seen {
  const { table } = server
  const ranges = slotRangesOf(server)
  const signature = table.owner.map((owner, group) => (owner === undefined || owner.noaddr ? '' : `${owner.id}:${group}`)).filter(word => word !== '').sort().join('|')
  return { server, slots: countOf(server), ranges: inBrackets(ranges), master: server.isMaster, replicates: table.myself.masterId, signature }
}

export function inBrackets(ranges: readonly (readonly [number, number])[]): string {
  return ranges.map(([first, last]) => (first === last ? `[${first}]` : `[${first}-${last}]`)).join(',')
}

/** Keys and slots of each master. */
export function summary(seen: readonly Seen[], name: (server: Server) => string): string {
  const masters = seen.filter(s => s.master)
  let out = ''
  let keys = 0
  for (const { server, slots } of masters) {
    const n = Math.round(server.sizeMB * 1000)
    keys += n
    out += `${name(server)} (${server.id.slice(0, 8)}...) -> ${n} keys | ${slots} slots | ${seen.filter(s => s.replicates === server.id).length} slaves.\n`
  }
  return `${out}${GREEN}[OK] ${keys} keys in ${masters.length} masters.\n${END}${(keys / SLOTS).toFixed(2)} keys per slot on average.\n`
}

export function checkTool(world: World, from: Place, words: readonly string[]): Output {
  const [sub, target = ''] = words
  const [host, port] = hostOf(target)
  const first = reach(world, from, host, port)
  if (!(isServer(first))) return failed(`${'error' in first ? first.error : `Could not connect to Redis at ${target}`}\n`)
  if (first.state === 'loading') return failed(`[ERR] Node ${target} LOADING Redis is loading the dataset in memory\n`)
  const { seen, complaints } = seeAll(world, from, first)
  const out = complaints + summary(seen, server => `${server === first ? host : server.host.address}:${PORT}`)
  if (sub === 'info') return ok(out)
  const found = examine(first, target, host, seen)
  return found.sound ? ok(out + found.out) : { out: out + found.out, err: '', code: 1 }
}

/** All nodes that the first one names and that answer. */
export function seeAll(world: World, from: Place, first: Server): { readonly seen: readonly Seen[]; readonly complaints: string } {
  const seen: Seen[] = [see(first)]
  let complaints = ''
  for (const peer of first.table.others) {
    if (peer.failed || peer.noaddr) continue
    const server = reach(world, from, peer.ip, PORT)
    if (isServer(server) && server.state !== 'loading') seen.push(see(server))
    else complaints += `Could not connect to Redis at ${peer.ip}:${PORT}: Connection refused\n`
  }
  return { seen, complaints }
}

export interface Examined {
  readonly out: string
  readonly sound: boolean
  /** Slots that somebody is moving. */
  readonly open: readonly number[]
  readonly uncovered: readonly (readonly [number, number])[]
  /** The last part of `out`: what it says of coverage. */
  readonly coverage: string
  /** Masters of the first node's map that could not be asked. */
  readonly unreachable: number
}

/** What clusterManagerCheckCluster prints, and whether it is content. */
export function examine(first: Server, target: string, host: string, seen: readonly Seen[]): Examined {
  const replicasOf = (id: string): number => seen.filter(s => s.replicates === id).length
  const name = (s: Seen): string => `${s === seen[0] ? host : s.server.host.address}:${PORT}`
  const masters = seen.filter(s => s.master)
  let out = `${BOLD}>>> Performing Cluster Check (using node ${target})\n${END}`
  for (const s of seen) {
    out += `${s.master ? 'M' : 'S'}: ${s.server.id} ${name(s)}\n   slots:${s.ranges === '' ? '' : s.ranges} (${s.slots} slots) ${s.master ? 'master' : 'slave'}\n`
    if (!s.master) out += `   replicates ${s.replicates ?? ''}\n`
    else if (replicasOf(s.server.id) > 0) out += `   ${replicasOf(s.server.id)} additional replica(s)\n`
  }
  const agreed = seen.every(s => s.signature === seen[0]?.signature)
  out += agreed ? `${GREEN}[OK] All nodes agree about slots configuration.\n${END}` : `${RED}[ERR] Nodes don't agree about configuration!\n${END}`
  out += `${BOLD}>>> Check for open slots...\n${END}`
  const open = new Set<number>()
  for (const s of seen) {
    for (const state of ['migrating', 'importing'] as const) {
      const slots = [...s.server.table[state].keys()].sort((a, b) => a - b)
      for (const slot of slots) open.add(slot)
      if (slots.length > 0) out += `${RED}[WARNING] Node ${name(s)} has slots in ${state} state ${slots.join(',')}.\n${END}`
    }
  }
  if (open.size > 0) out += `${RED}[WARNING] The following slots are open: ${[...open].join(',')}.\n${END}`
  const uncovered = gapsOf(masters.flatMap(m => slotRangesOf(m.server)))
  const coverage = `${BOLD}>>> Check slots coverage...\n${END}${uncovered.length === 0 ? `${GREEN}[OK] All ${SLOTS} slots covered.\n${END}` : `${RED}[ERR] Not all ${SLOTS} slots are covered by nodes.\n\n${END}`}`
  const unreachable = first.table.others.filter(peer => peer.role === 'master' && !seen.some(s => s.server.id === peer.id)).length
  return { out: out + coverage, sound: agreed && open.size === 0 && uncovered.length === 0, open: [...open], uncovered, coverage, unreachable }
}

/** Slots that no range has. */
function gapsOf(ranges: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const gaps: (readonly [number, number])[] = []
  let next = 0
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (first > next) gaps.push([next, first - 1])
    next = Math.max(next, last + 1)
  }
  if (next < SLOTS) gaps.push([next, SLOTS - 1])
  return gaps
}

export function isServer(reached: ReturnType<typeof reach>): reached is Server {
  return !('error' in reached) && !('hangs' in reached)
}
