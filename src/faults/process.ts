import { MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec } from './family.ts'

/** Faults of one database process. */
export const processFaults: readonly FaultSpec[] = [
  {
    kind: 'process-crash',
    family: 'process and machine',
    doc: 'The database process aborts by itself (a PANIC, an assertion): its connections close at once, what was not fsynced is gone, its supervisor restarts it.',
    strikes: 'a running database process',
    aimsAt: 'members',
    durationUs: { min: 0, usual: 0, max: 5 * MINUTE, source: 'a crash loop holds the restart back: kubelet back-off 10 s doubling to 5 min [P K8S pod-lifecycle]' },
    magnitude: undefined,
    budget: 'takes-away',
    mayLast: false,
    example: { kind: 'process-crash', target: 'role:leader', at: 90 * SECOND, durationUs: 0, magnitude: 0 },
  },
  {
    kind: 'process-kill',
    family: 'process and machine',
    doc: 'kill -9 (the kernel out of memory): every process of the instance dies without a word, its sockets are reset, its supervisor restarts it.',
    strikes: 'a running database process',
    aimsAt: 'members',
    durationUs: { min: 0, usual: 0, max: 5 * MINUTE, source: 'kubelet restart back-off 10 s doubling to 5 min [P K8S pod-lifecycle]' },
    magnitude: undefined,
    budget: 'takes-away',
    mayLast: false,
    example: {
      kind: 'process-kill',
      target: 'role:follower/0',
      at: { step: 'promote', path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 20_000 },
      durationUs: 0,
      magnitude: 0,
    },
  },
  {
    kind: 'process-pause',
    family: 'process and machine',
    doc: 'SIGSTOP, then SIGCONT: nothing is answered and no socket closes; afterwards it goes on as if no time had passed.',
    strikes: 'a running database process',
    aimsAt: 'members',
    durationUs: { min: SECOND, usual: 30 * SECOND, max: 15 * MINUTE, source: 'a VM freeze for maintenance or live migration: seconds, up to 30 s [P AZ maintenance]; longer [J]' },
    magnitude: undefined,
    budget: 'takes-away',
    mayLast: false,
    example: { kind: 'process-pause', target: 'role:leader', at: 60 * SECOND, durationUs: 30 * SECOND, magnitude: 0 },
  },
]
