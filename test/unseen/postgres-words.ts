/** What the runbooks of the unseen PostgreSQL clusters are written in: one short word a command. */
import type { Step } from '../variant.ts'

export const DATA = '/var/lib/postgresql/data'
export const SET = 'postgres-cluster'
export const pod = (n: number): string => `${SET}-${n}`
export const exec = (n: number, command: string): string => `kubectl exec ${pod(n)} -- ${command}`
export const sql = (n: number, statement: string): string => exec(n, `psql -U postgres -Atc "${statement}"`)
export const ctl = (n: number, words: string): string => exec(n, `pg_ctl ${words} -D ${DATA}`)
/** What the container ends with ends the exec too. */
export const passOver = (run: string): Step => ({ run, otherwise: 'continue' })
export const stop = (n: number, mode = 'fast'): Step => passOver(ctl(n, `stop -m ${mode}`))
export const promote = (n: number): string => ctl(n, 'promote')
export const route = (n: number): string => `kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"${pod(n)}"}}}'`
export const conninfo = (n: number, of: number): string => sql(n, `alter system set primary_conninfo = 'host=${pod(of)}.${SET} user=replicator application_name=${pod(n)}'`)
export const fence = (old: number, next: number): string[] => [conninfo(old, next), exec(old, `touch ${DATA}/standby.signal`)]
export const follow = (n: number, of: number): string[] => [conninfo(n, of), sql(n, 'select pg_reload_conf()')]
export const wait = (sleep: string): Step => ({ sleep })
export const ready = (n: number, timeout = '10m'): string => `kubectl wait --for=condition=Ready pod/${pod(n)} --timeout=${timeout}`
