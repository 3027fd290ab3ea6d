/** EmergencyReparentShard (rules VT-ERS-…; facts §1.3): stop everybody, take the most advanced, repoint. Runs in vtctld, or in VTOrc. */
import { contains, forkPoint } from '../../src/cluster/log/index.ts'
import { type Process, TIMED_OUT, within } from '../../src/kernel/index.ts'
import { acquire, better, demote, DEMOTION_SHARE, promote, reaches, repoint, type Reparented, type ReparentOptions, undoDemotion, unexpected } from './reparent.ts'
import { mayAcknowledge } from './semisync.ts'
import type { Shard } from './shard.ts'
import { REMOTE_OPERATION_US, type Tablet } from './tablet.ts'

export interface EmergencyOptions extends ReparentOptions {
  readonly ignore?: readonly Tablet[]
  /** Do not settle for all but one. */
  readonly waitForAll?: boolean
  /** Promote nobody outside the old primary's cell. */
  readonly sameCell?: boolean
}

export function* emergencyReparent(shard: Shard, options: EmergencyOptions): Process<Reparented> {
  const refused = yield* acquire(shard, options.by)
  if (refused !== undefined) return { error: refused, primary: undefined }
  try {
    return yield* reparentLocked(shard, options)
  } finally {
    shard.unlock()
  }
}

function* reparentLocked(shard: Shard, options: EmergencyOptions): Process<Reparented> {
  const failed = (error: string): Reparented => ({ error, primary: shard.primary })
  const other = unexpected(shard, options)
  if (other !== undefined) return failed(other)
  const all = shard.tablets.filter(t => !(options.ignore ?? []).includes(t))
  const reached = yield* stopReplication(shard, all, options)
  const missed = all.filter(t => !reached.includes(t))
  // One that does not answer cannot acknowledge alone; two might go on without anybody knowing (rule VT-ERS-2).
  if (missed.length > 1 && !revoked(shard, missed)) return fail(shard, failed(`could not reach sufficient tablets to guarantee safety: ${missed.map(t => t.alias).join(', ')} did not answer`))
  const valid = withoutErrant(reached.filter(t => t.hasData && !t.errant && t.type !== 'restore' && t.type !== 'drained'))
  if (valid.length === 0) return fail(shard, failed('no valid candidates for emergency reparent'))
  // What was received is applied before anything is compared (rule VT-ERS-3).
  for (const t of valid) {
    if (t.copy.leading) continue
    if ((yield within(reaches(t.copy, 'apply', t.copy.lsn('receive')), options.waitReplicasUs)) === TIMED_OUT) return fail(shard, failed(`could not apply all relay logs within the provided waitReplicasTimeout (${t.alias})`))
  }
  const chosen = choose(shard, valid, options)
  if (typeof chosen === 'string') return fail(shard, failed(chosen))
  const { elect, ahead } = chosen
  if (ahead !== undefined) {
    elect.setSource(ahead)
    if ((yield within(reaches(elect.copy, 'apply', ahead.copy.lsn('receive')), options.waitReplicasUs)) === TIMED_OUT) return fail(shard, failed(`primary-elect ${elect.alias} did not catch up with ${ahead.alias}`))
  }
  if (!shard.world.topoUp) return fail(shard, failed('lost topology lock, aborting: rpc error: code = Unavailable'))
  if (!elect.answers) return fail(shard, failed(`failed to promote ${elect.alias}: rpc error: code = Unavailable`))
  yield shard.world.rpcUs(`${options.by}/promote`)
  promote(shard, elect, options.promoter)
  const left = yield* repoint(shard, elect, { by: options.by, waitReplicasUs: options.waitReplicasUs })
  // Replicas that are left behind do not undo an emergency: VTOrc or the tablets' own start repair them.
  return { error: left?.startsWith('failed to Populate') === true ? left : undefined, primary: elect }
}

/** StopReplicationAndGetStatus on everybody; a primary that answers is demoted. All but one will do, as soon as they have answered (rule VT-ERS-1). */
function* stopReplication(shard: Shard, all: readonly Tablet[], options: EmergencyOptions): Process<readonly Tablet[]> {
  const { world } = shard
  const reached: Tablet[] = []
  let slowestUs = 0
  for (const t of all) {
    const us = world.rpcUs(`${options.by}/${t.alias}`)
    if (t.answers) slowestUs = Math.max(slowestUs, us)
  }
  yield slowestUs
  const silent = all.filter(t => !t.answers && !t.refuses)
  const enough = all.length - 1
  const answering = all.filter(t => t.answers).length
  if (silent.length > 0 && (answering < enough || options.waitForAll === true)) yield REMOTE_OPERATION_US
  for (const t of all) {
    if (!t.answers) continue
    reached.push(t)
    if (t.copy.leading) continue
    t.source = undefined
    // What one has received whose replication somebody had stopped is applied as well.
    t.setHalted(false)
    t.copy.unfollow()
  }
  // A primary that answers is demoted as in a planned reparent: open transactions have their grace (rule VT-PRS-3).
  const demotions = reached.filter(t => t.copy.leading).map(t => world.sim.spawn(demote(shard, t, Math.round(world.timeUs('reparentSeconds', `${shard.path}/emergency`) * DEMOTION_SHARE))))
  shard.changed()
  for (const demotion of demotions) yield demotion
  return reached
}

/** Nothing came of it: whoever was stopped replicates or leads again as the record says. */
function fail(shard: Shard, result: Reparented): Reparented {
  const { primary } = shard
  for (const t of shard.tablets) if (t !== primary && t.answers && t.source === undefined && primary !== undefined) t.setSource(primary)
  if (primary !== undefined && shard.demotedUs !== undefined) undoDemotion(shard, primary, true)
  shard.changed()
  return result
}

/** Whether no tablet among those that did not answer could be a primary whose writes others of them acknowledge. */
function revoked(shard: Shard, missed: readonly Tablet[]): boolean {
  if (shard.keyspace.durabilityPolicy === 'none') return false
  return missed.every(t => (t.type !== 'replica' && t.type !== 'primary') || !missed.some(other => mayAcknowledge(t, other, shard.keyspace.durabilityPolicy)))
}

/** A tablet with transactions of its own, beside another that is further on the common line, is no candidate. */
function withoutErrant(tablets: readonly Tablet[]): readonly Tablet[] {
  return tablets.filter(t => {
    const mine = t.copy.position('flush')
    return !tablets.some(other => {
      if (other === t) return false
      const theirs = other.copy.position('flush')
      // Both have left their common line: the one whose line is the newer term is right.
      return !contains(mine, theirs) && !contains(theirs, mine) && forkPoint(mine, theirs).lsn < mine.lsn && theirs.branch.timeline > mine.branch.timeline
    })
  })
}

/** The most advanced that may be promoted and finds somebody to acknowledge; another one that is named must come level first. */
function choose(shard: Shard, valid: readonly Tablet[], options: EmergencyOptions): { readonly elect: Tablet; readonly ahead: Tablet | undefined } | string {
  const { world } = shard
  const ackers = (t: Tablet): boolean => shard.keyspace.durabilityPolicy === 'none' || valid.some(other => mayAcknowledge(t, other, shard.keyspace.durabilityPolicy))
  let furthest = valid[0] as Tablet
  for (const t of valid) if (t.copy.lsn('receive') > furthest.copy.lsn('receive')) furthest = t
  const cell = options.sameCell === true ? shard.primary?.cell : undefined
  const able = valid.filter(t => (t.type === 'replica' || t.type === 'primary') && ackers(t) && (cell === undefined || t.cell === cell))
  let elect: Tablet | undefined = options.newPrimary
  if (elect !== undefined && !able.includes(elect)) return `proposed primary ${elect.alias} cannot be promoted: it is not among the valid candidates`
  if (elect === undefined) {
    // The furthest first; among equals the older version from mid-2026 on, else whoever comes first.
    for (const t of able) if (elect === undefined || t.copy.lsn('receive') > elect.copy.lsn('receive') || (t.copy.lsn('receive') === elect.copy.lsn('receive') && better(t, elect, world.options.versionAwareReparent))) elect = t
  }
  if (elect === undefined) return 'no valid candidates for emergency reparent: none of those reached could make progress under the durability policy'
  return { elect, ahead: elect.copy.lsn('receive') < furthest.copy.lsn('receive') ? furthest : undefined }
}
