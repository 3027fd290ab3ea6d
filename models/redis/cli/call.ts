/** `redis-cli --cluster call`: one command, said to every node that one of them names, one after the other. Source: redis-cli.c clusterManagerCommandCall; recordings of 7.0.15. */
import { type Process, Signal } from '../../../src/kernel/index.ts'
import { failed, type Output } from '../../../src/operator/command.ts'
import { PORT } from '../names.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { prepare } from './commands.ts'
import { contact } from './membership.ts'
import { type Place, reach } from './reach.ts'
import { raw, type Reply } from './reply.ts'
import { hostOf, seeAll, toolArguments } from './tool.ts'

const EXCHANGE_US = 1_000

/** The answers come one after the other: a node that stands still holds up those behind it, one that is gone is passed over. */
export function* callAll(world: World, from: Place, words: readonly string[]): Process<Output> {
  const { args: [target = '', ...command], only } = toolArguments(words)
  const first = yield* contact(world, from, target)
  if (typeof first === 'string') return failed(first)
  const { seen, complaints } = seeAll(world, from, first)
  let out = `\u001b[29;1m>>> Calling\u001b[0m ${command.join(' ')}\n`
  for (const { server, master } of seen) {
    if ((only === 'masters' && !master) || (only === 'replicas' && master)) continue
    yield EXCHANGE_US
    const address = `${server === first ? hostOf(target)[0] : server.host.address}:${PORT}`
    const reply = yield* answered(world, from, server, command)
    out += reply === undefined ? `${address}: Failed!\n` : `${address}: ${raw(reply)}`
  }
  return { out, err: complaints, code: 0 }
}

/** What a node answers over the connection that the tool has to it; undefined = the connection ends first. */
function* answered(world: World, from: Place, server: Server, command: readonly string[]): Process<Reply | undefined> {
  for (;;) {
    if (!server.alive) return undefined
    const reached = reach(world, from, server.host.address, PORT)
    if (!('hangs' in reached) && !('error' in reached)) break
    const moved = new Signal()
    const forgetIt = world.onTopology(() => moved.fire())
    yield moved
    forgetIt()
  }
  const prepared = prepare(server, command)
  const reply = prepared.reply ?? (yield* (prepared.run as NonNullable<typeof prepared.run>)(server))
  return server.alive ? reply : undefined
}
