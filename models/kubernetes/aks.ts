import type { Kubernetes } from './kubernetes.ts'

export interface Pool {
  readonly name: string
  version: string
}

/** Node pools of the managed cluster. */
export class Aks {
  readonly pools = new Map<string, Pool>()
  /** Faults that leave no machine to be had. */
  capacityMissing = 0

  constructor(private readonly kube: Kubernetes) {}

  pool(name: string, version?: string): Pool {
    let pool = this.pools.get(name)
    if (pool === undefined) {
      pool = { name, version: version ?? this.kube.options.nodeVersion ?? this.kube.controlPlaneVersion }
      this.pools.set(name, pool)
    }
    return pool
  }
}
