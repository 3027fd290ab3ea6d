/** Releases and the feature compatibility version: rules MG-VERSION-…, MG-FCV-…. */
import { describe, expect, test } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const SET = (fcv: string): string => `db.adminCommand({setFeatureCompatibilityVersion: '${fcv}', confirm: true}).ok`
const GET = 'db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1}).featureCompatibilityVersion.version'
const image = (lab: Lab, name: string): void => void lab.run('kubectl', 'patch', 'statefulset', 'mongo', '--patch', `{"spec":{"template":{"spec":{"containers":[{"name":"mongod","image":"${name}"}]}}}}`)

/** Replaces members one at a time by the StatefulSet's template. */
function replace(lab: Lab, members: readonly number[]): void {
  for (const i of members) {
    lab.run('kubectl', 'delete', 'pod', `mongo-${i}`)
    lab.until(() => lab.cluster.world.mongodOf(`mongo-${i}`)?.copy?.root().leading === true, 900 * SECOND, 200_000)
  }
}

const lab = (setting: Setting = {}): Lab => new Lab({ updateStrategy: 'OnDelete', kubernetes: { diskMoveSeconds: 30, imagePullSeconds: 5 }, ...setting })

describe('the feature compatibility version', () => {
  test('MG-FCV-1, MG-FCV-2: it is set by the primary, with confirm, within the binary’s reach, and every member gets it with its data', () => {
    const set = lab({ image: 'mongo:8.0.4', fcv: '7.0' })
    expect(set.sh(0, GET).out).toBe('7.0\n')
    expect(set.sh(0, "db.adminCommand({setFeatureCompatibilityVersion: '8.0'})").err).toContain("Please re-run this command with 'confirm: true'")
    expect(set.sh(1, SET('8.0')).err).toContain('MongoServerError[NotWritablePrimary]: not primary')
    expect(set.sh(0, SET('6.0')).err).toContain("Expected one of the following versions: '7.0', '8.0', found '6.0'")
    expect(set.sh(0, SET('8.0')).out).toBe('1\n')
    set.wait(SECOND)
    for (const i of [0, 1, 2]) expect(set.sh(i, GET).out).toBe('8.0\n')
    // Again: nothing to do.
    expect(set.sh(0, SET('8.0')).out).toBe('1\n')
  })

  test('MG-FCV-2: without a majority it is not acknowledged', () => {
    const set = lab({ image: 'mongo:8.0.4', fcv: '7.0' })
    for (const i of [1, 2]) set.strike('replay-stall', `member:mongo-${i}`, 600 * SECOND)
    expect(set.sh(0, "db.adminCommand({setFeatureCompatibilityVersion: '8.0', confirm: true, writeConcern: {wtimeout: 3000}})").err).toContain('waiting for replication timed out')
  })

  test('MG-FCV-3, MG-VERSION-2: a member on the older binary ends when the entry reaches it, and cannot start again', () => {
    const set = lab()
    image(set, 'mongo:8.0.4')
    replace(set, [1])
    set.sh(0, 'rs.stepDown(300).ok')
    set.until(() => set.primary() !== undefined, 20 * SECOND)
    if (set.primary()?.name !== 'mongo-1') {
      set.run('kubectl', 'exec', set.primary()?.name ?? '', '--', 'mongosh', '--quiet', '--eval', 'rs.stepDown(300).ok')
      set.until(() => set.primary()?.name === 'mongo-1', 60 * SECOND)
    }
    const at = set.now
    set.startSh(1, SET('8.0'))
    set.wait(60 * SECOND)
    expect(set.told('mongodb.crashed', at).filter(t => t.includes('featureCompatibilityVersion 8.0 is unknown to 7.0.14')).length).toBe(2)
    expect(set.told('mongodb.start-failed', at).some(t => t.includes('UPGRADE PROBLEM'))).toBe(true)
  })

  test('MG-FCV-4, MG-VERSION-2: before it is set the old binary starts, afterwards never again', () => {
    const set = lab()
    image(set, 'mongo:8.0.4')
    replace(set, [1, 2])
    image(set, 'mongo:7.0.14')
    replace(set, [2])
    expect(set.sh(2, 'db.version()').out).toBe('7.0.14\n')
    image(set, 'mongo:8.0.4')
    replace(set, [2, 0])
    const primary = set.primary()?.name ?? ''
    expect(set.run('kubectl', 'exec', primary, '--', 'mongosh', '--quiet', '--eval', SET('8.0')).out).toBe('1\n')
    expect(set.run('kubectl', 'exec', primary, '--', 'mongosh', '--quiet', '--eval', SET('7.0')).err).toContain('downgrades need support assistance')
    image(set, 'mongo:7.0.14')
    const victim = [0, 1, 2].find(i => `mongo-${i}` !== primary) as number
    set.run('kubectl', 'delete', 'pod', `mongo-${victim}`)
    set.wait(180 * SECOND)
    expect(set.state(victim)).toBe('DOWN')
    expect(set.run('kubectl', 'get', 'pod', `mongo-${victim}`).out).toContain('CrashLoopBackOff')
  })
})

describe('releases', () => {
  test('MG-VERSION-1, MG-VERSION-2: two releases at once: the binary refuses the data, and the mixture is forbidden', () => {
    const set = lab({ image: 'mongo:6.0.10', targetImage: 'mongo:8.0.4' })
    image(set, 'mongo:8.0.4')
    set.run('kubectl', 'delete', 'pod', 'mongo-2')
    set.wait(180 * SECOND)
    expect(set.told('mongodb.start-failed')[0]).toContain("UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document (ERROR: Invalid feature compatibility version value '6.0')")
    const mixed = lab({ image: 'mongo:6.0.10', targetImage: 'mongo:8.0.4', fcv: '7.0' })
    expect(mixed.cluster.truth.forbiddenSkew().join()).toContain('on data of featureCompatibilityVersion 7.0')
  })
})
