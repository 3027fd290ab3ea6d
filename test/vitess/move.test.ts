/** Keyspaces beside one another, VReplication, and MoveTables (rules VT-OP-7…9, VT-VREPL-1…3, VT-MOVE-1…8; facts DW-F10). */
import { describe, expect, it } from 'vitest'
import { brief } from './lab.ts'
import { BACK, BUFFERED, GREEN, KEYSPACE, Two } from './two.ts'

describe('keyspaces of the cluster object', () => {
  it('VT-OP-8: a new one is made of what the object asks for now, and has a primary with empty tables; with External the others stay as they are', () => {
    const lab = new Two().green()
    expect([...lab.cluster.world.tablets.values()].map(t => `${t.shard.keyspace.name} ${t.version} ${t.type}`).sort()).toEqual([...Array(1).fill('commerce 8.0.36 primary'), ...Array(3).fill('commerce 8.0.36 replica'), ...Array(1).fill('green 8.0.40 primary'), ...Array(3).fill('green 8.0.40 replica')])
    expect(lab.ok('vtctldclient GetKeyspaces')).toContain('"green"')
    expect(lab.cluster.truth.members()).toHaveLength(8)
    expect(lab.cluster.truth.expectedMembers).toBe(4)
  })

  it('VT-OP-9: taken out it goes with its disks if it was said before that it may; else it stays', () => {
    const lab = new Two().green()
    lab.spec(KEYSPACE('commerce'))
    lab.until(() => lab.cluster.truth.members().length === 4, 300, 'green is gone')
    expect(lab.ok('kubectl get pvc -l planetscale.com/keyspace=green --no-headers')).toBe('')
    const careful = new Two()
    careful.spec(KEYSPACE('commerce'), KEYSPACE('green', 'semi_sync', 'RequireIdle'))
    careful.wait(120)
    careful.spec(KEYSPACE('commerce'))
    careful.wait(300)
    expect(careful.cluster.truth.members()).toHaveLength(8)
  })

  it('VT-OP-7: one without a number of shards is not made; one cut into other ranges is not modelled', () => {
    const lab = new Two()
    const invalid = 'The VitessCluster "example" is invalid: spec.keyspaces'
    expect(() => lab.spec(KEYSPACE('commerce'), KEYSPACE('green', 'semi_sync', 'Immediate', null))).toThrow(`${invalid}[1].partitionings[0].equal.parts: Required value`)
    lab.wait(60)
    expect(lab.cluster.world.keyspaces.has('green')).toBe(false)
    expect(() => lab.spec(KEYSPACE('commerce'), KEYSPACE('green', 'semi_sync', 'Immediate', 0))).toThrow('spec.keyspaces[1].partitionings[0].equal.parts: Invalid value: 0')
    // One that is there does not lose its number either: what a variable that is empty leaves of a patch.
    const patch = '{"spec":{"keyspaces":[{"name":"commerce","partitionings":[{"equal":{"parts":,"shardTemplate":{"tabletPools":[{"type":"replica","replicas":4}]}}}]}]}}'
    expect(lab.run(`kubectl patch vitesscluster example --type merge --patch '${patch}'`).err).toBe(`${invalid}[0].partitionings[0].equal.parts: Required value\n`)
    expect(() => {
      lab.spec(KEYSPACE('commerce'), KEYSPACE('green', 'semi_sync', 'Immediate', 2))
      lab.wait(60)
    }).toThrow('a keyspace of 2 shards beside one of 1 is not modelled')
  })
})

describe('streams', () => {
  it('VT-VREPL-1: copies what was there, then applies what is written; reads from a replica, and from the primary when none serves', () => {
    const lab = new Two().green()
    lab.ok(`${GREEN} create --source-keyspace commerce --all-tables`)
    expect(lab.status()).toContain('"status": "Copying"')
    // 1000 MB at 50 MB/s.
    lab.wait(15)
    expect(lab.status()).toContain('"status": "Copying"')
    // What was written meanwhile comes after it, at twice the pace of the load.
    lab.until(() => lab.status().includes('VStream Lag: 0s'), 30, 'it follows')
    const stream = lab.cluster.world.workflows.all[0]!.streams[0]!
    expect(stream.from!.type).toBe('replica')
    expect(lab.cluster.claim('caught-up', ['green'])).toBe(true)
    for (const t of lab.replicas()) lab.cluster.tablets.pause(t, true)
    lab.until(() => stream.from === lab.primary, 30, 'it reads from the primary')
  })

  it('VT-VREPL-1: what it carried outlives reparents of both sides', () => {
    const lab = new Two(BUFFERED).filled()
    lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.of('commerce', 1).alias}`)
    lab.ok(`vtctldclient PlannedReparentShard green/- --new-primary ${lab.of('green', 1).alias}`)
    lab.wait(20)
    expect(lab.status()).toContain('VStream Lag: 0s')
    lab.ok(`${GREEN} switchtraffic`)
    expect(lab.lost()).toBe(0)
  })

  it('VT-VREPL-2: broken it is tried again after five seconds; a copy goes on where it was', () => {
    const lab = new Two({ timing: { vreplicationCopyMBps: 10 } }).green()
    lab.ok(`${GREEN} create --source-keyspace commerce --all-tables`)
    lab.wait(60)
    const stream = lab.cluster.world.workflows.all[0]!.streams[0]!
    lab.cluster.tablets.kill(stream.from!)
    lab.wait(1)
    expect(stream.from).toBeUndefined()
    lab.wait(5)
    expect(stream.from).toBeDefined()
    // 100 s in all, less the pause.
    expect(lab.until(() => stream.copied, 60)).toBeGreaterThan(20)
  })

  it('VT-VREPL-3: nothing is applied while the target’s primary cannot commit', () => {
    const lab = new Two().filled()
    for (const t of lab.cluster.world.byPath.get('green/-')!.tablets) if (t !== lab.primaryOf('green')) lab.cluster.tablets.pause(t, true)
    lab.wait(10)
    expect(lab.status()).not.toContain('VStream Lag')
    expect(lab.cluster.claim('caught-up', ['green'])).toBe(false)
  })
})

describe('switching traffic', () => {
  it('VT-MOVE-1, VT-MOVE-6: nobody writes on green before it; afterwards all do, blue follows, and going back loses nothing', () => {
    const lab = new Two(BUFFERED).filled()
    expect(lab.cluster.truth.couldAcknowledge(lab.cluster.logs[0])).toEqual([lab.primaryOf('commerce').pod])
    const before = lab.failures().attempts
    lab.ok(`${GREEN} switchtraffic`)
    expect(lab.cluster.truth.couldAcknowledge(lab.cluster.logs[0])).toEqual([lab.primaryOf('green').pod])
    lab.wait(30)
    expect([lab.writing, lab.cluster.claim('writable', ['green']), lab.cluster.claim('fenced', ['commerce'])]).toEqual([true, true, true])
    expect(lab.ok(`${BACK} status`)).toContain('VStream Lag: 0s')
    expect(lab.lost()).toBe(0)
    lab.wait(60)
    lab.ok(`${GREEN} reversetraffic`)
    expect([lab.writing, lab.cluster.claim('writable', ['commerce']), lab.cluster.claim('fenced', ['green'])]).toEqual([true, true, true])
    expect(lab.lost()).toBe(0)
    expect(lab.failures().attempts - before).toBe(0)
    expect(lab.status()).toContain('Writes Not Switched')
  })

  it('VT-MOVE-2: is refused while it copies, lags, or a tablet does not answer', () => {
    const lab = new Two().green()
    lab.ok(`${GREEN} create --source-keyspace commerce --all-tables`)
    expect(lab.run(`${GREEN} switchtraffic`)).toMatchObject({ code: 1, err: expect.stringContaining('copy is still in progress') })
    lab.until(() => lab.status().includes('VStream Lag: 0s'), 60)
    const stall = lab.strike('replay-stall', `member:${lab.primaryOf('green').pod}`)
    lab.wait(40)
    expect(lab.run(`${GREEN} switchtraffic --max-replication-lag-allowed 10s`)).toMatchObject({ code: 1, err: expect.stringContaining('is higher than allowed lag 10s') })
    stall.end()
    lab.wait(60)
    lab.cluster.tablets.kill(lab.of('green', 2))
    expect(lab.run(`${GREEN} switchtraffic`)).toMatchObject({ code: 1, err: expect.stringContaining('could not refresh all of the tablets') })
    expect(lab.writing).toBe(true)
  })

  it('VT-MOVE-3: what fails before the journals is taken back, and blue writes on', () => {
    const lab = new Two(BUFFERED).filled()
    lab.strike('replay-stall', `member:${lab.primaryOf('green').pod}`)
    const switched = lab.start(`${GREEN} switchtraffic --timeout 5s`)
    const gap = lab.gap(30)
    expect(gap).toBeGreaterThan(5)
    expect(gap).toBeLessThan(7)
    expect(switched.result).toMatchObject({ code: 1, err: expect.stringContaining('waitForCatchup failed') })
    expect(lab.cluster.claim('writable', ['commerce'])).toBe(true)
    expect(lab.lost()).toBe(0)
  })

  it('VT-MOVE-3: without the topo server it is neither taken back nor finished; asked again it is', () => {
    const lab = new Two().filled()
    lab.strike('replay-stall', `member:${lab.primaryOf('green').pod}`, undefined, 0)
    const switched = lab.start(`${GREEN} switchtraffic --timeout 5s`)
    lab.until(() => !lab.writing, 10)
    const away = lab.strike('coordinator-away', 'coordinator:topo')
    lab.until(() => switched.state === 'done', 60)
    lab.wait(60)
    expect(lab.writing).toBe(false)
    away.end()
    lab.ok(`${GREEN} cancel`)
    lab.wait(5)
    expect(lab.writing).toBe(true)
    expect(lab.lost()).toBe(0)
  })

  it('VT-MOVE-4: waits for transactions that hold still, and makes the way back first', () => {
    const lab = new Two({ ...BUFFERED, transactionTimeoutSeconds: 8 }).filled()
    lab.strike('long-transaction', `member:${lab.primaryOf('commerce').pod}`, 0, 600_000_000)
    lab.start(`${GREEN} switchtraffic`)
    const gap = lab.gap(30)
    expect(gap).toBeGreaterThan(8)
    expect(gap).toBeLessThan(10)
    expect(lab.cluster.world.workflows.all.map(({ name, stopped }) => ({ name, stopped }))).toEqual([{ name: 'move', stopped: true }, { name: 'move_reverse', stopped: false }])
  })

  it.each([['from v18 on', 18, 0], ['before v18', 17, 1]] as const)('VT-MOVE-5: %s what is denied is buffered or fails', (_when, vitessVersion, failing) => {
    const lab = new Two({ ...BUFFERED, vitessVersion }).filled()
    const before = lab.failures().attempts
    lab.ok(`${GREEN} switchtraffic`)
    lab.wait(10)
    expect(Math.sign(lab.failures().attempts - before)).toBe(failing)
  })

  it('VT-MOVE-5: a switch within a minute of the last is not buffered; programs in transactions never are', () => {
    const lab = new Two(BUFFERED).filled()
    lab.ok(`${GREEN} switchtraffic`)
    const before = lab.failures().attempts
    lab.wait(20)
    lab.ok(`${GREEN} reversetraffic`)
    expect(lab.failures().attempts - before).toBeGreaterThan(50)
    const reserved = new Two(BUFFERED, { entrance: 'reserved' }).filled()
    reserved.ok(`${GREEN} switchtraffic`)
    expect(reserved.failures().attempts).toBeGreaterThan(50)
  })

  it('VT-MOVE-7: VDiff takes as long as reading both sides, and sees what did not come by the stream', () => {
    const lab = new Two().filled()
    lab.ok('vtctldclient VDiff --target-keyspace green --workflow move create')
    expect(lab.ok('vtctldclient VDiff --target-keyspace green --workflow move show last')).toMatch(/State: +started/)
    lab.wait(11)
    expect(lab.ok('vtctldclient VDiff --target-keyspace green --workflow move show last')).toMatch(/State: +completed\nHasMismatch: +false/)
    lab.primaryOf('green').copy.append(100)
    lab.ok('vtctldclient VDiff --target-keyspace green --workflow move create')
    lab.wait(11)
    expect(lab.ok('vtctldclient VDiff --target-keyspace green --workflow move show last')).toMatch(/HasMismatch: +true/)
  })

  it('VT-MOVE-8: complete wants the traffic switched and takes the way back; cancel refuses after the switch', () => {
    const lab = new Two(BUFFERED).filled()
    expect(lab.run(`${GREEN} complete`)).toMatchObject({ code: 1, err: expect.stringContaining('not yet switched') })
    lab.ok(`${GREEN} switchtraffic`)
    expect(lab.run(`${GREEN} cancel`)).toMatchObject({ code: 1, err: expect.stringContaining('already switched') })
    lab.ok(`${GREEN} complete`)
    expect(lab.run(`${BACK} status`)).toMatchObject({ code: 1, err: expect.stringContaining('does not exist') })
    expect(lab.ok('vtctldclient Workflow --keyspace green list')).toBe('[]\n')
    expect(lab.lost()).toBe(0)
    expect(brief(lab.primaryOf('green'))).toMatchObject({ leading: true, serving: true })
  })

  it('VT-MOVE-8: cancel before it drops what was copied', () => {
    const lab = new Two().filled()
    lab.ok(`${GREEN} cancel`)
    expect(lab.cluster.world.byPath.get('green/-')!.streams).toEqual([])
    expect(lab.writing).toBe(true)
  })

  it('blue deleted while green lacks what was written last: that is lost, and said to be', () => {
    const lab = new Two().filled()
    const stall = lab.strike('replay-stall', `member:${lab.primaryOf('green').pod}`)
    lab.wait(10)
    lab.spec(KEYSPACE('green'))
    lab.until(() => !lab.cluster.world.keyspaces.has('commerce'), 300)
    stall.end()
    lab.wait(20)
    const [log] = lab.cluster.logs
    const { merged = [] } = lab.cluster.truth.authority(log!)
    expect(log!.ledger.beyond([...merged]).reduce((sum, { writes }) => sum + writes, 0)).toBeGreaterThan(500 * 9)
  })
})
