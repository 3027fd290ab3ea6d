/** PlannedReparentShard by phase, with what happens when each fails (rules VT-PRS-…; facts §1.2). Runs in vtctld. */
import { type Copy, contains, type Stage } from '../../src/cluster/log/index.ts'
import { type Process, SECOND, type Simulation, TIMED_OUT, type Us, type Waiting, within } from '../../src/kernel/index.ts'
import type { Promotion } from '../../src/engine.ts'
import { EVENT } from './events.ts'
import { compareMysql } from './names.ts'
import { mayAcknowledge } from './semisync.ts'
import type { Shard } from './shard.ts'
import { REFUSED_US, REMOTE_OPERATION_US, type Tablet } from './tablet.ts'
import type { World } from './world.ts'

export interface ReparentOptions {
  /** Who asks, for the lock and the story. */
  readonly by: string
  readonly newPrimary?: Tablet | undefined
  readonly avoid?: Tablet | undefined
  /** Nothing is done unless this is the shard's primary (rule VT-PRS-7). */
  readonly expected?: Tablet | undefined
  readonly waitReplicasUs: Us
  readonly tolerableLagUs?: Us | undefined
  readonly crossCell?: boolean
  /** Whoever asked is gone: what has not demoted yet stops, what has is undone. */
  readonly cancelled?: () => boolean
  readonly promoter: Promotion['by']
}

export interface Reparented {
  readonly error: string | undefined
  readonly primary: Tablet | undefined
}

/** Waits for a position. */
export function reaches(copy: Copy, stage: Stage, lsn: number): Waiting<void> {
  return {
    park(_sim: Simulation, resume) {
      const watch = copy.whenReaches(stage, lsn, () => resume())
      return () => watch.cancel()
    },
  }
}

/** The shard's lock in the topo server, for at most lock-timeout; the error says why not (rule VT-TOPO-1). */
export function* acquire(shard: Shard, by: string): Process<string | undefined> {
  const { world } = shard
  const endUs = world.sim.now + world.options.lockTimeoutSeconds * SECOND
  yield world.rpcUs(by)
  while (!shard.lock(by)) {
    const leftUs = endUs - world.sim.now
    if (!world.topoUp) {
      if ((yield within(world.topoBack, Math.min(leftUs, REMOTE_OPERATION_US))) === TIMED_OUT) return `failed to lock shard ${shard.path}: rpc error: code = DeadlineExceeded desc = context deadline exceeded (topo server is unreachable)`
    } else if ((yield within(shard.unlocked, leftUs)) === TIMED_OUT) return `failed to lock shard ${shard.path}: deadline exceeded: locked by ${shard.lockedBy ?? 'somebody'}`
  }
  return undefined
}

/** One administrative call: the time it takes, and whether it is answered. */
export function* call(tablet: Tablet, by: string, limitUs: Us = REMOTE_OPERATION_US): Process<boolean> {
  const { world } = tablet
  yield world.rpcUs(`${by}/${tablet.alias}`)
  if (tablet.answers) return true
  yield tablet.refuses ? REFUSED_US : limitUs
  return tablet.answers
}

export function* plannedReparent(shard: Shard, options: ReparentOptions): Process<Reparented> {
  const refused = yield* acquire(shard, options.by)
  if (refused !== undefined) return { error: refused, primary: undefined }
  try {
    return yield* reparentLocked(shard, options)
  } finally {
    shard.unlock()
  }
}

/** What somebody is told who expected another primary; undefined = nobody did. */
export function unexpected(shard: Shard, { expected }: Pick<ReparentOptions, 'expected'>): string | undefined {
  return expected === undefined || expected === shard.primary ? undefined : `primary ${shard.primary?.alias ?? '<nil>'} is not equal to expected alias ${expected.alias}`
}

/** Phases 2 and 3: whatever fails here has no effect (rule VT-PRS-1). */
function* reparentLocked(shard: Shard, options: ReparentOptions): Process<Reparented> {
  const failed = (error: string): Reparented => ({ error, primary: shard.primary })
  const { world } = shard
  const primary = shard.primary
  const other = unexpected(shard, options)
  if (other !== undefined) return failed(other)
  if (primary === undefined) return failed(`the shard ${shard.path} has no current primary. Use EmergencyReparentShard instead.`)
  if (options.newPrimary === primary) return { error: undefined, primary }
  if (options.newPrimary === undefined && options.avoid !== undefined && options.avoid !== primary) return { error: undefined, primary }
  // Phase 2: who it shall be.
  const elect = options.newPrimary ?? (yield* choose(shard, primary, options))
  if (typeof elect === 'string') return failed(elect)
  if (elect === undefined) return failed('cannot find a tablet to reparent to in the same cell as the current primary')
  if (elect.shard !== shard) return failed(`primary-elect tablet ${elect.alias} is not in the shard ${shard.path}`)
  if (elect.type !== 'replica') return failed(`primary-elect tablet ${elect.alias} is of type ${elect.type} and cannot be promoted`)
  if (!(yield* call(primary, options.by))) return failed(`current primary ${primary.alias} is not reachable: rpc error: code = Unavailable. Use EmergencyReparentShard instead.`)
  if (!(yield* call(elect, options.by))) return failed(`replication status of primary-elect ${elect.alias} could not be read: rpc error: code = Unavailable`)
  // Phase 3: it comes near while the primary still writes.
  const near = yield within(reaches(elect.copy, 'apply', primary.copy.lsn('receive')), options.waitReplicasUs)
  if (near === TIMED_OUT || !elect.answers) return failed(`primary-elect tablet ${elect.alias} failed to catch up with replication before demotion: context deadline exceeded`)
  if (!world.topoUp) return failed('lost topology lock, aborting: rpc error: code = Unavailable')
  if (options.cancelled?.() === true) return failed('context canceled')
  if (shard.primary !== primary || !primary.answers || !primary.copy.leading) return failed(`current primary ${primary.alias} is no longer what it was`)
  return yield* demoteAndPromote(shard, primary, elect, options)
}

/** Phases 4 to 7: from here on nobody writes until somebody does again. */
function* demoteAndPromote(shard: Shard, primary: Tablet, elect: Tablet, options: ReparentOptions): Process<Reparented> {
  const { world } = shard
  const failed = (error: string): Reparented => ({ error, primary: shard.primary })
  const stallUs = world.timeUs('reparentSeconds', shard.path)
  let demoted = false
  let promoted = false
  let abandoned = false
  try {
    yield* demote(shard, primary, Math.round(stallUs * DEMOTION_SHARE))
    demoted = true
    if (!primary.up || options.cancelled?.() === true) return failed(`failed to demote ${primary.alias}: ${primary.up ? 'context canceled' : 'connection lost'}`)
    const position = primary.copy.lsn('receive')
    const level = yield within(reaches(elect.copy, 'apply', position), options.waitReplicasUs)
    if (level === TIMED_OUT || !elect.answers) return failed(`primary-elect tablet ${elect.alias} failed to catch up with replication (demoted primary ${primary.alias}): context deadline exceeded`)
    if (!(yield* stillLocked(world))) {
      abandoned = true
      return failed('lost topology lock, aborting: requested lease not found')
    }
    yield Math.round(stallUs * (1 - DEMOTION_SHARE))
    if (!elect.answers) return failed(`failed to promote ${elect.alias}: rpc error: code = Unavailable`)
    if (options.cancelled?.() === true) return failed('context canceled')
    promote(shard, elect, options.promoter)
    promoted = true
  } finally {
    if (abandoned) abandonDemotion(shard)
    else if (!promoted) undoDemotion(shard, primary, demoted)
  }
  const left = yield* repoint(shard, elect, { ...options, everyone: true })
  return left === undefined ? { error: undefined, primary: elect } : { error: left, primary: elect }
}

/** topo_etcd_lease_ttl: a lock that nobody could renew for so long is gone. */
const LEASE_US = 30 * SECOND

/** CheckShardLocked, between catching up and the promotion: it waits for the topo server, and finds the lock gone or not (rule VT-PRS-8). */
function* stillLocked(world: World): Process<boolean> {
  if (world.topoUp) return true
  const sinceUs = world.topoAwayUs
  yield world.topoBack
  return world.sim.now - sinceUs < LEASE_US
}

/** Nobody undoes a demotion after which the lock was lost: the primary stays read-only until VTOrc finds it so. */
function abandonDemotion(shard: Shard): void {
  shard.demotedUs = undefined
  shard.failoverEndedUs = shard.world.sim.now
  shard.changed()
}

/** Of what a reparent takes, the part before the old primary is read-only. */
export const DEMOTION_SHARE = 0.4

/** Phase 4: no longer serving at once, open transactions end or are killed, then super_read_only (rule VT-PRS-3). */
export function* demote(shard: Shard, primary: Tablet, workUs: Us): Process<void> {
  const { world } = shard
  shard.demotedUs = world.sim.now
  primary.serving = false
  world.sim.note(EVENT.demoted, primary.pod, 0, `${primary.pod} does not serve any more: it is demoted`)
  shard.changed()
  // Whoever buffers gives up after buffer_max_failover_duration (rule VT-BUF-4).
  world.sim.after(world.options.buffer.maxFailoverSeconds * SECOND, () => {
    if (shard.demotedUs !== undefined) shard.changed()
  })
  const graceUs = graceOf(world)
  yield Math.min(world.longTransactionUs(primary.alias), graceUs)
  yield workUs
  if (primary.up && !primary.paused && primary.copy.leading) primary.stopLeading('clean')
  shard.changed()
}

function graceOf(world: World): Us {
  const { shutdownGraceSeconds, vitessVersion, transactionTimeoutSeconds } = world.options
  return (shutdownGraceSeconds ?? (vitessVersion <= 19 ? transactionTimeoutSeconds : 3)) * SECOND
}

/** UndoDemotePrimary: read-write again, serving again, if it still can (rule VT-PRS-4). */
export function undoDemotion(shard: Shard, primary: Tablet, wasReadOnly: boolean): void {
  const { world } = shard
  shard.demotedUs = undefined
  shard.failoverEndedUs = world.sim.now
  if (shard.primary === primary && primary.up && primary.agent) {
    if (!primary.copy.leading && wasReadOnly) primary.lead(undefined)
    primary.serving = primary.copy.leading
    world.sim.note(EVENT.undone, primary.pod, 0, `${primary.pod} serves again: its demotion is undone`)
  }
  shard.changed()
}

/** Phase 6: semi-sync first, then read-write; the shard record names it (rules VT-PRS-5, VT-TOPO-2). */
export function promote(shard: Shard, elect: Tablet, by: Promotion['by']): void {
  const { world } = shard
  const from = elect.copy.position('receive')
  world.promotions.push({ atUs: world.sim.now, member: elect.pod, from, furthestReachable: isFurthestReachable(shard, elect), by })
  shard.terms += 1
  shard.primary = elect
  shard.termStartUs = world.sim.now
  shard.degraded = false
  for (const other of shard.tablets) if (other !== elect && other.type === 'primary') other.setType(other.declared)
  elect.lead(shard.terms)
  elect.serving = !world.defects.of(elect, 'false-ready')
  world.sim.note(EVENT.promoted, elect.pod, shard.terms, `${elect.pod} is the primary of ${shard.path} now`)
  shard.demotedUs = undefined
  shard.failoverEndedUs = world.sim.now
  shard.readRecord()
  shard.changed()
}

/** Phase 7: the others follow, and the journal entry waits for an acknowledgement; what is left behind is an error though the primary has moved (rules VT-PRS-5, VT-PRS-6). */
export function* repoint(shard: Shard, primary: Tablet, options: Pick<ReparentOptions, 'by' | 'waitReplicasUs'> & { readonly everyone?: boolean }): Process<string | undefined> {
  const { world } = shard
  const others = shard.tablets.filter(t => t !== primary)
  const left: Tablet[] = []
  /** Those of whom the journal entry is expected. */
  const told: Tablet[] = []
  const journal = primary.copy.lsn('receive')
  let unanswered = false
  let longestUs = 0
  for (const tablet of others) {
    const us = world.rpcUs(`${options.by}/${tablet.alias}`)
    longestUs = Math.max(longestUs, us)
    world.sim.after(us, () => {
      // A tablet that restores holds its own lock; one whose process is gone refuses; from the others nothing is heard.
      if (tablet.answers && tablet.type !== 'restore' && tablet.type !== 'backup') {
        if (shard.primary === primary && tablet !== shard.primary) {
          tablet.stopLeading('clean')
          tablet.setSource(primary)
          told.push(tablet)
          shard.changed()
        }
      } else {
        left.push(tablet)
        if (!tablet.refuses) unanswered = true
      }
    })
  }
  yield longestUs + 1
  if (unanswered) yield options.waitReplicasUs
  const endUs = world.sim.now + options.waitReplicasUs
  while (shard.policy !== 'none' && shard.primary === primary && primary.copy.leading && !others.some(t => mayAcknowledge(primary, t) && t.copy.upstream === primary.copy)) {
    if ((yield within(shard.stirred, endUs - world.sim.now)) === TIMED_OUT) return 'failed to PopulateReparentJournal on primary: rpc error: code = DeadlineExceeded: no replica acknowledges'
  }
  const late = options.everyone === true ? yield* missing(shard, primary, told, journal, endUs) : []
  if (left.length + late.length === 0) return undefined
  return [
    ...left.map(t => `tablet ${t.alias} failed to SetReplicationSource: ${t.type === 'restore' ? 'tablet is in restore mode' : t.type === 'backup' ? 'rpc error: code = DeadlineExceeded desc = context deadline exceeded (it is being backed up)' : 'rpc error: code = Unavailable'}`),
    ...late.map(t => `tablet ${t.alias} failed to SetReplicationSource: rpc error: code = DeadlineExceeded: the reparent journal entry did not arrive`),
  ].join('; ')
}

/**
 * Each that was given the new source waits until the journal entry has come by way of replication: those to which it does not in time, because their
 * replication is broken, cut or far behind (rule VT-PRS-6). Who is level has it in no time.
 */
function* missing(shard: Shard, primary: Tablet, told: readonly Tablet[], journal: number, endUs: Us): Process<readonly Tablet[]> {
  const { sim } = shard.world
  const late: Tablet[] = []
  for (const tablet of told) {
    // Errant transactions do not keep a real server from replicating.
    const follows = (): boolean => tablet.errant || tablet.copy.upstream === primary.copy
    const waits = (): boolean => shard.primary === primary && primary.copy.leading && tablet.up
    let inTime = true
    while (inTime && waits() && !follows()) inTime = sim.now < endUs && (yield within(shard.stirred, endUs - sim.now)) !== TIMED_OUT
    if (inTime && waits() && !tablet.errant && journal - tablet.copy.lsn('apply') > tablet.levelBytes) inTime = sim.now < endUs && (yield within(reaches(tablet.copy, 'apply', journal), endUs - sim.now)) !== TIMED_OUT
    if (!inTime) late.push(tablet)
  }
  return late
}

/** Phase 2: a REPLICA of the primary's cell (or of any, if allowed), not too far behind; the furthest, or from mid-2026 the oldest version (rule VT-PRS-2). All that could be are asked: one that does not answer is the error of all. */
function* choose(shard: Shard, primary: Tablet, options: ReparentOptions): Process<Tablet | string | undefined> {
  const { world } = shard
  const candidates = shard.tablets.filter(t => t !== primary && t !== options.avoid && t.type === 'replica' && (options.crossCell === true || t.cell === primary.cell))
  yield world.rpcUs(`${options.by}/status`)
  const deaf = candidates.find(t => !t.answers)
  if (deaf !== undefined) {
    yield deaf.refuses ? REFUSED_US : options.waitReplicasUs
    if (!deaf.answers) return `failed to get replication status from ${deaf.alias}: rpc error: code = ${deaf.refuses ? 'Unavailable desc = connection refused' : 'DeadlineExceeded desc = context deadline exceeded'}`
  }
  let best: Tablet | undefined
  for (const t of candidates) {
    if (t.errant || !t.hasData) continue
    if (options.tolerableLagUs !== undefined && t.lagSeconds * SECOND > options.tolerableLagUs) continue
    if (best === undefined || better(t, best, world.options.versionAwareReparent)) best = t
  }
  return best
}

/** Whether `a` is the better successor: by version where that is looked at, then by position. */
export function better(a: Tablet, b: Tablet, byVersion: boolean): boolean {
  if (byVersion && a.version !== b.version) return compareMysql(a.version, b.version) < 0
  return a.copy.lsn('receive') > b.copy.lsn('receive')
}

/** Whether no tablet that answers holds what `elect` lacks. */
function isFurthestReachable(shard: Shard, elect: Tablet): boolean {
  const mine = elect.copy.position('receive')
  return shard.tablets.every(t => {
    if (t === elect || !t.up || !t.answers || !t.hasData) return true
    return contains(mine, t.copy.position('flush'))
  })
}
