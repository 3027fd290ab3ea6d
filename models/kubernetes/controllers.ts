import type { Kubernetes } from './kubernetes.ts'

/** The controllers' work queue: an object that changed is looked at once, a little later, while the API server is up. */
export class Controllers {
  private readonly queued = new Set<string>()
  private readonly actions = new Map<string, (key: string) => void>()
  private parked: (() => void)[] = []
  private stoppedKinds = new Map<string, number>()
  private managersDown = 0

  constructor(private readonly kube: Kubernetes) {}

  /** @param action reconciles the object of that key: compares what is with what should be, and does the next step */
  register(kind: string, action: (key: string) => void): void {
    this.actions.set(kind, action)
  }

  enqueue(kind: string, key: string): void {
    if (!this.actions.has(kind)) return
    const item = `${kind}/${key}`
    if (this.queued.has(item)) return
    this.queued.add(item)
    if (this.kube.booting) return
    this.later(kind, key, item)
  }

  /** Runs `action` once the API server is up (again). */
  onApi(action: () => void): void {
    if (this.kube.apiUp) action()
    else this.parked.push(action)
  }

  apiChanged(): void {
    if (!this.kube.apiUp) return
    const parked = this.parked
    this.parked = []
    for (const action of parked) action()
  }

  /** Whether the controller manager works and can ask the API server: without it nobody reconciles, finds a node missing or moves a disk. */
  get acting(): boolean {
    return this.managersDown === 0 && this.kube.apiUp
  }

  /** Stops the whole controller manager while the API server goes on (rule K8S-CONTROLLER-1); returns how to start it again, which looks at everything afresh. */
  stopAll(): () => void {
    this.managersDown += 1
    let over = false
    return () => {
      if (over) return
      over = true
      this.managersDown -= 1
      if (this.managersDown > 0) return
      for (const kind of this.actions.keys()) for (const [key] of this.kube.store.entries(kind)) this.enqueue(kind, key)
      this.kube.volumes.reconsider()
    }
  }

  /** Stops the controllers of a kind (a fault); returns how to start them again. */
  stop(kind: string): () => void {
    this.stoppedKinds.set(kind, (this.stoppedKinds.get(kind) ?? 0) + 1)
    return () => {
      const left = (this.stoppedKinds.get(kind) ?? 1) - 1
      if (left > 0) this.stoppedKinds.set(kind, left)
      else this.stoppedKinds.delete(kind)
      for (const [key] of this.kube.store.entries(kind)) this.enqueue(kind, key)
    }
  }

  /** While booting: works everything off until nothing is left to do. */
  drain(): void {
    for (let rounds = 0; this.queued.size > 0; rounds++) {
      if (rounds > 10_000) throw new Error(`kubernetes: the cluster does not come to rest before the story: ${[...this.queued].join(', ')}`)
      const item = this.queued.values().next().value as string
      this.queued.delete(item)
      const slash = item.indexOf('/')
      this.actions.get(item.slice(0, slash))?.(item.slice(slash + 1))
    }
  }

  private later(kind: string, key: string, item: string): void {
    this.kube.sim.after(this.kube.drawUs('controllerLagSeconds', item, this.kube.count(item)), () =>
      this.onApi(() => {
        this.queued.delete(item)
        if (!this.stoppedKinds.has(kind) && this.managersDown === 0) this.actions.get(kind)?.(key)
      }),
    )
  }
}
