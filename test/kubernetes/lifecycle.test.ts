import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createActor } from 'xstate'
import { nodeMachine, nodeTable, podMachine, podTable } from '../../models/kubernetes/lifecycle.ts'

for (const [name, machine, table] of [['pod', podMachine, podTable], ['node', nodeMachine, nodeTable]] as const) {
  it(`the ${name} table steps as its statechart does`, () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...table.events), { maxLength: 60 }), events => {
        const actor = createActor(machine as typeof podMachine).start()
        let state = actor.getSnapshot().value as string
        for (const event of events) {
          const allowed = Object.hasOwn((machine.states as Record<string, { on: object }>)[state]?.on ?? {}, event)
          const next = (table.step as (s: string, e: string) => string | undefined)(state, event)
          expect(next !== undefined).toBe(allowed)
          if (actor.getSnapshot().status === 'done') break
          actor.send({ type: event } as never)
          const after = actor.getSnapshot().value as string
          if (next !== undefined) expect(after).toBe(next)
          else expect(after).toBe(state)
          state = after
        }
      }),
      { seed: 1, numRuns: 400 },
    )
  })
}

it('every state of a pod leads to its end', () => {
  for (const state of podTable.states) {
    const seen = new Set<string>([state])
    const todo = [state]
    while (todo.length > 0) {
      const s = todo.pop()
      for (const e of podTable.events) {
        const next = s === undefined ? undefined : podTable.step(s, e)
        if (next !== undefined && !seen.has(next)) {
          seen.add(next)
          todo.push(next)
        }
      }
    }
    expect(seen.has('gone')).toBe(true)
  }
})
