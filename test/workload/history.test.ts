/** Which reads are traced: of two leaders both, or the latest alone where a deposed one may answer from the past. */
import { expect, test } from 'vitest'
import { judgeRegister } from '../../src/checks/register.ts'
import { Demand, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { MILLISECOND, SECOND, Simulation } from '../../src/kernel/index.ts'
import type { Cohort } from '../../src/workload/cohort.ts'
import { History } from '../../src/workload/history.ts'

const LOAD = { loop: 'open' as const, writesPerSecond: 200, thinkUs: 0, connections: 10, bytesPerWrite: 200, timeoutUs: Number.POSITIVE_INFINITY, queueAgeLimitUs: SECOND, roundTripUs: 500 }
const LINK = { delayUs: MILLISECOND, ackDelayUs: MILLISECOND, flushDelayUs: 500, bytesPerSecond: Number.POSITIVE_INFINITY }

/** An old leader that can no longer have anything acknowledged, and its successor, each with a client; gives how many keys have a linear order, and all. */
function split(latestOnly: boolean): readonly [number, number] {
  const sim = new Simulation({ seed: '1' })
  const log = new ReplicatedLog(sim, 'x')
  const at = { branch: log.genesis(0), lsn: 0 }
  const [a, b, c] = [log.copy('a', at), log.copy('b', at), log.copy('c', at)]
  a.lead()
  for (const copy of [b, c]) copy.follow(a, LINK)
  a.acknowledge({ k: 1, members: [b, c], stage: 'flush' })
  const demands = ['one', 'two'].map(id => new Demand(log, { ...LOAD, id }))
  const clients = demands.map((demand, i) => ({ id: `clients-${i}`, demand, leader: a }))
  const history = new History(sim, log, clients as unknown as Cohort[], LOAD.roundTripUs, undefined, latestOnly)
  for (const demand of demands) demand.attach(a)
  sim.run(2 * SECOND)
  for (const copy of [b, c]) copy.unfollow()
  sim.run(2 * SECOND + 100 * MILLISECOND)
  b.lead({ timeline: 2 })
  c.follow(b, LINK)
  b.acknowledge({ k: 1, members: [c], stage: 'flush' })
  demands[1]?.detach('broken')
  demands[1]?.attach(b)
  Object.assign(clients[1] as object, { leader: b })
  sim.run(6 * SECOND)
  const verdicts = history.registers().map(register => judgeRegister(register).is)
  return [verdicts.filter(is => is === 'linearizable').length, verdicts.length]
}

test('a read of a deposed leader is no violation where nobody promised that it is new; elsewhere it is', () => {
  expect(split(true)).toEqual([4, 4])
  const [linear, all] = split(false)
  expect(all).toBe(4)
  expect(linear).toBeLessThan(4)
})
