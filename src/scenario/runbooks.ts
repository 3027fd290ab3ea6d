/** Compiling the runbooks that a scenario names or holds: from one file, from several run in order as one, from steps written in place. */
import { isMap, isScalar } from 'yaml'
import { FILTER_NAMES, filterOf } from '../operator/filters.ts'
import { type CommandRegistry, compileRunbook, type PlacedLine, type Plan, type PlanStep, readRunbook, RunbookError, type Sourced, UnsupportedError } from '../operator/index.ts'
import type { Template } from '../operator/words.ts'
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

const RUNBOOK_FILE = /\.runbook\.ya?ml$/

/** Compiles one runbook file, or several as one: each becomes a group of steps named after its file. */
export function compileFiles(files: SourceFiles, from: string, named: readonly string[], at: (index: number) => NamedAt): Compiled {
  const problems: InputProblem[] = []
  const sources: { readonly sourced: Sourced; readonly path: string }[] = []
  named.forEach((name, i) => {
    const path = pathFrom(from, name)
    if (/\.(?:sh|bash)$/.test(name)) {
      problems.push({ ...at(i), message: `\`${name}\` is a shell script: that comes with a later release`, help: ['write it as steps meanwhile: a `*.runbook.yaml` with one `run:` for each command'] })
      return
    }
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

/** What the cluster's commands say against the runbook's command lines: unknown programs, verbs, flags. Warnings are left to `proofroll check`. */
export function commandProblems(plan: Plan, registry: CommandRegistry): readonly InputProblem[] {
  const problems: InputProblem[] = []
  for (const step of plan.steps) {
    for (const line of linesOf(step)) {
      for (const stage of line.stages) {
        const argv = stage.words.map(written)
        for (const message of complaints(argv, registry)) {
          const place = line.place.line > 0 ? { line: line.place.line, column: line.place.column } : { line: undefined, column: undefined }
          const near = nearest(argv[0] ?? '', registry.names)
          const meant = near === undefined || registry.has(argv[0] ?? '') ? [] : [`did you mean \`${near}\`?`]
          problems.push({ file: plan.file, ...place, message, help: [...meant, `in step \`${step.id}\`: ${line.text}`] })
        }
      }
    }
  }
  return problems
}

/** Text programs (`grep`, `awk`, …) are the operator's own, unless the cluster has a command of that name. */
function complaints(argv: readonly string[], registry: CommandRegistry): readonly string[] {
  const name = argv[0] ?? ''
  if (!registry.has(name) && FILTER_NAMES.includes(name)) {
    try {
      if (!argv.some(word => word.includes('${'))) filterOf(argv)
      return []
    } catch (error) {
      if (error instanceof UnsupportedError) return [error.message]
      throw error
    }
  }
  return registry.check(argv).flatMap(finding => (finding.severity === 'error' ? [finding.message] : []))
}

function linesOf({ action }: PlanStep): readonly PlacedLine[] {
  if (action.kind === 'run' || action.kind === 'parallel') return action.lines
  return action.kind === 'gate' ? [action.line] : []
}

/** A word as it stands in the file, its variables unfilled. */
function written(word: Template): string {
  return typeof word === 'string' ? word : word.map(part => (typeof part === 'string' ? part : `\${${part.name}}`)).join('')
}
