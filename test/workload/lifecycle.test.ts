import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createActor } from 'xstate'
import { CONNECTION_EVENTS, compileConnection, connectionMachine, type ConnectionState, isOpen, nextState } from '../../src/workload/index.ts'

test('the table takes every event as the machine does', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...CONNECTION_EVENTS), { maxLength: 60 }), events => {
      const actor = createActor(connectionMachine).start()
      let state: ConnectionState = 'idle'
      for (const type of events) {
        const to = nextState(state, type)
        // An actor that is done complains when it is sent anything: the table must then take nothing.
        if (actor.getSnapshot().status === 'done') expect(to).toBe(undefined)
        else actor.send({ type })
        state = to ?? state
        expect(state).toBe(actor.getSnapshot().value)
      }
    }),
    { numRuns: 300 },
  )
})

test('every state can be reached, and every state but the last can be stopped', () => {
  const { states, events, next } = compileConnection()
  const reached = new Set([states.indexOf('idle')])
  for (const s of reached) for (let e = 0; e < events.length; e++) if ((next[s * events.length + e] as number) >= 0) reached.add(next[s * events.length + e] as number)
  expect(reached.size).toBe(states.length)
  for (const state of states) expect(nextState(state, 'STOP')).toBe(state === 'stopped' ? undefined : 'stopped')
})

test('no open session survives its end, and none is held open without a way out', () => {
  const { states } = compileConnection()
  for (const state of states.filter(isOpen)) {
    expect(nextState(state, 'CLOSED')).toBe('backingOff')
    expect(nextState(state, 'TIMED_OUT')).toBe('backingOff')
  }
})
