/** What is known to be safe beside a command of a Vitess script. Each is tried out before it is offered; none knows the script. */
import type { SafeLines, Typed } from '../../src/engine.ts'
import { asCalled, podCommand, poll } from '../kubernetes/index.ts'
import type { VitessOptions } from './options.ts'

/** Sets `$1` to the alias of the tablet in a pod, `$2` and `$3` to its keyspace and shard, `$4` to its type. */
const tabletOf = (bare: string): string => `set -- $(vtctldclient GetTablets --tablet-alias "$(echo "${bare}" | sed -E 's/.*-vttablet-(.*-[0-9]{10}).*/\\1/')")`

/** Lines that are safe beside a command of a Vitess script (see `Engine.safeBeside`): move the primary away first, wait until the tablet serves again. */
export function safeBeside(_: VitessOptions, typed: Typed): readonly SafeLines[] {
  const command = podCommand(typed)
  if (command?.verb !== 'delete') return []
  const { bare } = command
  const tablet = tabletOf(bare)
  return asCalled(command.kubectl, [
    { does: 'make sure that it is no primary', where: 'before', lines: [`( ${tablet}; [ "$4" != primary ] ) || exit 1`] },
    { does: 'let another tablet of its shard lead, if it does', where: 'before', lines: [`( ${tablet}; [ "$4" != primary ] || vtctldclient PlannedReparentShard "$2/$3" --avoid-primary "$1" --wait-replicas-timeout 60s ) || exit 1`] },
    { does: 'wait until it is Ready again', where: 'after', lines: [`kubectl wait --for=condition=Ready pod/${/[$`]/.test(bare) ? `"${bare}"` : bare} --timeout=1800s`] },
    { does: 'wait until its shard has a primary', where: 'after', lines: [`( ${tablet}; ${poll('vtctldclient GetTablets --keyspace "$2" --shard "$3" --tablet-type primary | grep -q .', 300)} )`] },
  ])
}
