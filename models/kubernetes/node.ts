import type { Machine } from '../../src/cluster/machine.ts'
import type { TimerId, Us } from '../../src/kernel/index.ts'
import type { Image } from './container.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { NodeState } from './lifecycle.ts'
import type { Labels } from './objects.ts'
import type { Pod } from './pod.ts'
import type { Worker } from './worker.ts'

export interface Taint {
  key: string
  value?: string
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

/** A node: the API object (labels, taints, conditions) and its kubelet (images, workers). */
export class KubeNode {
  state: NodeState = 'joining'
  /** The Ready condition as the API server shows it. */
  ready: 'True' | 'False' | 'Unknown' = 'False'
  readyChangedUs: Us
  taints: Taint[] = []
  unschedulable = false
  /** The network lets kubelet and control plane talk. */
  connected = true
  kubeletUp = true
  /** Names of images present, and what each really is: a moved tag does not change what was pulled before. */
  readonly images = new Map<string, Image>()
  readonly workers = new Set<Worker>()
  /** Pods whose end the control plane has not heard of. */
  readonly unreportedGone = new Set<Pod>()
  annotations: Record<string, string> = {}
  podCount = 0
  cpuUsed = 0
  memoryUsed = 0
  monitor: TimerId | undefined
  heartbeat: TimerId | undefined
  silences = 0
  /** Changes of power so far: a boot that was interrupted does not finish. */
  boots = 0

  constructor(
    private readonly kube: Kubernetes,
    readonly name: string,
    readonly uid: string,
    readonly machine: Machine,
    readonly pool: string,
    public version: string,
    public labels: Labels,
    readonly ip: string,
    readonly createdUs: Us,
  ) {
    this.readyChangedUs = createdUs
  }

  get zone(): string {
    return this.machine.zone
  }

  /** Kubelet and API server hear each other at this instant. */
  get hears(): boolean {
    return this.kubeletUp && this.connected && this.kube.apiUp
  }

  get outOfService(): boolean {
    return this.taints.some(t => t.key === 'node.kubernetes.io/out-of-service')
  }
}
