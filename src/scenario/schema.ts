/**
 * The scenario file: the one source of its types, its errors and its JSON Schema. Every default is here with its reason; the `cluster:`
 * section belongs to the engine that it names.
 */
import { z } from 'zod'
import { FAULT_KINDS } from '../faults/index.ts'
import { StepSchema } from '../operator/index.ts'
import { CommandsSection } from './commands.ts'
import { Duration, DurationOrForever, DurationOrNever, Figure, Measure } from './units.ts'

const LoadSchema = z
  .strictObject({
    writesPerSecond: z.number().min(0).max(10_000_000).default(500).describe('Writes that the client programs ask for, per second; of each shard where the data is sharded. [J]'),
    readsPerSecond: z.number().min(0).max(10_000_000).default(0).describe('Reads that the client programs ask for, per second; of each shard where the data is sharded. [J]'),
    loop: z.enum(['open', 'closed']).default('open').describe('open: arrivals do not wait for answers; closed: each connection thinks, writes and waits.'),
    think: Duration.default(100_000).describe('Think time of a closed loop. [J]'),
    cohorts: z.int().min(1).max(1000).default(4).describe('Groups of clients that behave alike; each carries an equal share of the load. [J]'),
    connections: z.int().min(1).max(1_000_000).default(40).describe('Database connections over all cohorts; of each shard where the data is sharded. [J]'),
    bytesPerWrite: z.int().min(1).max(1_000_000_000).default(2000).describe('Log bytes that one write causes, in bytes: 1–30 MB/s is a usual OLTP stream. [J]'),
    entrance: z.string().optional().describe('The way in: one of the engine’s entrances. Default: its first.'),
    timeout: Duration.default(5_000_000).describe('A client gives up on an answer after this; the outcome is then unknown. [J]'),
    queueAgeLimit: Duration.default(10_000_000).describe('An arrival that finds no free connection waits at most this long. [J]'),
    retry: Duration.default(1_000_000).describe('Pause between two attempts to connect. Reconnecting takes 10–500 ms and pools back off 0–5 s. [J]'),
    attempts: z.int().min(1).max(100).default(3).describe('How many times an operation is tried before the client program reports failure. [J]'),
    connectionLife: DurationOrNever.default(Number.POSITIVE_INFINITY).describe('A pooled connection is closed and opened anew after this age, or never.'),
    onReadOnly: z.enum(['reconnect', 'stay']).default('reconnect').describe('What a client does when it is told that the server is read-only.'),
    warningsAreUnknown: z.boolean().default(false).describe('Count a commit that came back with a warning as unknown instead of acknowledged.'),
    dnsCache: DurationOrForever.default(0).describe('How long the program itself keeps a resolved address before it asks its resolver again, or forever; it matters where the way in is a name whose records change (entrances `endpoint`, `dns`). libpq keeps none, a JVM 30 s.'),
  })
  .describe('The load of the client programs.')

const FaultsSchema = z
  .strictObject({
    kinds: z.array(z.enum(FAULT_KINDS)).min(1).optional().describe('The kinds drawn from; what else strikes is out of budget. Default: all that the engine knows, but for mistakes of the operator, a defective new version and corruption.'),
    without: z.array(z.enum(FAULT_KINDS)).optional().describe('Kinds left out.'),
    max: z.int().min(0).max(20).default(0).describe('How many faults a run draws at most; 0 = fault-free unless --faults says otherwise.'),
    maxDuration: Duration.default(900_000_000).describe('The longest duration drawn; beyond 15m only the loss of a node stays in budget.'),
    budget: z
      .strictObject({ members: z.int().min(0).optional().describe('How many data-bearing members faults alone may hold at once. Default: the engine’s rule.') })
      .default({})
      .describe('What a design must survive.'),
  })
  .describe('Which faults a campaign explores.')

const ObjectiveSchema = z
  .strictObject({
    measure: Measure.describe('What is measured; the unit ends the name.'),
    at: z.enum(['p50', 'p95', 'p99', 'max', 'mean']).default('p99').describe('Which quantile of the runs.'),
    max: Figure.optional().describe('The largest value that is good enough.'),
    min: Figure.optional().describe('The smallest value that is good enough.'),
    faults: z.enum(['any', 'none']).default('any').describe('none: it is about the upgrade alone, and is judged only where no fault was drawn.'),
  })
  .refine(o => o.max !== undefined || o.min !== undefined, { error: 'an objective needs `max` or `min`' })

const RunbookSection = z
  .union([z.string(), z.array(z.string()).min(1), z.array(z.union([StepSchema])).min(1)], {
    error: issue => (Array.isArray(issue.input) && issue.input.length === 0 ? 'a runbook needs at least one step' : '`runbook` is a file (`./fenced.runbook.yaml`), a list of files, or a list of steps (`- run: kubectl …`)'),
  })
  .describe('The procedure under test: a runbook file, a list of them run in order as one, or the steps themselves.')

const StartSection = z
  .union([z.string(), z.array(z.string()).min(1)], { error: '`start` is a list of command lines, or a runbook file' })
  .describe('Brings about the state that the runbook presupposes, before the clock counts: command lines, or a runbook file.')

const Text = z.union([z.string(), z.number(), z.boolean()]).transform(String)

function variableNames(value: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  for (const name of Object.keys(value)) if (!/^[A-Za-z_]\w*$/.test(name)) context.addIssue({ code: 'custom', path: [name], message: 'a variable’s name is letters, digits and `_`, such as NAMESPACE' })
}

/** How a shell script is started, and what is typed when it asks. */
export const ScriptSection = z
  .strictObject({
    arguments: z.array(Text).default([]).describe('Its arguments: `$1`, `$2`, …. Of several scripts each gets them.'),
    environment: z.record(z.string(), Text).superRefine(variableNames).default({}).describe('Variables of its environment.'),
    answers: z.array(Text).default([]).describe('What is typed when it asks (`read -p "Continue? [y/N]"`), in turn, each time it is run. Without any nobody sits at a terminal, as in CI: `read` then fails.'),
  })
  .describe('How the shell script of `runbook` is started: what you would write around its name, and type while it runs.')

const FileNames = z.union([z.string(), z.array(z.string()).min(1)])

/** What the same question needs on another engine. */
const OnEngineSchema = z.strictObject({
  description: z.string().optional().describe('What is rehearsed there.'),
  cluster: z.looseObject({}).describe('The cluster there; `engine` is known.'),
  start: FileNames.optional().describe('As `start`, there.'),
  load: z.looseObject({}).optional().describe('The load there.'),
  runbook: FileNames.describe('The runbook file there, or a list of them.'),
  faults: z.looseObject({}).optional().describe('The faults explored there.'),
  claims: z.looseObject({}).optional().describe('As `claims`, there.'),
  objectives: z.array(z.looseObject({})).optional().describe('As `objectives`, there.'),
  deadline: Duration.optional().describe('As `deadline`, there.'),
})

/** The sections of a scenario that another engine has its own of: each replaces the scenario's as a whole. */
export const ON_ENGINE_KEYS = Object.keys(OnEngineSchema.shape) as readonly (keyof typeof OnEngineSchema.shape)[]

/** The keys of a scenario file whose meaning does not depend on the engine. */
export const ScenarioSchema = z.strictObject({
  format: z.literal(1, { error: 'this version of Proofroll reads format: 1' }).describe('The version of this grammar.'),
  title: z.string().optional().describe('One line. Default: the runbook’s title.'),
  description: z.string().default('').describe('What is rehearsed here, and where it comes from.'),
  correctedBy: z.string().optional().describe('A scenario that does the same job without the mistakes of this one: reports name it where this one fails.'),
  extends: z.string().optional().describe('Another scenario file: what is written here overrides it, section by section and key by key.'),
  cluster: z.looseObject({ engine: z.string().describe('The simulated database.') }).describe('The simulated cluster; the other keys are the engine’s.'),
  start: StartSection.optional(),
  load: LoadSchema.prefault({}),
  runbook: RunbookSection,
  script: ScriptSection.optional(),
  commands: CommandsSection.optional(),
  faults: FaultsSchema.prefault({}),
  claims: z.partialRecord(Measure, Figure).default({}).describe('What the document promises, by measure: shown beside the measurement, never judged.'),
  objectives: z.array(ObjectiveSchema).default([]).describe('What must hold, over the runs of a campaign.'),
  deadline: Duration.describe('The operator is stuck when this much time has passed since the start or the last fault’s end.'),
  onEngine: z.record(z.string(), OnEngineSchema).optional().describe('The same question on other engines, by engine: chosen with `--set cluster.engine=…`, and by `compare` when the first scenario is of that engine. Each section stands in place of the scenario’s.'),
})
export type ScenarioFile = z.output<typeof ScenarioSchema>
