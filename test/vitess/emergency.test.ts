/** EmergencyReparentShard and what becomes of transactions that only the old primary has (rules VT-ERS-1…3, VT-GTID-1; facts §1.3). */
import { describe, expect, it } from 'vitest'
import { brief, Lab } from './lab.ts'

const NO_VTORC = { vtorc: false }
const ERS = 'vtctldclient EmergencyReparentShard commerce/-'

describe('VT-ERS-1: all but one will do', () => {
  it('a dead primary does not hold it up; a silent replica beside it does', () => {
    const dead = new Lab(NO_VTORC, {})
    dead.strike('process-kill', `member:${dead.primary.pod}`, 0, 600_000_000)
    const from = dead.seconds
    dead.ok(ERS)
    expect(dead.seconds - from).toBeLessThan(2)
    expect(dead.primary.pod).not.toBe(dead.tablet(0).pod)
    const silent = new Lab(NO_VTORC, {})
    silent.strike('node-loss', `node:${silent.primary.place}`)
    const started = silent.seconds
    silent.ok(ERS)
    expect(silent.seconds - started).toBeLessThan(20)
  })

  it('a primary that answers is demoted as in a planned reparent: a transaction that goes on has its grace', () => {
    const took = (versions: number): number => {
      const lab = new Lab({ ...NO_VTORC, vitessVersion: versions }, {})
      lab.strike('long-transaction', `member:${lab.primary.pod}`, 0, 120_000_000)
      const task = lab.start(ERS)
      const gap = lab.gap(60)
      lab.until(() => task.state !== 'running', 60)
      return gap
    }
    expect(took(21)).toBeGreaterThan(3)
    expect(took(21)).toBeLessThan(8)
    expect(took(19)).toBeGreaterThan(28)
  })

  it('a primary that answers is demoted: it does not go on beside the new one', () => {
    const lab = new Lab({ ...NO_VTORC, durabilityPolicy: 'none' }, {})
    lab.ok(`${ERS} --new-primary ${lab.tablet(1).alias}`)
    lab.wait(5)
    expect(lab.primary.pod).not.toBe(lab.tablet(0).pod)
    expect(lab.cluster.truth.couldAcknowledge(lab.shard.log)).toEqual([lab.primary.pod])
    expect(brief(lab.tablet(0))).toMatchObject({ type: 'replica', linked: true })
  })
})

describe('VT-ERS-2: too few that answer', () => {
  it('refuses when one of those that do not answer could acknowledge for another, and goes on when they are ignored (lost-write condition d/e)', () => {
    const lab = new Lab(NO_VTORC, {})
    const silent = [0, 1].map(n => lab.tablet(n))
    for (const t of silent) lab.strike('partition', `node:${t.place}`)
    lab.wait(2)
    expect(lab.run(`${ERS} --wait-replicas-timeout 5s`)).toMatchObject({ code: 1, err: expect.stringContaining('could not reach sufficient tablets to guarantee safety') })
    expect(lab.primary.pod).toBe(lab.tablet(0).pod)
    lab.ok(`${ERS} --wait-replicas-timeout 5s --ignore-replicas ${silent.map(t => t.alias).join(',')}`)
    expect([lab.tablet(2).pod, lab.tablet(3).pod]).toContain(lab.primary.pod)
  })

  it.each([
    ['one, whatever the policy', { durabilityPolicy: 'none' }, [0], 0],
    ['two under none: the primary needs nobody', { durabilityPolicy: 'none' }, [0, 3], 1],
    ['the primary and an rdonly: nobody else acknowledges for it', { rdonlyPerShard: 1 }, [0, 3], 0],
    ['the primary and an rdonly that may acknowledge', { rdonlyPerShard: 1, durabilityPolicy: 'semi_sync_with_rdonly_ack' }, [0, 3], 1],
    ['the primary and one of its own cell, where another cell has to acknowledge', { cells: 3, durabilityPolicy: 'cross_cell' }, [0, 3], 0],
    ['the primary and one of another cell', { cells: 3, durabilityPolicy: 'cross_cell' }, [0, 1], 1],
    ['the primary and one that is drained', {}, [0, 3], 0],
  ] as const)('%s', (what, options, silent, code) => {
    const lab = new Lab({ ...NO_VTORC, ...options }, {})
    if (what.endsWith('drained')) lab.ok(`vtctldclient ChangeTabletType ${lab.tablet(3).alias} drained`)
    for (const n of silent) lab.strike('partition', `node:${lab.tablet(n).place}`)
    lab.wait(2)
    const from = lab.seconds
    expect(lab.run(ERS).code).toBe(code)
    // RemoteOperationTimeout, unless all but one answer at once.
    if (silent.length > 1) expect(lab.seconds - from).toBeGreaterThan(15)
    expect(lab.primary.pod === lab.tablet(0).pod).toBe(code === 1)
  })
})

describe('VT-ERS-3: the most advanced, and all of it applied', () => {
  it('but none that is drained, restores or holds errant GTIDs, however far it is; nobody waits for those', () => {
    const chosen = (spoil: (lab: Lab) => void): { pod: string; lab: Lab } => {
      const lab = new Lab(NO_VTORC, {})
      // Of its three replicas only the second is level.
      for (const n of [1, 3]) lab.strike('replication-lag', `member:${lab.tablet(n).pod}`, 5_000_000, 20_000_000)
      lab.wait(2)
      spoil(lab)
      lab.wait(4)
      lab.strike('process-kill', `member:${lab.tablet(0).pod}`, 0, 600_000_000)
      lab.ok(ERS)
      return { pod: lab.primary.pod, lab }
    }
    const level = chosen(() => {})
    expect(level.pod).toBe(level.lab.tablet(2).pod)
    const drained = chosen(lab => lab.ok(`vtctldclient ChangeTabletType ${lab.tablet(2).alias} drained`))
    const restoring = chosen(lab => void lab.start(`vtctldclient RestoreFromBackup ${lab.tablet(2).alias}`))
    const errant = chosen(lab => void lab.strike('standby-diverged', `member:${lab.tablet(2).pod}`))
    for (const { pod, lab } of [drained, restoring, errant]) expect(pod).not.toBe(lab.tablet(2).pod)
    expect(brief(restoring.lab.tablet(2))).toMatchObject({ type: 'restore', linked: false })
    // Its relay log stands still, and nobody asks.
    const stalled = chosen(lab => {
      lab.ok(`vtctldclient ChangeTabletType ${lab.tablet(2).alias} drained`)
      lab.strike('replay-stall', `member:${lab.tablet(2).pod}`)
    })
    expect(stalled.pod).not.toBe(stalled.lab.tablet(2).pod)
    const rdonly = chosen(lab => lab.ok(`vtctldclient ChangeTabletType ${lab.tablet(2).alias} rdonly`))
    expect(rdonly.pod).not.toBe(rdonly.lab.tablet(2).pod)
    // What an rdonly has is not lost: the one that is promoted comes level with it first.
    expect(rdonly.lab.primary.copy.lsn('receive')).toBeGreaterThanOrEqual(rdonly.lab.tablet(2).copy.lsn('receive'))
  })

  it('an old primary with a longer line of its own is no candidate beside one of the newer term', () => {
    const lab = new Lab({ ...NO_VTORC, durabilityPolicy: 'none' })
    const [old, next] = [lab.tablet(0), lab.tablet(1)]
    const cut = lab.strike('partition', `node:${old.place}`)
    old.copy.append(100_000)
    lab.ok(`${ERS} --new-primary ${next.alias}`)
    next.copy.append(1_000)
    lab.wait(5)
    lab.strike('process-kill', `member:${next.pod}`, 0, 600_000_000)
    cut.end()
    expect(old.copy.lsn('receive')).toBeGreaterThan(lab.tablet(2).copy.lsn('receive'))
    lab.ok(ERS)
    expect([lab.tablet(2).pod, lab.tablet(3).pod]).toContain(lab.primary.pod)
  })

  it('of the old primary’s cell, if no other is allowed', () => {
    const lab = new Lab({ ...NO_VTORC, cells: 2 }, {})
    lab.strike('replication-lag', `member:${lab.tablet(2).pod}`, 5_000_000, 10_000_000)
    lab.wait(6)
    lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 600_000_000)
    lab.ok(`${ERS} --prevent-cross-cell-promotion`)
    expect(lab.primary.pod).toBe(lab.tablet(2).pod)
    const alone = new Lab({ ...NO_VTORC, cells: 4 }, {})
    expect(alone.run(`${ERS} --prevent-cross-cell-promotion --new-primary ${alone.tablet(1).alias}`)).toMatchObject({ code: 1, err: expect.stringContaining('cannot be promoted') })
  })

  it('promotes the one that received most', () => {
    const lab = new Lab(NO_VTORC, {})
    for (const n of [1, 2]) lab.strike('replication-lag', `member:${lab.tablet(n).pod}`, 5_000_000, 10_000_000)
    lab.wait(6)
    lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 600_000_000)
    lab.ok(ERS)
    expect(lab.primary.pod).toBe(lab.tablet(3).pod)
    expect(lab.cluster.truth.promotions.at(-1)).toMatchObject({ by: 'operator', furthestReachable: true })
  })

  it('fails when a candidate does not apply its relay logs in time', () => {
    const lab = new Lab(NO_VTORC, {})
    lab.strike('replay-stall', `member:${lab.tablet(2).pod}`)
    lab.wait(3)
    lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 600_000_000)
    expect(lab.run(ERS)).toMatchObject({ code: 1, err: expect.stringContaining('could not apply all relay logs') })
  })

  it('a proposed primary that is behind catches up first, and nothing is lost', () => {
    const lab = new Lab(NO_VTORC, {})
    lab.strike('replication-lag', `member:${lab.tablet(1).pod}`, 3_000_000, 10_000_000)
    lab.wait(4)
    lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 600_000_000)
    const furthest = Math.max(...lab.replicas().map(t => t.copy.lsn('receive')))
    lab.ok(`${ERS} --new-primary ${lab.tablet(1).alias}`)
    expect(lab.primary.pod).toBe(lab.tablet(1).pod)
    expect(lab.cluster.truth.promotions.at(-1)?.from.lsn).toBeGreaterThanOrEqual(furthest)
  })
})

describe('VT-GTID-1: what only the old primary has', () => {
  /** The primary loses its machine under load; how many acknowledged writes the shard's history lacks afterwards. */
  function lose(options: object): { lab: Lab; lost: number } {
    const lab = new Lab({ ...NO_VTORC, ...options }, { writesPerSecond: 5000, connections: 1000 })
    const old = lab.primary
    // Late to those who follow, not to the clients.
    for (const tablet of lab.shard.tablets) if (tablet !== old) lab.strike('latency', `node:${tablet.place}`, 20_000)
    lab.wait(5)
    const crash = lab.strike('node-loss', `node:${old.place}`)
    lab.wait(61)
    lab.ok(ERS)
    crash.end()
    lab.until(() => old.up, 200)
    lab.wait(5)
    const { position } = lab.cluster.truth.authority(lab.shard.log)
    const lost = lab.shard.log.ledger.beyond(position!, ['ok']).reduce((sum, i) => sum + i.writes, 0)
    return { lab, lost }
  }

  it('semi_sync: acknowledged by nobody, so lost for nobody; the old primary is put aside until it is restored', () => {
    const { lab, lost } = lose({})
    expect(lost).toBe(0)
    expect(brief(lab.tablet(0))).toMatchObject({ errant: true, linked: false })
    expect(lab.cluster.truth.members()[0]).toMatchObject({ running: true, attached: false })
    lab.ok(`vtctldclient RestoreFromBackup ${lab.tablet(0).alias}`, 1000)
    lab.until(() => lab.tablet(0).linked, 30)
    expect(brief(lab.tablet(0))).toMatchObject({ errant: false, type: 'replica' })
  })

  it('none: acknowledged and gone (lost-write condition a)', () => {
    const { lab, lost } = lose({ durabilityPolicy: 'none' })
    expect(lost).toBeGreaterThan(0)
    // Some 20 ms of 5,000 a second.
    expect(lost).toBeLessThan(500)
    expect(lab.tablet(0).errant).toBe(true)
  })

  it('somebody writes on a replica: errant, whatever the policy', () => {
    const lab = new Lab({ vtorc: false }, {})
    const strike = lab.strike('standby-diverged', `member:${lab.tablet(1).pod}`)
    lab.wait(1)
    expect(brief(lab.tablet(1))).toMatchObject({ errant: true, linked: false })
    strike.end()
    lab.until(() => lab.tablet(1).linked, 600, 'it is restored')
  })
})
