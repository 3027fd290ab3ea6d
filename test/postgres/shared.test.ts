/** What rehearsals of one scenario share (applied objects, pod forms, parsed texts, filled-in lines) keeps nothing of any of them. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse, runSeed, scheduleFor } from '../../src/rehearsal.ts'
import { loadScenario } from '../../src/scenario/index.ts'

test('a rehearsal is the same after others that patched, scaled, failed and rolled back', { timeout: 60_000 }, () => {
  const scenario = loadScenario('postgres-ferris-wheel/fenced', engines)
  const once = (run: number) => rehearse({ scenario, seed: runSeed('shared', run), schedule: scheduleFor(scenario, 'shared', run, run % 4), record: true })
  const runs = [1, 2, 3]
  const first = runs.map(once)
  for (let run = 20; run < 27; run++) once(run)
  // A scenario loaded anew has read nothing yet.
  const fresh = loadScenario('postgres-ferris-wheel/fenced', engines)
  for (const [i, run] of [...runs.entries()].reverse()) {
    expect(once(run)).toEqual(first[i])
    expect(rehearse({ scenario: fresh, seed: runSeed('shared', run), schedule: (first[i] as (typeof first)[number]).schedule, record: true })).toEqual(first[i])
  }
})
