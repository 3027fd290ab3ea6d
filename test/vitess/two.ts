/** A keyspace beside the one that a lab begins with, and the workflow that fills it. */
import type { Tablet } from '../../models/vitess/tablet.ts'
import { type Given, Lab } from './lab.ts'

export const KEYSPACE = (name: string, policy = 'semi_sync', turndown = 'Immediate', parts: unknown = 1): object => ({ name, durabilityPolicy: policy, turndownPolicy: turndown, partitionings: [{ equal: { parts, shardTemplate: { tabletPools: [{ type: 'replica', replicas: 4, mysqld: { resources: { requests: { cpu: '4', memory: '16Gi' } } } }] } } }] })
export const GREEN = 'vtctldclient MoveTables --target-keyspace green --workflow move'
export const BACK = 'vtctldclient MoveTables --target-keyspace commerce --workflow move_reverse'
export const BUFFERED = { buffer: { enabled: true } }

export class Two extends Lab {
  constructor(options: Given = {}, load: object | undefined = {}) {
    super({ spareNodes: 6, targetMysqlVersion: '8.0.40', shardDataMB: 1000, timing: { vreplicationCopyMBps: 50, vreplicationMs: 50, vdiffMBps: 100, switchMs: 200 }, ...options }, load)
  }

  spec(...keyspaces: readonly object[]): void {
    this.ok(`kubectl patch vitesscluster example --type merge --patch '${JSON.stringify({ spec: { keyspaces } })}'`)
  }

  /** Green beside blue, up and empty. */
  green(policy = 'semi_sync'): this {
    this.ok(`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.40"}}}}'`)
    this.spec(KEYSPACE('commerce'), KEYSPACE('green', policy))
    this.until(() => this.cluster.world.byPath.get('green/-')?.primary !== undefined, 300, 'green has a primary')
    this.wait(30)
    return this
  }

  /** And filled. */
  filled(): this {
    this.green()
    this.ok(`${GREEN} create --source-keyspace commerce --all-tables`)
    this.until(() => this.status().includes('VStream Lag: 0s'), 120, 'it is copied')
    this.wait(60)
    return this
  }

  status(): string {
    return this.ok(`${GREEN} status`)
  }

  of(keyspace: string, n: number): Tablet {
    return this.cluster.world.byPath.get(`${keyspace}/-`)?.tablets[n] as Tablet
  }

  primaryOf(keyspace: string): Tablet {
    return this.cluster.world.byPath.get(`${keyspace}/-`)?.primary as Tablet
  }

  /** Acknowledged writes that the authority lacks. */
  lost(): number {
    this.wait(5)
    const [log] = this.cluster.logs
    const { position, merged = [] } = this.cluster.truth.authority(log!)
    return log!.ledger.beyond([position!, ...merged]).reduce((sum, { writes }) => sum + writes, 0)
  }
}
