/** The vitess-operator: pods of tablets, rollouts and drains (rules VT-OP-…; facts VT-F51…53). */
import { type Process, SECOND, type TimerId } from '../../src/kernel/index.ts'
import type { Pod } from '../kubernetes/pod.ts'
import { POLICIES, recordPolicy } from './durability.ts'
import { EVENT } from './events.ts'
import { CASCADE, DRAIN_ACKNOWLEDGED, DRAIN_FINISHED, DRAIN_STARTED, RELEASED, SCHEDULED } from './names.ts'
import { declareKeyspace, forgetKeyspace, initialise } from './fleet.ts'
import type { Keyspace, KeyspaceSpec } from './keyspace.ts'
import { plannedReparent } from './reparent.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'
import { claimOf, invalidIn, keyspacesOf, labelsOf, podSpec, policiesOf, sameTemplate, shardObject, specOf, type Template, templateOf, templateOfPod, turnsDownAtOnce, unreadPath } from './topology.ts'
import type { World } from './world.ts'

/** After a reparent that failed the operator looks again. */
const AGAIN_US = 10 * SECOND

export class Operator {
  private readonly faults = new Set<symbol>()
  private readonly byKey = new Map<string, Shard>()
  /** Shards whose primary the operator is moving. */
  private readonly moving = new Set<Shard>()
  private readonly timers = new Map<Shard, TimerId>()
  /** Of each shard the tablet that its rollout waits for, as it was told last. */
  private readonly waitsFor = new Map<Shard, Tablet>()
  /** When each tablet's pod became Ready, while it is. */
  private readonly readySince = new Map<Tablet, number>()
  /** What the tablets of each keyspace are to be, and which keyspaces may be turned down as soon as they are taken out. */
  private readonly templates = new Map<string, Template>()
  private readonly atOnce = new Set<string>()
  private readonly initial: Template

  constructor(private readonly world: World) {
    const { kubernetes, options } = world
    this.initial = templateOf({}, options, options.keyspace)
    kubernetes.controllers.register('VitessShard', key => {
      const shard = this.byKey.get(key)
      if (shard !== undefined) this.reconcile(shard)
    })
    kubernetes.controllers.register('VitessCluster', () => this.clusterChanged())
    kubernetes.schemas.set('VitessCluster', invalidIn)
    kubernetes.unread.set('VitessCluster', (spec, before) => unreadPath(spec, before, name => world.keyspaces.has(name)))
    kubernetes.pods$.onChange(pod => this.podChanged(pod))
    world.shardListeners.push(shard => {
      if (!shard.initialised) kubernetes.controllers.enqueue('VitessShard', shard.key)
    })
  }

  get working(): boolean {
    return this.faults.size === 0
  }

  /** What the tablet's next pod will be. */
  next(tablet: Tablet): Template {
    return this.templates.get(tablet.shard.keyspace.name) ?? this.initial
  }

  manage(shard: Shard): void {
    this.byKey.set(shard.key, shard)
  }

  /** The operator is away; returns how to bring it back. */
  stop(): () => void {
    const fault = Symbol('operator')
    this.faults.add(fault)
    this.world.sim.note(EVENT.keeper, 'vitess-operator', 0, 'the operator is away')
    return () => {
      if (!this.faults.delete(fault)) return
      this.world.sim.note(EVENT.keeper, 'vitess-operator', 1, 'the operator is back')
      this.clusterChanged()
    }
  }

  /** Whether a shard has a pod to replace that somebody has released, or a drain under way. */
  underWay(shard: Shard): boolean {
    return this.moving.has(shard) || this.timers.has(shard)
  }

  private clusterChanged(): void {
    const { world } = this
    if (!this.working) return
    const spec = specOf(world.kubernetes, world.options)
    const wanted = keyspacesOf(spec)
    for (const one of wanted) {
      if (!world.keyspaces.has(one.name)) this.add(one)
      this.templates.set(one.name, templateOf(spec, world.options, one.name))
      if (turnsDownAtOnce(spec, one.name)) this.atOnce.add(one.name)
      else this.atOnce.delete(one.name)
    }
    this.keepPolicies(policiesOf(spec))
    for (const keyspace of world.keyspaces.values()) this.keep(keyspace, wanted.some(({ name }) => name === keyspace.name))
    for (const key of this.byKey.keys()) world.kubernetes.controllers.enqueue('VitessShard', key)
  }

  // ── keyspaces ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A keyspace is new in the cluster object: its shards, claims and pods are made, of what the object asks for now (rule VT-OP-8). */
  private add(spec: KeyspaceSpec): void {
    const { world } = this
    const keyspace = declareKeyspace(world, spec, 0)
    world.sim.note(EVENT.rollout, keyspace.name, 1, `the operator makes the keyspace ${keyspace.name}`)
    for (const shard of keyspace.shards) {
      this.manage(shard)
      world.kubernetes.create(shardObject(shard))
    }
    for (const listener of world.keyspaceListeners) listener(keyspace)
  }

  /** The records of keyspaces say what the cluster object says of their durability, where it says something that there is; the topo server must be there (rule VT-DUR-2). */
  private keepPolicies(wanted: ReturnType<typeof policiesOf>): void {
    const { world } = this
    if (world.booting) return
    for (const [name, text] of wanted) {
      const keyspace = world.keyspaces.get(name)
      const policy = POLICIES.find(one => one === text)
      if (keyspace === undefined || policy === undefined || keyspace.durabilityPolicy === policy) continue
      if (world.topoUp) recordPolicy(world, keyspace, policy, 'the operator')
      else world.sim.after(AGAIN_US, () => this.clusterChanged())
    }
  }

  /** Wanted or not: one that is taken out is turned down, pods and disks, if it said before that it may be (rule VT-OP-9). */
  private keep(keyspace: Keyspace, wanted: boolean): void {
    const { world } = this
    if (wanted) keyspace.removed = false
    if (wanted || keyspace.removed || !this.atOnce.has(keyspace.name)) return
    keyspace.removed = true
    world.sim.note(EVENT.rollout, keyspace.name, 2, `the operator turns the keyspace ${keyspace.name} down`)
  }

  private turnDown(shard: Shard): void {
    const { world } = this
    const { kubernetes } = world
    let left = 0
    for (const tablet of shard.tablets) {
      const pod = this.podOf(tablet)
      if (pod !== undefined) {
        left += 1
        if (!pod.terminating) kubernetes.pods$.delete(pod)
      }
      kubernetes.claims.delete(tablet.pod)
    }
    if (left > 0) return
    this.byKey.delete(shard.key)
    kubernetes.store.remove('VitessShard', shard.key)
    if (!shard.keyspace.shards.some(other => this.byKey.has(other.key))) forgetKeyspace(world, shard.keyspace)
  }

  /** Once all tablets of a new shard are up one of them is made its primary (rule VT-OP-8). */
  private bringUp(shard: Shard): void {
    if (shard.initialised || this.world.booting || !shard.tablets.every(t => t.answers)) return
    initialise(shard)
  }

  private podChanged(pod: Pod): void {
    const tablet = this.world.tablets.get(pod.name)
    if (tablet === undefined) return
    if (pod.ready && !pod.removed && !pod.terminating) {
      if (!this.readySince.has(tablet)) this.readySince.set(tablet, this.world.sim.now)
    } else this.readySince.delete(tablet)
  }

  /** Ready for long enough (rule VT-OP-3). */
  available(tablet: Tablet): boolean {
    const since = this.readySince.get(tablet)
    return since !== undefined && this.world.sim.now - since >= this.world.options.availableSeconds * SECOND
  }

  private podOf(tablet: Tablet): Pod | undefined {
    return this.world.kubernetes.pods$.get(tablet.pod)
  }

  // ── one shard ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private reconcile(shard: Shard): void {
    const { world } = this
    if (!this.working) return
    if (shard.keyspace.removed) return this.turnDown(shard)
    this.bringUp(shard)
    for (const tablet of shard.tablets) if (this.podOf(tablet) === undefined) this.create(tablet)
    if (world.booting) return
    const outdated = shard.tablets.filter(t => this.outdated(t))
    for (const tablet of outdated) this.annotate(tablet, SCHEDULED, 'its spec has changed')
    this.drains(shard)
    if (outdated.length > 0) this.rollout(shard, outdated)
  }

  private create(tablet: Tablet): void {
    const { kubernetes, booting } = this.world
    // Those that the story begins with have been bound long ago, one to a machine.
    const bound = booting ? { nodeName: `node-${tablet.uid}` } : {}
    if (kubernetes.store.get('PersistentVolumeClaim', tablet.pod) === undefined) kubernetes.create(claimOf(tablet))
    kubernetes.pods$.create({
      name: tablet.pod,
      namespace: kubernetes.options.namespace,
      labels: labelsOf(tablet),
      spec: { ...podSpec(tablet, this.next(tablet)), ...bound },
      owner: { kind: 'VitessShard', name: tablet.shard.key, uid: kubernetes.store.entry('VitessShard', tablet.shard.key)?.uid ?? '' },
    })
  }

  private outdated(tablet: Tablet): boolean {
    const pod = this.podOf(tablet)
    return pod !== undefined && !pod.terminating && !sameTemplate(templateOfPod(pod.spec), this.next(tablet))
  }

  /** External: only pods that somebody released; Immediate: all, in every shard at once (rule VT-OP-1). One released pod after the other: the drained one first, then non-primaries in no particular order, the primary last (rule VT-OP-2). */
  private rollout(shard: Shard, outdated: readonly Tablet[]): void {
    const { world } = this
    const spec = specOf(world.kubernetes, world.options)
    const cascade = this.shardAnnotation(shard, CASCADE) !== undefined
    const everything = spec.updateStrategy?.type === 'Immediate' || cascade
    const released = outdated.filter(t => everything || this.annotation(t, RELEASED) !== undefined)
    if (released.length === 0) return
    // Any tablet that is not Available pauses the rollout, whatever the reason (rule VT-OP-3).
    const drained = released.find(t => this.annotation(t, DRAIN_FINISHED) !== undefined)
    const missing = shard.tablets.find(t => !this.available(t) && t !== drained)
    this.tellOfWait(shard, missing, outdated)
    if (missing !== undefined) return this.lookWhenAvailable(shard)
    if (drained !== undefined) return this.replace(drained)
    if (released.some(t => this.annotation(t, DRAIN_STARTED) !== undefined)) return
    const next = this.pick(shard, released)
    world.sim.note(EVENT.rollout, next.pod, 0, `the operator rolls ${next.pod}`)
    // With nobody to take over, a primary’s pod is deleted directly (rule VT-OP-5).
    if (next === shard.primary && shard.tablets.filter(t => t.declared === 'replica').length < 2) return this.replace(next)
    this.annotate(next, DRAIN_STARTED)
    this.drains(shard)
  }

  /** For whoever reads the trace: why these are not replaced. */
  private tellOfWait(shard: Shard, missing: Tablet | undefined, outdated: readonly Tablet[]): void {
    if (this.waitsFor.get(shard) === missing) return
    if (missing === undefined) {
      this.waitsFor.delete(shard)
      return
    }
    this.waitsFor.set(shard, missing)
    for (const tablet of outdated) this.world.sim.tell(EVENT.rolloutWaits, tablet.pod, () => `the operator replaces no tablet of ${shard.path} as long as ${missing.pod} is not Available (Ready for ${this.world.options.availableSeconds} s)`)
  }

  private pick(shard: Shard, released: readonly Tablet[]): Tablet {
    const others = released.filter(t => t !== shard.primary)
    if (others.length === 0) return released[0] as Tablet
    return others[Math.floor(this.world.uniform(shard.path, 'map-order') * others.length)] as Tablet
  }

  private replace(tablet: Tablet): void {
    const pod = this.podOf(tablet)
    if (pod === undefined || pod.terminating) return
    this.world.kubernetes.pods$.delete(pod)
  }

  private lookWhenAvailable(shard: Shard): void {
    const { world } = this
    let at = Number.POSITIVE_INFINITY
    for (const t of shard.tablets) {
      const since = this.readySince.get(t)
      // Who is not Ready will be heard of when it is.
      if (since === undefined) return
      const us = since + world.options.availableSeconds * SECOND
      if (us > world.sim.now) at = Math.min(at, us)
    }
    if (Number.isFinite(at)) this.lookAt(shard, at)
  }

  private lookAt(shard: Shard, atUs: number): void {
    if (this.timers.has(shard)) return
    this.timers.set(
      shard,
      this.world.sim.call(atUs, () => {
        this.timers.delete(shard)
        this.world.kubernetes.controllers.enqueue('VitessShard', shard.key)
      }),
    )
  }

  // ── drains ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whoever asked for a drain gets it: at most one finished in a shard, none while the shard is unhealthy (rule VT-OP-4). */
  private drains(shard: Shard): void {
    // Whoever takes the wish back gets the tablet back.
    for (const t of shard.tablets) if (this.annotation(t, DRAIN_STARTED) === undefined) this.forget(t, DRAIN_ACKNOWLEDGED, DRAIN_FINISHED)
    const asked = shard.tablets.filter(t => this.annotation(t, DRAIN_STARTED) !== undefined && this.annotation(t, DRAIN_FINISHED) === undefined)
    if (asked.length === 0 || this.moving.has(shard)) return
    if (shard.tablets.some(t => this.annotation(t, DRAIN_FINISHED) !== undefined && !this.podOf(t)?.removed)) return
    for (const t of asked) this.annotate(t, DRAIN_ACKNOWLEDGED)
    if (shard.tablets.some(t => !this.available(t))) return this.lookWhenAvailable(shard)
    const tablet = asked.find(t => t !== shard.primary) ?? (asked[0] as Tablet)
    if (tablet !== shard.primary) return this.finish(tablet)
    const candidate = this.candidate(shard, tablet)
    if (candidate === undefined) return
    this.moving.add(shard)
    const operator = this
    this.world.sim.tell(EVENT.drain, tablet.pod, () => `the operator moves the primary of ${shard.path} from ${tablet.pod} to ${candidate.pod}`)
    this.world.sim.spawn(
      (function* (): Process<void> {
        const { operatorWaitReplicasSeconds, operatorTolerableLagSeconds } = operator.world.options
        const result = yield* plannedReparent(shard, {
          by: 'vitess-operator',
          newPrimary: candidate,
          waitReplicasUs: operatorWaitReplicasSeconds * SECOND,
          tolerableLagUs: operatorTolerableLagSeconds * SECOND,
          promoter: 'engine',
        })
        operator.moving.delete(shard)
        if (shard.primary !== tablet) operator.finish(tablet)
        else if (result.error !== undefined) {
          operator.world.sim.note(EVENT.drain, tablet.pod, 2, `the operator could not move the primary of ${shard.path}: ${result.error}`)
          operator.lookAt(shard, operator.world.sim.now + AGAIN_US)
        }
      })(),
    )
  }

  private finish(tablet: Tablet): void {
    if (this.annotation(tablet, DRAIN_STARTED) === undefined) return
    this.annotate(tablet, DRAIN_FINISHED)
    this.world.sim.note(EVENT.drain, tablet.pod, 1, `${tablet.pod} is drained`)
    this.world.kubernetes.controllers.enqueue('VitessShard', tablet.shard.key)
  }

  /** A REPLICA whose pod is Ready and not draining, the furthest of those that answer within 2 s; if nobody does, the first. Nobody asks for versions (rule VT-OP-6). */
  private candidate(shard: Shard, primary: Tablet): Tablet | undefined {
    const able = shard.tablets.filter(t => t !== primary && t.type === 'replica' && this.podOf(t)?.ready === true && this.annotation(t, DRAIN_STARTED) === undefined)
    let best: Tablet | undefined
    for (const t of able) if (t.answers && !t.errant && (best === undefined || t.copy.lsn('flush') > best.copy.lsn('flush'))) best = t
    return best ?? able[0]
  }

  // ── annotations ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private annotation(tablet: Tablet, key: string): string | undefined {
    return this.podOf(tablet)?.annotations[key]
  }

  private annotate(tablet: Tablet, key: string, value = ''): void {
    const pod = this.podOf(tablet)
    if (pod === undefined || pod.annotations[key] !== undefined) return
    pod.annotations = { ...pod.annotations, [key]: value }
    this.world.kubernetes.touched()
  }

  private forget(tablet: Tablet, ...keys: readonly string[]): void {
    const pod = this.podOf(tablet)
    if (pod === undefined || !keys.some(key => pod.annotations[key] !== undefined)) return
    pod.annotations = Object.fromEntries(Object.entries(pod.annotations).filter(([key]) => !keys.includes(key)))
    this.world.kubernetes.touched()
  }

  private shardAnnotation(shard: Shard, key: string): string | undefined {
    return this.world.kubernetes.store.get('VitessShard', shard.key)?.metadata.annotations?.[key]
  }
}
