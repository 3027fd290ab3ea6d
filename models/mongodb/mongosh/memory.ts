/**
 * A script is a pure function of the answers to its questions, so what it made of them is remembered: a tree of questions, one branch for each
 * answer, and at its ends what was printed. The interpreter runs only where the tree ends. Shared by all rehearsals of a thread.
 */
import { type Evaluated, evaluate, type Question, type Script } from './interpreter.ts'

interface Node {
  question: Question | undefined
  result: Extract<Evaluated, { is: 'done' | 'endless' }> | undefined
  readonly next: Map<string, Node>
}

/** Beyond this many nodes the memory starts over. */
const LIMIT = 60_000

/** What is known; it changes how quickly an answer comes, never the answer. */
const memory = { roots: new Map<string, Node>(), size: 0 }

const fresh = (): Node => {
  memory.size += 1
  return { question: undefined, result: undefined, next: new Map() }
}

/** One run of a script, question by question. */
export class Run {
  private node: Node
  private readonly answers: string[] = []

  constructor(private readonly script: Script) {
    if (memory.size > LIMIT) {
      memory.roots.clear()
      memory.size = 0
    }
    const key = JSON.stringify(script)
    let root = memory.roots.get(key)
    if (root === undefined) memory.roots.set(key, (root = fresh()))
    this.node = root
  }

  /** What it asks next, or how it ended. Questions that `oracle` can answer at once are answered on the way: one pass of the interpreter, not one for each. */
  step(oracle: (question: Question) => string | undefined): Evaluated {
    for (;;) {
      const { node } = this
      if (node.result !== undefined) return node.result
      const { question } = node
      if (question !== undefined) {
        const text = oracle(question)
        if (text === undefined) return { is: 'asks', question }
        this.answer(text)
        continue
      }
      const evaluated = evaluate(this.script, (asked, nth) => {
        if (nth < this.answers.length) return this.answers[nth]
        this.node.question ??= asked
        const text = oracle(asked)
        if (text !== undefined) this.answer(text)
        return text
      })
      if (evaluated.is === 'asks') return evaluated
      this.node.result = evaluated
      return evaluated
    }
  }

  /** Answers what it asked. */
  answer(text: string): void {
    this.answers.push(text)
    let next = this.node.next.get(text)
    if (next === undefined) this.node.next.set(text, (next = fresh()))
    this.node = next
  }

  /** How many questions were answered. */
  get asked(): number {
    return this.answers.length
  }
}
