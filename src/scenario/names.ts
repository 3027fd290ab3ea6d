/** Names in a runbook that nothing in the scenario's cluster answers to: written for another cluster, or misspelt. */
import { linesOfPlan, type Plan, type RunbookFinding, stepName, writtenStages } from '../operator/index.ts'
import type { Scenario } from './scenario.ts'
import { listWords, nearest } from './spelling.ts'

/** Warnings only: a pod or service may appear while the runbook works. */
export function unknownNames({ engine, options, runbook }: Scenario): readonly RunbookFinding[] {
  const known = engine.names?.(options)
  if (known === undefined) return []
  const made = new Set(everyArgv(runbook).flatMap(argv => (argv[1] === 'run' && argv[2] !== undefined ? [argv[2]] : [])))
  return linesOfPlan(runbook).flatMap(({ step, line }) => {
    const names = new Set(writtenStages(line, runbook).flatMap(namesIn))
    return [...names].filter(name => !answers(name, known) && !made.has(name)).map((name): RunbookFinding => ({
      severity: 'warning', place: line.place, step: stepName(step), rule: 'unknown-name', message: complaint(name, known), line: line.text,
    }))
  })
}

function complaint(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return `nothing is called \`${name}\` when the runbook begins${near === undefined ? '' : `; did you mean \`${near}\`?`} There are: ${listWords([...new Set(known)], 12)}`
}

/** A name that is there, or one that a StatefulSet of the cluster would give when it is scaled up. */
function answers(name: string, known: readonly string[]): boolean {
  const family = (each: string): string | undefined => /^(.+)-\d+$/.exec(each)?.[1]
  return known.includes(name) || (family(name) !== undefined && known.some(each => family(each) === family(name)))
}

function everyArgv(plan: Plan): readonly (readonly string[])[] {
  return linesOfPlan(plan).flatMap(({ line }) => writtenStages(line, plan))
}

/** The pods that a command names, and the hosts that it, or the program behind its `--`, connects to. Of other namespaces nothing is known. */
function namesIn(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  const [head, tail] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)]
  const elsewhere = head.some(word => /^(?:-n|--namespace)/.test(word))
  const names = [...(elsewhere ? [] : podsIn(head)), ...hostsIn(head), ...hostsIn(tail)]
  return names.filter(name => /^[a-z0-9][a-z0-9-]*$/.test(name))
}

function podsIn(head: readonly string[]): readonly string[] {
  const slashed = head.flatMap(word => /^pods?\/([^/]+)$/.exec(word)?.slice(1) ?? [])
  const type = head.findIndex(word => /^(?:po|pods?)$/.test(word))
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
