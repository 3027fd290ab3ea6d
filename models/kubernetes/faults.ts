/** What can go wrong with the cluster. Each method strikes and returns how to end it (ending twice does no harm). */
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { KubeNode } from './node.ts'
import type { Pod } from './pod.ts'

export type End = () => void

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
  podKill(name: string): void {
    this.pod(name).worker?.kill()
  }

  /** A pod is evicted past every budget (node pressure): it fails at once and its controller replaces it. */
  podEvict(name: string): void {
    this.kube.pods$.delete(this.pod(name))
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
