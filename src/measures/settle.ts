/** The end of the horizon: the world is left to itself until nothing has changed for a while and nothing is under way. */
import { MINUTE, SECOND, type Simulation, type Us } from '../kernel/index.ts'
import type { Recorder } from './recorder.ts'

export const QUIET_US: Us = MINUTE
export const SETTLE_LIMIT_US: Us = 15 * MINUTE

/** How often to ask whether what is under way has arrived, once all else is quiet. */
const ASK_US: Us = 5 * SECOND

/**
 * Runs the simulation until neither a member nor a client's flow has changed for 60 s and the engine has nothing under way (a disk on its way to
 * another node, a process starting), at most 15 min. Call when the operator has ended and all faults have. Quiet is counted from now on, not
 * from before. @returns whether it became quiet
 */
export function runUntilQuiet(sim: Simulation, recorder: Recorder, quietUs: Us = QUIET_US, limitUs: Us = SETTLE_LIMIT_US): boolean {
  const startUs = sim.now
  const lastUs = startUs + limitUs
  for (;;) {
    const quietAtUs = Math.max(recorder.lastChangeUs, startUs) + quietUs
    const quiet = quietAtUs <= sim.now
    if (quiet && !recorder.underWay(startUs)) return true
    if (sim.now >= lastUs) return false
    sim.run(Math.min(quiet ? sim.now + ASK_US : quietAtUs, lastUs))
  }
}
