import { Disk } from '../../src/cluster/disk.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { KubeNode } from './node.ts'
import type { Pod } from './pod.ts'

/** The disks that a pod's volume mounts mean: its claims', and scratch ones that live as long as the pod. */
export class PodDisks {
  private readonly scratch = new Map<string, Disk>()

  constructor(
    private readonly kube: Kubernetes,
    private readonly node: KubeNode,
    private readonly pod: Pod,
  ) {}

  /** The disk behind a volume or mount of that name; undefined when the pod has none such, or it holds configuration. */
  get(mountName: string): Disk | undefined {
    const { kube, node, pod } = this
    const volume = pod.spec.volumes?.find(v => v.name === mountName)
    if (volume?.persistentVolumeClaim !== undefined) return kube.volumes.disk(pod.prefix + volume.persistentVolumeClaim.claimName)
    const declared = volume !== undefined || (pod.main.volumeMounts?.some(m => m.name === mountName) ?? false)
    if (!declared || volume?.configMap !== undefined || volume?.secret !== undefined) return undefined
    let disk = this.scratch.get(mountName)
    if (disk === undefined) {
      disk = new Disk(kube.sim, `${pod.name}-${mountName}-${pod.uid}`, node.zone, kube.options.diskBytesPerSecond)
      disk.attachedTo = node.name
      this.scratch.set(mountName, disk)
    }
    return disk
  }
}
