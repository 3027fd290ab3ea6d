import { MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec } from './family.ts'

/** Faults of the operator: the one kind that the injector itself carries out. */
export const operatorFaults: readonly FaultSpec[] = [
  {
    kind: 'operator-killed',
    family: 'operator',
    doc: "The operator's process dies where it stands and is started again after the duration; it goes on from its journal.",
    strikes: 'the operator, wherever it waits',
    aimsAt: 'elsewhere',
    durationUs: { min: SECOND, usual: 30 * SECOND, max: 15 * MINUTE, source: 'a controller restarts in seconds, a person comes back to a dead terminal in minutes [J]' },
    magnitude: undefined,
    budget: 'never',
    mayLast: false,
    example: {
      kind: 'operator-killed',
      target: 'operator',
      at: { step: 'stop-old-primary', path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 500_000 },
      durationUs: 30 * SECOND,
      magnitude: 0,
    },
  },
]
