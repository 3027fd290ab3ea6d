import { compileRunbook, type Plan } from '../../src/operator/index.ts'
import type { DrawSpace, Itinerary } from '../../src/faults/index.ts'
import { itineraryOfPlan, USUAL_KINDS } from '../../src/faults/index.ts'

export const space: DrawSpace = { kinds: USUAL_KINDS, maxDurationUs: 900_000_000 }

export const plan: Plan = compileRunbook(
  { format: 1, title: 'three steps', steps: [{ id: 'look', gate: 'role m-0', expect: { equals: 'leader' } }, { id: 'stop', run: 'stop m-0', undo: 'start m-0' }, { id: 'promote', run: 'promote m-1' }] },
  'test',
)

export const itinerary: Itinerary = itineraryOfPlan(plan)
