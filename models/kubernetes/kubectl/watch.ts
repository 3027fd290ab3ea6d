/**
 * `kubectl get -w`: the objects as they are, then each again whenever it changes, and once more when it is gone; it ends when whoever read it has left
 * (rule K8S-KUBECTL-3). Source: kubectl/pkg/cmd/get/get.go watch.
 */
import { NEVER, type Process } from '../../../src/kernel/index.ts'
import type { Output } from '../../../src/operator/command.ts'
import { until } from './exec.ts'
import type { Found } from './resources.ts'
import { align } from './table.ts'
import type { Context } from './verb.ts'

/** How objects are printed one by one. */
export interface Lines {
  /** What there is to see now; throws what kubectl says when a named object is missing. */
  readonly found: () => readonly Found[]
  /** One object, as a row of cells or as a text. */
  readonly row: (f: Found) => readonly string[] | string
  /** Above the first row, where there is a table. */
  readonly header: readonly string[] | undefined
}

interface Seen {
  readonly signature: string
  readonly shown: readonly string[] | string
}

const NEVER_ENDING = { park: () => () => {} }

/** Prints as long as somebody reads; nobody sees what it prints where only the end of a command is seen. */
export function* watch({ kube, call: { emit } }: Context, lines: Lines, only: boolean): Process<Output> {
  if (emit === undefined) {
    yield NEVER_ENDING
    throw new Error('kubectl get -w ended by itself')
  }
  const seen = new Map<string, Seen>()
  const widths: number[] = []
  let headed = lines.header === undefined
  const print = (rows: readonly (readonly string[] | string)[]): boolean => {
    if (rows.length === 0) return true
    if (typeof rows[0] === 'string') return emit(rows.join(''))
    const all = headed ? rows : [lines.header as readonly string[], ...rows]
    headed = true
    return emit(align(all as readonly (readonly string[])[], widths))
  }
  const current = (): string => lines.found().map(f => `${f.key}=${signatureOf(f, lines.row(f))}`).join('\n')
  for (let first = true; ; first = false) {
    const changed: (readonly string[] | string)[] = []
    const here = new Set<string>()
    for (const f of lines.found()) {
      here.add(f.key)
      const shown = lines.row(f)
      const signature = signatureOf(f, shown)
      if (seen.get(f.key)?.signature === signature) continue
      seen.set(f.key, { signature, shown })
      if (!first || !only) changed.push(shown)
    }
    for (const [key, { shown }] of [...seen]) {
      if (here.has(key)) continue
      seen.delete(key)
      changed.push(shown)
    }
    if (!print(changed)) return { out: '', err: '', code: 141 }
    const before = current()
    // Nothing is heard while the API server is away.
    yield* until(kube, NEVER, () => (kube.apiUp && current() !== before ? true : undefined))
  }
}

/** What is different when somebody has changed the object: ages are not. */
function signatureOf(f: Found, shown: readonly string[] | string): string {
  const { resourceVersion } = f.json().metadata
  return `${resourceVersion ?? ''}|${typeof shown === 'string' ? (resourceVersion === undefined ? shown : '') : shown.filter(cell => !/^(?:<unknown>|(?:\d+[ydhms])+)$/.test(cell)).map(cell => cell.replace(/ \(.* ago\)$/, '')).join('|')}`
}
