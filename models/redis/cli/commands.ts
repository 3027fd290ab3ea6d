/** What a server answers to each command that is modelled. Source: docs "Commands"; recordings of 7.0.15; facts F04–F08, F18, F19. */
import { MILLISECOND, type Process, SECOND, Signal, TIMED_OUT, within } from '../../../src/kernel/index.ts'
import type { Intent } from '../../../src/operator/command.ts'
import { contains } from '../../../src/cluster/log/index.ts'
import { type Answer, answer, LOADING } from '../entrances.ts'
import { forget, reset } from '../forget.ts'
import { manualFailover } from '../manual.ts'
import { meet } from '../meet.ts'
import { PORT, SLOTS } from '../names.ts'
import { lastSavedUs, savingUs, startSave } from '../persistence.ts'
import type { Server } from '../server.ts'
import { keySlot, rangeOf } from '../slots.ts'
import { updateState } from '../state.ts'
import { SLOT_COMMANDS } from './slots.ts'
import { keysIn } from '../moving.ts'
import { clientInfo, clientKill, clientList, ownSwitch, setName } from './client.ts'
import { configGet, configSet, SETTABLE } from './config.ts'
import { NAMELESS_WHY } from './options.ts'
import { OK, type Reply } from './reply.ts'
import { clockMs, INFO_SECTIONS, infoSection, infoText, nodesText, roleReply, shardsReply, slotsReply } from './text.ts'

/** A command: its arity as Redis counts it (the name included; negative = at least), and what it does. */
interface Spec {
  readonly arity: number
  /** Refused with LOADING while data is loaded. */
  readonly needsData?: boolean
  /** Reads only: judged at one instant. */
  readonly reads?: (server: Server, args: readonly string[]) => Reply
  readonly acts?: (server: Server, args: readonly string[]) => Process<Reply>
  /** What prints changes by itself from one instant to the next. */
  readonly moves?: boolean
}

const err = (error: string): Reply => ({ error })
const replyOf = (text: string): Reply => (text === 'OK' ? OK : err(text))

function* at(reply: Reply): Process<Reply> {
  return reply
}

const CLUSTER: Readonly<Record<string, Spec>> = {
  info: { arity: 2, reads: s => ({ text: infoText(caught(s)) }), moves: true },
  nodes: { arity: 2, reads: s => ({ text: nodesText(caught(s)) }), moves: true },
  slots: { arity: 2, reads: slotsReply },
  shards: { arity: 2, reads: s => shardsReply(caught(s)), moves: true },
  myid: { arity: 2, reads: s => s.id },
  keyslot: { arity: 3, reads: (_s, [key = '']) => keySlot(key) },
  countkeysinslot: { arity: 3, reads: (s, [slot = '']) => (validSlot(slot) ? keysIn(s, Number(slot)) : err('ERR Invalid slot')), moves: true },
  ...SLOT_COMMANDS,
  replicas: { arity: 3, reads: replicasReply, moves: true },
  slaves: { arity: 3, reads: replicasReply, moves: true },
  'count-failure-reports': { arity: 3, reads: (s, [id = '']) => (s.table.peers.has(id) ? (s.table.get(id)?.reports?.size ?? 0) : err(`ERR Unknown node ${id}`)), moves: true },
  saveconfig: { arity: 2, acts: () => at(OK) },
  failover: { arity: -2, acts: (s, args) => at(failover(s, args)) },
  forget: { arity: 3, acts: (s, [id = '']) => at(replyOf(forget(s, id))) },
  meet: { arity: -4, acts: (s, [ip = '', port = '']) => at(meetReply(s, ip, port)) },
  replicate: { arity: 3, acts: (s, [id = '']) => at(replicate(s, id)) },
  reset: { arity: -2, acts: (s, args) => at(resetReply(s, args)) },
}

const CLIENT: Readonly<Record<string, Spec>> = {
  pause: { arity: -3, acts: (s, args) => at(pauseClients(s, args)) },
  unpause: { arity: 2, acts: s => at(unpauseClients(s)) },
  list: { arity: -2, reads: clientList, moves: true },
  kill: { arity: -3, acts: (s, args) => at(clientKill(s, args)) },
  info: { arity: 2, reads: clientInfo, moves: true },
  id: { arity: 2, reads: s => s.clientNumbers.next, moves: true },
  getname: { arity: 2, reads: () => null },
  setname: { arity: 3, reads: (_s, [name = '']) => setName(name) },
  'no-evict': { arity: 3, reads: (s, args) => ownSwitch(s, 'no-evict', 700, args) },
  'no-touch': { arity: 3, reads: (s, args) => ownSwitch(s, 'no-touch', 702, args) },
}

const CONFIG: Readonly<Record<string, Spec>> = {
  get: { arity: -3, reads: configGet },
  set: { arity: -4, acts: (s, [key = '', value = '']) => at(configSet(s, key, value)) },
}

/** Commands that are nothing without a second word. */
const CONTAINERS: Readonly<Record<string, Readonly<Record<string, Spec>>>> = { cluster: CLUSTER, client: CLIENT, config: CONFIG }

const COMMANDS: Readonly<Record<string, Spec>> = {
  ping: { arity: -1, needsData: true, reads: (_s, [text]) => text ?? { status: 'PONG' } },
  echo: { arity: 2, needsData: true, reads: (_s, [text = '']) => text },
  role: { arity: 1, reads: roleReply, moves: true },
  time: { arity: 1, reads: s => [String(Math.floor(clockMs(s) / 1000)), String((clockMs(s) % 1000) * 1000)], moves: true },
  info: { arity: -1, reads: infoReply, moves: true },
  dbsize: { arity: 1, needsData: true, reads: s => Math.round(s.sizeMB * 1000), moves: true },
  lastsave: { arity: 1, reads: s => Math.floor(clockMs(s, lastSavedUs(s) ?? s.startedAtUs) / 1000), moves: true },
  get: { arity: 2, needsData: true, reads: (s, args) => read(s, args), moves: true },
  exists: { arity: 2, needsData: true, reads: (s, args) => exists(s, args), moves: true },
  set: { arity: -3, needsData: true, acts: write },
  wait: { arity: 3, needsData: true, acts: waitFor },
  bgsave: { arity: -1, needsData: true, acts: s => at(bgsave(s)) },
  save: { arity: 1, needsData: true, acts: save },
  shutdown: { arity: -1, acts: shutdown },
  debug: { arity: -2, acts: debug },
  readonly: { arity: 1, reads: () => OK },
  readwrite: { arity: 1, reads: () => OK },
  asking: { arity: 1, reads: () => OK },
  failover: { arity: -1, reads: () => err('ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.') },
  replicaof: { arity: 3, reads: () => err('ERR REPLICAOF not allowed in cluster mode.') },
  slaveof: { arity: 3, reads: () => err('ERR REPLICAOF not allowed in cluster mode.') },
  select: { arity: 2, reads: (_s, [db]) => (db === '0' ? OK : err('ERR SELECT is not allowed in cluster mode')) },
}

export const COMMAND_NAMES: readonly string[] = [
  ...Object.keys(COMMANDS).map(name => (name === 'debug' ? 'debug sleep' : name)),
  ...Object.entries(CONTAINERS).flatMap(([first, seconds]) => Object.keys(seconds).map(second => `${first} ${second}`)),
]

/** Sections of the real INFO that are not here: a script that reads them must not find them empty. */
const UNMODELLED_SECTIONS: ReadonlySet<string> = new Set(['stats', 'cpu', 'modules', 'commandstats', 'errorstats', 'latencystats'])

/** Commands of the real server that are not modelled: `check` refuses them; here the answer would not be the real one's. */
export function isModelled(words: readonly string[]): string | undefined {
  const [first = '', second = ''] = words.map(word => word.toLowerCase())
  if (first.includes('${') || first === '') return undefined
  const unknown = second === '' || second.includes('${')
  if (first === 'config' && second === 'set') return words[2] === undefined || words[2].includes('${') || SETTABLE.includes(words[2].toLowerCase().replace('slaves', 'replicas')) ? undefined : `CONFIG SET of \`${words[2]}\` is not modelled; it is for ${SETTABLE.join(', ')}`
  const section = first === 'info' ? words.slice(1).find(word => UNMODELLED_SECTIONS.has(word.toLowerCase())) : undefined
  if (section !== undefined) return `INFO's section \`${section}\` is not modelled (there are ${INFO_SECTIONS.join(', ')})`
  const seconds = first === 'debug' ? ['sleep'] : Object.hasOwn(CONTAINERS, first) ? Object.keys(CONTAINERS[first] ?? {}) : undefined
  if (seconds !== undefined) return unknown || seconds.includes(second) ? undefined : `the command \`${first} ${second}\` is not modelled in redis-cli${second === 'getkeysinslot' ? ` (${NAMELESS_WHY})` : ''}`
  return Object.hasOwn(COMMANDS, first) ? undefined : `the command \`${first}\` is not modelled in redis-cli${WHY_NOT[first] === undefined ? '' : ` (${WHY_NOT[first]})`}`
}

/** Why some commands cannot be answered truly, and what can. */
const WHY_NOT: Readonly<Record<string, string>> = {
  migrate: NAMELESS_WHY, memory: 'what single keys and allocators take is not modelled; `info memory` tells what all of them take', keys: NAMELESS_WHY, scan: NAMELESS_WHY, randomkey: NAMELESS_WHY, monitor: 'the operations of the load are a flow', flushall: 'the model has no way to lose a whole dataset by command',
}

/** What a command is written to do; WAIT only waits. Unknown where it is not modelled. */
export function intentOf(words: readonly string[]): Intent | undefined {
  const [first = '', second = ''] = words.map(word => word.toLowerCase())
  const spec = CONTAINERS[first]?.[second] ?? (Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined)
  return spec === undefined ? undefined : first === 'wait' ? 'waits' : spec.acts === undefined && !['failover', 'replicaof', 'slaveof'].includes(first) ? 'reads' : 'acts'
}

export interface Prepared {
  readonly reply?: Reply
  /** Until when, if nothing happens, the same is answered. */
  readonly moves: boolean
  readonly run?: (server: Server) => Process<Reply>
}

/** Reads a command as the server would: refusals and readings at once, the rest to be run. */
export function prepare(server: Server, words: readonly string[]): Prepared {
  const [name = '', ...args] = words
  const first = name.toLowerCase()
  const say = (reply: Reply): Prepared => ({ reply, moves: false })
  let spec = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined
  let rest: readonly string[] = args
  let called = first
  if (Object.hasOwn(CONTAINERS, first)) {
    if (args.length === 0) return say(err(`ERR wrong number of arguments for '${first}' command`))
    const second = (args[0] ?? '').toLowerCase()
    rest = args.slice(1)
    called = `${first}|${second}`
    const seconds = CONTAINERS[first] ?? {}
    spec = Object.hasOwn(seconds, second) ? seconds[second] : undefined
    if (spec === undefined) return say(err(`ERR unknown subcommand '${args[0]}'. Try ${first.toUpperCase()} HELP.`))
  }
  if (spec === undefined) return say(err(`ERR unknown command '${name}', with args beginning with: ${args.map(arg => `'${arg}' `).join('')}`))
  if (spec.arity > 0 ? words.length !== spec.arity : words.length < -spec.arity) return say(err(`ERR wrong number of arguments for '${called}' command`))
  if (server.loading && (spec.needsData === true || (first === 'cluster' && server.state === 'loading'))) return say(err(LOADING))
  if (server.state === 'loading' && first !== 'shutdown' && first !== 'info') return say(err(LOADING))
  const { reads, acts } = spec
  if (reads !== undefined) return { reply: reads(server, rest), moves: spec.moves === true }
  const run = (s: Server): Process<Reply> => {
    s.world.bus.catchUp()
    return (acts as NonNullable<Spec['acts']>)(s, rest)
  }
  return { moves: true, run }
}

// ── readings ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function caught(server: Server): Server {
  server.world.bus.catchUp()
  return server
}

function validSlot(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) < SLOTS
}

function infoReply(server: Server, sections: readonly string[]): Reply {
  const wanted = sections.length === 0 || ['all', 'default', 'everything'].includes((sections[0] ?? '').toLowerCase()) ? [...INFO_SECTIONS] : sections.map(name => name.toLowerCase())
  const found = wanted.map(name => (server.state === 'loading' && name !== 'server' && name !== 'persistence' ? undefined : infoSection(server, name))).filter(lines => lines !== undefined)
  return { text: found.map(lines => `${lines.join('\r\n')}\r\n`).join('\r\n') }
}

function replicasReply(server: Server, [id = '']: readonly string[]): Reply {
  const peer = server.table.get(id)
  if (peer === undefined) return err(`ERR Unknown node ${id}`)
  if (peer.role === 'replica') return err('ERR The specified node is not a master')
  const lines = nodesText(caught(server)).split('\n')
  return lines.filter(line => line.split(' ')[3] === id)
}

function logOf(server: Server, key: string): { readonly slot: number; readonly group: number } {
  const slot = keySlot(key)
  return { slot, group: rangeOf(server.world.ranges, slot) }
}

/** Why this server does not serve a key, in its words; undefined = it does. */
function refusal(server: Server, key: string, writes: boolean): Reply | 'held' | undefined {
  const { slot, group } = logOf(server, key)
  const log = server.world.shareOf(slot)
  const says = strayed(server, group) ?? answer(server, log)
  if (says.is === 'moved') return err(`${says.ask === true ? 'ASK' : 'MOVED'} ${slot} ${says.to.ip}:${PORT}`)
  if (says.is === 'error') return says.writesOnly && !writes ? undefined : err(says.error)
  return says.is === 'held' && writes ? 'held' : undefined
}

/** A slot that went another way than the one that stands for its share. */
function strayed(server: Server, group: number): Answer | undefined {
  const { table } = server
  const owner = table.owner[group]
  return owner === undefined || owner === table.myself || !server.clusterOk || server.loading ? undefined : { is: 'moved', to: owner }
}

function valueOf(server: Server, key: string): string | undefined {
  const copy = server.data.of(server.world.shareOf(keySlot(key)))
  if (copy === undefined) return undefined
  const here = copy.position('apply')
  return server.world.keys.get(key)?.findLast(k => k.log === copy.log && contains(here, k.at))?.value
}

function read(server: Server, [key = '']: readonly string[]): Reply {
  const no = refusal(server, key, false)
  return no === undefined || no === 'held' ? (valueOf(server, key) ?? null) : no
}

function exists(server: Server, [key = '']: readonly string[]): Reply {
  const no = refusal(server, key, false)
  return no === undefined || no === 'held' ? (valueOf(server, key) === undefined ? 0 : 1) : no
}

// ── effects ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Waits until something about the cluster changes. */
function* change(server: Server, us = Number.POSITIVE_INFINITY): Process<boolean> {
  const moved = new Signal()
  const forgetIt = server.world.onTopology(() => moved.fire())
  const woken = yield within(moved, us)
  forgetIt()
  return woken !== TIMED_OUT
}

function* write(server: Server, [key = '', value = '']: readonly string[]): Process<Reply> {
  for (;;) {
    if (!server.alive) return err('')
    const no = refusal(server, key, true)
    if (no === 'held') {
      yield* change(server)
      continue
    }
    if (no !== undefined) return no
    const { world } = server
    const copy = server.data.of(world.shareOf(keySlot(key)))
    if (copy?.leading !== true) return err('CLUSTERDOWN The cluster is down')
    copy.append(60 + key.length + value.length)
    const list = world.keys.get(key) ?? []
    list.push({ value, at: copy.position('receive'), log: copy.log })
    world.keys.set(key, list)
    return OK
  }
}

/** WAIT counts who has what this connection wrote, and that is nothing: redis-cli makes a new one for each command (rule RD-WAIT-1). */
function* waitFor(server: Server, [number = '', timeout = '']: readonly string[]): Process<Reply> {
  if (!server.isMaster) return err('ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.')
  if (!/^-?\d{1,15}$/.test(number)) return err('ERR value is not an integer or out of range')
  if (!/^-?\d{1,15}$/.test(timeout)) return err('ERR timeout is not an integer or out of range')
  if (Number(timeout) < 0) return err('ERR timeout is negative')
  const { sim } = server.world
  const wanted = Number(number)
  const deadline = Number(timeout) === 0 ? Number.POSITIVE_INFINITY : sim.now + Number(timeout) * MILLISECOND
  const count = (): number => [...server.downstream].filter(link => link.state === 'up').length
  while (server.alive && count() < wanted && sim.now < deadline) yield* change(server, deadline - sim.now)
  return count()
}

const SAVING = 'ERR Background save already in progress'

function bgsave(server: Server): Reply {
  if (server.host.diskFull()) return err('ERR')
  return startSave(server) ? { status: 'Background saving started' } : err(SAVING)
}

/** SAVE: the process does nothing else until it is written. */
function* save(server: Server): Process<Reply> {
  if (server.host.diskFull()) return err('ERR')
  if (!startSave(server)) return err(SAVING)
  return yield* asleep(server, Math.max(1, savingUs(server)), 'save')
}

function* shutdown(server: Server, args: readonly string[]): Process<Reply> {
  const words = args.map(word => word.toLowerCase())
  const says = (word: string): boolean => words.includes(word)
  const known = server.version >= 700 ? ['nosave', 'save', 'now', 'force', 'abort'] : ['nosave', 'save']
  if (!words.every(word => known.includes(word)) || (says('nosave') && says('save')) || (says('abort') && words.length > 1)) return err('ERR syntax error')
  if (says('abort')) return server.abortShutdown() ? OK : err('ERR No shutdown in progress.')
  server.shutdown(says('nosave') ? 'nosave' : says('save') ? 'save' : 'default', says('now'))
  while (server.alive && server.state !== 'up') yield* change(server)
  return server.alive ? err('ERR Errors trying to SHUTDOWN. Check logs.') : { text: '' }
}

/** CLIENT PAUSE (rule RD-PAUSE-1). */
function pauseClients(server: Server, [timeout = '', mode, ...more]: readonly string[]): Reply {
  const which = mode?.toLowerCase() ?? 'all'
  if (more.length > 0) return err('ERR syntax error')
  if (which !== 'all' && which !== 'write') return err('ERR CLIENT PAUSE mode must be WRITE or ALL')
  if (!/^-?\d{1,15}$/.test(timeout)) return err('ERR timeout is not an integer or out of range')
  if (timeout.startsWith('-')) return err('ERR timeout is negative')
  server.holds.pauseClients(Number(timeout) * MILLISECOND, which === 'all')
  return OK
}

function unpauseClients(server: Server): Reply {
  server.holds.unpauseClients()
  return OK
}

/** DEBUG SLEEP: from 7.0 on DEBUG is refused unless the configuration file allows it, and by default it does not (rule RD-DEBUG-1). */
function* debug(server: Server, [what = '', seconds = '']: readonly string[]): Process<Reply> {
  if (server.version >= 700) return err(`ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.`)
  if (what.toLowerCase() !== 'sleep') return err(`ERR unknown subcommand or wrong number of arguments for '${what}'. Try DEBUG HELP.`)
  // strtod: what is no number is none.
  const asleepUs = Math.round((Number.parseFloat(seconds) || 0) * SECOND)
  return yield* asleep(server, asleepUs, 'debug sleep')
}

/** It answers nobody for a while. */
function* asleep(server: Server, us: number, why: string): Process<Reply> {
  server.pause(true, why)
  const { sim } = server.world
  const untilUs = sim.now + us
  while (server.alive && sim.now < untilUs) yield* change(server, untilUs - sim.now)
  if (!server.alive) return err('')
  server.pause(false, why)
  return OK
}

function failover(server: Server, args: readonly string[]): Reply {
  const how = (args[0] ?? '').toLowerCase()
  if (args.length > 1) return err("ERR unknown subcommand or wrong number of arguments for 'failover'. Try CLUSTER HELP.")
  if (how !== '' && how !== 'force' && how !== 'takeover') return err('ERR syntax error')
  return replyOf(manualFailover(server, how === '' ? 'ask' : how === 'force' ? 'force' : 'takeover'))
}

function meetReply(server: Server, ip: string, port: string): Reply {
  if (!/^\d+$/.test(port)) return err(`ERR Invalid TCP port specified: ${port}`)
  // From 7.0.15's own: port and bus port must be ports.
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(ip) || Number(port) < 1 || Number(port) + 10_000 > 65_535) return err(`ERR Invalid node address specified: ${ip}:${port}`)
  meet(server, ip)
  server.world.sim.touch()
  return OK
}

/** CLUSTER REPLICATE. */
export function replicate(server: Server, id: string): Reply {
  const { table } = server
  const peer = table.get(id)
  if (peer === undefined) return err(`ERR Unknown node ${id}`)
  if (peer === table.myself) return err("ERR Can't replicate myself")
  if (peer.role === 'replica') return err('ERR I can only replicate a master, not a replica.')
  if (server.isMaster && (table.myself.slots > 0 || server.sizeMB > 0)) return err('ERR To set a master the node must be empty and without assigned slots.')
  // Also for the master that it has: the link is made anew, to the address that the table has now (rule RD-REPL-7).
  server.follow(id)
  updateState(server, server.world.sim.now)
  return OK
}

function resetReply(server: Server, args: readonly string[]): Reply {
  const how = (args[0] ?? 'soft').toLowerCase()
  if (args.length > 1 || (how !== 'soft' && how !== 'hard')) return err('ERR syntax error')
  return replyOf(reset(server, how === 'hard'))
}
