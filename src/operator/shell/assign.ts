import type { Process } from '../../kernel/index.ts'
import { pureText, textOf } from './expand.ts'
import { fieldsOf } from './expand.ts'
import { ExpansionError } from './errors.ts'
import type { Shell } from './shell.ts'
import type { ArrayElement, Assignment, Word } from './syntax.ts'
import { calculate } from './arithmetic.ts'

/** A scalar assignment in which nothing has to be run. @throws ExpansionError for a read-only variable */
export function assignPure(shell: Shell, a: Assignment): void {
  put(shell, a, pureText(shell, a.value as Word), undefined)
}

/** Carries an assignment out: `x=…`, `x+=…`, `a[i]=…`, `a=(…)`. @throws ExpansionError for a read-only variable */
export function* assign(shell: Shell, a: Assignment): Process<void> {
  if (Array.isArray(a.value)) return yield* assignArray(shell, a, a.value as readonly ArrayElement[])
  const word = a.value as Word
  const value = word.pure ? pureText(shell, word) : yield* textOf(shell, word)
  const key = a.index === undefined ? undefined : shell.key(a.name, yield* textOf(shell, a.index))
  put(shell, a, value, key)
}

function put(shell: Shell, a: Assignment, value: string, key: string | undefined): void {
  if (!a.append) return shell.set(a.name, value, key)
  const before = (key === undefined ? shell.get(a.name) : shell.vars.element(a.name, key)) ?? ''
  const added = shell.vars.variable(a.name)?.integer === true ? calculate(`(${before === '' ? '0' : before})+(${value})`, shell.names) : before + value
  shell.set(a.name, added, key)
}

function* assignArray(shell: Shell, a: Assignment, elements: readonly ArrayElement[]): Process<void> {
  const map = shell.vars.isMap(a.name)
  const list: (string | undefined)[] = []
  const entries = new Map<string, string>()
  if (a.append) {
    if (map) for (const [k, v] of shell.vars.variable(a.name)?.map ?? []) entries.set(k, v)
    else {
      const before = shell.vars.variable(a.name)
      if (before?.list !== undefined) for (const i of Object.keys(before.list)) list[Number(i)] = before.list[Number(i)]
      else if (before?.value !== undefined) list.push(before.value)
    }
  }
  const plain: string[] = []
  for (const element of elements) {
    if (element.index === undefined) {
      const fields = yield* fieldsOf(shell, [element.value])
      if (map) plain.push(...fields)
      else list.push(...fields)
      continue
    }
    const key = yield* textOf(shell, element.index)
    const value = yield* textOf(shell, element.value)
    if (map) entries.set(key, element.append ? (entries.get(key) ?? '') + value : value)
    else {
      const i = Number(shell.key(a.name, key))
      list[i < 0 ? i + list.length : i] = element.append ? (list[i] ?? '') + value : value
    }
  }
  for (let i = 0; i < plain.length; i += 2) entries.set(plain[i] as string, plain[i + 1] ?? '')
  if (!shell.vars.setArray(a.name, map ? undefined : list, map ? entries : undefined)) throw new ExpansionError(`${a.name}: readonly variable`, false)
}
