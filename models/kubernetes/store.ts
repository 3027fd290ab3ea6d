import type { Us } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import { alike, type KubeObject } from './objects.ts'

/** An object as the API server keeps it, beside what its printed form computes (timestamps, status). */
export interface Stored {
  object: KubeObject
  readonly uid: string
  readonly createdUs: Us
  generation: number
  version: number
  deletedUs: Us | undefined
  /** What `kubectl apply` was last given, for its three-way merge. */
  applied: KubeObject
}

/** All objects but pods and nodes, by kind and key (`name`, or `namespace/name` outside the default namespace). */
export class Store {
  private readonly kinds = new Map<string, Map<string, Stored>>()

  constructor(private readonly kube: Kubernetes) {}

  get(kind: string, key: string): KubeObject | undefined {
    return this.kinds.get(kind)?.get(key)?.object
  }

  entry(kind: string, key: string): Stored | undefined {
    return this.kinds.get(kind)?.get(key)
  }

  entries(kind: string): [string, Stored][] {
    return [...(this.kinds.get(kind) ?? [])]
  }

  /** Adds an object, or replaces the one of that name: the generation grows if the spec differs. Says whether anything changed. */
  put(object: KubeObject): boolean {
    const key = this.kube.key(object.metadata.name, object.metadata.namespace)
    let kind = this.kinds.get(object.kind)
    if (kind === undefined) {
      kind = new Map()
      this.kinds.set(object.kind, kind)
    }
    const old = kind.get(key)
    if (old !== undefined) {
      if (alike(old.object, object)) return false
      if (!alike(old.object.spec, object.spec)) old.generation += 1
      old.object = object
      old.version = this.kube.nextVersion()
    } else {
      kind.set(key, { object, uid: this.kube.newUid(), createdUs: this.kube.sim.now, generation: 1, version: this.kube.nextVersion(), deletedUs: undefined, applied: object })
    }
    if (!this.kube.booting) this.kube.note(old === undefined ? EVENT.objectCreated : EVENT.objectChanged, `${object.kind}/${key}`, old?.generation ?? 1, `${object.kind} ${key} ${old === undefined ? 'created' : 'changed'}`)
    return true
  }

  /** The kinds of which there are or were objects. */
  kindNames(): string[] {
    return [...this.kinds.keys()]
  }

  remove(kind: string, key: string): boolean {
    if (this.kinds.get(kind)?.delete(key) !== true) return false
    this.kube.note(EVENT.objectDeleted, `${kind}/${key}`, 0, `${kind} ${key} deleted`)
    return true
  }
}
