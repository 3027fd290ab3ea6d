/** Commands for single tablets (rules VT-REPL-2, VT-TYPE-1…2, VT-PRS-7), and how they may be written. */
import { describe, expect, it } from 'vitest'
import { Lab } from './lab.ts'

const types = (lab: Lab): string[] => lab.ok('vtctldclient GetTablets').trim().split('\n').map(line => line.split(' ')[3] ?? '')

describe('GetTablets', () => {
  it('takes its flags in each spelling of the real one, and lists in several', () => {
    const lab = new Lab()
    const all = lab.ok('vtctldclient GetTablets --keyspace commerce --shard -')
    for (const same of ['-k commerce -s -', '-k=commerce -s=-', '-kcommerce --shard=-', '--keyspace=commerce --compact']) expect(lab.ok(`vtctldclient GetTablets ${same}`)).toBe(all)
    expect(lab.ok('vtctldclient --server vtctld:15999 --logtostderr GetTablets -c zone1 -c zone3')).toBe(all.split('\n').filter(line => !line.startsWith('zone2')).join('\n'))
    expect(lab.ok('vtctldclient GetTablets --tablet-type MASTER')).toBe(lab.ok('vtctldclient GetTablets --tablet-type primary'))
    expect(lab.cluster.commands.check(['vtctldclient', 'GetTablets', '-x'])[0]?.message).toContain('unknown flag: --x')
  })

  it.each([
    ['--shard -', 'cannot be passed without also passing --keyspace'],
    ['--tablet-alias zone1-101 --keyspace commerce', '--keyspace (= commerce) cannot be passed when using --tablet-alias'],
    ['--tablet-type leader', 'unknown TabletType leader'],
    ['--format yaml', 'invalid output format, got yaml'],
  ])('%s is refused', (flags, error) => {
    expect(new Lab().run(`vtctldclient GetTablets ${flags}`)).toMatchObject({ code: 1, err: expect.stringContaining(error) })
  })
})

describe('VT-TYPE-1: ChangeTabletType', () => {
  it('changes those that are no primary; --dry-run changes nothing', () => {
    const lab = new Lab()
    const replica = lab.tablet(1).alias
    expect(lab.ok(`vtctldclient ChangeTabletType --dry-run ${replica} rdonly`)).toMatch(/^--- DRY RUN ---\n- .* replica .*\n\+ .* rdonly /)
    expect(types(lab)).toEqual(['primary', 'replica', 'replica', 'replica'])
    lab.ok(`vtctldclient ChangeTabletType ${replica} spare`)
    expect(types(lab)).toEqual(['primary', 'spare', 'replica', 'replica'])
  })

  it('never from or to PRIMARY', () => {
    const lab = new Lab()
    expect(lab.run(`vtctldclient ChangeTabletType ${lab.primary.alias} spare`)).toMatchObject({ code: 1, err: expect.stringContaining('type change PRIMARY -> SPARE is not an allowed transition for ChangeTabletType') })
    expect(lab.run(`vtctldclient ChangeTabletType ${lab.tablet(1).alias} primary`)).toMatchObject({ code: 1, err: expect.stringContaining('REPLICA -> PRIMARY') })
  })
})

it('VT-TYPE-2: a vttablet that starts is what its flags say', () => {
  const lab = new Lab({}, {})
  lab.ok(`vtctldclient ChangeTabletType ${lab.tablet(1).alias} drained`)
  lab.ok(`vtctldclient ChangeTabletType ${lab.tablet(2).alias} rdonly`)
  lab.ok(`kubectl delete pod ${lab.tablet(1).pod} --wait=false`)
  lab.strike('process-crash', `member:${lab.tablet(2).pod}`, 0, 1_000_000)
  lab.wait(60)
  expect(types(lab)).toEqual(['primary', 'replica', 'replica', 'replica'])
})

describe('VT-REPL-2: StopReplication', () => {
  it('stops acknowledgements and health until StartReplication; without VTOrc nobody else starts it', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2, vtorc: false }, {})
    const replica = lab.tablet(1)
    expect(lab.ok(`vtctldclient StopReplication ${replica.alias}`)).toContain(replica.alias)
    lab.wait(60)
    expect([lab.writing, replica.linked, replica.ready]).toEqual([false, false, false])
    lab.ok(`vtctldclient StartReplication ${replica.alias}`)
    lab.until(() => lab.writing, 5)
    lab.until(() => replica.lagSeconds < 1, 60)
    expect(replica.ready).toBe(true)
  })

  it('a start of its vttablet starts it again, and so does a new source', () => {
    for (const how of ['process-crash', 'reparent'] as const) {
      const lab = new Lab({ vtorc: false }, {})
      lab.ok(`vtctldclient StopReplication ${lab.tablet(1).alias}`)
      if (how === 'process-crash') lab.strike(how, `member:${lab.tablet(1).pod}`, 0, 1_000_000)
      else lab.ok(`vtctldclient PlannedReparentShard commerce/- --new-primary ${lab.tablet(2).alias}`)
      lab.until(() => lab.tablet(1).linked && lab.tablet(1).lagSeconds < 1, 60, how)
    }
  })
})

describe('VT-PRS-7: --expected-primary', () => {
  it.each(['PlannedReparentShard', 'EmergencyReparentShard'])('%s does nothing when another one is the primary', verb => {
    const lab = new Lab({}, {})
    const wrong = lab.tablet(1).alias
    expect(lab.run(`vtctldclient ${verb} commerce/- --new-primary ${lab.tablet(2).alias} --expected-primary ${wrong}`)).toMatchObject({ code: 1, err: expect.stringContaining(`primary ${lab.tablet(0).alias} is not equal to expected alias ${wrong}`) })
    expect([lab.primary, lab.writing]).toEqual([lab.tablet(0), true])
    lab.ok(`vtctldclient ${verb} commerce/- --new-primary ${lab.tablet(2).alias} --expected-primary ${lab.tablet(0).alias}`)
    expect(lab.primary).toBe(lab.tablet(2))
  })
})
