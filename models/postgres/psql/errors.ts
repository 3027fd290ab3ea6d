import type { Notice } from '../sql/index.ts'

const DISPLAY_WIDTH = 60
const RIGHT_CONTEXT = 10

/** The line of the query that an error points at, cut to 60 columns around the place, and a caret under it: libpq's reportErrorPosition. */
export function errorPosition(sql: string, at: number): string {
  const characters = Array.from(sql.replaceAll('\t', ' '))
  // `at` counts UTF-16 units, the screen counts characters.
  const place = Array.from(sql.slice(0, at)).length
  let line = 1
  let begin = 0
  for (let i = 0; i < place && i < characters.length; i++) {
    if (characters[i] !== '\n') continue
    line++
    begin = i + 1
  }
  let end = begin
  while (end < characters.length && characters[end] !== '\n' && characters[end] !== '\r') end++
  let [cutLeft, cutRight] = [false, false]
  if (end - begin > DISPLAY_WIDTH) {
    if (begin + DISPLAY_WIDTH >= place + RIGHT_CONTEXT) {
      end = begin + DISPLAY_WIDTH
      cutRight = true
    } else {
      if (place + RIGHT_CONTEXT < end) {
        end = place + RIGHT_CONTEXT
        cutRight = true
      }
      if (end - begin > DISPLAY_WIDTH) {
        begin = end - DISPLAY_WIDTH
        cutLeft = true
      }
    }
  }
  const lead = `LINE ${line}: ${cutLeft ? '...' : ''}`
  return `${lead}${characters.slice(begin, end).join('')}${cutRight ? '...' : ''}\n${' '.repeat(lead.length + place - begin)}^\n`
}

export interface Reported {
  readonly message: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  readonly at?: number | undefined
}

/** An ERROR or a notice of the server as psql prints it on stderr. */
export function report(severity: 'ERROR' | 'FATAL' | Notice['severity'], { message, detail, hint, at }: Reported, sql: string, prefix = ''): string {
  return [
    `${prefix}${severity}:  ${message}\n`,
    at === undefined ? '' : errorPosition(sql, at),
    detail === undefined ? '' : `DETAIL:  ${detail}\n`,
    hint === undefined ? '' : `HINT:  ${hint}\n`,
  ].join('')
}

/** What psql prints when the connection breaks under a query. */
export function lostConnection(fatal: string | undefined, prefix = ''): string {
  const lines = 'server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n'
  return `${prefix}${fatal === undefined ? '' : `FATAL:  ${fatal}\n`}${lines}${prefix}connection to server was lost\n`
}

const DEFAULT_SOCKETS = '/var/run/postgresql'

/** How libpq names the server it tried: a socket or an address. */
function attempt(host: string | undefined, port: string): string {
  const sockets = host === undefined || host === '' ? DEFAULT_SOCKETS : host
  return sockets.startsWith('/') ? `connection to server on socket "${sockets}/.s.PGSQL.${port}"` : `connection to server at "${sockets}", port ${port}`
}

interface Address {
  readonly host?: string | undefined
  /** The address the name stands for, printed after it when it is another. */
  readonly address?: string | undefined
  readonly port?: string | undefined
}

function named({ host, address, port = '5432' }: Address): string {
  if (host === undefined || host.startsWith('/') || address === undefined || address === host) return attempt(host, port)
  return `connection to server at "${host}" (${address}), port ${port}`
}

/** The ways a connection fails, in psql's words; each ends psql with status 2. */
export const connectionErrors = {
  /** Nobody listens. */
  refused: (to: Address): string => {
    const socket = to.host === undefined || to.host === '' || to.host.startsWith('/')
    if (socket) return `psql: error: ${named(to)} failed: No such file or directory\n\tIs the server running locally and accepting connections on that socket?\n`
    return `psql: error: ${named(to)} failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n`
  },
  /** A socket file is there, but nobody answers on it: a server that was killed. */
  staleSocket: (to: Address): string => `psql: error: ${named(to)} failed: Connection refused\n\tIs the server running locally and accepting connections on that socket?\n`,
  /** The packets vanish. */
  timedOut: (to: Address): string => `psql: error: ${named(to)} failed: Connection timed out\n\tIs the server running on that host and accepting TCP/IP connections?\n`,
  noRoute: (to: Address): string => `psql: error: ${named(to)} failed: No route to host\n\tIs the server running on that host and accepting TCP/IP connections?\n`,
  unknownHost: ({ host = '' }: Address): string => `psql: error: could not translate host name "${host}" to address: Name or service not known\n`,
  /** The server answers and refuses: `fatal` is its message. */
  fatal: (to: Address, fatal: string, detail?: string): string => `psql: error: ${named(to)} failed: FATAL:  ${fatal}\n${detail === undefined ? '' : `DETAIL:  ${detail}\n`}`,
  noRole: (to: Address, role: string): string => connectionErrors.fatal(to, `role "${role}" does not exist`),
  noDatabase: (to: Address, database: string): string => connectionErrors.fatal(to, `database "${database}" does not exist`),
  startingUp: (to: Address): string => connectionErrors.fatal(to, 'the database system is starting up'),
  shuttingDown: (to: Address): string => connectionErrors.fatal(to, 'the database system is shutting down'),
  inRecovery: (to: Address): string => connectionErrors.fatal(to, 'the database system is in recovery mode'),
  notYetConsistent: (to: Address): string => connectionErrors.fatal(to, 'the database system is not yet accepting connections', 'Consistent recovery state has not been yet reached.'),
  tooManyClients: (to: Address): string => connectionErrors.fatal(to, 'sorry, too many clients already'),
  /** A password is wanted and there is no terminal to ask for it, or `-w` forbids it. */
  noPassword: (to: Address): string => `psql: error: ${named(to)} failed: fe_sendauth: no password supplied\n`,
  wrongPassword: (to: Address, user: string): string => connectionErrors.fatal(to, `password authentication failed for user "${user}"`),
} as const

export type ServerState = 'accepting connections' | 'rejecting connections' | 'no response' | 'no attempt'

/** What `pg_isready` prints and its exit status. */
export function isReadyOutput({ host, port = '5432' }: Address, state: ServerState, quiet = false): { readonly out: string; readonly err: string; readonly code: 0 | 1 | 2 | 3 } {
  const code = ({ 'accepting connections': 0, 'rejecting connections': 1, 'no response': 2, 'no attempt': 3 } as const)[state]
  return { out: quiet ? '' : `${host === undefined || host === '' ? DEFAULT_SOCKETS : host}:${port} - ${state}\n`, err: '', code }
}
