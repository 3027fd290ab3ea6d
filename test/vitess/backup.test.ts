/** Backups that are taken and restored (rules VT-BACKUP-2…4, VT-VERSION-3). */
import { describe, expect, it } from 'vitest'
import { Lab } from './lab.ts'

const timing = { backupMinutes: 3, restoreMinutes: 5 }
const image = (to: string): string => `kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:${to}"}}}}'`

describe('VT-BACKUP-2: Backup', () => {
  it('with the builtin engine the tablet is BACKUP, and neither serves nor acknowledges until it is done', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2, timing }, {})
    const replica = lab.tablet(1)
    const backup = lab.start(`vtctldclient Backup ${replica.alias}`)
    lab.wait(60)
    expect([replica.type, replica.ready, lab.writing, backup.state]).toEqual(['backup', false, false, 'running'])
    lab.until(() => backup.state !== 'running', 200)
    expect(backup.result).toMatchObject({ code: 0 })
    lab.until(() => lab.writing, 5)
    expect(replica.type).toBe('replica')
    expect(lab.ok('vtctldclient GetBackups commerce/-').trim().split('\n')).toHaveLength(2)
    expect(lab.ok('vtctldclient GetBackups commerce/- --limit 1')).toMatch(new RegExp(`^2026-01-01\\.\\d{6}\\.${replica.alias}\\n$`))
  })

  it('with xtrabackup nobody notices', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2, timing, backupEngine: 'xtrabackup' }, {})
    const backup = lab.start(`vtctldclient Backup ${lab.tablet(1).alias}`)
    for (let i = 0; i < 30; i++) {
      lab.wait(5)
      expect([lab.tablet(1).type, lab.writing]).toEqual(['replica', true])
    }
    lab.until(() => backup.state !== 'running', 60)
    expect(backup.result).toMatchObject({ code: 0 })
  })

  it('what is restored afterwards is where the tablet was, and not where the night left it', () => {
    const restoredAt = (first: boolean): number => {
      const lab = new Lab({ timing }, {})
      lab.wait(300)
      if (first) lab.ok(`vtctldclient Backup ${lab.tablet(1).alias}`)
      else lab.wait(200)
      return lab.cluster.world.backups.get(lab.shard)?.position.lsn as number
    }
    expect(restoredAt(true)).toBeGreaterThan(restoredAt(false) + 250 * 500 * 500)
  })

  it('refuses a primary, and two of one tablet at once; one that is killed ends without a backup', () => {
    const lab = new Lab({ timing, backupEngine: 'xtrabackup' }, {})
    expect(lab.run(`vtctldclient Backup ${lab.primary.alias}`)).toMatchObject({ code: 1, err: expect.stringContaining('type PRIMARY cannot take backup') })
    const first = lab.start(`vtctldclient Backup ${lab.tablet(1).alias}`)
    lab.wait(5)
    expect(lab.run(`vtctldclient Backup ${lab.tablet(1).alias}`)).toMatchObject({ code: 1, err: expect.stringContaining('a backup is already running') })
    lab.strike('process-kill', `member:${lab.tablet(1).pod}`)
    lab.until(() => first.state !== 'running', 400)
    expect(first.result).toMatchObject({ code: 1 })
    expect(lab.ok(`vtctldclient Backup --allow-primary ${lab.primary.alias}`)).toContain('backup finished')
  })

  it('a planned reparent beside it moves the primary and fails for the one that it cannot repoint', () => {
    const lab = new Lab({ timing }, {})
    const backup = lab.start(`vtctldclient Backup ${lab.tablet(3).alias}`)
    lab.wait(20)
    expect(lab.run(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(1).alias}`)).toMatchObject({ code: 1, err: expect.stringContaining(`tablet ${lab.tablet(3).alias} failed to SetReplicationSource`) })
    expect(lab.primary).toBe(lab.tablet(1))
    lab.until(() => backup.state !== 'running', 300)
    lab.until(() => lab.tablet(3).linked, 30, 'it follows the new primary')
  })
})

it('VT-BACKUP-3: BackupShard takes the one that lags least', () => {
  const lab = new Lab({ timing: { ...timing, backupMinutes: 0.1 }, backupEngine: 'xtrabackup' }, {})
  lab.strike('replay-stall', `member:${lab.tablet(1).pod}`)
  lab.wait(20)
  lab.ok('vtctldclient BackupShard commerce/-')
  expect(lab.ok('vtctldclient GetBackups commerce/- --limit=1')).toContain(lab.tablet(2).alias)
})

it('VT-BACKUP-4: one that was put aside stays aside when it is restored', () => {
  const lab = new Lab({ timing }, {})
  const { alias } = lab.tablet(1)
  lab.strike('standby-diverged', `member:${lab.tablet(1).pod}`)
  lab.until(() => lab.tablet(1).type === 'drained', 30)
  lab.ok(`vtctldclient RestoreFromBackup ${alias}`)
  expect(lab.ok(`vtctldclient GetTablets -t ${alias}`)).toContain(' drained ')
  lab.ok(`vtctldclient ChangeTabletType ${alias} replica`)
  lab.wait(60)
  expect([lab.tablet(1).type, lab.tablet(1).linked, lab.tablet(1).ready]).toEqual(['replica', true, true])
})

it('VT-VERSION-3: the way back across series is a backup of before', () => {
  const back = (emptied: boolean): boolean => {
    const lab = new Lab({ timing, vtorc: false, targetMysqlVersion: '8.4.3' }, {})
    const { pod } = lab.tablet(1)
    lab.ok(image('8.4.3'))
    lab.ok(`kubectl delete pod ${pod} --wait=false`)
    lab.until(() => lab.tablet(1).version === '8.4.3' && lab.tablet(1).linked, 400)
    lab.ok(image('8.0.36'))
    if (emptied) lab.ok(`kubectl delete pvc ${pod} --wait=false`)
    lab.ok(`kubectl delete pod ${pod} --wait=false`)
    lab.wait(900)
    return lab.tablet(1).linked && lab.tablet(1).version === '8.0.36'
  }
  expect([back(true), back(false)]).toEqual([true, false])
})
