/** One thing that is wrong with what the user wrote. */
export interface InputProblem {
  /** The file as the user named it, or the option (`--set load.cohorts=x`). */
  readonly file: string
  /** From 1; undefined where there is no line to point at. */
  readonly line: number | undefined
  readonly column: number | undefined
  /** What is wrong. */
  readonly message: string
  /** What would be right, one sentence or clause a line. */
  readonly help: readonly string[]
}

/**
 * The input is wrong (exit code 2). The message is the whole block for the user: every problem with its place, what is wrong and what would
 * be right, in the order of the file.
 */
export class ScenarioError extends Error {
  constructor(readonly problems: readonly InputProblem[]) {
    super(toldOnce(problems).map(formatProblem).join('\n'))
    this.name = 'ScenarioError'
  }
}

/** A problem that has no place in a file. */
export function problemAt(file: string, message: string, ...help: readonly string[]): InputProblem {
  return { file, line: undefined, column: undefined, message, help }
}

/** What is wrong in the same way at many places is told at the first of them, which names the others. */
function toldOnce(problems: readonly InputProblem[]): readonly InputProblem[] {
  const same = new Map<string, InputProblem[]>()
  for (const problem of problems) {
    const key = `${problem.file}\0${problem.message}`
    same.set(key, [...(same.get(key) ?? []), problem])
  }
  return [...same.values()].map(([first, ...more]) => {
    const lines = [...new Set(more.map(each => each.line))].filter(line => line !== undefined && line !== first?.line)
    return lines.length === 0 ? (first as InputProblem) : { ...(first as InputProblem), help: [...(first?.help ?? []), `and in line${lines.length === 1 ? '' : 's'} ${lines.join(', ')}`] }
  })
}

function formatProblem(problem: InputProblem): string {
  const place = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}:${problem.column ?? 1}`
  return [`${place}: ${problem.message}`, ...wrap(problem.help).map(line => `    ${line}`)].join('\n')
}

/** With their indentation no wider than every terminal is. */
const WIDTH = 76

/** Breaks long help at blanks, so that a terminal need not. */
function wrap(lines: readonly string[]): readonly string[] {
  return lines.flatMap(line => {
    const broken: string[] = []
    let rest = line
    while (rest.length > WIDTH) {
      const cut = rest.lastIndexOf(' ', WIDTH)
      if (cut <= 2) break
      broken.push(rest.slice(0, cut))
      rest = `  ${rest.slice(cut + 1)}`
    }
    return [...broken, rest]
  })
}
