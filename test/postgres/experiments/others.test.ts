/** Rules of the model that no experiment was made for: images, probes, volumes, routes, versions. */
import { expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab } from './lab.ts'

const DATA = '/var/lib/postgresql/data'
const ctl = (lab: Lab, pod: number, ...words: string[]) => lab.exec(pod, 'pg_ctl', ...words, '-D', DATA)
const scaleUp = (lab: Lab) => lab.run('kubectl', 'scale', 'statefulset', 'postgres-cluster', '--replicas=4')

it('an image that clones makes a standby of an empty volume; without its primary it cannot start (PG-CLONE-1)', () => {
  const lab = new Lab()
  lab.clients()
  lab.wait(SECOND)
  scaleUp(lab)
  lab.until(() => lab.running(3) && lab.server(3).receiver?.streaming === true, 120 * SECOND)
  expect(lab.sql(3, 'SELECT pg_is_in_recovery()')).toBe('t')
  expect(lab.server(3).dir.systemId).toBe(lab.server(0).dir.systemId)
  const alone = new Lab({ podManagementPolicy: 'Parallel' })
  alone.strike('process-kill', 'member:postgres-cluster-0', 600 * SECOND)
  scaleUp(alone)
  alone.wait(120 * SECOND)
  expect(alone.running(3)).toBe(false)
  expect(alone.told('postgres.clone-failed').length).toBeGreaterThan(0)
})

it('the stock image makes an independent, empty, Ready primary of it (PG-CLONE-2)', () => {
  const lab = new Lab({ cloneOnStart: false })
  lab.sql(0, 'CREATE TABLE w (n int)')
  scaleUp(lab)
  lab.until(() => lab.running(3) && lab.ready(3), 60 * SECOND)
  expect(lab.sql(3, 'SELECT pg_is_in_recovery()')).toBe('f')
  expect(lab.exec(3, 'psql', '-U', 'postgres', '-c', 'SELECT * FROM w').err).toContain('relation "w" does not exist')
  expect(ctl(lab, 3, 'promote').err).toContain('server is not in standby mode')
  expect(lab.server(3).dir.systemId).not.toBe(lab.server(0).dir.systemId)
})

it('a role-aware probe is not Ready for a diverged standby; pg_isready is (PG-READY-2)', () => {
  const ready = (readiness: string) => {
    const lab = new Lab({ readiness, supervised: true })
    lab.clients()
    lab.wait(SECOND)
    ctl(lab, 1, 'promote')
    lab.wait(SECOND)
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.wait(60 * SECOND)
    return [lab.ready(0), lab.ready(1), lab.ready(2)]
  }
  expect(ready('role-aware')).toEqual([true, true, false])
  expect(ready('pg_isready')).toEqual([true, true, true])
})

it('STOPSIGNAL TERM: a deleted pod with clients refuses connections for its grace period and is killed; INT stops it at once (PG-STOP-5)', () => {
  const stopped = (stopSignal: string) => {
    const lab = new Lab({ stopSignal })
    lab.clients({ entrance: 'service' })
    lab.wait(SECOND)
    const from = lab.now
    const old = lab.server(0)
    lab.start('kubectl', 'delete', 'pod', 'postgres-cluster-0', '--wait=false')
    lab.until(() => !old.alive)
    return { seconds: (lab.now - from) / SECOND, control: old.dir.control }
  }
  const smart = stopped('TERM')
  expect(smart.seconds).toBeGreaterThan(29)
  expect(smart.control).toBe('in production')
  expect(stopped('INT').seconds).toBeLessThan(1)
  expect(stopped('INT').control === 'shut down' || stopped('INT').control === 'in production').toBe(true)
})

it('a full volume is a PANIC, again at each restart, until there is room (PG-DISK-1)', () => {
  const lab = new Lab()
  const full = lab.strike('disk-full', 'volume:postgres-cluster-0')
  lab.wait(SECOND)
  expect(lab.told('postgres.crashed').at(-1)).toContain('No space left on device')
  lab.wait(120 * SECOND)
  expect(lab.told('postgres.start-failed').length).toBeGreaterThan(2)
  expect(lab.running(0)).toBe(false)
  full.end()
  lab.until(() => lab.running(0) && lab.server(0).accepting, 600 * SECOND)
})

it('an established connection stays on its server when the Service turns; a new one follows (PG-ROUTE-1)', () => {
  const lab = new Lab()
  const settled = lab.clients({ entrance: 'service' })
  lab.wait(SECOND)
  ctl(lab, 1, 'promote')
  lab.run('kubectl', 'label', 'pod', 'postgres-cluster-0', 'role-')
  lab.run('kubectl', 'label', 'pod', 'postgres-cluster-1', 'role=primary')
  lab.wait(10 * SECOND)
  expect(settled.cohorts[0]?.leader?.name).toBe('postgres-cluster-0')
  expect(settled.probeFreshWrite()).toEqual({ ok: true, leaders: ['postgres-cluster-1'] })
})

it('a floating tag gives who pulls anew the newer minor: versions differ, but only majors are forbidden together (PG-VERSION-1)', () => {
  const versions = (imagePinned: boolean, floatingTo: string) => {
    const lab = new Lab({ imagePinned, floatingTo })
    scaleUp(lab)
    lab.until(() => lab.running(3), 120 * SECOND)
    return { engines: lab.cluster.truth.members().map(m => m.versions.engine), forbidden: lab.cluster.truth.forbiddenSkew().length }
  }
  expect(versions(true, '15.9')).toEqual({ engines: ['15.8', '15.8', '15.8', '15.8'], forbidden: 0 })
  expect(versions(false, '15.9')).toEqual({ engines: ['15.8', '15.8', '15.8', '15.9'], forbidden: 0 })
  // Another major cannot read the data and never runs; one that did would be forbidden.
  expect(versions(false, '16.4').forbidden).toBe(0)
  const lab = new Lab()
  Object.assign(lab.server(2).host, { version: '16.4' })
  expect(lab.cluster.truth.forbiddenSkew()).toEqual(['PostgreSQL majors 15 and 16 in one cluster'])
})
