/** A report of 10,000 rehearsals is there in three seconds: CPU time, for other work must not count. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeReport } from '../../src/report/index.ts'
import { told } from './pages.ts'

test('everything that --report writes of 10,000 rehearsals takes at most 3 s of CPU', async () => {
  const all = [told(10_000, 2)]
  expect(all[0]!.result.runs).toBe(10_000)
  const folder = mkdtempSync(join(tmpdir(), 'proofroll-speed-'))
  try {
    const before = process.cpuUsage()
    expect(await writeReport(all, folder)).toEqual([])
    const { user, system } = process.cpuUsage(before)
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['charts', 'index.html', 'junit.xml', 'report.md', 'result.json', 'traces']))
    if (process.env['PROOFROLL_FIGURES'] !== undefined) console.log(`a report of 10,000 rehearsals: ${((user + system) / 1e6).toFixed(2)} s of CPU`)
    expect((user + system) / 1e6).toBeLessThan(3)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 60_000)
