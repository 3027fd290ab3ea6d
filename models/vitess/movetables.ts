/** MoveTables: switching traffic by phase, and what happens when each fails (rules VT-MOVE-…; go/vt/vtctl/workflow server.go). Runs in vtctld. */
import { MILLISECOND, type Process, SECOND, TIMED_OUT, type Us, within } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Keyspace } from './keyspace.ts'
import { call, reaches } from './reparent.ts'
import { REMOTE_OPERATION_US } from './tablet.ts'
import type { Workflow } from './vreplication.ts'
import type { World } from './world.ts'

export interface SwitchOptions {
  readonly timeoutUs: Us
  readonly maxLagUs: Us
  /** Keep a workflow that carries writes back (the default). */
  readonly reverse: boolean
  readonly cancelled: () => boolean
}

/** Tables are locked twice, so that no write slips in between the denial and the first lock. */
const LOCK_CYCLES = 2
const LOCK_PAUSE_US = 100 * MILLISECOND
/** How long tablets are asked to read their shard's record anew before a switch. */
const REFRESH_LIMIT_US = 30 * SECOND

/** Moves reads and writes of a workflow's tables from its source to its target. @returns the error, or undefined */
export function* switchTraffic(workflow: Workflow, options: SwitchOptions): Process<string | undefined> {
  const { world } = workflow
  if (workflow.frozen) return undefined
  if (!workflow.journalled) {
    const refused = yield* cannotSwitch(workflow, options.maxLagUs)
    if (refused !== undefined) return `cannot switch traffic for workflow ${workflow.name} at this time: ${refused}`
    const failed = yield* upToTheJournals(workflow, options)
    if (failed !== undefined) {
      yield* undo(workflow)
      return failed
    }
    workflow.journalled = true
    world.sim.note(EVENT.traffic, workflow.target.name, 1, `the switch of ${workflow.name} is journalled: from here on it can only be finished`)
  }
  return yield* finish(workflow, options)
}

/** What has to be so before anything is touched: copied, little lag, every tablet of both sides answers and none restores (rule VT-MOVE-2). */
function* cannotSwitch(workflow: Workflow, maxLagUs: Us): Process<string | undefined> {
  const { world, source, target, streams } = workflow
  if (!(yield* topo(world))) return 'rpc error: code = DeadlineExceeded desc = context deadline exceeded'
  for (const stream of streams) {
    if (stream.state === 'Error') return 'one or more streams are in an error state'
    if (stream.state === 'Copying') return 'copy is still in progress'
    if (!Number.isFinite(stream.lagBytes) || stream.lagSeconds * SECOND > maxLagUs) return `replication lag ${Number.isFinite(stream.lagBytes) ? Math.ceil(stream.lagSeconds) : '∞'}s is higher than allowed lag ${Math.round(maxLagUs / SECOND)}s`
  }
  const tablets = [...source.shards, ...target.shards].flatMap(shard => shard.tablets)
  const missing = tablets.filter(t => !t.answers || t.type === 'restore')
  if (missing.length === 0) return undefined
  if (missing.some(t => !t.refuses && t.type !== 'restore')) yield REFRESH_LIMIT_US
  return `could not refresh all of the tablets involved in the operation: ${missing.map(t => t.alias).join(', ')}`
}

/** Writes stop on the source, what it has reaches the target, the way back is made. Whatever fails here is undone (rule VT-MOVE-3). */
function* upToTheJournals(workflow: Workflow, { timeoutUs, reverse, cancelled }: SwitchOptions): Process<string | undefined> {
  const { world, source, target, streams } = workflow
  const canceled = 'rpc error: code = Canceled desc = context canceled'
  if (!(yield* topo(world))) return 'stopSourceWrites failed: context deadline exceeded'
  if (cancelled()) return canceled
  world.sim.note(EVENT.traffic, source.name, 0, `the tables of ${source.name} are denied to clients`)
  for (const shard of source.shards) shard.deny()
  for (const shard of source.shards) {
    if (shard.primary === undefined || !(yield* call(shard.primary, 'vtctld'))) return `failed to refresh the primary of ${shard.path}: rpc error: code = Unavailable`
  }
  let lockedUs = 0
  for (const shard of source.shards) lockedUs = Math.max(lockedUs, world.lockedUs(`${shard.path}/lock`))
  yield lockedUs + LOCK_CYCLES * LOCK_PAUSE_US
  if (cancelled()) return canceled
  const endUs = world.sim.now + timeoutUs
  for (const stream of streams) {
    const { leader } = stream.source
    if (leader === undefined) return `the primary of ${stream.source.path} is gone`
    if ((yield within(reaches(stream.copy, 'apply', leader.copy.lsn('receive')), Math.max(0, endUs - world.sim.now))) === TIMED_OUT) return 'waitForCatchup failed: error while waiting for position: context deadline exceeded'
  }
  if (cancelled()) return canceled
  if (reverse && workflow.reverse === undefined) {
    for (const shard of [...source.shards, ...target.shards]) if (shard.primary?.answers !== true) return `createReverseVReplication failed: the primary of ${shard.path} does not answer`
    const back = world.workflows.make(reverseName(workflow.name), target, source, workflow.tabletTypes, workflow)
    back.stopped = true
  }
  if (!(yield* topo(world))) return 'createJournals failed: context deadline exceeded'
  return cancelled() ? canceled : undefined
}

/** cancelMigration: the source takes writes again, if that can be written down. */
function* undo(workflow: Workflow): Process<void> {
  const { world, source } = workflow
  const back = workflow.reverse
  if (back !== undefined) drop(back)
  if (!(yield* topo(world))) return
  world.sim.note(EVENT.traffic, source.name, 2, `the switch is taken back: ${source.name} takes writes again`)
  for (const shard of source.shards) shard.allow()
}

/** Beyond the journals: the target takes writes, the routing rules send to it, the way back runs. What fails here is finished by whoever asks again. */
function* finish(workflow: Workflow, { reverse }: SwitchOptions): Process<string | undefined> {
  const { world, source, target } = workflow
  if (!(yield* topo(world))) return 'allowTargetWrites failed: context deadline exceeded'
  for (const shard of target.shards) {
    shard.deniedUs = undefined
    shard.recorded = undefined
  }
  yield world.timeUs('switchMs', `${target.name}/${workflow.name}`)
  if (!(yield* topo(world))) return 'changeRouting failed: context deadline exceeded'
  world.sim.note(EVENT.traffic, target.name, 3, `the tables are those of ${target.name} now`)
  route(source, target)
  workflow.frozen = true
  workflow.stopped = true
  workflow.look()
  const back = workflow.reverse
  if (reverse && back !== undefined) {
    back.stopped = false
    back.look()
    // The one whose way back this was begins anew as the way back of this one.
    if (workflow.reverseOf !== undefined) world.workflows.end(workflow.reverseOf)
  }
  return undefined
}

/** From now on the routing rules send to the tables of `to`. */
export function route(from: Keyspace, to: Keyspace): void {
  for (const shard of to.shards) {
    const { keys } = shard
    const before = keys.serving
    keys.serving = shard
    before.failoverEndedUs = shard.world.sim.now
    shard.failoverEndedUs = shard.world.sim.now
  }
  for (const shard of [...from.shards, ...to.shards]) shard.changed()
}

/** A workflow is gone, with what it brought. */
export function drop(workflow: Workflow): void {
  workflow.world.workflows.end(workflow)
  for (const { target } of workflow.streams) {
    target.streams = target.streams.filter(stream => stream.workflow !== workflow)
    // What is dropped are its tables, unless they are those that everybody is sent to (a way back that never went).
    if (target.keys.serving !== target && target.streams.length === 0 && workflow.reverseOf === undefined) target.bare = true
    target.changed()
  }
}

/** The name of the way back: `green_reverse` of `green`, and `green` of that. */
export function reverseName(name: string): string {
  return name.endsWith('_reverse') ? name.slice(0, -'_reverse'.length) : `${name}_reverse`
}

/** One write to the topo server: whether it was done. */
export function* topo(world: World): Process<boolean> {
  yield world.rpcUs('vtctld/topo')
  if (world.topoUp) return true
  return (yield within(world.topoBack, REMOTE_OPERATION_US)) !== TIMED_OUT
}
