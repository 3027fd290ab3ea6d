/** The pods of the API server: creation, deletion with grace or by force, status from kubelets (rules K8S-POD-…, K8S-DELETE-…). */
import type { Us } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import { LabelIndex } from './label-index.ts'
import type { Labels, PodSpec } from './objects.ts'
import { quantity } from './objects.ts'
import { Pod, type PodPhase } from './pod.ts'

export interface PodInit {
  readonly name: string
  readonly namespace: string
  readonly labels: Labels
  readonly annotations?: Record<string, string>
  readonly spec: PodSpec
  readonly owner?: { kind: string; name: string; uid: string }
}

export interface PodStatus {
  readonly phase: PodPhase
  readonly ready: boolean
  readonly containerState: 'waiting' | 'running' | 'terminated'
  readonly reason: string
  readonly restarts: number
  readonly exitCode: number
  readonly startedUs: Us
}

const DEFAULT_GRACE_SECONDS = 30

export class Pods {
  private readonly byKey = new Map<string, Pod>()
  /** All of them in a list, made when it is asked for and good until a pod comes or goes. */
  private all: readonly Pod[] | undefined
  private readonly byOwner = new Map<string, Set<Pod>>()
  /** By label, for selectors. */
  readonly labelled = new LabelIndex<Pod>(() => this.byKey.values(), pod => pod.labels)
  private addresses = 0
  private readonly listeners: ((pod: Pod) => void)[] = []

  constructor(private readonly kube: Kubernetes) {}

  /** Tells `listener` whenever an object of a pod is new, changed or gone. */
  onChange(listener: (pod: Pod) => void): void {
    this.listeners.push(listener)
  }

  /** All pods, oldest first: the same list until a pod comes or goes. */
  list(): readonly Pod[] {
    return (this.all ??= [...this.byKey.values()])
  }

  get(key: string): Pod | undefined {
    return this.byKey.get(key)
  }

  ownedBy(kind: string, key: string): Pod[] {
    const set = this.byOwner.get(`${kind}/${key}`)
    return set === undefined ? [] : [...set]
  }

  create(init: PodInit): Pod {
    const { kube } = this
    const key = kube.key(init.name, init.namespace)
    if (this.byKey.has(key)) throw new Error(`kubernetes: pod ${key} exists`)
    const pod = new Pod(init.name, init.namespace, kube.newUid(), init.labels, init.spec, kube.sim.now, kube.count(`pod/${key}`))
    pod.annotations = init.annotations ?? {}
    pod.owner = init.owner
    pod.prefix = kube.key('', init.namespace)
    pod.nodeVersionOf = node => kube.nodes.get(node)?.version
    pod.resourceVersion = kube.nextVersion()
    this.byKey.set(key, pod)
    this.labelled.add(pod)
    this.all = undefined
    if (init.owner !== undefined) {
      const ownerKey = `${init.owner.kind}/${kube.key(init.owner.name, init.namespace)}`
      const set = this.byOwner.get(ownerKey)
      if (set === undefined) this.byOwner.set(ownerKey, new Set([pod]))
      else set.add(pod)
    }
    if (!kube.booting) kube.note(EVENT.podCreated, pod.name, pod.nth, `pod ${pod.name} created${init.owner === undefined ? '' : ` by ${init.owner.kind} ${init.owner.name}`}`)
    for (const listener of this.listeners) listener(pod)
    kube.scheduler.add(pod)
    return pod
  }

  /** The scheduler has found a node. */
  bind(pod: Pod, nodeName: string): void {
    const node = this.kube.nodes.get(nodeName)
    if (node === undefined) throw new Error(`kubernetes: pod ${pod.name} bound to ${nodeName}, which is no node`)
    pod.node = nodeName
    pod.podIP = podAddress(this.addresses++)
    node.podCount += 1
    for (const c of pod.spec.containers) {
      node.cpuUsed += quantity(c.resources?.requests?.cpu)
      node.memoryUsed += quantity(c.resources?.requests?.memory)
    }
    for (const claim of pod.claims) this.kube.volumes.provision(claim, node.zone)
    this.touched(pod)
    for (const listener of this.listeners) listener(pod)
    if (!this.kube.booting) this.kube.note(EVENT.podScheduled, pod.name, 0, `${pod.name} is scheduled on ${nodeName}`)
    this.kube.nodes$.deliver(pod)
  }

  /**
   * Deletes a pod. With a grace of 0 the object is gone at once and nobody waits for the process; else the pod is Terminating until its kubelet
   * says that it is off the machine.
   * @param graceSeconds default the pod's own (30 s if it names none)
   */
  delete(pod: Pod, graceSeconds?: number): void {
    if (pod.removed) return
    const grace = graceSeconds ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
    if (grace === 0 || pod.node === undefined) {
      this.kube.note(EVENT.podDeleted, pod.name, grace, `pod ${pod.name} is deleted${grace === 0 && pod.node !== undefined ? ' by force: its object is gone, its process may still run' : ''}`)
      return this.remove(pod)
    }
    if (pod.terminating && grace >= (pod.graceSeconds as number)) return
    const first = !pod.terminating
    pod.deletedUs ??= this.kube.sim.now
    pod.graceSeconds = grace
    this.touched(pod)
    if (first) this.kube.note(EVENT.podDeleted, pod.name, grace, `pod ${pod.name} is Terminating (grace ${grace} s)`)
    this.changed(pod)
    this.kube.nodes$.deliver(pod)
  }

  /** The kubelet says that nothing of the pod is left on its machine. */
  stopped(pod: Pod): void {
    if (!pod.removed && pod.terminating) this.remove(pod)
  }

  report(pod: Pod, s: PodStatus): void {
    const wasReady = pod.ready
    if (s.restarts > pod.restarts) pod.lastExitCode = s.exitCode
    pod.phase = s.phase
    pod.ready = s.ready
    pod.containerState = s.containerState
    pod.reason = s.reason
    pod.restarts = s.restarts
    pod.exitCode = s.exitCode
    pod.startedUs = s.startedUs
    this.touched(pod)
    if (wasReady !== s.ready) {
      pod.readyChangedUs = this.kube.sim.now
      if (!this.kube.booting) this.kube.note(s.ready ? EVENT.podReady : EVENT.podUnready, pod.name, 0, `${pod.name} is ${s.ready ? 'Ready' : 'no longer Ready'}`)
    } else if (!this.kube.booting) this.kube.touched()
    if (pod.finished) this.kube.note(EVENT.podFinished, pod.name, s.exitCode)
    this.changed(pod)
  }

  /** The control plane lost sight of the pod's node. */
  markUnready(pod: Pod): void {
    if (!pod.ready) return
    pod.ready = false
    pod.readyChangedUs = this.kube.sim.now
    this.touched(pod)
    this.kube.note(EVENT.podUnready, pod.name, 1, `${pod.name} counts as not Ready: its node is unreachable`)
    this.changed(pod)
  }

  setLabels(pod: Pod, labels: Labels): void {
    this.labelled.remove(pod)
    pod.labels = labels
    this.labelled.add(pod)
    this.touched(pod)
    this.kube.note(EVENT.objectChanged, pod.name, 1, `labels of pod ${pod.name} changed`)
    this.changed(pod)
  }

  private remove(pod: Pod): void {
    const { kube } = this
    pod.removed = true
    pod.deletedUs ??= kube.sim.now
    this.byKey.delete(kube.key(pod.name, pod.namespace))
    this.labelled.remove(pod)
    this.all = undefined
    if (pod.owner !== undefined) this.byOwner.get(`${pod.owner.kind}/${kube.key(pod.owner.name, pod.namespace)}`)?.delete(pod)
    const node = pod.node === undefined ? undefined : kube.nodes.get(pod.node)
    if (node !== undefined) {
      node.podCount -= 1
      for (const c of pod.spec.containers) {
        node.cpuUsed -= quantity(c.resources?.requests?.cpu)
        node.memoryUsed -= quantity(c.resources?.requests?.memory)
      }
    }
    kube.scheduler.forget(pod)
    kube.note(EVENT.podGone, pod.name, pod.nth, `pod ${pod.name} is gone from the API`)
    this.changed(pod)
    if (pod.worker !== undefined && pod.worker.state !== 'gone') kube.nodes$.deliver(pod)
    kube.claims.podRemoved(pod)
    kube.scheduler.retry()
    kube.volumes.reconsider()
  }

  private touched(pod: Pod): void {
    pod.resourceVersion = this.kube.nextVersion()
  }

  private changed(pod: Pod): void {
    this.kube.services.podChanged(pod)
    for (const listener of this.listeners) listener(pod)
    if (pod.owner !== undefined) this.kube.controllers.enqueue(pod.owner.kind, this.kube.key(pod.owner.name, pod.namespace))
  }
}

function podAddress(n: number): string {
  return `10.244.${Math.floor(n / 250) % 250}.${(n % 250) + 4}`
}
