/** Within what the defaults of the application may plausibly lie. VB = facts/vitess-bluegreen.md. */
import type { AssumptionRange } from '../../src/engine.ts'
import type { ApplicationOptions } from './options.ts'

const between = (low: number, high: number, source: string): AssumptionRange => ({ low, high, source })

export const RANGES: Partial<Record<keyof ApplicationOptions, AssumptionRange>> = {
  absentShare: between(0, 0.5, '[J]'),
  deleteShare: between(0, 0.3, '[J]'),
  followUpShare: between(0, 0.8, '[J]'),
  followUpMs: between(2, 1_000, '[J] one click twice, or a step of a workflow'),
  legMs: between(1, 50, 'VB §6 δ (1–50 ms) [J]'),
  legacyErrorP: between(0, 0.01, 'VB §6 (0–1e-2) [J]'),
  modernErrorP: between(0, 0.01, 'VB §6 (0–1e-2) [J]'),
  answerLostP: between(0, 0.01, 'VB §6 (0–1e-2) [J]'),
  requestTimeoutSeconds: between(1, 30, '[J]'),
  retryMs: between(50, 5_000, '[J]'),
  connectionLifeSeconds: between(60, 86_400, 'VB §6 (30 min) [J]'),
  drainSeconds: between(0, 30, '[J]'),
  startSeconds: between(1, 60, '[J]'),
  relayRowMs: between(0.1, 5, 'VB §6 (commit 1–3 ms) [J]'),
  cdcLagMs: between(100, 30_000, 'VB §6 (0.1 s and more) [J]'),
  cdcApplyRatio: between(1.05, 4, 'VB §6 (1.05–4)'),
  cdcFlushSeconds: between(1, 300, 'VB §6 (1–300 s)'),
  backfillRowsPerSecond: between(100, 50_000, 'VB §6 (100–50 k) [J]'),
  chunkRows: between(100, 10_000, 'gh-ost chunk-size 1000 [P]'),
  checksumRowsPerSecond: between(1_000, 500_000, '[J]'),
}
