/** From a scenario file to a {@link Scenario} that can be rehearsed, or to one error that says everything that is wrong. */
import type { z } from 'zod'
import type { Assumption, Cluster, Engine } from '../engine.ts'
import { FAULT_KINDS, faultSpec, isOwnKind, USUAL_KINDS } from '../faults/index.ts'
import { MILLISECOND, SECOND, Simulation, type Us } from '../kernel/index.ts'
import type { Plan } from '../operator/index.ts'
import type { MeasureId } from '../result.ts'
import { CommandsSection, withOwnCommands } from './commands.ts'
import { isPlain as isRecord, type Layer, merge, override, type Override, parseLayer, placeOf } from './document.ts'
import { type InputProblem, problemAt, ScenarioError } from './error.ts'
import { diskFiles, filesOver, findScenario, missingFile, pathFrom, type SourceFiles, sourceFiles } from './files.ts'
import { problemsOf, spell } from './issues.ts'
import { type Compiled, compileFiles, compileSection, stepProblems } from './runbooks.ts'
import type { FaultSpace, Load, Objective, Scenario, ScenarioSource } from './scenario.ts'
import { ON_ENGINE_KEYS, type ScenarioFile, ScenarioSchema, ScriptSection } from './schema.ts'
import { overridesOf } from './set.ts'
import { listWords, nearest } from './spelling.ts'
import { type Figure, inUnitOf } from './units.ts'
import { type Path, keysAt } from './walk.ts'

export interface LoadOptions {
  /** `--set` options by path: `{'cluster.members': '5'}`. */
  readonly set?: Readonly<Record<string, string>>
}

/**
 * Loads a scenario by built-in name (`postgres-ferris-wheel/fenced`) or path, with `--set` overrides.
 * @throws ScenarioError with every problem found, each with its place and what would be right
 */
export function loadScenario(nameOrPath: string, engines: readonly Engine[], options: LoadOptions = {}): Scenario {
  const { name, path } = findScenario(nameOrPath)
  return new Loader(name, diskFiles(path), engines, options.set ?? {}).load()
}

/** Loads a self-contained scenario, as a counterexample file carries it; further overrides go over its own. @throws ScenarioError */
export function loadScenarioFrom(source: ScenarioSource, engines: readonly Engine[], options: LoadOptions = {}): Scenario {
  return new Loader(source.name, sourceFiles(source), engines, { ...source.set, ...options.set }).load()
}

/** A scenario written in code: its own text and files, laid over a folder on disk. */
export interface Written {
  readonly name: string
  /** The folder in which the files that it names are looked for. */
  readonly folder: string
  /** The scenario file, as it would stand there. */
  readonly yaml: string
  /** Other files of its own, by name: they hide those of the folder. */
  readonly files: Readonly<Record<string, string>>
}

/** Loads a scenario that is written in code. Its `source` is self-contained like any other. @throws ScenarioError */
export function loadScenarioWritten(written: Written, engines: readonly Engine[], options: LoadOptions = {}): Scenario {
  return new Loader(written.name, filesOver(written), engines, options.set ?? {}).load()
}

/**
 * The `cluster:` and `load:` sections of a scenario as written, with what it extends and its overrides laid over one another: what a second
 * scenario must be given to run on the same cluster under the same load. @throws ScenarioError when a file cannot be read
 */
export function sectionsOf(source: ScenarioSource, engines: readonly Engine[]): { readonly cluster: Readonly<Record<string, unknown>>; readonly load: Readonly<Record<string, unknown>> } {
  return new Loader(source.name, sourceFiles(source), engines, source.set).sections()
}

const DEEPEST = 8

class Loader {
  private readonly problems: InputProblem[] = []
  private readonly layers: Layer[] = []
  /** Path (relative to the scenario) and text of each layer. */
  private readonly origins: { readonly path: string; readonly text: string }[] = []
  private overrides: readonly Override[] = []
  /** The keys of the sections, as `--set` names them: `cluster.members`. */
  private sectionKeys: readonly string[] = []

  constructor(
    private readonly name: string,
    private readonly files: SourceFiles,
    private readonly engines: readonly Engine[],
    private readonly set: Readonly<Record<string, string>>,
  ) {}

  load(): Scenario {
    this.readLayers(this.files.main, [])
    const known = this.engineOf(merge(this.layers, []))
    this.overrides = overridesOf(this.set, known)
    this.sectionKeys = keysOfSections(known)
    const value = this.merged()
    // What is wrong with them is said with the rest of the file.
    const engine = known === undefined ? undefined : withOwnCommands(known, CommandsSection.optional().safeParse(value['commands']).data ?? {})
    const file = this.parse(ScenarioSchema, withoutInlineSteps(value), [])
    const alsoOn = this.otherEngines(file)
    const options = engine === undefined ? undefined : this.clusterOptions(engine, value)
    const cluster = engine === undefined || options === undefined ? undefined : engine.build(new Simulation({ seed: 'check' }), options)
    const compiled = this.plans(value, cluster)
    if (file === undefined || engine === undefined || options === undefined || cluster === undefined || compiled.runbook === undefined) throw this.error()
    const load = this.loadOf(file, cluster)
    const figures = { claims: this.claims(file), objectives: this.objectives(file) }
    if (this.problems.length > 0) throw this.error()
    const given = value['cluster'] as Record<string, unknown>
    return {
      name: this.name,
      title: file.title ?? compiled.runbook.title,
      description: file.description,
      ...(file.correctedBy === undefined ? {} : { correctedBy: file.correctedBy }),
      file: this.files.shown(this.files.main),
      engine,
      alsoOn,
      options,
      load,
      start: compiled.start,
      runbook: compiled.runbook,
      faults: faultSpace(file, engine),
      ...figures,
      deadlineUs: file.deadline,
      assumptions: [...engine.assumptions(without(given, 'engine'), options), ...loadAssumptions(value['load'], file)],
      assumedTargets: engine.assumedTargets?.(given) ?? [],
      source: { name: this.name, yaml: this.origins.at(-1)?.text ?? '', files: this.files.used, set: this.set },
    }
  }

  sections(): ReturnType<typeof sectionsOf> {
    this.readLayers(this.files.main, [])
    this.overrides = overridesOf(this.set, this.engineOf(merge(this.layers, [])))
    const { cluster, load } = this.merged()
    return { cluster: (cluster ?? {}) as Record<string, unknown>, load: (load ?? {}) as Record<string, unknown> }
  }

  /** All layers, with the sections of `onEngine:` in place where another engine is chosen than the scenario's own. */
  private merged(): Record<string, unknown> {
    const written = merge(this.layers, [])
    const name = this.engineNamed(written)
    const there = isRecord(written['onEngine']) ? written['onEngine'][name ?? ''] : undefined
    if (!isRecord(there)) return merge(this.layers, this.overrides)
    this.elsewhere = ['onEngine', name as string]
    const sections = Object.fromEntries(ON_ENGINE_KEYS.filter(key => there[key] !== undefined).map(key => [key, there[key]]))
    const cluster = isRecord(sections['cluster']) ? { engine: name, ...sections['cluster'] } : undefined
    // What was chosen is the section; which engine runs it the section may say (a layer over the chosen one).
    const overrides = typeof cluster?.engine === 'string' && cluster.engine !== name ? this.overrides.filter(({ path }) => spell(path) !== 'cluster.engine') : this.overrides
    return override({ ...written, ...sections, ...(cluster === undefined ? {} : { cluster }) }, overrides)
  }

  /** Other engines that it takes. Their files are read, so that its source has them wherever it goes. */
  private otherEngines(file: ScenarioFile | undefined): readonly string[] {
    const own = this.layers.findLast(({ document }) => document.has('cluster'))?.document.getIn(['cluster', 'engine'])
    const all = Object.entries(file?.onEngine ?? {})
    const origin = this.origins[this.layers.findLastIndex(({ document }) => document.has('onEngine'))]
    for (const [name, { runbook, start }] of all) {
      if (!this.engines.some(engine => engine.name === name)) this.complain(['onEngine', name], `there is no engine \`${name}\``, `the engines are: ${listWords(this.engines.map(engine => engine.name))}`)
      for (const named of [runbook, start ?? []].flat()) if (origin !== undefined && /\.(?:ya?ml|sh|bash)$/.test(named)) this.files.read(pathFrom(origin.path, named))
    }
    const chosen = this.elsewhere.at(1)
    return [...new Set([...(typeof own === 'string' ? [own] : []), ...all.map(([name]) => name)])].filter(name => name !== (chosen ?? own))
  }

  /** Where the sections in force were written: at the top, or under the engine that was chosen. */
  private elsewhere: Path = []

  private error(): ScenarioError {
    const order = [...this.layers.map(layer => layer.file)].reverse()
    const rank = (p: InputProblem): number => (order.includes(p.file) ? order.indexOf(p.file) : order.length)
    return new ScenarioError(this.problems.slice().sort((a, b) => rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)))
  }

  /** Reads a file and, before it, what it extends. */
  private readLayers(path: string, above: readonly string[]): void {
    const text = this.files.read(path)
    if (text === undefined) throw new ScenarioError([problemAt(this.files.shown(path), 'there is no such file')])
    const layer = parseLayer(this.files.shown(path), text)
    const named: unknown = layer.document.get('extends')
    if (typeof named === 'string') {
      const base = pathFrom(path, named)
      const at = placeOf([layer], [], ['extends'], 'value')
      if (above.includes(base) || base === path || above.length >= DEEPEST) throw new ScenarioError([{ ...at, message: `\`extends: ${named}\` goes round in a circle`, help: [[...above, path, base].join(' → ')] }])
      if (this.files.read(base) === undefined) throw new ScenarioError([{ ...at, message: `there is no scenario \`${named}\` to extend`, help: missingFile(this.files, base, /(?<!\.runbook)\.ya?ml$/) }])
      this.readLayers(base, [...above, path])
    }
    this.layers.push(layer)
    this.origins.push({ path, text })
  }

  private at(path: Path, what: 'value' | 'key' = 'value'): Pick<InputProblem, 'file' | 'line' | 'column'> {
    const moved = this.elsewhere.length > 0 && this.layers.some(({ document }) => document.hasIn([...this.elsewhere, path[0]]))
    return placeOf(this.layers, this.overrides, moved ? [...this.elsewhere, ...path] : path, what)
  }

  private complain(path: Path, message: string, ...help: readonly string[]): void {
    this.problems.push({ ...this.at(path), message, help })
  }

  private parse<T>(schema: z.ZodType<T>, value: unknown, prefix: Path, extraKeys: readonly string[] = []): T | undefined {
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    this.problems.push(...problemsOf(parsed.error.issues, { schema, value, prefix, extraKeys, elsewhere: this.sectionKeys, place: (path, what) => this.at(path, what) }))
    return undefined
  }

  private engineOf(value: Record<string, unknown>): Engine | undefined {
    const chosen = this.engineNamed(value)
    if (chosen === undefined) return undefined
    const section = isRecord(value['onEngine']) ? value['onEngine'][chosen] : undefined
    const layer = isRecord(section) && isRecord(section['cluster']) ? section['cluster']['engine'] : undefined
    const name = typeof layer === 'string' ? layer : chosen
    const engine = this.engines.find(e => e.name === name)
    if (engine === undefined) {
      const names = this.engines.map(e => e.name)
      const near = nearest(name, names)
      this.complain(['cluster', 'engine'], `there is no engine \`${name}\``, ...(near === undefined ? [] : [`did you mean \`${near}\`?`]), `the engines are: ${listWords(names)}`)
    }
    return engine
  }

  /** The engine's name: as overridden, alone or with the whole cluster, else as written. */
  private engineNamed(value: Record<string, unknown>): string | undefined {
    const whole = overridesOf({ ...(this.set['cluster'] === undefined ? {} : { cluster: this.set['cluster'] }) }, undefined)[0]?.value
    const clusters = [whole, value['cluster']].filter(isRecord)
    const name = this.set['cluster.engine'] ?? clusters.map(cluster => cluster['engine']).find(engine => engine !== undefined)
    return typeof name === 'string' ? name : undefined
  }

  private clusterOptions(engine: Engine, value: Record<string, unknown>): unknown {
    const given = value['cluster']
    if (typeof given !== 'object' || given === null) return undefined
    const options = this.parse(engine.options, without(given as Record<string, unknown>, 'engine'), ['cluster'], ['engine'])
    if (options === undefined) return undefined
    const problems = engine.problems(options)
    for (const problem of problems) this.complain(['cluster', ...problem.path], `\`${spell(['cluster', ...problem.path])}\`: ${problem.message}`)
    return problems.length > 0 ? undefined : options
  }

  private plans(value: Record<string, unknown>, cluster: Cluster | undefined): { readonly runbook: Plan | undefined; readonly start: Plan | undefined } {
    const runbook = this.compile(value, 'runbook')
    const start = value['start'] === undefined ? undefined : this.compile(value, 'start')
    if (value['script'] !== undefined && runbook?.plan !== undefined && runbook.plan.script === undefined) this.complain(['script'], '`script` says how a shell script is started, and the runbook is none', 'values for the steps of a runbook stand under its `vars`')
    for (const compiled of [start, runbook]) {
      this.problems.push(...(compiled?.problems ?? []))
      if (compiled?.plan !== undefined && cluster !== undefined) this.problems.push(...stepProblems(compiled.plan, cluster.commands))
    }
    return { runbook: runbook?.plan, start: start?.plan }
  }

  private compile(value: Record<string, unknown>, key: 'runbook' | 'start'): Compiled | undefined {
    const section = value[key]
    // What is wrong with it is said with the rest of the file.
    const given = key === 'runbook' ? ScriptSection.optional().safeParse(value['script']).data : undefined
    const at = (index: number): Pick<InputProblem, 'file' | 'line' | 'column'> => this.at(Array.isArray(section) ? [key, index] : [key])
    const layer = this.layers.findLastIndex(l => l.document.hasIn(this.elsewhere.length > 0 && l.document.hasIn([...this.elsewhere, key]) ? [...this.elsewhere, key] : [key]))
    const origin = this.origins[layer]
    if (typeof section === 'string') return compileFiles(this.files, this.overrides.some(o => o.path[0] === key) ? this.files.main : (origin?.path ?? this.files.main), [section], at, given)
    if (!Array.isArray(section) || section.length === 0 || origin === undefined) return undefined
    const names = section.filter((entry): entry is string => typeof entry === 'string')
    if (key === 'runbook' && names.length === section.length && names.every(name => /\.(?:ya?ml|sh|bash)$/.test(name))) return compileFiles(this.files, origin.path, names, at, given)
    const title = typeof value['title'] === 'string' ? value['title'] : this.name
    return compileSection(this.layers[layer] as Layer, origin.text, key, key === 'start' ? `${title}: start` : title)
  }

  private loadOf(file: ScenarioFile, cluster: Cluster): Load {
    const { load } = file
    const entrances = Object.keys(cluster.entrances)
    if (load.entrance !== undefined && !entrances.includes(load.entrance)) {
      const near = nearest(load.entrance, entrances)
      this.complain(['load', 'entrance'], `this cluster has no entrance \`${load.entrance}\``, ...(near === undefined ? [] : [`did you mean \`${near}\`?`]), `its entrances are: ${listWords(entrances)}`)
    }
    if (load.connections < load.cohorts) this.complain(['load', 'connections'], `\`load.connections\` (${load.connections}) is less than \`load.cohorts\` (${load.cohorts}): each cohort needs a connection`)
    const { think, timeout, queueAgeLimit, retry, connectionLife, dnsCache, ...rest } = load
    return { ...rest, entrance: load.entrance, thinkUs: think, timeoutUs: timeout, queueAgeLimitUs: queueAgeLimit, retryUs: retry, connectionLifeUs: connectionLife, dnsCacheUs: dnsCache }
  }

  private claims(file: ScenarioFile): Readonly<Record<string, number>> {
    const claims: Record<string, number> = {}
    for (const [measure, figure] of Object.entries(file.claims)) claims[measure] = this.figure(measure as MeasureId, figure, ['claims', measure])
    return claims
  }

  private objectives(file: ScenarioFile): readonly Objective[] {
    return file.objectives.map((o, i) => ({
      measure: o.measure,
      at: o.at,
      faults: o.faults,
      max: o.max === undefined ? undefined : this.figure(o.measure, o.max, ['objectives', i, 'max']),
      min: o.min === undefined ? undefined : this.figure(o.measure, o.min, ['objectives', i, 'min']),
    }))
  }

  private figure(measure: MeasureId, figure: Figure, path: Path): number {
    const value = inUnitOf(measure, figure)
    if (value === undefined) this.complain(path, `\`${measure}\` is not a time, so \`${figure}\` cannot be its value`, 'write a plain number')
    return value ?? 0
  }
}

function keysOfSections(engine: Engine | undefined): readonly string[] {
  const own = engine === undefined ? [] : keysAt(engine.options, []).map(key => `cluster.${key}`)
  return [...own, ...['load', 'faults'].flatMap(section => keysAt(ScenarioSchema, [section]).map(key => `${section}.${key}`))]
}

function faultSpace(file: ScenarioFile, engine: Engine): FaultSpace {
  const wanted = file.faults.kinds ?? USUAL_KINDS
  const without = file.faults.without ?? []
  const known = FAULT_KINDS.filter(kind => faultSpec(kind).family === 'operator' || engine.faultKinds.includes(kind))
  return {
    // What a test suite defined for itself it defined to be drawn; a scenario file cannot name it.
    kinds: [...known.filter(kind => wanted.includes(kind) && !without.includes(kind)), ...engine.faultKinds.filter(isOwnKind)],
    max: file.faults.max,
    maxDurationUs: file.faults.maxDuration,
    budgetMembers: file.faults.budget.members,
  }
}

const DURATIONS: ReadonlySet<string> = new Set(['think', 'timeout', 'queueAgeLimit', 'retry', 'connectionLife', 'dnsCache'])

/** A duration as it would be written into the file: `100ms`, `5s`, `never`. */
function durationText(us: Us): string {
  if (!Number.isFinite(us)) return 'never'
  return us % SECOND === 0 ? `${us / SECOND}s` : `${us / MILLISECOND}ms`
}

/** The load's own defaults, among the things that a result depends on. */
function loadAssumptions(given: unknown, file: ScenarioFile): readonly Assumption[] {
  const written = typeof given === 'object' && given !== null ? Object.keys(given) : []
  const shape = ScenarioSchema.shape.load.unwrap().shape
  return Object.entries(shape).flatMap(([key, schema]): readonly Assumption[] => {
    const value = file.load[key as keyof ScenarioFile['load']]
    if (written.includes(key) || value === undefined) return []
    return [{ option: `load.${key}`, value: DURATIONS.has(key) ? durationText(value as Us) : value, meaning: (schema as z.ZodType).description ?? '', source: 'judgement' }]
  })
}

/** Steps written in place are compiled on their own, with the runbook's errors; for the scenario's schema they are a file name. */
function withoutInlineSteps(value: Record<string, unknown>): Record<string, unknown> {
  const { runbook } = value
  return Array.isArray(runbook) && runbook.length > 0 ? { ...value, runbook: 'inline' } : value
}

function without(record: Record<string, unknown>, key: string): Record<string, unknown> {
  const { [key]: _taken, ...rest } = record
  return rest
}
