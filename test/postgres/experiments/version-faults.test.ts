/** A new version that is itself defective: each kind alone, at its usual strength, changes something that a user or a command can see. */
import { describe, expect, it } from 'vitest'
import type { EngineKind, Strike } from '../../../src/engine.ts'
import { faultSpec } from '../../../src/faults/index.ts'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, type Setting, WRITERS } from './lab.ts'

const PGDATA = '/var/lib/postgresql/data'

/** A cluster whose next image is 15.9; a member gets it when its pod is deleted. */
class Upgrade extends Lab {
  constructor(setting: Setting = {}) {
    super({ targetImage: 'postgres:15.9', updateStrategy: 'OnDelete', targetKubernetesVersion: null, databaseMB: 100, ...setting })
    this.rollOut(String(setting.targetImage ?? 'postgres:15.9'))
  }

  private rollOut(image: string): void {
    const patch = JSON.stringify({ spec: { template: { spec: { containers: [{ name: this.container(), image }] } } } })
    const done = this.run('kubectl', 'patch', 'statefulset', 'postgres-cluster', '-p', patch)
    if (done.code !== 0) throw new Error(done.err)
  }

  private container(): string {
    return this.cluster.kubernetes.pods$.get(this.pod(0))?.main.name ?? ''
  }

  defect(kind: EngineKind): Strike {
    return this.strike(kind, 'new-version', faultSpec(kind).durationUs.usual, faultSpec(kind).magnitude?.usual ?? 0)
  }

  /** Deletes a member's pod: it comes back on the new version. */
  upgrade(which: number): void {
    this.run('kubectl', 'delete', 'pod', this.pod(which))
    this.wait(60 * SECOND)
  }

  state(which: number): string {
    const pod = this.cluster.kubernetes.pod(this.pod(which))
    return `${pod?.containerState ?? 'none'} ${pod?.reason ?? ''} ${pod?.ready === true ? 'ready' : 'unready'}`.replace('  ', ' ')
  }

  log(which: number): string {
    return this.told('postgres.start-failed').filter(line => line.startsWith(this.pod(which))).at(-1) ?? ''
  }
}

describe('new-version-crashes', () => {
  it('a member that starts on it crashes again and again; the old ones serve; on the fault’s end it comes up', () => {
    const lab = new Upgrade()
    const strike = lab.defect('new-version-crashes')
    expect(strike.members).toEqual([])
    lab.upgrade(2)
    expect(lab.state(2)).toBe('waiting CrashLoopBackOff unready')
    expect(lab.run('kubectl', 'get', 'pod', lab.pod(2), '-o', 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}').out).toBe('139')
    expect(lab.state(1)).toBe('running ready')
    expect(lab.run('kubectl', 'logs', lab.pod(2)).code).toBe(0)
    strike.end()
    lab.until(() => lab.ready(2), 400 * SECOND)
  })

  it('leaves who is on the old version alone, restarts included', () => {
    const lab = new Upgrade()
    lab.defect('new-version-crashes')
    lab.strike('process-kill', 'member:postgres-cluster-1')
    lab.wait(60 * SECOND)
    expect(lab.state(1)).toBe('running ready')
  })

  it('is a defect of the machines where the machines are what is new', () => {
    const lab = new Lab({ targetKubernetesVersion: '1.29.0', upgradedPool: { zones: [1, 2, 3] }, databaseMB: 100 })
    lab.strike('new-version-crashes', 'new-version')
    for (const node of lab.cluster.kubernetes.nodes.values()) if (node.version !== '1.29.0') lab.run('kubectl', 'cordon', node.name)
    lab.run('kubectl', 'delete', 'pod', lab.pod(2))
    lab.wait(60 * SECOND)
    expect(lab.cluster.kubernetes.pod(lab.pod(2))).toMatchObject({ nodeVersion: '1.29.0', reason: 'CrashLoopBackOff', ready: false })
  })

  it('has nothing to strike where the upgrade has no new version', () => {
    expect(new Lab({ targetKubernetesVersion: null }).cluster.targets('new-version-crashes')).toEqual([])
  })
})

describe('new-version-slow', () => {
  const { magnitude } = faultSpec('new-version-slow')

  it('commits take that many times as long on it, at once and until the end', () => {
    const lab = new Upgrade({ profile: 'lab', timing: { commitMs: 2 } })
    lab.upgrade(1)
    lab.exec(0, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'fast', '-W')
    lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA)
    lab.clients({ ...WRITERS, connections: 1, entrance: 'hosts' })
    const rate = () => {
      lab.wait(SECOND)
      const before = lab.acked()
      lab.wait(5 * SECOND)
      return (lab.acked() - before) / 5
    }
    const healthy = rate()
    const strike = lab.defect('new-version-slow')
    expect(strike.members).toEqual(['postgres-cluster-1'])
    expect(healthy / rate()).toBeGreaterThan((magnitude?.usual ?? 1) * 0.9)
    strike.end()
    expect(rate()).toBeCloseTo(healthy, -2)
  })

  it('a standby on it replays late, one on the old version does not', () => {
    const lab = new Upgrade()
    lab.upgrade(2)
    lab.defect('new-version-slow')
    lab.bulk(1_000_000_000, 100_000_000)
    expect(lab.server(2).copy.lagBytes('apply')).toBeGreaterThan(500_000_000)
    expect(lab.server(1).copy.lagBytes('apply')).toBeLessThan(50_000_000)
  })
})

describe('new-version-cannot-read', () => {
  it('refuses the old data directory with PostgreSQL’s words; on an empty volume it clones data that it cannot read either (PG-VERSION-2)', () => {
    const lab = new Upgrade()
    lab.defect('new-version-cannot-read')
    lab.upgrade(2)
    expect(lab.state(2)).toBe('waiting CrashLoopBackOff unready')
    expect(lab.log(2)).toContain('FATAL:  database files are incompatible with server\nDETAIL:  The database cluster was initialized with PG_CONTROL_VERSION 1300, but the server was compiled with PG_CONTROL_VERSION 1700.')
    lab.run('kubectl', 'delete', 'pvc', 'data-postgres-cluster-2', '--wait=false')
    lab.upgrade(2)
    expect(lab.log(2)).toContain('database files are incompatible')
  })

  it('on an empty volume that it initialises itself it starts', () => {
    const lab = new Upgrade({ cloneOnStart: false })
    lab.defect('new-version-cannot-read')
    lab.run('kubectl', 'delete', 'pvc', 'data-postgres-cluster-2', '--wait=false')
    lab.upgrade(2)
    expect(lab.state(2)).toBe('running ready')
  })

  it('needs no fault where the majors differ: the server refuses (PG-VERSION-2)', () => {
    const lab = new Upgrade({ targetImage: 'postgres:16.4' })
    lab.upgrade(2)
    expect(lab.log(2)).toContain('FATAL:  database files are incompatible with server\nDETAIL:  The data directory was initialized by PostgreSQL version 15, which is not compatible with this version 16.4.')
  })
})

describe('new-version-breaks-replication', () => {
  it('an old standby cannot follow a new primary and stays Ready; a new one can; new standbys follow an old primary (PG-VERSION-3)', () => {
    const lab = new Upgrade()
    lab.defect('new-version-breaks-replication')
    lab.upgrade(1)
    expect(lab.replication(0)).toContain('s1|streaming')
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    // Passed on by a new standby, the WAL is still the old primary's.
    lab.until(() => lab.server(2).receiver?.streaming === true && lab.server(2).receiver?.sender?.upstream === lab.server(1))
    lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA)
    lab.wait(10 * SECOND)
    expect(lab.replication(1)).toBe('')
    expect(lab.server(2).receiver?.trouble).toContain('invalid resource manager ID in WAL of postgres-cluster-1')
    expect(lab.ready(2)).toBe(true)
    lab.upgrade(2)
    expect(lab.replication(1)).toBe('s2|streaming|async')
  })

  it('breaks the streams that are there when it strikes, and mends them at its end', () => {
    const lab = new Upgrade()
    lab.upgrade(1)
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.until(() => lab.server(2).receiver?.streaming === true && lab.server(2).receiver?.sender?.upstream === lab.server(1))
    lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA)
    lab.wait(SECOND)
    expect(lab.replication(1)).toBe('s2|streaming|async')
    const strike = lab.defect('new-version-breaks-replication')
    expect(strike.members).toEqual(['postgres-cluster-2'])
    lab.wait(10 * SECOND)
    expect(lab.replication(1)).toBe('')
    strike.end()
    lab.wait(10 * SECOND)
    expect(lab.replication(1)).toBe('s2|streaming|async')
  })
})

describe('new-version-false-ready', () => {
  it.each(['pg_isready', 'role-aware'])('is Ready (%s) and lets nobody in: the only way to tell is to log in (PG-READY-3)', readiness => {
    const lab = new Upgrade({ readiness })
    lab.defect('new-version-false-ready')
    lab.upgrade(2)
    expect(lab.state(2)).toBe('running ready')
    expect(lab.exec(2, 'pg_isready')).toMatchObject({ code: 0, out: expect.stringContaining('accepting connections') as string })
    expect(lab.run('pg_isready', '-h', lab.dns(2))).toMatchObject({ code: 0 })
    expect(lab.exec(2, 'psql', '-U', 'postgres', '-c', 'SELECT 1')).toMatchObject({ code: 2, err: expect.stringContaining('FATAL:  could not open file "global/pg_filenode.map"') as string })
    expect(lab.run('psql', '-h', lab.dns(2), '-U', 'postgres', '-c', 'SELECT 1').code).toBe(2)
  })

  it('is Ready where a probe that asks for the role would say no: a standby that follows nobody', () => {
    const ready = (broken: boolean) => {
      const lab = new Upgrade({ readiness: 'role-aware' })
      lab.sql(2, "ALTER SYSTEM SET primary_conninfo = 'host=nobody'")
      if (broken) lab.defect('new-version-false-ready')
      lab.upgrade(2)
      return lab.state(2)
    }
    expect(ready(false)).toBe('running unready')
    expect(ready(true)).toBe('running ready')
  })

  it('clients that the Service sends to it write nothing, and nobody could', () => {
    const lab = new Upgrade()
    const clients = lab.clients(WRITERS)
    lab.upgrade(1)
    lab.wait(2 * SECOND)
    const strike = lab.defect('new-version-false-ready')
    expect(strike.members).toEqual(['postgres-cluster-1'])
    expect(clients.probeFreshWrite().ok).toBe(true)
    lab.exec(0, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'fast', '-W')
    lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA)
    lab.run('kubectl', 'label', 'pod', lab.pod(0), 'role-')
    lab.run('kubectl', 'label', 'pod', lab.pod(1), 'role=primary', '--overwrite')
    lab.wait(30 * SECOND)
    const before = lab.acked()
    lab.wait(10 * SECOND)
    expect(lab.acked()).toBe(before)
    expect(lab.cluster.truth.couldAcknowledge()).not.toContain('postgres-cluster-1')
    expect(clients.probeFreshWrite()).toMatchObject({ ok: false, why: expect.stringContaining('lets nobody in') as string })
    strike.end()
    lab.wait(20 * SECOND)
    expect(lab.acked()).toBeGreaterThan(before)
  })
})
