import { expect, test } from 'vitest'
import { faultSpec, FAULT_KINDS, isTarget, parseSchedule, VOCABULARY } from '../../src/faults/index.ts'

test('every kind says what it is, its range holds the usual value, and its example is a schedule', () => {
  for (const spec of VOCABULARY) {
    expect(spec.doc.length, spec.kind).toBeGreaterThan(30)
    expect(spec.doc.endsWith('.'), spec.kind).toBe(true)
    for (const range of [spec.durationUs, spec.magnitude]) {
      if (range === undefined) continue
      expect(range.min, spec.kind).toBeLessThanOrEqual(range.usual)
      expect(range.usual, spec.kind).toBeLessThanOrEqual(range.max)
      expect(range.source, spec.kind).toMatch(/\[[PMJ]/)
    }
    expect(spec.example.kind).toBe(spec.kind)
    expect(isTarget(spec.example.target), spec.kind).toBe(true)
    expect(parseSchedule(JSON.parse(JSON.stringify([spec.example])), 'example')).toEqual([spec.example])
  }
  expect(new Set(FAULT_KINDS).size).toBe(VOCABULARY.length)
})

test('only the loss of a node and a defect of the new version may last longer than a quarter of an hour', () => {
  const lasting = FAULT_KINDS.filter(kind => faultSpec(kind).mayLast)
  expect(lasting.filter(kind => faultSpec(kind).onlyWhenNamed !== 'defective-version')).toEqual(['node-loss', 'node-loss-with-volume'])
  expect(FAULT_KINDS.filter(kind => faultSpec(kind).onlyWhenNamed === 'defective-version' && !lasting.includes(kind))).toEqual([])
})
