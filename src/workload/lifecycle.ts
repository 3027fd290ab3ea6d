/**
 * The life of a client's connection, authored once as an XState machine and compiled to a table for the run: drawing, linting and
 * path-walking use the machine, the simulation uses the table, and a property test holds the two equal.
 */
import { createMachine } from 'xstate'
import type { SessionState } from '../engine.ts'

/** What a connection can be in. `readOnly`, `held`, `silent` and `failing` are open sessions on which no write is acknowledged. */
export type ConnectionState = 'idle' | 'connecting' | 'unanswered' | 'writable' | 'readOnly' | 'held' | 'silent' | 'failing' | 'backingOff' | 'stopped'

/** What can happen to it. The first six are what a session can do (engine.ts, `SessionState`). */
export type ConnectionEvent =
  | 'WRITABLE'
  | 'READ_ONLY'
  | 'HELD'
  | 'SILENT'
  | 'FAILING'
  | 'CLOSED'
  | 'START'
  | 'REFUSED'
  | 'UNANSWERED'
  | 'TIMED_OUT'
  | 'RETRY'
  | 'RENEW'
  | 'STOP'

export const CONNECTION_EVENTS: readonly ConnectionEvent[] = [
  'WRITABLE',
  'READ_ONLY',
  'HELD',
  'SILENT',
  'FAILING',
  'CLOSED',
  'START',
  'REFUSED',
  'UNANSWERED',
  'TIMED_OUT',
  'RETRY',
  'RENEW',
  'STOP',
]

const SESSION = { WRITABLE: 'writable', READ_ONLY: 'readOnly', HELD: 'held', SILENT: 'silent', FAILING: 'failing' } as const
/** On an open session; a client that gives up on it backs off first, one whose pool renews it connects at once. */
const OPEN = { ...SESSION, CLOSED: 'backingOff', TIMED_OUT: 'backingOff', RENEW: 'connecting' } as const

export const connectionMachine = createMachine({
  id: 'connection',
  initial: 'idle',
  on: { STOP: '.stopped' },
  states: {
    idle: { on: { START: 'connecting' } },
    connecting: { on: { ...SESSION, CLOSED: 'backingOff', REFUSED: 'backingOff', UNANSWERED: 'unanswered' } },
    unanswered: { on: { TIMED_OUT: 'backingOff' } },
    writable: { on: OPEN },
    // A client that was told "read-only" and wants to write tries elsewhere (RETRY) and reads here meanwhile.
    readOnly: { on: { ...OPEN, RETRY: 'connecting' } },
    held: { on: OPEN },
    silent: { on: OPEN },
    failing: { on: OPEN },
    backingOff: { on: { RETRY: 'connecting' } },
    stopped: { type: 'final' },
  },
})

/** A finite machine as a matrix: `next[state * events + event]` is the next state, −1 where the event is not taken. */
export interface TransitionTable {
  readonly states: readonly ConnectionState[]
  readonly events: readonly ConnectionEvent[]
  readonly initial: number
  readonly next: Int8Array
}

/** Reads the table off the machine's own transition definitions. @throws Error when the machine knows an event that the list above does not */
export function compileConnection(): TransitionTable {
  const states = Object.keys(connectionMachine.states) as ConnectionState[]
  const events = CONNECTION_EVENTS
  const next = new Int8Array(states.length * events.length).fill(-1)
  const known = new Set<string>(events)
  for (const event of connectionMachine.events) if (!known.has(event)) throw new Error(`workload: the connection machine knows the event ${event}, its table does not`)
  states.forEach((state, s) => {
    const node = connectionMachine.states[state]
    events.forEach((event, e) => {
      // A final state takes nothing more, not even what the root would.
      const transition = node?.type === 'final' ? undefined : (node?.transitions.get(event)?.[0] ?? connectionMachine.root.transitions.get(event)?.[0])
      const target = transition?.target?.[0]?.key
      if (target !== undefined) next[s * events.length + e] = states.indexOf(target as ConnectionState)
    })
  })
  return { states, events, initial: states.indexOf('idle'), next }
}

const TABLE = compileConnection()
const EVENT_NUMBER = new Map(TABLE.events.map((event, i) => [event, i]))
const STATE_NUMBER = new Map(TABLE.states.map((state, i) => [state, i]))

/** The state after `event`, or undefined when a connection in `state` does not take it. */
export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState | undefined {
  const to = TABLE.next[(STATE_NUMBER.get(state) as number) * TABLE.events.length + (EVENT_NUMBER.get(event) as number)] as number
  return to < 0 ? undefined : TABLE.states[to]
}

/** Whether a session is open in this state. */
export function isOpen(state: ConnectionState): boolean {
  return state === 'writable' || state === 'readOnly' || state === 'held' || state === 'silent' || state === 'failing'
}

/** What the trace and the story see: the ways of having no session are one. */
export const NOTED: Readonly<Record<ConnectionState, { readonly number: number; readonly label: string }>> = {
  idle: { number: 0, label: 'idle' },
  connecting: { number: 1, label: 'away' },
  unanswered: { number: 1, label: 'away' },
  backingOff: { number: 1, label: 'away' },
  writable: { number: 2, label: 'writable' },
  readOnly: { number: 3, label: 'readOnly' },
  held: { number: 4, label: 'held' },
  silent: { number: 5, label: 'silent' },
  failing: { number: 6, label: 'failing' },
  stopped: { number: 7, label: 'stopped' },
}

/** What a session's state is to its client's connection. */
export const EVENT_OF: Readonly<Record<SessionState['is'], ConnectionEvent>> = {
  writable: 'WRITABLE',
  readOnly: 'READ_ONLY',
  held: 'HELD',
  silent: 'SILENT',
  failing: 'FAILING',
  closed: 'CLOSED',
}
