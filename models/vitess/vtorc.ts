/** VTOrc: what it sees at its polls and what it repairs (rules VT-ORC-1…4; facts §1.5). No polling: a shard in which something is wrong is looked at at the poll that would see it. */
import { type Process, SECOND, type TimerId } from '../../src/kernel/index.ts'
import { isMisset, takePolicy } from './durability.ts'
import { emergencyReparent } from './emergency.ts'
import { EVENT } from './events.ts'
import { undoDemotion } from './reparent.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'
import type { World } from './world.ts'

type Problem =
  | { readonly is: 'DeadPrimary' }
  | { readonly is: 'PrimaryIsReadOnly'; readonly tablet: Tablet }
  | { readonly is: 'ConnectedToWrongPrimary' | 'ReplicationStopped'; readonly tablet: Tablet }
  | { readonly is: 'ErrantGTIDDetected'; readonly tablet: Tablet }
  | { readonly is: 'PrimarySemiSyncMustBeSet' | 'PrimarySemiSyncMustNotBeSet'; readonly tablet: Tablet }

interface Watch {
  timer: TimerId | undefined
  at: number
  polls: number
  busy: boolean
}

/** Until v19 a shard is left alone for so long after a recovery (recovery-period-block-duration). */
const BLOCK_US = 30 * SECOND

export class Vtorc {
  private readonly watches = new Map<Shard, Watch>()
  private readonly recovered = new Map<Shard, number>()
  private readonly faults = new Set<symbol>()

  constructor(private readonly world: World) {
    if (world.options.vtorc !== false) world.shardListeners.push(shard => this.consider(shard))
  }

  private get working(): boolean {
    return this.faults.size === 0 && !this.world.booting
  }

  /** VTOrc is away; returns how to bring it back. */
  stop(): () => void {
    const fault = Symbol('vtorc')
    this.faults.add(fault)
    this.world.sim.note(EVENT.keeper, 'vtorc', 0, 'VTOrc is away')
    return () => {
      if (!this.faults.delete(fault)) return
      this.world.sim.note(EVENT.keeper, 'vtorc', 1, 'VTOrc is back')
      for (const shard of this.world.shards) this.consider(shard)
    }
  }

  /** Whether a recovery runs or waits to be tried. */
  underWay(shard: Shard): boolean {
    const watch = this.watches.get(shard)
    return watch?.busy === true || watch?.timer !== undefined
  }

  private consider(shard: Shard): void {
    const { world } = this
    if (!this.working || world.options.vtorc === false || this.problem(shard) === undefined) return
    let watch = this.watches.get(shard)
    if (watch === undefined) this.watches.set(shard, (watch = { timer: undefined, at: 0, polls: 0, busy: false }))
    if (watch.busy || watch.timer !== undefined) return
    const { instancePollSeconds, recoveryPollSeconds } = world.options.vtorc
    // Its polls go on whatever happens: the next one of the instance, and the next look for recoveries after that.
    const nth = watch.polls++
    const us = (world.sim.chance.draw(shard.path, 'vitess.vtorc-poll', nth) * instancePollSeconds + world.sim.chance.draw(shard.path, 'vitess.vtorc-recovery', nth) * recoveryPollSeconds) * SECOND
    const blockedUntil = world.options.vitessVersion <= 19 ? (this.recovered.get(shard) ?? Number.NEGATIVE_INFINITY) + BLOCK_US : 0
    watch.at = Math.max(world.sim.now + us, blockedUntil)
    watch.timer = world.sim.call(Math.ceil(watch.at), () => this.act(shard, watch))
  }

  private act(shard: Shard, watch: Watch): void {
    watch.timer = undefined
    const { world } = this
    if (!this.working) return
    const problem = this.problem(shard)
    if (problem === undefined) return
    // A recovery needs the shard's lock, and so the topo server (rule VT-TOPO-1).
    if (shard.lockedBy !== undefined || !world.topoUp) {
      if (!world.topoUp) return
      return void world.sim.after(SECOND, () => this.consider(shard))
    }
    watch.busy = true
    this.recovered.set(shard, world.sim.now)
    const vtorc = this
    world.sim.spawn(
      (function* () {
        yield* vtorc.recover(shard, problem)
        watch.busy = false
        vtorc.consider(shard)
      })(),
    )
  }

  private *recover(shard: Shard, problem: Problem): Process<void> {
    const { world } = this
    const { vtorc } = world.options
    if (vtorc === false) return
    world.sim.note(EVENT.recovery, shard.primary?.pod ?? shard.path, 0, `VTOrc finds ${problem.is} in ${shard.path}`)
    if (problem.is === 'DeadPrimary') {
      const result = yield* emergencyReparent(shard, { by: 'vtorc', waitReplicasUs: vtorc.waitReplicasSeconds * SECOND, promoter: 'engine' })
      if (result.error !== undefined) yield SECOND
      return
    }
    if (!shard.lock('vtorc')) return
    try {
      yield world.rpcUs(`vtorc/${problem.tablet.alias}`)
      const { tablet } = problem
      if (!tablet.answers) return
      if (problem.is === 'ErrantGTIDDetected') tablet.setType('drained')
      else if (problem.is === 'PrimarySemiSyncMustBeSet' || problem.is === 'PrimarySemiSyncMustNotBeSet') {
        takePolicy(shard)
        tablet.applyRule()
      } else if (problem.is === 'PrimaryIsReadOnly') {
        if (shard.primary === tablet && !tablet.copy.leading) undoDemotion(shard, tablet, true)
        else if (shard.primary === tablet && !tablet.serving && shard.demotedUs === undefined) tablet.serving = true
      } else if (shard.primary !== undefined && shard.primary !== tablet && !tablet.copy.leading) tablet.setSource(shard.primary)
    } finally {
      shard.unlock()
    }
  }

  /** The first thing that is wrong with a shard, as VTOrc sees it. */
  private problem(shard: Shard): Problem | undefined {
    const { primary } = shard
    if (primary === undefined) return undefined
    const others = shard.tablets.filter(t => t !== primary && t.answers && t.hasData && t.type !== 'restore' && t.type !== 'backup')
    if (!primary.answers) {
      // Unreachable alone is not dead: somebody still replicates from it, or believes to (rules VT-ORC-2, VT-ORC-3).
      const { allowEmergencyReparent } = this.world.options.vtorc as { allowEmergencyReparent: boolean }
      if (!allowEmergencyReparent || others.length === 0 || others.some(t => t.source === primary && t.replicates)) return undefined
      return { is: 'DeadPrimary' }
    }
    if (shard.demotedUs === undefined && shard.lockedBy === undefined && !primary.copy.leading && primary.up) return { is: 'PrimaryIsReadOnly', tablet: primary }
    if (primary.copy.leading && isMisset(shard)) return { is: shard.keyspace.heard === 'none' ? 'PrimarySemiSyncMustNotBeSet' : 'PrimarySemiSyncMustBeSet', tablet: primary }
    for (const tablet of others) {
      if (tablet.errant) {
        if (tablet.type !== 'drained') return { is: 'ErrantGTIDDetected', tablet }
      } else if (tablet.source !== primary && !tablet.copy.leading && tablet.type !== 'drained') return { is: 'ConnectedToWrongPrimary', tablet }
      else if (tablet.halted && tablet.type !== 'drained') return { is: 'ReplicationStopped', tablet }
    }
    return undefined
  }
}
