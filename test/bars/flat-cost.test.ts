/** A rehearsal costs the same at 10 and at 100,000 writes a second: events are counted, never time. */
import { expect, test } from 'vitest'
import { loadScenario } from '../../src/scenario/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { engines } from '../../models/index.ts'

test.each(['postgres-ferris-wheel/as-documented', 'postgres-ferris-wheel/fenced'])('%s: events within 1.2× from 10 to 100,000 writes/s', name => {
  const events = [10, 1000, 100_000].map(rate => {
    // The gates of the corrected wheel ask for a lag in bytes: a heavier stream needs smaller writes to pass them, as it would in life.
    const scenario = loadScenario(name, engines, { set: { 'load.writesPerSecond': String(rate), 'load.bytesPerWrite': '100', 'load.connections': '400' } })
    let total = 0
    for (let i = 0; i < 5; i++) total += rehearse({ scenario, schedule: [], seed: `flat/${i}` }).eventsRun
    return total
  })
  expect(Math.max(...events) / Math.min(...events)).toBeLessThan(1.2)
})
