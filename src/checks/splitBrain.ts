/**
 * no-split-brain: violated when for any time two running nodes could each acknowledge a write. Where it was the engine's own failover after a fault,
 * which no runbook can help (`isInherentSplit` in `measures/splitBrain.ts`), the evidence says so: whoever runs it has to know that it happens.
 * Causes: overlap (another was promoted while the leader could still acknowledge), returned-leader (an old leader came back as one),
 * two-leaders (any other way: one that never led before was started as a leader beside the one that leads).
 */
import type { SplitWindow } from '../measures/index.ts'
import { Chain, clock, fail, notExercised, pass, plural, seconds } from './chain.ts'
import type { Check, Facts } from './facts.ts'

const ID = 'no-split-brain'

export const noSplitBrain: Check = {
  id: ID,
  judge(facts) {
    const { changes, measures, anybodyCouldAcknowledge } = facts.recording
    const { splits } = facts.recording
    if (splits.length > 0) {
      const ours = splits.filter(split => !split.inherent)
      const longest = (ours.length > 0 ? ours : splits).reduce((a, b) => (b.toUs - b.fromUs > a.toUs - a.fromUs ? b : a))
      const us = splits.reduce((sum, w) => sum + w.toUs - w.fromUs, 0)
      const open = splits.some(w => w.open) ? ', and still at the end' : ''
      const evidence = `${longest.members.join(' and ')} could each acknowledge writes, ${seconds(us)} in ${plural(splits.length, 'stretch').replace('stretchs', 'stretches')}${open}; ${plural(measures.splitBrainWrites, 'write')} acknowledged on losing branches${ours.length > 0 ? '' : '; the engine itself replaced a leader that a fault had taken away'}`
      const { cause, chain } = explain(facts, longest)
      return fail(ID, evidence, cause, chain)
    }
    if (!anybodyCouldAcknowledge) return notExercised(ID, 'no node could ever acknowledge a write')
    if (new Set(changes.map(change => change.member)).size < 2) return notExercised(ID, 'there was never more than one member')
    return pass(ID, 'at no time could two nodes acknowledge a write')
  },
}

function explain(facts: Facts, window: SplitWindow): { cause: string; chain: Chain } {
  const chain = new Chain(facts)
  const until = window.open ? 'the end' : clock(facts, window.toUs)
  chain.add(window.fromUs, `${window.members.join(' and ')} could each acknowledge a write from ${clock(facts, window.fromUs)} until ${until}`, { inStep: true })
  const newcomer = window.newcomers[0]
  const others = window.members.filter(member => member !== newcomer)
  // The latest event that made the newcomer a leader: its promotion, or its start.
  const promotion = facts.promotions.filter(p => p.member === newcomer && p.atUs <= window.fromUs).at(-1)
  const start = startOf(facts, newcomer, window.fromUs)
  if (promotion !== undefined && (start === undefined || promotion.atUs >= start)) {
    chain.promotion(promotion)
    for (const other of others) notStopped(facts, chain, other, promotion.atUs)
    return { cause: 'overlap', chain: chain.faultsOn(others, promotion.atUs) }
  }
  if (newcomer !== undefined && start !== undefined) {
    chain.add(start, `${newcomer} started as a leader`, { node: newcomer, inStep: true })
    const later = facts.promotions.filter(p => others.includes(p.member) && p.atUs <= start).at(-1)
    if (later !== undefined) chain.promotion(later)
    // What took it away this time: one that a fault held and let go again was away without a departure, and an earlier one explains nothing.
    const upUs = lastUpBefore(facts, newcomer, start)
    const departure = facts.departures.filter(d => d.member === newcomer && d.atUs >= upUs && d.atUs <= start).at(-1)
    if (departure !== undefined) chain.departure(departure)
    return { cause: hadLed(facts, newcomer, start) ? 'returned-leader' : 'two-leaders', chain: chain.faultsOn([newcomer], start) }
  }
  return { cause: 'two-leaders', chain: chain.faultsOn(window.members, window.fromUs) }
}

/** When the member last began to run as a leader, by `atUs`. */
function startOf(facts: Facts, member: string | undefined, atUs: number): number | undefined {
  let running = false
  let start: number | undefined
  for (const change of facts.recording.changes) {
    if (change.member !== member || change.atUs > atUs) continue
    if (!running && change.running && change.role === 'leader') start = change.atUs
    running = change.running
  }
  return start
}

/** When the member came up the time before it began to run at `startUs`; before all time where it never had. */
function lastUpBefore(facts: Facts, member: string, startUs: number): number {
  let running = false
  let upUs = Number.NEGATIVE_INFINITY
  for (const change of facts.recording.changes) {
    if (change.member !== member || change.atUs >= startUs) continue
    if (!running && change.running) upUs = change.atUs
    running = change.running
  }
  return upUs
}

function hadLed(facts: Facts, member: string, beforeUs: number): boolean {
  return facts.recording.changes.some(c => c.member === member && c.atUs < beforeUs && c.running && c.role === 'leader')
}

function notStopped(facts: Facts, chain: Chain, member: string, atUs: number): void {
  const departure = facts.departures.filter(d => d.member === member && d.atUs <= atUs).at(-1)
  if (departure === undefined) chain.add(atUs, `nothing had stopped ${member} before: it neither exited nor was fenced`, { node: member })
  else chain.add(atUs, `${member} ran again after it had gone away at ${clock(facts, departure.atUs)}`, { node: member })
}
