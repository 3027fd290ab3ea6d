/** The traps of the documented MongoDB step-down, each by what follows from the rules. The table is mongodb.md. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { Lab, type Setting } from '../mongodb/lab.ts'
import { play, variant, verdict } from '../variant.ts'

const under = (setting: Setting = {}, load = {}): Lab => {
  const lab = new Lab(setting)
  lab.clients(load)
  lab.wait(2 * SECOND)
  return lab
}
const flowing = (lab: Lab): boolean => lab.cluster.world.log.demands[0]?.flowing === true
/** Seconds for which writes stood still within the next `us`, looking every 20 ms. */
function down(lab: Lab, us: number): number {
  let still = 0
  for (const end = lab.now + us; lab.now < end; ) {
    lab.wait(20_000)
    if (!flowing(lab)) still += 0.02
  }
  return still
}
const documented = play(variant('mongodb-step-down/as-documented'))
const command = (word: string) => documented.story?.commands.find(c => c.argv.some(w => w.includes(word)))

describe('the script', () => {
  test('MG-T01 a program of that name does not exist on Linux; the script goes on', () => {
    expect(command('Echo')).toMatchObject({ code: 127 })
    expect(documented.story?.commands.map(c => c.step)).toEqual(['banner', 'status'])
  })

  test('MG-T02 kubectl refuses --mongo: nothing ran inside', () => {
    expect(command('--mongo')).toMatchObject({ code: 1, out: '' })
    expect(command('--mongo')?.err).toContain('error: unknown flag: --mongo')
  })

  test('MG-T03 the old shell is gone since 6.0', () => {
    expect(new Lab({ image: 'mongo:5.0.20', targetImage: 'mongo:6.0.10' }).run('kubectl', 'exec', 'mongo-0', '--', 'mongo', '--quiet', '--eval', 'rs.status().ok').out).toBe('1\n')
    const gone = new Lab().run('kubectl', 'exec', 'mongo-0', '--', 'mongo', '--quiet', '--eval', 'rs.status().ok')
    expect(gone.code).not.toBe(0)
    expect(gone.err).toContain('exec: "mongo": executable file not found in $PATH')
  })

  test('MG-T04 it ends after one look, and reports success', () => {
    expect(documented.outcome).toBe('completed')
    expect(verdict(documented, 'target-reached').status).toBe('fail')
    expect(verdict(documented, 'no-false-success').status).toBe('fail')
    expect(documented.story?.commands.length).toBe(2)
  })

  test('MG-T05 the member that the script names need not be the primary', () => {
    const lab = under({ primary: 2 })
    expect(lab.sh(0, 'rs.stepDown()').err).toContain("not primary so can't step down")
    expect(lab.sh(0, 'db.hello().primary').out).toBe('mongo-2.mongo:27017\n')
  })

  test('MG-T06 a status is ok whatever it says', () => {
    const lab = under()
    lab.kill(1, 600 * SECOND)
    lab.kill(2, 600 * SECOND)
    lab.wait(5 * SECOND)
    expect(lab.sh(0, "rs.status().ok + ' ' + rs.status().members.filter(m => m.health === 1).length")).toMatchObject({ code: 0, out: '1 1\n' })
  })

  test('MG-T07 with access control the shell is told nothing', () => {
    const lab = new Lab({ auth: true })
    expect(lab.sh(0, 'rs.status()')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('MongoServerError[Unauthorized]: Command replSetGetStatus requires authentication') })
    expect(lab.sh(0, 'db.hello().setName').out).toBe('rs0\n')
    expect(lab.run('kubectl', 'exec', 'mongo-0', '--', 'mongosh', '--quiet', '-u', 'admin', '-p', 'x', '--eval', 'rs.status().ok').out).toBe('1\n')
  })
})

describe('its claim and its completions', () => {
  test('MG-T08 ten seconds is the unplanned election; a handoff takes less than two, a step-down that fails ten for nothing', () => {
    const planned = under()
    planned.startSh(0, 'rs.stepDown()')
    expect(down(planned, 20 * SECOND)).toBeLessThan(2)
    const unplanned = under()
    unplanned.kill(0, 60 * SECOND)
    const seconds = down(unplanned, 30 * SECOND)
    expect(seconds > 8 && seconds < 13).toBe(true)
  })

  test('MG-T09 deleting the primary’s pod is a handoff where SIGTERM arrives, and an election time-out where it does not', () => {
    const restart = (forwardsSignals: boolean): number => {
      const lab = under({ forwardsSignals, writeConcern: 1 })
      lab.start('kubectl', 'delete', 'pod', 'mongo-0')
      return down(lab, 80 * SECOND)
    }
    expect(restart(true)).toBeLessThan(2)
    expect(restart(false)).toBeGreaterThan(7)
  })

  test('MG-T10 a rolling restart meets the primary on its way, and again where it went', () => {
    const elections = (primary: number): number => {
      const lab = under({ primary, seed: '3' })
      lab.run('kubectl', 'rollout', 'restart', 'statefulset', 'mongo')
      lab.until(() => [0, 1, 2].every(i => lab.told('mongodb.started').filter(t => t.includes(`mongo-${i} `)).length >= 2), 1800 * SECOND, SECOND)
      lab.wait(30 * SECOND)
      return lab.told('mongodb.elected').length
    }
    expect(elections(2)).toBeGreaterThanOrEqual(2)
    expect(elections(0)).toBe(1)
  })

  test('MG-T11 with lagging secondaries the step-down errors after ten seconds without writes', () => {
    const lab = under()
    for (const i of [1, 2]) lab.strike('replication-lag', `member:mongo-${i}`, 600 * SECOND, 60 * SECOND)
    const task = lab.startSh(0, 'rs.stepDown(60)')
    const seconds = down(lab, 20 * SECOND)
    expect(seconds).toBeGreaterThan(9.5)
    expect(task.result?.err).toContain('No electable secondaries caught up')
    expect(lab.state(0)).toBe('PRIMARY')
  })

  test('MG-T12 both secondaries at once: nothing is acknowledged while they are away', () => {
    const result = play(variant('mongodb-step-down/verified', { without: ['level-before', 'secondary-version', 'secondary-level'], step: { 'made-anew': step => delete step['when'], 'delete-secondary': step => (step['run'] = 'kubectl delete pod ${member} --wait=false') } }))
    expect(result.measures.longestWriteGapSeconds).toBeGreaterThan(20)
  })

  test('MG-T13 Ready is no secondary: the next restart stops all writes', () => {
    const lab = under({ storage: 'emptyDir', databaseMB: 20_000 })
    lab.run('kubectl', 'delete', 'pod', 'mongo-2')
    lab.wait(5 * SECOND)
    expect(lab.run('kubectl', 'wait', '--for=condition=ready', 'pod', 'mongo-2', '--timeout=300s').code).toBe(0)
    expect(lab.state(2)).toBe('STARTUP2')
    expect(flowing(lab)).toBe(true)
    lab.start('kubectl', 'delete', 'pod', 'mongo-1')
    lab.until(() => lab.state(1) === 'DOWN', 60 * SECOND)
    expect(down(lab, 20 * SECOND)).toBeGreaterThan(15)
  })

  test('MG-T14 a member of higher priority that comes back takes over', () => {
    const lab = under({ priorities: [2, 1, 1] }, { writesPerSecond: 1 })
    lab.run('kubectl', 'delete', 'pod', 'mongo-0')
    lab.until(() => lab.state(0) === 'SECONDARY', 900 * SECOND, 200_000)
    expect(lab.told('mongodb.elected').length).toBe(1)
    lab.until(() => lab.primary()?.name === 'mongo-0', 120 * SECOND, 200_000)
    expect(lab.told('mongodb.election-started').at(-1)).toContain('its priority is higher')
  })

  test('MG-T15 w:1 acknowledges what a killed primary alone has: the writes end in rollback files', () => {
    const results = Array.from({ length: 6 }, (_, i) => play(variant('mongodb-step-down/naive'), `t15/${i}`))
    const lossy = results.filter(r => r.measures.lostAcknowledgedWrites > 0)
    expect(lossy.length).toBeGreaterThan(0)
    for (const r of lossy) {
      expect(r.measures.strandedWrites).toBe(r.measures.lostAcknowledgedWrites)
      expect(verdict(r, 'no-acknowledged-write-lost').status).toBe('fail')
    }
  })

  test('MG-T16 with an arbiter a majority hangs on the one secondary', () => {
    const lab = under({ members: 2, arbiters: 1, writeConcern: 'majority' })
    lab.start('kubectl', 'delete', 'pod', 'mongo-1')
    lab.until(() => lab.state(1) === 'DOWN', 60 * SECOND)
    expect(down(lab, 5 * SECOND)).toBeGreaterThan(4.9)
  })

  test('MG-T17 a skipped release does not start; going on takes the majority', () => {
    const lab = under({ image: 'mongo:6.0.10', targetImage: 'mongo:8.0.4', updateStrategy: 'OnDelete' })
    lab.run('kubectl', 'patch', 'statefulset', 'mongo', '--patch', '{"spec":{"template":{"spec":{"containers":[{"name":"mongod","image":"mongo:8.0.4"}]}}}}')
    lab.run('kubectl', 'delete', 'pod', 'mongo-2')
    lab.wait(200 * SECOND)
    expect(lab.run('kubectl', 'get', 'pod', 'mongo-2').out).toContain('CrashLoopBackOff')
    expect(flowing(lab)).toBe(true)
    lab.run('kubectl', 'delete', 'pod', 'mongo-1')
    expect(down(lab, 30 * SECOND)).toBeGreaterThan(25)
  })

  test('MG-T18 never set, it stays behind; set too early, the old binary never starts again', () => {
    const never = play(variant('mongodb-step-down/verified', { without: ['compatibility', 'compatibility-everywhere', 'each-there'] }))
    expect(never.outcome).toBe('completed')
    expect(verdict(never, 'target-reached').status).toBe('fail')
    const early = play(variant('mongodb-step-down/verified', { runbook: book => {
      const at = book.steps.findIndex(s => s.id === 'compatibility')
      const [step] = book.steps.splice(at, 1)
      delete step?.['pointOfNoReturn']
      if (step !== undefined) book.steps.splice(book.steps.findIndex(s => s.id === 'rest'), 0, step)
    } }))
    expect(early.outcome === 'completed' && early.verdicts.every(v => v.status !== 'fail')).toBe(false)
  })

  test('MG-T19 a member that stepped down is no candidate for stepDownSecs, and one again afterwards', () => {
    const lab = under()
    lab.sh(0, 'rs.stepDown(60)')
    lab.until(() => lab.primary() !== undefined, 20 * SECOND)
    lab.wait(SECOND)
    const first = lab.primary()?.name ?? ''
    const third = first === 'mongo-1' ? 2 : 1
    lab.kill(Number(first.at(-1)), 600 * SECOND)
    lab.until(() => lab.primary() !== undefined, 90 * SECOND, 100_000)
    // Within the 60 s there was one candidate only.
    expect(lab.primary()?.name).toBe(`mongo-${third}`)
    const later = under()
    later.sh(0, 'rs.stepDown(60)')
    later.wait(90 * SECOND)
    later.kill(Number((later.primary()?.name ?? '').at(-1)), 600 * SECOND)
    later.until(() => later.primary() !== undefined, 60 * SECOND, 100_000)
    expect(later.mongod(0).electable || later.primary()?.name === 'mongo-0').toBe(true)
  })

  test('MG-T20 what a driver never retries fails at a hand-over, though retryable writes are on', () => {
    const seen = (multiDocument: boolean): string => {
      const lab = under({ multiDocument, retryWrites: true })
      const at = lab.now
      lab.sh(0, 'rs.stepDown(60)')
      lab.wait(5 * SECOND)
      return (lab.sim.records ?? []).filter(r => r.label === 'client.state' && r.atUs >= at).map(r => r.detail).join()
    }
    expect(seen(true)).toContain('MongoServerError: not primary')
    expect(seen(false)).not.toContain('MongoServerError')
  })

  test('MG-T22 clients that are pinned to one pod stay down', () => {
    const result = play(variant('mongodb-step-down/naive', { set: { 'load.entrance': 'direct' } }))
    expect(result.measures.writeDowntimeSeconds).toBeGreaterThan(60)
  })
})

describe('the emergency checklist', () => {
  test('EM-T06 CouchDB has no primary: nothing steps down, every member takes writes', () => {
    const result = play(variant('couchdb-step-down/as-documented'))
    expect(result.outcome).toBe('completed')
    expect(result.measures.lostAcknowledgedWrites).toBe(0)
  })

  test('EM-T08 the way back is open with all binaries new, and closed once the feature compatibility version is set', () => {
    // Taken back after the last binary, before the version is set: three old members again, nothing lost.
    const before = play(variant('mongodb-step-down/verified', { step: { 'burn-in': step => {
      delete step['sleep']
      step['fail'] = 'a fault found in the burn-in'
    } } }))
    expect(before.outcome).toBe('rolledBack')
    expect(verdict(before, 'converges').status).toBe('pass')
    expect(before.measures.lostAcknowledgedWrites).toBe(0)
    // The same decision one step later.
    const after = play(variant('mongodb-step-down/verified', { step: { compatibility: step => delete step['pointOfNoReturn'], whole: step => {
      for (const key of ['gate', 'expect', 'for', 'every', 'timeout']) delete step[key]
      Object.assign(step, { fail: 'a fault found later', otherwise: 'rollback' })
    } } }))
    // The old binary does not start on the data: the rollback itself fails.
    expect(['aborted', 'stuck']).toContain(after.outcome)
    expect(after.measures.lostAcknowledgedWrites).toBe(0)
  })
})

test('the table has every trap, each shown by a test that names it or listed as not shown', () => {
  const rows = new Map(readFileSync(new URL('mongodb.md', import.meta.url), 'utf8').split('\n').filter(line => /^\| (?:MG|EM)-T/.test(line)).map(line => line.split('|').map(c => c.trim())).map(([, id = '', by = '']) => [id, by] as const))
  const titles = new Set([...readFileSync(new URL('mongodb.test.ts', import.meta.url), 'utf8').matchAll(/\(['`]((?:MG|EM)-T\d\d) /g)].map(m => m[1] as string))
  expect([...rows.keys()].filter(id => id.startsWith('MG'))).toEqual(Array.from({ length: 22 }, (_, i) => `MG-T${String(i + 1).padStart(2, '0')}`))
  expect([...rows].filter(([id]) => !titles.has(id)).map(([id]) => id)).toEqual([...rows].filter(([, by]) => by === 'not shown').map(([id]) => id))
})
