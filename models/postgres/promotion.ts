/** The end of a promotion: all is replayed, the timeline switches (rules PG-PROMOTE-1…3). */
import { spreadCheckpointUs } from './checkpoints.ts'
import { formatLsn } from './datadir.ts'
import { isFurthestReachable } from './departures.ts'
import { PROMOTED } from './events.ts'
import { replayedXactUs } from './replayed.ts'
import type { Server } from './server.ts'

/** Opens a server that has replayed all it received for writing, on the next timeline. */
export function finishPromotion(server: Server, by: 'operator' | 'engine'): void {
  const { world, dir } = server
  const { sim } = world
  server.later(Math.round(world.timeUs('promoteMs', server.name) * server.slowness), () => {
    // The signal file goes when recovery has ended, not before: a promotion cut short leaves a standby.
    if (server.state !== 'promoting') return
    dir.files.delete('standby.signal')
    const from = server.copy.position('receive')
    const furthestReachable = isFurthestReachable(server, from)
    server.promotedAtUs = sim.now
    server.lastReplayedUs = replayedXactUs(server)
    server.receivedAtPromotion = server.streamed ? from.lsn : undefined
    server.replayedAtPromotion = server.copy.lsn('apply')
    // The control file learns of the new timeline with the next checkpoint, which is spread over minutes unless somebody asks, or next to nothing is to be written (rule PG-REWIND-5).
    server.later(spreadCheckpointUs(server), () => server.checkpointDone())
    // The next timeline as far as this directory's own history knows.
    server.openReadWrite(dir.timeline + 1)
    world.promotions.push({ atUs: sim.now, member: server.name, from, furthestReachable, by })
    sim.note(PROMOTED, server.name, dir.timeline, `${server.name} was promoted: timeline ${dir.timeline} forks at ${formatLsn(from.lsn)}`)
    for (const sender of server.walsenders.slice()) sender.upstreamSwitchedTimeline()
  })
}
