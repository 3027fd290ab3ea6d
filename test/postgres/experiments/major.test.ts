/** Spilo's in-place major upgrade, as the operator or somebody by hand starts it. Source: zalando/spilo inplace_upgrade.py, postgres-operator majorversionupgrade.go, D:pgupgrade. */
import { describe, expect, it } from 'vitest'
import { LINKED } from '../../../models/postgres/datadir.ts'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const SPILO = { versions: ['16.9', '17.5'], version: '16', targetVersion: '17', initdbMs: 2_000, checkMs: 3_000, upgradeMs: 10_000, linkMs: 2_000, rsyncMs: 5_000, patroniMs: 3_000, analyzeMs: 30_000 }
const OPEN = { loop: 'open', writesPerSecond: 200, timeoutUs: 2 * SECOND, retryUs: SECOND / 5 } as const

/** A cluster of three on 16, whose pods know of 17 already when `knows`: the script can then be started by hand. */
const lab = ({ patroni = {}, spilo = {}, ...setting }: Setting & { patroni?: Record<string, unknown>; spilo?: Record<string, unknown> } = {}): Lab =>
  new Lab({ slots: true, image: 'spilo:1', ...setting, patroni: { majorVersionUpgradeMode: 'manual', spilo: { ...SPILO, ...spilo }, ...patroni } })
const ask = (l: Lab, version = '17') => l.run('kubectl', 'patch', 'postgresql', 'postgres-cluster', '--type=merge', '-p', `{"spec":{"postgresql":{"version":"${version}"}}}`)
const told = (l: Lab): readonly string[] => l.told('patroni.major-upgrade')
const says = (l: Lab, text: string, limitSeconds = 300): number => l.until(() => told(l).some(line => line.includes(text)), limitSeconds * SECOND)
const versions = (l: Lab): readonly (string | undefined)[] => l.cluster.truth.members().map(m => m.versions['engine'])
const object = (l: Lab, path: string): string => l.run('kubectl', 'get', 'postgresql', 'postgres-cluster', '-o', `jsonpath={${path}}`).out
const status = (l: Lab): string => object(l, '.status.PostgresClusterStatus')
const annotation = (l: Lab, name: string): string => object(l, `.metadata.annotations.last-major-upgrade-${name}`)
const leader = (l: Lab): string => l.cluster.world.patroni?.holder ?? ''
const dcs = (l: Lab) => l.cluster.world.patroni as NonNullable<typeof l.cluster.world.patroni>
/** Lets time pass, a second at a time: what is asked for here costs a command each time. */
const wait = (l: Lab, reached: () => boolean, limitSeconds: number): void => {
  for (let i = 0; i < limitSeconds && !reached(); i++) l.wait(SECOND)
  if (!reached()) throw new Error(`not reached within ${limitSeconds} s: ${told(l).at(-1)}`)
}
const number = (name: string): number => Number(name.at(-1))

/** Asked for, rolled, and the script is about to begin. */
const begun = (setting: Parameters<typeof lab>[0] = {}): { l: Lab; clients: ReturnType<Lab['clients']>; master: string; others: readonly string[] } => {
  const l = lab(setting)
  const clients = l.clients(OPEN)
  l.wait(15 * SECOND)
  ask(l)
  says(l, 'is ready to be upgraded')
  const master = leader(l)
  return { l, clients, master, others: l.cluster.world.memberNames.filter(name => name !== master) }
}

describe('an upgrade that goes well', () => {
  it('PG-MAJOR-1, PG-MAJOR-5: the pods are rolled, then all members are of the new version with another system identifier, and nothing is lost', () => {
    const { l, clients, master } = begun()
    expect([l.told('kubernetes.pod-deleted').length, versions(l)]).toEqual([3, ['16.9', '16.9', '16.9']])
    const before = l.server(number(master)).dir
    // Asking and checking are not noticed: the old server serves.
    says(l, 'Doing a clean shutdown')
    expect(l.cluster.truth.couldAcknowledge()).toEqual([master])
    const stoppedUs = l.now
    l.until(() => l.cluster.truth.couldAcknowledge().length === 0)
    l.until(() => l.cluster.truth.couldAcknowledge().length === 1)
    // 10 s pg_upgrade, 2 s of linking, 5 s rsync, 2 s of grace, 3 s Patroni.
    expect((l.now - stoppedUs) / SECOND).toBeGreaterThan(22)
    expect((l.now - stoppedUs) / SECOND).toBeLessThan(25)
    l.until(() => l.cluster.truth.members().every(m => m.attached), 120 * SECOND)
    expect([leader(l), versions(l), dcs(l).paused]).toEqual([master, ['17.5', '17.5', '17.5'], false])
    const after = l.server(number(master)).dir
    expect(after.systemId).not.toBe(before.systemId)
    expect([after.timeline, l.server(0).dir.systemId, l.server(1).dir.systemId, l.server(2).dir.systemId]).toEqual([1, after.systemId, after.systemId, after.systemId])
    expect([l.lost(master), clients.failures(l.now).operations > 0]).toEqual([0, true])
    // Statistics are made while it serves again; then it says so.
    expect(annotation(l, 'success')).toBe('')
    wait(l, () => status(l) === 'Running', 120)
    expect([annotation(l, 'success').slice(0, 4), annotation(l, 'failure')]).toEqual(['2026', ''])
    // Afterwards it fails over as always.
    l.strike('node-loss', `node:${l.node(number(master))}`, 0)
    l.until(() => leader(l) !== '' && leader(l) !== master && l.cluster.truth.couldAcknowledge().length === 1, 120 * SECOND)
    expect(l.server(number(leader(l))).host.version).toBe('17.5')
  })

  it('PG-MAJOR-1: with the mode off the same is a rolling restart; and there is no way down', () => {
    const off = lab({ patroni: { majorVersionUpgradeMode: 'off' } })
    off.wait(15 * SECOND)
    ask(off)
    wait(off, () => status(off) === 'Updating', 30)
    wait(off, () => status(off) === 'Running', 300)
    expect([off.told('kubernetes.pod-deleted').length, versions(off), told(off)]).toEqual([3, ['16.9', '16.9', '16.9'], []])
    const { l } = begun()
    wait(l, () => annotation(l, 'success') !== '', 300)
    ask(l, '16')
    wait(l, () => status(l) === 'Updating', 30)
    wait(l, () => status(l) === 'Running', 300)
    expect(versions(l)).toEqual(['17.5', '17.5', '17.5'])
  })
})

describe('what keeps it from beginning', () => {
  const script = (l: Lab, pod: string, members = '3') => l.exec(pod, 'python3', '/scripts/inplace_upgrade.py', members)
  /** Pods that know of the new version, with an operator that does not act on it. */
  const rolled = (): Lab => {
    const l = lab({ patroni: { majorVersionUpgradeMode: 'off' } })
    l.clients({ ...OPEN, bytesPerWrite: 100_000 })
    l.wait(15 * SECOND)
    ask(l)
    wait(l, () => status(l) === 'Updating', 30)
    wait(l, () => status(l) === 'Running', 300)
    l.wait(20 * SECOND)
    return l
  }

  it('PG-MAJOR-2: a primary that stood still while another one took the key does not begin', () => {
    const l = rolled()
    const master = leader(l)
    Object.assign(dcs(l), { leader: l.cluster.world.memberNames.find(name => name !== master) })
    expect(script(l, master)).toMatchObject({ code: 1, err: expect.stringContaining('the current node does not own the leader lock') as string })
  })

  it('PG-MAJOR-2: by hand it says what is in the way, and touches nothing', () => {
    const plain = lab()
    plain.wait(15 * SECOND)
    expect(script(plain, 'postgres-cluster-0')).toMatchObject({ code: 0, err: expect.stringContaining('Upgrade is not required') as string })
    const l = rolled()
    const master = leader(l)
    const [first = '', second = ''] = l.cluster.world.memberNames.filter(name => name !== master)
    expect(script(l, first)).toMatchObject({ code: 1, err: expect.stringContaining('in recovery') as string })
    expect(script(l, master, '4').err).toContain('does not match (3 != 4)')
    l.run('patronictl', 'pause')
    expect(script(l, master).err).toContain('in maintenance mode')
    l.run('patronictl', 'resume')
    const late = l.strike('replication-lag', `member:${second}`, 600 * SECOND, 3 * SECOND)
    l.wait(60 * SECOND)
    expect(script(l, master).err).toMatch(/Replication lag \d+ on member \S+ is too high/)
    late.end()
    l.wait(60 * SECOND)
    const thaw = l.freeze(number(second))
    expect(script(l, master).code).toBe(1)
    thaw()
    l.wait(60 * SECOND)
    const heal = l.cutOff(number(second))
    l.wait(70 * SECOND)
    expect(script(l, master).err).toContain(`Member ${second} is not streaming from the primary`)
    heal()
    l.wait(60 * SECOND)
    expect([versions(l), l.cluster.truth.couldAcknowledge()]).toEqual([['16.9', '16.9', '16.9'], [master]])
    l.until(() => l.cluster.truth.members().every(m => m.attached), 120 * SECOND)
    expect(script(l, master).code).toBe(0)
    expect(l.server(number(master)).host.version).toBe('17.5')
  })

  it('PG-MAJOR-3: a replica that lags is reason to skip it: the object says Running, and half an hour later it is done', () => {
    const l = lab()
    l.clients({ ...OPEN, bytesPerWrite: 100_000 })
    l.wait(15 * SECOND)
    ask(l)
    l.until(() => l.told('kubernetes.pod-deleted').length === 3, 300 * SECOND)
    l.until(() => l.cluster.truth.members().filter(m => m.attached).length === 3, 60 * SECOND)
    const late = l.cluster.world.memberNames.filter(name => name !== leader(l)).map(name => l.strike('replication-lag', `member:${name}`, 600 * SECOND, 60 * SECOND))
    wait(l, () => status(l) === 'Running', 60)
    expect([versions(l), told(l), annotation(l, 'failure')]).toEqual([['16.9', '16.9', '16.9'], [], ''])
    for (const strike of late) strike.end()
    l.wait(25 * 60 * SECOND)
    expect(told(l)).toEqual([])
    says(l, 'PGDATA is of version 17.5', 600)
  })

  it('PG-MAJOR-2, PG-MAJOR-3: a version that cannot read the old format fails pg_upgrade --check, before anybody notices; then nothing is tried until somebody says so', () => {
    const { l } = begun()
    const defect = l.strike('new-version-cannot-read', 'new-version', 3_600 * SECOND)
    wait(l, () => annotation(l, 'failure') !== '', 60)
    expect([status(l), told(l).at(-1), l.cluster.truth.couldAcknowledge().length, dcs(l).paused]).toEqual(['UpdateFailed', expect.stringContaining('pg_upgrade --check failed'), 1, false])
    defect.end()
    wait(l, () => status(l) === 'Running', 400)
    l.wait(3_600 * SECOND)
    expect(versions(l)).toEqual(['16.9', '16.9', '16.9'])
    l.run('kubectl', 'annotate', 'postgresql', 'postgres-cluster', 'last-major-upgrade-failure-')
    says(l, 'PGDATA is of version 17.5', 120)
  })
})

describe('what fails on the way', () => {
  it('PG-MAJOR-4: a replica that does not replay all within a minute: Patroni goes on with the old version, after a minute without anybody', () => {
    const { l, others } = begun()
    l.strike('replay-stall', `member:${others[0]}`, 600 * SECOND)
    says(l, 'Waiting for replica nodes')
    const fromUs = l.now
    says(l, `Node ${others[0]} did not catch up`, 120)
    expect((l.now - fromUs) / SECOND).toBeGreaterThan(59)
    expect(l.cluster.truth.couldAcknowledge()).toEqual([])
    l.until(() => l.cluster.truth.couldAcknowledge().length === 1, 60 * SECOND)
    wait(l, () => annotation(l, 'failure') !== '', 60)
    expect([dcs(l).paused, l.lost(leader(l))]).toEqual([false, 0])
    expect(l.server(number(leader(l))).host.version).toBe('16.9')
  })

  it('PG-MAJOR-4: a replica that stands still keeps everything down as long as it stands; one that does not confirm the pause stops it before', () => {
    const { l, others } = begun()
    says(l, 'Executing pg_upgrade')
    const thaw = l.freeze(number(others[0] as string))
    l.wait(200 * SECOND)
    expect([l.cluster.truth.couldAcknowledge(), told(l).at(-1)]).toEqual([[], expect.stringContaining('PGDATA is of version 17.5')])
    thaw()
    l.until(() => l.cluster.truth.members().every(m => m.attached && m.versions['engine'] === '17.5'), 120 * SECOND)
    const before = begun()
    before.l.freeze(number(before.others[0] as string))
    says(before.l, 'Failed to pause cluster', 120)
    before.l.wait(60 * SECOND)
    expect([before.l.cluster.truth.couldAcknowledge(), dcs(before.l).paused]).toEqual([[before.master], false])
  })

  it('PG-MAJOR-5: a version that crashes fails pg_upgrade before it links: the old one is started again', () => {
    const { l, master } = begun()
    says(l, 'Executing pg_upgrade')
    l.strike('new-version-crashes', 'new-version', 3_600 * SECOND)
    says(l, 'Failed to upgrade cluster from 16 to 17', 60)
    expect(l.cluster.world.directoryOf.get(master)?.files.has(LINKED)).toBe(false)
    l.until(() => l.cluster.truth.couldAcknowledge().length === 1, 60 * SECOND)
    l.until(() => l.cluster.truth.members().every(m => m.attached), 120 * SECOND)
    expect([versions(l), l.lost(leader(l))]).toEqual([['16.9', '16.9', '16.9'], 0])
  })

  it('PG-MAJOR-6: a replica whose machine is away is not copied: the upgrade is done and counts as failed, and what comes back is of another cluster', () => {
    const { l, master, others } = begun()
    const lost = others[0] as string
    says(l, 'PGDATA is of version 17.5')
    const strike = l.strike('node-loss', `node:${l.node(number(lost))}`, 60 * SECOND)
    l.until(() => l.cluster.truth.couldAcknowledge().length === 1, 400 * SECOND)
    expect(l.server(number(master)).host.version).toBe('17.5')
    l.wait(60 * SECOND)
    strike.end()
    wait(l, () => annotation(l, 'failure') !== '', 400)
    l.wait(300 * SECOND)
    expect([l.running(number(lost)), l.cluster.world.directoryOf.get(lost)?.image, dcs(l).agents.get(lost)?.answers]).toEqual([false, '16.9', false])
    // A new volume, and it is a copy of the new cluster.
    l.run('kubectl', 'delete', 'pvc', `data-${lost}`, '--wait=false')
    l.run('kubectl', 'delete', 'pod', lost)
    wait(l, () => l.cluster.truth.members().filter(m => m.attached).length === 3, 600)
    expect(versions(l)).toEqual(['17.5', '17.5', '17.5'])
  })

  it('PG-MAJOR-6: rsync has 300 s: then the primary starts without those who are not done, and the upgrade counts as failed', () => {
    const { l, master } = begun({ spilo: { rsyncMs: 400_000 } })
    says(l, 'PGDATA is of version 17.5')
    const fromUs = l.now
    says(l, 'no rsync feedback from', 400)
    expect((l.now - fromUs) / SECOND).toBeGreaterThan(299)
    expect((l.now - fromUs) / SECOND).toBeLessThan(320)
    l.until(() => l.cluster.truth.couldAcknowledge().includes(master), 60 * SECOND)
    wait(l, () => annotation(l, 'failure') !== '', 400)
  })

  it('PG-MAJOR-7: without the API the key is not removed, and nobody starts: the upgraded primary is of another cluster for Patroni', () => {
    const { l, master } = begun()
    says(l, 'PGDATA is of version 17.5')
    const strike = l.strike('api-server-away', 'control-plane', 90 * SECOND)
    says(l, 'Failed to start primary after upgrade', 120)
    strike.end()
    l.wait(60 * SECOND)
    l.run('patronictl', 'resume')
    l.wait(120 * SECOND)
    expect([l.cluster.truth.couldAcknowledge(), l.running(number(master))]).toEqual([[], false])
  })
})

describe('what a killed upgrade leaves', () => {
  it('PG-MAJOR-8: before it links: maintenance mode and nobody who serves, until somebody resumes; then the old version, nothing lost', () => {
    const { l, master } = begun()
    says(l, 'Executing pg_upgrade')
    l.wait(3 * SECOND)
    l.run('kubectl', 'delete', 'pod', master, '--force', '--grace-period=0')
    l.wait(300 * SECOND)
    expect([l.cluster.truth.couldAcknowledge(), dcs(l).paused, annotation(l, 'failure') !== '']).toEqual([[], true, true])
    expect(l.run('patronictl', 'list').out).toContain('Maintenance mode: on')
    l.run('patronictl', 'resume')
    l.until(() => l.cluster.truth.couldAcknowledge().length === 1, 60 * SECOND)
    l.until(() => l.cluster.truth.members().every(m => m.attached), 120 * SECOND)
    expect([versions(l), l.lost(leader(l))]).toEqual([['16.9', '16.9', '16.9'], 0])
  })

  it('PG-MAJOR-5, PG-MAJOR-8: while it links: the old primary does not start any more, a replica leads on the old version', () => {
    const { l, master } = begun({ spilo: { linkMs: 20_000 } })
    says(l, 'Executing pg_upgrade')
    l.wait(15 * SECOND)
    l.run('kubectl', 'delete', 'pod', master, '--force', '--grace-period=0')
    l.wait(60 * SECOND)
    l.run('patronictl', 'resume')
    l.until(() => l.cluster.truth.couldAcknowledge().length === 1, 60 * SECOND)
    expect([leader(l) === master, l.lost(leader(l))]).toEqual([false, 0])
    l.wait(120 * SECOND)
    expect([l.running(number(master)), l.cluster.world.directoryOf.get(master)?.files.has(LINKED)]).toEqual([false, true])
    // Given its name back it starts, and follows.
    l.exec(master, 'sh', '-c', `rm /var/lib/postgresql/data/${LINKED}`)
    l.until(() => l.cluster.truth.members().every(m => m.attached), 120 * SECOND)
    expect(versions(l)).toEqual(['16.9', '16.9', '16.9'])
  })

  it('PG-MAJOR-8: an operator that loses the API leaves no mark and calls it failed; the script goes on', () => {
    const { l } = begun()
    says(l, 'Executing pg_upgrade')
    const strike = l.strike('api-server-away', 'control-plane', 5 * SECOND)
    l.wait(5 * SECOND)
    strike.end()
    l.until(() => versions(l).every(version => version === '17.5'), 300 * SECOND)
    l.wait(60 * SECOND)
    expect([told(l).some(line => line.includes('Total upgrade time')), annotation(l, 'success')]).toEqual([true, ''])
    wait(l, () => status(l) === 'Running', 600)
    expect([versions(l), annotation(l, 'failure')]).toEqual([['17.5', '17.5', '17.5'], ''])
  })
})
