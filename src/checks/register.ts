/**
 * Linearizability of one register (one key), exactly, after Wing and Gong: is there an order of the operations, each taking effect at one
 * instant between its call and its answer, in which every read sees the last write? Histories are tiny (tens of operations), so a depth-first
 * search over "which minimal operation is next" with a memory of visited states is enough.
 */

import type { RegisterHistory, RegisterOperation } from '../workload/index.ts'

export type { RegisterHistory, RegisterOperation }

/** More states than this and the history is not tiny: better no answer than a slow one. */
const STATE_LIMIT = 200_000

export type RegisterVerdict = { readonly is: 'linearizable' } | { readonly is: 'violated'; readonly operation: RegisterOperation } | { readonly is: 'tooLarge' }

/** Judges one register. On a violation, names the operation that could not be placed in the longest order found. */
export function judgeRegister({ initial, operations }: RegisterHistory): RegisterVerdict {
  const n = operations.length
  if (n === 0) return { is: 'linearizable' }
  const order = [...operations].sort((a, b) => a.callUs - b.callUs || a.returnUs - b.returnUs)
  // Done operations as a bit string beside the register's value: the same pair is never tried twice.
  const visited = new Set<string>()
  const done = new Uint8Array(n)
  let furthest = -1
  let stuckOn: RegisterOperation = order[0] as RegisterOperation

  // Operations are in the order of their calls, so all before `low` are placed and all after `high` are not: only what lies between is state.
  const search = (value: number, placed: number, from: number, high: number): 'yes' | 'no' | 'tooLarge' => {
    let low = from
    while (low < n && done[low] === 1) low += 1
    // An operation may be next iff no other pending one had returned before it was called.
    let horizonUs = Number.POSITIVE_INFINITY
    for (let i = low; i < n && (order[i] as RegisterOperation).callUs <= horizonUs; i++) if (done[i] === 0) horizonUs = Math.min(horizonUs, (order[i] as RegisterOperation).returnUs)
    // Everything that is left never returned: it need not have happened.
    if (horizonUs === Number.POSITIVE_INFINITY) return 'yes'
    const state = `${low}/${done.subarray(low, high + 1).join('')}/${value}`
    if (visited.has(state)) return 'no'
    visited.add(state)
    if (visited.size > STATE_LIMIT) return 'tooLarge'
    for (let i = low; i < n && (order[i] as RegisterOperation).callUs <= horizonUs; i++) {
      const operation = order[i] as RegisterOperation
      if (done[i] === 1) continue
      if (operation.kind === 'read' && operation.value !== value) {
        if (placed > furthest && operation.returnUs === horizonUs) {
          furthest = placed
          stuckOn = operation
        }
        continue
      }
      done[i] = 1
      const answer = search(operation.kind === 'write' ? operation.value : value, placed + 1, low, Math.max(high, i))
      done[i] = 0
      if (answer !== 'no') return answer
    }
    return 'no'
  }
  const answer = search(initial, 0, 0, -1)
  if (answer === 'yes') return { is: 'linearizable' }
  return answer === 'tooLarge' ? { is: 'tooLarge' } : { is: 'violated', operation: stuckOn }
}
