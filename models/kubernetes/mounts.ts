/** ConfigMaps and Secrets as a pod has them mounted, which is not as the API server has them (rules K8S-CONFIG-…). */
import { SECOND } from '../../src/kernel/index.ts'
import type { TimerId } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { VolumeSpec } from './objects.ts'
import { plainData } from './secret.ts'
import type { Worker } from './worker.ts'

type Data = Readonly<Record<string, string>>

export class Mounts {
  private readonly mounted = new Map<string, Data>()
  private readonly pending = new Map<string, TimerId>()
  private readonly changes = new Map<string, number>()

  constructor(
    private readonly kube: Kubernetes,
    private readonly worker: Worker,
  ) {}

  /** Mounts what the API server has now (at the start of a container, where it is not mounted yet). */
  mount(): void {
    for (const v of this.worker.pod.spec.volumes ?? []) {
      if (this.sourceOf(v) !== undefined && !this.mounted.has(v.name)) this.mounted.set(v.name, this.current(v))
    }
  }

  file(mountName: string, file: string): string | undefined {
    return this.mounted.get(mountName)?.[file]
  }

  /**
   * The ConfigMap or Secret (`kind/name`) changed: the mount follows one sync period and one cache lifetime later, with what is current then.
   * A change while one is under way is caught by it. A mount that all containers use by subPath never follows.
   */
  changed(object: string): void {
    for (const v of this.worker.pod.spec.volumes ?? []) {
      if (this.sourceOf(v) !== object || !this.mounted.has(v.name) || this.pending.has(v.name) || this.bySubPath(v.name)) continue
      const nth = this.changes.get(v.name) ?? 0
      this.changes.set(v.name, nth + 1)
      const who = `${this.worker.pod.name}#${this.worker.pod.nth}/${v.name}`
      const us = this.kube.drawUs('configSyncSeconds', who, nth) + this.kube.drawUs('configCacheSeconds', who, nth)
      this.pending.set(v.name, this.kube.sim.after(us, () => this.refresh(v)))
    }
  }

  /** The pod is off the machine. */
  drop(): void {
    for (const timer of this.pending.values()) this.kube.sim.cancel(timer)
    this.pending.clear()
    this.mounted.clear()
  }

  private refresh(v: VolumeSpec): void {
    this.pending.delete(v.name)
    if (!this.worker.node.hears) {
      this.pending.set(v.name, this.kube.sim.after(60 * SECOND, () => this.refresh(v)))
      return
    }
    this.mounted.set(v.name, this.current(v))
    this.kube.note(EVENT.configMounted, this.worker.pod.name, 0, `${this.worker.pod.name} now has the current ${this.sourceOf(v)} mounted`)
    this.worker.configChanged()
  }

  private bySubPath(volume: string): boolean {
    const mounts = this.worker.pod.main.volumeMounts?.filter(m => m.name === volume) ?? []
    return mounts.length > 0 && mounts.every(m => m.subPath !== undefined)
  }

  private current(v: VolumeSpec): Data {
    const source = this.sourceOf(v) as string
    const slash = source.indexOf('/')
    return { ...plainData(this.kube.store.get(source.slice(0, slash), source.slice(slash + 1))) }
  }

  /** `kind/key` of the object behind a volume. */
  private sourceOf(v: VolumeSpec): string | undefined {
    const { prefix } = this.worker.pod
    if (v.configMap !== undefined) return `ConfigMap/${prefix}${v.configMap.name}`
    if (v.secret !== undefined) return `Secret/${prefix}${v.secret.secretName}`
    return undefined
  }
}
