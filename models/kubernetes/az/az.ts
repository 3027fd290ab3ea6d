/** `az aks`: the part of the Azure CLI that upgrades a managed cluster and its node pools. */
import { NEVER, type Process, SECOND, type Task, type Us } from '../../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, type Look, ok, type Output, UnsupportedError } from '../../../src/operator/command.ts'
import { AksError, compareVersions, type Pool } from '../aks.ts'
import type { Kubernetes } from '../kubernetes.ts'
import { align } from '../kubectl/table.ts'
import { search, unsearchable } from './query.ts'

type Flags = ReadonlyMap<string, readonly string[]>

interface Group {
  readonly words: string
  readonly required: readonly string[]
  readonly optional: readonly string[]
  /** Prints something; or starts an operation and gives its task and what to print when it is done. */
  readonly look?: (kube: Kubernetes, flags: Flags) => unknown
  readonly start?: (kube: Kubernetes, flags: Flags) => { readonly task: Task<AksError | undefined>; readonly result: () => unknown }
}

const SHORT: Readonly<Record<string, string>> = { '-g': 'resource-group', '-n': 'name', '-k': 'kubernetes-version', '-o': 'output', '-y': 'yes', '-c': 'node-count', '-s': 'node-vm-size', '-z': 'zones' }
const COMMON = ['resource-group', 'output', 'query', 'subscription', 'only-show-errors']
const POOL = ['cluster-name', 'name']

const GROUPS: readonly Group[] = [
  { words: 'aks show', required: ['name'], optional: [], look: kube => clusterJson(kube) },
  { words: 'account show', required: [], optional: [], look: () => ({ environmentName: 'AzureCloud', isDefault: true, name: 'default', state: 'Enabled' }) },
  { words: 'account set', required: [], optional: [], look: () => undefined },
  // It says so on stderr, and changes the workstation's kubeconfig, which has this cluster anyway.
  { words: 'aks get-credentials', required: ['name'], optional: ['overwrite-existing', 'admin'], look: () => undefined },
  { words: 'aks get-upgrades', required: ['name'], optional: [], look: kube => ({ agentPoolProfiles: null, controlPlaneProfile: { kubernetesVersion: kube.controlPlaneVersion, osType: 'Linux', upgrades: upgradesOf(kube, kube.controlPlaneVersion) }, name: 'default', resourceGroup: kube.options.resourceGroup }) },
  { words: 'aks nodepool get-upgrades', required: ['cluster-name', 'nodepool-name'], optional: [], look: (kube, flags) => ({ kubernetesVersion: kube.aks.existing(one(flags, 'nodepool-name')).version, osType: 'Linux', upgrades: poolUpgrades(kube, kube.aks.existing(one(flags, 'nodepool-name')).version) }) },
  {
    words: 'aks nodepool update',
    required: POOL,
    optional: ['max-surge', 'no-wait'],
    start(kube, flags) {
      const pool = kube.aks.existing(one(flags, 'name'))
      pool.maxSurge = one(flags, 'max-surge', pool.maxSurge)
      return { task: kube.sim.spawn(done()), result: () => poolJson(kube, pool) }
    },
  },
  { words: 'aks nodepool list', required: ['cluster-name'], optional: [], look: kube => [...kube.aks.pools.values()].map(p => poolJson(kube, p)) },
  { words: 'aks nodepool show', required: POOL, optional: [], look: (kube, flags) => poolJson(kube, kube.aks.existing(one(flags, 'name'))) },
  {
    words: 'aks upgrade',
    required: ['name'],
    optional: ['kubernetes-version', 'control-plane-only', 'yes', 'no-wait', 'node-image-only'],
    start(kube, flags) {
      if (!flags.has('yes')) throw new AksError('NoTTY', 'Unable to prompt for confirmation as no tty available. Use --yes.')
      return { task: kube.aks.upgradeControlPlane(one(flags, 'kubernetes-version', kube.controlPlaneVersion), flags.has('control-plane-only')), result: () => clusterJson(kube) }
    },
  },
  {
    words: 'aks nodepool upgrade',
    required: POOL,
    optional: ['kubernetes-version', 'max-surge', 'max-unavailable', 'drain-timeout', 'node-soak-duration', 'node-image-only', 'no-wait', 'yes'],
    start(kube, flags) {
      const name = one(flags, 'name')
      const pool = kube.aks.existing(name)
      const imageOnly = flags.has('node-image-only')
      const minutes = (flag: string, otherwise: Us) => (flags.has(flag) ? Number(one(flags, flag)) * 60 * SECOND : otherwise)
      const request = {
        version: one(flags, 'kubernetes-version', imageOnly ? pool.version : kube.controlPlaneVersion),
        maxSurge: one(flags, 'max-surge', pool.maxSurge),
        maxUnavailable: one(flags, 'max-unavailable', '0'),
        drainTimeoutUs: minutes('drain-timeout', kube.options.drainTimeoutSeconds * SECOND),
        soakUs: minutes('node-soak-duration', 0),
        imageOnly,
      }
      return { task: kube.aks.upgrade(name, request), result: () => poolJson(kube, pool) }
    },
  },
  {
    words: 'aks nodepool add',
    required: POOL,
    optional: ['node-count', 'kubernetes-version', 'zones', 'labels', 'node-taints', 'node-vm-size', 'mode', 'max-surge', 'no-wait'],
    start(kube, flags) {
      const name = one(flags, 'name')
      const labels = Object.fromEntries((flags.get('labels') ?? []).map(l => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]))
      const version = flags.get('kubernetes-version')?.[0]
      const task = kube.aks.add(name, Number(one(flags, 'node-count', '3')), {
        ...(version === undefined ? {} : { version }),
        zones: flags.get('zones') ?? [],
        labels,
        taints: (flags.get('node-taints') ?? []).flatMap(t => t.split(',')),
        maxSurge: one(flags, 'max-surge', '1'),
      })
      return { task, result: () => poolJson(kube, kube.aks.existing(name)) }
    },
  },
  {
    words: 'aks nodepool scale',
    required: [...POOL, 'node-count'],
    optional: ['no-wait'],
    start(kube, flags) {
      const name = one(flags, 'name')
      return { task: kube.aks.scale(name, Number(one(flags, 'node-count'))), result: () => poolJson(kube, kube.aks.existing(name)) }
    },
  },
  {
    // It asks again every --interval seconds (30), for --timeout seconds (3,600) at most.
    words: 'aks nodepool wait',
    required: POOL,
    optional: ['created', 'updated', 'deleted', 'exists', 'interval', 'timeout'],
    start(kube, flags) {
      const pool = () => kube.aks.pools.get(one(flags, 'name'))
      const holds = (): boolean => (flags.has('deleted') ? pool() === undefined : flags.has('exists') ? pool() !== undefined : pool()?.state === 'Succeeded')
      return { task: kube.sim.spawn(waiting(kube, holds, Number(one(flags, 'interval', '30')) * SECOND, Number(one(flags, 'timeout', '3600')))), result: () => undefined }
    },
  },
  {
    words: 'aks nodepool delete',
    required: POOL,
    optional: ['no-wait', 'yes'],
    start: (kube, flags) => ({ task: kube.aks.delete(one(flags, 'name')), result: () => undefined }),
  },
]

/** The cluster's setting alone is changed: no machine is touched. */
function* done(): Process<AksError | undefined> {
  return undefined
}

/** What the service offers: the scenario's `availableVersions`, else the next minor version, of which any is taken. */
function upgradesOf(kube: Kubernetes, from: string): readonly { readonly isPreview: null; readonly kubernetesVersion: string }[] | null {
  const [major = 1, minor = 0] = from.split('.').map(Number)
  const offered = kube.options.availableVersions.length > 0 ? kube.options.availableVersions.filter(v => compareVersions(v, from) > 0 && Number(v.split('.')[1]) <= minor + 1) : [`${major}.${minor + 1}.0`]
  return offered.length === 0 ? null : offered.map(kubernetesVersion => ({ isPreview: null, kubernetesVersion }))
}

/** A pool may have any version up to that of the control plane. */
function poolUpgrades(kube: Kubernetes, from: string): ReturnType<typeof upgradesOf> {
  const control = kube.controlPlaneVersion
  if (compareVersions(control, from) <= 0) return null
  const offered = [...kube.options.availableVersions.filter(v => compareVersions(v, from) > 0 && compareVersions(v, control) < 0), control]
  return offered.map(kubernetesVersion => ({ isPreview: null, kubernetesVersion }))
}

function* waiting(kube: Kubernetes, holds: () => boolean, everyUs: Us, seconds: number): Process<AksError | undefined> {
  for (const untilUs = kube.sim.now + seconds * SECOND; ; yield everyUs) {
    if (holds()) return undefined
    if (kube.sim.now >= untilUs) return new AksError('WaitTimeout', `Wait operation timed-out after ${seconds} seconds`)
  }
}

interface Invocation {
  readonly group: Group
  readonly flags: Flags
  readonly problem: string | undefined
}

/** The `az` of an operator's workstation. */
export function az(kube: Kubernetes): Command {
  const invoke = (argv: readonly string[]): Invocation => {
    const parsed = parse(argv)
    if (typeof parsed === 'string') throw new UnsupportedError(parsed, GROUPS.map(g => `az ${g.words}`))
    return parsed
  }
  return {
    name: 'az',
    summary: 'manages the Azure Kubernetes Service cluster and its node pools',
    check(argv): readonly Finding[] {
      const parsed = parse(argv)
      if (typeof parsed === 'string') return parsed.includes('${') ? [] : [{ severity: 'error', message: `${parsed}. There are: ${GROUPS.map(g => `az ${g.words}`).join(', ')}` }]
      const query = parsed.flags.get('query')?.[0]
      const wrong = parsed.problem ?? (query === undefined || query.includes('${') ? undefined : unsearchable(query))
      return wrong === undefined ? [] : [{ severity: 'error', message: wrong }]
    },
    readsInput: () => false,
    latencyUs: (call: Call) => kube.drawUs('azCallSeconds', call.key, call.nth),
    intent(argv) {
      const parsed = parse(argv)
      return typeof parsed === 'string' ? undefined : parsed.group.look !== undefined ? 'reads' : parsed.group.words.endsWith(' wait') ? 'waits' : 'acts'
    },
    look(call: Call): Look | undefined {
      const { group, flags, problem } = invoke(call.argv)
      const still = (output: Output): Look => ({ output, afterUs: 0, stableUntilUs: NEVER })
      if (problem !== undefined) return still(failed(`${problem}\n`, 2))
      const stranger = strangerOf(kube, group, flags)
      if (stranger !== undefined) return still(failed(`${stranger.message}\n`, 3))
      if (group.look === undefined) return undefined
      try {
        return still(ok(print(group.look(kube, flags), flags)))
      } catch (error) {
        return still(asOutput(error))
      }
    },
    *run(call: Call): Process<Output> {
      const { group, flags } = invoke(call.argv)
      if (group.start === undefined) throw new Error(`az ${group.words} neither looks nor runs`)
      try {
        const { task, result } = group.start(kube, flags)
        if (flags.has('no-wait')) return ok()
        const error = (yield task) as AksError | undefined
        if (error !== undefined) return asOutput(error)
        return ok(print(result(), flags))
      } catch (error) {
        return asOutput(error)
      }
    },
  }
}

function asOutput(error: unknown): Output {
  if (!(error instanceof AksError)) throw error
  return failed(`ERROR: ${error.message}\n`, error.code === 'NotFound' ? 3 : 1)
}

function strangerOf(kube: Kubernetes, group: Group, flags: Flags): AksError | undefined {
  const cluster = one(flags, group.words.includes('nodepool') ? 'cluster-name' : 'name', '')
  const rg = one(flags, 'resource-group', '')
  if (group.words.startsWith('account') || !kube.options.strictNames || (cluster === kube.options.clusterName && rg === kube.options.resourceGroup)) return undefined
  return new AksError('ResourceNotFound', `The Resource 'Microsoft.ContainerService/managedClusters/${cluster}' under resource group '${rg}' was not found.`)
}

/** The longest command group that the words name, and its flags; a text says what is not modelled. */
function parse(argv: readonly string[]): Invocation | string {
  const words: string[] = []
  let at = 1
  while (at < argv.length && !(argv[at] as string).startsWith('-')) words.push(argv[at++] as string)
  const group = GROUPS.find(g => g.words === words.join(' '))
  if (group === undefined) return `the command \`az ${words.join(' ')}\` is not modelled`
  const known = new Set([...group.required, ...group.optional, ...COMMON])
  const flags = new Map<string, string[]>()
  let current: string[] | undefined
  let problem: string | undefined
  for (const word of argv.slice(at)) {
    if (!word.startsWith('-')) {
      if (current === undefined) problem ??= `az: unrecognized arguments: ${word}`
      else current.push(word)
      continue
    }
    const equals = word.indexOf('=')
    const bare = equals < 0 ? word : word.slice(0, equals)
    const name = SHORT[bare] ?? bare.replace(/^--/, '')
    if (!known.has(name)) problem ??= `the flag \`${bare}\` of az ${group.words} is not modelled; supported: ${[...known].map(k => `--${k}`).join(', ')}`
    current = equals < 0 ? [] : [word.slice(equals + 1)]
    flags.set(name, current)
  }
  for (const name of [...(group.words.startsWith('account') ? [] : ['resource-group']), ...group.required]) if (!flags.has(name)) problem ??= `az ${group.words}: the following arguments are required: --${name}`
  return { group, flags, problem }
}

function one(flags: Flags, name: string, otherwise?: string): string {
  const value = flags.get(name)?.[0] ?? otherwise
  if (value === undefined) throw new AksError('ArgumentError', `argument --${name}: expected one argument`)
  return value
}

function poolJson(kube: Kubernetes, pool: Pool): Record<string, unknown> {
  const nodes = kube.aks.nodesOf(pool.name)
  return {
    count: nodes.length,
    currentOrchestratorVersion: nodes.every(n => n.version === pool.version) ? pool.version : (nodes.find(n => n.version !== pool.version)?.version ?? pool.version),
    name: pool.name,
    orchestratorVersion: pool.version,
    powerState: { code: 'Running' },
    provisioningState: pool.state,
    availabilityZones: [...new Set(nodes.map(n => n.zone))],
    upgradeSettings: { maxSurge: pool.maxSurge },
  }
}

function clusterJson(kube: Kubernetes): Record<string, unknown> {
  return {
    name: kube.options.clusterName,
    resourceGroup: kube.options.resourceGroup,
    kubernetesVersion: kube.controlPlaneVersion,
    currentKubernetesVersion: kube.controlPlaneVersion,
    provisioningState: 'Succeeded',
    agentPoolProfiles: [...kube.aks.pools.values()].map(p => poolJson(kube, p)),
  }
}

/** `--query` takes a JMESPath, `-o` json, tsv, table or none. */
function print(value: unknown, flags: Flags): string {
  const query = flags.get('query')?.[0]
  const found = query === undefined ? value : search(value, query)
  const format = flags.get('output')?.[0] ?? 'json'
  if (found === undefined || format === 'none') return ''
  if (format === 'tsv') return tsv(found)
  if (format === 'table') {
    const rows = (Array.isArray(found) ? found : [found]) as Record<string, unknown>[]
    const columns = Object.keys(rows[0] ?? {}).filter(k => typeof rows[0]?.[k] !== 'object')
    return align([columns, ...rows.map(r => columns.map(c => plain(r[c])))])
  }
  return `${JSON.stringify(found, null, 2)}\n`
}

/** A line an item, its values apart by tabs; a list of plain values is a line each. */
function tsv(found: unknown): string {
  if (found === null) return ''
  const rows = (Array.isArray(found) ? found : [found]) as unknown[]
  return rows.map(row => `${row !== null && typeof row === 'object' ? Object.values(row).map(plain).join('\t') : plain(row)}\n`).join('')
}

function plain(value: unknown): string {
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value ?? '')
}
