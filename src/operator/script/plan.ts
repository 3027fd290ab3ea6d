import { NEVER } from '../../kernel/index.ts'
import { END, type Plan, type PlanStep } from '../plan.ts'
import { BUILTIN_NAMES, type Script, ScriptSyntaxError, UTILITY_NAMES, parseScript } from '../shell/index.ts'
import { functionsOf } from '../shell/check.ts'
import { decisionsOf } from './decisions.ts'
import { guardsOf } from './guards.ts'
import { helpersOf, programOf } from './helpers.ts'
import { GIVEN_NOTHING, type Given, type Simple, everyNode, isAssignment } from '../shell/syntax.ts'

/** A script file of a runbook. */
export interface ScriptFile {
  /** As messages name it. */
  readonly file: string
  readonly text: string
}

/** Builtins and text programs that are places of a script all the same: time passes, or another program is started. */
const PLACES = new Set(['sleep', 'timeout', 'xargs', 'watch', 'bash', 'sh', 'env', 'sudo', 'nohup', 'command', 'exec', 'wait', 'time', 'eval'])

/** The id of a line: `L12`, or `b.sh:12` where several scripts are one runbook. */
export function lineId(script: Pick<Script, 'file'>, line: number, several: boolean): string {
  return several ? `${script.file.replace(/^.*\//, '')}:${line}` : `L${line}`
}

/**
 * One or more scripts as a plan: its steps are the lines that start a program of the simulated world or wait. A pass of a loop is a new visit.
 * @param mounted other files of the workstation, by absolute path; @param given what each is started with. @throws ScriptSyntaxError
 */
export function scriptPlan(files: readonly ScriptFile[], mounted: ReadonlyMap<string, string> = new Map(), given: Given = GIVEN_NOTHING): Plan {
  const scripts = files.map(({ file, text }): Script => ({ ...parseScript(text, file), given }))
  const { helpers, acting } = helpersOf(scripts.map(bodyOf), libraries(mounted, files).map(bodyOf), isPlace)
  // A helper that is handed a function with steps of its own only waits between its tries.
  const callsSteps = (node: Simple): boolean => node.words.some((word, i) => i > 0 && !isAssignment(word) && acting.has(word.constant ?? '') && !helpers.has(word.constant ?? ''))
  const steps: PlanStep[] = []
  const byId = new Map<string, number>()
  const guards = new Set<string>()
  for (const script of scripts) {
    const guarding = guardsOf(script)
    const functions = functionsOf(script)
    const lines = new Map<number, Simple>()
    everyNode(script.body, (node, around) => {
      if (node.is === 'simple' && guarding.has(node) && (isPlace(node, functions) || functions.has(programOf(node) ?? ''))) guards.add(lineId(script, node.line, scripts.length > 1))
      if (node.is !== 'simple' || lines.has(node.line) || around.some(outer => outer.is === 'function' && helpers.has(outer.name))) return
      if (helpers.has(programOf(node) ?? '') ? !callsSteps(node) : isPlace(node, functions)) lines.set(node.line, node)
    })
    for (const [line, node] of [...lines].sort((a, b) => a[0] - b[0])) {
      const id = lineId(script, line, scripts.length > 1)
      byId.set(id, steps.length)
      steps.push(step(steps.length, id, (script.text.split('\n')[line - 1] ?? node.source).trim(), line))
    }
  }
  // All it does is in the text of a trap, say.
  if (steps.length === 0) steps.push(step(0, lineId(scripts[0] as Script, 1, scripts.length > 1), (files[0] as ScriptFile).text.split('\n')[0] ?? '', 1))
  const names = new Set(scripts.flatMap(script => [...functionsOf(script)]))
  const linked = steps.map((each, i): PlanStep => ({ ...each, next: i + 1 < steps.length ? i + 1 : END }))
  const name = files.map(f => f.file.replace(/^.*\//, '')).join(', then ')
  return { title: name, description: '', source: '', file: files.map(f => f.file).join(' + '), vars: new Map(), steps: linked, entry: 0, undo: END, pointOfNoReturn: undefined, byId, script: { scripts, given, mounted, helpers, guards, decisions: decisionsOf(scripts, { helpers, acting, isPlace: node => acting.has(programOf(node) ?? '') || isPlace(node, names) }) } }
}

const bodyOf = (script: Script): Script['body'] => script.body

/** Shell files beside the scripts, which they may source. */
function libraries(mounted: ReadonlyMap<string, string>, scripts: readonly ScriptFile[]): Script[] {
  return [...mounted].flatMap(([path, text]) => {
    if (!/\.(?:sh|bash)$/.test(path) || scripts.some(script => script.text === text)) return []
    try {
      return [parseScript(text, path)]
    } catch (error) {
      // Whoever sources it is told.
      if (error instanceof ScriptSyntaxError) return []
      throw error
    }
  })
}

export function isPlace(node: Simple, functions: ReadonlySet<string>): boolean {
  const word = node.words[0]
  if (word === undefined || isAssignment(word)) return false
  const name = word.constant
  if (name === undefined) return true
  if (functions.has(name)) return false
  return PLACES.has(name) || !(BUILTIN_NAMES.has(name) || UTILITY_NAMES.has(name))
}

function step(index: number, id: string, title: string, line: number): PlanStep {
  return {
    index, id, title, path: 'forward', owner: id, place: { line, column: 1 }, parent: END, loops: [], next: END, closes: false,
    action: { kind: 'run', lines: [], expect: undefined, timeoutUs: NEVER }, as: undefined, collect: undefined, when: undefined, otherwise: { is: 'continue' }, otherwiseDeclared: true,
    retry: undefined, resume: 'rerun', pointOfNoReturn: false, undo: END, note: undefined,
  }
}
