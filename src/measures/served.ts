/** Requests served in given windows: writes acknowledged (from the ledger, exact) and reads answered (rate × time readable, rounded once). */
import { SECOND } from '../kernel/index.ts'
import type { Workload } from '../workload/index.ts'
import type { Outage } from './downtime.ts'
import { learnedWithin } from './intervals.ts'
import { overlapUs, type Window } from './window.ts'

/** Whole requests answered within `windows` (disjoint). */
export function servedWithin(workloads: readonly Workload[], windows: readonly Window[], readOutages: readonly Outage[]): number {
  if (windows.length === 0) return 0
  let writes = 0
  let reads = 0
  for (const { log, cohorts, load } of workloads) {
    for (const interval of log.ledger.intervals()) {
      if (interval.kind === 'unknown') continue
      for (const window of windows) writes += learnedWithin(interval, window.fromUs, window.toUs)?.writes ?? 0
    }
    for (const cohort of cohorts) {
      let readableUs = 0
      for (const window of windows) {
        readableUs += window.toUs - window.fromUs
        for (const outage of readOutages) if (outage.cohort === cohort.id) readableUs -= overlapUs(outage, window.fromUs, window.toUs)
      }
      reads += (readableUs * load.readsPerSecond * cohort.share) / SECOND
    }
  }
  return writes + Math.round(reads)
}
