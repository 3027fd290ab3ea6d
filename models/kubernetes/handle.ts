import type { Disk } from '../../src/cluster/disk.ts'
import type { Machine } from '../../src/cluster/machine.ts'
import type { ContainerHandle, Image } from './container.ts'
import type { ContainerSpec } from './objects.ts'
import type { PodView } from './pod.ts'
import type { Worker } from './worker.ts'

/** The handle that a program gets; all it does is ask the kubelet's worker. */
export class Container implements ContainerHandle {
  running = true
  stopping = false
  readonly listeners: (() => void)[] = []

  constructor(
    private readonly worker: Worker,
    readonly imageUsed: Image,
    readonly incarnation: number,
    readonly atBoot: boolean,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  get pod(): PodView {
    return this.worker.pod
  }

  get image(): string {
    return this.worker.pod.image
  }

  get container(): ContainerSpec {
    return this.worker.pod.main
  }

  get machine(): Machine {
    return this.worker.node.machine
  }

  volume(mountName: string): Disk | undefined {
    return this.worker.disks.get(mountName)
  }

  configFile(mountName: string, file: string): string | undefined {
    return this.worker.mounts.file(mountName, file)
  }

  onConfigChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  exited(code: number): void {
    this.worker.exited(this, code)
  }

  readinessChanged(): void {
    this.worker.readinessChanged(this)
  }
}
