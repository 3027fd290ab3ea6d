/** Every measure of a rehearsal. See README.md for the definitions. */
export { costBetween, HOURS_PER_MONTH } from './cost.ts'
export { attributeToSteps, downtimeUs, IGNORED_OUTAGE_US, longestGapUs, type Outage, OutageWatch } from './downtime.ts'
export { exact95, regularisedBeta, zeroBelow95 } from './exact.ts'
export { type ExposedWindow, ExposureWatch, healthyLagUs } from './exposure.ts'
export { learnedWithin, writesOf, writtenWithin } from './intervals.ts'
export { countLosses, explainLoss, type FaultRecord, leaderAt, leadersAt, type Loss, type LossContext } from './loss.ts'
export { estimateRows, type RowEstimate } from './rows.ts'
export { type AuthorityRecord, type ClientChange, type Horizon, Recorder, type Recording } from './recorder.ts'
export { QUIET_US, runUntilQuiet, SETTLE_LIMIT_US } from './settle.ts'
export { type SplitWindow, SplitWatch } from './splitBrain.ts'
export { type MixedWindow, type SkewWindow, VersionWatch } from './versions.ts'
export { clip, covers, lengthUs, overlapUs, Switch, type Window } from './window.ts'
export {
  billOf, blueGreenDollars, breakEvenDollarsPerMinute, capacityDeficitNodeHours, capacityInFlight, catchUpSeconds, dualWriteDollars, expectedPrimaryFailures, fleetHours, type FleetRoll, mixedShardHours, monthMultiplier,
  type Prices, rollingDollars, rollingExtraNodeHours, rollingMultiplier, type RunBill, scatterHitP, scatterStallSeconds, shardHours, shardsOf, tabletHours, type TabletParts,
} from './fleet.ts'
