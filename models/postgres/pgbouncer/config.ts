/** pgbouncer.ini as PgBouncer reads it. Source: facts §2 (PGB, E-8, E-9). */
import { UnsupportedError } from '../../../src/operator/command.ts'
import { rememberedByText } from '../../../src/operator/remembered.ts'

export interface DatabaseEntry {
  readonly name: string
  readonly host: string
  readonly port: string
  readonly dbname: string
  readonly poolMode: string | undefined
  /** At most so many server connections; 0 = no limit (rule PGB-LIMIT-1). */
  readonly maxDbConnections: number
}

export interface BouncerConfig {
  readonly databases: readonly DatabaseEntry[]
  readonly settings: Readonly<Record<string, string>>
  /** The `[pgbouncer]` section is there. Without it RELOAD half-applies and a restart refuses (rule PGB-CONF-2). */
  readonly hasMain: boolean
}

/** Settings that end what a client or a transaction does after a time; off (0) by default. */
const ENDING = ['idle_transaction_timeout', 'query_timeout', 'transaction_timeout', 'client_idle_timeout']

/** Refuses what would change what is measured and is not modelled (rule PGB-CONF-4). @throws UnsupportedError */
export function modelled(config: BouncerConfig): BouncerConfig {
  const name = ENDING.find(key => Number(config.settings[key] ?? 0) > 0)
  if (name !== undefined) throw new UnsupportedError(`in pgbouncer.ini: ${name} is not modelled, and would change what is measured`, ['0', 'query_wait_timeout', 'server_login_retry', 'server_lifetime', 'server_connect_timeout', 'pool_mode', 'max_db_connections'])
  return config
}

/** Parses an ini text. Unknown keys are kept; a database line is `name = host=… port=… …`. */
export const parseIni = rememberedByText((text): BouncerConfig => {
  const databases: DatabaseEntry[] = []
  const settings: Record<string, string> = {}
  let section = ''
  let hasMain = false
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '' || line.startsWith(';') || line.startsWith('#')) continue
    const header = /^\[([^\]]+)\]$/.exec(line)
    if (header !== null) {
      section = (header[1] as string).toLowerCase()
      if (section === 'pgbouncer') hasMain = true
      continue
    }
    const at = line.indexOf('=')
    if (at < 0) continue
    const key = line.slice(0, at).trim()
    const value = line.slice(at + 1).trim()
    if (section === 'pgbouncer') settings[key.toLowerCase()] = value
    else if (section === 'databases') databases.push(entry(key, value))
  }
  return { databases, settings, hasMain }
})

function entry(name: string, text: string): DatabaseEntry {
  const parts: Record<string, string> = {}
  for (const m of text.matchAll(/([a-z_]+)\s*=\s*(?:'([^']*)'|(\S+))/g)) parts[m[1] as string] = m[2] ?? m[3] ?? ''
  return { name, host: parts.host ?? '', port: parts.port ?? '5432', dbname: parts.dbname ?? name, poolMode: parts.pool_mode, maxDbConnections: Number(parts.max_db_connections ?? 0) }
}

/** The file a scenario starts with. */
export function defaultIni(options: { service: string; database: string; poolMode: string; queryWaitTimeoutSeconds: number; serverLoginRetrySeconds: number; serverLifetimeSeconds: number; serverConnectTimeoutSeconds: number }): string {
  return [
    '[databases]',
    `app_db = host=${options.service} port=5432 dbname=${options.database}`,
    '[pgbouncer]',
    'listen_addr = *',
    'listen_port = 6432',
    'admin_users = pgbouncer',
    `pool_mode = ${options.poolMode}`,
    `query_wait_timeout = ${options.queryWaitTimeoutSeconds}`,
    `server_login_retry = ${options.serverLoginRetrySeconds}`,
    `server_lifetime = ${options.serverLifetimeSeconds}`,
    `server_connect_timeout = ${options.serverConnectTimeoutSeconds}`,
    '',
  ].join('\n')
}
