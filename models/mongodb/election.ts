/** Elections of protocol version 1: who asks for votes, who gives them, and what a winner does before it takes writes (rules MG-ELECT-…, MG-VOTE-…). */
import type { Position } from '../../src/cluster/log/index.ts'
import { MILLISECOND, type Process, SECOND, type Us, within } from '../../src/kernel/index.ts'
import { commitPace, setAcknowledgement } from './acknowledge.ts'
import { ELECTED, ELECTION, ELECTION_LOST, TERM, WRITABLE } from './events.ts'
import type { Mongod } from './mongod.ts'

export type CampaignReason = 'timeout' | 'handoff' | 'priority' | 'asked'

/** replElectionTimeoutOffsetLimitFraction. */
const OFFSET_SHARE = 0.15
/** What a secondary fetches and applies in one go, in time: a cursor's round trip and its visibility. */
const BATCH_US = 10 * MILLISECOND
/** Size of the no-op that a new primary writes first. */
const NOOP_BYTES = 150

/** Election time-out from that contact on: 10–11.5 s at the default. Its luck hangs on the contact, not on how often anybody looked. */
export function electionOffset(m: Mongod, contactUs: Us): Us {
  const timeoutUs = (m.config?.settings.electionTimeoutMillis ?? 10_000) * MILLISECOND
  const nth = Number.isFinite(contactUs) ? Math.max(0, Math.floor(contactUs / (m.world.options.heartbeatIntervalMillis * MILLISECOND))) : 0
  return Math.round(timeoutUs * (1 + OFFSET_SHARE * m.world.sim.chance.draw(m.name, 'election offset', nth)))
}

/** (rank + 1) × electionTimeout, rank 0 for the highest priority (rule MG-ELECT-6). */
export function takeoverDelayUs(m: Mongod): Us {
  const mine = m.me?.priority ?? 0
  const rank = new Set((m.config?.members ?? []).map(c => c.priority).filter(p => p > mine)).size
  return (rank + 1) * (m.config?.settings.electionTimeoutMillis ?? 10_000) * MILLISECOND
}

/** Order of two oplog ends: by term, then by place. */
export function comparePositions(a: Position, b: Position): number {
  return a.branch.timeline - b.branch.timeline || a.lsn - b.lsn
}

/** Whether `voter` votes for `candidate` (rule MG-VOTE-1). */
function votes(voter: Mongod, candidate: Mongod, term: number, dryRun: boolean): boolean {
  const { config } = voter
  if (config === undefined || candidate.config === undefined || config.newerThan(candidate.config)) return false
  if (term < voter.term) return false
  if (!dryRun && voter.dir.lastVote.term >= term) return false
  const mine = voter.copy?.position('apply')
  const theirs = candidate.copy?.position('apply')
  if (mine !== undefined && !voter.dir.needsInitialSync && theirs !== undefined && comparePositions(theirs, mine) < 0 && !abreast(voter, candidate, mine.lsn - theirs.lsn)) return false
  if (voter.state === 'ARBITER') {
    // An arbiter that sees a healthy primary of the same or a higher priority says no (rule MG-VOTE-3).
    const known = voter.primary === undefined ? undefined : voter.world.mongodOf(voter.primary.name)
    if (known !== undefined && known !== candidate && known.isPrimary && voter.heartbeats.view(known.name)?.up === true && voter.world.talks(voter, known)) {
      if ((config.member(known.name)?.priority ?? 0) >= (candidate.me?.priority ?? 0)) return false
    }
  }
  return true
}

/** Two that follow one primary apply in batches: of two that are no more than a batch apart now the one is ahead, now the other (rule MG-VOTE-1). */
function abreast(voter: Mongod, candidate: Mongod, aheadBytes: number): boolean {
  const root = voter.copy?.root()
  if (root === undefined || root === voter.copy || candidate.copy?.root() !== root) return false
  const { now, chance } = voter.world.sim
  const { receive } = root.curves
  // Also of one that has just stepped down for the candidate’s term.
  if (aheadBytes > (receive.slope[receive.index(now - BATCH_US)] as number) * BATCH_US) return false
  return chance.draw(voter.name, `batch against ${candidate.name}`, Math.floor(now / SECOND)) < 0.5
}

/** Asks everybody for a vote; gives whether a majority of the set gave one. */
function* round(m: Mongod, term: number, dryRun: boolean): Process<boolean> {
  const { world, config } = m
  if (config === undefined) return false
  const others = config.voters.filter(v => v.name !== m.name)
  const own = (m.me?.votes ?? 0) > 0 ? 1 : 0
  const need = config.majority - own
  // The answer that completes the majority is waited for; whoever does not answer is not.
  const ways: Us[] = []
  for (const voter of others) {
    const v = world.mongodOf(voter.name)
    if (v !== undefined && world.talks(m, v)) ways.push(world.roundTripUs(m, v))
  }
  ways.sort((a, b) => a - b)
  const half = ways.length < need ? 500 * MILLISECOND : need <= 0 ? 1 : (ways[need - 1] as Us) / 2
  yield half
  let granted = own
  for (const voter of others) {
    const v = world.mongodOf(voter.name)
    if (v === undefined || !world.talks(m, v)) continue
    const grants = votes(v, m, term, dryRun)
    if (!dryRun) {
      v.observeTerm(term)
      if (grants) v.dir.lastVote = { term, candidate: m.name }
    } else v.observeTerm(m.term)
    if (grants) granted += 1
  }
  yield half + world.timeUs('voteMs', m.name)
  return granted >= config.majority
}

/** One candidacy from the first request to victory or defeat. */
export function* campaign(m: Mongod, reason: CampaignReason): Process {
  const { world } = m
  try {
    world.sim.note(ELECTION, m.name, m.term + 1, `${m.name} stands for election (${WHY[reason]})`)
    if (reason === 'timeout' || reason === 'priority') {
      const agreed = yield* round(m, m.term, true)
      if (!agreed || !m.electable) return lost(m, 'the dry run found no majority')
    }
    m.term += 1
    const { term } = m
    world.sim.note(TERM, m.name, term, `${m.name} is in term ${term}`)
    m.dir.lastVote = { term, candidate: m.name }
    world.topologyChanged()
    const won = yield* round(m, term, false)
    if (m.term !== term || !m.electable) return lost(m, 'another term began meanwhile')
    if (!won) return lost(m, 'no majority voted for it')
    yield* reign(m, term)
  } finally {
    m.campaigning = false
    if (m.alive) m.rearm()
  }
}

const WHY: Readonly<Record<CampaignReason, string>> = {
  timeout: 'no word from a primary within the election time-out',
  handoff: 'the primary that stepped down nominated it',
  priority: 'its priority is higher than the primary’s',
  asked: 'replSetStepUp',
}

function lost(m: Mongod, why: string): void {
  m.world.sim.note(ELECTION_LOST, m.name, m.term, `${m.name} is not elected: ${why}`)
  m.lastContactUs = m.world.sim.now
}

/** PRIMARY, then catch-up, then drain, and only then writable (rule MG-ELECT-4). */
function* reign(m: Mongod, term: number): Process {
  const { world } = m
  const { copy } = m
  if (copy === undefined) return
  m.electionUs = world.sim.now
  m.primary = { name: m.name, term }
  world.sim.note(ELECTED, m.name, term, `${m.name} is elected in term ${term}`)
  announce(m)
  m.become('PRIMARY')
  m.checkLiveness()
  yield* catchUp(m)
  if (!stillLeads(m, term)) return
  yield world.timeUs('drainMs', m.name) * m.host.machineSlowdown()
  // What was fetched before is applied first.
  while (stillLeads(m, term) && (m.lock.held || copy.lsn('apply') < copy.lsn('receive'))) {
    if (world.frozen.has(copy)) yield within(world.changed, 100 * MILLISECOND)
    else yield 5 * MILLISECOND
  }
  if (!stillLeads(m, term)) return
  const from = copy.position('receive')
  // One that is only starting answers nobody yet.
  const furthest = ![...world.mongods].some(o => o !== m && o.listening && o.copy !== undefined && !o.dir.needsInitialSync && world.network.connected('operator', o.place) && comparePositions(o.copy.position('receive'), from) > 0)
  m.throttleUs = 0
  m.commitUs = undefined
  copy.lead({ timeline: term, commitLatencyUs: commitPace(m) })
  copy.append(NOOP_BYTES)
  m.lock.background()
  m.writable = true
  setAcknowledgement(m)
  world.promotions.push({ atUs: world.sim.now, member: m.name, from, furthestReachable: furthest, by: 'engine' })
  world.sim.note(WRITABLE, m.name, term, `${m.name} accepts writes in term ${term}`)
  world.topologyChanged()
}

function stillLeads(m: Mongod, term: number): boolean {
  return m.alive && m.isPrimary && m.term === term
}

/** Heartbeats at once: everybody within reach learns of the new primary. */
function announce(m: Mongod): void {
  const { world } = m
  for (const other of [...world.mongods]) {
    if (other === m || m.config?.member(other.name) === undefined) continue
    world.sim.after(world.network.delayUs(m.place, other.place), () => {
      if (!m.alive || !m.isPrimary || !other.alive || !world.talks(m, other)) return
      other.observeTerm(m.term)
      other.learnPrimary(m)
    })
  }
}

/** Fetches what a reachable member has beyond it; the time-out is infinite by default (rule MG-ELECT-4). */
function* catchUp(m: Mongod): Process {
  const { world } = m
  const copy = m.copy
  const limit = m.config?.settings.catchUpTimeoutMillis ?? -1
  if (copy === undefined || limit === 0) return
  const untilUs = limit < 0 ? Number.POSITIVE_INFINITY : world.sim.now + limit * MILLISECOND
  const aheadOf = (): Mongod | undefined =>
    [...world.mongods].find(o => o !== m && o.copy !== undefined && o.copy !== copy && !o.dir.needsInitialSync && world.talks(m, o) && comparePositions(o.copy.position('apply'), copy.position('receive')) > 0 && m.syncing.shares(o))
  // The answers of the heartbeats it sends on election.
  yield 2 * MILLISECOND
  for (let source = aheadOf(); source !== undefined && m.alive && m.isPrimary; source = aheadOf()) {
    const goal = (source.copy as NonNullable<typeof source.copy>).lsn('apply')
    m.syncing.followFor(source)
    const left = Math.min(untilUs - world.sim.now, 200 * MILLISECOND)
    if (left <= 0) return
    if (copy.lsn('receive') < goal) yield within(world.changed, Math.min(left, 5 * MILLISECOND))
  }
}
