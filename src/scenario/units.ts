import { z } from 'zod'
import { HOUR, parseDurationUs, SECOND, type Us } from '../kernel/index.ts'
import { MEASURES, type MeasureId } from '../result.ts'

const DURATION_HELP = 'a duration is a number with its unit: 250ms, 30s, 5m, 1h30m'

/** A duration as people write it; µs after parsing. */
export const Duration = z
  .string({ error: DURATION_HELP })
  .regex(/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+$/, { error: DURATION_HELP })
  .transform((text): Us => parseDurationUs(text) ?? 0)

/** A duration, or `never`. */
export const DurationOrNever = z
  .string({ error: `${DURATION_HELP}, or never` })
  .regex(/^(?:never|(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+)$/, { error: `${DURATION_HELP}, or never` })
  .transform((text): Us => (text === 'never' ? Number.POSITIVE_INFINITY : (parseDurationUs(text) ?? 0)))

/** A duration, or `forever`. */
export const DurationOrForever = z
  .string({ error: `${DURATION_HELP}, or forever` })
  .regex(/^(?:forever|(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+)$/, { error: `${DURATION_HELP}, or forever` })
  .transform((text): Us => (text === 'forever' ? Number.POSITIVE_INFINITY : (parseDurationUs(text) ?? 0)))

const FIGURE_HELP = `a figure is a number in the measure’s unit; ${DURATION_HELP}`

/** A figure for a measure: a plain number in the measure's own unit, or a duration where the unit is a time. Still to be read by {@link inUnitOf}. */
export const Figure = z
  .union([z.number(), z.string().regex(/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+$/, { error: FIGURE_HELP })], { error: FIGURE_HELP })
  .describe('A number in the unit that ends the measure’s name; for times also a duration such as 30s.')
export type Figure = z.output<typeof Figure>

export const Measure = z.enum(MEASURES)

/** A figure in the unit of the measure; undefined when a duration was given for what is not a time. */
export function inUnitOf(measure: MeasureId, figure: Figure): number | undefined {
  if (typeof figure === 'number') return figure
  const us = parseDurationUs(figure) ?? 0
  if (measure.endsWith('Seconds')) return us / SECOND
  if (measure.endsWith('Hours')) return us / HOUR
  return undefined
}
