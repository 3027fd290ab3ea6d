/** Elections: when a replica stands, who votes for it, and what it does when it wins (rules RD-ELECT-…, RD-MANUAL-4). Source: clusterHandleSlaveFailover, clusterSendFailoverAuthIfNeeded. */
import { MILLISECOND, SECOND, type Us } from '../../src/kernel/index.ts'
import { ELECTION, VOTE } from './events.ts'
import { announce, type Claim, claimOf } from './receive.ts'
import type { Server } from './server.ts'

/** repl-ping-replica-period. */
const REPL_PING_US = 10 * SECOND

/** Called each tick, and whenever something it waits for happened (rule RD-ELECT-1). */
export function handleReplicaFailover(server: Server, nowUs: Us): void {
  const { table } = server
  const { myself } = table
  const { master } = table
  const manual = server.mfEndUs !== 0 && server.mfCanStart
  if (myself.role !== 'replica' || master === undefined || (!master.failed && !manual) || master.slots === 0) return
  const timeoutUs = server.nodeTimeoutUs
  if (!manual && (server.cannotFailover || tooOld(server, nowUs))) return
  const authTimeoutUs = Math.max(2 * timeoutUs, 2 * SECOND)
  const age = nowUs - server.authUs
  if (age > 2 * authTimeoutUs) {
    server.authUs = nowUs + 500 * MILLISECOND + Math.floor(server.world.uniform(server.name, 'election delay') * 500) * MILLISECOND
    server.authCount = 0
    server.authSent = false
    server.authRank = rankOf(server)
    server.authUs += server.authRank * SECOND
    if (server.mfEndUs !== 0) {
      server.authUs = nowUs
      server.authRank = 0
    }
    server.world.sim.note(ELECTION, server.name, server.authRank, `${server.name} stands for election${server.mfEndUs !== 0 ? ' (manual failover)' : ''}`)
    if (server.mfEndUs !== 0) handleReplicaFailover(server, nowUs)
    return
  }
  if (!server.authSent && server.mfEndUs === 0) {
    const rank = rankOf(server)
    if (rank > server.authRank) {
      server.authUs += (rank - server.authRank) * SECOND
      server.authRank = rank
    }
  }
  if (nowUs < server.authUs) return
  if (age > authTimeoutUs) return
  if (!server.authSent) {
    table.currentEpoch += 1
    server.authEpoch = table.currentEpoch
    server.authSent = true
    requestVotes(server)
    return
  }
  if (server.authCount < table.quorum) return
  // Votes that were given to an earlier election count as well: nothing has cleared them (rule RD-MANUAL-4).
  if (myself.configEpoch < server.authEpoch) myself.configEpoch = server.authEpoch
  // A master that has failed meanwhile is replaced by the engine, whoever had asked: it never stood still for it.
  win(server, manual ? 'operator' : 'engine')
}

/** It is the master now, and says so to everybody. */
export function win(server: Server, by: 'operator' | 'engine'): void {
  server.takeOver(by)
  announce(server)
}

/** Its data is too old to stand without being told to (rule RD-ELECT-3). */
function tooOld(server: Server, nowUs: Us): boolean {
  const factor = server.world.options.replicaValidityFactor
  if (factor === 0) return false
  return dataAgeUs(server, nowUs) > REPL_PING_US + server.nodeTimeoutUs * factor
}

/** How old its data is, less the time that the failure took to be noticed. */
export function dataAgeUs(server: Server, nowUs: Us): Us {
  const { upstream } = server
  const age = upstream === undefined ? Number.POSITIVE_INFINITY : upstream.state === 'up' ? nowUs - upstream.lastIoUs : upstream.downSinceUs === undefined ? Number.POSITIVE_INFINITY : nowUs - upstream.downSinceUs
  return age > server.nodeTimeoutUs ? age - server.nodeTimeoutUs : age
}

/** How many replicas of the same master have more data, as their last packets said (rule RD-ELECT-2). */
function rankOf(server: Server): number {
  const { table } = server
  const mine = server.offset
  let rank = 0
  for (const peer of table.others) if (peer.role === 'replica' && peer.masterId === table.myself.masterId && !peer.cannotFailover && peer.offset > mine) rank++
  return rank
}

function requestVotes(server: Server): void {
  const { bus, sim } = server.world
  const request = { epoch: server.authEpoch, claim: claimOf(server), force: server.mfEndUs !== 0 }
  sim.note(ELECTION, server.name, request.epoch, `${server.name} asks for votes in epoch ${request.epoch}`)
  for (const peer of server.table.others) bus.send(server, peer, to => consider(to, server, request))
}

interface Request {
  readonly epoch: number
  readonly claim: Claim
  /** A manual failover: the master need not be FAIL. */
  readonly force: boolean
}

/** A master's vote: one an epoch, for a replica it knows, of a master that is FAIL, and not twice within twice the node time-out (rule RD-ELECT-4). */
function consider(voter: Server, candidate: Server, request: Request): void {
  const { table, world } = voter
  const { sim } = world
  const peer = table.peers.get(candidate.id)
  if (peer === undefined) return
  if (request.epoch > table.currentEpoch) table.currentEpoch = request.epoch
  if (table.myself.role !== 'master' || table.myself.slots === 0) return
  const master = table.get(peer.masterId)
  if (request.epoch < table.currentEpoch || table.lastVoteEpoch === table.currentEpoch) return
  if (peer.role === 'master' || master === undefined || (!master.failed && !request.force)) return
  if (sim.now - master.votedUs < 2 * voter.nodeTimeoutUs) return
  for (const group of request.claim.groups) {
    const owner = table.owner[group]
    if (owner !== undefined && owner.configEpoch > request.claim.epoch) return
  }
  table.lastVoteEpoch = table.currentEpoch
  master.votedUs = sim.now
  world.bus.stir()
  voter.later(Math.round(world.timeUs('voteMs', voter.name) * voter.slowness), () => {
    sim.note(VOTE, voter.name, request.epoch, `${voter.name} votes for ${candidate.name} in epoch ${request.epoch}`)
    // Over the voter's own link; without one the vote is lost and nobody is told (rule RD-ELECT-5).
    const known = table.peers.get(candidate.id)
    if (known === undefined) return
    world.bus.send(voter, known, to => {
      if (to !== candidate || request.epoch < to.authEpoch) return
      to.authCount += 1
      handleReplicaFailover(to, sim.now)
    })
  })
}
