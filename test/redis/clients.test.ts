/** Who is connected (CLIENT LIST), who is thrown out (CLIENT KILL), and one command for all nodes (`--cluster call`). */
import { describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

const ids = (list: string): string[] => list.split('\n').filter(line => line !== '').map(line => /^id=(\d+)/.exec(line)?.[1] ?? '')
const stageOf = (seed: string, load = {}) => new Stage({ layout: 'masters-first' }, seed, load)

describe('CLIENT KILL (RD-KILL-1)', () => {
  test('what kind they are, and how many: a client program is as many as its pool holds', () => {
    const stage = stageOf('kinds')
    expect(ids(stage.cli('redis-0', 'client list type normal'))).toHaveLength(11)
    expect(stage.cli('redis-0', 'client list type replica')).toMatch(new RegExp(`^id=\\d+ addr=${stage.server('redis-4').host.address}:\\d+ laddr=${stage.server('redis-0').host.address}:6379 .* flags=S .* cmd=replconf user=default `))
    expect(stage.cli('redis-4', 'client list type master')).toMatch(new RegExp(`addr=${stage.server('redis-0').host.address}:6379 .* flags=M .* user=\\(superuser\\) `))
    expect(ids(stage.cli('redis-4', 'client list type normal'))).toHaveLength(1)
    expect(stage.cli('redis-0', 'info clients')).toContain('connected_clients:11')
    expect(ids(stage.cli('redis-0', 'client list')).map(Number)).toEqual([...ids(stage.cli('redis-0', 'client list')).map(Number)].sort((a, b) => a - b))
  })

  test('all of a pool: what was under way is unknown, and the clients are back within a second; nothing acknowledged is lost', () => {
    const stage = stageOf('all')
    const before = ids(stage.cli('redis-0', 'client list type normal')).slice(0, -1)
    expect(stage.cli('redis-0', 'client kill type normal')).toBe('10')
    stage.run(3)
    expect(stage.gapsOf(0)).toHaveLength(1)
    expect(stage.gapsOf(0)[0]).toBeLessThan(1)
    expect(stage.gapsOf(1)).toEqual([])
    expect(stage.lost(0)).toBe(0)
    const after = ids(stage.cli('redis-0', 'client list type normal')).slice(0, -1)
    expect(after).toHaveLength(10)
    expect(after.filter(id => before.includes(id))).toEqual([])
  })

  test('one connection of several: the others carry the load on, and it is back under another number; a number that is gone is nobody', () => {
    const stage = stageOf('one')
    const [first = ''] = ids(stage.cli('redis-0', 'client list type normal'))
    expect(stage.cli('redis-0', `client kill id ${first}`)).toBe('1')
    expect(stage.cli('redis-0', `client kill id ${first}`)).toBe('0')
    stage.run(1)
    expect(stage.gapsOf(0)).toEqual([])
    expect(ids(stage.cli('redis-0', 'client list type normal'))).toHaveLength(11)
    // One after the other until none of the first is left.
    for (const id of ids(stage.cli('redis-0', 'client list type normal')).slice(0, 9)) stage.cli('redis-0', `client kill id ${id}`)
    expect(stage.gapsOf(0)).toEqual([])
  })

  test('by address, old form and new; the connection that asks is spared unless told', () => {
    const stage = stageOf('address', { connections: 1 })
    const addr = /addr=(\S+)/.exec(stage.cli('redis-0', 'client list type normal'))?.[1] ?? ''
    expect(stage.cli('redis-0', `client kill ${addr}`)).toBe('OK')
    stage.run(3)
    expect(stage.gapsOf(0)).toHaveLength(1)
    expect(stage.cli('redis-0', `client kill addr ${addr}`)).toBe('0')
    expect(stage.cli('redis-4', 'client kill type normal')).toBe('0')
    expect(stage.cli('redis-4', 'client kill type normal skipme no')).toBe('1')
    expect(stage.cli('redis-0', 'client kill type normal type replica')).toBe('0')
  })

  test('a replica: its link is made anew, from where it was, at once from 7.0 on', () => {
    const stage = stageOf('replica')
    expect(stage.cli('redis-0', 'client kill type replica')).toBe('1')
    expect(stage.server('redis-4').upstream?.state).not.toBe('up')
    expect(stage.until(() => stage.server('redis-4').upstream?.state === 'up')).toBeLessThan(0.3)
    expect(stage.gapsOf(0)).toEqual([])
    expect(stage.cli('redis-4', 'client kill type master')).toBe('1')
    expect(stage.until(() => stage.server('redis-4').upstream?.state === 'up')).toBeLessThan(0.3)
  })
})

test('versions: fields and subcommands that came later', () => {
  const old = new Stage({ layout: 'masters-first', image: 'redis:6.2.14' }, 'old')
  expect(old.cli('redis-0', 'client list')).toMatch(/^id=\d+ addr=\S+ laddr=\S+ fd=\d+ name= age=\d+ idle=0 flags=S db=0 sub=0 psub=0 multi=-1 .* redir=-1$/m)
  expect(old.cli('redis-0', 'client no-evict on')).toContain('ERR unknown subcommand')
  expect(new Stage({ layout: 'masters-first', image: 'redis:7.2.4' }, 'new').cli('redis-0', 'client list')).toMatch(/resp=2 lib-name= lib-ver=$/m)
})

describe('--cluster call', () => {
  test('every node, or only masters or replicas; what is gone is passed over', () => {
    const stage = stageOf('call')
    const all = stage.sh('redis-cli --cluster call redis-0.redis:6379 config set cluster-node-timeout 5000')
    expect(all.out.split('\n').filter(line => line.endsWith(': OK'))).toHaveLength(6)
    expect(stage.cli('redis-5', 'config get cluster-node-timeout')).toContain('5000')
    const replicas = stage.sh('redis-cli --cluster call redis-0.redis:6379 role --cluster-only-replicas')
    expect(replicas.out.match(/: slave$/gm)).toHaveLength(3)
    expect(replicas.out).not.toMatch(/: master$/m)
    stage.strike('process-kill', 'member:redis-5', 60)
    const rest = stage.sh('redis-cli --cluster call redis-0.redis:6379 ping')
    expect(rest.out.match(/: PONG$/gm)).toHaveLength(5)
    expect(rest).toMatchObject({ code: 0, err: expect.stringContaining('Could not connect to Redis at ') })
  })

  test('a failover asked of everybody at once: masters refuse, and the command passes', () => {
    const stage = stageOf('failover')
    const asked = stage.sh('redis-cli --cluster call redis-0.redis:6379 cluster failover')
    expect(asked.code).toBe(0)
    expect(asked.out.match(/: OK$/gm)).toHaveLength(3)
    expect(asked.out.match(/: ERR You should send CLUSTER FAILOVER to a replica$/gm)).toHaveLength(3)
  })

  test('the password before or behind it; none is refused with status 1', () => {
    const stage = new Stage({ layout: 'masters-first', password: 'secret' }, 'password')
    expect(stage.sh('redis-cli --cluster call redis-0.redis:6379 ping -a secret')).toMatchObject({ code: 0, err: expect.stringContaining('may not be safe'), out: expect.stringContaining('PONG') })
    expect(stage.sh('redis-cli -a secret --no-auth-warning --cluster check redis-0.redis:6379')).toMatchObject({ code: 0, err: '' })
    for (const sub of ['check', 'call']) expect(stage.sh(`redis-cli --cluster ${sub} redis-0.redis:6379 ping`), sub).toMatchObject({ code: 1, out: '\u001b[31;1m[ERR] Node redis-0.redis:6379 NOAUTH Authentication required.\n\u001b[0m' })
  })

  test('what cannot be answered truly is refused by name, with the reason', () => {
    const { commands } = new Stage().cluster
    const findings = (line: string): string => commands.check(line.split(' ')).map(f => f.message).join()
    expect(findings('redis-cli --scan --pattern user:*')).toMatch(/`--scan` of redis-cli is not modelled \(the keys of the load have no names/)
    expect(findings('redis-cli --bigkeys')).toMatch(/`--bigkeys` of redis-cli is not modelled \(the keys of the load have no names/)
    expect(findings('redis-cli memory doctor')).toMatch(/the command `memory` is not modelled in redis-cli \(.*`info memory`/)
    expect(findings('redis-cli --cluster call redis-0:6379 memory doctor')).toMatch(/the command `memory` is not modelled/)
    expect(findings('redis-cli --cluster call redis-0:6379')).toBe('redis-cli --cluster call wants HOST:PORT COMMAND')
    expect(findings('redis-cli --cluster rebalance redis-0:6379 --cluster-pipeline 5')).toMatch(/`--cluster-pipeline` of redis-cli --cluster rebalance is not modelled/)
    expect(findings('redis-cli client reply off')).toMatch(/`client reply` is not modelled/)
  })
})
