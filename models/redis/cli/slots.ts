/** CLUSTER commands about slots (rules RD-MOVE-…). Source: cluster.c clusterCommand (7.0.15); recordings of 7.0.15. */
import type { Process } from '../../../src/kernel/index.ts'
import { bumpEpoch, ownSlots, setSlot } from '../moving.ts'
import type { Server } from '../server.ts'
import type { Reply } from './reply.ts'

const err = (error: string): Reply => ({ error })
const replyOf = (text: string): Reply => (text === 'OK' ? { status: 'OK' } : err(text))

function* at(reply: Reply): Process<Reply> {
  return reply
}

/** As string2ll reads it: NaN = no number. */
function numberOf(word: string): number {
  return /^-?\d{1,15}$/.test(word) ? Number(word) : Number.NaN
}

function setSlotReply(server: Server, [slot = '', action = '', id, ...more]: readonly string[]): Reply {
  return replyOf(more.length > 0 ? 'ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP' : setSlot(server, numberOf(slot), action.toLowerCase(), id))
}

/** ADDSLOTS and DELSLOTS. */
function listed(server: Server, words: readonly string[], own: boolean): Reply {
  return replyOf(ownSlots(server, words.map(word => [numberOf(word), numberOf(word)] as const), own))
}

/** ADDSLOTSRANGE and DELSLOTSRANGE. */
function ranged(server: Server, words: readonly string[], own: boolean): Reply {
  if (words.length % 2 === 1) return err(`ERR wrong number of arguments for 'cluster|${own ? 'add' : 'del'}slotsrange' command`)
  const ranges: [number, number][] = []
  for (let i = 0; i < words.length; i += 2) {
    const [first, last] = [numberOf(words[i] as string), numberOf(words[i + 1] as string)]
    if (!(first >= 0 && last >= 0 && first < 16_384 && last < 16_384)) return err('ERR Invalid or out of range slot')
    if (first > last) return err(`ERR start slot number ${first} is greater than end slot number ${last}`)
    ranges.push([first, last])
  }
  return replyOf(ownSlots(server, ranges, own))
}

function bumped(server: Server): Reply {
  return { status: `${bumpEpoch(server) ? 'BUMPED' : 'STILL'} ${server.table.myself.configEpoch}` }
}

function setConfigEpoch(server: Server, word: string): Reply {
  const { table, world } = server
  const epoch = numberOf(word)
  if (!(epoch >= 0)) return err(`ERR Invalid config epoch specified: ${word}`)
  if (table.peers.size > 1) return err('ERR The user can assign a config epoch only when the node does not know any other node.')
  if (table.myself.configEpoch !== 0) return err('ERR Node config epoch is already non-zero')
  table.myself.configEpoch = epoch
  table.currentEpoch = Math.max(table.currentEpoch, epoch)
  table.version++
  world.bus.stir()
  return { status: 'OK' }
}

export const SLOT_COMMANDS = {
  setslot: { arity: -4, acts: (s: Server, args: readonly string[]) => at(setSlotReply(s, args)) },
  addslots: { arity: -3, acts: (s: Server, args: readonly string[]) => at(listed(s, args, true)) },
  delslots: { arity: -3, acts: (s: Server, args: readonly string[]) => at(listed(s, args, false)) },
  addslotsrange: { arity: -4, acts: (s: Server, args: readonly string[]) => at(ranged(s, args, true)) },
  delslotsrange: { arity: -4, acts: (s: Server, args: readonly string[]) => at(ranged(s, args, false)) },
  bumpepoch: { arity: 2, acts: (s: Server) => at(bumped(s)) },
  'set-config-epoch': { arity: 3, acts: (s: Server, [epoch = '']: readonly string[]) => at(setConfigEpoch(s, epoch)) },
} as const
