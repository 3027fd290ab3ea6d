import { describe, expect, test } from 'vitest'
import type { Cluster, Strike } from '../../src/engine.ts'
import { armSchedule, type Fault, FAULT_KINDS, type Injector, type OperatorHooks, resolveTarget, type Schedule } from '../../src/faults/index.ts'
import { MINUTE, SECOND, Simulation } from '../../src/kernel/index.ts'
import { type ToyCluster, toyCluster } from '../toy/engine.ts'

interface Rig {
  readonly sim: Simulation
  readonly cluster: ToyCluster
  readonly injector: Injector
  readonly operator: { alive: boolean; readonly did: string[] }
}

function rig(schedule: Schedule, change: Partial<Cluster> = {}, members = 3): Rig {
  const sim = new Simulation({ seed: 'rig' })
  const cluster = toyCluster(sim, { members })
  cluster.settle()
  const operator = { alive: true, did: [] as string[] }
  const start = sim.now
  const hooks: OperatorHooks = {
    get alive() {
      return operator.alive
    },
    kill() {
      operator.alive = false
      operator.did.push(`killed ${sim.now - start}`)
    },
    resume() {
      operator.alive = true
      operator.did.push(`resumed ${sim.now - start}`)
    },
    turnBack: () => operator.alive && operator.did.push(`turned back ${sim.now - start}`) > 0,
    extendDeadline: untilUs => void operator.did.push(`deadline ${untilUs - start}`),
  }
  const injector = armSchedule(sim, { ...cluster, ...change }, schedule, { budgetMembers: 1, kinds: FAULT_KINDS, deadlineUs: 0 })
  injector.attach(hooks)
  return { sim, cluster, injector, operator }
}

const kill: Fault = { kind: 'process-kill', target: 'role:leader', at: 0, durationUs: 10 * SECOND, magnitude: 0 }
const at = (sim: Simulation, seconds: number): void => sim.run(2 * SECOND + seconds * SECOND)

describe('anchors', () => {
  const where = { step: 'stop', path: 'forward', visit: 2 } as const
  const anchored = (phase: 'start' | 'await' | 'end', command = 1, offsetUs = 0): Schedule => [{ ...kill, at: { ...where, phase, command, offsetUs } }]

  test('start strikes when that visit begins, and not another', () => {
    const { sim, injector } = rig(anchored('start'))
    injector.started({ ...where, visit: 1 })
    injector.started({ ...where, path: 'undo' })
    injector.started({ ...where, step: 'other' })
    injector.done(where)
    injector.issued(where, 1)
    at(sim, 1)
    expect(injector.struck).toBe(0)
    injector.started(where)
    expect(injector.struck, 'not under the hands of the operator').toBe(0)
    sim.run(sim.now)
    expect(injector.struck).toBe(1)
  })

  test('end strikes after done', () => {
    const { sim, injector } = rig(anchored('end'))
    injector.started(where)
    injector.done(where)
    sim.run(sim.now)
    expect(injector.records).toMatchObject([{ target: 'member:m-0', struck: true, members: ['m-0'] }])
  })

  test('await strikes its offset after that command was issued', () => {
    const { sim, injector } = rig(anchored('await', 3, 2 * SECOND))
    injector.issued(where, 2)
    injector.issued(where, 3)
    at(sim, 1)
    expect(injector.struck).toBe(0)
    at(sim, 2)
    expect(injector.records).toMatchObject([{ atUs: 4 * SECOND }])
  })

  test('await strikes at the latest when that command returns', () => {
    const { sim, injector } = rig(anchored('await', 3, MINUTE))
    injector.issued(where, 3)
    at(sim, 1)
    injector.returned(where, 2)
    sim.run(sim.now)
    expect(injector.struck).toBe(0)
    injector.returned(where, 3)
    at(sim, 120)
    expect(injector.records).toMatchObject([{ atUs: 3 * SECOND, struck: true }])
  })

  test('await strikes when the operator moves on without a return (it gave up, or was killed and resumed)', () => {
    const { sim, injector } = rig(anchored('await', 1, MINUTE))
    injector.issued(where, 1)
    at(sim, 5)
    injector.started({ ...where, visit: 3 })
    at(sim, 6)
    expect(injector.records).toMatchObject([{ atUs: 7 * SECOND }])
  })

  test('it says which polls must really happen', () => {
    const { injector } = rig([...anchored('await', 4), ...anchored('await', 9)])
    expect([1, 4, 5, 10].map(from => injector.wantedCommand(where, from))).toEqual([4, 4, 9, undefined])
    expect(injector.wantedCommand({ ...where, visit: 1 }, 1)).toBeUndefined()
  })

  test('an anchor that is never reached is not struck', () => {
    const { sim, injector } = rig(anchored('await', 50))
    injector.issued(where, 1)
    at(sim, 60)
    injector.disarm()
    expect(injector.records).toEqual([])
    expect(injector.struck).toBe(0)
  })
})

describe('striking', () => {
  test('a fault strikes at its time, lasts its duration, and extends the deadline to its end', () => {
    const { sim, cluster, injector, operator } = rig([{ ...kill, at: 5 * SECOND }])
    at(sim, 4.9)
    expect(cluster.world.member('m-0').running).toBe(true)
    at(sim, 5)
    expect(cluster.world.member('m-0').running).toBe(false)
    expect(injector.active).toBe(true)
    at(sim, 15)
    expect(cluster.world.member('m-0').running).toBe(true)
    expect(injector.records).toMatchObject([{ atUs: 7 * SECOND, endUs: 17 * SECOND }])
    expect(operator.did).toEqual(['deadline 15000000'])
  })

  test('a target that is not there is not struck, and says why', () => {
    const { sim, injector } = rig([{ ...kill, target: 'member:m-9' }, kill, { ...kill, at: SECOND, target: 'member:m-0' }])
    at(sim, 2)
    expect(injector.records.map(r => `${r.target} ${r.struck} ${r.why}`)).toEqual(['member:m-9 false there is no `member:m-9` to strike now', 'member:m-0 true ', 'member:m-0 false nothing was there to strike'])
    expect(injector.struck).toBe(1)
  })

  test('when the operator has ended nothing strikes any more, and what lasts ends', () => {
    const { sim, cluster, injector } = rig([{ ...kill, durationUs: MINUTE }, { ...kill, at: 30 * SECOND }])
    at(sim, 10)
    injector.disarm()
    expect(cluster.world.member('m-0').running).toBe(true)
    at(sim, 300)
    expect(injector.records).toHaveLength(1)
  })

  test('the operator is killed, and resumed after the duration; a dead one cannot be killed again', () => {
    const { sim, injector, operator } = rig([{ ...kill, kind: 'operator-killed', target: 'operator' }, { ...kill, kind: 'operator-killed', target: 'operator', at: SECOND }])
    at(sim, 60)
    expect(operator.did).toEqual(['killed 0', 'deadline 10000000', 'resumed 10000000'])
    expect(injector.records.map(r => r.struck)).toEqual([true, false])
  })

  test('an injector of no-ops is noticed', () => {
    const lie: Strike = { struck: true, members: [], end() {} }
    expect(() => at(rig([kill], { strike: () => lie }).sim, 1)).toThrow('claims to have struck at 00:02.000, but the engine noted no change')
  })

  test('every kind of the toy changes the trace', () => {
    for (const kind of ['process-kill', 'process-pause', 'node-loss', 'node-loss-with-volume', 'partition'] as const) {
      const { sim, injector } = rig([{ ...kill, kind }])
      at(sim, 1)
      expect(injector.struck, kind).toBe(1)
    }
  })
})

describe('targets', () => {
  test('roles are resolved when the fault strikes: the leader promoted last, followers and targets by number, modulo', () => {
    const { sim, cluster } = rig([])
    const resolve = (target: string): string | undefined => resolveTarget(cluster, 'process-kill', target)
    expect(['role:leader', 'role:leader/1', 'role:follower', 'role:follower/1', 'role:follower/2', 'any/4', 'member:m-2', 'node:x'].map(resolve)).toEqual(['member:m-0', 'member:m-0', 'member:m-1', 'member:m-2', 'member:m-1', 'member:m-1', 'member:m-2', undefined])
    cluster.world.promote('m-2')
    at(sim, 1)
    expect(['role:leader', 'role:leader/1', 'role:follower/0'].map(resolve)).toEqual(['member:m-2', 'member:m-0', 'member:m-1'])
  })
})

describe('budget', () => {
  test('one member at a time is in budget; two at once are not', () => {
    const follower = { ...kill, target: 'role:follower/0' }
    const apart = rig([kill, { ...follower, at: 30 * SECOND }])
    at(apart.sim, 100)
    expect([apart.injector.budget.inBudget, apart.injector.budget.peak]).toEqual([true, 1])
    const together = rig([kill, { ...follower, at: 5 * SECOND }])
    at(together.sim, 100)
    expect(together.injector.budget.reason).toBe('faults held 2 members at 00:07.000, 1 allowed: m-0 (process-kill), m-1 (process-kill)')
  })

  test('two faults on one member hold one member', () => {
    const { sim, injector } = rig([{ ...kill, kind: 'partition' }, { ...kill, kind: 'process-pause', at: SECOND }])
    at(sim, 60)
    expect([injector.struck, injector.budget.inBudget, injector.budget.peak]).toEqual([2, true, 1])
  })

  test('what the runbook takes down does not count', () => {
    const { sim, cluster, injector } = rig([{ ...kill, at: 5 * SECOND }])
    cluster.world.stop('m-1', 'clean', 'runbook')
    cluster.world.stop('m-2', 'clean', 'runbook')
    at(sim, 60)
    expect([injector.budget.inBudget, injector.budget.peak]).toEqual([true, 1])
  })

  test('after the fault its member counts until it is whole again', () => {
    const { sim, cluster, injector } = rig([{ ...kill, target: 'member:m-1', durationUs: 0 }, { ...kill, target: 'member:m-2', at: 60 * SECOND, durationUs: 0 }])
    at(sim, 30)
    // The toy does not start it again by itself after a kill without duration.
    expect(cluster.world.member('m-1').running).toBe(false)
    expect(injector.budget.inBudget).toBe(true)
    at(sim, 90)
    expect(injector.budget.reason).toContain('faults held 2 members')
  })

  test('a kind the scenario leaves out, and a fault longer than a quarter of an hour, are out of budget; a lost node may last', () => {
    const sim = new Simulation({ seed: 'x' })
    const cluster = toyCluster(sim)
    const only = armSchedule(sim, cluster, [kill], { budgetMembers: 1, kinds: ['partition'], deadlineUs: 0 })
    sim.run(SECOND)
    expect(only.budget.reason).toBe('process-kill is not among the scenario\'s faults')
    const long = rig([{ ...kill, kind: 'partition', durationUs: 16 * MINUTE }])
    at(long.sim, 1)
    expect(long.injector.budget.reason).toBe('partition lasts 16m 00s, more than 15m 00s')
    const node = rig([{ ...kill, kind: 'node-loss', durationUs: 60 * MINUTE }])
    at(node.sim, 1)
    expect(node.injector.budget.inBudget).toBe(true)
  })
})
