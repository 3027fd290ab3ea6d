/** What a YAML parser objects to, as few problems as there are mistakes. */
import type { LineCounter, YAMLError } from 'yaml'
import type { Place } from './plan.ts'

/** One thing that is wrong with a YAML text. */
export interface YamlProblem extends Place {
  /** The parser's word for it: `TAB_AS_INDENT`, `BAD_INDENT`, … */
  readonly code: string
  /** What is wrong, as a clause. */
  readonly what: string
}

/** Lines that are indented with a tab. */
const TABBED = /^ *\t/

/** The problems of a text in order; tabs as indentation, in which a parser trips over and over, are one problem at the first line of them. @param errors what the parser said */
export function yamlProblems(text: string, errors: readonly YAMLError[], lines: LineCounter): readonly YamlProblem[] {
  const problems = errors.map((error): YamlProblem => {
    const { line, col } = lines.linePos(error.pos[0])
    return { line, column: col, code: error.code, what: error.message.slice(0, 1).toLowerCase() + error.message.slice(1) }
  })
  const written = text.split('\n')
  const tabbed = problems.filter(({ line }) => TABBED.test(written[line - 1] ?? ''))
  if (tabbed.length === 0) return problems
  // What else the parser trips over most often follows from these; what does not is told once they are gone.
  const all = [...new Set(tabbed.map(({ line }) => line))].sort((a, b) => a - b)
  const [line = 0, ...more] = all
  return [{ line, column: 1, code: 'TAB_AS_INDENT', what: `tabs are not allowed as indentation${more.length === 0 ? '' : ` (nor in line${more.length === 1 ? '' : 's'} ${more.join(', ')})`}` }]
}
