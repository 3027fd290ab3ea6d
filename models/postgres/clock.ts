/**
 * What reads the wall clock: timestamps in SQL are those of the machine that made them, and the time-out of a walsender is measured by it
 * (rules PG-CLOCK-1, PG-CLOCK-2). LSNs, lags in bytes and every other duration of the model do not depend on it.
 */
import { SECOND, type Us } from '../../src/kernel/index.ts'
import type { World } from './world.ts'

/** What the clock of a machine showed at an instant (default now), in µs of the story. */
export function stampUs(world: World, place: string, atUs: Us = world.sim.now): Us {
  return atUs + (world.kubernetes.machines.get(place)?.clockOffUs(atUs) ?? 0)
}

/** The timestamp that a commit made at `atUs` carries: by the clock of the machine whose server led then. */
export function commitStampUs(world: World, atUs: Us): Us {
  let place: string | undefined
  for (const reign of world.reigns) if (reign.fromUs <= atUs) place = reign.place
  return place === undefined ? atUs : stampUs(world, place, atUs)
}

/**
 * The clock of a machine jumped. A walsender there compares it with the last reply's time: forward by wal_sender_timeout or more, and it takes
 * its standby for dead and hangs up; the standby connects again.
 */
export function clockJumped(world: World, machine: string, byUs: Us): void {
  for (const server of [...world.servers]) {
    if (server.place !== machine) continue
    const timeoutUs = server.settingUs('wal_sender_timeout', world.options.walSenderTimeoutSeconds * SECOND)
    if (timeoutUs <= 0 || byUs < timeoutUs) continue
    for (const sender of server.walsenders.slice()) sender.close('terminating walsender process due to replication timeout (the clock jumped)')
  }
}
