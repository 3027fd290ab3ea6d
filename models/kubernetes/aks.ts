/**
 * Node pools of the managed cluster and the long operations on them (rules AKS-…). An operation belongs to the cloud, not to who asked for it:
 * it goes on when the asking `az` is killed.
 */
import { NEVER, type Process, SECOND, type Task, type Us, within } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import { empty } from './eviction.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { KubeNode } from './node.ts'
import { countOrShare, type Labels } from './objects.ts'
import { safeHash } from './revisions.ts'

export interface Pool {
  readonly name: string
  version: string
  state: 'Succeeded' | 'Creating' | 'Upgrading' | 'Scaling' | 'Deleting' | 'Failed'
  /** Zones in which nodes are made, in turn. */
  zones: readonly string[]
  labels: Labels
  taints: readonly string[]
  maxSurge: string
  made: number
}

/** A refused or failed operation, in the words of the resource provider. */
export class AksError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(`(${code}) ${message}\nCode: ${code}\nMessage: ${message}`)
  }
}

export interface UpgradeRequest {
  readonly version: string
  readonly maxSurge: string
  readonly maxUnavailable: string
  readonly drainTimeoutUs: Us
  readonly soakUs: Us
  /** Reimage every node even if it has the version. */
  readonly imageOnly: boolean
}

export class Aks {
  readonly pools = new Map<string, Pool>()
  /** Faults that leave no machine to be had. */
  capacityMissing = 0
  private controlPlaneBusy = false

  constructor(private readonly kube: Kubernetes) {}

  /** The pool of that name, made if it is new (before the story, or by {@link add}). */
  pool(name: string, version?: string): Pool {
    let pool = this.pools.get(name)
    if (pool === undefined) {
      pool = { name, version: version ?? this.kube.options.nodeVersion ?? this.kube.controlPlaneVersion, state: 'Succeeded', zones: [], labels: {}, taints: [], maxSurge: '1', made: 0 }
      this.pools.set(name, pool)
    }
    return pool
  }

  nodesOf(pool: string): KubeNode[] {
    return [...this.kube.nodes.values()].filter(n => n.pool === pool)
  }

  /** @throws AksError when there is no such pool */
  existing(name: string): Pool {
    const pool = this.pools.get(name)
    if (pool === undefined) throw new AksError('NotFound', `Could not find the agent pool '${name}'. It may not exist, or it may have been deleted.`)
    return pool
  }

  /** Starts upgrading every node of a pool. @throws AksError when it is refused */
  upgrade(name: string, request: UpgradeRequest): Task<AksError | undefined> {
    const pool = this.existing(name)
    this.refuseIfBusy(pool)
    if (compareVersions(request.version, this.kube.controlPlaneVersion) > 0) {
      throw new AksError('NodePoolMcVersionIncompatible', `Node pool version ${request.version} and control plane version ${this.kube.controlPlaneVersion} are incompatible. Minor version of node pool version ${minorOf(request.version)} is bigger than control plane version. For more information, please check https://aka.ms/aks/UpgradeVersionRules`)
    }
    this.refuseVersion(pool.version, request.version)
    if (request.maxSurge !== '0' && request.maxSurge !== '0%' && request.maxUnavailable !== '0') throw new AksError('InvalidParameter', 'MaxSurge and MaxUnavailable cannot both be set to non-zero values.')
    if (/^0%?$/.test(request.maxSurge) && /^0%?$/.test(request.maxUnavailable)) throw new AksError('InvalidParameter', 'MaxSurge and MaxUnavailable cannot both be 0.')
    return this.start(pool, 'Upgrading', this.upgrading(pool, request))
  }

  /** Starts upgrading the control plane, and, unless `only`, all pools after it. @throws AksError when it is refused */
  upgradeControlPlane(version: string, only: boolean): Task<AksError | undefined> {
    if (this.controlPlaneBusy) throw busy('update managed cluster')
    for (const pool of this.pools.values()) this.refuseIfBusy(pool)
    const from = this.kube.controlPlaneVersion
    this.refuseVersion(from, version)
    if (minorOf(version) > minorOf(from) + 1) throw new AksError('OperationNotAllowed', `Upgrading Kubernetes version ${from} to ${version} is not allowed. Available upgrades: one minor version at a time. Please see https://aka.ms/aks-supported-k8s-ver for version details.`)
    this.controlPlaneBusy = true
    this.kube.note(EVENT.operation, 'control-plane', 1, `control plane upgrade to ${version} starts`)
    return this.kube.sim.spawn(this.upgradingControlPlane(version, only))
  }

  /** Starts making a pool. @throws AksError when it is refused */
  add(name: string, count: number, options: { version?: string; zones: readonly string[]; labels: Labels; taints: readonly string[]; maxSurge: string }): Task<AksError | undefined> {
    if (this.pools.has(name)) throw new AksError('OperationNotAllowed', `Agent pool ${name} already exists.`)
    if (this.controlPlaneBusy) throw busy('update managed cluster')
    const version = options.version ?? this.kube.controlPlaneVersion
    if (compareVersions(version, this.kube.controlPlaneVersion) > 0) throw new AksError('NodePoolMcVersionIncompatible', `Node pool version ${version} and control plane version ${this.kube.controlPlaneVersion} are incompatible. Minor version of node pool cannot be bigger than control plane's version.`)
    const pool = this.pool(name, version)
    pool.zones = options.zones.length > 0 ? options.zones : ['0']
    pool.labels = options.labels
    pool.taints = options.taints
    pool.maxSurge = options.maxSurge
    return this.start(pool, 'Creating', this.growing(pool, count))
  }

  /** Starts changing the number of nodes. @throws AksError when it is refused */
  scale(name: string, count: number): Task<AksError | undefined> {
    const pool = this.existing(name)
    this.refuseIfBusy(pool)
    const there = this.nodesOf(name)
    const work = count >= there.length ? this.growing(pool, count - there.length) : this.shrinking(there.slice(count))
    return this.start(pool, 'Scaling', work)
  }

  /** Starts deleting a pool with its nodes. @throws AksError when it is refused */
  delete(name: string): Task<AksError | undefined> {
    const pool = this.existing(name)
    this.refuseIfBusy(pool)
    return this.start(pool, 'Deleting', this.deleting(pool))
  }

  private start(pool: Pool, state: Pool['state'], work: Process<AksError | undefined>): Task<AksError | undefined> {
    pool.state = state
    this.kube.note(EVENT.operation, pool.name, 1, `pool ${pool.name}: ${state}`)
    return this.kube.sim.spawn(this.finishing(pool, work))
  }

  private *finishing(pool: Pool, work: Process<AksError | undefined>): Process<AksError | undefined> {
    const error = yield* work
    pool.state = error === undefined ? 'Succeeded' : 'Failed'
    this.kube.note(EVENT.operation, pool.name, error === undefined ? 2 : 3, `pool ${pool.name}: operation ${error === undefined ? 'succeeded' : `failed: ${error.message.split('\n')[0]}`}`)
    return error
  }

  private *upgrading(pool: Pool, request: UpgradeRequest): Process<AksError | undefined> {
    const nodes = this.nodesOf(pool.name).filter(n => request.imageOnly || n.version !== request.version)
    pool.version = request.version
    const all = this.nodesOf(pool.name).length
    const surge = Math.min(nodes.length, countOrShare(share(request.maxSurge), all, 1, 'up'))
    const width = Math.max(1, surge > 0 ? surge : countOrShare(share(request.maxUnavailable), all, 1, 'up'))
    const spares: KubeNode[] = []
    for (let i = 0; i < surge; i++) {
      const made = yield* this.provision(pool, nodes[i]?.zone)
      if (made instanceof AksError) return made
      spares.push(made)
    }
    for (let i = 0; i < nodes.length; i += width) {
      const batch = nodes.slice(i, i + width).map(node => this.kube.sim.spawn(this.renew(pool, node, request)))
      let failure: AksError | undefined
      for (const task of batch) failure = ((yield task) as AksError | undefined) ?? failure
      if (failure !== undefined) return failure
      if (request.soakUs > 0) yield request.soakUs
    }
    for (const spare of spares) {
      const failure = yield* this.drainNode(spare, request.drainTimeoutUs)
      if (failure !== undefined) return failure
      this.discard(spare)
    }
    return undefined
  }

  /** One node: cordon, drain, reimage, wait until it is Ready, uncordon. */
  private *renew(pool: Pool, node: KubeNode, request: UpgradeRequest): Process<AksError | undefined> {
    const { kube } = this
    const failure = yield* this.drainNode(node, request.drainTimeoutUs)
    if (failure !== undefined) return failure
    node.machine.setUp(false)
    yield kube.drawUs('reimageSeconds', node.name, kube.count(`reimage/${node.name}`))
    node.images.clear()
    node.version = request.version
    kube.note(EVENT.nodeUpgraded, node.name, 0, `${node.name} is reimaged with ${request.version} (pool ${pool.name})`)
    node.machine.setUp(true)
    while (kube.nodes.get(node.name) === node && !(node.kubeletUp && node.state === 'ready')) yield within(kube.changed, NEVER)
    if (kube.nodes.get(node.name) === node) kube.nodes$.cordon(node, false)
    return undefined
  }

  private *drainNode(node: KubeNode, timeoutUs: Us): Process<AksError | undefined> {
    const { kube } = this
    kube.nodes$.cordon(node, true)
    const pods = kube.pods$.list().filter(p => p.node === node.name)
    const emptied = yield* empty(kube, pods, undefined, kube.sim.now + timeoutUs)
    const [failed] = emptied.failed
    if (failed !== undefined) return new AksError('UpgradeFailed', `Drain node ${node.name} failed when evicting pod ${failed[0].name}: ${failed[1]}`)
    const stuck = [...emptied.refused, ...emptied.terminating]
    if (stuck.length === 0) return undefined
    const why = emptied.refused.length > 0 ? 'Too Many Requests error. This is often caused by a restrictive Pod Disruption Budget (PDB) policy. See https://aka.ms/aks/debugdrainfailures' : 'a time-out while it was terminating'
    return new AksError('UpgradeFailed', `Drain node ${node.name} failed when evicting pod ${stuck[0]?.name} failed with ${why}. Original error: Cannot evict pod as it would violate the pod's disruption budget.. PDB debug info: ${stuck.map(p => `${p.namespace}/${p.name}`).join(', ')}`)
  }

  /** A scale set makes its machines side by side; some may be there when others cannot be had. */
  private *growing(pool: Pool, count: number): Process<AksError | undefined> {
    const zones: string[] = []
    for (let i = 0; i < count; i++) zones.push(this.emptiestZone(pool, zones))
    const machines = zones.map(zone => this.kube.sim.spawn(this.provision(pool, zone)))
    let failure: AksError | undefined
    for (const machine of machines) {
      const made = (yield machine) as KubeNode | AksError
      if (made instanceof AksError) failure ??= made
    }
    return failure
  }

  private *shrinking(nodes: readonly KubeNode[]): Process<AksError | undefined> {
    for (const node of nodes) {
      const failure = yield* this.drainNode(node, this.kube.options.drainTimeoutSeconds * SECOND)
      if (failure !== undefined) return failure
      this.discard(node)
    }
    return undefined
  }

  private *deleting(pool: Pool): Process<AksError | undefined> {
    const failure = yield* this.shrinking(this.nodesOf(pool.name))
    if (failure === undefined) this.pools.delete(pool.name)
    return failure
  }

  private *upgradingControlPlane(version: string, only: boolean): Process<AksError | undefined> {
    const { kube } = this
    yield kube.drawUs('controlPlaneUpgradeSeconds', 'control-plane', kube.count('control-plane'))
    kube.controlPlaneVersion = version
    this.controlPlaneBusy = false
    kube.note(EVENT.operation, 'control-plane', 2, `control plane is at ${version}`)
    if (only) return undefined
    for (const pool of [...this.pools.values()]) {
      const request = { version, maxSurge: pool.maxSurge, maxUnavailable: '0', drainTimeoutUs: kube.options.drainTimeoutSeconds * SECOND, soakUs: 0, imageOnly: false }
      const error = (yield this.start(pool, 'Upgrading', this.upgrading(pool, request))) as AksError | undefined
      if (error !== undefined) return error
    }
    return undefined
  }

  /** One more node, in the given zone or the pool's emptiest. */
  private *provision(pool: Pool, zone: string | undefined): Process<KubeNode | AksError> {
    const { kube } = this
    if (this.capacityMissing > 0 || kube.nodes.size >= kube.options.poolQuotaNodes) {
      return new AksError('AllocationFailed', 'Allocation failed. We do not have sufficient capacity for the requested VM size in this zone. Read more about improving likelihood of allocation success at https://aka.ms/allocation-guidance')
    }
    const name = this.nextName(pool)
    yield kube.drawUs('provisionSeconds', name, 0)
    const node = kube.nodes$.add(name, zone ?? this.emptiestZone(pool), pool.name, { version: pool.version, labels: pool.labels })
    for (const taint of pool.taints) {
      const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(taint)
      if (match !== null) node.taints.push({ key: match[1] as string, ...(match[2] === undefined ? {} : { value: match[2] }), effect: match[3] as 'NoSchedule' })
    }
    return node
  }

  private nextName(pool: Pool): string {
    const digits = safeHash(pool.name, 8).replace(/[a-z]/g, c => String(c.charCodeAt(0) % 10))
    let name: string
    do name = `aks-${pool.name}-${digits}-vmss${(pool.made++).toString(36).padStart(6, '0')}`
    while (this.kube.machines.has(name))
    return name
  }

  /** @param coming zones of machines that are being made */
  private emptiestZone(pool: Pool, coming: readonly string[] = []): string {
    const nodes = this.nodesOf(pool.name)
    const zones = pool.zones.length > 0 ? pool.zones : [...new Set(nodes.map(n => n.zone))]
    const load = (zone: string) => nodes.filter(n => n.zone === zone).length + coming.filter(z => z === zone).length
    return zones.reduce((best, zone) => (load(zone) < load(best) ? zone : best), zones[0] ?? '0')
  }

  /** The machine and its node go for good. */
  private discard(node: KubeNode): void {
    this.kube.nodes$.delete(node)
    node.machine.setUp(false)
  }

  private refuseIfBusy(pool: Pool): void {
    if (this.controlPlaneBusy) throw busy('update managed cluster')
    if (pool.state !== 'Succeeded' && pool.state !== 'Failed') throw busy(`${pool.state} agent pool ${pool.name}`)
  }

  private refuseVersion(from: string, to: string): void {
    if (!/^\d+\.\d+(\.\d+)?$/.test(to)) throw new AksError('InvalidParameter', `The value of parameter orchestratorProfile.OrchestratorVersion is invalid: ${to}.`)
    if (compareVersions(to, from) < 0) throw new AksError('OperationNotAllowed', `Downgrading Kubernetes version ${from} to ${to} is not allowed.`)
    const { availableVersions } = this.kube.options
    if (availableVersions.length > 0 && to !== from && !availableVersions.includes(to)) throw new AksError('AgentPoolK8sVersionNotSupported', `Version ${to} is not supported in this region. Please use [az aks get-versions] command to get the supported version list in this region. For more information, please check https://aka.ms/supported-version-list`)
  }
}

function busy(what: string): AksError {
  return new AksError('OperationNotAllowed', `Operation is not allowed because there's an in progress ${what} operation on the cluster. Please wait for it to finish before starting a new operation.`)
}

function share(text: string): number | string {
  return text.endsWith('%') ? text : Number(text)
}

function minorOf(version: string): number {
  return Number(version.split('.')[1] ?? 0)
}

/** Negative, zero or positive as dotted version `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const as = a.split('.')
  const bs = b.split('.')
  for (let i = 0; i < 3; i++) {
    const difference = Number(as[i] ?? 0) - Number(bs[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
