import type { Process } from '../../kernel/index.ts'
import { calculateNumber } from './arithmetic.ts'
import { patternOf, regExpOf, textOf } from './expand.ts'
import { cached, patternRegExp, posixSource } from './pattern.ts'
import type { Shell } from './shell.ts'
import type { Test } from './syntax.ts'
import { compare, fileTest, isSet } from './testing.ts'

/** `[[ … ]]`: 0 if it holds, 1 if not. */
export function* conditional(shell: Shell, test: Test): Process<number> {
  return yield* evaluate(shell, test)
}

function* evaluate(shell: Shell, test: Test): Process<number> {
  switch (test.is) {
    case 'not':
      return (yield* evaluate(shell, test.test)) === 0 ? 1 : 0
    case 'and':
      for (const inner of test.tests) {
        const status = yield* evaluate(shell, inner)
        if (status !== 0) return status
      }
      return 0
    case 'or': {
      let status = 1
      for (const inner of test.tests) {
        status = yield* evaluate(shell, inner)
        if (status === 0) return 0
      }
      return status
    }
    case 'unary': {
      const text = yield* textOf(shell, test.word)
      return unary(shell, test.operator, text) ? 0 : 1
    }
    case 'binary':
      return yield* binary(shell, test)
  }
}

function unary(shell: Shell, operator: string, text: string): boolean {
  switch (operator) {
    case '-n': return text !== ''
    case '-z': return text === ''
    case '-v': return isSet(shell, text)
    case '-o': return (shell.options as unknown as Record<string, boolean>)[text] === true
    case '-t': return false
    default: return fileTest(shell, operator, text)
  }
}

function* binary(shell: Shell, test: Extract<Test, { is: 'binary' }>): Process<number> {
  const left = yield* textOf(shell, test.left)
  const insensitive = shell.shopt.has('nocasematch')
  // What is all in quotes stands for itself.
  if (!insensitive && (test.operator === '==' || test.operator === '=' || test.operator === '!=') && test.right.parts.every(part => part.is === 'text' || part.quoted)) {
    const right = test.right.constant ?? (yield* textOf(shell, test.right))
    return (left === right) === (test.operator !== '!=') ? 0 : 1
  }
  switch (test.operator) {
    case '=':
    case '==':
      return patternRegExp(yield* patternOf(shell, test.right), insensitive).test(left) ? 0 : 1
    case '!=':
      return patternRegExp(yield* patternOf(shell, test.right), insensitive).test(left) ? 1 : 0
    case '=~':
      return matches(shell, left, yield* regExpOf(shell, test.right), insensitive)
    case '<':
      return left < (yield* textOf(shell, test.right)) ? 0 : 1
    case '>':
      return left > (yield* textOf(shell, test.right)) ? 0 : 1
    case '-nt':
    case '-ot':
    case '-ef':
      return fileTest(shell, test.operator, left) ? 0 : 1
    default: {
      // Between double brackets both sides of a comparison of numbers are arithmetic.
      const a = calculateNumber(left, shell.names)
      const b = calculateNumber(yield* textOf(shell, test.right), shell.names)
      return compare(test.operator, a, b) ? 0 : 1
    }
  }
}

function matches(shell: Shell, text: string, pattern: string, insensitive: boolean): number {
  let re: RegExp
  try {
    re = cached(posixSource(pattern, true), insensitive ? 'is' : 's')
  } catch {
    return 2
  }
  const found = re.exec(text)
  shell.vars.setArray('BASH_REMATCH', found === null ? [] : [...found].map(group => group ?? ''), undefined)
  return found === null ? 1 : 0
}
