import type { Family, SourceDefect } from '../defect.ts'

const checking = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({ id: `check-${id}`, what, patches: [{ file, find, replace }], tests })
const LOST = 'test/checks/lost.test.ts'
const OTHERS = 'test/checks/others.test.ts'
const REGISTER = 'test/checks/register.test.ts'
const STORY = 'test/measures/story.test.ts'
const PIECES = 'test/measures/pieces.test.ts'

export const checks: Family = {
  name: 'checks',
  title: 'Checks and measures',
  defects: [
    checking('lost-inverted', 'a run fails when nothing was lost', 'src/checks/lost.ts', 'if (lost === 0) {', 'if (lost > 0) {', LOST),
    checking('lost-promise-ignored', 'a loss that asynchronous replication excuses is excused under a synchronous promise, too', 'src/checks/lost.ts', "facts.promise === 'synchronous' ? losses : losses.filter(loss => !loss.inherent)", 'losses.filter(loss => !loss.inherent)', LOST),
    checking('inherent-any-candidate', 'a candidate that was not the furthest excuses a loss', 'src/measures/loss.ts', 'if (!dropper.furthestReachable) return', 'if (false as boolean) return', LOST),
    checking('inherent-any-age', 'writes of any age are excused by a fault', 'src/measures/loss.ts', "if (interval.fromUs < ageLimitUs(leader, dropper, interval, context)) return 'they", "if (false as boolean) return 'they", LOST),
    checking('inherent-without-fault', 'a leader that the runbook stopped counts as taken away by a fault', 'src/measures/loss.ts', "return departure.cause === 'fault' ? departure.atUs : undefined", 'return departure.atUs', LOST),
    checking('split-from-three', 'two leaders at once are no split brain, three are', 'src/measures/splitBrain.ts', 'members.length >= 2, { members', 'members.length >= 3, { members', STORY, PIECES),
    checking('split-never-fails', 'a split brain is seen and not failed', 'src/checks/splitBrain.ts', 'if (splits.length > 0) {', 'if (splits.length > 1e9) {', OTHERS),
    checking('outage-of-20-s-ignored', 'outages under 20 s are ignored, not under 20 ms', 'src/measures/downtime.ts', 'IGNORED_OUTAGE_US = 20_000', 'IGNORED_OUTAGE_US = 20_000_000', PIECES, STORY),
    checking('downtime-unweighted', 'every cohort counts as if it were all of the demand', 'src/measures/downtime.ts', 'sum += (outage.toUs - outage.fromUs) * outage.share\n  return sum', 'sum += outage.toUs - outage.fromUs\n  return sum', PIECES, STORY),
    checking('converges-blind-to-histories', 'a follower with another history is no failure', 'src/checks/converges.ts', '...histories(facts, facts.members), ', '', OTHERS),
    checking('converges-blind-to-versions', 'mixed versions at the end are no failure', 'src/checks/converges.ts', '...versions(facts), ', '', OTHERS),
    checking('converges-one-copy-will-do', 'one whole member is full redundancy', 'src/checks/converges.ts', '...redundancy(facts, facts.expectedMembers), ', '...redundancy(facts, 1), ', OTHERS),
    checking('serves-inverted', 'a run fails when a fresh client can write', 'src/checks/serves.ts', 'facts.fresh.find(({ found }) => !found.ok)', 'facts.fresh.find(({ found }) => found.ok)', OTHERS),
    checking('target-any-outcome', 'a run that turned back has to have reached the target', 'src/checks/target.ts', "facts.outcome !== 'completed'", "facts.outcome === 'stuck'", OTHERS),
    checking('false-success-not-told', 'success is false only when a write was lost', 'src/checks/falseSuccess.ts', "['no-acknowledged-write-lost', 'serves-at-end', ", "['no-acknowledged-write-lost', ", OTHERS),
    checking('gates-honest-inverted', 'a gate is dishonest when its claim was true', 'src/checks/gates.ts', 'g.honest === false', 'g.honest === true', OTHERS),
    checking('rollback-safe-any-time', 'turning back is not promised before the declared point but after it', 'src/checks/rollbackSafe.ts', 'begun.startUs < turned.atUs', 'begun.startUs > turned.atUs', OTHERS, 'test/campaign/sweep.test.ts'),
    checking('skew-not-told', 'an unsupported combination of versions is measured and not failed', 'src/checks/skew.ts', 'if (worst !== undefined) {', 'if (worst === undefined && skews.length > 0) {', OTHERS),
    checking('stuck-is-fine', 'a run that passes its deadline terminates', 'src/checks/terminates.ts', "if (facts.outcome !== 'stuck') return", "if (facts.outcome.length > 0) return", OTHERS),
    checking('objectives-inverted', 'an objective is missed by what is below its limit', 'src/checks/objectives.ts', 'objective.max !== undefined && value > objective.max', 'objective.max !== undefined && value < objective.max', OTHERS),
    checking('register-reads-anything', 'a read fits whatever it answered', 'src/checks/register.ts', "if (operation.kind === 'read' && operation.value !== frame.value) {", "if (operation.kind === 'read' && operation.value > 1e9) {", REGISTER),
    checking('register-no-real-time', 'an operation may come before one that had returned before it was called', 'src/checks/register.ts', 'operation.callUs > frame.horizonUs) {', 'operation.callUs > Infinity) {', REGISTER),
    checking('register-unknown-took-effect', 'a write without an answer has taken effect as if it had been answered at once', 'src/checks/register.ts', 'const order = operations.filter(', 'const order = operations.map(o => ({ ...o, returnUs: o.returnUs === Infinity ? o.callUs : o.returnUs })).filter(', REGISTER),
    checking('register-forgets-the-value', 'a state that failed with one value is taken to fail with every value', 'src/checks/register.ts', ".join('')}/${value}`", ".join('')}`", REGISTER),
    checking('register-touching-is-before', 'an answer and a call at one instant count as one after the other', 'src/checks/register.ts', 'operation.callUs > frame.horizonUs) {', 'operation.callUs >= frame.horizonUs) {', REGISTER),
  ],
}
