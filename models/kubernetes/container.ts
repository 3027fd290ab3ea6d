/** What the engine models implement (images, programs) and what they are given (a container's handle). */
import type { Disk } from '../../src/cluster/disk.ts'
import type { Machine } from '../../src/cluster/machine.ts'
import type { Process, Us } from '../../src/kernel/index.ts'
import type { CommandRegistry } from '../../src/operator/command.ts'
import type { ContainerSpec } from './objects.ts'
import type { PodView } from './pod.ts'

/** One incarnation of a pod's main container: from process start to process end. */
export interface ContainerHandle {
  readonly pod: PodView
  readonly image: string
  /** The image that the node really has under that name. */
  readonly imageUsed: Image
  readonly container: ContainerSpec
  readonly env: Readonly<Record<string, string>>
  readonly machine: Machine
  /** 0 for the first start of this pod, 1 after its first restart, … */
  readonly incarnation: number
  /** It was brought up before the story began: the program should be in its steady state at once, taking no time. */
  readonly atBoot: boolean
  /** The process has not ended, as far as the kubelet knows. */
  readonly running: boolean
  /** A stop signal has been sent (and, for KILL, the process must be gone by the end of the same instant). */
  readonly stopping: boolean
  /** The disk behind that volume mount: the PVC's, or one that lives as long as the pod. Undefined when the pod has no such volume. */
  volume(mountName: string): Disk | undefined
  /** A key of a ConfigMap or Secret volume as mounted at this instant (see rule K8S-CONFIG-1). */
  configFile(mountName: string, file: string): string | undefined
  onConfigChange(listener: () => void): void
  /** The program says that its process ended. After a KILL it is assumed, and saying so again does no harm. */
  exited(code: number): void
  /** The program says that what a readiness probe would see may have changed. */
  readinessChanged(): void
}

/** Where volumes are mounted in a container. */
export function mountPaths({ container }: Pick<ContainerHandle, 'container'>): readonly string[] {
  return (container.volumeMounts ?? []).flatMap(({ mountPath, subPath }) => (mountPath === undefined || subPath !== undefined ? [] : [mountPath.replace(/\/+$/, '')]))
}

/** What an image does when it runs. One object serves all containers of the image. */
export interface ContainerProgram {
  start(c: ContainerHandle): void
  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void
  ready(c: ContainerHandle): boolean
  /** Init containers as one process; an exit code other than 0 is retried with back-off. */
  init?(c: ContainerHandle): Process<number>
  /** What `kubectl exec` finds inside. */
  programs(c: ContainerHandle): CommandRegistry
  machineLost(c: ContainerHandle): void
  /** @param sinceUs lines of that instant and later; undefined = all */
  logs?(c: ContainerHandle, sinceUs?: Us): string
}

/** The lines that a container logged, each with its instant. */
export class LogBook {
  readonly lines: string[] = []
  private readonly timesUs: Us[] = []

  constructor(private readonly nowUs: () => Us) {}

  add(line: string): void {
    this.lines.push(line)
    this.timesUs.push(this.nowUs())
  }

  since(us: Us): string {
    return this.lines.filter((_line, i) => (this.timesUs[i] as Us) >= us).join('\n')
  }
}

export interface Image {
  readonly name: string
  readonly stopSignal: 'TERM' | 'INT' | 'QUIT'
  readonly program: ContainerProgram
  readonly versions: Readonly<Record<string, string>>
  /** The user that `kubectl exec` gets. */
  readonly user: string
  /** What the image sets (ENV); the pod's own values come over it. */
  readonly env?: Readonly<Record<string, string>>
}
