/** rollback-safe: violated when the measured point of no return comes before the declared one. One run cannot measure it: exploring rollbacks from every boundary does. */
import { notExercised } from './chain.ts'
import type { Check } from './facts.ts'

export const rollbackSafe: Check = {
  id: 'rollback-safe',
  judge: () => notExercised('rollback-safe', 'the point of no return is measured by rolling back from every boundary, not by one run'),
}
