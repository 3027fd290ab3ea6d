/** Which slots `redis-cli --cluster reshard` and `rebalance` move. Source: redis-cli.c clusterManagerComputeReshardTable, clusterManagerCommandRebalance (7.0.15); recordings of 7.0.15. */
import { width } from '../groups.ts'
import { SLOTS } from '../names.ts'
import type { Server } from '../server.ts'

/** Slots of one source that follow one another. */
export interface Move {
  readonly from: Server
  readonly first: number
  readonly last: number
}

/** A node's slots as ranges, ascending, neighbours joined. */
export function slotRangesOf(server: Server): readonly (readonly [number, number])[] {
  const { table, world } = server
  const sorted = table.groupsOf(table.myself).filter(group => width(world, group) > 0).map(group => world.ranges[group] as readonly [number, number]).sort((a, b) => a[0] - b[0])
  const joined: [number, number][] = []
  for (const [first, last] of sorted) {
    const before = joined.at(-1)
    if (before !== undefined && before[1] === first - 1) before[1] = last
    else joined.push([first, last])
  }
  return joined
}

export function countOf(server: Server): number {
  return slotRangesOf(server).reduce((sum, [first, last]) => sum + last - first + 1, 0)
}

/** Sources give in proportion to what they have, the largest first and rounded up, each its lowest slots. */
export function reshardTable(sources: readonly Server[], wanted: number): readonly Move[] {
  const sorted = [...sources].sort((a, b) => countOf(b) - countOf(a))
  const all = sorted.reduce((sum, source) => sum + countOf(source), 0)
  const moves: Move[] = []
  let left = wanted
  sorted.forEach((from, i) => {
    const exact = (wanted / all) * countOf(from)
    let n = Math.min(left, i === 0 ? Math.ceil(exact) : Math.floor(exact))
    for (const [first, last] of slotRangesOf(from)) {
      const here = Math.min(n, last - first + 1)
      if (here <= 0) break
      moves.push({ from, first, last: first + here - 1 })
      n -= here
      left -= here
    }
  })
  return moves
}

export interface Weighed {
  readonly node: Server
  readonly weight: number
}

interface Balance {
  readonly node: Server
  balance: number
}

/** Who gives how many slots to whom; undefined = all are within the threshold. */
export function rebalancePlan(nodes: readonly Weighed[], thresholdPercent: number): readonly { readonly from: Server; readonly to: Server; readonly slots: number }[] | undefined {
  const total = nodes.reduce((sum, { weight }) => sum + weight, 0)
  let over = false
  const balances: Balance[] = nodes.map(({ node, weight }) => {
    const expected = Math.floor((SLOTS / total) * weight)
    const has = countOf(node)
    if (has > 0 ? Math.abs(100 - (100 * expected) / has) > thresholdPercent : expected > 1) over = true
    return { node, balance: has - expected }
  })
  if (!over) return undefined
  // What rounding left is asked of those that have too little.
  let rest = balances.reduce((sum, { balance }) => sum + balance, 0)
  while (rest > 0) {
    for (const each of balances) {
      if (each.balance > 0 || rest <= 0) continue
      each.balance -= 1
      rest -= 1
    }
  }
  balances.sort((a, b) => a.balance - b.balance)
  const plan: { from: Server; to: Server; slots: number }[] = []
  for (let to = 0, from = balances.length - 1; to < from; ) {
    const taker = balances[to] as Balance
    const giver = balances[from] as Balance
    const slots = Math.min(Math.abs(taker.balance), Math.abs(giver.balance))
    if (slots > 0) plan.push({ from: giver.node, to: taker.node, slots })
    taker.balance += slots
    giver.balance -= slots
    if (taker.balance === 0) to++
    if (giver.balance === 0) from--
  }
  return plan
}
