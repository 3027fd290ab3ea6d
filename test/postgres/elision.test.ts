/** Polls left out change nothing on the real model either: what a psql or kubectl gate calls stable is stable. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse, runSeed, scheduleFor } from '../../src/rehearsal.ts'
import { loadScenario } from '../../src/scenario/index.ts'

describe.each(['postgres-ferris-wheel/quick', 'postgres-ferris-wheel/as-documented', 'postgres-ferris-wheel/fenced'])('%s', name => {
  test('elided = not elided, with up to two faults', { timeout: 60_000 }, () => {
    const scenario = loadScenario(name, engines)
    for (let i = 0; i < 12; i++) {
      const schedule = scheduleFor(scenario, 'elide', i, i % 3)
      const [elided, whole] = [true, false].map(elide => rehearse({ scenario, schedule, seed: runSeed('elide', i), elide }))
      expect({ ...elided, eventsRun: 0 }, JSON.stringify(schedule)).toEqual({ ...whole, eventsRun: 0 })
    }
  })
})
