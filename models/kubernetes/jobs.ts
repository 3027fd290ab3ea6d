/** Jobs and CronJobs: a Job runs its pod to completion (rules K8S-JOB-…). A Job created with a status keeps it: it ran before the story. */
import type { Kubernetes } from './kubernetes.ts'
import type { PodTemplate } from './objects.ts'
import { timestamp } from './objects.ts'
import { safeHash } from './revisions.ts'

interface JobSpec {
  template?: PodTemplate
  backoffLimit?: number
}

export class Jobs {
  constructor(private readonly kube: Kubernetes) {
    kube.controllers.register('Job', key => this.reconcile(key))
  }

  private reconcile(key: string): void {
    const entry = this.kube.store.entry('Job', key)
    if (entry === undefined) return
    const job = entry.object
    const status = job.status ?? {}
    if (status.completionTime !== undefined || status.failed !== undefined) return
    const spec = (job.spec ?? {}) as JobSpec
    if (spec.template === undefined) return
    const pods = this.kube.pods$.ownedBy('Job', key)
    const now = timestamp(this.kube.sim.now)
    const startTime = status.startTime ?? now
    if (pods.some(p => p.phase === 'Succeeded')) {
      job.status = { startTime, completionTime: now, succeeded: 1, conditions: [{ type: 'Complete', status: 'True' }] }
      return this.kube.touched()
    }
    const failures = pods.filter(p => p.phase === 'Failed').length
    if (failures > (spec.backoffLimit ?? 6)) {
      job.status = { startTime, failed: failures, conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] }
      return this.kube.touched()
    }
    if (pods.some(p => !p.finished)) return
    job.status = { startTime, active: 1 }
    const namespace = job.metadata.namespace ?? this.kube.options.namespace
    this.kube.pods$.create({
      name: `${job.metadata.name}-${safeHash(`${entry.uid}/${failures}`, 5)}`,
      namespace,
      labels: { ...spec.template.metadata?.labels, 'job-name': job.metadata.name, 'batch.kubernetes.io/job-name': job.metadata.name },
      spec: { restartPolicy: 'Never', ...spec.template.spec },
      owner: { kind: 'Job', name: job.metadata.name, uid: entry.uid },
    })
  }
}
