/** Names that several parts of the model share. */

/** The engine version in an image name: `registry/postgres:15.8-bookworm` → `15.8`. */
export function versionOf(image: string): string {
  return /:(?!.*\/).*?(\d+(?:\.\d+)?)/.exec(image)?.[1] ?? '0'
}

/** Where PGDATA is mounted, unless the cluster says otherwise (`dataDirectory`). */
export const PGDATA = '/var/lib/postgresql/data'
/** Name of the pooler's Deployment, Service and `app` label, and its image. */
export const POOLER = 'pgbouncer'
export const POOLER_IMAGE = 'pgbouncer:1.18.0'
/** The pooler's ConfigMap, and the volume mount it is seen through. */
export const CONFIG_MAP = 'pgbouncer-config'
export const CONFIG_MOUNT = 'config'
