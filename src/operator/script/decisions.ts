/**
 * The decisions of a script that can stop it or hold it up: what gates are to a runbook of steps. `check || die`, `if ! check; then exit 1; fi`,
 * `case … *) exit 1`, `until check; do sleep 5; done`. Read off the text, once for a scenario; which way they go is `guarding.ts`.
 */
import { type AndOr, type Case, type If, type Node, type Part, type Script, type Simple, type Word, bodiesOf, everyNode, isAssignment, wordsOf, wordsOfParameter } from '../shell/syntax.ts'
import type { WrittenClaim } from '../claims.ts'
import { claimsIn } from './claims.ts'
import { programOf } from './helpers.ts'

export interface Decision {
  readonly node: Node
  /** As messages name its sort: `||`, `&&`, `if`, `case`, `while`, `until`, `for`. */
  readonly sort: string
  /** Commands of a chain, branches of an `if` (the last number: its `else`) or of a `case` with which the script ends. */
  readonly stops: ReadonlySet<number>
  /** Of a loop: its own test only counts, so it goes by what its body finds out. */
  readonly counts: boolean
  /** It only counts or looks at the clock, in a loop that waits: the time-out of that loop. */
  readonly of: Node | undefined
  /** What passing it asserts about the truth, if its author says so above it. */
  readonly claims: readonly WrittenClaim[]
}

/** What a test (`[ … ]`, `[[ … ]]`, `(( … ))`) looks at. */
export interface Test {
  readonly reads: readonly string[]
  /** It compares numbers. */
  readonly numbers: boolean
  /** It asks whether there is anything: nothing is an answer then. */
  readonly emptiness: boolean
}

/** A variable that a command sets. */
export interface Fed {
  readonly name: string
  /** Other variables that its value is made of. */
  readonly from: readonly string[]
}

export interface Decisions {
  readonly byNode: ReadonlyMap<Node, Decision>
  readonly tests: ReadonlyMap<Node, Test>
  /** Commands that set variables. */
  readonly feeds: ReadonlyMap<Node, readonly Fed[]>
  /** Functions that do nothing of the simulated world themselves, or stand for one line: what is decided in them belongs to the line that called. */
  readonly through: ReadonlySet<string>
}

/** What is known of the functions of a runbook's scripts. */
interface Known {
  readonly helpers: ReadonlySet<string>
  /** Functions that start programs or wait. */
  readonly acting: ReadonlySet<string>
  readonly isPlace: (node: Simple) => boolean
}

const NUMERIC = /^-(?:eq|ne|lt|le|gt|ge)$/
const READERS: ReadonlySet<string> = new Set(['read', 'mapfile', 'readarray'])
const COUNTS: ReadonlySet<string> = new Set(['[', 'test', 'true', ':', 'let'])

/** All decisions of these scripts. */
export function decisionsOf(scripts: readonly Script[], known: Known): Decisions {
  const bodies = scripts.flatMap(script => script.body)
  const functions = new Map<string, Node>()
  everyNode(bodies, node => void (node.is === 'function' && functions.set(node.name, node.body)))
  const found = new Finder(scripts, functions, known)
  return { byNode: found.decisions(), tests: testsOf(bodies), feeds: feedsOf(bodies), through: new Set([...functions.keys()].filter(name => known.helpers.has(name) || !known.acting.has(name))) }
}

type Found = Omit<Decision, 'claims'>

class Finder {
  private readonly fed: ReadonlySet<string>
  /** Functions that end the script, whatever they are told: `die() { …; exit 1; }`. */
  private readonly leavers = new Set<string>()
  /** Functions that a failure of ends the script: in them `return 1` is a stop, and what looks at them is none. */
  private readonly stages = new Set<string>()

  constructor(
    private readonly scripts: readonly Script[],
    functions: ReadonlyMap<string, Node>,
    known: Known,
  ) {
    this.fed = fedByPrograms(scripts.flatMap(script => script.body), known.isPlace)
    for (let more = true; more; ) {
      more = false
      for (const [name, body] of functions) if (!this.leavers.has(name) && this.leaves(body, false)) more = this.leavers.add(name) !== undefined
    }
    for (const [name] of functions) if (known.acting.has(name) && !known.helpers.has(name) && this.isStage(name)) this.stages.add(name)
  }

  decisions(): ReadonlyMap<Node, Decision> {
    const byNode = new Map<Node, Decision>()
    for (const script of this.scripts) {
      const { byLine } = claimsIn(script.text)
      everyNode(script.body, (node, around) => {
        const decision = this.decision(node, around)
        if (decision !== undefined) byNode.set(node, { ...decision, claims: byLine.get(node.line) ?? [] })
      })
    }
    return byNode
  }

  private decision(node: Node, around: readonly Node[]): Found | undefined {
    const inStage = around.some(outer => outer.is === 'function' && this.stages.has(outer.name))
    if (node.is === 'and-or') return this.chain(node, around, inStage)
    if (node.is === 'if') return this.branches(node, around, inStage)
    if (node.is === 'case') return this.cases(node, around, inStage)
    return this.loop(node)
  }

  private chain(node: AndOr, around: readonly Node[], inStage: boolean): Found | undefined {
    const stops = indexes(node.commands, (command, i) => i > 0 && this.leaves(command, inStage))
    const [first] = stops
    if (first === undefined) return undefined
    const tests = node.commands.slice(0, first)
    if (tests.some(test => this.callsStage(test))) return undefined
    return this.made(node, node.operators[first - 1] as string, stops, tests, around)
  }

  private branches(node: If, around: readonly Node[], inStage: boolean): Found | undefined {
    const lists = [...node.branches.map(branch => branch.body), ...(node.otherwise === undefined ? [] : [node.otherwise])]
    const stops = indexes(lists, list => this.ends(list, inStage))
    const tests = node.branches.flatMap(branch => branch.test)
    // Where every way stops, nothing is decided.
    if (stops.size === 0 || (node.otherwise !== undefined && stops.size === lists.length) || tests.some(test => this.callsStage(test))) return undefined
    return this.made(node, 'if', stops, tests, around)
  }

  private cases(node: Case, around: readonly Node[], inStage: boolean): Found | undefined {
    const stops = indexes(node.items, item => this.ends(item.body, inStage))
    // One that goes by the script's own arguments (`case "$1" in … *) usage; exit 2`) is about how it was called.
    const looks = namesIn(node.word).some(name => this.fed.has(name)) || node.word.parts.some(part => part.is === 'command')
    return looks && stops.size > 0 ? this.made(node, 'case', stops, [], around) : undefined
  }

  /** A loop that waits for something. */
  private loop(node: Node): Found | undefined {
    if (node.is !== 'while' && node.is !== 'for' && node.is !== 'for-arithmetic') return undefined
    const sleeps = has(node.body, simple => programOf(simple) === 'sleep')
    const left = has(node.body, simple => ['break', 'return'].includes(programOf(simple) ?? ''))
    if (node.is !== 'while') return sleeps && left ? this.made(node, 'for', new Set(), node.body, [], true) : undefined
    if (has(node.test, simple => READERS.has(programOf(simple) ?? ''))) return undefined
    const counts = this.onlyCounts(node.test)
    if (!sleeps && !(node.body.every(each => each.is === 'simple' && [':', 'true', 'sleep'].includes(programOf(each) ?? '')) && !counts)) return undefined
    if (counts && !left) return undefined
    return this.made(node, node.until ? 'until' : 'while', new Set(), counts ? [...node.test, ...node.body] : node.test, [], counts)
  }

  /** Whether a test looks at nothing that a program has said. */
  private onlyCounts(nodes: readonly Node[]): boolean {
    let only = true
    everyNode(nodes, node => {
      if (node.is === 'simple' && !COUNTS.has(programOf(node) ?? '')) only = false
      if (namesOf(node).some(name => this.fed.has(name))) only = false
    })
    return only
  }

  private made(node: Node, sort: string, stops: ReadonlySet<number>, tests: readonly Node[], around: readonly Node[], counts = false): Found {
    return { node, sort, stops, counts, of: stops.size > 0 && node.is !== 'case' && this.onlyCounts(tests) ? waitingLoop(around) : undefined }
  }

  /** With this command, whatever comes of it, the script ends, and not well. @param inStage `return 1` counts as well */
  private leaves(node: Node, inStage: boolean): boolean {
    switch (node.is) {
      case 'simple': {
        const name = programOf(node)
        if (name === undefined) return false
        const status = node.words[1]
        const zero = status !== undefined && !isAssignment(status) && status.constant === '0'
        if (name === 'exit') return !zero
        if (name === 'return') return inStage && !zero && status !== undefined
        return this.leavers.has(name)
      }
      case 'group':
        return this.ends(node.body, inStage)
      case 'redirected':
        return this.leaves(node.command, inStage)
      case 'pipeline':
        return node.commands.length === 1 && this.leaves(node.commands[0] as Node, inStage)
      case 'and-or':
        // `echo "no" >&2 && exit 1`
        return node.operators.every(operator => operator === '&&') && node.commands.some(command => this.leaves(command, inStage)) && !this.asks(node.commands[0] as Node)
      case 'if':
        return node.otherwise !== undefined && node.branches.every(branch => this.ends(branch.body, inStage)) && this.ends(node.otherwise, inStage)
      default:
        return false
    }
  }

  private ends(list: readonly Node[], inStage: boolean): boolean {
    return list.some(node => this.leaves(node, inStage))
  }

  private asks(node: Node): boolean {
    return node.is !== 'simple' || !['echo', 'printf', 'log', 'warn', 'error', 'info'].includes(programOf(node) ?? '')
  }

  private callsStage(node: Node): boolean {
    const inner = node.is === 'pipeline' && node.commands.length === 1 ? (node.commands[0] as Node) : node
    return inner.is === 'simple' && this.stages.has(programOf(inner) ?? '')
  }

  /** Wherever it is called, its failure ends the script. */
  private isStage(name: string): boolean {
    let calls = 0
    let all = true
    for (const script of this.scripts) {
      const strict = /^[^#\n]*\bset\s+-[a-z]*e|^#!.*\s-[a-z]*e|^[^#\n]*\bset\s.*\berrexit\b/m.test(script.text)
      everyNode(script.body, (node, around) => {
        if (node.is !== 'simple' || !node.words.some(word => !isAssignment(word) && word.constant === name)) return
        calls += 1
        if (programOf(node) !== name || !this.fatal(node, around, script, strict)) all = false
      })
    }
    return calls > 0 && all
  }

  private fatal(node: Node, around: readonly Node[], script: Script, strict: boolean): boolean {
    let inner = node
    for (let i = around.length - 1; i >= 0; i--) {
      const outer = around[i] as Node
      if (outer.is === 'and-or') return outer.commands[0] === inner && outer.operators[0] === '||' && this.leaves(outer.commands[1] as Node, false)
      if (outer.is === 'pipeline' && outer.commands.length > 1) return false
      if (outer.is === 'if') {
        const at = outer.branches.findIndex(branch => branch.test.includes(inner))
        if (at >= 0) return inner.is === 'pipeline' && inner.negated && this.ends((outer.branches[at] as If['branches'][number]).body, false)
      } else if (outer.is === 'pipeline' && outer.negated) {
        inner = outer
        continue
      } else if (outer.is === 'function') return strict
      else if (outer.is === 'simple' || outer.is === 'background' || outer.is === 'subshell' || (outer.is === 'while' && outer.test.includes(inner))) return false
      inner = outer
    }
    return strict || script.body.at(-1) === inner
  }
}

/** The innermost loop around that waits, in the same function. */
function waitingLoop(around: readonly Node[]): Node | undefined {
  for (const outer of around.toReversed()) {
    if (outer.is === 'function') return undefined
    if (outer.is === 'while') return has(outer.body, simple => programOf(simple) === 'sleep') ? outer : undefined
  }
  return undefined
}

function indexes<T>(list: readonly T[], holds: (item: T, i: number) => boolean): ReadonlySet<number> {
  return new Set(list.flatMap((item, i) => (holds(item, i) ? [i] : [])))
}

function has(nodes: readonly Node[], is: (node: Simple) => boolean): boolean {
  let found = false
  everyNode(nodes, node => {
    if (node.is === 'simple' && is(node)) found = true
  })
  return found
}

/** The names of the variables in a word, those of its substitutions included. */
function namesIn(word: Word): string[] {
  return word.parts.flatMap(namesInPart)
}

function namesInPart(part: Part): string[] {
  if (part.is === 'parameter') return [part.name, ...wordsOfParameter(part).flatMap(namesIn)]
  if (part.is === 'arithmetic') return [...namesIn(part.expression), ...(part.expression.source.match(/[A-Za-z_]\w*/g) ?? [])]
  if (part.is === 'command' || part.is === 'process') return part.body.flatMap(namesBelow)
  return []
}

/** The names of the variables that a command itself reads. In `(( n < 2 ))` they stand without a `$`. */
const namesOf = (node: Node): string[] => [...wordsOf(node).flatMap(namesIn), ...(node.is === 'arithmetic' ? (node.expression.source.match(/[A-Za-z_]\w*/g) ?? []) : [])]

const namesBelow = (node: Node): string[] => [...namesOf(node), ...bodiesOf(node).flatMap(list => list.flatMap(namesBelow))]

/** What each test looks at. */
function testsOf(nodes: readonly Node[]): ReadonlyMap<Node, Test> {
  const tests = new Map<Node, Test>()
  everyNode(nodes, node => {
    if (node.is === 'case') tests.set(node, { reads: namesIn(node.word), numbers: false, emptiness: false })
    const words = node.is === 'simple' && ['[', 'test'].includes(programOf(node) ?? '') ? node.words.map(word => (isAssignment(word) ? '' : (word.constant ?? ''))) : undefined
    if (words === undefined && node.is !== 'conditional' && node.is !== 'arithmetic') return
    const numbers = node.is === 'arithmetic' || (node.is === 'conditional' && node.test.is === 'binary' && NUMERIC.test(node.test.operator)) || words?.some(word => NUMERIC.test(word)) === true
    const emptiness = (node.is === 'conditional' && node.test.is === 'unary' && ['-z', '-n'].includes(node.test.operator)) || words?.some(word => word === '-z' || word === '-n') === true
    tests.set(node, { reads: namesOf(node), numbers, emptiness })
  })
  return tests
}

/** What each command sets, and from what. */
function feedsOf(nodes: readonly Node[]): ReadonlyMap<Node, readonly Fed[]> {
  const feeds = new Map<Node, readonly Fed[]>()
  everyNode(nodes, node => {
    if (node.is !== 'simple') return
    const set = [...(node.words.length === 0 ? node.assignments : []), ...node.words.filter(isAssignment)].filter(a => !Array.isArray(a.value) && a.index === undefined)
    const fed: Fed[] = set.map(a => ({ name: a.name, from: a.append ? [a.name, ...namesIn(a.value as Word)] : namesIn(a.value as Word) }))
    if (READERS.has(programOf(node) ?? '')) {
      const from = node.redirections.flatMap(r => namesIn(r.is === 'text' ? r.body : r.target))
      for (const word of node.words.slice(1)) if (!isAssignment(word) && /^[A-Za-z_]\w*$/.test(word.constant ?? '')) fed.push({ name: word.constant as string, from })
    }
    if (fed.length > 0) feeds.set(node, fed)
  })
  return feeds
}

/** Variables whose value comes from a program of the simulated world, through others too. */
function fedByPrograms(nodes: readonly Node[], isPlace: (node: Simple) => boolean): ReadonlySet<string> {
  const fed = new Set<string>()
  const feeds = [...feedsOf(nodes)]
  for (let more = true; more; ) {
    more = false
    for (const [node, list] of feeds) {
      const direct = bodiesOf(node).some(body => has(body, isPlace))
      for (const { name, from } of list) if (!fed.has(name) && (direct || from.some(other => fed.has(other)))) more = fed.add(name) !== undefined
    }
  }
  return fed
}
