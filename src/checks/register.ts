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

/** A choice of the search that is open: what the register holds, and which operation is tried next. */
interface Frame {
  readonly value: number
  readonly placed: number
  readonly low: number
  readonly high: number
  readonly horizonUs: number
  next: number
  chosen: number
}

/** Judges one register. On a violation, names the operation that could not be placed in the longest order found. */
export function judgeRegister({ initial, operations }: RegisterHistory): RegisterVerdict {
  // A write that was never answered and that nobody has read need not have happened: in any order it can be left out. Where every commit hangs there are hundreds of them.
  const read = new Set(operations.filter(({ kind }) => kind === 'read').map(({ value }) => value))
  const order = operations.filter(({ kind, returnUs, value }) => kind === 'read' || returnUs !== Number.POSITIVE_INFINITY || read.has(value)).sort((a, b) => a.callUs - b.callUs || a.returnUs - b.returnUs)
  const n = order.length
  if (n === 0) return { is: 'linearizable' }
  // Done operations as a bit string beside the register's value: the same pair is never tried twice.
  const visited = new Set<string>()
  const done = new Uint8Array(n)
  let furthest = -1
  let stuckOn: RegisterOperation = order[0] as RegisterOperation

  // Operations are in the order of their calls, so all before `low` are placed and all after `high` are not: only what lies between is state.
  const enter = (value: number, placed: number, from: number, high: number): 'yes' | 'no' | 'tooLarge' | Frame => {
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
    return { value, placed, low, high, horizonUs, next: low, chosen: -1 }
  }
  // A stack of its own: a story of hours has more operations on a key than calls may be nested.
  const search = (): 'yes' | 'no' | 'tooLarge' => {
    const first = enter(initial, 0, 0, -1)
    if (typeof first === 'string') return first
    const stack = [first]
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      if (frame.chosen >= 0) done[frame.chosen] = 0
      frame.chosen = -1
      const i = frame.next++
      const operation = order[i]
      if (operation === undefined || operation.callUs > frame.horizonUs) {
        stack.pop()
        continue
      }
      if (done[i] === 1) continue
      if (operation.kind === 'read' && operation.value !== frame.value) {
        if (frame.placed > furthest && operation.returnUs === frame.horizonUs) {
          furthest = frame.placed
          stuckOn = operation
        }
        continue
      }
      done[i] = 1
      frame.chosen = i
      const answer = enter(operation.kind === 'write' ? operation.value : frame.value, frame.placed + 1, frame.low, Math.max(frame.high, i))
      if (typeof answer !== 'string') stack.push(answer)
      else if (answer !== 'no') return answer
    }
    return 'no'
  }
  const answer = search()
  if (answer === 'yes') return { is: 'linearizable' }
  return answer === 'tooLarge' ? { is: 'tooLarge' } : { is: 'violated', operation: stuckOn }
}
