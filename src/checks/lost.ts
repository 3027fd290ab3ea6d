/**
 * no-acknowledged-write-lost: violated when the runbook lost an acknowledged write, and under a synchronous promise when anything did.
 * Cause classes, of the largest part of the loss:
 *
 * | cause | the part was … |
 * |---|---|
 * | overlap | acknowledged by a leader that nothing had stopped when another was promoted |
 * | behind-candidate | on the old leader; a copy further ahead could be reached but was not promoted |
 * | unreplicated-tail | on the old leader alone when it went away; the furthest reachable copy was promoted |
 * | abandoned-branch | on a branch that was left again for an older one |
 * | wiped | known to a history that has nothing in common with the one that counts now |
 * | destroyed-volume | on volumes that are gone, or on one that lost its end (the leader came back without it, and its followers took that over) |
 * | removed-leader | on a leader that the runbook removed and that no longer is a member |
 *
 * Where rows are written to two databases a sample of keys says what has left no trace where it counts: causes as in `rows.ts`.
 */
import type { Loss } from '../measures/index.ts'
import type { DivergentRow } from '../engine.ts'
import { countLosses, estimateRows } from '../measures/index.ts'
import type { Verdict } from '../result.ts'
import { Chain, clock, fail, grouped, listed, notExercised, onLine, pass, plural } from './chain.ts'
import type { Check, Facts } from './facts.ts'
import { explainRows, mostOf } from './rows.ts'

const ID = 'no-acknowledged-write-lost'

export const noAcknowledgedWriteLost: Check = {
  id: ID,
  judge(facts) {
    const { acknowledgedWrites, losses } = facts.recording
    if (acknowledgedWrites === 0) return notExercised(ID, 'no write was acknowledged')
    const counted = facts.promise === 'synchronous' ? losses : losses.filter(loss => !loss.inherent)
    const lost = countLosses(counted)
    const { rows } = facts.recording
    const untraced = rows === undefined ? 0 : estimateRows(rows).lost
    if (rows !== undefined && untraced > 0) return rowsLost(facts, rows.divergent.filter(row => row.lost > 0), untraced)
    if (lost === 0) {
      const inherent = countLosses(losses)
      const rest = inherent > 0 ? `; ${plural(inherent, 'more')} lost as asynchronous replication must` : ''
      return pass(ID, `${plural(acknowledgedWrites, 'acknowledged write')}, none lost by the runbook${rest}`)
    }
    return violated(facts, counted, lost)
  },
}

function rowsLost(facts: Facts, rows: readonly DivergentRow[], lost: number): Verdict {
  const cause = mostOf(rows)
  const sampled = rows.reduce((sum, row) => sum + row.lost, 0)
  return fail(ID, `about ${plural(lost, 'acknowledged write')} of ${facts.recording.acknowledgedWrites} left no trace where it counts (${sampled} on ${plural(rows.length, 'sampled key')})`, cause, explainRows(facts, rows.filter(row => row.cause === cause)))
}

function violated(facts: Facts, counted: readonly Loss[], lost: number): Verdict {
  const byCause = new Map<string, Loss[]>()
  for (const loss of counted) {
    const cause = causeOf(facts, loss)
    const group = byCause.get(cause)
    if (group === undefined) byCause.set(cause, [loss])
    else group.push(loss)
  }
  let cause = ''
  let worst: readonly Loss[] = []
  for (const [name, group] of byCause) {
    if (countLosses(group) > countLosses(worst)) {
      cause = name
      worst = group
    }
  }
  const stranded = countLosses(counted, loss => loss.fate === 'stranded')
  const holders = [...new Set(counted.flatMap(loss => loss.holders))].sort()
  const where = stranded === 0 ? 'on no copy any more' : `${stranded === lost ? '' : `${grouped(stranded)} of them `}still on ${listed(holders)}, where nobody reads them`
  const causes = byCause.size < 2 ? '' : ` (${[...byCause].map(([name, group]) => `${name} ${grouped(countLosses(group))}`).join(', ')})`
  const evidence = `${grouped(lost)} of ${plural(facts.recording.acknowledgedWrites, 'acknowledged write')} ${lost === 1 ? 'is' : 'are'} lost${causes}: ${where}`
  const chain = explain(facts, worst, { cause, lost })
  return fail(ID, evidence, cause, chain, stepOf(facts, worst, chain))
}

/** What sort of loss a part is. */
export function causeOf(facts: Facts, loss: Loss): string {
  const { dropper, fork, leader, departure } = loss
  if (fork === undefined) return 'destroyed-volume'
  if (fork.lsn < 0) return 'wiped'
  // Nobody is promoted where changes are merged: what had not been merged when its leader went away is a tail, and one that goes on has a rival.
  if (loss.merged) return departure === undefined ? 'overlap' : 'unreplicated-tail'
  if (dropper === undefined) return branchLeft(facts, loss) ? 'abandoned-branch' : 'destroyed-volume'
  if (loss.afterPromotion || departure === undefined || returnedBefore(facts, loss)) {
    if (departure === undefined && cutOff(facts, loss)) return loss.afterPromotion ? 'overlap' : tail(loss)
    return 'overlap'
  }
  if (departure.cause === 'runbook' && !facts.members.some(member => member.name === leader)) return 'removed-leader'
  return tail(loss)
}

function tail(loss: Loss): string {
  return loss.dropper?.furthestReachable === true ? 'unreplicated-tail' : 'behind-candidate'
}

/** Whether the leader ran again as a leader between its departure and the promotion. */
function returnedBefore(facts: Facts, { leader, departure, dropper }: Loss): boolean {
  if (departure === undefined || dropper === undefined) return false
  return facts.recording.changes.some(c => c.member === leader && c.running && c.role === 'leader' && c.atUs > departure.atUs && c.atUs < dropper.atUs)
}

/** Whether a fault struck the leader and was still on when the other was promoted. */
function cutOff(facts: Facts, { leader, dropper }: Loss): boolean {
  if (leader === undefined || dropper === undefined) return false
  return facts.faults.some(f => f.struck && f.members.includes(leader) && f.atUs <= dropper.atUs && (f.endUs === undefined || f.endUs > dropper.atUs))
}

/** The writes are on a branch that a promotion began and the authority does not descend from. */
function branchLeft(_facts: Facts, { interval, fork }: Loss): boolean {
  return fork !== undefined && interval.branch.parent !== null && fork.branch !== interval.branch
}

/** @param lost of all causes together */
function explain(facts: Facts, losses: readonly Loss[], { cause, lost }: { readonly cause: string; readonly lost: number }): Chain {
  const chain = new Chain(facts)
  const largest = losses.reduce((a, b) => (b.writes > a.writes ? b : a))
  const writes = countLosses(losses)
  const fromUs = Math.min(...losses.map(loss => loss.interval.ackFromUs))
  const toUs = Math.max(...losses.map(loss => loss.interval.ackToUs))
  const { horizon, authorities } = facts.recording
  const authority = authorities.find(a => a.exists)
  const leader = largest.leader ?? 'a leader'
  const them = writes < lost ? `them; told here are ${grouped(writes)} of them` : lost === 1 ? 'it' : 'them'
  const counts = authority === undefined ? `no durable copy is left that could have ${them}` : `the history that counts at the end, that of ${authority.member ?? 'a volume'}, lacks ${them} (it ends at ${authority.timeline === undefined || authority.lsn === undefined ? 'nothing' : facts.history.place(authority.timeline, authority.lsn)}; ${authority.why})`
  chain.add(horizon.endUs, counts, { node: authority?.member })
  // Told in order of time this clause comes first: it names what it speaks of.
  chain.add(fromUs, `${leader} acknowledged the lost ${writes === 1 ? 'write' : 'writes'}${onLine(facts, largest.interval.branch.timeline)} from ${clock(facts, fromUs)} to ${clock(facts, toUs)}`, { node: largest.leader, inStep: true })
  if (largest.dropper !== undefined) chain.promotion(largest.dropper)
  if (cause === 'overlap' && largest.dropper !== undefined) overlapClause(facts, chain, largest)
  const departure = departureOf(facts, largest)
  if (cause !== 'overlap' && departure !== undefined) chain.departure(departure)
  if (cause === 'behind-candidate') chain.add(largest.dropper?.atUs ?? fromUs, `${largest.dropper?.member ?? 'the promoted copy'} ended ${lag(largest)} short of what was acknowledged`, { node: largest.dropper?.member })
  if (cause === 'unreplicated-tail') chain.add(largest.interval.fromUs, `the lost ${writes === 1 ? 'write' : 'writes'} had reached ${largest.merged ? 'no other database: what was merged ends before them' : 'no copy that could be reached'} (${largest.why || 'within ordinary lag'})`, { node: largest.leader })
  if (cause === 'abandoned-branch' || (cause === 'overlap' && largest.dropper === undefined)) abandonedClause(facts, chain, largest)
  if (cause === 'wiped') chain.add(fromUs, 'the history that counts shares nothing with theirs: it was begun anew', { node: authority?.member })
  if (cause === 'destroyed-volume') for (const record of facts.trace ?? []) if (record.label === 'disk.destroyed') chain.add(record.atUs, `the volume ${record.node} was destroyed`, { node: record.node, inStep: true })
  return chain.faultsOn([largest.leader, largest.dropper?.member], largest.dropper?.atUs ?? horizon.endUs)
}

/** When it went away with them. Where nobody was promoted that is the first time since it acknowledged them: from a later one it came back without them already. */
function departureOf(facts: Facts, { leader, dropper, departure, interval }: Loss): Loss['departure'] {
  return dropper !== undefined ? departure : (facts.departures.find(each => each.member === leader && each.atUs >= interval.ackToUs) ?? departure)
}

function overlapClause(facts: Facts, chain: Chain, { leader, dropper, departure }: Loss): void {
  if (dropper === undefined) return
  const before = facts.departures.filter(d => d.member === leader && d.atUs <= dropper.atUs)
  const running = leader ?? 'the old leader'
  if (before.length === 0) chain.add(dropper.atUs, `nothing had stopped ${running} before: it neither exited nor was fenced`, { node: leader })
  else if (departure !== undefined) {
    chain.add(dropper.atUs, `${running} had come back as a leader after it went away`, { node: leader })
    chain.departure(departure)
  }
}

function abandonedClause(facts: Facts, chain: Chain, { interval }: Loss): void {
  const began = facts.promotions.find(p => p.from.lsn === interval.branch.forkLsn)
  if (began !== undefined) chain.promotion(began)
}

/** How far the candidate was behind, in bytes. */
function lag({ interval, fork }: Loss): string {
  return fork === undefined ? 'far' : `${interval.toLsn - fork.lsn} bytes`
}

/** The step to blame: that of the promotion if the operator did it, else the deepest one of the chain. */
function stepOf(_facts: Facts, losses: readonly Loss[], chain: Chain): string {
  const dropper = losses.find(loss => loss.dropper !== undefined)?.dropper
  if (dropper?.by === 'operator') for (const clause of chain.all) if (clause.atUs === dropper.atUs && clause.step !== undefined) return clause.step
  return chain.rootStep
}
