/** A parsed script as the interpreter wants it: immutable, made once for a scenario and shared by all its runs. */

/** A piece of a word. `pure` pieces expand without running a command, so without a generator. */
export type Part = TextPart | GlobPart | TildePart | ParameterPart | CommandPart | ArithmeticPart | ProcessPart

export interface TextPart {
  readonly is: 'text'
  readonly text: string
  readonly quoted: boolean
  readonly pure: true
}

/** Pattern characters written without quotes. */
export interface GlobPart {
  readonly is: 'glob'
  readonly text: string
  readonly quoted: false
  readonly pure: true
}

/** `~` or `~user` at the beginning of a word or behind a `:` of an assignment. */
export interface TildePart {
  readonly is: 'tilde'
  readonly user: string
  readonly quoted: false
  readonly pure: true
}

export interface ParameterPart {
  readonly is: 'parameter'
  readonly name: string
  readonly quoted: boolean
  readonly pure: boolean
  readonly source: string
  /** `${#x}` */
  readonly length: boolean
  /** `${!x}` */
  readonly indirect: boolean
  readonly index: Word | undefined
  /** `[@]` or `[*]`. */
  readonly all: '@' | '*' | undefined
  readonly operation: Operation | undefined
}

export type Operation =
  | { readonly is: 'default'; readonly operator: '-' | '=' | '+' | '?'; readonly colon: boolean; readonly word: Word }
  | { readonly is: 'remove'; readonly suffix: boolean; readonly longest: boolean; readonly word: Word }
  | { readonly is: 'replace'; readonly where: 'first' | 'all' | 'start' | 'end'; readonly pattern: Word; readonly by: Word }
  | { readonly is: 'slice'; readonly offset: Word; readonly length: Word | undefined }
  | { readonly is: 'case'; readonly upper: boolean; readonly all: boolean; readonly pattern: Word | undefined }
  | { readonly is: 'transform'; readonly letter: string }
  /** `${!prefix*}` */
  | { readonly is: 'names'; readonly star: boolean }

export interface CommandPart {
  readonly is: 'command'
  readonly body: readonly Node[]
  /** The body changes nothing of the shell around it, so that no copy of the shell is needed to run it. */
  readonly harmless: boolean
  /** `$(<file)` */
  readonly file: Word | undefined
  readonly quoted: boolean
  readonly pure: false
  readonly source: string
}

export interface ArithmeticPart {
  readonly is: 'arithmetic'
  readonly expression: Word
  readonly quoted: boolean
  readonly pure: boolean
}

export interface ProcessPart {
  readonly is: 'process'
  readonly direction: '<' | '>'
  readonly body: readonly Node[]
  readonly quoted: boolean
  readonly pure: false
}

export interface Word {
  /** As written. */
  readonly source: string
  /** Its value when nothing in it has to be expanded. */
  readonly constant: string | undefined
  readonly parts: readonly Part[]
  readonly pure: boolean
}

export interface Assignment {
  readonly name: string
  readonly append: boolean
  readonly index: Word | undefined
  readonly value: Word | readonly ArrayElement[]
  readonly pure: boolean
}

export interface ArrayElement {
  readonly index: Word | undefined
  readonly append: boolean
  readonly value: Word
}

export type Redirection =
  | { readonly is: 'file'; readonly operator: '>' | '>>' | '<' | '<>' | '>|' | '&>' | '&>>'; readonly fd: number; readonly variable: string | undefined; readonly target: Word }
  | { readonly is: 'duplicate'; readonly output: boolean; readonly fd: number; readonly variable: string | undefined; readonly target: Word }
  | { readonly is: 'text'; readonly fd: number; readonly body: Word; readonly newline: boolean }

interface At {
  /** Counts from 1. */
  readonly line: number
}

/** A program, builtin or function with its words; or assignments alone. */
export interface Simple extends At {
  readonly is: 'simple'
  readonly source: string
  readonly words: readonly (Word | Assignment)[]
  /** The argument vector when nothing in it has to be expanded. */
  readonly constant: readonly string[] | undefined
  readonly assignments: readonly Assignment[]
  readonly redirections: readonly Redirection[]
  readonly pure: boolean
  /** Its number among the commands that begin on its line, from 1. */
  readonly ordinal: number
  /** Of the commands that begin on its line it is the last one. */
  readonly last: boolean
  /** The file it stands in; an index of the script's `files`. */
  readonly file: string
}

export interface Pipeline extends At {
  readonly is: 'pipeline'
  readonly commands: readonly Node[]
  readonly errorsToo: readonly boolean[]
  readonly negated: boolean
  readonly timed: boolean
}

export interface AndOr extends At {
  readonly is: 'and-or'
  readonly commands: readonly Node[]
  readonly operators: readonly ('&&' | '||')[]
}

export interface If extends At {
  readonly is: 'if'
  readonly branches: readonly { readonly test: readonly Node[]; readonly body: readonly Node[] }[]
  readonly otherwise: readonly Node[] | undefined
}

export interface For extends At {
  readonly is: 'for'
  readonly name: string
  readonly words: readonly Word[] | undefined
  readonly body: readonly Node[]
}

export interface ForArithmetic extends At {
  readonly is: 'for-arithmetic'
  readonly first: Word | undefined
  readonly test: Word | undefined
  readonly next: Word | undefined
  readonly body: readonly Node[]
}

export interface While extends At {
  readonly is: 'while'
  readonly until: boolean
  readonly test: readonly Node[]
  readonly body: readonly Node[]
}

export interface Case extends At {
  readonly is: 'case'
  readonly word: Word
  readonly items: readonly { readonly patterns: readonly Word[]; readonly body: readonly Node[]; readonly end: ';;' | ';&' | ';;&' }[]
}

export interface Group extends At {
  readonly is: 'group' | 'subshell'
  readonly body: readonly Node[]
}

export interface Conditional extends At {
  readonly is: 'conditional'
  readonly test: Test
}

export type Test =
  | { readonly is: 'unary'; readonly operator: string; readonly word: Word; readonly pure: boolean }
  | { readonly is: 'binary'; readonly operator: string; readonly left: Word; readonly right: Word; readonly pure: boolean }
  | { readonly is: 'and' | 'or'; readonly tests: readonly Test[]; readonly pure: boolean }
  | { readonly is: 'not'; readonly test: Test; readonly pure: boolean }

export interface Arithmetic extends At {
  readonly is: 'arithmetic'
  readonly expression: Word
}

export interface FunctionDefinition extends At {
  readonly is: 'function'
  readonly name: string
  readonly body: Node
}

export interface Redirected extends At {
  readonly is: 'redirected'
  readonly command: Node
  readonly redirections: readonly Redirection[]
}

export interface Background extends At {
  readonly is: 'background'
  readonly command: Node
  readonly source: string
}

export type Node = Simple | Pipeline | AndOr | If | For | ForArithmetic | While | Case | Group | Conditional | Arithmetic | FunctionDefinition | Redirected | Background

/** What whoever starts a script gives it. */
export interface Given {
  /** `$1`, `$2`, … */
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** What is typed when it asks (`read` from the terminal), in turn. Without any, nobody sits at a terminal, as in CI. */
  readonly answers: readonly string[]
}

export const GIVEN_NOTHING: Given = { arguments: [], environment: {}, answers: [] }

/** A script file, read once. */
export interface Script {
  readonly file: string
  readonly text: string
  /** What it is started with, where that is known. */
  readonly given?: Given
  readonly body: readonly Node[]
  /** The same, by what is read together: an error that throws a command away goes on with the next unit. */
  readonly units: readonly (readonly Node[])[]
}

export const isAssignment = (word: Word | Assignment): word is Assignment => 'name' in word

/** Calls `visit` for every node below (and with) these, in the order they are written; into substitutions too. */
export function everyNode(nodes: readonly Node[], visit: (node: Node, around: readonly Node[]) => void, around: readonly Node[] = []): void {
  for (const node of nodes) {
    visit(node, around)
    const inner = [...around, node]
    for (const list of bodiesOf(node)) everyNode(list, visit, inner)
  }
}

/** The lists of commands that a node holds: its bodies and those of the substitutions in its words. */
export function bodiesOf(node: Node): readonly (readonly Node[])[] {
  const inWords = wordsOf(node).flatMap(bodiesOfWord)
  switch (node.is) {
    case 'pipeline':
    case 'and-or':
      return node.commands.map(command => [command])
    case 'if':
      return [...node.branches.flatMap(branch => [branch.test, branch.body]), ...(node.otherwise === undefined ? [] : [node.otherwise])]
    case 'while':
      return [node.test, node.body]
    case 'for':
    case 'for-arithmetic':
    case 'group':
    case 'subshell':
      return [...inWords, node.body]
    case 'case':
      return [...inWords, ...node.items.map(item => item.body)]
    case 'function':
      return [[node.body]]
    case 'redirected':
    case 'background':
      return [...inWords, [node.command]]
    default:
      return inWords
  }
}

/** The words that a node itself holds. */
export function wordsOf(node: Node): readonly Word[] {
  switch (node.is) {
    case 'simple':
      return [...node.assignments.flatMap(wordsOfAssignment), ...node.words.flatMap(word => (isAssignment(word) ? wordsOfAssignment(word) : [word])), ...node.redirections.flatMap(wordsOfRedirection)]
    case 'for':
      return node.words ?? []
    case 'for-arithmetic':
      return [node.first, node.test, node.next].filter(word => word !== undefined)
    case 'case':
      return [node.word, ...node.items.flatMap(item => item.patterns)]
    case 'conditional':
      return wordsOfTest(node.test)
    case 'arithmetic':
      return [node.expression]
    case 'redirected':
      return node.redirections.flatMap(wordsOfRedirection)
    default:
      return []
  }
}

const wordsOfRedirection = (r: Redirection): readonly Word[] => [r.is === 'text' ? r.body : r.target]

function wordsOfAssignment(a: Assignment): readonly Word[] {
  const values = Array.isArray(a.value) ? (a.value as readonly ArrayElement[]).flatMap(e => (e.index === undefined ? [e.value] : [e.index, e.value])) : [a.value as Word]
  return a.index === undefined ? values : [a.index, ...values]
}

function wordsOfTest(test: Test): readonly Word[] {
  switch (test.is) {
    case 'unary':
      return [test.word]
    case 'binary':
      return [test.left, test.right]
    case 'not':
      return wordsOfTest(test.test)
    default:
      return test.tests.flatMap(wordsOfTest)
  }
}

function bodiesOfWord(word: Word): readonly (readonly Node[])[] {
  return word.parts.flatMap(part => {
    if (part.is === 'command' || part.is === 'process') return [part.body]
    if (part.is === 'arithmetic') return bodiesOfWord(part.expression)
    return part.is === 'parameter' ? wordsOfParameter(part).flatMap(bodiesOfWord) : []
  })
}

/** The words inside a `${…}`. */
export function wordsOfParameter(part: ParameterPart): readonly Word[] {
  const words: Word[] = part.index === undefined ? [] : [part.index]
  const op = part.operation
  if (op === undefined) return words
  if (op.is === 'default' || op.is === 'remove') words.push(op.word)
  else if (op.is === 'replace') words.push(op.pattern, op.by)
  else if (op.is === 'slice') words.push(op.offset, ...(op.length === undefined ? [] : [op.length]))
  else if (op.is === 'case' && op.pattern !== undefined) words.push(op.pattern)
  return words
}
