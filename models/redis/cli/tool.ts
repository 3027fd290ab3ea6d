/** `redis-cli --cluster check` and `info`: asks all nodes of one node's map. Source: redis-cli.c clusterManagerCommandCheck; recordings of 7.0.15. */
import { failed, type Finding, ok, type Output } from '../../../src/operator/command.ts'
import { PORT, SLOTS } from '../names.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { type Place, reach } from './reach.ts'

const BOLD = '\u001b[29;1m'
const GREEN = '\u001b[32;1m'
const RED = '\u001b[31;1m'
const YELLOW = '\u001b[33;1m'
const END = '\u001b[0m'

export function toolFindings(words: readonly string[]): readonly Finding[] {
  const [sub = ''] = words
  if (sub === 'check' || sub === 'info' || sub.includes('${')) return words.length < 2 ? [{ severity: 'error', message: `redis-cli --cluster ${sub} wants HOST:PORT` }] : []
  return [{ severity: 'error', message: `\`--cluster ${sub}\` of redis-cli is not modelled; there are: check, info` }]
}

interface Seen {
  readonly server: Server
  readonly slots: number
  readonly ranges: string
  readonly master: boolean
  readonly replicates: string | undefined
  readonly signature: string
}

function see(server: Server): Seen {
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
  const colon = target.lastIndexOf(':')
  const host = colon < 0 ? target : target.slice(0, colon)
  const first = reach(world, from, host, colon < 0 ? PORT : Number(target.slice(colon + 1)))
  if (!(isServer(first))) return failed(`${'error' in first ? first.error : `Could not connect to Redis at ${target}`}\n`)
  if (first.state === 'loading') return failed(`[ERR] Node ${target} LOADING Redis is loading the dataset in memory\n`)
  const seen: Seen[] = [see(first)]
  let out = ''
  for (const peer of first.table.others) {
    if (peer.failed || peer.noaddr) continue
    const server = reach(world, from, peer.ip, PORT)
    if (isServer(server) && server.state !== 'loading') seen.push(see(server))
    else out += `Could not connect to Redis at ${peer.ip}:${PORT}: Connection refused\n`
  }
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
  out += `${BOLD}>>> Performing Cluster Check (using node ${target})\n${END}`
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
  return agreed && covered ? ok(out) : { out, err: '', code: 1 }
}

function isServer(reached: ReturnType<typeof reach>): reached is Server {
  return !('error' in reached) && !('hangs' in reached)
}
