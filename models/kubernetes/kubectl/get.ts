import { stringify } from 'yaml'
import { NEVER } from '../../../src/kernel/index.ts'
import type { Look } from '../../../src/operator/command.ts'
import type { Arguments } from './arguments.ts'
import { findAll, finder, JsonPathError, parseTemplate, printTemplate } from './jsonpath.ts'
import { GoTemplateError, parseGoTemplate, printGoTemplate } from './gotemplate.ts'
import { type Found, qualified, type ResourceType } from './resources.ts'
import { align, headers, row } from './table.ts'
import { CliError, type Context, targets, typeOf, unknownTypes, type Verb } from './verb.ts'
import { type Lines, watch } from './watch.ts'

const FORMATS = ['json', 'yaml', 'name', 'wide', 'jsonpath=TEMPLATE', 'custom-columns=SPEC', 'go-template=TEMPLATE']

export const get: Verb = {
  name: 'get',
  summary: 'prints objects',
  flags: { output: 'text', selector: 'text', watch: 'optional', 'watch-only': 'optional', 'all-namespaces': 'switch', 'no-headers': 'optional', 'show-labels': 'optional', 'ignore-not-found': 'optional', 'label-columns': 'text', 'sort-by': 'text', 'field-selector': 'text', raw: 'text', template: 'text' },

  check(args, kube) {
    if (args.flags.has('raw')) return RAW.test(args.flags.get('raw') ?? '') || args.flags.get('raw')?.includes('${') === true ? [] : [`kubectl get --raw ${args.flags.get('raw') ?? ''} is not modelled; there are: /healthz, /livez, /readyz`]
    const out = unknownTypes(args, kube)
    if (args.positional.length === 0) out.push('kubectl get: name a resource type')
    const fields = args.flags.get('field-selector')
    if (fields !== undefined && args.positional.length > 1) out.push('kubectl get: field selectors cannot be used when a name is given')
    const format = formatOf(args)
    if (format !== undefined && !format.includes('${')) {
      if (!/^(json|yaml|name|wide|jsonpath=.*|jsonpath-as-json=.*|custom-columns=.*|go-template=.*)$/s.test(format)) out.push(`the output format \`${format}\` is not modelled; supported: ${FORMATS.join(', ')}`)
      else {
        try {
          if (format.startsWith('jsonpath=')) parseTemplate(format.slice('jsonpath='.length))
          if (format.startsWith('go-template=')) parseGoTemplate(format.slice('go-template='.length))
        } catch (error) {
          if (!(error instanceof JsonPathError || error instanceof GoTemplateError)) throw error
          out.push(error.message)
        }
      }
    }
    return out
  },

  look(c) {
    if (watches(c.args)) return undefined
    return show(c)
  },

  run: c => watch(c, watched(c), c.args.flags.has('watch-only')),
}

/** What `-w` prints of each object. */
function watched(c: Context): Lines {
  const { args } = c
  const format = formatOf(args) ?? ''
  const words = args.positional
  if ((words[0] ?? '').includes(',')) throw new CliError('error: you may only specify a single resource type')
  const find = (): readonly Found[] => selected(args, targets(c, words).found)
  const { missing, found } = targets(c, words)
  if (missing[0] !== undefined && found.length === 0) throw missing[0]
  if (format !== '' && format !== 'wide' && format !== 'name') {
    // Only the first of a custom table has a head.
    let bare = args.flags.has('no-headers')
    return { found: find, header: undefined, row: f => {
      const text = print(format, [f], true, bare)
      bare ||= format.startsWith('custom-columns=')
      return text
    } }
  }
  if (format === 'name') return { found: find, header: undefined, row: f => `${qualified(f.type, f.name)}\n` }
  const t = typeOf(c, (words[0] ?? '').split('/')[0] as string)
  return { found: find, header: args.flags.has('no-headers') ? undefined : headOf(c, t, format === 'wide'), row: f => rowOf(c, f, f.name, format === 'wide') }
}

/** `-o jsonpath='…'`, or `-o jsonpath --template '…'`, or `--template` alone, which means Go's. */
function formatOf(args: Arguments): string | undefined {
  const [output, template] = [args.flags.get('output'), args.flags.get('template')]
  return template === undefined ? output : `${output ?? 'go-template'}=${template}`
}

function show(c: Context): Look {
  const { args } = c
  if (args.flags.has('raw')) return { output: { out: /verbose/.test(args.flags.get('raw') ?? '') ? `${HEALTH_CHECKS.map(name => `[+]${name} ok\n`).join('')}${(args.flags.get('raw') ?? '').replace(/^\/|\?.*$/g, '')} check passed\n` : 'ok', err: '', code: 0 }, afterUs: 0, stableUntilUs: NEVER }
  const words = args.positional[0] === 'all' ? ['pods,services,deployments,statefulsets,jobs'] : args.positional
  const { found: named, missing } = targets(c, words)
  const found = sorted(args, selected(args, named))
  const errors = args.flags.has('ignore-not-found') ? [] : missing
  const err = errors.map(e => `${e.message}\n`).join('')
  const code = errors.length > 0 ? 1 : 0
  const format = formatOf(args) ?? ''
  const done = (out: string, stableUntilUs: number, more = ''): Look => ({ output: { out, err: err + more, code }, afterUs: 0, stableUntilUs })
  if (format !== '' && format !== 'wide') {
    if (format === 'name') return done(found.map(f => `${qualified(f.type, f.name)}\n`).join(''), NEVER)
    const single = words.length === 2 || (words.length === 1 && (words[0] as string).includes('/'))
    if (single && found.length === 0) return done('', NEVER)
    // Events grow old.
    return done(print(format, found, single, args.flags.has('no-headers')), found.some(f => f.type.kind === 'Event') ? c.kube.sim.now : NEVER)
  }
  if (found.length === 0) {
    const where = args.flags.has('all-namespaces') ? '' : ` in ${c.namespace} namespace`
    return done('', NEVER, errors.length > 0 || args.flags.has('ignore-not-found') ? '' : `No resources found${where}.\n`)
  }
  // Ages move by themselves.
  return done(tables(c, found, format === 'wide'), c.kube.sim.now)
}

const RAW = /^\/(?:healthz|livez|readyz)(?:\?verbose(?:=(?:true|1))?)?$/
const HEALTH_CHECKS = ['ping', 'log', 'etcd']

/** Fields that the API server can select by; any other is an error of the request. */
const POD_FIELDS = new Set(['metadata.name', 'metadata.namespace', 'spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork', 'status.phase', 'status.podIP', 'status.nominatedNodeName'])
const EVENT_FIELDS = new Set(['metadata.name', 'metadata.namespace', 'involvedObject.kind', 'involvedObject.name', 'involvedObject.namespace', 'involvedObject.apiVersion', 'reason', 'type'])
const NODE_FIELDS = new Set(['metadata.name', 'metadata.namespace', 'spec.unschedulable'])
const ANY_FIELDS = new Set(['metadata.name', 'metadata.namespace'])
const FIELDS: Readonly<Record<string, ReadonlySet<string>>> = { Pod: POD_FIELDS, Event: EVENT_FIELDS, Node: NODE_FIELDS }

/** Those that a `--field-selector` leaves. @throws CliError for a field that cannot be selected by */
function selected(args: Arguments, found: readonly Found[]): readonly Found[] {
  const selector = args.flags.get('field-selector')
  if (selector === undefined) return found
  const terms = selector.split(',').filter(term => term !== '').map(term => {
    const [, field = '', operator = '', value = ''] = /^([^!=]+)(==|=|!=)(.*)$/.exec(term) ?? []
    if (field === '') throw new CliError(`error: invalid field selector: '${selector}'; can't understand '${term}'`)
    return { field, equals: operator !== '!=', value }
  })
  return found.filter(f => terms.every(({ field, equals, value }) => {
    if (!(FIELDS[f.type.kind] ?? ANY_FIELDS).has(field)) throw new CliError(`Error from server (BadRequest): Unable to find "/v1, Resource=${f.type.plural}" that match label selector "", field selector "${selector}": field label not supported: ${field}`)
    // What is not written of a node is false.
    const text = findAll(`{.${field}}`, f.json()).map(String)[0] ?? (field === 'spec.unschedulable' ? 'false' : '')
    return (text === value) === equals
  }))
}

/** By a jsonpath: numbers by size, texts in natural order (`pod-2` before `pod-10`); what lacks the field comes first. */
function sorted(args: Arguments, found: readonly Found[]): readonly Found[] {
  const by = args.flags.get('sort-by')
  if (by === undefined) return found
  const path = by.startsWith('{') ? by : `{${by.startsWith('.') ? '' : '.'}${by}}`
  const keyed = found.map(f => ({ f, key: findAll(path, f.json())[0] }))
  return keyed.sort((a, b) => inOrder(a.key, b.key)).map(({ f }) => f)
}

function inOrder(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [x, y] = [String(a).match(/\d+|\D+/g) ?? [], String(b).match(/\d+|\D+/g) ?? []]
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const [p, q] = [x[i] as string, y[i] as string]
    if (p === q) continue
    if (/^\d/.test(p) && /^\d/.test(q) && Number(p) !== Number(q)) return Number(p) - Number(q)
    return p < q ? -1 : 1
  }
  return x.length - y.length
}

function print(format: string, found: readonly Found[], single: boolean, bare: boolean): string {
  const objects = found.map(f => f.json())
  const value = single ? objects[0] : { apiVersion: 'v1', items: objects, kind: 'List', metadata: { resourceVersion: '' } }
  if (format === 'json') return `${JSON.stringify(value, null, 4)}\n`
  if (format === 'yaml') return stringify(value)
  if (format.startsWith('jsonpath=')) return printTemplate(format.slice('jsonpath='.length), value)
  if (format.startsWith('jsonpath-as-json=')) return `${JSON.stringify(findAll(format.slice('jsonpath-as-json='.length), value), null, 4)}\n`
  if (format.startsWith('go-template=')) return goTemplate(format.slice('go-template='.length), value)
  if (format.startsWith('custom-columns=')) return customColumns(format.slice('custom-columns='.length), objects, bare)
  throw new CliError(`error: unable to match a printer suitable for the output format "${format}", allowed formats are: custom-columns,json,jsonpath,jsonpath-as-json,name,wide,yaml`)
}

function goTemplate(template: string, value: unknown): string {
  try {
    return printGoTemplate(template, value)
  } catch (error) {
    if (error instanceof GoTemplateError) throw new CliError(`error: ${error.message}`)
    throw error
  }
}

function customColumns(spec: string, objects: readonly unknown[], bare: boolean): string {
  // The header may be left out: `:metadata.name`.
  const columns = spec.split(',').map(column => {
    const colon = column.indexOf(':')
    if (colon < 0) throw new CliError(`error: unexpected custom-columns spec: ${column}, expected <header>:<json-path-expr>`)
    return { header: column.slice(0, colon), find: finder(`{${column.slice(colon + 1)}}`) }
  })
  const rows = objects.map(o => columns.map(c => c.find(o).map(v => (typeof v === 'object' && v !== null ? JSON.stringify(v) : String(v))).join(',') || '<none>'))
  return align(bare ? rows : [columns.map(c => c.header), ...rows])
}

/** One table per type; with several types, names carry their type. */
function tables(c: Context, found: readonly Found[], wide: boolean): string {
  const { args } = c
  const types: ResourceType[] = []
  for (const f of found) if (!types.includes(f.type)) types.push(f.type)
  return types
    .map(t => {
      const rows = found.filter(f => f.type === t).map(f => rowOf(c, f, types.length > 1 ? qualified(t, f.name) : f.name, wide))
      return align(args.flags.has('no-headers') ? rows : [headOf(c, t, wide), ...rows])
    })
    .join('\n')
}

const rowOf = (c: Context, f: Found, name: string, wide: boolean): string[] => [...(c.args.flags.has('all-namespaces') && f.type.namespaced ? [f.namespace] : []), ...row(c.kube, f, name, wide), ...extra(c.args, f)]

const headOf = ({ args }: Context, t: ResourceType, wide: boolean): string[] => [...(args.flags.has('all-namespaces') && t.namespaced ? ['NAMESPACE'] : []), ...headers(t.kind, wide), ...extraHeaders(args)]

/** Whether it prints on as long as it is let. */
export function watches(args: Arguments): boolean {
  const on = (flag: string): boolean => args.flags.has(flag) && args.flags.get(flag) !== 'false'
  return on('watch') || on('watch-only')
}

function extraHeaders(args: Arguments): string[] {
  const columns = args.repeated.get('label-columns')?.flatMap(v => v.split(',')) ?? []
  return [...columns.map(l => (l.slice(l.lastIndexOf('/') + 1)).toUpperCase()), ...(args.flags.has('show-labels') ? ['LABELS'] : [])]
}

function extra(args: Arguments, f: Found): string[] {
  const columns = args.repeated.get('label-columns')?.flatMap(v => v.split(',')) ?? []
  const own = columns.map(l => f.labels[l] ?? '')
  if (!args.flags.has('show-labels')) return own
  const labels = Object.keys(f.labels).sort().map(k => `${k}=${f.labels[k]}`).join(',')
  return [...own, labels || '<none>']
}
