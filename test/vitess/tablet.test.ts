/** What a tablet does when it comes and goes (rules VT-TABLET-1…5, VT-BACKUP-1). */
import { describe, expect, it } from 'vitest'
import { brief, Lab } from './lab.ts'

describe('VT-TABLET-1: the shard record says what it is', () => {
  it('a primary that is restarted before anybody replaced it goes on as the primary', () => {
    const lab = new Lab({ vtorc: false }, {})
    lab.strike('process-kill', `member:${lab.primary.pod}`, 0, 0)
    lab.gap(120)
    expect(lab.cluster.truth.promotions).toHaveLength(0)
    expect(brief(lab.tablet(0))).toMatchObject({ leading: true, type: 'primary' })
  })

  it('one that was replaced follows', () => {
    const lab = new Lab({}, {})
    lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)
    lab.strike('process-kill', `member:${lab.tablet(0).pod}`, 0, 0)
    lab.until(() => lab.tablet(0).linked, 120, 'it follows')
    expect(brief(lab.tablet(0))).toMatchObject({ leading: false, type: 'replica' })
  })
})

describe('VT-TABLET-2: Ready is healthy', () => {
  it('an upgraded replica that is cold and behind is Ready; one that does not replicate is not', () => {
    const lab = new Lab({}, {})
    const ready = (n: number) => lab.cluster.kubernetes.pod(lab.tablet(n).pod)?.ready
    lab.ok(`kubectl delete pod ${lab.tablet(1).pod} --wait=false`)
    lab.until(() => !lab.tablet(1).linked, 10)
    lab.until(() => lab.tablet(1).linked, 60)
    lab.until(() => ready(1) === true, 15, 'Ready')
    expect(lab.tablet(1).lagSeconds).toBeGreaterThan(1)
    lab.strike('standby-diverged', `member:${lab.tablet(2).pod}`)
    lab.until(() => ready(2) === false, 60, 'not Ready')
  })
})

describe('VT-TABLET-3: two processes', () => {
  it('a replica without its vttablet goes on acknowledging', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2 }, {})
    lab.strike('process-crash', `member:${lab.tablet(1).pod}`, 0, 60_000_000)
    lab.wait(10)
    expect(lab.writing).toBe(true)
    expect(lab.ok(`kubectl exec ${lab.tablet(1).pod} -c mysqld -- mysql -Nse "select @@version"`)).toBe('8.0.36\n')
    expect(lab.run(`vtctldclient PingTablet ${lab.tablet(1).alias}`).code).toBe(1)
  })
})

it('VT-TABLET-5: a replica on a slow machine falls behind, and catches up when the machine has its speed back', () => {
  const lab = new Lab({}, {})
  const node = lab.cluster.kubernetes.pod(lab.tablet(1).pod)?.node
  const fault = lab.strike('machine-slow', `node:${node}`, 10, 60_000_000)
  lab.wait(60)
  expect(lab.tablet(1).lagSeconds).toBeGreaterThan(20)
  fault.end()
  lab.until(() => lab.tablet(1).lagSeconds < 1, 180, 'it has caught up')
})

it('VT-TABLET-4: a cold primary commits more slowly, and that wears off (VT-T06)', () => {
  const lab = new Lab({ coldCacheFactor: 5, coldCacheSeconds: 60, cells: 1 }, { loop: 'closed', thinkUs: 1000, connections: 4 })
  const perSecond = (): number => {
    const before = lab.acked()
    lab.wait(5)
    return (lab.acked() - before) / 5
  }
  const warm = perSecond()
  lab.ok(`kubectl delete pod ${lab.tablet(1).pod} --wait=false`)
  lab.until(() => !lab.tablet(1).linked, 10)
  lab.until(() => lab.tablet(1).linked && lab.tablet(1).lagSeconds < 0.5, 200)
  lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)
  lab.wait(2)
  const cold = perSecond()
  expect(warm / cold).toBeGreaterThan(1.5)
  lab.wait(300)
  expect(perSecond() / warm).toBeGreaterThan(0.95)
})

describe('VT-BACKUP-1: a tablet without data', () => {
  it('restores the latest backup and catches up; without a backup it stays empty', () => {
    const lab = new Lab({}, {})
    lab.strike('node-loss-with-volume', `node:${lab.tablet(1).place}`).end()
    lab.wait(90)
    expect(lab.ok(`kubectl get pvc ${lab.tablet(1).pod} -o jsonpath={.status.phase}`)).toBe('Lost')
    lab.ok(`kubectl delete pvc ${lab.tablet(1).pod} --wait=false`)
    lab.ok(`kubectl delete pod ${lab.tablet(1).pod} --grace-period=0 --force`)
    lab.until(() => lab.tablet(1).type === 'restore', 120, 'it restores')
    lab.until(() => !lab.tablet(1).linked, 10)
  lab.until(() => lab.tablet(1).linked && lab.tablet(1).lagSeconds < 1, 1200, 'it is level')
    const none = new Lab({ backup: false }, {})
    none.strike('node-loss-with-volume', `node:${none.tablet(1).place}`).end()
    none.wait(90)
    none.ok(`kubectl delete pvc ${none.tablet(1).pod} --wait=false`)
    none.ok(`kubectl delete pod ${none.tablet(1).pod} --grace-period=0 --force`)
    none.wait(1200)
    expect(brief(none.tablet(1))).toMatchObject({ linked: false, type: 'restore' })
  })
})
