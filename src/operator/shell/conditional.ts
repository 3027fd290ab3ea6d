import type { Process } from '../../kernel/index.ts'
import { ArithmeticError, calculateNumber } from './arithmetic.ts'
import { patternOf, purePattern, pureRegExp, pureText, regExpOf, textOf } from './expand.ts'
import { cached, patternRegExp, posixSource } from './pattern.ts'
import type { Shell } from './shell.ts'
import type { Test } from './syntax.ts'
import { compare, fileTest, isSet, isTerminal } from './testing.ts'

/** `[[ … ]]` in which nothing has to be run: 0 if it holds, 1 if not. */
export function pureConditional(shell: Shell, test: Test): number {
  switch (test.is) {
    case 'not':
      return pureConditional(shell, test.test) === 0 ? 1 : 0
    case 'and':
      for (const inner of test.tests) {
        const status = pureConditional(shell, inner)
        if (status !== 0) return status
      }
      return 0
    case 'or': {
      let status = 1
      for (const inner of test.tests) {
        status = pureConditional(shell, inner)
        if (status === 0) return 0
      }
      return status
    }
    case 'unary':
      return unary(shell, test.operator, pureText(shell, test.word)) ? 0 : 1
    case 'binary': {
      const left = pureText(shell, test.left)
      const mode = modeOf(shell, test)
      return binary(shell, test, left, mode === 'none' ? '' : PURE[mode](shell, test.right))
    }
  }
}

/** As {@link pureConditional}, running what has to be run. */
export function* conditional(shell: Shell, test: Test): Process<number> {
  if (test.pure) return pureConditional(shell, test)
  switch (test.is) {
    case 'not':
      return (yield* conditional(shell, test.test)) === 0 ? 1 : 0
    case 'and':
      for (const inner of test.tests) {
        const status = yield* conditional(shell, inner)
        if (status !== 0) return status
      }
      return 0
    case 'or': {
      let status = 1
      for (const inner of test.tests) {
        status = yield* conditional(shell, inner)
        if (status === 0) return 0
      }
      return status
    }
    case 'unary':
      return unary(shell, test.operator, yield* textOf(shell, test.word)) ? 0 : 1
    case 'binary': {
      const left = yield* textOf(shell, test.left)
      const mode = modeOf(shell, test)
      return binary(shell, test, left, mode === 'none' ? '' : yield* WAITING[mode](shell, test.right))
    }
  }
}

/** What the right side of a comparison is to be. */
type Mode = 'text' | 'pattern' | 'regexp' | 'none'
type Binary = Extract<Test, { is: 'binary' }>

const PURE = { text: pureText, pattern: purePattern, regexp: pureRegExp } as const
const WAITING = { text: textOf, pattern: patternOf, regexp: regExpOf } as const

function modeOf(shell: Shell, { operator, right }: Binary): Mode {
  switch (operator) {
    case '=':
    case '==':
    case '!=':
      // What is all in quotes stands for itself.
      return !shell.shopt.has('nocasematch') && right.parts.every(part => part.is === 'text' || part.quoted) ? 'text' : 'pattern'
    case '=~':
      return 'regexp'
    case '-nt':
    case '-ot':
    case '-ef':
      return 'none'
    default:
      return 'text'
  }
}

function unary(shell: Shell, operator: string, text: string): boolean {
  switch (operator) {
    case '-n': return text !== ''
    case '-z': return text === ''
    case '-v': return isSet(shell, text)
    case '-o': return (shell.options as unknown as Record<string, boolean>)[text] === true
    case '-t': return isTerminal(shell, text)
    default: return fileTest(shell, operator, text)
  }
}

function binary(shell: Shell, test: Binary, left: string, right: string): number {
  const insensitive = shell.shopt.has('nocasematch')
  switch (test.operator) {
    case '=':
    case '==':
    case '!=': {
      const same = modeOf(shell, test) === 'text' ? left === right : patternRegExp(right, insensitive, true).test(left)
      return same === (test.operator !== '!=') ? 0 : 1
    }
    case '=~':
      return matches(shell, left, right, insensitive)
    case '<':
      return left < right ? 0 : 1
    case '>':
      return left > right ? 0 : 1
    case '-nt':
    case '-ot':
    case '-ef':
      return fileTest(shell, test.operator, left) ? 0 : 1
    default: {
      // Between double brackets both sides of a comparison of numbers are arithmetic. What is none (`0.5`, `3 ms`) is said, and the answer is no.
      try {
        const a = calculateNumber(left, shell.names)
        return compare(test.operator, a, calculateNumber(right, shell.names)) ? 0 : 1
      } catch (error) {
        if (!(error instanceof ArithmeticError)) throw error
        shell.complain(`[[: ${error.said}`)
        return 1
      }
    }
  }
}

/** Patterns of `=~` as they are written, read once. */
const SENSITIVE = new Map<string, RegExp>()
const INSENSITIVE = new Map<string, RegExp>()
const MOST_KNOWN = 1_000

function matches(shell: Shell, text: string, pattern: string, insensitive: boolean): number {
  let re = (insensitive ? INSENSITIVE : SENSITIVE).get(pattern)
  if (re === undefined) {
    try {
      re = cached(posixSource(pattern, true), insensitive ? 'is' : 's')
    } catch {
      return 2
    }
    const known = insensitive ? INSENSITIVE : SENSITIVE
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(pattern, re)
  }
  const found = re.exec(text)
  shell.vars.setArray('BASH_REMATCH', found === null ? [] : [...found].map(group => group ?? ''), undefined)
  return found === null ? 1 : 0
}
