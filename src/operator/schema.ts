import { z } from 'zod'

/**
 * The grammar of a runbook: the one source of the types, of the errors and of the JSON Schema (`z.toJSONSchema(RunbookSchema, { io: 'input' })`).
 * Every key a DBA may write is here with its meaning; README.md shows them at work.
 */
const Duration = z
  .string({ error: 'a duration is written with its unit: 30s, 5m, 1h30m, 500ms' })
  .regex(/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+$/, 'a duration is written with its unit: 30s, 5m, 1h30m, 500ms')
  .describe('A duration with its unit: 500ms, 30s, 5m, 1h30m.')

const Scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'expected a text, a number or true/false' })
const Numeric = z.union([z.number(), z.string().regex(/^(?:-?\d+(?:\.\d+)?|.*\$\{.+\}.*)$/, 'expected a number or ${variable}')], { error: 'expected a number or ${variable}' })
const Name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, 'a name is letters, digits, _ and -, and begins with a letter')
const Id = z
  .union([z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'an id is letters, digits, `.`, `_` and `-`'), z.number()], { error: 'an id is a word or a number' })
  .transform(String)
  .describe('Names the step in goto, faults and reports. Default: its number, 1, 2, 2.1.')
const Lines = z
  .union([z.string(), z.array(z.string()).min(1)], { error: 'expected a command line or a list of command lines' })
  .describe('One command line or a list of them, run one after the other.')

const plainExpectation = {
  equals: Scalar.optional().describe('The trimmed output is exactly this.'),
  matches: z.string().optional().describe('A regular expression found in the output.'),
  min: Numeric.optional().describe('Every line of the output is a number, none smaller.'),
  max: Numeric.optional().describe('Every line of the output is a number, none larger.'),
  count: z
    .union([Numeric, z.strictObject({ min: Numeric.optional(), max: Numeric.optional() })])
    .optional()
    .describe('How many non-empty lines the output has.'),
}
const expectation = {
  ...plainExpectation,
  not: z.union([Scalar, z.strictObject(plainExpectation)]).optional().describe('What the output must not be: a text, or a condition.'),
}
const Expectation = z.strictObject(expectation)

const Otherwise = z
  .union([z.enum(['rollback', 'abort', 'continue']), z.strictObject({ goto: Id })], { error: 'expected rollback, abort, continue or {goto: ID}' })
  .describe('What follows a failure: rollback, abort, continue, or {goto: ID}.')

const Where = z.strictObject({ column: z.int().min(1), ...expectation })

const Pick = z.strictObject({
  from: z.string().describe('The text to choose from, usually ${a captured output}: one candidate a line.'),
  separator: z.string().optional().describe('A regular expression between columns. Default: blanks.'),
  skip: z.int().min(0).optional().describe('Header lines to leave out.'),
  where: z.union([Where, z.array(Where)]).optional().describe('Candidates whose columns fulfil these.'),
  column: z.int().min(1).optional().describe('The column compared. Without it the first candidate is taken.'),
  by: z.enum(['largest', 'smallest']).optional().describe('Default: largest.'),
  compare: z.enum(['number', 'lsn', 'text']).optional().describe('How values are compared. Default: as numbers, or as log positions like 0/3000148.'),
  take: z.int().min(1).optional().describe('The column whose value is captured. Default: 1.'),
  as: Name,
})

const stepKeys = {
  id: Id.optional(),
  title: z.string().optional(),
  note: z.string().optional().describe('For the reader; a step with nothing else is a reminder and takes no time.'),
  when: z.strictObject({ value: z.string(), ...expectation }).optional().describe('Skip the step unless this holds.'),
  run: Lines.optional(),
  parallel: z.array(z.string()).min(1).optional().describe('Command lines started together; the step ends when all have.'),
  gate: z.string().optional().describe('A command line, polled until `expect` holds.'),
  sleep: Duration.optional(),
  fail: z.string().min(1).optional().describe('Fails on purpose, with this reason; `otherwise` says what that does.'),
  pick: Pick.optional(),
  as: Name.optional().describe('The name under which the trimmed output is captured.'),
  collect: Name.optional().describe('Inside a loop: the trimmed output of each pass becomes a line of this name, which is empty when the loop begins.'),
  expect: Expectation.optional(),
  missing: z.enum(['fail', 'pass']).optional().describe('What empty, non-numeric or failed output does. Default: fail.'),
  for: Duration.optional().describe('How long the gate must hold without a break.'),
  every: Duration.optional().describe('Time between two polls. Default: 5s.'),
  timeout: Duration.optional().describe('After this the gate has failed, or the person ends the command (exit status 130).'),
  claims: z.union([z.string(), z.array(z.string())]).optional().describe('What passing says about the truth: caught-up(n), writable(n), one-leader, fenced(n), on-version(n, v).'),
  otherwise: Otherwise.optional(),
  retry: z.strictObject({ times: z.int().min(1).max(1000), every: Duration.optional() }).optional().describe('Try again this many times before `otherwise`.'),
  resume: z.enum(['rerun', 'skip', 'stop']).optional().describe('What someone who takes over does with a step begun and not done. Default: rerun.'),
  pointOfNoReturn: z.literal(true).optional(),
}

type StepList = z.ZodArray<z.ZodUnion<readonly [z.ZodString, typeof StepSchema]>>

/** One step: one action (`run`, `parallel`, `gate`, `sleep`, `fail`, `pick`, `forEach`, `steps` or only a `note`) and what surrounds it. */
export const StepSchema = z.strictObject({
  ...stepKeys,
  get forEach(): z.ZodOptional<typeof ForEach> {
    return ForEach.optional()
  },
  get steps(): z.ZodOptional<StepList> {
    return stepList().optional()
  },
  get undo(): z.ZodOptional<z.ZodUnion<readonly [z.ZodString, StepList]>> {
    return z.union([z.string(), stepList()]).optional().describe('Command line(s) or steps that take the step back.')
  },
})

const ForEach = z.strictObject({
  lines: z.string().optional().describe('A text, usually ${a captured output}: one item for each non-empty line.'),
  words: z.string().optional().describe('A text: one item for each word.'),
  list: z.array(Scalar).optional().describe('The items themselves.'),
  as: Name,
  get steps(): StepList {
    return stepList()
  },
})

function stepList(): StepList {
  return z.array(z.union([z.string(), StepSchema])).min(1, { error: 'a runbook needs at least one step' })
}

export const RunbookSchema = z.strictObject({
  format: z.literal(1, { error: 'this version of Proofroll reads format: 1' }),
  title: z.string(),
  description: z.string().optional(),
  source: z.string().optional().describe('Where the procedure comes from: an address or a page.'),
  vars: z.record(Name, Scalar).optional().describe('Names and their defaults, used as ${name}.'),
  otherwise: Otherwise.optional().describe('For every step that says nothing else. A script without `set -e` is `continue`.'),
  steps: stepList(),
  undo: z.union([z.string(), stepList()]).optional().describe('Run at the end of every rollback, after the steps’ own.'),
})

/** A runbook as it is written (YAML or TypeScript), before compiling. */
export type RunbookSource = z.input<typeof RunbookSchema>
export type StepSource = z.input<typeof StepSchema>
export type StepEntry = string | StepSource
export type ExpectationSource = z.input<typeof Expectation>
export type OtherwiseSource = z.input<typeof Otherwise>
export type PickSource = z.input<typeof Pick>
/** A runbook after the schema has checked it. */
export type Runbook = z.output<typeof RunbookSchema>
export type Step = z.output<typeof StepSchema>
