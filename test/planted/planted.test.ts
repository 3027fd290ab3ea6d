/** Planted defects: the lists are sound, the committed findings are theirs, and a slice that is cheap to look for is found again. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { changed, variant } from '../variant.ts'
import { isSource, type RunbookDefect, type SourceDefect } from './defect.ts'
import { CALM, lookFor, MOST, withoutFaults } from './look.ts'
import { cannotPatch, mutate } from './mutate.ts'
import { everything, TABLE, tablePage } from './record.ts'

const all = everything()
const runbooks = all.flatMap(({ family, defect, finding }) => (isSource(defect) ? [] : [{ family, defect, finding }]))
const sources = all.flatMap(({ defect, finding }) => (isSource(defect) ? [{ defect, finding }] : []))
/** The whole sweep of the largest corrected scenario has fewer cells. */
const CELLS = 40_000
/** So many of a family are found again here; each is a rehearsal or two. */
const OF_EACH = 8

describe('the list', () => {
  test('is long enough, and every id is there once', () => {
    const ids = all.map(({ defect }) => defect.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(runbooks.length).toBeGreaterThanOrEqual(60)
    expect(sources.length).toBeGreaterThanOrEqual(60)
  })

  test('every patch can be put in: the line it changes is still there, once', () => {
    expect(sources.flatMap(({ defect }) => cannotPatch(defect).map(why => `${defect.id}: ${why}`))).toEqual([])
  })

  test('every runbook defect can be planted: its steps and texts are still there', () => {
    expect(runbooks.flatMap(({ defect }) => {
      try {
        changed(defect.scenario, defect.change)
        return []
      } catch (error) {
        return [`${defect.id}: ${String(error)}`]
      }
    })).toEqual([])
  })

  test('each has been looked for, at least 95 in 100 were found, and the page says so', () => {
    expect(all.filter(({ finding }) => finding === undefined).map(({ defect }) => defect.id)).toEqual([])
    for (const some of [runbooks, sources]) expect(some.filter(({ finding }) => finding?.found).length / some.length).toBeGreaterThanOrEqual(0.95)
    for (const { defect, finding } of runbooks) expect(finding?.after ?? 0, defect.id).toBeLessThanOrEqual(defect.look === undefined ? MOST : CELLS)
    expect(readFileSync(TABLE, 'utf8') === tablePage(), 'docs/planted-defects.md is not of these findings: npm run planted -- --table').toBe(true)
  })
})

describe('found again', () => {
  const cheap = runbooks.filter(({ finding }) => finding?.found && finding.after === 1)
  const first = cheap.filter(({ family }, i) => cheap.slice(0, i).filter(other => other.family === family).length < OF_EACH)

  test.each([...new Set(first.map(({ defect }) => defect.scenario))])('%s holds where nothing is planted', scenario => {
    expect(withoutFaults(variant(scenario), CALM / 4)).toMatchObject({ found: false })
  })

  test.each(first.map(({ defect, finding }) => [defect.id, defect, finding] as const))('%s', (_id, defect: RunbookDefect, finding) => {
    expect(lookFor({ ...defect, most: 1 })).toEqual(finding)
  })

  // Each starts a vitest of its own, so only a few; `npm run planted` tries all of them.
  const few = ['check-lost-inverted', 'harness-shrinker-takes-any-signature', 'rule-pg-follow-3-no-timeline-check']
  test.each(sources.filter(({ defect }) => few.includes(defect.id)).map(({ defect, finding }) => [defect.id, defect, finding] as const))('%s', async (_id, defect: SourceDefect, finding) => {
    expect(await mutate(defect)).toEqual(finding)
  })
})
