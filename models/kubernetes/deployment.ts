/** The Deployment controller, with its ReplicaSets folded in as revisions (rules K8S-DEPLOYMENT-…): enough for stateless pods such as poolers. */
import { NEVER, SECOND, type Us } from '../../src/kernel/index.ts'
import type { Kubernetes } from './kubernetes.ts'
import { copy, countOrShare, type DeploymentSpec, type KubeObject, type PodTemplate } from './objects.ts'
import type { Pod } from './pod.ts'
import { RevisionBook, type Revisions, safeHash } from './revisions.ts'

/** How far a rollout has come, and since when no further. */
interface Progress {
  readonly revision: string
  readonly updated: number
  readonly old: number
  readonly ready: number
  readonly available: number
  readonly sinceUs: Us
  readonly done: boolean
}

/** progressDeadlineSeconds of a Deployment that names none. */
const PROGRESS_SECONDS = 600

export class Deployments {
  private readonly revisions = new RevisionBook()
  private readonly progress = new Map<string, Progress>()

  constructor(private readonly kube: Kubernetes) {
    kube.controllers.register('Deployment', key => this.reconcile(key))
  }

  revisionsOf(key: string, spec: DeploymentSpec): Revisions {
    return this.revisions.of(key, spec.template)
  }

  forget(key: string): void {
    this.revisions.forget(key)
    this.progress.delete(key)
  }

  /** When a rollout that gets no further counts as failed (rule K8S-DEPLOYMENT-4); NEVER for one that is done or paused. */
  overdueUs(key: string, spec: DeploymentSpec): Us {
    const progress = this.progress.get(key)
    if (progress === undefined || progress.done || spec.paused === true || progress.revision !== this.revisionsOf(key, spec).update) return NEVER
    return progress.sinceUs + (spec.progressDeadlineSeconds ?? PROGRESS_SECONDS) * SECOND
  }

  /** Ready for minReadySeconds. Where that is still to come the controller looks again then. */
  private availableOf(pods: readonly Pod[], key: string, minReadySeconds: number): ReadonlySet<Pod> {
    if (minReadySeconds === 0) return new Set(pods.filter(p => p.ready))
    let nextUs = NEVER
    const available = new Set<Pod>()
    for (const pod of pods) {
      const fromUs = pod.availableUs(minReadySeconds)
      if (fromUs <= this.kube.sim.now) available.add(pod)
      else nextUs = Math.min(nextUs, fromUs)
    }
    if (nextUs !== NEVER) {
      this.kube.sim.call(nextUs, () => {
        this.kube.controllers.enqueue('Deployment', key)
        this.kube.touched()
      })
    }
    return available
  }

  private observe(key: string, now: Omit<Progress, 'sinceUs'>): void {
    const last = this.progress.get(key)
    const same = last !== undefined && last.revision === now.revision
    const further = !same || now.updated > last.updated || now.old < last.old || now.ready > last.ready || now.available > last.available
    this.progress.set(key, { ...now, done: now.done || (same && last.done), sinceUs: further ? this.kube.sim.now : last.sinceUs })
  }

  private reconcile(key: string): void {
    const object = this.kube.store.get('Deployment', key)
    if (object === undefined) return
    const spec = object.spec as unknown as DeploymentSpec
    const revisions = this.revisionsOf(key, spec)
    const replicas = spec.replicas ?? 1
    const living = this.kube.pods$.ownedBy('Deployment', key).filter(p => !p.terminating && !p.finished)
    const fresh = living.filter(p => p.labels['pod-template-hash'] === revisions.update)
    const old = living.filter(p => p.labels['pod-template-hash'] !== revisions.update)
    const available = this.availableOf(living, key, spec.minReadySeconds ?? 0)
    const done = old.length === 0 && fresh.length === replicas && fresh.every(p => available.has(p))
    this.observe(key, { revision: revisions.update, updated: fresh.length, old: old.length, ready: living.filter(p => p.ready).length, available: available.size, done })
    if (spec.paused === true) return this.scaleOnly(object, key, living, replicas, revisions)
    const recreate = spec.strategy?.type === 'Recreate'
    const surge = recreate ? 0 : countOrShare(spec.strategy?.rollingUpdate?.maxSurge, replicas, '25%', 'up')
    let away = recreate ? replicas : countOrShare(spec.strategy?.rollingUpdate?.maxUnavailable, replicas, '25%', 'down')
    if (!recreate && surge === 0 && away === 0) away = 1
    // Surplus goes first.
    for (const pod of leavingOrder(fresh, living).slice(0, Math.max(0, fresh.length - replicas))) this.kube.pods$.delete(pod)
    if (recreate && old.length > 0) {
      for (const pod of old) this.kube.pods$.delete(pod)
      return
    }
    if (recreate && this.kube.pods$.ownedBy('Deployment', key).some(p => p.terminating && p.labels['pod-template-hash'] !== revisions.update)) return
    const room = Math.min(replicas - fresh.length, replicas + surge - living.length)
    for (let i = 0; i < room; i++) this.createPod(object, spec.template, key, revisions.update)
    this.retire(old, living, available, replicas - away, revisions)
    if (done) revisions.current = revisions.update
  }

  /** A paused Deployment keeps its number of pods and rolls nothing: what is missing comes back as it was (rule K8S-DEPLOYMENT-2). */
  private scaleOnly(object: KubeObject, key: string, living: readonly Pod[], replicas: number, revisions: Revisions): void {
    for (const pod of leavingOrder(living, living).slice(0, Math.max(0, living.length - replicas))) this.kube.pods$.delete(pod)
    for (let i = living.length; i < replicas; i++) this.createPod(object, revisions.template(revisions.current), key, revisions.current)
  }

  /** Deletes old pods as far as enough stay available: the unready of all revisions cost nothing, the others go revision by revision, the oldest first. */
  private retire(old: readonly Pod[], living: readonly Pod[], available: ReadonlySet<Pod>, minimum: number, revisions: Revisions): void {
    let spare = available.size - minimum
    const age = (pod: Pod): number => revisions.history.indexOf(pod.labels['pod-template-hash'] ?? '')
    for (const pod of leavingOrder(old, living).sort((a, b) => Number(available.has(a)) - Number(available.has(b)) || age(a) - age(b))) {
      if (available.has(pod) && spare <= 0) return
      if (available.has(pod)) spare -= 1
      this.kube.pods$.delete(pod)
    }
  }

  private createPod(object: KubeObject, template: PodTemplate, key: string, hash: string): void {
    const name = object.metadata.name
    const nth = this.kube.count(`Deployment/${key}/pods`)
    this.kube.pods$.create({
      name: `${name}-${hash}-${safeHash(`${key}/${hash}/${nth}`, 5)}`,
      namespace: object.metadata.namespace ?? this.kube.options.namespace,
      labels: { ...template.metadata?.labels, 'pod-template-hash': hash },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: copy(template.metadata.annotations) }),
      spec: template.spec,
      owner: { kind: 'Deployment', name, uid: this.kube.store.entry('Deployment', key)?.uid ?? '' },
    })
  }
}

/** In which order a ReplicaSet lets pods go (rule K8S-DEPLOYMENT-3): unplaced, not yet running, unready, of several on one node, ready for the shortest time, restarted most often, youngest. */
function leavingOrder(pods: readonly Pod[], living: readonly Pod[]): Pod[] {
  const beside = (pod: Pod): number => (pod.node === undefined ? 0 : living.filter(other => other.node === pod.node).length)
  const rank = new Map(pods.map(pod => [pod, beside(pod)]))
  return pods.slice().sort((a, b) =>
    Number(a.node !== undefined) - Number(b.node !== undefined) || Number(a.phase === 'Running') - Number(b.phase === 'Running') || Number(a.ready) - Number(b.ready) ||
    (rank.get(b) as number) - (rank.get(a) as number) || (a.ready ? b.readyChangedUs - a.readyChangedUs : 0) || b.restarts - a.restarts || b.createdUs - a.createdUs)
}
