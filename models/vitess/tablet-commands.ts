/** What `vtctldclient` does with single tablets: lists them, changes their type, stops and starts their replication, backs them up and restores them. */
import { type Process } from '../../src/kernel/index.ts'
import { ok, type Output, UnsupportedError } from '../../src/operator/command.ts'
import { timestamp } from '../kubernetes/objects.ts'
import type { TabletProgram } from './program.ts'
import { call } from './reparent.ts'
import type { Shard } from './shard.ts'
import type { Tablet, TabletType } from './tablet.ts'
import type { World } from './world.ts'

/** Text that a command fails with, and what it printed before. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly out = '',
  ) {
    super(message)
  }
}

/** Numbers of topodata.TabletType, as JSON has them. */
const TYPE_NUMBERS: Readonly<Record<TabletType, number>> = { primary: 1, replica: 2, rdonly: 3, spare: 4, backup: 6, restore: 7, drained: 8 }
/** What a type may be called on the command line; `master` and `batch` are old names. */
const TYPE_WORDS: Readonly<Record<string, TabletType | 'experimental'>> = { primary: 'primary', master: 'primary', replica: 'replica', rdonly: 'rdonly', batch: 'rdonly', spare: 'spare', experimental: 'experimental', backup: 'backup', restore: 'restore', drained: 'drained' }

function typeOf(word: string): TabletType | 'experimental' {
  const type = TYPE_WORDS[word.toLowerCase()]
  if (type === undefined) throw new Refusal(`unknown TabletType ${word}`)
  return type
}

// ── what they print ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One line of `GetTablets`: alias, keyspace, shard, type, host:port, host:mysql port, tags, start of the term. */
export function awk(t: Tablet, type: string = t.type): string {
  const host = t.world.kubernetes.pods$.get(t.pod)?.podIP ?? '""'
  return `${t.alias} ${t.shard.keyspace.name} ${t.shard.range} ${type} ${host}:15000 ${host}:3306 [] ${t.type === 'primary' ? timestamp(t.shard.termStartUs) : '<null>'}`
}

export function aliasJson(t: Tablet): { readonly cell: string; readonly uid: number } {
  return { cell: t.cell, uid: t.uid }
}

export function timeJson(us: number): { readonly seconds: string } {
  return { seconds: String(Math.floor(us / 1_000_000)) }
}

export function tabletJson(t: Tablet): Record<string, unknown> {
  return {
    alias: aliasJson(t),
    hostname: t.world.kubernetes.pods$.get(t.pod)?.podIP ?? '',
    port_map: { grpc: 15999, vt: 15000 },
    keyspace: t.shard.keyspace.name,
    shard: t.shard.range,
    type: TYPE_NUMBERS[t.type],
    mysql_port: 3306,
    ...(t.type === 'primary' ? { primary_term_start_time: timeJson(t.shard.termStartUs) } : {}),
  }
}

/** GetTablets: by aliases alone, or by cells, type, keyspace and shard. Source: vtctldclient command/tablets.go commandGetTablets. */
export function getTablets(world: World, flags: ReadonlyMap<string, string>, find: (alias: string) => Tablet): string {
  const format = (flags.get('format') ?? 'awk').toLowerCase()
  if (format !== 'awk' && format !== 'json') throw new Refusal(`invalid output format, got ${flags.get('format')}`)
  const cells = flags.get('cell')?.split(',')
  const named = flags.get('tablet-alias')?.split(',')
  const keyspace = flags.get('keyspace')
  const range = flags.get('shard')
  const word = flags.get('tablet-type')
  const type = word === undefined ? undefined : typeOf(word)
  if (named !== undefined) for (const other of ['keyspace', 'shard', 'cell', 'tablet-type']) if (flags.has(other)) throw new Refusal(`--${other} (= ${flags.get(other)}) cannot be passed when using --tablet-alias (= [${named.join(' ')}])`)
  if (range !== undefined && keyspace === undefined) throw new Refusal(`--shard (= ${range}) cannot be passed without also passing --keyspace`)
  // What is named is looked up: a fleet is not walked for each question about one of it.
  const among = named !== undefined ? named.map(find) : range === undefined ? [...world.tablets.values()] : (world.byPath.get(`${keyspace}/${range}`)?.tablets ?? [])
  const found = among.filter(t => (keyspace === undefined || keyspace === t.shard.keyspace.name) && (cells === undefined || cells.includes(t.cell)) && (type === undefined || type === t.type))
  return format === 'json' ? `${JSON.stringify(found.map(tabletJson), undefined, 2)}\n` : found.map(t => `${awk(t)}\n`).join('')
}

// ── what they do ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function* reached(tablet: Tablet): Process<void> {
  if (!(yield* call(tablet, 'vtctld'))) throw new Refusal(`rpc error: code = Unavailable desc = ${tablet.alias} did not answer`)
}

/** ChangeTabletType, among those that are no primary and do not restore (rule VT-TYPE-1). */
export function* changeType(tablet: Tablet, word: string, dryRun: boolean): Process<Output> {
  const { world, shard } = tablet
  const type = typeOf(word)
  if (!world.topoUp) throw new Refusal('rpc error: code = DeadlineExceeded desc = context deadline exceeded')
  const trivial = tablet.type !== 'primary' && type !== 'primary' && type !== 'restore' && (tablet.type !== 'restore' || type === 'spare')
  if (!trivial) throw new Refusal(`rpc error: code = Unknown desc = tablet ${tablet.alias} type change ${tablet.type.toUpperCase()} -> ${type.toUpperCase()} is not an allowed transition for ChangeTabletType`)
  if (type === 'experimental' || type === 'backup') throw new UnsupportedError(`vtctldclient ChangeTabletType: ${type} is not modelled`, ['replica', 'rdonly', 'spare', 'drained'])
  const before = awk(tablet)
  if (dryRun) return ok(`--- DRY RUN ---\n- ${before}\n+ ${awk(tablet, type)}\n`)
  yield* reached(tablet)
  tablet.setType(type)
  shard.leader?.applyRule()
  shard.changed()
  return ok(`- ${before}\n+ ${awk(tablet)}\n`)
}

/** StopReplication and StartReplication: whom it replicates from stays what it was (rule VT-REPL-2). */
export function* setReplication(tablet: Tablet, on: boolean): Process<Output> {
  yield* reached(tablet)
  tablet.halt(!on)
  tablet.shard.changed()
  return ok(`${on ? 'Started' : 'Stopped'} replication on ${tablet.alias}\n`)
}

/** SetReplicationSource to the primary of the shard record, without waiting for anything to arrive. */
export function* reparentTablet(tablet: Tablet): Process<Output> {
  const { shard } = tablet
  const { primary } = shard
  if (primary === undefined) throw new Refusal(`rpc error: code = FailedPrecondition desc = no primary tablet for shard ${shard.path}`)
  if (primary === tablet) throw new Refusal(`rpc error: code = FailedPrecondition desc = cannot ReparentTablet current shard primary (${tablet.alias}) onto itself`)
  yield* reached(tablet)
  if (tablet.type === 'restore') throw new Refusal(`rpc error: code = Unknown desc = ${tablet.alias}: tablet is in restore mode`)
  tablet.stopLeading('clean')
  tablet.setSource(primary)
  shard.changed()
  return ok(`${JSON.stringify({ keyspace: shard.keyspace.name, shard: shard.range, primary: aliasJson(primary) }, undefined, 2)}\n`)
}

export function* restoreFromBackup(programs: TabletProgram, tablet: Tablet): Process<Output> {
  if (tablet.type === 'primary') throw new Refusal(`TabletManager.RestoreFromBackup on ${tablet.alias}: tablet is a primary`)
  yield* reached(tablet)
  if (!tablet.world.options.backup) throw new Refusal('no backup to restore on BackupStorage')
  const task = tablet.world.sim.spawn(programs.restoreAgain(tablet))
  const restored = (yield task) as boolean | undefined
  if (restored !== true) throw new Refusal(`rpc error: code = Unavailable desc = ${tablet.alias} went away while it restored`)
  return ok(`${tablet.alias} (${tablet.shard.path}): restore finished\n`)
}

/** Backup: with the builtin engine its mysqld is down for as long as it takes, with xtrabackup it goes on (rule VT-BACKUP-2). */
export function* backUp(programs: TabletProgram, tablet: Tablet, allowPrimary: boolean): Process<Output> {
  const { world } = tablet
  if (tablet.type === 'primary') {
    if (!allowPrimary) throw new Refusal(`rpc error: code = Unknown desc = TabletManager.Backup on ${tablet.alias}: type PRIMARY cannot take backup. if you really need to do this, rerun the backup command with --allow-primary`)
    if (world.options.backupEngine === 'builtin') throw new UnsupportedError('vtctldclient Backup: a primary that the builtin engine shuts down is not modelled', ['a replica', 'cluster.backupEngine: xtrabackup'])
  }
  yield* reached(tablet)
  if (programs.backingUp(tablet)) throw new Refusal(`rpc error: code = Unknown desc = TabletManager.Backup on ${tablet.alias}: a backup is already running on tablet: ${tablet.alias}`)
  const task = world.sim.spawn(programs.backUp(tablet))
  const done = (yield task) as boolean | undefined
  if (done !== true) throw new Refusal(`rpc error: code = Unavailable desc = ${tablet.alias} went away during its backup`)
  return ok(`${tablet.alias} (${tablet.shard.path}): backup finished\n`)
}

/** BackupShard: of the REPLICA, RDONLY and SPARE tablets the one that lags least, else the primary if it may be (rule VT-BACKUP-3). */
export function* backUpShard(programs: TabletProgram, shard: Shard, allowPrimary: boolean): Process<Output> {
  let chosen: Tablet | undefined
  for (const t of shard.tablets) {
    if (t.type !== 'replica' && t.type !== 'rdonly' && t.type !== 'spare') continue
    yield* reached(t)
    if (chosen === undefined || Math.floor(t.lagSeconds) < Math.floor(chosen.lagSeconds)) chosen = t
  }
  if (chosen === undefined && allowPrimary) chosen = shard.primary
  if (chosen === undefined) throw new Refusal('rpc error: code = FailedPrecondition desc = no tablet available for backup')
  return yield* backUp(programs, chosen, allowPrimary)
}

/** GetBackups: the nightly one and those that were taken since, by time; `--limit` takes the newest. */
export function backupsOf(shard: Shard, limit: string | undefined): string {
  const { world } = shard
  const names = [
    ...(world.options.backup ? [`2025-12-31.230000.${shard.tablets.at(-1)?.alias ?? ''}`] : []),
    ...(world.backupTimes.get(shard) ?? []).map(({ us, alias }) => `${timestamp(us).replace(/^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d).*$/, '$1.$2$3$4')}.${alias}`),
  ]
  const most = limit === undefined || limit === '0' ? names.length : Number(limit)
  return names.slice(-most).map(name => `${name}\n`).join('')
}
