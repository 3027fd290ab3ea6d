/** PersistentVolumeClaims: kept when a set shrinks, protected while a pod uses them, destroyed with their disk when deleted (rules K8S-CLAIM-…). */
import type { Kubernetes } from './kubernetes.ts'
import type { KubeObject } from './objects.ts'
import type { Pod } from './pod.ts'

const ZONE = 'topology.kubernetes.io/zone'

export class Claims {
  constructor(private readonly kube: Kubernetes) {}

  exists(key: string): boolean {
    const entry = this.kube.store.entry('PersistentVolumeClaim', key)
    return entry !== undefined && entry.deletedUs === undefined
  }

  /** The claim of a StatefulSet's pod, unless it is there already (from an earlier pod of that ordinal). */
  ensure(name: string, namespace: string, spec: Record<string, unknown> | undefined): void {
    if (this.kube.store.get('PersistentVolumeClaim', this.kube.key(name, namespace)) !== undefined) return
    this.kube.store.put({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace }, spec: { accessModes: ['ReadWriteOnce'], ...spec } })
  }

  /** A claim that names its zone in a label is bound there at once; others wait for their first consumer. */
  created(object: KubeObject): void {
    const zone = object.metadata.labels?.[ZONE]
    if (zone !== undefined) this.kube.volumes.provision(this.kube.key(object.metadata.name, object.metadata.namespace), zone)
  }

  /** Deletes a claim: at once when no pod uses it, else when the last such pod is gone. */
  delete(key: string): void {
    const entry = this.kube.store.entry('PersistentVolumeClaim', key)
    if (entry === undefined) return
    entry.deletedUs ??= this.kube.sim.now
    this.collect(key)
  }

  podRemoved(pod: Pod): void {
    for (const claim of pod.claims) if (this.kube.store.entry('PersistentVolumeClaim', claim)?.deletedUs !== undefined) this.collect(claim)
  }

  private collect(key: string): void {
    if (this.kube.pods$.list().some(p => p.claims.includes(key))) return
    this.kube.store.remove('PersistentVolumeClaim', key)
    this.kube.volumes.reclaim(key)
  }
}
