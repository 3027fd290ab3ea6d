/** `proofroll compare` end to end on the toy engine: common ground, common luck, screens, files, shards. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { commonLuck } from '../../src/campaign/compare/luck.ts'
import { engines } from '../../models/index.ts'
import { type ComparisonResult, runComparison } from '../../src/campaign/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { FENCED, SWAP, SWAP_RUNBOOK, engine, enterFolder, oneLine, proofroll } from '../cli/workshop.ts'

const SLOW = FENCED.replace('sleep: 20s', 'sleep: 40s').replace('title: Stop, then promote', 'title: The same, waiting longer')
const read = (file: string): ComparisonResult => JSON.parse(readFileSync(file, 'utf8')) as ComparisonResult

beforeAll(() => {
  enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK, 'fenced.yaml': FENCED, 'slow.yaml': SLOW, 'five.yaml': FENCED.replace('engine: toy', 'engine: toy, members: 5'), 'delayed.yaml': FENCED.replace('engine: toy', 'engine: toy, commandUs: 300000') })
})

describe('common ground', () => {
  test('fleets of another size are refused, with what would be right', async () => {
    const { code, err } = await proofroll(['compare', 'fenced.yaml', 'five.yaml', '--runs', '2'])
    expect({ code, err }).toMatchInlineSnapshot(`
      {
        "code": 2,
        "err": "unequal fleets: fenced has 3 members on 3 nodes, five 5 members on 5 nodes
          the smaller one would win on everything that is paid by the node; make
              them equal with --set cluster.members=5, which holds for all of them (5
              members on 5 nodes each)
          it also replaces what each says of it (fenced: 3, five: 5): look at what
              each does with it alone, by \`proofroll run\` and the same --set
      ",
      }
    `)
    expect((await proofroll(['compare', 'fenced.yaml', 'five.yaml', '--set', 'cluster.members=5', '--runs', '2', '--json', 'equal.json'])).code).not.toBe(2)
    expect(read('equal.json').cells[0]!.sources.map(({ set }) => JSON.parse(set['cluster'] ?? `{"members":${set['cluster.members']}}`) as object)).toEqual([{ members: 5 }, { engine: 'toy', members: 5 }])
  })

  test('a runbook that presupposes a cluster of its own is not put on another one’s to fail there', async () => {
    const { code, err } = await proofroll(['compare', 'postgres-ferris-wheel/fenced', 'blue-green/guarded', '--set', 'cluster.members=3', '--runs', '1'], { engines })
    expect(code).toBe(2)
    expect(oneLine(err)).toContain('blue-green/guarded presupposes a cluster of its own: on that of postgres-ferris-wheel/fenced it does not complete even without faults')
    expect(oneLine(err)).toContain('add --own-clusters')
  })

  test('all run on the first one’s cluster and load, and the screen says what that replaced; each on its own when asked', async () => {
    const { out } = await proofroll(['compare', 'fenced.yaml', 'delayed.yaml', '--runs', '2', '--json', 'ground.json'])
    const said = out.slice(0, out.indexOf('How each did')).replace(/\s+/g, ' ')
    expect(said).toContain('NOTE: B ran on the cluster and load of A, not on its own, which differ in cluster.commandUs; --own-clusters lets each keep its own.')
    expect(read('ground.json').cells[0]!.pairs[0]!.measures.every(({ winner }) => winner === 'same')).toBe(true)
    await proofroll(['compare', 'fenced.yaml', 'delayed.yaml', '--own-clusters', '--runs', '2', '--json', 'own.json'])
    expect(read('own.json').cells[0]!.pairs[0]!.measures.some(({ equal }) => equal === 0)).toBe(true)
    expect(read('own.json').cells[0]!.scenarios[1]!.replaced).toEqual([])
  })

  test('what is wrong with the arguments is said in one line or two', async () => {
    const said = async (...argv: string[]) => {
      const { code, err } = await proofroll(['compare', ...argv])
      return `${code}: ${oneLine(err.split(/\n(?! )/)[0]!)}`
    }
    expect(await said('fenced.yaml')).toBe('2: name at least two scenarios to compare, e.g. `proofroll compare postgres-ferris-wheel/fenced postgres-ferris-wheel/quorum`')
    expect(await said('fenced.yaml', 'fenced.yaml')).toBe('2: fenced is named twice')
    expect(await said('fenced.yaml', 'slow.yaml', '--vary', 'colour=red,blue')).toContain('2: --vary colour: neither the cluster nor the load of fenced has it')
    expect(await said('fenced.yaml', 'slow.yaml', '--vary', 'members')).toBe('2: --vary members: expected KEY=v1,v2,…, e.g. --vary writesPerSecond=100,1000,10000')
    expect(await said('fenced.yaml', 'slow.yaml', '--downtime-price', 'much')).toBe('2: --downtime-price much: expected dollars, e.g. --downtime-price 5600')
  })
})

describe('common luck', () => {
  const load = (name: string) => loadScenario(name, [engine])

  test('runbooks with the same steps share faults anchored to steps; others share times and roles, over the longest of them', () => {
    const same = commonLuck([load('fenced.yaml'), load('slow.yaml')], 2)
    expect(same.anchoring).toBe('step')
    const schedules = Array.from({ length: 40 }, (_, run) => same.scheduleOf('1', run))
    expect(schedules.flat().some(({ at }) => typeof at === 'object')).toBe(true)
    const other = commonLuck([load('fenced.yaml'), load('swap.yaml')], 2)
    expect(other.anchoring).toBe('time')
    const faults = Array.from({ length: 200 }, (_, run) => other.scheduleOf('1', run)).flat()
    expect(faults.every(({ at }) => typeof at === 'number')).toBe(true)
    // Over the longer one, which is 20 s of waiting longer than the swap in all.
    expect(Math.max(...faults.map(({ at }) => at as number))).toBeGreaterThan(15e6)
    expect(faults.every(({ target }) => /^(?:role:|any\/|operator|clients)/.test(target))).toBe(true)
  })

  test('kinds that one of them forbids strike none', () => {
    const swap = load('swap.yaml')
    const luck = commonLuck([load('fenced.yaml'), { ...swap, faults: { ...swap.faults, kinds: ['partition', 'clock-jump'] } }], 1)
    expect(luck.kinds).toEqual(['partition'])
    expect(() => commonLuck([load('fenced.yaml'), { ...swap, faults: { ...swap.faults, kinds: ['clock-jump'] } }], 1)).toThrow('no fault kind is allowed by all of these scenarios, so there is none to draw; use --faults 0')
  })

  test('a scenario against itself never differs, with faults too', async () => {
    const fenced = load('fenced.yaml')
    const { cells } = await runComparison([fenced, { ...fenced, name: 'again' }], [engine], { runs: 30, seed: '1', faults: 2 })
    expect(cells[0]!.pairs[0]!.measures.filter(({ winner }) => winner !== 'same')).toEqual([])
    expect(cells[0]!.pairs[0]!.checks.filter(({ onlyFirst, onlySecond }) => onlyFirst + onlySecond > 0)).toEqual([])
    expect(cells[0]!.scenarios[0]!.struck).toBeGreaterThan(10)
    expect(cells[0]!.determinism).toEqual({ twice: 2, mismatches: [] })
  })

  test('between two variants of one pattern pairing lowers the variance at least fourfold', async () => {
    const ratiosOf = ({ cells }: ComparisonResult): number[] => cells[0]!.pairs[0]!.measures.flatMap(({ measure, varianceRatio }) => (['durationSeconds', 'writeDowntimeSeconds', 'extraCostDollars'].includes(measure) && varianceRatio !== null ? [varianceRatio] : []))
    const toys = ratiosOf(await runComparison([load('fenced.yaml'), load('slow.yaml')], [engine], { runs: 60, seed: '1', faults: 1 }))
    const wheels = ratiosOf(await runComparison(['fenced', 'quorum'].map((name) => loadScenario(`postgres-ferris-wheel/${name}`, engines)), engines, { runs: 16, seed: '1', faults: 1, ownClusters: true }))
    expect([toys.length, wheels.length]).toEqual([2, 3])
    expect(Math.min(...toys, ...wheels)).toBeGreaterThan(4)
  })
})

describe('what people read', () => {
  test('80 columns without colour: who wins on what, by how much, and from which price on', async () => {
    const { code, out } = await proofroll(['compare', 'swap.yaml', 'fenced.yaml', '--runs', '20', '--faults', '0', '--downtime-price', '1000', '--labour-price', '120'])
    expect(code).toBe(1)
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(`\n${out}`).toMatchInlineSnapshot(`
      "
      A  swap
      B  fenced
        20 rehearsals of each, without faults: the same seeds; all on the cluster and
        load of A; seed 1.
        NOTE: B ran on the cluster and load of A, not on its own, which differ in
        load.writesPerSecond; --own-clusters lets each keep its own.

      How each did
        A  VIOLATED: completed 100 %; lost acknowledged writes in 100 %; had two
           leaders that could take writes at once in 100 %; completed with members not
           on the target version in 100 %; did not come back to one healthy cluster in
           100 %; reported success falsely in 100 %; missed its objective for
           acknowledged writes lost (max).
        B  HELD: completed 100 %.

      Who wins on what
        mean of a rehearsal              A        B  B less A               95 %  less
        write downtime              1.03 s   21.5 s   +20.5 s    +20.5 – +20.5 s     A
        longest write gap           1.14 s   21.6 s   +20.5 s    +20.5 – +20.5 s     A
        acknowledged writes lost       200        0      -200        -200 – -200     B
        stranded on a dead branch      200        0      -200        -200 – -200     B
        split brain                 200 ms      0 s   -200 ms     -200 – -200 ms     B
        writes on a losing side        200        0      -200        -200 – -200     B
        versions mixed                 0 s   20.3 s   +20.3 s    +20.3 – +20.3 s   n/c
        writes on one copy only     59.2 s      0 s   -59.2 s    -59.3 – -59.2 s     B
        failed attempts                  0    31.6k    +31.6k    +31.5k – +31.7k     A
        failed after retries             0    4,529    +4,529    +4,502 – +4,557     A
        duration                    300 ms   21.2 s   +20.9 s    +20.9 – +20.9 s   n/c
        node-hours of its own      0.051 h  0.068 h  +0.017 h  +0.017 – +0.017 h   n/c
        missing node-hours         0.034 h  0.000 h  -0.034 h  -0.034 – -0.034 h     B
        0 in both: read downtime, loss inherent to async, divergent rows, requests
        while mixed, unsupported version mix, extra node-hours, extra cost, peak bill,
        bill of the month.
        n/c = not comparable: less of it is no merit of a scenario that failed. A lost
        acknowledged writes in 20 of 20; had two leaders that could take writes at
        once in 20 of 20; completed with members not on the target version in 20 of
        20; did not come back to one healthy cluster in 20 of 20; reported success
        falsely in 20 of 20.

      On the same luck, a rehearsal …
        lost acknowledged writes: only A in 20, only B in 0, both in 0 of 20; B wins
        had two leaders that could take writes at once: only A in 20, only B in 0,
        both in 0 of 20; B wins
        completed with members not on the target version: only A in 20, only B in 0,
        both in 0 of 20; B wins
        did not come back to one healthy cluster: only A in 20, only B in 0, both in 0
        of 20; B wins
        reported success falsely: only A in 20, only B in 0, both in 0 of 20; B wins

        A beats B (and in how many rehearsals it has less): write downtime 100 %,
        longest write gap 100 %, failed attempts 100 %, failed after retries 100 %.
        B beats A (and in how many rehearsals it has less): acknowledged writes lost
        100 %, stranded on a dead branch 100 %, split brain 100 %, writes on a losing
        side 100 %, writes on one copy only 100 %, missing node-hours 100 %.

      What a minute of write downtime must cost
        a rehearsal  nodes  labour  downtime    total
        A            $0.00   $0.01    $17.17   $17.18
        B            $0.00   $0.71   $358.82  $359.53
        A and B: no price, for they are not comparable. A lost acknowledged writes in
        20 of 20; had two leaders that could take writes at once in 20 of 20;
        completed with members not on the target version in 20 of 20; did not come
        back to one healthy cluster in 20 of 20; reported success falsely in 20 of 20.
        In none of these sums: A loses 200 acknowledged writes a rehearsal.
      "
    `)
  })

  test('without Unicode nothing but ASCII', async () => {
    const { out } = await proofroll(['compare', 'swap.yaml', 'fenced.yaml', '--runs', '6', '--faults', '0', '--vary', 'writesPerSecond=10,1000'], { screen: { columns: 80, colour: false, unicode: false } })
    expect(out).toMatch(/^[\x20-\x7e\n]*$/)
  })

  test('--vary compares at each value, and says how it changes', async () => {
    const { out } = await proofroll(['compare', 'swap.yaml', 'fenced.yaml', '--runs', '6', '--faults', '0', '--vary', 'writes=10,1000', '--report', 'varied'])
    expect(`\n${out.slice(out.indexOf('How it changes'))}`).toMatchInlineSnapshot(`
      "
      How it changes

        write downtime             A       B  least
        writesPerSecond=10    1.02 s  21.5 s      A
        writesPerSecond=1000  1.02 s  21.5 s      A

        acknowledged writes lost    A  B  least
        writesPerSecond=10          4  0      B
        writesPerSecond=1000      200  0      B

        duration                   A       B  least
        writesPerSecond=10    300 ms  21.2 s    n/c
        writesPerSecond=1000  300 ms  21.2 s    n/c

        extra cost                A      B  least
        writesPerSecond=10    $0.00  $0.00      –
        writesPerSecond=1000  $0.00  $0.00      –

        writesPerSecond=10: A and B: no price, for they are not comparable. A lost
                            acknowledged writes in 6 of 6; had two leaders that could
                            take writes at once in 6 of 6; completed with members not
                            on the target version in 6 of 6; did not come back to one
                            healthy cluster in 6 of 6; reported success falsely in 6
                            of 6.
        writesPerSecond=1000: A and B: no price, for they are not comparable. A lost
                              acknowledged writes in 6 of 6; had two leaders that
                              could take writes at once in 6 of 6; completed with
                              members not on the target version in 6 of 6; did not
                              come back to one healthy cluster in 6 of 6; reported
                              success falsely in 6 of 6.
      "
    `)
    const { cells } = read('varied/comparison.json')
    expect(cells.map(({ vary }) => vary)).toEqual([{ 'load.writesPerSecond': '10' }, { 'load.writesPerSecond': '1000' }])
    const lost = cells.map(({ scenarios }) => scenarios[0]!.measures.lostAcknowledgedWrites.mean)
    expect(lost[1]! / lost[0]!).toBeGreaterThanOrEqual(50)
    expect(readFileSync('varied/comparison.md', 'utf8')).toContain('| acknowledged writes lost | A | B | least |')
  })

  test('three: each pair, and who has least of what', async () => {
    const { out } = await proofroll(['compare', 'swap.yaml', 'fenced.yaml', 'slow.yaml', '--runs', '8', '--faults', '0'])
    expect(out).toContain('C against B')
    expect(`\n${out.slice(out.indexOf('Who has least'), out.indexOf('What a minute'))}`).toMatchInlineSnapshot(`
      "
      Who has least of what
        mean of a rehearsal              A        B        C  least
        write downtime              1.02 s   21.5 s   41.5 s      A
        longest write gap           1.13 s   21.6 s   41.6 s      A
        acknowledged writes lost       200        0        0    B C
        stranded on a dead branch      200        0        0    B C
        split brain                 200 ms      0 s      0 s    B C
        writes on a losing side        200        0        0    B C
        versions mixed                 0 s   20.3 s   40.3 s    n/c
        writes on one copy only     59.2 s      0 s      0 s    B C
        failed attempts                  0    31.5k    91.5k      A
        failed after retries             0    4,515    24.5k      A
        duration                    300 ms   21.2 s   41.2 s    n/c
        node-hours of its own      0.051 h  0.068 h  0.085 h    n/c
        missing node-hours         0.034 h  0.000 h  0.000 h    B C

      "
    `)
  })
})

test('shards merged are the whole, whatever their order; `report` shows the same screen; a damaged file is named', async () => {
  const argv = ['compare', 'swap.yaml', 'fenced.yaml', '--runs', '15', '--faults', '2', '--seed', 'x']
  const whole = await proofroll([...argv, '--json', 'whole.json'])
  for (const n of [1, 2, 3]) await proofroll([...argv, '--shard', `${n}/3`, '--json', `part${n}.json`, '-q'])
  const merged = await proofroll(['merge', 'part3.json', 'part1.json', 'part2.json', '--json', 'merged.json'])
  expect(merged.out).toBe(whole.out)
  expect({ ...read('merged.json'), elapsedSeconds: 0 }).toEqual({ ...read('whole.json'), elapsedSeconds: 0 })
  expect((await proofroll(['report', 'whole.json'])).out).toBe(whole.out)
  expect((await proofroll(['merge', 'part1.json', 'part1.json'])).err).toContain('are in both results')
  writeFileSync('hurt.json', readFileSync('whole.json', 'utf8').replace('"anchoring"', '"anker"'))
  expect(await proofroll(['report', 'hurt.json'])).toMatchObject({ code: 2, err: expect.stringContaining('`cells[0].anchoring` is missing') as string })
  expect(existsSync('whole.json.partial')).toBe(false)
})
