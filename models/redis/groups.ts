/**
 * Slots in groups: contiguous ranges that nobody's table tells apart. At first one for each shard; where single slots change hands a group is divided, for all tables alike, and
 * where all of them have two neighbours at one owner again they become one. Nobody in the model can notice either.
 */
import { rangeOf } from './slots.ts'
import type { Table } from './table.ts'
import type { World } from './world.ts'

/** From how many on neighbours are looked for that could be one. */
const MANY = 24

function* tables(world: World): Generator<Table> {
  for (const dir of world.dirs) if (dir.table !== undefined) yield dir.table
}

/** The group that is exactly these slots, all of which have one owner in each table; made if there is none. */
export function isolate(world: World, first: number, last: number): number {
  cut(world, first)
  cut(world, last + 1)
  return rangeOf(world.ranges, first)
}

/** The groups of some slots, divided at their ends where they are larger. */
export function groupsIn(world: World, first: number, last: number): readonly number[] {
  cut(world, first)
  cut(world, last + 1)
  const found: number[] = []
  world.ranges.forEach(([from, to], group) => {
    if (from <= to && from >= first && to <= last) found.push(group)
  })
  return found
}

/** Divides the group in which `slot` is not the first. */
function cut(world: World, slot: number): void {
  const group = rangeOf(world.ranges, slot)
  if (group < 0) return
  const [first, last] = world.ranges[group] as readonly [number, number]
  if (first === slot) return
  const into = world.freeGroups.pop() ?? world.ranges.length
  world.ranges[group] = [first, slot - 1]
  world.ranges[into] = [slot, last]
  for (const table of tables(world)) table.divide(group, into)
  world.slotsMoved = true
  regroup(world)
}

function regroup(world: World): void {
  world.shareSlots.forEach((slot, i) => {
    world.shareGroups[i] = rangeOf(world.ranges, slot)
  })
}

/** Makes one of neighbours that everybody has at one owner, and that nobody is moving. */
export function tidy(world: World): void {
  if (world.ranges.length - world.freeGroups.length <= MANY) return
  const all = [...tables(world)]
  const order = world.ranges.map((_, group) => group).filter(group => width(world, group) > 0).sort((a, b) => (world.ranges[a] as readonly [number, number])[0] - (world.ranges[b] as readonly [number, number])[0])
  let into = order[0] as number
  for (const group of order.slice(1)) {
    if (!all.every(table => table.owner[into]?.id === table.owner[group]?.id && !opened(world, table, into) && !opened(world, table, group))) {
      into = group
      continue
    }
    for (const table of all) table.unite(group)
    world.ranges[into] = [(world.ranges[into] as readonly [number, number])[0], (world.ranges[group] as readonly [number, number])[1]]
    world.ranges[group] = [0, -1]
    world.freeGroups.push(group)
  }
  regroup(world)
}

/** Whether a single slot of which the group consists is on its way. */
function opened(world: World, table: Table, group: number): boolean {
  const [first, last] = world.ranges[group] as readonly [number, number]
  return first === last && (table.importing.has(first) || table.migrating.has(first))
}

/** How many slots a group is; 0 = it is no more. */
export function width(world: World, group: number): number {
  const [first, last] = world.ranges[group] as readonly [number, number]
  return last - first + 1
}
