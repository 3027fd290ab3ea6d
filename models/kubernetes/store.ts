import type { Us } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import { LabelIndex } from './label-index.ts'
import { alike, type KubeObject } from './objects.ts'
import { settled } from './secret.ts'

/** An object as the API server keeps it, beside what its printed form computes (timestamps, status). */
export interface Stored {
  object: KubeObject
  readonly uid: string
  readonly createdUs: Us
  generation: number
  version: number
  deletedUs: Us | undefined
  /** What `kubectl apply` was last given, for its three-way merge; undefined for what `kubectl create` made, of which apply takes nothing away. */
  applied: KubeObject | undefined
}

/** All objects but pods and nodes, by kind and key (`name`, or `namespace/name` outside the default namespace). */
export class Store {
  private readonly kinds = new Map<string, Map<string, Stored>>()
  private readonly labels = new Map<string, LabelIndex<Stored>>()

  constructor(private readonly kube: Kubernetes) {}

  get(kind: string, key: string): KubeObject | undefined {
    return this.kinds.get(kind)?.get(key)?.object
  }

  entry(kind: string, key: string): Stored | undefined {
    return this.kinds.get(kind)?.get(key)
  }

  /** The objects of a kind, oldest first. */
  all(kind: string): Iterable<Stored> {
    return this.kinds.get(kind)?.values() ?? []
  }

  entries(kind: string): [string, Stored][] {
    return [...(this.kinds.get(kind) ?? [])]
  }

  /** The objects of a kind whose label `key` is `value`, in no order that means anything. */
  labelled(kind: string, key: string, value: string): ReadonlySet<Stored> {
    let index = this.labels.get(kind)
    if (index === undefined) this.labels.set(kind, (index = new LabelIndex(() => this.kinds.get(kind)?.values() ?? [], ({ object }) => object.metadata.labels ?? {})))
    return index.with(key, value)
  }

  /** Adds an object, or replaces the one of that name: the generation grows if the spec differs. Says whether anything changed. */
  put(given: KubeObject): boolean {
    const object = settled(given)
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
      this.labels.get(object.kind)?.remove(old)
      old.object = object
      this.labels.get(object.kind)?.add(old)
      old.version = this.kube.nextVersion()
    } else {
      const stored: Stored = { object, uid: this.kube.newUid(), createdUs: this.kube.sim.now, generation: 1, version: this.kube.nextVersion(), deletedUs: undefined, applied: given }
      kind.set(key, stored)
      this.labels.get(object.kind)?.add(stored)
    }
    if (!this.kube.booting) this.kube.note(old === undefined ? EVENT.objectCreated : EVENT.objectChanged, `${object.kind}/${key}`, old?.generation ?? 1, `${object.kind} ${key} ${old === undefined ? 'created' : 'changed'}`)
    return true
  }

  /** The kinds of which there are or were objects. */
  kindNames(): string[] {
    return [...this.kinds.keys()]
  }

  remove(kind: string, key: string): boolean {
    const entry = this.kinds.get(kind)?.get(key)
    if (entry === undefined) return false
    this.kinds.get(kind)?.delete(key)
    this.labels.get(kind)?.remove(entry)
    this.kube.note(EVENT.objectDeleted, `${kind}/${key}`, 0, `${kind} ${key} deleted`)
    return true
  }
}
