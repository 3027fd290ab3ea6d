/** The command line of the shell. Source: mongosh --help (2.x); the old shell takes the same options as far as runbooks use them. */
import { type Output, UnsupportedError } from '../../../src/operator/command.ts'

export interface ShellOptions {
  readonly sources: readonly string[]
  /** Files whose programs run after those. */
  readonly files: readonly string[]
  /** The program came in on standard input. */
  readonly typed?: boolean
  readonly quiet: boolean
  readonly json: boolean
  readonly user: string | undefined
  /** Where to: hosts with ports as typed; undefined = this container's own mongod. */
  readonly hosts: readonly string[] | undefined
  /** A whole set is meant (a replicaSet in the address): the primary of it answers. */
  readonly set: string | undefined
  readonly db: string
  readonly version: boolean
  readonly selectionMs: number
}

export type Parsed = ShellOptions | { readonly refusal: Output }

const VALUED = new Set(['--tlsCAFile', '--tlsCertificateKeyFile', '--sslCAFile', '--sslPEMKeyFile', '--eval', '--file', '-f', '--host', '--port', '-u', '--username', '-p', '--password', '--authenticationDatabase', '--authenticationMechanism', '--readPreference'])
/** Encryption changes nothing that a rehearsal shows. */
const PLAIN = new Set(['--tls', '--ssl', '--tlsAllowInvalidCertificates', '--tlsAllowInvalidHostnames', '--quiet', '--norc', '--version', '--json', '--retryWrites', '--nodb'])

/** Reads an argument vector. @throws UnsupportedError for an option that is not modelled */
export function parseOptions(argv: readonly string[]): Parsed {
  const sources: string[] = []
  const files: string[] = []
  const positional: string[] = []
  let quiet = false
  let json = false
  let version = false
  let user: string | undefined
  let host: string | undefined
  let port: string | undefined
  for (let i = 1; i < argv.length; i++) {
    let word = argv[i] as string
    let value: string | undefined
    const equals = word.startsWith('--') ? word.indexOf('=') : -1
    if (equals > 0) {
      value = word.slice(equals + 1)
      word = word.slice(0, equals)
    }
    if (VALUED.has(word)) {
      if (value === undefined) {
        i += 1
        value = argv[i]
      }
      if (value === undefined) return { refusal: { out: '', err: `Error parsing command line: ${word} needs a value\n`, code: 1 } }
      if (word === '--eval') sources.push(value)
      else if (word === '--file' || word === '-f') files.push(value)
      else if (word === '--host') host = value
      else if (word === '--port') port = value
      else if (word === '-u' || word === '--username') user = value
    } else if (PLAIN.has(word)) {
      if (word === '--quiet') quiet = true
      else if (word === '--json') json = true
      else if (word === '--version') version = true
    } else if (word.startsWith('-')) throw new UnsupportedError(`the option ${word} of ${argv[0] ?? 'mongosh'} is not modelled`, [...VALUED, ...PLAIN])
    // An address has no such ending; a file of a program does.
    else if (/\.m?js$/.test(word)) files.push(word)
    else positional.push(word)
  }
  const address = readAddress(positional, host, port)
  return { sources, files, quiet, json, version, user: user ?? address.user, hosts: address.hosts, set: address.set, db: address.db, selectionMs: address.set === undefined ? 2_000 : address.selectionMs }
}

interface Address {
  readonly hosts: readonly string[] | undefined
  readonly set: string | undefined
  readonly db: string
  readonly user: string | undefined
  readonly selectionMs: number
}

function readAddress(positional: readonly string[], host: string | undefined, port: string | undefined): Address {
  const first = positional[0]
  const uri = first === undefined ? null : /^mongodb(?:\+srv)?:\/\/(?:([^:@/]+)(?::[^@/]*)?@)?([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(first)
  if (uri !== null) {
    const query = new Map((uri[4] ?? '').split('&').map(part => [part.split('=')[0] as string, part.split('=')[1] ?? '']))
    return { hosts: (uri[2] as string).split(','), set: query.get('replicaSet'), db: uri[3] === undefined || uri[3] === '' ? 'test' : uri[3], user: uri[1], selectionMs: Number(query.get('serverSelectionTimeoutMS') ?? 30_000) }
  }
  let db = 'test'
  let hosts: readonly string[] | undefined
  let set: string | undefined
  if (host !== undefined) {
    const slash = host.indexOf('/')
    set = slash < 0 ? undefined : host.slice(0, slash)
    hosts = host.slice(slash + 1).split(',').map(h => (port === undefined || h.includes(':') ? h : `${h}:${port}`))
  } else if (port !== undefined) hosts = [`127.0.0.1:${port}`]
  if (first !== undefined) {
    // `mongosh host:port/db`, `mongosh host/db`, `mongosh db`.
    const slash = first.indexOf('/')
    if (slash >= 0) {
      hosts = [first.slice(0, slash)]
      db = first.slice(slash + 1) || 'test'
    } else if (first.includes('.') || first.includes(':')) hosts = [first]
    else db = first
  }
  return { hosts, set, db, user: undefined, selectionMs: 30_000 }
}
