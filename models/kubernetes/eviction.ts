/** Emptying a node by the eviction API: what `kubectl drain` and a node pool upgrade have in common (rules K8S-DRAIN-…). */
import { NEVER, type Process, SECOND, TIMED_OUT, type Us, within } from '../../src/kernel/index.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { Pod } from './pod.ts'

export interface Emptied {
  /** In the order in which they went. */
  readonly gone: readonly Pod[]
  /** Being deleted, but not gone when time ran out. */
  readonly terminating: readonly Pod[]
  /** Refused by a disruption budget to the end. */
  readonly refused: readonly Pod[]
  /** Refused with an error that nobody tries again, and what it says (rule K8S-PDB-3). */
  readonly failed: ReadonlyMap<Pod, string>
  /** What kubectl says on the way. */
  readonly out: string
  readonly err: string
}

interface Attempt {
  readonly pod: Pod
  evicted: boolean
  tries: number
}

/**
 * Evicts all of `pods` at once, tries refused ones again every few seconds, and waits until all are gone or `deadlineUs` (an instant) has come. One that cannot be evicted
 * at all is given up, and the others are waited for.
 * Nothing runs between two changes of the cluster: a retry that could not go otherwise is only counted.
 */
export function* empty(kube: Kubernetes, pods: readonly Pod[], graceSeconds: number | undefined, deadlineUs: Us): Process<Emptied> {
  const attempts: Attempt[] = pods.map(pod => ({ pod, evicted: false, tries: 0 }))
  const gone: Pod[] = []
  const failed = new Map<Pod, string>()
  const retryUs = Math.max(1, kube.options.drainRetrySeconds * SECOND)
  const sinceUs = kube.sim.now
  let out = ''
  let err = ''
  for (;;) {
    for (const a of attempts) {
      if (a.evicted || a.pod.removed || failed.has(a.pod)) continue
      if (a.tries++ === 0) out += `evicting pod ${a.pod.namespace}/${a.pod.name}\n`
      const refusal = kube.disruption.evict(a.pod, graceSeconds)
      if (refusal === undefined) a.evicted = true
      else if (refusal.final) failed.set(a.pod, refusal.message)
      else if (a.tries === 1) err += `error when evicting pods/"${a.pod.name}" -n "${a.pod.namespace}" (will retry after ${kube.options.drainRetrySeconds}s): ${refusal.message}\n`
    }
    for (;;) {
      for (const a of attempts) {
        if (!a.pod.removed || gone.includes(a.pod)) continue
        gone.push(a.pod)
        out += `pod/${a.pod.name} evicted\n`
      }
      const left = attempts.filter(a => !a.pod.removed && !failed.has(a.pod))
      if (left.length === 0 || kube.sim.now >= deadlineUs) return { gone, terminating: left.filter(a => a.evicted).map(a => a.pod), refused: left.filter(a => !a.evicted).map(a => a.pod), failed, out, err }
      const woken = yield within(kube.changed, deadlineUs === NEVER ? NEVER : deadlineUs - kube.sim.now)
      if (woken !== TIMED_OUT && attempts.some(a => !a.evicted && !a.pod.removed && !failed.has(a.pod) && kube.disruption.answers(a.pod))) break
    }
    // The next retry that kubectl makes anyway.
    const elapsed = kube.sim.now - sinceUs
    const tickUs = Math.ceil(elapsed / retryUs) * retryUs - elapsed
    yield Math.min(tickUs, Math.max(0, deadlineUs - kube.sim.now))
  }
}
