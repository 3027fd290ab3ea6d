/** Nodes joining, falling silent, being noticed, evicted and coming back (rules K8S-NODE-…). Their phases step by {@link nodeTable}. */
import { Machine } from '../../src/cluster/machine.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import { type NodeEvent, nodeTable } from './lifecycle.ts'
import { KubeNode } from './node.ts'
import type { Labels } from './objects.ts'
import type { Pod } from './pod.ts'
import { Worker } from './worker.ts'

export interface MachineOptions {
  /** kubelet version, default the control plane's. */
  readonly version?: string
  readonly labels?: Labels
}

export class Nodes {
  readonly all = new Map<string, KubeNode>()
  /** The same as a list, made when it is asked for and good until a node comes or goes. */
  private listed: readonly KubeNode[] | undefined
  private numbered = 0

  constructor(private readonly kube: Kubernetes) {
    kube.network.onChange(() => this.networkChanged())
  }

  /** All nodes, in the order in which they joined. */
  list(): readonly KubeNode[] {
    return (this.listed ??= [...this.all.values()])
  }

  /** A machine joins as a node of a pool. It is ready at once: who adds it has waited for that. */
  add(name: string, zone: string, pool: string, options: MachineOptions = {}): KubeNode {
    const { kube } = this
    if (this.all.has(name)) throw new Error(`kubernetes: there is a node ${name} already`)
    const machine = new Machine(kube.sim, name, zone)
    const labels: Labels = {
      'kubernetes.io/hostname': name,
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      agentpool: pool,
      'kubernetes.azure.com/agentpool': pool,
      'topology.kubernetes.io/zone': zone,
      ...options.labels,
    }
    const version = options.version ?? kube.options.nodeVersion ?? kube.controlPlaneVersion
    const node = new KubeNode(kube, name, kube.newUid(), machine, pool, version, labels, `10.224.0.${4 + this.numbered++}`, kube.sim.now)
    node.connected = kube.network.connected(name, 'control-plane')
    this.all.set(name, node)
    this.listed = undefined
    kube.machines.set(name, machine)
    machine.onPower(up => this.powerChanged(node, up))
    this.step(node, 'HEARD')
    node.ready = 'True'
    kube.billing.count(+1)
    if (!kube.booting) kube.note(EVENT.nodeAdded, name, 0, `node ${name} joins pool ${pool}`)
    kube.scheduler.retry()
    return node
  }

  /** Deletes the Node object; its pods' objects go with it. The machine itself is the caller's business. */
  delete(node: KubeNode): void {
    if (node.state === 'deleted') return
    this.step(node, 'DELETED')
    this.all.delete(node.name)
    this.listed = undefined
    this.cancel(node)
    this.kube.billing.count(-1)
    this.kube.note(EVENT.nodeRemoved, node.name, 0, `Node ${node.name} deleted`)
    for (const pod of this.kube.pods$.list()) if (pod.node === node.name) this.kube.pods$.delete(pod, 0)
    this.kube.volumes.reconsider()
  }

  /** Makes a node (un)schedulable. */
  cordon(node: KubeNode, cordoned: boolean): void {
    if (node.unschedulable === cordoned) return
    node.unschedulable = cordoned
    this.kube.note(EVENT.nodeChanged, node.name, cordoned ? 1 : 0, `${node.name} ${cordoned ? 'cordoned' : 'uncordoned'}`)
    if (!cordoned) this.kube.scheduler.retry()
  }

  /** Labels or taints of a node changed. */
  changed(node: KubeNode): void {
    this.kube.note(EVENT.nodeChanged, node.name, 2)
    this.kube.scheduler.retry()
    this.kube.volumes.reconsider()
    for (const taint of node.taints) {
      if (taint.effect !== 'NoExecute') continue
      for (const pod of this.kube.pods$.list()) {
        const tolerated = (pod.spec.tolerations ?? []).some(t => t.operator === 'Exists' ? t.key === undefined || t.key === taint.key : t.key === taint.key && t.value === taint.value)
        if (pod.node === node.name && !pod.terminating && !tolerated) this.kube.pods$.delete(pod, taint.key.endsWith('out-of-service') ? 0 : undefined)
      }
    }
  }

  /** The kubelet learns, a little later, that the API object of a pod bound to its node changed. If it cannot hear, it will when it can again. */
  deliver(pod: Pod): void {
    const node = pod.node === undefined ? undefined : this.nodeOf(pod)
    if (node === undefined) return
    if (this.kube.booting) return this.syncPod(node, pod)
    const us = this.kube.drawUs('kubeletLagSeconds', `${pod.name}#${pod.nth}`, this.kube.count(`deliver/${pod.uid}`))
    this.kube.sim.after(us, () => {
      if (node.hears) this.syncPod(node, pod)
    })
  }

  /** The API server is reachable again, or gone. */
  apiChanged(): void {
    if (this.kube.apiUp) for (const node of this.all.values()) if (node.hears) this.sync(node)
  }

  private nodeOf(pod: Pod): KubeNode | undefined {
    return pod.worker?.node ?? this.all.get(pod.node as string)
  }

  /** Does what the API wants of one pod (idempotent). */
  private syncPod(node: KubeNode, pod: Pod): void {
    const worker = pod.worker
    if (worker === undefined) {
      if (pod.removed) return
      if (pod.terminating) return this.kube.pods$.stopped(pod)
      const made = new Worker(this.kube, node, pod)
      pod.worker = made
      node.workers.add(made)
      return made.begin()
    }
    if (worker.state === 'lost') {
      if (pod.removed || pod.terminating) worker.forget()
      else worker.resume()
      return
    }
    if (pod.removed) worker.stop(this.kube.options.killSeconds)
    else if (pod.terminating) worker.stop(pod.graceSeconds as number)
  }

  /** A kubelet that can talk again catches up with everything. */
  private sync(node: KubeNode): void {
    for (const pod of node.unreportedGone) this.kube.pods$.stopped(pod)
    node.unreportedGone.clear()
    for (const worker of [...node.workers]) {
      this.syncPod(node, worker.pod)
      if (worker.state !== 'gone') worker.report()
    }
    for (const pod of this.kube.pods$.list()) if (pod.node === node.name && pod.worker === undefined) this.syncPod(node, pod)
  }

  private networkChanged(): void {
    for (const node of this.all.values()) {
      const connected = this.kube.network.connected(node.name, 'control-plane')
      if (connected === node.connected) continue
      node.connected = connected
      // `kubectl exec` and `logs` reach the kubelet, or do so no more, before the control plane has noticed anything.
      this.kube.touched()
      if (connected && node.kubeletUp) this.heardAgain(node)
      else if (!connected) this.silent(node)
    }
  }

  private powerChanged(node: KubeNode, up: boolean): void {
    const boot = ++node.boots
    if (!up) {
      node.kubeletUp = false
      this.kube.touched()
      for (const worker of [...node.workers]) worker.powerLost()
      if (node.state !== 'deleted') this.silent(node)
      return
    }
    this.kube.sim.after(this.kube.drawUs('kubeletStartSeconds', node.name, this.kube.count(`kubelet/${node.name}`)), () => {
      if (node.boots !== boot || node.state === 'deleted') return
      node.kubeletUp = true
      this.kube.touched()
      if (node.connected) this.heardAgain(node)
    })
  }

  private silent(node: KubeNode): void {
    if (node.heartbeat !== undefined) this.kube.sim.cancel(node.heartbeat)
    node.heartbeat = undefined
    if (node.state !== 'ready') return
    this.step(node, 'SILENCE')
    node.silences += 1
    this.kube.note(EVENT.nodeSilent, node.name, 0, `the control plane hears nothing from ${node.name} any more`)
    this.watch(node)
  }

  private watch(node: KubeNode): void {
    const o = this.kube.options
    const us = o.monitorGraceSeconds * SECOND + this.kube.drawUs('monitorPollSeconds', node.name, node.silences)
    node.monitor = this.kube.sim.after(us, () => {
      // The node monitor is a controller that needs the API server: without either, nobody is found missing.
      if (!this.kube.controllers.acting) return this.watch(node)
      this.step(node, 'GRACE_OVER')
      this.setReady(node, 'Unknown')
      this.kube.note(EVENT.nodeUnknown, node.name, 0, `${node.name} is Ready=Unknown`)
      for (const pod of this.kube.pods$.list()) if (pod.node === node.name) this.kube.pods$.markUnready(pod)
      this.kube.volumes.reconsider()
      this.evictLater(node)
    })
  }

  private evictLater(node: KubeNode): void {
    node.monitor = this.kube.sim.after(this.kube.options.tolerationSeconds * SECOND, () => {
      if (!this.kube.controllers.acting) return this.evictLater(node)
      node.monitor = undefined
      this.step(node, 'TOLERATION_OVER')
      for (const pod of this.kube.pods$.list()) {
        if (pod.node !== node.name || pod.terminating || toleratesUnreachable(pod)) continue
        this.kube.note(EVENT.podEvicted, pod.name, 0, `${pod.name} is deleted: its node ${node.name} has been unreachable for ${this.kube.options.tolerationSeconds} s`)
        this.kube.pods$.delete(pod)
      }
    })
  }

  private heardAgain(node: KubeNode): void {
    const us = this.kube.drawUs('heartbeatSeconds', node.name, node.silences)
    node.heartbeat = this.kube.sim.after(us, () => {
      node.heartbeat = undefined
      if (!node.kubeletUp || !node.connected) return
      this.cancel(node)
      if (node.state !== 'ready') this.step(node, 'HEARD')
      this.setReady(node, 'True')
      this.kube.note(EVENT.nodeReady, node.name, 0, `${node.name} is Ready again`)
      if (node.hears) this.sync(node)
      this.kube.scheduler.retry()
      this.kube.volumes.reconsider()
    })
  }

  private setReady(node: KubeNode, ready: 'True' | 'Unknown'): void {
    if (node.ready === ready) return
    node.ready = ready
    node.readyChangedUs = this.kube.sim.now
  }

  private cancel(node: KubeNode): void {
    if (node.monitor !== undefined) this.kube.sim.cancel(node.monitor)
    node.monitor = undefined
  }

  private step(node: KubeNode, event: NodeEvent): void {
    const to = nodeTable.step(node.state, event)
    if (to === undefined) throw new Error(`kubernetes: a node (${node.name}) that is ${node.state} cannot take ${event}`)
    node.state = to
  }
}

/** A toleration of the unreachable taint without a time limit keeps the pod where it is. */
function toleratesUnreachable(pod: Pod): boolean {
  return (pod.spec.tolerations ?? []).some(t => t.operator === 'Exists' && (t.key === undefined || t.key === 'node.kubernetes.io/unreachable') && t.tolerationSeconds === undefined)
}
