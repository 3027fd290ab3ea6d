/** What a script wants of whoever starts it, and the scenario does not say: answers to its questions, arguments, variables. */
import { type ScriptFinding, setSomewhere } from '../shell/check.ts'
import { type Node, type ParameterPart, type Script, type Simple, type Word, everyNode, isAssignment, wordsOf, wordsOfParameter } from '../shell/syntax.ts'

export type GivenRule = 'unanswered' | 'not-given'

/** The findings of a script, in the order of its lines; each missing thing once. */
export function givenFindings(script: Script): ScriptFinding[] {
  const given = script.given ?? { arguments: [], environment: {}, answers: [] }
  const found: ScriptFinding[] = []
  const said = new Set<string>()
  const say = (line: number, rule: GivenRule, key: string, message: string): void => {
    if (!said.has(key)) found.push({ severity: 'warning', line, rule, message })
    said.add(key)
  }
  everyNode(script.body, (node, around) => {
    if (node.is === 'simple' && given.answers.length === 0 && asks(node, around)) {
      const prompt = promptOf(node)
      say(node.line, 'unanswered', 'answers', `the script asks${prompt === undefined ? '' : ` “${prompt}”`}, and nobody answers: \`read\` fails, as in CI. What you would type: \`--set script.answers=[y]\`, or \`script: { answers: [y] }\` in the scenario (one for each question, in turn)`)
    }
    if (node.is === 'function') return
    const optional = around.some(outer => outer.is === 'function' || (outer.is === 'while' && outer.test.some(countsArguments))) || node.is === 'case' || comparesOption(node)
    for (const part of wordsOf(node).flatMap(parametersOf)) wanted(part, node.line, optional)
  })
  function wanted({ name, operation }: ParameterPart, line: number, optional: boolean): void {
    if (/^[1-9]$/.test(name)) {
      if (optional || (operation?.is === 'default' && operation.operator !== '?')) return
      if (given.arguments.length === 0) say(line, 'not-given', 'arguments', `the script takes arguments (\`$${name}\` here), and is given none: \`… -- ARG…\` behind the command, \`--set 'script.arguments=[a, b]'\`, or \`script: { arguments: [a, b] }\` in the scenario`)
    } else if (operation?.is === 'default' && operation.operator === '?' && given.environment[name] === undefined && !BY_THE_SHELL.has(name) && !setSomewhere(name, script.text)) {
      say(line, 'not-given', name, `the script wants \`$${name}\` set (\`\${${name}:?…}\` ends it): \`--set script.environment.${name}=…\`, or \`script: { environment: { ${name}: … } }\` in the scenario`)
    }
  }
  return found.sort((a, b) => a.line - b.line)
}

const parametersOf = (word: Word): readonly ParameterPart[] => word.parts.flatMap(part => (part.is === 'parameter' ? [part, ...wordsOfParameter(part).flatMap(parametersOf)] : []))

/** `while [[ $# -gt 0 ]]` */
const countsArguments = (node: Node): boolean => wordsOf(node).flatMap(parametersOf).some(({ name }) => name === '#')

/** `[ "$1" = --force ]`: what may be given, and need not. */
function comparesOption(node: Node): boolean {
  return (node.is === 'conditional' || node.is === 'simple') && wordsOf(node).some(word => /^-./.test(word.constant ?? '') && !/^-[a-z]{1,2}$/.test(word.constant ?? ''))
}

const BY_THE_SHELL: ReadonlySet<string> = new Set(['HOME', 'PATH', 'USER', 'LANG', 'PWD', 'OLDPWD', 'HOSTNAME', 'RANDOM', 'SECONDS', 'BASH', 'UID', 'EUID', 'PPID'])

/** Whether a `read` asks somebody: it says what about, or nothing around it gives it something to read. */
function asks(node: Simple, around: readonly Node[]): boolean {
  const [word, ...rest] = node.words
  if (word === undefined || isAssignment(word) || word.constant !== 'read' || node.redirections.length > 0) return false
  const options = rest.map(each => (isAssignment(each) ? '' : (each.constant ?? '')))
  if (options.some(each => /^-[a-z]*u/.test(each))) return false
  // Inside a function, a pipe or a loop it may well read what these are given.
  const fed = around.some(outer => outer.is === 'pipeline' || outer.is === 'function' || (outer.is === 'redirected'))
  return options.some(each => /^-[a-z]*p/.test(each)) ? !around.some(outer => outer.is === 'pipeline' || outer.is === 'redirected') : !fed
}

function promptOf(node: Simple): string | undefined {
  const at = node.words.findIndex(each => !isAssignment(each) && /^-[a-z]*p/.test(each.constant ?? ''))
  const word = at < 0 ? undefined : node.words[at + 1]
  if (word === undefined || isAssignment(word)) return undefined
  return word.parts.map(part => (part.is === 'text' || part.is === 'glob' ? part.text : '…')).join('').trim().slice(0, 60) || undefined
}
