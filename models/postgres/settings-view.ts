/** pg_settings, and what a server's parameters are now. Source: D:view-pg-settings; PostgreSQL 15.18. */
import { columns, type View } from './columns.ts'
import { PARAMETERS, settingText } from './parameter-values.ts'
import type { Server } from './server.ts'
import type { Value } from './sql/types.ts'

/** What the scenario says of a parameter that no file sets; undefined: as in the image. */
function ofScenario({ world: { options } }: Server, key: string): string | undefined {
  switch (key) {
    case 'data_directory':
      return options.dataDirectory
    case 'config_file':
      return `${options.dataDirectory}/postgresql.conf`
    case 'hba_file':
      return `${options.dataDirectory}/pg_hba.conf`
    case 'shared_buffers':
      return `${Math.round(options.sharedBuffersMB)}MB`
    case 'checkpoint_timeout':
      return `${options.checkpointTimeoutSeconds}s`
    case 'max_wal_size':
      return `${Math.round(options.maxWalSizeMB)}MB`
    case 'wal_keep_size':
      return `${Math.round(options.walKeepMB)}MB`
    case 'max_slot_wal_keep_size':
      return options.maxSlotWalKeepMB < 0 ? '-1' : `${Math.round(options.maxSlotWalKeepMB)}MB`
    default:
      return undefined
  }
}

/** The value of a parameter as it was given, or as the image has it (in the parameter's unit); undefined where there is none of that name. */
export function valueOf(server: Server, key: string): string | undefined {
  return server.settings[key] ?? ofScenario(server, key) ?? PARAMETERS.get(key)?.value
}

/** Read once: what all servers that set nothing of their own have. */
const DEFAULTS = new Map([...PARAMETERS].map(([key, p]): [string, readonly Value[]] => [key, rowOf(key, p.value, 'default', false)]))

function rowOf(key: string, value: string, source: string, pending: boolean): readonly Value[] {
  const p = PARAMETERS.get(key)
  if (p === undefined) return [key, value, null, null, null, null, 'user', 'string', source, null, null, null, '', value, null, null, pending]
  const setting = settingText(p, value)
  return [p.name, setting, p.unit === '' ? null : p.unit, null, null, null, p.context, p.type, source, p.min === '' ? null : p.min, p.max === '' ? null : p.max, p.values.length === 0 ? null : p.values, p.value, setting, null, null, pending]
}

const OF_SCENARIO = ['data_directory', 'config_file', 'hba_file', 'shared_buffers', 'checkpoint_timeout', 'max_wal_size', 'wal_keep_size', 'max_slot_wal_keep_size']

export const settingsView: View = {
  columns: columns('name text, setting text, unit text, category text, short_desc text, extra_desc text, context text, vartype text, source text, min_val text, max_val text, enumvals text[], boot_val text, reset_val text, sourcefile text, sourceline int4, pending_restart bool'),
  fill: server => {
    const rows = new Map(DEFAULTS)
    for (const key of OF_SCENARIO) rows.set(key, rowOf(key, valueOf(server, key) ?? '', 'default', false))
    for (const [key, value] of Object.entries(server.settings)) rows.set(key, rowOf(key, value, 'configuration file', server.pendingRestart.has(key)))
    for (const key of server.pendingRestart) rows.set(key, rowOf(key, valueOf(server, key) ?? '', 'configuration file', true))
    return { moves: false, rows: [...rows.values()] }
  },
}
