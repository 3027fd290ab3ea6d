/** Compiling the runbooks that a scenario names or holds: from one file, from several run in order as one, from steps written in place. */
import { isMap, isScalar } from 'yaml'
import { checkRunbook, type CommandRegistry, compileRunbook, type Given, isShownByRun, type Plan, readRunbook, RunbookError, type ScriptFile, scriptPlan, ScriptSyntaxError, type Sourced } from '../operator/index.ts'
import type { Layer } from './document.ts'
import { type InputProblem, problemAt } from './error.ts'
import { missingFile, pathFrom, type SourceFiles } from './files.ts'
import { nearest } from './spelling.ts'

/** A plan, or what is wrong with it. */
export interface Compiled {
  readonly plan: Plan | undefined
  readonly problems: readonly InputProblem[]
}

/** Where a file was named, for the error when it does not exist. */
export type NamedAt = Pick<InputProblem, 'file' | 'line' | 'column'>

const SCRIPT_FILE = /\.(?:sh|bash)$/
const RUNBOOK_FILE = /\.runbook\.ya?ml$/

/** Compiles one runbook file, or several as one: each becomes a group of steps named after its file. @param given what a script is started with */
export function compileFiles(files: SourceFiles, from: string, named: readonly string[], at: (index: number) => NamedAt, given?: Given): Compiled {
  if (named.some(name => SCRIPT_FILE.test(name))) return compileScripts(files, from, named, at, given)
  const problems: InputProblem[] = []
  const sources: { readonly sourced: Sourced; readonly path: string }[] = []
  named.forEach((name, i) => {
    const path = pathFrom(from, name)
    const text = files.read(path)
    if (text === undefined) {
      problems.push({ ...at(i), message: `there is no runbook \`${name}\``, help: missingFile(files, path, RUNBOOK_FILE) })
      return
    }
    collect(problems, files.shown(path), () => {
      const sourced = readRunbook(text, files.shown(path))
      // Compiled alone first, so that what is wrong in one file is reported there.
      compileRunbook(sourced)
      sources.push({ sourced, path })
    })
  })
  const first = sources[0]
  if (problems.length > 0 || first === undefined) return { plan: undefined, problems }
  let plan: Plan | undefined
  collect(problems, first.sourced.file, () => {
    plan = compileRunbook(sources.length === 1 ? first.sourced : joined(sources))
  })
  return { plan, problems }
}

/** Shell scripts as one runbook, run one after the other. Files that they name and that stand beside them are on the workstation. */
function compileScripts(files: SourceFiles, from: string, named: readonly string[], at: (index: number) => NamedAt, given: Given | undefined): Compiled {
  const problems: InputProblem[] = []
  const scripts: ScriptFile[] = []
  const mounted = new Map<string, string>()
  named.forEach((name, i) => {
    const path = pathFrom(from, name)
    const text = SCRIPT_FILE.test(name) ? files.read(path) : undefined
    if (!SCRIPT_FILE.test(name)) problems.push({ ...at(i), message: `\`${name}\` is no shell script: a list is either scripts or runbooks of steps`, help: [] })
    else if (text === undefined) problems.push({ ...at(i), message: `there is no script \`${name}\``, help: missingFile(files, path, SCRIPT_FILE) })
    else {
      scripts.push({ file: files.shown(path), text })
      mount(files, path, path, text, mounted)
    }
  })
  if (problems.length > 0) return { plan: undefined, problems }
  try {
    return { plan: scriptPlan(scripts, mounted, given), problems }
  } catch (error) {
    if (!(error instanceof ScriptSyntaxError)) throw error
    return { plan: undefined, problems: [{ file: error.file, line: error.line, column: 1, message: `this is no shell script: ${error.what}`, help: [] }] }
  }
}

const HOME = '/root'

/** Puts a file on the workstation, with the files that it names. Folders stay as they are beside the script. */
function mount(files: SourceFiles, script: string, path: string, text: string, mounted: Map<string, string>): void {
  const folder = script.includes('/') ? script.slice(0, script.lastIndexOf('/') + 1) : ''
  const place = `${HOME}/${path.startsWith(folder) ? path.slice(folder.length) : path}`
  if (mounted.has(place)) return
  mounted.set(place, text)
  for (const [, word] of text.matchAll(/(?:^|[\s"'=<@/])((?:\.\/)?[\w][\w./-]*\.(?:sh|bash|ya?ml|json|sql|js|conf|ini|env|txt|tmpl|tpl))\b/gm)) {
    const named = pathFrom(script, word as string)
    const found = named.startsWith('..') ? undefined : files.read(named)
    if (found !== undefined) mount(files, script, named, found, mounted)
  }
}

/** Several runbooks as one: a group of steps a file. Its `otherwise` and `undo` become the group's. */
function joined(sources: readonly { readonly sourced: Sourced; readonly path: string }[]): Sourced {
  const all = sources.map(s => s.sourced)
  const first = all[0] as Sourced
  const file = all.map(s => s.file).join(' + ')
  const steps = sources.map(({ sourced, path }) => {
    const { steps, undo, otherwise, title } = sourced.runbook
    return { id: path.replace(/^.*\//, '').replace(RUNBOOK_FILE, ''), title, steps, ...(undo === undefined ? {} : { undo }), ...(otherwise === undefined ? {} : { otherwise }) }
  })
  const vars = Object.assign({}, ...all.map(s => s.runbook.vars ?? {})) as NonNullable<Sourced['runbook']['vars']>
  return {
    file,
    runbook: { format: 1, title: all.map(s => s.runbook.title).join(', then '), ...(first.runbook.source === undefined ? {} : { source: first.runbook.source }), vars, steps },
    place(path) {
      const source = all[Number(path[1])]
      if (path[0] !== 'steps' || source === undefined) return { line: 0, column: 0 }
      return source.place(path[2] === 'steps' || path[2] === 'undo' ? path.slice(2) : ['steps'])
    },
  }
}

/**
 * Compiles the steps that stand in a scenario file itself, under `runbook:` or `start:`. The text is blanked but for that section, whose key
 * is read as `steps:`, so that every error keeps its line and column.
 */
export function compileSection(layer: Layer, text: string, key: 'runbook' | 'start', title: string): Compiled {
  const problems: InputProblem[] = []
  const range = sectionRange(layer, key)
  if (range === undefined) return { plan: undefined, problems: [problemAt(layer.file, `\`${key}\` cannot be read`)] }
  const blank = (part: string): string => part.replace(/[^\n]/g, ' ')
  const section = text.slice(range.from + key.length, range.to)
  const source = `${blank(text.slice(0, range.from))}${'steps'.padEnd(key.length)}${section}${blank(text.slice(range.to))}\nformat: 1\ntitle: ${JSON.stringify(title)}\n`
  let plan: Plan | undefined
  collect(problems, layer.file, () => {
    plan = compileRunbook(source, layer.file)
  })
  return { plan, problems }
}

function sectionRange(layer: Layer, key: string): { readonly from: number; readonly to: number } | undefined {
  const contents = layer.document.contents
  if (!isMap(contents)) return undefined
  const pair = contents.items.find(item => isScalar(item.key) && item.key.value === key)
  const from = isScalar(pair?.key) ? pair.key.range?.[0] : undefined
  const to = (pair?.value as { range?: readonly [number, number, number] } | null | undefined)?.range?.[2]
  return from === undefined || to === undefined ? undefined : { from, to }
}

function collect(problems: InputProblem[], file: string, compile: () => void): void {
  try {
    compile()
  } catch (error) {
    if (!(error instanceof RunbookError)) throw error
    for (const problem of error.problems) {
      const [message, ...help] = problem.message.split(/(?<=[`?.]) (?=Known here: |Steps: )/)
      const known = problem.line > 0 ? { line: problem.line, column: problem.column } : { line: undefined, column: undefined }
      problems.push({ file: error.file || file, ...known, message: message ?? problem.message, help })
    }
  }
}

/**
 * What is wrong with a runbook's steps: programs, verbs and flags that the cluster's commands do not know, variables that nobody captures,
 * steps that nothing leads to. Warnings are left to `proofroll check`.
 */
export function stepProblems(plan: Plan, registry: CommandRegistry): readonly InputProblem[] {
  const wrong = checkRunbook(plan, registry).filter(({ severity }) => severity === 'error')
  // A name that nothing answers to, an argument that is none: the commands themselves say so in a rehearsal, and `proofroll check` before. Where none
  // can be made, all of it is told at once.
  if (wrong.every(isShownByRun)) return []
  return wrong.map((finding): InputProblem => {
    const { place, message, step, line } = finding
    const at = place.line > 0 ? { line: place.line, column: place.column } : { line: undefined, column: undefined }
    const help = line === undefined ? [`in step \`${step}\``] : [...meantCommand(message, registry), `in step \`${step}\`: ${line}`]
    return { file: plan.file, ...at, message, help }
  })
}

/** The known program that an unknown one was perhaps meant to be. */
function meantCommand(message: string, registry: CommandRegistry): readonly string[] {
  const unknown = /^the command `([^`]+)` is not modelled on/.exec(message)?.[1]
  const near = unknown === undefined || registry.has(unknown) ? undefined : nearest(unknown, registry.names)
  return near === undefined ? [] : [`did you mean \`${near}\`?`]
}
