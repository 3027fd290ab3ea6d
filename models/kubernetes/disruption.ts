/** PodDisruptionBudgets and the eviction API (rules K8S-PDB-…). */
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import { countOrShare, type LabelSelector, selects } from './objects.ts'
import type { Pod } from './pod.ts'

interface BudgetSpec {
  selector?: LabelSelector
  minAvailable?: number | string
  maxUnavailable?: number | string
  unhealthyPodEvictionPolicy?: 'IfHealthyBudget' | 'AlwaysAllow'
}

export interface Budget {
  readonly name: string
  readonly expected: number
  readonly healthy: number
  readonly desired: number
  readonly allowed: number
  readonly policy: string
}

/** Why the eviction API does not delete a pod. `final`: an error, which nobody tries again (rule K8S-PDB-3); else 429, to be tried later. */
export interface Refusal {
  readonly message: string
  readonly final: boolean
}

const VIOLATED: Refusal = { message: "Cannot evict pod as it would violate the pod's disruption budget.", final: false }
const MORE_THAN_ONE: Refusal = { message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.', final: true }

export class Disruption {
  /** Budgets of a fault: whatever else covers a pod, they say “not now”. */
  readonly blocking = new Set<string>()

  constructor(private readonly kube: Kubernetes) {}

  /** The state of one budget at this instant. */
  budget(key: string): Budget | undefined {
    const object = this.kube.store.get('PodDisruptionBudget', key)
    if (object === undefined) return undefined
    const spec = (object.spec ?? {}) as BudgetSpec
    const covered = this.kube.pods$.list().filter(p => p.namespace === (object.metadata.namespace ?? this.kube.options.namespace) && selects(spec.selector, p.labels) && !p.finished)
    const expected = this.expected(covered)
    const healthy = covered.filter(p => p.healthy).length
    const desired = spec.minAvailable !== undefined ? countOrShare(spec.minAvailable, expected, 0, 'up') : expected - countOrShare(spec.maxUnavailable, expected, 1, 'up')
    return {
      name: object.metadata.name,
      expected,
      healthy,
      desired: Math.max(0, desired),
      allowed: expected <= 0 ? 0 : Math.max(0, healthy - Math.max(0, desired)),
      policy: spec.unhealthyPodEvictionPolicy ?? 'IfHealthyBudget',
    }
  }

  /** Asks the eviction API to delete a pod. Gives its refusal, or undefined when it is being deleted. */
  evict(pod: Pod, graceSeconds?: number): Refusal | undefined {
    const refusal = this.refusal(pod)
    if (refusal !== undefined) return refusal
    this.kube.note(EVENT.podEvicted, pod.name, 1, `${pod.name} is evicted`)
    this.kube.pods$.delete(pod, graceSeconds)
    return undefined
  }

  /** Whether an eviction of the pod at this instant would end otherwise than in “try again later”. */
  answers(pod: Pod): boolean {
    return this.refusal(pod)?.final !== false
  }

  private refusal(pod: Pod): Refusal | undefined {
    if (pod.phase === 'Pending' || pod.terminating || pod.finished) return undefined
    const over: string[] = []
    for (const [key, { object }] of this.kube.store.entries('PodDisruptionBudget')) {
      const selector = (object.spec as BudgetSpec | undefined)?.selector
      if ((object.metadata.namespace ?? this.kube.options.namespace) === pod.namespace && selects(selector, pod.labels)) over.push(key)
    }
    if (over.some(key => this.blocking.has(key))) return VIOLATED
    if (over.length > 1) return MORE_THAN_ONE
    if (over[0] === undefined) return undefined
    const budget = this.budget(over[0]) as Budget
    // An unready pod takes nothing from the budget as long as the healthy ones suffice.
    if (!pod.ready && (budget.policy === 'AlwaysAllow' || (budget.healthy >= budget.desired && budget.desired > 0))) return undefined
    return budget.allowed < 1 ? VIOLATED : undefined
  }

  /** How many pods there should be: what their controllers ask for, plus those without one. */
  private expected(covered: readonly Pod[]): number {
    const owners = new Set<string>()
    let total = 0
    for (const pod of covered) {
      if (pod.owner === undefined) {
        total += 1
        continue
      }
      const key = this.kube.key(pod.owner.name, pod.namespace)
      const owner = `${pod.owner.kind}/${key}`
      if (owners.has(owner)) continue
      owners.add(owner)
      const replicas = this.kube.store.get(pod.owner.kind, key)?.spec?.replicas
      total += typeof replicas === 'number' ? replicas : this.kube.pods$.ownedBy(pod.owner.kind, key).length
    }
    return total
  }
}
