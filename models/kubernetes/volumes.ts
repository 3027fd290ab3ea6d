/** Persistent volumes: which disk a claim has, and the delays and refusals of moving it between nodes (rules K8S-VOLUME-…). */
import { Disk } from '../../src/cluster/disk.ts'
import { SECOND, type TimerId, formatDuration } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { KubeNode } from './node.ts'
import type { Pod } from './pod.ts'
import type { Worker } from './worker.ts'

interface Volume {
  readonly claim: string
  disk: Disk | undefined
  /** A disk on its way to another node is attached nowhere. */
  movingTo: string | undefined
  /** Pods on the node it is attached to that have it mounted or may still write to it. */
  readonly users: Set<Worker>
  /** Since when no living API object justifies the old attachment: the force-detach clock. */
  unwantedSinceUs: number | undefined
  moves: number
  deleting: boolean
}

interface Request {
  readonly worker: Worker
  readonly done: () => void
  timer: TimerId | undefined
  cancelled: boolean
}

export class Volumes {
  private readonly volumes = new Map<string, Volume>()
  private readonly requests = new Set<Request>()

  constructor(private readonly kube: Kubernetes) {}

  /** The volume of a claim, made on first mention. */
  private of(claim: string): Volume {
    let volume = this.volumes.get(claim)
    if (volume === undefined) {
      volume = { claim, disk: undefined, movingTo: undefined, users: new Set(), unwantedSinceUs: undefined, moves: 0, deleting: false }
      this.volumes.set(claim, volume)
    }
    return volume
  }

  /** The disk of a claim, if it was provisioned. */
  disk(claim: string): Disk | undefined {
    return this.volumes.get(claim)?.disk
  }

  /** The claims whose disks are attached to a node. */
  attachedTo(node: string): string[] {
    return [...this.volumes.values()].filter(v => v.disk?.attachedTo === node).map(v => v.claim)
  }

  /** Provisions the disk of a claim (at binding, in the zone of the first consumer), unless there is one. */
  provision(claim: string, zone: string | undefined): Disk {
    const volume = this.of(claim)
    if (volume.disk === undefined) {
      const bound = this.kube.options.zoneRedundantDisks ? undefined : zone
      volume.disk = new Disk(this.kube.sim, `pvc-${claim}`, bound, this.kube.options.diskBytesPerSecond)
    }
    return volume.disk
  }

  /** Zone to which the claims of a pod bind it: undefined = anywhere; a conflict of two zones gives an impossible one. */
  zoneOf(pod: Pod): string | undefined {
    let zone: string | undefined
    for (const claim of pod.claims) {
      const bound = this.volumes.get(claim)?.disk?.zone
      if (bound === undefined) continue
      if (zone !== undefined && zone !== bound) return '(none)'
      zone = bound
    }
    return zone
  }

  /** Attaches at once, for pods that run before the story begins. */
  attachNow(worker: Worker): void {
    for (const claim of worker.pod.claims) {
      const volume = this.of(claim)
      this.provision(claim, worker.node.zone).attachedTo = worker.node.name
      volume.users.add(worker)
    }
  }

  /** Asks for all volumes of a pod on its node; `done` is called when they are attached and mounted. Returns how to withdraw. */
  attach(worker: Worker, done: () => void): () => void {
    const request: Request = { worker, done, timer: undefined, cancelled: false }
    this.requests.add(request)
    this.advance(request)
    return () => {
      request.cancelled = true
      this.requests.delete(request)
      if (request.timer !== undefined) this.kube.sim.cancel(request.timer)
    }
  }

  /** The pod is off the machine: whoever waits for its disks may go on. */
  release(worker: Worker): void {
    for (const claim of worker.pod.claims) this.volumes.get(claim)?.users.delete(worker)
    this.reconsider()
  }

  /** Something on which a waiting attachment may depend has changed. */
  reconsider(): void {
    if (this.requests.size === 0) return
    for (const request of [...this.requests]) if (request.timer === undefined) this.advance(request)
  }

  /** Reclaims the volume of a deleted claim: the disk is destroyed with everything on it. */
  reclaim(claim: string): void {
    const volume = this.volumes.get(claim)
    volume?.disk?.destroy()
    this.volumes.delete(claim)
  }

  private advance(request: Request): void {
    const { worker } = request
    for (const claim of worker.pod.claims) {
      const volume = this.of(claim)
      const disk = this.provision(claim, worker.node.zone)
      if (volume.movingTo !== undefined || disk.destroyed) return
      if (disk.attachedTo === worker.node.name) {
        if (this.kube.accessMode(claim) === 'ReadWriteOncePod' && volume.users.size > 0 && !volume.users.has(worker)) return
        continue
      }
      this.bring(volume, disk, worker.node, request)
      return
    }
    for (const claim of worker.pod.claims) this.of(claim).users.add(worker)
    const us = this.kube.drawUs('mountSeconds', worker.pod.name, worker.pod.nth)
    request.timer = this.kube.sim.after(us, () => {
      this.requests.delete(request)
      request.done()
    })
  }

  /** Starts moving a disk to `node`, or arranges to try again when the node that holds it has let go. */
  private bring(volume: Volume, disk: Disk, node: KubeNode, request: Request): void {
    const { sim } = this.kube
    // The attach-detach controller starts nothing; when it is back it looks again.
    if (!this.kube.booting && !this.kube.controllers.acting) return
    const held = disk.attachedTo
    if (held === undefined) return this.move(volume, disk, node, this.kube.drawUs('attachSeconds', volume.claim, volume.moves))
    const holder = this.kube.nodes.get(held)
    const users = [...volume.users].filter(u => u.node.name === held)
    const vouched = users.some(u => !u.pod.removed)
    if (users.length === 0 || holder === undefined || holder.outOfService) return this.moveAway(volume, disk, node, users)
    if (vouched || holder.ready === 'True') {
      const message = `Multi-Attach error for volume "pvc-${volume.claim}"`
      if (request.worker.pod.message !== message) this.kube.sim.tell(EVENT.podWaits, request.worker.pod.name, () => `${request.worker.pod.name} cannot start: ${message}, which ${held} still holds`)
      request.worker.pod.message = message
      return
    }
    // The node cannot unmount: the attach/detach controller waits its six minutes from the deletion of the last pod object.
    volume.unwantedSinceUs ??= sim.now
    const at = volume.unwantedSinceUs + this.kube.options.forceDetachSeconds * SECOND
    if (sim.now >= at) return this.moveAway(volume, disk, node, users)
    request.timer = sim.call(at, () => {
      request.timer = undefined
      this.advance(request)
    })
  }

  private moveAway(volume: Volume, disk: Disk, node: KubeNode, users: readonly Worker[]): void {
    if (users.length > 0) this.kube.note(EVENT.diskForced, volume.claim, 0, `disk of ${volume.claim} is force-detached from ${disk.attachedTo}`)
    for (const user of users) {
      volume.users.delete(user)
      user.diskLost()
    }
    const from = disk.attachedTo
    const us = this.kube.drawUs('diskMoveSeconds', volume.claim, volume.moves)
    this.kube.sim.tell(EVENT.podWaits, volume.claim, () => `the disk of ${volume.claim} has to be moved from ${from} to ${node.name}, which takes ${formatDuration(us * this.kube.diskFactor)}: its pod starts after that`)
    this.move(volume, disk, node, us)
  }

  private move(volume: Volume, disk: Disk, node: KubeNode, us: number): void {
    volume.moves += 1
    volume.unwantedSinceUs = undefined
    volume.movingTo = node.name
    disk.attachedTo = undefined
    this.kube.sim.after(us * this.kube.diskFactor, () => {
      volume.movingTo = undefined
      disk.attachedTo = node.name
      this.kube.note(EVENT.diskAttached, volume.claim, 0, `disk of ${volume.claim} attached to ${node.name}`)
      this.reconsider()
    })
  }
}

