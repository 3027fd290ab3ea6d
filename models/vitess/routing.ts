/** What sends clients to a keyspace or keeps them from one by hand: routing rules, and denied tables of a shard's record (rules VT-ROUTE-…). Runs in vtctld. */
import type { Process } from '../../src/kernel/index.ts'
import { ok, type Output, UnsupportedError } from '../../src/operator/command.ts'
import { EVENT } from './events.ts'
import { topo } from './movetables.ts'
import { call } from './reparent.ts'
import type { Shard } from './shard.ts'
import { WorkflowError } from './workflow-commands.ts'
import type { World } from './world.ts'

const AWAY = 'rpc error: code = DeadlineExceeded desc = context deadline exceeded'

interface RoutingRules {
  readonly rules?: readonly { readonly fromTable?: string; readonly from_table?: string; readonly toTables?: readonly string[]; readonly to_tables?: readonly string[] }[]
}

/**
 * The keyspace that routing rules lead to; all of them must lead to one, as the model moves all tables together.
 * @throws WorkflowError when it is no JSON of rules  @throws UnsupportedError when they lead to several, or to none
 */
export function ledTo(text: string): string {
  let read: RoutingRules
  try {
    read = JSON.parse(text) as RoutingRules
  } catch {
    throw new WorkflowError('proto: syntax error: the routing rules are no JSON')
  }
  const targets = new Set((read.rules ?? []).flatMap(rule => rule.toTables ?? rule.to_tables ?? []).map(table => table.slice(0, Math.max(0, table.indexOf('.')))))
  const [keyspace] = targets
  if (keyspace === undefined || keyspace === '' || targets.size > 1) throw new UnsupportedError('vtctldclient ApplyRoutingRules: rules that do not all lead to tables of one keyspace are not modelled', ['--rules \'{"rules":[{"fromTable":"orders","toTables":["green.orders"]}]}\''])
  return keyspace
}

/** ApplyRoutingRules: everybody is sent where the rules say, whatever is there (rule VT-ROUTE-1). */
export function* applyRoutingRules(world: World, text: string): Process<Output> {
  const name = ledTo(text)
  const keyspace = world.keyspaces.get(name)
  if (keyspace === undefined) throw new UnsupportedError(`vtctldclient ApplyRoutingRules: rules that lead to ${name}, a keyspace that is not there, are not modelled`, [...world.keyspaces.keys()])
  if (!(yield* topo(world))) throw new WorkflowError(AWAY)
  yield world.timeUs('switchMs', `${name}/rules`)
  world.sim.note(EVENT.traffic, name, 4, `the routing rules send everybody to the tables of ${name}`)
  for (const shard of keyspace.shards) {
    const before = shard.keys.serving
    shard.keys.serving = shard
    if (before !== shard) before.changed()
    shard.changed()
  }
  return ok('')
}

/** SetShardTabletControl: the shard's record denies its tables, or does not any more; a tablet goes by it when it reads it (rule VT-ROUTE-2). */
export function* setTabletControl(world: World, shard: Shard, type: string, flags: ReadonlyMap<string, string>): Process<Output> {
  const remove = flags.get('remove') === 'true'
  if (type !== 'primary' || (flags.get('denied-tables') ?? '') === '') throw new UnsupportedError('vtctldclient SetShardTabletControl: only denied tables of a primary are modelled', ['SetShardTabletControl --denied-tables=t1,t2 [--remove] KEYSPACE/SHARD primary'])
  if (!(yield* topo(world))) throw new WorkflowError(AWAY)
  if (remove && !shard.denies) throw new WorkflowError('rpc error: code = Unknown desc = cannot remove tables since one or more do not exist in the denylist')
  shard.recorded = !remove
  world.sim.note(EVENT.traffic, shard.path, remove ? 6 : 5, `the record of ${shard.path} ${remove ? 'denies no tables any more' : 'denies its tables'}; its primary goes by it when it reads it`)
  return ok(`${JSON.stringify({ keyspace: shard.keyspace.name, name: shard.range, shard: { tablet_controls: remove ? [] : [{ tablet_type: 1, denied_tables: (flags.get('denied-tables') as string).split(',') }] } }, undefined, 2)}\n`)
}

/** ApplySchema: the tables of a keyspace that has none are made, empty, and whoever names it may write (rule VT-SCHEMA-1). */
export function* applySchema(world: World, name: string, flags: ReadonlyMap<string, string>): Process<Output> {
  const keyspace = world.keyspaces.get(name)
  if (keyspace === undefined) throw new WorkflowError(`rpc error: code = Unknown desc = node doesn't exist: keyspaces/${name}/Keyspace`)
  if (!/^\s*create\s+table\b/i.test(flags.get('sql') ?? '')) throw new UnsupportedError('vtctldclient ApplySchema: only CREATE TABLE, in a keyspace without tables, is modelled', ["ApplySchema --sql 'create table …' KEYSPACE"])
  if (!(yield* topo(world))) throw new WorkflowError(AWAY)
  for (const { primary, path } of keyspace.shards) {
    if (primary === undefined) throw new WorkflowError(`rpc error: code = Unknown desc = shard ${path} has no primary`)
    if (!(yield* call(primary, 'vtctld'))) throw new WorkflowError(`rpc error: code = Unavailable desc = ${primary.alias} did not answer`)
  }
  const bare = keyspace.shards.filter(shard => shard.bare)
  if (bare.length === 0 && !/^\s*create\s+table\s+if\s+not\s+exists\b/i.test(flags.get('sql') ?? '')) throw new WorkflowError("rpc error: code = Unknown desc = Table already exists (errno 1050) (sqlstate 42S01)")
  for (const shard of bare) {
    shard.bare = false
    shard.deniedUs = undefined
    shard.changed()
  }
  world.sim.note(EVENT.traffic, name, 7, `the tables of ${name} are made, empty`)
  return ok(`UUIDs: []\n`)
}

/** RefreshStateByShard: its tablets read their records. One that does not answer is left out, and said. */
export function* refreshShard(world: World, shard: Shard): Process<Output> {
  if (!(yield* topo(world))) throw new WorkflowError(AWAY)
  let partial = false
  for (const tablet of shard.tablets) {
    if (!(yield* call(tablet, 'vtctld'))) partial = true
    else if (tablet === shard.primary) shard.readRecord()
  }
  return ok(`Refreshed state on ${shard.path}\n${partial ? 'State refresh was partial; some tablets in the shard may not have succeeded.\n' : ''}`)
}
