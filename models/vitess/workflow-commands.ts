/** `vtctldclient MoveTables …` and `vtctldclient VDiff …`: what they print, and how they act. */
import { SECOND, type Process, type Us } from '../../src/kernel/index.ts'
import { failed, ok, type Output } from '../../src/operator/command.ts'
import { drop, reverseName, switchTraffic } from './movetables.ts'
import { call } from './reparent.ts'
import type { Tablet } from './tablet.ts'
import type { Stream, Workflow } from './vreplication.ts'
import type { World } from './world.ts'

export interface WorkflowCall {
  readonly action: string
  readonly rest: readonly string[]
  readonly flags: ReadonlyMap<string, string>
  readonly timeoutUs: Us | undefined
  readonly maxLagUs: Us | undefined
}

/** What somebody is told who asks for something that cannot be had. */
export class WorkflowError extends Error {}

/** MoveTables’ actions, and VDiff’s; `looks` only read. */
export const MOVE_ACTIONS: Readonly<Record<string, { readonly looks: boolean }>> = {
  create: { looks: false }, show: { looks: true }, status: { looks: true }, switchtraffic: { looks: false }, reversetraffic: { looks: false }, complete: { looks: false }, cancel: { looks: false },
}
export const DIFF_ACTIONS: Readonly<Record<string, { readonly looks: boolean }>> = { create: { looks: false }, show: { looks: true } }

export const LIST_ACTIONS: Readonly<Record<string, { readonly looks: boolean }>> = { list: { looks: true } }

const LAG_ALLOWED_US = 30 * SECOND
/** A comparison that was broken off is tried again after this. */
const DIFF_RETRY_US = 30 * SECOND
const SWITCH_TIMEOUT_US = 30 * SECOND

function workflowOf(world: World, flags: ReadonlyMap<string, string>): Workflow {
  const keyspace = flags.get('target-keyspace') ?? ''
  const name = flags.get('workflow') ?? ''
  if (!world.keyspaces.has(keyspace)) throw new WorkflowError(`rpc error: code = Unknown desc = node doesn't exist: keyspaces/${keyspace}/Keyspace`)
  const found = world.workflows.find(keyspace, name)
  if (found === undefined) throw new WorkflowError(`rpc error: code = Unknown desc = the ${name} workflow does not exist in the ${keyspace} keyspace`)
  return found
}

// ── what only reads ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function showMove(world: World, { flags }: WorkflowCall): string {
  const workflow = workflowOf(world, flags)
  const shards = Object.fromEntries(workflow.streams.map(stream => [stream.target.path, { streams: [streamJson(stream)] }]))
  return `${JSON.stringify({ table_copy_state: {}, shard_streams: shards, traffic_state: trafficState(workflow) }, undefined, 2)}\n`
}

function streamJson(stream: Stream): Record<string, unknown> {
  const { primary } = stream.target
  const running = stream.state === 'Running' && stream.streaming
  return {
    id: 1,
    tablet: primary === undefined ? null : { cell: primary.cell, uid: primary.uid },
    source_shard: stream.source.path,
    position: `MySQL56/${stream.source.terms}:1-${Math.floor(stream.copy.lsn('apply') / stream.source.bytesPerWrite)}`,
    status: stream.state === 'Running' && !running ? 'Error' : stream.state,
    info: running ? `VStream Lag: ${Math.floor(stream.lagSeconds)}s` : stream.error ?? '',
  }
}

function trafficState(workflow: Workflow): string {
  if (workflow.frozen) return 'Reads Switched. Writes Switched'
  return workflow.journalled ? 'Reads Not Switched. Writes Switched' : 'Reads Not Switched. Writes Not Switched'
}

/** One comparison of both sides at a common position (rule VT-MOVE-7). */
export interface Diff {
  readonly id: string
  readonly startedUs: Us
  doneUs: Us | undefined
  state: 'started' | 'completed' | 'error'
  mismatch: boolean
}

export function showDiff(world: World, { rest, flags }: WorkflowCall): string {
  const workflow = workflowOf(world, flags)
  const wanted = rest[0] ?? 'last'
  const diff = wanted === 'last' || wanted === 'all' ? workflow.diffs.at(-1) : workflow.diffs.find(one => one.id === wanted)
  if (diff === undefined) throw new WorkflowError(`rpc error: code = Unknown desc = no vdiff found for workflow ${workflow.target.name}.${workflow.name}`)
  return [`VDiff Summary for ${workflow.target.name}.${workflow.name} (${diff.id})`, `State:        ${diff.state}`, `HasMismatch:  ${diff.mismatch}`, ''].join('\n')
}

// ── what acts ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Runs in vtctld: what is wrong is its answer. */
export function* actOnMove(world: World, called: WorkflowCall, cancelled: () => boolean): Process<Output> {
  try {
    return yield* act(world, called, cancelled)
  } catch (error) {
    if (error instanceof WorkflowError) return failed(`${error.message}\n`)
    throw error
  }
}

function* act(world: World, called: WorkflowCall, cancelled: () => boolean): Process<Output> {
  const { action, flags } = called
  if (!world.topoUp) return failed('rpc error: code = DeadlineExceeded desc = context deadline exceeded\n')
  if (action === 'create') return yield* create(world, called)
  const workflow = workflowOf(world, flags)
  switch (action) {
    case 'switchtraffic':
    case 'reversetraffic': {
      const which = action === 'switchtraffic' ? workflow : workflow.reverse
      if (which === undefined) return failed(`rpc error: code = Unknown desc = the ${reverseName(workflow.name)} workflow does not exist in the ${workflow.source.name} keyspace\n`)
      const error = yield* switchTraffic(which, {
        timeoutUs: called.timeoutUs ?? SWITCH_TIMEOUT_US,
        maxLagUs: called.maxLagUs ?? LAG_ALLOWED_US,
        reverse: flags.get('enable-reverse-replication') !== 'false',
        cancelled,
      })
      if (error !== undefined) return failed(`rpc error: code = Unknown desc = ${error}\n`)
      return ok(`${action === 'switchtraffic' ? 'SwitchTraffic' : 'ReverseTraffic'} was successful for workflow ${workflow.target.name}.${workflow.name}\n\nStart State: Reads Not Switched. Writes Not Switched\nCurrent State: ${action === 'switchtraffic' ? trafficState(workflow) : 'Reads Not Switched. Writes Not Switched'}\n`)
    }
    case 'complete':
      return complete(workflow, flags)
    default:
      return cancel(workflow, flags)
  }
}

function* create(world: World, { flags }: WorkflowCall): Process<Output> {
  const source = world.keyspaces.get(flags.get('source-keyspace') ?? '')
  const target = world.keyspaces.get(flags.get('target-keyspace') ?? '')
  const name = flags.get('workflow') ?? ''
  for (const [keyspace, flag] of [[source, 'source-keyspace'], [target, 'target-keyspace']] as const) if (keyspace === undefined) return failed(`rpc error: code = Unknown desc = node doesn't exist: keyspaces/${flags.get(flag) ?? ''}/Keyspace\n`)
  if (source === undefined || target === undefined || source === target) return failed('rpc error: code = Unknown desc = the source and target keyspace must differ\n')
  if (world.workflows.find(target.name, name) !== undefined) return failed(`rpc error: code = Unknown desc = workflow ${name} already exists in keyspace ${target.name}\n`)
  for (const shard of [...source.shards, ...target.shards]) {
    if (shard.primary === undefined) return failed(`rpc error: code = Unknown desc = shard ${shard.path} has no primary\n`)
    if (!(yield* call(shard.primary, 'vtctld'))) return failed(`rpc error: code = Unavailable desc = ${shard.primary.alias} did not answer\n`)
  }
  const types = (flags.get('tablet-types') ?? 'in_order:REPLICA,PRIMARY').replace(/^in_order:/i, '').toLowerCase().split(',').filter((type): type is Tablet['type'] => ['primary', 'replica', 'rdonly'].includes(type))
  const workflow = world.workflows.make(name, source, target, types, undefined)
  workflow.look()
  return ok(`The following vreplication streams exist for workflow ${target.name}.${name}:\n\n${workflow.streams.map(stream => `id=1 on ${stream.target.path}: Status: Copying.\n`).join('')}`)
}

/** Both ways are gone, and so are the tables of the source unless they are to be kept (rule VT-MOVE-8). */
function complete(workflow: Workflow, flags: ReadonlyMap<string, string>): Output {
  if (!workflow.frozen) return failed('rpc error: code = Unknown desc = cannot complete workflow because you have not yet switched all read and write traffic\n')
  const { world, source } = workflow
  const back = workflow.reverse
  if (back !== undefined) world.workflows.end(back)
  world.workflows.end(workflow)
  if (flags.get('keep-data') !== 'true') for (const shard of source.shards) shard.dropped = true
  for (const shard of source.shards) shard.changed()
  return ok(`Successfully completed the ${workflow.name} workflow in the ${workflow.target.name} keyspace\n`)
}

/** Before the switch: the workflow and what it copied are gone, and the source takes writes if they were denied. */
function cancel(workflow: Workflow, flags: ReadonlyMap<string, string>): Output {
  if (workflow.frozen || workflow.journalled) return failed('rpc error: code = Unknown desc = cannot cancel workflow because you have already switched some or all read and write traffic\n')
  const { world, source } = workflow
  if (flags.get('keep-data') === 'true') world.workflows.end(workflow)
  else drop(workflow)
  for (const shard of source.shards) if (shard.keys.serving === shard) shard.allow()
  return ok(`Successfully cancelled the ${workflow.name} workflow in the ${workflow.target.name} keyspace\n`)
}

export function actOnDiff(world: World, { flags }: WorkflowCall, id: string): Output {
  if (!world.topoUp) return failed('rpc error: code = DeadlineExceeded desc = context deadline exceeded\n')
  const workflow = workflowOf(world, flags)
  const diff: Diff = { id, startedUs: world.sim.now, doneUs: undefined, state: 'started', mismatch: false }
  workflow.diffs.push(diff)
  const us = world.readingUs('vdiffMBps', `${workflow.target.name}/${workflow.name}`)
  const done = (): void => {
    const able = !workflow.ended && workflow.streams.every(stream => stream.streaming)
    // What broke it off may be over: it is tried again by itself (auto-retry).
    if (!able && !workflow.ended && workflow.streams.every(stream => stream.error === undefined)) return void world.sim.after(DIFF_RETRY_US, done)
    diff.doneUs = world.sim.now
    diff.state = able ? 'completed' : 'error'
    // Whatever the target holds that did not come by this stream, the source lacks.
    diff.mismatch = able && workflow.streams.some(stream => stream.ownBytes > stream.ownAtStart)
    world.sim.touch()
  }
  world.sim.after(us, done)
  return ok(`VDiff ${id} scheduled on target shards, use show to view progress\n`)
}
