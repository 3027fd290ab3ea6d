import { MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec } from './family.ts'

/** Faults of the platform's control plane: data flows on, but nothing can be changed or seen. */
export const controlPlaneFaults: readonly FaultSpec[] = [
  {
    kind: 'api-server-away',
    family: 'control plane',
    doc: 'The API server does not answer: `kubectl` fails or hangs, controllers and endpoints stand still, pods run on.',
    strikes: 'the control plane',
    aimsAt: 'elsewhere',
    durationUs: { min: 5 * SECOND, usual: MINUTE, max: 15 * MINUTE, source: 'a control plane upgrade takes the API away for up to a few minutes without an SLA tier [J after AKS]' },
    magnitude: undefined,
    budget: 'never',
    mayLast: false,
    example: { kind: 'api-server-away', target: 'any/0', at: { step: 'promote', path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 0 }, durationUs: MINUTE, magnitude: 0 },
  },
  {
    kind: 'image-pull-slow',
    family: 'control plane',
    doc: 'Pulling an image takes longer everywhere (a throttled registry): containers that start meanwhile start late.',
    strikes: 'the registry',
    aimsAt: 'elsewhere',
    durationUs: { min: 30 * SECOND, usual: 5 * MINUTE, max: 15 * MINUTE, source: 'registry throttling windows [J]' },
    magnitude: { unit: 'times slower', min: 2, usual: 10, max: 60, source: 'image pull 0–60 s [J], minutes when throttled [J]' },
    budget: 'never',
    mayLast: false,
    example: { kind: 'image-pull-slow', target: 'any/0', at: 0, durationUs: 5 * MINUTE, magnitude: 10 },
  },
]
