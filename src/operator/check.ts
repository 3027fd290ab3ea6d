import { type CommandRegistry, type Finding, UnsupportedError } from './command.ts'
import { filterOf, FILTER_NAMES } from './filters.ts'
import { type Edge, captures, close, edgesOf, enter, needs, reachable } from './graph.ts'
import { END, type Plan, type PlacedLine, type PlanStep, type Place, stepName } from './plan.ts'
import { nearestOf, position } from './source.ts'
import { lineId } from './script/plan.ts'
import { claimFindings } from './script/claims.ts'
import { type GivenRule, givenFindings } from './script/given.ts'
import { type ScriptRule, lintScript } from './script/lint.ts'
import { commandsOf, unsupportedIn } from './shell/check.ts'
import type { Script } from './shell/syntax.ts'
import type { Template } from './words.ts'

/** Something wrong with a runbook that can be told without running it. */
export interface RunbookFinding {
  readonly severity: 'error' | 'warning'
  readonly place: Place
  readonly step: string
  readonly rule: 'unsupported' | 'unknown-variable' | 'unreachable' | 'never-undone' | 'rollback-after-point-of-no-return' | 'no-timeout' | 'passes-without-data' | 'unknown-name' | 'refused' | 'input-unread' | 'syntax' | 'claims' | GivenRule | ScriptRule
  /** What is wrong, and what would be right. */
  readonly message: string
  /** The command line it is about, if it is about one. */
  readonly line?: string
}

/** What the commands themselves say in a rehearsal: an error to whoever checks, none to whoever runs. */
export function isShownByRun({ rule }: RunbookFinding): boolean {
  return rule === 'unknown-name' || rule === 'refused'
}

/** Everything wrong with a runbook at once: commands and flags that no model has, and what {@link lint} finds. In the order of the file. */
export function checkRunbook(plan: Plan, registry: CommandRegistry): RunbookFinding[] {
  if (plan.script !== undefined) return plan.script.scripts.flatMap(script => checkScriptOf(script, registry, plan))
  const findings: RunbookFinding[] = []
  for (const { step, line } of linesOfPlan(plan)) {
    for (const { severity, message, object, refused } of checkLine(line, registry, plan)) {
      // What is not there yet, a step before may make; what is doubted even in a script is no matter then.
      if (object !== undefined && severity === 'warning') continue
      findings.push({ severity: object === undefined ? severity : 'warning', message, place: line.place, step: stepName(step), rule: refused === true ? 'refused' : 'unsupported', line: line.text })
    }
  }
  return [...findings, ...lint(plan)].sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column)
}

/** What is wrong with a script: what a rehearsal does not have, and what its lines overlook. */
function checkScriptOf(script: Script, registry: CommandRegistry, plan: Plan): RunbookFinding[] {
  const several = (plan.script?.scripts.length ?? 0) > 1
  return [...unsupportedIn(script, registry, plan.script?.mounted), ...givenFindings(script), ...lintScript(script, registry), ...(plan.script?.decisions === undefined ? [] : claimFindings(script, plan.script.decisions))].sort((a, b) => a.line - b.line).map(f => {
    const finding: RunbookFinding = { severity: f.severity, place: { line: f.line, column: 1 }, step: lineId(script, f.line, several), rule: f.rule as RunbookFinding['rule'], message: f.shellCheck === undefined ? f.message : `${f.message} (${f.shellCheck})` }
    return f.command === undefined ? finding : { ...finding, line: f.command }
  })
}

/** Every command of a plan as far as it is known before any run: words that are not yet hold a `${x}`. */
export function writtenCommands(plan: Plan): readonly { readonly place: Place; readonly step: string; readonly argv: readonly string[]; readonly line: string }[] {
  const several = (plan.script?.scripts.length ?? 0) > 1
  const ofScripts = (plan.script?.scripts ?? []).flatMap(script => commandsOf(script).map(({ argv, node }) => ({ place: { line: node.line, column: 1 }, step: lineId(script, node.line, several), argv, line: node.source.split('\n')[0] as string })))
  return [...linesOfPlan(plan).flatMap(({ step, line }) => writtenStages(line, plan).map(argv => ({ place: line.place, step: stepName(step), argv, line: line.text }))), ...ofScripts]
}

/** So many steps with the same finding are named. */
const MOST_NAMED = 12

/** The findings as lines of text: `file:line:column: error: …`. */
export function formatFindings(plan: Plan, findings: readonly RunbookFinding[]): string {
  const same = new Map<string, RunbookFinding[]>()
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.message}`
    same.set(key, [...(same.get(key) ?? []), finding])
  }
  return [...same.values()].map(all => {
    const [{ place, severity, step, message, line }, ...more] = all as [RunbookFinding, ...RunbookFinding[]]
    const others = [...new Set(more.map(each => each.step))].filter(each => each !== step)
    const where = others.length === 0 ? `step ${step}` : `steps ${[step, ...others].slice(0, MOST_NAMED).join(', ')}${others.length >= MOST_NAMED ? ` and ${others.length + 1 - MOST_NAMED} more` : ''}`
    return `${position(plan.file, place)}${severity}: ${where}: ${message}${line === undefined ? '' : ` (in \`${line}\`)`}`
  }).join('\n')
}

/** Every command line of a plan with its step, in the order of the plan. */
export function linesOfPlan(plan: Plan): readonly { readonly step: PlanStep; readonly line: PlacedLine }[] {
  return plan.steps.flatMap(step => linesOf(step).map(line => ({ step, line })))
}

function linesOf({ action }: PlanStep): readonly PlacedLine[] {
  if (action.kind === 'run' || action.kind === 'parallel') return action.lines
  return action.kind === 'gate' ? [action.line] : []
}

/** Text programs (`grep`, `awk`, …) are the operator's own, unless the cluster has a command of that name. */
function checkLine(line: PlacedLine, registry: CommandRegistry, plan: Plan): readonly Finding[] {
  return writtenStages(line, plan).flatMap((argv): readonly Finding[] => {
    const name = argv[0] ?? ''
    if (registry.has(name) || !FILTER_NAMES.includes(name)) return registry.check(argv)
    try {
      if (!argv.some(word => word.includes('${'))) filterOf(argv)
      return []
    } catch (error) {
      if (error instanceof UnsupportedError) return [{ severity: 'error', message: error.message }]
      throw error
    }
  })
}

/** The argument vectors of a line as they stand in the file: variables that nothing but `vars` sets are filled in, the others stay `${x}`. */
export function writtenStages(line: PlacedLine, plan: Plan): readonly (readonly string[])[] {
  const constants = constantsOf(plan)
  const written = (word: Template): string => (typeof word === 'string' ? word : word.map(part => (typeof part === 'string' ? part : (constants.get(part.name) ?? `\${${part.name}}`))).join(''))
  return line.stages.map(stage => stage.words.map(written))
}

/** The `vars` that no step captures over. */
function constantsOf(plan: Plan): ReadonlyMap<string, string> {
  const captured = new Set(plan.steps.flatMap(step => (['done', 'pass', 'continued'] as const).map(why => captures(step, why))))
  return new Map([...plan.vars].filter(([name]) => !captured.has(name)))
}

/**
 * What is wrong with a plan whatever the commands do. (Duplicate ids, a goto to nowhere and a second point of no return do not get this far:
 * {@link compileRunbook} refuses them.)
 */
export function lint(plan: Plan): RunbookFinding[] {
  const edges = edgesOf(plan)
  return [...variables(plan, edges), ...unreachableSteps(plan, edges), ...afterNoReturn(plan, edges), ...gates(plan)]
}

const finding = (step: PlanStep, severity: 'error' | 'warning', rule: RunbookFinding['rule'], message: string): RunbookFinding => ({ severity, place: step.place, step: stepName(step), rule, message })

function unreachableSteps(plan: Plan, edges: readonly Edge[]): RunbookFinding[] {
  const live = reachable(edges.filter(e => !emptyLoop(plan, e)), ['start'])
  const findings: RunbookFinding[] = []
  for (const step of plan.steps) {
    if (live.has(enter(step.index))) continue
    if (step.path === 'forward') findings.push(finding(step, 'warning', 'unreachable', 'no way leads to this step'))
    else if (step.parent === END && isFirstOfUndo(plan, step.index)) {
      findings.push(finding(step, 'warning', 'never-undone', 'this undo never runs, because no failure leads to a rollback: write `otherwise: rollback` where one should'))
    }
  }
  return findings
}

const isFirstOfUndo = (plan: Plan, index: number): boolean => plan.undo === index || plan.steps.some(s => s.undo === index)

/** A loop over an empty list never enters its body. */
function emptyLoop(plan: Plan, edge: Edge): boolean {
  const action = plan.steps[Number(edge.from)]?.action
  return edge.why === 'pass' && action?.kind === 'forEach' && action.items.by === 'list' && action.items.list.length === 0
}

function afterNoReturn(plan: Plan, edges: readonly Edge[]): RunbookFinding[] {
  if (plan.pointOfNoReturn === undefined) return []
  const point = plan.steps[plan.pointOfNoReturn] as PlanStep
  const leaving = edges.filter(e => (e.from === enter(point.index) || e.from === close(point.index)) && (e.why === 'done' || e.why === 'no items'))
  const beyond = reachable(edges.filter(e => e.from !== 'rollback'), leaving.map(e => e.to))
  return edges
    // A `fail` is a decision, taken where its `when` holds; no graph can tell whether that may be beyond the point.
    .filter(e => e.to === 'rollback' && beyond.has(e.from) && plan.steps[Number(e.from)]?.action.kind !== 'fail')
    .map(e => finding(plan.steps[Number(e.from)] as PlanStep, 'error', 'rollback-after-point-of-no-return', `its failure leads to a rollback, but step ${point.id} before it is the point of no return: use abort, continue or a goto`))
}

function gates(plan: Plan): RunbookFinding[] {
  const findings: RunbookFinding[] = []
  for (const step of plan.steps) {
    if (step.action.kind !== 'gate') continue
    if (!Number.isFinite(step.action.timeoutUs)) findings.push(finding(step, 'warning', 'no-timeout', 'this gate has no timeout: if it never holds, the runbook is stuck until its deadline'))
    if (step.action.expect.missing === 'pass') findings.push(finding(step, 'warning', 'passes-without-data', 'this gate passes when its command prints nothing or fails: a guard that holds on missing data guards nothing'))
  }
  return findings
}

/** Names known at a node: on some way to it, and on every way. */
interface Known {
  readonly some: Set<string>
  readonly every: Set<string> | undefined
}

function variables(plan: Plan, edges: readonly Edge[]): RunbookFinding[] {
  const all = new Set<string>(plan.vars.keys())
  for (const step of plan.steps) for (const why of ['done', 'pass'] as const) all.add(captures(step, why) ?? '')
  all.delete('')
  const known = flow(plan, edges)
  const findings: RunbookFinding[] = []
  for (const step of plan.steps) {
    const here = known.get(enter(step.index))
    for (const name of needs(step)) {
      if (here === undefined || here.every?.has(name)) continue
      const nearest = nearestOf(name, [...all])
      if (!all.has(name)) {
        findings.push(finding(step, 'error', 'unknown-variable', `\${${name}} is never captured${nearest === undefined ? '.' : `; did you mean \${${nearest}}?`} Capture it with \`as\`, declare it under \`vars\`, or write $\${${name}} to leave it to an inner shell`))
      } else if (here.some.has(name)) findings.push(finding(step, 'warning', 'unknown-variable', `\${${name}} is not captured on every way to this step`))
      else findings.push(finding(step, 'error', 'unknown-variable', `\${${name}} is used before any step captures it`))
    }
  }
  return findings
}

/** Which variables have a value at each node: a fixed point over the graph, an undo beginning with what its step began with. */
function flow(plan: Plan, edges: readonly Edge[]): Map<string, Known> {
  const known = new Map<string, Known>([['start', { some: new Set(plan.vars.keys()), every: new Set(plan.vars.keys()) }]])
  const ways: { from: string; to: string; adds: string | undefined }[] = edges
    .filter(e => e.from !== 'rollback' && e.to !== 'rollback')
    .map(e => {
      const step = plan.steps[Number.parseInt(e.from, 10)]
      return { from: e.from, to: e.to, adds: step === undefined ? undefined : captures(step, e.from === close(step.index) && e.why !== 'pass' ? 'skipped' : e.why) }
    })
  for (const step of plan.steps) if (step.undo !== END) ways.push({ from: enter(step.index), to: enter(step.undo), adds: undefined })
  if (plan.undo !== END) ways.push({ from: 'start', to: enter(plan.undo), adds: undefined })
  for (let changed = true; changed; ) {
    changed = false
    for (const { from, to, adds } of ways) {
      const source = known.get(from)
      if (source === undefined) continue
      const some = new Set([...source.some, ...(adds === undefined ? [] : [adds])])
      const every = new Set([...(source.every ?? []), ...(adds === undefined ? [] : [adds])])
      const old = known.get(to)
      const next: Known = old === undefined ? { some, every } : { some: new Set([...old.some, ...some]), every: new Set([...(old.every ?? [])].filter(n => every.has(n))) }
      if (old !== undefined && old.some.size === next.some.size && old.every?.size === next.every?.size) continue
      known.set(to, next)
      changed = true
    }
  }
  return known
}
