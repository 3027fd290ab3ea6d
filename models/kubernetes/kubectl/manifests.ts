/** Objects in files: `-f FILE`, `-f DIR`, `-f -`; YAML of several documents, JSON, Lists. */
import { parseAllDocuments } from 'yaml'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes.ts'
import type { KubeObject } from '../objects.ts'
import type { Arguments } from './arguments.ts'
import { type ResourceType, TYPES } from './resources.ts'
import { unmodelledIn } from './unmodelled.ts'
import { CliError, type Context, customType } from './verb.ts'

/** An object with the file it stands in, as kubectl names it. */
export interface Manifest {
  readonly object: KubeObject
  readonly file: string
}

/** Kinds of Kubernetes itself that the model lacks: a real cluster would take them, so they are no error of the script. */
const NOT_MODELLED = new Set(['DaemonSet', 'ReplicaSet', 'ReplicationController', 'Ingress', 'IngressClass', 'NetworkPolicy', 'ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding', 'StorageClass', 'PersistentVolume', 'HorizontalPodAutoscaler', 'LimitRange', 'ResourceQuota', 'PriorityClass', 'EndpointSlice', 'CustomResourceDefinition', 'ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration', 'Event'])

const KINDS = TYPES.map(t => t.kind).filter(kind => !NOT_MODELLED.has(kind))

/** Policies are taken where nothing enforces them (rule K8S-POLICY-1). */
function isMissing(kind: string, kube: Kubernetes): boolean {
  return NOT_MODELLED.has(kind) && !(kind === 'NetworkPolicy' && kube.options.networkPolicy === 'none')
}

/** What `-f` names: it may be given several times, and each time a list with commas. Source: kubectl apply --help (`--filename=[]`), pflag StringSlice. */
const namedIn = (args: Arguments): readonly string[] => (args.repeated.get('filename') ?? []).flatMap(value => value.split(','))

/** The files of an invocation that are on the workstation's disk. */
export function filesOf(args: Arguments): readonly string[] {
  return namedIn(args).filter(file => file !== '-' && !/^https?:/.test(file) && !file.includes('${'))
}

/** What can be told of `-f` before a run. */
export function checkFiles(args: Arguments): string[] {
  return namedIn(args).filter(file => /^https?:/.test(file)).map(file => `\`-f ${file}\`: there is no network in a rehearsal: put the file beside the script`)
}

/** Kinds in a text that a real cluster would take and the model lacks: a fence of network policies, say, must not be taken for one. */
export function checkKinds(args: Arguments, file: string, text: string, kube: Kubernetes): string[] {
  const named = namedIn(args)
  if (!named.some(each => each === file || (each === '/dev/stdin' && file === '-'))) return []
  const kinds = text.split('\n').flatMap(line => /^(?:- )?["']?kind["']?:\s*["']?([A-Za-z]+)["']?\s*$/.exec(line)?.[1] ?? [])
  return [...unmodelledIn(text), ...[...new Set(kinds)].filter(kind => isMissing(kind, kube)).map(kind => `objects of kind ${kind} are not modelled${kind === 'NetworkPolicy' ? ': a fence made of them would do nothing here (and on a real cluster it hangs on the network plugin, and on connections that are open already). Where nothing enforces them, as on AKS unless it was asked for, say `cluster.kubernetes.networkPolicy: none`: then they are taken and do nothing' : ''}; there are: ${KINDS.join(', ')}`)]
}

/** All objects that the invocation names. @throws CliError as kubectl says it */
export function manifests(c: Context): Manifest[] {
  const named = namedIn(c.args)
  if (named.length === 0) throw new CliError('error: must specify one of -f and -k')
  const found = named.flatMap(file => textsOf(c, file)).flatMap(({ file, text }) => objectsIn(text, file))
  if (found.length === 0) throw new CliError(`error: no objects passed to ${c.args.positional.length > 0 ? 'create' : 'apply'}`)
  return found
}

function textsOf(c: Context, file: string): { readonly file: string; readonly text: string }[] {
  if (file === '-') return [{ file: 'STDIN', text: c.call.stdin }]
  if (/^https?:/.test(file)) throw new UnsupportedError(`kubectl -f ${file}: there is no network in a rehearsal`, ['-f FILE', '-f -'])
  const { disk } = c.call
  if (disk === undefined) throw new UnsupportedError(`kubectl -f ${file}: a step has no files`, ['-f -'])
  const text = disk.read(file)
  if (text !== undefined) return [{ file, text }]
  const names = disk.list(file)
  if (names === undefined) throw new CliError(`error: the path "${file}" does not exist`)
  const inside = names.filter(name => /\.(?:json|ya?ml)$/.test(name)).map(name => `${file.replace(/\/$/, '')}/${name}`)
  if (inside.length === 0) throw new CliError(`error: error reading [${file}]: recognized file extensions are [.json .yaml .yml]`)
  return inside.map(path => ({ file: path, text: disk.read(path) ?? '' }))
}

function objectsIn(text: string, file: string): Manifest[] {
  const found: Manifest[] = []
  for (const document of parseAllDocuments(text)) {
    if ('errors' in document && document.errors.length > 0) throw new CliError(`error: error parsing ${file}: error converting YAML to JSON: yaml: ${document.errors[0]?.message.split('\n')[0] ?? ''}`)
    const value = ('toJS' in document ? document.toJS() : undefined) as KubeObject | null | undefined
    if (value === null || value === undefined) continue
    if (value.kind === 'List') found.push(...(value.items as KubeObject[]).map(object => ({ object, file })))
    else found.push({ object: value, file })
  }
  for (const { object } of found) {
    if (typeof object.apiVersion !== 'string' || typeof object.kind !== 'string') throw new CliError(`error: error validating "${file}": error validating data: [${[...(typeof object.apiVersion === 'string' ? [] : ['apiVersion not set']), ...(typeof object.kind === 'string' ? [] : ['kind not set'])].join(', ')}]; if you choose to ignore these errors, turn validation off with --validate=false`)
    if (typeof object.metadata?.name !== 'string') throw new CliError(`error: error when retrieving current configuration of: ${object.kind}: resource name may not be empty`)
  }
  return found
}

/** The type of an object. @throws CliError when the cluster has no such kind in that version, UnsupportedError for a real one that the model lacks */
export function typeOfObject(c: Context, { object, file }: Manifest): ResourceType {
  const { kind, apiVersion = '' } = object
  if (kind === 'NetworkPolicy' && isMissing(kind, c.kube)) throw new UnsupportedError(`objects of kind ${kind} (${apiVersion}) are not modelled unless \`cluster.kubernetes.networkPolicy\` is \`none\``, KINDS)
  if (kind !== 'NetworkPolicy') unknownKind(kind, apiVersion)
  const known = TYPES.find(t => t.kind === kind)
  const custom = known === undefined ? (customType(c.kube, kind) ?? (isCustom(apiVersion) ? undefined : unknownKind(kind, apiVersion))) : undefined
  const wanted = known === undefined ? undefined : known.group === '' ? 'v1' : `${known.group}/v1`
  if (known !== undefined && apiVersion === wanted) return known
  if (custom !== undefined && known === undefined) return custom
  throw new CliError(`error: resource mapping not found for name: "${object.metadata.name}" namespace: "${object.metadata.namespace ?? ''}" from "${file}": no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`)
}

const isCustom = (apiVersion: string): boolean => !/^v1$|^(?:apps|batch|policy|autoscaling)\/|\.k8s\.io\//.test(apiVersion)

function unknownKind(kind: string, apiVersion: string): ResourceType | undefined {
  if (NOT_MODELLED.has(kind)) throw new UnsupportedError(`objects of kind ${kind} (${apiVersion}) are not modelled`, KINDS)
  return undefined
}

