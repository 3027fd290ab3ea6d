/** Sending clients somewhere by hand, and keeping them out (rules VT-ROUTE-1…3, VT-SCHEMA-1, VT-GATE-3): what MoveTables does for everybody, and what nobody does for whoever types it himself. */
import { describe, expect, it } from 'vitest'
import { ledTo } from '../../models/vitess/routing.ts'
import { BUFFERED, GREEN, KEYSPACE, Two } from './two.ts'

const RULES = (keyspace: string): string => `vtctldclient ApplyRoutingRules --rules '${JSON.stringify({ rules: ['customer', 'corder'].map(table => ({ fromTable: table, toTables: [`${keyspace}.${table}`] })) })}'`
const CONTROL = 'vtctldclient SetShardTabletControl --denied-tables=customer,corder'

describe('VT-ROUTE-1: routing rules', () => {
  it('send everybody where they say, whatever is there: a keyspace whose tables are denied refuses them', () => {
    const lab = new Two(BUFFERED).filled()
    lab.ok(RULES('green'))
    lab.wait(30)
    expect([lab.writing, lab.cluster.truth.couldAcknowledge(lab.cluster.logs[0])]).toEqual([false, [lab.primaryOf('commerce').pod]])
    lab.ok(RULES('commerce'))
    lab.until(() => lab.writing, 30, 'clients write again')
    expect(lab.lost()).toBe(0)
  })

  it('do not wait for what is on its way: the lag at that instant is not on the other side', () => {
    const lab = new Two({ timing: { vreplicationMs: 900 } }).filled()
    lab.ok(`${CONTROL} --remove green/- primary`)
    lab.ok('vtctldclient RefreshStateByShard green/-')
    // Both take writes of the same rows now, whoever is sent where.
    expect(lab.cluster.truth.couldAcknowledge(lab.cluster.logs[0])).toHaveLength(2)
    lab.spec(KEYSPACE('green'))
    lab.ok(RULES('green'))
    lab.wait(60)
    // 500 writes a second for 0.9 seconds.
    expect(lab.lost()).toBeGreaterThan(100)
    expect(lab.lost()).toBeLessThan(700)
  })

  it('that lead nowhere, to several keyspaces, or are none are refused', () => {
    expect(() => ledTo('{"rules":[]}')).toThrow('do not all lead to tables of one keyspace')
    expect(() => ledTo('{"rules":[{"fromTable":"a","toTables":["x.a"]},{"fromTable":"b","toTables":["y.b"]}]}')).toThrow('do not all lead to tables of one keyspace')
    expect(() => ledTo('{rules')).toThrow('the routing rules are no JSON')
    expect(ledTo('{"rules":[{"from_table":"a","to_tables":["x.a"]},{"fromTable":"b","toTables":["x.b"]}]}')).toBe('x')
    expect(() => new Two().ok(RULES('azure'))).toThrow('azure, a keyspace that is not there')
  })
})

describe('VT-ROUTE-2: denied tables', () => {
  it('a record that denies tables changes nothing until the primary reads it', () => {
    const lab = new Two()
    lab.ok(`${CONTROL} commerce/- primary`)
    expect(lab.ok('vtctldclient GetShard commerce/-')).toContain('denied_tables')
    lab.wait(20)
    expect([lab.writing, lab.cluster.claim('fenced', ['commerce'])]).toEqual([true, false])
    lab.ok('vtctldclient RefreshStateByShard commerce/-')
    lab.wait(1)
    expect([lab.writing, lab.cluster.claim('fenced', ['commerce'])]).toEqual([false, true])
    lab.ok(`${CONTROL} --remove commerce/- primary`)
    lab.wait(20)
    expect(lab.writing).toBe(false)
    lab.ok(`vtctldclient RefreshState ${lab.primary.alias}`)
    lab.until(() => lab.writing, 30, 'clients write again')
    expect(lab.ok('vtctldclient GetShard commerce/-')).not.toContain('denied_tables')
  })

  it.each([
    ['promoted', (lab: Two) => lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.of('commerce', 1).alias}`)],
    ['started again', (lab: Two) => lab.cluster.tablets.crashAgent(lab.primary, 0)],
  ] as const)('a primary that is %s reads it by itself', (_, how) => {
    const lab = new Two()
    lab.ok(`${CONTROL} commerce/- primary`)
    how(lab)
    lab.wait(30)
    expect([lab.writing, lab.cluster.claim('fenced', ['commerce'])]).toEqual([false, true])
  })

  it('what is not denied cannot be removed, and without the topo server nothing is written down', () => {
    const lab = new Two()
    expect(lab.run(`${CONTROL} --remove commerce/- primary`).err).toContain('do not exist in the denylist')
    lab.cluster.world.loseTopo()
    expect(lab.run(`${CONTROL} commerce/- primary`).code).not.toBe(0)
    expect(() => new Two().ok('vtctldclient SetShardTabletControl --denied-tables=a commerce/- replica')).toThrow('only denied tables of a primary are modelled')
  })
})

it('VT-SCHEMA-1: a new keyspace has no tables: ApplySchema makes them, once, for whoever names it', () => {
  const lab = new Two().green()
  const create = (more = ''): string => `vtctldclient ApplySchema --sql 'create table ${more}orders (id bigint primary key)' green`
  const could = (): readonly string[] => lab.cluster.truth.couldAcknowledge(lab.cluster.logs[0])
  expect([could(), lab.ok('vtctldclient GetShard green/-').includes('denied_tables')]).toEqual([[lab.primary.pod], false])
  expect(() => lab.ok("vtctldclient ApplySchema --sql 'alter table orders add x int' green")).toThrow('only CREATE TABLE')
  lab.ok(create())
  expect(could()).toEqual([lab.primary.pod, lab.primaryOf('green').pod])
  expect(lab.run(create()).err).toContain('already exists')
  expect(lab.run(create('if not exists ')).code).toBe(0)
  // Of a workflow they are denied, and dropped when it is cancelled.
  const moved = new Two().filled()
  expect(moved.run(create()).err).toContain('already exists')
  moved.ok(`${GREEN} cancel`)
  expect([moved.ok(create()), moved.cluster.truth.couldAcknowledge(moved.cluster.logs[0]).length]).toEqual(['UUIDs: []\n', 2])
})

it('VT-GATE-3: whoever names a keyspace is sent to it; the rules of a workflow are for names with a keyspace as well', () => {
  const lab = new Two({}, undefined).green()
  lab.ok("vtctldclient ApplySchema --sql 'create table orders (id bigint primary key)' green")
  const [log] = lab.cluster.logs
  const reached = (keyspace?: string): string | undefined => {
    const knock = lab.cluster.gate.connect({ id: 'app', place: 'node-system-1', log: log!, sessionChanged: () => {} }, 0, keyspace)
    return knock.is === 'open' ? (knock.session.state.is === 'writable' ? knock.session.state.leader.name : 'error' in knock.session.state ? knock.session.state.error : knock.session.state.is) : knock.is
  }
  expect([reached(), reached('commerce'), reached('green')]).toEqual([lab.primary.pod, lab.primary.pod, lab.primaryOf('green').pod])
  expect(reached('azure')).toContain("unknown database 'azure'")
  const moved = new Two({}, {}).filled()
  const session = moved.cluster.gate.connect({ id: 'app', place: 'node-system-1', log: moved.cluster.logs[0]!, sessionChanged: () => {} }, 0, 'green')
  expect(session.is === 'open' && session.session.backend).toBe(moved.primary.pod)
})

it('VT-ROUTE-3: what green holds is not lost when blue is deleted and nobody can be sent anywhere', () => {
  const lab = new Two().filled()
  const acked = lab.acked()
  lab.spec(KEYSPACE('green'))
  lab.wait(120)
  expect(lab.run('vtctldclient MoveTables --target-keyspace green --workflow move switchtraffic').code).not.toBe(0)
  const { member, position } = lab.cluster.truth.authority(lab.cluster.logs[0]!)
  expect([lab.writing, position === undefined, member]).toEqual([false, false, expect.stringContaining('0010000101')])
  // At most the lag of the stream, not all that was ever acknowledged.
  expect(acked).toBeGreaterThan(30_000)
  expect(lab.lost()).toBeLessThan(500)
})
