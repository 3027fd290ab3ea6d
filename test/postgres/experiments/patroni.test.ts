/** Patroni in each member, and a Zalando-style operator over them. Source: Patroni ha.py and docs, facts/postgres.md §4 and §4.1 (V1, V11), postgres-operator. */
import { describe, expect, it } from 'vitest'
import { restAnswer } from '../../../models/postgres/patroni/patronictl.ts'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const lab = ({ patroni = {}, ...setting }: Setting & { patroni?: Record<string, unknown> } = {}): Lab => new Lab({ slots: true, ...setting, patroni: { operator: false, ...patroni } })
const OPEN = { loop: 'open', writesPerSecond: 200, timeoutUs: 2 * SECOND, retryUs: SECOND / 5 } as const
const leader = (l: Lab): string | undefined => l.cluster.world.patroni?.holder
const ctl = (l: Lab, ...words: string[]) => l.run('patronictl', ...words)
/** How long nobody leads after something. */
const gap = (l: Lab, limitSeconds = 120): number => {
  const before = leader(l)
  return l.until(() => leader(l) !== undefined && leader(l) !== before && l.cluster.world.serverOf(leader(l) as string)?.state === 'primary', limitSeconds * SECOND) / SECOND
}

describe('leading', () => {
  it('PG-PATRONI-1: a leader whose machine is lost holds its key for ttl; then a standby that has all leads: 20 to 48 s (V1)', () => {
    const gaps = ['1', '2', '3', '4', '5', '6'].map(seed => {
      const l = lab({ seed })
      l.clients(OPEN)
      l.wait(37 * SECOND)
      l.strike('node-loss', `node:${l.node(0)}`, 0)
      return gap(l)
    })
    const { patroni } = lab().cluster.world
    expect([patroni?.acquire('postgres-cluster-1'), patroni?.acquire('postgres-cluster-0')]).toEqual([false, true])
    expect(Math.min(...gaps)).toBeGreaterThan(19)
    expect(Math.max(...gaps)).toBeLessThan(48)
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(2)
  })

  it('PG-PATRONI-2: a member starts as standby unless it still holds the key: a crashed primary comes back as primary, one that has been replaced as standby', () => {
    const l = lab()
    l.clients(OPEN)
    l.wait(15 * SECOND)
    l.strike('process-kill', 'member:postgres-cluster-0')
    l.wait(25 * SECOND)
    expect([leader(l), l.server(0).state]).toEqual(['postgres-cluster-0', 'primary'])
    const strike = l.strike('node-loss', `node:${l.node(0)}`, 0)
    gap(l)
    const next = leader(l) as string
    l.wait(30 * SECOND)
    strike.end()
    l.until(() => l.running(0) && l.server(0).receiver?.streaming === true, 200 * SECOND)
    expect([leader(l), l.server(0).state]).toEqual([next, 'standby'])
    expect(l.cluster.truth.couldAcknowledge()).toEqual([next])
  })

  it('PG-PATRONI-3: nobody is promoted who lacks more than maximum_lag_on_failover, or than another member that answers', () => {
    const l = lab()
    l.clients(OPEN)
    l.wait(15 * SECOND)
    const slow = l.strike('replication-lag', 'member:postgres-cluster-1', 300 * SECOND, 60 * SECOND)
    l.wait(40 * SECOND)
    l.strike('node-loss', `node:${l.node(0)}`, 0)
    gap(l)
    expect(leader(l)).toBe('postgres-cluster-2')
    slow.end()
    // A little behind, it lets the other go first, whoever looks first.
    for (const seed of ['1', '2', '3', '4', '5', '6']) {
      const near = lab({ seed })
      near.clients(OPEN)
      near.wait(15 * SECOND)
      near.strike('replication-lag', 'member:postgres-cluster-1', 300 * SECOND, 2 * SECOND)
      near.wait(20 * SECOND)
      near.strike('node-loss', `node:${near.node(0)}`, 0)
      gap(near)
      expect(leader(near)).toBe('postgres-cluster-2')
    }
    // Both behind: nobody leads until the primary is back.
    const both = lab()
    both.clients({ ...OPEN, bytesPerWrite: 10_000 })
    both.wait(15 * SECOND)
    for (const i of [1, 2]) both.strike('replication-lag', `member:postgres-cluster-${i}`, 600 * SECOND, 60 * SECOND)
    both.wait(60 * SECOND)
    both.strike('node-loss', `node:${both.node(0)}`, 0)
    both.wait(120 * SECOND)
    expect(leader(both)).toBeUndefined()
  })

  it('PG-PATRONI-4: a switchover stops the primary cleanly and gives the key back when somebody has all: nothing lost, seconds without a leader (V11)', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    l.wait(15 * SECOND)
    const done = ctl(l, 'switchover', 'postgres-cluster', '--leader', 'postgres-cluster-0', '--candidate', 'postgres-cluster-2', '--force')
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining('Successfully switched over to "postgres-cluster-2"') as string })
    l.wait(20 * SECOND)
    expect(l.lost(2)).toBe(0)
    expect(clients.failures(l.now).operations).toBeLessThan(200 * 10)
    expect([l.server(0).state, l.server(0).receiver?.streaming, l.server(1).receiver?.streaming]).toEqual(['standby', true, true])
    expect(l.told('patroni.rewound')).toEqual([])
  })

  it('PG-PATRONI-5: it refuses one that does not stream or lags, and one who does not lead', () => {
    const l = lab()
    l.clients(OPEN)
    l.wait(15 * SECOND)
    const thaw = l.cutOff(1)
    l.wait(70 * SECOND)
    expect(ctl(l, 'switchover', '--candidate', 'postgres-cluster-1', '--force')).toMatchObject({ code: 0, out: expect.stringContaining('Switchover failed, details: 412, switchover is not possible: no good candidates have been found') as string })
    expect(ctl(l, 'switchover', '--leader', 'postgres-cluster-2', '--force')).toMatchObject({ code: 1, err: expect.stringContaining('is not the leader') as string })
    // PG-PATRONI-19: it asks, and nobody is there to answer.
    expect(() => ctl(l, 'switchover', '--candidate', 'postgres-cluster-1')).toThrow('it aborts with status 1')
    expect(leader(l)).toBe('postgres-cluster-0')
    thaw()
    expect(leader(l)).toBe('postgres-cluster-0')
  })

  it('PG-PATRONI-6: a former primary whose history went another way is rewound before it follows; what only it had is gone', () => {
    const l = lab()
    l.clients(OPEN)
    l.wait(15 * SECOND)
    const heal = l.cutOff(0)
    gap(l)
    l.wait(20 * SECOND)
    heal()
    l.until(() => l.running(0) && l.server(0).receiver?.streaming === true, 200 * SECOND)
    expect(l.cluster.truth.couldAcknowledge().length).toBe(1)
    expect(l.cluster.world.promotions.at(-1)?.by).toBe('engine')
  })
})

describe('asked for by hand', () => {
  it('PG-PATRONI-4: a checkpoint that takes longer than the key is valid lets nobody lead beside the old primary: the key is renewed meanwhile', () => {
    const l = new Lab({ members: 3, patroni: {}, timing: { flushMBps: 2 } })
    l.clients({ loop: 'open', writesPerSecond: 1_000, bytesPerWrite: 1_000, readsPerSecond: 0 })
    l.wait(120 * SECOND)
    const from = l.sim.now
    l.start('kubectl', 'exec', 'postgres-cluster-0', '--', 'patronictl', 'switchover', 'postgres-cluster', '--leader', 'postgres-cluster-0', '--candidate', 'postgres-cluster-1', '--force')
    const leads = (pod: number): boolean => l.running(pod) && l.server(pod).state === 'primary'
    l.until(() => {
      expect(leads(0) && leads(1)).toBe(false)
      return leads(1)
    }, 600 * SECOND)
    // The checkpoint alone took longer than the 30 s for which the key is valid.
    expect((l.sim.now - from) / SECOND).toBeGreaterThan(40)
  })

  it('PG-PATRONI-14, PG-PATRONI-15: in synchronous mode a switchover to the asynchronous one is refused with status 0, a failover to it is carried out', () => {
    const l = lab({ patroni: { synchronousMode: true } })
    l.clients(OPEN)
    l.wait(25 * SECOND)
    const other = ['postgres-cluster-1', 'postgres-cluster-2'].find(m => l.cluster.world.patroni?.sync?.includes(m) !== true) as string
    expect(ctl(l, 'switchover', '--candidate', other, '--force')).toMatchObject({ code: 0, out: expect.stringContaining('Switchover failed, details: 412, candidate name does not match with sync_standby') as string })
    expect(leader(l)).toBe('postgres-cluster-0')
    expect(ctl(l, 'failover', '--force')).toMatchObject({ code: 1, err: expect.stringContaining('only to a specific candidate') as string })
    expect(ctl(l, 'failover', '--candidate', other, '--force')).toMatchObject({ code: 0, out: expect.stringContaining(`Successfully failed over to "${other}"`) as string })
    l.wait(25 * SECOND)
    expect([leader(l), l.server(0).receiver?.streaming]).toEqual([other, true])
  })

  it('PG-PATRONI-14: paused, a switchover needs a candidate; with one it is carried out, and who was demoted follows', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    l.wait(15 * SECOND)
    ctl(l, 'pause')
    expect(ctl(l, 'switchover', '--force')).toMatchObject({ code: 0, out: expect.stringContaining('details: 400, Switchover is possible only to a specific candidate in a paused state') as string })
    expect([leader(l), l.server(0).state]).toEqual(['postgres-cluster-0', 'primary'])
    expect(ctl(l, 'switchover', '--candidate', 'postgres-cluster-2', '--force').out).toMatch(/^Current cluster topology\n[\s\S]*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{5} Successfully switched over to "postgres-cluster-2"/)
    l.wait(20 * SECOND)
    expect([leader(l), l.server(0).state, l.server(0).receiver?.streaming, l.server(1).receiver?.streaming]).toEqual(['postgres-cluster-2', 'standby', true, true])
    expect(clients.failures(l.now).operations).toBeLessThan(200 * 10)
  })

  it('what patronictl is not known to understand is refused, never passed over', () => {
    const l = lab()
    const told = (...words: string[]): string => l.cluster.commands.check(['kubectl', 'exec', 'postgres-cluster-0', '--', 'patronictl', ...words]).map(f => f.message).join('\n')
    expect(told('switchover', '--force', '--scheduled', '2026-12-01T03:00')).toContain('--scheduled 2026-12-01T03:00 is not modelled')
    expect(told('reinit', 'postgres-cluster', 'postgres-cluster-1', '--force', '--wait')).toContain('the option --wait is not modelled')
    expect(told('list', 'other')).toContain('there is no Patroni cluster `other`')
    expect(told('edit-config', '--force', '-s', 'ttl=20')).toContain('patronictl edit-config is not modelled')
    expect(told('switchover', 'postgres-cluster', '--leader', 'postgres-cluster-0', '--candidate', 'postgres-cluster-1', '--force', '--scheduled', 'now')).toBe('')
  })
})

describe('the Service', () => {
  it('PG-PATRONI-13: it leads nowhere from when the key is given back until the next leader renews it, whoever is Ready', () => {
    const l = lab({ kubernetes: { endpointSeconds: 0.2 }, timing: { promoteMs: 3_000 } })
    l.wait(15 * SECOND)
    const service = l.cluster.options.service
    const behind = (): readonly string[] => l.cluster.kubernetes.endpoints(service).map(p => p.name)
    expect(behind()).toEqual(['postgres-cluster-0'])
    const asked = l.start('patronictl', 'switchover', 'postgres-cluster', '--candidate', 'postgres-cluster-2', '--force')
    l.until(() => leader(l) === 'postgres-cluster-2')
    l.wait(SECOND)
    expect([l.server(2).state, behind()]).toEqual(['promoting', []])
    expect(l.cluster.entrances['service']?.fresh()).toMatchObject({ is: 'none' })
    l.until(() => asked.done)
    l.wait(SECOND)
    expect(behind()).toEqual(['postgres-cluster-2'])
    // A leader whose probe fails is not Ready, and stays in it.
    l.strike('probe-flapping', 'member:postgres-cluster-2', 300 * SECOND, 300 * SECOND)
    l.until(() => !l.ready('postgres-cluster-2'), 60 * SECOND)
    l.wait(5 * SECOND)
    expect([leader(l), behind()]).toEqual(['postgres-cluster-2', ['postgres-cluster-2']])
  })
})

describe('synchronous mode, and without the API', () => {
  it('PG-PATRONI-7: one standby is synchronous and only it may be promoted; when none is there writes go on', () => {
    const l = lab({ patroni: { synchronousMode: true } })
    l.clients(OPEN)
    l.wait(25 * SECOND)
    const [, sync] = l.cluster.world.patroni?.sync ?? []
    expect(l.replication(0)).toContain(`${sync?.replace('postgres-cluster-', 's')}|streaming|sync`)
    expect(ctl(l, 'list').out).toMatch(/Sync Standby/)
    l.strike('node-loss', `node:${l.node(0)}`, 0)
    gap(l)
    expect(leader(l)).toBe(sync)
    expect(l.lost(sync as string)).toBe(0)
    for (const seed of ['2', '3', '4', '5', '6']) {
      const again = lab({ seed, patroni: { synchronousMode: true } })
      again.clients(OPEN)
      again.wait(25 * SECOND)
      const [, wanted] = again.cluster.world.patroni?.sync ?? []
      again.strike('node-loss', `node:${again.node(0)}`, 0)
      gap(again)
      expect(leader(again)).toBe(wanted)
    }
    // The last standby goes: after a look of the leader commits are acknowledged again.
    const other = ['postgres-cluster-1', 'postgres-cluster-2'].find(name => name !== sync) as string
    l.wait(25 * SECOND)
    expect(l.server(sync as string).settings['synchronous_standby_names']).toBe(`"${other}"`)
    l.strike('node-loss', `node:${l.node(other)}`, 0)
    l.wait(90 * SECOND)
    expect(l.server(sync as string).settings['synchronous_standby_names']).toBe('')
    expect(l.cluster.truth.couldAcknowledge()).toEqual([sync])
  })

  it('PG-PATRONI-16: a synchronous standby whose pod is deleted, or that is copied anew, is replaced first: commits go on; one that crashes holds them up', () => {
    const stall = (strike: (l: Lab, sync: string) => void): number => {
      const l = lab({ patroni: { synchronousMode: true } })
      l.clients({ ...OPEN, timeoutUs: 60 * SECOND })
      l.wait(26 * SECOND)
      const sync = (l.cluster.world.patroni?.sync ?? [])[1] as string
      strike(l, sync)
      let longestUs = 0
      let [since, acked] = [l.now, l.acked()]
      for (const endsUs = l.now + 30 * SECOND; l.now < endsUs; ) {
        l.wait(SECOND / 10)
        if (l.acked() !== acked) [since, acked] = [l.now, l.acked()]
        longestUs = Math.max(longestUs, l.now - since)
      }
      expect(l.cluster.world.patroni?.sync).not.toContain(sync)
      return longestUs / SECOND
    }
    expect(stall((l, sync) => void l.start('kubectl', 'delete', 'pod', sync))).toBeLessThan(0.5)
    expect(stall((l, sync) => void ctl(l, 'reinit', 'postgres-cluster', sync, '--force'))).toBeLessThan(0.5)
    expect(stall((l, sync) => void l.strike('node-loss', `node:${l.node(sync)}`, 0))).toBeGreaterThan(0.5)
  })

  it('PG-PATRONI-17: a member scaled away keeps its slot for member_slots_ttl, and one that comes back after it has a new one, for what is still there', () => {
    const away = (memberSlotsTtlSeconds: number, seconds: number, more: Setting = {}): { slot: boolean; streams: boolean; trouble: string } => {
      const l = lab({ walKeepMB: 0, maxWalSizeMB: 100, checkpointTimeoutSeconds: 60, ...more, patroni: { memberSlotsTtlSeconds } })
      l.clients({ ...OPEN, bytesPerWrite: 10_000 })
      l.wait(20 * SECOND)
      l.run('kubectl', 'scale', 'statefulset', 'postgres-cluster', '--replicas=2')
      l.until(() => l.cluster.world.kubernetes.pods$.get('postgres-cluster-2') === undefined, 200 * SECOND)
      l.wait(seconds * SECOND)
      const slot = l.server(0).dir.slots.has('postgres_cluster_2')
      l.run('kubectl', 'scale', 'statefulset', 'postgres-cluster', '--replicas=3')
      l.until(() => l.running(2), 200 * SECOND)
      l.wait(60 * SECOND)
      return { slot, streams: l.server(2).receiver?.streaming === true, trouble: l.cluster.truth.troubleOf?.('postgres-cluster-2') ?? '' }
    }
    expect(away(1800, 1700)).toMatchObject({ slot: true, streams: true })
    expect(away(1800, 1850)).toMatchObject({ slot: false, streams: false, trouble: expect.stringContaining('has already been removed') })
    // As before Patroni 4: gone with the next look; what it lacks is still there, or not.
    expect(away(0, 15)).toMatchObject({ slot: false, streams: true })
    expect(away(0, 300)).toMatchObject({ slot: false, streams: false })
  })

  it('PG-PATRONI-17: the time counts anew whenever its pod goes', () => {
    const l = lab({ patroni: { memberSlotsTtlSeconds: 90 } })
    l.clients(OPEN)
    const scale = (replicas: number): void => void l.run('kubectl', 'scale', 'statefulset', 'postgres-cluster', `--replicas=${replicas}`)
    const gone = (): number => l.until(() => l.cluster.world.kubernetes.pods$.get('postgres-cluster-2') === undefined, 200 * SECOND)
    const kept = (): boolean => l.server(0).dir.slots.has('postgres_cluster_2')
    scale(2)
    gone()
    l.wait(60 * SECOND)
    scale(3)
    l.until(() => l.running(2), 200 * SECOND)
    scale(2)
    gone()
    l.wait(80 * SECOND)
    expect(kept()).toBe(true)
    l.wait(25 * SECOND)
    expect(kept()).toBe(false)
  })

  it('PG-PATRONI-17: who takes the lead meanwhile makes no slot for it', () => {
    const l = lab({ patroni: { memberSlotsTtlSeconds: 30 } })
    l.clients(OPEN)
    l.run('kubectl', 'scale', 'statefulset', 'postgres-cluster', '--replicas=2')
    l.wait(60 * SECOND)
    ctl(l, 'switchover', 'postgres-cluster', '--candidate', 'postgres-cluster-1', '--force')
    l.wait(30 * SECOND)
    expect(leader(l)).toBe('postgres-cluster-1')
    expect([...l.server(1).dir.slots.values()].filter(slot => Number.isFinite(slot.restartLsn)).map(slot => slot.name)).toEqual(['postgres_cluster_0'])
    l.run('kubectl', 'scale', 'statefulset', 'postgres-cluster', '--replicas=3')
    l.until(() => l.running(2) && l.server(2).receiver?.streaming === true, 300 * SECOND)
    expect(l.server(1).dir.slots.get('postgres_cluster_2')?.active).toBe(true)
  })

  it('PG-PATRONI-8: a leader that cannot reach the API stops leading after retry_timeout: an outage of the API alone takes all writes away', () => {
    const l = lab()
    const clients = l.clients(OPEN)
    l.wait(15 * SECOND)
    const away = l.strike('api-server-away', 'control-plane', 120 * SECOND)
    const us = l.until(() => l.cluster.truth.couldAcknowledge().length === 0)
    expect(us).toBeGreaterThan(9 * SECOND)
    expect(us).toBeLessThan(25 * SECOND)
    l.wait(60 * SECOND)
    expect(clients.cohorts[0]?.writing).toBe(false)
    away.end()
    l.until(() => l.cluster.truth.couldAcknowledge().length === 1)
    expect(l.told('patroni.demoted')[0]).toContain('it cannot reach the API')
  })

  it('PG-PATRONI-9: in failsafe mode it leads on while every member answers it, and no longer', () => {
    const l = lab({ patroni: { failsafeMode: true } })
    l.clients(OPEN)
    l.wait(15 * SECOND)
    l.strike('api-server-away', 'control-plane', 600 * SECOND)
    l.wait(120 * SECOND)
    expect(l.cluster.truth.couldAcknowledge()).toEqual(['postgres-cluster-0'])
    l.cutOff(2)
    l.wait(60 * SECOND)
    expect(l.cluster.truth.couldAcknowledge()).toEqual([])
  })

  it('PG-PATRONI-10: without a watchdog a leader whose processes stand still and go on leads on for a while beside the new one', () => {
    const l = lab({ seed: '2' })
    l.clients({ ...OPEN, timeoutUs: 300 * SECOND, queueAgeLimitUs: 300 * SECOND })
    l.wait(15 * SECOND)
    const thaw = l.freeze(0)
    gap(l)
    l.wait(5 * SECOND)
    thaw()
    l.wait(1_000)
    expect(l.cluster.truth.couldAcknowledge().length).toBe(2)
    l.until(() => l.cluster.truth.couldAcknowledge().length === 1, 30 * SECOND)
    l.until(() => l.running(0) && l.server(0).receiver?.streaming === true, 200 * SECOND)
  })

  it('PG-PATRONI-11: while it is paused nobody takes over, and a stopped leader stays the leader of its name', () => {
    const l = lab()
    l.clients(OPEN)
    l.wait(15 * SECOND)
    expect(ctl(l, 'pause').out).toContain('paused')
    l.strike('node-loss', `node:${l.node(0)}`, 0)
    l.wait(120 * SECOND)
    expect(l.cluster.truth.couldAcknowledge()).toEqual([])
    expect(ctl(l, 'list').out).toContain('Maintenance mode: on')
    ctl(l, 'resume')
    gap(l, 60)
    // A pod that is deleted dies as in a crash: Patroni ends without stopping its server.
    const deleted = lab()
    deleted.wait(15 * SECOND)
    ctl(deleted, 'pause')
    deleted.start('kubectl', 'delete', 'pod', 'postgres-cluster-0')
    deleted.wait(5 * SECOND)
    expect(deleted.told('postgres.crashed').join()).toContain('while it was primary')
    // A server that dies stays down, and its key is given back.
    const killed = lab()
    killed.wait(15 * SECOND)
    ctl(killed, 'pause')
    killed.strike('process-kill', 'member:postgres-cluster-0', SECOND)
    killed.wait(120 * SECOND)
    expect([killed.running(0), leader(killed)]).toEqual([false, undefined])
    ctl(killed, 'resume')
    gap(killed, 60)
    killed.until(() => killed.running(0), 60 * SECOND)
  })

  it('PG-PATRONI-12: the REST API says by its status who leads', () => {
    const l = lab()
    l.wait(15 * SECOND)
    const { world } = l.cluster
    const status = (member: number, path: string): number | undefined => restAnswer(world, l.pod(member), path)?.status
    expect([status(0, '/primary'), status(1, '/primary'), status(1, '/replica'), status(0, '/replica'), status(1, '/health'), status(1, '/nothing')]).toEqual([200, 503, 200, 503, 200, 404])
    expect(l.run('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${l.dns(0)}:8008/primary`).out).toBe('200')
    expect(l.run('curl', '-sf', `http://${l.dns(1)}:8008/primary`).code).toBe(22)
    l.strike('node-loss', `node:${l.node(1)}`, 0)
    expect(status(1, '/health')).toBeUndefined()
    l.wait(15 * SECOND)
    expect(ctl(l, 'reinit', 'postgres-cluster', 'postgres-cluster-2', '--force').out).toContain('Success: reinitialize')
    l.until(() => l.told('patroni.reinit').length === 1)
    l.until(() => l.running(2) && l.server(2).receiver?.streaming === true, 200 * SECOND)
  })
})

describe('the operator', () => {
  const managed = (setting: Setting = {}, patroni: Record<string, unknown> = {}): Lab => lab({ image: 'postgres:16.4', targetImage: 'postgres:16.9', ...setting, patroni: { operator: true, ...patroni } })
  const status = (l: Lab): string => l.run('kubectl', 'get', 'postgresql', 'postgres-cluster', '-o', 'jsonpath={.status.PostgresClusterStatus}').out
  const upgrade = (l: Lab) => l.run('kubectl', 'patch', 'postgresql', 'postgres-cluster', '--type=merge', '-p', '{"spec":{"dockerImage":"postgres:16.9"}}')

  it('PG-OPERATOR-1: another image: replicas one after the other, a switchover to the one that lacks least, the old primary last', () => {
    const l = managed()
    l.clients(OPEN)
    l.wait(15 * SECOND)
    expect(upgrade(l).code).toBe(0)
    l.until(() => status(l) === 'Updating', 30 * SECOND)
    l.until(() => status(l) === 'Running', 600 * SECOND)
    const order = l.told('kubernetes.pod-deleted').map(text => /pod (\S+) is/.exec(text)?.[1])
    expect(order.at(-1)).toBe('postgres-cluster-0')
    expect(order.length).toBe(3)
    expect(leader(l)).not.toBe('postgres-cluster-0')
    expect(l.cluster.truth.members().map(m => m.versions['engine'])).toEqual(['16.9', '16.9', '16.9'])
    l.until(() => l.cluster.truth.members().every(m => m.attached), 60 * SECOND)
    expect(l.lost(leader(l) as string)).toBe(0)
  })

  it('PG-OPERATOR-2: without a standby that may lead it leaves the primary alone and says so', () => {
    // What the replicas miss while they are away they never catch up with.
    const l = managed({ members: 2, timing: { replicationMBps: 4.1 } })
    l.clients({ ...OPEN, bytesPerWrite: 20_000 })
    l.wait(15 * SECOND)
    upgrade(l)
    l.until(() => status(l) === 'UpdateFailed', 300 * SECOND)
    expect([leader(l), l.server(0).host.version, l.server(1).host.version]).toEqual(['postgres-cluster-0', '16.4', '16.9'])
    expect(l.cluster.truth.couldAcknowledge()).toEqual(['postgres-cluster-0'])
    // It is tried again every five minutes.
    l.wait(400 * SECOND)
    expect(l.told('operator.status').length).toBeGreaterThan(2)
  })

  it('PG-OPERATOR-3: it waits until a new pod runs, not until that has caught up: both replicas are behind at once', () => {
    const l = managed({ timing: { replicationMBps: 0.5 } })
    l.clients({ ...OPEN, bytesPerWrite: 20_000 })
    l.wait(15 * SECOND)
    upgrade(l)
    l.until(() => l.told('kubernetes.pod-deleted').length === 2, 300 * SECOND)
    expect(l.cluster.truth.members().filter(m => m.caughtUp).length).toBeLessThanOrEqual(2)
  })

  it('PG-OPERATOR-4: its budget keeps the primary from being evicted, not the replicas', () => {
    const l = managed()
    l.wait(15 * SECOND)
    const drain = (pod: number) => l.run('kubectl', 'drain', l.node(pod), '--ignore-daemonsets', '--timeout=20s')
    expect(drain(0)).toMatchObject({ code: 1, err: expect.stringContaining("Cannot evict pod as it would violate the pod's disruption budget") as string })
    expect(drain(1).code).toBe(0)
  })

  it('PG-OPERATOR-5: another version alone rolls all pods and changes nothing', () => {
    const l = managed()
    l.clients(OPEN)
    l.wait(15 * SECOND)
    l.run('kubectl', 'patch', 'postgresql', 'postgres-cluster', '--type=merge', '-p', '{"spec":{"postgresql":{"version":"17"}}}')
    l.until(() => status(l) === 'Updating', 30 * SECOND)
    l.until(() => status(l) === 'Running', 600 * SECOND)
    expect(l.told('kubernetes.pod-deleted').length).toBe(3)
    expect(l.cluster.truth.members().map(m => m.versions['engine'])).toEqual(['16.4', '16.4', '16.4'])
  })
})
