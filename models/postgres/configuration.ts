/** postgresql.conf, postgresql.auto.conf and what they say together. Source: facts §1.2 (E-12). */
import { UnsupportedError } from '../../src/operator/command.ts'
import { complaintOf, isRefused, refusal, whenSet } from './parameters.ts'
import { parseConf, parseSyncNames, type SyncNames } from './settings.ts'

/** What the files say, or why a server refuses to start with them. */
export type Configuration =
  /** `complaints`: of values that were invalid or wait for a restart; the old ones stay. */
  | { readonly settings: Record<string, string>; readonly syncNames: SyncNames | undefined; readonly complaints: readonly string[] }
  | { readonly refusal: string }

/** CMDLINE_OPTIONS of Patroni's postgresql/config.py. */
const BY_PATRONI = ['listen_addresses', 'port', 'cluster_name', 'wal_level', 'hot_standby', 'max_connections', 'max_wal_senders', 'max_prepared_transactions', 'max_locks_per_transaction', 'track_commit_timestamp', 'max_replication_slots', 'max_worker_processes', 'wal_log_hints']

/**
 * Reads what image or ConfigMap give (`base`) and the own files of `directory`, PGDATA, later lines winning. `before` is what was in force (rules PG-CONF-1, PG-SYNC-4): an unknown name
 * keeps all of it, an invalid value that one. A parameter that is fixed at the start keeps its value
 * until then, and is `pending` (rule PG-CONF-5).
 * @throws UnsupportedError for a parameter that matters and is not modelled (rule PG-CONF-7): passed over, it would falsify what is measured
 */
export function readConfiguration(base: string, files: ReadonlyMap<string, string>, before: Readonly<Record<string, string>>, starting: boolean, pending: Set<string>, directory: string, managed = false): Configuration {
  const settings: Record<string, string> = {}
  for (const [file, text] of [['postgresql.conf', base], ['postgresql.conf', files.get('postgresql.conf') ?? ''], ['postgresql.auto.conf', files.get('postgresql.auto.conf') ?? '']] as const) {
    const path = `${directory}/${file}`
    const parsed = parseConf(text, path)
    if (typeof parsed.error === 'string') return { refusal: `LOG:  ${parsed.error}\nFATAL:  configuration file "${path}" contains errors` }
    for (const name in parsed) if (whenSet(name) === undefined) return { refusal: `LOG:  unrecognized configuration parameter "${name}" in file "${path}"\n${starting ? `FATAL:  configuration file "${path}" contains errors` : `LOG:  configuration file "${path}" contains errors; no changes were applied`}` }
    // What Patroni gives on the command line no file and no ALTER SYSTEM changes (rule PG-PATRONI-18).
    if (managed && text !== base) for (const name of BY_PATRONI) delete (parsed as Record<string, string>)[name]
    Object.assign(settings, parsed)
  }
  const complaints: string[] = []
  for (const name in settings) {
    if (isRefused(name, settings[name] as string)) throw new UnsupportedError(`in the configuration of PostgreSQL: ${refusal(name)}`, ['its default, and every other parameter'])
    const wrong = complaintOf(name, settings[name] as string)
    if (wrong === undefined) continue
    if (starting) return { refusal: `LOG:  ${wrong.message}\n${wrong.detail === undefined ? '' : `DETAIL:  ${wrong.detail}\n`}FATAL:  configuration file contains errors` }
    complaints.push(`LOG:  ${wrong.message}${wrong.detail === undefined ? '' : `: ${wrong.detail}`}; old value kept`)
    if (before[name] !== undefined) settings[name] = before[name]
    else delete settings[name]
  }
  if (starting) pending.clear()
  else complaints.push(...keepFixed(before, settings, pending))
  const names = parseSyncNames(settings.synchronous_standby_names ?? '')
  return { settings, syncNames: names !== undefined && 'error' in names ? undefined : names, complaints }
}

/**
 * What is fixed at the start keeps its value in `settings`, which a reload has just read; `pending` is what waits for a restart. Gives what the log says of it
 * (rule PG-CONF-5).
 */
function keepFixed(before: Readonly<Record<string, string>>, settings: Record<string, string>, pending: Set<string>): readonly string[] {
  const told: string[] = []
  for (const name of new Set([...pending, ...Object.keys(before), ...Object.keys(settings)])) {
    if (whenSet(name) !== 'start') continue
    const value = before[name]
    if (settings[name] === value) {
      pending.delete(name)
      continue
    }
    pending.add(name)
    told.push(`LOG:  parameter "${name}" cannot be changed without restarting the server`)
    if (value === undefined) delete settings[name]
    else settings[name] = value
  }
  return told
}
