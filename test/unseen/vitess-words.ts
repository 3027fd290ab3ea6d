/** The clusters and commands that rows of Vitess are written in. A pod that is replaced is back 25 to 40 s after its mysqld began to stop (10 s to stop, 15 s to start, a probe). */
import type { Fault } from '../../src/faults/index.ts'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import type { Step } from '../variant.ts'

const quick = { imagePullSeconds: 1, unmountSeconds: 0.5, controllerLagSeconds: 0.05, scheduleSeconds: 0.1, kubeletLagSeconds: 0.1, mountSeconds: 1, containerStartSeconds: 1 }
const timing = { mysqlStopSeconds: 10, mysqlStartSeconds: 15, crashStartSeconds: 60, slowStopSeconds: 120, dictionaryUpgradeSeconds: 60, vttabletRestartSeconds: 5, restoreMinutes: 10, backupMinutes: 3 }
/** One shard of so many tablets. */
export const shard = (tablets: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({ engine: 'vitess', fleet: tablets, tabletsPerShard: tablets, coldCacheSeconds: 0, longTransactionP: 0, kubernetes: quick, ...more, timing: { ...timing, ...(more['timing'] as object | undefined) } })
/** The nth tablet of the first shard, of `cells` cells. */
export const alias = (n: number, cells = 3): string => `zone${((n - 1) % cells) + 1}-${String(100 + n).padStart(10, '0')}`
export const pod = (n: number, cells = 3): string => `example-vttablet-${alias(n, cells)}`
export const del = (n: number, cells = 3): string => `kubectl delete pod ${pod(n, cells)} --wait=false`
export const wait = (sleep: string): Step => ({ sleep })
export const passOver = (run: string): Step => ({ run, otherwise: 'continue' })
export const prs = (more = '', path = 'commerce/-'): string => `vtctldclient PlannedReparentShard ${path} --allow-cross-cell-promotion ${more}`.trim()
export const ers = (more = ''): string => `vtctldclient EmergencyReparentShard commerce/- ${more}`.trim()
export const image = (to: string): string => `kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:${to}"}}}}'`
export const release = (n: number): string => `kubectl annotate pod ${pod(n)} rollout.planetscale.com/released=true --overwrite`
export const fault = (kind: Fault['kind'], target: string, at: number, durationUs: number, magnitude = 0): Fault => ({ kind, target, at, durationUs, magnitude })
export const late = (n: number, seconds: number): Fault => fault('replication-lag', `member:${pod(n)}`, 5 * SECOND, 5 * MINUTE, seconds * SECOND)
/** Clients that take part in buffering wait for their answers. */
export const patient = { loop: 'closed', connections: 20, think: '100ms', timeout: '20s', queueAgeLimit: '20s' }
