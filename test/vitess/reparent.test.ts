/** PlannedReparentShard by phase, and what each failure costs (rules VT-PRS-1…6; facts §1.2). */
import { describe, expect, it } from 'vitest'
import { Lab } from './lab.ts'

const prs = (lab: Lab, n: number, more = ''): string => `vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(n).alias} ${more}`

it('moves the primary in a second or two, and everybody follows (PF16)', () => {
  const lab = new Lab({ buffer: { enabled: true } }, { loop: 'closed' })
  const task = lab.start(prs(lab, 2))
  const gap = lab.gap(30)
  expect(gap).toBeGreaterThan(0.9)
  expect(gap).toBeLessThan(5)
  lab.until(() => task.state !== 'running', 30)
  expect(task.result).toMatchObject({ code: 0 })
  expect(lab.primary.pod).toBe(lab.tablet(2).pod)
  lab.wait(5)
  expect(lab.shard.tablets.map(t => [t.type, t.linked])).toEqual([['replica', true], ['replica', true], ['primary', false], ['replica', true]])
  expect(lab.failures().attempts).toBe(0)
})

describe('VT-PRS-1: what fails before the demotion costs nothing', () => {
  it.each([
    ['a candidate that does not answer', (lab: Lab) => void lab.strike('process-pause', `member:${lab.tablet(1).pod}`), /could not be read/],
    ['a candidate that applies nothing', (lab: Lab) => void lab.strike('replay-stall', `member:${lab.tablet(1).pod}`), /failed to catch up with replication before demotion/],
    ['an rdonly', (lab: Lab) => lab.tablet(1).setType('rdonly'), /of type rdonly/],
    ['a topo server that is away', (lab: Lab) => void lab.strike('coordinator-away', 'coordinator:topo'), /failed to lock shard/],
    ['a lock that somebody holds', (lab: Lab) => void lab.shard.lock('somebody'), /deadline exceeded: locked by somebody/],
  ])('%s', (_what, prepare, error) => {
    const lab = new Lab({}, {})
    prepare(lab)
    const before = lab.acked()
    const from = lab.seconds
    const output = lab.run(prs(lab, 1), 120)
    expect(output.code).toBe(1)
    expect(output.err).toMatch(error)
    expect(lab.primary.pod).toBe(lab.tablet(0).pod)
    // It wrote all the time: 500 a second.
    expect(lab.acked() - before).toBeGreaterThan(500 * (lab.seconds - from) - 10)
  })

  it('the primary that is there already is no work, and a shard that does not exist is an error', () => {
    const lab = new Lab()
    expect(lab.run(prs(lab, 0)).code).toBe(0)
    expect(lab.cluster.truth.promotions).toHaveLength(0)
    expect(lab.run('vtctldclient PlannedReparentShard commerce/80-')).toMatchObject({ code: 1, err: expect.stringContaining("node doesn't exist") })
  })
})

describe('VT-PRS-2: who is chosen', () => {
  it('one of the primary’s own cell, unless others are allowed', () => {
    const lab = new Lab()
    lab.ok('vtctldclient PlannedReparentShard commerce/-  --avoid-primary zone1-0000000101')
    expect(lab.primary.pod).toBe(lab.tablet(3).pod)
    const alone = new Lab({ cells: 4 })
    expect(alone.run('vtctldclient PlannedReparentShard commerce/-')).toMatchObject({ code: 1, err: expect.stringContaining('same cell') })
    alone.ok('vtctldclient PlannedReparentShard commerce/- --allow-cross-cell-promotion')
    expect(alone.primary.pod).not.toBe(alone.tablet(0).pod)
  })

  it('nobody, if one that might be does not answer: who is named needs no other', () => {
    for (const kind of ['process-kill', 'process-pause'] as const) {
      const lab = new Lab({ cells: 1, vtorc: false }, {})
      lab.strike(kind, `member:${lab.tablet(2).pod}`, 60)
      const before = lab.acked()
      const from = lab.seconds
      expect(lab.run('vtctldclient PlannedReparentShard commerce/-', 60)).toMatchObject({ code: 1, err: expect.stringContaining(`failed to get replication status from ${lab.tablet(2).alias}`) })
      // Refused at once, or waited for for wait-replicas-timeout; before the demotion, so that nobody notices.
      expect(lab.seconds - from).toBeGreaterThan(kind === 'process-kill' ? 0 : 15)
      expect(lab.seconds - from).toBeLessThan(kind === 'process-kill' ? 2 : 17)
      expect(lab.acked() - before).toBeGreaterThan(500 * (lab.seconds - from) - 10)
      expect(lab.primary.pod).toBe(lab.tablet(0).pod)
      // It leaves the other behind, and says so (rule VT-PRS-6).
      expect(lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`, 120).code).toBe(1)
      expect(lab.primary.pod).toBe(lab.tablet(1).pod)
    }
  })

  it('none that is drained, an rdonly, restores or holds errant GTIDs', () => {
    const alone = (spoil: (lab: Lab) => void): void => {
      // Of two cells: the third tablet is the only one beside the primary.
      const lab = new Lab({ cells: 2, vtorc: false }, {})
      spoil(lab)
      lab.wait(2)
      expect(lab.run('vtctldclient PlannedReparentShard commerce/-')).toMatchObject({ code: 1, err: expect.stringContaining('cannot find a tablet') })
      expect(lab.primary.pod).toBe(lab.tablet(0).pod)
    }
    for (const type of ['drained', 'rdonly']) alone(lab => lab.ok(`vtctldclient ChangeTabletType ${lab.tablet(2).alias} ${type}`))
    alone(lab => void lab.start(`vtctldclient RestoreFromBackup ${lab.tablet(2).alias}`))
    alone(lab => void lab.strike('standby-diverged', `member:${lab.tablet(2).pod}`))
    const whole = new Lab({ cells: 2, vtorc: false }, {})
    whole.ok('vtctldclient PlannedReparentShard commerce/-')
    expect(whole.primary.pod).toBe(whole.tablet(2).pod)
  })

  it('blind to versions before mid-2026, the older first from then on', () => {
    for (const versionAwareReparent of [false, true]) {
      const lab = new Lab({ cells: 1, versionAwareReparent }, {})
      // The upgraded one is the furthest by a hair; the two others are held back a little.
      lab.tablet(1).version = '8.0.40'
      for (const n of [2, 3]) lab.strike('replication-lag', `member:${lab.tablet(n).pod}`, 200_000, 1_000_000)
      lab.wait(2)
      lab.ok('vtctldclient PlannedReparentShard commerce/-')
      expect(lab.primary.version).toBe(versionAwareReparent ? '8.0.36' : '8.0.40')
    }
  })

  it('nobody who is further behind than is tolerable', () => {
    const lab = new Lab({ cells: 1 }, {})
    for (const n of [1, 2, 3]) lab.strike('replay-stall', `member:${lab.tablet(n).pod}`)
    lab.wait(10)
    expect(lab.run('vtctldclient PlannedReparentShard commerce/- --tolerable-replication-lag 5s')).toMatchObject({ code: 1, err: expect.stringContaining('cannot find a tablet') })
  })
})

describe('VT-PRS-3: open transactions hold a demotion up, for as long as the version lets them (VT-T11)', () => {
  it.each([
    [19, 25, 30],
    [21, 3, 5],
  ])('v%i: between %i and %i s', (vitessVersion, least, most) => {
    const lab = new Lab({ vitessVersion, waitReplicasSeconds: 60 }, {})
    lab.strike('long-transaction', `member:${lab.primary.pod}`, 0, 60_000_000)
    lab.start(prs(lab, 1))
    const gap = lab.gap(60)
    expect(gap).toBeGreaterThan(least)
    expect(gap).toBeLessThan(most + 2)
  })
})

describe('VT-PRS-4: what fails after the demotion is undone, and was an outage', () => {
  it('a candidate that stops applying after it came near: 15 to 50 s, and the old primary goes on (VT-F11)', () => {
    const lab = new Lab({ cells: 1 }, { timeoutUs: 600_000_000, queueAgeLimitUs: 600_000_000 })
    const stall = lab.strike('replay-stall', `member:${lab.tablet(1).pod}`)
    lab.wait(10)
    stall.end()
    const task = lab.start(prs(lab, 1, '--wait-replicas-timeout 30s'))
    // It reaches where the primary was, but not all that was written meanwhile.
    lab.until(() => lab.shard.demotedUs !== undefined, 10, 'the demotion')
    lab.strike('replay-stall', `member:${lab.tablet(1).pod}`)
    const gap = lab.until(() => lab.writing, 90, 'writing again')
    expect(gap).toBeGreaterThan(15)
    expect(gap).toBeLessThan(50)
    lab.until(() => task.state !== 'running', 10)
    expect(task.result).toMatchObject({ code: 1, err: expect.stringContaining('failed to catch up with replication (demoted primary') })
    expect(lab.primary.pod).toBe(lab.tablet(0).pod)
    expect(lab.cluster.truth.promotions).toHaveLength(0)
  })

  it('whoever interrupts vtctldclient during the demotion gets the old primary back', () => {
    const lab = new Lab({}, {})
    const task = lab.start(prs(lab, 1))
    lab.until(() => lab.shard.demotedUs !== undefined, 10)
    task.kill()
    lab.wait(10)
    expect(lab.primary.pod).toBe(lab.tablet(0).pod)
    expect(lab.writing).toBe(true)
    expect(lab.shard.lockedBy).toBeUndefined()
  })
})

it('VT-PRS-5: the new primary serves at once and commits wait for the first that follows', () => {
  const lab = new Lab({ fleet: 2, tabletsPerShard: 2, timing: { rpcMs: 1000 } }, { timeoutUs: 600_000_000 })
  const task = lab.start(prs(lab, 1))
  lab.until(() => lab.primary === lab.tablet(1), 20)
  expect(lab.tablet(1).serving).toBe(true)
  lab.wait(0.5)
  expect(lab.writing).toBe(false)
  expect(lab.cluster.truth.couldAcknowledge(lab.shard.log)).toEqual([])
  lab.until(() => lab.writing, 10, 'writing')
  lab.until(() => task.state !== 'running', 10)
  expect(task.result).toMatchObject({ code: 0 })
})

it('VT-PRS-6: so is one that cannot follow the new primary: the journal entry never comes there', () => {
  const lab = new Lab({ targetMysqlVersion: '8.4.3', seriesBreakP: 1 }, {})
  // All but the first and the last are on the new series.
  for (const n of [1, 2]) lab.tablet(n).version = lab.tablet(n).dataVersion = '8.4.3'
  const from = lab.seconds
  const output = lab.run(prs(lab, 1))
  expect(output.code).toBe(1)
  for (const n of [0, 3]) expect(output.err).toContain(`tablet ${lab.tablet(n).alias} failed to SetReplicationSource`)
  expect(output.err).not.toContain(lab.tablet(2).alias)
  expect(lab.seconds - from).toBeGreaterThan(15)
  expect(lab.seconds - from).toBeLessThan(20)
  expect(lab.primary.pod).toBe(lab.tablet(1).pod)
  expect(lab.writing).toBe(true)
})

it('VT-PRS-6: an emergency reparent is content when somebody follows; who cannot is left to VTOrc', () => {
  const lab = new Lab({ targetMysqlVersion: '8.4.3', seriesBreakP: 1 }, {})
  for (const n of [1, 2]) lab.tablet(n).version = lab.tablet(n).dataVersion = '8.4.3'
  const from = lab.seconds
  lab.ok(`vtctldclient EmergencyReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)
  expect(lab.seconds - from).toBeLessThan(10)
  expect(lab.tablet(3).linked).toBe(false)
})

it('VT-PRS-6: transactions of its own keep a tablet from no journal entry', () => {
  const lab = new Lab({}, {})
  lab.strike('standby-diverged', `member:${lab.tablet(3).pod}`)
  expect(lab.tablet(3).errant).toBe(true)
  const from = lab.seconds
  lab.ok(prs(lab, 1))
  expect(lab.seconds - from).toBeLessThan(10)
})

it('VT-PRS-6: one that is behind is waited for', () => {
  const lab = new Lab({ applyRatio: 1.5 }, {})
  lab.tablet(3).copy.freeze('apply')
  lab.wait(20)
  lab.tablet(3).copy.thaw('apply')
  const from = lab.seconds
  const behind = lab.tablet(3).lagSeconds
  expect(behind).toBeGreaterThan(15)
  expect(lab.ok(prs(lab, 1))).toContain('successfully reparented')
  // It gets the entry when it has applied what came before, at one and a half times the pace at which that was written.
  expect(lab.seconds - from).toBeGreaterThan(behind / 1.5 - 1)
  expect(lab.seconds - from).toBeLessThan(behind / 1.5 + 4)
})

it('VT-PRS-6: a tablet in RESTORE is left behind, and the command fails after its time-out though the primary has moved (VT-T17)', () => {
  const lab = new Lab({}, {})
  const restore = lab.start(`vtctldclient RestoreFromBackup ${lab.tablet(3).alias}`)
  lab.wait(5)
  expect(lab.tablet(3).type).toBe('restore')
  const from = lab.seconds
  const output = lab.run(prs(lab, 1))
  expect(output.code).toBe(1)
  expect(output.err).toContain(`tablet ${lab.tablet(3).alias} failed to SetReplicationSource`)
  expect(lab.seconds - from).toBeGreaterThan(1)
  expect(lab.primary.pod).toBe(lab.tablet(1).pod)
  lab.until(() => restore.state !== 'running', 600)
  lab.until(() => lab.tablet(3).linked, 60, 'it follows the new primary once it is restored')
})
