import { NEVER, SECOND, type Us, parseDurationUs } from '../kernel/index.ts'
import { readClaim } from './claims.ts'
import { compileExpectation } from './expect.ts'
import { type Action, type Claim, END, type Pick, type Place, type PlacedLine, type Plan, type PlanStep, type Policy, type StepPath } from './plan.ts'
import type { Runbook, Step } from './schema.ts'
import { type Path, type Problem, RunbookError, type Sourced, checkSource, nearestOf, readRunbook } from './source.ts'
import { parseCommandLines, templateOf } from './words.ts'

/** Time between two polls of a gate that does not say. */
export const DEFAULT_EVERY_US: Us = 5 * SECOND

type Otherwise = NonNullable<Step['otherwise']>
type Draft = { -readonly [K in keyof PlanStep]: PlanStep[K] }
const ACTIONS = ['run', 'parallel', 'gate', 'sleep', 'fail', 'pick', 'forEach', 'steps'] as const

/** What a nested step has from those around it. */
interface Around {
  readonly path: StepPath
  readonly owner: string
  readonly prefix: string
  readonly parent: number
  readonly loops: readonly number[]
  readonly otherwise: Otherwise | undefined
  readonly resume: 'rerun' | 'skip' | 'stop'
}

/**
 * Compiles a runbook once for all runs of a scenario. Takes the text of a `*.runbook.yaml`, or the source that {@link runbook} made in TypeScript.
 * @throws RunbookError with every problem found
 */
export function compileRunbook(source: string | object | Sourced, file = ''): Plan {
  if (typeof source === 'string') return new Compiler(readRunbook(source, file)).plan()
  return new Compiler('runbook' in source && 'place' in source ? (source as Sourced) : checkSource(source, file)).plan()
}

class Compiler {
  private readonly runbook: Runbook
  private readonly steps: Draft[] = []
  private readonly problems: Problem[] = []
  private readonly byId = new Map<string, number>()
  private readonly undos: { owner: number; undo: NonNullable<Step['undo']>; path: Path }[] = []
  private readonly gotos: { from: Draft; target: string; path: Path }[] = []
  private pointOfNoReturn: number | undefined
  private anyUndo = false

  constructor(private readonly source: Sourced) {
    this.runbook = source.runbook
  }

  plan(): Plan {
    const { runbook, source } = this
    this.anyUndo = JSON.stringify(runbook).includes('"undo":')
    const entry = this.list(runbook.steps, ['steps'], { path: 'forward', owner: '', prefix: '', parent: END, loops: [], otherwise: runbook.otherwise, resume: 'rerun' }, END)
    for (const { owner, undo, path } of this.undos) {
      const step = this.steps[owner] as Draft
      step.undo = this.undoOf(undo, path, step.id)
    }
    const undo = runbook.undo === undefined ? END : this.undoOf(runbook.undo, ['undo'], 'runbook')
    this.resolveGotos()
    if (this.problems.length > 0) throw new RunbookError(source.file, this.problems)
    const vars = new Map(Object.entries(runbook.vars ?? {}).map(([name, value]) => [name, String(value)]))
    return Object.freeze({
      title: runbook.title, description: runbook.description ?? '', source: runbook.source ?? '', file: source.file,
      vars, steps: this.steps, entry, undo, pointOfNoReturn: this.pointOfNoReturn, byId: this.byId,
    })
  }

  private problem(path: Path, message: string): void {
    this.problems.push({ ...this.source.place(path), message })
  }

  /** Compiles a list of steps whose end leads to `after` (its parent, or END). Returns the index of the first. */
  private list(entries: readonly (string | Step)[], path: Path, around: Around, after: number): number {
    const compiled = entries.map((entry, i) => this.step(typeof entry === 'string' ? { run: entry } : entry, typeof entry === 'string', [...path, i], `${around.prefix}${i + 1}`, around))
    compiled.forEach((step, i) => {
      const following = compiled[i + 1]
      step.next = following?.index ?? after
      step.closes = following === undefined && after !== END
    })
    return (compiled[0] as Draft).index
  }

  private undoOf(undo: NonNullable<Step['undo']>, path: Path, owner: string): number {
    const entries = typeof undo === 'string' ? [undo] : undo
    const around: Around = { path: 'undo', owner, prefix: '', parent: END, loops: [], otherwise: 'abort', resume: 'rerun' }
    // One step that bears its owner's id is what an anchor `{step: id, path: undo}` names; steps inside it are `id.u1`, `id.u2`.
    const plain = entries.every(entry => typeof entry === 'string')
    return this.step(plain ? { id: owner, run: entries } : { id: owner, steps: entries }, typeof undo === 'string', path, owner, around, true).index
  }

  private step(step: Step, shorthand: boolean, path: Path, number: string, around: Around, single = false): Draft {
    const id = step.id ?? number
    const draft = this.draft(step, id, path, around)
    this.steps.push(draft)
    this.register(draft, step, path, single)
    this.checkShape(step, path)
    draft.action = this.action(step, draft, path, around, shorthand || (single && step.run !== undefined), single)
    if (step.when !== undefined) draft.when = { value: templateOf(step.when.value), expect: this.expectation(step.when, [...path, 'when'], 'fail') }
    const otherwise = step.otherwise ?? around.otherwise
    draft.otherwiseDeclared = otherwise !== undefined && around.path === 'forward'
    if (step.collect !== undefined && draft.loops.length === 0) this.problem([...path, 'collect'], '`collect` gathers over the passes of a loop: put the step under `forEach`, or use `as`')
    draft.otherwise = this.policy(otherwise, draft, [...path, 'otherwise'])
    return draft
  }

  private draft(step: Step, id: string, path: Path, around: Around): Draft {
    return {
      index: this.steps.length, id, title: step.title ?? '', path: around.path, owner: around.path === 'forward' ? id : around.owner,
      place: this.source.place(path), parent: around.parent, loops: around.loops, next: END, closes: false, action: { kind: 'note' }, as: step.as, collect: step.collect,
      when: undefined, otherwise: { is: 'abort' }, otherwiseDeclared: false,
      retry: step.retry === undefined ? undefined : { times: step.retry.times, everyUs: duration(step.retry.every, DEFAULT_EVERY_US) },
      resume: step.resume ?? around.resume, pointOfNoReturn: step.pointOfNoReturn === true, undo: END, note: step.note,
    }
  }

  private register(draft: Draft, step: Step, path: Path, single: boolean): void {
    const key = draft.path === 'forward' ? draft.id : `undo of ${draft.id}`
    const earlier = this.byId.get(key)
    if (earlier !== undefined) this.problem([...path, 'id'], `the id \`${draft.id}\` is taken by the step in line ${this.steps[earlier]?.place.line ?? 0}: an id names one step`)
    this.byId.set(key, draft.index)
    if (step.undo !== undefined && draft.path === 'forward') this.undos.push({ owner: draft.index, undo: step.undo, path: [...path, 'undo'] })
    else if (step.undo !== undefined && !single) this.problem([...path, 'undo'], 'an undo step has no undo of its own: leave it out')
    if (!draft.pointOfNoReturn) return
    if (draft.path === 'undo') this.problem([...path, 'pointOfNoReturn'], 'a rollback has no point of no return: declare it on a forward step')
    else if (this.pointOfNoReturn !== undefined) this.problem([...path, 'pointOfNoReturn'], `a runbook has at most one point of no return, and line ${this.steps[this.pointOfNoReturn]?.place.line ?? 0} declares it`)
    else this.pointOfNoReturn = draft.index
  }

  /** Keys that mean nothing beside the step's action are errors: a guard that is not there must not look like one. */
  private checkShape(step: Step, path: Path): void {
    const actions = ACTIONS.filter(key => step[key] !== undefined)
    if (actions.length > 1) this.problem([...path, actions[1] as string], `a step does one thing, this one has ${actions.map(a => `\`${a}\``).join(' and ')}: make two steps, or nest them under \`steps\``)
    if (actions.length === 0 && step.note === undefined) this.problem(path, `a step needs one of ${ACTIONS.join(', ')} or note`)
    const kind = actions[0] ?? 'note'
    const only = (key: keyof Step, kinds: readonly string[]): void => {
      if (step[key] !== undefined && !kinds.includes(kind)) this.problem([...path, key], `\`${key}\` belongs to a step with ${kinds.map(k => `\`${k}\``).join(' or ')}, this one has \`${kind}\``)
    }
    only('as', ['run', 'parallel', 'gate'])
    only('collect', ['run', 'parallel', 'gate'])
    only('expect', ['run', 'parallel', 'gate'])
    only('missing', ['run', 'parallel', 'gate'])
    only('timeout', ['run', 'parallel', 'gate'])
    for (const key of ['for', 'every', 'claims'] as const) only(key, ['gate'])
    only('retry', ['run', 'parallel', 'gate', 'pick'])
  }

  private action(step: Step, draft: Draft, path: Path, around: Around, shorthand: boolean, single: boolean): Action {
    const inside: Around = {
      ...around, prefix: draft.path === 'undo' && draft.parent === END ? `${draft.id}.u` : `${draft.id}.`, parent: draft.index, otherwise: step.otherwise ?? around.otherwise, resume: draft.resume,
    }
    const expect = step.expect === undefined || step.gate !== undefined ? undefined : this.expectation(step.expect, [...path, 'expect'], step.missing ?? 'fail')
    const timeoutUs = duration(step.timeout, NEVER)
    if (step.run !== undefined) return { kind: 'run', lines: this.lines(step.run, shorthand ? path : [...path, 'run']), expect, timeoutUs }
    if (step.parallel !== undefined) return { kind: 'parallel', lines: this.lines(step.parallel, [...path, 'parallel']), expect, timeoutUs }
    if (step.sleep !== undefined) return { kind: 'sleep', us: duration(step.sleep, 0) }
    if (step.fail !== undefined) return { kind: 'fail', reason: templateOf(step.fail) }
    if (step.gate !== undefined) return this.gate(step, step.gate, path, timeoutUs)
    if (step.pick !== undefined) return { kind: 'pick', pick: this.pick(step.pick, [...path, 'pick']) }
    if (step.steps !== undefined) return { kind: 'group', first: this.list(step.steps, single ? path : [...path, 'steps'], inside, draft.index) }
    if (step.forEach === undefined) return { kind: 'note' }
    const { as, lines, words, list } = step.forEach
    if ([lines, words, list].filter(x => x !== undefined).length !== 1) this.problem([...path, 'forEach'], 'a loop goes over one of `lines`, `words` or `list`')
    const items = list === undefined ? { by: lines === undefined ? ('words' as const) : ('lines' as const), from: templateOf(lines ?? words ?? '') } : { by: 'list' as const, list: list.map(item => templateOf(String(item))) }
    const first = this.list(step.forEach.steps, [...path, 'forEach', 'steps'], { ...inside, loops: [...around.loops, draft.index] }, draft.index)
    return { kind: 'forEach', items, as, first }
  }

  private gate(step: Step, gate: string, path: Path, timeoutUs: Us): Action {
    const lines = this.lines(gate, [...path, 'gate'])
    if (lines.length > 1) this.problem([...path, 'gate'], 'a gate polls one command line')
    const expect = this.expectation(step.expect ?? {}, [...path, 'expect'], step.missing ?? 'fail')
    const everyUs = duration(step.every, DEFAULT_EVERY_US)
    if (!(everyUs > 0)) this.problem([...path, 'every'], 'polls are some time apart: `every` must be more than 0')
    const sources = step.claims === undefined ? [] : typeof step.claims === 'string' ? [step.claims] : step.claims
    return { kind: 'gate', line: lines[0] as PlacedLine, expect, everyUs, forUs: duration(step.for, 0), timeoutUs, claims: sources.flatMap(text => this.claim(text, [...path, 'claims'])) }
  }

  private claim(text: string, path: Path): Claim[] {
    const { name, args, problem } = readClaim(text)
    if (problem !== undefined) this.problem(path, problem)
    return [{ name, args: args.map(templateOf) }]
  }

  private pick(source: NonNullable<Step['pick']>, path: Path): Pick {
    const where = source.where === undefined ? [] : Array.isArray(source.where) ? source.where : [source.where]
    let separator: RegExp | undefined
    try {
      separator = source.separator === undefined ? undefined : new RegExp(source.separator === '|' ? '\\|' : source.separator)
    } catch (error) {
      this.problem([...path, 'separator'], `\`${source.separator}\` is no regular expression: ${(error as Error).message}`)
    }
    if (source.column === undefined && (source.by !== undefined || source.compare !== undefined)) this.problem(path, '`by` and `compare` need a `column` to compare')
    return {
      from: templateOf(source.from), separator, skip: source.skip ?? 0, where: where.map(w => ({ column: w.column, expect: this.expectation(w, [...path, 'where'], 'fail') })),
      column: source.column, by: source.by ?? 'largest', compare: source.compare, take: source.take ?? 1, as: source.as,
    }
  }

  private expectation(source: NonNullable<Step['expect']>, path: Path, missing: 'fail' | 'pass'): ReturnType<typeof compileExpectation> {
    try {
      return compileExpectation(source, missing)
    } catch (error) {
      this.problem([...path, 'matches'], `\`${source.matches}\` is no regular expression: ${(error as Error).message}`)
      return compileExpectation({}, missing)
    }
  }

  private lines(source: string | readonly string[], path: Path): PlacedLine[] {
    const texts = typeof source === 'string' ? [source] : source
    return texts.flatMap((text, i) => {
      const at = typeof source === 'string' ? path : [...path, i]
      const place: Place = this.source.place(at)
      try {
        return parseCommandLines(text).map(line => ({ ...line, place }))
      } catch (error) {
        this.problem(at, (error as Error).message)
        return []
      }
    })
  }

  private policy(otherwise: Otherwise | undefined, draft: Draft, path: Path): Policy {
    if (draft.path === 'undo') {
      if (otherwise === 'rollback') this.problem(path, 'a rollback cannot be rolled back: use abort, continue or {goto: ID}')
      if (otherwise === undefined || otherwise === 'rollback') return { is: 'abort' }
    }
    if (otherwise === undefined) {
      // Strict by default: a failure takes everything back, as long as there is a way back.
      const after = this.pointOfNoReturn !== undefined && draft.index > this.pointOfNoReturn
      return { is: this.anyUndo && !after ? 'rollback' : 'abort' }
    }
    if (typeof otherwise === 'string') return { is: otherwise }
    this.gotos.push({ from: draft, target: otherwise.goto, path })
    return { is: 'abort' }
  }

  private resolveGotos(): void {
    for (const { from, target, path } of this.gotos) {
      const index = this.byId.get(from.path === 'forward' ? target : `undo of ${target}`)
      const to = index === undefined ? undefined : this.steps[index]
      if (to === undefined || index === undefined) {
        const ids = this.steps.filter(s => s.path === from.path).map(s => s.id)
        const nearest = nearestOf(target, ids)
        this.problem(path, `goto \`${target}\`: there is no such step${nearest === undefined ? '' : `; did you mean \`${nearest}\`?`} Steps: ${ids.join(', ')}`)
      } else if (to.owner !== from.owner && from.path === 'undo') this.problem(path, `goto \`${target}\` leads out of the undo of \`${from.owner}\``)
      else if (to.loops.some((loop, i) => from.loops[i] !== loop)) this.problem(path, `goto \`${target}\` leads into the loop in line ${this.steps[to.loops.at(-1) as number]?.place.line ?? 0}: a loop is entered at its head`)
      else from.otherwise = { is: 'goto', step: index }
    }
  }
}

function duration(text: string | undefined, otherwise: Us): Us {
  return text === undefined ? otherwise : (parseDurationUs(text) ?? otherwise)
}
