/** The durability policy of a keyspace: its record, its primaries, and who brings them together (rules VT-DUR-1, VT-DUR-2). */
import { describe, expect, it } from 'vitest'
import type { VitessTruth } from '../../models/vitess/truth.ts'
import { Lab } from './lab.ts'

const LONG = { timeoutUs: 600_000_000 }
const patch = (policy: string, tablets: number): string => `kubectl patch vitesscluster example --type merge --patch '${JSON.stringify({ spec: { keyspaces: [{ name: 'commerce', durabilityPolicy: policy, partitionings: [{ equal: { parts: 1, shardTemplate: { tabletPools: [{ type: 'replica', replicas: tablets, mysqld: { resources: { requests: { cpu: '4', memory: '16Gi' } } } }] } } }] }] } })}'`
const policyOf = (lab: Lab): string => (JSON.parse(lab.ok('vtctldclient GetKeyspace commerce')) as { keyspace: { durability_policy: string } }).keyspace.durability_policy
/** A cluster object that says nothing of durability: only the record counts. */
const silent = (lab: Lab): void => void lab.ok(`kubectl patch vitesscluster example --type json --patch '[{"op":"remove","path":"/spec/keyspaces/0/durabilityPolicy"}]'`)

describe('VT-DUR-1: the record, and what a primary goes by', () => {
  it('a primary that is promoted goes by it; until then nothing changes where no VTOrc runs', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2, vtorc: false }, LONG)
    silent(lab)
    lab.ok('vtctldclient SetKeyspaceDurabilityPolicy --durability-policy=none commerce')
    expect(policyOf(lab)).toBe('none')
    lab.wait(60)
    expect(lab.shard.policy).toBe('semi_sync')
    lab.ok('vtctldclient PlannedReparentShard commerce/- --allow-cross-cell-promotion')
    expect(lab.shard.policy).toBe('none')
    // Nobody has to acknowledge: without its only replica it writes on.
    lab.wait(5)
    lab.strike('partition', `node:${lab.replicas()[0]?.place}`)
    const before = lab.acked()
    lab.wait(30)
    expect(lab.writing).toBe(true)
    expect(lab.acked()).toBeGreaterThan(before)
  })

  it('VTOrc repairs the primary within its refresh of the topo and its polls, both ways', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2 }, LONG)
    silent(lab)
    for (const policy of ['none', 'semi_sync'] as const) {
      lab.ok(`vtctldclient SetKeyspaceDurabilityPolicy --durability-policy ${policy} commerce`)
      expect(lab.until(() => lab.shard.policy === policy, 60)).toBeLessThan(22)
    }
    const truth = lab.cluster.truth as VitessTruth
    expect(truth.acknowledgeAlone()).toEqual([])
    lab.ok('vtctldclient SetKeyspaceDurabilityPolicy --durability-policy none commerce')
    lab.until(() => lab.shard.policy === 'none', 60)
    // What was promised is not kept any more: who says at the end that all is well is wrong.
    expect(truth.acknowledgeAlone()).toEqual([lab.primary.pod])
  })

  it('VTOrc hears of it some time within its refresh, not at once', () => {
    const seconds = [1, 2, 3, 4, 5].map(n => {
      const lab = new Lab({ fleet: 2, tabletsPerShard: 2 }, LONG, `refresh/${n}`)
      silent(lab)
      lab.ok('vtctldclient SetKeyspaceDurabilityPolicy --durability-policy none commerce')
      return lab.until(() => lab.shard.policy === 'none', 60)
    })
    // Its polls alone take at most 6 s.
    expect(Math.max(...seconds)).toBeGreaterThan(7)
    expect(Math.min(...seconds)).toBeLessThan(12)
  })

  it('an unknown policy, an unknown keyspace and a topo server that is away are refused', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2 })
    expect(lab.run('vtctldclient SetKeyspaceDurabilityPolicy --durability-policy semi-sync commerce').err).toContain('durability policy <semi-sync> is not a valid policy')
    expect(lab.run('vtctldclient SetKeyspaceDurabilityPolicy --durability-policy none customer').err).toContain('keyspaces/customer/Keyspace')
    lab.strike('coordinator-away', 'coordinator:topo')
    expect(lab.run('vtctldclient SetKeyspaceDurabilityPolicy --durability-policy none commerce').code).not.toBe(0)
    expect(lab.shard.keyspace.durabilityPolicy).toBe('semi_sync')
  })
})

describe('VT-DUR-2: the operator writes what the cluster object says', () => {
  it('a change of the object is carried over', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2 }, LONG)
    lab.ok(patch('none', 2))
    lab.until(() => lab.shard.keyspace.durabilityPolicy === 'none', 30)
    lab.until(() => lab.shard.policy === 'none', 60)
    expect(policyOf(lab)).toBe('none')
  })

  it('without the topo server the record stays; it is written when that is back', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2 }, LONG)
    const away = lab.strike('coordinator-away', 'coordinator:topo')
    lab.ok(patch('none', 2))
    lab.wait(30)
    expect(lab.shard.keyspace.durabilityPolicy).toBe('semi_sync')
    away.end()
    lab.until(() => lab.shard.keyspace.durabilityPolicy === 'none', 30, 'written')
  })

  it('one by hand is taken back; what is no policy changes nothing', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2 }, LONG)
    lab.ok('vtctldclient SetKeyspaceDurabilityPolicy --durability-policy none commerce')
    lab.until(() => lab.shard.keyspace.durabilityPolicy === 'semi_sync', 30)
    lab.ok(patch('semi-sync', 2))
    lab.wait(60)
    expect(policyOf(lab)).toBe('semi_sync')
  })
})

it('ReparentTablet: a replica follows the primary of the record; the primary itself does not', () => {
  const lab = new Lab({ fleet: 3, tabletsPerShard: 3, vtorc: false }, LONG)
  const lost = lab.tablet(1)
  lost.source = undefined
  lost.copy.unfollow()
  lab.shard.changed()
  expect(lost.linked).toBe(false)
  expect(JSON.parse(lab.ok(`vtctldclient ReparentTablet ${lost.alias}`))).toMatchObject({ keyspace: 'commerce', shard: '-', primary: { uid: lab.primary.uid } })
  expect(lost.copy.upstream === lab.primary.copy).toBe(true)
  expect(lab.run(`vtctldclient ReparentTablet ${lab.primary.alias}`).err).toContain('cannot ReparentTablet current shard primary')
  expect(lab.ok('vtctldclient GetCellInfoNames')).toBe('zone1\nzone2\nzone3\n')
})
