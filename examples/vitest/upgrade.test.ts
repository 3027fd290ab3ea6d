import { expect, test } from 'vitest'
import { expectRunbook, faultSchedules, fc, rehearsal } from 'proofroll/vitest'
import { asInTheWiki, standbys } from './upgrade.ts'

test('without a fault, restarting the standbys interrupts nobody', () => {
  const result = rehearsal(standbys)
  expect(result).toComplete()
  expect(result).toKeepWriteDowntimeUnder('1s')
  expect(result).toHold()
})

test('no fault makes it lose a write, split, or stay on one machine', () => {
  fc.assert(
    fc.property(faultSchedules(standbys, { max: 1 }), schedule => {
      const result = rehearsal(standbys, { schedule })
      fc.pre(result.inBudget)
      expect(result).toLoseNoAcknowledgedWrite()
      expect(result).toNeverSplit()
      expect(result).toPassCheck('x-insured')
    }),
    { seed: 1, numRuns: 50 },
  )
  expect(standbys).toHitEveryProbe()
})

test('a colleague in the wrong terminal costs less than a minute', () => {
  fc.assert(
    fc.property(faultSchedules(standbys, { kinds: ['x-wrong-terminal'] }), fc.nat(), (schedule, luck) => {
      expect(rehearsal(standbys, { schedule, seed: String(luck) })).toKeepWriteDowntimeUnder('1m')
    }),
    { seed: 1, numRuns: 20 },
  )
})

test('the wiki page is still wrong', async () => {
  expect(rehearsal(asInTheWiki)).not.toNeverSplit()
  await expectRunbook(asInTheWiki).toViolate('no-acknowledged-write-lost', { runs: 20, folder: null })
})
