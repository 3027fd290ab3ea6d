/** Reading of postgresql.conf values that the model acts on: `synchronous_standby_names` and `primary_conninfo`. Source: facts §1.2 (D:runtime-config-replication). */
import { rememberedByText } from '../../src/operator/remembered.ts'

/** A parsed `synchronous_standby_names`. `names` are lower-cased; `*` stands for everybody. */
export interface SyncNames {
  readonly method: 'FIRST' | 'ANY'
  readonly k: number
  readonly names: readonly string[]
}

/** An unquoted name may hold letters, digits, `_` and `$` (and non-ASCII); anything else must be double-quoted. */
const TOKEN = /\s*(?:"((?:[^"]|"")*)"|([A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)|(\d+)|([(),*]))/y

/**
 * Parses `synchronous_standby_names`. Empty text means no synchronous standby (undefined).
 * A syntax error is returned as a text in PostgreSQL's words: on reload the old value stays, on start the server refuses (rule PG-SYNC-4).
 */
export function parseSyncNames(text: string): SyncNames | undefined | { readonly error: string } {
  if (text.trim() === '') return undefined
  const tokens: { kind: 'name' | 'number' | 'mark'; text: string }[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) return { error: `syntax error at or near "${text.slice(at).trim().charAt(0)}"` }
    if (match[1] !== undefined) tokens.push({ kind: 'name', text: match[1].replaceAll('""', '"') })
    else if (match[2] !== undefined) tokens.push({ kind: 'name', text: match[2] })
    else if (match[3] !== undefined) tokens.push({ kind: 'number', text: match[3] })
    else tokens.push({ kind: 'mark', text: match[4] as string })
  }
  let i = 0
  let method: 'FIRST' | 'ANY' = 'FIRST'
  let k = 1
  const head = tokens[0]
  const word = head?.kind === 'name' ? head.text.toUpperCase() : ''
  if ((word === 'FIRST' || word === 'ANY') && tokens[1]?.kind === 'number') {
    method = word
    k = Number(tokens[1].text)
    i = 2
  } else if (head?.kind === 'number' && tokens[1]?.text === '(') {
    k = Number(head.text)
    i = 1
  }
  const bracketed = i > 0
  if (bracketed && tokens[i++]?.text !== '(') return near(tokens[i - 1])
  const names: string[] = []
  for (;;) {
    const token = tokens[i++]
    if (token === undefined || (token.kind === 'mark' && token.text !== '*')) return near(token)
    names.push(token.text.toLowerCase())
    if (tokens[i]?.text !== ',') break
    i += 1
  }
  if (bracketed && tokens[i++]?.text !== ')') return near(tokens[i - 1])
  if (i < tokens.length) return near(tokens[i])
  if (k < 1) return { error: 'number of synchronous standbys (0) must be greater than zero' }
  return { method, k, names }
}

/** Where a list stops being one. */
function near(token: { readonly text: string } | undefined): { readonly error: string } {
  return { error: token === undefined ? 'syntax error at end of input' : `syntax error at or near "${token.text}"` }
}

/** The whole setting meant by a scenario's short form: `ANY 1` and `FIRST 2` are completed with all members' quoted names. */
export function completeSyncNames(text: string, members: readonly string[]): string {
  const short = /^\s*(ANY|FIRST)\s+(\d+)\s*$/i.exec(text)
  if (short === null) return text
  return `${(short[1] as string).toUpperCase()} ${short[2]} (${members.map(m => `"${m}"`).join(', ')})`
}

/** Reads `host=… port=… application_name=…` (values may be quoted) or a `postgresql://` address into its parts. */
export const parseConninfo = rememberedByText((text): Readonly<Record<string, string>> => {
  const parts: Record<string, string> = {}
  const uri = /^postgres(?:ql)?:\/\/(?:([^:@/]*)(?::[^@/]*)?@)?([^:/?]*)(?::(\d+))?(?:\/([^?]*))?(?:\?(.*))?$/.exec(text.trim())
  if (uri !== null) {
    if (uri[1]) parts.user = uri[1]
    if (uri[2]) parts.host = uri[2]
    if (uri[3]) parts.port = uri[3]
    if (uri[4]) parts.dbname = uri[4]
    for (const pair of (uri[5] ?? '').split('&')) {
      const [key, value] = pair.split('=')
      if (key) parts[key] = value ?? ''
    }
    return parts
  }
  for (const match of text.matchAll(/([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s']+))/g)) parts[match[1] as string] = (match[2] ?? match[3] ?? '').replaceAll("\\'", "'")
  return parts
})

/**
 * Parses the lines of a configuration file (`name = 'value'`). Returns the settings, or the first syntax error in PostgreSQL's words:
 * values in double quotes are one (rule PG-CONF-2).
 */
export function parseConf(text: string, file: string): Readonly<Record<string, string>> | { readonly error: string } {
  const { settings, line, token } = readConf(text)
  return token === undefined ? settings : { error: `syntax error in file "${file}" line ${line}, near token "${token}"` }
}

const readConf = rememberedByText((text): { readonly settings: Readonly<Record<string, string>>; readonly line: number; readonly token: string | undefined } => {
  const settings: Record<string, string> = {}
  let line = 0
  for (const raw of text.split('\n')) {
    line += 1
    const stripped = raw.replace(/^\s+/, '')
    if (stripped === '' || stripped.startsWith('#')) continue
    const match = /^([A-Za-z_][A-Za-z0-9_.]*)\s*=?\s*(?:'((?:[^']|'')*)'|([^\s#'"]+))\s*(?:#.*)?$/.exec(stripped)
    if (match === null) return { settings, line, token: stripped.split(/[=\s]+/)[1] ?? stripped }
    settings[(match[1] as string).toLowerCase()] = (match[2] ?? match[3] ?? '').replaceAll("''", "'")
  }
  return { settings, line, token: undefined }
})

const SIZES: Record<string, number> = { B: 1, kB: 1024, MB: 1024 * 1024, GB: 1024 * 1024 * 1024, TB: 1024 * 1024 * 1024 * 1024 }

/** A setting such as `512MB` in bytes; a bare number counts in `unit`. -1 stays -1 (unlimited). */
export function parseBytes(text: string, unit: keyof typeof SIZES = 'MB'): number | undefined {
  return (unit === 'MB' ? readMegabytes(text) : readBytes(text, unit)).bytes
}

const readMegabytes = rememberedByText(text => readBytes(text, 'MB'))

function readBytes(text: string, unit: keyof typeof SIZES): { readonly bytes: number | undefined } {
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB)?\s*$/.exec(text)
  if (match === null) return { bytes: undefined }
  const value = Number(match[1])
  return { bytes: value < 0 ? -1 : Math.round(value * (SIZES[match[2] ?? unit] as number)) }
}

/** A setting such as `5s`, `1min`, `60000` (milliseconds) in microseconds. */
export function parseTimeUs(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(text)
  if (match === null) return undefined
  const factor = { us: 1, ms: 1000, s: 1_000_000, min: 60_000_000, h: 3_600_000_000, d: 86_400_000_000 }[match[2] ?? 'ms'] as number
  return Math.round(Number(match[1]) * factor)
}

/** Settings as postgresql.auto.conf has them. */
export function formatSettings(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings).map(([k, v]) => `${k} = '${v.replaceAll("'", "''")}'\n`).join('')
}
