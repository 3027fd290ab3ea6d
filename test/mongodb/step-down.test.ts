/** Stepping down and shutting down: rules MG-STEPDOWN-…, MG-SHUTDOWN-…. */
import { describe, expect, test } from 'vitest'
import { MILLISECOND, SECOND } from '../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const under = (setting: Setting = {}, load = {}): Lab => {
  const lab = new Lab(setting)
  lab.clients(load)
  lab.wait(2 * SECOND)
  return lab
}

/** How long writes stood still, in seconds, looking every 5 ms from now on. */
function gap(lab: Lab, limitUs = 60 * SECOND): number {
  const [demand] = lab.cluster.world.log.demands
  const from = lab.until(() => demand?.flowing === false, limitUs, 5 * MILLISECOND)
  const length = lab.until(() => demand?.flowing === true, limitUs, 5 * MILLISECOND)
  return from < 0 ? 0 : length / SECOND
}

describe('replSetStepDown', () => {
  test('MG-STEPDOWN-1: refused on a secondary, and where the period is not longer than the catch-up', () => {
    const lab = under()
    expect(lab.sh(1, 'rs.stepDown()')).toMatchObject({ out: '', code: 1, err: "MongoServerError[NotWritablePrimary]: not primary so can't step down\ncommand terminated with exit code 1\n" })
    expect(lab.sh(0, 'rs.stepDown(10, 10)')).toMatchObject({ code: 1, err: 'MongoServerError[BadValue]: stepdown period must be longer than secondaryCatchUpPeriodSecs\ncommand terminated with exit code 1\n' })
    const refused = (member: number, eval_: string): string => lab.sh(member, eval_).err.split('\n')[0] ?? ''
    // Without the second argument it is ten seconds; the arguments are looked at before the role is.
    for (const member of [0, 1]) expect(refused(member, 'rs.stepDown(5)')).toContain('must be longer than secondaryCatchUpPeriodSecs')
    expect(refused(0, 'rs.stepDown(-1)')).toContain('stepdown period must be a positive integer')
    expect(refused(0, 'rs.stepDown(60, -1)')).toContain('secondaryCatchUpPeriodSecs period must be a positive or absent')
    expect(lab.state(0)).toBe('PRIMARY')
    expect(lab.sh(0, 'rs.stepDown(5, 2).ok').out).toBe('1\n')
  })

  test.each([['{replSetStepDown: 0}', 60], ['{replSetStepDown: 5, force: true}', 5], ['{replSetStepDown: 25, secondaryCatchUpPeriodSecs: 2}', 25]])('MG-STEPDOWN-1: %s keeps it from standing for %i s', (command, seconds) => {
    const lab = under()
    expect(lab.sh(0, `db.adminCommand(${command}).ok`).out).toBe('1\n')
    lab.wait((seconds - 1.5) * SECOND)
    expect(lab.mongod(0).ineligibleUntilUs).toBeGreaterThan(lab.now)
    lab.wait(2 * SECOND)
    expect(lab.mongod(0).ineligibleUntilUs).toBeLessThanOrEqual(lab.now)
  })

  test('MG-STEPDOWN-5: freezing never shortens, and is refused on a primary', () => {
    const lab = under()
    expect(lab.sh(0, 'rs.freeze(10)').err).toContain('MongoServerError[NotSecondary]: Cannot freeze node when primary or running for election, state: Primary')
    lab.sh(0, 'rs.stepDown(90)')
    const untilUs = lab.mongod(0).ineligibleUntilUs
    expect(lab.sh(0, 'rs.freeze(1)').out).toContain('you really want to freeze for only 1 second?')
    expect(lab.mongod(0).ineligibleUntilUs).toBe(untilUs)
  })

  test('MG-STEPDOWN-2, MG-STEPDOWN-4: with a handoff writes stand still for 0.1 to 2 s and nothing is lost', () => {
    for (const seed of ['1', '2', '3', '4', '5', '6']) {
      const lab = under({ seed, writeConcern: 1 })
      const task = lab.startSh(0, 'rs.stepDown(60).ok')
      const seconds = gap(lab)
      expect(seconds).toBeGreaterThan(0.05)
      expect(seconds).toBeLessThan(2)
      lab.wait(5 * SECOND)
      expect(task.result).toMatchObject({ out: '1\n', code: 0 })
      expect(lab.lost()).toBe(0)
      expect(lab.told('mongodb.election-started')[0]).toContain('nominated')
    }
  })

  test('MG-STEPDOWN-4: by force, or without the handoff, the election time-out passes', () => {
    for (const [setting, command] of [[{}, 'db.adminCommand({replSetStepDown: 60, force: true}).ok'], [{ electionHandoff: false }, 'rs.stepDown(60).ok']] as const) {
      const lab = under(setting)
      lab.startSh(0, command)
      const seconds = gap(lab)
      expect(seconds).toBeGreaterThan(7.5)
      expect(seconds).toBeLessThan(13)
    }
  })

  test('MG-STEPDOWN-3: without a caught-up secondary it errors after the catch-up period, and writes failed that long', () => {
    const lab = under()
    for (const i of [1, 2]) lab.strike('replay-stall', `member:mongo-${i}`, 600 * SECOND)
    const at = lab.now
    const done = lab.sh(0, 'rs.stepDown(60, 10)')
    expect(done.code).toBe(1)
    expect(done.err).toMatch(/^MongoServerError\[ExceededTimeLimit\]: No electable secondaries caught up as of 2026-01-01T00:00:\d\d\.\d\d\dZ\. Please use the replSetStepDown command/)
    expect(done.us / SECOND).toBeGreaterThan(10)
    expect(done.us / SECOND).toBeLessThan(13)
    expect(lab.state(0)).toBe('PRIMARY')
    expect(lab.told('mongodb.step-down-failed', at).length).toBe(1)
    // By force it goes.
    expect(lab.sh(0, 'db.adminCommand({replSetStepDown: 60, secondaryCatchUpPeriodSecs: 2, force: true}).ok').out).toBe('1\n')
    expect(lab.state(0)).toBe('SECONDARY')
  })

  test('MG-COMMAND-1: the server goes on with it when the shell is gone, and is a primary again when nobody caught up', () => {
    const ask = (lab: Lab, expression: string): void => {
      const task = lab.start('mongosh', '--quiet', '--host', 'mongo-0.mongo', '--eval', expression)
      lab.until(() => lab.mongod(0).steppingDown, 5 * SECOND, MILLISECOND)
      task.kill()
    }
    const handed = under()
    ask(handed, 'rs.stepDown(60, 10)')
    handed.wait(5 * SECOND)
    expect(handed.state(0)).toBe('SECONDARY')
    const stays = under({ writeConcern: 1 })
    for (const i of [1, 2]) stays.strike('replay-stall', `member:mongo-${i}`, 600 * SECOND)
    ask(stays, 'rs.stepDown(60, 10)')
    stays.wait(9 * SECOND)
    expect(stays.mongod(0).steppingDown).toBe(true)
    stays.wait(5 * SECOND)
    expect(stays.state(0)).toBe('PRIMARY')
    expect(stays.cluster.world.log.demands[0]?.flowing).toBe(true)
    const stops = under()
    ask(stops, 'db.adminCommand({shutdown: 1, timeoutSecs: 5})')
    expect(stops.until(() => stops.state(0) === 'DOWN', 20 * SECOND)).toBeGreaterThan(0)
  })

  test('MG-STEPDOWN-3: a secondary that may not be elected does not count, nor does one caught-up minority', () => {
    const lab = under({ members: 3, priorities: [1, 0, 0] })
    expect(lab.sh(0, 'rs.stepDown(60, 5)').err).toContain('No electable secondaries')
    const five = under({ members: 5 })
    for (const i of [1, 2, 3]) five.strike('replay-stall', `member:mongo-${i}`, 600 * SECOND)
    expect(five.sh(0, 'rs.stepDown(60, 5)').err).toContain('No electable secondaries')
  })

  test('MG-STEPDOWN-5: the member is no candidate for stepDownSecs; rs.freeze(0) lets it be one again', () => {
    for (const thaw of [false, true]) {
      const lab = under({ members: 2 })
      lab.sh(0, 'rs.stepDown(90).ok')
      lab.until(() => lab.primary()?.name === 'mongo-1', 10 * SECOND)
      if (thaw) lab.sh(0, 'rs.freeze(0)')
      expect(lab.sh(1, 'db.adminCommand({replSetStepDown: 20, force: true}).ok').out).toBe('1\n')
      const again = lab.until(() => lab.primary() !== undefined, 120 * SECOND) / SECOND
      const winner = lab.primary()?.name
      if (thaw) expect(winner === 'mongo-0' && again < 13).toBe(true)
      else expect(again).toBeGreaterThan(15)
    }
  })
})

describe('shutdown', () => {
  test('MG-SHUTDOWN-1: SIGTERM hands over first, then the process quiesces: 15 s and a bit until it is gone, a second without writes', () => {
    const lab = under()
    lab.start('kubectl', 'delete', 'pod', 'mongo-0')
    const seconds = gap(lab)
    expect(seconds).toBeLessThan(2)
    const [shutdown] = (lab.sim.records ?? []).filter(r => r.label === 'mongodb.shutdown-requested')
    lab.until(() => lab.told('mongodb.stopped').length > 0, 30 * SECOND)
    const life = (lab.now - (shutdown?.atUs ?? 0)) / SECOND
    expect(life).toBeGreaterThan(15)
    expect(life).toBeLessThan(16)
  })

  test('MG-SHUTDOWN-1: a grace period that is shorter ends in SIGKILL; a secondary quiesces for the whole time-out', () => {
    const lab = under({ terminationGraceSeconds: 8 })
    lab.start('kubectl', 'delete', 'pod', 'mongo-2')
    lab.until(() => lab.told('mongodb.crashed').length > 0, 30 * SECOND)
    expect(lab.told('mongodb.crashed')[0]).toContain('SIGKILL')
  })

  test('MG-SHUTDOWN-2: in quiesce mode hello says so, and the member goes on replicating', () => {
    const lab = under()
    lab.start('kubectl', 'delete', 'pod', 'mongo-2')
    lab.wait(4 * SECOND)
    expect(lab.mongod(2).quiescing).toBe(true)
    expect(lab.sh(2, 'db.hello()').err).toContain('MongoServerError[ShutdownInProgress]: The server is in quiesce mode and will shut down')
    const before = lab.mongod(2).copy?.lsn('apply') ?? 0
    lab.wait(SECOND)
    expect(lab.mongod(2).copy?.lsn('apply')).toBeGreaterThan(before)
  })

  test('MG-SHUTDOWN-3: the command refuses without an heir; with one the shell loses its connection', () => {
    const lab = under({ members: 3 })
    for (const i of [1, 2]) lab.strike('replay-stall', `member:mongo-${i}`, 600 * SECOND)
    expect(lab.sh(0, 'db.adminCommand({shutdown: 1, timeoutSecs: 3})').err).toContain('No electable secondaries')
    expect(lab.state(0)).toBe('PRIMARY')
    const other = under()
    expect(other.run('mongosh', '--quiet', '--host', 'mongo-1.mongo', '--eval', 'db.shutdownServer()')).toMatchObject({ code: 1, err: expect.stringContaining('MongoNetworkError: connection') })
    // Through kubectl exec the shell dies with the container.
    expect(under().sh(1, 'db.shutdownServer()').code).toBe(137)
  })
})
