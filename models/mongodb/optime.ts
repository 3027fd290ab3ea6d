/** From places in the log to the clock: when an entry was written, how late a member is, how far the oplog reaches back. */
import type { Copy } from '../../src/cluster/log/index.ts'
import type { Us } from '../../src/kernel/index.ts'
import type { World } from './world.ts'

/** When the last entry that this copy has at `stage` was written by whoever led, as far as the curves tell. */
export function writtenAtUs(world: World, copy: Copy, stage: 'receive' | 'apply' | 'flush' = 'apply'): Us {
  const lsn = copy.lsn(stage)
  const root = copy.root()
  const curve = (root.leading ? root : copy).curves.receive
  const at = curve.reaches(lsn - 0.5, 0)
  return Math.min(world.sim.now, Number.isFinite(at) ? Math.ceil(at) : world.sim.now)
}

/** The oldest byte that a member's oplog still has: it is a ring of a given size (rule MG-OPLOG-1). */
export function oplogStart(world: World, copy: Copy): number {
  return world.oplogOf(copy).start(copy)
}
