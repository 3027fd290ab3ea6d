/**
 * The StatefulSet controller: one pass of `updateStatefulSet` (pkg/controller/statefulset/stateful_set_control.go) per reconcile
 * (rules K8S-STATEFULSET-…). Each pass does the next allowed step and returns; the change it makes brings about the next pass.
 */
import { NEVER, SECOND } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import { copy, frozen, type KubeObject, type Labels, type PodSpec, type PodTemplate, type StatefulSetSpec } from './objects.ts'
import type { Pod } from './pod.ts'
import { RevisionBook, type Revisions } from './revisions.ts'

export class StatefulSets {
  private readonly revisions = new RevisionBook()
  /** Of each set the pod that its rollout waits for, as it was told last. */
  private readonly waitsFor = new Map<string, string>()

  constructor(private readonly kube: Kubernetes) {
    kube.controllers.register('StatefulSet', key => this.reconcile(key))
  }

  /** The revisions of a set, updated to its spec. */
  revisionsOf(key: string, spec: StatefulSetSpec): Revisions {
    return this.revisions.of(key, spec.template)
  }

  forget(key: string): void {
    this.revisions.forget(key)
  }

  private reconcile(key: string): void {
    const object = this.kube.store.get('StatefulSet', key)
    if (object === undefined) return
    const spec = object.spec as unknown as StatefulSetSpec
    const revisions = this.revisionsOf(key, spec)
    const replicas = spec.replicas ?? 1
    const live: (Pod | undefined)[] = new Array(replicas).fill(undefined)
    const condemned: Pod[] = []
    for (const pod of this.kube.pods$.ownedBy('StatefulSet', key)) {
      const ordinal = ordinalOf(pod)
      if (ordinal < replicas) live[ordinal] = pod
      else condemned.push(pod)
    }
    condemned.sort((a, b) => ordinalOf(b) - ordinalOf(a))
    const monotonic = spec.podManagementPolicy !== 'Parallel'
    this.tellOfWait(object, spec, revisions, live)
    if (this.fill(object, key, spec, revisions, live, monotonic) && this.shrink(object, live, condemned, monotonic)) this.roll(object, spec, revisions, live)
    this.complete(spec, revisions, live)
  }

  /** Creates missing pods from ordinal 0 up. False when the pass ends here. */
  private fill(object: KubeObject, key: string, spec: StatefulSetSpec, revisions: Revisions, live: (Pod | undefined)[], monotonic: boolean): boolean {
    for (let ordinal = 0; ordinal < live.length; ordinal++) {
      const pod = live[ordinal]
      if (pod?.finished && !pod.terminating) {
        this.kube.pods$.delete(pod)
        if (monotonic) return false
        continue
      }
      if (pod === undefined) {
        live[ordinal] = this.createPod(object, spec, revisions, ordinal)
        if (monotonic) return false
        continue
      }
      if (monotonic && !this.available(pod, key, spec.minReadySeconds ?? 0)) return false
    }
    return true
  }

  /** Ready for minReadySeconds; else the controller looks again a second after that (rule K8S-STATEFULSET-9). */
  private available(pod: Pod, key: string, minReadySeconds: number): boolean {
    const fromUs = pod.availableUs(minReadySeconds)
    if (fromUs <= this.kube.sim.now || minReadySeconds === 0 || this.kube.booting) return pod.healthy
    if (fromUs !== NEVER) this.kube.sim.call(fromUs + SECOND, () => this.kube.controllers.enqueue('StatefulSet', key))
    return false
  }

  /** Deletes surplus pods from the highest ordinal down. False when the pass ends here. */
  private shrink(object: KubeObject, live: readonly (Pod | undefined)[], condemned: readonly Pod[], monotonic: boolean): boolean {
    const firstUnhealthy = [...live, ...condemned.slice().reverse()].find(p => p !== undefined && !p.healthy)
    for (const pod of condemned) {
      if (pod.terminating) {
        if (monotonic) return false
        continue
      }
      if (monotonic && !pod.healthy && pod !== firstUnhealthy) return false
      this.kube.note(EVENT.podDeleted, pod.name, 1, `pod ${pod.name} deleted: StatefulSet ${object.metadata.name} scales down from the highest ordinal`)
      this.kube.pods$.delete(pod)
      const spec = object.spec as unknown as StatefulSetSpec
      if (spec.persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete') for (const claim of pod.claims) this.kube.claims.delete(claim)
      if (monotonic) return false
    }
    return !monotonic || condemned.length === 0
  }

  /** RollingUpdate: replaces the highest pod of another revision, one at a time, each Ready before the next. */
  private roll(object: KubeObject, spec: StatefulSetSpec, revisions: Revisions, live: readonly (Pod | undefined)[]): void {
    if (spec.updateStrategy?.type === 'OnDelete') return
    const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0
    for (let ordinal = live.length - 1; ordinal >= partition; ordinal--) {
      const pod = live[ordinal] as Pod
      if (revisionOf(object, pod) !== revisions.update && !pod.terminating) {
        this.kube.note(EVENT.podDeleted, pod.name, 2, `pod ${pod.name} deleted: StatefulSet ${object.metadata.name} rolls to its new template, highest ordinal first`)
        this.kube.pods$.delete(pod)
        return
      }
      if (!pod.healthy) return
    }
  }

  /** For whoever reads the trace: why pods of the old revision are not replaced. */
  private tellOfWait(object: KubeObject, spec: StatefulSetSpec, revisions: Revisions, live: readonly (Pod | undefined)[]): void {
    const { sim } = this.kube
    if (sim.records === undefined || spec.updateStrategy?.type === 'OnDelete') return
    const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0
    const behind = live.filter((pod): pod is Pod => pod !== undefined && ordinalOf(pod) >= partition && revisionOf(object, pod) !== revisions.update && !pod.terminating)
    const missing = live.find((pod): pod is Pod => pod !== undefined && !pod.healthy && !behind.includes(pod))
    const set = object.metadata.name
    if (behind.length === 0 || missing === undefined || this.waitsFor.get(set) === missing.name) {
      if (missing === undefined) this.waitsFor.delete(set)
      return
    }
    this.waitsFor.set(set, missing.name)
    for (const pod of behind) sim.tell(EVENT.rolloutWaits, pod.name, () => `StatefulSet ${set} does not replace ${pod.name} before ${missing.name} is Ready`)
  }

  private complete(spec: StatefulSetSpec, revisions: Revisions, live: readonly (Pod | undefined)[]): void {
    if (spec.updateStrategy?.type === 'OnDelete' || revisions.current === revisions.update) return
    const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0
    if (partition > 0) return
    if (!live.every(p => p !== undefined && p.healthy && p.labels['controller-revision-hash']?.endsWith(revisions.update))) return
    revisions.current = revisions.update
    // Who follows the rollout has seen the last pod become Ready before this; without a word it would wait for the next event, perhaps for ever.
    this.kube.touched()
  }

  private createPod(object: KubeObject, spec: StatefulSetSpec, revisions: Revisions, ordinal: number): Pod {
    const set = object.metadata.name
    const namespace = object.metadata.namespace ?? this.kube.options.namespace
    const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0
    const hash = spec.updateStrategy?.type !== 'OnDelete' && ordinal < partition ? revisions.current : revisions.update
    const template = revisions.template(hash)
    const form = formOf(spec, template, set, hash, ordinal)
    for (const { claimName, claimSpec } of form.claims) this.kube.claims.ensure(claimName, namespace, claimSpec)
    return this.kube.pods$.create({
      name: form.name,
      namespace,
      labels: form.labels,
      ...(template.metadata?.annotations === undefined ? {} : { annotations: copy(template.metadata.annotations) }),
      spec: form.spec,
      owner: { kind: 'StatefulSet', name: set, uid: this.kube.store.entry('StatefulSet', this.kube.key(set, namespace))?.uid ?? '' },
    })
  }
}

/** What a set's pod of one ordinal looks like under one template. */
interface PodForm {
  readonly template: PodTemplate
  readonly name: string
  readonly labels: Labels
  readonly spec: PodSpec
  readonly claims: readonly { readonly claimName: string; readonly claimSpec: Record<string, unknown> | undefined }[]
}

const forms = new WeakMap<StatefulSetSpec, PodForm[]>()

/** The form of a pod: where a set's spec and template are the same objects it is the same one, in this rehearsal or the next. */
function formOf(spec: StatefulSetSpec, template: PodTemplate, set: string, hash: string, ordinal: number): PodForm {
  let known = forms.get(spec)
  if (known === undefined) forms.set(spec, (known = []))
  const name = `${set}-${ordinal}`
  const before = known[ordinal]
  if (before !== undefined && before.template === template && before.name === name) return before
  const claims = (spec.volumeClaimTemplates ?? []).map(claim => ({ volume: claim.metadata.name, claimName: `${claim.metadata.name}-${name}`, claimSpec: claim.spec }))
  const volumes = [...(template.spec.volumes ?? []), ...claims.map(({ volume, claimName }) => ({ name: volume, persistentVolumeClaim: { claimName } }))]
  const form: PodForm = {
    template,
    name,
    labels: frozen({
      ...template.metadata?.labels,
      'apps.kubernetes.io/pod-index': String(ordinal),
      'controller-revision-hash': `${set}-${hash}`,
      'statefulset.kubernetes.io/pod-name': name,
    }),
    spec: frozen({ ...template.spec, volumes, hostname: name, ...(spec.serviceName === undefined ? {} : { subdomain: spec.serviceName }) }),
    claims,
  }
  known[ordinal] = form
  return form
}

/** The ordinal in a StatefulSet pod's name. */
export function ordinalOf(pod: { readonly name: string }): number {
  return Number(pod.name.slice(pod.name.lastIndexOf('-') + 1))
}

function revisionOf(object: KubeObject, pod: Pod): string | undefined {
  return pod.labels['controller-revision-hash']?.slice(object.metadata.name.length + 1)
}
