/**
 * Stale readings: what a reading command would have printed some time ago. The past cannot be asked afterwards, so it is asked in time: a
 * scouting rehearsal on the same luck tells which commands the visit reads with and when it begins to; up to that instant the real one goes
 * the same way, and takes the readings once a second as they are then.
 */
import type { Cluster } from '../engine.ts'
import { SECOND, type Simulation, type TimerId, type Us } from '../kernel/index.ts'
import type { Call, Look, Output } from '../operator/index.ts'

/** Where one `operator-stale-reading` of a schedule will strike. */
export interface Scouted {
  readonly nth: number
  /** When the visit reads for the first time. */
  readonly atUs: Us
  /** What it reads with, one for each different command line. */
  readonly calls: Map<string, Call>
}

/** Between a scouting rehearsal and the next one: what is known, and what was found out. */
export interface Scouting {
  readonly known: readonly Scouted[]
  readonly found: Map<number, Scouted>
}

const REFRESH_US: Us = SECOND

interface Reading {
  readonly atUs: Us
  readonly output: Output
}

/** The readings kept for one fault. */
export class PastReadings {
  private readonly kept = new Map<string, Reading[]>()
  private timer: TimerId | undefined

  constructor(
    private readonly sim: Simulation,
    private readonly cluster: Cluster,
    private readonly scouted: Scouted,
    private readonly ageUs: Us,
  ) {
    this.timer = sim.call(Math.max(sim.now, scouted.atUs - ageUs), () => this.take())
  }

  /** What the command printed `ageUs` ago, or at the earliest reading; undefined when it was never taken. */
  read(call: Call): Reading | undefined {
    const readings = this.kept.get(keyOf(call))
    return readings?.findLast(reading => reading.atUs <= this.sim.now - this.ageUs) ?? readings?.[0]
  }

  close(): void {
    if (this.timer !== undefined) this.sim.cancel(this.timer)
    this.timer = undefined
  }

  private take(): void {
    for (const [key, call] of this.scouted.calls) {
      const look = this.cluster.commands.look(call)
      if (look === undefined) continue
      const readings = this.kept.get(key)
      const reading = { atUs: this.sim.now, output: look.output }
      if (readings === undefined) this.kept.set(key, [reading])
      else readings.push(reading)
    }
    this.timer = this.sim.after(REFRESH_US, () => this.take())
  }
}

/** Notes in a scouting rehearsal what a visit reads with. */
export function scout(into: Map<number, Scouted>, nth: number, atUs: Us, call: Call): void {
  let scouted = into.get(nth)
  if (scouted === undefined) into.set(nth, (scouted = { nth, atUs, calls: new Map() }))
  const key = keyOf(call)
  if (!scouted.calls.has(key)) scouted.calls.set(key, call)
}

/** A present output, shown as the older one. */
export function aged(look: Look, reading: Reading, nowUs: Us): Look {
  return { output: reading.output, afterUs: look.afterUs, asOfUs: reading.atUs, stableUntilUs: nowUs }
}

function keyOf(call: Call): string {
  return `${call.argv.join('\0')}\0\0${call.stdin}`
}
