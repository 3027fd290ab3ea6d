import type { Family, SourceDefect } from '../defect.ts'

const part = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({ id: `harness-${id}`, what, patches: [{ file, find, replace }], tests })
const CAMPAIGN = 'test/campaign/campaign.test.ts'
const STATISTICS = 'test/campaign/statistics.test.ts'
const SHRINK = 'test/campaign/shrink.test.ts'
const INJECTOR = 'test/faults/injector.test.ts'
const LOG = 'test/cluster/log/rules.test.ts'

export const harness: Family = {
  name: 'harness',
  title: 'Campaign, faults, operator, log and kernel',
  defects: [
    // ── campaign ──
    part('merge-drops-signatures', 'a merge forgets what only the second part found', 'src/campaign/aggregate.ts', 'for (const [key, record] of Object.entries(other.signatures)) addSignature(into, key, record)', 'void other.signatures', CAMPAIGN, STATISTICS),
    part('merge-keeps-the-latest-failure', 'of one signature the highest run is kept, so that the result depends on the parts', 'src/campaign/aggregate.ts', 'if (record.run >= mine.run) return', 'if (record.run <= mine.run) return', CAMPAIGN),
    part('merge-counts-twice', 'two parts that share runs are added up', 'src/campaign/ranges.ts', 'else throw new OverlapError(first, Math.min(end, last[1]))', 'else last[1] = Math.max(end, last[1])', CAMPAIGN, STATISTICS),
    part('shards-leave-a-run-out', 'the parts of a campaign do not cover it', 'src/campaign/ranges.ts', 'firstRun + Math.floor((runs * n) / of)]', 'firstRun + Math.floor((runs * n) / of) - (n < of ? 1 : 0)]', CAMPAIGN, STATISTICS),
    part('failures-not-run-twice', 'nothing is rehearsed a second time, so that nobody would see an engine that dreams', 'src/campaign/rehearser.ts', 'const twice = failed ||', 'const twice = (failed && run < 0) ||', CAMPAIGN),
    part('out-of-budget-counts', 'a run whose faults no design survives enters the verdict', 'src/campaign/aggregate.ts', 'else if (result.inBudget) addInBudget(into, run, result)', 'else if (into.ranges.length > 0) addInBudget(into, run, result)', CAMPAIGN),
    part('quantiles-too-low', 'p99 is read at rank 95', 'src/campaign/sketch.ts', "at === 'p95' ? 95 : 99", "at === 'p95' ? 95 : 95", STATISTICS),
    part('interval-one-sided', 'an exact interval leaves 5 % out at one end, not 2.5 %', 'src/measures/exact.ts', 'betaQuantile(0.975,', 'betaQuantile(0.95,', STATISTICS),
    part('shrinker-takes-any-signature', 'a smaller run that fails some other check passes for the same failure', 'src/campaign/shrink.ts', 'signatureKey(verdict.signature) === key)', 'key.length > 0)', SHRINK),
    part('shrinker-leaves-the-budget', 'a smaller run may have faults that no design survives', 'src/campaign/shrink.ts', 'return result.inBudget && result.verdicts.some', 'return result.verdicts.some', CAMPAIGN),
    part('shrinker-stops-early', 'what was found after one round is called minimal', 'src/campaign/shrink.ts', 'before !== search.best && !search.exhausted; ) {', 'before === undefined; ) {', CAMPAIGN),
    part('point-of-no-return-one-late', 'the first boundary from which there is no way back is taken for the last from which there is', 'src/campaign/pointOfNoReturn.ts', "return { step: after ?? '-', before: name", "return { step: name, before: name", 'test/campaign/sweep.test.ts'),
    part('rollbacks-judged-by-loss-alone', 'a rollback that ends without service brings the cluster back', 'src/campaign/pointOfNoReturn.ts', "['no-acknowledged-write-lost', 'serves-at-end', 'terminates'] as const", "['terminates'] as const", 'test/campaign/sweep.test.ts'),
    part('grid-leaves-a-target-out', 'the last target of each kind is never struck', 'src/campaign/sweep/grid.ts', "(targets[kind] ?? [])).flatMap", "(targets[kind] ?? []).slice(0, -1)).flatMap", 'test/campaign/sweep.test.ts'),
    part('saturation-from-all', 'what is unmet is judged by what was met twice', 'src/campaign/saturation.ts', 'rounded(once / total)', 'rounded(twice / total)', STATISTICS),
    // ── faults ──
    part('budget-one-more', 'faults may take one member more than the design must survive', 'src/faults/budget.ts', 'if (held.size <= this.members) return', 'if (held.size <= this.members + 1) return', INJECTOR, 'test/faults/conformance.test.ts'),
    part('budget-forgets-at-the-end', 'a member is given back when the fault ends, caught up or not', 'src/faults/budget.ts', "|| !isWhole(member)\n", '\n', INJECTOR),
    part('budget-any-length', 'a fault of an hour is in budget', 'src/faults/budget.ts', '!spec.mayLast && fault.durationUs > LONGEST_IN_BUDGET_US', '!spec.mayLast && fault.durationUs > 1e12', INJECTOR),
    part('budget-any-kind', 'kinds that the scenario does not allow are in budget', 'src/faults/budget.ts', "spec.onlyWhenNamed !== 'strategy' && !this.kinds", "spec.onlyWhenNamed === 'strategy' && !this.kinds", INJECTOR, 'test/faults/mistakes.test.ts'),
    // ── horizon ──
    part('settle-does-not-wait', 'the horizon ends while a disk is still on its way', 'src/measures/settle.ts', 'if (quiet && !recorder.underWay(startUs)) return true', 'if (quiet) return true', 'test/bars/settle.test.ts', 'test/measures/story.test.ts'),
    // ── operator ──
    part('missing-passes', 'a gate passes on an empty answer', 'src/operator/expect.ts', "e.missing === 'pass' ? MISSING_PASSES : MISSING_FAILS", "e.missing === 'pass' ? MISSING_FAILS : MISSING_PASSES", 'test/operator/executor.test.ts', 'test/operator/runbook.test.ts'),
    part('status-ignored', 'what a command printed counts although it failed', 'src/operator/expect.ts', 'if (output.code !== 0 && !(countedNothing && output.code === 1)) return missing(e)', 'void countedNothing', 'test/operator/executor.test.ts', 'test/operator/runbook.test.ts'),
    part('max-exclusive', 'a gate for at most 5 fails at 5', 'src/operator/expect.ts', 'if (value < min || value > max) inside = false', 'if (value < min || value >= max) inside = false', 'test/operator/executor.test.ts', 'test/operator/runbook.test.ts'),
    part('undo-in-order', 'steps are taken back oldest first', 'src/operator/executor.ts', 'this.undoing.shift()', 'this.undoing.pop()', 'test/operator/executor.test.ts', 'test/operator/runbook.test.ts'),
    part('undo-of-the-finished-only', 'a step that was begun and not finished is not taken back', 'src/operator/executor.ts', 'if (step.path === \'forward\' && step.undo !== END) this.remember(step)', 'void this.remember', 'test/operator/executor.test.ts', 'test/operator/runbook.test.ts'),
    part('retry-once-more', 'a step is tried once more than its runbook says', 'src/operator/executor.ts', 'if (left === 0) {', 'if (left < 0) {', 'test/operator/executor.test.ts', 'test/operator/runbook.test.ts'),
    // ── kernel ──
    part('draws-shift', 'luck does not depend on the how-manieth draw it is', 'src/kernel/chance.ts', '^ nth ^ Math.imul(nth', '^ 0 ^ Math.imul(0 * nth', 'test/kernel/chance.test.ts'),
    part('luck-not-the-entity-s', 'two members have the same luck', 'src/kernel/chance.ts', 'this.low ^ Math.imul(e.low, 0xc2b2ae35)', 'this.low ^ Math.imul(e.low * 0, 0xc2b2ae35)', 'test/kernel/chance.test.ts'),
    part('reseeding-forgets-streams', 'after an instant from which the future is other, streams go on as before', 'src/kernel/chance.ts', 'if (generation !== this.generation) {', 'if (generation > this.generation) {', 'test/kernel/chance.test.ts'),
    // ── log ──
    part('rates-not-slowed', 'clients write on at their own rate although nothing can be acknowledged so fast', 'src/cluster/log/rates.ts', 'if (free <= ackPerUs) {', 'if (free <= ackPerUs || ackPerUs > 0) {', LOG, 'test/cluster/log/fuzz.test.ts'),
    part('history-by-number', 'a position is in a history when its number is smaller, whatever its branch', 'src/cluster/log/position.ts', 'return forkPoint(history, p).lsn >= p.lsn', 'return history.lsn >= p.lsn', LOG, 'test/cluster/log/properties.test.ts'),
  ],
}
