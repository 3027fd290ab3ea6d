/** Names in a runbook that nothing in the scenario's cluster answers to: written for another cluster, or misspelt. */
import { type Plan, type RunbookFinding, writtenCommands } from '../operator/index.ts'
import type { Scenario } from './scenario.ts'
import { listWords, nearest } from './spelling.ts'

/** In steps warnings only: a pod or service may appear while the runbook works. In a script, where every line is there to be read, what nothing makes is an error. */
export function unknownNames({ engine, options, runbook }: Scenario): readonly RunbookFinding[] {
  const known = engine.names?.(options)
  if (known === undefined) return []
  const commands = writtenCommands(runbook)
  const made = new Set([...commands.flatMap(({ argv }) => madeBy(argv)), ...madeIn(runbook)])
  const seen = new Set<string>()
  return commands.flatMap(({ argv, place, step, line }) => {
    const names = new Set(namesIn(argv))
    return [...names].filter(name => !answers(name, known) && !made.has(name) && !seen.has(`${step}/${name}`)).map((name): RunbookFinding => {
      seen.add(`${step}/${name}`)
      return { severity: runbook.script === undefined ? 'warning' : 'error', place, step, rule: 'unknown-name', message: complaint(name, known), line }
    })
  })
}

/** `kubectl run x`, `kubectl create service … x`. */
function madeBy(argv: readonly string[]): readonly string[] {
  if (argv[1] === 'run' && argv[2] !== undefined) return [argv[2]]
  return argv[1] === 'create' || argv[1] === 'expose' ? argv.slice(2).filter(word => !word.startsWith('-')) : []
}

/** Names in manifests that a script has beside it or writes itself: what they make, and the pods of a set of that name. */
function madeIn({ script }: Plan): readonly string[] {
  const texts = [...(script?.mounted.values() ?? []), ...(script?.scripts.map(each => each.text) ?? [])]
  const names = texts.flatMap(text => [...text.matchAll(/^\s*(?:metadata:\s*\{\s*)?["']?name["']?:\s*["']?([a-z0-9][a-z0-9-]*)/gm)].map(found => found[1] as string))
  return names.flatMap(name => [name, ...Array.from({ length: 10 }, (_, i) => `${name}-${i}`)])
}

function complaint(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return `nothing is called \`${name}\` when the runbook begins${near === undefined ? '.' : `; did you mean \`${near}\`?`} There are: ${listWords([...new Set(known)], 12)}. Your cluster's own names are said with \`--set cluster.name=…\` and the other keys of \`cluster\`, or in a scenario of yours`
}

/** A name that is there, or one that a StatefulSet of the cluster would give when it is scaled up. */
function answers(name: string, known: readonly string[]): boolean {
  const family = (each: string): string | undefined => /^(.+)-\d+$/.exec(each)?.[1]
  return known.includes(name) || (family(name) !== undefined && known.some(each => family(each) === family(name)))
}

/** Words behind these are names of variables, or text. */
const OWN_WORDS: ReadonlySet<string> = new Set(['local', 'declare', 'typeset', 'export', 'readonly', 'unset', 'read', 'echo', 'printf', 'set', 'trap'])

/** The pods that a command names, and the hosts that it, or the program behind its `--`, connects to. Of other namespaces nothing is known. */
function namesIn(argv: readonly string[]): readonly string[] {
  if (OWN_WORDS.has(argv[0] ?? '')) return []
  const end = argv.indexOf('--')
  const [head, tail] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)]
  const elsewhere = head.some(word => /^(?:-n|--namespace)/.test(word))
  const names = [...(elsewhere ? [] : podsIn(head)), ...hostsIn(head), ...hostsIn(tail)]
  return names.filter(name => /^[a-z0-9][a-z0-9-]*$/.test(name))
}

function podsIn(head: readonly string[]): readonly string[] {
  const slashed = head.flatMap(word => /^(?:po|pods?|svc|services?)\/([^/]+)$/.exec(word)?.slice(1) ?? [])
  // The type stands behind the verb; a pod may be called `pod`, a label may be.
  const type = head.findIndex((word, i) => i > 0 && i < 4 && /^(?:po|pods?|svc|services?)$/.test(word))
  return [...slashed, ...(type < 0 ? [] : untilFlag(head.slice(type + 1))), ...execTarget(head)]
}

function untilFlag(words: readonly string[]): readonly string[] {
  const flag = words.findIndex(word => word.startsWith('-'))
  return flag < 0 ? words : words.slice(0, flag)
}

/** `kubectl exec -it -c main POD`. */
function execTarget(head: readonly string[]): readonly string[] {
  if (head[1] !== 'exec') return []
  for (let i = 2; i < head.length; i++) {
    const word = head[i] as string
    if (word === '-c' || word === '--container') i++
    else if (!word.startsWith('-')) return word.includes('/') ? [] : [word]
  }
  return []
}

/** The first label of what stands behind `-h` or `--host`; addresses and sockets are no names. */
function hostsIn(argv: readonly string[]): readonly string[] {
  const hosts = argv.flatMap((word, i) => {
    if (word === '-h' || word === '--host') return [argv[i + 1] ?? '']
    return /^(?:-h|--host=)([a-z].*)$/.exec(word)?.slice(1) ?? []
  })
  return hosts.flatMap(host => host.split(',')).filter(host => !/^[\d.]+$/.test(host) && host !== 'localhost').map(host => host.split('.')[0] as string)
}
