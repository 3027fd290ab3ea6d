/** The shell: what it prints, how it fails, that it is deterministic and walled in. Rules MG-STATUS-…. */
import { describe, expect, test } from 'vitest'
import { evaluate } from '../../models/mongodb/mongosh/interpreter.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { UnsupportedError } from '../../src/operator/command.ts'
import { Lab } from './lab.ts'

/** Runs a script whose every question is answered by `answers`. */
const run = (source: string, answers: Readonly<Record<string, string>> = {}) => evaluate({ sources: [source], db: 'test', json: false }, ({ name }) => answers[name])
const out = (source: string): string => {
  const result = run(source)
  return result.is === 'done' ? result.out + result.err : result.is
}

describe('printing, as mongosh does', () => {
  test.each([
    ['1 + 1', '2\n'],
    ["'a' + 'b'", 'ab\n'],
    ['undefined', ''],
    ['null', 'null\n'],
    ['print(1, "x", {a: 1})', '1 x { a: 1 }\n'],
    ['({a: 1, b: "it\'s", "c-d": [1, 2], e: {}, f: []})', `{ a: 1, b: "it's", 'c-d': [ 1, 2 ], e: {}, f: [] }\n`],
    ['({a: {b: {c: {d: 1}}}})', '{\n  a: { b: { c: { d: 1 } } }\n}\n'],
    ['[1, [2, [3]]]', '[ 1, [ 2, [ 3 ] ] ]\n'],
    ["ISODate('2025-07-09T02:00:00Z')", "ISODate('2025-07-09T02:00:00.000Z')\n"],
    ['Timestamp(1752026405, 1)', 'Timestamp({ t: 1752026405, i: 1 })\n'],
    ['NumberLong(5)', "Long('5')\n"],
    ['x => x', '[Function (anonymous)]\n'],
    ['EJSON.stringify({a: 1})', '{"a":1}\n'],
    ['EJSON.stringify({ d: new Date(1767225605000), e: [new Date(1767225605250)], t: Timestamp(5, 2), n: NumberLong("7"), o: ObjectId("0123456789abcdef01234567"), z: null })', '{"d":{"$date":"2026-01-01T00:00:05Z"},"e":[{"$date":"2026-01-01T00:00:05.250Z"}],"t":{"$timestamp":{"t":5,"i":2}},"n":7,"o":{"$oid":"0123456789abcdef01234567"},"z":null}\n'],
    ['EJSON.stringify({ a: [1] }, null, 2)', '{\n  "a": [\n    1\n  ]\n}\n'],
    ['EJSON.stringify(EJSON.parse(EJSON.stringify({ d: new Date(1767225605000) })))', '{"d":{"$date":"2026-01-01T00:00:05Z"}}\n'],
    ['const a = 1; let b = 2; var c = 3; a + b + c', '6\n'],
  ])('%s', (source, printed) => expect(out(source)).toBe(printed))

  test('errors have their name, and status 1', () => {
    expect(run('foo()')).toMatchObject({ code: 1, err: 'ReferenceError: foo is not defined\n' })
    expect(run('undefined.x')).toMatchObject({ code: 1, err: "TypeError: Cannot read properties of undefined (reading 'x')\n" })
    expect(run('throw new Error("no")')).toMatchObject({ code: 1, err: 'Error: no\n' })
    expect(run('print("before"); quit(3); print("after")')).toMatchObject({ code: 3, out: 'before\n', err: '' })
  })
})

describe('walls', () => {
  test('a script reaches nothing of the host, has no clock, no luck and no end of work of its own', () => {
    expect(out('typeof process + typeof require + typeof globalThis.fetch + typeof Promise')).toBe('undefinedobjectundefinedundefined\n'.replace('object', 'function'))
    expect(out("(() => {}).constructor('return typeof process + typeof this.constructor')()")).toBe('undefinedfunction\n')
    expect(run('while (true) {}')).toEqual({ is: 'endless' })
    expect(run('try { while (true) {} } catch (e) { print("caught") }')).toEqual({ is: 'endless' })
    expect(run('new Date()')).toMatchObject({ is: 'asks', question: { name: '$value' } })
    expect(run('Math.random()')).toMatchObject({ is: 'asks', question: { name: '$unsupported' } })
  })

  test('one script leaves nothing to the next', () => {
    run('x = 5; var y = 6; globalThis.z = 7; db = null; rs = null; print = null')
    expect(out('typeof x + typeof y + typeof z + typeof db + typeof rs')).toBe('undefinedundefinedundefinedobjectobject\n')
    run('Array.prototype.map = () => "mine"; Object.prototype.evil = 1; Math.max = () => 0; JSON.parse = null')
    expect(out('[1, 2].map(i => i + 1).join() + ({}).evil + Math.max(1, 2)')).toBe('2,3undefined2\n')
    run('const q = 1')
    expect(out('const q = 2; q')).toBe('2\n')
  })

  test('a call that takes time breaks the script off, whatever it catches, and goes on with all answers', () => {
    expect(run('try { rs.stepDown() } catch (e) { print("caught " + e.message) } print("end")')).toMatchObject({ is: 'asks', question: { name: 'replSetStepDown', args: '{"replSetStepDown":60}' } })
    expect(run('try { rs.stepDown() } catch (e) { print("caught " + e.message) } print("end")', { replSetStepDown: '{"ok":0,"errmsg":"no","code":1,"codeName":"No"}' })).toMatchObject({ is: 'done', out: 'caught no\nend\n' })
  })
})

describe('against a set', () => {
  const lab = new Lab()

  test('MG-STATUS-1: the status is one member’s view, and ok whatever it sees', () => {
    const cut = new Lab()
    const end = cut.cutOff(2)
    cut.wait(15 * SECOND)
    const seen = (i: number): string => cut.sh(i, "rs.status().members.map(m => m.stateStr).join(', ') + ' ' + rs.status().ok").out
    expect(seen(0)).toBe('PRIMARY, SECONDARY, (not reachable/healthy) 1\n')
    // kubectl reaches no kubelet behind the cut.
    expect(cut.sh(2, '1').code).not.toBe(0)
    end()
    cut.wait(5 * SECOND)
    expect(seen(2)).toBe('PRIMARY, SECONDARY, SECONDARY 1\n')
  })

  test('MG-STATUS-2: the lag of a member is what the clock says', () => {
    const late = new Lab({ writeConcern: 1 })
    late.clients()
    late.strike('replication-lag', 'member:mongo-2', 60 * SECOND, 8 * SECOND)
    late.wait(20 * SECOND)
    const lag = "const s = rs.status().members, p = s.find(m => m.state === 1); s.map(m => Math.round((p.optimeDate - m.optimeDate) / 1000)).join(',')"
    expect(late.sh(0, lag).out).toMatch(/^0,0,[789]\n$/)
    // A secondary knows the others as of the last heartbeat.
    expect(late.sh(1, "const s = rs.status().members; s.find(m => m.self).optimeDate - s[0].optimeDate >= 0").out).toBe('true\n')
    expect(late.sh(0, 'rs.printSecondaryReplicationInfo()').out).toMatch(/source: mongo-2\.mongo:27017\n\{\n {2}syncedTo: 'Thu Jan 01 2026 00:00:\d\d GMT\+0000 \(Coordinated Universal Time\)',\n {2}replLag: '[789] secs \(0 hrs\) behind the primary '\n\}\n$/)
  })

  test('methods of a database that are not here are named, not taken for collections', () => {
    expect(() => lab.sh(0, 'try { db.getUsers().length } catch (e) { print("none") }')).toThrow('db.getUsers()')
    expect(() => lab.sh(0, "db.getSiblingDB('admin').createUser({})")).toThrow('db.createUser()')
    expect(lab.sh(0, "db.getSiblingDB('shop').stock.getName()").out).toBe('stock\n')
    expect(lab.cluster.commands.check(['mongosh', '--eval', "db.getSiblingDB('admin').killOp(1); db.watches.getName()"]).map(({ message }) => message)).toEqual([expect.stringContaining('db.killOp() is not modelled')])
  })

  test('addresses: a member, a set, nobody', () => {
    expect(lab.run('mongosh', '--quiet', '--host', 'mongo-1.mongo', '--eval', 'db.hello().me').out).toBe('mongo-1.mongo:27017\n')
    expect(lab.run('mongosh', '--quiet', 'mongodb://mongo-1.mongo,mongo-2.mongo/?replicaSet=rs0', '--eval', 'db.hello().me').out).toBe('mongo-0.mongo:27017\n')
    expect(lab.run('mongosh', '--quiet', '--host', 'mongo-9.mongo', '--eval', '1')).toMatchObject({ code: 1, err: 'MongoNetworkError: getaddrinfo ENOTFOUND mongo-9.mongo\n' })
    const dead = new Lab()
    dead.kill(0, 600 * SECOND)
    dead.kill(1, 600 * SECOND)
    const asked = dead.run('mongosh', '--quiet', 'mongodb://mongo-1.mongo,mongo-2.mongo/?replicaSet=rs0', '--eval', '1')
    expect(asked).toMatchObject({ code: 1, err: 'MongoServerSelectionError: Server selection timed out after 30000 ms\n' })
    expect(asked.us / SECOND).toBeGreaterThan(30)
  })

  test('what is not modelled is an error that names it, before anything runs where it shows', () => {
    const check = (expression: string): string => lab.cluster.commands.check(['mongosh', '--eval', expression]).map(f => f.message).join('; ')
    expect(check('rs.fly()')).toContain('rs.fly() is not modelled; there are: status, conf')
    expect(check('db.adminCommand({compact: 1})')).toContain('the command compact is not modelled')
    expect(check('rs.status(')).toContain('SyntaxError')
    expect(check('rs.status().ok')).toBe('')
    expect(lab.cluster.commands.check(['mongosh', '--awsSessionToken', '--eval', '1'])[0]?.message).toContain('the option --awsSessionToken of mongosh is not modelled')
    // Where the words do not show it, when it is reached.
    expect(() => lab.sh(0, "const things = db['things']; things.aggregate([])")).toThrow(UnsupportedError)
  })

  test('sleep costs virtual time only', () => {
    expect(lab.sh(0, 'sleep(90000); 1').us / SECOND).toBeGreaterThan(90)
  })

  test('initiating: once, and on a member that has no configuration', () => {
    expect(lab.sh(0, 'rs.initiate()').err).toContain('MongoServerError[AlreadyInitialized]: already initialized')
  })
})
