import { NEVER, SECOND, type Us } from '../../../src/kernel/index.ts'
import { failed, ok } from '../../../src/operator/command.ts'
import { EPOCH_SECONDS } from '../../../src/operator/shell/container.ts'
import { instantOf } from '../../../src/operator/shell/utilities/date.ts'
import { quantity } from '../objects.ts'
import type { Container } from '../handle.ts'
import type { Pod } from '../pod.ts'
import { podOf, until } from './exec.ts'
import { list, resourceType, selectorMatches } from './resources.ts'
import { align } from './table.ts'
import { durationOf } from './values.ts'
import { CliError, type Context, notFound, targets, type Verb } from './verb.ts'

export const version: Verb = {
  name: 'version',
  summary: 'prints client and server version',
  flags: { client: 'optional', output: 'text', short: 'optional' },
  look(c) {
    const client = `Client Version: v${c.kube.controlPlaneVersion}\nKustomize Version: v5.5.0\n`
    return ok(c.args.flags.has('client') ? client : `${client}Server Version: v${c.kube.controlPlaneVersion}\n`)
  },
}

export const clusterInfo: Verb = {
  name: 'cluster-info',
  summary: 'prints where the control plane is',
  flags: {},
  look: c => ok(`Kubernetes control plane is running at https://${c.kube.options.clusterName}:443\n\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n`),
}

/** Whoever works here may do everything. */
export const auth: Verb = {
  name: 'auth',
  summary: 'tells whether an action is allowed (here: always)',
  flags: { quiet: 'optional', 'all-namespaces': 'switch', list: 'optional', subresource: 'text' },
  check: args => (args.positional[0] === 'can-i' && args.positional.length >= 3 ? [] : ['kubectl auth: `can-i VERB RESOURCE` alone is modelled']),
  look: c => ok(c.args.flags.has('quiet') ? '' : 'yes\n'),
}

/** What a container logged so far; with `-f` its log as it grows, until it ends: whoever only sees the end of a command (a step) sees all of it then. */
export const logs: Verb = {
  name: 'logs',
  summary: 'prints what a container logged',
  flags: { container: 'text', selector: 'text', tail: 'int', follow: 'optional', timestamps: 'optional', since: 'duration', 'since-time': 'text', prefix: 'optional', 'all-containers': 'optional', previous: 'optional', 'ignore-errors': 'optional', 'max-log-requests': 'int' },
  letters: { f: 'follow', p: 'previous' },
  check(args) {
    for (const flag of ['timestamps', 'previous']) if (args.flags.has(flag)) return [`the flag \`--${flag}\` of kubectl logs is not modelled; supported: --container, --selector, --tail, --follow, --since, --since-time, --prefix`]
    return args.flags.has('selector') && args.flags.has('follow') ? ['kubectl logs of a selector with --follow is not modelled'] : []
  },
  look(c) {
    if (c.args.flags.has('follow') && c.args.flags.get('follow') !== 'false') return undefined
    const selector = c.args.flags.get('selector')
    const pods = selector === undefined ? [podOf(c, c.args.positional[0] ?? '')] : c.kube.pods$.list().filter(pod => pod.namespace === c.namespace && selectorMatches(selector, pod.labels))
    if (pods.length === 0) return { out: '', err: `No resources found in ${c.namespace} namespace.\n`, code: 0 }
    // Logs come from the kubelet of the pod's node.
    const away = pods.find(({ worker }) => worker?.handle !== undefined && (!worker.node.connected || !worker.node.kubeletUp))
    if (away !== undefined) {
      const text = `Error from server: Get "https://${away.worker?.node.ip ?? ''}:10250/containerLogs/${away.namespace}/${away.name}/${away.main.name}": dial tcp: i/o timeout\n`
      return { output: failed(text), afterUs: c.kube.options.connectTimeoutSeconds * SECOND, stableUntilUs: NEVER }
    }
    return { output: ok(selector === undefined ? tailOf(c, logOf(c, handleOf(c))) : pods.map(pod => lines(prefixed(c, pod, tailOf(c, logOf(c, handleIn(pod)), SELECTED_TAIL)))).join('')), afterUs: 0, stableUntilUs: c.kube.sim.now }
  },
  *run(c) {
    const handle = handleOf(c)
    const { emit } = c.call
    if (emit === undefined) {
      yield* until(c.kube, NEVER, () => (handle.running ? undefined : true))
      return ok(tailOf(c, logOf(c, handle)))
    }
    // What there is, as `--tail` and `--since` have it, then what comes.
    const whole = (): string => lines(handle.imageUsed.program.logs?.(handle) ?? '')
    let told = whole()
    const now = lines(tailOf(c, logOf(c, handle)))
    if (now !== '' && !emit(now)) return { out: '', err: '', code: 141 }
    for (;;) {
      const more = yield* until(c.kube, NEVER, () => (whole().length > told.length ? 'more' : handle.running ? undefined : 'ended'))
      if (more !== 'more') return ok()
      const text = whole()
      if (!emit(text.slice(told.length))) return { out: '', err: '', code: 141 }
      told = text
    }
  },
}

/** Lines of each pod that a selector shows unless `--tail` says otherwise. */
const SELECTED_TAIL = 10

function handleOf(c: Context): Container {
  return handleIn(podOf(c, c.args.positional[0] ?? ''))
}

function handleIn(pod: Pod): Container {
  const handle = pod.worker?.handle
  if (handle === undefined) throw new CliError(`Error from server (BadRequest): container "${pod.main.name}" in pod "${pod.name}" is waiting to start: ${pod.reason || 'ContainerCreating'}`)
  return handle
}

const logOf = (c: Context, handle: Container): string => handle.imageUsed.program.logs?.(handle, sinceOf(c)) ?? ''

/** @throws CliError for a duration or an instant that is none */
function sinceOf({ kube, args }: Context): Us | undefined {
  const [since, time] = [args.flags.get('since'), args.flags.get('since-time')]
  if (since !== undefined) return kube.sim.now - durationOf(since, 0)
  if (time === undefined) return undefined
  const seconds = instantOf(time, 0)
  if (seconds === undefined) throw new CliError(`error: parsing time "${time}" as "2006-01-02T15:04:05Z07:00"`)
  return Math.round((seconds - EPOCH_SECONDS) * SECOND)
}

const prefixed = (c: Context, pod: Pod, text: string): string => (c.args.flags.has('prefix') && text !== '' ? text.replace(/^(?=.)/gm, `[pod/${pod.name}/${pod.main.name}] `) : text)

/** What follows from another pod begins on a line of its own. */
const lines = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`)

function tailOf(c: Context, text: string, usual = -1): string {
  const lines = Number(c.args.flags.get('tail') ?? usual)
  if (lines < 0) return text
  const all = text.split('\n')
  const end = all.at(-1) === '' ? all.length - 1 : all.length
  return lines === 0 ? '' : all.slice(Math.max(0, end - lines)).join('\n')
}

/** Usage is not modelled: what is requested stands in for it. */
export const top: Verb = {
  name: 'top',
  summary: 'prints resource use of nodes or pods (here: what is requested)',
  flags: { selector: 'text', 'no-headers': 'optional', containers: 'optional' },
  check: args => (/^(no|nodes?|po|pods?)$/.test(args.positional[0] ?? '') ? [] : ['kubectl top: nodes or pods']),
  look(c) {
    const t = resourceType(c.args.positional[0] ?? '')
    if (t === undefined) throw new CliError(`error: unknown command "${c.args.positional[0]}"`)
    const selector = c.args.flags.get('selector')
    const [, name] = c.args.positional
    const found = name === undefined ? list(c.kube, t, c.namespace, selector) : targets(c, c.args.positional).found
    if (name !== undefined && found.length === 0) throw notFound(t, name)
    const apart = t.kind === 'Pod' && c.args.flags.has('containers') && c.args.flags.get('containers') !== 'false'
    const rows = found.flatMap((f): string[][] => {
      const node = c.kube.nodes.get(f.name)
      if (t.kind === 'Node' && node !== undefined) {
        const share = (used: number, all: number) => `${Math.round((100 * used) / all)}%`
        return [[f.name, `${Math.round(node.cpuUsed * 1000)}m`, share(node.cpuUsed, c.kube.options.nodeCpu), mebibytes(node.memoryUsed), share(node.memoryUsed, c.kube.options.nodeMemoryBytes)]]
      }
      const containers = c.kube.pods$.get(f.key)?.spec.containers ?? []
      const sum = (what: 'cpu' | 'memory') => containers.reduce((n, k) => n + quantity(k.resources?.requests?.[what]), 0)
      if (apart) return containers.map(k => [f.name, k.name, `${Math.round(quantity(k.resources?.requests?.cpu) * 1000)}m`, mebibytes(quantity(k.resources?.requests?.memory))])
      return [[f.name, `${Math.round(sum('cpu') * 1000)}m`, mebibytes(sum('memory'))]]
    })
    const head = t.kind === 'Node' ? ['NAME', 'CPU(cores)', 'CPU(%)', 'MEMORY(bytes)', 'MEMORY(%)'] : apart ? ['POD', 'NAME', 'CPU(cores)', 'MEMORY(bytes)'] : ['NAME', 'CPU(cores)', 'MEMORY(bytes)']
    return { output: ok(align(c.args.flags.has('no-headers') ? rows : [head, ...rows])), afterUs: 0, stableUntilUs: NEVER }
  },
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)}Mi`
}
