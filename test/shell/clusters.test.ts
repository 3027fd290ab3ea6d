/**
 * The documents' own scripts, unchanged, on simulated clusters, in the three ways in which their names can be read (PG-T02): one StatefulSet and no other
 * names; the same with the other names as aliases; three StatefulSets. The facts' traps show at the lines that the facts name. Lines are those of the document.
 */
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { findScenario, loadScenarioWritten } from '../../src/scenario/index.ts'
import { type Block, shellBlocks } from './documents.ts'

const blocks = shellBlocks()
const ALIASES = '{ postgres-primary-0: postgres-cluster-0, postgres-replica-1-0: postgres-cluster-1, postgres-replica-2-0: postgres-cluster-2 }'
const SCHEMES = { literal: '', alias: `aliases: ${ALIASES}`, 'three sets': 'topology: three-statefulsets' }
type Scheme = keyof typeof SCHEMES

interface Answer {
  readonly line: number
  readonly code: number
  readonly text: string
}
interface Play {
  readonly result: RehearsalResult
  readonly answers: readonly Answer[]
}

const engineOf = (block: Block): string => (block.script.includes('redis-cli') ? 'redis' : block.script.includes('mongo') ? 'mongodb' : 'postgres')
const at = (line: number): Block => blocks.find(block => block.line === line) as Block

/** Rehearses a block on a cluster; `extends` takes a built-in scenario's cluster and load. */
function play(block: Block, cluster: readonly string[], options: { readonly extends?: string; readonly start?: string } = {}): Play {
  const base = options.extends === undefined ? undefined : findScenario(options.extends)
  const yaml = [
    'format: 1',
    ...(base === undefined ? [`load: { writesPerSecond: 200 }`, 'deadline: 3h'] : [`extends: ./${base.path.replace(/^.*\//, '')}`]),
    'cluster:', ...(base === undefined ? [`  engine: ${engineOf(block)}`] : ['  zones: 3']), ...cluster.filter(line => line !== '').map(line => `  ${line}`),
    'runbook: ./block.sh', ...(options.start === undefined ? [] : [`start: ${options.start}`]), '',
  ].join('\n')
  const scenario = loadScenarioWritten({ name: 'documented', folder: base === undefined ? import.meta.dirname : dirname(base.path), yaml, files: { 'block.sh': block.script } }, engines, {})
  const answers: Answer[] = []
  const result = rehearse({
    scenario, seed: '1', schedule: [],
    watch: () => ({ commandReturned: ({ step, output }) => void answers.push({ line: Number(step.slice(1)) + block.line - 1, code: output.code, text: (output.out + output.err).trim() }) }),
  })
  return { result, answers }
}

const answered = (played: Play, line: number): Answer[] => played.answers.filter(answer => answer.line === line)
const failing = ({ result }: Play): string[] => result.verdicts.filter(v => v.status === 'fail').map(v => v.check)
/** The document's line at which a check's failure began. */
const lineOf = ({ result }: Play, block: Block, check: string): number => Number(result.verdicts.find(v => v.check === check && v.status === 'fail')?.signature?.step.replace(/^\D+/, '')) + block.line - 1

describe.runIf(blocks.length > 0)('the scripts of the documents on clusters', () => {
  test('each runs to an end, or hangs where it says so, in every naming scheme', () => {
    const ran = blocks.flatMap(block => (engineOf(block) === 'postgres' ? (Object.keys(SCHEMES) as Scheme[]) : (['literal'] as const)).map(scheme => `${block.line} ${play(block, [engineOf(block) === 'postgres' ? SCHEMES[scheme] : '']).result.outcome}`))
    expect(ran.length).toBeGreaterThanOrEqual(50)
    expect(ran.filter(text => !/ (?:completed|aborted)$/.test(text))).toEqual(['138 stuck', '138 stuck', '138 stuck'])
  }, 120_000)

  test('PG-T02, PG-T08: with one StatefulSet the names of lines 121 and 123 are not found, and the prerequisites pass on that', () => {
    const literal = play(at(116), [SCHEMES.literal])
    for (const line of [121, 123]) expect(answered(literal, line)[0], String(line)).toMatchObject({ code: 1, text: expect.stringContaining('NotFound') as string })
    expect(literal.result.outcome).toBe('completed')
  })

  test.each([['', 'aborted'], ["synchronousStandbyNames: 'ANY 2 (*)'", 'aborted'], ["synchronousStandbyNames: 'FIRST 2 (*)'", 'completed']])('PG-T07: with %j the count of line 123 makes it end as %s', (sync, outcome) => {
    for (const scheme of ['alias', 'three sets'] as const) {
      const played = play(at(116), [SCHEMES[scheme], sync])
      expect(answered(played, 123)[0]?.text).toBe(outcome === 'completed' ? '2' : '0')
      expect(played.result.outcome).toBe(outcome)
    }
  })

  test('PG-T18: line 153 never returns', () => {
    const played = play(at(138), [SCHEMES.alias])
    expect(played.result.outcomeReason).toContain('the deadline passed in line 16')
    expect(16 + 138 - 1).toBe(153)
  })

  const FOUR = "['kubectl scale statefulset postgres-cluster --replicas=4', 'kubectl wait --for=condition=ready pod/postgres-cluster-3 --timeout=30m']"
  const failover = (scheme: Scheme): Play => play(at(161), [SCHEMES[scheme]], { extends: 'postgres-ferris-wheel/as-documented', start: FOUR })

  test('PG-T23, PG-T21, PG-T32: the lag of line 166 is blank and passes; two lead from line 176 on, and what the old one acknowledges is lost', () => {
    const alias = failover('alias')
    expect(answered(alias, 166)[0]).toMatchObject({ code: 0, text: '' })
    expect(answered(alias, 172)).toHaveLength(1)
    expect(answered(alias, 176)[0]?.code).toBe(0)
    expect(failing(alias)).toEqual(expect.arrayContaining(['no-split-brain', 'converges', 'no-false-success']))
    expect(lineOf(alias, at(161), 'no-split-brain')).toBe(176)
    const literal = failover('literal')
    expect(answered(literal, 166)[0]).toMatchObject({ code: 1, text: expect.stringContaining('NotFound') as string })
    expect(lineOf(literal, at(161), 'no-split-brain')).toBe(176)
  })

  test('PG-T38: after a failover to the fourth member, line 196 takes the new primary away', () => {
    const block: Block = { ...at(161), script: `${at(161).script}${at(193).script}` }
    const played = play(block, [SCHEMES.alias], { extends: 'postgres-ferris-wheel/as-documented', start: FOUR })
    expect(failing(played)).toContain('serves-at-end')
    const because = played.result.verdicts.find(v => v.check === 'serves-at-end')?.because ?? []
    expect(because.map(clause => clause.text).join('\n')).toContain('the runbook took postgres-cluster-3 away')
    // Clients have not written since then. The second block begins where the first one's lines end.
    const since = because.find(clause => clause.text.includes('has not written since'))?.step ?? ''
    expect(Number(since.slice(1)) - (at(161).script.split('\n').length - 1) + at(193).line - 1).toBe(196)
  })

  test.each(['alias', 'three sets'] as const)('PG-T21 with %s: lines 256 and 365 promote while the primary serves', scheme => {
    const first = play(at(256), [SCHEMES[scheme]])
    expect(lineOf(first, at(256), 'no-split-brain')).toBe(256)
    const last = play(at(358), [SCHEMES[scheme]])
    expect(answered(last, 365)[0]?.code).toBe(0)
    expect(failing(last)).toContain('no-split-brain')
    // With one StatefulSet the drain of line 368 starts the promoted one anew, and that is the longer of the two stretches.
    if (scheme === 'three sets') expect(lineOf(last, at(358), 'no-split-brain')).toBe(365)
    expect(failing(last)).toContain('no-acknowledged-write-lost')
  })

  test('recovery.conf of lines 314 to 316: the server does not start again, line 321 waits in vain, and the script says that all is well', () => {
    for (const scheme of ['alias', 'three sets'] as const) {
      const played = play(at(305), [SCHEMES[scheme]])
      expect(answered(played, 321)[0]).toMatchObject({ code: 1, text: expect.stringContaining('timed out') as string })
      expect(played.result.outcome).toBe('completed')
      expect(failing(played)).toEqual(expect.arrayContaining(['serves-at-end', 'no-false-success']))
    }
  })

  test('Redis: line 429 finds no name, line 430 forgets nobody, line 447 asks a master, and all of it is exit status 0', () => {
    const played = play(at(416), [])
    expect(answered(played, 429).map(a => a.code)).toEqual([0, 0, 0])
    expect(answered(played, 430)[0]).toMatchObject({ code: 0, text: expect.stringContaining('wrong number of arguments') as string })
    expect(answered(played, 447)[0]).toMatchObject({ code: 0, text: expect.stringContaining('You should send CLUSTER FAILOVER to a replica') as string })
    expect(played.result.outcome).toBe('completed')
  })

  test('MongoDB: line 474 is no command, line 477 a flag that kubectl does not have', () => {
    const played = play(at(471), [])
    expect(played.result.outcome).toBe('aborted')
    expect(answered(played, 477)[0]).toMatchObject({ code: 1, text: expect.stringContaining('unknown flag') as string })
  })
})

test.runIf(blocks.length === 0)('the documents are not at hand', () => {
  expect(blocks).toEqual([])
})
