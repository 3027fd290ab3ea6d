/** CLIENT LIST, KILL, INFO and what one-off connections ask of themselves. Source: networking.c clientCommand (7.0.15); recordings of 7.0.15; docs client-list, client-kill. */
import { SECOND } from '../../../src/kernel/index.ts'
import { type Connection, connectionsOf, kill } from '../clients.ts'
import { PORT } from '../names.ts'
import type { Server } from '../server.ts'
import { OK, type Reply } from './reply.ts'

const err = (error: string): Reply => ({ error })

/** What asks: redis-cli, a connection that is there for this command alone. */
function asking(server: Server): Connection {
  return { id: server.clientNumbers.next, addr: '127.0.0.1:32768', laddr: `127.0.0.1:${PORT}`, type: 'normal', sinceUs: server.world.sim.now }
}

/** In whole seconds. */
function ageOf(server: Server, c: Connection): number {
  return Math.floor((server.world.sim.now - c.sinceUs) / SECOND)
}

/** One line of CLIENT LIST, as its version prints it. */
function line(server: Server, c: Connection, own: string | undefined): string {
  const { version } = server
  const seven = version >= 700
  const command = own !== undefined ? (seven ? `client|${own}` : 'client') : c.type === 'replica' ? 'replconf' : c.type === 'master' ? 'NULL' : 'set'
  const flag = c.type === 'replica' ? 'S' : c.type === 'master' ? 'M' : 'N'
  const fields = [
    `id=${c.id} addr=${c.addr} laddr=${c.laddr} fd=${8 + (c.id % 1_000)} name= age=${ageOf(server, c)} idle=0 flags=${flag} db=0 sub=0 psub=0`,
    seven ? 'ssub=0' : '',
    `multi=-1 qbuf=${own === undefined ? 0 : 26} qbuf-free=${own === undefined ? 20_474 : 20_448} argv-mem=${own === undefined ? 0 : 10}`,
    seven ? 'multi-mem=0 rbs=1024 rbp=0' : '',
    `obl=0 oll=0 omem=0 tot-mem=22272 events=r cmd=${command} user=${c.type === 'master' ? '(superuser)' : 'default'} redir=-1`,
    seven ? 'resp=2' : '',
    version >= 702 ? 'lib-name= lib-ver=' : '',
  ]
  return `${fields.filter(field => field !== '').join(' ')}\n`
}

type Wanted = Connection['type'] | 'pubsub'

function typeOf(word: string): Wanted | undefined {
  const name = word.toLowerCase()
  return name === 'slave' ? 'replica' : name === 'normal' || name === 'master' || name === 'replica' || name === 'pubsub' ? name : undefined
}

export function clientList(server: Server, args: readonly string[]): Reply {
  const me = asking(server)
  let rows: readonly Connection[] = [...connectionsOf(server), me]
  const [how, ...rest] = args
  if (how?.toLowerCase() === 'type' && rest.length === 1) {
    const type = typeOf(rest[0] as string)
    if (type === undefined) return err(`ERR Unknown client type '${rest[0]}'`)
    rows = rows.filter(c => c.type === type)
  } else if (how?.toLowerCase() === 'id' && rest.length > 0) {
    if (!rest.every(id => /^\d+$/.test(id))) return err('ERR Invalid client ID')
    rows = rows.filter(c => rest.includes(String(c.id)))
  } else if (how !== undefined) return err('ERR syntax error')
  return { text: rows.map(c => line(server, c, c === me ? 'list' : undefined)).join('') }
}

export function clientInfo(server: Server): Reply {
  return { text: line(server, asking(server), 'info') }
}

/** How many clients INFO counts: replicas and masters are none. */
export function clientCount(server: Server): number {
  return connectionsOf(server).filter(c => c.type === 'normal').length + 1
}

export function setName(name: string): Reply {
  return /[\s]/.test(name) ? err('ERR Client names cannot contain spaces, newlines or special characters.') : OK
}

/** CLIENT NO-EVICT and NO-TOUCH say something of the connection that asks alone, and that ends with the command. */
export function ownSwitch(server: Server, name: string, since: number, [how = '']: readonly string[]): Reply {
  if (server.version < since) return err(`ERR unknown subcommand '${name}'. Try CLIENT HELP.`)
  return how.toLowerCase() === 'on' || how.toLowerCase() === 'off' ? OK : err('ERR syntax error')
}

/** CLIENT KILL in its old form (an address) and its new one (filters, of which all must hold). */
export function clientKill(server: Server, args: readonly string[]): Reply {
  const me = asking(server)
  server.clientNumbers.take(1)
  if (args.length === 1) {
    const found = [...connectionsOf(server), me].filter(c => c.addr === args[0])
    if (found.length === 0) return err('ERR No such client')
    kill(server, found)
    return OK
  }
  if (args.length % 2 === 1) return err('ERR syntax error')
  const holds: ((c: Connection) => boolean)[] = []
  let skipsMe = true
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1] as string
    switch ((args[i] as string).toLowerCase()) {
      case 'id':
        if (!/^\d+$/.test(value) || Number(value) === 0) return err('ERR client-id should be greater than 0')
        holds.push(c => String(c.id) === value)
        break
      case 'type': {
        const type = typeOf(value)
        if (type === undefined) return err(`ERR Unknown client type '${value}'`)
        holds.push(c => c.type === type)
        break
      }
      case 'addr':
        holds.push(c => c.addr === value)
        break
      case 'laddr':
        holds.push(c => c.laddr === value)
        break
      case 'user':
        if (value !== 'default') return err(`ERR No such user '${value}'`)
        holds.push(c => c.type !== 'master')
        break
      case 'maxage':
        if (server.version < 704) return err('ERR syntax error')
        if (!/^\d+$/.test(value)) return err('ERR maxage is not an integer or out of range')
        holds.push(c => ageOf(server, c) >= Number(value))
        break
      case 'skipme':
        if (value.toLowerCase() !== 'yes' && value.toLowerCase() !== 'no') return err('ERR syntax error')
        skipsMe = value.toLowerCase() === 'yes'
        break
      default:
        return err('ERR syntax error')
    }
  }
  const victims = connectionsOf(server).filter(c => holds.every(each => each(c)))
  kill(server, victims)
  return victims.length + (!skipsMe && holds.every(each => each(me)) ? 1 : 0)
}
