/** Which node a pod goes to, or why to none (rules K8S-SCHEDULE-…). */
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { KubeNode } from './node.ts'
import { type Labels, matchesTerm, type PodSpec, quantity, selects } from './objects.ts'
import type { Pod } from './pod.ts'

export class Scheduler {
  private readonly waiting = new Set<Pod>()
  private retrying = false

  constructor(private readonly kube: Kubernetes) {}

  add(pod: Pod): void {
    if (this.kube.booting) return this.place(pod)
    this.kube.sim.after(this.kube.drawUs('scheduleSeconds', pod.name, pod.nth), () => this.place(pod))
  }

  forget(pod: Pod): void {
    this.waiting.delete(pod)
  }

  /** Something changed that may let a waiting pod in. */
  retry(): void {
    if (this.waiting.size === 0 || this.retrying) return
    this.retrying = true
    this.kube.sim.after(this.kube.drawUs('scheduleSeconds', 'scheduler', this.kube.count('scheduler')), () => {
      this.retrying = false
      for (const pod of [...this.waiting]) this.place(pod)
    })
  }

  private place(pod: Pod): void {
    if (pod.removed || pod.terminating || pod.node !== undefined) return
    if (!this.kube.apiUp) {
      this.waiting.add(pod)
      return
    }
    const refusals = new Map<string, number>()
    const zone = this.kube.volumes.zoneOf(pod)
    const missing = pod.claims.find(claim => !this.kube.claims.exists(claim))
    const requests = requestsOf(pod)
    const { cpu, memory } = requests
    const { nodeCpu, nodeMemoryBytes } = this.kube.options
    const refuse = (why: string): void => void refusals.set(why, (refusals.get(why) ?? 0) + 1)
    const apart = this.takenDomains(pod)
    const spread = this.crowdedDomains(pod)
    const siblings = this.siblings(pod)
    let full = 0
    let best: KubeNode[] = []
    let bestScore = 0
    for (const node of this.candidates(pod)) {
      // Most machines of a fleet are full; why is only asked when none takes it.
      if (node.cpuUsed + cpu > nodeCpu || node.memoryUsed + memory > nodeMemoryBytes) {
        full += 1
        continue
      }
      const refusal = missing !== undefined ? `persistentvolumeclaim "${missing}" not found` : this.refuses(node, pod, zone, requests, apart, spread)
      if (refusal !== undefined) {
        refuse(refusal)
        continue
      }
      const score = scoreOf(node, siblings)
      if (best.length === 0 || score < bestScore) {
        best = [node]
        bestScore = score
      } else if (score === bestScore) best.push(node)
    }
    const chosen = this.chooseAmong(best, pod)
    if (chosen === undefined && full > 0) for (const node of this.candidates(pod)) if (this.full(node, requests)) refuse(missing === undefined ? (this.refuses(node, pod, zone, requests, apart, spread) as string) : `persistentvolumeclaim "${missing}" not found`)
    if (chosen === undefined) return this.unschedulable(pod, refusals)
    this.waiting.delete(pod)
    pod.reason = ''
    pod.message = ''
    this.kube.pods$.bind(pod, chosen.name)
  }

  /** A pod that names its node is looked for nowhere else. */
  private candidates(pod: Pod): readonly KubeNode[] {
    const named = pod.spec.nodeName === undefined ? undefined : this.kube.nodes.get(pod.spec.nodeName)
    return named === undefined ? this.kube.nodes$.list() : [named]
  }

  private unschedulable(pod: Pod, refusals: ReadonlyMap<string, number>): void {
    const reasons = [...refusals].map(([why, n]) => `${n} ${why}`).sort().join(', ')
    const message = `0/${this.kube.nodes.size} nodes are available: ${reasons}.`
    this.waiting.add(pod)
    if (pod.message === message) return
    pod.reason = 'Unschedulable'
    pod.message = message
    this.kube.note(EVENT.podUnschedulable, pod.name, 0, `${pod.name} is Pending: ${message}`)
  }

  private full(node: KubeNode, { cpu, memory }: Requests): boolean {
    const { nodeCpu, nodeMemoryBytes } = this.kube.options
    return node.cpuUsed + cpu > nodeCpu || node.memoryUsed + memory > nodeMemoryBytes
  }

  /** Why the node does not take the pod, in the scheduler's words; undefined if it does. */
  private refuses(node: KubeNode, pod: Pod, zone: string | undefined, requests: Requests, apart: readonly TakenDomains[], spread: readonly CrowdedDomains[]): string | undefined {
    const spec = pod.spec
    if (spec.nodeName !== undefined && spec.nodeName !== node.name) return "node(s) didn't match the requested node name"
    if (node.unschedulable && !tolerates(pod, 'node.kubernetes.io/unschedulable', undefined, 'NoSchedule')) return 'node(s) were unschedulable'
    if (node.ready !== 'True') return 'node(s) had untolerated taint {node.kubernetes.io/unreachable: }'
    for (const t of node.taints) {
      if (t.effect !== 'PreferNoSchedule' && !tolerates(pod, t.key, t.value, t.effect)) return `node(s) had untolerated taint {${t.key}: ${t.value ?? ''}}`
    }
    if (!wants(spec, node.labels)) return "node(s) didn't match Pod's node affinity/selector"
    if (zone !== undefined && zone !== node.zone) return 'node(s) had volume node affinity conflict'
    if (node.podCount >= this.kube.options.podsPerNode) return 'Too many pods'
    if (node.cpuUsed + requests.cpu > this.kube.options.nodeCpu) return 'Insufficient cpu'
    if (node.memoryUsed + requests.memory > this.kube.options.nodeMemoryBytes) return 'Insufficient memory'
    for (const { key, taken } of apart) if (taken.has(domain(node.labels, key))) return "node(s) didn't match pod anti-affinity rules"
    for (const { key, crowded } of spread) {
      const there = domain(node.labels, key)
      if (there === undefined) return "node(s) didn't match pod topology spread constraints (missing required label)"
      if (crowded.has(there)) return "node(s) didn't match pod topology spread constraints"
    }
    return undefined
  }

  /**
   * Domains in which one more pod would be more than maxSkew above the emptiest. Nodes that the pod may not go to by selector or affinity do not count, cordoned and tainted ones do
   * (nodeTaintsPolicy Ignore), and so do their pods (rule K8S-SCHEDULE-3).
   */
  private crowdedDomains(pod: Pod): readonly CrowdedDomains[] {
    return (pod.spec.topologySpreadConstraints ?? []).filter(c => c.whenUnsatisfiable !== 'ScheduleAnyway').map(c => {
      const counts = new Map<string, number>()
      for (const node of this.kube.nodes$.list()) {
        const there = domain(node.labels, c.topologyKey)
        if (there === undefined || !wants(pod.spec, node.labels)) continue
        if (c.nodeTaintsPolicy === 'Honor' && (node.unschedulable || node.taints.some(t => t.effect !== 'PreferNoSchedule' && !tolerates(pod, t.key, t.value, t.effect)))) continue
        counts.set(there, counts.get(there) ?? 0)
      }
      const alike = (other: Pod): boolean => selects(c.labelSelector, other.labels) && (c.matchLabelKeys ?? []).every(key => other.labels[key] === pod.labels[key])
      for (const other of this.kube.pods$.list()) {
        if (other === pod || other.node === undefined || other.terminating || other.namespace !== pod.namespace || !alike(other)) continue
        const labels = this.kube.nodes.get(other.node)?.labels
        const there = labels === undefined || !wants(pod.spec, labels) ? undefined : domain(labels, c.topologyKey)
        if (there !== undefined && counts.has(there)) counts.set(there, (counts.get(there) as number) + 1)
      }
      const least = counts.size < (c.minDomains ?? 1) ? 0 : Math.min(...counts.values())
      const own = alike(pod) ? 1 : 0
      return { key: c.topologyKey, crowded: new Set([...counts].filter(([, n]) => n + own - least > c.maxSkew).map(([there]) => there)) }
    })
  }

  /** Where pods run that this one must keep away from. */
  private takenDomains(pod: Pod): readonly TakenDomains[] {
    const terms = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution
    return (terms ?? []).map(({ topologyKey: key, labelSelector }) => {
      const taken = new Set<string | undefined>()
      for (const other of this.kube.pods$.list()) {
        if (other === pod || other.node === undefined || other.finished || !selects(labelSelector, other.labels)) continue
        const there = this.kube.nodes.get(other.node)
        if (there !== undefined) taken.add(domain(there.labels, key))
      }
      return { key, taken }
    })
  }

  /** Among equally good nodes a keyed draw decides: nobody draws for the others. */
  private chooseAmong(nodes: readonly KubeNode[], pod: Pod): KubeNode | undefined {
    let [chosen] = nodes
    if (nodes.length <= 1) return chosen
    let lowest = Number.POSITIVE_INFINITY
    for (const node of nodes) {
      const lot = this.kube.sim.chance.draw(`${pod.name}/${node.name}`, 'kubernetes.schedule', pod.nth)
      if (lot >= lowest) continue
      chosen = node
      lowest = lot
    }
    return chosen
  }

  /** How many pods of the same owner there are on each node, and in each zone. */
  private siblings(pod: Pod): Siblings {
    const on = new Map<string, number>()
    const zones = new Map<string | undefined, number>()
    if (pod.owner !== undefined) {
      for (const other of this.kube.pods$.ownedBy(pod.owner.kind, this.kube.key(pod.owner.name, pod.namespace))) {
        if (other === pod || other.node === undefined || other.terminating) continue
        on.set(other.node, (on.get(other.node) ?? 0) + 1)
        const there = this.kube.nodes.get(other.node)
        if (there !== undefined) zones.set(there.zone, (zones.get(there.zone) ?? 0) + 1)
      }
    }
    return { on, zones }
  }
}

interface TakenDomains {
  readonly key: string
  readonly taken: ReadonlySet<string | undefined>
}

interface CrowdedDomains {
  readonly key: string
  readonly crowded: ReadonlySet<string>
}

interface Siblings {
  readonly on: ReadonlyMap<string, number>
  readonly zones: ReadonlyMap<string | undefined, number>
}

/** Lower is better: siblings of the same owner on the node, then in its zone, then load. */
function scoreOf(node: KubeNode, { on, zones }: Siblings): number {
  const here = on.get(node.name) ?? 0
  return here * 1_000_000 + ((zones.get(node.zone) ?? 0) - here) * 10_000 + node.podCount * 10
}

interface Requests {
  readonly cpu: number
  readonly memory: number
}

const requested = new WeakMap<PodSpec, Requests>()

/** What the containers of a pod ask for together: cores and bytes. */
function requestsOf(pod: Pod): Requests {
  let requests = requested.get(pod.spec)
  if (requests === undefined) requested.set(pod.spec, (requests = sumRequests(pod)))
  return requests
}

function sumRequests(pod: Pod): Requests {
  let cpu = 0
  let memory = 0
  for (const c of pod.spec.containers) {
    cpu += quantity(c.resources?.requests?.cpu)
    memory += quantity(c.resources?.requests?.memory)
  }
  return { cpu, memory }
}

/** Whether the pod's nodeSelector and required node affinity take a node of these labels. */
function wants(spec: PodSpec, labels: Labels): boolean {
  for (const key in spec.nodeSelector) if (labels[key] !== spec.nodeSelector[key]) return false
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  return terms === undefined || terms.some(t => (t.matchExpressions ?? []).every(e => matchesTerm(e, labels)))
}

function domain(labels: Labels, key: string): string | undefined {
  return labels[key]
}

function tolerates(pod: Pod, key: string, value: string | undefined, effect: string): boolean {
  return (pod.spec.tolerations ?? []).some(
    t => (t.key === undefined ? t.operator === 'Exists' : t.key === key) && (t.operator === 'Exists' || (t.value ?? '') === (value ?? '')) && (t.effect === undefined || t.effect === effect),
  )
}
