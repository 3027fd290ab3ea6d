import { rehearse, runSeed, scheduleFor } from '../rehearsal.ts'
import { scout } from '../rehearsal/scout.ts'
import type { Rehearser } from './rehearser.ts'

/** The rehearser that campaigns use: `src/rehearsal.ts`. */
export const realRehearser: Rehearser = { seedOf: runSeed, scheduleOf: scheduleFor, scout, rehearse }
