/** Values that move by themselves: clocks, optimes, uptimes. Asked for by key, so that a script that does not read them is not bound to the instant. */
import { SECOND } from '../../../src/kernel/index.ts'
import { msOf, secondsOf } from '../calendar.ts'
import type { Mongod } from '../mongod.ts'
import { oplogStart, writtenAtUs } from '../optime.ts'
import type { World } from '../world.ts'
import { latestHeardUs, optimeOf, optimeUs } from './optimes.ts'

/** A year: what an idle set's oplog may reach back at most here. */
const MOST_WINDOW_US = 365 * 24 * 3600 * SECOND

export function valueOf(world: World, m: Mongod, key: string): unknown {
  const [what = '', name = ''] = key.split(':')
  const now = world.sim.now
  switch (what) {
    case 'now':
      return { $date: msOf(now) }
    case 'uptime': {
      const other = world.mongodOf(name)
      return other === undefined ? 0 : Math.floor((now - other.startedAtUs) / SECOND)
    }
    case 'optime':
      return optimeOf(world, m, name, 'apply')
    case 'optimeDate':
      return { $date: secondsOf(optimeUs(world, m, name, 'apply')) * 1000 }
    case 'durable':
      return optimeOf(world, m, name, 'flush')
    case 'committed':
      return optimeOf(world, m, '', 'apply')
    case 'clusterTime':
      return { $timestamp: { t: secondsOf(optimeUs(world, m, m.name, 'apply')), i: 1 } }
    case 'heard':
      return { $date: msOf(latestHeardUs(m, name)) }
    case 'oplogFirst': {
      const { copy } = m
      if (copy === undefined) return 0
      const start = oplogStart(world, copy)
      const seen = copy.curves.receive.valueAt(0)
      if (start >= seen) return Math.max(0, now - copy.curves.receive.reaches(start, 0))
      // The set has lived before the story, at the rate of now.
      const { receive } = copy.root().curves
      const perUs = Math.max(receive.slope[receive.index(now)] as number, 1e-6)
      return Math.min(MOST_WINDOW_US, Math.round(now + (seen - start) / perUs))
    }
    case 'lastWrite':
      return m.copy === undefined ? { $date: msOf(now) } : { $date: secondsOf(writtenAtUs(world, m.copy)) * 1000 }
    default:
      throw new Error(`mongodb: no value ${key}`)
  }
}
