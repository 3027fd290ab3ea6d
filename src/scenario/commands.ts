/** The `commands:` of a scenario: programs of one's own, as every shop has wrappers that no model knows. */
import { z } from 'zod'
import type { Engine } from '../engine.ts'
import { type Distribution, MILLISECOND } from '../kernel/index.ts'
import { BUILTIN_NAMES, type OwnAnswer, ownProgram } from '../operator/index.ts'
import { Duration } from './units.ts'

const SPREAD_HELP = 'a duration is `2s`, or a spread: `{ min: 1s, max: 5s }`, `{ min: 1s, usual: 2s, max: 5s }` or `{ median: 2s, p95: 8s }`'
/** How far beyond its 95th percentile a drawn duration may lie. */
const FARTHEST = 4

const Spread = z
  .strictObject({
    min: Duration.optional().describe('The shortest.'),
    usual: Duration.optional().describe('The most frequent: a triangle between `min` and `max`. Without it all between them are as likely.'),
    max: Duration.optional().describe('The longest. With `median` and `p95` its default is four times p95. [J]'),
    median: Duration.optional().describe('Half take less: a lognormal distribution.'),
    p95: Duration.optional().describe('Ninety-five of a hundred take less.'),
  })
  .refine(d => distributionOf(d) !== undefined, { error: SPREAD_HELP })

const AnswerSchema = z.strictObject({
  args: z.string().refine(isPattern, { error: '`args` is a regular expression for the arguments, joined by blanks: `^status( |$)`' }).optional().describe('Which invocations are answered so: a regular expression for the arguments, joined by blanks. Default: all.'),
  output: z.string().default('').describe('What it prints; a last line without an end gets one.'),
  error: z.string().default('').describe('What it prints to standard error.'),
  exit: z.int().min(0).max(255).default(0).describe('Its exit status.'),
  duration: z.union([Duration, Spread], { error: SPREAD_HELP }).default(100 * MILLISECOND).describe('How long it takes: a duration, or a spread from which each call draws. [J]'),
  where: z.enum(['workstation', 'containers', 'everywhere']).default('everywhere').describe('Where it is installed: at the operator’s desk, in the containers (`exec`), or both.'),
})
type Answer = z.output<typeof AnswerSchema>

const SECTION_HELP = 'a command is what it answers (`{ output: done, exit: 0, duration: 2s }`), or a list of such answers with `args` each'

/** The section: by name one answer, or several of which the first that fits is given. */
export const CommandsSection = z
  .record(z.string(), z.union([AnswerSchema, z.array(AnswerSchema).min(1)], { error: unionError }))
  .superRefine((commands, context) => {
    for (const name of Object.keys(commands)) {
      const message = !/^[A-Za-z0-9_][\w.+-]*$/.test(name) ? 'a command’s name is one word without a path, such as `notify-team`' : BUILTIN_NAMES.has(name) ? `\`${name}\` is a builtin of the shell, which no program can replace` : undefined
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message })
    }
  })
  .describe('Commands of your own, by name. What no answer fits goes to the cluster’s command of that name, if there is one.')
export type Commands = z.output<typeof CommandsSection>

/** The engine, whose clusters have these commands as well. */
export function withOwnCommands(engine: Engine, commands: Commands): Engine {
  const own = Object.entries(commands).map(([name, answers]) => ({ name, answers: (Array.isArray(answers) ? answers : [answers]).map(answerOf) }))
  if (own.length === 0) return engine
  return {
    ...engine,
    build(sim, options) {
      const cluster = engine.build(sim, options)
      cluster.commands.layOver(own.map(({ name, answers }) => ownProgram(sim, name, answers)))
      return cluster
    },
  }
}

function answerOf({ args, output, error, exit, duration, where }: Answer): OwnAnswer {
  return {
    args: args === undefined ? undefined : new RegExp(args),
    output: { out: ended(output), err: ended(error), code: exit },
    duration: typeof duration === 'number' ? { is: 'constant', value: duration } : (distributionOf(duration) as Distribution),
    where,
  }
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

function distributionOf({ min, usual, max, median, p95 }: { readonly [K in 'min' | 'usual' | 'max' | 'median' | 'p95']?: number | undefined }): Distribution | undefined {
  if (median !== undefined && p95 !== undefined && min === undefined && usual === undefined) {
    const longest = max ?? FARTHEST * p95
    return median > 0 && median <= p95 && p95 <= longest ? { is: 'lognormal', median, p95, max: longest } : undefined
  }
  if (min === undefined || max === undefined || median !== undefined || p95 !== undefined || min > max) return undefined
  if (usual === undefined) return { is: 'uniform', min, max }
  return min <= usual && usual <= max ? { is: 'triangular', min, mode: usual, max } : undefined
}

/** What is wrong inside the branch that was meant: a list or a single answer. */
function unionError(issue: { readonly input?: unknown; readonly errors?: readonly (readonly { readonly path: readonly PropertyKey[]; readonly message: string }[])[] }): string {
  const meant = issue.errors?.[Array.isArray(issue.input) ? 1 : 0]?.find(({ path }) => path.length > 0)
  return meant === undefined ? SECTION_HELP : `its \`${meant.path.map(String).join('.')}\`: ${meant.message}`
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}
