/** Client programs: rules MG-DRIVER-…. */
import { describe, expect, test } from 'vitest'
import { MILLISECOND, SECOND } from '../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const under = (setting: Setting = {}, load = {}): Lab => {
  const lab = new Lab(setting)
  lab.clients({ queueAgeLimitUs: 120 * SECOND, ...load })
  lab.wait(2 * SECOND)
  return lab
}
const states = (lab: Lab, since: number): readonly string[] => (lab.sim.records ?? []).filter(r => r.label === 'client.state' && r.atUs >= since).map(r => r.detail)

describe('drivers', () => {
  test('MG-DRIVER-1: while there is no primary an operation waits for server selection, then fails', () => {
    const lab = under({ serverSelectionSeconds: 20 })
    const at = lab.now
    lab.kill(0, 600 * SECOND)
    lab.kill(1, 600 * SECOND)
    lab.wait(19 * SECOND)
    expect(states(lab, at).join()).not.toContain('MongoServerSelectionError')
    lab.wait(3 * SECOND)
    expect(states(lab, at).join()).toContain('MongoServerSelectionError')
  })

  test('MG-DRIVER-2: retryable writes see a step-down as a wait; without them the program sees an error', () => {
    const errors = (retryWrites: boolean): string => {
      const lab = under({ retryWrites })
      const at = lab.now
      lab.sh(0, 'rs.stepDown(60)')
      lab.wait(5 * SECOND)
      expect(lab.cluster.world.log.demands[0]?.flowing).toBe(true)
      return states(lab, at).join()
    }
    expect(errors(true)).not.toContain('MongoServerError')
    expect(errors(false)).toContain('MongoServerError: not primary')
  })

  test('MG-DRIVER-6: updateMany and deleteMany are not retried: an error, retryable writes or not', () => {
    const lab = under({ multiDocument: true, retryWrites: true })
    const at = lab.now
    lab.sh(0, 'rs.stepDown(60)')
    lab.wait(5 * SECOND)
    expect(lab.cluster.world.log.demands[0]?.flowing).toBe(true)
    expect(states(lab, at).join()).toContain('MongoServerError: not primary')
  })

  test('MG-DRIVER-3: clients write within 100 ms of the new primary taking writes', () => {
    const lab = under()
    lab.kill(0, 60 * SECOND)
    lab.until(() => lab.primary() !== undefined, 30 * SECOND)
    const us = lab.until(() => lab.cluster.world.log.demands[0]?.flowing === true, 5 * SECOND)
    expect(us).toBeLessThanOrEqual(100 * MILLISECOND)
  })

  test('MG-DRIVER-4: of two primaries the later term counts, though the older one still answers', () => {
    let both = 0
    for (let seed = 1; seed <= 12; seed++) {
      const lab = under({ writeConcern: 1, seed: `d${seed}` })
      // One that stood still goes on as the primary of its term until it hears of the next.
      lab.mongod(0).pause(true)
      lab.until(() => lab.primary()?.term === 2, 30 * SECOND, 10 * MILLISECOND)
      lab.wait(100 * MILLISECOND)
      lab.mongod(0).pause(false)
      if (lab.mongod(0).isPrimary) both += 1
      expect(lab.cluster.world.log.demands[0]?.tenure?.head.copy.name).toBe(lab.primary()?.name)
      expect(lab.cluster.entrances['replica-set']?.fresh()).toMatchObject({ is: 'leader', copy: lab.primary()?.copy })
    }
    expect(both).toBeGreaterThan(0)
  })

  test('MG-DRIVER-5: a pinned connection stays with its member, and is told NotWritablePrimary for good', () => {
    const lab = under({}, { entrance: 'direct' })
    const at = lab.now
    lab.sh(0, 'rs.stepDown(60)')
    lab.wait(60 * SECOND)
    expect(lab.primary()).toBeDefined()
    expect(lab.cluster.world.log.demands[0]?.flowing).toBe(false)
    expect(states(lab, at).join()).toContain('NotWritablePrimary')
  })
})
