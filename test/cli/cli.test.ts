import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { screenOf } from '../../src/cli/context.ts'
import type { CampaignResult } from '../../src/campaign/index.ts'
import { expectRunbook } from '../../src/vitest.ts'
import { FENCED, SWAP, SWAP_RUNBOOK, engine, enterFolder, oneLine, proofroll } from './workshop.ts'

const read = (file: string): CampaignResult => JSON.parse(readFileSync(file, 'utf8')) as CampaignResult
const files = { 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK, 'compose.yaml': 'services: {}\n' }

describe('run', () => {
  beforeEach(() => void enterFolder(files))

  test('rehearses the scenarios of the folder and says what gave way; exit 1', async () => {
    const { code, out, err } = await proofroll(['run', '--runs', '20'])
    expect(code).toBe(1)
    expect(err).toBe('')
    expect(out).toContain('VIOLATED  swap')
    expect(out.replace(/\s+/g, ' ')).toContain('lost acknowledged writes, had two leaders that could take writes at once')
    expect(out).toMatch(/✗ \d\d:\d\d\.\d {2}2 route/)
    expect(out).toContain('nothing had stopped m-0 before')
    expect(out).toContain('proofroll replay reports/swap/no-acknowledged-write-lost-overlap-route.json')
  })

  test('objectives held: exit 0', async () => {
    writeFileSync('fenced.yaml', FENCED)
    const { code, out } = await proofroll(['run', 'fenced.yaml', '--runs', '10', '--set', 'load.writesPerSecond=10'])
    expect(out).toContain('HELD  fenced')
    expect(code).toBe(0)
    expect(existsSync('reports')).toBe(false)
  })

  test('--json, --junit and --report write whole files; several scenarios give an array', async () => {
    writeFileSync('fenced.yaml', FENCED)
    const { code, out } = await proofroll(['run', 'swap.yaml', 'fenced.yaml', '--runs', '5', '--quiet', '--json', 'a/b.json', '--junit', 'j.xml', '--report', 'out'])
    expect(code).toBe(1)
    expect(out.trimEnd().split('\n').filter((line) => /^(?:HELD|VIOLATED) /.test(line))).toHaveLength(2)
    expect((JSON.parse(readFileSync('a/b.json', 'utf8')) as unknown[]).length).toBe(2)
    expect(readFileSync('j.xml', 'utf8')).toContain('<testsuite name="fenced"')
    expect(readdirSync('out').sort()).toEqual(['charts', 'index.html', 'junit.xml', 'report.md', 'result.json', 'story.txt', 'swap', 'traces'])
    expect(readFileSync('out/story.txt', 'utf8')).toContain('Who led')
    expect(readFileSync('out/report.md', 'utf8')).toContain('## swap: ❌ violated')
    expect(readdirSync('.').filter((file) => file.endsWith('.tmp'))).toEqual([])
  })

  test('--json - gives one JSON document on standard output and nothing beside it, and replay does as well', async () => {
    const run = await proofroll(['run', 'swap.yaml', '--runs', '5', '--json', '-', '--jobs', '1'])
    expect(run.code).toBe(1)
    const { counterexamples } = JSON.parse(run.out) as { counterexamples: readonly { readonly file: string }[] }
    const again = await proofroll(['replay', counterexamples[0]?.file ?? '', '--json', '-'])
    expect(again.code).toBe(1)
    expect(JSON.parse(again.out)).toMatchObject({ stillFails: true })
    expect(existsSync('-')).toBe(false)
    expect((await proofroll(['run', 'swap.yaml', '--json', '-', '--resume'])).code).toBe(2)
  })

  test('the same arguments give the same result; shards merged give it too', async () => {
    const options = ['run', 'swap.yaml', '--runs', '41', '--faults', '2', '--seed', 'x', '--quiet', '--jobs', '1']
    await proofroll([...options, '--json', 'whole.json'])
    await proofroll([...options, '--json', 'again.json'])
    for (const n of [1, 2, 3]) await proofroll([...options, '--shard', `${n}/3`, '--json', `shard${n}.json`])
    const merged = await proofroll(['merge', 'shard2.json', 'shard3.json', 'shard1.json', '--quiet', '--json', 'merged.json'])
    expect(merged.code).toBe(1)
    expect(timeless(read('again.json'))).toEqual(timeless(read('whole.json')))
    expect(timeless(read('merged.json'))).toEqual(timeless(read('whole.json')))
    const twice = await proofroll(['merge', 'shard1.json', 'whole.json'])
    expect(twice).toMatchObject({ code: 2, out: '', err: 'runs 0…12 are in both results; merging would count them twice\n' })
  })

  test('report shows the same screen again', async () => {
    const first = await proofroll(['run', 'swap.yaml', '--runs', '7', '--json', 'r.json'])
    const again = await proofroll(['report', 'r.json'])
    expect(again.out).toBe(first.out)
    expect(again.code).toBe(1)
  })

  test('--without takes kinds out; what is left out everywhere is refused', async () => {
    await proofroll(['run', 'swap.yaml', '--runs', '20', '--faults', '1', '--without', 'operator-killed,partition', '--quiet', '--json', 'r.json'])
    const result = read('r.json')
    expect(Object.keys(result.aggregate.kinds)).not.toContain('partition')
    expect(result.without).toEqual(['operator-killed', 'partition'])
    expect((await proofroll(['run', 'swap.yaml', '--without', 'gravity'])).err).toContain('--without gravity: there is no such fault kind. The kinds are:')
    expect((await proofroll(['run', 'swap.yaml', '--without', 'partitoin'])).err).toContain('--without partitoin: there is no such fault kind; did you mean `partition`?')
    const { code, err } = await proofroll(['run', 'swap.yaml', '--without', 'node-loss,kill'])
    expect([code, err]).toEqual([2, expect.stringMatching(/^--without kill: .*did you mean .*`process-kill`/)])
  })
})

test('run in a folder without a scenario is wrong input, and writes nothing', async () => {
  enterFolder({ 'compose.yaml': 'services: {}\n' })
  const { code, out, err } = await proofroll(['run', '--json', 'r.json'])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain('there is no scenario in this folder')
  for (const way of ['proofroll run upgrade.yaml', 'proofroll init postgres', 'proofroll demo']) expect(err).toContain(way)
  expect(readdirSync('.')).toEqual(['compose.yaml'])
})

describe('replay', () => {
  beforeAll(async () => {
    enterFolder(files)
    await proofroll(['run', 'swap.yaml', '--runs', '30', '--faults', '2', '--quiet'])
  })
  const file = 'reports/swap/no-acknowledged-write-lost-overlap-route.json'

  test('every counterexample plays the same, and exits 1 while it fails', async () => {
    const found = readdirSync('reports/swap')
    expect(found.length).toBeGreaterThan(3)
    for (const name of found) {
      const { code, out } = await proofroll(['replay', `reports/swap/${name}`])
      expect(out.split(':')[0], name).toBe('same')
      expect(code).toBe(1)
    }
  })

  test('the gravest carries its smallest form, which replays too; one that was tampered with is changed', async () => {
    const counterexample = JSON.parse(readFileSync(file, 'utf8')) as { smallest: { without: string[]; set: Record<string, string>; hash: string } }
    expect(counterexample.smallest).toMatchObject({ set: { 'cluster.members': '2' } })
    expect((await proofroll(['replay', file])).out).toContain(`Its smallest form too: same, trace ${counterexample.smallest.hash}`)
    writeFileSync('tampered.json', JSON.stringify({ ...counterexample, smallest: { ...counterexample.smallest, without: [] } }))
    const { code, out } = await proofroll(['replay', 'tampered.json'])
    expect(out).toContain('changed, but only its smallest form: no-acknowledged-write-lost/overlap/route')
    expect(out).toContain('Its smallest form: changed, ')
    expect(code).toBe(1)
  })

  test('--explain looks into any file, and --json says the same as data', async () => {
    const { code, out } = await proofroll(['replay', file, '--explain', '--json', 'replayed.json'])
    expect(code).toBe(1)
    for (const part of ['Since when it was inevitable', 'What leaving steps out or exchanging them would have done', 'that the failure takes: without the other one']) expect(out).toContain(part)
    const data = JSON.parse(readFileSync('replayed.json', 'utf8')) as object
    expect(data).toMatchObject({ kind: 'proofroll replay', is: 'same', stillFails: true, smallest: { is: 'same' }, explained: { smallest: { minimal: true }, twins: { tried: expect.any(Number) } } })
  })

  test('--on plays it on the scenario as it is now: exit 0 once it is mended', async () => {
    const same = await proofroll(['replay', file, '--on', 'swap.yaml'])
    expect([same.code, same.out.split(':')[0]]).toEqual([1, 'same'])
    writeFileSync('swap-mended.yaml', FENCED)
    const mended = await proofroll(['replay', file, '--on', 'swap-mended.yaml'])
    expect(mended.out).toContain('changed: on swap-mended.yaml as it is now,\nno-acknowledged-write-lost/overlap/route does not fail any more')
    expect(mended.code).toBe(0)
    expect(await proofroll(['replay', file, '--on', 'gone.yaml'])).toMatchObject({ code: 2, out: '' })
  })

  test('a changed runbook is told apart, and exits 0 when nothing fails', async () => {
    const counterexample = JSON.parse(readFileSync(file, 'utf8')) as { source: { yaml: string; files: Record<string, string> } }
    counterexample.source.yaml = FENCED
    writeFileSync('mended.json', JSON.stringify(counterexample))
    const { code, out } = await proofroll(['replay', 'mended.json'])
    expect(out).toContain('changed: no-acknowledged-write-lost/overlap/route does not fail any')
    expect(code).toBe(0)
  })

  test('other files are refused', async () => {
    expect(await proofroll(['replay', 'swap.yaml'])).toMatchObject({ code: 2 })
    writeFileSync('x.json', '{}')
    expect((await proofroll(['replay', 'x.json'])).err).toContain('x.json: this is no counterexample file')
    expect((await proofroll(['merge', 'x.json'])).err).toContain('x.json: this is no result of `proofroll run --json`')
    expect(await proofroll(['replay', 'gone.json'])).toEqual({ code: 2, out: '', err: 'there is no file gone.json\n' })
  })
})

describe('wrong input: exit 2, one block, nothing run', () => {
  beforeEach(() => void enterFolder(files))

  test.each([
    [['run', '--runs', 'many'], '--runs many: expected a whole number from 1 on'],
    [['run', '--shard', '5/4'], '--shard 5/4: expected i/n with i from 1 to n'],
    [['run', '--set', 'x'], '--set x: expected PATH=VALUE'],
    [['run', '--rnus', '3'], "unknown option '--rnus'"],
    [['run', 'swap.yaml', 'swap.yaml'], 'swap is named twice'],
    [['run', 'swap.runbook.yaml'], 'swap.runbook.yaml: this is a runbook; name the scenario'],
    [['rnu'], "unknown command 'rnu'"],
    [['sweep', 'swap.yaml', '--jobs', '1', '--first', '9999'], 'cells, numbered from 0'],
    [['sweep', 'swap.yaml', '--strengths', 'some'], 'Allowed choices are usual, range'],
    [['init', 'oracle'], 'there is no engine `oracle`; there is: toy'],
    [['facts', 'NOPE-1'], 'no rule is named `NOPE-1`'],
  ])('%j', async (argv, message) => {
    const { code, err, out } = await proofroll(argv)
    expect(err).toContain(message)
    expect({ code, out }).toEqual({ code: 2, out: '' })
  })

  test('all that is wrong in all files comes at once', async () => {
    writeFileSync('a.yaml', SWAP.replace('writesPerSecond', 'writePerSecond'))
    writeFileSync('b.yaml', SWAP.replace('./swap.runbook.yaml', './swop.runbook.yaml'))
    const { code, err, out } = await proofroll(['run', 'a.yaml', 'b.yaml'])
    expect(err).toMatch(/a\.yaml:4:\d+: .*writePerSecond/)
    expect(err).toContain('writesPerSecond')
    expect(err).toMatch(/b\.yaml:5:\d+: .*swop/)
    expect({ code, out }).toEqual({ code: 2, out: '' })
  })

  test('a defect of ours is exit 3 and says how to meet it again', async () => {
    const rehearser = { seedOf: () => '', scheduleOf: () => [], scout: () => { throw new TypeError('oops') }, rehearse: () => { throw new TypeError('oops') } }
    const { code, err } = await proofroll(['run', 'swap.yaml', '--runs', '3'], { rehearser })
    expect(code).toBe(3)
    expect(err).toContain('has a defect in run 0 (`--first 0 --runs 1 --jobs 1` meets it again)')
    expect(err).toContain('TypeError: oops')
  })
})

describe('the other commands', () => {
  beforeEach(() => void enterFolder(files))

  test('check: findings of a runbook and a scenario together', async () => {
    writeFileSync('bad.runbook.yaml', SWAP_RUNBOOK.replace('stop m-0', 'stpo m-0').replace('promote m-1', 'promote'))
    const { code, err, out } = await proofroll(['check', 'bad.runbook.yaml', 'swap.yaml'])
    expect(err).toMatch(/bad\.runbook\.yaml:4:.*promote/)
    expect(err).toMatch(/bad\.runbook\.yaml:6:.*stpo/)
    expect(out).toContain('swap.yaml: every command is understood, 3 steps')
    expect(code).toBe(2)
  })

  test('what lint calls an error is one in check and in run', async () => {
    writeFileSync('swap.runbook.yaml', SWAP_RUNBOOK.replace('run: stop m-0', "run: 'stop ${candidat}'"))
    for (const argv of [['check', 'swap.runbook.yaml'], ['check', 'swap.yaml'], ['run', 'swap.yaml', '--runs', '1']]) {
      const { code, err, out } = await proofroll(argv)
      expect(err).toMatch(/^swap\.runbook\.yaml:6:.*\$\{candidat\} is never captured/)
      expect({ code, out }, argv.join(' ')).toEqual({ code: 2, out: '' })
    }
  })

  test('list names what is built and what is not; --diagram draws', async () => {
    const { out, code } = await proofroll(['list'])
    expect(code).toBe(0)
    for (const words of ['toy', 'Elasticsearch shard rebalancing', 'Presslabs', 'MySQL Ferris wheel']) expect(out.replace(/\s+/g, ' ')).toContain(words)
    expect((await proofroll(['list', '--diagram', 'swap.yaml'])).out).toMatch(/^stateDiagram-v2\n/)
  })

  test('init writes the starter files and overwrites nothing', async () => {
    expect(await proofroll(['init', 'toy'])).toMatchObject({ code: 0 })
    writeFileSync('toy.yaml', 'mine')
    const { code, err } = await proofroll(['init', 'toy'])
    expect(oneLine(err)).toBe('toy.yaml, toy.runbook.yaml: already here, and not overwritten. Move it away, or run this in an empty folder.')
    expect(code).toBe(2)
    expect(readFileSync('toy.yaml', 'utf8')).toBe('mine')
  })

  test('facts: all rules, or one with source and test', async () => {
    expect((await proofroll(['facts'])).out).toContain('TOY-ACK-1')
    expect((await proofroll(['facts', 'toy-ack'])).out).toContain('source: made up')
  })

  test('facts of PostgreSQL: with those of Kubernetes under it, by model, in 80 columns', async () => {
    const { out } = await proofroll(['facts'], { engines })
    expect(out).toMatch(/^PostgreSQL [^:]*:\s\d+ rules\n[\s\S]*PG-ACK-1[\s\S]*\nKubernetes \(AKS\): \d+ rules\n[\s\S]*K8S-POD-2/)
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([])
    const one = await proofroll(['facts', 'K8S-POD-2'], { engines })
    expect(one.out).toMatch(/^K8S-POD-2\n[\s\S]*source: kubernetes.io pod-lifecycle\n.*test:.*test\/kubernetes\/pod\.test\.ts\n$/)
  })

  test('help and version', async () => {
    expect(await proofroll(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string })
    const { out, code } = await proofroll(['--help'])
    expect(code).toBe(0)
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([])
  })
})

describe('a user’s own suite', () => {
  test('toHold throws the whole story; toViolate keeps a known defect found', async () => {
    enterFolder(files)
    await expect(expectRunbook('swap.yaml').toHold({ runs: 5, engines: [engine] })).rejects.toThrow(/VIOLATED {2}swap[\s\S]*Who led[\s\S]*proofroll replay reports/)
    await expect(expectRunbook('swap.yaml').toViolate('no-split-brain', { runs: 5, engines: [engine], folder: null })).resolves.toMatchObject({ runs: 5 })
    await expect(expectRunbook('swap.yaml').toViolate('terminates', { runs: 5, engines: [engine], folder: null })).rejects.toThrow('no rehearsal violated terminates')
  })
})

test('the screen: NO_COLOR, dumb terminals and other character sets', () => {
  expect(screenOf({ isTTY: true, columns: 200 }, { LANG: 'de_DE.UTF-8' })).toEqual({ columns: 110, colour: true, unicode: true })
  expect(screenOf({ isTTY: true, columns: 80 }, { NO_COLOR: '1', LANG: 'C' })).toEqual({ columns: 80, colour: false, unicode: false })
  expect(screenOf({}, {})).toEqual({ columns: 80, colour: false, unicode: true })
  expect(screenOf({ isTTY: true }, { TERM: 'dumb' })).toMatchObject({ colour: false, unicode: false })
})

/** A result without what may differ between two ways of doing the same work. */
function timeless(result: CampaignResult): unknown {
  const { elapsedSeconds: _elapsed, runsPerSecond: _speed, ...rest } = result
  return rest
}
