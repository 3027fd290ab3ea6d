/** `kubectl set image|env|resources|selector`: changes of a pod template, or of a Service's selector, without writing a patch. */
import type { Output } from '../../../src/operator/command.ts'
import type { ContainerSpec, EnvVar, KubeObject, PodSpec } from '../objects.ts'
import { type Found, qualified } from './resources.ts'
import { CliError, type Context, joined, targets, unknownTypes, type Verb } from './verb.ts'
import { editable, store } from './write.ts'

const WHAT = ['image', 'env', 'resources', 'selector'] as const
type What = (typeof WHAT)[number]

/** What kubectl says it has updated. Source: kubectl 1.30, `kubectl set image|env|resources|selector`. */
const DONE: Readonly<Record<What, string>> = { image: 'image updated', env: 'env updated', resources: 'resource requirements updated', selector: 'selector updated' }

export const set: Verb = {
  name: 'set',
  summary: 'sets images, environment, resources or a selector',
  flags: { all: 'optional', selector: 'text', container: 'text', containers: 'text', list: 'optional', limits: 'text', requests: 'text', output: 'text', overwrite: 'optional' },

  check(args, kube) {
    const [what = '', ...words] = args.positional
    if (!isWhat(what)) return what.includes('${') ? [] : [`kubectl set ${what} is not modelled; there are: ${WHAT.join(', ')}`]
    // The kubelet would restart the container within its pod; that is not modelled, and a pod that something owns is not changed that way.
    const onPod = split(words).words.find(word => /^(po|pods?)(\/|$)/.test(word))
    if (onPod !== undefined && what !== 'selector') return [`kubectl set ${what} of a single pod (\`${onPod}\`) is not modelled; right would be its StatefulSet or Deployment`]
    const gone = what === 'image' ? split(words).changes.map(change => change.slice(change.indexOf('=') + 1)).find(image => !image.includes('${') && kube.imageNamed(image) === undefined) : undefined
    if (gone !== undefined) return [`the image \`${gone}\` is in no registry that the cluster knows; there are: ${[...kube.images.keys()].join(', ')}, and other versions of them, also of another registry. If yours has it: \`--set cluster.targetImage=${gone}\``]
    return unknownTypes({ ...args, positional: split(words).words }, kube)
  },

  *run(c): Generator<never, Output> {
    const [what = '', ...rest] = c.args.positional
    if (!isWhat(what)) throw new CliError(`error: unknown command "set ${what}"`)
    const { words, changes } = split(rest)
    const listing = what === 'env' && (c.args.flags.get('list') ?? 'false') !== 'false'
    if (!listing) demand(c, what, changes)
    const everything = c.args.flags.has('all') || c.args.flags.has('selector')
    if (words.length === 1 && !(words[0] as string).includes('/') && !everything) throw new CliError('error: one or more resources must be specified as <resource> <name> or <resource>/<name>')
    const { found, missing } = targets(c, words)
    const lines: string[] = []
    const errors: CliError[] = [...missing]
    for (const f of found) {
      try {
        if (listing) lines.push(...listed(c, f))
        // What changes nothing is passed over without a word.
        else if (store(c.kube, f, changed(c, f, what, changes))) lines.push(`${qualified(f.type, f.name)} ${DONE[what]}`)
      } catch (error) {
        if (!(error instanceof CliError)) throw error
        errors.push(error)
      }
    }
    return joined(lines, errors)
  },
}

function isWhat(word: string): word is What {
  return (WHAT as readonly string[]).includes(word)
}

/** `key=value` and `key-` are changes; what comes before are resources. */
function split(words: readonly string[]): { words: string[]; changes: string[] } {
  const at = words.findIndex((w, i) => i > 0 && (w.includes('=') || /^[A-Za-z_][A-Za-z0-9_.]*-$/.test(w)))
  return at < 0 ? { words: [...words], changes: [] } : { words: words.slice(0, at), changes: words.slice(at) }
}

function demand(c: Context, what: What, changes: readonly string[]): void {
  if (what === 'image' && changes.length === 0) throw new CliError('error: at least one image update is required')
  if (what === 'env' && changes.length === 0) throw new CliError('error: at least one environment variable must be provided')
  if (what === 'resources' && !c.args.flags.has('limits') && !c.args.flags.has('requests')) throw new CliError("error: you must specify an update to requests or limits (in the form of --requests/--limits)")
  if (what === 'selector' && changes.length === 0) throw new CliError('error: one or more selectors are required')
}

function changed(c: Context, f: Found, what: What, changes: readonly string[]): KubeObject {
  const object = editable(c.kube, f)
  if (what === 'selector') return withSelector(f, object, changes)
  const spec = podSpecOf(object)
  if (spec === undefined) throw new CliError(`error: ${qualified(f.type, f.name)} is not a pod or does not have a pod template`)
  const next = what === 'image' ? withImages(spec, changes) : each(c, f, spec, container => (what === 'env' ? withEnv(container, changes, c) : withResources(container, c)))
  return withPodSpec(object, next)
}

/** The selector is replaced whole: labels that it named before and are not named now are gone (rule K8S-SET-2). */
function withSelector(f: Found, object: KubeObject, changes: readonly string[]): KubeObject {
  if (f.type.kind !== 'Service') throw new CliError(`error: setting a selector is only supported for Services`)
  const selector: Record<string, string> = {}
  for (const change of changes) {
    const equals = change.indexOf('=')
    if (equals <= 0) throw new CliError(`error: invalid label selector: ${change}`)
    selector[change.slice(0, equals)] = change.slice(equals + 1)
  }
  return { ...object, spec: { ...object.spec, selector } }
}

/** `container=image`, or `*=image` for all, init containers included. */
function withImages(spec: PodSpec, changes: readonly string[]): PodSpec {
  const swaps = changes.map(change => {
    const equals = change.indexOf('=')
    const name = change.slice(0, equals)
    const image = change.slice(equals + 1)
    if (equals <= 0 || image === '') throw new CliError(`error: invalid image update: ${change}`)
    const named = (container: ContainerSpec) => name === '*' || container.name === name
    if (![...spec.containers, ...(spec.initContainers ?? [])].some(named)) throw new CliError(`error: unable to find container named "${name}"`)
    return (container: ContainerSpec) => (named(container) ? { ...container, image } : container)
  })
  const swap = (container: ContainerSpec) => swaps.reduce((changed, each) => each(changed), container)
  return { ...spec, containers: spec.containers.map(swap), ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(swap) }) }
}

/** Changes the containers that `--containers` names (`*` stands for any text); all without it. */
function each(c: Context, f: Found, spec: PodSpec, change: (container: ContainerSpec) => ContainerSpec): PodSpec {
  const pattern = c.args.flags.get('containers') ?? c.args.flags.get('container') ?? '*'
  const matches = new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`)
  if (!spec.containers.some(container => matches.test(container.name))) throw new CliError(`error: ${qualified(f.type, f.name)} does not have any containers matching "${pattern}"`)
  return { ...spec, containers: spec.containers.map(container => (matches.test(container.name) ? change(container) : container)) }
}

function escaped(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
}

function withEnv(container: ContainerSpec, changes: readonly string[], c: Context): ContainerSpec {
  const keep = c.args.flags.get('overwrite') === 'false'
  let env: readonly EnvVar[] = container.env ?? []
  for (const word of changes) {
    const equals = word.indexOf('=')
    const name = equals < 0 ? word.slice(0, -1) : word.slice(0, equals)
    const at = env.findIndex(each => each.name === name)
    if (equals < 0) env = env.filter(each => each.name !== name)
    else if (at >= 0 && keep) throw new CliError(`error: '${name}' already has a value (${env[at]?.value ?? ''}), and --overwrite is false`)
    else if (at >= 0) env = env.map((each, i) => (i === at ? { name, value: word.slice(equals + 1) } : each))
    else env = [...env, { name, value: word.slice(equals + 1) }]
  }
  return { ...container, env: [...env] }
}

function withResources(container: ContainerSpec, c: Context): ContainerSpec {
  const resources: Record<string, unknown> = { ...container.resources }
  for (const kind of ['limits', 'requests'] as const) {
    const text = c.args.flags.get(kind)
    if (text !== undefined) resources[kind] = { ...(resources[kind] as object | undefined), ...quantities(kind, text) }
  }
  return { ...container, resources: resources as NonNullable<ContainerSpec['resources']> }
}

function quantities(kind: string, text: string): Record<string, string> {
  const out: Record<string, string> = {}
  for (const pair of text.split(',')) {
    const [name = '', quantity = ''] = pair.split('=')
    if (name === '' || quantity === '') throw new CliError(`error: invalid argument syntax for --${kind}: ${pair}, expected <resource>=<quantity>`)
    out[name] = quantity
  }
  return out
}

function listed(c: Context, f: Found): string[] {
  const spec = podSpecOf(editable(c.kube, f))
  return (spec?.containers ?? []).flatMap(container => [
    `# ${f.type.kind} ${f.name}, container ${container.name}`,
    ...(container.env ?? []).map(({ name, value, valueFrom }) => (valueFrom === undefined ? `${name}=${value ?? ''}` : `# ${name} from ${Object.keys(valueFrom)[0] ?? 'elsewhere'}`)),
  ])
}

interface Templated {
  readonly template?: { readonly spec?: PodSpec }
  readonly jobTemplate?: { readonly spec?: Templated }
}

function podSpecOf(object: KubeObject): PodSpec | undefined {
  if (object.kind === 'Pod') return object.spec as unknown as PodSpec
  const spec = object.spec as Templated | undefined
  return spec?.template?.spec ?? spec?.jobTemplate?.spec?.template?.spec
}

function withPodSpec(object: KubeObject, spec: PodSpec): KubeObject {
  if (object.kind === 'Pod') return { ...object, spec: spec as unknown as NonNullable<KubeObject['spec']> }
  const { template, jobTemplate } = (object.spec ?? {}) as Templated
  if (template !== undefined) return { ...object, spec: { ...object.spec, template: { ...template, spec } } }
  const { spec: job } = jobTemplate ?? {}
  return { ...object, spec: { ...object.spec, jobTemplate: { ...jobTemplate, spec: { ...job, template: { ...job?.template, spec } } } } }
}
