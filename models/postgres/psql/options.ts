import { UnsupportedError } from '../../../src/operator/command.ts'
import { type PrintOptions, refuseVariable, setPrintOption } from './settings.ts'

/** Where to connect, as the command line (and `PGHOST` and its like) say it. */
export interface Target {
  readonly host?: string
  readonly port?: string
  readonly user?: string
  readonly dbname?: string
  /** `target_session_attrs`: which of several hosts is wanted. */
  readonly attributes?: string
  /** `connect_timeout` in seconds, as it is written. */
  readonly timeout?: string
  /** `PGOPTIONS`, or `options` of a connection string: what the server is told when the session starts, as it is written. */
  readonly options?: string
}

/** One thing to run, in the order of the command line. */
export type Action = { readonly is: 'command'; readonly text: string } | { readonly is: 'file'; readonly name: string }

export interface PsqlOptions {
  readonly actions: readonly Action[]
  readonly target: Target
  readonly print: PrintOptions
  readonly variables: ReadonlyMap<string, string>
  readonly quiet: boolean
  readonly singleTransaction: boolean
  readonly neverAsksPassword: boolean
  readonly warnings: readonly string[]
}

/** A command line that psql itself refuses, before it connects. */
export interface Refusal {
  readonly out: string
  readonly err: string
  readonly code: number
}

const WITH_VALUE: Readonly<Record<string, string>> = {
  c: 'command', d: 'dbname', f: 'file', F: 'field-separator', h: 'host', o: 'output', L: 'log-file', p: 'port', P: 'pset', R: 'record-separator', T: 'table-attr', U: 'username', v: 'variable',
}
const FLAGS: Readonly<Record<string, string>> = {
  a: 'echo-all', A: 'no-align', b: 'echo-errors', e: 'echo-queries', E: 'echo-hidden', H: 'html', l: 'list', n: 'no-readline', q: 'quiet', s: 'single-step', S: 'single-line', t: 'tuples-only',
  V: 'version', w: 'no-password', W: 'password', x: 'expanded', X: 'no-psqlrc', z: 'field-separator-zero', '0': 'record-separator-zero', '1': 'single-transaction', '?': 'help',
}
const LONG_WITH_VALUE: ReadonlySet<string> = new Set([...Object.values(WITH_VALUE), 'set'])
const LONG_FLAGS: ReadonlySet<string> = new Set([...Object.values(FLAGS), 'csv'])
const SUPPORTED = ['-c', '-f', '-l', '-t', '-A', '-q', '-X', '-x', '-F', '-R', '-z', '-0', '-1', '-h', '-p', '-U', '-d', '-v', '--set', '-P', '-w', '-W', '-n', '--csv', '-V']
const HINT = 'psql: hint: Try "psql --help" for more information.\n'

/** What the command line says, before anything is read into it. */
type Word = { readonly option: string; readonly value: string } | { readonly positional: string } | { readonly refused: string }

/** Splits an argument vector into options and names, as getopt_long does: flags may be joined, and names may stand between options. */
export function* words(argv: readonly string[]): Generator<Word> {
  const name = argv[0] ?? 'psql'
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (word === '--') {
      for (const positional of argv.slice(i + 1)) yield { positional }
      return
    }
    if (word.startsWith('--')) {
      const [given, inline] = splitOnce(word.slice(2), '=')
      const option = longOption(given)
      if (option === undefined) yield { refused: `${name}: unrecognized option '--${given}'\n` }
      else if (!LONG_WITH_VALUE.has(option)) yield { option, value: '' }
      else if (inline !== undefined) yield { option, value: inline }
      else if (i + 1 < argv.length) yield { option, value: argv[++i] as string }
      else yield { refused: `${name}: option '--${option}' requires an argument\n` }
      continue
    }
    if (!word.startsWith('-') || word === '-') {
      yield { positional: word }
      continue
    }
    for (let j = 1; j < word.length; j++) {
      const letter = word[j] as string
      const valued = WITH_VALUE[letter]
      if (valued === undefined) {
        const flag = FLAGS[letter]
        yield flag === undefined ? { refused: `${name}: invalid option -- '${letter}'\n` } : { option: flag, value: '' }
        continue
      }
      const rest = word.slice(j + 1)
      if (rest !== '') yield { option: valued, value: rest }
      else if (i + 1 < argv.length) yield { option: valued, value: argv[++i] as string }
      else yield { refused: `${name}: option requires an argument -- '${letter}'\n` }
      break
    }
  }
}

/** A long option may be shortened as long as only one begins that way. */
function longOption(given: string): string | undefined {
  const all = [...LONG_WITH_VALUE, ...LONG_FLAGS]
  if (all.includes(given)) return given
  const fitting = all.filter(option => option.startsWith(given))
  return fitting.length === 1 ? fitting[0] : undefined
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const index = text.indexOf(separator)
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + separator.length)]
}

/** Reads psql's command line. @throws UnsupportedError for an option that psql has and the model has not */
export function parseOptions(argv: readonly string[], env: Readonly<Record<string, string>> = {}, version = '15.18'): PsqlOptions | Refusal {
  const actions: Action[] = []
  const variables = new Map<string, string>()
  const warnings: string[] = []
  const target: { -readonly [K in keyof Target]: Target[K] } = environment(env)
  let [print, quiet, singleTransaction, neverAsksPassword] = [{} as PrintOptions, false, false, false]
  const positionals: string[] = []
  let lists = false
  const set = (option: string, value: string | undefined): string | undefined => {
    const changed = setPrintOption(print, option, value)
    if (typeof changed === 'string') return changed
    print = changed
    return undefined
  }
  for (const word of words(argv)) {
    if ('refused' in word) return { out: '', err: word.refused + HINT, code: 1 }
    if ('positional' in word) {
      positionals.push(word.positional)
      continue
    }
    const { option, value } = word
    switch (option) {
      case 'command': actions.push({ is: 'command', text: value }); break
      case 'file': actions.push({ is: 'file', name: value }); break
      case 'dbname': Object.assign(target, connectionString(value)); break
      case 'host': target.host = value; break
      case 'port': target.port = value; break
      case 'username': target.user = value; break
      case 'quiet': quiet = true; break
      case 'single-transaction': singleTransaction = true; break
      case 'no-password': neverAsksPassword = true; break
      case 'password': case 'no-psqlrc': case 'no-readline': break
      case 'no-align': set('format', 'unaligned'); break
      case 'csv': set('format', 'csv'); break
      case 'tuples-only': set('tuples_only', 'on'); break
      case 'expanded': set('expanded', 'on'); break
      case 'field-separator': set('fieldsep', value); break
      case 'record-separator': set('recordsep', value); break
      case 'field-separator-zero': set('fieldsep_zero', undefined); break
      case 'record-separator-zero': set('recordsep_zero', undefined); break
      case 'pset': {
        const [name, to] = splitOnce(value, '=')
        const problem = set(name, to)
        if (problem !== undefined) return { out: '', err: `psql: error: ${problem}\npsql: error: could not set printing parameter "${name}"\n`, code: 1 }
        break
      }
      case 'variable': case 'set': {
        const [name, to] = splitOnce(value, '=')
        if (to === undefined) variables.delete(name)
        else {
          refuseVariable(name, to)
          variables.set(name, to)
        }
        break
      }
      case 'list': actions.push({ is: 'command', text: '\\l' }); lists = true; break
      case 'version': return { out: `psql (PostgreSQL) ${version}\n`, err: '', code: 0 }
      default: throw new UnsupportedError(`psql's option --${option} is not modelled`, SUPPORTED)
    }
  }
  const [first, second, ...extra] = [...(target.dbname === undefined || env.PGDATABASE === target.dbname ? [] : [undefined]), ...positionals]
  if (first !== undefined) Object.assign(target, connectionString(first))
  if (second !== undefined) target.user = second
  if (lists && target.dbname === undefined) target.dbname = 'postgres'
  for (const word of extra) warnings.push(`psql: warning: extra command-line argument "${word}" ignored\n`)
  return { actions, target, print, variables, quiet, singleTransaction, neverAsksPassword, warnings }
}

function environment(env: Readonly<Record<string, string>>): Target {
  const { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: dbname, PGOPTIONS: options, PGTARGETSESSIONATTRS: attributes, PGCONNECT_TIMEOUT: timeout } = env
  return { ...(attributes && { attributes }), ...(timeout && { timeout }), ...(options && { options }), ...(host && { host }), ...(port && { port }), ...(user && { user }), ...(dbname && { dbname }) }
}

/** A database name, or a connection string in one of its two forms. */
function connectionString(text: string): Target {
  const uri = /^postgres(?:ql)?:\/\/(?:([^:@/?]*)(?::[^@]*)?@)?(\[[^\]]*\]|[^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(text)
  if (uri !== null) {
    const [, user, where = '', dbname, query = ''] = uri
    // Several hosts may follow one another, each with a port of its own.
    const hosts = where.startsWith('[') ? [[where, '']] : where.split(',').map(each => each.split(':'))
    const host = hosts.map(([name = '']) => name).join(',')
    const ports = hosts.map(([, number = '']) => number)
    const port = ports.every(number => number === '') ? '' : ports.map(number => number || '5432').join(',')
    const parameters = pick(Object.fromEntries(query.split('&').flatMap(pair => (pair === '' ? [] : [pair.split('=') as [string, string]]))))
    return { ...(user && { user: decodeURIComponent(user) }), ...(host && { host: decodeURIComponent(host) }), ...(port && { port }), ...(dbname && { dbname: decodeURIComponent(dbname) }), ...parameters }
  }
  if (!text.includes('=')) return text === '' ? {} : { dbname: text }
  const pairs = [...text.matchAll(/(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))/g)].map(([, name, quoted, bare]): [string, string] => [name as string, (quoted ?? (bare as string)).replace(/\\(.)/g, '$1')])
  return pick(Object.fromEntries(pairs))
}

function pick({ host, hostaddr, port, user, dbname, options, target_session_attrs: attributes, connect_timeout: timeout }: Readonly<Record<string, string>>): Target {
  const at = host ?? hostaddr
  return { ...(attributes && { attributes }), ...(timeout && { timeout }), ...(options && { options: options.replace(/%20|\+/g, ' ').replace(/%3D/gi, '=') }), ...(at && { host: at }), ...(port && { port }), ...(user && { user }), ...(dbname && { dbname }) }
}
