/**
 * The lifecycles of a pod on its kubelet and of a node in the eyes of the control plane, authored once as statecharts (drawn, walked for all
 * paths, linted) and compiled to tables at start-up, since a table steps a thousand times faster. A test holds table and chart equal.
 */
import { createMachine, type AnyStateMachine } from 'xstate'
import { getAdjacencyMap } from 'xstate/graph'

/** A pod as its kubelet sees it. `lost`: the machine has no power. `gone`: nothing of it is left on the machine. */
export const podMachine = createMachine({
  id: 'pod',
  initial: 'attaching',
  states: {
    attaching: { on: { ATTACHED: 'pulling', STOP: 'unmounting', POWER_LOST: 'lost' } },
    pulling: { on: { PULLED: 'initialising', STOP: 'unmounting', POWER_LOST: 'lost' } },
    initialising: { on: { INITIALISED: 'starting', INIT_FAILED: 'backOff', STOP: 'unmounting', POWER_LOST: 'lost' } },
    starting: { on: { STARTED: 'running', STOP: 'unmounting', POWER_LOST: 'lost' } },
    running: { on: { EXITED: 'backOff', FINISHED: 'finished', STOP: 'stopping', POWER_LOST: 'lost' } },
    backOff: { on: { RETRY: 'starting', RETRY_INIT: 'initialising', STOP: 'unmounting', POWER_LOST: 'lost' } },
    stopping: { on: { EXITED: 'unmounting', FINISHED: 'unmounting', STOP: 'stopping', POWER_LOST: 'lost' } },
    unmounting: { on: { UNMOUNTED: 'gone', STOP: 'unmounting', POWER_LOST: 'lost' } },
    finished: { on: { STOP: 'unmounting', POWER_LOST: 'lost' } },
    lost: { on: { POWER_BACK: 'attaching', STOP: 'gone', POWER_LOST: 'lost' } },
    gone: { type: 'final' },
  },
})

/** A node as the node monitor sees it. `silent`: no heartbeat, not noticed yet. `unknown`: Ready=Unknown. `evicted`: its pods are marked for deletion. */
export const nodeMachine = createMachine({
  id: 'node',
  initial: 'joining',
  states: {
    joining: { on: { HEARD: 'ready', DELETED: 'deleted' } },
    ready: { on: { SILENCE: 'silent', DELETED: 'deleted' } },
    silent: { on: { HEARD: 'ready', GRACE_OVER: 'unknown', DELETED: 'deleted' } },
    unknown: { on: { HEARD: 'ready', TOLERATION_OVER: 'evicted', DELETED: 'deleted' } },
    evicted: { on: { HEARD: 'ready', DELETED: 'deleted' } },
    deleted: { type: 'final' },
  },
})

export type PodState = 'attaching' | 'pulling' | 'initialising' | 'starting' | 'running' | 'backOff' | 'stopping' | 'unmounting' | 'finished' | 'lost' | 'gone'
export type PodEvent =
  | 'ATTACHED' | 'PULLED' | 'INITIALISED' | 'INIT_FAILED' | 'STARTED' | 'EXITED' | 'FINISHED'
  | 'RETRY' | 'RETRY_INIT' | 'STOP' | 'UNMOUNTED' | 'POWER_LOST' | 'POWER_BACK'
export type NodeState = 'joining' | 'ready' | 'silent' | 'unknown' | 'evicted' | 'deleted'
export type NodeEvent = 'HEARD' | 'SILENCE' | 'GRACE_OVER' | 'TOLERATION_OVER' | 'DELETED'

/** A flat statechart as a table: `next` has one row per state, one column per event, −1 where the event is not allowed. */
export interface Table<S extends string, E extends string> {
  readonly states: readonly S[]
  readonly events: readonly E[]
  /** The state after `event`, or undefined when the chart does not allow it there. */
  step(state: S, event: E): S | undefined
}

/** Compiles a flat machine (no guards, no actions, no nesting). @throws Error when a state of the machine is unreachable */
export function compile<S extends string, E extends string>(machine: AnyStateMachine): Table<S, E> {
  const events = machine.events.filter(e => !e.startsWith('xstate.')) as E[]
  const adjacency = getAdjacencyMap(machine, {
    events: events.map(type => ({ type })) as never,
    serializeState: snapshot => String((snapshot as { value: unknown }).value),
  })
  const states = Object.keys(adjacency) as S[]
  const declared = Object.keys(machine.states)
  if (declared.length !== states.length) throw new Error(`lifecycle ${machine.id}: only ${states.join(', ')} of ${declared.join(', ')} can be reached`)
  const next = new Int16Array(states.length * events.length).fill(-1)
  states.forEach((state, i) => {
    const transitions = Object.values((adjacency as unknown as Record<string, { transitions: Record<string, { event: { type: string }; state: { value: unknown } }> }>)[state]?.transitions ?? {})
    for (const t of transitions) {
      const declaredHere = Object.hasOwn((machine.states as Record<string, { on: object }>)[state]?.on ?? {}, t.event.type)
      if (declaredHere) next[i * events.length + events.indexOf(t.event.type as E)] = states.indexOf(String(t.state.value) as S)
    }
  })
  const row = new Map(states.map((s, i) => [s, i * events.length]))
  const column = new Map(events.map((e, j) => [e, j]))
  return {
    states,
    events,
    step(state, event) {
      const to = next[(row.get(state) as number) + (column.get(event) as number)] as number
      return to < 0 ? undefined : states[to]
    },
  }
}

export const podTable: Table<PodState, PodEvent> = compile(podMachine)
export const nodeTable: Table<NodeState, NodeEvent> = compile(nodeMachine)
