/** What can go wrong with the cluster. Each method strikes and returns how to end it (ending twice does no harm). */
import type { Us } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { KubeNode } from './node.ts'
import type { Pod } from './pod.ts'

export type End = () => void

/** What a hard eviction leaves a container: immediateEvictionGracePeriodSeconds. */
const PRESSURE_GRACE_SECONDS = 1

export class Faults {
  constructor(private readonly kube: Kubernetes) {}

  /** A machine loses power; with `volume`, the disks attached to it are destroyed too. Ending it gives the power back, not the disks. */
  nodeLoss(name: string, options: { readonly volume: boolean } = { volume: false }): End {
    const node = this.node(name)
    this.kube.note(EVENT.fault, name, options.volume ? 2 : 1, `node ${name} is lost${options.volume ? ' with its disks' : ''}`)
    node.machine.setUp(false)
    if (options.volume) for (const claim of this.kube.volumes.attachedTo(name)) this.kube.volumes.disk(claim)?.destroy()
    return once(() => this.nodeReturn(name))
  }

  nodeReturn(name: string): void {
    this.kube.machines.get(name)?.setUp(true)
  }

  /** What computes on a machine takes `factor` times as long (rule K8S-NODE-4). */
  machineSlow(name: string, factor: number): End {
    this.kube.note(EVENT.fault, name, 5, `${name} is ${factor} times slower`)
    return this.node(name).machine.slow(factor)
  }

  /** The wall clock of a machine jumps, and is set right when this ends (rule K8S-NODE-5). */
  clockJump(name: string, byUs: Us): End {
    const { machine } = this.node(name)
    const jump = (us: Us) => {
      machine.jumpClock(us)
      for (const listener of this.kube.clockListeners) listener(name, us)
    }
    jump(byUs)
    return once(() => jump(-byUs))
  }

  /** Every machine of a zone loses power. */
  zoneOutage(zone: string): End {
    const ends = [...this.kube.nodes.values()].filter(n => n.zone === zone && n.machine.up).map(n => this.nodeLoss(n.name))
    return once(() => {
      for (const end of ends) end()
    })
  }

  /** The API server is away (`down`) or a factor slower. */
  apiServer(state: 'down' | number): End {
    const { kube } = this
    if (state === 'down') {
      kube.apiUp = false
      kube.note(EVENT.apiServer, 'api-server', 0, 'the API server is away')
      return once(() => {
        kube.apiUp = true
        kube.note(EVENT.apiServer, 'api-server', 1, 'the API server is back')
        kube.nodes$.apiChanged()
        kube.controllers.apiChanged()
        kube.scheduler.retry()
        kube.volumes.reconsider()
      })
    }
    kube.apiFactor *= state
    kube.note(EVENT.apiServer, 'api-server', Math.round(state * 1000), `the API server is ${state} times slower`)
    return once(() => {
      kube.apiFactor /= state
      kube.note(EVENT.apiServer, 'api-server', 2)
    })
  }

  /** Pulls of images that start from now on take `factor` times as long. */
  imagePullSlow(factor: number): End {
    this.kube.pullFactor *= factor
    this.kube.note(EVENT.fault, 'image-pull', Math.round(factor * 1000))
    return once(() => {
      this.kube.pullFactor /= factor
      this.kube.note(EVENT.fault, 'image-pull', 1)
    })
  }

  /** Disk moves that start from now on take `factor` times as long. */
  diskMoveSlow(factor: number): End {
    this.kube.diskFactor *= factor
    this.kube.note(EVENT.fault, 'disk-move', Math.round(factor * 1000))
    return once(() => {
      this.kube.diskFactor /= factor
      this.kube.note(EVENT.fault, 'disk-move', 1)
    })
  }

  /** The process of a pod's container is killed; the restart policy brings it back. */
  podKill(name: string): boolean {
    return this.pod(name).worker?.kill() ?? false
  }

  /** A pod is deleted past every budget, with its own grace. */
  podEvict(name: string): void {
    this.kube.pods$.delete(this.pod(name))
  }

  /** Somebody (a descheduler, an autoscaler) asks the Eviction API for a pod: whether its budgets allow it (rule K8S-PDB-1). */
  apiEviction(name: string): boolean {
    return this.kube.disruption.evict(this.pod(name)) === undefined
  }

  /**
   * A node runs out of memory or disk: its kubelet ends this pod past every budget, almost without grace, and nothing new comes to the node
   * until the pressure is over (rule K8S-EVICT-1). Undefined when the pod is on no node that has power.
   */
  nodePressure(name: string): End | undefined {
    const pod = this.pod(name)
    const node = pod.worker?.node
    if (node === undefined || !node.kubeletUp) return undefined
    this.kube.note(EVENT.podEvicted, name, 2, `the kubelet of ${node.name} evicts ${name}: the node was low on resource: memory`)
    const taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' as const }
    node.taints.push(taint)
    this.kube.nodes$.changed(node)
    this.kube.pods$.delete(pod, PRESSURE_GRACE_SECONDS)
    return once(() => {
      node.taints = node.taints.filter(t => t !== taint)
      if (node.state !== 'deleted') this.kube.nodes$.changed(node)
    })
  }

  /** Readiness probes of the pods of that name fail for half of every `periodUs` and succeed for the other half. */
  probesFlap(name: string, periodUs: Us): End {
    return this.swing(periodUs, () => (this.kube.pods$.get(name) === undefined ? () => {} : this.probeFails(name)))
  }

  /** The network link of a machine is down for half of every `periodUs` and up for the other half. Sockets stay open. */
  linkFlaps(machine: string, periodUs: Us): End {
    const is = (place: string) => place === machine
    const others = (place: string) => place !== machine
    return this.swing(periodUs, () => {
      const ends = [this.kube.network.cut(`into ${machine}`, others, is), this.kube.network.cut(`out of ${machine}`, is, others)]
      return () => ends.forEach(end => end())
    })
  }

  /** Begins at once, ends half a period later, begins again …: how anything flaps. */
  private swing(periodUs: Us, begin: () => End): End {
    const halfUs = Math.max(1, Math.round(periodUs / 2))
    const { sim } = this.kube
    let finish: End | undefined = begin()
    const turn = () => {
      if (finish === undefined) finish = begin()
      else {
        finish()
        finish = undefined
      }
      timer = sim.after(halfUs, turn)
    }
    let timer = sim.after(halfUs, turn)
    return once(() => {
      sim.cancel(timer)
      finish?.()
    })
  }

  /** The data plane (kube-proxy, cluster DNS) hears of no change: Services go on leading where they led (rule K8S-SERVICE-4). */
  endpointsStale(): End {
    this.kube.note(EVENT.fault, 'data-plane', 1, 'endpoints and names stand still')
    const follow = this.kube.services.hold()
    return once(() => {
      this.kube.note(EVENT.fault, 'data-plane', 0, 'endpoints and names follow again')
      follow()
    })
  }

  /** A budget that allows no eviction covers every pod of the default namespace: drains and pool upgrades wait (rule K8S-PDB-2). */
  budgetBlocks(): End {
    const { kube } = this
    const name = `keep-everything-${kube.count('budget-blocks')}`
    kube.create({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name }, spec: { maxUnavailable: 0, selector: {} } })
    kube.disruption.blocking.add(name)
    return once(() => {
      kube.disruption.blocking.delete(name)
      kube.deleteStored('PodDisruptionBudget', name)
    })
  }

  /** kube-controller-manager is down, the API server up: nothing is reconciled, endpoints and disks stay, no node is found missing (rule K8S-CONTROLLER-1). */
  controllerManagerDown(): End {
    const { kube } = this
    kube.note(EVENT.fault, 'controller-manager', 1, 'kube-controller-manager is down')
    const ends = [kube.services.hold(), kube.controllers.stopAll()]
    return once(() => {
      kube.note(EVENT.fault, 'controller-manager', 0, 'kube-controller-manager is back')
      for (const end of ends) end()
    })
  }

  /** Every readiness probe of a pod fails while this lasts. */
  probeFails(name: string): End {
    const worker = this.pod(name).worker
    worker?.failProbes(true)
    this.kube.note(EVENT.fault, name, 3, `readiness probes of ${name} fail`)
    return once(() => {
      worker?.failProbes(false)
      this.kube.note(EVENT.fault, name, 4)
    })
  }

  /** The controller of a kind (`StatefulSet`, `Deployment`, `Job`) does nothing. */
  controllerDown(kind: string): End {
    this.kube.note(EVENT.fault, `controller/${kind}`, 1)
    const start = this.kube.controllers.stop(kind)
    return once(() => {
      start()
      this.kube.note(EVENT.fault, `controller/${kind}`, 0)
    })
  }

  /** No machine can be had: surges, scale-outs and new pools fail. */
  capacityMissing(): End {
    this.kube.aks.capacityMissing += 1
    this.kube.note(EVENT.fault, 'capacity', 1)
    return once(() => {
      this.kube.aks.capacityMissing -= 1
      this.kube.note(EVENT.fault, 'capacity', 0)
    })
  }

  private node(name: string): KubeNode {
    const node = this.kube.nodes.get(name)
    if (node === undefined) throw new Error(`kubernetes: there is no node ${name}; there are: ${[...this.kube.nodes.keys()].join(', ')}`)
    return node
  }

  private pod(name: string): Pod {
    const pod = this.kube.pods$.get(name)
    if (pod === undefined) throw new Error(`kubernetes: there is no pod ${name}; there are: ${this.kube.pods$.list().map(p => p.name).join(', ')}`)
    return pod
  }
}

function once(end: () => void): End {
  let ended = false
  return () => {
    if (ended) return
    ended = true
    end()
  }
}
