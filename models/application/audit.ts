/**
 * What the sampled keys say at the end: whose row is not what the acknowledged writes call for, and where the two databases differ although both are
 * kept (engine.ts, RowAudit). Rows are whole images, so what a later write replaced is not missed.
 */
import type { Copy } from '../../src/cluster/log/index.ts'
import type { DivergentRow, RowAudit } from '../../src/engine.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { alike } from './checksum.ts'
import type { Commit, Key, Operation, Row } from './rows.ts'
import type { World } from './world.ts'

/** What is younger than this may still be on its way: its key is not judged. */
const YOUNG_US = 20 * SECOND

export interface Kept {
  /** The database whose rows count; undefined = none is left. */
  readonly authority: Copy | undefined
  /** The other one, if something writes to both or fills it. */
  readonly other: Copy | undefined
}

export function audit(world: World, { authority, other }: Kept): RowAudit {
  const { rows, options, sim } = world
  const { keys, hotKeys } = options
  const hot = { name: 'hot', keys: Math.round(keys * hotKeys), sampled: 0, divergent: 0, lost: 0 }
  const cold = { name: 'cold', keys: keys - Math.round(keys * hotKeys), sampled: 0, divergent: 0, lost: 0 }
  const found: DivergentRow[] = []
  for (const key of rows.keys) {
    const latest = key.operations.at(-1)
    if (latest !== undefined && (latest.outcome === 'pending' || latest.doneUs > sim.now - YOUNG_US)) continue
    const stratum = key.hot ? hot : cold
    stratum.sampled += 1
    const lost = missing(world, key, authority)
    stratum.lost += lost.length
    const divergent = lost.length > 0 ? wrong(world, key, authority, lost) : apart(world, key, authority, other)
    if (divergent === undefined) continue
    stratum.divergent += 1
    found.push({ ...divergent, stratum: stratum.name })
  }
  return { strata: [hot, cold], divergent: found, repeated: rows.repeated }
}

/** Acknowledged operations that began when the one whose image counts was long done: nothing excuses that their effect is not there. */
function missing({ rows }: World, key: Key, authority: Copy | undefined): readonly Operation[] {
  const row = authority === undefined ? undefined : rows.row(authority, key)
  const last = row === undefined ? undefined : key.operations.find(({ id }) => id === row.op)
  const sinceUs = last?.doneUs ?? Number.NEGATIVE_INFINITY
  const untraced = key.operations.filter(each => each.outcome === 'ok' && each.id !== row?.op && each.invokedUs > sinceUs && !foundDeleted(key, each))
  // Where there should be no row and is none, nothing is amiss, however it came about: of operations at one time the deletion may have been the last.
  const deletedLast = untraced.some(each => each.sql === 'delete' && untraced.every(({ invokedUs }) => invokedUs <= each.doneUs))
  return deletedLast && row?.present === false ? [] : untraced
}

/**
 * Two clients at once: one deletes the row, the other's statement comes after it and rightly changes nothing (rule APP-ROWS-3). Not so where the row
 * should have been there again by then, or had never got there.
 */
function foundDeleted({ operations }: Key, { legs, invokedUs }: Operation): boolean {
  return legs.length > 0 && legs.every(({ result, deletedBy }) => {
    const deletion = deletedBy === undefined ? undefined : operations.find(({ id }) => id === deletedBy)
    return result === 'no-row' && deletion !== undefined && !operations.some(each => each.outcome === 'ok' && each.sql !== 'delete' && each.invokedUs > deletion.doneUs && each.doneUs < invokedUs)
  })
}

type Found = Omit<DivergentRow, 'stratum'>

function wrong(world: World, key: Key, authority: Copy | undefined, lost: readonly Operation[]): Found {
  const { rows, databases } = world
  const expected = lost.at(-1) as Operation
  const where = authority === undefined ? 'nowhere' : databases.nameOf(authority)
  if (authority === undefined) return { key: keyName(key), kind: 'missing', cause: 'destroyed-volume', atUs: expected.doneUs, lost: lost.length, where, text: 'no copy of the data is left' }
  const row = rows.row(authority, key)
  const commit = rows.made(authority, key)
  return { key: keyName(key), kind: kindOf(expected, row), ...why(world, key, authority, expected, commit), lost: lost.length, where, text: said(world, expected, row, commit, where) }
}

/** The rows of the two databases are not the same. */
function apart(world: World, key: Key, authority: Copy | undefined, other: Copy | undefined): Found | undefined {
  const { rows, databases } = world
  if (authority === undefined || other === undefined) return undefined
  const here = rows.row(authority, key)
  const there = rows.row(other, key)
  if (alike(here, there)) return undefined
  const newest = Math.max(here.op, there.op)
  const expected = key.operations.find(({ id }) => id === newest)
  const behind = there.op === newest ? authority : other
  const where = databases.nameOf(behind)
  const row = behind === other ? there : here
  const commit = rows.made(behind, key)
  if (expected === undefined) return { key: keyName(key), kind: 'missing', cause: 'never-copied', atUs: 0, lost: 0, where, text: `${where} never got the row of before the story` }
  return { key: keyName(key), kind: kindOf(expected, row), ...why(world, key, behind, expected, commit), lost: 0, where, text: said(world, expected, row, commit, where) }
}

function kindOf(expected: Operation, row: Row): DivergentRow['kind'] {
  if (expected.sql === 'delete') return 'resurrected'
  return row.present ? 'stale' : 'missing'
}

/** How it came about: what put an older image there, or why the expected one never came (signature causes). */
function why(world: World, key: Key, copy: Copy, expected: Operation, commit: Commit | undefined): { cause: string; atUs: number } {
  const { rows } = world
  const arrived = key.commits.findLast(each => each.copy === copy && each.row.op === expected.id)
  if (arrived !== undefined) {
    if (commit === undefined) return { cause: 'destroyed-volume', atUs: arrived.atUs }
    return { cause: commit.by === 'program' ? 'interleaved' : overwritten(expected, commit), atUs: commit.atUs }
  }
  if (commit !== undefined && commit.by !== 'program' && commit.atUs > expected.doneUs) return { cause: overwritten(expected, commit), atUs: commit.atUs }
  const side = rows.sideOf(copy)
  const tried = expected.legs.filter(leg => leg.side === side)
  const leg = tried.at(-1)
  if (leg === undefined) return { cause: 'not-written-there', atUs: expected.doneUs }
  if (leg.result === 'no-row') return { cause: 'no-row-yet', atUs: leg.atUs }
  return { cause: leg.result === 'older' ? 'interleaved' : 'failed-statement', atUs: leg.atUs }
}

/** A job or a connector put an older image there. */
function overwritten(expected: Operation, { by }: Commit): string {
  return by === 'cdc' ? 'redelivered' : by === 'relay' ? 'out-of-order' : expected.sql === 'delete' ? 'resurrected-delete' : 'stale-overwrite'
}

function said({ options }: World, expected: Operation, row: Row, commit: Commit | undefined, where: string): string {
  const what = expected.sql === 'delete' ? 'was deleted' : expected.sql === 'insert' ? 'was inserted' : 'was updated'
  const by = commit === undefined ? '' : commit.by === 'program' ? `, written by ${options.name}` : commit.by === 'backfill' ? ', written by the backfill' : `, written by the ${commit.by === 'relay' ? 'relay' : 'connector'}`
  const holds = row.present ? `holds ${row.op === 0 ? 'the row of before the story' : 'an older row'}${by}` : row.op === 0 ? 'has no row' : `has it deleted${by}`
  return `it ${what} and ${where} ${holds}`
}

function keyName({ index, hot }: Key): string {
  return `${hot ? 'hot' : 'cold'}-${index}`
}
