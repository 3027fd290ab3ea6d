/** Services: who is behind them, and when the data plane knows (rules K8S-SERVICE-…). Established connections are their clients' business. */
import type { TimerId } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Kubernetes } from './kubernetes.ts'
import { type KubeObject, matchesAll, type ServiceSpec } from './objects.ts'
import type { Pod, PodView } from './pod.ts'

interface Route {
  spec: ServiceSpec
  namespace: string
  /** The endpoints by the API server's view. */
  readonly wanted: Set<Pod>
  /** The data plane's view. */
  active: readonly Pod[]
  pending: TimerId | undefined
  changes: number
}

export type Routed = { readonly is: 'pod'; readonly pod: PodView } | { readonly is: 'no-endpoints' } | { readonly is: 'no-service' }

export class Services {
  private readonly routes = new Map<string, Route>()
  private readonly listeners: ((service: string) => void)[] = []
  /** What keeps the data plane from following, and the Services that wait for it. */
  private holds = 0
  private readonly held = new Set<string>()

  constructor(private readonly kube: Kubernetes) {}

  onRouteChange(listener: (service: string) => void): void {
    this.listeners.push(listener)
  }

  /** A Service object was created or changed. */
  changed(key: string, object: KubeObject): void {
    const spec = (object.spec ?? {}) as unknown as ServiceSpec
    let route = this.routes.get(key)
    if (route === undefined) {
      route = { spec, namespace: object.metadata.namespace ?? this.kube.options.namespace, wanted: new Set(), active: [], pending: undefined, changes: 0 }
      this.routes.set(key, route)
    }
    route.spec = spec
    let different = false
    for (const pod of this.kube.pods$.list()) different = this.consider(route, pod) || different
    if (different) this.propagate(key, route)
  }

  /** Endpoints and names stand still as the data plane has them now (rule K8S-SERVICE-4); returns how to let it follow again. */
  hold(): () => void {
    this.holds += 1
    let over = false
    return () => {
      if (over) return
      over = true
      this.holds -= 1
      if (this.holds > 0) return
      const keys = [...this.held]
      this.held.clear()
      for (const key of keys) {
        const route = this.routes.get(key)
        if (route !== undefined) this.propagate(key, route)
      }
    }
  }

  deleted(key: string): void {
    const route = this.routes.get(key)
    if (route === undefined) return
    if (route.pending !== undefined) this.kube.sim.cancel(route.pending)
    this.routes.delete(key)
    this.tell(key)
  }

  /** A pod's readiness, labels or existence changed. */
  podChanged(pod: Pod): void {
    for (const [key, route] of this.routes) if (this.consider(route, pod)) this.propagate(key, route)
  }

  route(key: string, client: string, nth: number): Routed {
    const route = this.routes.get(key)
    if (route === undefined) return { is: 'no-service' }
    const { active } = route
    if (active.length === 0) return { is: 'no-endpoints' }
    const i = active.length === 1 ? 0 : Math.floor(this.kube.sim.chance.draw(client, `kubernetes.route/${key}`, nth) * active.length)
    return { is: 'pod', pod: active[i] as Pod }
  }

  /** The data plane's endpoints. */
  active(key: string): readonly Pod[] {
    return this.routes.get(key)?.active ?? []
  }

  /** The API server's endpoints, as `kubectl get endpoints` shows them. */
  wanted(key: string): Pod[] {
    const route = this.routes.get(key)
    return route === undefined ? [] : [...route.wanted].sort(byName)
  }

  /** Why a Service has no endpoint, in words: what it selects, and what the pods that come nearest lack. */
  whyEmpty(key: string): string {
    const route = this.routes.get(key)
    if (route === undefined) return 'it does not exist'
    const selector = Object.entries(route.spec.selector ?? {})
    const wanted = selector.map(([label, value]) => `${label}=${value}`)
    const lacking = (pod: Pod) => wanted.filter((_, i) => pod.labels[(selector[i] as [string, string])[0]] !== (selector[i] as [string, string])[1])
    const pods = this.kube.pods$.list().filter(pod => pod.namespace === route.namespace && !pod.removed && !pod.finished)
    const fewest = Math.min(...pods.map(pod => lacking(pod).length))
    const nearest = pods.filter(pod => lacking(pod).length === fewest && (fewest < wanted.length || wanted.length === 1)).sort(byName)
    const first = nearest[0]
    const names = `${nearest.slice(0, 3).map(pod => pod.name).join(', ')}${nearest.length > 3 ? ' and others' : ''}`
    const why = first === undefined || wanted.length === 0 ? '' : fewest === 0 ? `: ${names} ${nearest.length === 1 ? 'is' : 'are'} not Ready` : `: ${names} ${nearest.length === 1 ? 'lacks' : 'lack'} ${lacking(first).join(',')}`
    return `no Ready pod matches its selector ${wanted.join(',')}${why}`
  }

  spec(key: string): ServiceSpec | undefined {
    return this.routes.get(key)?.spec
  }

  /** Puts the pod in or out of the wanted endpoints; whether that changed them. */
  private consider(route: Route, pod: Pod): boolean {
    const fit =
      !pod.removed &&
      pod.podIP !== undefined &&
      pod.namespace === route.namespace &&
      !pod.finished &&
      matchesAll(route.spec.selector, pod.labels) &&
      ((pod.ready && !pod.terminating) || route.spec.publishNotReadyAddresses === true)
    if (fit === route.wanted.has(pod)) return false
    if (fit) route.wanted.add(pod)
    else route.wanted.delete(pod)
    return true
  }

  /** The data plane follows a little later; changes until then are caught together (kube-proxy's minSyncPeriod). */
  private propagate(key: string, route: Route): void {
    if (this.kube.booting) return this.apply(key, route)
    if (route.pending !== undefined) return
    const us = this.kube.drawUs('endpointSeconds', key, route.changes++)
    route.pending = this.kube.sim.after(us, () => this.apply(key, route))
  }

  private apply(key: string, route: Route): void {
    if (this.holds > 0) {
      route.pending = undefined
      this.held.add(key)
      return
    }
    if (!this.kube.apiUp) {
      route.pending = undefined
      this.kube.controllers.onApi(() => this.propagate(key, route))
      return
    }
    route.pending = undefined
    const active = [...route.wanted].sort(byName)
    if (active.length === route.active.length && active.every((p, i) => p === route.active[i])) return
    route.active = active
    if (!this.kube.booting) this.kube.note(EVENT.routeChanged, key, active.length, () => `Service ${key} now routes to ${active.map(p => p.name).join(', ') || 'nobody'}`)
    this.tell(key)
  }

  private tell(key: string): void {
    for (const listener of this.listeners) listener(key)
  }
}

function byName(a: Pod, b: Pod): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.nth - b.nth
}
