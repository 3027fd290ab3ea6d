import { Chance, type Distribution, MILLISECOND, NEVER, type Process, type Us } from '../../../src/kernel/index.ts'
import { type Call, type Command, type Finding, type Look, type Output, UnsupportedError } from '../../../src/operator/command.ts'
import { rememberedByWords } from '../../../src/operator/remembered.ts'
import { catalogsRead, compile, type Effect, type EffectResult, type SqlHost, SqlSyntaxError, unmodelledFunctions } from '../sql/index.ts'
import { parseOptions, type PsqlOptions, type Refusal, type Target } from './options.ts'
import { type Line, type Reading, Session } from './session.ts'

/** What an attempt to connect leads to. */
export type Connection =
  | { readonly is: 'ok'; readonly host: SqlHost; run(effect: Effect): Process<EffectResult>; close?(): void }
  /** `stderr` in psql's words (see `connectionErrors`); `afterUs` is how long the attempt takes, beyond the latency of the command. */
  | { readonly is: 'error'; readonly stderr: string; readonly code: 2; readonly afterUs: Us; readonly stableUntilUs?: Us }

/**
 * The server that a target leads to at this instant, as seen from where psql runs. Also asked by `look`, and then by no `run`:
 * it must have no effect of its own. `close` is called when psql ends.
 */
export type Resolve = (target: Target, call: Call) => Connection

export interface PsqlSetting {
  /** From starting psql until its query is judged: process start, connection, authentication. A pure function of (key, nth, argv). */
  readonly latencyUs?: (call: Call) => Us
  /** The instant now, told to those who look at something that moves by itself. */
  readonly nowUs?: () => Us
  /** psql's own version, for `--version`. */
  readonly version?: string
  /** What a file holds; by default one of the disk of whoever calls. */
  readonly readFile?: (call: Call, path: string) => string | undefined
  /** Whether a server here has a system catalog or view of that name: lets `check` name one that no query can read. */
  readonly hasCatalog?: (name: string) => boolean
}

const CONNECTION: Distribution = { is: 'uniform', min: 5 * MILLISECOND, max: 40 * MILLISECOND }

/** The latency of psql's connections as a draw of the rehearsal's own luck. */
export function connectionLatency(chance: Chance, distribution: Distribution = CONNECTION): (call: Call) => Us {
  return call => Math.max(0, Math.round(chance.sample(distribution, call.key, 'psql connection', call.nth)))
}

/** Where no luck is given: the same for a call in every rehearsal. */
const fixedLatency = connectionLatency(new Chance('psql'))

const VERSION = '15.18'
/** What psql takes from its environment; without them the words alone say all. */
const TARGET_VARIABLES = ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE', 'PGOPTIONS', 'PGTARGETSESSIONATTRS', 'PGCONNECT_TIMEOUT'] as const
const commonOptions = rememberedByWords(argv => parseOptions(argv, {}, VERSION))

const refused = (options: PsqlOptions | Refusal): options is Refusal => 'code' in options

/** Without a name, libpq takes the operating system's user, and the user's name as the database. */
function targetOf({ target }: PsqlOptions, call: Call): Target {
  const user = target.user ?? call.user
  const dbname = target.dbname ?? user
  return { ...target, ...(user !== undefined && { user }), ...(dbname !== undefined && { dbname }) }
}

/** The program `psql`. */
export function psqlCommand(resolve: Resolve, { latencyUs = fixedLatency, nowUs = () => 0, version = VERSION, readFile, hasCatalog = () => true }: PsqlSetting = {}): Command {
  const ofWords = version === VERSION ? commonOptions : (argv: readonly string[]) => parseOptions(argv, {}, version)
  const optionsOf = ({ argv, env }: Call): PsqlOptions | Refusal => (env === undefined || !TARGET_VARIABLES.some(name => env[name] !== undefined) ? ofWords(argv) : parseOptions(argv, env, version))
  const fileOf = (call: Call) => (path: string): string | undefined => (readFile === undefined ? call.disk?.read(path) : readFile(call, path))
  return {
    name: 'psql',
    summary: 'PostgreSQL interactive terminal: runs SQL from -c, -f - or standard input',
    check: argv => check(argv, version, hasCatalog, readFile === undefined),
    latencyUs,
    look(call) {
      const options = optionsOf(call)
      if (refused(options)) return { output: options, afterUs: 0, stableUntilUs: NEVER }
      const connection = resolve(targetOf(options, call), call)
      if (connection.is === 'error') {
        const output = { out: '', err: options.warnings.join('') + connection.stderr, code: connection.code }
        return { output, afterUs: connection.afterUs, stableUntilUs: connection.stableUntilUs ?? NEVER }
      }
      const opened = [connection]
      try {
        return lookOf(options, call, connection.host, nowUs, fileOf(call), lineOf(options, call, resolve, opened))
      } finally {
        for (const each of opened) each.close?.()
      }
    },
    intent(argv) {
      const options = ofWords(argv)
      return refused(options) ? undefined : options.actions.some(hasEffect) ? 'acts' : readings(options) === undefined ? undefined : 'reads'
    },
    readsInput(argv) {
      const options = ofWords(argv)
      return !refused(options) && (options.actions.length === 0 || options.actions.some(action => action.is !== 'command' && action.name === '-'))
    },
    acts(call) {
      const options = optionsOf(call)
      return !refused(options) && beginsWithEffect(options)
    },
    *run(call) {
      const options = optionsOf(call)
      if (refused(options)) return options
      const connection = resolve(targetOf(options, call), call)
      if (connection.is === 'error') {
        yield connection.afterUs
        return { out: '', err: options.warnings.join('') + connection.stderr, code: connection.code }
      }
      let performed = false
      const opened = [connection]
      const session = new Session(options, () => call.stdin, fileOf(call), connection.host, effect => {
        performed = true
        return connection.run(effect)
      }, lineOf(options, call, resolve, opened))
      let code: number
      try {
        code = yield* session.run()
      } finally {
        for (const each of opened) each.close?.()
      }
      // It came to no effect (an error before it, no row to call a function for): the output comes as that of a look does.
      if (!performed) yield 0
      return outputOf(options, session, code)
    },
  }
}

function outputOf({ warnings }: PsqlOptions, { out, err }: Session, code: number): Output {
  return { out, err: warnings.join('') + err, code }
}

type Open = Extract<Connection, { is: 'ok' }>

/** Whoever only looks performs nothing on another connection either. */
const onlyLooking = (connection: ReturnType<Line['open']>): ReturnType<Line['open']> => (connection.is === 'ok' ? { is: 'ok', host: connection.host, run: neverPerforms } : connection)

/** How a session connects anew; what it opens is closed with it. */
function lineOf(options: PsqlOptions, call: Call, resolve: Resolve, opened: Open[]): Line {
  return {
    target: targetOf(options, call),
    open(target) {
      const connection = resolve(target, call)
      if (connection.is === 'ok') opened.push(connection)
      return connection
    },
  }
}

/** Runs a session at one instant; undefined if it comes upon an effect. */
function lookOf(options: PsqlOptions, call: Call, host: SqlHost, nowUs: () => Us, file: (path: string) => string | undefined, line: Line): Look | undefined {
  const session = new Session(options, () => call.stdin, file, host, neverPerforms, { ...line, open: target => onlyLooking(line.open(target)) })
  const texts = readings(options)
  // One that has to wait for a lock is no look.
  if (texts?.some(({ queries }) => queries.some(({ reads }) => reads?.some(table => host.readerWaits?.(table))))) return undefined
  if (texts !== undefined) return { output: outputOf(options, session, session.read(texts)), afterUs: 0, stableUntilUs: session.moves ? nowUs() : NEVER }
  const step = session.run().next()
  if (step.done !== true) return undefined
  return { output: outputOf(options, session, step.value), afterUs: 0, stableUntilUs: session.moves ? nowUs() : NEVER }
}

const knownReadings = new WeakMap<PsqlOptions, readonly Reading[] | null>()

/** The texts of a command line that only reads; undefined for one that may have an effect, reads a script or has backslash commands. */
function readings(options: PsqlOptions): readonly Reading[] | undefined {
  let known = knownReadings.get(options)
  if (known === undefined) knownReadings.set(options, (known = readReadings(options) ?? null))
  return known ?? undefined
}

function readReadings({ actions, singleTransaction }: PsqlOptions): readonly Reading[] | undefined {
  if (singleTransaction || actions.length === 0) return undefined
  const texts: Reading[] = []
  for (const action of actions) {
    if (action.is !== 'command' || action.text.trimStart().startsWith('\\')) return undefined
    try {
      const queries = compile(action.text).flatMap(statement => (statement.kind === 'query' ? [statement] : []))
      if (queries.length < compile(action.text).length) return undefined
      texts.push({ sql: action.text, queries })
    } catch (error) {
      // Said by whoever runs it, at its turn.
      if (error instanceof SqlSyntaxError || error instanceof UnsupportedError) return undefined
      throw error
    }
  }
  return texts
}

const knownEffects = new WeakMap<PsqlOptions, boolean>()

/** Whether the first thing that a command line asks for is a statement with effects. */
function beginsWithEffect(options: PsqlOptions): boolean {
  let known = knownEffects.get(options)
  if (known === undefined) knownEffects.set(options, (known = readFirst(options)))
  return known
}

/** Whether one of the statements is one with effects. */
function hasEffect(action: PsqlOptions['actions'][number]): boolean {
  if (action.is !== 'command' || action.text.trimStart().startsWith('\\')) return false
  try {
    return compile(action.text).some(({ kind }) => kind === 'effect')
  } catch (error) {
    if (error instanceof SqlSyntaxError || error instanceof UnsupportedError) return false
    throw error
  }
}

function readFirst({ actions: [first] }: PsqlOptions): boolean {
  if (first?.is !== 'command' || first.text.trimStart().startsWith('\\')) return false
  try {
    return compile(first.text)[0]?.kind === 'effect'
  } catch (error) {
    // Said by whoever runs it, at its turn.
    if (error instanceof SqlSyntaxError || error instanceof UnsupportedError) return false
    throw error
  }
}

/** Whoever only looks goes no further than the first effect: it waits there, and is dropped. */
function* neverPerforms(): Process<EffectResult> {
  yield NEVER
  throw new Error('psql: a look was taken up again behind an effect')
}

/** Everything wrong with a command line that shows without running it. */
function check(argv: readonly string[], version: string, hasCatalog: (name: string) => boolean, onWorkstation: boolean): readonly Finding[] {
  const findings: Finding[] = []
  const open = argv.some(word => word.includes('${'))
  try {
    const options = parseOptions(argv.map(word => word), {}, version)
    if (refused(options)) return open || options.code === 0 ? [] : [{ severity: 'error', message: options.err.trim().split('\n')[0] as string }]
    for (const action of options.actions) {
      // A container has the files that somebody copies there.
      if (onWorkstation && action.is === 'file' && action.name !== '-' && !action.name.includes('${')) {
        findings.push({ severity: 'error', message: `\`psql -f ${action.name}\`: a step has no files: pass the statements with -c or on standard input (\`-f -\`), or write a shell script`, file: action.name })
      }
      if (action.is === 'command' && !action.text.includes('${') && !action.text.trimStart().startsWith('\\')) findings.push(...checkSql(action.text, hasCatalog))
    }
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
    findings.push({ severity: 'error', message: error.message })
  }
  return findings
}

function checkSql(sql: string, hasCatalog: (name: string) => boolean): readonly Finding[] {
  try {
    const statements = compile(sql)
    const functions = unmodelledFunctions(sql).map(name => `the function ${name}()`)
    const catalogs = catalogsRead(sql).filter(name => !hasCatalog(name)).map(name => `the relation ${name}`)
    const unknown = [...functions, ...catalogs].map((what): Finding => ({ severity: 'error', message: `in \`${sql}\`: ${what} is not modelled` }))
    const alone = statements.find(({ forbiddenInTransaction }) => forbiddenInTransaction !== undefined)
    if (alone === undefined || statements.length === 1) return unknown
    return [...unknown, { severity: 'error', message: `${alone.forbiddenInTransaction as string} cannot run with other statements in one -c: give it a -c of its own` }]
  } catch (error) {
    if (error instanceof SqlSyntaxError || error instanceof UnsupportedError) return [{ severity: 'error', message: `in \`${sql}\`: ${error.message}` }]
    throw error
  }
}
