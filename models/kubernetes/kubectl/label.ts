import type { Taint } from '../node.ts'
import { type Found, qualified, selectorMatches } from './resources.ts'
import { CliError, type Context, joined, targets, unknownTypes, type Verb } from './verb.ts'
import { metadataOf, storeMetadata } from './write.ts'

export const label = metadataVerb('label', 'labels', 'labeled', 'unlabeled')
export const annotate = metadataVerb('annotate', 'annotations', 'annotated', 'annotated')

/** `kubectl label` and `kubectl annotate` differ only in the map that they change and in their words. */
function metadataVerb(name: string, map: 'labels' | 'annotations', set: string, unset: string): Verb {
  return {
    name,
    summary: `sets or removes ${map}`,
    flags: { overwrite: 'optional', selector: 'text', all: 'optional', output: 'text' },
    check: (args, kube) => unknownTypes(args, kube),
    *run(c) {
      const { words, changes } = split(c.args.positional)
      if (changes.length === 0) throw new CliError(`error: at least one ${name === 'label' ? 'label' : 'annotation'} update is required`)
      const { found, missing } = targets(c, words)
      const errors: CliError[] = [...missing]
      const lines: string[] = []
      for (const f of found) {
        const result = change(c, f, map, changes)
        if (typeof result === 'string') errors.push(new CliError(result))
        else lines.push(`${qualified(f.type, f.name)} ${result ? (changes.every(k => k.endsWith('-')) ? unset : set) : name === 'label' ? 'not labeled' : 'annotated'}`)
      }
      return joined(lines, errors)
    },
  }
}

/** `key=value` and `key-` are changes; what comes before are resources. */
function split(words: readonly string[]): { words: string[]; changes: string[] } {
  const at = words.findIndex((w, i) => i > 0 && (/^[^=]+=/.test(w) || /^[A-Za-z0-9./_-]+-$/.test(w)))
  return at < 0 ? { words: [...words], changes: [] } : { words: words.slice(0, at), changes: words.slice(at) }
}

/** Whether anything changed, or the error text. */
function change(c: Context, f: Found, map: 'labels' | 'annotations', changes: readonly string[]): boolean | string {
  const values: Record<string, string> = { ...metadataOf(c.kube, f, map) }
  const overwrite = c.args.flags.has('overwrite') && c.args.flags.get('overwrite') !== 'false'
  for (const change of changes) {
    const equals = change.indexOf('=')
    if (equals < 0) {
      delete values[change.slice(0, -1)]
      continue
    }
    const key = change.slice(0, equals)
    const value = change.slice(equals + 1)
    const old = values[key]
    if (old !== undefined && old !== value && !overwrite) return `error: '${key}' already has a value (${old}), and --overwrite is false`
    values[key] = value
  }
  return storeMetadata(c.kube, f, map, values)
}

export const taint: Verb = {
  name: 'taint',
  summary: 'sets or removes taints of nodes',
  flags: { overwrite: 'optional', selector: 'text', all: 'optional' },
  check: args => (args.positional[0] !== undefined && !/^(no|nodes?)(\/|$)/.test(args.positional[0]) ? ['kubectl taint: only nodes can be tainted'] : []),
  *run(c) {
    const { words, changes } = splitTaints(c.args.positional)
    const selector = c.args.flags.get('selector')
    const { found, missing } = targets(c, words)
    const lines: string[] = []
    for (const f of found) {
      if (selector !== undefined && !selectorMatches(selector, f.labels)) continue
      const node = c.kube.nodes.get(f.name)
      if (node === undefined) continue
      for (const change of changes) node.taints = applyTaint(node.taints, change)
      c.kube.nodes$.changed(node)
      lines.push(`node/${f.name} ${changes.every(t => t.endsWith('-')) ? 'untainted' : 'tainted'}`)
    }
    return joined(lines, missing)
  },
}

function splitTaints(words: readonly string[]): { words: string[]; changes: string[] } {
  const at = words.findIndex(w => w.includes(':') || w.endsWith('-'))
  return at < 0 ? { words: [...words], changes: [] } : { words: words.slice(0, at), changes: words.slice(at) }
}

/** `key=value:effect` sets, `key:effect-` and `key-` remove. */
function applyTaint(taints: readonly Taint[], change: string): Taint[] {
  const match = /^([^=:]+?)(?:=([^:]*))?(?::(NoSchedule|PreferNoSchedule|NoExecute))?(-)?$/.exec(change)
  if (match === null) throw new CliError(`error: invalid taint spec: ${change}`)
  const key = match[1] as string
  const effect = match[3] as Taint['effect'] | undefined
  const rest = taints.filter(t => !(t.key === key && (effect === undefined || t.effect === effect)))
  if (match[4] === '-') return rest
  if (effect === undefined) throw new CliError(`error: invalid taint spec: ${change}`)
  return [...rest, { key, ...(match[2] === undefined ? {} : { value: match[2] }), effect }]
}
