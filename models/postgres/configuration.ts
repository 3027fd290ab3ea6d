/** postgresql.conf, postgresql.auto.conf and what they say together. Source: facts §1.2 (E-12). */
import { parseConf, parseSyncNames, type SyncNames } from './settings.ts'

/** What the files say, or why a server refuses to start with them. */
export type Configuration =
  | { readonly settings: Record<string, string>; readonly syncNames: SyncNames | undefined; readonly complaint?: undefined }
  /** One value was invalid; on reload the old one stays. */
  | { readonly settings: Record<string, string>; readonly complaint: string }
  | { readonly refusal: string }

/** Reads what image or ConfigMap give (`base`) and PGDATA's own files, later lines winning. `before` is what was in force (rules PG-CONF-1, PG-SYNC-4). */
export function readConfiguration(base: string, files: ReadonlyMap<string, string>, before: Readonly<Record<string, string>>, starting: boolean): Configuration {
  const settings: Record<string, string> = {}
  for (const [file, text] of [['postgresql.conf', base], ['postgresql.conf', files.get('postgresql.conf') ?? ''], ['postgresql.auto.conf', files.get('postgresql.auto.conf') ?? '']] as const) {
    const parsed = parseConf(text, `/var/lib/postgresql/data/${file}`)
    if (typeof parsed.error === 'string') return { refusal: `LOG:  ${parsed.error}\nFATAL:  configuration file "/var/lib/postgresql/data/${file}" contains errors` }
    Object.assign(settings, parsed)
  }
  const names = parseSyncNames(settings.synchronous_standby_names ?? '')
  if (names === undefined || !('error' in names)) return { settings, syncNames: names }
  if (starting) return { refusal: `LOG:  invalid value for parameter "synchronous_standby_names": "${settings.synchronous_standby_names ?? ''}"\nDETAIL:  ${names.error}\nFATAL:  configuration file contains errors` }
  if (before.synchronous_standby_names !== undefined) settings.synchronous_standby_names = before.synchronous_standby_names
  else delete settings.synchronous_standby_names
  return { settings, complaint: `LOG:  invalid value for parameter "synchronous_standby_names": ${names.error}; old value kept` }
}
