/** Why a server process does not come up. Source: facts §1.3, §6.5 (E-6, E-12), §1.7. */
import { LINKED } from './datadir.ts'
import type { Server } from './server.ts'
import { major } from './replication.ts'
import { ABORTED, shortageOf } from './shortage.ts'

export interface Refusal {
  /** What its log says last. */
  readonly why: string
  /** What its parent sees. */
  readonly code: number
}

const fatal = (why: string): Refusal => ({ why, code: 1 })

/** PG_CONTROL_VERSION of a directory (pg_controldata shows it), and of a server that cannot read it. */
const CONTROL_VERSION = 1300
const OTHER_CONTROL_VERSION = 1700

/** Judged before anything is replayed: files first, then what the binary can read (rules PG-START-1, PG-VERSION-2). undefined = it starts. */
export function refusalOf(server: Server): Refusal | undefined {
  const { dir, host, world } = server
  if (dir.unusable) return fatal('FATAL:  the data directory was left incomplete by an interrupted pg_rewind or pg_basebackup')
  if (dir.files.has(LINKED)) return fatal('FATAL:  could not open file "global/pg_control": No such file or directory')
  if (world.defects.of(host, 'crashes')) return { why: 'LOG:  startup process was terminated by signal 11: Segmentation fault', code: 139 }
  if (dir.image !== '' && major(dir.image) !== major(host.version)) {
    return fatal(`FATAL:  database files are incompatible with server\nDETAIL:  The data directory was initialized by PostgreSQL version ${major(dir.image)}, which is not compatible with this version ${host.version}.`)
  }
  if (world.defects.of(host, 'cannot-read') && dir.systemId === world.systemId) {
    return fatal(`FATAL:  database files are incompatible with server\nDETAIL:  The database cluster was initialized with PG_CONTROL_VERSION ${CONTROL_VERSION}, but the server was compiled with PG_CONTROL_VERSION ${OTHER_CONTROL_VERSION}.\nHINT:  It looks like you need to initdb.`)
  }
  if (host.diskFull()) return fatal('FATAL:  could not write lock file "postmaster.pid": No space left on device')
  if (server.settings.wal_level === 'minimal' && Number(server.settings.max_wal_senders ?? 10) > 0) return fatal('FATAL:  WAL streaming ("max_wal_senders" > 0) requires "wal_level" to be "replica" or "logical"')
  const shortage = dir.isStandby ? shortageOf(server) : undefined
  if (shortage !== undefined) return fatal(ABORTED(shortage))
  if (dir.files.has('recovery.conf')) return fatal('FATAL:  using recovery command file "recovery.conf" is not supported')
  return undefined
}
