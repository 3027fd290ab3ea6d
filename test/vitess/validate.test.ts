/** Validate and its kin (rule VT-VALIDATE-1). */
import { describe, expect, it } from 'vitest'
import { shardIssues } from '../../models/vitess/validate.ts'
import { Lab } from './lab.ts'

describe('VT-VALIDATE-1', () => {
  it('of a whole shard nothing is said, by whichever verb', () => {
    const lab = new Lab({}, {})
    expect(lab.run('vtctldclient Validate -p')).toMatchObject({ code: 0, out: 'Validation complete; no issues found.\n', err: '' })
    expect(lab.run('vtctldclient ValidateKeyspace --ping-tablets commerce').out).toBe('Validation of commerce complete; no issues found.\n')
    expect(lab.run('vtctldclient ValidateShard commerce/-').out).toBe('Validation of commerce/- complete; no issues found.\n')
    expect(lab.run('vtctldclient ValidateShard commerce/80-')).toMatchObject({ code: 1, err: expect.stringContaining("node doesn't exist") })
  })

  it('a tablet that is gone is an issue to who pings; the records alone say nothing of it', () => {
    const lab = new Lab({}, {})
    const gone = lab.tablet(2)
    lab.strike('process-kill', `member:${gone.pod}`)
    expect(lab.run('vtctldclient ValidateShard commerce/-').code).toBe(0)
    const said = lab.run('vtctldclient ValidateShard --ping-tablets commerce/-')
    expect(said).toMatchObject({ code: 1, err: 'shard commerce/- had validation issues; see above for details\n' })
    expect(said.out).toMatch(/^Validation results:\n/)
    expect(said.out).toContain(`- replica ${gone.alias} not replicating: `)
    expect(said.out).toContain(`- Ping(${gone.alias}) failed: `)
    expect(lab.run('vtctldclient Validate --ping-tablets')).toMatchObject({ code: 1, out: expect.stringContaining('\nFor commerce:\n\nFor commerce/-:\n- '), err: 'some issues were found during validation; see above for details\n' })
    lab.until(() => lab.run('vtctldclient Validate -p').code === 0, 300, 'it is back')
  })

  it('one that a failover has put aside does not follow, and is an issue', () => {
    const lab = new Lab({}, {})
    const aside = lab.tablet(3)
    lab.strike('standby-diverged', `member:${aside.pod}`)
    lab.until(() => aside.type === 'drained', 600, 'it is put aside')
    expect(lab.run('vtctldclient Validate -p').out).toContain(`replica ${aside.alias} not replicating`)
  })

  it('records that contradict one another are issues without a ping', () => {
    const lab = new Lab({}, {})
    const [first, second] = [lab.tablet(0), lab.tablet(1)]
    const said = (): string => shardIssues(lab.shard, false).join('; ')
    second.setType('primary')
    expect(said()).toBe(`shard commerce/- already has primary ${first.alias} but found other primary ${second.alias}`)
    first.setType('replica')
    expect(said()).toBe(`primary mismatch for shard commerce/-: found ${second.alias}, expected ${first.alias}`)
    second.setType('replica')
    expect(said()).toBe('no primary for shard commerce/-')
  })

  it('who is silent is waited for, fifteen seconds', () => {
    const lab = new Lab({}, {})
    lab.strike('partition', `node:${lab.cluster.kubernetes.pod(lab.tablet(1).pod)?.node ?? ''}`)
    const from = lab.seconds
    expect(lab.run('vtctldclient Validate --ping-tablets').code).toBe(1)
    expect(lab.seconds - from).toBeGreaterThan(15)
    expect(lab.seconds - from).toBeLessThan(17)
  })
})
