import { parse } from 'yaml'
import { withDefaults } from '../defaults.ts'
import { alike, type KubeObject } from '../objects.ts'
import { jsonPatch, merge } from './patching.ts'
import { qualified } from './resources.ts'
import { unmodelledIn } from './unmodelled.ts'
import { CliError, type Context, joined, targets, unknownTypes, type Verb } from './verb.ts'
import { editable, store } from './write.ts'

export const patch: Verb = {
  name: 'patch',
  summary: 'changes fields of an object (strategic, merge or JSON patch)',
  flags: { patch: 'text', 'patch-file': 'text', type: 'text', output: 'text' },

  check(args, kube) {
    const out = unknownTypes(args, kube)
    const kind = args.flags.get('type')
    if (kind !== undefined && !['strategic', 'merge', 'json'].includes(kind)) out.push(`kubectl patch --type=${kind}: must be one of json, merge, strategic`)
    const text = args.flags.get('patch')
    if (text !== undefined && !text.includes('${')) out.push(...malformed(text), ...(kind === 'json' ? [] : unmodelledIn(text)))
    return out
  },

  files: ({ flags }) => [flags.get('patch-file') ?? ''].filter(file => file !== '' && file !== '/dev/stdin' && !file.includes('${')),

  *run(c) {
    const text = c.args.flags.get('patch') ?? textOf(c)
    if (text === undefined) throw new CliError('error: Must specify --patch or --patch-file containing the contents of the patch')
    const change = readPatch(text)
    const { found, missing } = targets(c)
    const lines: string[] = []
    const errors: CliError[] = [...missing]
    for (const f of found) {
      try {
        // What the API server has filled in is there to be replaced.
        const live = withDefaults(editable(c.kube, f))
        const next = patched(c, live, change)
        const changed = !alike(live, next) && store(c.kube, f, next)
        lines.push(`${qualified(f.type, f.name)} patched${changed ? '' : ' (no change)'}`)
      } catch (error) {
        if (!(error instanceof CliError)) throw error
        errors.push(error)
      }
    }
    return joined(lines, errors)
  },
}

/** What `--patch-file` names. */
function textOf({ args, call }: Context): string | undefined {
  const file = args.flags.get('patch-file')
  if (file === undefined) return undefined
  const text = file === '/dev/stdin' ? call.stdin : call.disk?.read(file)
  if (text === undefined) throw new CliError(`error: unable to read patch file: open ${file}: no such file or directory`)
  return text
}

/** A patch is a mapping, or with --type=json a list; a bare text parses as YAML and is neither. */
function malformed(text: string): string[] {
  try {
    const change = readPatch(text)
    return typeof change === 'object' && change !== null ? [] : [`kubectl patch: \`${text}\` is no patch: right would be, for example, '{"spec":{"replicas":3}}'`]
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return [`kubectl patch: \`${text}\` is neither JSON nor YAML`]
  }
}

function readPatch(text: string): unknown {
  try {
    return text.trimStart().startsWith('{') || text.trimStart().startsWith('[') ? JSON.parse(text) : parse(text)
  } catch {
    try {
      return parse(text)
    } catch {
      throw new CliError(`error: unable to parse ${JSON.stringify(text)}: yaml: invalid`)
    }
  }
}

function patched(c: Context, object: KubeObject, change: unknown): KubeObject {
  const kind = c.args.flags.get('type') ?? 'strategic'
  if (kind === 'json') return jsonPatch(object, change) as KubeObject
  return merge(object, change, kind === 'strategic') as KubeObject
}
