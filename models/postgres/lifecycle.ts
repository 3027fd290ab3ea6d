/** The lifecycle of one PostgreSQL server process, authored as a statechart and compiled to a table (see kubernetes/lifecycle.ts for why). */
import { createMachine } from 'xstate'
import { compile, type Table } from '../kubernetes/lifecycle.ts'

/**
 * `starting`: reading configuration, crash recovery. `standby`: hot standby, answers reads. `promoting`: replaying what it has received before
 * it switches timeline. `primary`: accepts writes. `stopping`: refuses new sessions. `down`: the process is gone; an incarnation never comes back.
 */
export const serverMachine = createMachine({
  id: 'postgres-server',
  initial: 'starting',
  states: {
    starting: { on: { OPEN_READ_WRITE: 'primary', OPEN_READ_ONLY: 'standby', SHUTDOWN: 'stopping', EXIT: 'down' } },
    standby: { on: { PROMOTE: 'promoting', SHUTDOWN: 'stopping', EXIT: 'down' } },
    promoting: { on: { OPEN_READ_WRITE: 'primary', SHUTDOWN: 'stopping', EXIT: 'down' } },
    primary: { on: { SHUTDOWN: 'stopping', EXIT: 'down' } },
    stopping: { on: { EXIT: 'down' } },
    down: { type: 'final' },
  },
})

export type ServerState = 'starting' | 'standby' | 'promoting' | 'primary' | 'stopping' | 'down'
export type ServerEvent = 'OPEN_READ_WRITE' | 'OPEN_READ_ONLY' | 'PROMOTE' | 'SHUTDOWN' | 'EXIT'
export const serverTable: Table<ServerState, ServerEvent> = compile(serverMachine)
