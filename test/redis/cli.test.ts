/** redis-cli against recordings of the real one (recordings/redis-cli-7.0.15.txt): the same commands on the same layout, with what differs from run to run made alike. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { crc16, keySlot, slotRanges } from '../../models/redis/slots.ts'
import { Stage } from './stage.ts'

const text = readFileSync(new URL('recordings/redis-cli-7.0.15.txt', import.meta.url), 'utf8').replaceAll('␍', '\r')
const recorded = new Map(text.split(/^\$ redis-cli /m).slice(1).map(part => {
  const [, command = '', out = '', code = ''] = /^(.*)\n([^]*)\[exit (\d+)\]\n$/.exec(part) ?? []
  return [command, { out, code: Number(code) }] as const
}))

/** The recorded nodes by port: 7100–7102 masters, 7103–7105 replicas, as pods 0–5. */
const PODS: Readonly<Record<string, string>> = { 7100: 'redis-0', 7101: 'redis-1', 7102: 'redis-2', 7103: 'redis-3', 7104: 'redis-4', 7105: 'redis-5' }

/** Ids, addresses, times and offsets made alike. */
function alike(out: string): string {
  return out.replace(/[0-9a-f]{40}/g, 'ID').replace(/(?:\d+\.){3}\d+/g, 'IP').replace(/:?\b(?:71\d\d|6379)(?:@\d+)?/g, 'PORT').replace(/\b\d{2,}\b/g, 'N').replace(/\b\d\b/g, 'N').replace(/^(ID.*)$/gm, line => line)
}

const sorted = (out: string): string[] => out.split('\n').sort()

function both(stage: Stage, command: string): { real: string; ours: string } {
  const real = recorded.get(command)
  if (real === undefined) throw new Error(`no recording of ${command}`)
  const [, port = '', words = ''] = /^(?:-e )?-p (\d+) (?:-e )?(.*)$/.exec(command) ?? []
  const ours = stage.sh(`kubectl exec ${PODS[port]} -- redis-cli ${command.includes(' -e ') ? '-e ' : ''}${words}`)
  expect(ours.code, command).toBe(real.code)
  return { real: real.out, ours: ours.code === 0 ? ours.out : ours.err.replace(/command terminated.*\n/, '') }
}

describe('against recordings', () => {
  const stage = new Stage({ layout: 'masters-first', save: '' }, 'cli')

  test.each([
    'cluster failover', 'cluster forget', 'cluster forget abc', 'cluster replicate abc', 'cluster meet foo 7101', 'cluster meet', 'cluster failover foo', 'cluster reset foo', 'cluster foo', 'foo bar', 'cluster',
    'ping', 'wait 1', 'config get save', 'config get nothing', 'config set foo bar', 'config set cluster-node-timeout abc', 'readonly', 'failover', '-e cluster failover',
    'client list type foo', 'client list foo', 'client list id abc', 'client list type pubsub', 'client getname', 'client setname x', 'client no-evict on', 'client no-evict foo', 'client no-touch on', 'client kill', 'client kill foo',
    'client kill type pubsub', 'client kill type foo', 'client kill id 99999', 'client kill id abc', 'client kill type normal skipme maybe', 'client kill user bob', 'client kill type', 'client kill maxage 5', 'client kill type replica',
  ].map(words => [`-p 7100 ${words}`]))('%s: byte for byte (RD-MANUAL-2, RD-CLI-1)', command => {
    const { real, ours } = both(stage, command)
    expect(ours).toBe(real)
  })

  test('WAIT counts replicas, and is refused by one (RD-WAIT-1)', () => {
    for (const command of ['-p 7100 wait 1 100', '-p 7104 wait 1 100']) {
      const { real, ours } = both(stage, command)
      expect(ours).toBe(real)
    }
    expect(stage.cli('redis-0', 'wait 2 100')).toBe('1')
  })

  test.each(['-p 7100 cluster nodes', '-p 7100 role', '-p 7104 role', '-p 7104 get aaa', '-p 7100 cluster keyslot foo'])('%s: the same but for ids, addresses and numbers (RD-LAYOUT-1)', command => {
    const { real, ours } = both(stage, command)
    expect(sorted(alike(ours))).toEqual(sorted(alike(real)))
  })

  test('cluster slots: ranges with master and replicas (one of the recorded replicas had not reported yet)', () => {
    const { real, ours } = both(stage, '-p 7100 cluster slots')
    const blocks = (out: string): string[] => out.split(/\n\n/).map(alike)
    expect(new Set(blocks(ours))).toEqual(new Set(blocks(real)))
    expect(ours.match(/^(0|5460|5461|10922|10923|16383)$/gm)).toEqual(['0', '5460', '5461', '10922', '10923', '16383'])
  })

  test('client list: the same fields in the same order (RD-KILL-1)', () => {
    for (const command of ['-p 7100 client list', '-p 7104 client list type master']) {
      const { real, ours } = both(stage, command)
      const fields = (out: string): string[] => (out.split('\n')[0] ?? '').split(' ').map(field => field.split('=')[0] ?? '')
      expect(fields(ours)).toEqual(fields(real))
    }
  })

  test.each(['-p 7100 info replication', '-p 7104 info replication', '-p 7102 info cluster', '-p 7100 info clients'])('%s: the same fields in the same order, each line ending in CR LF', command => {
    const { real, ours } = both(stage, command)
    const keys = (out: string): string[] => out.split('\r\n').map(line => line.split(':')[0] ?? '')
    expect(keys(ours)).toEqual(keys(real))
  })

  test('cluster info: the fields that do not count messages', () => {
    const { real, ours } = both(stage, '-p 7100 cluster info')
    const lines = (out: string): string[] => out.split('\r\n').filter(line => !line.startsWith('cluster_stats'))
    expect(lines(ours)).toEqual(lines(real))
  })

  test('on a terminal, or asked for', () => {
    expect(stage.cli('redis-0', '--no-raw cluster myid')).toBe(`"${stage.server('redis-0').id}"`)
    expect(stage.cli('redis-0', '--no-raw cluster failover')).toBe('(error) ERR You should send CLUSTER FAILOVER to a replica')
    expect(stage.cli('redis-0', '--no-raw role')).toMatch(/^1\) "master"\n2\) \(integer\) \d+\n3\) 1\) 1\) "[\d.]+"\n {6}2\) "6379"\n {6}3\) "\d+"$/)
  })
})

test('keys and slots (RD-SLOT-1)', () => {
  expect(crc16('123456789')).toBe(0x31c3)
  expect([keySlot('foo'), keySlot('aaa'), keySlot('{user1000}.following') === keySlot('{user1000}.followers'), keySlot('foo{}{bar}') === crc16('foo{}{bar}') % 16384]).toEqual([12182, 10439, true, true])
  expect(slotRanges(3)).toEqual([[0, 5460], [5461, 10922], [10923, 16383]])
  const stage = new Stage()
  expect(stage.cli('redis-0', 'set foo bar')).toMatch(/^MOVED 12182 [\d.]+:6379$/)
  expect(stage.cli('redis-0', '-c set foo bar')).toBe('OK')
  expect(stage.cli('redis-4', 'get foo')).toBe('bar')
  stage.run(1)
  expect(stage.server('redis-5').copy?.lsn('receive')).toBe(stage.server('redis-4').copy?.lsn('receive'))
})

test('names in CLUSTER NODES: only where they are announced (RD-CLI-2)', () => {
  expect(new Stage().cli('redis-0', 'cluster nodes')).not.toContain('redis-1')
  expect(new Stage({ announceHostname: true }).cli('redis-0', 'cluster nodes')).toMatch(/^[0-9a-f]{40} [\d.]+:6379@16379,redis-1\.redis slave /m)
})

describe('--cluster add-node and del-node (RD-CLI-3)', () => {
  const idOf = (stage: Stage, pod: string): string => stage.cli(pod, 'cluster myid')

  test('a node joins as the replica that was asked for, and leaves again', () => {
    const stage = new Stage({ spareNodes: 1 })
    stage.sh('kubectl scale statefulset redis --replicas=7')
    stage.run(30)
    const master = idOf(stage, 'redis-2')
    const ip = stage.server('redis-6').host.address
    const added = stage.sh(`redis-cli --cluster add-node ${ip}:6379 redis-0.redis:6379 --cluster-slave --cluster-master-id ${master}`)
    expect(added.code).toBe(0)
    expect(added.out).toMatch(/>>> Adding node [^]*>>> Send CLUSTER MEET to node [^]*Waiting for the cluster to join\n[^]*>>> Configure node as replica of [^]*\[OK\] New node added correctly\.\n/)
    stage.run(15)
    expect(stage.cli('redis-6', 'role').split('\n')[0]).toBe('slave')
    expect(stage.server('redis-6').upstream?.master?.name).toBe('redis-2')
    expect(stage.cli('redis-5', 'cluster nodes').split('\n')).toHaveLength(7)
    // Again: it is not empty any more.
    expect(stage.sh(`redis-cli --cluster add-node ${ip}:6379 redis-0.redis:6379`)).toMatchObject({ code: 1, out: expect.stringContaining(`[ERR] Node ${ip}:6379 is not empty. Either the node already knows other nodes`) })
    const removed = stage.sh(`redis-cli --cluster del-node redis-0.redis:6379 ${idOf(stage, 'redis-6')}`)
    expect(removed).toMatchObject({ code: 0, out: expect.stringMatching(/>>> Removing node [^]*>>> Sending CLUSTER FORGET messages to the cluster\.\.\.[^]*>>> Sending CLUSTER RESET SOFT to the deleted node\./) })
    stage.run(3)
    for (const pod of ['redis-0', 'redis-1', 'redis-5']) expect(stage.cli(pod, 'cluster nodes').split('\n')).toHaveLength(6)
    expect(stage.cli('redis-6', 'cluster nodes').split('\n')).toHaveLength(1)
  })

  test('without a master it goes where replicas are fewest; a master with slots is not removed', () => {
    const stage = new Stage({ spareNodes: 1 })
    stage.sh('kubectl scale statefulset redis --replicas=7')
    stage.run(30)
    expect(stage.sh(`redis-cli --cluster add-node ${stage.server('redis-6').host.address}:6379 redis-0.redis:6379 --cluster-slave`).out).toContain('Automatically selected master ')
    expect(stage.sh(`redis-cli --cluster del-node redis-0.redis:6379 ${idOf(stage, 'redis-0')}`)).toMatchObject({ code: 1, out: expect.stringContaining('is not empty! Reshard data away and try again.') })
    expect(stage.sh('redis-cli --cluster del-node redis-0.redis:6379 abc')).toMatchObject({ code: 1, out: expect.stringContaining('[ERR] No such node ID abc') })
  })

  test('what is not there is refused by name, with the reason', () => {
    const { commands } = new Stage().cluster
    const findings = (line: string): string => commands.check(line.split(' ')).map(f => f.message).join()
    expect(findings('redis-cli --cluster import redis-0:6379')).toMatch(/`--cluster import` of redis-cli is not modelled \(it copies data from another Redis.*there are: check, info, add-node, del-node/)
    expect(findings('redis-cli --cluster add-node redis-6:6379')).toBe('redis-cli --cluster add-node wants NEW_HOST:PORT HOST:PORT')
    expect(findings('redis-cli --cluster add-node a:1 b:1 --cluster-weight 3')).toMatch(/`--cluster-weight` is an option of redis-cli --cluster reshard or rebalance, not of add-node/)
  })
})

test('from the workstation, and with a password', () => {
  const stage = new Stage({ password: 'secret' })
  expect(stage.sh('redis-cli -h redis-0.redis ping')).toMatchObject({ out: 'NOAUTH Authentication required.\n\n', code: 0 })
  expect(stage.sh('redis-cli -h redis-0.redis -a secret --no-auth-warning ping').out).toBe('PONG\n')
  expect(stage.sh('redis-cli -h nosuch ping')).toMatchObject({ err: 'Could not connect to Redis at nosuch:6379: Name or service not known\n', code: 1 })
  expect(stage.sh('redis-cli -h redis-0.redis -p 9999 ping')).toMatchObject({ err: 'Could not connect to Redis at redis-0.redis:9999: Connection refused\n', code: 1 })
  expect(new Stage().sh('redis-cli --cluster check redis-0.redis:6379').out).toContain('[OK] All 16384 slots covered.')
})

test('what is not modelled is said, not passed over', () => {
  const { commands } = new Stage().cluster
  const findings = (line: string): string => commands.check(line.split(' ')).map(f => f.message).join()
  expect(findings('kubectl exec redis-0 -- redis-cli cluster nodes')).toBe('')
  expect(findings('kubectl exec redis-0 -- redis-cli cluster getkeysinslot 1 10')).toMatch(/^the command `cluster getkeysinslot` is not modelled in redis-cli \(the keys of the load have no names.*; there are: ping, /)
  expect(findings('kubectl exec redis-0 -- redis-cli migrate h 6379 k 0 1000')).toMatch(/^the command `migrate` is not modelled in redis-cli \(the keys of the load have no names/)
  expect(findings('kubectl exec redis-0 -- redis-cli --bigkeys')).toMatch(/`--bigkeys` of redis-cli is not modelled/)
  expect(findings('kubectl exec redis-0 -- redis-cli config set maxmemory 1')).toMatch(/CONFIG SET of `maxmemory` is not modelled/)
})

// Said by 7.0.15 to the same words (its answers, and that they are exit status 0).
test.each([
  ['redis-1', 'cluster failover force takeover', "ERR unknown subcommand or wrong number of arguments for 'failover'. Try CLUSTER HELP."],
  ['redis-0', 'wait -1 100', '1'],
  ['redis-0', 'wait 1 -1', 'ERR timeout is negative'],
  ['redis-0', 'wait a 1', 'ERR value is not an integer or out of range'],
  ['redis-0', 'cluster meet 127.0.0.1 99999', 'ERR Invalid node address specified: 127.0.0.1:99999'],
  ['redis-0', 'cluster meet 127.0.0.1 0', 'ERR Invalid node address specified: 127.0.0.1:0'],
  ['redis-0', 'config set min-replicas-to-write -1', "ERR CONFIG SET failed (possibly related to argument 'min-replicas-to-write') - argument must be between 0 and 2147483647 inclusive"],
  ['redis-0', 'config set save 100', "ERR CONFIG SET failed (possibly related to argument 'save') - Invalid save parameters"],
])('%s: %s', (pod, words, said) => {
  const { out, code } = new Stage().sh(`kubectl exec ${pod} -- redis-cli ${words}`)
  expect({ out: out.trim(), code }).toEqual({ out: said, code: 0 })
})

test('a node that is forgotten twice: unknown up to 7.0, OK while it is banned from 7.2 on', () => {
  for (const [image, said] of [['redis:7.0.15', /^ERR Unknown node [0-9a-f]{40}$/], ['redis:7.2.5', /^OK$/]] as const) {
    const stage = new Stage({ image })
    const id = stage.cli('redis-3', 'cluster myid')
    expect(stage.cli('redis-0', `cluster forget ${id}`)).toBe('OK')
    expect(stage.cli('redis-0', `cluster forget ${id}`)).toMatch(said)
  }
})
