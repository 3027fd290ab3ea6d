/** `redis-cli --cluster check` and `info`: asks all nodes of one node's map. Source: redis-cli.c clusterManagerCommandCheck; recordings of 7.0.15. What changes the cluster is in membership.ts. */
import { failed, type Finding, ok, type Output } from '../../../src/operator/command.ts'
import { PORT, SLOTS } from '../names.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { COMMAND_NAMES, isModelled } from './commands.ts'
import { type Place, reach } from './reach.ts'

const BOLD = '\u001b[29;1m'
const GREEN = '\u001b[32;1m'
const RED = '\u001b[31;1m'
const YELLOW = '\u001b[33;1m'
const END = '\u001b[0m'

/** Subcommands that are modelled, with the arguments that each wants. */
const MODELLED: Readonly<Record<string, string>> = { check: 'HOST:PORT', info: 'HOST:PORT', 'add-node': 'NEW_HOST:PORT HOST:PORT', 'del-node': 'HOST:PORT NODE_ID', call: 'HOST:PORT COMMAND' }
/** Subcommands of the real one that are not, and why. */
const SLOTS_MOVE = 'it moves slots one by one, and here the slots of a shard move as one, by a failover'
const UNMODELLED: Readonly<Record<string, string>> = {
  reshard: SLOTS_MOVE, rebalance: SLOTS_MOVE, fix: SLOTS_MOVE, create: 'the cluster stands when the story begins; its shape is `cluster.shards`, `replicasPerShard` and `layout` of the scenario',
  import: 'it copies data from another Redis', backup: 'it writes RDB files to the workstation',
  'set-timeout': 'say `config set cluster-node-timeout` to each node',
}

const TOOL_OPTIONS = ['--cluster-slave', '--cluster-master-id', '--cluster-only-masters', '--cluster-only-replicas', '--cluster-yes']

export function toolFindings(words: readonly string[]): readonly Finding[] {
  const [sub = '', ...rest] = words
  const error = (message: string): readonly Finding[] => [{ severity: 'error', message }]
  if (sub.includes('${')) return []
  const wants = MODELLED[sub]
  if (wants === undefined) return error(`\`--cluster ${sub}\` of redis-cli is not modelled${UNMODELLED[sub] === undefined ? '' : ` (${UNMODELLED[sub]})`}; there are: ${Object.keys(MODELLED).join(', ')}`)
  const { args, unknown } = toolArguments(rest)
  if (unknown !== undefined && !unknown.includes('${')) return error(`\`${unknown}\` of redis-cli --cluster ${sub} is not modelled; there are: ${TOOL_OPTIONS.join(', ')}`)
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
  readonly unknown: string | undefined
}

/** The words after the subcommand, options taken out. */
export function toolArguments(words: readonly string[]): ToolArguments {
  const args: string[] = []
  let slave = false
  let masterId: string | undefined
  let only: ToolArguments['only']
  let unknown: string | undefined
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    if (word === '--cluster-slave') slave = true
    else if (word === '--cluster-master-id') masterId = words[++i] ?? ''
    else if (word === '--cluster-only-masters') only = 'masters'
    else if (word === '--cluster-only-replicas') only = 'replicas'
    else if (word === '--cluster-yes') continue
    else if (word.startsWith('--')) unknown ??= word
    else args.push(word)
  }
  return { args, slave, masterId, only, unknown }
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
  const { table, world } = server
  let slots = 0
  const ranges: string[] = []
  for (const group of table.groupsOf(table.myself)) {
    const [first, last] = world.ranges[group] as readonly [number, number]
    slots += last - first + 1
    ranges.push(`[${first}-${last}]`)
  }
  const signature = table.owner.map((owner, group) => (owner === undefined || owner.noaddr ? '' : `${owner.id}:${group}`)).filter(word => word !== '').sort().join('|')
  return { server, slots, ranges: ranges.join(','), master: server.isMaster, replicates: table.myself.masterId, signature }
}

export function checkTool(world: World, from: Place, words: readonly string[]): Output {
  const [sub, target = ''] = words
  const [host, port] = hostOf(target)
  const first = reach(world, from, host, port)
  if (!(isServer(first))) return failed(`${'error' in first ? first.error : `Could not connect to Redis at ${target}`}\n`)
  if (first.state === 'loading') return failed(`[ERR] Node ${target} LOADING Redis is loading the dataset in memory\n`)
  const { seen, complaints } = seeAll(world, from, first)
  let out = complaints
  const replicasOf = (id: string): number => seen.filter(s => s.replicates === id).length
  const name = (s: Seen): string => `${s === seen[0] ? host : s.server.host.address}:${PORT}`
  const masters = seen.filter(s => s.master)
  let keys = 0
  for (const m of masters) {
    const n = Math.round(m.server.sizeMB * 1000)
    keys += n
    out += `${name(m)} (${m.server.id.slice(0, 8)}...) -> ${n} keys | ${m.slots} slots | ${replicasOf(m.server.id)} slaves.\n`
  }
  out += `${GREEN}[OK] ${keys} keys in ${masters.length} masters.\n${END}${(keys / SLOTS).toFixed(2)} keys per slot on average.\n`
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

/** What clusterManagerCheckCluster prints, and whether it is content. */
export function examine(first: Server, target: string, host: string, seen: readonly Seen[]): { readonly out: string; readonly sound: boolean } {
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
  out += `${BOLD}>>> Check for open slots...\n${END}${BOLD}>>> Check slots coverage...\n${END}`
  const covered = new Set(masters.flatMap(m => m.server.table.groupsOf(m.server.table.myself))).size === first.table.owner.length
  out += covered ? `${GREEN}[OK] All ${SLOTS} slots covered.\n${END}` : `${RED}[ERR] Not all ${SLOTS} slots are covered by nodes.\n\n${END}`
  if (!agreed && covered) out += `${YELLOW}[WARNING] The following slots are open or disputed.\n${END}`
  return { out, sound: agreed && covered }
}

export function isServer(reached: ReturnType<typeof reach>): reached is Server {
  return !('error' in reached) && !('hangs' in reached)
}
