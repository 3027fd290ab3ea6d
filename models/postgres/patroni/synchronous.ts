/** synchronous_mode: which standby is synchronous, and how one that stops is replaced before. Source: Patroni docs/replication_modes.rst, patroni/ha.py. */
import { type Process, SECOND } from '../../../src/kernel/index.ts'
import type { Server } from '../server.ts'
import type { Agent } from './agent.ts'

/** One standby is synchronous: the first that streams. Without one the list is empty, and writes go on (rule PG-PATRONI-7). */
export function keepSynchronous(agent: Agent, server: Server): void {
  const { dcs, name } = agent
  const streaming = server.walsenders.filter(s => s.state === 'streaming' && !s.frozen && dcs.agents.get(s.standby.name)?.leaving !== true).map(s => s.standby.name).sort()
  const now = dcs.sync?.find(member => member !== name && streaming.includes(member)) ?? streaming[0]
  const wanted = now === undefined ? '' : `"${now}"`
  if ((server.settings['synchronous_standby_names'] ?? '') !== wanted) {
    // Nobody may be promoted that has not got what is acknowledged: the list of those who may shrinks first and grows last.
    dcs.sync = [name]
    agent.configure({ synchronous_standby_names: wanted })
    server.reload()
  }
  dcs.sync = now === undefined ? [name] : [name, now]
}

/**
 * Before a standby that is synchronous stops, it says so, and waits until the leader has chosen another at its next look: every 2 s, for twice loop_wait at most
 * (rule PG-PATRONI-16). It is a hint: who cannot reach the API stops all the same.
 */
export function* untilNotSynchronous(agent: Agent): Process {
  const { dcs, name } = agent
  const { sim } = dcs.world
  if (!dcs.options.synchronousMode || dcs.leader === name || !dcs.reachedFrom(agent.place)) return
  agent.leaving = true
  const endsUs = sim.now + 2 * dcs.options.loopWaitSeconds * SECOND
  while (dcs.holder !== undefined && dcs.sync?.includes(name) === true && sim.now < endsUs) yield 2 * SECOND
}
