import { NEVER, SECOND, type Us } from '../../src/kernel/index.ts'
import type { ContainerSpec, Labels, PodSpec } from './objects.ts'
import type { Worker } from './worker.ts'

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'

/** A pod as the API server shows it at this instant (the kubelet may know better, and the process better still). A live view: read it, keep the uid. */
export interface PodView {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly labels: Readonly<Labels>
  readonly phase: PodPhase
  readonly ready: boolean
  /** The node it is bound to, once it is scheduled. */
  readonly node: string | undefined
  readonly podIP: string | undefined
  readonly terminating: boolean
  /** The object is no longer in the API; its process may still run (force deletion). */
  readonly removed: boolean
  readonly restarts: number
  readonly containerState: 'waiting' | 'running' | 'terminated'
  /** Why it waits or ended: ContainerCreating, ImagePullBackOff, CrashLoopBackOff, Completed, Error, … */
  readonly reason: string
  /** When its container was last started, as its node's clock has it; undefined = never. */
  readonly startedUs: Us | undefined
  readonly image: string
  /** kubelet version of its node. */
  readonly nodeVersion: string | undefined
  readonly owner: { readonly kind: string; readonly name: string } | undefined
  readonly spec: PodSpec
}

/** The API object of a pod. Spec as plain JSON, status as fields: the JSON of a status is built when it is printed. */
export class Pod implements PodView {
  labels: Labels
  annotations: Record<string, string> = {}
  phase: PodPhase = 'Pending'
  ready = false
  node: string | undefined
  podIP: string | undefined
  restarts = 0
  containerState: 'waiting' | 'running' | 'terminated' = 'waiting'
  reason = ''
  message = ''
  exitCode = 0
  lastExitCode: number | undefined
  readyChangedUs: Us
  startedUs: Us | undefined
  deletedUs: Us | undefined
  graceSeconds: number | undefined
  removed = false
  resourceVersion = 0
  owner: { kind: string; name: string; uid: string } | undefined
  nodeVersionOf: (node: string) => string | undefined = () => undefined
  private claimKeys: string[] | undefined
  /** What turns a name of its namespace into a key: empty in the default namespace, `namespace/` elsewhere. */
  prefix = ''
  /** The kubelet's side, from binding on. */
  worker: Worker | undefined
  /** How many pods of this name there have been before this one. */
  readonly nth: number

  constructor(
    readonly name: string,
    readonly namespace: string,
    readonly uid: string,
    labels: Labels,
    readonly spec: PodSpec,
    readonly createdUs: Us,
    nth: number,
  ) {
    this.labels = labels
    this.readyChangedUs = createdUs
    this.nth = nth
  }

  get terminating(): boolean {
    return this.deletedUs !== undefined
  }

  get main(): ContainerSpec {
    return this.spec.containers[0] as ContainerSpec
  }

  get image(): string {
    return this.main.image
  }

  get nodeVersion(): string | undefined {
    return this.node === undefined ? undefined : this.nodeVersionOf(this.node)
  }

  /** Keys of the claims it mounts. */
  get claims(): readonly string[] {
    if (this.claimKeys === undefined) {
      this.claimKeys = []
      for (const v of this.spec.volumes ?? []) if (v.persistentVolumeClaim !== undefined) this.claimKeys.push(this.prefix + v.persistentVolumeClaim.claimName)
    }
    return this.claimKeys
  }

  get healthy(): boolean {
    return this.phase === 'Running' && this.ready && !this.terminating
  }

  /** From when on it is available: Ready for so long. */
  availableUs(minReadySeconds = 0): Us {
    return this.healthy ? this.readyChangedUs + minReadySeconds * SECOND : NEVER
  }

  get finished(): boolean {
    return this.phase === 'Succeeded' || this.phase === 'Failed'
  }
}
