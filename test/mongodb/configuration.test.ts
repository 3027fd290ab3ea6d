/** Configurations: rules MG-CONFIG-1, MG-VOTE-4, MG-SYNC-5. */
import { describe, expect, test } from 'vitest'
import { mongodb, mongodbOptions } from '../../models/mongodb/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { Lab } from './lab.ts'

describe('reconfiguration', () => {
  test('MG-CONFIG-1: the primary’s; one vote at a time; the members learn of it', () => {
    const lab = new Lab({ members: 3 })
    expect(lab.sh(1, 'rs.reconfig(rs.conf())').err).toContain('MongoServerError[NotWritablePrimary]: New config is rejected')
    expect(lab.sh(0, 'const c = rs.conf(); c.members = c.members.slice(0, 1); rs.reconfig(c)').err).toContain('at most 1 voting member')
    expect(lab.sh(0, 'const c = rs.conf(); c.members[2].votes = 0; rs.reconfig(c)').err).toContain('priority must be 0 when non-voting')
    expect(lab.sh(0, 'const c = rs.conf(); c.members[2].priority = 5; rs.reconfig(c).ok').out).toBe('1\n')
    lab.wait(SECOND)
    expect(lab.sh(2, 'rs.conf().version + " " + rs.conf().members[2].priority').out).toBe('2 5\n')
    lab.until(() => lab.primary()?.name === 'mongo-2', 60 * SECOND, 100_000)
  })

  test('MG-CONFIG-1: a removed member is REMOVED; added again it comes back', () => {
    const lab = new Lab({ members: 3 })
    expect(lab.sh(0, "rs.remove('mongo-2.mongo:27017').ok").out).toBe('1\n')
    lab.wait(5 * SECOND)
    expect(lab.state(2)).toBe('REMOVED')
    expect(lab.sh(0, 'rs.status().members.length').out).toBe('2\n')
    expect(lab.sh(0, "rs.add('mongo-2.mongo:27017').ok").out).toBe('1\n')
    lab.until(() => lab.state(2) === 'SECONDARY', 60 * SECOND, 100_000)
  })

  test('MG-CONFIG-2: one that a majority of its voters would not answer for is refused, and changes nothing; force does not ask', () => {
    const lab = new Lab({ members: 5, spareNodes: 1 })
    for (const i of [2, 3]) lab.kill(i, 600 * SECOND)
    lab.wait(5 * SECOND)
    // Four would remain, two of them there: no majority of four.
    const refused = lab.sh(0, "rs.remove('mongo-4.mongo:27017').ok")
    expect(refused.err).toContain('MongoServerError[NodeNotFound]: Quorum check failed because not enough voting nodes responded; required 3 but only the following 2 voting nodes responded: mongo-0.mongo:27017, mongo-1.mongo:27017; the following nodes did not respond affirmatively: mongo-2.mongo:27017 failed with HostUnreachable')
    expect(lab.sh(0, 'rs.conf().version + " " + rs.conf().members.length').out).toBe('1 5\n')
    // One of those that are down may go: three of four are there.
    expect(lab.sh(0, "rs.remove('mongo-3.mongo:27017').ok").out).toBe('1\n')
    expect(lab.sh(0, "const c = rs.conf(); c.members = c.members.filter(m => m.host !== 'mongo-4.mongo:27017'); rs.reconfig(c, {force: true}).ok").out).toBe('1\n')
    const own = new Lab({ members: 3 })
    expect(own.sh(0, 'const c = rs.conf(); for (const m of c.members) m.priority = 0; rs.reconfig(c)').err).toContain('must contain at least one non-arbiter member with priority > 0')
    // Its own priority a primary does not give up, unless it is forced to: then it steps down.
    const noPriority = (more: string): string => own.sh(0, `const c = rs.conf(); c.members[0].priority = 0; rs.reconfig(c${more})`).err
    expect(noPriority('')).toContain('MongoServerError[NodeNotElectable]: This node, mongo-0.mongo:27017, with _id MemberId(0) is not electable under the new configuration with {version: 2, term: 1} for replica set rs0')
    expect(own.sh(0, 'rs.conf().version').out).toBe('1\n')
    expect(noPriority(', {force: true}')).toBe('')
    expect(own.state(0)).toBe('SECONDARY')
    own.until(() => own.primary() !== undefined, 15 * SECOND, 100_000)
  })

  test('MG-CONFIG-1: it is answered when a majority has it, not before; with nobody else there it is not', () => {
    const cutAtOnce = (): { lab: Lab; task: ReturnType<Lab['startSh']>; heal: () => void } => {
      const lab = new Lab({ members: 3, spareNodes: 1 })
      const task = lab.startSh(0, 'const c = rs.conf(); c.members[2].priority = 2; rs.reconfig(c).ok')
      lab.until(() => lab.mongod(0).config?.version === 2, 10 * SECOND, 40)
      // The primary has it, and the two others never got the news.
      const ends = [1, 2].map(i => lab.cutOff(i))
      return { lab, task, heal: () => ends.forEach(end => end()) }
    }
    const short = cutAtOnce()
    short.lab.wait(4 * SECOND)
    expect([1, 2].map(i => short.lab.mongod(i).config?.version)).toEqual([1, 1])
    expect(short.task.state).toBe('running')
    short.heal()
    short.lab.until(() => short.task.state !== 'running', 5 * SECOND)
    expect(short.task.result).toMatchObject({ code: 0, out: '1\n' })
    const long = cutAtOnce()
    long.lab.until(() => long.task.state !== 'running', 20 * SECOND, 100_000)
    expect(long.lab.now / SECOND).toBeGreaterThan(5)
    expect(long.task.result?.err).toContain('MongoServerError[InterruptedDueToReplStateChange]')
  })

  test('MG-SYNC-5: a new member votes only once it is a secondary', () => {
    const lab = new Lab({ members: 3, databaseMB: 2000, storage: 'emptyDir' })
    lab.run('kubectl', 'scale', 'statefulset', 'mongo', '--replicas=4')
    lab.until(() => lab.cluster.world.mongodOf('mongo-3')?.listening === true, 120 * SECOND, 100_000)
    expect(lab.sh(3, 'rs.status()').err).toContain('MongoServerError[NotYetInitialized]: no replset config has been received')
    expect(lab.sh(0, "rs.add('mongo-3.mongo:27017').ok").out).toBe('1\n')
    lab.wait(5 * SECOND)
    expect(lab.state(3)).toBe('STARTUP2')
    expect(lab.sh(0, 'rs.status().votingMembersCount').out).toBe('3\n')
    lab.until(() => lab.cluster.world.mongodOf('mongo-3')?.state === 'SECONDARY', 200 * SECOND, 100_000)
    lab.wait(5 * SECOND)
    expect(lab.sh(0, 'rs.status().votingMembersCount').out).toBe('4\n')
  })
})

test('MG-VOTE-4: at most seven vote', () => {
  const options = mongodbOptions.parse({ members: 9 })
  expect(mongodb.problems(options)).toEqual([])
  const lab = new Lab({ members: 9 })
  expect(lab.sh(0, 'const c = rs.conf(); c.members.filter(m => m.votes === 1).length').out).toBe('7\n')
  expect(mongodb.problems(mongodbOptions.parse({ members: 8, votes: [1, 1, 1, 1, 1, 1, 1, 1] })).map(p => p.message)).toEqual(['8 members vote; at most 7 may'])
  expect(mongodb.problems(mongodbOptions.parse({ members: 3, primary: 4, writeConcern: 9, image: 'mongo:3.6' })).map(p => p.path[0])).toEqual(['primary', 'writeConcern', 'image'])
})
