/** Optimes as one member knows another's: its own and (on the primary) reported ones as of now, the rest as of the last heartbeat (rule MG-STATUS-2). */
import type { Us } from '../../../src/kernel/index.ts'
import { secondsOf } from '../calendar.ts'
import type { Mongod } from '../mongod.ts'
import { writtenAtUs } from '../optime.ts'
import type { World } from '../world.ts'

export function latestHeardUs(m: Mongod, name: string): Us {
  const contact = m.heartbeats.contactUs(name)
  return Number.isFinite(contact) ? contact : 0
}

/** When the last entry of a member (or, for '', at the majority commit point) was written, as `m` knows it. */
export function optimeUs(world: World, m: Mongod, name: string, stage: 'apply' | 'flush'): Us {
  return name === '' ? committedUs(world, m) : knownUs(world, m, name, stage)
}

/** The same as an optime: a timestamp and a term. */
export function optimeOf(world: World, m: Mongod, name: string, stage: 'apply' | 'flush'): object {
  return { ts: { $timestamp: { t: secondsOf(optimeUs(world, m, name, stage)), i: 1 } }, t: { $long: termOf(world, m, name) } }
}

function termOf(world: World, m: Mongod, name: string): number {
  const copy = (name === '' ? undefined : world.dbpathOf.get(name)?.copy) ?? m.copy
  return copy?.position('apply').branch.timeline ?? m.term
}

function knownUs(world: World, m: Mongod, name: string, stage: 'apply' | 'flush'): Us {
  const copy = world.dbpathOf.get(name)?.copy
  if (copy === undefined) return 0
  if (name === m.name) return writtenAtUs(world, copy, stage)
  // Progress reports reach the primary at once; the others know what the last heartbeat said.
  if (m.copy?.leading && copy.root() === m.copy) return writtenAtUs(world, copy, stage)
  return Math.min(latestHeardUs(m, name), writtenAtUs(world, copy, stage))
}

/** The time of the majority commit point: the k-th latest of the voting members that hold data. */
function committedUs(world: World, m: Mongod): Us {
  const { config } = m
  if (config === undefined) return 0
  const times: Us[] = []
  for (const voter of config.voters) {
    if (voter.arbiterOnly) continue
    const copy = world.dbpathOf.get(voter.name)?.copy
    times.push(copy === undefined ? 0 : writtenAtUs(world, copy))
  }
  times.sort((a, b) => b - a)
  return times[config.writeMajority - 1] ?? 0
}
