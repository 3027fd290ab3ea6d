/** Texts of CLUSTER NODES, SLOTS, SHARDS and INFO. Source: recordings of 7.0.15 in test/redis/recordings. */
import { MILLISECOND, type Us } from '../../../src/kernel/index.ts'
import { BUS_PORT, PORT } from '../names.ts'
import { lastSavedUs } from '../persistence.ts'
import type { Server } from '../server.ts'
import type { Peer } from '../table.ts'
import { clientCount } from './client.ts'
import type { Reply } from './reply.ts'

/** What the node's wall clock shows at an instant, in ms since 1970. */
export function clockMs(server: Server, atUs: Us = server.world.sim.now): number {
  return server.world.epochMs + Math.floor((atUs + server.host.clockOffUs()) / MILLISECOND)
}

function flags(server: Server, peer: Peer): string {
  const words: string[] = []
  if (peer === server.table.myself) words.push('myself')
  words.push(peer.role === 'master' ? 'master' : 'slave')
  if (peer.failed) words.push('fail')
  else if (peer.pfail) words.push('fail?')
  if (peer.noaddr) words.push('noaddr')
  if (peer === server.table.myself ? server.cannotFailover : peer.cannotFailover) words.push('nofailover')
  return words.join(',')
}

/** Slot ranges of a peer as printed, neighbours joined. */
function rangesOf(server: Server, peer: Peer): readonly (readonly [number, number])[] {
  const joined: [number, number][] = []
  const ranges = server.table.groupsOf(peer).map(group => server.world.ranges[group] as readonly [number, number]).sort((a, b) => a[0] - b[0])
  for (const [first, last] of ranges) {
    const before = joined.at(-1)
    if (before !== undefined && before[1] === first - 1) before[1] = last
    else joined.push([first, last])
  }
  return joined
}

/** Slots that it is moving, as its own line has them. */
function openSlots({ table }: Server): string {
  const slots = [...new Set([...table.migrating.keys(), ...table.importing.keys()])].sort((a, b) => a - b)
  return slots.map(slot => (table.migrating.has(slot) ? ` [${slot}->-${table.migrating.get(slot)}]` : ` [${slot}-<-${table.importing.get(slot)}]`)).join('')
}

function epochOf(server: Server, peer: Peer): number {
  return (peer.role === 'replica' ? server.table.get(peer.masterId) : undefined)?.configEpoch ?? peer.configEpoch
}

function sorted(server: Server): readonly Peer[] {
  return [...server.table.peers.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** CLUSTER NODES: addresses, and names only where they are announced (rule RD-CLI-2). */
export function nodesText(server: Server): string {
  const lines: string[] = []
  for (const peer of sorted(server)) {
    const me = peer === server.table.myself
    const name = peer.hostname === '' ? '' : `,${peer.hostname}`
    const slots = rangesOf(server, peer).map(([a, b]) => (a === b ? ` ${a}` : ` ${a}-${b}`)).join('') + (me ? openSlots(server) : '')
    const sent = peer.pingSentUs === 0 ? 0 : clockMs(server, peer.pingSentUs)
    const pong = me ? 0 : peer.pongUs === 0 ? 0 : clockMs(server, peer.pongUs)
    const link = me || peer.link?.alive === true ? 'connected' : 'disconnected'
    lines.push(`${peer.id} ${peer.ip}:${PORT}@${BUS_PORT}${name} ${flags(server, peer)} ${peer.masterId ?? '-'} ${sent} ${pong} ${epochOf(server, peer)} ${link}${slots}\n`)
  }
  for (const meet of server.meets) lines.push(`${meet.id} ${meet.ip}:${PORT}@${BUS_PORT} handshake - ${clockMs(server, meet.sinceUs)} 0 0 disconnected\n`)
  return lines.join('')
}

export function infoText(server: Server): string {
  const { table, world } = server
  let assigned = 0
  let pfail = 0
  let fail = 0
  table.owner.forEach((owner, group) => {
    if (owner === undefined) return
    const [first, last] = world.ranges[group] as readonly [number, number]
    const n = last - first + 1
    assigned += n
    if (owner.failed) fail += n
    else if (owner.pfail) pfail += n
  })
  const me = (table.myself.role === 'replica' ? table.master : undefined) ?? table.myself
  const lines = [
    `cluster_state:${server.clusterOk ? 'ok' : 'fail'}`,
    `cluster_slots_assigned:${assigned}`,
    `cluster_slots_ok:${assigned - pfail - fail}`,
    `cluster_slots_pfail:${pfail}`,
    `cluster_slots_fail:${fail}`,
    `cluster_known_nodes:${table.peers.size + server.meets.length}`,
    `cluster_size:${table.size}`,
    `cluster_current_epoch:${table.currentEpoch}`,
    `cluster_my_epoch:${me.configEpoch}`,
    `cluster_stats_messages_sent:${server.sent}`,
    `cluster_stats_messages_received:${server.received}`,
    'total_cluster_links_buffer_limit_exceeded:0',
  ]
  return `${lines.join('\r\n')}\r\n`
}

function endpoint(peer: Peer): Reply {
  return [peer.ip === '' ? null : peer.ip, PORT, peer.id, peer.hostname === '' ? [] : ['hostname', peer.hostname]]
}

export function slotsReply(server: Server): Reply {
  const rows: { first: number; reply: Reply }[] = []
  for (const peer of server.table.peers.values()) {
    if (peer.role !== 'master') continue
    const replicas = server.table.replicasOf(peer.id).filter(r => !r.failed && (r === server.table.myself || r.offset > 0)).map(endpoint)
    for (const [first, last] of rangesOf(server, peer)) rows.push({ first, reply: [first, last, endpoint(peer), ...replicas] })
  }
  return rows.sort((a, b) => a.first - b.first).map(row => row.reply)
}

export function shardsReply(server: Server): Reply {
  const masters = sorted(server).filter(peer => peer.role === 'master')
  return masters.map(master => {
    const nodes = [master, ...server.table.replicasOf(master.id)].map((peer): Reply => {
      const me = peer === server.table.myself
      const offset = me ? server.offset : peer.offset
      const health = peer.failed ? 'fail' : (me && server.loading) || (peer.role === 'replica' && offset === 0) ? 'loading' : 'online'
      return ['id', peer.id, 'port', PORT, 'ip', peer.ip, 'endpoint', peer.ip, ...(peer.hostname === '' ? [] : ['hostname', peer.hostname]), 'role', peer.role, 'replication-offset', offset, 'health', health]
    })
    return ['slots', rangesOf(server, master).flatMap(range => [...range]), 'nodes', nodes]
  })
}

export function roleReply(server: Server): Reply {
  const { upstream } = server
  if (!server.isMaster) {
    const state = upstream === undefined || upstream.state === 'connecting' || upstream.state === 'closed' ? 'connect' : upstream.state === 'handshake' ? 'connecting' : upstream.state === 'up' ? 'connected' : 'sync'
    return ['slave', upstream?.ip ?? server.table.master?.ip ?? '', PORT, state, upstream?.state === 'up' ? server.offset : -1]
  }
  return ['master', server.offset, [...server.downstream].filter(link => link.state === 'up').map((link): Reply => [link.replica.host.address, String(PORT), String(link.replica.offset)])]
}

const idOf = (server: Server): string => `${server.copy?.branch.id ?? 0}`.padStart(8, '0').repeat(5)

function replication(server: Server): string[] {
  const { upstream, copy } = server
  const offset = server.offset
  const replicas = [...server.downstream].map((link, i) => {
    const state = link.state === 'up' ? 'online' : link.state === 'transfer' || link.state === 'loading' ? 'send_bulk' : 'wait_bgsave'
    const lag = link.state === 'up' ? Math.floor((server.world.sim.now - link.lastIoUs) / 1_000_000) : 0
    return `slave${i}:ip=${link.replica.host.address},port=${PORT},state=${state},offset=${link.state === 'up' ? link.replica.offset : 0},lag=${lag}`
  })
  const up = upstream?.state === 'up'
  const slave = server.isMaster ? [] : [
    `master_host:${upstream?.ip ?? server.table.master?.ip ?? ''}`,
    `master_port:${PORT}`,
    `master_link_status:${up ? 'up' : 'down'}`,
    `master_last_io_seconds_ago:${up ? Math.floor((server.world.sim.now - upstream.lastIoUs) / 1_000_000) : -1}`,
    `master_sync_in_progress:${upstream?.state === 'transfer' || upstream?.state === 'loading' || upstream?.state === 'waiting' ? 1 : 0}`,
    `slave_read_repl_offset:${offset}`,
    `slave_repl_offset:${offset}`,
    ...(up ? [] : [`master_link_down_since_seconds:${upstream?.downSinceUs === undefined ? -1 : Math.floor((server.world.sim.now - upstream.downSinceUs) / 1_000_000)}`]),
    'slave_priority:100',
    'slave_read_only:1',
    'replica_announced:1',
  ]
  return [
    '# Replication',
    `role:${server.isMaster ? 'master' : 'slave'}`,
    ...slave,
    `connected_slaves:${server.downstream.size}`,
    ...(server.minReplicas > 0 && server.isMaster ? [`min_slaves_good_slaves:${server.goodReplicas}`] : []),
    ...replicas,
    'master_failover_state:no-failover',
    `master_replid:${copy === undefined ? '0'.repeat(40) : idOf(server)}`,
    `master_replid2:${'0'.repeat(40)}`,
    `master_repl_offset:${offset}`,
    'second_repl_offset:-1',
    `repl_backlog_active:${copy === undefined ? 0 : 1}`,
    `repl_backlog_size:${Math.round(server.world.options.replBacklogMB * 1_000_000)}`,
    `repl_backlog_first_byte_offset:${Math.max(server.backlogFrom, offset - Math.round(server.world.options.replBacklogMB * 1_000_000)) + 1}`,
    `repl_backlog_histlen:${Math.min(offset - server.backlogFrom, Math.round(server.world.options.replBacklogMB * 1_000_000))}`,
  ]
}

/** What an empty server takes. Source: INFO memory of redis-server 7.0.15, cluster mode, amd64: 1,638,368. */
const BASE_BYTES = 1_638_368

/** Bytes as INFO's `_human` fields have them: two decimals of the largest unit. */
function human(bytes: number): string {
  const unit = bytes < 1024 ? 0 : bytes < 1_048_576 ? 1 : bytes < 1_073_741_824 ? 2 : 3
  return unit === 0 ? `${bytes}B` : `${(bytes / ([1, 1024, 1_048_576, 1_073_741_824][unit] as number)).toFixed(2)}${'BKMG'.charAt(unit)}`
}

/** A section of INFO; undefined = there is none of that name. */
export function infoSection(server: Server, name: string): string[] | undefined {
  const uptime = Math.floor((server.world.sim.now - server.startedAtUs) / 1_000_000)
  switch (name) {
    case 'server':
      return ['# Server', `redis_version:${server.host.version}`, 'redis_mode:cluster', 'process_id:1', `tcp_port:${PORT}`, `server_time_usec:${clockMs(server) * 1000}`, `uptime_in_seconds:${uptime}`, `uptime_in_days:${Math.floor(uptime / 86_400)}`, 'hz:10', 'configured_hz:10']
    case 'persistence':
      return ['# Persistence', `loading:${server.loading ? 1 : 0}`, 'async_loading:0', `rdb_bgsave_in_progress:${server.savingSinceUs === undefined ? 0 : 1}`, `rdb_last_save_time:${Math.floor(clockMs(server, lastSavedUs(server) ?? server.startedAtUs) / 1000)}`, `rdb_last_bgsave_status:${server.world.unpersisted.has(server.name) || server.host.diskFull() ? 'err' : 'ok'}`, `aof_enabled:${server.world.options.appendonly ? 1 : 0}`, 'aof_last_write_status:ok']
    case 'clients':
      return ['# Clients', `connected_clients:${clientCount(server)}`, ...(server.version >= 700 ? [`cluster_connections:${2 * server.table.others.filter(peer => peer.link?.alive === true).length}`] : []), 'maxclients:10000', 'client_recent_max_input_buffer:20480', 'client_recent_max_output_buffer:0', 'blocked_clients:0', 'tracking_clients:0', 'clients_in_timeout_table:0']
    case 'memory': {
      const used = BASE_BYTES + Math.round(server.sizeMB * 1_000_000)
      return ['# Memory', `used_memory:${used}`, `used_memory_human:${human(used)}`, `used_memory_rss:${used}`, `used_memory_rss_human:${human(used)}`, `used_memory_peak:${used}`, `used_memory_peak_human:${human(used)}`, `used_memory_dataset:${used - BASE_BYTES}`, 'maxmemory:0', 'maxmemory_human:0B', 'maxmemory_policy:noeviction', 'mem_fragmentation_ratio:1.00']
    }
    case 'replication':
      return replication(server)
    case 'cluster':
      return ['# Cluster', 'cluster_enabled:1']
    case 'keyspace': {
      const keys = Math.round(server.sizeMB * 1000)
      return ['# Keyspace', ...(keys > 0 || server.offset > 0 ? [`db0:keys=${Math.max(1, keys)},expires=0,avg_ttl=0`] : [])]
    }
    default:
      return undefined
  }
}

export const INFO_SECTIONS = ['server', 'clients', 'memory', 'persistence', 'replication', 'cluster', 'keyspace'] as const
