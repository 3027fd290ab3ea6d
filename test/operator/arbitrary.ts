import fc from 'fast-check'
import type { RunbookSource, StepSource } from '../../src/operator/index.ts'

/** Random runbooks over `maybe` (fails by its own luck), with nesting, loops, undo, retries, gotos and every way to resume. */
const leaf = fc.oneof(
  fc.record({ run: fc.constantFrom<string | string[]>('maybe 3', ['maybe 8', 'maybe 8'], 'set x 1') }),
  fc.record({ parallel: fc.constant(['maybe 6', 'maybe 9']) }),
  fc.record({ gate: fc.constantFrom('maybe 3', 'get x'), every: fc.constant('1s'), timeout: fc.constantFrom('2s', '5s'), for: fc.constantFrom('0s', '2s') }),
  fc.record({ sleep: fc.constantFrom('1s', '3s') }),
  fc.record({ pick: fc.constantFrom({ from: 'a 1\nb 2', column: 2, as: 'best' }, { from: '${x}', as: 'best' }) }),
  fc.record({ note: fc.constant('look around') }),
  fc.record({ fail: fc.constant('enough') }),
)
const extras = fc.record(
  {
    when: fc.constantFrom({ value: '${x}', equals: '1' }, { value: 'yes', equals: 'yes' }),
    resume: fc.constantFrom<'rerun' | 'skip' | 'stop'>('rerun', 'skip', 'skip', 'stop'),
    otherwise: fc.constantFrom<StepSource['otherwise']>('continue', 'continue', 'rollback', 'abort', { goto: 'one' }, { goto: 'two' }),
    undo: fc.constantFrom<NonNullable<StepSource['undo']>>('maybe 9', ['maybe 9', { gate: 'maybe 6', timeout: '3s', every: '1s', otherwise: 'continue' }], [{ forEach: { list: [1, 2], as: 'u', steps: ['maybe 9'] } }]),
    retry: fc.constantFrom({ times: 1 }, { times: 2, every: '1s' }),
  },
  { requiredKeys: [] },
)

function step(depth: number): fc.Arbitrary<StepSource> {
  const plain = fc.tuple(leaf, extras).map(([action, extra]) => {
    const step: Record<string, unknown> = { ...extra, ...action }
    if ('sleep' in step || 'note' in step || 'fail' in step) delete step['retry']
    return step as StepSource
  })
  if (depth === 0) return plain
  const body = fc.array(step(depth - 1), { minLength: 1, maxLength: 3 })
  const composite = fc.tuple(fc.oneof(body.map(steps => ({ steps })), fc.tuple(body, fc.integer({ min: 0, max: 3 })).map(([steps, n]) => ({ forEach: { list: Array.from({ length: n }, (_v, i) => i), as: 'item', steps } }))), extras).map(([action, extra]) => {
    const { retry: _none, ...rest } = extra
    return { ...rest, ...action } as StepSource
  })
  return fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: composite })
}

export const runbook: fc.Arbitrary<RunbookSource> = fc
  .tuple(fc.array(step(2), { minLength: 2, maxLength: 6 }), fc.option(fc.constant('maybe 9'), { nil: undefined }), fc.nat(20))
  .map(([steps, undo, point]) => {
    const [first, second, ...rest] = steps as [StepSource, StepSource, ...StepSource[]]
    const all = [{ ...first, id: 'one' }, { ...second, id: 'two' }, ...rest].map((s, i) => (i === point ? { ...s, pointOfNoReturn: true as const } : s))
    return { format: 1 as const, title: 'random', vars: { x: '' }, steps: all, ...(undo === undefined ? {} : { undo }) }
  })
