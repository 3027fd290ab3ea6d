/** psql as a command of the operator: what it may look at, what it must run, what it refuses, how connections fail. */
import { describe, expect, it } from 'vitest'
import { Chance, NEVER, Simulation } from '../../../src/kernel/index.ts'
import { type Call, type Command, CommandRegistry, type Output } from '../../../src/operator/command.ts'
import { connectionErrors, connectionLatency, isReadyOutput, psqlCommand } from '../../../models/postgres/psql/index.ts'
import { cases, LittleServer, recorded, runCase } from './world.ts'

const call = (...argv: string[]): Call => ({ argv: ['psql', '-U', 'postgres', '-d', 'work', ...argv], stdin: '', key: 'step', nth: 0 })

describe('look and run', () => {
  it('a query is looked at: for ever when nothing in it moves, for this instant when something does', () => {
    const psql = psqlCommand(new LittleServer().resolve, { nowUs: () => 77 })
    expect(psql.look(call('-tAc', 'SELECT pg_is_in_recovery()'))).toEqual({ output: { out: 'f\n', err: '', code: 0 }, afterUs: 0, stableUntilUs: NEVER })
    expect(psql.look(call('-tAc', 'SELECT pg_current_wal_lsn()'))?.stableUntilUs).toBe(77)
    expect(psql.look(call('-c', 'SELECT nope'))?.output.code).toBe(1)
    expect(psql.look(call('-c', 'CHECKPOINT'))).toBeUndefined()
    expect(psql.look(call('-c', 'SELECT 1', '-c', 'SELECT pg_promote()'))).toBeUndefined()
  })

  it('looking performs no effect, and where both can answer they agree', () => {
    for (const one of cases) {
      const server = new LittleServer()
      const psql = psqlCommand(server.resolve)
      const asked: Call = { argv: one.argv.map(word => word.replaceAll('@SOCKETS@', '/s').replaceAll('@PORT@', '5432')), stdin: one.stdin ?? '', key: 'k', nth: 0, user: one.user ?? 'postgres', env: { PGDATABASE: 'work' } }
      let looked: Output | undefined
      try {
        looked = psql.look(asked)?.output
      } catch {
        continue
      }
      expect(server.effects).toEqual([])
      if (looked === undefined) continue
      const sim = new Simulation({ seed: '1' })
      const task = sim.spawn(psql.run(asked))
      sim.run()
      expect(task.result).toEqual(looked)
    }
  })

  it('what is written to have effects is run without a look: to the same output, effects and events as with one', () => {
    const lived = (asked: Call, how: (psql: Command) => Command): unknown => {
      const server = new LittleServer()
      const sim = new Simulation({ seed: '1' })
      try {
        const task = sim.spawn(new CommandRegistry('here').register(how(psqlCommand(server.resolve))).run(asked))
        sim.run()
        return { output: task.result, effects: server.effects.map(({ kind }) => kind), atUs: sim.now, events: sim.eventsRun }
      } catch (error) {
        return (error as Error).message
      }
    }
    const calls = cases.map((one): Call => ({ argv: one.argv.map(word => word.replaceAll('@SOCKETS@', '/s').replaceAll('@PORT@', '5432')), stdin: one.stdin ?? '', key: 'k', nth: 0, user: one.user ?? 'postgres', env: { PGDATABASE: 'work' } }))
    // An effect that an error comes before, and one that no row calls for.
    const idle = [call('-c', 'INSERT INTO nowhere VALUES (1)'), call('-c', 'SELECT pg_promote() WHERE false')]
    const acting = [...calls, ...idle].filter(asked => {
      try {
        return psqlCommand(new LittleServer().resolve).acts?.(asked) === true
      } catch {
        return false
      }
    })
    expect(acting.length).toBeGreaterThan(20)
    expect(acting).toEqual(expect.arrayContaining(idle))
    for (const asked of acting) expect(lived(asked, psql => psql)).toEqual(lived(asked, psql => ({ ...psql, acts: () => false })))
  })

  it('the recorded queries without effects are all looked at', () => {
    const looked = cases.filter((one, i) => /^\s*(SELECT|VALUES|SHOW|WITH)\b/i.test(one.argv[one.argv.length - 1] as string) && recorded.cases[i]?.code === 0).filter(one => {
      try {
        return runCase(one).looked
      } catch {
        return false
      }
    })
    expect(looked.length).toBeGreaterThan(150)
  })

  it('latency is 5 to 40 ms and belongs to the call', () => {
    const latency = connectionLatency(new Chance('7'))
    const many = Array.from({ length: 200 }, (_, nth) => latency({ ...call(), nth }))
    expect(Math.min(...many)).toBeGreaterThanOrEqual(5_000)
    expect(Math.max(...many)).toBeLessThanOrEqual(40_000)
    expect(latency({ ...call(), nth: 3 })).toBe(many[3])
  })
})

describe('several statements', () => {
  it('of one -c are one transaction, and an error undoes all of them', () => {
    const server = new LittleServer()
    const { output } = runCase({ id: '', argv: ['psql', '-c', "INSERT INTO empty VALUES (1, 'a'); SELECT 1/0"] }, server)
    expect(output.code).toBe(1)
    expect(server.effects.map(({ kind }) => kind)).toEqual(['transaction', 'insert', 'transaction'])
    expect(server.tables.get('empty')?.relation.rows).toEqual([])
  })
})

describe('check', () => {
  const psql = psqlCommand(new LittleServer().resolve)
  it.each([
    [['psql', '-c', 'SELEC 1'], 'syntax error'], [['psql', '-c', 'CREATE VIEW v AS SELECT 1'], 'not modelled'], [['psql', '-Q'], 'invalid option'], [['psql', '--html'], 'not modelled'], [['psql', '--set=AUTOCOMMIT=off'], 'by default alone'], [['psql', '-c', 'SELECT 1 + nofunc(2)'], 'nofunc'],
    [['psql', '-c', 'ALTER SYSTEM SET a = 1; SELECT 1'], 'a -c of its own'], [['psql', '-f', 'x.sql'], 'x.sql'],
  ])('%j is found wanting', (argv, message) => {
    expect(psql.check(argv).map(finding => finding.message).join()).toContain(message)
  })
  it.each([[['psql', '-tAc', 'SELECT 1']], [['psql', '-U', '${user}', '-c', 'SELECT ${x}']], [['psql', '-c', '\\x']], [['psql', '-c', 'SELECT max(x), (pg_control_checkpoint()).redo_lsn, pg_promote() FROM generate_series(1, 2) x']], [['psql', '-c', 'EXPLAIN ANALYZE SELECT * FROM pg_stat_activity;']]])('%j passes', argv => {
    expect(psql.check(argv)).toEqual([])
  })
})

describe('connections', () => {
  it('fail in the words of libpq, with status 2', () => {
    expect(connectionErrors.noRole({}, 'root')).toBe('psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  role "root" does not exist\n')
    expect(connectionErrors.refused({ host: 'postgres-primary', address: '10.0.0.7' })).toBe(
      'psql: error: connection to server at "postgres-primary" (10.0.0.7), port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n',
    )
  })
  it('pg_isready has four answers', () => {
    expect(isReadyOutput({}, 'accepting connections')).toEqual({ out: '/var/run/postgresql:5432 - accepting connections\n', err: '', code: 0 })
    expect(isReadyOutput({ host: 'db' }, 'rejecting connections')).toEqual({ out: 'db:5432 - rejecting connections\n', err: '', code: 1 })
    expect(isReadyOutput({ host: 'db' }, 'no response').code).toBe(2)
    expect(isReadyOutput({}, 'no attempt', true)).toEqual({ out: '', err: '', code: 3 })
  })
})
