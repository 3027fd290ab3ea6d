/** Schedules as files hold them: JSON with times in µs, or durations as people write them. */
import { z } from 'zod'
import { parseDurationUs } from '../kernel/index.ts'
import type { Schedule } from './schedule.ts'
import { isTarget } from './targets.ts'
import { FAULT_KINDS, faultSpec } from './vocabulary.ts'

const Time = z
  .union([z.number().min(0), z.string().refine(text => parseDurationUs(text) !== undefined)], { error: 'a time is a number of µs, or a duration such as 30s' })
  .transform(value => Math.round(typeof value === 'number' ? value : (parseDurationUs(value) ?? 0)))

const AnchorSchema = z.strictObject({
  step: z.string().min(1).describe('The id of a step.'),
  path: z.enum(['forward', 'undo']).default('forward'),
  visit: z.int().min(1).default(1).describe('A loop pass, retry or resume is a new visit.'),
  phase: z.enum(['start', 'await', 'end']).default('start'),
  command: z.int().min(1).default(1).describe('For `await`: which command of the visit; each gate poll is one.'),
  offsetUs: Time.default(0).describe('For `await`: how long after that command is issued, at the latest when it returns.'),
})

/** One fault; `durationUs` and `magnitude` default to what is usual for the kind. */
export const FaultSchema = z
  .strictObject({
    kind: z.enum(FAULT_KINDS),
    target: z.string().refine(isTarget, { error: 'a target is `role:leader`, `role:follower/0`, `any/3`, `operator`, or one of the engine’s such as `node:aks-1`' }),
    at: z.union([Time, AnchorSchema], { error: 'a time since the first step (`90s`, or µs), or an anchor {step, path, visit, phase, command, offsetUs}' }),
    durationUs: Time.optional(),
    magnitude: z.number().optional(),
  })
  .transform(fault => {
    const spec = faultSpec(fault.kind)
    return { ...fault, durationUs: fault.durationUs ?? spec.durationUs.usual, magnitude: fault.magnitude ?? spec.magnitude?.usual ?? 0 }
  })
  .superRefine((fault, context) => {
    const { durationUs, magnitude } = faultSpec(fault.kind)
    // Only the far ends: shrinking goes nearer to nothing than what is usually drawn.
    if (fault.durationUs > durationUs.max) context.addIssue({ code: 'custom', path: ['durationUs'], message: `${fault.kind} lasts at most ${durationUs.max} µs` })
    const least = Math.min(0, magnitude?.min ?? 0)
    if (fault.magnitude < least) context.addIssue({ code: 'custom', path: ['magnitude'], message: `${fault.kind} takes at least ${least}${magnitude === undefined ? '' : ` ${magnitude.unit}`}` })
    if (magnitude !== undefined && fault.magnitude > magnitude.max) context.addIssue({ code: 'custom', path: ['magnitude'], message: `${fault.kind} takes at most ${magnitude.max} ${magnitude.unit}` })
  })

export const ScheduleSchema = z.array(FaultSchema)

/** A schedule that cannot be used, with every reason. */
export class ScheduleError extends Error {
  constructor(
    readonly source: string,
    readonly problems: readonly string[],
  ) {
    super(problems.map(problem => `${source}: ${problem}`).join('\n'))
    this.name = 'ScheduleError'
  }
}

/**
 * Checks a schedule that came from a file.
 * @param source the file's name, for messages @param steps ids of the runbook's steps, to catch anchors that can never be reached
 * @throws ScheduleError with every problem
 */
export function parseSchedule(value: unknown, source: string, steps?: readonly { readonly id: string; readonly path: 'forward' | 'undo' }[]): Schedule {
  const parsed = ScheduleSchema.safeParse(value)
  if (!parsed.success) throw new ScheduleError(source, parsed.error.issues.map(issue => `${nameOf(issue.path)}: ${sentence(issue)}`))
  const problems: string[] = []
  parsed.data.forEach(({ at }, i) => {
    if (typeof at === 'number' || steps === undefined || steps.some(step => step.id === at.step && step.path === at.path)) return
    const ids = steps.filter(step => step.path === at.path).map(step => step.id)
    problems.push(`fault ${i + 1}: the runbook has no ${at.path} step \`${at.step}\`; there are: ${ids.join(', ')}`)
  })
  if (problems.length > 0) throw new ScheduleError(source, problems)
  return parsed.data
}

function nameOf(path: readonly PropertyKey[]): string {
  const [first, ...rest] = path
  if (typeof first !== 'number') return 'a schedule'
  return rest.length === 0 ? `fault ${first + 1}` : `fault ${first + 1}, \`${rest.join('.')}\``
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `unknown key ${issue.keys.map(key => `\`${key}\``).join(', ')}`
  if (issue.code === 'invalid_value') return `should be one of ${issue.values.join(', ')}`
  return issue.message.replace(/^Invalid input: /, '')
}
