/**
 * For a test suite of your own. In vitest the import adds the matchers to `expect`; in any other runner everything else works, and
 * `expectRehearsal` stands for the matchers.
 *
 * ```ts
 * import { fc, faultSchedules, rehearsal, scenario } from 'proofroll/vitest'
 * const upgrade = scenario('upgrades/postgres.yaml')
 * test('no fault makes it lose a write', () => {
 *   fc.assert(fc.property(faultSchedules(upgrade, { max: 2 }), schedule => {
 *     expect(rehearsal(upgrade, { schedule })).toLoseNoAcknowledgedWrite()
 *   }))
 * })
 * ```
 */
import { matchers, type RehearsalExpectations, type ScenarioExpectations } from './suite/index.ts'

export * from './suite/index.ts'

declare module 'vitest' {
  // oxlint-disable-next-line typescript/no-empty-object-type, typescript/no-explicit-any, typescript/no-unused-vars
  interface Assertion<T = any> extends RehearsalExpectations, ScenarioExpectations {}
}

// Only inside a run of vitest: elsewhere it need not be installed, and does not work.
if (process.env['VITEST'] !== undefined) {
  const { expect } = await import('vitest')
  expect.extend(matchers)
}
