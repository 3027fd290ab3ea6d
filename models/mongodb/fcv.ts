/** Setting the feature compatibility version (rules MG-FCV-…). */
import type { Watch } from '../../src/cluster/log/index.ts'
import { MILLISECOND, type Process, within } from '../../src/kernel/index.ts'
import { type Refused, refuse } from './errors.ts'
import { FCV } from './events.ts'
import type { Mongod } from './mongod.ts'
import { acceptsFcv, releaseBefore, releaseIndex, releaseOf } from './names.ts'

/** The document, the configuration and the catalogue entries it touches. */
const ENTRY_BYTES = 2_000

export function* setFcv(m: Mongod, fcv: string, confirm: boolean, wtimeoutMs: number): Process<Refused | undefined> {
  const { world, copy, config } = m
  yield MILLISECOND
  const own = releaseOf(m.host.version)
  if (!acceptsFcv(m.host.version, fcv)) {
    return refuse('BadValue', `Invalid command argument. Expected one of the following versions: '${releaseBefore(own)}', '${own}', found '${fcv}'`)
  }
  if (releaseIndex(own) >= releaseIndex('7.0') && !confirm) {
    return refuse('', `Once you have ${releaseIndex(fcv) >= releaseIndex(m.fcv) ? 'upgraded' : 'downgraded'} to ${fcv}, you will not be able to ${releaseIndex(fcv) >= releaseIndex(m.fcv) ? 'downgrade' : 'change'} FCV and binary version without support assistance. Please re-run this command with 'confirm: true' to acknowledge this and continue with the FCV ${releaseIndex(fcv) >= releaseIndex(m.fcv) ? 'upgrade' : 'downgrade'}.`, 7369100)
  }
  if (!m.isPrimary || !m.writable || m.steppingDown || copy === undefined || config === undefined || !copy.leading) return refuse('NotWritablePrimary', 'not primary')
  if (m.fcv === fcv) return undefined
  // Since 7.0 the way back needs support: the model knows no other (rule MG-FCV-4).
  if (releaseIndex(fcv) < releaseIndex(m.fcv) && releaseIndex(own) >= releaseIndex('7.0')) {
    return refuse('IllegalOperation', `cannot downgrade the featureCompatibilityVersion from ${m.fcv} to ${fcv}: downgrades need support assistance since 7.0`)
  }
  yield* m.lock.wait()
  if (!m.isPrimary || !copy.leading) return refuse('InterruptedDueToReplStateChange', 'operation was interrupted')
  const deadlineUs = world.sim.now + (wtimeoutMs > 0 ? wtimeoutMs * MILLISECOND : Number.POSITIVE_INFINITY)
  // Two entries, each on a majority before the next: upgrading, upgraded.
  for (const phase of ['upgrading', 'upgraded'] as const) {
    const lsn = copy.append(ENTRY_BYTES)
    if (phase === 'upgraded') {
      world.fcvEntries.push({ at: copy.position('receive'), fcv })
      world.sim.note(FCV, m.name, releaseIndex(fcv), `featureCompatibilityVersion ${fcv}`)
      reaches(m, fcv, lsn)
      world.topologyChanged()
    }
    const refused = yield* onMajority(m, lsn, deadlineUs)
    if (refused !== undefined) return refused
  }
  return undefined
}

/** What the entry does where it arrives: an older binary cannot go on, an initial sync begins anew (rules MG-FCV-3, MG-SYNC-4). */
function reaches(m: Mongod, fcv: string, lsn: number): void {
  const { world } = m
  for (const other of [...world.mongods]) {
    if (other === m || other.copy === undefined) continue
    if (other.dir.needsInitialSync) {
      other.syncing.restartInitialSync()
      continue
    }
    if (acceptsFcv(other.host.version, fcv)) continue
    other.copy.whenReaches('apply', lsn, () => {
      if (other.alive && world.fcvAt((other.copy as NonNullable<typeof other.copy>).position('apply')) === fcv) other.crash(`Fatal assertion: featureCompatibilityVersion ${fcv} is unknown to ${other.host.version}`, 14)
    })
  }
}

function* onMajority(m: Mongod, lsn: number, deadlineUs: number): Process<Refused | undefined> {
  const { world, copy, config } = m
  if (copy === undefined || config === undefined) return undefined
  const { term } = m
  const watches: Watch[] = []
  try {
    for (const dir of world.dbpathOf.values()) if (dir.copy !== undefined && dir.copy !== copy) watches.push(dir.copy.whenReaches('apply', lsn, () => world.changed.fire()))
    for (;;) {
      if (!m.alive || !m.isPrimary || m.term !== term) return refuse('InterruptedDueToReplStateChange', 'operation was interrupted')
      let having = 1
      for (const voter of config.voters) {
        const other = voter.name === m.name || voter.arbiterOnly ? undefined : world.mongodOf(voter.name)
        if (other?.copy !== undefined && other.copy.root() === copy && other.copy.lsn('apply') >= lsn) having += 1
      }
      if (having >= config.writeMajority) return undefined
      const left = deadlineUs - world.sim.now
      if (left <= 0) return refuse('WriteConcernFailed', 'waiting for replication timed out')
      yield within(world.changed, left)
    }
  } finally {
    for (const watch of watches) watch.cancel()
  }
}
