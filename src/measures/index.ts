/** Every measure of a rehearsal. See README.md for the definitions. */
export { costBetween, HOURS_PER_MONTH } from './cost.ts'
export { attributeToSteps, downtimeUs, IGNORED_OUTAGE_US, longestGapUs, type Outage, OutageWatch } from './downtime.ts'
export { type ExposedWindow, ExposureWatch, healthyLagUs } from './exposure.ts'
export { learnedWithin, writesOf, writtenWithin } from './intervals.ts'
export { countLosses, explainLoss, type FaultRecord, leaderAt, leadersAt, type Loss, type LossContext } from './loss.ts'
export { type AuthorityRecord, type ClientChange, type Horizon, Recorder, type Recording } from './recorder.ts'
export { QUIET_US, runUntilQuiet, SETTLE_LIMIT_US } from './settle.ts'
export { type SplitWindow, SplitWatch } from './splitBrain.ts'
export { type MixedWindow, type SkewWindow, VersionWatch } from './versions.ts'
export { clip, covers, lengthUs, overlapUs, Switch, type Window } from './window.ts'
export {
  billOf, blueGreenDollars, breakEvenDollarsPerMinute, capacityDeficitNodeHours, capacityInFlight, catchUpSeconds, dualWriteDollars, expectedPrimaryFailures, fleetHours, type FleetRoll, mixedShardHours, monthMultiplier,
  type Prices, rollingDollars, rollingExtraNodeHours, rollingMultiplier, type RunBill, scatterHitP, scatterStallSeconds, shardHours, shardsOf, tabletHours, type TabletParts,
} from './fleet.ts'
