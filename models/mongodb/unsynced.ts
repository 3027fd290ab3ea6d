import { defineEvent, MILLISECOND, type Us } from '../../src/kernel/index.ts'
import { writeConcernOf } from './acknowledge.ts'
import type { Mongod } from './mongod.ts'

const LIED = defineEvent('mongodb.disk-lied')
const UNJOURNALED = defineEvent('mongodb.unjournaled-lost')

/** storage.journal.commitIntervalMs. */
const JOURNAL_INTERVAL_US = 100 * MILLISECOND

/**
 * The journal is written every 100 ms unless somebody waits for it (j:true, a majority): a primary that is killed loses the writes of that time
 * (rule MG-DISK-1). Call once its copy no longer leads.
 */
export function loseUnjournaled(m: Mongod): void {
  const { world, copy } = m
  if (copy === undefined || world.options.journal || writeConcernOf(m) === 'majority') return
  const { branch, lsn } = copy.position('flush')
  const agoUs = world.draw({ is: 'uniform', min: 0, max: JOURNAL_INTERVAL_US }, m.name, 'unjournaled')
  const kept = Math.max(branch.forkLsn, Math.floor(copy.curves.receive.valueAt(Math.max(0, world.sim.now - agoUs))))
  if (kept >= lsn) return
  copy.adopt({ branch, lsn: kept })
  world.sim.note(UNJOURNALED, m.name, lsn - kept, `${m.name} loses ${lsn - kept} bytes that its journal did not have yet`)
}

/**
 * The volume had answered flushes from a volatile cache and loses it with the last `lostUs` of writes; mongod dies of it (rule MG-DISK-2).
 * What is left is an earlier state of the whole volume. A vote that was stored within that time stays: it is small and long written back.
 */
export function loseUnsynced(m: Mongod, lostUs: Us): void {
  const { world, copy } = m
  if (copy === undefined) return
  const { branch } = copy.position('flush')
  const before = copy.lsn('flush')
  const left = Math.floor(copy.curves.flush.valueAt(Math.max(0, world.sim.now - lostUs)))
  m.crash('its volume lost its write cache', 14)
  const lsn = Math.max(branch.forkLsn, Math.min(left, before))
  if (lsn < copy.lsn('flush')) copy.adopt({ branch, lsn })
  world.sim.note(LIED, m.name, before - lsn, `the volume of ${m.name} lost ${before - lsn} bytes of oplog that it had called safe`)
}
