/** `proofroll sweep` through the command line on the toy engine: its screen, its files, and what is done with them afterwards. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CampaignResult } from '../../src/campaign/index.ts'
import { FENCED, SWAP, SWAP_RUNBOOK, enterFolder, oneLine, proofroll } from './workshop.ts'

const SMALL = ['--set', 'faults.kinds=[process-kill, disk-slow, partition]', '--rollbacks', '2', '--jobs', '1']
const UNFENCED = FENCED.replace('  - { id: stop, title: Stop the old leader, run: stop m-0 }\n', '')
const read = (file: string): CampaignResult => JSON.parse(readFileSync(file, 'utf8')) as CampaignResult
const timeless = (file: string): object => ({ ...read(file), elapsedSeconds: 0, runsPerSecond: 0 })
/** Times change from one machine to the next. */
const screen = (out: string): string => `\n${out.replace(/, in [\d.]+ m?s;/, ', in a while;')}`

describe('what people read', () => {
  beforeAll(() => void enterFolder({ 'fenced.yaml': FENCED, 'unfenced.yaml': UNFENCED }))

  test('the size of the grid, before it runs', async () => {
    const { err } = await proofroll(['sweep', 'fenced.yaml', ...SMALL, '--runs', '1', '-q'])
    expect(err).toBe('')
    expect(screen((await proofroll(['sweep', 'fenced.yaml', ...SMALL, '--runs', '1'])).err)).toMatchInlineSnapshot(`
      "
      fenced: 184 cells to rehearse
                 1  without a fault
               120  one fault: each step boundary and wait (of a gate’s polls the
                    first and the last), each kind, each target there
                35  one mistake of the operator at each visit of a step (judged by
                    nobody)
                14  the operator turns back at each boundary
                14  the same while a fault strikes there
      "
    `)
  })

  test('the screen of a sweep, down to the story', async () => {
    const { code, out } = await proofroll(['sweep', 'fenced.yaml', ...SMALL])
    expect(screen(out.slice(0, out.indexOf('\nAssumed about')))).toMatchInlineSnapshot(`
      "
      VIOLATED  fenced
        Stop, then promote
        Swept: 184 of 184 cells, in a while; seed 1.
        Set on the command line: faults.kinds=[process-kill, disk-slow, partition].

        In 2 of 121 it lost acknowledged writes. In 36 of 121 it could not be written
        to at the end. In 45 of 121 it did not come back to one healthy cluster. 26 of
        the 92 that completed reported success falsely.

        where    step 5 promote: \`promote m-1; follow m-2 m-1; route m-1\` (line 9 of
                 the runbook)
        why      the member that was promoted lacked the last writes, and one that had
                 them could be reached (behind-candidate)
        avoid    Hold writes, then wait until the candidate has everything the leader
                 wrote (equality, not a small lag), and promote the copy that is
                 furthest.

      Why the runbook did not reach its end
        11 of 121 aborted: step stop failed: \`stop m-0\` ended with status 1: stop: m-0
                  does not run
        10 of 121 aborted: step replace failed: \`stop m-1\` ended with status 1: stop:
                  m-1 does not run
        and 1 more reason; all are in the JSON result

      Checks
        ✗ no-acknowledged-write-lost  violated in 2 of 121
        ✗ serves-at-end               violated in 36 of 121
        ✗ converges                   violated in 45 of 121
        ✗ no-false-success            violated in 26 of 92
        ✓ held in all 121: no-split-brain, terminates
        ✓ held wherever they applied: no-forbidden-skew, target-reached
        – never put to the test: rollback-safe

      The grid
                              cells  run  struck  out of budget  broke
        fault-free                1    1                      0      0
        faults                  120  120     109              0     55
        mistakes                 35   35      24              0     13
        rollback                 14   14      14              0     10
        rollback-under-fault     14   14      12              0     12
        All 184 cells were rehearsed, 0 skipped.
        not struck: 11 process-kill: nothing was there to strike; 7
                    operator-stale-reading: that visit reads nothing; 3
                    operator-wrong-target: no command of that visit names a member or
                    node that has another beside it; 1 operator-swaps: no step comes
                    after that step in its list; 2 for other reasons

      What came of each fault at each step (the worst of its places and targets)
                 1  2
        pause    D  L
        replace  D  H
        settle   D  .
        stop     D  .
        promote  D  .
        resume   D  .
        return   D  .
        L = acknowledged writes lost, D = no writes possible at the end
        H = not one healthy cluster at the end, . = completed, nothing broken
        process and machine  1 process-kill
        network              2 partition

      Point of no return
        declared  none
        measured  once pause has begun (turning back before replace: not serving in 2
                  of 2)
                  under process-kill: before the first step (turning back before
                  pause: not serving in 1 of 1)
        7 boundaries, 2 lucks each; under each kind of fault 1 luck

      Which mistakes of the operator the runbook survives
                     skips   repeats     swaps      wrong  stale
        pause    UNHEALTHY  survived  survived
        replace  UNHEALTHY  survived  survived  UNHEALTHY
        settle    survived  survived  survived
        stop          LOST      DOWN     SPLIT       DOWN
        promote       DOWN      DOWN  survived       DOWN
        resume        DOWN  survived  survived
        return   UNHEALTHY   aborted                 DOWN
        11 of 24 that could be made (46 %) break nothing. Blank: the mistake cannot be
        made there. wrong: a command goes to the wrong member or node; stale: a
        reading shows the past. No check is judged by this.

      Explored
        67 combinations of step, situation of the cluster and fault met.
      "
    `)
    expect(code).toBe(1)
  })

  test('every usual kind: the map fits 80 columns, and each number in its head is explained below', async () => {
    const { out } = await proofroll(['sweep', 'unfenced.yaml', '--rollbacks', '0', '--rollbacks-under-fault', '0', '--jobs', '1'])
    const map = out.slice(out.indexOf('What came of each fault'), out.indexOf('Which mistakes'))
    expect(map.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(screen(map)).toMatchInlineSnapshot(`
      "
      What came of each fault at each step (the worst of its places and targets)
                 1 2 3 4  5 6  7  8
        pause    D L D D  L L  L  L
        replace  L L L D  L L  L  L
        settle   L L L L  L L  L  L
        promote  L L L L  L L  L  L
        resume   L L L L  L L  L  L
        return   L L L L  L L  L  L
        L = acknowledged writes lost, D = no writes possible at the end
        Without any fault it is L, too: acknowledged writes lost.
        process and machine  1 process-kill, 2 process-pause, 3 node-loss
                             4 node-loss-with-volume
        network              5 partition, 6 partition-outbound
        database             7 replication-lag
        operator             8 operator-killed

      "
    `)
  })
})

describe('files', () => {
  beforeEach(() => void enterFolder({ 'fenced.yaml': FENCED, 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK }))

  test('Markdown and JUnit tell the grid, the map, the way back and the mistakes', async () => {
    const { code } = await proofroll(['sweep', 'swap.yaml', ...SMALL, '--report', 'out', '-q'])
    expect(code).toBe(1)
    const markdown = readFileSync('out/report.md', 'utf8')
    expect(/### The grid[^]*?### Explored[^]*?(?=\n#|$)/.exec(markdown)?.[0] ?? '').toMatchInlineSnapshot(`
      "### The grid

      |  | cells | run | struck | out of budget | broke |
      |---|---|---|---|---|---|
      | fault-free | 1 | 1 |  | 0 | 1 |
      | faults | 36 | 36 | 36 | 0 | 34 |
      | mistakes | 15 | 15 | 11 | 0 | 15 |
      | rollback | 6 | 6 | 6 | 0 | 4 |
      | rollback-under-fault | 6 | 6 | 6 | 0 | 4 |

      All 64 cells were rehearsed, 0 skipped.

      Not struck:

      | cells | why |
      |---|---|
      | 3 | operator-stale-reading: that visit reads nothing |
      | 1 | operator-swaps: no step comes after that step in its list |

      ### What came of each fault at each step (the worst of its places and targets)

      \`\`\`text
                 1  2
        promote  L  L
        route    L  L
        remove   L  L
        L = acknowledged writes lost
        Without any fault it is L, too: acknowledged writes lost.
        process and machine  1 process-kill
        network              2 partition
      \`\`\`

      ### Point of no return

      \`\`\`text
        declared  none
        measured  once route has begun (turning back before remove: writes lost in 2
                  of 2)
                  under process-kill: before the first step (turning back before
                  promote: not serving in 1 of 1)
        3 boundaries, 2 lucks each; under each kind of fault 1 luck
      \`\`\`

      ### Which mistakes of the operator the runbook survives

      | step | skips | repeats | swaps | wrong | stale |
      |---|---|---|---|---|---|
      | promote | DOWN | SPLIT | LOST | LOST |  |
      | route | LOST | LOST | LOST | LOST |  |
      | remove | LOST | LOST |  | LOST |  |

      0 of 11 that could be made (0 %) break nothing. Blank: the mistake cannot be made there. wrong: a command goes to the wrong member or node; stale: a reading shows the past. No check is judged by this.

      ### Explored

      24 combinations of step, situation of the cluster and fault met.
      "
    `)
    // Quantiles and intervals are of draws.
    expect(markdown).not.toMatch(/### Measured|95 % interval|### Claimed/)
    const junit = readFileSync('out/junit.xml', 'utf8')
    const { sweep, checks } = read('out/result.json')
    const cases = [...junit.matchAll(/<testcase classname="swap" name="([^"]*)" time="0"(\/?)>(?:\n\s*<(failure|skipped))?/g)].map(([, name, passed, how]) => `${passed === '/' ? 'pass' : (how ?? '')} ${name ?? ''}`)
    for (const { id } of checks.filter((check) => check.id !== 'objectives-met')) expect(cases.filter((each) => each.split(' ')[1] === id)).toHaveLength(1)
    expect(cases.filter((each) => each.includes('sweep '))).toMatchInlineSnapshot(`
      [
        "failure sweep fault-free: without a fault",
        "failure sweep faults: one fault: each step boundary and wait (of a gate’s polls the first and the last), each kind, each target there",
        "pass sweep mistakes: one mistake of the operator at each visit of a step (judged by nobody)",
        "pass sweep rollback: the operator turns back at each boundary",
        "pass sweep rollback-under-fault: the same while a fault strikes there",
      ]
    `)
    expect(cases.filter((each) => each.includes('sweep '))).toHaveLength(sweep?.blocks.filter(({ size }) => size > 0).length ?? 0)
  })

  test('shards merged and shown again are the whole', async () => {
    await proofroll(['sweep', 'swap.yaml', ...SMALL, '--json', 'whole.json', '-q'])
    for (const n of [2, 1, 3]) await proofroll(['sweep', 'swap.yaml', ...SMALL, '--shard', `${n}/3`, '--json', `part-${n}.json`, '-q'])
    const merged = await proofroll(['merge', 'part-3.json', 'part-1.json', 'part-2.json', '--json', 'merged.json'])
    expect(merged.code).toBe(1)
    expect(timeless('merged.json')).toEqual(timeless('whole.json'))
    const again = await proofroll(['report', 'merged.json'])
    expect(again).toEqual({ ...merged, err: '' })
  })

  test('resumed after an interruption it is the whole', async () => {
    await proofroll(['sweep', 'swap.yaml', ...SMALL, '--json', 'whole.json', '-q'])
    // What a killed command leaves: some of the runs, of all that were asked for.
    await proofroll(['sweep', 'swap.yaml', ...SMALL, '--json', 'part.json', '--runs', '30', '-q'])
    const { asked } = read('whole.json')
    writeFileSync('whole.json.partial', JSON.stringify({ ...read('part.json'), asked, partial: true, counterexamples: [] }))
    const before = timeless('whole.json')
    const { err, code } = await proofroll(['sweep', 'swap.yaml', ...SMALL, '--json', 'whole.json', '-q', '--resume'])
    expect([err, code]).toEqual(['', 1])
    expect(timeless('whole.json')).toEqual(before)
    expect(existsSync('whole.json.partial')).toBe(false)
  })

  test('a shard in which nothing is judged says so', async () => {
    const { out, code } = await proofroll(['sweep', 'fenced.yaml', ...SMALL, '--first', '121', '--runs', '35', '-q'])
    expect(out.replace(/\s+/g, ' ')).toContain('Nothing here is judged: mistakes of the operator')
    expect(code).toBe(0)
  })
})

describe('a result of another version is refused in one line', () => {
  beforeAll(async () => {
    enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK })
    await proofroll(['sweep', 'swap.yaml', ...SMALL, '--json', 'now.json', '--report', 'out', '-q'])
  })

  /** Every path of a value, lists by their first element. */
  const paths = (value: unknown): string[][] =>
    typeof value !== 'object' || value === null ? [] : Object.entries(value).filter(([key]) => !Array.isArray(value) || key === '0').flatMap(([key, inner]) => [[key], ...paths(inner).map((path) => [key, ...path])])
  const withoutPath = (value: object, path: readonly string[]): object => {
    const copy = structuredClone(value)
    const holder = path.slice(0, -1).reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, copy as Record<string, unknown>)
    delete holder[path.at(-1) as string]
    return copy
  }

  test('whatever field is missing, reading it back either works or is one clear error, never a crash', async () => {
    const now = read('now.json')
    const all = paths(now).filter((path) => !/^\d+$/.test(path.at(-1) as string))
    expect(all.length).toBeGreaterThan(300)
    const picked = all.filter((path, i) => path.length === 1 || i % 9 === 0)
    for (const path of picked) {
      writeFileSync('old.json', JSON.stringify(withoutPath(now, path)))
      const { code, err, out } = await proofroll(['report', 'old.json', '-q'])
      expect([2, 1], `${path.join('.')}: ${err}`).toContain(code)
      if (code === 2) expect([out, err.trimEnd().split('\n').slice(1).filter((line) => !line.startsWith('    '))], path.join('.')).toEqual(['', []])
    }
  }, 120_000)

  test('a build of the same version that counts other things is named, whichever way round', async () => {
    const spoil = (change: (result: CampaignResult) => void): string => {
      const copy = structuredClone(read('now.json')) as CampaignResult
      change(copy)
      writeFileSync('other.json', JSON.stringify(copy))
      return 'other.json'
    }
    for (const command of ['report', 'merge']) {
      const lacking = await proofroll([command, spoil(({ aggregate, measures }) => { delete (aggregate.measures as Record<string, unknown>)['capacityDeficitNodeHours']; delete (measures as Record<string, unknown>)['capacityDeficitNodeHours'] })])
      expect([lacking.code, lacking.out]).toEqual([2, ''])
      expect(oneLine(lacking.err)).toMatch(/^other.json: another build of Proofroll wrote this \(it says ([\d.]+); this is \1\): it lacks the measure capacityDeficitNodeHours. Rehearse again with this build, or show it with that one$/)
      const more = await proofroll([command, spoil(({ aggregate }) => { (aggregate.measures as Record<string, unknown>)['wattHours'] = aggregate.measures.splitBrainSeconds })])
      expect([more.code, oneLine(more.err)]).toEqual([2, expect.stringContaining('it has the measure wattHours, which this one does not know')])
      const checks = await proofroll([command, spoil(({ aggregate }) => { delete (aggregate.checks as Record<string, unknown>)['terminates'] })])
      expect(oneLine(checks.err)).toContain('it lacks the check terminates')
    }
  })

  test('report, merge, --resume and replay name what is missing', async () => {
    const said = 'another version or build of Proofroll wrote this file'
    writeFileSync('old.json', JSON.stringify(withoutPath(read('now.json'), ['aggregate', 'cells'])))
    for (const command of ['report', 'merge']) {
      const { code, out, err } = await proofroll([command, 'old.json'])
      expect([code, out]).toEqual([2, ''])
      expect(oneLine(err)).toContain(`old.json: \`aggregate.cells\` is missing: ${said}`)
    }
    writeFileSync('r.json.partial', readFileSync('old.json', 'utf8'))
    const resumed = await proofroll(['sweep', 'swap.yaml', ...SMALL, '--json', 'r.json', '--resume'])
    expect([resumed.code, existsSync('r.json')]).toEqual([2, false])
    expect(oneLine(resumed.err)).toContain('r.json.partial: `aggregate.cells` is missing')
    // Not wanted, it need not be readable.
    const anew = await proofroll(['sweep', 'swap.yaml', ...SMALL, '--json', 'r.json', '-q'])
    expect([anew.code, anew.err]).toEqual([1, 'r.json.partial: an interrupted command had done rehearsals that this version cannot read; without --resume they are done again\n'])
    const { file } = read('out/result.json').counterexamples[0] ?? {}
    const found = JSON.parse(readFileSync(file ?? '', 'utf8')) as object
    writeFileSync('old-found.json', JSON.stringify(withoutPath(found, ['expected', 'hash'])))
    const replayed = await proofroll(['replay', 'old-found.json'])
    expect([replayed.code, replayed.out]).toEqual([2, ''])
    expect(oneLine(replayed.err)).toContain(`old-found.json: \`expected.hash\` is missing: ${said}`)
  })

  test('of another sort than it should be, it is named, too', async () => {
    const now = read('now.json')
    writeFileSync('bad.json', JSON.stringify({ ...now, aggregate: { ...now.aggregate, simulatedUs: 'many' } }))
    expect((await proofroll(['report', 'bad.json'])).err).toContain('`aggregate.simulatedUs` is not digits')
    writeFileSync('bad.json', JSON.stringify({ ...now, strategy: { kind: 'guided' } }))
    expect((await proofroll(['report', 'bad.json'])).err).toContain('`strategy.kind` is not one of random, sweep')
  })
})
