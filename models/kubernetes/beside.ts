/** Finding one's way in a kubectl command as a script has it written: what a model needs to know what would be safe beside it. */
import type { SafeLines, Typed } from '../../src/engine.ts'

/** A pod that a kubectl command is about, as the script writes it (`"$NEW"`), quotes included. */
export interface PodCommand {
  readonly verb: string
  readonly pod: string
  /** The same for use inside a text in double quotes. */
  readonly bare: string
  /** What runs in the pod, of `exec`. */
  readonly inside: readonly string[]
  /** How the script calls kubectl for the same namespace: `k`, `kubectl -n "$NS"`. */
  readonly kubectl: string
}

const VALUED = new Set(['-c', '--container', '-n', '--namespace', '--context', '--kubeconfig', '--timeout', '--grace-period', '-o', '--output', '-s', '--server'])
/** With these a command is about whatever they match. */
const SELECTS = /^(?:-l|--selector|--all|-f|--filename|-A|--all-namespaces)(?:=|$)/

/** `kubectl exec POD -- …`, `kubectl delete pod POD`, `kubectl delete pod/POD`; undefined for anything else. */
export function podCommand({ words, source }: Typed): PodCommand | undefined {
  if (words[0] !== 'kubectl') return undefined
  const end = words.indexOf('--') < 0 ? words.length : words.indexOf('--')
  if (words.slice(1, end).some(word => SELECTS.test(word))) return undefined
  const plain: number[] = []
  for (let i = 1; i < end; i++) {
    if (VALUED.has(words[i] as string)) i++
    else if (!(words[i] as string).startsWith('-')) plain.push(i)
  }
  const [verb, first, second] = plain.map(i => words[i] as string)
  if (verb === undefined || first === undefined) return undefined
  const of = (i: number | undefined, cut = 0): PodCommand | undefined => {
    const written = i === undefined ? undefined : source[i]
    if (written === undefined) return undefined
    const bare = written.replace(/^(["'])(.*)\1$/, '$2').slice(cut)
    return { verb, pod: /[$`]/.test(bare) ? `"${bare}"` : bare, bare, inside: words.slice(end + 1), kubectl: called({ words, source }, end) }
  }
  if (verb === 'exec') return first.includes('/') ? undefined : of(plain[1])
  if (verb !== 'delete') return undefined
  if (/^pods?\//.test(first)) return of(plain[1], first.indexOf('/') + 1)
  return /^(?:po|pods?)$/.test(first) && second !== undefined ? of(plain[2]) : undefined
}

/** Flags that say which cluster and namespace is meant. */
const PLACES = /^(-n|--namespace|--context|--kubeconfig|-s|--server)(=|$)/

/** kubectl with the flags that say where, as the script writes them: what one word of it stands for is taken whole or not at all. */
function called({ words, source }: Typed, end: number): string {
  const kept = new Set([0])
  for (let i = 1; i < end; i++) {
    const [, , equals] = PLACES.exec(words[i] as string) ?? []
    if (equals === undefined) continue
    kept.add(i)
    if (equals === '') kept.add(++i)
  }
  const text: string[] = []
  for (let i = 0, next: number; i < end; i = next) {
    for (next = i + 1; next < end && source[next] === ''; ) next++
    const group = Array.from({ length: next - i }, (_, k) => i + k)
    if (group.every(each => kept.has(each))) text.push(source[i] as string)
    else text.push(...group.filter(each => kept.has(each)).map(each => (/[\s$`"'\\]/.test(words[each] as string) ? `"${words[each]}"` : (words[each] as string))))
  }
  return text.join(' ')
}

/** The lines with kubectl called as the script calls it. */
export function asCalled(kubectl: string, safe: readonly SafeLines[]): readonly SafeLines[] {
  return kubectl === 'kubectl' ? safe : safe.map(each => ({ ...each, lines: each.lines.map(line => line.replace(/\bkubectl (?=exec |wait )/g, () => `${kubectl} `)) }))
}

/** Polls a test once a second, so many times at most. */
export function poll(test: string, times: number): string {
  return `for _ in $(seq ${times}); do ${test} && break; sleep 1; done`
}
